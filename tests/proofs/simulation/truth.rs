//! What really happened, read from the database file behind the server's back.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use flack::domain::{
    channel::Directory,
    command::{Ask, Command, CommandId},
    message::Message,
    name::ChannelName,
    person::PersonId,
    position::Position,
    room::{Pair, Room},
    unread::{Memberships, Newest},
    window::Window,
};
use rusqlite::{Connection, types::ValueRef};

use crate::seeds::Violation;

/// Everything that is on disk, in order, and what was asked for.
pub struct Truth {
    db: Connection,
    /// Of the newest entry that was read.
    last: Position,
    /// Everything that anybody asked for.
    pub asked: HashMap<CommandId, (PersonId, Command)>,
    done: HashMap<CommandId, Position>,
    /// Nobody says the same twice.
    said: HashMap<String, Position>,
    lanes: HashMap<Room, Vec<Step>>,
    /// With the positions where they began.
    pub rooms: BTreeMap<Position, Room>,
    /// All topics that anybody asked for.
    pub topics: HashSet<String>,
    /// What each channel is about, and where that was said.
    topics_of: HashMap<String, (Position, Option<String>)>,
}

/// A change of a room.
struct Step {
    position: Position,
    what: What,
}

enum What {
    Posted { author: PersonId, text: String, reply_to: Option<Position> },
    Edited { message: Position, text: String },
    Deleted(Position),
    Restored(Position),
    Reacted { message: Position, emoji: String, by: PersonId, is_added: bool },
}

/// A message as it should be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown<'a> {
    position: Position,
    author: PersonId,
    text: &'a str,
    reply_to: Option<Position>,
    /// Who has added what, in this order.
    reactions: Vec<(&'a str, Vec<PersonId>)>,
}

impl<'a> Shown<'a> {
    fn of(message: &'a Message) -> Self {
        let reactions = message.reactions.iter();
        Self {
            position: message.position,
            author: message.author.id,
            text: message.text.as_str(),
            reply_to: message.reply.as_ref().map(|reply| reply.message),
            reactions: reactions
                .map(|it| (it.emoji.as_str(), it.people.iter().map(|person| person.id).collect()))
                .collect(),
        }
    }

    fn react(&mut self, emoji: &'a str, by: PersonId, is_added: bool) {
        let place = self.reactions.iter().position(|(other, _)| *other == emoji);
        match (place, is_added) {
            (None, true) => self.reactions.push((emoji, vec![by])),
            (Some(place), true) if !self.reactions[place].1.contains(&by) => {
                self.reactions[place].1.push(by);
            }
            (Some(place), false) => {
                self.reactions[place].1.retain(|other| *other != by);
                self.reactions.retain(|(_, people)| !people.is_empty());
            }
            _ => {}
        }
    }
}

impl Truth {
    pub fn new(database: &Path) -> Self {
        Self {
            db: Connection::open(database).expect("the database is there"),
            last: Position::ZERO,
            asked: HashMap::new(),
            done: HashMap::new(),
            said: HashMap::new(),
            lanes: HashMap::new(),
            rooms: BTreeMap::new(),
            topics: HashSet::new(),
            topics_of: HashMap::new(),
        }
    }

    /// Takes in what was committed since the last time.
    ///
    /// # Errors
    /// When something was done that nobody asked for, or a second time.
    pub fn read(&mut self) -> Result<(), Violation> {
        let from = self.last.0.cast_signed();
        let rows = |query: &str| -> Vec<(Position, String, u64)> {
            let mut statement = self.db.prepare_cached(query).expect("a query");
            let rows = statement.query_map([from], |row| {
                let (position, number): (i64, i64) = (row.get(0)?, row.get(2)?);
                let text = match row.get_ref(1)? {
                    ValueRef::Integer(number) => number.to_string(),
                    _ => row.get(1)?,
                };
                Ok((Position(position as u64), text, number as u64))
            });
            rows.expect("rows").map(|row| row.expect("a row")).collect()
        };
        let created = rows("SELECT id, name, id FROM rooms WHERE id > ?1 AND name IS NOT NULL");
        let begun = rows("SELECT id, one, other FROM rooms WHERE id > ?1 AND one IS NOT NULL");
        let done =
            rows("SELECT position, id, person FROM commands WHERE position > ?1 ORDER BY position");
        let there = rows("SELECT position, text, author FROM messages WHERE position > ?1");
        let query = "SELECT topic_set, name, topic FROM rooms WHERE topic_set > ?1";
        let mut statement = self.db.prepare_cached(query).expect("a query");
        let set = statement.query_map([from], |row| {
            let position: i64 = row.get(0)?;
            Ok((Position(position.cast_unsigned()), row.get(1)?, row.get(2)?))
        });
        let set: Vec<(Position, String, Option<String>)> =
            set.expect("rows").map(|row| row.expect("a row")).collect();
        drop(statement);
        for (position, name, topic) in set {
            self.last = self.last.max(position);
            if let Some(topic) = &topic
                && !self.topics.contains(topic)
            {
                return Err(format!("{name} is about {topic}, which nobody has said"));
            }
            self.topics_of.insert(name, (position, topic));
        }
        for (position, name, _) in created {
            self.last = self.last.max(position);
            self.rooms.insert(position, Room::Channel(ChannelName::stored(name)));
        }
        for (position, one, other) in begun {
            let one = one.parse().map_err(|_| format!("{one} is nobody"))?;
            let pair = Pair::of(PersonId(Position(one)), PersonId(Position(other)));
            self.rooms.insert(position, Room::Direct(pair));
        }
        for (position, id, by) in done {
            self.last = self.last.max(position);
            let id = CommandId::try_from(id).map_err(|error| error.to_string())?;
            let Some((asker, command)) = self.asked.get(&id) else {
                return Err(format!("{} was done at {position}, and not asked for", id.as_str()));
            };
            if asker.0.0 != by {
                return Err(format!("{} was done for another person", id.as_str()));
            }
            if let Some(first) = self.done.insert(id.clone(), position) {
                let id = id.as_str();
                return Err(format!("{id} was done at {first} and again at {position}"));
            }
            if !command.room.admits(*asker) {
                return Err(format!("{} was done where its asker may not be", id.as_str()));
            }
            let what = match &command.ask {
                Ask::Post(text) | Ask::Share(text, _) | Ask::Reply(_, text, _) => What::Posted {
                    author: *asker,
                    text: text.as_str().to_owned(),
                    reply_to: command.ask.reply_to(),
                },
                Ask::Edit(message, text) => {
                    What::Edited { message: *message, text: text.as_str().to_owned() }
                }
                Ask::Delete(message) => What::Deleted(*message),
                Ask::Restore(message) => What::Restored(*message),
                Ask::React(message, emoji) | Ask::Unreact(message, emoji) => What::Reacted {
                    message: *message,
                    emoji: emoji.as_str().to_owned(),
                    by: *asker,
                    is_added: matches!(command.ask, Ask::React(..)),
                },
            };
            let lane = self.lanes.entry(command.room.clone()).or_default();
            lane.push(Step { position, what });
        }
        for (position, text, author) in there {
            let mut steps = self.lanes.values().flatten();
            let is_known = steps.any(|step| match &step.what {
                What::Posted { author: by, text: it, .. } => {
                    step.position == position && by.0.0 == author && *it == text
                }
                What::Edited { message, text: it } => *message == position && *it == text,
                What::Deleted(_) | What::Restored(_) | What::Reacted { .. } => false,
            });
            if !is_known {
                return Err(format!("the message {text} at {position} belongs to no command"));
            }
            if let Some(first) = self.said.insert(text.clone(), position) {
                return Err(format!("{text} was said at {first} and again at {position}"));
            }
        }
        Ok(())
    }

    /// Where a command was done, if it was.
    pub fn position_of(&self, id: &CommandId) -> Option<Position> {
        self.done.get(id).copied()
    }

    /// Whether a command was done by `position`.
    pub fn was_done_by(&self, id: &CommandId, position: Position) -> bool {
        self.position_of(id).is_some_and(|done| done <= position)
    }

    pub fn last_of(&self, room: &Room) -> Position {
        let steps = self.lanes.get(room);
        let created = self.rooms.iter().find(|(_, other)| *other == room);
        let last = steps.and_then(|steps| steps.last()).map(|step| step.position);
        last.or(created.map(|(position, _)| *position)).unwrap_or_default()
    }

    /// How many commands were done.
    pub fn count(&self) -> u64 {
        self.done.len() as u64
    }

    /// Whether the window shows exactly what there was at its position.
    ///
    /// # Errors
    /// With the first difference.
    pub fn check_window(&self, room: &Room, window: &Window) -> Result<(), Violation> {
        if window.position > self.last_of(room) {
            let position = window.position;
            return Err(format!("a window of {room:?} at {position}, which is not on disk"));
        }
        let mut messages: Vec<Shown> = Vec::new();
        let mut deleted = HashMap::new();
        let steps = self.lanes.get(room).map(Vec::as_slice).unwrap_or_default();
        for step in steps.iter().take_while(|step| step.position <= window.position) {
            match &step.what {
                What::Posted { author, text, reply_to } => messages.push(Shown {
                    position: step.position,
                    author: *author,
                    text,
                    reply_to: *reply_to,
                    reactions: Vec::new(),
                }),
                What::Edited { message, text } => messages
                    .iter_mut()
                    .filter(|shown| shown.position == *message)
                    .for_each(|shown| shown.text = text),
                What::Deleted(message) => {
                    let place = messages.iter().position(|shown| shown.position == *message);
                    let gone = place.map(|place| messages.remove(place));
                    deleted.extend(gone.map(|gone| (gone.position, gone)));
                }
                What::Restored(message) => {
                    messages.extend(deleted.remove(message));
                    messages.sort_by_key(|shown| shown.position);
                }
                What::Reacted { message, emoji, by, is_added } => messages
                    .iter_mut()
                    .filter(|shown| shown.position == *message)
                    .for_each(|shown| shown.react(emoji, *by, *is_added)),
            }
        }
        let newest = &messages[messages.len().saturating_sub(Window::LIMIT)..];
        let shown: Vec<_> = window.messages().map(Shown::of).collect();
        if newest == shown {
            return Ok(());
        }
        let difference = newest.iter().zip(&shown).find(|(is, shown)| is != shown);
        Err(format!(
            "the window of {room:?} at {} shows {} messages of {}; first difference {difference:?}",
            window.position,
            shown.len(),
            newest.len()
        ))
    }

    /// Whether channels are listed as being about what they were at that position.
    ///
    /// # Errors
    /// With the first that is not.
    pub fn check_topics(&self, directory: &Directory) -> Result<(), Violation> {
        for channel in directory.channels() {
            let shown = channel.topic.as_ref().map(|topic| topic.text.as_str().to_owned());
            let (set, is) = self.topics_of.get(channel.name.as_str()).cloned().unwrap_or_default();
            // What there was before that is not on disk any more.
            let is_true = match set <= directory.position {
                true => shown == is,
                false => shown.as_ref().is_none_or(|shown| self.topics.contains(shown)),
            };
            if !is_true {
                let (name, position) = (&channel.name, directory.position);
                return Err(format!("at {position} {name} is about {is:?}, not {shown:?}"));
            }
        }
        Ok(())
    }

    /// Whether somebody's unread messages are those that are there, newer than what they have read.
    ///
    /// # Errors
    /// With the first room in which they are not.
    pub fn check_unread(&self, me: PersonId, memberships: &Memberships) -> Result<(), Violation> {
        for (id, room) in self.rooms.iter().filter(|(_, room)| room.admits(me)) {
            let ids = [id.0, me.0.0].map(u64::cast_signed);
            let mut unread = self
                .db
                .prepare_cached(
                    "SELECT position FROM messages WHERE room = ?1 AND deleted IS NULL
                     AND position > max(?2, coalesce(
                         (SELECT read FROM memberships WHERE person = ?2 AND room = ?1), 0))
                     ORDER BY position DESC LIMIT 100",
                )
                .expect("a query");
            let unread = unread.query_map(ids, |row| row.get::<_, i64>(0)).expect("rows");
            let unread: Newest =
                unread.map(|row| Position(row.expect("a row").cast_unsigned())).collect();
            let shown = memberships.find(room).map(|it| it.unread.clone()).unwrap_or_default();
            if shown != unread {
                return Err(format!("{me:?} has {unread:?} to read in {room:?}, not {shown:?}"));
            }
        }
        Ok(())
    }

    /// Forgets which commands were done, as a [planted bug](super::planted::Bug::DoneTwice).
    pub fn forget_commands(&self) {
        self.db.execute("DELETE FROM commands", []).expect("nobody else writes now");
    }
}
