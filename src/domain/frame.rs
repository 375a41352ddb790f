//! What goes over the live socket, in both directions: JSON text, one frame a message.
//!
//! `docs/protocol.md` describes every frame with an example; a test holds the two equal.

use serde::{Deserialize, Serialize};

use super::{
    attachment::AttachmentId,
    channel::Directory,
    command::CommandId,
    direct::Directs,
    event::{Change, Event, Lane},
    json::{self, Malformed},
    person::{Person, PersonId},
    position::{Epoch, Position},
    refusal::Refusal,
    room::Room,
    unread::{Memberships, Moved, Notice, RoomSettings},
    window::Window,
};

/// The version of the protocol that this build speaks.
pub const PROTOCOL: u32 = 2;

/// The largest frame that is read, which is also the largest message (RFC 6455 §5.4), in bytes.
pub const FRAME_LIMIT: usize = 64 * 1024;

/// How many rooms one socket may view at once.
pub const VIEW_LIMIT: usize = 128;

/// Seconds in which the client says hello.
pub const HELLO_SECONDS: u64 = 10;

/// Seconds after which the client pings, give or take its jitter.
pub const PING_SECONDS: u64 = 10;

/// Seconds of silence after which either side takes the link for dead.
pub const SILENCE_SECONDS: u64 = 25;

/// Seconds after which somebody who writes says so again.
pub const TYPING_AGAIN_SECONDS: u64 = 3;

/// Seconds for which somebody writes who has said so.
pub const TYPING_SECONDS: u64 = 5;

/// Seconds for which it is worth knowing who was here when the link ended.
pub const PRESENCE_SECONDS: u64 = 60;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    /// The first frame: what the client has, and what it looks at.
    Hello {
        protocol: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Resume>,
        #[serde(default)]
        viewing: Vec<View>,
    },
    /// Also look at this room.
    View(View),
    /// No longer look at this room.
    Leave { room: Room },
    /// Write a message.
    Post {
        id: CommandId,
        room: Room,
        text: String,
        /// Files that its author has uploaded before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<AttachmentId>,
        /// A message of the room that this one answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Position>,
    },
    /// Change the words of a message of one's own.
    Edit { id: CommandId, room: Room, message: Position, text: String },
    /// Delete a message of one's own.
    Delete { id: CommandId, room: Room, message: Position },
    /// Bring back a message that one has just deleted.
    Restore { id: CommandId, room: Room, message: Position },
    /// Put an emoji under a message.
    React { id: CommandId, room: Room, message: Position, emoji: String },
    /// Take one's own emoji away again.
    Unreact { id: CommandId, room: Room, message: Position, emoji: String },
    /// Everything in this room up to here has been read.
    Read { room: Room, position: Position },
    /// I am writing something there.
    Typing { room: Room },
    /// Are you there?
    Ping,
}

/// Which log the client knows, and how far it knows the directory and its own direct conversations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    pub epoch: Epoch,
    pub position: Position,
    #[serde(default)]
    pub directs: Position,
}

/// A room to look at, and how far the client knows it already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    pub room: Room,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The answer to hello.
    Welcome(Welcome),
    /// All that changed in a lane since the position that the client named.
    Difference(Difference),
    /// Forget the directory; this is how it is now.
    Directory(Directory),
    /// Forget the direct conversations; these are all there are now.
    Directs(Directs),
    /// What this person has not read, in all rooms. What was read here meanwhile stays read.
    Memberships(Memberships),
    /// This person has read a room up to here, on this device or another one.
    Read { room: Room, position: Position },
    /// This person wants to hear more or less of a room.
    Settings { room: Room, settings: RoomSettings },
    /// Messages came and went in these rooms, whoever looks at them.
    Moved { moved: Vec<Moved> },
    /// Somebody wrote to this person, in a room that this socket does not view.
    Notice(Notice),
    /// Forget a room's messages; this is how they are now.
    Reset(Reset),
    /// Something changed.
    Event(Event),
    /// A command was done, at this position; asked again, the answer is the same.
    Accepted { id: CommandId, position: Position },
    /// A command was not done.
    Refused {
        id: CommandId,
        #[serde(flatten)]
        refusal: Refusal,
    },
    /// The room cannot be viewed.
    Unviewable {
        room: Room,
        #[serde(flatten)]
        refusal: Refusal,
    },
    /// Who is here: all, or what has changed. True for a moment, and not in the log.
    Presence {
        /// Forget who was here; these are.
        #[serde(skip_serializing_if = "Option::is_none")]
        all: Option<Vec<PersonId>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        online: Vec<PersonId>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        offline: Vec<PersonId>,
    },
    /// These are writing something, for [a moment](TYPING_SECONDS).
    Typing { room: Room, people: Vec<Person> },
    /// I am here.
    Pong {
        /// See [`Welcome::spread`].
        #[serde(skip_serializing_if = "is_zero")]
        spread: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    pub you: Person,
    pub epoch: Epoch,
    pub position: Position,
    /// Seconds over which clients should spread their return when they lose the link, so that a
    /// crowd does not come back all at once. Grows with the crowd; 0 for a small one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub spread: u32,
    /// For clients that do not know it: this one has the same constants.
    #[serde(skip_deserializing)]
    pub heartbeat: Heartbeat,
    /// Likewise.
    #[serde(skip_deserializing)]
    pub limits: Limits,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub lane: Lane,
    pub position: Position,
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    pub room: Room,
    pub window: Window,
}

impl ServerFrame {
    /// Reads a frame, type first. Serde's own way with tags keeps a copy of the whole frame in
    /// between, and its code would be a tenth of what browsers download.
    ///
    /// # Errors
    /// When it is no JSON, or of a type or shape that this build does not know.
    pub fn read(text: &str) -> Result<Self, Malformed> {
        /// The type, and what the short frames have.
        #[derive(Deserialize)]
        struct Head {
            r#type: String,
            id: Option<CommandId>,
            position: Option<Position>,
            room: Option<Room>,
            #[serde(default)]
            settings: RoomSettings,
            #[serde(default)]
            moved: Vec<Moved>,
            #[serde(default)]
            spread: u32,
            all: Option<Vec<PersonId>>,
            #[serde(default)]
            online: Vec<PersonId>,
            #[serde(default)]
            offline: Vec<PersonId>,
            #[serde(default)]
            people: Vec<Person>,
        }
        let Head {
            r#type,
            id,
            position,
            room,
            settings,
            moved,
            spread,
            all,
            online,
            offline,
            people,
        } = json::read(text)?;
        let id = id.ok_or(Malformed);
        let room = room.ok_or(Malformed);
        let position = position.ok_or(Malformed);
        Ok(match r#type.as_str() {
            "welcome" => Self::Welcome(json::read(text)?),
            "difference" => Self::Difference(json::read(text)?),
            "directory" => Self::Directory(json::read(text)?),
            "directs" => Self::Directs(json::read(text)?),
            "memberships" => Self::Memberships(json::read(text)?),
            "read" => Self::Read { room: room?, position: position? },
            "settings" => Self::Settings { room: room?, settings },
            "moved" => Self::Moved { moved },
            "notice" => Self::Notice(json::read(text)?),
            "reset" => Self::Reset(json::read(text)?),
            "event" => Self::Event(json::read(text)?),
            "accepted" => Self::Accepted { id: id?, position: position? },
            "refused" => Self::Refused { id: id?, refusal: json::read(text)? },
            "unviewable" => Self::Unviewable { room: room?, refusal: json::read(text)? },
            "presence" => Self::Presence { all, online, offline },
            "typing" => Self::Typing { room: room?, people },
            "pong" => Self::Pong { spread },
            _ => return Err(Malformed),
        })
    }
}

/// In seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Heartbeat {
    pub ping: u64,
    pub silence: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Characters of a message.
    pub text: usize,
    /// Bytes of a frame.
    pub frame: usize,
    /// Rooms viewed at once.
    pub viewing: usize,
    /// Bytes of a file.
    pub file: u64,
    /// Files of a message.
    pub files: usize,
}

/// Why the server closed the socket, which says what to do next (RFC 6455 §7.4.2 leaves 4000 to 4999
/// to applications).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// The server stops or restarts: come back and resume.
    Draining = 4000,
    /// The client reads more slowly than it is written to: come back and resume.
    TooSlow = 4001,
    /// Nothing was heard from the client for too long: come back and resume.
    Silent = 4002,
    /// There are as many sockets as the server allows: come back later.
    Full = 4003,
    /// The client says more than anybody may: come back later and resume.
    RateLimited = 4004,
    /// A frame was malformed, too large or out of place: do not come back with this program.
    Protocol = 4010,
    /// The session has ended: sign in again.
    SignedOut = 4011,
    /// The client speaks another version: load the page again.
    Version = 4012,
}

impl CloseCode {
    pub const ALL: [CloseCode; 8] = [
        CloseCode::Draining,
        CloseCode::TooSlow,
        CloseCode::Silent,
        CloseCode::Full,
        CloseCode::RateLimited,
        CloseCode::Protocol,
        CloseCode::SignedOut,
        CloseCode::Version,
    ];

    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| *code as u16 == number)
    }

    /// What the close frame says to whoever reads it.
    pub fn reason(self) -> &'static str {
        match self {
            CloseCode::Draining => "come back: the server restarts",
            CloseCode::TooSlow => "come back: too slow",
            CloseCode::Silent => "come back: silent",
            CloseCode::Full => "come back later: too many sockets",
            CloseCode::RateLimited => "come back later: too many frames",
            CloseCode::Protocol => "protocol error",
            CloseCode::SignedOut => "signed out",
            CloseCode::Version => "unknown protocol version",
        }
    }
}
