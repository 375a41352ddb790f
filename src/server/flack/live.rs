//! The engine for live sockets: who comes and goes, and what they are told beside events.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;

use super::{Flack, House, unreadable};
use crate::{
    domain::{
        event::{Change, Lane},
        frame::{
            CloseCode, Difference, FRAME_LIMIT, Heartbeat, Limits, PING_SECONDS, Resume,
            SILENCE_SECONDS, ServerFrame, VIEW_LIMIT, Welcome,
        },
        message::MessageText,
        person::{Person, PersonId},
        position::Position,
        refusal::Refusal,
        room::Room,
        unread::Moved,
    },
    server::{
        live::{Listeners, encode, socket::Socket},
        log::Request,
    },
};

/// How many clients may come back in one second on average: two thirds of what a server takes easily,
/// because chance puts more into some seconds than into others.
const RETURNS_PER_SECOND: usize = 130;

/// A server that ends sends its clients away in so many rounds, with a pause after each.
const DRAIN_ROUNDS: usize = 50;
const DRAIN_PAUSE: Duration = Duration::from_millis(20);
/// Too few to be a crowd: they leave in one round.
const DRAIN_AT_ONCE: usize = 10;

/// Of how many rooms one notice tells at most.
const NOTICED: usize = 256;

impl Flack {
    /// Counts a socket in, unless there are too many.
    pub fn enter(&self) -> bool {
        let fits = self.0.sockets.fetch_add(1, Ordering::Relaxed) < self.0.limits.sockets;
        if !fits {
            self.0.sockets.fetch_sub(1, Ordering::Relaxed);
        }
        fits
    }

    /// Counts a socket out, and takes it off every lane.
    pub fn leave(&self, socket: &Arc<Socket>, viewing: &[Room]) {
        let house = &mut *self.house();
        house.lanes.leave(&Lane::Directory, socket);
        let own = Lane::Person(socket.person.id);
        house.lanes.leave(&own, socket);
        if house.lanes.listeners(&own).is_none() {
            house.presence.left(socket.person.id, self.0.clock.now());
        }
        for room in viewing {
            house.lanes.leave(&room.clone().into(), socket);
        }
        self.0.sockets.fetch_sub(1, Ordering::Relaxed);
    }

    /// Welcomes a socket and lets it listen to the directory and to what concerns its person. Gives whether it knows this log, so
    /// that its positions mean something.
    pub fn greet(&self, socket: &Arc<Socket>, resume: Option<&Resume>) -> bool {
        let house = &mut *self.house();
        if house.state.person(&socket.session).is_none() {
            socket.close(CloseCode::SignedOut);
            return false;
        }
        // Whoever came in before that is sent away with the others.
        if self.is_draining() {
            socket.close(CloseCode::Draining);
            return false;
        }
        let resume = resume.filter(|resume| resume.epoch == self.0.epoch);
        let directory = house.state.directory();
        let missed = resume.and_then(|resume| house.state.directory_since(resume.position));
        socket.answer(&encode(&self.welcome(socket.person.clone(), house.position)));
        socket.answer(&match missed {
            Some(channels) => encode(&ServerFrame::Difference(Difference {
                lane: Lane::Directory,
                position: directory.position,
                changes: channels.into_iter().map(Change::ChannelCreated).collect(),
            })),
            None => house.finished.directory(directory),
        });
        let directs = house.state.directs(socket.person.id);
        if resume.is_none_or(|resume| resume.directs != directs.position) {
            socket.answer(&encode(&ServerFrame::Directs(directs)));
        }
        socket.answer(&house.finished.presence(&house.presence));
        house.lanes.join(&Lane::Directory, socket);
        house.lanes.join(&Lane::Person(socket.person.id), socket);
        house.presence.came(&socket.person);
        resume.is_some()
    }

    /// Tells a socket what its person has not read.
    ///
    /// It listens already, so what happens meanwhile reaches it before or after this: what is unread
    /// is taken from memory as this is sent.
    pub async fn tell_memberships(&self, socket: &Arc<Socket>) {
        let of = socket.person.id;
        match self.0.archive.memberships(of).await.map_err(unreadable) {
            Ok(kept) => {
                let house = self.house();
                let memberships = house.state.memberships(of, kept);
                socket.answer(&encode(&ServerFrame::Memberships(memberships)));
            }
            // Whoever cannot be told asks again with the next link.
            Err(_) => socket.close(CloseCode::Draining),
        }
    }

    /// Notes that a socket's person has read a room, and tells it so.
    pub fn read(&self, socket: &Arc<Socket>, room: Room, position: Position) {
        let position = {
            let state = &self.house().state;
            if state.person(&socket.session).is_none() {
                return;
            }
            // Nobody has read what is not there yet.
            position.min(state.position(&room))
        };
        let by = socket.person.id;
        let (told, of) = (socket.clone(), room.clone());
        let answer = move |result: Result<Position, Refusal>| {
            // What is news is an entry, with a position that nobody could have read, and all sockets of the
            // person are told of it, this one too. Else the answer is the position that was asked about.
            if result.is_ok_and(|answered| answered <= position) {
                told.send(&encode(&ServerFrame::Read { room: of, position }));
            }
        };
        self.0.log.submit(Request::Read { by, room, position }, Box::new(answer));
    }

    /// Notes that somebody has read a room. Nobody waits for it.
    pub fn note_read(&self, by: PersonId, room: Room, position: Position) {
        self.0.log.submit(Request::Read { by, room, position }, Box::new(|_| {}));
    }

    /// Tells everyone in which rooms something has happened since this was called last: what people
    /// do not look at costs them one frame, however much is said there.
    pub fn tell_moved(&self) {
        let mut notices: Vec<(Listeners, Bytes)> = Vec::new();
        {
            let house = &mut *self.house();
            let (open, private): (Vec<Moved>, Vec<Moved>) = house
                .state
                .take_moved(NOTICED)
                .into_iter()
                .partition(|moved| matches!(moved.room, Room::Channel(_)));
            let mut notice = |lane: Lane, moved: Vec<Moved>| {
                if let Some(listeners) = house.lanes.listeners(&lane)
                    && !moved.is_empty()
                {
                    notices.push((listeners.clone(), encode(&ServerFrame::Moved { moved })));
                }
            };
            notice(Lane::Directory, open);
            for moved in private {
                let Room::Direct(pair) = moved.room else { continue };
                let mut people = pair.people().to_vec();
                people.dedup(); // somebody may talk to themselves
                for person in people {
                    notice(Lane::Person(person), vec![moved.clone()]);
                }
            }
        }
        for (listeners, frame) in notices {
            listeners.iter().for_each(|socket| socket.send(&frame));
        }
    }

    /// Seconds over which clients should spread their return if they all lose the link now.
    pub fn spread(&self) -> u32 {
        match self.0.sockets.load(Ordering::Relaxed) {
            // Too few to be a crowd.
            0..RETURNS_PER_SECOND => 0,
            // Rounded up: 259 clients over one second would be twice as many as there may be.
            crowd => u32::try_from(crowd.div_ceil(RETURNS_PER_SECOND)).unwrap_or(u32::MAX),
        }
    }

    fn welcome(&self, you: Person, position: Position) -> ServerFrame {
        ServerFrame::Welcome(Welcome {
            you,
            epoch: self.0.epoch.clone(),
            position,
            spread: self.spread(),
            heartbeat: Heartbeat { ping: PING_SECONDS, silence: SILENCE_SECONDS },
            limits: Limits {
                text: MessageText::LIMIT,
                frame: FRAME_LIMIT,
                viewing: VIEW_LIMIT,
                file: self.file_limits().attachments.file,
                files: self.file_limits().attachments.files,
            },
        })
    }

    /// Brings a socket up to date with a room and lets it listen to it.
    ///
    /// # Errors
    /// When there is no such room for its person, or it cannot be read.
    pub async fn view(
        &self,
        socket: &Arc<Socket>,
        room: &Room,
        position: Option<Position>,
    ) -> Result<(), Refusal> {
        if !room.admits(socket.person.id) {
            return Err(Refusal::unknown_room(room));
        }
        let lane = Lane::from(room.clone());
        self.look(room, |lanes, finished, window| {
            let frame = match position.and_then(|position| window.since(position)) {
                Some(changes) => encode(&ServerFrame::Difference(Difference {
                    lane: lane.clone(),
                    position: window.position,
                    changes,
                })),
                None => finished.room(room, window),
            };
            // Queued before anything that comes later.
            socket.answer(&frame);
            lanes.join(&lane, socket);
        })
        .await
    }

    pub fn unview(&self, socket: &Arc<Socket>, room: &Room) {
        self.house().lanes.leave(&room.clone().into(), socket);
    }

    /// Somebody who may be in this room is writing something there.
    pub fn note_typing(&self, person: &Person, room: Room) {
        let house = &mut *self.house();
        let lane = room.into();
        // One who looks is the one who writes.
        if house.lanes.listeners(&lane).is_some_and(|listeners| listeners.len() > 1) {
            house.typing.begin(lane, person);
        }
    }

    /// Tells what is only true for a moment: who has come and left, and who is writing. Once a second,
    /// so that it costs no more however much there is of it.
    pub fn pulse(&self) {
        let mut missed = self.0.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let (news, whole, typing) = {
            let House { lanes, finished, presence, typing, .. } = &mut *self.house();
            finished.forget();
            let news = presence.news(self.0.clock.now());
            let news = news.zip(lanes.listeners(&Lane::Directory).cloned());
            let listeners = |lane: &Lane| lanes.listeners(lane).cloned();
            let typing = typing.take().filter_map(|(lane, people)| {
                let listeners = listeners(&lane)?;
                Some((listeners, lane.room()?, people))
            });
            let typing: Vec<(Listeners, Room, Vec<Person>)> = typing.collect();
            let whole = (news.is_some() || !missed.is_empty()).then(|| presence.whole());
            (news, whole, typing)
        };
        if let Some((news, listeners)) = news {
            let news = encode(&news);
            let behind = listeners.iter().filter(|socket| !socket.hint(&news));
            missed.extend(behind.map(Arc::downgrade));
        }
        if let (Some(whole), false) = (whole, missed.is_empty()) {
            let whole = encode(&whole);
            missed.sort_unstable_by_key(|socket| socket.as_ptr().cast::<()>());
            missed.dedup_by(|one, other| one.ptr_eq(other));
            missed.retain(|socket| {
                let is_behind = |socket: Arc<Socket>| !socket.is_closing() && !socket.hint(&whole);
                socket.upgrade().is_some_and(is_behind)
            });
        }
        for (listeners, room, people) in typing {
            tell_typing(&listeners, &room, &people);
        }
    }

    /// Sends everyone away, to come back when the next server runs: a few at a time, so that what is
    /// between them and the server is not hit by all at once.
    pub async fn drain(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
        let mut sockets = self.sockets();
        let share = sockets.len().div_ceil(DRAIN_ROUNDS).max(DRAIN_AT_ONCE);
        while !sockets.is_empty() {
            let rest = sockets.split_off(share.min(sockets.len()));
            sockets.iter().for_each(|socket| socket.close(CloseCode::Draining));
            sockets = rest;
            if !sockets.is_empty() {
                tokio::time::sleep(DRAIN_PAUSE).await;
            }
        }
        // Those who were on their way in when it began.
        self.sockets().iter().for_each(|socket| socket.close(CloseCode::Draining));
    }

    /// Whether the server is about to end, and takes no more sockets.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Relaxed)
    }

    /// Everyone who has been greeted.
    pub(super) fn sockets(&self) -> Vec<Arc<Socket>> {
        let listeners = self.house().lanes.listeners(&Lane::Directory).cloned();
        listeners.iter().flat_map(|list| list.iter()).cloned().collect()
    }
}

/// Tells those who look at a room who is writing there; nobody is told of themselves.
fn tell_typing(listeners: &Listeners, room: &Room, people: &[Person]) {
    let frame = |people: Vec<Person>| encode(&ServerFrame::Typing { room: room.clone(), people });
    let everyone = frame(people.to_vec());
    for socket in listeners.iter().filter(|socket| room.admits(socket.person.id)) {
        let is_other = |person: &&Person| person.id != socket.person.id;
        if people.iter().all(|person| is_other(&person)) {
            socket.hint(&everyone);
            continue;
        }
        let others: Vec<Person> = people.iter().filter(is_other).cloned().collect();
        if !others.is_empty() {
            socket.hint(&frame(others));
        }
    }
}
