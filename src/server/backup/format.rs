//! The format: how a backup is written, and read to its end.

use std::{
    fmt, fs,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use super::{About, BackupError};
use crate::server::{
    files::{ContentHash, Files, Hold},
    store::{self, Copied, SCHEMA_VERSION},
};

/// Raised by one when an older Flack could not read what a newer one writes.
const FORMAT: u32 = 1;

/// What is in a backup, by its names there.
const ABOUT: &str = "flack-backup.json";
pub(super) const DATABASE: &str = "flack.db";
const FILES: &str = "files";
const SUMS: &str = "SHA256SUMS";

/// More than [`About`] takes, in bytes.
const ABOUT_LIMIT: u64 = 64 * 1024;

/// Writes a backup of a data directory to `out`, as it is now. Nothing of it is removed meanwhile:
/// contents that go are gone when it is done.
///
/// # Errors
/// When something cannot be read or written. What was written so far is no backup then.
pub fn write(dir: &Path, hold: Hold, out: impl Write) -> Result<About, BackupError> {
    let files = hold.files().clone();
    let written = write_held(dir, &files, out);
    // If that cannot be read, they stay to be swept.
    match store::reader(dir) {
        Ok(reader) => hold.let_go(|hash| reader.is_content(hash).unwrap_or(true)),
        Err(error) => tracing::warn!(%error, "files may be removed later"),
    }
    written
}

fn write_held(dir: &Path, files: &Files, out: impl Write) -> Result<About, BackupError> {
    let at = Utc::now().duration_trunc(TimeDelta::seconds(1)).unwrap_or_default();
    // Swept at the next start, if this one is killed.
    let copied = store::copy(dir, || files.passing())?;
    let Copied { file: copy, epoch, position, contents } = copied;
    let size = |path: &Path| {
        fs::metadata(path).map(|metadata| metadata.len()).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                BackupError::Spoilt(path.to_owned())
            } else {
                BackupError::Io(path.to_owned(), error)
            }
        })
    };
    let mut parts = vec![(Part::Database, copy.path().to_owned(), size(copy.path())?)];
    for (hash, expected) in contents {
        let (content, thumbnail) = (files.content(hash), files.thumbnail(hash));
        if size(&content)? != expected {
            return Err(BackupError::Spoilt(content));
        }
        parts.push((Part::Content(hash), content, expected));
        if thumbnail.exists() {
            let small = size(&thumbnail)?;
            parts.push((Part::Thumbnail(hash), thumbnail, small));
        }
    }
    let about = About {
        format: FORMAT,
        flack: env!("CARGO_PKG_VERSION").to_owned(),
        schema: SCHEMA_VERSION,
        epoch,
        position,
        at,
        files: parts.len() as u64 - 1,
        bytes: parts.iter().map(|(_, _, size)| size).sum(),
    };
    let mut tar = Writer { tar: Builder::new(out), sums: String::new(), at };
    let json = serde_json::to_vec_pretty(&about).expect("it has no keys but text");
    tar.add(ABOUT, json.len() as u64, &json[..]).map_err(unwritten)?;
    for (part, path, size) in parts {
        let file = File::open(&path).map_err(|error| BackupError::Io(path.clone(), error))?;
        let hash = tar.add(&part.name(), size, file).map_err(unwritten)?;
        // What the disk has made of it would be noticed too late otherwise.
        if let Part::Content(expected) = part
            && expected != hash
        {
            return Err(BackupError::Spoilt(path));
        }
    }
    tar.finish().map_err(unwritten)?;
    Ok(about)
}

/// Whoever reads is gone, or the disk does not give what is on it.
fn unwritten(error: io::Error) -> BackupError {
    BackupError::Io(PathBuf::from("the backup"), error)
}

/// What a backup is made of, beside what it says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Database,
    Content(ContentHash),
    Thumbnail(ContentHash),
}

impl Part {
    pub(super) fn name(self) -> String {
        match self {
            Part::Database => DATABASE.to_owned(),
            Part::Content(hash) => format!("{FILES}/{hash}"),
            Part::Thumbnail(hash) => format!("{FILES}/{hash}.thumbnail"),
        }
    }

    /// Reads what [`name`](Self::name) writes, and nothing else.
    fn of(name: &str) -> Option<Self> {
        if name == DATABASE {
            return Some(Part::Database);
        }
        let file = name.strip_prefix(FILES)?.strip_prefix('/')?;
        match file.strip_suffix(".thumbnail") {
            Some(hash) => ContentHash::parse(hash).map(Part::Thumbnail),
            None => ContentHash::parse(file).map(Part::Content),
        }
    }
}

struct Writer<W: Write> {
    tar: Builder<W>,
    /// What `sha256sum` would say of all entries so far.
    sums: String,
    at: DateTime<Utc>,
}

impl<W: Write> Writer<W> {
    /// Adds an entry, and gives its hash.
    fn add(&mut self, name: &str, size: u64, content: impl Read) -> io::Result<ContentHash> {
        let mut content = Hashing::new(content.take(size));
        self.entry(name, size, &mut content)?;
        let (read, hash) = content.finish();
        if read != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        add_sum(&mut self.sums, name, hash);
        Ok(hash)
    }

    fn entry(&mut self, name: &str, size: u64, content: impl Read) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(self.at.timestamp().max(0).cast_unsigned());
        self.tar.append_data(&mut header, name, content)
    }

    fn finish(mut self) -> io::Result<()> {
        let sums = std::mem::take(&mut self.sums);
        self.entry(SUMS, sums.len() as u64, sums.as_bytes())?;
        self.tar.into_inner()?.flush()
    }
}

fn add_sum(sums: &mut String, name: &str, hash: ContentHash) {
    use fmt::Write;
    writeln!(sums, "{hash}  {name}").expect("writing into memory succeeds");
}

/// Hashes what is read.
struct Hashing<R> {
    content: R,
    hash: Sha256,
    read: u64,
}

impl<R: Read> Hashing<R> {
    fn new(content: R) -> Self {
        Self { content, hash: Sha256::new(), read: 0 }
    }

    fn finish(self) -> (u64, ContentHash) {
        (self.read, ContentHash(self.hash.finalize().into()))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.read += read as u64;
        Ok(read)
    }
}

/// Why a backup cannot be read.
#[derive(Debug)]
pub(super) enum Unread {
    Damaged(String),
    Newer(String),
    /// What was read could not be kept.
    Kept(PathBuf, io::Error),
}

impl Unread {
    pub(super) fn of(self, path: &Path) -> BackupError {
        match self {
            Unread::Damaged(why) => BackupError::Damaged(path.to_owned(), why),
            Unread::Newer(version) => BackupError::Newer(version),
            Unread::Kept(path, error) => BackupError::Io(path, error),
        }
    }
}

fn damaged(why: impl Into<String>) -> Unread {
    Unread::Damaged(why.into())
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Unread::Damaged(error.to_string())
    }
}

/// Reads a backup to its end, and gives each part to `keep`, before it is known whether it is right.
///
/// # Errors
/// When anything is not as it was written; what was kept is of no use then.
pub(super) fn read(
    from: impl Read,
    mut keep: impl FnMut(&About, Part, &mut dyn Read) -> Result<(), Unread>,
) -> Result<About, Unread> {
    let mut archive = Archive::new(from);
    let mut sums = String::new();
    let mut about: Option<About> = None;
    let (mut files, mut has_database) = (0, false);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type() != EntryType::Regular {
            return Err(damaged("it has something in it that is no file"));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let size = entry.size();
        if name == SUMS {
            let mut told = Vec::new();
            entry.take(sums.len() as u64 + 1).read_to_end(&mut told)?;
            let about = about.ok_or_else(|| damaged(format!("{ABOUT} is missing")))?;
            if told != sums.as_bytes() || files != about.files || !has_database {
                return Err(damaged("what is in it is not what was written"));
            }
            return Ok(about);
        }
        let mut content = Hashing::new(&mut entry);
        match (&about, Part::of(&name)) {
            (None, _) if name == ABOUT && size <= ABOUT_LIMIT => {
                let mut json = Vec::new();
                content.read_to_end(&mut json)?;
                about = Some(understood(&json)?);
            }
            (Some(about), Some(part)) => {
                keep(about, part, &mut content)?;
                has_database |= part == Part::Database;
                files += u64::from(part != Part::Database);
            }
            (None, _) => return Err(damaged(format!("it does not begin with {ABOUT}"))),
            (Some(_), None) => return Err(damaged(format!("{name:?} has no place in it"))),
        }
        let (read, hash) = content.finish();
        if read != size {
            return Err(damaged(format!("{name} is too short")));
        }
        if matches!(Part::of(&name), Some(Part::Content(expected)) if expected != hash) {
            return Err(damaged(format!("{name} is not what its name says")));
        }
        add_sum(&mut sums, &name, hash);
    }
    Err(damaged("its end is missing"))
}

fn understood(json: &[u8]) -> Result<About, Unread> {
    /// What every format has.
    #[derive(Deserialize)]
    struct Any {
        format: u32,
        flack: String,
        schema: i64,
    }
    let unreadable = |error: serde_json::Error| damaged(format!("{ABOUT}: {error}"));
    let any: Any = serde_json::from_slice(json).map_err(unreadable)?;
    if any.format > FORMAT || any.schema > SCHEMA_VERSION {
        return Err(Unread::Newer(any.flack));
    }
    serde_json::from_slice(json).map_err(unreadable)
}
