//! Files: whose they are, and how much room there is for them.

use rusqlite::{OptionalExtension, params};

use super::{Decided, Decision};
use crate::{
    domain::{
        attachment::{Attachment, AttachmentId},
        person::PersonId,
        refusal::{Reason, Refusal},
    },
    server::{
        files::{ContentHash, FileLimits, SMALLEST},
        state::Fact,
        store::{
            rows::{attachment, is_content, json, sql, usage},
            wiping::free,
        },
    },
};

impl Decision<'_> {
    pub(super) fn store_file(
        &self,
        by: PersonId,
        attachment: &Attachment,
        hash: ContentHash,
    ) -> Decided<Fact> {
        let FileLimits { person, all, .. } = self.limits.files;
        let size = attachment.size.max(SMALLEST);
        if usage(self.tx, Some(by))? + size > person {
            return Ok(Err(Refusal::quota_full(person)));
        }
        let is_new = !is_content(self.tx, hash)?;
        if is_new && usage(self.tx, None)? + size > all {
            return Ok(Err(Refusal::full(Reason::NoRoomForFiles)));
        }
        if is_new {
            self.tx
                .prepare_cached("INSERT INTO contents VALUES (?1, ?2)")?
                .execute(params![hash.0, attachment.size.cast_signed()])?;
        }
        self.tx
            .prepare_cached("INSERT INTO attachments VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, 0)")?
            .execute(params![
                attachment.id.as_str(),
                sql(by.0),
                self.at.timestamp_millis(),
                hash.0,
                json(attachment),
                attachment.size.cast_signed()
            ])?;
        // Nobody else sees it before a message has it.
        Ok(Ok(Fact::Noted))
    }

    pub(super) fn discard_file(&self, by: PersonId, id: &AttachmentId) -> Decided<Fact> {
        let mut statement = self.tx.prepare_cached(
            "SELECT 1 FROM attachments WHERE id = ?1 AND owner = ?2 AND message IS NULL",
        )?;
        if !statement.exists(params![id.as_str(), sql(by.0)])? {
            return Ok(Err(Refusal::unknown_file()));
        }
        let freed =
            free(self.tx, "DELETE FROM attachments WHERE id = ?1 RETURNING hash", [id.as_str()])?;
        self.freed.borrow_mut().extend(freed);
        Ok(Ok(Fact::Noted))
    }

    /// What is known of files that somebody has uploaded and not posted yet; a refusal if that is not
    /// so of all of them.
    pub(super) fn pending(&self, by: PersonId, ids: &[AttachmentId]) -> Decided<Vec<Attachment>> {
        let limit = self.limits.files.attachments.files;
        if ids.len() > limit {
            return Ok(Err(Refusal::too_many_files(limit)));
        }
        let mut statement = self.tx.prepare_cached(
            "SELECT about FROM attachments WHERE id = ?1 AND owner = ?2 AND message IS NULL",
        )?;
        let mut found: Vec<Attachment> = Vec::with_capacity(ids.len());
        for id in ids {
            let about = statement
                .query_row(params![id.as_str(), sql(by.0)], |row| attachment(row, 0))
                .optional()?;
            match about {
                Some(about) if !found.contains(&about) => found.push(about),
                _ => return Ok(Err(Refusal::unknown_attachment())),
            }
        }
        Ok(Ok(found))
    }
}
