//! The data directory: one that a server runs on, which nobody else may use meanwhile, and one that is to be
//! filled with a backup.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, config::DbConfig};

use super::{
    Limits, Store, StoreError,
    reader::Reader,
    rows::position,
    schema::{SCHEMA_VERSION, fill, migrate},
};
use crate::server::{
    files::{self, Files},
    scrub::PAGES_LIMIT,
};

/// What is in a data directory.
pub(super) const DATABASE: &str = "flack.db";

const WAL: &str = "flack.db-wal";

const FILES: &str = "files";

const LOCK: &str = "flack.lock";

/// Where a backup is put until all of it is there and right.
const RESTORING: &str = "restoring";

/// How long a connection waits for another one.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The exclusive right to a data directory, for as long as it or its [`Store`] lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    files: Arc<Files>,
    lock: Arc<File>,
}

impl DataDir {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the directory, and makes it if it is not there.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it.
    pub fn lock(path: &Path) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let restoring = path.join(RESTORING);
        let at = |error| StoreError::Io(path.to_owned(), error);
        match (restoring.is_dir(), path.join(DATABASE).is_file()) {
            (false, _) => {}
            // Only its end is missing.
            (true, true) => fs::remove_dir_all(restoring).map_err(at)?,
            (true, false) => return Err(StoreError::Unfinished(path.to_owned())),
        }
        let files = Files::open(path.join(FILES)).map_err(at)?;
        Ok(Self { path: path.to_owned(), files: Arc::new(files), lock: Arc::new(lock) })
    }

    /// Opens the store for writing, and makes it if it is not there.
    ///
    /// # Errors
    /// When the file cannot be opened, or is not one of ours.
    pub fn open(&self, limits: Limits) -> Result<Store, StoreError> {
        let file = self.database();
        if !file.try_exists().map_err(|error| StoreError::Io(file, error))? {
            self.create()?;
        }
        // Here, because whoever made it may have ended before that.
        sync_dir(&self.path)?;
        let mut db = self.connect()?;
        let version = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match version {
            1..=SCHEMA_VERSION => {}
            0 => return Err(StoreError::Foreign(self.database())),
            newer => return Err(StoreError::Newer(newer)),
        }
        db.pragma_update(None, "journal_mode", "wal")?;
        // Every commit is synced; what is deleted is overwritten.
        db.pragma_update(None, "synchronous", "full")?;
        db.pragma_update(None, "secure_delete", true)?;
        // The store itself says when the database takes over what is in the write-ahead log.
        db.pragma_update(None, "wal_autocheckpoint", 0)?;
        set_page_limit(&db, PAGES_LIMIT)?;
        if version < SCHEMA_VERSION {
            migrate(&mut db, version)?;
        }
        db.pragma_update(None, "foreign_keys", true)?;
        db.set_prepared_statement_cache_capacity(64);
        let last = db.query_row("SELECT value FROM meta WHERE key = 'last'", [], position)?;
        let page_size = db.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let wal = self.path.join(WAL);
        let files = self.files.clone();
        let mut store = Store {
            db,
            last,
            limits,
            files,
            wal,
            page_size,
            scrubbed: 0,
            wiped: None,
            has_failed: false,
            _lock: self.lock.clone(),
        };
        store.settle()?;
        // What an earlier server left behind between two steps.
        store.sweep_files()?;
        Ok(store)
    }

    /// The contents of attachments.
    pub fn files(&self) -> &Arc<Files> {
        &self.files
    }

    /// Opens the store for reading beside the [writer](Self::open), which must have been opened
    /// before.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        reader(&self.path)
    }

    fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        connect(&self.database())
    }

    /// Makes the database under another name, and gives it its own when all of it is on disk:
    /// whenever the power fails, it is there with everything in it, or not at all.
    fn create(&self) -> Result<(), StoreError> {
        let new = self.path.join("flack.db.new");
        // Left behind by a beginning that broke off, or by a database that is no more.
        for leftover in [".new", ".new-journal", "-journal", "-wal", "-shm"] {
            let leftover = self.path.join(format!("flack.db{leftover}"));
            match fs::remove_file(&leftover) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::Io(leftover, error));
                }
                _ => {}
            }
        }
        let mut db = Connection::open(&new)?;
        fill(&mut db)?;
        db.close().map_err(|(_, error)| error)?;
        let at = |error| StoreError::Io(new.clone(), error);
        File::open(&new).and_then(|file| file.sync_all()).map_err(at)?;
        fs::rename(&new, self.database()).map_err(at)
    }
}

/// Takes the exclusive right to a data directory, and makes it if it is not there.
fn lock(path: &Path) -> Result<File, StoreError> {
    make_dir(path)?;
    let at = |error| StoreError::Io(path.to_owned(), error);
    let lock = File::options().create(true).append(true).open(path.join(LOCK)).map_err(at)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(at(error)),
    }
}

pub(super) fn connect(database: &Path) -> Result<Connection, StoreError> {
    let db = Connection::open(database)?;
    db.busy_timeout(PATIENCE)?;
    db.pragma_update(None, "cache_size", -2_000)?; // KiB
    // Else what a large statement may have to take back is put into a file wherever there is room for
    // files: outside of the data directory, which may be all that can be written.
    db.pragma_update(None, "temp_store", "memory")?;
    // Else a statement is planned anew each time it is used, in case what is bound to it makes another
    // plan better.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Only the store brings pages from the write-ahead log into the database, when they are clean.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(db)
}

/// Opens the store of a data directory for reading, which must have been opened for writing before.
///
/// # Errors
/// When the file cannot be opened.
pub fn reader(dir: &Path) -> Result<Reader, StoreError> {
    let db = connect(&dir.join(DATABASE))?;
    // What is read at the start is read once; for what is read often, there is the operating system.
    db.pragma_update(None, "cache_size", -256)?; // KiB
    db.pragma_update(None, "query_only", true)?;
    Ok(Reader { db })
}

/// Makes a directory, and those above it, so that they outlast a power cut.
fn make_dir(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    // A relative path begins in the working directory.
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let parent = parent.unwrap_or(Path::new("."));
    make_dir(parent)?;
    match fs::create_dir(path) {
        Err(error) if !path.is_dir() => Err(StoreError::Io(path.to_owned(), error)),
        _ => sync_dir(parent),
    }
}

/// Makes the names in a directory durable.
fn sync_dir(path: &Path) -> Result<(), StoreError> {
    files::sync_dir(path).map_err(|error| StoreError::Io(path.to_owned(), error))
}

/// Takes the disk for full when the file has this many pages.
pub(super) fn set_page_limit(db: &Connection, limit: u32) -> rusqlite::Result<()> {
    db.query_row(&format!("PRAGMA max_page_count = {limit}"), [], |_| Ok(()))
}

/// A data directory with nothing in it, and the exclusive right to it.
#[derive(Debug)]
pub struct EmptyDir {
    path: PathBuf,
    is_made: bool,
    _lock: File,
}

impl EmptyDir {
    /// Takes the directory, and makes it if it is not there. What a restore has left there that was not
    /// finished is removed.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] when anything else is there.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        let is_made = !path.exists();
        let lock = lock(path)?;
        let at = |error| StoreError::Io(path.to_owned(), error);
        let restoring = path.join(RESTORING);
        for entry in fs::read_dir(path).map_err(at)? {
            let name = entry.map_err(at)?.file_name();
            let is_nothing = match name.to_str() {
                // The root of a file system has the last one.
                Some(LOCK | RESTORING | "lost+found") => true,
                // Moved already, before the database was.
                Some(FILES) => restoring.is_dir(),
                _ => false,
            };
            if !is_nothing {
                return Err(StoreError::NotEmpty(path.to_owned()));
            }
        }
        let dir = Self { path: path.to_owned(), is_made, _lock: lock };
        for left in [restoring.clone(), path.join(FILES)] {
            if left.is_dir() {
                fs::remove_dir_all(left).map_err(at)?;
            }
        }
        fs::create_dir_all(restoring.join(FILES)).map_err(at)?;
        sync_dir(path)?;
        Ok(dir)
    }

    /// Where to put what is to be in it. As long as this is there, no server starts on the directory.
    pub fn staging(&self) -> PathBuf {
        self.path.join(RESTORING)
    }

    /// Takes what was put there for right.
    ///
    /// # Errors
    /// When it cannot be moved; doing all of it again works.
    pub fn settle(self) -> Result<(), StoreError> {
        let at = |error| StoreError::Io(self.path.clone(), error);
        let staging = self.staging();
        sync_dir(&staging.join(FILES))?;
        sync_dir(&staging)?;
        for name in [FILES, DATABASE] {
            fs::rename(staging.join(name), self.path.join(name)).map_err(at)?;
            // The database comes last, whenever the power fails.
            sync_dir(&self.path)?;
        }
        fs::remove_dir(staging).map_err(at)?;
        sync_dir(&self.path)
    }

    /// Leaves nothing behind.
    pub fn leave(self) {
        let _ = fs::remove_dir_all(self.staging());
        let _ = fs::remove_file(self.path.join(LOCK));
        if self.is_made {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where nothing else can be written, SQLite would fail as soon as a statement is large.
    #[test]
    fn sqlite_keeps_in_memory_what_it_may_have_to_take_back() {
        const MEMORY: i64 = 2;
        let dir = tempfile::tempdir().unwrap();
        let db = connect(&dir.path().join(DATABASE)).unwrap();
        let kept = db.query_row("PRAGMA temp_store", [], |row| row.get::<_, i64>(0));
        assert_eq!(kept.unwrap(), MEMORY);
    }
}
