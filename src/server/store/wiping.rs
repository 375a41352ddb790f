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

/// Wipes the messages that are deleted, but for those that can still be brought back at this time; all, if
/// there is none. Gives how many there were, and what can be removed from the disk after the commit.
pub(super) fn wipe(
    tx: &Transaction,
    now: Option<DateTime<Utc>>,
) -> rusqlite::Result<(usize, Vec<ContentHash>)> {
    let (since, until) = now.map_or((1, 0), undoable);
    let freed = free(
        tx,
        "DELETE FROM attachments WHERE message IN
             (SELECT position FROM messages
              WHERE deleted IS NOT NULL AND deleted NOT BETWEEN ?1 AND ?2) RETURNING hash",
        [since, until],
    )?;
    let wiped = tx
        .prepare_cached(
            "DELETE FROM messages WHERE deleted IS NOT NULL AND deleted NOT BETWEEN ?1 AND ?2",
        )?
        .execute([since, until])?;
    Ok((wiped, freed))
}

/// For how long a deleted message can be brought back.
pub fn undo() -> TimeDelta {
    TimeDelta::seconds(UNDO_SECONDS.cast_signed())
}

/// From when to when what can be brought back was deleted, in milliseconds since 1970. What seems to be
/// deleted later was so before the clock was set back and the server started again: nobody knows how long
/// ago.
pub(super) fn undoable(now: DateTime<Utc>) -> (i64, i64) {
    ((now - undo()).timestamp_millis(), now.timestamp_millis())
}
