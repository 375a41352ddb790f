//! The commands: `flack backup` and `flack restore`, and what whoever waits for them is told.

use std::{
    collections::HashMap,
    fmt,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use clap::{Arg, ArgMatches, Command};

use super::{
    About, BackupError,
    format::{DATABASE, Part, Unread, read, write},
};
use crate::{
    domain::attachment::size_in_words,
    server::{
        admin::{self, NoAnswer},
        config::Config,
        files::sync_dir,
        store::{self, DataDir, EmptyDir},
    },
    words::Language,
};

/// The names of the subcommands.
pub const BACKUP: &str = "backup";
pub const RESTORE: &str = "restore";

/// Stands for the standard output or input.
const STANDARD: &str = "-";

/// How much is read at once.
const PIECE: usize = 256 * 1024;

/// How often whoever waits is told how far it is.
const NEWS: Duration = Duration::from_secs(5);

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
        eprintln!("It is written and checked: {}.", Summary(&about));
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
    eprintln!("{} is written, checked and on disk: {}.", path.display(), Summary(&about));
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
struct Summary<'a>(&'a About);

impl fmt::Display for Summary<'_> {
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
        Summary(&about)
    );
    Ok(())
}

fn fill(dir: &EmptyDir, path: &Path, backup: impl Read) -> Result<About, BackupError> {
    let staging = dir.staging();
    let mut contents = HashMap::new();
    let mut progress = Progress::default();
    let read = read(backup, |about, part, content| {
        if part == Part::Database {
            eprintln!("It is {}.", Summary(about));
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
