//! The data directory: one SQLite file, and a lock that keeps a second server out.
//!
//! The file has two kinds of tables: `log` holds what changed of late, in order, for those who were
//! away; the others hold how things are now. An entry and its effect are one transaction.

use std::{
    cell::RefCell,
    collections::HashMap,
    fmt,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Row, Transaction, config::DbConfig,
    ffi::SQLITE_IOERR_SHMSIZE, named_params, params,
};

use super::{
    files::{self, ContentHash, FileLimits, FilePlace, Files, SMALLEST, StoredFile},
    log::{NewDevice, Order, Request},
    look::{self, Looks},
    markdown, random,
    scrub::{self, PAGES_LIMIT},
    state::{Entry, Fact, State},
    token::LinkId,
};
use crate::domain::{
    attachment::{Attachment, AttachmentId},
    channel::{Channel, FIRST, Topic, TopicText},
    command::{Ask, Command, CommandId, UNDO_SECONDS},
    device::{DEVICES_LIMIT, Device, DeviceId, LINK_MINUTES},
    direct::DIRECTS_OF_WHO_BEGINS,
    event::{Change, Deletion, Lane},
    hex::hex,
    message::{Message, MessageText, Reply, TextFault},
    name::{ChannelName, DisplayName},
    person::{Person, PersonId, SessionId},
    position::{Epoch, Position},
    reaction::{EMOJI_LIMIT, Emoji, REACTIONS_LIMIT, Reaction},
    refusal::{Reason, Refusal},
    room::{Pair, Room},
    unread::{Membership, Memberships, Newest, RoomSettings},
    window::Window,
};

/// Raised by one with every change of the tables, which [`migrate`] makes.
pub const SCHEMA_VERSION: i64 = 8;

const SCHEMA: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

    CREATE TABLE people (
        id INTEGER PRIMARY KEY,       -- the position of the first sign-in
        name TEXT NOT NULL,
        key TEXT NOT NULL UNIQUE      -- DisplayName::key
    ) STRICT;

    CREATE TABLE commands (
        person INTEGER NOT NULL REFERENCES people,
        id TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (person, id)
    ) STRICT, WITHOUT ROWID;
";

/// Where people talk, and what they say there.
const SCHEMA_OF_ROOMS: &str = "
    CREATE TABLE rooms (
        id INTEGER PRIMARY KEY,       -- the position of its beginning
        last INTEGER NOT NULL,        -- the position of the lane's last change
        name TEXT UNIQUE,             -- of a channel
        key TEXT UNIQUE,              -- ChannelName::key
        one INTEGER REFERENCES people,    -- the two of a direct conversation,
        other INTEGER REFERENCES people,  -- in the order of their ids
        UNIQUE (one, other),
        CHECK (iif(name IS NULL,
            key IS NULL AND one <= other,
            key IS NOT NULL AND one IS NULL AND other IS NULL))
    ) STRICT;
    CREATE INDEX rooms_of_other ON rooms (other) WHERE other IS NOT NULL;

    CREATE TABLE messages (
        position INTEGER PRIMARY KEY,
        room INTEGER NOT NULL REFERENCES rooms,
        author INTEGER NOT NULL REFERENCES people,
        at INTEGER NOT NULL,
        text TEXT NOT NULL,
        edited INTEGER,               -- when its words were changed last
        revised INTEGER,              -- the position where it was edited or brought back last
        deleted INTEGER               -- when; it can be brought back for a moment, then it goes
    ) STRICT;
    CREATE INDEX messages_of_room ON messages (room, position) WHERE deleted IS NULL;
    CREATE INDEX deleted_messages ON messages (deleted) WHERE deleted IS NOT NULL;

    -- What was deleted, for those who were away. What was posted or revised is in messages.
    CREATE TABLE log (
        position INTEGER PRIMARY KEY,
        room INTEGER NOT NULL REFERENCES rooms,
        at INTEGER NOT NULL,
        message INTEGER NOT NULL,
        uncovered INTEGER             -- the message that took the freed place in the window
    ) STRICT;
    CREATE INDEX log_of_room ON log (room, position);
";

/// Which browsers speak for whom, and links that let others do so.
const SCHEMA_OF_DEVICES: &str = "
    CREATE TABLE sessions (
        id BLOB PRIMARY KEY,          -- the SHA-256 of the token
        person INTEGER NOT NULL REFERENCES people,
        since INTEGER NOT NULL,       -- milliseconds since 1970, like every time here
        device INTEGER NOT NULL UNIQUE, -- the position of the sign-in
        label TEXT NOT NULL,          -- what the browser said of itself
        seen INTEGER NOT NULL         -- when it was there last, to the hour
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_of_person ON sessions (person);

    CREATE TABLE links (
        id BLOB PRIMARY KEY,          -- the SHA-256 of the secret
        person INTEGER NOT NULL UNIQUE REFERENCES people,
        expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// What names look like: see [`look`].
const SCHEMA_OF_LOOKS: &str = "
    CREATE TABLE looks_of_people (
        look TEXT PRIMARY KEY,
        person INTEGER NOT NULL REFERENCES people
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE looks_of_channels (
        look TEXT PRIMARY KEY,
        room INTEGER NOT NULL REFERENCES rooms
    ) STRICT, WITHOUT ROWID;
";

/// What is known of the files in messages; what is in them is in `files/`.
const SCHEMA_OF_FILES: &str = "
    CREATE TABLE contents (
        hash BLOB PRIMARY KEY,        -- the SHA-256
        size INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE attachments (
        id TEXT PRIMARY KEY,
        owner INTEGER NOT NULL REFERENCES people,
        at INTEGER NOT NULL,
        hash BLOB NOT NULL REFERENCES contents,
        about TEXT NOT NULL,          -- as on the wire
        size INTEGER NOT NULL,
        message INTEGER,              -- none until it is posted; then it lives as long as that
        place INTEGER NOT NULL        -- among those of its message
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX attachments_of_message ON attachments (message, place) WHERE message IS NOT NULL;
    CREATE INDEX pending_attachments ON attachments (at) WHERE message IS NULL;
    CREATE INDEX attachments_of_content ON attachments (hash);

    -- How many bytes each person's files have; 0 is the disk, where the same content is there once.
    CREATE TABLE usage (person INTEGER PRIMARY KEY, bytes INTEGER NOT NULL) STRICT;
    INSERT INTO usage VALUES (0, 0);
    CREATE TRIGGER attachment_added AFTER INSERT ON attachments BEGIN
        INSERT INTO usage VALUES (new.owner, max(new.size, 4096))
            ON CONFLICT (person) DO UPDATE SET bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER attachment_removed AFTER DELETE ON attachments BEGIN
        UPDATE usage SET bytes = bytes - max(old.size, 4096) WHERE person = old.owner;
    END;
    CREATE TRIGGER content_added AFTER INSERT ON contents BEGIN
        UPDATE usage SET bytes = bytes + max(new.size, 4096) WHERE person = 0;
    END;
    CREATE TRIGGER content_removed AFTER DELETE ON contents BEGIN
        UPDATE usage SET bytes = bytes - max(old.size, 4096) WHERE person = 0;
    END;
";

/// How far people have read which rooms, and how much they want to hear of them.
const SCHEMA_OF_MEMBERSHIPS: &str = "
    CREATE TABLE memberships (
        person INTEGER NOT NULL REFERENCES people,
        room INTEGER NOT NULL REFERENCES rooms,
        read INTEGER NOT NULL DEFAULT 0,      -- the position up to which everything has been read
        muted INTEGER NOT NULL DEFAULT 0,
        favourite INTEGER NOT NULL DEFAULT 0,
        changed INTEGER NOT NULL DEFAULT 0,   -- where the last two were changed
        PRIMARY KEY (person, room)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX memberships_of_room ON memberships (room);
";

/// Who is called by name in messages.
const SCHEMA_OF_MENTIONS: &str = "
    CREATE TABLE mentions (
        message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
        person INTEGER NOT NULL REFERENCES people,
        PRIMARY KEY (message, person)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX mentions_of_person ON mentions (person, message);
";

/// How many unread mentions of a person are known.
pub const MENTIONS_LIMIT: usize = 100;

/// Among how many of somebody's newest mentions the unread ones are looked for.
const MENTIONS_LOOKED_AT: usize = 1_000;

/// What is in a data directory.
const DATABASE: &str = "flack.db";
const WAL: &str = "flack.db-wal";
const FILES: &str = "files";
const LOCK: &str = "flack.lock";
/// Where a backup is put until all of it is there and right.
const RESTORING: &str = "restoring";

/// How long a connection waits for another one.
const PATIENCE: Duration = Duration::from_secs(5);

/// With how many frames that may have copies in them the write-ahead log is long: 4 MB.
const LONG: u32 = 1_000;

/// How long copies of what is no more may be on disk, unless somebody reads them.
const COPIES_LAST: TimeDelta = TimeDelta::seconds(10);

/// What people put under messages, and which messages answer others.
const SCHEMA_OF_REACTIONS: &str = "
    -- Which message it answers, and whose that was. It may be gone.
    ALTER TABLE messages ADD COLUMN reply INTEGER;
    ALTER TABLE messages ADD COLUMN reply_author INTEGER REFERENCES people;

    CREATE TABLE reactions (
        message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
        emoji TEXT NOT NULL,
        person INTEGER NOT NULL REFERENCES people,
        place INTEGER NOT NULL,       -- where in the log the emoji came to the message
        position INTEGER NOT NULL,    -- where this person added it
        PRIMARY KEY (message, emoji, person)
    ) STRICT, WITHOUT ROWID;
";

/// What channels are about.
const SCHEMA_OF_TOPICS: &str = "
    ALTER TABLE rooms ADD COLUMN topic TEXT;
    ALTER TABLE rooms ADD COLUMN topic_by INTEGER REFERENCES people;
    -- The position where it was set last, also if it was taken away.
    ALTER TABLE rooms ADD COLUMN topic_set INTEGER;
";

/// What is asked for of a message in a query of messages, for [`message`]: attachments and mentions as on
/// the wire, and reactions as emoji, id and name of one person each.
macro_rules! columns {
    () => {
        "messages.position, people.id, people.name, at, text, edited, revised,
         (SELECT json_group_array(json(about)) FROM (SELECT about FROM attachments
          WHERE attachments.message = messages.position ORDER BY place)),
         (SELECT json_group_array(json_object('id', mentioned.id, 'name', mentioned.name))
          FROM (SELECT called.id, called.name FROM mentions
                JOIN people AS called ON called.id = mentions.person
                WHERE mentions.message = messages.position ORDER BY called.id) AS mentioned),
         (SELECT json_group_array(json_array(emoji, id, name)) FROM
          (SELECT emoji, id, name FROM reactions JOIN people AS who ON who.id = person
           WHERE reactions.message = messages.position ORDER BY place, reactions.position)),
         reply, reply_author, (SELECT name FROM people AS other WHERE other.id = reply_author)"
    };
}

/// The exclusive right to a data directory, for as long as it or its [`Store`] lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    files: Arc<Files>,
    lock: Arc<File>,
}

#[derive(Debug)]
pub enum StoreError {
    /// Another server uses the directory.
    InUse(PathBuf),
    Io(PathBuf, io::Error),
    /// There is something in a directory that should be filled.
    NotEmpty(PathBuf),
    /// A restore into the directory was not finished.
    Unfinished(PathBuf),
    /// The file was written by a newer Flack.
    Newer(i64),
    /// The file is somebody else's.
    Foreign(PathBuf),
    Sqlite(rusqlite::Error),
    NoRandomness(getrandom::Error),
}

impl StoreError {
    /// Whether there was no room on the disk, which may pass.
    pub fn is_full(&self) -> bool {
        let StoreError::Sqlite(rusqlite::Error::SqliteFailure(error, _)) = self else {
            return false;
        };
        // The second is about the memory that the connections share, which is a file, too.
        error.code == ErrorCode::DiskFull || error.extended_code == SQLITE_IOERR_SHMSIZE
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::InUse(path) => {
                write!(f, "another Flack uses the data directory {}", path.display())
            }
            StoreError::Io(path, error) => write!(f, "{}: {error}", path.display()),
            StoreError::NotEmpty(path) => write!(
                f,
                "the data directory {} is not empty, and stays as it is: name a new one",
                path.display()
            ),
            StoreError::Unfinished(path) => write!(
                f,
                "a restore into the data directory {} was not finished: do it again",
                path.display()
            ),
            StoreError::Newer(version) => write!(
                f,
                "the data was written by a newer Flack (schema {version}, this one knows \
                 {SCHEMA_VERSION})"
            ),
            StoreError::Foreign(path) => {
                write!(f, "{} is not a database of Flack", path.display())
            }
            StoreError::Sqlite(error) => write!(f, "the database: {error}"),
            StoreError::NoRandomness(error) => write!(f, "no randomness: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        StoreError::Io(PathBuf::from("files"), error)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Sqlite(error)
    }
}

impl DataDir {
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

fn connect(database: &Path) -> Result<Connection, StoreError> {
    let db = Connection::open(database)?;
    db.busy_timeout(PATIENCE)?;
    db.pragma_update(None, "cache_size", -2_000)?; // KiB
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
fn set_page_limit(db: &Connection, limit: u32) -> rusqlite::Result<()> {
    db.query_row(&format!("PRAGMA max_page_count = {limit}"), [], |_| Ok(()))
}

/// Puts into an empty database what every Flack begins with.
fn fill(db: &mut Connection) -> Result<(), StoreError> {
    let epoch = draw_epoch()?;
    let first = ChannelName::try_from(FIRST).expect("the first channel has a valid name");
    let tx = db.transaction()?;
    tx.execute_batch(SCHEMA)?;
    tx.execute_batch(SCHEMA_OF_ROOMS)?;
    tx.execute_batch(SCHEMA_OF_FILES)?;
    tx.execute_batch(SCHEMA_OF_LOOKS)?;
    tx.execute_batch(SCHEMA_OF_DEVICES)?;
    tx.execute_batch(SCHEMA_OF_MEMBERSHIPS)?;
    tx.execute_batch(SCHEMA_OF_MENTIONS)?;
    tx.execute_batch(SCHEMA_OF_REACTIONS)?;
    tx.execute_batch(SCHEMA_OF_TOPICS)?;
    tx.execute(
        "INSERT INTO meta VALUES
             ('epoch', ?1), ('last', 1), ('trimmed', 0), ('channel_deleted', 0),
             ('unread_since', 0)",
        [&epoch.0],
    )?;
    tx.execute(
        "INSERT INTO rooms (id, last, name, key) VALUES (1, 1, ?1, ?2)",
        params![first.as_str(), first.key()],
    )?;
    note_looks(&tx, Named::Channel, 1, &look::of_channel(&first))?;
    tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    tx.commit()?;
    Ok(())
}

fn draw_epoch() -> Result<Epoch, StoreError> {
    let epoch = random::draw::<8>().map_err(StoreError::NoRandomness)?;
    Ok(Epoch(hex(&epoch)))
}

/// Brings the tables of an older Flack to this one's form, at once or not at all.
fn migrate(db: &mut Connection, version: i64) -> Result<(), StoreError> {
    let tx = db.transaction()?;
    if version < 2 {
        tx.execute_batch(
            "ALTER TABLE messages RENAME TO old_messages;
             ALTER TABLE log RENAME TO old_log;",
        )?;
        tx.execute_batch(SCHEMA_OF_ROOMS)?;
        tx.execute_batch(
            "INSERT INTO rooms (id, last, name, key) SELECT id, last, name, key FROM channels;
             INSERT INTO messages (position, room, author, at, text)
                 SELECT position, channel, author, at, text FROM old_messages;
             INSERT INTO log SELECT position, channel, at, message, uncovered FROM old_log;
             DROP TABLE old_log;
             DROP TABLE old_messages;
             DROP TABLE channels;",
        )?;
    }
    if version < 3 {
        tx.execute_batch(SCHEMA_OF_LOOKS)?;
        // Where names are alike already, the oldest keeps its look.
        for (id, name) in names(&tx, "SELECT id, name FROM people ORDER BY id")? {
            let looks = look::of_person(&DisplayName::stored(name));
            note_looks(&tx, Named::Person, id, &looks)?;
        }
        for (id, name) in
            names(&tx, "SELECT id, name FROM rooms WHERE name IS NOT NULL ORDER BY id")?
        {
            let looks = look::of_channel(&ChannelName::stored(name));
            note_looks(&tx, Named::Channel, id, &looks)?;
        }
    }
    if version < 4 {
        tx.execute_batch(SCHEMA_OF_FILES)?;
    }
    if version < 5 {
        tx.execute_batch("ALTER TABLE sessions RENAME TO old_sessions;")?;
        tx.execute_batch(SCHEMA_OF_DEVICES)?;
        // Until now a person had one session, which began with them.
        tx.execute_batch(
            "INSERT INTO sessions SELECT id, person, since, person, '', since FROM old_sessions;
             DROP TABLE old_sessions;
             INSERT INTO meta VALUES ('channel_deleted', 0);",
        )?;
    }
    if version < 6 {
        tx.execute_batch(SCHEMA_OF_MEMBERSHIPS)?;
        // Nobody shall come back to years of unread messages.
        tx.execute_batch(
            "INSERT INTO meta SELECT 'unread_since', value FROM meta WHERE key = 'last'",
        )?;
        tx.execute_batch(SCHEMA_OF_MENTIONS)?;
        tx.execute_batch(SCHEMA_OF_REACTIONS)?;
    }
    if version < 7 {
        tx.execute_batch(SCHEMA_OF_TOPICS)?;
    }
    // Until then copies of deleted words were left in free space.
    scrub::all(&tx)?;
    tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    tx.commit()?;
    tracing::info!(from = version, to = SCHEMA_VERSION, "the tables were brought up to date");
    Ok(())
}

fn names(db: &Connection, query: &str) -> rusqlite::Result<Vec<(i64, String)>> {
    db.prepare(query)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// What has a name that nothing else of its kind may look like.
#[derive(Clone, Copy)]
enum Named {
    Person,
    Channel,
}

/// Notes the looks of whoever has this id, as far as nobody has them.
fn note_looks(db: &Connection, named: Named, id: i64, looks: &Looks) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(match named {
        Named::Person => "INSERT OR IGNORE INTO looks_of_people VALUES (?1, ?2)",
        Named::Channel => "INSERT OR IGNORE INTO looks_of_channels VALUES (?1, ?2)",
    })?;
    for look in looks {
        insert.execute(params![look, id])?;
    }
    Ok(())
}

/// The id of whoever has one of these looks.
fn find_look(db: &Connection, named: Named, looks: &Looks) -> rusqlite::Result<Option<i64>> {
    let mut find = db.prepare_cached(match named {
        Named::Person => "SELECT person FROM looks_of_people WHERE look = ?1",
        Named::Channel => "SELECT room FROM looks_of_channels WHERE look = ?1",
    })?;
    for look in looks {
        if let Some(id) = find.query_row([look], |row| row.get(0)).optional()? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// What the key of a name begins with that was freed. No name's own key does.
const FREED: char = ' ';

/// How much the store may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub people: u64,
    pub channels: u64,
    pub files: FileLimits,
}

/// What became of a request.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are accepted")]
pub enum Outcome {
    Accepted(Entry),
    /// It is so already: the same command was accepted before, at this position; or the topic is the one that
    /// was set here, or the room has been read up to here.
    Repeated(Position),
    Refused(Refusal),
}

impl Outcome {
    /// Whether something that was there before may be there no more: words, or what was put under them.
    pub fn takes_back(&self) -> bool {
        let Outcome::Accepted(Entry { fact: Fact::Changed { change, .. }, .. }) = self else {
            return false;
        };
        match change {
            Change::Deleted(_)
            | Change::Revised(_)
            | Change::ChannelDeleted(_)
            | Change::ChannelRevised(_) => true,
            Change::Posted(_) | Change::ChannelCreated(_) | Change::DirectBegun(_) => false,
        }
    }
}

/// The one writing connection.
pub struct Store {
    db: Connection,
    last: Position,
    limits: Limits,
    files: Arc<Files>,
    /// Where the write-ahead log is.
    wal: PathBuf,
    /// In bytes.
    page_size: u32,
    /// So many frames at the beginning of the write-ahead log have pages that are clean.
    scrubbed: u32,
    /// Since when there may be copies in the write-ahead log of what is no more.
    wiped: Option<DateTime<Utc>>,
    /// Whether nobody knows what of the database is on disk. What is in the write-ahead log has to stay.
    has_failed: bool,
    // Last: the directory is free only when the file is closed.
    _lock: Arc<File>,
}

impl Store {
    /// The position of the newest entry.
    pub fn last(&self) -> Position {
        self.last
    }

    /// Decides all requests in their order and makes those that are accepted durable, at once.
    ///
    /// # Errors
    /// Nothing of the batch is stored when the disk is full, and else nobody knows what is.
    pub fn commit(
        &mut self,
        batch: &[Request],
        at: DateTime<Utc>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let tx = self.db.transaction()?;
        let freed = RefCell::default();
        let mut last = self.last;
        let mut outcomes = Vec::with_capacity(batch.len());
        for request in batch {
            let (position, limits, freed) = (last.next(), self.limits, &freed);
            let decision = Decision { tx: &tx, position, at, limits, freed };
            let changes = tx.total_changes();
            let outcome = match decision.decide(request)? {
                Ok(outcome) => outcome,
                Err(refusal) => Outcome::Refused(refusal),
            };
            match &outcome {
                Outcome::Accepted(entry) => last = entry.position,
                // The transaction may be committed for others.
                _ => debug_assert_eq!(tx.total_changes(), changes, "{request:?} has written"),
            }
            outcomes.push(outcome);
        }
        if last == self.last {
            return Ok(outcomes); // nothing was written; the transaction rolls back to the same
        }
        tx.prepare_cached("UPDATE meta SET value = ?1 WHERE key = 'last'")?.execute([sql(last)])?;
        tx.commit()?;
        self.last = last;
        self.files.remove(&freed.into_inner());
        if outcomes.iter().any(Outcome::takes_back) {
            self.wiped.get_or_insert(at);
        }
        self.spare_the_log()?;
        Ok(outcomes)
    }

    /// Writes what is there already, to find out whether anything can be written.
    ///
    /// # Errors
    /// When it cannot.
    pub fn probe(&mut self) -> Result<(), StoreError> {
        self.db.execute("UPDATE meta SET value = ?1 WHERE key = 'last'", [sql(self.last)])?;
        Ok(())
    }

    /// Takes the disk for full when the file has this many pages; none lifts the limit.
    ///
    /// # Errors
    /// When SQLite does not take it.
    pub fn limit_pages(&self, limit: Option<u32>) -> Result<(), StoreError> {
        Ok(set_page_limit(&self.db, limit.unwrap_or(PAGES_LIMIT))?)
    }

    /// Wipes the messages that were deleted too long ago to be brought back, and a moment later the copies
    /// on disk of all that is no more. Gives when to do so again; none if nothing is left to be wiped.
    ///
    /// # Errors
    /// When not all of it could be wiped. If it was because the disk is full, it can be tried again.
    pub fn wipe(&mut self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let tx = self.db.transaction()?;
        let (wiped, freed) = wipe(&tx, undoable_since(now).timestamp_millis())?;
        tx.commit()?;
        self.files.remove(&freed);
        if wiped > 0 {
            self.wiped.get_or_insert(now);
        }
        if self.wiped.is_some_and(|since| since + COPIES_LAST <= now) {
            // Who reads is in no hurry: it is tried again.
            self.wiped = (!self.checkpoint(Checkpoint::Truncate)?).then_some(now);
        }
        let next: Option<i64> = self
            .db
            .prepare_cached("SELECT min(deleted) FROM messages WHERE deleted IS NOT NULL")?
            .query_row([], |row| row.get(0))?;
        let next = next.map(|next| time(next + 1) + undo());
        let copies = self.wiped.map(|since| since + COPIES_LAST);
        Ok(next.into_iter().chain(copies).min())
    }

    /// Lets the database take over what is in the write-ahead log when it has become long.
    fn spare_the_log(&mut self) -> Result<(), StoreError> {
        if self.frames()?.saturating_sub(self.scrubbed) < LONG {
            return Ok(());
        }
        match self.checkpoint(Checkpoint::Passive) {
            // What is committed is in the log. The next commit tries again.
            Err(error) if error.is_full() => Ok(()),
            spared => spared.map(|_| ()),
        }
    }

    /// Makes all that is in the database durable, and leaves no copy of anything else.
    ///
    /// A server that was killed may have left what it had written but not synced, or what a sync failed
    /// to bring to the disk. It is there to be read, so people are about to see it.
    fn settle(&mut self) -> Result<(), StoreError> {
        let synced = match File::open(&self.wal) {
            Ok(log) => log.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        synced.map_err(|error| StoreError::Io(self.wal.clone(), error))?;
        match self.checkpoint(Checkpoint::Truncate) {
            // All of it stays in the log, which is synced.
            Err(error) if error.is_full() => Ok(()),
            settled => settled.map(|_| ()),
        }
    }

    /// How many frames the write-ahead log has.
    fn frames(&self) -> rusqlite::Result<u32> {
        self.db.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?.query_row([], |row| row.get(1))
    }

    /// Brings what is in the write-ahead log into the database, when the pages in it are
    /// [clean](scrub). Gives whether nobody kept it from that by reading.
    ///
    /// # Errors
    /// After any but that of a full disk the log must not be taken for what is in the database: a sync
    /// that failed may seem to work the next time.
    fn checkpoint(&mut self, how: Checkpoint) -> Result<bool, StoreError> {
        let done = self.try_checkpoint(how);
        self.has_failed |= done.as_ref().is_err_and(|error| !error.is_full());
        done
    }

    fn try_checkpoint(&mut self, how: Checkpoint) -> Result<bool, StoreError> {
        let frames = self.frames()?;
        let pages = scrub::logged(&self.wal, self.page_size, self.scrubbed.min(frames)..frames)
            .map_err(|error| StoreError::Io(self.wal.clone(), error))?;
        let tx = self.db.transaction()?;
        scrub::pages(&tx, pages)?;
        tx.commit()?;
        // Whoever writes does not wait for those who read.
        self.db.busy_timeout(Duration::ZERO)?;
        let done = self.db.query_row(how.statement(), [], |row| {
            Ok((row.get::<_, bool>(0)?, row.get::<_, u32>(1)?, row.get::<_, u32>(2)?))
        });
        self.db.busy_timeout(PATIENCE)?;
        let (is_busy, frames, taken) = done?;
        // When all of it was taken over, the next one to write begins at the first frame again.
        self.scrubbed = if taken == frames { 0 } else { frames };
        Ok(!is_busy)
    }

    /// Forgets the files that were uploaded before `until` and never posted, and those of messages
    /// that are no more.
    ///
    /// # Errors
    /// Nothing is forgotten then.
    pub fn sweep_attachments(&mut self, until: DateTime<Utc>) -> Result<(), StoreError> {
        let tx = self.db.transaction()?;
        let freed = free(
            &tx,
            "DELETE FROM attachments WHERE (message IS NULL AND at < ?1) OR (message IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM messages WHERE position = message)) RETURNING hash",
            [until.timestamp_millis()],
        )?;
        tx.commit()?;
        self.files.remove(&freed);
        Ok(())
    }

    /// Removes the contents that no attachment has; only while nothing is uploaded.
    fn sweep_files(&mut self) -> Result<(), StoreError> {
        let swept = self
            .files
            .sweep(Duration::ZERO, |hash| is_content(&self.db, hash).map_err(StoreError::from))?;
        if swept > 0 {
            tracing::info!(swept, "files that nobody knows were removed");
        }
        Ok(())
    }

    /// Forgets the entries that were accepted before `until`; people who were away for longer get
    /// whole windows.
    ///
    /// # Errors
    /// Nothing is forgotten then.
    pub fn trim(&mut self, until: DateTime<Utc>) -> Result<(), StoreError> {
        let tx = self.db.transaction()?;
        let until = until.timestamp_millis();
        tx.execute(
            "UPDATE meta SET value = max(value, coalesce(
                 (SELECT max(position) FROM log WHERE at < ?1), 0)) WHERE key = 'trimmed'",
            [until],
        )?;
        tx.execute("DELETE FROM log WHERE at < ?1", [until])?;
        tx.commit()?;
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.has_failed {
            return;
        }
        // There is nothing left to be taken over when it is closed, and the log is removed.
        let closed = self.checkpoint(Checkpoint::Truncate).and_then(|_| {
            Ok(self.db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?)
        });
        if let Err(error) = closed {
            // The next server does it.
            tracing::warn!(%error, "the database could not take over what is in its log");
        }
    }
}

/// How much of its write-ahead log a database takes over.
#[derive(Clone, Copy)]
enum Checkpoint {
    /// What nobody reads.
    Passive,
    /// All of it or nothing, and the log is empty then.
    Truncate,
}

impl Checkpoint {
    fn statement(self) -> &'static str {
        match self {
            Checkpoint::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
            Checkpoint::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
        }
    }
}

/// A request on its way into the log.
struct Decision<'a> {
    tx: &'a Transaction<'a>,
    position: Position,
    at: DateTime<Utc>,
    limits: Limits,
    /// Contents that are to be removed after the commit.
    freed: &'a RefCell<Vec<ContentHash>>,
}

/// The store may fail; the request may be refused.
type Decided<T> = Result<Result<T, Refusal>, rusqlite::Error>;

impl Decision<'_> {
    /// Decides, and writes what was decided. What is refused, or was done before, writes nothing, because it
    /// shares a transaction with what is accepted: so all that can refuse it is asked first.
    fn decide(&self, request: &Request) -> Decided<Outcome> {
        let fact = match request {
            Request::SignIn { name, device } => self.sign_in(name, device)?,
            Request::SignOut { session } => self.end(
                "DELETE FROM sessions WHERE id = ?1 RETURNING id",
                [session.0],
                Refusal::not_signed_in,
            )?,
            Request::EndDevice { by, device } => {
                let ended = self.end(
                    "DELETE FROM sessions WHERE person = ?1 AND device = ?2 RETURNING id",
                    [sql(by.0), sql(device.0)],
                    Refusal::unknown_device,
                )?;
                self.without_link(*by, ended)?
            }
            Request::EndOthers { by, session } => {
                let ended = self.end(
                    "DELETE FROM sessions WHERE person = ?1 AND id <> ?2 RETURNING id",
                    params![sql(by.0), session.0],
                    Refusal::unknown_device,
                )?;
                self.without_link(*by, ended)?
            }
            Request::Seen { sessions } => self.seen(sessions)?,
            Request::CreateLink { by, link } => self.create_link(*by, *link)?,
            Request::UseLink { link, device } => self.use_link(*link, device)?,
            Request::LinkFor { name, link } => match self.named(name)? {
                Some(person) => self.create_link(person, *link)?,
                None => Err(Refusal::nobody_called(name)),
            },
            Request::Order(order) => self.order(order)?,
            Request::CreateChannel { name, .. } => self.create_channel(name)?,
            Request::SetTopic { by, channel, text } => {
                return self.set_topic(*by, channel, text.as_ref());
            }
            Request::StoreFile { by, attachment, hash } => {
                self.store_file(*by, attachment, *hash)?
            }
            Request::DiscardFile { by, attachment } => self.discard_file(*by, attachment)?,
            Request::Read { by, room, position } => {
                return self.read(*by, room, *position);
            }
            Request::SetRoom { by, room, is_muted, is_favourite } => {
                self.set_room(*by, room, *is_muted, *is_favourite)?
            }
            Request::Command { by, id, command } => {
                if let Some(position) = self.first_answer(*by, id)? {
                    return Ok(Ok(Outcome::Repeated(position)));
                }
                let fact = self.command(*by, id, command)?;
                if fact.is_ok() {
                    self.tx
                        .prepare_cached("INSERT INTO commands VALUES (?1, ?2, ?3)")?
                        .execute(params![sql(by.0), id.as_str(), sql(self.position)])?;
                }
                fact
            }
        };
        Ok(fact.map(|fact| Outcome::Accepted(Entry { position: self.position, at: self.at, fact })))
    }

    fn sign_in(&self, name: &DisplayName, device: &NewDevice) -> Decided<Fact> {
        let key = name.key();
        let is_taken =
            self.tx.prepare_cached("SELECT 1 FROM people WHERE key = ?1")?.exists([&key])?;
        let looks = look::of_person(name);
        if is_taken || find_look(self.tx, Named::Person, &looks)?.is_some() {
            return Ok(Err(Refusal::name_taken(name)));
        }
        if look::is_reserved(name) {
            return Ok(Err(Refusal::name_reserved(name)));
        }
        if self.count("SELECT count(*) FROM people", [])? >= self.limits.people {
            return Ok(Err(Refusal::full(Reason::NoRoomForPeople)));
        }
        self.tx.prepare_cached("INSERT INTO people VALUES (?1, ?2, ?3)")?.execute(params![
            sql(self.position),
            name.as_str(),
            key
        ])?;
        note_looks(self.tx, Named::Person, sql(self.position), &looks)?;
        let person = Person { id: PersonId(self.position), name: name.clone() };
        self.begin_session(person, device).map(Ok)
    }

    fn begin_session(&self, person: Person, device: &NewDevice) -> rusqlite::Result<Fact> {
        let now = self.at.timestamp_millis();
        let NewDevice { session, label } = device;
        self.tx
            .prepare_cached("INSERT INTO sessions VALUES (?1, ?2, ?3, ?4, ?5, ?3)")?
            .execute(params![session.0, sql(person.id.0), now, sql(self.position), label])?;
        Ok(Fact::SignedIn { person, session: *session })
    }

    /// Ends the sessions that `delete` deletes, if there are any.
    fn end(
        &self,
        delete: &str,
        of: impl rusqlite::Params,
        refusal: fn() -> Refusal,
    ) -> Decided<Fact> {
        let mut delete = self.tx.prepare_cached(delete)?;
        let sessions = delete.query_map(of, |row| Ok(SessionId(row.get(0)?)))?;
        let sessions = sessions.collect::<Result<Vec<_>, _>>()?;
        Ok(if sessions.is_empty() { Err(refusal()) } else { Ok(Fact::SignedOut { sessions }) })
    }

    fn seen(&self, sessions: &[SessionId]) -> Decided<Fact> {
        let mut update = self.tx.prepare_cached("UPDATE sessions SET seen = ?1 WHERE id = ?2")?;
        for session in sessions {
            // One that has ended meanwhile is not there.
            update.execute(params![self.at.timestamp_millis(), session.0])?;
        }
        Ok(Ok(Fact::Noted))
    }

    fn create_link(&self, by: PersonId, link: LinkId) -> Decided<Fact> {
        let expires = self.at + TimeDelta::minutes(LINK_MINUTES);
        // So that nothing is kept of those that were never used.
        self.tx
            .prepare_cached("DELETE FROM links WHERE expires <= ?1")?
            .execute([self.at.timestamp_millis()])?;
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO links VALUES (?1, ?2, ?3)")?
            .execute(params![link.0, sql(by.0), expires.timestamp_millis()])?;
        Ok(Ok(Fact::Noted))
    }

    fn use_link(&self, link: LinkId, device: &NewDevice) -> Decided<Fact> {
        let now = self.at.timestamp_millis();
        let person: Option<i64> = self
            .tx
            .prepare_cached("SELECT person FROM links WHERE id = ?1 AND expires > ?2")?
            .query_row(params![link.0, now], |row| row.get(0))
            .optional()?;
        let Some(person) = person else { return Ok(Err(Refusal::unknown_link())) };
        let devices = self.count("SELECT count(*) FROM sessions WHERE person = ?1", [person])?;
        if devices >= DEVICES_LIMIT {
            return Ok(Err(Refusal::too_many_devices()));
        }
        let id = PersonId(Position(person.cast_unsigned()));
        let Some(person) = self.person(id)? else { return Ok(Err(Refusal::unknown_link())) };
        self.tx.prepare_cached("DELETE FROM links WHERE id = ?1")?.execute([link.0])?;
        self.begin_session(person, device).map(Ok)
    }

    /// The person who is called this, however it is typed.
    fn named(&self, name: &str) -> rusqlite::Result<Option<PersonId>> {
        let key = DisplayName::stored(name.to_owned()).key();
        self.tx
            .prepare_cached("SELECT id FROM people WHERE key = ?1")?
            .query_row([key], |row| at_position(row, 0).map(PersonId))
            .optional()
    }

    fn order(&self, order: &Order) -> Decided<Fact> {
        match order {
            Order::SignOut { name } => match self.named(name)? {
                Some(person) => self.end_all(person),
                None => Ok(Err(Refusal::nobody_called(name))),
            },
            Order::FreeName { name } => match self.named(name)? {
                Some(person) => self.free_name(person).map(Ok),
                None => Ok(Err(Refusal::nobody_called(name))),
            },
            Order::DeleteChannel { channel } => self.delete_channel(channel),
            Order::DeleteMessage { channel, message } => {
                let Some(room) = self.channel_named(channel)? else {
                    return Ok(Err(Refusal::unknown_channel()));
                };
                let room = Room::Channel(room.name);
                // Too long ago to be brought back.
                let change = self.delete_as(None, &room, *message, 0)?;
                let changed = |change| {
                    let (lane, meant) = (room.into(), Vec::new());
                    Fact::Changed { lane, command: None, change, meant }
                };
                Ok(change.map(changed))
            }
        }
    }

    /// Takes the link of somebody away whose session has ended: whoever is sent away may have made one, to
    /// come back with.
    fn without_link(&self, person: PersonId, ended: Result<Fact, Refusal>) -> Decided<Fact> {
        if ended.is_ok() {
            self.end_link(person)?;
        }
        Ok(ended)
    }

    /// Gives whether there was one.
    fn end_link(&self, person: PersonId) -> rusqlite::Result<bool> {
        let mut delete = self.tx.prepare_cached("DELETE FROM links WHERE person = ?1")?;
        Ok(delete.execute([sql(person.0)])? > 0)
    }

    /// Also of who is signed in nowhere, but could be by a link.
    fn end_all(&self, person: PersonId) -> Decided<Fact> {
        let ended = self.end(
            "DELETE FROM sessions WHERE person = ?1 RETURNING id",
            [sql(person.0)],
            Refusal::nowhere_signed_in,
        )?;
        let had_link = self.end_link(person)?;
        Ok(ended.or_else(|refusal| if had_link { Ok(Fact::Noted) } else { Err(refusal) }))
    }

    /// What somebody has said stays, and stays theirs: whoever takes the name is somebody else.
    fn free_name(&self, person: PersonId) -> rusqlite::Result<Fact> {
        let id = sql(person.0);
        self.tx
            .prepare_cached(&format!("UPDATE people SET key = '{FREED}' || id WHERE id = ?1"))?
            .execute([id])?;
        self.tx.prepare_cached("DELETE FROM looks_of_people WHERE person = ?1")?.execute([id])?;
        Ok(self.end_all(person)?.unwrap_or(Fact::Noted))
    }

    fn channel_named(&self, name: &str) -> rusqlite::Result<Option<Channel>> {
        let bare = name.trim().trim_start_matches('#');
        let key = ChannelName::stored(bare.to_owned()).key();
        self.tx
            .prepare_cached(&format!("{CHANNELS} AND rooms.key = ?1"))?
            .query_row([key], channel)
            .optional()
    }

    fn delete_channel(&self, name: &str) -> Decided<Fact> {
        let Some(channel) = self.channel_named(name)? else {
            return Ok(Err(Refusal::unknown_channel()));
        };
        if channel.name.as_str() == FIRST {
            return Ok(Err(Refusal::first_channel()));
        }
        let room = sql(channel.created);
        let freed = free(
            self.tx,
            "DELETE FROM attachments WHERE message IN
                 (SELECT position FROM messages WHERE room = ?1) RETURNING hash",
            [room],
        )?;
        self.freed.borrow_mut().extend(freed);
        for delete in [
            "DELETE FROM messages WHERE room = ?1",
            "DELETE FROM log WHERE room = ?1",
            "DELETE FROM looks_of_channels WHERE room = ?1",
            "DELETE FROM memberships WHERE room = ?1",
            "DELETE FROM rooms WHERE id = ?1",
        ] {
            self.tx.prepare_cached(delete)?.execute([room])?;
        }
        self.tx
            .prepare_cached("UPDATE meta SET value = ?1 WHERE key = 'channel_deleted'")?
            .execute([sql(self.position)])?;
        let change = Change::ChannelDeleted(channel.name);
        Ok(Ok(Fact::Changed { lane: Lane::Directory, command: None, change, meant: Vec::new() }))
    }

    fn create_channel(&self, name: &ChannelName) -> Decided<Fact> {
        let (key, looks) = (name.key(), look::of_channel(name));
        let alike = find_look(self.tx, Named::Channel, &looks)?;
        let existing = self
            .tx
            .prepare_cached(&format!("{CHANNELS} AND (rooms.key = ?1 OR rooms.id = ?2)"))?
            .query_row(params![key, alike], channel)
            .optional()?;
        if let Some(existing) = existing {
            return Ok(Err(Refusal::channel_exists(&existing)));
        }
        if self.count("SELECT count(*) FROM rooms WHERE name IS NOT NULL", [])?
            >= self.limits.channels
        {
            return Ok(Err(Refusal::full(Reason::NoRoomForChannels)));
        }
        self.tx
            .prepare_cached("INSERT INTO rooms (id, last, name, key) VALUES (?1, ?1, ?2, ?3)")?
            .execute(params![sql(self.position), name.as_str(), key])?;
        note_looks(self.tx, Named::Channel, sql(self.position), &looks)?;
        let channel = Channel { name: name.clone(), created: self.position, topic: None };
        Ok(Ok(Fact::Changed {
            lane: Lane::Directory,
            command: None,
            change: Change::ChannelCreated(channel),
            meant: Vec::new(),
        }))
    }

    /// Says what a channel is about. What is said already stays the word of whoever said it.
    fn set_topic(
        &self,
        by: PersonId,
        name: &ChannelName,
        text: Option<&TopicText>,
    ) -> Decided<Outcome> {
        let found = self
            .tx
            .prepare_cached(&format!("{CHANNELS} AND rooms.name = ?1"))?
            .query_row([name.as_str()], |row| Ok((channel(row)?, at_position(row, 6)?)))
            .optional()?;
        let (Some((channel, set)), Some(by)) = (found, self.person(by)?) else {
            return Ok(Err(Refusal::unknown_channel()));
        };
        if channel.topic.as_ref().map(|topic| &topic.text) == text {
            return Ok(Ok(Outcome::Repeated(set)));
        }
        let topic = text.map(|text| Topic { text: text.clone(), by });
        self.tx
            .prepare_cached(
                "UPDATE rooms SET topic = ?1, topic_by = ?2, topic_set = ?3 WHERE id = ?4",
            )?
            .execute(params![
                text.map(TopicText::as_str),
                topic.as_ref().map(|topic| sql(topic.by.id.0)),
                sql(self.position),
                sql(channel.created)
            ])?;
        let fact = Fact::Changed {
            lane: Lane::Directory,
            command: None,
            change: Change::ChannelRevised(Channel { topic, ..channel }),
            meant: Vec::new(),
        };
        Ok(Ok(Outcome::Accepted(Entry { position: self.position, at: self.at, fact })))
    }

    fn store_file(
        &self,
        by: PersonId,
        attachment: &Attachment,
        hash: ContentHash,
    ) -> Decided<Fact> {
        let FileLimits { person, all, .. } = self.limits.files;
        let size = attachment.size.max(SMALLEST);
        if usage(self.tx, Some(by))? + size > person {
            return Ok(Err(Refusal::quota_full(person)));
        }
        let is_new = !is_content(self.tx, hash)?;
        if is_new && usage(self.tx, None)? + size > all {
            return Ok(Err(Refusal::full(Reason::NoRoomForFiles)));
        }
        if is_new {
            self.tx
                .prepare_cached("INSERT INTO contents VALUES (?1, ?2)")?
                .execute(params![hash.0, attachment.size.cast_signed()])?;
        }
        self.tx
            .prepare_cached("INSERT INTO attachments VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, 0)")?
            .execute(params![
                attachment.id.as_str(),
                sql(by.0),
                self.at.timestamp_millis(),
                hash.0,
                json(attachment),
                attachment.size.cast_signed()
            ])?;
        // Nobody else sees it before a message has it.
        Ok(Ok(Fact::Noted))
    }

    fn discard_file(&self, by: PersonId, id: &AttachmentId) -> Decided<Fact> {
        let mut statement = self.tx.prepare_cached(
            "SELECT 1 FROM attachments WHERE id = ?1 AND owner = ?2 AND message IS NULL",
        )?;
        if !statement.exists(params![id.as_str(), sql(by.0)])? {
            return Ok(Err(Refusal::unknown_file()));
        }
        let freed =
            free(self.tx, "DELETE FROM attachments WHERE id = ?1 RETURNING hash", [id.as_str()])?;
        self.freed.borrow_mut().extend(freed);
        Ok(Ok(Fact::Noted))
    }

    /// What is known of files that somebody has uploaded and not posted yet; a refusal if that is not
    /// so of all of them.
    fn pending(&self, by: PersonId, ids: &[AttachmentId]) -> Decided<Vec<Attachment>> {
        let limit = self.limits.files.attachments.files;
        if ids.len() > limit {
            return Ok(Err(Refusal::too_many_files(limit)));
        }
        let mut statement = self.tx.prepare_cached(
            "SELECT about FROM attachments WHERE id = ?1 AND owner = ?2 AND message IS NULL",
        )?;
        let mut found: Vec<Attachment> = Vec::with_capacity(ids.len());
        for id in ids {
            let about = statement
                .query_row(params![id.as_str(), sql(by.0)], |row| attachment(row, 0))
                .optional()?;
            match about {
                Some(about) if !found.contains(&about) => found.push(about),
                _ => return Ok(Err(Refusal::unknown_attachment())),
            }
        }
        Ok(Ok(found))
    }

    /// Notes that somebody has read a room up to a position, if that is news.
    fn read(&self, by: PersonId, room: &Room, position: Position) -> Decided<Outcome> {
        let found = if room.admits(by) { find_room(self.tx, room)? } else { None };
        let Some((row, last)) = found else { return Ok(Err(Refusal::unknown_room(room))) };
        // Nobody has read what is not there yet.
        let position = position.min(last);
        if self.note_read(by, row, position)? == 0 {
            return Ok(Ok(Outcome::Repeated(position)));
        }
        let fact = Fact::Read { person: by, room: room.clone(), position };
        Ok(Ok(Outcome::Accepted(Entry { position: self.position, at: self.at, fact })))
    }

    /// Gives how many rows that has changed.
    fn note_read(&self, by: PersonId, room: i64, position: Position) -> rusqlite::Result<usize> {
        self.tx
            .prepare_cached(
                "INSERT INTO memberships (person, room, read) VALUES (?1, ?2, ?3)
                 ON CONFLICT (person, room) DO UPDATE SET read = excluded.read
                 WHERE excluded.read > read",
            )?
            .execute([sql(by.0), room, sql(position)])
    }

    /// Changes how much somebody wants to hear of a room, as far as it is said.
    fn set_room(
        &self,
        by: PersonId,
        room: &Room,
        is_muted: Option<bool>,
        is_favourite: Option<bool>,
    ) -> Decided<Fact> {
        let row = if room.admits(by) { self.room(room)? } else { None };
        let Some(row) = row else { return Ok(Err(Refusal::unknown_room(room))) };
        let settings = self
            .tx
            .prepare_cached(
                "INSERT INTO memberships (person, room, muted, favourite, changed)
                 VALUES (?1, ?2, coalesce(?3, 0), coalesce(?4, 0), ?5)
                 ON CONFLICT (person, room) DO UPDATE SET
                     muted = coalesce(?3, muted), favourite = coalesce(?4, favourite), changed = ?5
                 RETURNING muted, favourite, changed",
            )?
            .query_row(
                params![sql(by.0), row, is_muted, is_favourite, sql(self.position)],
                |row| room_settings(row, 0),
            )?;
        Ok(Ok(Fact::RoomSet { person: by, room: room.clone(), settings }))
    }

    fn command(&self, by: PersonId, id: &CommandId, command: &Command) -> Decided<Fact> {
        let room = &command.room;
        if !room.admits(by) {
            return Ok(Err(Refusal::unknown_room(room)));
        }
        // Who is not meant any more has to be told, too.
        let meant_before = match &command.ask {
            Ask::Edit(message, _) => self.mentioned_in(*message)?,
            _ => Vec::new(),
        };
        let change = match &command.ask {
            Ask::Share(text, files) | Ask::Reply(_, text, files)
                if text.is_empty() && files.is_empty() =>
            {
                return Ok(Err(Refusal::text(TextFault::Empty)));
            }
            Ask::Post(text) => return self.post(by, id, room, text, &[], None),
            Ask::Share(text, files) => return self.post(by, id, room, text, files, None),
            Ask::Reply(to, text, files) => {
                return self.post(by, id, room, text, files, Some(*to));
            }
            Ask::Edit(message, text) => self.edit(by, room, *message, text)?,
            Ask::Delete(message) => self.delete(by, room, *message)?,
            Ask::Restore(message) => self.restore(by, room, *message)?,
            Ask::React(message, emoji) => return self.react(by, room, *message, emoji, true),
            Ask::Unreact(message, emoji) => return self.react(by, room, *message, emoji, false),
        };
        Ok(change.map(|change| {
            let mut meant = match &change {
                Change::Revised(message) => meant_by(message, room),
                _ => Vec::new(),
            };
            meant.extend(meant_before);
            changed(room, id, change, meant)
        }))
    }

    fn mentioned_in(&self, message: Position) -> rusqlite::Result<Vec<PersonId>> {
        self.tx
            .prepare_cached("SELECT person FROM mentions WHERE message = ?1")?
            .query_map([sql(message)], |row| at_position(row, 0).map(PersonId))?
            .collect()
    }

    fn post(
        &self,
        by: PersonId,
        id: &CommandId,
        room: &Room,
        text: &MessageText,
        files: &[AttachmentId],
        reply_to: Option<Position>,
    ) -> Decided<Fact> {
        let Some(author) = self.person(by)? else { return Ok(Err(Refusal::unknown_room(room))) };
        let attachments = match self.pending(by, files)? {
            Ok(attachments) => attachments,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let reply = match reply_to {
            Some(message) => match self.original(room, message)? {
                Some(original) => Some(original),
                None => return Ok(Err(Refusal::unknown_original())),
            },
            None => None,
        };
        // From here on something is changed.
        let (row, begun) = match (self.move_lane(room)?, room) {
            (Some(row), _) => (row, None),
            (None, Room::Channel(_)) => return Ok(Err(Refusal::unknown_channel())),
            (None, Room::Direct(pair)) => match self.begin(by, *pair)? {
                Ok(between) => (sql(self.position), Some(between)),
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        self.tx
            .prepare_cached(
                "INSERT INTO messages (position, room, author, at, text, reply, reply_author)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                sql(self.position),
                row,
                sql(by.0),
                self.at.timestamp_millis(),
                text.as_str(),
                reply.as_ref().map(|reply| sql(reply.message)),
                reply.as_ref().map(|reply| sql(reply.author.id.0)),
            ])?;
        // Whoever writes has seen what is there.
        self.note_read(by, row, self.position)?;
        for (place, file) in (0_i64..).zip(files) {
            self.tx
                .prepare_cached("UPDATE attachments SET message = ?1, place = ?2 WHERE id = ?3")?
                .execute(params![sql(self.position), place, file.as_str()])?;
        }
        let mentions = self.mentioned(room, text)?;
        self.note_mentions(self.position, &mentions)?;
        let message = Message {
            position: self.position,
            author,
            at: self.at,
            text: text.clone(),
            html: markdown::render(text, &mentions),
            mentions,
            attachments,
            reply,
            reactions: Vec::new(),
            edited: None,
            revised: None,
        };
        Ok(Ok(match begun {
            Some(between) => Fact::Begun { between, command: id.clone(), message },
            None => {
                let meant = meant_by(&message, room);
                changed(room, id, Change::Posted(message), meant)
            }
        }))
    }

    /// Who is called by name in a text, of those who may read it: nobody is told of what they may not
    /// see. In the order of their ids.
    fn mentioned(&self, room: &Room, text: &MessageText) -> rusqlite::Result<Vec<Person>> {
        let called = markdown::called(text);
        if called.is_empty() {
            return Ok(Vec::new());
        }
        // In this order, so that each is one look into the index of names.
        let known: HashMap<String, Person> = self
            .tx
            .prepare_cached(
                "SELECT people.id, people.name, people.key FROM json_each(?1) AS called
                 CROSS JOIN people ON people.key = called.value",
            )?
            .query_map([json(&called.concat())], |row| Ok((row.get(2)?, person(row, 0)?)))?
            .collect::<Result<_, _>>()?;
        // The longest name is meant.
        let longest =
            |keys: &Vec<String>| keys.iter().rev().find_map(|key| known.get(key)).cloned();
        let mut meant: Vec<Person> = called.iter().filter_map(longest).collect();
        meant.retain(|person| room.admits(person.id));
        meant.sort_by_key(|person| person.id);
        meant.dedup();
        Ok(meant)
    }

    fn note_mentions(&self, message: Position, people: &[Person]) -> rusqlite::Result<()> {
        for person in people {
            self.tx
                .prepare_cached("INSERT INTO mentions VALUES (?1, ?2)")?
                .execute([sql(message), sql(person.id.0)])?;
        }
        Ok(())
    }

    /// A message of the room that is to be answered, if it is there.
    fn original(&self, room: &Room, message: Position) -> rusqlite::Result<Option<Reply>> {
        let Some(row) = self.room(room)? else { return Ok(None) };
        self.tx
            .prepare_cached(
                "SELECT people.id, people.name FROM messages JOIN people ON people.id = author
                 WHERE position = ?1 AND room = ?2 AND deleted IS NULL",
            )?
            .query_row([sql(message), row], |row| Ok(Reply { message, author: person(row, 0)? }))
            .optional()
    }

    /// Begins the conversation of two people.
    fn begin(&self, by: PersonId, pair: Pair) -> Decided<[Person; 2]> {
        let [one, other] = pair.people();
        let is_freed = self
            .tx
            .prepare_cached(&format!(
                "SELECT 1 FROM people WHERE id IN (?1, ?2) AND key LIKE '{FREED}%'"
            ))?
            .exists([sql(one.0), sql(other.0)])?;
        if is_freed {
            return Ok(Err(Refusal::unknown_person()));
        }
        let (Some(one), Some(other)) = (self.person(one)?, self.person(other)?) else {
            return Ok(Err(Refusal::unknown_person()));
        };
        // That with oneself is one.
        let query = "SELECT (SELECT count(*) FROM rooms WHERE one = ?1)
                          + (SELECT count(*) FROM rooms WHERE other = ?1 AND one <> ?1)";
        if self.count(query, [sql(by.0)])? >= DIRECTS_OF_WHO_BEGINS {
            return Ok(Err(Refusal::too_many_directs()));
        }
        self.tx
            .prepare_cached("INSERT INTO rooms (id, last, one, other) VALUES (?1, ?1, ?2, ?3)")?
            .execute(params![sql(self.position), sql(one.id.0), sql(other.id.0)])?;
        Ok(Ok([one, other]))
    }

    fn edit(
        &self,
        by: PersonId,
        room: &Room,
        message: Position,
        text: &MessageText,
    ) -> Decided<Change> {
        let now = self.at.timestamp_millis();
        self.revise(
            by,
            room,
            message,
            "UPDATE messages SET text = :text, edited = :now, revised = :here
             WHERE position = :message AND author = :by AND room = :room AND deleted IS NULL",
            &[(":text", &text.as_str()), (":now", &now)],
            Some(text),
        )
    }

    fn restore(&self, by: PersonId, room: &Room, message: Position) -> Decided<Change> {
        let since = undoable_since(self.at).timestamp_millis();
        self.revise(
            by,
            room,
            message,
            "UPDATE messages SET deleted = NULL, revised = :here
             WHERE position = :message AND author = :by AND room = :room AND deleted >= :since",
            &[(":since", &since)],
            None,
        )
    }

    /// Changes a row of one's own message, if it is there; with new words perhaps.
    fn revise(
        &self,
        by: PersonId,
        room: &Room,
        message: Position,
        update: &str,
        values: &[(&str, &dyn rusqlite::ToSql)],
        text: Option<&MessageText>,
    ) -> Decided<Change> {
        let Some(row) = self.room(room)? else { return Ok(Err(Refusal::unknown_message())) };
        let (here, by, place) = (sql(self.position), sql(by.0), sql(message));
        let own: [(&str, &dyn rusqlite::ToSql); 4] =
            [(":here", &here), (":by", &by), (":room", &row), (":message", &place)];
        let values = [&own, values].concat();
        if self.tx.prepare_cached(update)?.execute(values.as_slice())? == 0 {
            return Ok(Err(Refusal::unknown_message()));
        }
        if let Some(text) = text {
            self.tx.prepare_cached("DELETE FROM mentions WHERE message = ?1")?.execute([place])?;
            self.note_mentions(message, &self.mentioned(room, text)?)?;
        }
        self.revised(room, message).map(Ok)
    }

    /// A message of the room has changed; this is how it is now.
    fn revised(&self, room: &Room, message: Position) -> rusqlite::Result<Change> {
        self.move_lane(room)?;
        let message = self
            .tx
            .prepare_cached(&format!("{MESSAGES} WHERE messages.position = ?1"))?
            .query_row([sql(message)], self::message)?;
        Ok(Change::Revised(message))
    }

    /// Adds a reaction, or takes it away. One that is there already, or was not, is as it should be,
    /// and everyone is told so again.
    fn react(
        &self,
        by: PersonId,
        room: &Room,
        message: Position,
        emoji: &Emoji,
        is_added: bool,
    ) -> Decided<Fact> {
        if self.original(room, message)?.is_none() {
            return Ok(Err(Refusal::unknown_message()));
        }
        if let Some(refusal) = self.reactions_full(by, message, emoji)?.filter(|_| is_added) {
            return Ok(Err(refusal));
        }
        let (here, place) = (sql(self.position), sql(message));
        let reaction = params![place, emoji.as_str(), sql(by.0), here];
        if is_added {
            // An emoji keeps its place while anybody has it there.
            let insert = "INSERT OR IGNORE INTO reactions VALUES (?1, ?2, ?3, coalesce(
                 (SELECT min(place) FROM reactions WHERE message = ?1 AND emoji = ?2), ?4), ?4)";
            self.tx.prepare_cached(insert)?.execute(reaction)?;
        } else {
            let delete = "DELETE FROM reactions WHERE message = ?1 AND emoji = ?2 AND person = ?3";
            self.tx.prepare_cached(delete)?.execute(&reaction[..3])?;
        }
        self.tx
            .prepare_cached("UPDATE messages SET revised = ?1 WHERE position = ?2")?
            .execute([here, place])?;
        let (lane, change) = (room.clone().into(), self.revised(room, message)?);
        // Who hears of it must not take somebody else's id for their own.
        Ok(Ok(Fact::Changed { lane, command: None, change, meant: Vec::new() }))
    }

    /// Why a reaction cannot be added to those of a message, if it cannot.
    fn reactions_full(
        &self,
        by: PersonId,
        message: Position,
        emoji: &Emoji,
    ) -> rusqlite::Result<Option<Refusal>> {
        let (all, kinds, same, own): (u32, u32, u32, bool) = self
            .tx
            .prepare_cached(
                "SELECT count(*), count(DISTINCT emoji), coalesce(sum(emoji = ?2), 0),
                        coalesce(max(emoji = ?2 AND person = ?3), 0)
                 FROM reactions WHERE message = ?1",
            )?
            .query_row(params![sql(message), emoji.as_str(), sql(by.0)], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
        Ok(match () {
            () if own => None,
            () if all >= REACTIONS_LIMIT => Some(Refusal::too_many_reactions()),
            () if same == 0 && kinds >= EMOJI_LIMIT => Some(Refusal::too_many_emoji()),
            () => None,
        })
    }

    fn delete(&self, by: PersonId, room: &Room, message: Position) -> Decided<Change> {
        self.delete_as(Some(by), room, message, self.at.timestamp_millis())
    }

    /// Deletes a message: of this author, or of anybody. It can be brought back for a moment after
    /// `deleted`, in milliseconds since 1970.
    fn delete_as(
        &self,
        by: Option<PersonId>,
        room: &Room,
        message: Position,
        deleted: i64,
    ) -> Decided<Change> {
        let Some(row) = self.room(room)? else { return Ok(Err(Refusal::unknown_message())) };
        let now = self.at.timestamp_millis();
        let gone = self
            .tx
            .prepare_cached(
                "UPDATE messages SET deleted = ?1
                 WHERE position = ?2 AND author = coalesce(?3, author) AND room = ?4
                 AND deleted IS NULL",
            )?
            .execute(params![deleted, sql(message), by.map(|by| sql(by.0)), row])?;
        if gone == 0 {
            return Ok(Err(Refusal::unknown_message()));
        }
        self.move_lane(room)?;
        // The oldest of the window as it is now; it was not in it before if the deleted was newer.
        let uncovered = self
            .tx
            .prepare_cached(&format!(
                "{MESSAGES} WHERE room = ?1 AND deleted IS NULL
                 ORDER BY messages.position DESC LIMIT 1 OFFSET {}",
                Window::LIMIT - 1
            ))?
            .query_row([row], self::message)
            .optional()?
            .filter(|oldest| oldest.position < message);
        self.tx.prepare_cached("INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
            sql(self.position),
            row,
            now,
            sql(message),
            uncovered.as_ref().map(|message| sql(message.position)),
        ])?;
        Ok(Ok(Change::Deleted(Deletion { position: self.position, message, uncovered })))
    }

    /// The row of a room, if there is one.
    fn room(&self, room: &Room) -> Result<Option<i64>, rusqlite::Error> {
        Ok(find_room(self.tx, room)?.map(|(row, _)| row))
    }

    /// Notes that the room's lane changes here. Gives the room's row, if there is one.
    fn move_lane(&self, room: &Room) -> Result<Option<i64>, rusqlite::Error> {
        let Some(row) = self.room(room)? else { return Ok(None) };
        self.tx
            .prepare_cached("UPDATE rooms SET last = ?1 WHERE id = ?2")?
            .execute([sql(self.position), row])?;
        Ok(Some(row))
    }

    fn person(&self, id: PersonId) -> Result<Option<Person>, rusqlite::Error> {
        find_person(self.tx, id)
    }

    fn first_answer(
        &self,
        by: PersonId,
        id: &CommandId,
    ) -> Result<Option<Position>, rusqlite::Error> {
        self.tx
            .prepare_cached("SELECT position FROM commands WHERE person = ?1 AND id = ?2")?
            .query_row(params![sql(by.0), id.as_str()], position)
            .optional()
    }

    fn count(&self, query: &str, of: impl rusqlite::Params) -> Result<u64, rusqlite::Error> {
        let count: i64 = self.tx.prepare_cached(query)?.query_row(of, |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }
}

fn changed(room: &Room, id: &CommandId, change: Change, meant: Vec<PersonId>) -> Fact {
    Fact::Changed { lane: room.clone().into(), command: Some(id.clone()), change, meant }
}

/// Whom a message means: the other one of a direct conversation, or those whom it mentions.
fn meant_by(message: &Message, room: &Room) -> Vec<PersonId> {
    match room {
        Room::Direct(pair) => vec![pair.other(message.author.id)],
        Room::Channel(_) => message.mentions.iter().map(|person| person.id).collect(),
    }
}

/// Removes attachments, with a query that gives their hashes, and what no other attachment has of
/// their contents. Gives what can be removed from the disk after the commit.
fn free(
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
fn wipe(tx: &Transaction, until: i64) -> rusqlite::Result<(usize, Vec<ContentHash>)> {
    let freed = free(
        tx,
        "DELETE FROM attachments WHERE message IN
             (SELECT position FROM messages WHERE deleted < ?1) RETURNING hash",
        [until],
    )?;
    let wiped = tx.prepare_cached("DELETE FROM messages WHERE deleted < ?1")?.execute([until])?;
    Ok((wiped, freed))
}

fn is_content(db: &Connection, hash: ContentHash) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM contents WHERE hash = ?1")?.exists([hash.0])
}

/// How many bytes somebody's files have, or all that is on the disk.
fn usage(db: &Connection, of: Option<PersonId>) -> rusqlite::Result<u64> {
    let of = of.map_or(0, |person| sql(person.0));
    let bytes = db
        .prepare_cached("SELECT bytes FROM usage WHERE person = ?1")?
        .query_row([of], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(bytes.unwrap_or_default().max(0).cast_unsigned())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("it has no keys but text")
}

/// Reads what [`json`] wrote.
fn read_json<T: serde::de::DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error))
    })
}

fn attachment(row: &Row, column: usize) -> rusqlite::Result<Attachment> {
    read_json(&row.get::<_, String>(column)?)
}

/// The row of a room and its lane's last change, if anything was ever said there.
fn find_room(db: &Connection, room: &Room) -> rusqlite::Result<Option<(i64, Position)>> {
    let found = |row: &Row| Ok((row.get(0)?, at_position(row, 1)?));
    match room {
        Room::Channel(name) => db
            .prepare_cached("SELECT id, last FROM rooms WHERE name = ?1")?
            .query_row([name.as_str()], found)
            .optional(),
        Room::Direct(pair) => db
            .prepare_cached("SELECT id, last FROM rooms WHERE one = ?1 AND other = ?2")?
            .query_row(pair.people().map(|person| sql(person.0)), found)
            .optional(),
    }
}

fn find_person(db: &Connection, id: PersonId) -> rusqlite::Result<Option<Person>> {
    db.prepare_cached("SELECT id, name FROM people WHERE id = ?1")?
        .query_row([sql(id.0)], |row| person(row, 0))
        .optional()
}

/// For how long a deleted message can be brought back.
pub fn undo() -> TimeDelta {
    TimeDelta::seconds(UNDO_SECONDS.cast_signed())
}

/// What was deleted before this can no more be brought back.
fn undoable_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - undo()
}

fn time(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

/// A connection that only reads.
pub struct Reader {
    db: Connection,
}

/// All that is kept in memory from the start.
#[derive(Debug)]
pub struct Beginning {
    pub epoch: Epoch,
    /// Of the newest entry.
    pub position: Position,
    /// Sessions, channels and their positions.
    pub state: State,
}

impl Reader {
    /// How things are at `position`, which must be the newest.
    ///
    /// # Errors
    /// When the file cannot be read; so with all that follow.
    pub fn beginning(&self, position: Position) -> Result<Beginning, StoreError> {
        let query = "SELECT value FROM meta WHERE key = 'epoch'";
        let epoch = Epoch(self.db.query_row(query, [], |row| row.get(0))?);
        Ok(Beginning { epoch, position, state: self.state()? })
    }

    fn state(&self) -> Result<State, StoreError> {
        let mut sessions = self.db.prepare(
            "SELECT people.id, people.name, sessions.id FROM sessions
             JOIN people ON people.id = sessions.person",
        )?;
        let sessions = sessions
            .query_map([], |row| Ok((SessionId(row.get(2)?), person(row, 0)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        let mut newest = self.db.prepare(&format!(
            "SELECT position FROM messages WHERE room = ?1 AND deleted IS NULL
             ORDER BY position DESC LIMIT {}",
            Window::LIMIT
        ))?;
        let mut newest = |room: i64| -> rusqlite::Result<Newest> {
            let mut newest =
                newest.query_map([room], position)?.collect::<Result<Vec<Position>, _>>()?;
            newest.reverse();
            Ok(newest.into_iter().collect())
        };
        let mut channels = self.db.prepare(CHANNELS)?;
        let channels = channels
            .query_map([], |row| Ok((channel(row)?, at_position(row, 5)?, newest(row.get(0)?)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        let mut directs = self.db.prepare(
            "SELECT rooms.id, rooms.last, one.id, one.name, other.id, other.name FROM rooms
             JOIN people AS one ON one.id = rooms.one
             JOIN people AS other ON other.id = rooms.other",
        )?;
        let directs = directs
            .query_map([], |row| {
                let between = [person(row, 2)?, person(row, 4)?];
                Ok((between, at_position(row, 0)?, at_position(row, 1)?, newest(row.get(0)?)?))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let query = "SELECT max(value, coalesce((SELECT max(topic_set) FROM rooms), 0)) FROM meta
             WHERE key = 'channel_deleted'";
        let rewritten = self.db.query_row(query, [], position)?;
        let query = "SELECT value FROM meta WHERE key = 'unread_since'";
        let unread_since = self.db.query_row(query, [], position)?;
        Ok(State::restore(sessions, channels, directs, rewritten, unread_since))
    }

    /// The person of this id, if there is one.
    pub fn person(&self, id: PersonId) -> Result<Option<Person>, StoreError> {
        Ok(find_person(&self.db, id)?)
    }

    /// The attachment of this id, if there is one, and where it stands.
    pub fn file(&self, id: &AttachmentId) -> Result<Option<StoredFile>, StoreError> {
        let found = self
            .db
            .prepare_cached(
                "SELECT about, hash, owner, message, rooms.name, rooms.one, rooms.other
                 FROM attachments
                 LEFT JOIN messages ON messages.position = message AND deleted IS NULL
                 LEFT JOIN rooms ON rooms.id = messages.room WHERE attachments.id = ?1",
            )?
            .query_row([id.as_str()], |row| {
                let is_posted = row.get::<_, Option<i64>>(3)?.is_some();
                let name: Option<String> = row.get(4)?;
                let is_direct = row.get::<_, Option<i64>>(5)?.is_some();
                let place = match name {
                    _ if !is_posted => FilePlace::Pending(PersonId(at_position(row, 2)?)),
                    Some(name) => FilePlace::In(Room::Channel(ChannelName::stored(name))),
                    None if is_direct => {
                        let [one, other] = [at_position(row, 5)?, at_position(row, 6)?];
                        FilePlace::In(Room::Direct(Pair::of(PersonId(one), PersonId(other))))
                    }
                    None => FilePlace::Gone,
                };
                let hash = ContentHash(row.get(1)?);
                Ok(StoredFile { attachment: attachment(row, 0)?, hash, place })
            })
            .optional()?;
        Ok(found)
    }

    /// Whether some attachment has this content.
    pub fn is_content(&self, hash: ContentHash) -> Result<bool, StoreError> {
        Ok(is_content(&self.db, hash)?)
    }

    /// How many bytes somebody's files have, and all files.
    pub fn usage(&self, of: PersonId) -> Result<(u64, u64), StoreError> {
        Ok((usage(&self.db, Some(of))?, usage(&self.db, None)?))
    }

    /// People whose names have `part` in them, in any letter case: the first in alphabetical order.
    pub fn people(&self, part: &str, limit: usize) -> Result<Vec<Person>, StoreError> {
        let part = part.to_lowercase();
        // Who has no name of their own any more cannot be written to.
        let query = format!("SELECT id, name FROM people WHERE key NOT LIKE '{FREED}%'");
        let mut people = self.db.prepare_cached(&query)?;
        let people = people.query_map([], |row| person(row, 0))?;
        let mut found = Vec::new();
        for person in people {
            let person = person?;
            let name = person.name.as_str().to_lowercase();
            if name.contains(&part) {
                found.push((name, person));
            }
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found.into_iter().take(limit).map(|(_, person)| person).collect())
    }

    /// Whose link this is, as long as it works.
    pub fn link(&self, link: LinkId, now: DateTime<Utc>) -> Result<Option<Person>, StoreError> {
        let found = self
            .db
            .prepare_cached(
                "SELECT people.id, people.name FROM links JOIN people ON people.id = links.person
                 WHERE links.id = ?1 AND expires > ?2",
            )?
            .query_row(params![link.0, now.timestamp_millis()], |row| person(row, 0))
            .optional()?;
        Ok(found)
    }

    /// The sessions of a person, the newest first, and what is known of their devices. Which one
    /// asks and which are connected is not known here.
    pub fn devices(&self, of: PersonId) -> Result<Vec<(SessionId, Device)>, StoreError> {
        let devices = self
            .db
            .prepare_cached(
                "SELECT device, label, since, seen, id FROM sessions WHERE person = ?1
                 ORDER BY device DESC",
            )?
            .query_map([sql(of.0)], |row| {
                let device = Device {
                    id: DeviceId(at_position(row, 0)?),
                    label: row.get(1)?,
                    since: time(row.get(2)?),
                    seen: time(row.get(3)?),
                    is_this: false,
                    is_online: false,
                };
                Ok((SessionId(row.get(4)?), device))
            })?
            .collect::<Result<_, _>>()?;
        Ok(devices)
    }

    /// What a person has kept of rooms, and where they are mentioned. What they have not read is for who
    /// knows what is there.
    pub fn memberships(&self, of: PersonId) -> Result<Vec<Membership>, StoreError> {
        let memberships = self
            .db
            .prepare_cached(
                "SELECT rooms.name, rooms.one, rooms.other, read, muted, favourite, changed
                 FROM memberships JOIN rooms ON rooms.id = memberships.room WHERE person = ?1",
            )?
            .query_map([sql(of.0)], |row| {
                let settings = room_settings(row, 4)?;
                Ok(Membership { settings, ..Membership::new(room(row, 0)?, at_position(row, 3)?) })
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let mut memberships = Memberships::new(Position::ZERO, memberships);
        for (room, message) in self.unread_mentions(of)? {
            memberships.mentioned(&room, message);
        }
        Ok(memberships.rooms)
    }

    /// Where others have called somebody by name and it is not read yet: the newest, at most
    /// [`MENTIONS_LIMIT`] of them, in their order.
    pub fn unread_mentions(&self, of: PersonId) -> Result<Vec<(Room, Position)>, StoreError> {
        let mut mentions = self
            .db
            .prepare_cached(&format!(
                "SELECT rooms.name, rooms.one, rooms.other, message
                 FROM (SELECT message FROM mentions WHERE person = ?1
                       ORDER BY message DESC LIMIT {MENTIONS_LOOKED_AT})
                 JOIN messages ON messages.position = message AND deleted IS NULL
                 JOIN rooms ON rooms.id = messages.room
                 LEFT JOIN memberships ON memberships.person = ?1 AND memberships.room = rooms.id
                 WHERE author <> ?1 AND message > coalesce(read, 0)
                 ORDER BY message DESC LIMIT {MENTIONS_LIMIT}"
            ))?
            .query_map([sql(of.0)], |row| Ok((room(row, 0)?, at_position(row, 3)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        mentions.reverse();
        Ok(mentions)
    }

    /// The newest messages of a room and what was deleted of late, all as of one moment. None if
    /// there is no such channel, or not both of these people.
    pub fn window(&mut self, room: &Room) -> Result<Option<Window>, StoreError> {
        let tx = self.db.transaction()?;
        let is_channel = matches!(room, Room::Channel(_));
        let (room, last) = match (find_room(&tx, room)?, room) {
            (Some(found), _) => found,
            (None, Room::Channel(_)) => return Ok(None),
            (None, Room::Direct(pair)) => {
                let [one, other] = pair.people();
                let is_possible = find_person(&tx, one)?.and(find_person(&tx, other)?).is_some();
                return Ok(is_possible.then(Window::default));
            }
        };
        let mut messages = tx
            .prepare_cached(&format!(
                "{MESSAGES} WHERE room = ?1 AND deleted IS NULL
                 ORDER BY messages.position DESC LIMIT {}",
                Window::LIMIT
            ))?
            .query_map([room], message)?
            .collect::<Result<Vec<_>, _>>()?;
        messages.reverse();

        // One more than is kept: if it is there, it is where completeness begins.
        let mut deletions = tx
            .prepare_cached(&format!(
                "SELECT {}, log.position, log.message
                 FROM (SELECT position, message, uncovered FROM log WHERE room = :room
                       ORDER BY position DESC LIMIT {}) AS log
                 LEFT JOIN messages ON messages.position = log.uncovered AND deleted IS NULL
                 LEFT JOIN people ON people.id = messages.author
                 ORDER BY log.position",
                columns!(),
                Window::LIMIT + 1
            ))?
            .query_map(named_params! { ":room": room }, deletion)?
            .collect::<Result<Vec<_>, _>>()?;
        let trimmed = tx.query_row("SELECT value FROM meta WHERE key = 'trimmed'", [], position)?;
        let complete_from =
            if deletions.len() > Window::LIMIT { deletions.remove(0).position } else { trimmed };
        // What somebody knows from before its beginning is of a deleted channel of the same name.
        let begun = if is_channel { Position(room.cast_unsigned()) } else { Position::ZERO };
        let complete_from = complete_from.max(begun);
        Ok(Some(Window::restore(last, messages, deletions, complete_from)))
    }
}

/// Asks for messages. What follows it says for which.
const MESSAGES: &str =
    concat!("SELECT ", columns!(), " FROM messages JOIN people ON people.id = messages.author");

/// Reads a row of messages.
fn message(row: &Row) -> rusqlite::Result<Message> {
    let text = MessageText::stored(row.get(4)?);
    let mentions: Vec<Person> = list(row, 8)?;
    Ok(Message {
        position: at_position(row, 0)?,
        author: person(row, 1)?,
        at: time(row.get(3)?),
        html: markdown::render(&text, &mentions),
        text,
        mentions,
        edited: row.get::<_, Option<i64>>(5)?.map(time),
        revised: row.get::<_, Option<i64>>(6)?.map(|number| Position(number.cast_unsigned())),
        attachments: list(row, 7)?,
        reactions: grouped(list(row, 9)?),
        reply: match row.get::<_, Option<i64>>(10)? {
            Some(message) => {
                Some(Reply { message: Position(message.cast_unsigned()), author: person(row, 11)? })
            }
            None => None,
        },
    })
}

/// Reads a column of JSON, which is an empty list as a rule.
fn list<T: serde::de::DeserializeOwned>(row: &Row, column: usize) -> rusqlite::Result<Vec<T>> {
    match row.get_ref(column)?.as_str()? {
        "[]" => Ok(Vec::new()),
        list => read_json(list),
    }
}

/// Reactions by emoji. Those with the same come one after the other.
fn grouped(reactions: Vec<(Emoji, PersonId, DisplayName)>) -> Vec<Reaction> {
    let mut grouped: Vec<Reaction> = Vec::new();
    for (emoji, id, name) in reactions {
        let person = Person { id, name };
        match grouped.last_mut().filter(|reaction| reaction.emoji == emoji) {
            Some(reaction) => reaction.people.push(person),
            None => grouped.push(Reaction { emoji, people: vec![person] }),
        }
    }
    grouped
}

fn deletion(row: &Row) -> rusqlite::Result<Deletion> {
    let uncovered: Option<i64> = row.get(0)?;
    Ok(Deletion {
        position: at_position(row, 13)?,
        message: at_position(row, 14)?,
        uncovered: uncovered.map(|_| message(row)).transpose()?,
    })
}

fn person(row: &Row, first: usize) -> rusqlite::Result<Person> {
    Ok(Person {
        id: PersonId(at_position(row, first)?),
        name: DisplayName::stored(row.get(first + 1)?),
    })
}

fn room_settings(row: &Row, first: usize) -> rusqlite::Result<RoomSettings> {
    Ok(RoomSettings {
        is_muted: row.get(first)?,
        is_favourite: row.get(first + 1)?,
        changed: at_position(row, first + 2)?,
    })
}

/// Reads a room's name, if it is a channel, and the two of a direct conversation.
fn room(row: &Row, first: usize) -> rusqlite::Result<Room> {
    Ok(match row.get(first)? {
        Some(name) => Room::Channel(ChannelName::stored(name)),
        None => {
            let [one, other] = [at_position(row, first + 1)?, at_position(row, first + 2)?];
            Room::Direct(Pair::of(PersonId(one), PersonId(other)))
        }
    })
}

/// Asks for channels, each with the position of its lane and where its topic was set last. What follows
/// it says for which.
const CHANNELS: &str = "SELECT rooms.id, rooms.name, topic, people.id, people.name, last,
    coalesce(topic_set, rooms.id) FROM rooms LEFT JOIN people ON people.id = topic_by
    WHERE rooms.name IS NOT NULL";

/// Reads a row of [`CHANNELS`].
fn channel(row: &Row) -> rusqlite::Result<Channel> {
    let topic = match row.get(2)? {
        Some(text) => Some(Topic { text: TopicText::stored(text), by: person(row, 3)? }),
        None => None,
    };
    let name = ChannelName::stored(row.get(1)?);
    Ok(Channel { name, created: at_position(row, 0)?, topic })
}

fn position(row: &Row) -> rusqlite::Result<Position> {
    at_position(row, 0)
}

fn at_position(row: &Row, column: usize) -> rusqlite::Result<Position> {
    let number: i64 = row.get(column)?;
    Ok(Position(number.cast_unsigned()))
}

/// Positions count entries from one; they will not reach the sign bit.
fn sql(position: Position) -> i64 {
    position.0.cast_signed()
}

/// What is in a copy of a database.
pub struct Copied {
    pub epoch: Epoch,
    /// Of the newest entry.
    pub position: Position,
    /// The contents of its attachments, and how many bytes each has.
    pub contents: Vec<(ContentHash, u64)>,
}

/// Writes a copy of the database of a data directory to `copy`, an empty file, as it is at one moment.
/// Whoever writes meanwhile does not wait. Nothing is in it that was deleted, also if it could still be
/// brought back, and no link to another device.
///
/// # Errors
/// When it cannot be read or written.
pub fn copy(dir: &Path, copy: &Path) -> Result<Copied, StoreError> {
    let is_text = || StoreError::Io(copy.to_owned(), io::ErrorKind::InvalidFilename.into());
    let name = copy.to_str().ok_or_else(is_text)?;
    // Row by row: what is left of deleted words in free space stays behind.
    connect(&dir.join(DATABASE))?.execute("VACUUM INTO ?1", [name])?;
    let mut db = connect(copy)?;
    // Until it is whole, nobody needs it.
    db.pragma_update(None, "synchronous", "off")?;
    db.pragma_update(None, "secure_delete", true)?;
    match db.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        SCHEMA_VERSION => {}
        0 => return Err(StoreError::Foreign(dir.join(DATABASE))),
        older @ ..SCHEMA_VERSION => migrate(&mut db, older)?,
        newer => return Err(StoreError::Newer(newer)),
    }
    db.pragma_update(None, "foreign_keys", true)?;
    let tx = db.transaction()?;
    let deleted: bool = tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM messages WHERE deleted IS NOT NULL)",
        [],
        |row| row.get(0),
    )?;
    wipe(&tx, i64::MAX)?;
    tx.execute("DELETE FROM links", [])?;
    tx.commit()?;
    if deleted {
        db.execute("VACUUM", [])?;
    }
    let epoch = db.query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get(0))?;
    let last = db.query_row("SELECT value FROM meta WHERE key = 'last'", [], position)?;
    let contents = contents(&db)?;
    db.close().map_err(|(_, error)| error)?;
    Ok(Copied { epoch: Epoch(epoch), position: last, contents })
}

fn contents(db: &Connection) -> rusqlite::Result<Vec<(ContentHash, u64)>> {
    db.prepare("SELECT hash, size FROM contents ORDER BY hash")?
        .query_map([], |row| Ok((ContentHash(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned())))?
        .collect()
}

/// So many positions are left out when a log begins anew from an older copy: more than may have been
/// given since, to people, messages and channels that somebody still remembers. None of them must become
/// another one.
const LEAP: i64 = 1_000_000_000;

/// Makes a copy of a database the beginning of a new log, so that whoever knows the old one begins anew,
/// too. Gives what is wrong with it, if anything is; `files` are the contents beside it, with their sizes.
///
/// # Errors
/// When it cannot be read or written.
pub fn begin_anew(
    database: &Path,
    files: &HashMap<ContentHash, u64>,
) -> Result<Option<String>, StoreError> {
    let db = connect(database)?;
    match fault(&db, files) {
        Ok(None) => {}
        Ok(fault) => return Ok(fault),
        Err(error) if is_corrupt(&error) => return Ok(Some(error.to_string())),
        Err(error) => return Err(error.into()),
    }
    db.execute("UPDATE meta SET value = ?1 WHERE key = 'epoch'", [&draw_epoch()?.0])?;
    db.execute("UPDATE meta SET value = value + ?1 WHERE key = 'last'", [LEAP])?;
    db.close().map_err(|(_, error)| error)?;
    let synced = File::open(database).and_then(|file| file.sync_all());
    synced.map_err(|error| StoreError::Io(database.to_owned(), error))?;
    Ok(None)
}

/// What is wrong with a database that has these files beside it.
fn fault(db: &Connection, files: &HashMap<ContentHash, u64>) -> rusqlite::Result<Option<String>> {
    let found: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Ok(Some(format!("the database is damaged: {found}")));
    }
    if db.prepare("PRAGMA foreign_key_check")?.exists([])? {
        return Ok(Some("the database has something in it that belongs to nothing".to_owned()));
    }
    let known = contents(db)?;
    let is_whole = known.len() == files.len()
        && known.iter().all(|(hash, size)| files.get(hash) == Some(size));
    Ok((!is_whole).then(|| "its files are not those of its database".to_owned()))
}

fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
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
