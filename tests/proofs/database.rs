//! What the program has on disk, read from its file: beside the program, or after it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use flack::domain::{command::CommandId, person::PersonId, position::Position, window::Window};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

pub struct Database {
    db: Connection,
    /// Where the contents of attachments are.
    files: PathBuf,
}

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub position: Position,
    pub channel: String,
    pub author: PersonId,
    pub text: String,
}

/// A file of a message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    pub id: String,
    pub hash: [u8; 32],
    pub size: i64,
}

impl Database {
    /// Opens the file of a program that works in `dir` and has been started there before.
    pub fn open(dir: &Path) -> Self {
        let file = dir.join("flack-data/flack.db");
        let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let db = db.expect("the file is there");
        db.busy_timeout(Duration::from_secs(5)).expect("a timeout");
        Self { db, files: dir.join("flack-data/files") }
    }

    /// The messages after a position, in the order of the log.
    pub fn messages(&self, after: Position) -> Vec<Stored> {
        let query = format!("{MESSAGES} WHERE position > ?1 ORDER BY position");
        let mut query = self.db.prepare_cached(&query).expect("the tables");
        let rows = query.query_map([sql(after)], stored).expect("the file can be read");
        rows.collect::<Result<_, _>>().expect("rows")
    }

    /// The newest messages of a channel, oldest first: what a window of it shows.
    pub fn window(&self, channel: &str) -> Vec<Stored> {
        let limit = Window::LIMIT;
        let query =
            format!("{MESSAGES} WHERE rooms.name = ?1 ORDER BY position DESC LIMIT {limit}");
        let mut query = self.db.prepare_cached(&query).expect("the tables");
        let rows = query.query_map([channel], stored).expect("the file can be read");
        let mut newest: Vec<Stored> = rows.collect::<Result<_, _>>().expect("rows");
        newest.reverse();
        newest
    }

    /// What channels are about, in the order of their names.
    pub fn topics(&self) -> Vec<(String, String)> {
        let query = "SELECT name, topic FROM rooms WHERE topic IS NOT NULL ORDER BY name";
        let mut query = self.db.prepare_cached(query).expect("the tables");
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.expect("the file can be read").collect::<Result<_, _>>().expect("rows")
    }

    pub fn message(&self, position: Position) -> Option<Stored> {
        let query = format!("{MESSAGES} WHERE position = ?1");
        let mut query = self.db.prepare_cached(&query).expect("the tables");
        query.query_row([sql(position)], stored).optional().expect("the file can be read")
    }

    /// The files of a message, in their order.
    pub fn attachments(&self, message: Position) -> Vec<StoredFile> {
        let query = "SELECT id, hash, size FROM attachments WHERE message = ?1 ORDER BY place";
        let mut query = self.db.prepare_cached(query).expect("the tables");
        let rows = query.query_map([sql(message)], |row| {
            Ok(StoredFile { id: row.get(0)?, hash: row.get(1)?, size: row.get(2)? })
        });
        rows.expect("the file can be read").collect::<Result<_, _>>().expect("rows")
    }

    /// Whether the content of a file is on the disk, as it was.
    pub fn has_content(&self, file: &StoredFile) -> bool {
        let name: String = file.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        fs::read(self.files.join(name)).is_ok_and(|content| {
            content.len() as i64 == file.size && Sha256::digest(&content)[..] == file.hash
        })
    }

    /// Where a message was deleted.
    pub fn deletion(&self, message: Position) -> Option<Position> {
        self.position("SELECT position FROM log WHERE message = ?1", params![sql(message)])
    }

    /// Where a channel changed last.
    pub fn last(&self, channel: &str) -> Option<Position> {
        self.position("SELECT last FROM rooms WHERE name = ?1", params![channel])
    }

    /// Where a command was done.
    pub fn command(&self, by: PersonId, id: &CommandId) -> Option<Position> {
        let query = "SELECT position FROM commands WHERE person = ?1 AND id = ?2";
        self.position(query, params![sql(by.0), id.as_str()])
    }

    fn position(&self, query: &str, by: impl rusqlite::Params) -> Option<Position> {
        let mut query = self.db.prepare_cached(query).expect("the tables");
        query.query_row(by, |row| at(row, 0)).optional().expect("the file can be read")
    }
}

const MESSAGES: &str = "SELECT position, rooms.name, author, text
    FROM (SELECT * FROM messages WHERE deleted IS NULL) AS messages
    JOIN rooms ON rooms.id = messages.room";

/// Reads a row of [`MESSAGES`].
fn stored(row: &Row) -> rusqlite::Result<Stored> {
    Ok(Stored {
        position: at(row, 0)?,
        channel: row.get(1)?,
        author: PersonId(at(row, 2)?),
        text: row.get(3)?,
    })
}

fn at(row: &Row, column: usize) -> rusqlite::Result<Position> {
    let number: i64 = row.get(column)?;
    Ok(Position(number.cast_unsigned()))
}

fn sql(position: Position) -> i64 {
    position.0.cast_signed()
}
