//! One listener's socket, written to by whoever has something for it.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    io::{self, IoSlice},
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;
use tokio::{io::Ready, net::TcpStream};

use super::encode_close;
use crate::domain::{
    frame::CloseCode,
    person::{Person, SessionId},
};

/// How many bytes may wait for a listener when more comes for it, before it is closed as too slow.
const WAITING_LIMIT: usize = 256 * 1024;

/// How many bytes are held at most: far less than whoever reads well could be taken for slow with.
const HELD_LIMIT: usize = 64 * 1024;

/// What carries the bytes of a socket.
pub trait Stream: Send + Sync + fmt::Debug {
    /// Writes as much as there is room for, and gives how much that was.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when there is no room; any other error is the end.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// The same with several pieces, of which it may take the first alone.
    ///
    /// # Errors
    /// As with one.
    fn try_write_all(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_write(pieces.first().map_or(&[], |piece| piece))
    }
}

impl Stream for TcpStream {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        TcpStream::try_write(self, bytes)
    }

    fn try_write_all(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        TcpStream::try_write_vectored(self, pieces)
    }
}

/// How many pieces of what waits are written at once.
const PIECES: usize = 64;

/// A WebSocket after its handshake, on the server's side.
///
/// Any thread may [`send`](Self::send). As a rule that is a write to the operating system and
/// nothing else; only what does not fit there waits here, for the connection's own task to
/// [`drain`](Self::drain).
#[derive(Debug)]
pub struct Socket<S: ?Sized = dyn Stream> {
    pub session: SessionId,
    pub person: Person,
    /// Locked for the length of a non-blocking write, so that frames do not mix.
    outbound: Mutex<Outbound>,
    /// Wakes the connection's own task: something waits, or the end has come.
    owner: AtomicWaker,
    pub stream: S,
}

#[derive(Debug, Default)]
struct Outbound {
    queue: VecDeque<Bytes>,
    waiting: usize,
    /// How much of what waits the client has asked for: all up to the end of the last answer.
    asked: usize,
    /// Whether more is about to be said, to be written together.
    is_held: bool,
    /// Why it ends, as the client is told (RFC 6455 §7.4); none as long as it does not.
    code: Option<u16>,
    /// How many bytes have gone out so far.
    written: u64,
}

impl Outbound {
    /// So much of what waits has gone out.
    fn wrote(&mut self, mut count: usize) {
        self.waiting -= count;
        self.written += count as u64;
        self.asked = self.asked.saturating_sub(count);
        while let Some(front) = self.queue.front_mut() {
            if count < front.len() {
                front.advance(count);
                break;
            }
            count -= front.len();
            self.queue.pop_front();
        }
    }
}

impl<S> Socket<S> {
    pub fn new(stream: S, session: SessionId, person: Person) -> Self {
        Self { session, person, outbound: Mutex::default(), owner: AtomicWaker::new(), stream }
    }
}

impl Socket<TcpStream> {
    /// Waits until there is something to read, or room for what waits, or the end has come; also until
    /// something waits, unless that `is_known`. It is for the connection's own task, of which it keeps no more
    /// than how to wake it.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn ready(&self, is_known: bool) -> io::Result<Ready> {
        poll_fn(|context| self.poll_ready(is_known, context)).await
    }

    fn poll_ready(&self, is_known: bool, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        // Before what it tells of is looked at, so that nothing is missed.
        self.owner.register(context.waker());
        let mut ready = Ready::EMPTY;
        if self.wants_room() && self.stream.poll_write_ready(context)?.is_ready() {
            ready |= Ready::WRITABLE;
        }
        if self.stream.poll_read_ready(context)?.is_ready() {
            ready |= Ready::READABLE;
        }
        let has_news = !ready.is_empty() || self.is_closing() || !is_known && self.has_waiting();
        if has_news { Poll::Ready(Ok(ready)) } else { Poll::Pending }
    }
}

impl<S: Stream + ?Sized> Socket<S> {
    /// Sends finished frames. Whoever reads too slowly for them is closed; what was asked for does
    /// not count, because a large answer takes its time on any link.
    pub fn send(&self, frames: &Bytes) {
        let mut outbound = self.outbound();
        let is_behind = outbound.waiting - outbound.asked > WAITING_LIMIT;
        self.push_unless(is_behind, &mut outbound, frames);
    }

    /// Sends what the client has asked for, however large. Whoever asks for more without reading
    /// what came is closed.
    pub fn answer(&self, frames: &Bytes) {
        let mut outbound = self.outbound();
        let is_behind = outbound.waiting > WAITING_LIMIT;
        self.push_unless(is_behind, &mut outbound, frames);
        outbound.asked = outbound.waiting;
    }

    /// Sends what is only true for a moment, if nothing is in its way; otherwise it is dropped. So it
    /// never makes anybody too slow. Gives whether it was sent.
    pub fn hint(&self, frames: &Bytes) -> bool {
        let outbound = &mut *self.outbound();
        if outbound.code.is_some() || outbound.waiting > 0 || outbound.is_held {
            return false;
        }
        // A broken connection shows itself to its own task, which reads.
        let Ok(written) = self.stream.try_write(frames) else { return false };
        outbound.written += written as u64;
        if written < frames.len() {
            // Half a frame has to become a whole one.
            self.keep(outbound, frames.slice(written..));
        }
        true
    }

    fn push_unless(&self, is_behind: bool, outbound: &mut Outbound, frames: &Bytes) {
        if is_behind {
            // More is not worth sending: the client will resume from what it has.
            self.end(outbound, CloseCode::TooSlow as u16, CloseCode::TooSlow.reason());
        } else if outbound.code.is_none() {
            self.push(outbound, frames);
        }
    }

    /// Says why, and ends. The first reason counts.
    pub fn close(&self, code: CloseCode) {
        self.close_with(code as u16, code.reason());
    }

    /// Says why with any close code of RFC 6455 §7.4, and ends.
    pub fn close_with(&self, code: u16, reason: &'static str) {
        self.end(&mut self.outbound(), code, reason);
    }

    pub fn is_closing(&self) -> bool {
        self.outbound().code.is_some()
    }

    /// With which code it ends; none as long as it does not, and where it broke off.
    pub fn close_code(&self) -> Option<u16> {
        self.outbound().code
    }

    pub fn has_waiting(&self) -> bool {
        self.waiting() > 0
    }

    /// How many bytes wait.
    pub fn waiting(&self) -> usize {
        self.outbound().waiting
    }

    /// How many bytes have gone out so far, if more wait. As long as that stays the same, nobody
    /// reads.
    pub fn backlog(&self) -> Option<u64> {
        let outbound = self.outbound();
        (outbound.waiting > 0).then_some(outbound.written)
    }

    /// Whether it waits for the client to read.
    fn wants_room(&self) -> bool {
        let outbound = self.outbound();
        outbound.waiting > 0 && !outbound.is_held
    }

    /// Keeps what comes until it is [released](Self::release), so that several frames are one write. Where
    /// two do so, that is when the first of them is done. The end is not held back, nor is much.
    pub fn hold(&self) {
        let mut outbound = self.outbound();
        outbound.is_held = outbound.code.is_none();
    }

    /// Writes what was held.
    pub fn release(&self) {
        self.let_go(&mut self.outbound());
    }

    /// Writes what waits, as far as it goes.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn drain(&self) -> io::Result<()> {
        let outbound = &mut *self.outbound();
        if outbound.is_held { Ok(()) } else { self.write(outbound) }
    }

    fn end(&self, outbound: &mut Outbound, code: u16, reason: &'static str) {
        if outbound.code.is_some() {
            return;
        }
        outbound.code = Some(code);
        outbound.is_held = false;
        self.push(outbound, &encode_close(code, reason));
        self.owner.wake();
    }

    /// Writes frames at once, if none wait before them; what there is no room for waits.
    fn push(&self, outbound: &mut Outbound, frames: &Bytes) {
        if outbound.waiting > 0 || outbound.is_held {
            outbound.waiting += frames.len();
            outbound.queue.push_back(frames.clone());
            if outbound.is_held && outbound.waiting > HELD_LIMIT {
                self.let_go(outbound);
            }
            return;
        }
        // A broken connection shows itself to its own task, which reads.
        let written = self.stream.try_write(frames).unwrap_or(0);
        outbound.written += written as u64;
        if written < frames.len() {
            self.keep(outbound, frames.slice(written..));
        }
    }

    fn let_go(&self, outbound: &mut Outbound) {
        outbound.is_held = false;
        // A broken connection shows itself to its own task, which reads.
        if self.write(outbound).is_err() || outbound.waiting > 0 {
            self.owner.wake();
        }
    }

    /// Keeps the first that has to wait, until the connection's own task finds room for it.
    fn keep(&self, outbound: &mut Outbound, rest: Bytes) {
        outbound.waiting = rest.len();
        outbound.queue.push_back(rest);
        self.owner.wake();
    }

    fn write(&self, outbound: &mut Outbound) -> io::Result<()> {
        while outbound.waiting > 0 {
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let count = outbound.queue.len().min(PIECES);
            for (piece, frames) in pieces.iter_mut().zip(&outbound.queue) {
                *piece = IoSlice::new(frames);
            }
            match self.stream.try_write_all(&pieces[..count]) {
                Ok(written) => outbound.wrote(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        outbound.queue = VecDeque::new(); // an idle connection holds next to nothing
        Ok(())
    }

    fn outbound(&self) -> std::sync::MutexGuard<'_, Outbound> {
        self.outbound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{name::DisplayName, person::PersonId, position::Position};

    /// What has so much room, and what it has taken.
    #[derive(Debug, Default)]
    struct Pipe(Mutex<(usize, Vec<u8>)>);

    impl Stream for Pipe {
        fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
            let (room, taken) = &mut *self.0.lock().unwrap();
            let count = bytes.len().min(*room);
            *room -= count;
            taken.extend(&bytes[..count]);
            if count == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(count) }
        }
    }

    impl Socket<Pipe> {
        fn with_room(room: usize) -> Self {
            let name = DisplayName::stored("Ada".to_owned());
            let person = Person { id: PersonId(Position(2)), name };
            Self::new(Pipe(Mutex::new((room, Vec::new()))), SessionId([0; 32]), person)
        }

        fn read(&self, room: usize) -> Vec<u8> {
            self.drain().unwrap();
            let pipe = &mut *self.stream.0.lock().unwrap();
            pipe.0 += room;
            std::mem::take(&mut pipe.1)
        }
    }

    #[test]
    fn a_hint_goes_out_whole_or_not_at_all() {
        let socket = Socket::with_room(5);
        assert!(socket.hint(&Bytes::from_static(b"one")));
        assert!(socket.hint(&Bytes::from_static(b"two")), "half of it is out");
        assert!(!socket.hint(&Bytes::from_static(b"three")), "the other half is in its way");
        assert_eq!(socket.read(1), b"onetw");
        assert_eq!(socket.read(0), b"o");
        assert!(!socket.hint(&Bytes::from_static(b"four")), "there is no room");
        assert!(!socket.has_waiting(), "so nobody is too slow for it");
    }

    #[test]
    fn what_is_held_goes_out_in_its_order_and_nothing_before_it() {
        let socket = Socket::with_room(100);
        socket.hold();
        socket.answer(&Bytes::from_static(b"one, "));
        socket.send(&Bytes::from_static(b"two, "));
        assert!(!socket.hint(&Bytes::from_static(b"a hint")));
        assert_eq!(socket.read(0), b"");
        socket.release();
        socket.send(&Bytes::from_static(b"three"));
        assert_eq!(socket.read(0), b"one, two, three");
        assert!(!socket.has_waiting());
    }

    #[test]
    fn nobody_is_too_slow_for_what_is_held() {
        let socket = Socket::with_room(4 * WAITING_LIMIT);
        socket.hold();
        let frame = Bytes::from(vec![0; HELD_LIMIT / 4]);
        (0..32).for_each(|_| socket.send(&frame));
        assert!(!socket.is_closing() && !socket.has_waiting());
        assert_eq!(socket.read(0).len(), 32 * frame.len());
    }

    #[test]
    fn the_end_is_not_held_back() {
        let socket = Socket::with_room(100);
        socket.hold();
        socket.send(&Bytes::from_static(b"last words"));
        socket.close(CloseCode::SignedOut);
        socket.hold();
        let told = socket.read(0);
        assert!(told.starts_with(b"last words\x88"), "{told:?}");
        socket.release();
        assert_eq!(socket.read(0), b"");
    }

    #[test]
    fn a_hint_never_ends_a_slow_socket() {
        let socket = Socket::with_room(0);
        let hint = Bytes::from(vec![0; WAITING_LIMIT]);
        socket.send(&Bytes::from_static(b"a message"));
        assert!((0..10).all(|_| !socket.hint(&hint)));
        assert!(!socket.is_closing());
        assert_eq!(socket.read(100), b"");
        assert_eq!(socket.read(0), b"a message");
        assert!(socket.hint(&Bytes::from_static(b"there is room again")));
    }
}
