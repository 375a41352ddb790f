//! Where in a conversation somebody reads.

use super::timeline::Row;
use crate::domain::{position::Position, room::Room, unread::Memberships};

/// Closer to the end than this one is at it, in pixels: less than a message.
const NEAR: f64 = 32.0;

/// How somebody looks at a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// Not at all.
    Away,
    Looks,
    /// At its end, where they see whatever comes.
    Follows,
}

/// How far up somebody has scrolled, and what has come since.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// How far above the end, in pixels.
    above: f64,
    /// The newest message when they scrolled last: what `above` is measured from.
    newest: Option<Position>,
    /// The newest message when they were at the end last.
    seen: Option<Position>,
    /// How many messages of their own were on the way.
    waiting: usize,
}

impl Place {
    pub fn is_at_end(self) -> bool {
        self.above < NEAR
    }

    /// They begin to read here, and know what comes before the line of what is new.
    pub fn begin(&mut self, above: f64, rows: &[Row]) {
        self.scroll(above, rows);
        if !self.is_at_end() {
            let known = rows.iter().take_while(|row| !row.is_first_new);
            self.seen = known.filter_map(Row::position).last();
        }
    }

    /// They scrolled, or the view did so by itself to show the same as before.
    pub fn scroll(&mut self, above: f64, rows: &[Row]) {
        self.above = above;
        self.newest = newest(rows);
        if self.is_at_end() {
            self.seen = self.newest;
        }
    }

    /// The conversation has changed. Gives whether to go to its end: who is near it stays there, and who
    /// writes wants to see that. The view of whoever is just at the end stays there by itself.
    pub fn follow(&mut self, rows: &[Row]) -> bool {
        let waiting = rows.iter().filter(|row| row.position().is_none()).count();
        let has_written = waiting > self.waiting;
        self.waiting = waiting;
        let goes = self.above != 0.0 && (has_written || self.is_at_end());
        if goes || self.is_at_end() {
            self.scroll(0.0, rows);
        }
        goes
    }

    /// How many messages have come since they were at the end, but for those up to the one that they have
    /// `reached` meanwhile.
    pub fn missed(self, rows: &[Row], reached: Position) -> usize {
        let seen = self.seen.max(Some(reached));
        rows.iter().filter(|row| row.position() > seen).count()
    }

    /// How to come back to it: by a message, and how far above its end to be. None is the end of all.
    pub fn way_back(self) -> Option<(Position, f64)> {
        self.newest.filter(|_| !self.is_at_end()).map(|newest| (newest, self.above))
    }
}

/// Where in the open room that begins which was new to somebody when they came, or looked at it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewLine {
    room: Option<Room>,
    /// Up to here it was known.
    after: Option<Position>,
}

impl NewLine {
    /// Marks what is unread in the room that is open, and keeps the mark while it is read. Gives up to
    /// where it was known.
    pub fn follow(
        &mut self,
        room: &Room,
        memberships: &Memberships,
        is_attending: bool,
    ) -> Option<Position> {
        let is_entered = self.room.as_ref() != Some(room);
        if is_entered {
            *self = Self { room: Some(room.clone()), after: None };
        }
        let reached = Some(memberships.reached(room));
        if (is_entered || !is_attending) && memberships.unread(room) > 0 && self.after < reached {
            self.after = reached;
        }
        self.after
    }
}

/// The newest message that was sent.
pub fn newest(rows: &[Row]) -> Option<Position> {
    rows.iter().rev().find_map(Row::position)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{
        client::timeline::rows,
        domain::{
            command::CommandId,
            message::{Message, MessageText},
            name::{ChannelName, DisplayName},
            person::{Person, PersonId},
        },
        sync::{Content, Line, outbox::Progress},
    };

    fn text() -> MessageText {
        MessageText::stored("Hello".to_owned())
    }

    fn sent(position: u64) -> Line {
        let author =
            Person { id: PersonId(Position(1)), name: DisplayName::stored("Ada".to_owned()) };
        let message = Message {
            position: Position(position),
            author,
            at: DateTime::default(),
            text: text(),
            html: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            reply: None,
            reactions: Vec::new(),
            edited: None,
            revised: None,
        };
        Line { content: Content::Sent(message), change: None, reacting: Vec::new() }
    }

    fn waiting() -> Line {
        let content = Content::OnItsWay {
            id: CommandId::from_random([7; 16]),
            text: text(),
            attachments: Vec::new(),
            reply_to: None,
            asked: 0,
            progress: Progress::UnderWay,
        };
        Line { content, change: None, reacting: Vec::new() }
    }

    fn show(lines: Vec<Line>) -> Vec<Row> {
        rows(lines, |_| 0, None)
    }

    #[test]
    fn who_is_at_the_end_stays_there_and_misses_nothing() {
        let mut place = Place::default();
        assert!(!place.follow(&show(vec![sent(1)])), "a view at its end stays there by itself");
        assert!(place.is_at_end());
        place.scroll(NEAR - 1.0, &show(vec![sent(1)]));
        assert!(place.follow(&show(vec![sent(1), sent(2)])));
        place.scroll(500.0, &show(vec![sent(1), sent(2)]));
        assert_eq!(place.missed(&show(vec![sent(1), sent(2)]), Position(0)), 0);
    }

    #[test]
    fn who_has_scrolled_up_stays_where_they_are_and_is_told_what_came() {
        let mut place = Place::default();
        place.follow(&show(vec![sent(1), sent(2)]));
        place.scroll(500.0, &show(vec![sent(1), sent(2)]));
        // The oldest leaves the window meanwhile.
        let more = show(vec![sent(2), sent(5), sent(6)]);
        assert!(!place.follow(&more));
        assert_eq!(place.missed(&more, Position(0)), 2);
        place.scroll(700.0, &more);
        assert_eq!(
            (place.missed(&more, Position(0)), place.way_back()),
            (2, Some((Position(6), 700.0)))
        );
        place.scroll(0.0, &more);
        assert_eq!((place.missed(&more, Position(0)), place.way_back()), (0, None));
    }

    #[test]
    fn who_has_scrolled_before_the_client_ran_is_told_what_comes_after_that() {
        let mut place = Place::default();
        place.begin(500.0, &show(vec![sent(1), sent(2)]));
        assert_eq!(place.missed(&show(vec![sent(1), sent(2)]), Position(0)), 0);
        assert_eq!(place.missed(&show(vec![sent(1), sent(2), sent(3)]), Position(0)), 1);
    }

    #[test]
    fn who_begins_where_it_is_new_has_all_of_it_before_them() {
        let lines = vec![sent(1), sent(2), sent(3)];
        let new = rows(lines.clone(), |_| 0, Some(Position(1)));
        let mut place = Place::default();
        place.begin(500.0, &new);
        assert_eq!(place.missed(&new, Position(0)), 2);
        assert_eq!(place.missed(&new, Position(2)), 1, "they have read on since");
        place.begin(0.0, &new);
        place.scroll(500.0, &new);
        assert_eq!(place.missed(&new, Position(0)), 0);
    }

    #[test]
    fn who_writes_goes_to_the_end() {
        let mut place = Place::default();
        place.follow(&show(vec![sent(1)]));
        place.scroll(500.0, &show(vec![sent(1)]));
        let written = show(vec![sent(1), waiting()]);
        assert!(place.follow(&written));
        place.scroll(500.0, &written);
        assert!(!place.follow(&show(vec![sent(1), sent(2)])));
        assert_eq!(place.missed(&show(vec![sent(1), sent(2)]), Position(0)), 1);
    }

    fn room(name: &str) -> Room {
        Room::Channel(ChannelName::stored(name.to_owned()))
    }

    #[test]
    fn what_is_new_stays_marked_while_it_is_read() {
        let (mut line, mut memberships) = (NewLine::default(), Memberships::default());
        memberships.read(&room("a"), Position(3));
        memberships.posted(&room("a"), Position(5));
        assert_eq!(line.follow(&room("a"), &memberships, true), Some(Position(3)));
        memberships.read(&room("a"), Position(5));
        assert_eq!(line.follow(&room("a"), &memberships, true), Some(Position(3)));
        // Who looks at what comes has it marked no more when they are back.
        memberships.posted(&room("a"), Position(7));
        assert_eq!(line.follow(&room("a"), &memberships, true), Some(Position(3)));
        memberships.read(&room("a"), Position(7));
        assert_eq!(line.follow(&room("b"), &memberships, true), None);
        assert_eq!(line.follow(&room("a"), &memberships, true), None);
    }

    #[test]
    fn what_comes_while_one_looks_away_is_new() {
        let (mut line, mut memberships) = (NewLine::default(), Memberships::default());
        memberships.read(&room("a"), Position(3));
        assert_eq!(line.follow(&room("a"), &memberships, false), None);
        memberships.posted(&room("a"), Position(5));
        assert_eq!(line.follow(&room("a"), &memberships, false), Some(Position(3)));
        memberships.posted(&room("a"), Position(6));
        assert_eq!(line.follow(&room("a"), &memberships, false), Some(Position(3)));
        memberships.read(&room("a"), Position(6));
        assert_eq!(line.follow(&room("a"), &memberships, true), Some(Position(3)));
        memberships.posted(&room("a"), Position(9));
        assert_eq!(line.follow(&room("a"), &memberships, false), Some(Position(6)));
    }
}
