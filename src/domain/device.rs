//! The browsers that speak for a person, and how another one comes to do so.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::position::Position;

/// How many devices may speak for one person at once.
pub const DEVICES_LIMIT: u64 = 50;

/// For how long a link to another device works, in minutes.
pub const LINK_MINUTES: i64 = 10;

/// A device's number, which is no secret: the position in the log where it signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceId(pub Position);

/// A browser, or another program, that speaks for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub id: DeviceId,
    /// What it said of itself, in a few words, such as "Firefox on Linux".
    pub label: String,
    pub since: DateTime<Utc>,
    /// When it connected last, to the hour.
    pub seen: DateTime<Utc>,
    /// Whether it is the one that asks.
    pub is_this: bool,
    /// Whether a page is open there now.
    pub is_online: bool,
}

/// A link that lets one more device speak for a person. It works once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// On this server, such as `/link/0123…`.
    pub path: String,
    pub expires: DateTime<Utc>,
}
