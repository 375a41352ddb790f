//! Files on their way from this browser into a message, and pictures that are looked at.

use leptos::prelude::*;

use super::{
    Client,
    browser::{self, ChosenFile, Sending},
    words,
};
use crate::{
    domain::{
        attachment::{Attachment, FileName},
        json,
        message::MessageText,
        person::PersonId,
        refusal::Refusal,
        room::Room,
    },
    sync::Input,
    words::with,
};

/// A file of a message that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Different for each that is there.
    pub key: usize,
    pub room: Room,
    pub name: FileName,
    /// In bytes.
    pub size: u64,
    pub state: UploadState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// So many percent are sent.
    UnderWay(u8),
    Done(Attachment),
    Refused(Refusal),
}

impl UploadState {
    pub fn is_under_way(&self) -> bool {
        matches!(self, UploadState::UnderWay(_))
    }
}

/// What the browser says of a file that it sends.
pub enum SendingEvent {
    /// So many percent are sent.
    Progress(u8),
    /// The server's answer, with its status.
    Answered(u16, String),
    /// There was no answer.
    Failed,
}

/// A file, and its way to the server while that lasts. Dropped, it is cancelled.
pub struct Transfer {
    key: usize,
    file: ChosenFile,
    sending: Option<Sending>,
}

/// Pictures of one message, one of which is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gallery {
    pub pictures: Vec<Attachment>,
    pub at: usize,
}

impl Gallery {
    /// Goes on by so many pictures, and from the last to the first.
    pub fn step(&mut self, by: isize) {
        let count = self.pictures.len().cast_signed();
        if count > 0 {
            self.at = (self.at.cast_signed() + by).rem_euclid(count).cast_unsigned();
        }
    }
}

impl Client {
    /// Takes up files for the message that is being written in a room.
    ///
    /// # Errors
    /// When there are too many; the first ones are taken up.
    pub fn attach(self, room: &Room, files: Vec<ChosenFile>) -> Result<(), Refusal> {
        for file in files {
            if self.uploads_of(room).len() >= self.limits.files {
                return Err(Refusal::too_many_files(self.limits.files));
            }
            let name = FileName::from(file.name());
            let (size, room) = (file.size(), room.clone());
            let is_too_large = size > self.limits.file;
            let state = match is_too_large {
                true => UploadState::Refused(Refusal::file_too_large(self.limits.file)),
                false => UploadState::UnderWay(0),
            };
            let key = self.add_upload(Upload { key: 0, room, name, size, state });
            self.transfers.update_value(|it| it.push(Transfer { key, file, sending: None }));
            if !is_too_large {
                self.send_file(key);
            }
        }
        Ok(())
    }

    /// Puts files back that were uploaded for a message that was not sent.
    pub fn attach_again(self, room: &Room, attachments: Vec<Attachment>) {
        attachments.into_iter().for_each(|attachment| self.add_uploaded(room.clone(), attachment));
        self.keep_files();
    }

    /// Takes up what was uploaded in this tab before its page was loaded anew.
    pub fn take_up_files(self, me: PersonId) {
        for (room, attachment) in browser::kept_files(me) {
            self.add_uploaded(room, attachment);
        }
    }

    /// Keeps that as long as it is not sent.
    fn keep_files(self) {
        let Some(me) = self.my_id() else { return };
        let done = |upload: &Upload| match &upload.state {
            UploadState::Done(attachment) => Some((upload.room.clone(), attachment.clone())),
            _ => None,
        };
        let files: Vec<_> =
            self.uploads.with_untracked(|uploads| uploads.iter().filter_map(done).collect());
        browser::keep_files(me, &files);
    }

    /// Sends again what broke off while there was no way to the server.
    pub fn resume_uploads(self) {
        let broken = UploadState::Refused(Refusal::upload_broken());
        let is_broken = |upload: &&Upload| upload.state == broken;
        let keys: Vec<_> = self.uploads.with_untracked(|uploads| {
            uploads.iter().filter(is_broken).map(|upload| upload.key).collect()
        });
        keys.into_iter().for_each(|key| self.retry_upload(key));
    }

    fn add_uploaded(self, room: Room, attachment: Attachment) {
        let (name, size) = (attachment.name.clone(), attachment.size);
        self.add_upload(Upload { key: 0, room, name, size, state: UploadState::Done(attachment) });
    }

    fn add_upload(self, mut upload: Upload) -> usize {
        let mut key = 0;
        self.uploads.update(|uploads| {
            key = uploads.last().map_or(1, |last| last.key + 1);
            upload.key = key;
            uploads.push(upload);
        });
        key
    }

    /// The files of the message that is being written in a room.
    pub fn uploads_of(self, room: &Room) -> Vec<Upload> {
        self.uploads
            .with(|uploads| uploads.iter().filter(|upload| upload.room == *room).cloned().collect())
    }

    /// Whether some of them are still on their way.
    pub fn is_uploading(self, room: &Room) -> bool {
        let is_its = |upload: &Upload| upload.room == *room && upload.state.is_under_way();
        self.uploads.with(|uploads| uploads.iter().any(is_its))
    }

    fn send_file(self, key: usize) {
        let hear = move |event| match event {
            SendingEvent::Progress(percent) => {
                self.set_upload(key, UploadState::UnderWay(percent));
            }
            SendingEvent::Answered(status, body) => self.set_upload(key, read(status, &body)),
            SendingEvent::Failed => {
                self.set_upload(key, UploadState::Refused(Refusal::upload_broken()));
            }
        };
        let is_sent = self.transfers.try_update_value(|transfers| {
            let transfer = transfers.iter_mut().find(|it| it.key == key)?;
            transfer.sending = browser::send_file(&transfer.file, hear);
            transfer.sending.as_ref().map(|_| ())
        });
        if is_sent.flatten().is_none() {
            hear(SendingEvent::Failed);
        }
    }

    fn set_upload(self, key: usize, state: UploadState) {
        let is_over = !state.is_under_way();
        let room = self.uploads.try_update(|uploads| {
            let upload = uploads.iter_mut().find(|upload| upload.key == key)?;
            upload.state = state;
            Some(upload.room.clone())
        });
        if let Some(room) = room.flatten().filter(|_| is_over) {
            self.keep_files();
            self.send_elsewhere(&room);
        }
    }

    /// Sends what was typed in a room, with its files. Gives whether it has gone, or goes as soon as they
    /// are there.
    ///
    /// # Errors
    /// Why it cannot go, in words.
    pub fn send(self, room: &Room, typed: &str) -> Result<bool, String> {
        self.await_files(room, false);
        if untrack(|| self.is_uploading(room)) {
            self.await_files(room, true);
            return Ok(false);
        }
        let (text, files) = whole(typed, untrack(|| self.uploads_of(room)))?;
        match files.is_empty() {
            true => self.post(room.clone(), text),
            false => {
                self.share(room.clone(), text, files);
                self.clear_uploads(room);
            }
        }
        Ok(true)
    }

    /// Whether the message of a room goes out as soon as its files are there.
    pub fn awaits_files(self, room: &Room) -> bool {
        self.awaiting_files.with_value(|rooms| rooms.contains(room))
    }

    /// Lets it do so, or not.
    pub fn await_files(self, room: &Room, is_so: bool) {
        self.awaiting_files.update_value(|rooms| {
            rooms.retain(|other| other != room);
            rooms.extend(is_so.then(|| room.clone()));
        });
    }

    /// The files of a room are there, for which its message has waited. The field of the room that is shown
    /// sends it; where that is another, this does.
    fn send_elsewhere(self, room: &Room) {
        let is_due = untrack(|| {
            let is_shown = self.room().is_some_and(|shown| shown.room == *room);
            !is_shown && !self.is_uploading(room) && self.awaits_files(room)
        });
        let Some(me) = self.my_id().filter(|_| is_due) else { return };
        self.await_files(room, false);
        let path = room.path(me);
        // One that was refused says so when they come back, and what was typed is still there.
        let uploads = untrack(|| self.uploads_of(room));
        let Ok((text, attachments)) = whole(&self.draft(&path), uploads) else { return };
        let (id, reply_to) = (browser::draw_command_id(), self.take_kept_reply(&path));
        self.keep_draft(&path, String::new());
        self.store_drafts();
        self.clear_uploads(room);
        self.tell(Input::Share { id, room: room.clone(), text, attachments, reply_to });
    }

    pub fn retry_upload(self, key: usize) {
        self.set_upload(key, UploadState::UnderWay(0));
        self.send_file(key);
    }

    /// Takes a file out of the message, wherever it is on its way.
    pub fn remove_upload(self, key: usize) {
        let removed = self.uploads.with_untracked(|uploads| {
            uploads.iter().find(|upload| upload.key == key).map(|upload| upload.state.clone())
        });
        if let Some(UploadState::Done(attachment)) = removed {
            browser::delete(&attachment.path());
        }
        self.forget_uploads(|upload| upload.key == key);
    }

    /// The message of a room was sent with its files.
    pub fn clear_uploads(self, room: &Room) {
        self.forget_uploads(|upload| upload.room == *room);
    }

    fn forget_uploads(self, is_one: impl Fn(&Upload) -> bool) {
        self.uploads.update(|uploads| {
            uploads.retain(|upload| {
                let is_one = is_one(upload);
                if is_one {
                    self.transfers.update_value(|it| it.retain(|it| it.key != upload.key));
                }
                !is_one
            });
        });
        self.keep_files();
    }

    /// Shows a picture in large, among the others of its message.
    pub fn look_at(self, pictures: Vec<Attachment>, at: usize) {
        self.gallery.set(Some(Gallery { pictures, at }));
    }
}

/// The message of what was typed and the files that came with it.
///
/// # Errors
/// Why it is none, in words.
fn whole(typed: &str, uploads: Vec<Upload>) -> Result<(MessageText, Vec<Attachment>), String> {
    let mut files = Vec::new();
    for upload in uploads {
        match upload.state {
            UploadState::Done(attachment) => files.push(attachment),
            _ => return Err(with(words().not_attached, upload.name.as_str())),
        }
    }
    let text = match files.is_empty() {
        true => MessageText::try_from(typed),
        false => MessageText::beside_attachments(typed),
    };
    text.map(|text| (text, files)).map_err(|fault| Refusal::text(fault).told(words()))
}

/// What the server made of a file.
fn read(status: u16, body: &str) -> UploadState {
    let done = (status == 201).then(|| json::read(body).ok()).flatten();
    done.map_or_else(
        || {
            let refusal = json::read(body);
            UploadState::Refused(refusal.unwrap_or_else(|_| Refusal::unavailable()))
        },
        UploadState::Done,
    )
}
