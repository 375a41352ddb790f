//! Wiping: what becomes of messages that cannot be brought back any more, and of contents that no attachment
//! has.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Transaction;

use crate::{domain::command::UNDO_SECONDS, server::files::ContentHash};

/// Removes attachments, with a query that gives their hashes, and what no other attachment has of
/// their contents. Gives what can be removed from the disk after the commit.
pub(super) fn free(
    tx: &Transaction,
    query: &str,
    of: impl rusqlite::Params,
) -> rusqlite::Result<Vec<ContentHash>> {
    let mut hashes = tx
        .prepare_cached(query)?
        .query_map(of, |row| row.get(0))?
        .collect::<Result<Vec<[u8; 32]>, _>>()?;
    let mut statement = tx.prepare_cached(
        "DELETE FROM contents WHERE hash = ?1
             AND NOT EXISTS (SELECT 1 FROM attachments WHERE hash = ?1)",
    )?;
    let mut freed = Vec::new();
    hashes.sort_unstable();
    hashes.dedup();
    for hash in hashes {
        if statement.execute([hash])? > 0 {
            freed.push(ContentHash(hash));
        }
    }
    Ok(freed)
}

/// Wipes the messages that were deleted before `until`, in milliseconds since 1970. Gives how many there
/// were, and what can be removed from the disk after the commit.
pub(super) fn wipe(tx: &Transaction, until: i64) -> rusqlite::Result<(usize, Vec<ContentHash>)> {
    let freed = free(
        tx,
        "DELETE FROM attachments WHERE message IN
             (SELECT position FROM messages WHERE deleted < ?1) RETURNING hash",
        [until],
    )?;
    let wiped = tx.prepare_cached("DELETE FROM messages WHERE deleted < ?1")?.execute([until])?;
    Ok((wiped, freed))
}

/// For how long a deleted message can be brought back.
pub fn undo() -> TimeDelta {
    TimeDelta::seconds(UNDO_SECONDS.cast_signed())
}

/// What was deleted before this can no more be brought back.
pub(super) fn undoable_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - undo()
}
