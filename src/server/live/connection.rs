//! One live connection: the upgrade, and the task that reads it.

use std::{
    io::{self, Read, Write},
    sync::Arc,
    time::Duration,
};

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use bytes::Bytes;
use chrono::Utc;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    task::coop::consume_budget,
    time::{Instant, timeout, timeout_at},
};
use tungstenite::{
    Error, Message,
    error::CapacityError,
    handshake::derive_accept_key,
    protocol::{Role, WebSocketConfig, WebSocketContext, frame::FrameHeader},
};

use super::{dialogue::Dialogue, encode_close, encode_ping, socket::Socket};
use crate::{
    domain::{
        frame::{CloseCode, FRAME_LIMIT, HELLO_SECONDS, SILENCE_SECONDS},
        person::{Person, SessionId},
        refusal::Refusal,
    },
    server::{
        accept::Patient,
        flack::Flack,
        network::{Seat, Source},
    },
};

/// Seconds of silence after which the server asks whether the client is there. Browsers answer that
/// by themselves, also where they let the timers of a page in the background sleep.
const QUIET_SECONDS: u64 = 15;

/// Seconds of silence after which the client is gone: one less than it may take until both sides
/// know, because the client may be waiting to be told.
const GONE_SECONDS: u64 = SILENCE_SECONDS - 1;

/// How long the last bytes and the peer's own close may take.
const LINGER: Duration = Duration::from_secs(2);

/// For how long a client may take nothing of what waits for it. With [`LINGER`], one that never reads is gone
/// within ten seconds.
const UNREAD: Duration = Duration::from_secs(7);

/// How many bytes may come without completing a message: many times the largest, because each of its
/// fragments has a header. Without this, fragments of nothing could go on for ever.
const UNFINISHED_LIMIT: usize = 4 * FRAME_LIMIT;

/// How much is read at once: more than most frames have, and little enough that an allocator has it at
/// hand. Larger ones take what they need.
const READ: usize = 512;

/// Who opens a live connection, as the door has found out.
pub struct Visitor {
    pub session: SessionId,
    pub person: Person,
    pub source: Source,
    pub seats: Seats,
}

/// Of the connection, and of who is behind the proxy that brings it.
pub type Seats = (Option<Arc<Seat>>, Option<Seat>);

/// Answers the opening handshake (RFC 6455 §4.2) and goes on with the connection in its own task.
///
/// Who asks and where from has been checked before.
///
/// # Errors
/// [`Refusal::malformed`] when the request is no such handshake.
pub fn upgrade(
    flack: Flack,
    visitor: Visitor,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let (response, upgrade) = shake_hands(request)?;
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let Some((stream, read_ahead)) = tcp(upgraded) else {
            tracing::error!("the connection below a WebSocket is not TCP");
            return;
        };
        let Visitor { session, person, source, seats } = visitor;
        flack.note_seen(session, Utc::now());
        let socket = Arc::new(Socket::new(stream, session, person));
        // In a task of its own, so that what was needed up to here is let go: the most of it is the buffer
        // that the request was read into. And beside that task, because what is moved into a future is in
        // it twice.
        match Dialogue::begin(flack.clone(), socket.clone(), source) {
            Some(dialogue) => {
                let inbox = Inbox::new(&read_ahead);
                let connection = Box::new(Connection { socket, dialogue, inbox, seats });
                tokio::spawn(connection.run());
            }
            None => {
                socket.close(CloseCode::Full);
                flack.metrics().closed(socket.close_code());
                tokio::spawn(async move {
                    linger(&socket).await;
                    drop(seats);
                });
            }
        }
    });
    Ok(response)
}

/// Answers the opening handshake only to say why there is nothing to hear. In a browser, a handshake that
/// was refused looks like a server that is gone, and the page would come back for ever.
///
/// # Errors
/// [`Refusal::malformed`] when the request is no such handshake.
pub fn turn_away(
    code: CloseCode,
    seats: Seats,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let (response, upgrade) = shake_hands(request)?;
    tokio::spawn(async move {
        let Some((mut stream, _)) = upgrade.await.ok().and_then(tcp) else { return };
        let last = async {
            stream.write_all(&encode_close(code as u16, code.reason())).await?;
            stream.shutdown().await?;
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
        };
        // It is over then, whatever came of it.
        let _ = timeout(LINGER, last).await;
        drop(seats);
    });
    Ok(response)
}

/// The answer to an opening handshake, and what comes after it.
fn shake_hands(mut request: Request<Body>) -> Result<(Response<Body>, OnUpgrade), Refusal> {
    let headers = request.headers();
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(Refusal::malformed)?;
    let is_handshake = has(headers, header::CONNECTION, "upgrade")
        && has(headers, header::UPGRADE, "websocket")
        && has(headers, header::SEC_WEBSOCKET_VERSION, "13");
    if !is_handshake {
        return Err(Refusal::malformed());
    }
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()))
        .body(Body::empty())
        .expect("these headers are valid");
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or_else(Refusal::malformed)?;
    Ok((response, upgrade))
}

fn has(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
}

/// The TCP stream below an upgraded connection, and what was read of it already.
fn tcp(upgraded: Upgraded) -> Option<(TcpStream, Bytes)> {
    let parts = upgraded.downcast::<TokioIo<Patient>>().ok()?;
    Some((parts.io.into_inner().into_inner(), parts.read_buf))
}

struct Connection {
    socket: Arc<Socket<TcpStream>>,
    dialogue: Dialogue,
    inbox: Inbox,
    /// Counted as long as this lives.
    seats: Seats,
}

impl Connection {
    async fn run(mut self: Box<Self>) {
        // However it ends, the code says why.
        let _ = self.listen().await;
        let Self { socket, dialogue, seats, .. } = *self;
        dialogue.end();
        // Beside the task, which would be as large all the time.
        Box::pin(linger(&socket)).await;
        drop(seats);
    }

    /// Reads until either side ends it.
    async fn listen(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        let mut heard = begun;
        let mut is_asked = false;
        let mut backlog = Backlog::default();
        // What came with the handshake.
        self.read().await;
        while !self.socket.is_closing() {
            // Nothing but a hello counts for one.
            let (since, patience) = match (self.dialogue.is_greeted(), is_asked) {
                (false, _) => (begun, HELLO_SECONDS),
                (true, false) => (heard, QUIET_SECONDS),
                (true, true) => (heard, GONE_SECONDS),
            };
            let silent = since + Duration::from_secs(patience);
            let unread = backlog.unread_since(self.socket.backlog());
            // One timer for both, because this is what an idle connection holds.
            let too_slow = unread.map(|since| since + UNREAD);
            let late = too_slow.map_or(silent, |too_slow| too_slow.min(silent));
            match timeout_at(late, self.socket.ready(unread.is_some())).await {
                Ok(ready) => {
                    let ready = ready?;
                    if ready.is_writable() {
                        self.socket.drain()?;
                    }
                    if ready.is_readable() && self.read().await {
                        heard = Instant::now();
                        is_asked = false;
                    }
                }
                Err(_) => match (self.dialogue.is_greeted(), is_asked) {
                    _ if too_slow.is_some_and(|too_slow| too_slow <= silent) => {
                        // It may have gone out meanwhile: not all that writes wakes this.
                        if backlog.unread_since(self.socket.backlog()) == unread {
                            self.socket.close(CloseCode::TooSlow);
                        }
                    }
                    (false, _) => self.socket.close(CloseCode::Protocol),
                    (true, true) => self.socket.close(CloseCode::Silent),
                    (true, false) => {
                        self.socket.send(&encode_ping());
                        is_asked = true;
                    }
                },
            }
        }
        Ok(())
    }

    /// Reads what is there. Gives whether a frame of the client was in it.
    async fn read(&mut self) -> bool {
        let mut has_heard = false;
        while !self.socket.is_closing() {
            match self.inbox.read(&self.socket) {
                Ok(Message::Text(text)) => {
                    has_heard = true;
                    match serde_json::from_str(&text) {
                        // Beside the task, which keeps room for the largest future in it.
                        Ok(frame) => Box::pin(self.dialogue.hear(frame)).await,
                        Err(_) => self.socket.close(CloseCode::Protocol),
                    }
                }
                Ok(Message::Ping(_) | Message::Pong(_)) => has_heard = self.dialogue.admit(),
                Ok(Message::Close(_)) => self.socket.close_with(1000, ""),
                Ok(Message::Binary(_)) => self.socket.close_with(1003, "text frames only"),
                Ok(Message::Frame(_)) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
                    self.socket.close_with(1009, "too many fragments");
                }
                Err(error) => {
                    let (code, reason) = match error {
                        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                            (1009, "the frame is too large")
                        }
                        Error::Utf8(_) => (1007, "not UTF-8"),
                        _ => (1002, "not a WebSocket frame"),
                    };
                    self.socket.close_with(code, reason);
                }
            }
            // Others have their turn, however fast this one talks.
            consume_budget().await;
        }
        has_heard
    }
}

/// Lets the last bytes go out, and the peer answer, so that it reads why.
async fn linger(socket: &Socket<TcpStream>) {
    let last = async {
        while socket.has_waiting() {
            socket.stream.writable().await?;
            socket.drain()?;
        }
        let mut rest = [0; 512];
        loop {
            socket.stream.readable().await?;
            match socket.stream.try_read(&mut rest) {
                Ok(0) => return io::Result::Ok(()),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Ok(_) | Err(_) => {}
            }
            // Waiting for what is there already never gives way, and time would not pass here.
            consume_budget().await;
        }
    };
    // It is over then, whatever came of it.
    let _ = timeout(LINGER, last).await;
}

/// Makes messages of what comes.
#[derive(Default)]
struct Inbox {
    /// Only while something has come that is in no message yet: an idle connection holds no buffer. For
    /// one who sends fragments, or longer headers than need be, it stays from then on, because where
    /// those end cannot be told by counting.
    reader: Option<Box<WebSocketContext>>,
    /// How many bytes have come that the messages so far do not account for.
    rest: usize,
    /// How many bytes have come since the last whole message.
    unfinished: usize,
}

impl Inbox {
    /// `read_ahead` has come already.
    fn new(read_ahead: &[u8]) -> Self {
        let rest = read_ahead.len();
        Self { reader: (rest > 0).then(|| reader(read_ahead)), rest, unfinished: rest }
    }

    /// The next message.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when no more has come; any other error is the end.
    fn read(&mut self, socket: &Socket<TcpStream>) -> Result<Message, Error> {
        let mut reader = self.reader.take().unwrap_or_else(|| reader(&[]));
        let Self { rest, unfinished, .. } = self;
        let message = reader.read(&mut Wire { socket, rest, unfinished });
        if let Ok(message) = &message {
            // A close frame that is none becomes a longer one, which says so.
            self.rest = self.rest.saturating_sub(shortest(message));
            self.unfinished = 0;
        }
        // With a message it may have to answer it.
        if self.rest > 0 || message.is_ok() {
            self.reader = Some(reader);
        }
        message
    }
}

fn reader(read_ahead: &[u8]) -> Box<WebSocketContext> {
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(0)
        .max_message_size(Some(FRAME_LIMIT))
        .max_frame_size(Some(FRAME_LIMIT));
    let read_ahead = read_ahead.to_vec();
    Box::new(WebSocketContext::from_partially_read(read_ahead, Role::Server, Some(limits)))
}

/// The fewest bytes that a client can say this with: in one frame, with the shortest header.
fn shortest(message: &Message) -> usize {
    let header = FrameHeader { mask: Some([0; 4]), ..FrameHeader::default() };
    header.len(message.len() as u64) + message.len()
}

/// Since when a client takes nothing of what waits for it.
#[derive(Debug, Default)]
struct Backlog(Option<(u64, Instant)>);

impl Backlog {
    /// `written` is how much was written so far; none if nothing waits.
    fn unread_since(&mut self, written: Option<u64>) -> Option<Instant> {
        self.0 = written.map(|written| match self.0 {
            Some((before, since)) if before == written => (before, since),
            _ => (written, Instant::now()),
        });
        self.0.map(|(_, since)| since)
    }
}

/// The socket as the WebSocket protocol reads and answers it: without ever waiting.
struct Wire<'a> {
    socket: &'a Socket<TcpStream>,
    rest: &'a mut usize,
    unfinished: &'a mut usize,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if *self.unfinished > UNFINISHED_LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.socket.stream.try_read(buffer)?;
        *self.rest += read;
        *self.unfinished += read;
        Ok(read)
    }
}

impl Write for Wire<'_> {
    /// Pongs and the like take their turn among the frames.
    fn write(&mut self, frame: &[u8]) -> io::Result<usize> {
        self.socket.send(&Bytes::copy_from_slice(frame));
        Ok(frame.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };
    use tungstenite::protocol::frame::{
        CloseFrame, Frame,
        coding::{Data, OpCode},
    };

    use super::*;
    use crate::domain::{name::DisplayName, person::PersonId, position::Position};

    /// A client, and what the server has of it.
    struct Line {
        client: TcpStream,
        socket: Socket<TcpStream>,
        inbox: Inbox,
    }

    impl Line {
        async fn open() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let name = DisplayName::stored("Ada".to_owned());
            let person = Person { id: PersonId(Position(2)), name };
            let socket = Socket::new(stream, SessionId([0; 32]), person);
            Self { client, socket, inbox: Inbox::default() }
        }

        /// What the server makes of these bytes.
        async fn say(&mut self, bytes: &[u8]) -> Vec<Message> {
            let mut messages = Vec::new();
            if bytes.is_empty() {
                return messages;
            }
            self.client.write_all(bytes).await.unwrap();
            assert!(self.socket.ready(false).await.unwrap().is_readable());
            loop {
                match self.inbox.read(&self.socket) {
                    Ok(message) => messages.push(message),
                    Err(Error::Io(error)) => {
                        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                        return messages;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }

        fn is_idle(&self) -> bool {
            self.inbox.reader.is_none()
        }
    }

    /// As a client sends it.
    fn masked(mut frame: Frame) -> Vec<u8> {
        frame.header_mut().mask = Some([1, 2, 3, 4]);
        let mut bytes = Vec::new();
        frame.format(&mut bytes).unwrap();
        bytes
    }

    fn part(text: &str, data: Data, is_last: bool) -> Vec<u8> {
        masked(Frame::message(text.to_owned(), OpCode::Data(data), is_last))
    }

    fn whole(text: &str) -> Vec<u8> {
        part(text, Data::Text, true)
    }

    #[tokio::test]
    async fn nothing_is_held_between_messages_and_nothing_lost_within_them() {
        let texts = ["hello".to_owned(), "a".repeat(200), "b".repeat(2 * READ)];
        let frames: Vec<Vec<u8>> = texts.iter().map(|text| whole(text)).collect();
        let ends = [0, frames[0].len(), frames[0].len() + frames[1].len()];
        let all = frames.concat();
        let mut line = Line::open().await;
        // Into each header, and at the ends of frames.
        for cut in ends.into_iter().flat_map(|end| end..end + 9).chain([all.len()]) {
            let (one, other) = all.split_at(cut);
            let mut heard = line.say(one).await;
            let is_between = ends.contains(&cut) || cut == all.len();
            assert_eq!(line.is_idle(), is_between, "cut at {cut}");
            heard.extend(line.say(other).await);
            assert!(line.is_idle(), "cut at {cut}");
            assert_eq!(heard, texts.clone().map(Message::text), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn who_sends_fragments_is_understood_all_the_same() {
        let mut line = Line::open().await;
        let ping = masked(Frame::ping("still there?"));
        let (begin, end) = (part("hel", Data::Text, false), part("lo", Data::Continue, true));
        let all = [begin, ping, end, whole("and more")].concat();
        let mut heard = Vec::new();
        for byte in all {
            heard.extend(line.say(&[byte]).await);
        }
        let ping = Message::Ping("still there?".into());
        assert_eq!(heard, [ping, Message::text("hello"), Message::text("and more")]);
        assert!(!line.is_idle(), "it cannot be told whether that was all");
    }

    #[tokio::test]
    async fn a_close_frame_that_is_none_is_the_end_all_the_same() {
        let mut line = Line::open().await;
        let code = tungstenite::protocol::frame::coding::CloseCode::from(1005);
        let close = Frame::close(Some(CloseFrame { code, reason: "".into() }));
        line.client.write_all(&masked(close)).await.unwrap();
        assert!(line.socket.ready(false).await.unwrap().is_readable());
        let heard = line.inbox.read(&line.socket);
        assert!(matches!(heard, Ok(Message::Close(_))), "{heard:?}");
    }

    #[tokio::test]
    async fn its_task_hears_at_once_that_something_waits() {
        let line = Line::open().await;
        line.socket.stream.writable().await.unwrap();
        while line.socket.stream.try_write(&[0; 64 * 1024]).is_ok() {}
        // At first a stream is taken to be ready for anything.
        assert!(line.socket.stream.try_read(&mut [0]).is_err());
        let mut ready = pin!(line.socket.ready(false));
        assert!(ready.as_mut().now_or_never().is_none(), "nothing waits");
        line.socket.send(&Bytes::from_static(b"there is no room for this"));
        assert!(ready.now_or_never().is_some());
        assert!(line.socket.ready(true).now_or_never().is_none(), "there is no room yet");
    }

    #[tokio::test]
    async fn a_ping_is_answered_before_its_reader_is_let_go() {
        let mut line = Line::open().await;
        assert_eq!(line.say(&masked(Frame::ping(""))).await, [Message::Ping(Bytes::new())]);
        assert!(line.is_idle());
        let mut answer = [0; 2];
        line.client.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [0x8a, 0], "a pong");
    }
}
