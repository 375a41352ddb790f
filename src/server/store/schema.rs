//! The schema: the tables, how an empty database comes to have them, and how one of an older Flack does.

use rusqlite::{Connection, params};

use super::{
    StoreError,
    names::{Named, note_looks},
};
use crate::{
    domain::{
        channel::FIRST,
        hex::hex,
        name::{ChannelName, DisplayName},
        position::Epoch,
    },
    server::{look, random, scrub},
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

/// Puts into an empty database what every Flack begins with.
pub(super) fn fill(db: &mut Connection) -> Result<(), StoreError> {
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

pub(super) fn draw_epoch() -> Result<Epoch, StoreError> {
    let epoch = random::draw::<8>().map_err(StoreError::NoRandomness)?;
    Ok(Epoch(hex(&epoch)))
}

/// Brings the tables of an older Flack to this one's form, at once or not at all.
pub(super) fn migrate(db: &mut Connection, version: i64) -> Result<(), StoreError> {
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
