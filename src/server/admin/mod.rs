//! What the operator asks of a running server: `flack admin`, over a Unix socket in the data
//! directory.
//!
//! Whoever may use the socket owns the data directory anyway. A question is one line of JSON, and so
//! is its answer: both ends are this program, and a protocol of the network would only add doors. What
//! is ordered goes through the log like everything else, and is live for everyone.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::log::Order;
use crate::domain::{device::Link, message::Message, name::DisplayName, person::PersonId};

mod operator;
mod server;

pub use self::{
    operator::{ADMIN, NoAnswer, ask, backup, command},
    server::{close, listen, serve},
};

/// How long a question may take to arrive, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    /// Who has this in their name.
    People {
        name: String,
    },
    /// What was said last in a channel.
    Messages {
        channel: String,
    },
    /// A link that lets a device speak for somebody.
    Link {
        name: String,
    },
    Order(Order),
    /// All that is kept, in one file.
    Backup,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    People(Vec<Listed>),
    Messages(Vec<Message>),
    Link(Link),
    Done,
    /// The backup itself follows, to the end of the stream.
    Backup,
    /// Why it was not done.
    Refused(String),
}

/// Somebody, as the operator sees them.
#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    id: PersonId,
    name: DisplayName,
    /// Whether a page of theirs is open now.
    is_online: bool,
}

/// Where the socket of a data directory is.
fn socket(data_dir: &Path) -> PathBuf {
    data_dir.join("flack.sock")
}
