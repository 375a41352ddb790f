//! The 100 most recent messages of a channel: all that memory holds, and all that a view shows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    event::{Change, Deletion},
    message::Message,
    position::Position,
};

/// The newest messages of a channel as of a position of its lane.
///
/// Server and client keep the same type and change it with the same [`apply`](Self::apply), so that
/// a client that follows the events holds what a fresh copy would hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The lane's last change that is in here.
    pub position: Position,
    /// Oldest first, at most [`Window::LIMIT`]. Shared with copies of this, and small, because all move up
    /// for each that comes.
    messages: Vec<Arc<Message>>,
    /// What was deleted of late, oldest first, at most [`Window::LIMIT`]: what someone who was away
    /// has to be told. Kept by the server only.
    #[serde(skip)]
    deletions: Vec<Deletion>,
    /// From here on, `deletions` is complete.
    #[serde(skip)]
    complete_from: Position,
}

impl Window {
    /// In messages, and, for who was away, in deletions.
    pub const LIMIT: usize = 100;

    /// A window as the store remembers it.
    ///
    /// `messages` are the newest of the channel and `deletions` its newest deletions, both oldest
    /// first. `complete_from` is the position after which no deletion is missing.
    pub fn restore(
        position: Position,
        messages: Vec<Message>,
        deletions: Vec<Deletion>,
        complete_from: Position,
    ) -> Self {
        let mut window = Self { position, complete_from, ..Self::default() };
        messages.into_iter().for_each(|message| window.insert(message));
        deletions.into_iter().for_each(|deletion| window.remember(deletion));
        window
    }

    /// Oldest first.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> + ExactSizeIterator {
        self.messages.iter().map(AsRef::as_ref)
    }

    /// The position of the newest message.
    pub fn newest(&self) -> Option<Position> {
        self.messages.last().map(|message| message.position)
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub fn find(&self, message: Position) -> Option<&Message> {
        self.place(message).ok().map(|place| &*self.messages[place])
    }

    /// Makes a change of the channel's lane that happened at `position`; one that is in here already
    /// changes nothing.
    pub fn apply(&mut self, position: Position, change: &Change) {
        if position <= self.position {
            return;
        }
        self.position = position;
        match change {
            Change::Posted(message) => self.insert(message.clone()),
            Change::Deleted(deletion) => {
                if let Ok(place) = self.place(deletion.message) {
                    self.messages.remove(place);
                }
                if let Some(message) = &deletion.uncovered {
                    self.insert(message.clone());
                }
                self.remember(deletion.clone());
            }
            Change::Revised(message) => self.revise(message),
            Change::ChannelCreated(_)
            | Change::ChannelRevised(_)
            | Change::ChannelDeleted(_)
            | Change::DirectBegun(_) => {}
        }
    }

    /// The changes that lead from this window at `position` to this window now, oldest first, or
    /// none if that cannot be told any more and the whole window has to be sent.
    ///
    /// Deleted messages are not in it, only that they are gone.
    pub fn since(&self, position: Position) -> Option<Vec<Change>> {
        if position < self.complete_from || position > self.position {
            return None;
        }
        // A message that was revised comes when it became what it is now. It may have been deleted
        // and brought back after it was posted.
        let messages = self.messages.iter().filter_map(|message| match message.revised {
            Some(at) if at > position => Some((at, Change::Revised(message.as_ref().clone()))),
            _ if message.position > position => {
                Some((message.position, Change::Posted(message.as_ref().clone())))
            }
            _ => None,
        });
        let deleted = self.deletions.iter().filter(|deletion| deletion.position > position);
        let mut changes: Vec<(Position, Change)> = messages
            .chain(deleted.map(|deletion| (deletion.position, Change::Deleted(deletion.clone()))))
            .collect();
        changes.sort_by_key(|(position, _)| *position);
        Some(changes.into_iter().map(|(_, change)| change).collect())
    }

    /// Makes the changes of a [difference](Self::since) that ends at `position`.
    pub fn catch_up(&mut self, position: Position, changes: &[Change]) {
        for change in changes {
            let at = match change {
                Change::Posted(message) => message.position,
                Change::Revised(message) => message.revised.unwrap_or(message.position),
                Change::Deleted(deletion) => deletion.position,
                Change::ChannelCreated(_)
                | Change::ChannelRevised(_)
                | Change::ChannelDeleted(_)
                | Change::DirectBegun(_) => {
                    continue;
                }
            };
            self.apply(at, change);
        }
        self.position = self.position.max(position);
    }

    fn place(&self, message: Position) -> Result<usize, usize> {
        self.messages.binary_search_by_key(&message, |message| message.position)
    }

    fn insert(&mut self, message: Message) {
        if let Err(place) = self.place(message.position) {
            self.messages.insert(place, Arc::new(message));
            if self.messages.len() > Self::LIMIT {
                self.messages.remove(0);
            }
        }
    }

    /// Takes the newer state of a message. One that is too old for the window, or has been brought
    /// back, takes the place that its age gives it.
    fn revise(&mut self, message: &Message) {
        for deletion in &mut self.deletions {
            if let Some(uncovered) = &mut deletion.uncovered
                && uncovered.position == message.position
            {
                uncovered.clone_from(message);
            }
        }
        match self.place(message.position) {
            Ok(place) => self.messages[place] = Arc::new(message.clone()),
            Err(_) => self.insert(message.clone()),
        }
    }

    fn remember(&mut self, deletion: Deletion) {
        // What is deleted now may have been uncovered by an earlier deletion; it must not come back.
        for earlier in &mut self.deletions {
            earlier.uncovered.take_if(|message| message.position == deletion.message);
        }
        self.deletions.push(deletion);
        if self.deletions.len() > Self::LIMIT {
            self.complete_from = self.deletions.remove(0).position;
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        message::MessageText,
        name::DisplayName,
        person::{Person, PersonId},
    };

    fn message(position: u64) -> Message {
        Message {
            position: Position(position),
            author: Person {
                id: PersonId(Position(1)),
                name: DisplayName::try_from("Ada").unwrap(),
            },
            at: DateTime::from_timestamp_millis(position as i64).unwrap(),
            text: MessageText::try_from(format!("message {position}").as_str()).unwrap(),
            html: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            reply: None,
            reactions: Vec::new(),
            edited: None,
            revised: None,
        }
    }

    /// A channel with all its messages, as the store has it, beside the window that follows it.
    #[derive(Default)]
    struct Room {
        all: Vec<Message>,
        window: Window,
    }

    impl Room {
        fn post(&mut self) {
            let message = message(self.window.position.0 + 1);
            self.all.push(message.clone());
            self.window.apply(message.position, &Change::Posted(message));
        }

        /// Deletes the message that `pick` hits, counted from the newest.
        fn delete(&mut self, pick: usize) {
            if self.all.is_empty() {
                return;
            }
            let gone = self.all.remove(self.all.len() - 1 - pick % self.all.len());
            let oldest = self.all.len().checked_sub(Window::LIMIT).map(|place| &self.all[place]);
            let deletion = Deletion {
                position: self.window.position.next(),
                message: gone.position,
                uncovered: oldest.filter(|oldest| gone.position > oldest.position).cloned(),
            };
            self.window.apply(deletion.position, &Change::Deleted(deletion));
        }

        fn newest(&self) -> Vec<&Message> {
            let from = self.all.len().saturating_sub(Window::LIMIT);
            self.all[from..].iter().collect()
        }
    }

    #[test]
    fn a_window_holds_the_hundred_newest() {
        let mut room = Room::default();
        (0..250).for_each(|_| room.post());
        assert_eq!(room.window.messages().len(), 100);
        assert_eq!(room.window.messages().next().unwrap().position, Position(151));
        assert_eq!(room.window.messages().collect::<Vec<_>>(), room.newest());
    }

    #[test]
    fn what_was_covered_returns_when_a_newer_one_is_deleted() {
        let mut room = Room::default();
        (0..101).for_each(|_| room.post());
        assert_eq!(room.window.find(Position(1)), None);
        room.delete(0);
        assert_eq!(room.window.find(Position(1)), Some(&message(1)));
        assert_eq!(room.window.messages().len(), 100);
    }

    #[test]
    fn a_position_that_cannot_be_continued_gets_no_difference() {
        let mut room = Room::default();
        (0..300).for_each(|_| room.post());
        (0..150).for_each(|_| room.delete(0));
        assert_eq!(room.window.since(Position(10)), None);
        assert_eq!(room.window.since(Position(u64::MAX)), None);
        assert_eq!(room.window.since(room.window.position), Some(vec![]));
    }

    #[test]
    fn deleted_words_are_in_no_difference() {
        let mut room = Room::default();
        (0..102).for_each(|_| room.post());
        let before = room.window.position;
        room.delete(0); // uncovers 2
        room.delete(99); // deletes 2, uncovers 1
        room.post();
        room.delete(0);
        let difference = room.window.since(before).unwrap();
        let words = serde_json::to_string(&difference).unwrap();
        for gone in ["message 102", "message 2\"", "message 105"] {
            assert!(!words.contains(gone), "{gone} in {words}");
        }
    }

    proptest! {
        /// Whoever applies a difference has what a fresh copy has, wherever they left.
        #[test]
        fn a_difference_leads_to_the_same_window(
            before in prop::collection::vec(0..180usize, 0..400),
            after in prop::collection::vec(0..180usize, 0..160),
        ) {
            let act = |room: &mut Room, step: usize| match step {
                0..120 => room.post(),
                pick => room.delete((pick - 120) * 3),
            };
            let mut room = Room::default();
            before.into_iter().for_each(|step| act(&mut room, step));
            let mut away = room.window.clone();
            after.into_iter().for_each(|step| act(&mut room, step));

            prop_assert_eq!(room.window.messages().collect::<Vec<_>>(), room.newest());
            if let Some(changes) = room.window.since(away.position) {
                away.catch_up(room.window.position, &changes);
                prop_assert_eq!(&away.messages, &room.window.messages);
                prop_assert_eq!(away.position, room.window.position);
            }
        }

        #[test]
        fn hearing_an_event_twice_changes_nothing(
            steps in prop::collection::vec(0..160usize, 1..300),
        ) {
            let mut room = Room::default();
            for step in steps {
                match step { 0..120 => room.post(), pick => room.delete(pick - 120) }
            }
            let once = room.window.clone();
            if let Some(changes) = once.since(Position::ZERO) {
                room.window.catch_up(once.position, &changes);
                prop_assert_eq!(&once, &room.window);
            }
        }
    }
}
