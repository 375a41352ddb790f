//! Servers, networks, browsers and their people, and a scheduler that lets anything happen to them.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hasher},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use flack::{
    domain::{
        channel::{Channel, FIRST},
        command::{Ask, Command, CommandId},
        frame::{CloseCode, SILENCE_SECONDS, ServerFrame},
        message::MessageText,
        name::ChannelName,
        person::{PersonId, SessionId},
        position::Position,
        reaction::Emoji,
        refusal::{Refusal, RefusalCode},
        room::{Pair, Room},
    },
    server::{
        flack::Flack,
        log::{Answer, NewDevice},
    },
    sync::{
        Content, Input, Moment, Output, Replica,
        link::LinkState,
        outbox::{PendingState, Progress},
    },
};
use tempfile::TempDir;

use super::{
    browser::{self, Browser, Noticed, Tab, View},
    network::{Connection, Heard},
    planted::Bug,
    server::{Errand, Server, Session, Turn, poll},
    truth::Truth,
};
use crate::seeds::Violation;

/// What a world went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub steps: u64,
    pub checks: u64,
    pub commands: u64,
    pub cuts: u64,
    pub crashes: u64,
    pub reloads: u64,
    /// How often somebody had seen a room up to a message.
    pub reads: u64,
    pub full_disks: u64,
    /// Differences that were not empty.
    pub differences: u64,
    pub resets: u64,
    /// How often somebody said what a channel is about.
    pub topics: u64,
    /// How often somebody was told who is here, and who writes.
    pub presence: u64,
    pub typing: u64,
    /// Commands that were refused for want of room.
    pub held: u64,
    /// Commands that were refused because there had been too many.
    pub limited: u64,
    /// Sockets that were closed because too much was said on them.
    pub flooded: u64,
    /// Stands for everything that happened, in its order.
    pub print: u64,
}

/// The server's clock at the beginning, in milliseconds since 1970.
const BEGINNING: u64 = 1_700_000_000_000;

/// The tabs of a browser hear of its storage within a moment, however slow everything else is.
const MOMENT: u64 = 200;

/// How many channels people make.
const NAMES: [&str; 5] = ["design", "Design", "lunch", "ops", "🦀"];

/// The directions in which a connection can die, to the server and to the client.
const DEATHS: [(bool, bool); 3] = [(true, false), (false, true), (true, true)];

pub struct World {
    _dir: TempDir,
    path: PathBuf,
    random: fastrand::Rng,
    bug: Option<Bug>,
    is_told: bool,
    clock: u64,
    /// None only between a crash and the next start.
    server: Option<Server>,
    is_full: bool,
    truth: Truth,
    browsers: Vec<Browser>,
    connections: Vec<Option<Line>>,
    /// Commands that a program asked for, past any browser, and the answers to them.
    answers: Arc<Mutex<Vec<(CommandId, Position)>>>,
    /// Topics on their way.
    topics: Vec<Errand<Result<Channel, Refusal>>>,
    /// How likely faults are in this world, of 1,000 steps.
    faults: u32,
    /// Whether much is said at once in this world.
    is_loud: bool,
    tally: Tally,
    hasher: DefaultHasher,
}

/// A connection, who has it, and the server's side of it.
struct Line {
    browser: usize,
    tab: usize,
    network: Connection,
    session: Option<Session>,
}

impl World {
    /// A world that is what its seed makes of it. `is_told` prints what happens.
    pub fn new(seed: u64, bug: Option<Bug>, is_told: bool) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        // In memory, where there is such a place: the disk has a proof of its own.
        let memory = PathBuf::from("/dev/shm");
        let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let dir = dir.expect("a temporary directory");
        let path = dir.path().join("data");
        let mut server = Server::start(&path, bug, &mut random, BEGINNING);
        let mut truth = Truth::new(&path.join("flack.db"));
        truth.read().expect("nothing but the first channel");
        let mut browsers = Vec::new();
        for number in 0..random.u8(2..=3) {
            let session = SessionId([number + 1; 32]);
            let flack = server.flack.clone();
            let name = format!("Person {number}");
            let device = NewDevice { session, label: String::new() };
            let sign_in = async move { flack.sign_in(&name, device).await };
            let me = server.finish(sign_in, BEGINNING).expect("the name is free");
            // Some people have two browsers.
            for _ in 0..random.u8(1..=2) {
                browsers.push(Browser {
                    me: me.clone(),
                    session,
                    skew: random.u64(0..100_000_000),
                    storage: Default::default(),
                    tabs: Vec::new(),
                });
            }
        }
        let mut world = Self {
            _dir: dir,
            path,
            bug,
            is_told,
            clock: BEGINNING,
            server: Some(server),
            is_full: false,
            truth,
            browsers,
            connections: Vec::new(),
            answers: Arc::default(),
            topics: Vec::new(),
            faults: random.u32(0..60),
            is_loud: random.u8(0..4) == 0,
            tally: Tally::default(),
            hasher: DefaultHasher::new(),
            random,
        };
        for browser in 0..world.browsers.len() {
            world.open_tab(browser);
        }
        world
    }

    /// Lets things happen, and then lets everything come to rest.
    ///
    /// # Errors
    /// When a promise is broken on the way or in the end.
    pub fn run(mut self) -> Result<Tally, Violation> {
        for _ in 0..self.random.u32(400..1_200) {
            self.step()?;
        }
        self.settle()?;
        self.check_end()?;
        self.tally.commands = self.truth.count();
        self.tally.print = self.hasher.finish();
        Ok(self.tally)
    }

    fn note(&mut self, what: &str) {
        self.hasher.write(what.as_bytes());
        if self.is_told {
            println!("{:>8} {what}", self.clock - BEGINNING);
        }
    }

    /// One thing happens, by chance.
    fn step(&mut self) -> Result<(), Violation> {
        self.tally.steps += 1;
        if self.random.u32(0..1_000) < self.faults {
            return self.fault();
        }
        match self.random.u8(0..100) {
            0..45 => self.network_step(),
            45..65 => self.server_step(),
            65..72 => self.notice(),
            72..76 => self.load(),
            76..90 => self.act(),
            _ => {
                let millis = match self.random.u8(0..100) {
                    0..80 => self.random.u64(1..300),
                    80..97 => self.random.u64(300..5_000),
                    _ => self.random.u64(5_000..40_000),
                };
                self.pass(millis)
            }
        }
    }

    fn fault(&mut self) -> Result<(), Violation> {
        match self.random.u8(0..100) {
            0..40 => {
                if let Some(place) = self.some_connection() {
                    self.cut(place)?;
                }
            }
            40..50 => {
                if let Some(place) = self.some_connection() {
                    self.note(&format!("connection {place} dies unnoticed"));
                    self.tally.cuts += 1;
                    let (deaf, mute) = *self.random.choice(&DEATHS).expect("there are some");
                    let network = &mut self.line(place).network;
                    network.is_deaf |= deaf;
                    network.is_mute |= mute;
                }
            }
            50..60 => self.crash(),
            60..72 => {
                let browser = self.random.usize(0..self.browsers.len());
                let tab = self.random.usize(0..self.browsers[browser].tabs.len());
                self.reload(browser, tab);
            }
            72..78 => {
                let browser = self.random.usize(0..self.browsers.len());
                if self.browsers[browser].tabs.len() < 3 {
                    self.open_tab(browser);
                }
            }
            78..83 => {
                let browser = self.random.usize(0..self.browsers.len());
                let tab = self.random.usize(0..self.browsers[browser].tabs.len());
                let tab = &mut self.browsers[browser].tabs[tab];
                tab.is_asleep = !tab.is_asleep;
                let is_asleep = tab.is_asleep;
                self.note(&format!("a tab of {browser} sleeps: {is_asleep}"));
                if !is_asleep {
                    self.wake(browser)?;
                }
            }
            83..88 => {
                self.is_full = !self.is_full;
                self.tally.full_disks += u64::from(self.is_full);
                self.note(&format!("the disk is full: {}", self.is_full));
                let is_full = self.is_full;
                self.server().fill_disk(is_full);
            }
            88..96 => {
                // The first looks who is there, the second makes those go who were not.
                self.note("sweep");
                self.flack().sweep();
                self.flack().sweep();
            }
            96..98 if self.is_idle() && !self.is_full => {
                self.note("a day passes");
                self.pass(86_400_000)?;
                self.server().trim().map_err(|error| error.to_string())?;
            }
            _ => {
                if self.bug == Some(Bug::DoneTwice) && self.is_idle() {
                    self.truth.forget_commands();
                }
            }
        }
        Ok(())
    }

    // The server.

    fn server(&mut self) -> &mut Server {
        self.server.as_mut().expect("it runs")
    }

    fn flack(&self) -> Flack {
        self.server.as_ref().expect("it runs").flack.clone()
    }

    fn server_step(&mut self) -> Result<(), Violation> {
        let clock = self.clock;
        if self.random.u8(0..8) == 0 {
            self.flack().tell_moved();
        }
        // Sometimes much of it is gathered.
        if self.random.u8(0..3) == 0 {
            self.server().deliver();
        }
        let turn = self.server().turn(clock);
        if let Turn::Committed = turn {
            self.truth.read()?;
            self.note(&format!("committed: {} commands in all", self.truth.count()));
        }
        for (id, position) in self.answers.lock().unwrap().drain(..) {
            if self.truth.position_of(&id) != Some(position) {
                return Err(format!("{} was answered with {position}", id.as_str()));
            }
        }
        Ok(())
    }

    /// The server ends without a word, at whatever it was doing, and another one starts.
    fn crash(&mut self) {
        self.note("the server crashes");
        self.tally.crashes += 1;
        self.topics.clear();
        for browser in &mut self.browsers {
            for tab in &mut browser.tabs {
                tab.creating = None;
                if let View::Loading(_) = tab.view {
                    tab.view = View::Failed;
                }
            }
        }
        for line in self.connections.iter_mut().flatten() {
            if line.session.take().is_some() {
                line.network.break_server_end();
                line.network.cut(0);
            }
        }
        // The old one lets go of the directory first.
        drop(self.server.take());
        self.server = Some(Server::start(&self.path, self.bug, &mut self.random, self.clock));
        self.is_full = false;
    }

    // The network.

    fn some_connection(&mut self) -> Option<usize> {
        // Those that nobody uses any more may take their time.
        let is_patient = self.random.u8(0..5) == 0;
        let is_used = |line: &Option<Line>| {
            line.as_ref().is_some_and(|line| is_patient || line.network.has_client)
        };
        let used = self.connections.iter().enumerate().filter(|(_, line)| is_used(line));
        let used: Vec<usize> = used.map(|(place, _)| place).collect();
        self.random.choice(used)
    }

    fn line(&mut self, place: usize) -> &mut Line {
        self.connections[place].as_mut().expect("an open connection")
    }

    /// Some of what is under way on a connection gets further.
    fn network_step(&mut self) -> Result<(), Violation> {
        let Some(place) = self.some_connection() else { return Ok(()) };
        for _ in 0..self.random.u8(1..8) {
            let Some(line) = &mut self.connections[place] else { break };
            match self.random.u8(0..3) {
                0 => self.arrive(place)?,
                1 => line.session.iter_mut().for_each(Session::step),
                _ => {
                    let count = match self.random.u8(0..4) {
                        0 => self.random.usize(1..200),
                        _ => usize::MAX,
                    };
                    self.deliver(place, count)?;
                }
            }
        }
        Ok(())
    }

    /// Something arrives at the server: a connection, a frame, or its end.
    fn arrive(&mut self, place: usize) -> Result<(), Violation> {
        let clock = self.clock;
        let flack = self.flack();
        let line = self.connections[place].as_mut().expect("an open connection");
        let (browser, tab) = (line.browser, line.tab);
        match &mut line.session {
            None if line.network.is_dead() => {
                self.connections[place] = None;
                return self.tell_of_end(place, browser, tab, None);
            }
            None if flack.is_draining() || !line.network.has_client => {
                self.connections[place] = None;
            }
            None => {
                let Browser { session, me, .. } = &self.browsers[browser];
                let end = line.network.server_end();
                line.session = Some(Session::begin(&flack, end, *session, me.clone(), clock));
                self.note(&format!("connection {place} of {browser}.{tab} opens"));
                return self.feed(browser, tab, Input::Opened);
            }
            Some(session) => match line.network.arrive() {
                Some(frame) => {
                    session.heard = clock;
                    session.hear(frame);
                }
                None if !line.network.has_client && !line.network.is_deaf => {
                    session.socket.close_with(1000, "");
                    line.network.break_server_end();
                }
                None => {}
            },
        }
        Ok(())
    }

    /// So many bytes arrive at the client.
    fn deliver(&mut self, place: usize, count: usize) -> Result<(), Violation> {
        let line = self.line(place);
        let (browser, tab) = (line.browser, line.tab);
        if !line.network.has_client {
            let session = &line.session;
            if session.as_ref().is_none_or(Session::is_over) {
                self.connections[place] = None;
            }
            return Ok(());
        }
        if self.browsers[browser].tabs[tab].is_asleep {
            return Ok(());
        }
        for heard in self.line(place).network.deliver(count) {
            if self.browsers[browser].tabs[tab].connection != Some(place) {
                break; // it has given up this connection meanwhile
            }
            match heard {
                Heard::Frame(frame) => {
                    browser::check_answer(&frame, &self.truth)?;
                    browser::check_privacy(&frame, &self.browsers[browser].me)?;
                    self.tally.count(&frame);
                    self.feed(browser, tab, Input::Frame(*frame))?;
                }
                Heard::Closed(code) => {
                    self.tally.flooded += u64::from(code == Some(CloseCode::RateLimited as u16));
                    self.tell_of_end(place, browser, tab, code)?;
                }
            }
        }
        Ok(())
    }

    /// A connection breaks; each side learns of it, or not.
    fn cut(&mut self, place: usize) -> Result<(), Violation> {
        self.note(&format!("connection {place} is cut"));
        self.tally.cuts += 1;
        let (frames, _) = self.line(place).network.under_way();
        let arriving = self.random.usize(0..=frames);
        let server_learns = self.random.bool();
        let line = self.line(place);
        line.network.cut(arriving);
        let (browser, tab) = (line.browser, line.tab);
        if server_learns && let Some(session) = &line.session {
            line.network.break_server_end();
            session.socket.close_with(1000, "");
        }
        if self.random.u8(0..4) > 0 {
            self.tell_of_end(place, browser, tab, None)?;
        }
        Ok(())
    }

    /// The tab learns that its connection has ended.
    fn tell_of_end(
        &mut self,
        place: usize,
        browser: usize,
        tab: usize,
        code: Option<u16>,
    ) -> Result<(), Violation> {
        if let Some(line) = &mut self.connections[place] {
            line.network.has_client = false;
        }
        let tabs = &mut self.browsers[browser].tabs;
        if tabs[tab].connection == Some(place) {
            tabs[tab].connection = None;
            self.feed(browser, tab, Input::Closed(code))?;
        }
        Ok(())
    }

    // The browsers.

    /// Asks for a page, as for an address: the room that was open, or the first channel.
    fn request(&self, browser: usize, room: Option<Room>) -> Errand<PageAnswer> {
        let (flack, me) = (self.flack(), self.browsers[browser].me.clone());
        Box::pin(async move {
            let room = room.unwrap_or_else(first);
            let path = room.path(me.id);
            flack.page(Some(me), &path, Some(room)).await
        })
    }

    fn open_tab(&mut self, browser: usize) {
        self.note(&format!("{browser} opens a tab"));
        let page = self.request(browser, None);
        self.browsers[browser].tabs.push(Tab::new(page));
    }

    fn reload(&mut self, browser: usize, tab: usize) {
        self.note(&format!("{browser}.{tab} reloads"));
        self.tally.reloads += 1;
        let viewing = match &self.browsers[browser].tabs[tab].view {
            View::Open(replica) => replica.viewing().cloned(),
            _ => None,
        };
        let page = self.request(browser, viewing);
        let tab = &mut self.browsers[browser].tabs[tab];
        tab.view = View::Loading(page);
        tab.noticed.clear();
        tab.creating = None;
        if let Some(place) = tab.connection.take() {
            self.line(place).network.has_client = false;
        }
    }

    /// Pages that are under way come a step nearer.
    fn load(&mut self) -> Result<(), Violation> {
        self.topics.retain_mut(|topic| poll(topic).is_none());
        for browser in 0..self.browsers.len() {
            for tab in 0..self.browsers[browser].tabs.len() {
                let it = &mut self.browsers[browser].tabs[tab];
                if let Some(creating) = &mut it.creating
                    && let Some(created) = poll(creating)
                {
                    it.creating = None;
                    if let Ok(channel) = created {
                        if !self.truth.rooms.contains_key(&channel.created) {
                            return Err(format!("{} was created in vain", channel.name));
                        }
                        self.feed(browser, tab, Input::Created(channel))?;
                    }
                }
                let page = match &mut self.browsers[browser].tabs[tab].view {
                    View::Loading(errand) => match poll(errand) {
                        Some(page) => page,
                        None => continue,
                    },
                    View::Failed => {
                        self.reload(browser, tab);
                        continue;
                    }
                    View::Open(_) => continue,
                };
                let page = page.map_err(|refusal| refusal.to_string())?;
                let mut pending = self.browsers[browser].stored();
                match self.bug {
                    Some(Bug::LostOutbox) => pending.clear(),
                    Some(Bug::TwoSenders) => pending.iter_mut().for_each(|it| {
                        let id = draw_id(&mut self.random);
                        if let Some(asked) = self.truth.asked.get(&it.id).cloned() {
                            self.truth.asked.insert(id.clone(), asked);
                        }
                        let storage = &mut self.browsers[browser].storage;
                        let stored = storage.remove(&it.id).expect("it was read from there");
                        storage.insert(id.clone(), stored.replace(it.id.as_str(), id.as_str()));
                        let wrote = &mut self.browsers[browser].tabs[tab].wrote;
                        wrote.iter_mut().filter(|wrote| **wrote == it.id).for_each(|wrote| {
                            *wrote = id.clone();
                        });
                        it.id = id;
                    }),
                    _ => {}
                }
                let mut replica = Replica::new(self.browsers[browser].me.clone(), page);
                replica.take_up(pending);
                self.browsers[browser].tabs[tab].view = View::Open(Box::new(replica));
                self.feed(browser, tab, Input::Tick)?;
            }
        }
        Ok(())
    }

    /// A tab hears what another one has stored.
    fn notice(&mut self) -> Result<(), Violation> {
        let browser = self.random.usize(0..self.browsers.len());
        let tab = self.random.usize(0..self.browsers[browser].tabs.len());
        self.notice_next(browser, tab).map(|_| ())
    }

    fn notice_next(&mut self, browser: usize, tab: usize) -> Result<bool, Violation> {
        let noticed = self.browsers[browser].tabs[tab].noticed.pop_front();
        let Some(noticed) = noticed else { return Ok(false) };
        let input = match noticed {
            Noticed::Kept(text) => Input::Kept(browser::read(&text)),
            Noticed::Forgotten(id) => Input::Forgotten(id),
        };
        self.feed(browser, tab, input)?;
        Ok(true)
    }

    fn wake(&mut self, browser: usize) -> Result<(), Violation> {
        for tab in 0..self.browsers[browser].tabs.len() {
            while self.notice_next(browser, tab)? {}
            self.feed(browser, tab, Input::Woken)?;
        }
        Ok(())
    }

    /// Time passes for everyone.
    fn pass(&mut self, millis: u64) -> Result<(), Violation> {
        if millis > MOMENT {
            self.each_awake(|world, browser, tab| {
                while world.notice_next(browser, tab)? {}
                Ok(())
            })?;
        }
        self.clock += millis;
        let clock = self.clock;
        self.server().set_clock(clock);
        self.flack().pulse();
        self.hasher.write_u64(self.clock);
        for line in self.connections.iter_mut().flatten() {
            let Some(session) = &mut line.session else { continue };
            // Browsers answer the server's pings by themselves, and their pages ping.
            if !line.network.is_deaf && line.network.has_client {
                session.heard = self.clock;
            } else if self.clock > session.heard + SILENCE_SECONDS * 1_000 {
                session.socket.close(CloseCode::Silent);
                line.network.break_server_end();
            }
        }
        self.each_awake(|world, browser, tab| world.feed(browser, tab, Input::Tick))
    }

    fn each_awake(
        &mut self,
        mut act: impl FnMut(&mut Self, usize, usize) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        for browser in 0..self.browsers.len() {
            for tab in 0..self.browsers[browser].tabs.len() {
                if !self.browsers[browser].tabs[tab].is_asleep {
                    act(self, browser, tab)?;
                }
            }
        }
        Ok(())
    }

    /// Tells a tab what happened, does what it says, and looks at what it shows.
    fn feed(&mut self, browser: usize, tab: usize, input: Input) -> Result<(), Violation> {
        let random = self.random.f64();
        let owner = &mut self.browsers[browser];
        let now = Moment { millis: self.clock + owner.skew, random };
        let View::Open(replica) = &mut owner.tabs[tab].view else { return Ok(()) };
        if self.is_told && !matches!(input, Input::Tick) {
            println!("{:>8}   {browser}.{tab} {input:?}", self.clock - BEGINNING);
        }
        let is_tick = matches!(input, Input::Tick);
        let outputs = replica.handle(input, now);
        if is_tick && outputs.is_empty() {
            return Ok(());
        }
        for output in outputs {
            if self.is_told {
                println!("{:>8}     {output:?}", self.clock - BEGINNING);
            }
            match output {
                Output::Connect => {
                    self.disconnect(browser, tab);
                    let room = if self.random.bool() { 65_536 } else { 500 };
                    let network = Connection::new(room);
                    let line = Line { browser, tab, network, session: None };
                    self.connections.push(Some(line));
                    let place = self.connections.len() - 1;
                    self.browsers[browser].tabs[tab].connection = Some(place);
                }
                Output::Disconnect => self.disconnect(browser, tab),
                Output::Send(frame) => {
                    if let Some(place) = self.browsers[browser].tabs[tab].connection {
                        self.line(place).network.say(&frame);
                    }
                }
                Output::Keep(pending) => self.browsers[browser].store(tab, &pending),
                Output::Forget(id) => self.browsers[browser].forget(tab, &id),
                Output::Tell(_) | Output::Notice(_) | Output::Withdraw(_) => {}
                Output::SignedOut | Output::Changed => {
                    return Err("somebody was signed out".to_owned());
                }
            }
        }
        let Tab { view: View::Open(replica), wrote, .. } = &self.browsers[browser].tabs[tab] else {
            return Ok(());
        };
        self.tally.checks += 1;
        browser::check(replica, wrote, &self.truth)
            .map_err(|violation| format!("{browser}.{tab}: {violation}"))
    }

    fn disconnect(&mut self, browser: usize, tab: usize) {
        if let Some(place) = self.browsers[browser].tabs[tab].connection.take() {
            self.line(place).network.has_client = false;
        }
    }

    // The people.

    /// Somebody does something.
    fn act(&mut self) -> Result<(), Violation> {
        let browser = self.random.usize(0..self.browsers.len());
        let tab = self.random.usize(0..self.browsers[browser].tabs.len());
        let it = &self.browsers[browser].tabs[tab];
        let View::Open(replica) = &it.view else { return Ok(()) };
        if it.is_asleep {
            return Ok(());
        }
        let room = replica.viewing().cloned();
        match self.random.u8(0..16) {
            0 | 1 => return self.feed(browser, tab, Input::Typed),
            2 => return self.feed(browser, tab, Input::Leaving),
            _ => {}
        }
        match (self.random.u8(0..100), room) {
            (0..40, Some(room)) => self.write(browser, tab, room),
            (40..60, Some(room)) => {
                let shown = replica.window().into_iter().flat_map(|window| window.messages());
                let shown: Vec<Position> = shown.map(|message| message.position).collect();
                let Some(message) = self.random.choice(shown) else { return Ok(()) };
                let emoji = Emoji::stored(["👍", "🎉", "👀"][self.random.usize(0..3)].to_owned());
                let ask = match self.random.u8(0..5) {
                    0..3 => Ask::React(message, emoji),
                    3 => Ask::Unreact(message, emoji),
                    // It may be gone until the answer comes, which is refused then.
                    _ => Ask::Reply(message, self.draw_text(), Vec::new()),
                };
                self.ask(browser, tab, Command { room, ask }).map(|_| ())
            }
            (60..78, Some(room)) => {
                let me = self.browsers[browser].me.id;
                let own: Vec<Position> = replica
                    .lines()
                    .into_iter()
                    .filter_map(|line| match line.content {
                        Content::Sent(message) if message.author.id == me => Some(message.position),
                        _ => None,
                    })
                    .collect();
                match self.random.choice(own) {
                    Some(message) => {
                        let ask = match self.random.bool() {
                            true => Ask::Delete(message),
                            false => Ask::Edit(message, self.draw_text()),
                        };
                        self.ask(browser, tab, Command { room, ask }).map(|_| ())
                    }
                    None => Ok(()),
                }
            }
            (78..82, Some(_)) => {
                // What was deleted last in this browser, perhaps too long ago.
                let me = self.browsers[browser].me.id;
                let deleted = self.truth.asked.values().filter(|(by, _)| *by == me);
                let deleted: Vec<Command> = deleted
                    .filter_map(|(_, command)| match command.ask {
                        Ask::Delete(message) => {
                            let ask = Ask::Restore(message);
                            Some(Command { room: command.room.clone(), ask })
                        }
                        _ => None,
                    })
                    .collect();
                let newest = deleted.into_iter().max_by_key(|command| match command.ask {
                    Ask::Restore(message) => message,
                    _ => Position::ZERO,
                });
                match newest {
                    Some(command) => self.ask(browser, tab, command).map(|_| ()),
                    None => Ok(()),
                }
            }
            (82..93, _) => {
                let channels = replica.directory().channels().iter();
                let rooms: Vec<Room> = channels.map(|it| Room::Channel(it.name.clone())).collect();
                let other = self.browsers[self.random.usize(0..self.browsers.len())].me.clone();
                if self.random.u8(0..3) == 0 {
                    let pair = Pair::of(self.browsers[browser].me.id, other.id);
                    self.feed(browser, tab, Input::Meet(other))?;
                    return self.feed(browser, tab, Input::Open(Some(Room::Direct(pair))));
                }
                let room = self.random.choice(rooms);
                self.feed(browser, tab, Input::Open(room))
            }
            (93..96, Some(_)) => {
                let messages = replica.window().into_iter().flat_map(|window| window.messages());
                let seen: Vec<Position> = messages.map(|message| message.position).collect();
                self.tally.reads += 1;
                match self.random.choice(seen) {
                    Some(message) => self.feed(browser, tab, Input::Read(message)),
                    None => Ok(()),
                }
            }
            (96..97, _) => {
                let (flack, me) = (self.flack(), self.browsers[browser].me.id);
                let name = NAMES[self.random.usize(0..NAMES.len())];
                self.note(&format!("{browser}.{tab} creates {name}"));
                let creating = async move { flack.create_channel(me, name).await };
                self.browsers[browser].tabs[tab].creating = Some(Box::pin(creating));
                Ok(())
            }
            (97..98, _) => {
                let channels = replica.directory().channels().to_vec();
                let Some(channel) = self.random.choice(channels) else { return Ok(()) };
                let (flack, me) = (self.flack(), self.browsers[browser].me.id);
                self.tally.topics += 1;
                let topic = match self.random.u8(0..4) {
                    0 => String::new(),
                    _ => format!("topic {}", self.tally.topics),
                };
                self.note(&format!("{browser}.{tab} says that {} is about {topic}", channel.name));
                self.truth.topics.insert(topic.clone());
                self.topics.push(Box::pin(async move {
                    flack.set_topic(me, channel.name.as_str(), &topic).await
                }));
                Ok(())
            }
            _ if self.is_loud => {
                self.burst();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self, browser: usize, tab: usize, room: Room) -> Result<(), Violation> {
        let text = self.draw_text();
        let id = self.ask(browser, tab, Command { room, ask: Ask::Post(text) })?;
        self.browsers[browser].tabs[tab].wrote.push(id);
        Ok(())
    }

    /// Something that nobody has said before.
    fn draw_text(&mut self) -> MessageText {
        let number = self.truth.asked.len();
        // A full disk only shows when a page of the file is full, too.
        let is_long = self.is_full || self.random.u8(0..5) == 0;
        let rest = if is_long { self.random.usize(0..3_900) } else { 0 };
        let text = format!("m{number} {}", "x".repeat(rest));
        MessageText::try_from(text.as_str()).expect("short enough")
    }

    fn ask(
        &mut self,
        browser: usize,
        tab: usize,
        command: Command,
    ) -> Result<CommandId, Violation> {
        let id = draw_id(&mut self.random);
        let me = self.browsers[browser].me.id;
        self.truth.asked.insert(id.clone(), (me, command.clone()));
        self.feed(browser, tab, Input::Ask { id: id.clone(), command })?;
        Ok(id)
    }

    /// A program writes a lot at once.
    fn burst(&mut self) {
        let count = self.random.usize(10..120);
        self.note(&format!("a program writes {count} messages"));
        let Browser { me, session, .. } = &self.browsers[0];
        let (me, session) = (me.id, *session);
        for _ in 0..count {
            let id = draw_id(&mut self.random);
            let command = Command { room: first(), ask: Ask::Post(self.draw_text()) };
            self.truth.asked.insert(id.clone(), (me, command.clone()));
            let (answers, asked) = (self.answers.clone(), id.clone());
            let answer: Answer = Box::new(move |result| {
                if let Ok(position) = result {
                    answers.lock().unwrap().push((asked, position));
                }
            });
            self.flack().submit(session, me, id, command, answer);
        }
    }

    // The end.

    /// No more faults: everything that is under way arrives, and everyone waits until all is quiet.
    fn settle(&mut self) -> Result<(), Violation> {
        self.note("peace");
        self.server().fill_disk(false);
        self.is_full = false;
        for browser in 0..self.browsers.len() {
            for tab in &mut self.browsers[browser].tabs {
                tab.is_asleep = false;
            }
            self.wake(browser)?;
        }
        let mut was_quiet = false;
        for _ in 0..1_200 {
            self.flack().tell_moved();
            for _ in 0..6 {
                self.load()?;
                self.server_step()?;
                for place in 0..self.connections.len() {
                    // What arrives may end the connection.
                    for _ in 0..4 {
                        if self.connections[place].is_some() {
                            self.arrive(place)?;
                        }
                        if let Some(line) = &mut self.connections[place] {
                            line.session.iter_mut().for_each(Session::step);
                            self.deliver(place, usize::MAX)?;
                        }
                    }
                }
            }
            // What was done in the first quiet round is told in the second.
            if self.is_quiet() && was_quiet {
                return Ok(());
            }
            was_quiet = self.is_quiet();
            self.pass(250)?;
        }
        Err(format!("it never comes to rest: {}", self.unrest()))
    }

    fn is_quiet(&self) -> bool {
        let lines = self.connections.iter().flatten();
        let is_delivered = lines.filter(|line| line.network.has_client).all(|line| {
            !line.network.is_dead()
                && line.network.under_way() == (0, 0)
                && line.session.as_ref().is_some_and(Session::is_idle)
        });
        is_delivered && self.is_idle() && self.topics.is_empty() && self.unrest().is_empty()
    }

    /// Whether nothing is on its way to the disk.
    fn is_idle(&self) -> bool {
        self.server.as_ref().is_some_and(Server::is_idle)
    }

    /// Whether these are all who have a page open.
    fn is_everyone(&self, online: &[PersonId]) -> bool {
        let people: BTreeSet<PersonId> = self.browsers.iter().map(|it| it.me.id).collect();
        people == online.iter().copied().collect()
    }

    /// What tabs still wait for.
    fn unrest(&self) -> String {
        let mut unrest = String::new();
        for (place, browser) in self.browsers.iter().enumerate() {
            for (number, tab) in browser.tabs.iter().enumerate() {
                let what = match &tab.view {
                    View::Open(replica) if replica.link() != LinkState::Live => {
                        format!("{:?}", replica.link())
                    }
                    View::Open(replica) if replica.waiting() > 0 => {
                        format!("{} wait", replica.waiting())
                    }
                    View::Open(replica) if !replica.has_said_all() => "something read".to_owned(),
                    View::Open(replica) if !self.is_everyone(replica.online()) => {
                        format!("only {:?} are here", replica.online())
                    }
                    View::Open(_) if tab.noticed.is_empty() && tab.creating.is_none() => continue,
                    View::Open(_) => "something to notice".to_owned(),
                    View::Loading(_) | View::Failed => "no page".to_owned(),
                };
                unrest += &format!("{place}.{number}: {what}; ");
            }
        }
        unrest
    }

    /// In the end everyone sees the same, and that is what was written, once and in order.
    fn check_end(&mut self) -> Result<(), Violation> {
        for browser in 0..self.browsers.len() {
            if let Some((id, text)) = self.browsers[browser].storage.first_key_value()
                && !matches!(browser::read(text).state, PendingState::Refused(_))
            {
                return Err(format!("{} is left in the outbox", id.as_str()));
            }
            for tab in 0..self.browsers[browser].tabs.len() {
                let Tab { view: View::Open(replica), wrote, .. } =
                    &self.browsers[browser].tabs[tab]
                else {
                    return Err("a tab without a page".to_owned());
                };
                browser::check(replica, wrote, &self.truth)?;
                let mut last: Vec<(&Room, Position)> = Vec::new();
                for id in wrote {
                    let (_, command) = &self.truth.asked[id];
                    let Some(done) = self.truth.position_of(id) else {
                        return Err(format!("{} was lost", id.as_str()));
                    };
                    let of = &command.room;
                    match last.iter_mut().find(|(room, _)| *room == of) {
                        Some((_, last)) if *last > done => {
                            return Err(format!("{} was done out of order", id.as_str()));
                        }
                        Some((_, last)) => *last = done,
                        None => last.push((of, done)),
                    }
                }
                self.truth.check_unread(replica.me().id, replica.memberships())?;
                let Some(room) = replica.viewing().cloned() else { continue };
                let shown = replica.window().map(|window| window.position);
                let is = Some(self.truth.last_of(&room));
                if shown != is {
                    return Err(format!("{browser}.{tab} is at {shown:?} of {room:?}, not {is:?}"));
                }
                // An edit of what was deleted meanwhile stays, so that no words are lost.
                let is_settled = |line: &flack::sync::Line| match &line.content {
                    Content::Sent(_) => true,
                    Content::OnItsWay { progress: Progress::Refused(refusal), .. } => {
                        refusal.code == RefusalCode::UnknownMessage
                    }
                    Content::OnItsWay { .. } => false,
                };
                if !replica.lines().iter().all(|line| is_settled(line) && line.change.is_none()) {
                    return Err(format!("{browser}.{tab} still waits in {room:?}"));
                }
            }
        }
        self.check_engine()
    }

    /// The engine, and one that starts now, have what is true.
    fn check_engine(&mut self) -> Result<(), Violation> {
        for start in 0..2 {
            for room in self.truth.rooms.values().cloned().collect::<Vec<_>>() {
                let is_in = |browser: &Browser| room.admits(browser.me.id);
                let Some(browser) = self.browsers.iter().position(is_in) else { continue };
                let mut page = self.request(browser, Some(room.clone()));
                let page = loop {
                    if let Some(page) = poll(&mut page) {
                        break page.map_err(|refusal| refusal.to_string())?;
                    }
                };
                self.truth.check_topics(&page.directory)?;
                let (_, window) = page.open.ok_or("no window")?;
                self.truth.check_window(&room, &window)?;
            }
            if start == 0 {
                self.crash();
            }
        }
        Ok(())
    }
}

type PageAnswer = Result<flack::domain::page::Page, flack::domain::refusal::Refusal>;

/// The channel that is there from the beginning.
fn first() -> Room {
    Room::Channel(ChannelName::stored(FIRST.to_owned()))
}

fn draw_id(random: &mut fastrand::Rng) -> CommandId {
    CommandId::from_random(random.u128(..).to_be_bytes())
}

impl Tally {
    fn count(&mut self, frame: &ServerFrame) {
        match frame {
            ServerFrame::Difference(it) if !it.changes.is_empty() => self.differences += 1,
            ServerFrame::Reset(_) => self.resets += 1,
            ServerFrame::Presence { .. } => self.presence += 1,
            ServerFrame::Typing { .. } => self.typing += 1,
            ServerFrame::Refused { refusal, .. } if refusal.code == RefusalCode::NotSaved => {
                self.held += 1;
            }
            ServerFrame::Refused { refusal, .. } if refusal.code == RefusalCode::RateLimited => {
                self.limited += 1;
            }
            _ => {}
        }
    }

    pub fn add(&mut self, other: Tally) {
        self.steps += other.steps;
        self.checks += other.checks;
        self.commands += other.commands;
        self.cuts += other.cuts;
        self.crashes += other.crashes;
        self.reloads += other.reloads;
        self.reads += other.reads;
        self.full_disks += other.full_disks;
        self.differences += other.differences;
        self.resets += other.resets;
        self.topics += other.topics;
        self.presence += other.presence;
        self.typing += other.typing;
        self.held += other.held;
        self.limited += other.limited;
        self.flooded += other.flooded;
    }
}
