//! The reader: a connection beside the one that writes, for what memory does not hold.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, named_params, params};

use super::{
    StoreError,
    names::FREED,
    rows::{
        CHANNELS, MESSAGES, at_position, attachment, channel, columns, deletion, find_person,
        find_room, is_content, message, person, position, room, room_settings, sql, time, usage,
    },
};
use crate::{
    domain::{
        attachment::AttachmentId,
        device::{Device, DeviceId},
        letters::plain,
        name::ChannelName,
        person::{Person, PersonId, SessionId},
        position::{Epoch, Position},
        room::{Pair, Room},
        unread::{Membership, Memberships, Newest},
        window::Window,
    },
    server::{
        files::{ContentHash, FilePlace, StoredFile},
        state::State,
        token::LinkId,
    },
};

/// How many unread mentions of a person are known.
pub const MENTIONS_LIMIT: usize = 100;

/// Among how many of somebody's newest mentions the unread ones are looked for.
const MENTIONS_LOOKED_AT: usize = 1_000;

/// A connection that only reads.
pub struct Reader {
    pub(super) db: Connection,
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

    /// People whose names have each word of `part` in them, in any letter case and with any marks: the first
    /// in alphabetical order.
    pub fn people(&self, part: &str, limit: usize) -> Result<Vec<Person>, StoreError> {
        let part = plain(part);
        // Who has no name of their own any more cannot be written to.
        let query = format!("SELECT id, name FROM people WHERE key NOT LIKE '{FREED}%'");
        let mut people = self.db.prepare_cached(&query)?;
        let people = people.query_map([], |row| person(row, 0))?;
        let mut found = Vec::new();
        for person in people {
            let person = person?;
            let name = plain(person.name.as_str());
            if part.split_whitespace().all(|word| name.contains(word)) {
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
