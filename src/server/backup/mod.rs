//! All that is kept in one file, and back: `flack backup` and `flack restore`.
//!
//! A backup is a tar archive (POSIX.1-1988), which other programs can look into. First it says what it
//! is, then comes the database, then every content of attachments, and last the SHA-256 of all that
//! came before: whatever broke off or was changed is noticed. It is of one moment, and is checked by its
//! reader while it is written.
//!
//! Whoever runs a server gets it from there, over the operator's socket, so that the server needs no
//! right to write anywhere else; otherwise this process makes it.

use std::{fmt, io, path::PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{admin::NoAnswer, store::StoreError};
use crate::domain::position::{Epoch, Position};

mod commands;
mod format;

pub use self::{
    commands::{BACKUP, RESTORE, back_up, backup_command, restore, restore_command},
    format::write,
};

/// What a backup is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    pub format: u32,
    /// The version that has written it.
    pub flack: String,
    /// Of the tables.
    pub schema: i64,
    pub epoch: Epoch,
    /// Of the newest entry that is in it.
    pub position: Position,
    pub at: DateTime<Utc>,
    /// How many contents of attachments there are, with the small copies.
    pub files: u64,
    /// Bytes of all that is in it.
    pub bytes: u64,
}

/// Why there is no backup, or nothing was restored.
#[derive(Debug)]
pub enum BackupError {
    /// The file is there already.
    Exists(PathBuf),
    /// There is nothing to be backed up.
    NoData(PathBuf),
    /// A content of an attachment is missing, or not what it was.
    Spoilt(PathBuf),
    /// It is no backup, or not all of one.
    Damaged(PathBuf, String),
    /// The backup was written by a newer Flack.
    Newer(String),
    /// The server did not go on.
    BrokenOff,
    NoAnswer(NoAnswer),
    Store(StoreError),
    Io(PathBuf, io::Error),
}

impl BackupError {
    /// How the process ends then (sysexits.h).
    pub fn code(&self) -> u8 {
        match self {
            BackupError::NoAnswer(NoAnswer::Refused(_)) => 1,
            BackupError::Spoilt(_) | BackupError::Damaged(..) | BackupError::Newer(_) => 65,
            BackupError::NoData(_) => 66,
            BackupError::Exists(_) | BackupError::Store(StoreError::NotEmpty(_)) => 73,
            BackupError::NoAnswer(_) | BackupError::Store(_) => 69,
            BackupError::BrokenOff | BackupError::Io(..) => 74,
        }
    }
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupError::Exists(path) => {
                write!(f, "{} is there already, and stays as it is", path.display())
            }
            BackupError::NoData(dir) => {
                write!(f, "there is no Flack in the data directory {}", dir.display())
            }
            BackupError::Spoilt(path) => write!(
                f,
                "{} is missing or not what it was when it came in. Put it back from an earlier \
                 backup, or delete the message that it belongs to",
                path.display()
            ),
            BackupError::Damaged(path, why) => {
                write!(f, "{} is no backup of Flack, or not a whole one: {why}", path.display())
            }
            BackupError::Newer(version) => write!(
                f,
                "the backup was written by a newer Flack ({version}, this is {})",
                env!("CARGO_PKG_VERSION")
            ),
            BackupError::BrokenOff => write!(
                f,
                "the server did not finish the backup, and nothing is left of it; its log says why"
            ),
            BackupError::NoAnswer(error) => error.fmt(f),
            BackupError::Store(error) => error.fmt(f),
            BackupError::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for BackupError {}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        BackupError::Store(error)
    }
}
