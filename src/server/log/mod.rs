//! The totally ordered, durable sequence of what was accepted.
//!
//! [`Log`] is the one seam between Flack and where its data lives: order and durability are one
//! thing, so they are one trait. Everything else is written once and does not know which log it
//! runs on.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        attachment::{Attachment, AttachmentId},
        channel::TopicText,
        command::{Command, CommandId},
        device::DeviceId,
        name::{ChannelName, DisplayName},
        person::{PersonId, SessionId},
        position::Position,
        refusal::Refusal,
        room::Room,
    },
    server::{files::ContentHash, metrics::LogMeter, state::Entry, token::LinkId},
};

pub mod embedded;

/// Something to be put into the log.
#[derive(Debug)]
pub enum Request {
    SignIn {
        name: DisplayName,
        device: NewDevice,
    },
    SignOut {
        session: SessionId,
    },
    /// Signs a device of this person out, who speaks through this session.
    EndDevice {
        by: PersonId,
        session: SessionId,
        device: DeviceId,
    },
    /// Signs all devices of this person out but the one of this session.
    EndOthers {
        by: PersonId,
        session: SessionId,
    },
    /// Devices are there again.
    Seen {
        sessions: Vec<SessionId>,
    },
    /// Lets one more device speak for this person, who speaks through this session, in place of any link
    /// before.
    CreateLink {
        by: PersonId,
        session: SessionId,
        link: LinkId,
    },
    UseLink {
        link: LinkId,
        device: NewDevice,
    },
    CreateChannel {
        by: PersonId,
        name: ChannelName,
    },
    /// Says what a channel is about, or that it is about nothing in particular.
    SetTopic {
        by: PersonId,
        channel: ChannelName,
        text: Option<TopicText>,
    },
    /// A file is on the disk, and is to be known.
    StoreFile {
        by: PersonId,
        attachment: Attachment,
        hash: ContentHash,
    },
    /// A file that is in no message is not wanted.
    DiscardFile {
        by: PersonId,
        attachment: AttachmentId,
    },
    /// This person has read a room up to here.
    Read {
        by: PersonId,
        room: Room,
        position: Position,
    },
    /// This person wants to hear more or less of a room; what is none stays as it is.
    SetRoom {
        by: PersonId,
        room: Room,
        is_muted: Option<bool>,
        is_favourite: Option<bool>,
    },
    /// With an id, asking again gives the first answer again.
    Command {
        by: PersonId,
        id: CommandId,
        command: Command,
    },
    /// Of the operator.
    Order(Order),
    /// Like [`CreateLink`](Self::CreateLink), by the operator for somebody.
    LinkFor {
        name: String,
        link: LinkId,
    },
}

/// A browser that is about to speak for somebody.
#[derive(Clone, Debug)]
pub struct NewDevice {
    pub session: SessionId,
    pub label: String,
}

/// What the operator asks for, who may do more than anybody else.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Signs somebody out everywhere.
    SignOut {
        name: String,
    },
    /// Signs somebody out everywhere, and lets whoever asks first take their name.
    FreeName {
        name: String,
    },
    DeleteChannel {
        channel: String,
    },
    DeleteMessage {
        channel: String,
        message: Position,
    },
}

impl Order {
    /// What is ordered, without saying about whom.
    pub fn kind(&self) -> &'static str {
        match self {
            Order::SignOut { .. } => "sign out",
            Order::FreeName { .. } => "free a name",
            Order::DeleteChannel { .. } => "delete a channel",
            Order::DeleteMessage { .. } => "delete a message",
        }
    }
}

/// Told once what became of a request: the position at which it was accepted, or why it was not.
///
/// It is called by the log itself, after the commit, and must not wait for anything.
pub type Answer = Box<dyn FnOnce(Result<Position, Refusal>) + Send>;

/// Told of all entries in their order, after the commit that holds them and before their answers.
///
/// It is called by the log itself and must not wait for the log.
pub type Follower = Box<dyn FnMut(Vec<Entry>) + Send>;

/// Puts requests into one order, makes them durable, and tells what became of them.
///
/// An implementation keeps these promises. Of [the embedded one](embedded), `tests/server` and the proofs of
/// `docs/promises.md` hold them:
/// - An answer means that the entry is on disk, and that the follower has been told of it.
/// - The follower is told every entry once, in the order of positions.
/// - A command id of a person is accepted once, for ever; later requests with it get the first
///   answer.
/// - Two names or channel names with one key are never both accepted.
pub trait Log: Send + Sync {
    /// Asks for an entry. Never blocks: when there is no room to wait, the answer is
    /// [`Refusal::busy`], at once.
    fn submit(&self, request: Request, answer: Answer);

    /// Whether what is asked for can be saved at the moment.
    fn is_writable(&self) -> bool;

    /// How busy it is.
    fn meter(&self) -> &LogMeter;
}
