//! What a program does to its disk, and what a power cut leaves of it.
//!
//! The library in `tests/disk` is loaded into the program and writes down what it changes and syncs.
//! [`Model`] replays that up to any point and then loses what was not synced, as a disk may: any part
//! of it, in any order, with writes torn at sectors.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Bytes that are written as a whole or not at all.
const SECTOR: usize = 512;

/// The library that is loaded into the program, made if it is not there.
///
/// # Panics
/// When it cannot be made.
pub fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let test = std::env::current_exe().expect("this program has a path");
        let target = test.parent().and_then(Path::parent).expect("target/debug/deps");
        let profile = target.file_name().and_then(OsStr::to_str).expect("a profile");
        // Cargo makes examples for `cargo test`, but not for `cargo test --test proofs`.
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--no-default-features", "--features", "ssr"])
            .args(["--example", "disk", "--profile", profile.replace("debug", "dev").as_str()])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.expect("cargo runs").success(), "the library of the disk is built");
        target.join("examples/libdisk.so")
    })
}

/// A change of the disk, or a sync.
#[derive(Clone, Debug)]
pub enum Record {
    /// A file was opened, and made if there was none.
    Opened {
        path: PathBuf,
        inode: u64,
    },
    Written {
        inode: u64,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncated {
        inode: u64,
        size: usize,
    },
    Synced {
        inode: u64,
    },
    DirSynced {
        path: PathBuf,
    },
    Unlinked {
        path: PathBuf,
    },
    Renamed {
        from: PathBuf,
        to: PathBuf,
    },
    DirMade {
        path: PathBuf,
    },
}

/// Everything that a program did, and how long the trace was after each record.
#[derive(Debug, Default)]
pub struct Trace {
    pub records: Vec<Record>,
    pub ends: Vec<u64>,
}

impl Trace {
    pub fn read(path: &Path) -> Self {
        let bytes = fs::read(path).expect("the program wrote a trace");
        let mut trace = Self::default();
        let mut rest = bytes.as_slice();
        while let Some((kind, after)) = rest.split_first() {
            rest = after;
            let (first, second) = (number(&mut rest), number(&mut rest));
            let (one, other) = (piece(&mut rest), piece(&mut rest));
            let path = |bytes: &[u8]| PathBuf::from(String::from_utf8_lossy(bytes).into_owned());
            trace.records.push(match kind {
                b'o' => Record::Opened { path: path(one), inode: first },
                b'w' => Record::Written { inode: first, at: second as usize, bytes: one.to_vec() },
                b't' => Record::Truncated { inode: first, size: second as usize },
                b's' => Record::Synced { inode: first },
                b'd' => Record::DirSynced { path: path(one) },
                b'u' => Record::Unlinked { path: path(one) },
                b'r' => Record::Renamed { from: path(one), to: path(other) },
                b'm' => Record::DirMade { path: path(one) },
                unknown => panic!("a record of kind {unknown}"),
            });
            trace.ends.push((bytes.len() - rest.len()) as u64);
        }
        trace
    }

    /// The same, by a program that never syncs.
    pub fn without_syncs(&self) -> Self {
        let is_kept =
            |record: &&Record| !matches!(record, Record::Synced { .. } | Record::DirSynced { .. });
        let kept = self.records.iter().zip(&self.ends).filter(|(record, _)| is_kept(record));
        let (records, ends) = kept.map(|(record, end)| (record.clone(), *end)).unzip();
        Self { records, ends }
    }
}

fn number(rest: &mut &[u8]) -> u64 {
    let (bytes, after) = rest.split_first_chunk().expect("a number");
    *rest = after;
    u64::from_le_bytes(*bytes)
}

fn piece<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let size = number(rest) as usize;
    let (bytes, after) = rest.split_at(size);
    *rest = after;
    bytes
}

/// A disk below one directory, with what is safe on it and what is not.
#[derive(Clone, Default)]
pub struct Model {
    files: Vec<File>,
    /// The open files and those that were.
    inodes: HashMap<u64, usize>,
    /// As the program sees them: a file, or none for a directory.
    names: BTreeMap<PathBuf, Option<usize>>,
    /// As they are safe.
    safe_names: BTreeMap<PathBuf, Option<usize>>,
    unsafe_names: Vec<Naming>,
}

#[derive(Clone, Default)]
struct File {
    safe: Vec<u8>,
    unsafe_changes: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { size: usize },
}

/// A change of a directory.
#[derive(Clone)]
enum Naming {
    Add { path: PathBuf, file: Option<usize> },
    Remove { path: PathBuf },
    Rename { from: PathBuf, to: PathBuf },
}

impl Naming {
    fn dir(&self) -> Option<&Path> {
        match self {
            Naming::Add { path, .. } | Naming::Remove { path } => path.parent(),
            Naming::Rename { to, .. } => to.parent(),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Option<usize>>) {
        match self {
            Naming::Add { path, file } => drop(names.insert(path.clone(), *file)),
            Naming::Remove { path } => drop(names.remove(path)),
            Naming::Rename { from, to } => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

impl Model {
    /// A disk on which everything below a directory is safe.
    pub fn of(root: &Path) -> Self {
        let mut model = Self::default();
        model.take(root);
        model.safe_names = model.names.clone();
        model
    }

    fn take(&mut self, path: &Path) {
        for entry in fs::read_dir(path).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                self.names.insert(path.clone(), None);
                self.take(&path);
            } else if !is_passing(&path) {
                let safe = fs::read(&path).expect("a file");
                self.files.push(File { safe, ..File::default() });
                self.names.insert(path, Some(self.files.len() - 1));
            }
        }
    }

    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Opened { path, inode } => {
                let file = match self.names.get(path) {
                    Some(Some(file)) => *file,
                    _ => {
                        self.files.push(File::default());
                        let file = self.files.len() - 1;
                        self.rename(Naming::Add { path: path.clone(), file: Some(file) });
                        file
                    }
                };
                self.inodes.insert(*inode, file);
            }
            Record::Written { inode, at, bytes } => {
                self.change(*inode, Change::Write { at: *at, bytes: bytes.clone() });
            }
            Record::Truncated { inode, size } => {
                self.change(*inode, Change::Truncate { size: *size });
            }
            Record::Synced { inode } => self.file(*inode).sync(),
            Record::DirSynced { path } => {
                let (safe, rest) = std::mem::take(&mut self.unsafe_names)
                    .into_iter()
                    .partition::<Vec<_>, _>(|naming| naming.dir() == Some(path));
                safe.iter().for_each(|naming| naming.apply(&mut self.safe_names));
                self.unsafe_names = rest;
            }
            Record::Unlinked { path } => self.rename(Naming::Remove { path: path.clone() }),
            Record::Renamed { from, to } => {
                self.rename(Naming::Rename { from: from.clone(), to: to.clone() });
            }
            Record::DirMade { path } => {
                self.rename(Naming::Add { path: path.clone(), file: None });
            }
        }
    }

    fn file(&mut self, inode: u64) -> &mut File {
        let file = self.inodes.get(&inode).expect("it was opened");
        &mut self.files[*file]
    }

    fn change(&mut self, inode: u64, change: Change) {
        self.file(inode).unsafe_changes.push(change);
    }

    fn rename(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.unsafe_names.push(naming);
    }

    /// What the program sees: every file, with all that was written.
    pub fn seen(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = self.names.iter().filter_map(|(path, file)| Some((path, (*file)?)));
        files
            .map(|(path, file)| {
                let mut file = self.files[file].clone();
                file.sync();
                (path.clone(), file.safe)
            })
            .collect()
    }

    /// The same below another directory, of which no file is open.
    pub fn moved(&self, from: &Path, to: &Path) -> Self {
        let moved = |path: &Path| to.join(path.strip_prefix(from).expect("it is below"));
        let names = |names: &BTreeMap<PathBuf, Option<usize>>| {
            names.iter().map(|(path, file)| (moved(path), *file)).collect()
        };
        let naming = |naming: &Naming| match naming {
            Naming::Add { path, file } => Naming::Add { path: moved(path), file: *file },
            Naming::Remove { path } => Naming::Remove { path: moved(path) },
            Naming::Rename { from, to } => Naming::Rename { from: moved(from), to: moved(to) },
        };
        Self {
            files: self.files.clone(),
            inodes: HashMap::new(),
            names: names(&self.names),
            safe_names: names(&self.safe_names),
            unsafe_names: self.unsafe_names.iter().map(naming).collect(),
        }
    }

    /// Writes what the program sees, if everything that is below `root` is put below `image`.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn show(&self, root: &Path, image: &Path) -> io::Result<()> {
        let place = |path: &Path| image.join(path.strip_prefix(root).expect("it is below"));
        for (dir, _) in self.names.iter().filter(|(_, file)| file.is_none()) {
            fs::create_dir(place(dir))?;
        }
        self.seen().iter().try_for_each(|(path, bytes)| fs::write(place(path), bytes))
    }

    /// Writes what a power cut leaves, if everything that is below `root` is put below `image`.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn cut(&self, root: &Path, image: &Path, random: &mut fastrand::Rng) -> io::Result<()> {
        let mut names = self.safe_names.clone();
        // Sometimes nearly everything survives, sometimes nearly nothing.
        let luck = *random.choice(&[0.0, 0.1, 0.5, 0.9, 1.0]).expect("there are some");
        for naming in &self.unsafe_names {
            if random.f64() < luck {
                naming.apply(&mut names);
            }
        }
        let luck = *random.choice(&[0.0, 0.1, 0.5, 0.9, 1.0]).expect("there are some");
        let mut dirs = BTreeSet::from([root.to_owned()]);
        for (path, file) in &names {
            // What is in a directory that is lost is lost.
            if !path.parent().is_some_and(|parent| dirs.contains(parent)) {
                continue;
            }
            let place = image.join(path.strip_prefix(root).expect("it is below"));
            match file {
                None => {
                    dirs.insert(path.clone());
                    fs::create_dir(place)?;
                }
                Some(file) => fs::write(place, self.files[*file].cut(luck, random))?,
            }
        }
        Ok(())
    }
}

impl File {
    fn sync(&mut self) {
        for change in self.unsafe_changes.drain(..) {
            change.apply(&mut self.safe, |_| true);
        }
    }

    /// What a power cut leaves of it.
    fn cut(&self, luck: f64, random: &mut fastrand::Rng) -> Vec<u8> {
        let mut bytes = self.safe.clone();
        let mut changes: Vec<&Change> = self.unsafe_changes.iter().collect();
        if random.bool() {
            random.shuffle(&mut changes);
        }
        for change in changes {
            if random.f64() >= luck {
                continue;
            }
            let is_torn = random.u8(0..3) == 0;
            change.apply(&mut bytes, |_| !is_torn || random.bool());
        }
        bytes
    }
}

impl Change {
    /// Makes the change, as far as `is_kept` says of each sector.
    fn apply(&self, file: &mut Vec<u8>, mut is_kept: impl FnMut(usize) -> bool) {
        match self {
            Change::Write { at, bytes } => {
                let mut from = 0;
                while from < bytes.len() {
                    let place = at + from;
                    let to = bytes.len().min(from + SECTOR - place % SECTOR);
                    if is_kept(place / SECTOR) {
                        let end = at + to;
                        if file.len() < end {
                            file.resize(end, 0);
                        }
                        file[place..end].copy_from_slice(&bytes[from..to]);
                    }
                    from = to;
                }
            }
            Change::Truncate { size } => file.resize(*size, 0),
        }
    }
}

/// Whether a file is not meant to last, so that no trace has it.
pub fn is_passing(path: &Path) -> bool {
    path.to_string_lossy().ends_with("-shm")
}

/// Every lasting file below a directory.
pub fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    Model::of(root).seen()
}
