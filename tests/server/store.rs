//! The data directory, before there is a server.

use std::{fs, path::Path};

use flack::server::store::{DataDir, Limits, Store, StoreError};
use rusqlite::Connection;

fn open(dir: &Path) -> Result<Store, StoreError> {
    DataDir::lock(dir)?.open(Limits { people: 10, channels: 10 })
}

#[test]
fn a_beginning_that_broke_off_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("some/where/new");
    fs::create_dir_all(&data).unwrap();
    for leftover in [".new", ".new-journal", "-journal", "-wal", "-shm"] {
        fs::write(data.join(format!("flack.db{leftover}")), "half of something").unwrap();
    }
    let last = open(&data).unwrap().last();
    assert_eq!(last.0, 1, "the first channel");
    let mut left: Vec<_> =
        fs::read_dir(&data).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["flack.db", "flack.lock"]);
    // It is the same one the next time.
    assert_eq!(open(&data).unwrap().last(), last);
}

#[test]
fn a_directory_is_made_with_all_above_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("one/two/three");
    open(&data).unwrap();
    assert!(data.join("flack.db").is_file());
    // What stands in the way is named.
    fs::write(dir.path().join("file"), "").unwrap();
    let refused = open(&dir.path().join("file/data")).err().unwrap().to_string();
    assert!(refused.contains("file"), "{refused}");
}

#[test]
fn a_database_of_somebody_else_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("flack.db");
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    let before = fs::read(&file).unwrap();
    let refused = open(dir.path()).err().unwrap();
    assert!(matches!(refused, StoreError::Foreign(_)), "{refused}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

/// Releases before it can corrupt a database in WAL mode (SQLite 3.51.3, release notes).
#[test]
fn sqlite_is_new_enough() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}
