//! What somebody has not read yet, room by room, and how much they want to hear of each.

use serde::{Deserialize, Serialize};

use super::{message::Message, position::Position, room::Room, window::Window};

/// The newest messages of a room by their positions, oldest first: as many as a [`Window`] has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Newest(Vec<Position>);

impl Newest {
    pub fn positions(&self) -> &[Position] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn last(&self) -> Option<Position> {
        self.0.last().copied()
    }

    /// Adds a message, unless it is there or older than all of so many.
    pub fn insert(&mut self, message: Position) {
        if let Err(place) = self.0.binary_search(&message) {
            let is_full = self.0.len() == Window::LIMIT;
            if !is_full {
                self.0.insert(place, message);
            } else if place > 0 {
                self.0.remove(0);
                self.0.insert(place - 1, message);
            }
        }
    }

    pub fn remove(&mut self, message: Position) {
        if let Ok(place) = self.0.binary_search(&message) {
            self.0.remove(place);
        }
    }

    /// Those that are newer than `position`.
    pub fn after(&self, position: Position) -> Self {
        let first = self.0.partition_point(|message| *message <= position);
        Self(self.0[first..].to_vec())
    }

    /// Whether a message may be there: it is among these, or older than all of so many.
    pub fn could_have(&self, message: Position) -> bool {
        let is_older = self.0.len() == Window::LIMIT && message < self.0[0];
        is_older || self.0.binary_search(&message).is_ok()
    }

    /// Removes the others.
    pub fn keep(&mut self, is_kept: impl Fn(Position) -> bool) {
        self.0.retain(|message| is_kept(*message));
    }

    fn forget_up_to(&mut self, position: Position) {
        self.0.retain(|message| *message > position);
    }
}

impl FromIterator<Position> for Newest {
    fn from_iter<T: IntoIterator<Item = Position>>(messages: T) -> Self {
        let messages = messages.into_iter();
        let mut newest = Self(Vec::with_capacity(messages.size_hint().0.min(Window::LIMIT)));
        messages.for_each(|message| newest.insert(message));
        newest
    }
}

/// How much somebody wants to hear of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSettings {
    /// Nothing in it is worth a notice, but what mentions one.
    #[serde(rename = "muted", default, skip_serializing_if = "is_false")]
    pub is_muted: bool,
    /// It stands above the others.
    #[serde(rename = "favourite", default, skip_serializing_if = "is_false")]
    pub is_favourite: bool,
    /// Where in the log these were changed last.
    #[serde(default)]
    pub changed: Position,
}

impl RoomSettings {
    /// Whether nobody has ever changed them.
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
fn is_false(it: &bool) -> bool {
    !it
}

/// What is known of one person and one room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub room: Room,
    /// Everything up to here has been read. It never goes back.
    #[serde(default)]
    pub read: Position,
    /// What came after that from others.
    #[serde(default, skip_serializing_if = "Newest::is_empty")]
    pub unread: Newest,
    /// Those of them that mention this person.
    #[serde(default, skip_serializing_if = "Newest::is_empty")]
    pub mentions: Newest,
    #[serde(default, skip_serializing_if = "RoomSettings::is_usual")]
    pub settings: RoomSettings,
}

impl Membership {
    /// One that has read all up to a position.
    pub fn new(room: Room, read: Position) -> Self {
        Self {
            room,
            read,
            unread: Newest::default(),
            mentions: Newest::default(),
            settings: RoomSettings::default(),
        }
    }

    fn read(&mut self, position: Position) {
        self.read = self.read.max(position);
        self.unread.forget_up_to(self.read);
        self.mentions.forget_up_to(self.read);
    }
}

/// All rooms of which there is something to say for one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memberships {
    /// Up to here everything counts as read, everywhere: what was said before this person came.
    #[serde(default)]
    pub since: Position,
    /// In the order of their rooms, so that one is found at once.
    pub rooms: Vec<Membership>,
}

/// What happened in a room that one may not be looking at: which messages came, and which went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub room: Room,
    #[serde(default, skip_serializing_if = "Newest::is_empty")]
    pub posted: Newest,
    #[serde(default, skip_serializing_if = "Newest::is_empty")]
    pub gone: Newest,
}

impl Moved {
    pub fn new(room: Room) -> Self {
        Self { room, posted: Newest::default(), gone: Newest::default() }
    }

    pub fn post(&mut self, message: Position) {
        self.gone.remove(message);
        self.posted.insert(message);
    }

    pub fn remove(&mut self, message: Position) {
        self.posted.remove(message);
        self.gone.insert(message);
    }
}

impl Memberships {
    /// Those of `rooms`, in any order.
    pub fn new(since: Position, rooms: impl IntoIterator<Item = Membership>) -> Self {
        let mut rooms: Vec<Membership> = rooms.into_iter().collect();
        rooms.sort_unstable_by(|one, other| one.room.cmp(&other.room));
        Self { since, rooms }
    }

    fn place(&self, room: &Room) -> Result<usize, usize> {
        self.rooms.binary_search_by(|membership| membership.room.cmp(room))
    }

    pub fn find(&self, room: &Room) -> Option<&Membership> {
        self.place(room).ok().map(|place| &self.rooms[place])
    }

    /// The membership in a room, which begins with this.
    fn of(&mut self, room: &Room) -> &mut Membership {
        let place = self.place(room).unwrap_or_else(|place| {
            self.rooms.insert(place, Membership::new(room.clone(), self.since));
            place
        });
        &mut self.rooms[place]
    }

    /// How many messages of a room are unread: [`Window::LIMIT`] stands for any more, too.
    pub fn unread(&self, room: &Room) -> usize {
        self.find(room).map_or(0, |membership| membership.unread.positions().len())
    }

    /// Up to where a room has been read.
    pub fn reached(&self, room: &Room) -> Position {
        self.find(room).map_or(self.since, |membership| membership.read)
    }

    /// Everything in a room up to here has been read. Gives whether that is news.
    pub fn read(&mut self, room: &Room, position: Position) -> bool {
        let is_news = position > self.reached(room);
        if is_news {
            self.of(room).read(position);
        }
        is_news
    }

    /// Somebody else's message is there.
    pub fn posted(&mut self, room: &Room, message: Position) {
        if message > self.reached(room) {
            self.of(room).unread.insert(message);
        }
    }

    /// A message that means this person is there.
    pub fn mentioned(&mut self, room: &Room, message: Position) {
        if message > self.reached(room) {
            self.of(room).mentions.insert(message);
        }
    }

    /// A message does not mean this person (any more).
    pub fn not_mentioned(&mut self, room: &Room, message: Position) {
        if self.find(room).is_some() {
            self.of(room).mentions.remove(message);
        }
    }

    /// A message is there no more.
    pub fn gone(&mut self, room: &Room, message: Position) {
        if self.find(room).is_some() {
            let membership = self.of(room);
            membership.unread.remove(message);
            membership.mentions.remove(message);
        }
    }

    /// Follows what happened in a room that is not looked at.
    pub fn moved(&mut self, Moved { room, posted, gone }: &Moved) {
        // What went makes room for what it had covered.
        gone.positions().iter().for_each(|message| self.gone(room, *message));
        posted.positions().iter().for_each(|message| self.posted(room, *message));
    }

    pub fn set(&mut self, room: &Room, settings: RoomSettings) {
        let membership = self.of(room);
        if settings.changed >= membership.settings.changed {
            membership.settings = settings;
        }
    }

    /// Takes all anew, as the server has it. What was read here, and is on its way there, stays read. The
    /// messages of which this person was told while the server's word was on its way still mean them.
    pub fn renew(&mut self, now: Memberships, told: &Newest) {
        let before = std::mem::replace(self, now);
        for Membership { room, read, settings, mentions, .. } in before.rooms {
            self.read(&room, read);
            let unread = self.find(&room).map(|it| it.unread.clone()).unwrap_or_default();
            let is_new = |it: &&Position| told.0.contains(it) && unread.0.contains(it);
            for message in mentions.positions().iter().filter(is_new) {
                self.mentioned(&room, *message);
            }
            if settings != RoomSettings::default() {
                self.set(&room, settings);
            }
        }
    }
}

/// A message that means the person who is told of it: it mentions them, or was written to them alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub room: Room,
    pub message: Message,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::name::ChannelName;

    fn room() -> Room {
        Room::Channel(ChannelName::stored("general".to_owned()))
    }

    fn unread(memberships: &Memberships) -> Vec<u64> {
        let found = memberships.find(&room());
        found.map_or(vec![], |it| it.unread.positions().iter().map(|at| at.0).collect())
    }

    #[test]
    fn what_is_read_does_not_come_back() {
        let mut memberships = Memberships::default();
        for message in [3, 5, 9] {
            memberships.posted(&room(), Position(message));
        }
        memberships.mentioned(&room(), Position(5));
        assert!(memberships.read(&room(), Position(5)));
        assert!(!memberships.read(&room(), Position(4)));
        // A notice that was on its way meanwhile.
        let posted = [3, 5, 9].map(Position).into_iter().collect();
        memberships.moved(&Moved { posted, ..Moved::new(room()) });
        assert_eq!(unread(&memberships), [9]);
        assert!(memberships.find(&room()).unwrap().mentions.is_empty());
        assert_eq!(memberships.reached(&room()), Position(5));
    }

    #[test]
    fn what_is_gone_is_not_unread() {
        let mut memberships = Memberships::default();
        memberships.posted(&room(), Position(3));
        memberships.mentioned(&room(), Position(3));
        let gone = [Position(3)].into_iter().collect();
        memberships.moved(&Moved { gone, ..Moved::new(room()) });
        assert_eq!(unread(&memberships), [0; 0]);
        assert!(memberships.find(&room()).unwrap().mentions.is_empty());
    }

    #[test]
    fn the_servers_word_counts_but_for_what_was_read_since() {
        let mut here = Memberships::default();
        here.read(&room(), Position(7));
        here.set(
            &room(),
            RoomSettings { is_muted: true, changed: Position(8), ..Default::default() },
        );
        let mut there = Memberships::default();
        for message in [3, 7, 9] {
            there.posted(&room(), Position(message));
        }
        there.set(&room(), RoomSettings { changed: Position(4), ..Default::default() });
        here.renew(there, &Newest::default());
        assert_eq!(unread(&here), [9]);
        assert!(here.find(&room()).unwrap().settings.is_muted);
    }

    proptest! {
        /// Who follows from whenever has what is left of the newest after what they have read.
        #[test]
        fn following_is_like_asking_again(
            steps in prop::collection::vec((0_u8..4, any::<usize>()), 0..600),
            read in 0_u64..300,
        ) {
            let mut there: Vec<u64> = Vec::new();
            let mut here = Memberships::default();
            here.read(&room(), Position(read));
            for (number, (kind, pick)) in (1..).zip(steps) {
                let mut moved = Moved::new(room());
                if kind > 0 || there.is_empty() {
                    there.push(number);
                    moved.post(Position(number));
                } else {
                    let gone = there.remove(pick % there.len());
                    moved.remove(Position(gone));
                    // The server says what has come among the newest instead.
                    let uncovered = there.len().checked_sub(Window::LIMIT).map(|place| there[place]);
                    if let Some(uncovered) = uncovered.filter(|it| *it < gone) {
                        moved.post(Position(uncovered));
                    }
                }
                here.moved(&moved);
            }
            let newest = &there[there.len().saturating_sub(Window::LIMIT)..];
            let newest: Newest = newest.iter().copied().map(Position).collect();
            let followed = here.find(&room()).map(|it| it.unread.clone()).unwrap_or_default();
            prop_assert_eq!(followed, newest.after(Position(read)));
        }
    }
}
