//! Names: what they look like, so that nothing is called like something else, and what is left of one that
//! was freed.

use rusqlite::{Connection, OptionalExtension, params};

use crate::server::look::Looks;

/// What the key of a name begins with that was freed. No name's own key does.
pub(super) const FREED: char = ' ';

/// What has a name that nothing else of its kind may look like.
#[derive(Clone, Copy)]
pub(super) enum Named {
    Person,
    Channel,
}

/// Notes the looks of whoever has this id, as far as nobody has them.
pub(super) fn note_looks(
    db: &Connection,
    named: Named,
    id: i64,
    looks: &Looks,
) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(match named {
        Named::Person => "INSERT OR IGNORE INTO looks_of_people VALUES (?1, ?2)",
        Named::Channel => "INSERT OR IGNORE INTO looks_of_channels VALUES (?1, ?2)",
    })?;
    for look in looks {
        insert.execute(params![look, id])?;
    }
    Ok(())
}

/// The id of whoever has one of these looks.
pub(super) fn find_look(
    db: &Connection,
    named: Named,
    looks: &Looks,
) -> rusqlite::Result<Option<i64>> {
    let mut find = db.prepare_cached(match named {
        Named::Person => "SELECT person FROM looks_of_people WHERE look = ?1",
        Named::Channel => "SELECT room FROM looks_of_channels WHERE look = ?1",
    })?;
    for look in looks {
        if let Some(id) = find.query_row([look], |row| row.get(0)).optional()? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}
