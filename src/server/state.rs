//! What the server knows in memory, and the one function that changes it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::{
    channel::Directory,
    command::CommandId,
    event::{Change, Event, Lane},
    name::ChannelName,
    person::{Person, SessionId},
    position::Position,
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
    SignedIn { person: Person, session: SessionId },
    SignedOut { session: SessionId },
    Changed { lane: Lane, command: Option<CommandId>, change: Change },
}

/// Who is here, which channels there are, and the newest messages of those that are looked at.
#[derive(Debug, Default)]
pub struct State {
    sessions: HashMap<SessionId, Person>,
    directory: Directory,
    rooms: HashMap<ChannelName, Room>,
}

#[derive(Debug, Default)]
struct Room {
    /// The last change of the channel's lane, whether its window is in memory or not.
    position: Position,
    window: Option<Window>,
    /// Whether the window was used since the last [sweep](State::sweep).
    is_used: bool,
}

/// Changes the state by one entry, and says what its listeners have to be told.
///
/// This is the only code that changes what people see. The same entries in the same order give the
/// same state on any machine.
pub fn apply(state: &mut State, entry: &Entry) -> Option<Event> {
    match &entry.fact {
        Fact::SignedIn { person, session } => {
            state.sessions.insert(*session, person.clone());
            None
        }
        Fact::SignedOut { session } => {
            state.sessions.remove(session);
            None
        }
        Fact::Changed { lane, command, change } => Some(Event {
            lane: lane.clone(),
            position: entry.position,
            prev: state.change(lane, entry.position, change),
            command: command.clone(),
            change: change.clone(),
        }),
    }
}

impl State {
    /// The state as the store remembers it: sessions, and channels with the position of each lane.
    pub fn restore(
        sessions: impl IntoIterator<Item = (SessionId, Person)>,
        channels: impl IntoIterator<Item = (crate::domain::channel::Channel, Position)>,
    ) -> Self {
        let mut state = Self { sessions: sessions.into_iter().collect(), ..Self::default() };
        for (channel, position) in channels {
            let room = Room { position, ..Room::default() };
            state.rooms.insert(channel.name.clone(), room);
            state.directory.apply(channel);
        }
        state
    }

    /// Makes a change of a lane and gives the position of the lane's change before it.
    fn change(&mut self, lane: &Lane, position: Position, change: &Change) -> Position {
        match lane {
            Lane::Directory => {
                let prev = self.directory.position;
                if let Change::ChannelCreated(channel) = change {
                    self.directory.apply(channel.clone());
                    let window = Window::restore(position, vec![], vec![], position);
                    let room = Room { position, window: Some(window), is_used: true };
                    self.rooms.insert(channel.name.clone(), room);
                }
                prev
            }
            Lane::Channel(channel) => {
                let room = self.rooms.entry(channel.clone()).or_default();
                if let Some(window) = &mut room.window {
                    window.apply(position, change);
                }
                std::mem::replace(&mut room.position, position)
            }
        }
    }

    pub fn person(&self, session: &SessionId) -> Option<&Person> {
        self.sessions.get(session)
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The window of a channel, if it is in memory.
    pub fn window(&mut self, channel: &ChannelName) -> Option<&Window> {
        let room = self.rooms.get_mut(channel)?;
        room.is_used = true;
        room.window.as_ref()
    }

    /// Puts a window that was read from the store into memory, if it is just what was applied. It may
    /// lack what was applied since it was read, or hold what is committed and will be told only now,
    /// which its viewers would hear twice: then it has to be read again.
    pub fn install(&mut self, channel: &ChannelName, window: Window) -> bool {
        let Some(room) = self.rooms.get_mut(channel) else { return false };
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
    pub fn sweep(&mut self, is_watched: impl Fn(&ChannelName) -> bool) -> usize {
        for (channel, room) in &mut self.rooms {
            let is_used = std::mem::take(&mut room.is_used);
            if !is_used && !is_watched(channel) {
                room.window = None;
            }
        }
        self.rooms.values().filter(|room| room.window.is_some()).count()
    }
}
