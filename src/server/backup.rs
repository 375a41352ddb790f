//! All that is kept in one file, and back: `flack backup` and `flack restore`.
//!
//! A backup is a tar archive (POSIX.1-1988), which other programs can look into. First it says what it
//! is, then comes the database, then every content of attachments, and last the SHA-256 of all that
//! came before: whatever broke off or was changed is noticed. It is of one moment, and is checked by its
//! reader while it is written.
//!
//! Whoever runs a server gets it from there, over the operator's socket, so that the server needs no
//! right to write anywhere else; otherwise this process makes it.

use std::{
    collections::HashMap,
    fmt, fs,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use clap::{Arg, ArgMatches, Command};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use super::{
    admin::{self, NoAnswer},
    config::Config,
    files::{ContentHash, Files, Hold, sync_dir},
    store::{self, Copied, DataDir, EmptyDir, SCHEMA_VERSION, StoreError},
};
use crate::{
    domain::{
        attachment::size_in_words,
        position::{Epoch, Position},
    },
    words::Language,
};

/// The names of the subcommands.
pub const BACKUP: &str = "backup";
pub const RESTORE: &str = "restore";

/// Raised by one when an older Flack could not read what a newer one writes.
const FORMAT: u32 = 1;

/// What is in a backup, by its names there.
const ABOUT: &str = "flack-backup.json";
const DATABASE: &str = "flack.db";
const FILES: &str = "files";
const SUMS: &str = "SHA256SUMS";

/// Stands for the standard output or input.
const STANDARD: &str = "-";

/// More than [`About`] takes, in bytes.
const ABOUT_LIMIT: u64 = 64 * 1024;

/// How much is read at once.
const PIECE: usize = 256 * 1024;

/// How often whoever waits is told how far it is.
const NEWS: Duration = Duration::from_secs(5);

/// What a backup is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    pub format: u32,
    /// The version that has written it.
    pub flack: String,
    /// Of the tables.
    pub schema: i64,
    pub epoch: Epoch,
    /// Of the newest entry that is in it.
    pub position: Position,
    pub at: DateTime<Utc>,
    /// How many contents of attachments there are, with the small copies.
    pub files: u64,
    /// Bytes of all that is in it.
    pub bytes: u64,
}

/// Why there is no backup, or nothing was restored.
#[derive(Debug)]
pub enum BackupError {
    /// The file is there already.
    Exists(PathBuf),
    /// There is nothing to be backed up.
    NoData(PathBuf),
    /// A content of an attachment is missing, or not what it was.
    Spoilt(PathBuf),
    /// It is no backup, or not all of one.
    Damaged(PathBuf, String),
    /// The backup was written by a newer Flack.
    Newer(String),
    /// The server did not go on.
    BrokenOff,
    NoAnswer(NoAnswer),
    Store(StoreError),
    Io(PathBuf, io::Error),
}

impl BackupError {
    /// How the process ends then (sysexits.h).
    pub fn code(&self) -> u8 {
        match self {
            BackupError::NoAnswer(NoAnswer::Refused(_)) => 1,
            BackupError::Spoilt(_) | BackupError::Damaged(..) | BackupError::Newer(_) => 65,
            BackupError::NoData(_) => 66,
            BackupError::Exists(_) | BackupError::Store(StoreError::NotEmpty(_)) => 73,
            BackupError::NoAnswer(_) | BackupError::Store(_) => 69,
            BackupError::BrokenOff | BackupError::Io(..) => 74,
        }
    }
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupError::Exists(path) => {
                write!(f, "{} is there already, and stays as it is", path.display())
            }
            BackupError::NoData(dir) => {
                write!(f, "there is no Flack in the data directory {}", dir.display())
            }
            BackupError::Spoilt(path) => write!(
                f,
                "{} is missing or not what it was when it came in. Put it back from an earlier \
                 backup, or delete the message that it belongs to",
                path.display()
            ),
            BackupError::Damaged(path, why) => {
                write!(f, "{} is no backup of Flack, or not a whole one: {why}", path.display())
            }
            BackupError::Newer(version) => write!(
                f,
                "the backup was written by a newer Flack ({version}, this is {})",
                env!("CARGO_PKG_VERSION")
            ),
            BackupError::BrokenOff => write!(
                f,
                "the server did not finish the backup, and nothing is left of it; its log says why"
            ),
            BackupError::NoAnswer(error) => error.fmt(f),
            BackupError::Store(error) => error.fmt(f),
            BackupError::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for BackupError {}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        BackupError::Store(error)
    }
}

// --- Writing ----------------------------------------------------------------------

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
    let copy = files.passing().map_err(|error| BackupError::Io(dir.to_owned(), error))?;
    let Copied { epoch, position, contents } = store::copy(dir, copy.path())?;
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
enum Part {
    Database,
    Content(ContentHash),
    Thumbnail(ContentHash),
}

impl Part {
    fn name(self) -> String {
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

// --- Reading ----------------------------------------------------------------------

/// Why a backup cannot be read.
#[derive(Debug)]
enum Unread {
    Damaged(String),
    Newer(String),
    /// What was read could not be kept.
    Kept(PathBuf, io::Error),
}

impl Unread {
    fn of(self, path: &Path) -> BackupError {
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
fn read(
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

// --- flack backup -----------------------------------------------------------------

/// `flack backup …`, for `--help` and for parsing.
pub fn backup_command() -> Command {
    Command::new(BACKUP)
        .about("Puts all that is kept into one file, while the server runs or not")
        .arg(Arg::new("file").value_name("FILE").required(true).help(
            "The file to make, such as flack.tar; one that is there is not touched. A - \
                     stands for the standard output",
        ))
}

fn file(arguments: &ArgMatches) -> PathBuf {
    arguments.get_one::<String>("file").map(PathBuf::from).unwrap_or_default()
}

/// Makes a backup of the data directory.
///
/// # Errors
/// When it cannot be made; nothing is left of it then.
pub fn back_up(config: &Config, arguments: &ArgMatches) -> Result<(), BackupError> {
    let path = file(arguments);
    let at = |error| BackupError::Io(path.clone(), error);
    if path == Path::new(STANDARD) {
        let out = io::stdout().as_fd().try_clone_to_owned().map_err(at)?;
        let about = make(&config.data_dir, &path, &out.into())?;
        eprintln!("It is written and checked: {}.", Words(&about));
        return Ok(());
    }
    if path.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(path));
    }
    let unnamed = Unnamed::beside(&path).map_err(at)?;
    let about = make(&config.data_dir, &path, unnamed.file())?;
    unnamed.file().sync_all().map_err(at)?;
    unnamed.name(&path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(path.clone()),
        _ => at(error),
    })?;
    sync_dir(parent(&path)).map_err(at)?;
    eprintln!("{} is written, checked and on disk: {}.", path.display(), Words(&about));
    Ok(())
}

fn make(dir: &Path, path: &Path, file: &File) -> Result<About, BackupError> {
    match admin::backup(dir) {
        Ok(stream) => {
            eprintln!("The server copies its database.");
            receive(stream, file).map_err(|error| match error {
                // The rest of it did not come; why, only the server knows.
                Unread::Damaged(_) => BackupError::BrokenOff,
                other => other.of(path),
            })
        }
        Err(NoAnswer::NoServer(_)) => write_here(dir, path, file),
        Err(error) => Err(BackupError::NoAnswer(error)),
    }
}

/// Without a server, both ends are here.
fn write_here(dir: &Path, path: &Path, file: &File) -> Result<About, BackupError> {
    if !dir.join(DATABASE).exists() {
        return Err(BackupError::NoData(dir.to_owned()));
    }
    let locked = DataDir::lock(dir)?;
    eprintln!("No server runs. Copying the database.");
    let (ours, theirs) =
        UnixStream::pair().map_err(|error| BackupError::Io(path.to_owned(), error))?;
    let hold = locked.files().hold().expect("nobody else holds what this process has opened");
    thread::scope(|scope| {
        let writer = scope.spawn(|| write(dir, hold, BufWriter::with_capacity(PIECE, theirs)));
        let received = receive(BufReader::with_capacity(PIECE, ours), file);
        let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (received, written) {
            // Each end fails when the other one does; this is why.
            (Err(error @ Unread::Kept(..)), _) => Err(error.of(path)),
            (_, Err(error)) => Err(error),
            (received, Ok(_)) => received.map_err(|error| error.of(path)),
        }
    })
}

/// Writes what comes, and checks it on the way.
fn receive(from: impl Read, file: &File) -> Result<About, Unread> {
    let kept = |error| Unread::Kept(PathBuf::from("the backup"), error);
    let mut lost = None;
    let mut tee = Tee { from, to: BufWriter::with_capacity(PIECE, file), lost: &mut lost };
    let mut progress = Progress::default();
    let read = read(&mut tee, |about, _, content| {
        progress.pass(about, content, &mut io::sink(), Path::new("nowhere"))?;
        Ok(())
    });
    // The end of the archive, after the last entry.
    let rest = read.and_then(|about| {
        io::copy(&mut tee, &mut io::sink())?;
        tee.to.flush().map_err(kept)?;
        Ok(about)
    });
    match lost {
        Some(error) => Err(kept(error)),
        None => rest,
    }
}

/// Writes all that is read through it.
struct Tee<'a, R, W> {
    from: R,
    to: W,
    /// Why it could not be written; to the reader it looks like the end.
    lost: &'a mut Option<io::Error>,
}

impl<R: Read, W: Write> Read for Tee<'_, R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        if let Err(error) = self.to.write_all(&buffer[..read]) {
            *self.lost = Some(error);
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(read)
    }
}

/// A file that gets its name when it is whole, for its owner alone. Until then, whatever ends this
/// process, nothing is left of it.
enum Unnamed {
    /// It has none at all, where the file system can do that.
    #[cfg(target_os = "linux")]
    Nameless(File),
    /// It has one that says so, which only a kill leaves behind.
    Passing(tempfile::NamedTempFile),
}

impl Unnamed {
    fn beside(path: &Path) -> io::Result<Self> {
        let dir = parent(path);
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{Mode, OFlags, open};
            let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
            if let Ok(file) = open(dir, flags, Mode::RUSR | Mode::WUSR) {
                return Ok(Self::Nameless(file.into()));
            }
        }
        let passing = tempfile::Builder::new().prefix(".flack-unfinished-").tempfile_in(dir)?;
        Ok(Self::Passing(passing))
    }

    fn file(&self) -> &File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Nameless(file) => file,
            Self::Passing(file) => file.as_file(),
        }
    }

    /// Gives it its name, if nothing has it.
    fn name(self, path: &Path) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Nameless(file) => {
                use rustix::fs::{AtFlags, CWD, linkat};
                use std::os::fd::AsRawFd;
                // See open(2) under O_TMPFILE.
                let link = format!("/proc/self/fd/{}", file.as_raw_fd());
                Ok(linkat(CWD, link, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
            }
            Self::Passing(file) => {
                file.persist_noclobber(path).map(|_| ()).map_err(|error| error.error)
            }
        }
    }
}

/// The directory of a file; the working directory, if it is in none.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

/// Says from time to time how far something is.
struct Progress {
    done: u64,
    said: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Self { done: 0, said: Instant::now() }
    }
}

impl Progress {
    /// Writes a part to its place, and gives how many bytes it has.
    fn pass(
        &mut self,
        about: &About,
        content: &mut dyn Read,
        to: &mut dyn Write,
        place: &Path,
    ) -> Result<u64, Unread> {
        let (mut size, mut piece) = (0, vec![0; PIECE]);
        loop {
            let read = content.read(&mut piece)?;
            if read == 0 {
                return Ok(size);
            }
            let kept = to.write_all(&piece[..read]);
            kept.map_err(|error| Unread::Kept(place.to_owned(), error))?;
            size += read as u64;
            self.done += read as u64;
            if self.said.elapsed() >= NEWS {
                self.said = Instant::now();
                eprintln!("{} of {}", in_words(self.done), in_words(about.bytes));
            }
        }
    }
}

/// What is in a backup, for people.
struct Words<'a>(&'a About);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let About { at, files, bytes, .. } = self.0;
        let files = match files {
            0 => "no files".to_owned(),
            1 => "1 file".to_owned(),
            files => format!("{files} files"),
        };
        let at = at.format("%F %T UTC");
        write!(f, "as of {at}, the database and {files}, {} in all", in_words(*bytes))
    }
}

/// The operator is spoken to in English.
fn in_words(bytes: u64) -> String {
    size_in_words(bytes, Language::English.words())
}

// --- flack restore ----------------------------------------------------------------

/// `flack restore …`, for `--help` and for parsing.
pub fn restore_command() -> Command {
    Command::new(RESTORE).about("Fills an empty data directory from a backup, as a new log").arg(
        Arg::new("file")
            .value_name("FILE")
            .required(true)
            .help("A file that backup has made; a - stands for the standard input"),
    )
}

/// Fills the data directory, which has to be empty, from a backup.
///
/// # Errors
/// When it cannot be filled. It is as empty as before then, or, after a kill, refused by the server until
/// it is filled.
pub fn restore(config: &Config, arguments: &ArgMatches) -> Result<(), BackupError> {
    let path = file(arguments);
    let backup = match path == Path::new(STANDARD) {
        true => io::stdin().as_fd().try_clone_to_owned().map(File::from),
        false => File::open(&path),
    };
    let backup = backup.map_err(|error| BackupError::Io(path.clone(), error))?;
    let dir = EmptyDir::take(&config.data_dir)?;
    eprintln!("Reading {}.", path.display());
    let about = match fill(&dir, &path, BufReader::with_capacity(PIECE, backup)) {
        Ok(about) => about,
        Err(error) => {
            dir.leave();
            return Err(error);
        }
    };
    dir.settle()?;
    eprintln!(
        "{} is restored: {}. Pages that are open will notice. Whoever was signed out since then is \
         signed in again: flack admin sign-out ends that.",
        config.data_dir.display(),
        Words(&about)
    );
    Ok(())
}

fn fill(dir: &EmptyDir, path: &Path, backup: impl Read) -> Result<About, BackupError> {
    let staging = dir.staging();
    let mut contents = HashMap::new();
    let mut progress = Progress::default();
    let read = read(backup, |about, part, content| {
        if part == Part::Database {
            eprintln!("It is {}.", Words(about));
        }
        let place = staging.join(part.name());
        let kept = |error| Unread::Kept(place.clone(), error);
        let mut file = File::create_new(&place).map_err(kept)?;
        let size = progress.pass(about, content, &mut file, &place)?;
        file.sync_all().map_err(kept)?;
        if let Part::Content(hash) = part {
            contents.insert(hash, size);
        }
        Ok(())
    });
    let about = read.map_err(|error| error.of(path))?;
    eprintln!("Checking the database.");
    let fault = store::begin_anew(&staging.join(DATABASE), &contents)?;
    match fault {
        Some(fault) => Err(BackupError::Damaged(path.to_owned(), fault)),
        None => Ok(about),
    }
}
