//! Who somebody is.

use serde::{Deserialize, Serialize};

use super::{name::DisplayName, position::Position};

/// A person's identity, which outlives any change of how they are called: the position in the log
/// where they first took a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub Position);

impl PersonId {
    /// Which of twelve colours stands for this person, everywhere and always.
    pub fn hue(self) -> u64 {
        // Neighbours in the log should not be neighbours in colour; 7 visits all twelve.
        self.0.0.wrapping_mul(7) % 12
    }
}

/// A person as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: PersonId,
    pub name: DisplayName,
}

/// One browser's right to speak as a person, known by the SHA-256 of its secret token.
///
/// It cannot be turned back into the token, so it may be stored and compared freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 32]);
