//! A store without a house around it.

use std::path::Path;

use chrono::DateTime;
use flack::{
    domain::{
        command::{Ask, Command, CommandId},
        message::MessageText,
        name::DisplayName,
        person::{Person, SessionId},
        position::Position,
        room::Room,
    },
    server::{
        files::FileLimits,
        log::{NewDevice, Request},
        state::{Entry, Fact},
        store::{DataDir, Limits, Outcome, Store},
    },
};

/// A store, and the commands that people give it.
pub struct Desk {
    pub store: Store,
    asked: u32,
}

impl Desk {
    /// # Panics
    /// When there is anything else than a store in the directory, or one that cannot be opened.
    pub fn open(dir: &Path) -> Self {
        let limits = Limits { people: 10, channels: 10, files: FileLimits::default() };
        let store = DataDir::lock(dir).and_then(|data| data.open(limits));
        Self { store: store.expect("a store"), asked: 0 }
    }

    pub fn ask(&mut self, request: Request) -> Entry {
        match self.store.commit(&[request], DateTime::UNIX_EPOCH).unwrap().remove(0) {
            Outcome::Accepted(entry) => entry,
            other => panic!("{other:?}"),
        }
    }

    pub fn join(&mut self, name: &str) -> Person {
        self.asked += 1;
        let device = NewDevice {
            session: SessionId([self.asked.to_le_bytes()[0]; 32]),
            label: String::new(),
        };
        let name = DisplayName::try_from(name).unwrap();
        let entry = self.ask(Request::SignIn { name, device });
        let Fact::SignedIn { person, .. } = entry.fact else { panic!("{entry:?}") };
        person
    }

    pub fn command(&mut self, by: &Person, room: &Room, ask: Ask) -> Position {
        self.asked += 1;
        let id = CommandId::try_from(self.asked.to_string()).unwrap();
        let command = Command { room: room.clone(), ask };
        self.ask(Request::Command { by: by.id, id, command }).position
    }

    pub fn post(&mut self, by: &Person, room: &Room, text: &str) -> Position {
        self.command(by, room, Ask::Post(MessageText::try_from(text).unwrap()))
    }
}
