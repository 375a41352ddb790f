//! The store: one SQLite file in the data directory, with one connection that writes.
//!
//! The file has two kinds of tables: `log` holds what changed of late, in order, for those who were
//! away; the others hold how things are now. An entry and its effect are one transaction.

use std::{cell::RefCell, fmt, fs::File, io, path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, ErrorCode, config::DbConfig, ffi::SQLITE_IOERR_SHMSIZE};

use self::{
    decision::Decision,
    dir::{PATIENCE, set_page_limit},
    rows::{is_content, sql, time},
    wiping::{free, wipe},
};
use super::{
    files::{FileLimits, Files},
    log::Request,
    scrub::{self, PAGES_LIMIT},
    state::{Entry, Fact},
};
use crate::domain::{event::Change, position::Position, refusal::Refusal};

mod copy;
mod decision;
mod dir;
mod names;
mod reader;
mod rows;
mod schema;
mod wiping;

pub use self::{
    copy::{Copied, begin_anew, copy},
    dir::{DataDir, EmptyDir, reader},
    reader::{Beginning, MENTIONS_LIMIT, Reader},
    schema::SCHEMA_VERSION,
    wiping::undo,
};

/// With how many frames that may have copies in them the write-ahead log is long: 4 MB.
const LONG: u32 = 1_000;

/// How long copies of what is no more may be on disk, unless somebody reads them.
const COPIES_LAST: TimeDelta = TimeDelta::seconds(10);

#[derive(Debug)]
pub enum StoreError {
    /// Another server uses the directory.
    InUse(PathBuf),
    Io(PathBuf, io::Error),
    /// There is something in a directory that should be filled.
    NotEmpty(PathBuf),
    /// A restore into the directory was not finished.
    Unfinished(PathBuf),
    /// The file was written by a newer Flack.
    Newer(i64),
    /// The file is somebody else's.
    Foreign(PathBuf),
    Sqlite(rusqlite::Error),
    NoRandomness(getrandom::Error),
}

impl StoreError {
    /// Whether there was no room on the disk, which may pass.
    pub fn is_full(&self) -> bool {
        let StoreError::Sqlite(rusqlite::Error::SqliteFailure(error, _)) = self else {
            return false;
        };
        // The second is about the memory that the connections share, which is a file, too.
        error.code == ErrorCode::DiskFull || error.extended_code == SQLITE_IOERR_SHMSIZE
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::InUse(path) => {
                write!(f, "another Flack uses the data directory {}", path.display())
            }
            StoreError::Io(path, error) => write!(f, "{}: {error}", path.display()),
            StoreError::NotEmpty(path) => write!(
                f,
                "the data directory {} is not empty, and stays as it is: name a new one",
                path.display()
            ),
            StoreError::Unfinished(path) => write!(
                f,
                "a restore into the data directory {} was not finished: do it again",
                path.display()
            ),
            StoreError::Newer(version) => write!(
                f,
                "the data was written by a newer Flack (schema {version}, this one knows \
                 {SCHEMA_VERSION})"
            ),
            StoreError::Foreign(path) => {
                write!(f, "{} is not a database of Flack", path.display())
            }
            StoreError::Sqlite(error) => write!(f, "the database: {error}"),
            StoreError::NoRandomness(error) => write!(f, "no randomness: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        StoreError::Io(PathBuf::from("files"), error)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Sqlite(error)
    }
}

/// How much the store may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub people: u64,
    pub channels: u64,
    pub files: FileLimits,
}

/// What became of a request.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are accepted")]
pub enum Outcome {
    Accepted(Entry),
    /// It is so already: the same command was accepted before, at this position; or the topic is the one that
    /// was set here, or the room has been read up to here.
    Repeated(Position),
    Refused(Refusal),
}

impl Outcome {
    /// Whether something that was there before may be there no more: words, or what was put under them.
    pub fn takes_back(&self) -> bool {
        let Outcome::Accepted(Entry { fact: Fact::Changed { change, .. }, .. }) = self else {
            return false;
        };
        match change {
            Change::Deleted(_)
            | Change::Revised(_)
            | Change::ChannelDeleted(_)
            | Change::ChannelRevised(_) => true,
            Change::Posted(_) | Change::ChannelCreated(_) | Change::DirectBegun(_) => false,
        }
    }
}

/// The one writing connection.
pub struct Store {
    db: Connection,
    last: Position,
    limits: Limits,
    files: Arc<Files>,
    /// Where the write-ahead log is.
    wal: PathBuf,
    /// In bytes.
    page_size: u32,
    /// So many frames at the beginning of the write-ahead log have pages that are clean.
    scrubbed: u32,
    /// Since when there may be copies in the write-ahead log of what is no more.
    wiped: Option<DateTime<Utc>>,
    /// Whether nobody knows what of the database is on disk. What is in the write-ahead log has to stay.
    has_failed: bool,
    // Last: the directory is free only when the file is closed.
    _lock: Arc<File>,
}

impl Store {
    /// The position of the newest entry.
    pub fn last(&self) -> Position {
        self.last
    }

    /// Decides all requests in their order and makes those that are accepted durable, at once.
    ///
    /// # Errors
    /// Nothing of the batch is stored when the disk is full, and else nobody knows what is.
    pub fn commit(
        &mut self,
        batch: &[Request],
        at: DateTime<Utc>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let tx = self.db.transaction()?;
        let freed = RefCell::default();
        let mut last = self.last;
        let mut outcomes = Vec::with_capacity(batch.len());
        for request in batch {
            let (position, limits, freed) = (last.next(), self.limits, &freed);
            let decision = Decision { tx: &tx, position, at, limits, freed };
            let changes = tx.total_changes();
            let outcome = match decision.decide(request)? {
                Ok(outcome) => outcome,
                Err(refusal) => Outcome::Refused(refusal),
            };
            match &outcome {
                Outcome::Accepted(entry) => last = entry.position,
                // The transaction may be committed for others.
                _ => debug_assert_eq!(tx.total_changes(), changes, "{request:?} has written"),
            }
            outcomes.push(outcome);
        }
        if last == self.last {
            return Ok(outcomes); // nothing was written; the transaction rolls back to the same
        }
        tx.prepare_cached("UPDATE meta SET value = ?1 WHERE key = 'last'")?.execute([sql(last)])?;
        tx.commit()?;
        self.last = last;
        self.files.remove(&freed.into_inner());
        if outcomes.iter().any(Outcome::takes_back) {
            self.wiped.get_or_insert(at);
        }
        self.spare_the_log()?;
        Ok(outcomes)
    }

    /// Writes what is there already, to find out whether anything can be written.
    ///
    /// # Errors
    /// When it cannot.
    pub fn probe(&mut self) -> Result<(), StoreError> {
        self.db.execute("UPDATE meta SET value = ?1 WHERE key = 'last'", [sql(self.last)])?;
        Ok(())
    }

    /// Takes the disk for full when the file has this many pages; none lifts the limit.
    ///
    /// # Errors
    /// When SQLite does not take it.
    pub fn limit_pages(&self, limit: Option<u32>) -> Result<(), StoreError> {
        Ok(set_page_limit(&self.db, limit.unwrap_or(PAGES_LIMIT))?)
    }

    /// Wipes the messages that were deleted too long ago to be brought back, and a moment later the copies
    /// on disk of all that is no more. Gives when to do so again; none if nothing is left to be wiped.
    ///
    /// # Errors
    /// When not all of it could be wiped. If it was because the disk is full, it can be tried again.
    pub fn wipe(&mut self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let tx = self.db.transaction()?;
        let (wiped, freed) = wipe(&tx, Some(now))?;
        tx.commit()?;
        self.files.remove(&freed);
        if wiped > 0 {
            self.wiped.get_or_insert(now);
        }
        if self.wiped.is_some_and(|since| since + COPIES_LAST <= now) {
            // Who reads is in no hurry: it is tried again.
            self.wiped = (!self.checkpoint(Checkpoint::Truncate)?).then_some(now);
        }
        let next: Option<i64> = self
            .db
            .prepare_cached("SELECT min(deleted) FROM messages WHERE deleted IS NOT NULL")?
            .query_row([], |row| row.get(0))?;
        let next = next.map(|next| time(next + 1) + undo());
        let copies = self.wiped.map(|since| since + COPIES_LAST);
        Ok(next.into_iter().chain(copies).min())
    }

    /// Lets the database take over what is in the write-ahead log when it has become long.
    fn spare_the_log(&mut self) -> Result<(), StoreError> {
        if self.frames()?.saturating_sub(self.scrubbed) < LONG {
            return Ok(());
        }
        match self.checkpoint(Checkpoint::Passive) {
            // What is committed is in the log. The next commit tries again.
            Err(error) if error.is_full() => Ok(()),
            spared => spared.map(|_| ()),
        }
    }

    /// Makes all that is in the database durable, and leaves no copy of anything else.
    ///
    /// A server that was killed may have left what it had written but not synced, or what a sync failed
    /// to bring to the disk. It is there to be read, so people are about to see it.
    fn settle(&mut self) -> Result<(), StoreError> {
        let synced = match File::open(&self.wal) {
            Ok(log) => log.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        synced.map_err(|error| StoreError::Io(self.wal.clone(), error))?;
        match self.checkpoint(Checkpoint::Truncate) {
            // All of it stays in the log, which is synced.
            Err(error) if error.is_full() => Ok(()),
            settled => settled.map(|_| ()),
        }
    }

    /// How many frames the write-ahead log has.
    fn frames(&self) -> rusqlite::Result<u32> {
        self.db.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?.query_row([], |row| row.get(1))
    }

    /// Brings what is in the write-ahead log into the database, when the pages in it are
    /// [clean](scrub). Gives whether nobody kept it from that by reading.
    ///
    /// # Errors
    /// After any but that of a full disk the log must not be taken for what is in the database: a sync
    /// that failed may seem to work the next time.
    fn checkpoint(&mut self, how: Checkpoint) -> Result<bool, StoreError> {
        let done = self.try_checkpoint(how);
        self.has_failed |= done.as_ref().is_err_and(|error| !error.is_full());
        done
    }

    fn try_checkpoint(&mut self, how: Checkpoint) -> Result<bool, StoreError> {
        let frames = self.frames()?;
        let pages = scrub::logged(&self.wal, self.page_size, self.scrubbed.min(frames)..frames)
            .map_err(|error| StoreError::Io(self.wal.clone(), error))?;
        let tx = self.db.transaction()?;
        scrub::pages(&tx, pages)?;
        tx.commit()?;
        // Whoever writes does not wait for those who read.
        self.db.busy_timeout(Duration::ZERO)?;
        let done = self.db.query_row(how.statement(), [], |row| {
            Ok((row.get::<_, bool>(0)?, row.get::<_, u32>(1)?, row.get::<_, u32>(2)?))
        });
        self.db.busy_timeout(PATIENCE)?;
        let (is_busy, frames, taken) = done?;
        // When all of it was taken over, the next one to write begins at the first frame again.
        self.scrubbed = if taken == frames { 0 } else { frames };
        Ok(!is_busy)
    }

    /// Forgets the files that were uploaded before `until` and never posted, and those of messages
    /// that are no more.
    ///
    /// # Errors
    /// Nothing is forgotten then.
    pub fn sweep_attachments(&mut self, until: DateTime<Utc>) -> Result<(), StoreError> {
        let tx = self.db.transaction()?;
        let freed = free(
            &tx,
            "DELETE FROM attachments WHERE (message IS NULL AND at < ?1) OR (message IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM messages WHERE position = message)) RETURNING hash",
            [until.timestamp_millis()],
        )?;
        tx.commit()?;
        self.files.remove(&freed);
        Ok(())
    }

    /// Removes the contents that no attachment has; only while nothing is uploaded.
    fn sweep_files(&mut self) -> Result<(), StoreError> {
        let swept = self
            .files
            .sweep(Duration::ZERO, |hash| is_content(&self.db, hash).map_err(StoreError::from))?;
        if swept > 0 {
            tracing::info!(swept, "files that nobody knows were removed");
        }
        Ok(())
    }

    /// Forgets the entries that were accepted before `until`; people who were away for longer get
    /// whole windows.
    ///
    /// # Errors
    /// Nothing is forgotten then.
    pub fn trim(&mut self, until: DateTime<Utc>) -> Result<(), StoreError> {
        let tx = self.db.transaction()?;
        let until = until.timestamp_millis();
        tx.execute(
            "UPDATE meta SET value = max(value, coalesce(
                 (SELECT max(position) FROM log WHERE at < ?1), 0)) WHERE key = 'trimmed'",
            [until],
        )?;
        tx.execute("DELETE FROM log WHERE at < ?1", [until])?;
        tx.commit()?;
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.has_failed {
            return;
        }
        // There is nothing left to be taken over when it is closed, and the log is removed.
        let closed = self.checkpoint(Checkpoint::Truncate).and_then(|_| {
            Ok(self.db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?)
        });
        if let Err(error) = closed {
            // The next server does it.
            tracing::warn!(%error, "the database could not take over what is in its log");
        }
    }
}

/// How much of its write-ahead log a database takes over.
#[derive(Clone, Copy)]
enum Checkpoint {
    /// What nobody reads.
    Passive,
    /// All of it or nothing, and the log is empty then.
    Truncate,
}

impl Checkpoint {
    fn statement(self) -> &'static str {
        match self {
            Checkpoint::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
            Checkpoint::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
        }
    }
}
