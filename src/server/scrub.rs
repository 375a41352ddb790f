//! Overwrites what SQLite leaves behind in its pages.
//!
//! `secure_delete` overwrites a row where it is when it is deleted. But rows also move, when pages are
//! divided and joined, and what was moved stays as a copy in the free space of the page it came from, after
//! the row itself is long gone. So no page goes from the write-ahead log into the database before its free
//! space is overwritten.
//!
//! The forms of pages and of the log are those of <https://www.sqlite.org/fileformat2.html>. Pages are
//! read and written through the table [`sqlite_dbpage`](https://www.sqlite.org/dbpage.html), in a
//! transaction like any other, which `.cargo/config.toml` asks SQLite to have.

use std::{collections::BTreeSet, fs::File, io, ops::Range, os::unix::fs::FileExt, path::Path};

use rusqlite::{Connection, OptionalExtension as _, params};

/// So many pages a database may have: 128 GiB. A page that is not part of a tree begins with the number
/// of another one, and by that its first byte is another one than that of a page of a tree.
pub const PAGES_LIMIT: u32 = (1 << 25) - 1;

/// Overwrites the free space of all pages of a database, in the transaction that is open.
///
/// # Errors
/// When the database cannot be read or written.
pub fn all(db: &Connection) -> rusqlite::Result<()> {
    let count = db.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    pages(db, 1..=count)
}

/// Overwrites the free space of these pages, in the transaction that is open. There may be others among
/// them that are no more.
///
/// # Errors
/// When the database cannot be read or written.
pub fn pages(db: &Connection, numbers: impl IntoIterator<Item = u32>) -> rusqlite::Result<()> {
    let mut read = db.prepare_cached("SELECT data FROM sqlite_dbpage WHERE pgno = ?1")?;
    let mut write = db.prepare_cached("UPDATE sqlite_dbpage SET data = ?2 WHERE pgno = ?1")?;
    for number in numbers {
        let clean = read.query_row([number], |row| Ok(cleaned(row.get_ref(0)?.as_blob()?, number)));
        if let Some(clean) = clean.optional()?.flatten() {
            write.execute(params![number, clean])?;
        }
    }
    Ok(())
}

/// A page with its free space overwritten; none if it is so already.
fn cleaned(page: &[u8], number: u32) -> Option<Vec<u8>> {
    let gap = gap(page, number)?;
    if page[gap.clone()].iter().all(|byte| *byte == 0) {
        return None;
    }
    let mut clean = page.to_owned();
    clean[gap].fill(0);
    Some(clean)
}

/// Where a page of a tree has neither the list of its cells nor cells. Cells that were removed from among
/// others are not in it: SQLite overwrites those itself.
fn gap(page: &[u8], number: u32) -> Option<Range<usize>> {
    const DATABASE_HEADER: usize = 100;
    let header = if number == 1 { DATABASE_HEADER } else { 0 };
    let word =
        |at: usize| Some(usize::from(u16::from_be_bytes([*page.get(at)?, *page.get(at + 1)?])));
    let cells_at = header
        + match page.get(header)? {
            2 | 5 => 12,  // inner
            10 | 13 => 8, // leaf
            _ => return None,
        };
    let start = cells_at + 2 * word(header + 3)?;
    let end = match word(header + 5)? {
        0 => 1 << 16,
        end => end,
    };
    (start < end && end <= page.len()).then_some(start..end)
}

/// Which pages are in these frames of a write-ahead log.
///
/// # Errors
/// When it cannot be read.
pub fn logged(wal: &Path, page_size: u32, frames: Range<u32>) -> io::Result<BTreeSet<u32>> {
    const LOG_HEADER: u64 = 32;
    const FRAME_HEADER: u64 = 24;
    if frames.is_empty() {
        return Ok(BTreeSet::new());
    }
    let log = File::open(wal)?;
    let page = |frame: u32| {
        let mut number = [0; 4];
        let at = LOG_HEADER + u64::from(frame) * (FRAME_HEADER + u64::from(page_size));
        log.read_exact_at(&mut number, at)?;
        Ok(u32::from_be_bytes(number))
    };
    frames.map(page).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(kind: u8, cells: u16, content: u16) -> Vec<u8> {
        let mut page = vec![7; 512];
        page[0] = kind;
        page[3..5].copy_from_slice(&cells.to_be_bytes());
        page[5..7].copy_from_slice(&content.to_be_bytes());
        page
    }

    #[test]
    fn free_space_is_between_the_list_of_cells_and_the_cells() {
        assert_eq!(gap(&page(13, 3, 400), 2), Some(14..400));
        assert_eq!(gap(&page(10, 0, 512), 2), Some(8..512));
        assert_eq!(gap(&page(5, 3, 400), 2), Some(18..400));
        assert_eq!(gap(&page(2, 3, 400), 2), Some(18..400));
        let clean = cleaned(&page(13, 3, 400), 2).unwrap();
        assert_eq!(clean[..14], page(13, 3, 400)[..14]);
        assert!(clean[14..400].iter().all(|byte| *byte == 0));
        assert_eq!(clean[400..], page(13, 3, 400)[400..]);
        assert_eq!(cleaned(&clean, 2), None);
    }

    #[test]
    fn the_first_page_begins_with_the_header_of_the_database() {
        let mut first = vec![0; 512];
        first[100..].copy_from_slice(&page(13, 1, 300)[..412]);
        assert_eq!(gap(&first, 1), Some(110..300));
    }

    #[test]
    fn what_is_no_page_of_a_tree_stays_as_it_is() {
        assert_eq!(gap(&page(0, 3, 400), 2), None, "another kind");
        assert_eq!(gap(&page(13, 300, 400), 2), None, "cells that reach into their list");
        assert_eq!(gap(&page(13, 3, 600), 2), None, "cells beyond the page");
        assert_eq!(gap(&page(13, 3, 0), 2), None, "64 KiB of another page");
        assert_eq!(gap(&[13, 0, 0], 2), None, "too little");
    }
}
