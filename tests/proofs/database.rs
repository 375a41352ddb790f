//! What the program has on disk, read from its file: beside the program, or after it.

use std::{path::Path, time::Duration};

use flack::domain::{command::CommandId, person::PersonId, position::Position, window::Window};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

pub struct Database(Connection);

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub position: Position,
    pub channel: String,
    pub author: PersonId,
    pub text: String,
}

impl Database {
    /// Opens the file of a program that works in `dir` and has been started there before.
    pub fn open(dir: &Path) -> Self {
        let file = dir.join("flack-data/flack.db");
        let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let db = db.expect("the file is there");
        db.busy_timeout(Duration::from_secs(5)).expect("a timeout");
        Self(db)
    }

    /// The messages after a position, in the order of the log.
    pub fn messages(&self, after: Position) -> Vec<Stored> {
        let query = format!("{MESSAGES} WHERE position > ?1 ORDER BY position");
        let mut query = self.0.prepare_cached(&query).expect("the tables");
        let rows = query.query_map([sql(after)], stored).expect("the file can be read");
        rows.collect::<Result<_, _>>().expect("rows")
    }

    /// The newest messages of a channel, oldest first: what a window of it shows.
    pub fn window(&self, channel: &str) -> Vec<Stored> {
        let limit = Window::LIMIT;
        let query =
            format!("{MESSAGES} WHERE rooms.name = ?1 ORDER BY position DESC LIMIT {limit}");
        let mut query = self.0.prepare_cached(&query).expect("the tables");
        let rows = query.query_map([channel], stored).expect("the file can be read");
        let mut newest: Vec<Stored> = rows.collect::<Result<_, _>>().expect("rows");
        newest.reverse();
        newest
    }

    pub fn message(&self, position: Position) -> Option<Stored> {
        let query = format!("{MESSAGES} WHERE position = ?1");
        let mut query = self.0.prepare_cached(&query).expect("the tables");
        query.query_row([sql(position)], stored).optional().expect("the file can be read")
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
        let mut query = self.0.prepare_cached(query).expect("the tables");
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
