//! Live delivery: who listens to which lane, and how an event reaches them.
//!
//! An event is encoded once into a finished WebSocket frame; delivering it to a listener is one
//! non-blocking write of those shared bytes, and in a busy room one write for several events. No task is
//! woken for it, unless the listener's socket is full.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use tungstenite::protocol::frame::{
    CloseFrame, Frame,
    coding::{Data, OpCode},
};

use crate::domain::{
    channel::Directory,
    event::Lane,
    frame::{Reset, ServerFrame},
    position::Position,
    room::Room,
    window::Window,
};

pub mod connection;
pub mod delivery;
pub mod dialogue;
pub mod presence;
pub mod socket;
pub mod typing;

use presence::Presence;
use socket::Socket;

/// The sockets that listen to a lane. Whoever delivers holds a copy of the list for a moment, and
/// only then does joining copy it.
pub type Listeners = Arc<Vec<Arc<Socket>>>;

/// Who listens to what.
#[derive(Debug, Default)]
pub struct Lanes {
    lanes: HashMap<Lane, Listeners>,
}

impl Lanes {
    pub fn listeners(&self, lane: &Lane) -> Option<&Listeners> {
        self.lanes.get(lane)
    }

    pub fn join(&mut self, lane: &Lane, socket: &Arc<Socket>) {
        let listeners = Arc::make_mut(self.lanes.entry(lane.clone()).or_default());
        if !listeners.iter().any(|other| Arc::ptr_eq(other, socket)) {
            if listeners.is_empty() {
                listeners.reserve_exact(1); // most people have one page
            }
            listeners.push(socket.clone());
        }
    }

    pub fn leave(&mut self, lane: &Lane, socket: &Arc<Socket>) {
        if let Some(listeners) = self.lanes.get_mut(lane) {
            let list = Arc::make_mut(listeners);
            if let Some(place) = list.iter().position(|other| Arc::ptr_eq(other, socket)) {
                list.swap_remove(place);
            }
            if list.is_empty() {
                self.lanes.remove(lane);
            }
        }
    }
}

/// Finished frames for the many who come at once, as of the moment.
#[derive(Debug, Default)]
pub struct Finished {
    rooms: HashMap<Room, (Position, Bytes)>,
    directory: Option<(Position, Bytes)>,
    presence: Option<Bytes>,
}

/// How many rooms are kept at most.
const FINISHED: usize = 64;

impl Finished {
    /// All that a room shows.
    pub fn room(&mut self, room: &Room, window: &Window) -> Bytes {
        if let Some((position, frame)) = self.rooms.get(room)
            && *position == window.position
        {
            return frame.clone();
        }
        let frame =
            encode(&ServerFrame::Reset(Reset { room: room.clone(), window: window.clone() }));
        if self.rooms.len() < FINISHED || self.rooms.contains_key(room) {
            self.rooms.insert(room.clone(), (window.position, frame.clone()));
        }
        frame
    }

    /// All channels.
    pub fn directory(&mut self, directory: &Directory) -> Bytes {
        let known = self.directory.take().filter(|(position, _)| *position == directory.position);
        let finish = || encode(&ServerFrame::Directory(directory.clone()));
        let frame = known.map_or_else(finish, |(_, frame)| frame);
        self.directory = Some((directory.position, frame.clone()));
        frame
    }

    /// Everyone who is here, as it is until there is [news](Presence::news) of it.
    pub fn presence(&mut self, presence: &Presence) -> Bytes {
        self.presence.get_or_insert_with(|| encode(&presence.whole())).clone()
    }

    /// Gives their memory back, and forgets who is here.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

/// A finished WebSocket text frame (RFC 6455 §5.2), ready for any number of sockets.
pub fn encode(frame: &ServerFrame) -> Bytes {
    let mut bytes = Vec::new();
    encode_into(&mut bytes, frame);
    bytes.into()
}

/// A finished WebSocket ping (RFC 6455 §5.5.2).
pub fn encode_ping() -> Bytes {
    let mut bytes = Vec::new();
    Frame::ping(Vec::new()).format(&mut bytes).expect("writing into memory succeeds");
    bytes.into()
}

/// A finished WebSocket close frame (RFC 6455 §5.5.1).
pub fn encode_close(code: u16, reason: &'static str) -> Bytes {
    let mut bytes = Vec::new();
    Frame::close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
        .format(&mut bytes)
        .expect("writing into memory succeeds");
    bytes.into()
}

/// Appends a finished WebSocket text frame, so that a burst becomes one write.
pub fn encode_into(bytes: &mut Vec<u8>, frame: &ServerFrame) {
    let json = serde_json::to_vec(frame).expect("frames have only string keys");
    let frame = Frame::message(json, OpCode::Data(Data::Text), true);
    frame.format(bytes).expect("writing into memory succeeds");
}
