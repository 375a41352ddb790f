//! Where an entry stands in the log, and which log that is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an entry stands in the log: it grows, and has holes.
///
/// What the log created is known by the position where that happened, so a position is also the
/// identity of a message.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before every entry.
    pub const ZERO: Position = Position(0);

    /// The next position of a log that counts by one.
    pub fn next(self) -> Position {
        Position(self.0 + 1)
    }

    /// What the message of this position is called in a page, so that a link can lead to it.
    pub fn anchor(self) -> String {
        format!("m{self}")
    }

    /// Reads that again.
    pub fn of_anchor(anchor: &str) -> Option<Self> {
        anchor.strip_prefix('m')?.parse().ok().map(Self)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which log a position belongs to: a new one begins when data was wiped or restored from a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub String);
