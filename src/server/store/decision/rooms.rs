//! Rooms: which channels there are and what they are about, and what somebody keeps of a room.

use rusqlite::{OptionalExtension, params};

use super::{Decided, Decision};
use crate::{
    domain::{
        channel::{Channel, FIRST, Topic, TopicText},
        event::{Change, Lane},
        name::ChannelName,
        person::PersonId,
        position::Position,
        refusal::{Reason, Refusal},
        room::Room,
    },
    server::{
        look,
        state::{Entry, Fact},
        store::{
            Outcome,
            names::{Named, find_look, note_looks},
            rows::{CHANNELS, at_position, channel, find_room, room_settings, sql},
            wiping::free,
        },
    },
};

/// Over how many positions one statement deletes messages: what it changes is in memory until it is done.
const PIECE: i64 = 10_000;

impl Decision<'_> {
    pub(super) fn channel_named(&self, name: &str) -> rusqlite::Result<Option<Channel>> {
        let key = ChannelName::stored(ChannelName::bare(name).to_owned()).key();
        self.tx
            .prepare_cached(&format!("{CHANNELS} AND rooms.key = ?1"))?
            .query_row([key], channel)
            .optional()
    }

    pub(super) fn delete_channel(&self, name: &str) -> Decided<Fact> {
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
        let mut delete = self.tx.prepare_cached(
            "DELETE FROM messages WHERE room = ?1 AND position BETWEEN ?2 AND ?3",
        )?;
        let mut next =
            self.tx.prepare_cached("SELECT min(position) FROM messages WHERE position >= ?1")?;
        let mut from = room;
        while let Some(first) = next.query_row([from], |row| row.get::<_, Option<i64>>(0))? {
            from = first + PIECE;
            delete.execute(params![room, first, from - 1])?;
        }
        for delete in [
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

    pub(super) fn create_channel(&self, name: &ChannelName) -> Decided<Fact> {
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
    pub(super) fn set_topic(
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

    /// Notes that somebody has read a room up to a position, if that is news.
    pub(super) fn read(&self, by: PersonId, room: &Room, position: Position) -> Decided<Outcome> {
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
    pub(super) fn note_read(
        &self,
        by: PersonId,
        room: i64,
        position: Position,
    ) -> rusqlite::Result<usize> {
        self.tx
            .prepare_cached(
                "INSERT INTO memberships (person, room, read) VALUES (?1, ?2, ?3)
                 ON CONFLICT (person, room) DO UPDATE SET read = excluded.read
                 WHERE excluded.read > read",
            )?
            .execute([sql(by.0), room, sql(position)])
    }

    /// Changes how much somebody wants to hear of a room, as far as it is said.
    pub(super) fn set_room(
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
}
