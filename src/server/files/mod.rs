//! The content of attachments: files in the data directory, each called by the SHA-256 of what is in
//! it. Who may read which, and what it is called, is in the store.
//!
//! A file comes in under a passing name, is synced, and gets its own name before the store hears of
//! it. So what the store knows is there, whenever the power fails; what is there without being known
//! is swept.

use std::{
    collections::HashMap,
    fmt,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tempfile::NamedTempFile;
use tokio::sync::Semaphore;

use crate::domain::{
    attachment::{Attachment, AttachmentLimits},
    hex::{hex, unhex},
    person::PersonId,
    room::Room,
};

pub mod door;
pub mod metadata;
pub mod picture;
pub mod upload;

/// How much may be stored.
#[derive(Clone, Copy, Debug)]
pub struct FileLimits {
    /// Of one file, and of one message.
    pub attachments: AttachmentLimits,
    /// Bytes of all files of one person.
    pub person: u64,
    /// Bytes of all files.
    pub all: u64,
}

impl Default for FileLimits {
    fn default() -> Self {
        let attachments = AttachmentLimits { file: 25 << 20, files: 10 };
        Self { attachments, person: 1 << 30, all: 10 << 30 }
    }
}

/// A file counts for at least so many bytes, which is what a disk takes for it.
pub const SMALLEST: u64 = 4_096;

/// How many files may come in at once, and how many of them from one person.
const PLACES: usize = 64;
const PLACES_OF_ONE: usize = 10;

/// How old a file without an owner has to be before it is swept: longer than any commit takes.
const ORPHAN_AGE: Duration = Duration::from_secs(3_600);

/// The SHA-256 of a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl ContentHash {
    /// Reads what [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }
}

/// An attachment as the store knows it.
#[derive(Clone, Debug)]
pub struct StoredFile {
    pub attachment: Attachment,
    pub hash: ContentHash,
    pub place: FilePlace,
}

/// Where an attachment stands, which says who may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePlace {
    /// In no message yet; its owner's own.
    Pending(PersonId),
    /// In a message of this room.
    In(Room),
    /// In a message that was deleted.
    Gone,
}

impl FilePlace {
    pub fn admits(&self, person: PersonId) -> bool {
        match self {
            FilePlace::Pending(owner) => *owner == person,
            FilePlace::In(room) => room.admits(person),
            FilePlace::Gone => false,
        }
    }
}

/// The directory of files.
#[derive(Debug)]
pub struct Files {
    dir: PathBuf,
    /// What may not be removed, whatever becomes of it in the store.
    kept: Mutex<Kept>,
    /// How many uploads of each person are under way.
    uploading: Mutex<HashMap<PersonId, usize>>,
    /// One picture at a time is worked on: it may take much memory.
    easel: Semaphore,
}

#[derive(Debug, Default)]
struct Kept {
    /// What is coming in: how often each content is on its way into the store, so that it is not
    /// removed meanwhile because an older copy of it goes.
    pinned: HashMap<ContentHash, usize>,
    /// While all of it is held: what would have been removed.
    removed: Option<Vec<ContentHash>>,
}

impl Kept {
    fn has(&self, hash: &ContentHash) -> bool {
        self.removed.is_some() || self.pinned.contains_key(hash)
    }
}

impl Files {
    /// Takes the directory, and makes it if it is not there. What broke off while it came in is
    /// removed.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub fn open(dir: PathBuf) -> io::Result<Self> {
        if !dir.is_dir() {
            fs::create_dir(&dir)?;
            if let Some(parent) = dir.parent() {
                sync_dir(parent)?;
            }
        }
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(upload::PASSING) {
                fs::remove_file(entry.path())?;
            }
        }
        // Here, because whoever made it or what is in it may have ended before that.
        sync_dir(&dir)?;
        let (kept, uploading) = (Mutex::default(), Mutex::default());
        Ok(Self { dir, kept, uploading, easel: Semaphore::new(1) })
    }

    pub fn content(&self, hash: ContentHash) -> PathBuf {
        self.dir.join(hash.to_string())
    }

    pub fn thumbnail(&self, hash: ContentHash) -> PathBuf {
        self.dir.join(format!("{hash}.thumbnail"))
    }

    /// Removes contents that the store does not know any more.
    pub fn remove(&self, hashes: &[ContentHash]) {
        let mut kept = self.kept();
        if let Some(removed) = &mut kept.removed {
            removed.extend_from_slice(hashes);
        }
        hashes.iter().filter(|hash| !kept.has(hash)).for_each(|hash| self.unlink(*hash));
    }

    fn unlink(&self, hash: ContentHash) {
        for path in [self.thumbnail(hash), self.content(hash)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, "a deleted file could not be removed yet");
                }
                _ => {}
            }
        }
    }

    /// Removes what nobody knows: left behind where a server ended between two steps. What came in
    /// less than `age` ago may be about to become known. Gives how many files went.
    ///
    /// # Errors
    /// When the directory or the store cannot be read.
    pub fn sweep<E: From<io::Error>>(
        &self,
        age: Duration,
        is_known: impl Fn(ContentHash) -> Result<bool, E>,
    ) -> Result<usize, E> {
        let mut swept = 0;
        let now = SystemTime::now();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let Some(hash) = ContentHash::parse(name.trim_end_matches(".thumbnail")) else {
                continue;
            };
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let is_old = modified
                .is_ok_and(|modified| now.duration_since(modified).unwrap_or_default() >= age);
            // Most are, and nobody has to wait while that is found out.
            if !is_old || is_known(hash)? {
                continue;
            }
            // Nothing can be pinned while this is held.
            let kept = self.kept();
            if !kept.has(&hash) && !is_known(hash)? {
                fs::remove_file(entry.path())?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// Like [`sweep`](Self::sweep), while people upload.
    ///
    /// # Errors
    /// As there.
    pub fn sweep_orphans<E: From<io::Error>>(
        &self,
        is_known: impl Fn(ContentHash) -> Result<bool, E>,
    ) -> Result<usize, E> {
        self.sweep(ORPHAN_AGE, is_known)
    }

    /// Counts an upload in, unless there are too many.
    fn enter(self: &Arc<Self>, person: PersonId) -> Option<Place> {
        let mut uploading = lock(&self.uploading);
        let own = uploading.get(&person).copied().unwrap_or_default();
        let fits = own < PLACES_OF_ONE && uploading.values().sum::<usize>() < PLACES;
        fits.then(|| {
            uploading.insert(person, own + 1);
            Place { files: self.clone(), person }
        })
    }

    fn pin(self: &Arc<Self>, hash: ContentHash) -> Pin {
        *self.kept().pinned.entry(hash).or_default() += 1;
        Pin { files: self.clone(), hash }
    }

    /// Holds all contents, so that what is in the store at any moment from now on is there to be read.
    /// None if somebody holds them already.
    pub fn hold(self: &Arc<Self>) -> Option<Hold> {
        let mut kept = self.kept();
        if kept.removed.is_some() {
            return None;
        }
        kept.removed = Some(Vec::new());
        Some(Hold { files: self.clone() })
    }

    /// A file beside the contents, which is gone when it is dropped, or at the next start.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn passing(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix(upload::PASSING).tempfile_in(&self.dir)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }
}

/// One of those whose upload is under way.
#[derive(Debug)]
struct Place {
    files: Arc<Files>,
    person: PersonId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut uploading = lock(&self.files.uploading);
        if let Some(own) = uploading.get_mut(&self.person) {
            *own -= 1;
            if *own == 0 {
                uploading.remove(&self.person);
            }
        }
    }
}

/// Keeps a content until the store has decided about it.
#[derive(Debug)]
pub struct Pin {
    files: Arc<Files>,
    hash: ContentHash,
}

impl Pin {
    /// The store did not take it. If nobody else has the same content, it goes.
    ///
    /// Whether somebody has is asked only when the pin is gone and nothing else can be pinned: the same
    /// may have come in from somebody else meanwhile, and be known by now.
    pub fn refused(self, is_known: impl FnOnce(ContentHash) -> bool) {
        let (files, hash) = (self.files.clone(), self.hash);
        drop(self);
        let mut kept = files.kept();
        if let Some(removed) = &mut kept.removed {
            removed.push(hash);
        }
        if !kept.has(&hash) && !is_known(hash) {
            files.unlink(hash);
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let pinned = &mut self.files.kept().pinned;
        if let Some(count) = pinned.get_mut(&self.hash) {
            *count -= 1;
            if *count == 0 {
                pinned.remove(&self.hash);
            }
        }
    }
}

/// Keeps all contents, for a backup.
#[derive(Debug)]
pub struct Hold {
    files: Arc<Files>,
}

impl Hold {
    pub fn files(&self) -> &Arc<Files> {
        &self.files
    }

    /// Removes what would have been removed meanwhile, unless it has come in again.
    pub fn let_go(self, is_known: impl Fn(ContentHash) -> bool) {
        let files = self.files.clone();
        let removed = files.kept().removed.clone().unwrap_or_default();
        drop(self);
        for hash in removed {
            // Nothing can be pinned while this is held.
            let kept = files.kept();
            if !kept.has(&hash) && !is_known(hash) {
                files.unlink(hash);
            }
        }
    }
}

impl Drop for Hold {
    /// What was not removed is swept.
    fn drop(&mut self) {
        self.files.kept().removed = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the names in a directory durable.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: ContentHash = ContentHash([0xAB; 32]);

    fn files() -> (tempfile::TempDir, Arc<Files>) {
        let dir = tempfile::tempdir().unwrap();
        let files = Arc::new(Files::open(dir.path().join("files")).unwrap());
        for path in [files.content(HASH), files.thumbnail(HASH)] {
            fs::write(path, "content").unwrap();
        }
        (dir, files)
    }

    fn sweep(files: &Files, age: Duration, is_known: bool) -> usize {
        files.sweep(age, |_| Ok::<_, io::Error>(is_known)).unwrap()
    }

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        assert_eq!(ContentHash::parse(&HASH.to_string()), Some(HASH));
        for other in ["", "new-x", &"g".repeat(64), &"é".repeat(32), "flack.db"] {
            assert_eq!(ContentHash::parse(other), None, "{other}");
        }
    }

    #[test]
    fn only_what_nobody_knows_and_nobody_brings_is_swept() {
        let (_dir, files) = files();
        assert_eq!(sweep(&files, ORPHAN_AGE, false), 0, "it may be about to become known");
        assert_eq!(sweep(&files, Duration::ZERO, true), 0, "it is known");
        let pin = files.pin(HASH);
        assert_eq!(sweep(&files, Duration::ZERO, false), 0, "it is on its way");
        drop(pin);
        assert_eq!(sweep(&files, Duration::ZERO, false), 2);
    }

    #[test]
    fn what_is_on_its_way_is_not_removed_with_an_older_copy() {
        let (_dir, files) = files();
        let (one, other) = (files.pin(HASH), files.pin(HASH));
        files.remove(&[HASH]);
        assert!(files.content(HASH).exists());
        one.refused(|_| false);
        assert!(files.content(HASH).exists(), "the other one may be taken");
        other.refused(|_| false);
        assert!(!files.content(HASH).exists() && !files.thumbnail(HASH).exists());
    }

    #[test]
    fn what_is_held_goes_when_it_is_let_go() {
        let (_dir, files) = files();
        let hold = files.hold().unwrap();
        assert!(files.hold().is_none(), "one at a time");
        files.remove(&[HASH]);
        assert_eq!(sweep(&files, Duration::ZERO, false), 0);
        assert!(files.content(HASH).exists() && files.thumbnail(HASH).exists());
        hold.let_go(|_| false);
        assert!(!files.content(HASH).exists() && !files.thumbnail(HASH).exists());
    }

    #[test]
    fn what_comes_in_again_while_it_is_held_stays() {
        let (_dir, files) = files();
        let hold = files.hold().unwrap();
        files.remove(&[HASH]);
        hold.let_go(|_| true);
        assert!(files.content(HASH).exists());
        let hold = files.hold().unwrap();
        files.remove(&[HASH]);
        let pin = files.pin(HASH);
        hold.let_go(|_| false);
        assert!(files.content(HASH).exists(), "it is on its way");
        drop(pin);
        drop(files.hold());
        assert_eq!(sweep(&files, Duration::ZERO, false), 2, "nothing is held any more");
    }

    #[test]
    fn what_was_refused_stays_where_somebody_else_has_the_same() {
        let (_dir, files) = files();
        files.pin(HASH).refused(|_| true);
        assert!(files.content(HASH).exists());
    }

    /// Somebody else's upload of the same content may become known, and let go of it, at any moment.
    #[test]
    fn whether_what_was_refused_is_known_is_asked_while_nothing_can_come_in() {
        let (_dir, files) = files();
        let (refused, taken) = (files.pin(HASH), files.pin(HASH));
        // Known only when it is in the store, and then nobody needs to keep it any more.
        drop(taken);
        refused.refused(|_| {
            assert!(files.kept.try_lock().is_err(), "it could be known a moment later");
            true
        });
        assert!(files.content(HASH).exists());
        assert!(!files.kept().pinned.contains_key(&HASH));
    }

    #[test]
    fn what_was_refused_while_all_is_held_goes_when_it_is_let_go() {
        let (_dir, files) = files();
        let hold = files.hold().unwrap();
        files.pin(HASH).refused(|_| false);
        assert!(files.content(HASH).exists());
        hold.let_go(|_| false);
        assert!(!files.content(HASH).exists());
    }
}
