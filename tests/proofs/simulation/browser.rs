//! Browsers: their tabs run the page's own state machine over a storage that the tabs share.

use std::collections::{BTreeMap, VecDeque};

use flack::{
    domain::{
        channel::Channel,
        command::{Ask, CommandId},
        event::Lane,
        frame::ServerFrame,
        page::Page,
        person::{Person, SessionId},
        position::Position,
        refusal::Refusal,
        room::Room,
    },
    sync::{Content, Replica, outbox::Pending},
};

use super::{server::Errand, truth::Truth};
use crate::seeds::Violation;

/// One person's browser.
pub struct Browser {
    pub me: Person,
    pub session: SessionId,
    /// How far its clock is from the server's, in milliseconds.
    pub skew: u64,
    /// The outbox as it is stored, one text a command.
    pub storage: BTreeMap<CommandId, String>,
    pub tabs: Vec<Tab>,
}

/// What a tab hears of the storage that it shares.
#[derive(Clone)]
pub enum Noticed {
    Kept(String),
    Forgotten(CommandId),
}

/// What a tab shows.
pub enum View {
    Loading(Errand<Result<Page, Refusal>>),
    /// The server was not there.
    Failed,
    Open(Box<Replica>),
}

pub struct Tab {
    pub view: View,
    /// The connection that it uses.
    pub connection: Option<usize>,
    pub noticed: VecDeque<Noticed>,
    /// The laptop's lid is closed.
    pub is_asleep: bool,
    /// The messages that were written in this tab, in their order, over all its pages.
    pub wrote: Vec<CommandId>,
    pub creating: Option<Errand<Result<Channel, Refusal>>>,
}

impl Tab {
    pub fn new(page: Errand<Result<Page, Refusal>>) -> Self {
        Self {
            view: View::Loading(page),
            connection: None,
            noticed: VecDeque::new(),
            is_asleep: false,
            wrote: Vec::new(),
            creating: None,
        }
    }
}

impl Browser {
    /// Notes what the storage holds now for the other tabs.
    pub fn store(&mut self, tab: usize, pending: &Pending) {
        let text = serde_json::to_string(pending).expect("plain data");
        self.storage.insert(pending.id.clone(), text.clone());
        self.notice(tab, &Noticed::Kept(text));
    }

    pub fn forget(&mut self, tab: usize, id: &CommandId) {
        if self.storage.remove(id).is_some() {
            self.notice(tab, &Noticed::Forgotten(id.clone()));
        }
    }

    fn notice(&mut self, but: usize, noticed: &Noticed) {
        let others = self.tabs.iter_mut().enumerate().filter(|(place, _)| *place != but);
        for (_, tab) in others {
            if let View::Open(_) = tab.view {
                tab.noticed.push_back(noticed.clone());
            }
        }
    }

    pub fn stored(&self) -> Vec<Pending> {
        self.storage.values().map(|text| read(text)).collect()
    }
}

pub fn read(text: &str) -> Pending {
    serde_json::from_str(text).expect("what was written")
}

/// Whether what a tab shows is true: every channel as it was, nothing twice, and nothing missing
/// that was written here.
pub fn check(replica: &Replica, wrote: &[CommandId], truth: &Truth) -> Result<(), Violation> {
    let directory = replica.directory();
    let directs = replica.directs();
    let me = replica.me().id;
    let is_missing = |(created, room): &(&Position, &Room)| match room {
        Room::Channel(name) => {
            **created <= directory.position && directory.find(name.as_str()).is_none()
        }
        Room::Direct(pair) => {
            let is_listed = directs.find(pair.other(me)).is_some();
            pair.has(me) && **created <= directs.position && !is_listed
        }
    };
    if let Some((created, room)) = truth.rooms.iter().find(is_missing) {
        return Err(format!("{room:?}, begun at {created}, is not in the list"));
    }
    truth.check_topics(directory)?;
    let Some(room) = replica.viewing() else { return Ok(()) };
    let Some(window) = replica.window() else { return Ok(()) };
    truth.check_window(room, window)?;

    let lines = replica.lines();
    let mut texts: Vec<&str> = lines
        .iter()
        .map(|line| match &line.content {
            Content::Sent(message) => message.text.as_str(),
            Content::OnItsWay { text, .. } => text.as_str(),
        })
        .collect();
    texts.sort_unstable();
    if let Some(twice) = texts.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("{} is shown twice", short(twice[0])));
    }
    for id in wrote {
        let Some((_, command)) = truth.asked.get(id) else { continue };
        let (Ask::Post(text) | Ask::Reply(_, text, _)) = &command.ask else { continue };
        if command.room == *room
            && !truth.was_done_by(id, window.position)
            && texts.binary_search(&text.as_str()).is_err()
        {
            let (text, position) = (short(text.as_str()), window.position);
            let done = truth.position_of(id);
            return Err(format!("{text} is not shown; window at {position}, done at {done:?}"));
        }
    }
    Ok(())
}

/// Nobody hears what is not for them.
pub fn check_privacy(frame: &ServerFrame, me: &Person) -> Result<(), Violation> {
    let lane = match frame {
        ServerFrame::Typing { people, .. } if people.iter().any(|person| person.id == me.id) => {
            return Err(format!("{} was told that they write", me.name));
        }
        ServerFrame::Typing { room, .. } => room.clone().into(),
        ServerFrame::Event(event) => event.lane.clone(),
        ServerFrame::Difference(difference) => difference.lane.clone(),
        ServerFrame::Reset(reset) => reset.room.clone().into(),
        _ => return Ok(()),
    };
    let is_foreign = match &lane {
        Lane::Person(person) => *person != me.id,
        Lane::Direct(pair) => !pair.has(me.id),
        Lane::Directory | Lane::Channel(_) => false,
    };
    if is_foreign { Err(format!("{} heard of {lane:?}", me.name)) } else { Ok(()) }
}

/// An acknowledgement says what is on disk.
pub fn check_answer(frame: &ServerFrame, truth: &Truth) -> Result<(), Violation> {
    let ServerFrame::Accepted { id, position } = frame else { return Ok(()) };
    match truth.position_of(id) {
        Some(done) if done == *position => Ok(()),
        done => Err(format!("{} was acknowledged at {position}; done at {done:?}", id.as_str())),
    }
}

fn short(text: &str) -> &str {
    text.split_once(' ').map_or(text, |(first, _)| first)
}
