//! The engine for attachments: what is taken in, and who may have it.

use std::sync::Arc;

use super::{Flack, unreadable};
use crate::{
    domain::{
        attachment::{Attachment, AttachmentId},
        person::PersonId,
        refusal::{Reason, Refusal},
    },
    server::{
        files::{ContentHash, FileLimits, Files, SMALLEST, upload::Upload},
        log::Request,
    },
};

impl Flack {
    pub fn files(&self) -> &Arc<Files> {
        &self.0.files
    }

    pub fn file_limits(&self) -> FileLimits {
        self.0.limits.files
    }

    /// Whether there is room for a file of `size` bytes, as far as can be told before it is there.
    ///
    /// # Errors
    /// When there is none.
    pub async fn room_for_file(&self, by: PersonId, size: u64) -> Result<(), Refusal> {
        if !self.is_writable() {
            return Err(Refusal::not_saved());
        }
        let (own, all) = self.0.archive.usage(by).await.map_err(unreadable)?;
        let (limits, size) = (self.file_limits(), size.max(SMALLEST));
        if own.saturating_add(size) > limits.person {
            return Err(Refusal::quota_full(limits.person));
        }
        // It may have a content that is there already, which only its hash can tell.
        if all > limits.all {
            return Err(Refusal::full(Reason::NoRoomForFiles));
        }
        Ok(())
    }

    /// Makes a file known that is on the disk.
    ///
    /// # Errors
    /// When there is no room for it. It is removed then, unless somebody else has the same.
    pub async fn store_file(&self, by: PersonId, upload: Upload) -> Result<Attachment, Refusal> {
        let Upload { attachment, hash, pin } = upload;
        let request = Request::StoreFile { by, attachment: attachment.clone(), hash };
        match self.request(request).await {
            Ok(_) => {
                self.0.metrics.uploaded(attachment.size);
                Ok(attachment)
            }
            Err(refusal) => {
                let _ = self.0.archive.refuse_file(pin).await;
                Err(refusal)
            }
        }
    }

    /// Removes a file that is in no message.
    ///
    /// # Errors
    /// When there is no such file of theirs.
    pub async fn discard_file(
        &self,
        by: PersonId,
        attachment: AttachmentId,
    ) -> Result<(), Refusal> {
        self.request(Request::DiscardFile { by, attachment }).await.map(|_| ())
    }

    /// A file that somebody may read: their own, or one of a message that they may see.
    ///
    /// # Errors
    /// When there is none for them; whether there is one for others is not said.
    pub async fn file(
        &self,
        by: PersonId,
        id: &AttachmentId,
    ) -> Result<(Attachment, ContentHash), Refusal> {
        let file = self.0.archive.file(id.clone()).await.map_err(unreadable)?;
        let file = file.filter(|file| file.place.admits(by)).ok_or_else(Refusal::unknown_file)?;
        Ok((file.attachment, file.hash))
    }

    /// Removes the contents that no attachment has.
    pub async fn sweep_files(&self) {
        match self.0.archive.sweep_files(self.0.files.clone()).await {
            Ok(swept) => tracing::debug!(swept, "files swept"),
            Err(error) => tracing::warn!(%error, "files could not be swept"),
        }
    }
}
