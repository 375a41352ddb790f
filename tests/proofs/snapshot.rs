//! T6: who follows the events of a channel holds, after every command, what a fresh snapshot holds;
//! and so does who was away and gets the difference.

use std::path::PathBuf;

use chrono::DateTime;
use flack::{
    domain::{
        attachment::{Attachment, AttachmentId, FileName},
        channel::{Directory, TopicText},
        command::{Ask, Command, CommandId},
        event::{Change, Event, Lane},
        frame::{Difference, ServerFrame},
        message::MessageText,
        name::{ChannelName, DisplayName},
        person::{Person, PersonId, SessionId},
        position::Position,
        reaction::{EMOJI_LIMIT, Emoji},
        refusal::RefusalCode,
        room::Room,
        window::Window,
    },
    server::{
        files::{ContentHash, FileLimits},
        log::{NewDevice, Order, Request},
        state::{State, apply},
        store::{DataDir, Limits, Outcome, Reader, Store},
    },
};
use tempfile::TempDir;

use crate::{
    report::{Form, Report},
    seeds::{Violation, explore},
};

/// How many commands follow each other in a case.
const COMMANDS: u64 = 50;

/// How many cases share a database, so that it has a past.
const SHARED: u64 = 20;

pub fn run(form: Form) -> Report {
    let cases = form.pick(500, 10_000);
    let (found, broken) = explore(cases / SHARED, |seed| House::new(seed, false).live());
    let tally = found.into_iter().fold(Tally::default(), Tally::and);
    let mut report = Report::default();
    report.did("cases", tally.cases, cases);
    report.did("commands", tally.commands, cases * COMMANDS);
    report.did("events applied", tally.events, cases * COMMANDS / 2);
    report.did("comparisons", tally.comparisons, cases * COMMANDS);
    report.did("differences", tally.differences, cases * 2);
    report.did("answers", tally.answers, cases);
    report.did("reactions", tally.reactions, cases * 2);
    report.did("topics", tally.topics, cases / 10);
    report.did("reactions refused", tally.refused, cases / 100);
    report.never("unlike the snapshot", broken);
    let is_found = (0..10).any(|seed| House::new(seed, true).live().is_err());
    report.did("planted bug found", u64::from(is_found), 1);
    report
}

#[derive(Clone, Copy, Default)]
struct Tally {
    cases: u64,
    commands: u64,
    events: u64,
    comparisons: u64,
    differences: u64,
    /// Messages that answer another one.
    answers: u64,
    /// Messages that have reactions after a change.
    reactions: u64,
    /// Channels that were about something else after a change.
    topics: u64,
    /// Reactions for which there was no room.
    refused: u64,
}

impl Tally {
    fn and(self, other: Self) -> Self {
        Self {
            cases: self.cases + other.cases,
            commands: self.commands + other.commands,
            events: self.events + other.events,
            comparisons: self.comparisons + other.comparisons,
            differences: self.differences + other.differences,
            answers: self.answers + other.answers,
            reactions: self.reactions + other.reactions,
            topics: self.topics + other.topics,
            refused: self.refused + other.refused,
        }
    }
}

/// A store and the state that follows it, as in the engine.
struct House {
    _dir: TempDir,
    store: Store,
    reader: Reader,
    state: State,
    people: Vec<PersonId>,
    /// The channels, as somebody sees them who follows the events.
    directory: Directory,
    random: fastrand::Rng,
    /// Leaves out what a deletion uncovers, to see that this is noticed.
    forgets_uncovered: bool,
    tally: Tally,
}

/// Somebody who looks at the room from the beginning.
struct Follower {
    room: Room,
    window: Window,
    /// The messages that are there, with their authors.
    messages: Vec<(Position, PersonId)>,
    /// Those that were deleted, and may be brought back.
    deleted: Vec<(Position, PersonId)>,
    asked: Vec<Request>,
}

impl House {
    fn new(seed: u64, forgets_uncovered: bool) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let dir = dir.expect("a temporary directory");
        let data = DataDir::lock(&dir.path().join("data")).expect("an empty directory");
        let store = data
            .open(Limits { people: 100, channels: 10_000, files: FileLimits::default() })
            .expect("a new store");
        let reader = data.reader().expect("the store is there");
        let state = reader.beginning(store.last()).expect("a new state").state;
        let directory = state.directory().clone();
        let mut house = Self {
            _dir: dir,
            directory,
            store,
            reader,
            state,
            people: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            forgets_uncovered,
            tally: Tally::default(),
        };
        for number in 0..3 {
            let name = DisplayName::try_from(format!("Person {number}").as_str()).expect("a name");
            let session = SessionId([number; 32]);
            let device = NewDevice { session, label: String::new() };
            house.commit(&[Request::SignIn { name, device }]);
            let Person { id, .. } = house.state.person(&session).expect("signed in");
            house.people.push(*id);
        }
        house
    }

    fn live(mut self) -> Result<Tally, Violation> {
        for case in 0..SHARED {
            let channel = ChannelName::try_from(format!("case {case}").as_str()).expect("a name");
            let by = self.people[0];
            for event in self.commit(&[Request::CreateChannel { by, name: channel.clone() }]) {
                self.list(event)?;
            }
            self.case(Room::Channel(channel))?;
            self.compare_after_restart()?;
            self.tally.cases += 1;
        }
        Ok(self.tally)
    }

    fn case(&mut self, room: Room) -> Result<(), Violation> {
        let window = self.state.window(&room).expect("it is new").clone();
        let mut follower =
            Follower { room, window, messages: Vec::new(), deleted: Vec::new(), asked: Vec::new() };
        // Most cases are about the edge of the window.
        let before = match self.random.u8(0..4) {
            0 => 0,
            _ => self.random.usize(80..140),
        };
        let batch: Vec<Request> = (0..before).map(|_| self.post(&follower.room)).collect();
        self.follow(&mut follower, &batch)?;
        // Some have a message with many reactions already.
        if let Some((message, _)) = follower.messages.last().copied()
            && self.random.bool()
        {
            let crowd = |house: &mut Self| {
                let by = house.somebody();
                house.react(by, follower.room.clone(), message)
            };
            let batch: Vec<Request> = (0..60).map(|_| crowd(self)).collect();
            self.follow(&mut follower, &batch)?;
        }
        let mut away = vec![(follower.window.clone(), self.directory.clone())];
        for _ in 0..COMMANDS {
            let request = self.request(&follower);
            self.follow(&mut follower, std::slice::from_ref(&request))?;
            follower.asked.push(request);
            self.tally.commands += 1;
            self.compare(&follower)?;
            if self.random.u8(0..10) == 0 {
                away.push((follower.window.clone(), self.directory.clone()));
            }
        }
        away.into_iter().try_for_each(|(window, directory)| {
            self.come_back(&follower.room, window)?;
            self.list_again(directory)
        })
    }

    /// Something to ask for, possible or not.
    fn request(&mut self, follower: &Follower) -> Request {
        let room = follower.room.clone();
        let by = self.somebody();
        match self.random.u8(0..100) {
            0..30 => self.post(&room),
            30..37 => match self.random.choice(follower.messages.clone()) {
                Some((message, _)) => {
                    let ask = Ask::Reply(message, self.words(), Vec::new());
                    self.command(by, Command { room, ask })
                }
                None => self.post(&room),
            },
            37..55 => {
                // Of the newest often, so that it has all that it can have.
                let message = match self.random.u8(0..3) {
                    0 => self.random.choice(follower.messages.clone()),
                    _ => follower.messages.last().copied(),
                };
                let Some((message, _)) = message else { return self.post(&room) };
                self.react(by, room, message)
            }
            55..80 => {
                // Whoever it belongs to, from the newest to those that no window shows.
                let Some((message, author)) = self.random.choice(follower.messages.clone()) else {
                    return self.post(&room);
                };
                let ask = match self.random.bool() {
                    true => Ask::Delete(message),
                    false => Ask::Edit(message, self.words()),
                };
                self.command(author, Command { room, ask })
            }
            80..88 => match self.random.choice(follower.deleted.clone()) {
                Some((message, author)) => {
                    self.command(author, Command { room, ask: Ask::Restore(message) })
                }
                None => self.post(&room),
            },
            88..90 => {
                // The operator deletes one, whosever it is.
                let message = self.random.choice(follower.messages.clone());
                let Room::Channel(name) = &room else { unreachable!("it is one") };
                let channel = name.as_str().to_owned();
                let message = message.map_or(Position(1), |(message, _)| message);
                Request::Order(Order::DeleteMessage { channel, message })
            }
            90..92 => {
                let message = follower.messages.last().map_or(Position(1), |(message, _)| *message);
                self.command(by, Command { room, ask: Ask::Delete(message) })
            }
            92..94 => {
                // Of this channel, or of one that may not be there; sometimes what it is already.
                let Room::Channel(this) = &room else { unreachable!("it is one") };
                let other = format!("other {}", self.random.u32(0..20));
                let other = ChannelName::try_from(other.as_str()).expect("a name");
                let channel = if self.random.bool() { this.clone() } else { other };
                let topic = ["", "lunch", "dinner", "a *topic*\nof two lines"];
                let topic = topic[self.random.usize(0..topic.len())];
                Request::SetTopic { by, channel, text: TopicText::read(topic).expect("short") }
            }
            94..97 => {
                // Few, so that some are deleted again, and come again.
                let name = format!("other {}", self.random.u32(0..20));
                if self.random.u8(0..3) == 0 {
                    return Request::Order(Order::DeleteChannel { channel: name });
                }
                let name = ChannelName::try_from(name.as_str()).expect("a name");
                Request::CreateChannel { by, name }
            }
            _ => match follower.asked.last() {
                // Again.
                Some(Request::Command { by, id, command }) => {
                    Request::Command { by: *by, id: id.clone(), command: command.clone() }
                }
                _ => self.post(&room),
            },
        }
    }

    fn somebody(&mut self) -> PersonId {
        self.people[self.random.usize(0..self.people.len())]
    }

    fn words(&mut self) -> MessageText {
        let number = self.random.u64(..);
        // With markup, and with people called who are there, or not.
        let text = match number % 4 {
            0 => format!("message {number}"),
            1 => format!("**message** {number} :tada:"),
            2 => format!("> message\n- {number}, @Person {}", number % 8),
            _ => format!("`message` {number} of @Person {}", number % 3),
        };
        MessageText::try_from(text.as_str()).expect("a message")
    }

    fn post(&mut self, room: &Room) -> Request {
        let text = self.words();
        let by = self.somebody();
        let ask = match self.random.u8(0..6) {
            0 => Ask::Share(text, vec![self.upload(by)]),
            _ => Ask::Post(text),
        };
        self.command(by, Command { room: room.clone(), ask })
    }

    fn react(&mut self, by: PersonId, room: Room, message: Position) -> Request {
        let emoji = Emoji::stored(format!("emoji {}", self.random.u32(0..EMOJI_LIMIT + 3)));
        let ask = match self.random.u8(0..4) {
            0 => Ask::Unreact(message, emoji),
            _ => Ask::React(message, emoji),
        };
        self.command(by, Command { room, ask })
    }

    /// A file, as far as the store knows it.
    fn upload(&mut self, by: PersonId) -> AttachmentId {
        let attachment = Attachment {
            id: AttachmentId::from_random(self.random.u128(..).to_be_bytes()),
            name: FileName::from("notes.txt"),
            media_type: "application/octet-stream".to_owned(),
            size: self.random.u64(0..1_000),
            image: None,
        };
        let id = attachment.id.clone();
        let hash = ContentHash([self.random.u8(0..50); 32]);
        self.commit(&[Request::StoreFile { by, attachment, hash }]);
        id
    }

    fn command(&mut self, by: PersonId, command: Command) -> Request {
        let id = CommandId::from_random(self.random.u128(..).to_be_bytes());
        Request::Command { by, id, command }
    }

    /// Commits, and gives the events as a client reads them.
    fn commit(&mut self, batch: &[Request]) -> Vec<Event> {
        let at = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
        let outcomes = self.store.commit(batch, at).expect("the store works");
        let mut refused = 0;
        let entries = outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Accepted(entry) => Some(entry),
            Outcome::Refused(refusal) => {
                refused += u64::from(refusal.code == RefusalCode::TooManyReactions);
                None
            }
            Outcome::Repeated(_) => None,
        });
        let entries: Vec<_> = entries.collect();
        self.tally.refused += refused;
        let events = entries.iter().flat_map(|entry| apply(&mut self.state, entry));
        events
            .map(|event| match over_the_wire(ServerFrame::Event(event)) {
                ServerFrame::Event(event) => event,
                other => panic!("an event became {other:?}"),
            })
            .collect()
    }

    /// Lets who follows the directory hear of an event there.
    fn list(&mut self, event: Event) -> Result<(), Violation> {
        if event.prev != self.directory.position {
            return Err(format!("{} follows {}", event.position, event.prev));
        }
        match event.change {
            Change::ChannelCreated(channel) => self.directory.apply(channel),
            Change::ChannelRevised(channel) => {
                self.tally.topics += 1;
                self.directory.revise(event.position, channel);
            }
            Change::ChannelDeleted(name) => self.directory.remove(event.position, &name),
            other => return Err(format!("the directory heard {other:?}")),
        }
        Ok(())
    }

    /// Lets the follower hear what a batch leads to.
    fn follow(&mut self, follower: &mut Follower, batch: &[Request]) -> Result<(), Violation> {
        for mut event in self.commit(batch) {
            if event.lane == Lane::Directory {
                self.list(event)?;
                continue;
            }
            if event.lane != follower.room.clone().into() {
                continue;
            }
            if event.prev != follower.window.position {
                return Err(format!("{} follows {}", event.position, event.prev));
            }
            match &mut event.change {
                Change::Posted(message) => {
                    self.tally.answers += u64::from(message.reply.is_some());
                    follower.messages.push((message.position, message.author.id));
                }
                Change::Deleted(deletion) => {
                    let gone = deletion.message;
                    let place = follower.messages.iter().position(|(message, _)| *message == gone);
                    follower.deleted.extend(place.map(|place| follower.messages.remove(place)));
                    deletion.uncovered.take_if(|_| self.forgets_uncovered);
                }
                Change::Revised(message) => {
                    self.tally.reactions += u64::from(!message.reactions.is_empty());
                    let of = (message.position, message.author.id);
                    follower.deleted.retain(|other| *other != of);
                    if let Err(place) = follower.messages.binary_search(&of) {
                        follower.messages.insert(place, of);
                    }
                }
                Change::ChannelCreated(_)
                | Change::ChannelRevised(_)
                | Change::ChannelDeleted(_)
                | Change::DirectBegun(_) => {}
            }
            follower.window.apply(event.position, &event.change);
            self.tally.events += 1;
        }
        Ok(())
    }

    /// Somebody who left with `directory` hears what they missed, or that they have to forget it.
    fn list_again(&mut self, mut directory: Directory) -> Result<(), Violation> {
        let (now, left) = (self.state.directory(), directory.position);
        // Else the whole of it comes, which is what it is.
        let Some(channels) = self.state.directory_since(left) else { return Ok(()) };
        channels.into_iter().for_each(|channel| directory.apply(channel));
        directory.position = directory.position.max(now.position);
        self.tally.differences += 1;
        match directory == *now {
            true => Ok(()),
            false => Err(format!("the list of {left} and its difference are not that of now")),
        }
    }

    /// Memory, the store and the follower show the same.
    fn compare(&mut self, follower: &Follower) -> Result<(), Violation> {
        let room = &follower.room;
        let stored = self.reader.window(room).expect("it can be read").expect("it is there");
        if self.directory != *self.state.directory() {
            return Err(format!("at {} the follower lists other channels", stored.position));
        }
        let kept = self.state.window(room).expect("it is in memory");
        self.tally.comparisons += 1;
        let shown = &follower.window;
        if !is_same(shown, kept) || !is_same(shown, &stored) {
            return Err(format!("at {} the follower shows something else", shown.position));
        }
        let newest =
            follower.messages.iter().rev().take(Window::LIMIT).map(|(message, _)| *message);
        if !newest.eq(stored.messages().rev().map(|message| message.position)) {
            return Err(format!("at {} not the newest are shown", stored.position));
        }
        Ok(())
    }

    /// A server that starts now lists the same channels as this one, as of the same position.
    fn compare_after_restart(&mut self) -> Result<(), Violation> {
        let beginning = self.reader.beginning(self.store.last()).expect("it can be read");
        let (now, then) = (self.state.directory(), beginning.state.directory());
        self.tally.comparisons += 1;
        match now == then && *now == self.directory {
            true => Ok(()),
            false => Err(format!("after a restart the channels are others: {now:?}, {then:?}")),
        }
    }

    /// Somebody who left with `window` hears what they missed.
    fn come_back(&mut self, room: &Room, mut window: Window) -> Result<(), Violation> {
        let now = self.state.window(room).expect("it is in memory").clone();
        let Some(changes) = now.since(window.position) else {
            return Err(format!("50 commands are no reason for a reset from {}", window.position));
        };
        let (lane, position) = (room.clone().into(), now.position);
        let frame = ServerFrame::Difference(Difference { lane, position, changes });
        let ServerFrame::Difference(Difference { changes, .. }) = over_the_wire(frame) else {
            return Err("a difference became something else".to_owned());
        };
        let left = window.position;
        window.catch_up(position, &changes);
        self.tally.differences += 1;
        if is_same(&window, &now) {
            Ok(())
        } else {
            Err(format!("the difference from {left} to {position} leads elsewhere"))
        }
    }
}

/// Whether two windows are the same to who looks at them.
fn is_same(one: &Window, other: &Window) -> bool {
    one.position == other.position && one.messages().eq(other.messages())
}

fn over_the_wire(frame: ServerFrame) -> ServerFrame {
    let text = serde_json::to_string(&frame).expect("plain data");
    ServerFrame::read(&text).expect("what was written")
}
