//! What changed, as everyone who may see it is told.

use serde::{Deserialize, Serialize};

use super::{
    channel::Channel, command::CommandId, message::Message, name::ChannelName, position::Position,
};

/// One stream of events with one set of listeners.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Which channels there are; everyone who is signed in listens.
    Directory,
    /// What is said in one channel; everyone who views it listens.
    Channel(ChannelName),
}

/// One change, and where it stands among those of its lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub lane: Lane,
    pub position: Position,
    /// The position of the lane's event before this one. Who is not there has missed something.
    pub prev: Position,
    /// What the asker called the command that led to this, so that it settles their own copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandId>,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    ChannelCreated(Channel),
    Posted(Message),
    Deleted(Deletion),
}

/// A message is gone, for everyone and for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// Where in the log it was deleted.
    pub position: Position,
    pub message: Position,
    /// The older message that is among the 100 most recent again, now that one less is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncovered: Option<Message>,
}
