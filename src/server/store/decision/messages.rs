//! Messages: what people say in rooms, and what becomes of it.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};

use super::{Decided, Decision};
use crate::{
    domain::{
        attachment::AttachmentId,
        command::{Ask, Command, CommandId},
        direct::DIRECTS_OF_WHO_BEGINS,
        event::{Change, Deletion},
        message::{Message, MessageText, Reply, TextFault},
        person::{Person, PersonId},
        position::Position,
        reaction::{EMOJI_LIMIT, Emoji, REACTIONS_LIMIT},
        refusal::Refusal,
        room::{Pair, Room},
        window::Window,
    },
    server::{
        markdown,
        state::Fact,
        store::{
            names::FREED,
            rows::{MESSAGES, at_position, json, message, person, sql},
            wiping::undoable,
        },
    },
};

impl Decision<'_> {
    pub(super) fn command(&self, by: PersonId, id: &CommandId, command: &Command) -> Decided<Fact> {
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
        if text.is_empty() && !self.has_files(by, message)? {
            return Ok(Err(Refusal::text(TextFault::Empty)));
        }
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

    /// Whether there are files in a message of this person's.
    fn has_files(&self, by: PersonId, message: Position) -> rusqlite::Result<bool> {
        self.tx
            .prepare_cached("SELECT 1 FROM attachments WHERE message = ?1 AND owner = ?2")?
            .exists([sql(message), sql(by.0)])
    }

    fn restore(&self, by: PersonId, room: &Room, message: Position) -> Decided<Change> {
        let (since, until) = undoable(self.at);
        self.revise(
            by,
            room,
            message,
            "UPDATE messages SET deleted = NULL, revised = :here
             WHERE position = :message AND author = :by AND room = :room
                 AND deleted BETWEEN :since AND :until",
            &[(":since", &since), (":until", &until)],
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
    pub(super) fn delete_as(
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
