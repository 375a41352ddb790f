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
    io::Interest,
    net::TcpStream,
    select,
    task::coop::consume_budget,
    time::{Instant, sleep_until},
};
use tungstenite::{
    Error, Message,
    error::CapacityError,
    handshake::derive_accept_key,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

use super::{dialogue::Dialogue, encode_ping, socket::Socket};
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

/// Seconds for which a client may take nothing of what waits for it. With [`LINGER`], one that never
/// reads is gone within ten.
const UNREAD_SECONDS: u64 = 7;

/// How many bytes may come without completing a message: many times the largest, because each of its
/// fragments has a header. Without this, fragments of nothing could go on for ever.
const UNFINISHED_LIMIT: usize = 4 * FRAME_LIMIT;

/// Who opens a live connection, as the door has found out.
pub struct Visitor {
    pub session: SessionId,
    pub person: Person,
    pub source: Source,
    /// Of the connection, and of who is behind the proxy that brings it.
    pub seats: (Option<Arc<Seat>>, Option<Seat>),
}

/// Answers the opening handshake (RFC 6455 §4.2) and goes on with the connection in its own task.
///
/// Who asks and where from has been checked before.
///
/// # Errors
/// [`Refusal::malformed`] when the request is no such handshake.
pub fn upgrade(
    flack: Flack,
    visitor: Visitor,
    mut request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let headers = request.headers();
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(Refusal::malformed)?;
    let is_handshake = has(headers, header::CONNECTION, "upgrade")
        && has(headers, header::UPGRADE, "websocket")
        && has(headers, header::SEC_WEBSOCKET_VERSION, "13");
    if !is_handshake {
        return Err(Refusal::malformed());
    }
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or_else(Refusal::malformed)?;
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let Some((stream, read_ahead)) = tcp(upgraded) else {
            tracing::error!("the connection below a WebSocket is not TCP");
            return;
        };
        let Visitor { session, person, source, seats } = visitor;
        flack.note_seen(session, Utc::now());
        let socket = Arc::new(Socket::new(stream, session, person));
        // What is moved into a future is in it twice.
        let mut connection = Box::new(Connection::new(socket, &read_ahead));
        // In a task of its own, so that what was needed up to here is let go: the most of it is the buffer
        // that the request was read into.
        tokio::spawn(async move {
            connection.run(flack, source).await;
            drop(seats);
        });
    });
    Ok(Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .body(Body::empty())
        .expect("these headers are valid"))
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
    protocol: WebSocketContext,
    /// How many bytes have come since the last whole message.
    unfinished: usize,
}

impl Connection {
    fn new(socket: Arc<Socket<TcpStream>>, read_ahead: &[u8]) -> Self {
        let limits = WebSocketConfig::default()
            // An idle connection holds this; it grows while a larger frame is read.
            .read_buffer_size(256)
            .write_buffer_size(0)
            .max_message_size(Some(FRAME_LIMIT))
            .max_frame_size(Some(FRAME_LIMIT));
        let protocol =
            WebSocketContext::from_partially_read(read_ahead.to_vec(), Role::Server, Some(limits));
        Self { socket, protocol, unfinished: 0 }
    }

    async fn run(&mut self, flack: Flack, source: Source) {
        let mut dialogue = Dialogue::begin(flack.clone(), self.socket.clone(), source);
        match &mut dialogue {
            Some(dialogue) => drop(self.listen(dialogue).await),
            None => self.socket.close(CloseCode::Full),
        }
        dialogue.into_iter().for_each(Dialogue::end);
        flack.metrics().closed(self.socket.close_code());
        drop(flack);
        // Beside the task, which would be as large all the time.
        let _ = tokio::time::timeout(LINGER, Box::pin(self.linger())).await;
    }

    /// Reads until either side ends it.
    async fn listen(&mut self, dialogue: &mut Dialogue) -> io::Result<()> {
        let begun = Instant::now();
        let mut heard = begun;
        let mut is_asked = false;
        let mut backlog = Backlog::default();
        // What came with the handshake.
        self.read(dialogue).await;
        while !self.socket.is_closing() {
            // Nothing but a hello counts for one.
            let (since, patience) = match (dialogue.is_greeted(), is_asked) {
                (false, _) => (begun, HELLO_SECONDS),
                (true, false) => (heard, QUIET_SECONDS),
                (true, true) => (heard, GONE_SECONDS),
            };
            let silent = since + Duration::from_secs(patience);
            let unread = backlog.unread_since(self.socket.backlog());
            let unread = unread.map(|since| since + Duration::from_secs(UNREAD_SECONDS));
            // One of each, because this is what an idle connection holds.
            let wanted = match self.socket.has_waiting() {
                true => Interest::READABLE | Interest::WRITABLE,
                false => Interest::READABLE,
            };
            select! {
                ready = self.socket.stream.ready(wanted) => {
                    let ready = ready?;
                    if ready.is_writable() {
                        self.socket.drain()?;
                    }
                    if ready.is_readable() && self.read(dialogue).await {
                        heard = Instant::now();
                        is_asked = false;
                    }
                }
                () = self.socket.wake.notified() => {}
                () = sleep_until(unread.map_or(silent, |unread| unread.min(silent))) => {
                    match (dialogue.is_greeted(), is_asked) {
                        _ if unread.is_some_and(|unread| unread <= silent) => {
                            self.socket.close(CloseCode::TooSlow);
                        }
                        (false, _) => self.socket.close(CloseCode::Protocol),
                        (true, true) => self.socket.close(CloseCode::Silent),
                        (true, false) => {
                            self.socket.send(&encode_ping());
                            is_asked = true;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Lets the last bytes go out, and the peer answer, so that it reads why.
    async fn linger(&self) -> io::Result<()> {
        while self.socket.has_waiting() {
            self.socket.stream.writable().await?;
            self.socket.drain()?;
        }
        let mut rest = [0; 512];
        loop {
            self.socket.stream.readable().await?;
            match self.socket.stream.try_read(&mut rest) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Ok(_) | Err(_) => {}
            }
            // Waiting for what is there already never gives way, and time would not pass here.
            consume_budget().await;
        }
    }

    /// Reads what is there. Gives whether a frame of the client was in it.
    async fn read(&mut self, dialogue: &mut Dialogue) -> bool {
        let mut has_heard = false;
        while !self.socket.is_closing() {
            let mut wire = Wire { socket: &self.socket, unfinished: &mut self.unfinished };
            let message = self.protocol.read(&mut wire);
            if message.is_ok() {
                self.unfinished = 0;
                // Others have their turn, however fast this one talks.
                consume_budget().await;
            }
            match message {
                Ok(Message::Text(text)) => {
                    has_heard = true;
                    match serde_json::from_str(&text) {
                        // Beside the task, which keeps room for the largest future in it.
                        Ok(frame) => Box::pin(dialogue.hear(frame)).await,
                        Err(_) => self.socket.close(CloseCode::Protocol),
                    }
                }
                Ok(Message::Ping(_) | Message::Pong(_)) => has_heard = dialogue.admit(),
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
        }
        has_heard
    }
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
    unfinished: &'a mut usize,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if *self.unfinished > UNFINISHED_LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.socket.stream.try_read(buffer)?;
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
