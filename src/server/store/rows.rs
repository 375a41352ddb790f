//! Rows: how they become what they stand for, and the questions that more than one asks.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::{
    domain::{
        attachment::Attachment,
        channel::{Channel, Topic, TopicText},
        event::Deletion,
        message::{Message, MessageText, Reply},
        name::{ChannelName, DisplayName},
        person::{Person, PersonId},
        position::Position,
        reaction::{Emoji, Reaction},
        room::{Pair, Room},
        unread::RoomSettings,
    },
    server::{files::ContentHash, markdown},
};

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

pub(super) use columns;

/// Asks for messages. What follows it says for which.
pub(super) const MESSAGES: &str =
    concat!("SELECT ", columns!(), " FROM messages JOIN people ON people.id = messages.author");

/// Reads a row of messages.
pub(super) fn message(row: &Row) -> rusqlite::Result<Message> {
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

pub(super) fn deletion(row: &Row) -> rusqlite::Result<Deletion> {
    let uncovered: Option<i64> = row.get(0)?;
    Ok(Deletion {
        position: at_position(row, 13)?,
        message: at_position(row, 14)?,
        uncovered: uncovered.map(|_| message(row)).transpose()?,
    })
}

pub(super) fn person(row: &Row, first: usize) -> rusqlite::Result<Person> {
    Ok(Person {
        id: PersonId(at_position(row, first)?),
        name: DisplayName::stored(row.get(first + 1)?),
    })
}

pub(super) fn room_settings(row: &Row, first: usize) -> rusqlite::Result<RoomSettings> {
    Ok(RoomSettings {
        is_muted: row.get(first)?,
        is_favourite: row.get(first + 1)?,
        changed: at_position(row, first + 2)?,
    })
}

/// Reads a room's name, if it is a channel, and the two of a direct conversation.
pub(super) fn room(row: &Row, first: usize) -> rusqlite::Result<Room> {
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
pub(super) const CHANNELS: &str =
    "SELECT rooms.id, rooms.name, topic, people.id, people.name, last,
    coalesce(topic_set, rooms.id) FROM rooms LEFT JOIN people ON people.id = topic_by
    WHERE rooms.name IS NOT NULL";

/// Reads a row of [`CHANNELS`].
pub(super) fn channel(row: &Row) -> rusqlite::Result<Channel> {
    let topic = match row.get(2)? {
        Some(text) => Some(Topic { text: TopicText::stored(text), by: person(row, 3)? }),
        None => None,
    };
    let name = ChannelName::stored(row.get(1)?);
    Ok(Channel { name, created: at_position(row, 0)?, topic })
}

pub(super) fn position(row: &Row) -> rusqlite::Result<Position> {
    at_position(row, 0)
}

pub(super) fn at_position(row: &Row, column: usize) -> rusqlite::Result<Position> {
    let number: i64 = row.get(column)?;
    Ok(Position(number.cast_unsigned()))
}

/// Positions count entries from one; they will not reach the sign bit.
pub(super) fn sql(position: Position) -> i64 {
    position.0.cast_signed()
}

pub(super) fn time(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

pub(super) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("it has no keys but text")
}

/// Reads what [`json`] wrote.
fn read_json<T: serde::de::DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error))
    })
}

pub(super) fn attachment(row: &Row, column: usize) -> rusqlite::Result<Attachment> {
    read_json(&row.get::<_, String>(column)?)
}

/// The row of a room and its lane's last change, if anything was ever said there.
pub(super) fn find_room(db: &Connection, room: &Room) -> rusqlite::Result<Option<(i64, Position)>> {
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

pub(super) fn find_person(db: &Connection, id: PersonId) -> rusqlite::Result<Option<Person>> {
    db.prepare_cached("SELECT id, name FROM people WHERE id = ?1")?
        .query_row([sql(id.0)], |row| person(row, 0))
        .optional()
}

pub(super) fn is_content(db: &Connection, hash: ContentHash) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM contents WHERE hash = ?1")?.exists([hash.0])
}

/// How many bytes somebody's files have, or all that is on the disk.
pub(super) fn usage(db: &Connection, of: Option<PersonId>) -> rusqlite::Result<u64> {
    let of = of.map_or(0, |person| sql(person.0));
    let bytes = db
        .prepare_cached("SELECT bytes FROM usage WHERE person = ?1")?
        .query_row([of], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(bytes.unwrap_or_default().max(0).cast_unsigned())
}
