//! What a person asks for.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    attachment::AttachmentId, hex::hex, message::MessageText, position::Position, reaction::Emoji,
    room::Room,
};

/// What the asker calls a command, so that asking twice does it once: 1 to 64 printable ASCII
/// characters, unique for ever among the commands of one person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommandId(String);

impl CommandId {
    const LIMIT: usize = 64;

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id from 16 random bytes, written as 32 hexadecimal digits.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(hex(&bytes))
    }
}

/// Something that cannot be a command id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACommandId;

impl TryFrom<String> for CommandId {
    type Error = NotACommandId;

    fn try_from(raw: String) -> Result<Self, NotACommandId> {
        let fits = (1..=Self::LIMIT).contains(&raw.len());
        if fits && raw.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(raw))
        } else {
            Err(NotACommandId)
        }
    }
}

impl From<CommandId> for String {
    fn from(id: CommandId) -> String {
        id.0
    }
}

impl fmt::Display for NotACommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a command id has 1 to {} printable ASCII characters", CommandId::LIMIT)
    }
}

/// What changes a room's conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub room: Room,
    pub ask: Ask,
}

/// What is asked for in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    Post(MessageText),
    /// Post files of one's own that no message has yet, in this order, with or without words.
    Share(MessageText, Vec<AttachmentId>),
    /// Answer this message of the room, with or without files.
    Reply(Position, MessageText, Vec<AttachmentId>),
    /// Change the words of a message of one's own.
    Edit(Position, MessageText),
    Delete(Position),
    /// Bring back a message that one has [just](UNDO_SECONDS) deleted.
    Restore(Position),
    /// Put an emoji under anybody's message.
    React(Position, Emoji),
    /// Take one's own emoji away again.
    Unreact(Position, Emoji),
}

impl Ask {
    /// The message that is answered, if one is.
    pub fn reply_to(&self) -> Option<Position> {
        match self {
            Ask::Reply(to, ..) => Some(*to),
            _ => None,
        }
    }
}

/// For how long a deleted message can be brought back, in seconds. Then it is gone for good.
pub const UNDO_SECONDS: u64 = 5;

/// The answer to a command that was done, now or when it was first asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub position: Position,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_printable() {
        for raw in ["a", "0f8e-11", &"x".repeat(64)] {
            assert_eq!(CommandId::try_from(raw.to_owned()).unwrap().as_str(), raw);
        }
        for raw in ["", "a b", "ü", "a\n", &"x".repeat(65)] {
            assert_eq!(CommandId::try_from(raw.to_owned()), Err(NotACommandId));
        }
        assert_eq!(CommandId::from_random([0xAB; 16]).as_str(), "ab".repeat(16));
    }
}
