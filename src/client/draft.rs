//! What was typed and not sent. It is kept in this page, and a moment later in the browser's storage:
//! storing takes time that a key has not.

use std::time::Duration;

use leptos::prelude::*;

use super::{COMPOSER, Client, browser};
use crate::domain::{person::PersonId, position::Position};

/// How long what was typed may be in this page alone.
const SOON: Duration = Duration::from_millis(100);

/// What is not stored yet, or cannot be.
#[derive(Debug, Default)]
pub struct Drafts {
    /// What was typed, by where: the path of a room, and [`edit_key`] for the words of a message.
    unstored: Vec<(String, String)>,
    is_timed: bool,
    /// The messages of the open room whose words are being changed.
    edits: Vec<(String, Position)>,
}

/// Where the new words of a message are kept.
fn edit_key(room: &str, message: Position) -> String {
    format!("{room}?edit={message}")
}

/// Both of what was typed in one place, once.
pub fn joined(first: String, then: &str) -> String {
    match () {
        () if first.trim().is_empty() || first == then => then.to_owned(),
        () if then.trim().is_empty() => first,
        () => format!("{first}\n{then}"),
    }
}

impl Client {
    pub(super) fn my_id(self) -> Option<PersonId> {
        self.me.with_untracked(|me| me.as_ref().map(|me| me.id))
    }

    /// What was typed in the room of this path.
    pub fn draft(self, path: &str) -> String {
        let unstored = self.drafts.with_value(|drafts| {
            let draft = drafts.unstored.iter().find(|(key, _)| key == path);
            draft.map(|(_, text)| text.clone())
        });
        let stored = || self.my_id().map(|me| browser::draft(me, path));
        unstored.or_else(stored).unwrap_or_default()
    }

    pub fn keep_draft(self, path: &str, text: String) {
        let is_first = self.drafts.try_update_value(|drafts| {
            match drafts.unstored.iter_mut().find(|(key, _)| key == path) {
                Some((_, draft)) => *draft = text,
                None => drafts.unstored.push((path.to_owned(), text)),
            }
            !std::mem::replace(&mut drafts.is_timed, true)
        });
        if is_first == Some(true) {
            set_timeout(move || self.store_drafts(), SOON);
        }
    }

    /// Keeps what stands in the field of the open room, whatever another page of this browser has kept of
    /// that room since: it has sent what was typed there, or not.
    pub fn keep_typed(self) {
        let Some(room) = untrack(|| self.room()) else { return };
        let (path, typed) = (room.path(), browser::typed(COMPOSER));
        let kept = self.draft(&path);
        // Mostly they are the same, which is found out without the rest of the client.
        if typed != kept && !kept.contains(&typed) {
            let both = if typed.contains(&kept) { typed } else { joined(kept, &typed) };
            self.keep_draft(&path, both);
            self.store_drafts();
        }
    }

    /// Stores at once what was typed. Where that fails, it stays in this page.
    pub fn store_drafts(self) {
        let Some(me) = self.my_id() else { return };
        self.drafts.update_value(|drafts| {
            drafts.is_timed = false;
            drafts.unstored.retain(|(key, text)| !browser::save_draft(me, key, text));
        });
    }

    /// What was typed so far to be the words of a message.
    pub fn edited_words(self, room: &str, message: Position) -> Option<String> {
        Some(self.draft(&edit_key(room, message))).filter(|words| !words.is_empty())
    }

    pub fn keep_edited_words(self, room: &str, message: Position, words: String) {
        self.keep_draft(&edit_key(room, message), words);
        self.drafts.update_value(|drafts| {
            let edit = (room.to_owned(), message);
            if !drafts.edits.contains(&edit) {
                drafts.edits.push(edit);
            }
        });
    }

    /// The words are sent, or are not wanted any more.
    pub fn forget_edited_words(self, room: &str, message: Position) {
        self.keep_draft(&edit_key(room, message), String::new());
        self.drafts.update_value(|drafts| drafts.edits.retain(|(_, of)| *of != message));
    }

    /// Goes on with what was being changed in a room when this browser left it.
    pub fn take_up_edits(self, room: &str) {
        let Some(me) = self.my_id() else { return };
        self.store_drafts();
        let prefix = edit_key(room, Position(0));
        let prefix = prefix.trim_end_matches('0');
        let of = |key: &str| key.strip_prefix(prefix)?.parse().ok().map(Position);
        let stored = browser::draft_keys(me).into_iter().filter_map(|key| of(&key));
        let edits: Vec<_> = stored.map(|message| (room.to_owned(), message)).collect();
        self.drafts.update_value(|drafts| {
            drafts.edits.retain(|edit| !edits.contains(edit));
            drafts.edits.extend(edits);
        });
        let last = self.drafts.with_value(|drafts| {
            drafts.edits.iter().rev().find(|(of, _)| of == room).map(|(_, message)| *message)
        });
        if last.is_some() {
            self.editing.set(last);
        }
    }

    /// The new words of messages that this room does not show (any more), which have to go elsewhere.
    pub fn homeless_words(self, room: &str) -> Vec<String> {
        let is_open = self.replica.with_value(|replica| {
            let viewing =
                replica.as_ref().and_then(|replica| replica.viewing().zip(Some(replica.me())));
            viewing.is_some_and(|(open, me)| open.path(me.id) == room)
        });
        let gone: Vec<Position> = self.drafts.with_value(|drafts| {
            let of_room = drafts.edits.iter().filter(|(of, _)| of == room);
            of_room.map(|(_, message)| *message).filter(|it| is_open && !self.shows(*it)).collect()
        });
        let words = gone.into_iter().filter_map(|message| {
            let words = self.edited_words(room, message);
            self.forget_edited_words(room, message);
            if self.editing.get_untracked() == Some(message) {
                self.editing.set(None);
            }
            words
        });
        words.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_typed_in_one_place_is_lost_or_doubled() {
        let join = |first: &str, then: &str| joined(first.to_owned(), then);
        assert_eq!(join("Hello", ""), "Hello");
        assert_eq!(join("", "Hello"), "Hello");
        assert_eq!(join("Hello", "Hello"), "Hello");
        assert_eq!(join("Hello", "o"), "Hello\no");
        assert_eq!(join("Hello", "Bye"), "Hello\nBye");
        assert_eq!(join("Hello", "  "), "Hello");
    }
}
