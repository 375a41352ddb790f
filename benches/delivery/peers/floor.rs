//! The floor: what a message costs when nothing is done for it but one non-blocking `send` of a
//! finished frame to each listener. One thread; no handshake, no history, no session.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::SystemTime,
};

use rustix::event::{PollFd, PollFlags, epoll, poll};

use crate::wire;

/// What it may do wrong to the first listener of a room, with the tenth message: whoever measures has to
/// find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Loses,
    Repeats,
    Swaps,
    Garbles,
}

impl Fault {
    pub const ALL: [Self; 4] = [Self::Loses, Self::Repeats, Self::Swaps, Self::Garbles];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| format!("{fault:?}") == name)
    }
}

/// Serves for ever. So many frames of a room share a `send`, if they are there.
pub fn serve(gathered: usize, fault: Option<Fault>) -> ! {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("http://{}", listener.local_addr().expect("it is bound"));
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
    let knock = epoll::EventData::new_u64(u64::MAX);
    epoll::add(&epoll, &listener, knock, epoll::EventFlags::IN).expect("epoll");
    let mut floor = Floor { gathered, fault, guests: Vec::new(), rooms: HashMap::new() };
    let mut events = Vec::with_capacity(1_024);
    loop {
        events.clear();
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None).expect("epoll");
        for event in &events {
            match usize::try_from(event.data.u64()) {
                Ok(place) if place < floor.guests.len() => {
                    if !floor.hear(place) {
                        let _ = epoll::delete(&epoll, &floor.guests[place].stream);
                    }
                }
                _ => {
                    let (stream, _) = listener.accept().expect("a connection");
                    stream.set_nodelay(true).expect("TCP");
                    stream.set_nonblocking(true).expect("TCP");
                    let data = epoll::EventData::new_u64(floor.guests.len() as u64);
                    epoll::add(&epoll, &stream, data, epoll::EventFlags::IN).expect("epoll");
                    floor.guests.push(Guest { stream, rest: Vec::new() });
                }
            }
        }
    }
}

struct Floor {
    gathered: usize,
    fault: Option<Fault>,
    guests: Vec<Guest>,
    rooms: HashMap<String, Room>,
}

struct Guest {
    stream: TcpStream,
    /// What has come of the next frame.
    rest: Vec<u8>,
}

#[derive(Default)]
struct Room {
    listeners: Vec<usize>,
    seq: u64,
    /// Frames that are not sent yet, and how many.
    frames: Vec<u8>,
    count: usize,
    /// What is to come too late.
    held: Vec<u8>,
}

impl Floor {
    /// Reads what somebody says. Gives whether they are still there.
    fn hear(&mut self, place: usize) -> bool {
        let guest = &mut self.guests[place];
        let mut bytes = std::mem::take(&mut guest.rest);
        let kept = bytes.len();
        bytes.resize(kept + 64 * 1_024, 0);
        let Ok(read @ 1..) = guest.stream.read(&mut bytes[kept..]) else { return false };
        bytes.truncate(kept + read);
        let mut used = 0;
        while let Some((frame, length)) = wire::first(&bytes[used..]) {
            used += length;
            let said = std::str::from_utf8(frame.payload).expect("text");
            match said.split_once(' ').expect("an order") {
                ("join", room) => {
                    self.rooms.entry(room.to_owned()).or_default().listeners.push(place);
                    let mut frame = Vec::new();
                    wire::push(&mut frame, wire::TEXT, br#"{"history":[]}"#);
                    send(&self.guests[place].stream, &frame);
                }
                (_, said) => {
                    let (name, text) = said.split_once(' ').expect("a room and a text");
                    let room = self.rooms.entry(name.to_owned()).or_default();
                    room.push(name, text);
                    if room.count >= self.gathered {
                        room.send(&self.guests, self.fault);
                    }
                }
            }
        }
        if self.gathered > 1 {
            self.rooms.values_mut().for_each(|room| room.send(&self.guests, self.fault));
        }
        bytes.drain(..used);
        self.guests[place].rest = bytes;
        true
    }
}

impl Room {
    fn push(&mut self, name: &str, text: &str) {
        self.seq += 1;
        self.count += 1;
        let at = SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_millis();
        let seq = self.seq;
        let message = format!(
            r#"{{"room":"{name}","seq":{seq},"at":{at},"sender":"Listener 0","text":"{text}"}}"#
        );
        wire::push(&mut self.frames, wire::TEXT, message.as_bytes());
    }

    fn send(&mut self, guests: &[Guest], fault: Option<Fault>) {
        if self.count > 0 {
            for (number, place) in self.listeners.iter().enumerate() {
                let stream = &guests[*place].stream;
                match (fault, number, self.seq) {
                    (Some(Fault::Loses), 0, 10) => {}
                    (Some(Fault::Repeats), 0, 10) => send(stream, &self.frames.repeat(2)),
                    (Some(Fault::Swaps), 0, 10) => self.held.clone_from(&self.frames),
                    (Some(Fault::Swaps), 0, 11) => {
                        send(stream, &self.frames);
                        send(stream, &self.held);
                    }
                    (Some(Fault::Garbles), 0, 10) => {
                        let mut frames = self.frames.clone();
                        frames.iter_mut().rev().nth(10).into_iter().for_each(|byte| *byte ^= 1);
                        send(stream, &frames);
                    }
                    _ => send(stream, &self.frames),
                }
            }
        }
        self.frames.clear();
        self.count = 0;
    }
}

/// One `send`, unless the socket is full.
fn send(mut stream: &TcpStream, mut bytes: &[u8]) {
    loop {
        if let Ok(written) = stream.write(bytes) {
            bytes = &bytes[written..];
        }
        if bytes.is_empty() {
            return;
        }
        let _ = poll(&mut [PollFd::new(stream, PollFlags::OUT)], None);
    }
}
