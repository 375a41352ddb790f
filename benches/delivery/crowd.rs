//! Those who write and those who listen, all in one thread that does as little as it can: it shares
//! two processors with the server that is measured.
//!
//! Everyone is compared with the record of their room, byte by byte: the first to hear a message puts it
//! there, and all others must hear the very same, in that order, none twice and none left out. What the
//! record itself says is [looked at](super::truth) when nothing is measured.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream},
    os::fd::{AsRawFd, OwnedFd},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use flack::domain;
use rustix::{
    event::{Timespec, epoll},
    net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt},
};

use crate::{
    server::Server,
    speech::{Heard, Speech},
    support::{PATIENCE, channel},
    truth, wire,
};

/// How many connect at the same time.
const AT_ONCE: usize = 64;

/// How many connect from one address before the next takes its turn; there are not ports enough for
/// many more, and the fewer are taken the sooner is one found.
const FROM_ONE_ADDRESS: usize = 5_000;

/// How often each says that it is there, where that is usual.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long a turn waits for something to happen.
const TURN: Duration = Duration::from_millis(10);

/// What can be read at once; nothing that anybody sends is larger.
const BUFFER: usize = 1024 * 1024;

/// What messages say after their numbers.
const WORDS: &str = "Lunch at noon? The usual place, and whoever comes first takes the table by the \
                     window for all of us";

pub struct Crowd<'a> {
    server: &'a Server,
    speech: Speech,
    /// Makes the ids of commands new.
    number: u64,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
    /// The writers come first.
    members: Vec<Member>,
    writers: usize,
    rooms: Vec<Room>,
    joined: usize,
    connecting: usize,
    /// Whose turn it is to say that they are there.
    next_beat: usize,
    beaten: Instant,
    /// The room of the next message.
    next_room: usize,
    sent: usize,
    /// Messages that all have heard who listen.
    heard_by_all: usize,
    accepted: usize,
    deliveries: u64,
    /// Bytes of what was told beside messages.
    asides: u64,
    delays: Delays,
    /// Those who do not read.
    silent: Vec<TcpStream>,
}

pub struct Room {
    name: String,
    listeners: u32,
    /// What the first who joined heard up to then.
    pub opening: Vec<Vec<u8>>,
    snapshot: Option<Vec<u8>>,
    /// The messages, as they came.
    pub record: Vec<Box<[u8]>>,
    /// How many have heard each of them.
    heard: Vec<u32>,
    sent: Vec<Instant>,
}

struct Member {
    stream: TcpStream,
    /// The one that this listens to; writers do not listen.
    room: Option<usize>,
    stage: Stage,
    /// How many messages have come.
    heard: usize,
    /// What has come of the next frame.
    rest: Vec<u8>,
    /// What did not fit into the socket.
    unsent: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The handshake is not answered yet.
    Knocking,
    /// Open, and perhaps greeted.
    Open,
    Joined,
}

/// How messages are written.
#[derive(Clone, Copy)]
pub struct Pace {
    /// In a second, one after the other; as fast as the window lets them where there is none.
    pub per_second: Option<f64>,
    /// How many may be on their way: not heard by all yet, or not accepted.
    pub window: usize,
}

/// What happened while the crowd was busy.
pub struct Busy {
    pub deliveries: u64,
    /// Bytes that each was told in a second beside messages.
    pub asides: f64,
    pub messages: usize,
    pub took: Duration,
    pub delays: Delays,
}

/// How long deliveries took, in hundredths of milliseconds.
pub struct Delays(Vec<u32>);

impl Default for Delays {
    fn default() -> Self {
        Self(vec![0; 500_000])
    }
}

impl Delays {
    fn count(&mut self, delay: Duration) {
        let last = self.0.len() - 1;
        self.0[usize::try_from(delay.as_micros() / 10).map_or(last, |place| place.min(last))] += 1;
    }

    pub fn add(&mut self, others: &Self) {
        self.0.iter_mut().zip(&others.0).for_each(|(count, other)| *count += other);
    }

    /// The delay that this share of all does not exceed, in milliseconds.
    pub fn quantile(&self, share: f64) -> f64 {
        let all: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let mut before = 0;
        let is_reached = |count: &u32| {
            before += u64::from(*count);
            before as f64 >= all as f64 * share
        };
        self.0.iter().position(is_reached).unwrap_or(0) as f64 / 100.0
    }
}

impl Room {
    /// As Flack knows it.
    pub fn viewed(&self) -> domain::room::Room {
        channel(&self.name)
    }
}

/// Leaves little room for what is not read, on either side: the kernel gives a connection of large
/// segments, as those of one machine are, megabytes.
fn narrow(socket: &OwnedFd) {
    sockopt::set_socket_recv_buffer_size(socket, 4 * 1_024).expect("TCP");
    let segment: libc::c_int = 536;
    let length = size_of_val(&segment) as libc::socklen_t;
    // SAFETY: the option is an integer, which outlives the call (tcp(7)).
    let done = unsafe {
        let segment = (&raw const segment).cast();
        let tcp = libc::IPPROTO_TCP;
        libc::setsockopt(socket.as_raw_fd(), tcp, libc::TCP_MAXSEG, segment, length)
    };
    assert_eq!(done, 0, "TCP");
}

impl<'a> Crowd<'a> {
    /// Lets so many listeners of each room come, and so many writers, each for its share of the rooms.
    pub fn gather(
        server: &'a Server,
        rooms: Vec<String>,
        listeners: usize,
        writers: usize,
    ) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let room = |name| Room {
            name,
            listeners: 0,
            opening: Vec::new(),
            snapshot: None,
            record: Vec::new(),
            heard: Vec::new(),
            sent: Vec::new(),
        };
        let rooms: Vec<Room> = rooms.into_iter().map(room).collect();
        let count = rooms.len();
        let mut crowd = Self {
            server,
            speech: server.kind.speech(),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll"),
            events: Vec::with_capacity(1_024),
            buffer: vec![0; BUFFER],
            members: Vec::new(),
            writers,
            rooms,
            joined: 0,
            connecting: 0,
            next_beat: 0,
            beaten: Instant::now(),
            next_room: 0,
            sent: 0,
            heard_by_all: 0,
            accepted: 0,
            deliveries: 0,
            asides: 0,
            delays: Delays::default(),
            silent: Vec::new(),
        };
        (0..writers).for_each(|_| crowd.come(None));
        crowd.all_join();
        (0..listeners * count).for_each(|number| crowd.come(Some(number % count)));
        crowd.all_join();
        crowd
    }

    /// Lets so many more listeners of the first room come.
    pub fn grow(&mut self, listeners: usize) {
        (0..listeners).for_each(|_| self.come(Some(0)));
        self.all_join();
    }

    /// One more comes, as soon as not too many are on their way.
    fn come(&mut self, room: Option<usize>) {
        let start = Instant::now();
        while self.connecting >= AT_ONCE {
            assert!(start.elapsed() < PATIENCE, "nobody is let in");
            self.turn(TURN);
        }
        let number = self.members.len();
        let stream = self.connect(false);
        stream.set_nonblocking(true).expect("TCP");
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&self.epoll, &stream, data, epoll::EventFlags::IN).expect("epoll");
        let has_handshake = self.greet_with_handshake(&stream, number, room);
        let stage = if has_handshake { Stage::Knocking } else { Stage::Open };
        let (rest, unsent) = (Vec::new(), Vec::new());
        self.members.push(Member { stream, room, stage, heard: 0, rest, unsent });
        self.connecting += 1;
        if let Some(room) = room {
            self.rooms[room].listeners += 1;
        }
        if !has_handshake {
            self.open(number);
        }
    }

    fn greet_with_handshake(
        &self,
        mut stream: &TcpStream,
        number: usize,
        room: Option<usize>,
    ) -> bool {
        let room = room.map(|room| self.rooms[room].name.as_str());
        let cookie = self.server.session(number);
        let handshake = self.speech.handshake(self.server.address, cookie, room);
        stream.write_all(&handshake).expect("room for a handshake");
        !handshake.is_empty()
    }

    /// Opens a connection from an address that has ports left.
    fn connect(&self, is_narrow: bool) -> TcpStream {
        let SocketAddr::V4(server) = self.server.address else { panic!("127.0.0.1") };
        static CONNECTED: AtomicUsize = AtomicUsize::new(0);
        let turn = CONNECTED.fetch_add(1, Ordering::Relaxed) / FROM_ONE_ADDRESS;
        let network = 1 + u8::try_from(turn % 250).expect("it is small enough");
        let from = SocketAddrV4::new(Ipv4Addr::new(127, 0, network, 1), 0);
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None);
        let socket = socket.expect("a socket: the limit of open files is too low");
        // Who goes is gone at once: thousands of ports that wait for what may still come would be in the
        // way of those who come next.
        sockopt::set_socket_linger(&socket, Some(Duration::ZERO)).expect("TCP");
        if is_narrow {
            narrow(&socket);
        }
        bind(&socket, &from).expect("a free port");
        connect(&socket, &server).expect("a connection");
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true).expect("TCP");
        stream
    }

    /// Somebody may speak now, and says what they came for.
    fn open(&mut self, place: usize) {
        let member = &mut self.members[place];
        member.stage = Stage::Open;
        let room = member.room.map(|room| self.rooms[room].name.as_str());
        let greeting = self.speech.greeting(room);
        if member.room.is_none() {
            member.stage = Stage::Joined;
            self.joined += 1;
            self.connecting -= 1;
        }
        if let Some(greeting) = greeting {
            self.say(place, wire::TEXT, greeting.as_bytes());
        }
    }

    fn say(&mut self, place: usize, opcode: u8, payload: &[u8]) {
        wire::push_masked(&mut self.members[place].unsent, opcode, payload);
        self.flush(place);
    }

    fn flush(&mut self, place: usize) {
        let Member { stream, unsent, .. } = &mut self.members[place];
        match stream.write(unsent) {
            Ok(written) => drop(unsent.drain(..written)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("the server is gone: {error}"),
        }
    }

    fn all_join(&mut self) {
        let start = Instant::now();
        while self.joined < self.members.len() {
            let (joined, all) = (self.joined, self.members.len());
            assert!(start.elapsed() < PATIENCE, "only {joined} of {all} could join");
            self.turn(TURN);
        }
    }

    /// One comes who listens to the first room, has little room for what comes, and reads nothing of it.
    pub fn add_silent(&mut self) {
        let number = self.members.len() + self.silent.len();
        let stream = self.connect(true);
        stream.set_read_timeout(Some(PATIENCE)).expect("TCP");
        let has_handshake = self.greet_with_handshake(&stream, number, Some(0));
        assert!(has_handshake, "it is not asked of the floor");
        let mut answer = [0; 1];
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n") {
            (&stream).read_exact(&mut answer).expect("an answer");
            heard.push(answer[0]);
        }
        if let Some(greeting) = self.speech.greeting(Some(&self.rooms[0].name)) {
            let mut frame = Vec::new();
            wire::push_masked(&mut frame, wire::TEXT, greeting.as_bytes());
            (&stream).write_all(&frame).expect("room for a greeting");
        }
        self.silent.push(stream);
    }

    /// Those who do not read go.
    pub fn remove_silent(&mut self) {
        self.silent.clear();
    }

    /// Writes so many messages to the first room, and waits until they are heard.
    pub fn fill(&mut self, messages: usize) {
        let start = Instant::now();
        for left in (0..messages).rev() {
            self.post();
            self.flush(0);
            while self.on_their_way() > left.min(50) {
                assert!(start.elapsed() < PATIENCE, "{} messages were lost", self.on_their_way());
                self.turn(TURN);
            }
        }
    }

    /// Writes for a while, and waits until everyone has heard all of it.
    pub fn write(&mut self, pace: Pace, time: Duration) -> Busy {
        let start = Instant::now();
        let (deliveries, asides, sent) = (self.deliveries, self.asides, self.sent);
        self.delays = Delays::default();
        let every = pace.per_second.map_or(Duration::ZERO, |it| Duration::from_secs_f64(1.0 / it));
        let mut due = start;
        loop {
            let now = Instant::now();
            let is_over = now >= start + time;
            if is_over && self.on_their_way() == 0 {
                break;
            }
            assert!(now < start + time + PATIENCE, "{} messages were lost", self.on_their_way());
            // Who could not keep up does not make up for it.
            due = due.max(now.checked_sub(TURN * 2).unwrap_or(now));
            while !is_over && due <= now && self.on_their_way() < pace.window {
                self.post();
                due += every;
            }
            for place in 0..self.writers {
                if !self.members[place].unsent.is_empty() {
                    self.flush(place);
                }
            }
            self.beat(now);
            let is_free = self.on_their_way() < pace.window;
            let next = if is_over || !is_free { now + TURN } else { due };
            self.turn(next.saturating_duration_since(Instant::now()).min(TURN));
        }
        let took = start.elapsed();
        let listeners = (self.members.len() - self.writers) as f64;
        Busy {
            deliveries: self.deliveries - deliveries,
            asides: (self.asides - asides) as f64 / listeners / took.as_secs_f64(),
            messages: self.sent - sent,
            took,
            delays: std::mem::take(&mut self.delays),
        }
    }

    fn on_their_way(&self) -> usize {
        let done = match self.speech.accepts() {
            true => self.heard_by_all.min(self.accepted),
            false => self.heard_by_all,
        };
        self.sent - done
    }

    fn post(&mut self) {
        let place = self.next_room;
        self.next_room = (place + 1) % self.rooms.len();
        let room = &mut self.rooms[place];
        let number = room.sent.len() + 1;
        let id = format!("{}-{place}-{number}", self.number);
        let text = format!("n={number} {WORDS}");
        let writer = &mut self.members[place % self.writers];
        self.speech.post(&mut writer.unsent, &room.name, &id, &text);
        room.sent.push(Instant::now());
        self.sent += 1;
    }

    /// Those whose turn it is say that they are there.
    fn beat(&mut self, now: Instant) {
        let Some(beat) = self.speech.heartbeat() else { return };
        let share = (now - self.beaten).as_secs_f64() / HEARTBEAT.as_secs_f64();
        let count = (share * self.members.len() as f64) as usize;
        if count == 0 {
            return;
        }
        self.beaten = now;
        for _ in 0..count.min(self.members.len()) {
            self.say(self.next_beat, wire::TEXT, beat.as_bytes());
            self.next_beat = (self.next_beat + 1) % self.members.len();
        }
    }

    /// Stays for a while without a word of its own.
    pub fn stay(&mut self, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            self.beat(Instant::now());
            self.turn(TURN);
        }
    }

    /// Waits so long at most for something to happen, and takes it in.
    fn turn(&mut self, time: Duration) {
        let time = Timespec { tv_sec: 0, tv_nsec: i64::from(time.subsec_nanos()) };
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        let spare = rustix::buffer::spare_capacity(&mut events);
        epoll::wait(&self.epoll, spare, Some(&time)).expect("epoll");
        for event in &events {
            self.read(usize::try_from(event.data.u64()).expect("a place"));
        }
        self.events = events;
    }

    fn read(&mut self, place: usize) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let member = &mut self.members[place];
        let kept = member.rest.len();
        buffer[..kept].copy_from_slice(&member.rest);
        let read = match member.stream.read(&mut buffer[kept..]) {
            Ok(0) => panic!("the server has closed a connection"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => panic!("a connection is broken: {error}"),
        };
        let now = Instant::now();
        let bytes = &buffer[..kept + read];
        let used = self.take_in(place, bytes, now);
        let rest = &mut self.members[place].rest;
        if used < bytes.len() || kept > 0 {
            rest.clear();
            rest.extend_from_slice(&bytes[used..]);
        }
        self.buffer = buffer;
    }

    /// Gives how much of it made whole frames.
    fn take_in(&mut self, place: usize, bytes: &[u8], now: Instant) -> usize {
        let mut used = 0;
        if self.members[place].stage == Stage::Knocking {
            let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return 0 };
            let is_upgraded = bytes.starts_with(b"HTTP/1.1 101");
            assert!(is_upgraded, "refused: {}", String::from_utf8_lossy(bytes));
            used = end + 4;
            self.members[place].stage = Stage::Open;
            if self.speech.is_ready_at_once() {
                self.open(place);
            }
        }
        while let Some((frame, length)) = wire::first(&bytes[used..]) {
            used += length;
            match frame.opcode {
                wire::TEXT => self.hear(place, frame.payload, now),
                wire::PING => self.say(place, wire::PONG, frame.payload),
                wire::CLOSE => panic!("closed: {}", String::from_utf8_lossy(frame.payload)),
                other => panic!("what is opcode {other}?"),
            }
        }
        used
    }

    fn hear(&mut self, place: usize, text: &[u8], now: Instant) {
        let heard = self.speech.hear(text);
        let member = &mut self.members[place];
        if let (Heard::Message, Some(room)) = (heard, member.room) {
            let number = member.heard;
            member.heard += 1;
            let room = &mut self.rooms[room];
            match room.record.get(number) {
                Some(before) => assert!(
                    **before == *text,
                    "a listener heard {} instead of {}",
                    String::from_utf8_lossy(text),
                    String::from_utf8_lossy(before)
                ),
                None => {
                    assert!(number < room.sent.len(), "nobody has said that yet");
                    room.record.push(text.into());
                    room.heard.push(0);
                }
            }
            room.heard[number] += 1;
            self.heard_by_all += usize::from(room.heard[number] == room.listeners);
            self.deliveries += 1;
            self.delays.count(now.saturating_duration_since(room.sent[number]));
            return;
        }
        if let (Stage::Open, Some(room)) = (member.stage, member.room) {
            let room = &mut self.rooms[room];
            if room.snapshot.is_none() {
                room.opening.push(text.to_vec());
            }
            if let Heard::Snapshot = heard {
                let first = room.snapshot.get_or_insert_with(|| text.to_vec());
                assert!(*first == text, "two who joined were told different things");
                member.stage = Stage::Joined;
                self.joined += 1;
                self.connecting -= 1;
            }
        }
        match heard {
            Heard::Say(answer) => self.say(place, wire::TEXT, answer.as_bytes()),
            Heard::Ready => self.open(place),
            Heard::Accepted => self.accepted += 1,
            Heard::Refused => panic!("refused: {}", String::from_utf8_lossy(text)),
            Heard::Aside if self.members[place].room.is_some() => self.asides += text.len() as u64,
            Heard::Snapshot | Heard::Message | Heard::Aside => {}
        }
    }

    /// Looks at what everyone was told, and goes. Gives how long a message was on the wire.
    ///
    /// # Panics
    /// When anybody missed anything, or heard it twice or in the wrong place.
    pub fn leave(self) -> usize {
        for member in &self.members {
            let Some(room) = member.room else { continue };
            assert_eq!(member.heard, self.rooms[room].record.len(), "somebody missed something");
        }
        for room in &self.rooms {
            assert_eq!(room.record.len(), room.sent.len(), "messages were lost");
            truth::check(self.speech, room);
        }
        let longest = self.rooms.iter().flat_map(|room| &room.record).map(|frame| frame.len());
        longest.max().unwrap_or_default()
    }

    /// How many messages whoever joined last was told.
    pub fn told(&self) -> usize {
        let snapshot = self.rooms[0].snapshot.as_deref().unwrap_or_default();
        snapshot.windows(3).filter(|three| three == b"\"n=").count()
    }
}
