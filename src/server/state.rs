//! What the server knows in memory, and the one function that changes it.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, Utc};

use crate::domain::{
    channel::{Channel, Directory},
    command::CommandId,
    direct::{Direct, Directs},
    event::{Change, Event, Lane},
    message::Message,
    person::{Person, PersonId, SessionId},
    position::Position,
    room::{Pair, Room},
    unread::{Membership, Memberships, Moved, Newest, RoomSettings},
    window::Window,
};

/// What was accepted, with all that is needed to make it so: no clock, no randomness and no store is
/// asked when it is applied.
#[derive(Clone, Debug)]
pub struct Entry {
    pub position: Position,
    pub at: DateTime<Utc>,
    pub fact: Fact,
}

#[derive(Clone, Debug)]
pub enum Fact {
    SignedIn {
        person: Person,
        session: SessionId,
    },
    SignedOut {
        sessions: Vec<SessionId>,
    },
    /// Something is on disk that memory does not hold.
    Noted,
    /// Likewise; this person's devices have to be told.
    Read {
        person: PersonId,
        room: Room,
        position: Position,
    },
    /// Likewise.
    RoomSet {
        person: PersonId,
        room: Room,
        settings: RoomSettings,
    },
    Changed {
        lane: Lane,
        command: Option<CommandId>,
        change: Change,
        /// Who is told of it also when they do not look.
        meant: Vec<PersonId>,
    },
    /// The first message between two people.
    Begun {
        between: [Person; 2],
        command: CommandId,
        message: Message,
    },
}

/// Who is here, which rooms there are, and the newest messages of those that are looked at.
#[derive(Debug, Default)]
pub struct State {
    sessions: HashMap<SessionId, Person>,
    directory: Directory,
    /// Where the directory changed last in a way of which its differences say nothing: a channel was
    /// deleted or revised.
    rewritten: Position,
    directs: HashMap<PersonId, Directs>,
    rooms: HashMap<Room, RoomState>,
    /// Up to here everybody counts as having read everything.
    unread_since: Position,
    /// What has happened in which room since that was [taken](State::take_moved).
    moved: HashMap<Room, Moved>,
    /// These rooms, those first in which something happened first. One may have been deleted since.
    moved_first: VecDeque<Room>,
}

#[derive(Debug, Default)]
struct RoomState {
    /// The last change of the room's lane, whether its window is in memory or not.
    position: Position,
    /// Its newest messages, whether its window is in memory or not.
    newest: Newest,
    window: Option<Window>,
    /// Whether the window was used since the last [sweep](State::sweep).
    is_used: bool,
}

/// Changes the state by one entry, and says what listeners have to be told.
///
/// This is the only code that changes what people see. The same entries in the same order give the
/// same state on any machine.
pub fn apply(state: &mut State, entry: &Entry) -> Vec<Event> {
    match &entry.fact {
        Fact::SignedIn { person, session } => {
            state.sessions.insert(*session, person.clone());
            Vec::new()
        }
        Fact::SignedOut { sessions } => {
            for session in sessions {
                state.sessions.remove(session);
            }
            Vec::new()
        }
        Fact::Noted | Fact::Read { .. } | Fact::RoomSet { .. } => Vec::new(),
        Fact::Changed { lane, command, change, .. } => {
            vec![state.change(entry.position, lane.clone(), command.clone(), change.clone())]
        }
        Fact::Begun { between: [one, other], command, message } => {
            let begun = |with: &Person| {
                let direct = Direct { with: with.clone(), created: Some(entry.position) };
                Change::DirectBegun(direct)
            };
            let mut ends = vec![(one.id, begun(other)), (other.id, begun(one))];
            ends.dedup(); // somebody may talk to themselves
            let pair = Lane::Direct(Pair::of(one.id, other.id));
            let (posted, command) = (Change::Posted(message.clone()), Some(command.clone()));
            let ends = ends.into_iter().map(|(person, begun)| (Lane::Person(person), None, begun));
            ends.chain([(pair, command, posted)])
                .map(|(lane, command, change)| state.change(entry.position, lane, command, change))
                .collect()
        }
    }
}

impl State {
    /// The state as the store remembers it: sessions, and rooms with the position of each lane and the
    /// newest messages. `rewritten` is where a channel was deleted or revised last, and `unread_since` up
    /// to where everybody counts as having read everything.
    pub fn restore(
        sessions: impl IntoIterator<Item = (SessionId, Person)>,
        channels: impl IntoIterator<Item = (Channel, Position, Newest)>,
        directs: impl IntoIterator<Item = ([Person; 2], Position, Position, Newest)>,
        rewritten: Position,
        unread_since: Position,
    ) -> Self {
        let sessions = sessions.into_iter().collect();
        let mut state = Self { sessions, rewritten, unread_since, ..Self::default() };
        for (channel, position, newest) in channels {
            let room = RoomState { position, newest, ..RoomState::default() };
            state.rooms.insert(Room::Channel(channel.name.clone()), room);
            state.directory.apply(channel);
        }
        state.directory.position = state.directory.position.max(rewritten);
        for ([one, other], created, position, newest) in directs {
            let room = RoomState { position, newest, ..RoomState::default() };
            state.rooms.insert(Room::Direct(Pair::of(one.id, other.id)), room);
            for (me, with) in [(&one, &other), (&other, &one)] {
                let direct = Direct { with: with.clone(), created: Some(created) };
                state.directs.entry(me.id).or_default().apply(created, direct);
            }
        }
        state
    }

    /// Makes a change of a lane, and gives what its listeners have to be told.
    fn change(
        &mut self,
        position: Position,
        lane: Lane,
        command: Option<CommandId>,
        change: Change,
    ) -> Event {
        let prev = match (&lane, &change) {
            (Lane::Directory, Change::ChannelCreated(channel)) => {
                let prev = self.directory.position;
                self.directory.apply(channel.clone());
                let window = Window::restore(position, vec![], vec![], position);
                let newest = Newest::default();
                let room = RoomState { position, newest, window: Some(window), is_used: true };
                self.rooms.insert(Room::Channel(channel.name.clone()), room);
                prev
            }
            (Lane::Directory, Change::ChannelRevised(channel)) => {
                let prev = self.directory.position;
                self.directory.revise(position, channel.clone());
                self.rewritten = position;
                prev
            }
            (Lane::Directory, Change::ChannelDeleted(name)) => {
                let prev = self.directory.position;
                self.directory.remove(position, name);
                self.rewritten = position;
                self.rooms.remove(&Room::Channel(name.clone()));
                self.moved.remove(&Room::Channel(name.clone()));
                prev
            }
            (Lane::Person(person), Change::DirectBegun(direct)) => {
                let directs = self.directs.entry(*person).or_default();
                let prev = directs.position;
                directs.apply(position, direct.clone());
                prev
            }
            _ => match lane.clone().room() {
                Some(room) => self.change_room(position, room, &change),
                None => Position::ZERO,
            },
        };
        Event { lane, position, prev, command, change }
    }

    /// Gives the position of the room's change before this one.
    fn change_room(&mut self, position: Position, room: Room, change: &Change) -> Position {
        let moved = self.moved.entry(room.clone()).or_insert_with(|| {
            self.moved_first.push_back(room.clone());
            Moved::new(room.clone())
        });
        let room = self.rooms.entry(room).or_default();
        match change {
            // One that was revised may have been deleted before; else it is there already.
            Change::Posted(message) | Change::Revised(message) => {
                room.newest.insert(message.position);
                moved.post(message.position);
            }
            Change::Deleted(deletion) => {
                room.newest.remove(deletion.message);
                moved.remove(deletion.message);
                if let Some(message) = &deletion.uncovered {
                    room.newest.insert(message.position);
                    moved.post(message.position);
                }
            }
            Change::ChannelCreated(_)
            | Change::ChannelRevised(_)
            | Change::ChannelDeleted(_)
            | Change::DirectBegun(_) => {}
        }
        if let Some(window) = &mut room.window {
            window.apply(position, change);
        }
        std::mem::replace(&mut room.position, position)
    }

    /// What has happened in rooms since this was asked last, for those who do not look at them: in so many
    /// rooms at most, those first in which something happened first.
    pub fn take_moved(&mut self, limit: usize) -> Vec<Moved> {
        let rooms = self.moved_first.drain(..limit.min(self.moved_first.len()));
        rooms.filter_map(|room| self.moved.remove(&room)).collect()
    }

    /// What a person has not read, by what they have kept of rooms.
    pub fn memberships(&self, of: PersonId, kept: Vec<Membership>) -> Memberships {
        let kept = Memberships::new(Position::ZERO, kept);
        let channels = self.directory.channels().iter();
        let channels = channels.map(|channel| Room::Channel(channel.name.clone()));
        let directs = self.directs.get(&of).into_iter().flat_map(Directs::list);
        let directs = directs.map(|direct| Room::Direct(Pair::of(of, direct.with.id)));
        // What was said before they came is none of theirs.
        let since = of.0.max(self.unread_since);
        let known = channels.chain(directs).filter_map(|room| {
            let newest = &self.rooms.get(&room)?.newest;
            let kept = kept.find(&room);
            let read = kept.map_or(since, |kept| kept.read.max(since));
            let is_news = newest.last().is_some_and(|last| last > read);
            if kept.is_none() && !is_news {
                return None;
            }
            let mut mentions = kept.map(|kept| kept.mentions.after(read)).unwrap_or_default();
            // One may have been deleted since it was read from the disk.
            mentions.keep(|message| newest.could_have(message));
            let settings = kept.map(|kept| kept.settings).unwrap_or_default();
            Some(Membership { room, read, unread: newest.after(read), mentions, settings })
        });
        Memberships::new(since, known)
    }

    pub fn person(&self, session: &SessionId) -> Option<&Person> {
        self.sessions.get(session)
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The channels that were created after `position`, if that is all that has changed in the
    /// directory since.
    pub fn directory_since(&self, position: Position) -> Option<Vec<Channel>> {
        self.directory.since(position).filter(|_| self.rewritten <= position)
    }

    /// The direct conversations of a person.
    pub fn directs(&self, person: PersonId) -> Directs {
        self.directs.get(&person).cloned().unwrap_or_default()
    }

    /// Whether there is a room of exactly this name in which something has happened.
    pub fn has(&self, room: &Room) -> bool {
        self.position(room) > Position::ZERO
    }

    /// Where something happened last in a room.
    pub fn position(&self, room: &Room) -> Position {
        self.rooms.get(room).map_or(Position::ZERO, |room| room.position)
    }

    /// The window of a room, if it is in memory.
    pub fn window(&mut self, room: &Room) -> Option<&Window> {
        let room = self.rooms.get_mut(room)?;
        room.is_used = true;
        room.window.as_ref()
    }

    /// Puts a window that was read from the store into memory, if it is just what was applied. It may
    /// lack what was applied since it was read, or hold what is committed and will be told only now,
    /// which its viewers would hear twice: then it has to be read again.
    pub fn install(&mut self, room: &Room, window: Window) -> bool {
        // Nothing was said in a room that is not known here; its window says the same.
        let room = self.rooms.entry(room.clone()).or_default();
        if room.window.is_some() {
            return true;
        }
        let is_current = window.position == room.position;
        if is_current {
            room.window = Some(window);
        }
        is_current
    }

    /// Drops the windows that nobody looked at since the last sweep. Gives how many are left.
    pub fn sweep(&mut self, is_watched: impl Fn(&Room) -> bool) -> usize {
        for (name, room) in &mut self.rooms {
            let is_used = std::mem::take(&mut room.is_used);
            if !is_used && !is_watched(name) {
                room.window = None;
            }
        }
        // Somebody looked at these, and nobody said anything.
        self.rooms.retain(|_, room| room.window.is_some() || room.position > Position::ZERO);
        self.windows()
    }

    /// How many windows are in memory.
    pub fn windows(&self) -> usize {
        self.rooms.values().filter(|room| room.window.is_some()).count()
    }

    /// How many devices are signed in.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }
}
