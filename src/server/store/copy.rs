//! The copy: a database as it is at one moment, for a backup, and how one becomes the beginning of a new log.

use std::{collections::HashMap, fs::File, io, path::Path};

use rusqlite::{Connection, ErrorCode};
use tempfile::NamedTempFile;

use super::{
    StoreError,
    dir::{DATABASE, connect},
    rows::position,
    schema::{SCHEMA_VERSION, draw_epoch, migrate},
    wiping::wipe,
};
use crate::{
    domain::position::{Epoch, Position},
    server::files::ContentHash,
};

/// A copy of a database, and what is in it.
pub struct Copied {
    pub file: NamedTempFile,
    pub epoch: Epoch,
    /// Of the newest entry.
    pub position: Position,
    /// The contents of its attachments, and how many bytes each has.
    pub contents: Vec<(ContentHash, u64)>,
}

/// Copies the database of a data directory into a `passing` file, as it is at one moment. Whoever writes
/// meanwhile does not wait. Nothing is in it that was deleted, also if it could still be brought back, and
/// no link to another device.
///
/// # Errors
/// When it cannot be read or written.
pub fn copy(
    dir: &Path,
    passing: impl Fn() -> io::Result<NamedTempFile>,
) -> Result<Copied, StoreError> {
    let passing = || passing().map_err(|error| StoreError::Io(dir.to_owned(), error));
    let mut file = passing()?;
    copy_rows(&connect(&dir.join(DATABASE))?, file.path())?;
    let mut db = connect(file.path())?;
    // Until it is whole, nobody needs it.
    db.pragma_update(None, "synchronous", "off")?;
    db.pragma_update(None, "secure_delete", true)?;
    match db.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        SCHEMA_VERSION => {}
        0 => return Err(StoreError::Foreign(dir.join(DATABASE))),
        older @ ..SCHEMA_VERSION => migrate(&mut db, older)?,
        newer => return Err(StoreError::Newer(newer)),
    }
    db.pragma_update(None, "foreign_keys", true)?;
    let tx = db.transaction()?;
    let deleted: bool = tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM messages WHERE deleted IS NOT NULL)",
        [],
        |row| row.get(0),
    )?;
    wipe(&tx, None)?;
    tx.execute("DELETE FROM links", [])?;
    tx.commit()?;
    if deleted {
        let clean = passing()?;
        copy_rows(&db, clean.path())?;
        db = connect(clean.path())?;
        file = clean;
    }
    let epoch = db.query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get(0))?;
    let last = db.query_row("SELECT value FROM meta WHERE key = 'last'", [], position)?;
    let contents = contents(&db)?;
    db.close().map_err(|(_, error)| error)?;
    Ok(Copied { file, epoch: Epoch(epoch), position: last, contents })
}

/// Copies a database row by row into an empty file: what is left of deleted words in free space stays
/// behind.
fn copy_rows(db: &Connection, to: &Path) -> Result<(), StoreError> {
    let is_text = || StoreError::Io(to.to_owned(), io::ErrorKind::InvalidFilename.into());
    db.execute("VACUUM INTO ?1", [to.to_str().ok_or_else(is_text)?])?;
    Ok(())
}

fn contents(db: &Connection) -> rusqlite::Result<Vec<(ContentHash, u64)>> {
    db.prepare("SELECT hash, size FROM contents ORDER BY hash")?
        .query_map([], |row| Ok((ContentHash(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned())))?
        .collect()
}

/// So many positions are left out when a log begins anew from an older copy: more than may have been
/// given since, to people, messages and channels that somebody still remembers. None of them must become
/// another one.
const LEAP: i64 = 1_000_000_000;

/// Makes a copy of a database the beginning of a new log, so that whoever knows the old one begins anew,
/// too. Gives what is wrong with it, if anything is; `files` are the contents beside it, with their sizes.
///
/// # Errors
/// When it cannot be read or written.
pub fn begin_anew(
    database: &Path,
    files: &HashMap<ContentHash, u64>,
) -> Result<Option<String>, StoreError> {
    let db = connect(database)?;
    match fault(&db, files) {
        Ok(None) => {}
        Ok(fault) => return Ok(fault),
        Err(error) if is_corrupt(&error) => return Ok(Some(error.to_string())),
        Err(error) => return Err(error.into()),
    }
    db.execute("UPDATE meta SET value = ?1 WHERE key = 'epoch'", [&draw_epoch()?.0])?;
    db.execute("UPDATE meta SET value = value + ?1 WHERE key = 'last'", [LEAP])?;
    db.close().map_err(|(_, error)| error)?;
    let synced = File::open(database).and_then(|file| file.sync_all());
    synced.map_err(|error| StoreError::Io(database.to_owned(), error))?;
    Ok(None)
}

/// What is wrong with a database that has these files beside it.
fn fault(db: &Connection, files: &HashMap<ContentHash, u64>) -> rusqlite::Result<Option<String>> {
    let found: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Ok(Some(format!("the database is damaged: {found}")));
    }
    if db.prepare("PRAGMA foreign_key_check")?.exists([])? {
        return Ok(Some("the database has something in it that belongs to nothing".to_owned()));
    }
    let known = contents(db)?;
    let is_whole = known.len() == files.len()
        && known.iter().all(|(hash, size)| files.get(hash) == Some(size));
    Ok((!is_whole).then(|| "its files are not those of its database".to_owned()))
}

fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
