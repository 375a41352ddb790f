//! What changed, as everyone who may see it is told.

use serde::{Deserialize, Serialize};

use super::{
    channel::Channel,
    command::CommandId,
    direct::Direct,
    message::Message,
    name::ChannelName,
    person::PersonId,
    position::Position,
    room::{Pair, Room},
};

/// One stream of events with one set of listeners.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Which channels there are, and what about; everyone who is signed in listens.
    Directory,
    /// What concerns one person; all their sockets listen.
    Person(PersonId),
    /// What is said in one channel; everyone who views it listens.
    Channel(ChannelName),
    /// What is said between two people; those of them who view it listen.
    Direct(Pair),
}

impl From<Room> for Lane {
    fn from(room: Room) -> Self {
        match room {
            Room::Channel(name) => Lane::Channel(name),
            Room::Direct(pair) => Lane::Direct(pair),
        }
    }
}

impl Lane {
    /// The room whose lane this is, if it is one's.
    pub fn room(self) -> Option<Room> {
        match self {
            Lane::Directory | Lane::Person(_) => None,
            Lane::Channel(name) => Some(Room::Channel(name)),
            Lane::Direct(pair) => Some(Room::Direct(pair)),
        }
    }
}

/// One change, and where it stands among those of its lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub lane: Lane,
    pub position: Position,
    /// The position of the lane's event before this one. Who is not there has missed something.
    pub prev: Position,
    /// What the asker called the command that led to this, so that it settles their own copy. A
    /// reaction does not say it, because its asker is not the message's author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandId>,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    ChannelCreated(Channel),
    /// A channel has another topic, or none any more; this is how it is now.
    ChannelRevised(Channel),
    /// The operator has deleted it, with all that was said there.
    ChannelDeleted(ChannelName),
    DirectBegun(Direct),
    Posted(Message),
    /// A message was edited or brought back, or its reactions changed; this is how it is now.
    Revised(Message),
    Deleted(Deletion),
}

/// A message is gone for everyone; its author can bring it back for a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// Where in the log it was deleted.
    pub position: Position,
    pub message: Position,
    /// The older message that is among the 100 most recent again, now that one less is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncovered: Option<Message>,
}
