//! Where people talk: a channel, or a direct conversation of two.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    name::ChannelName,
    person::{Person, PersonId},
    position::Position,
};

/// A place with a conversation of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Room {
    /// Open to everyone on the server.
    Channel(ChannelName),
    /// Open to these two, and to nobody else.
    Direct(Pair),
}

impl Room {
    /// Whether this person may read and write there.
    pub fn admits(&self, person: PersonId) -> bool {
        match self {
            Room::Channel(_) => true,
            Room::Direct(pair) => pair.has(person),
        }
    }

    /// The address of its page, as one of those sees it who may.
    pub fn path(&self, me: PersonId) -> String {
        match self {
            Room::Channel(name) => name.path(),
            Room::Direct(pair) => direct_path(pair.other(me)),
        }
    }
}

/// A room as one of those sees it who may be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRoom {
    pub room: Room,
    /// Whom one talks to, if it is a direct conversation.
    pub with: Option<Person>,
}

impl NamedRoom {
    pub fn channel(name: ChannelName) -> Self {
        Self { room: Room::Channel(name), with: None }
    }

    pub fn direct(me: PersonId, with: Person) -> Self {
        Self { room: Room::Direct(Pair::of(me, with.id)), with: Some(with) }
    }

    /// What it is called, without the sign of a channel.
    pub fn name(&self) -> &str {
        match (&self.room, &self.with) {
            (Room::Channel(name), _) => name.as_str(),
            (Room::Direct(_), with) => with.as_ref().map_or("", |with| with.name.as_str()),
        }
    }

    /// The field that names it in a form, and what is in it.
    pub fn field(&self) -> (&'static str, String) {
        match &self.with {
            Some(with) => ("direct", with.id.0.to_string()),
            None => ("channel", self.name().to_owned()),
        }
    }

    pub fn path(&self) -> String {
        match (&self.room, &self.with) {
            (_, Some(with)) => direct_path(with.id),
            (Room::Channel(name), _) => name.path(),
            (Room::Direct(_), None) => "/".to_owned(),
        }
    }
}

impl NamedRoom {
    /// The address of one of its messages.
    pub fn message_path(&self, message: Position) -> String {
        format!("{}/{message}", self.path())
    }

    /// The address of a channel's topic.
    pub fn topic_path(&self) -> String {
        self.path() + "/topic"
    }
}

impl fmt::Display for NamedRoom {
    /// As it is shown: a channel with its `#`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.room {
            Room::Channel(name) => name.fmt(f),
            Room::Direct(_) => self.name().fmt(f),
        }
    }
}

/// The address of one's own direct conversation with somebody.
pub fn direct_path(with: PersonId) -> String {
    format!("/d/{}", with.0)
}

/// Two people, whichever of them is asked. Somebody may also talk to themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "[PersonId; 2]", into = "[PersonId; 2]")]
pub struct Pair {
    first: PersonId,
    second: PersonId,
}

impl Pair {
    pub fn of(one: PersonId, other: PersonId) -> Self {
        Self { first: one.min(other), second: one.max(other) }
    }

    pub fn has(self, person: PersonId) -> bool {
        self.first == person || self.second == person
    }

    /// Whom one of the two talks to.
    pub fn other(self, me: PersonId) -> PersonId {
        if self.first == me { self.second } else { self.first }
    }

    /// In the order of their ids.
    pub fn people(self) -> [PersonId; 2] {
        [self.first, self.second]
    }
}

impl From<[PersonId; 2]> for Pair {
    fn from([one, other]: [PersonId; 2]) -> Self {
        Self::of(one, other)
    }
}

impl From<Pair> for [PersonId; 2] {
    fn from(pair: Pair) -> Self {
        pair.people()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: u64) -> PersonId {
        PersonId(Position(id))
    }

    #[test]
    fn a_pair_is_the_same_from_both_sides() {
        let pair = Pair::of(person(7), person(3));
        assert_eq!(pair, Pair::of(person(3), person(7)));
        assert_eq!((pair.other(person(3)), pair.other(person(7))), (person(7), person(3)));
        assert!(pair.has(person(3)) && pair.has(person(7)) && !pair.has(person(5)));
        let read: Pair = serde_json::from_str("[7,3]").unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), "[3,7]");
    }

    #[test]
    fn a_direct_conversation_admits_its_two_people_only() {
        let room = Room::Direct(Pair::of(person(3), person(7)));
        assert!(room.admits(person(3)) && room.admits(person(7)) && !room.admits(person(5)));
        assert_eq!(room.path(person(3)), "/d/7");
        let own = Room::Direct(Pair::of(person(3), person(3)));
        assert_eq!(own.path(person(3)), "/d/3");
    }
}
