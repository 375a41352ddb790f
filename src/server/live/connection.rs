//! One live connection: the upgrade, and the task that reads it.

use std::{
    collections::HashSet,
    io::{self, Read, Write},
    sync::Arc,
    time::Duration,
};

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::{rt::TokioIo, server::conn::auto::upgrade::downcast};
use tokio::{
    net::TcpStream,
    select,
    time::{Instant, sleep_until},
};
use tungstenite::{
    Error, Message,
    error::CapacityError,
    handshake::derive_accept_key,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

use super::{encode, socket::Socket};
use crate::{
    domain::{
        command::{Command, CommandId},
        frame::{
            ClientFrame, CloseCode, FRAME_LIMIT, HELLO_SECONDS, PROTOCOL, SILENCE_SECONDS,
            ServerFrame, VIEW_LIMIT, View,
        },
        message::MessageText,
        name::ChannelName,
        person::{Person, SessionId},
        refusal::Refusal,
    },
    server::flack::Flack,
};

/// How long the last bytes and the peer's own close may take.
const LINGER: Duration = Duration::from_secs(2);

/// Answers the opening handshake (RFC 6455 §4.2) and goes on with the connection in its own task.
///
/// Who asks and where from has been checked before.
///
/// # Errors
/// [`Refusal::malformed`] when the request is no such handshake.
pub fn upgrade(
    flack: Flack,
    session: SessionId,
    person: Person,
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
        let socket = Arc::new(Socket::new(stream, session, person));
        Connection::new(flack, socket, &read_ahead).run().await;
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
    let parts = downcast::<TokioIo<TcpStream>>(upgraded).ok()?;
    Some((parts.io.into_inner(), parts.read_buf))
}

struct Connection {
    flack: Flack,
    socket: Arc<Socket>,
    protocol: WebSocketContext,
    is_greeted: bool,
    viewing: HashSet<ChannelName>,
}

impl Connection {
    fn new(flack: Flack, socket: Arc<Socket>, read_ahead: &[u8]) -> Self {
        let limits = WebSocketConfig::default()
            // All that an idle connection holds; it grows while a larger frame is read.
            .read_buffer_size(512)
            .write_buffer_size(0)
            .max_message_size(Some(FRAME_LIMIT))
            .max_frame_size(Some(FRAME_LIMIT));
        let protocol =
            WebSocketContext::from_partially_read(read_ahead.to_vec(), Role::Server, Some(limits));
        Self { flack, socket, protocol, is_greeted: false, viewing: HashSet::new() }
    }

    async fn run(mut self) {
        if self.flack.enter() {
            let deadline = Instant::now() + Duration::from_secs(HELLO_SECONDS);
            let _ = self.listen(deadline).await;
            self.flack.leave(&self.socket, &self.viewing);
        } else {
            self.socket.close(CloseCode::Full);
        }
        let _ = tokio::time::timeout(LINGER, self.linger()).await;
    }

    /// Reads until either side ends it.
    async fn listen(&mut self, mut deadline: Instant) -> io::Result<()> {
        // What came with the handshake.
        self.read().await;
        while !self.socket.is_closing() {
            select! {
                ready = self.socket.stream.readable() => {
                    ready?;
                    if self.read().await {
                        deadline = Instant::now() + Duration::from_secs(SILENCE_SECONDS);
                    }
                }
                ready = self.socket.stream.writable(), if self.socket.has_waiting() => {
                    ready?;
                    self.socket.drain()?;
                }
                () = self.socket.wake.notified() => {}
                () = sleep_until(deadline) => {
                    let code =
                        if self.is_greeted { CloseCode::Silent } else { CloseCode::Protocol };
                    self.socket.close(code);
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
        }
    }

    /// Reads what is there. Gives whether a frame of the client was in it.
    async fn read(&mut self) -> bool {
        let mut has_heard = false;
        while !self.socket.is_closing() {
            match self.protocol.read(&mut Wire(&self.socket)) {
                Ok(Message::Text(text)) => {
                    has_heard = true;
                    match serde_json::from_str(&text) {
                        Ok(frame) => self.hear(frame).await,
                        Err(_) => self.socket.close(CloseCode::Protocol),
                    }
                }
                Ok(Message::Ping(_) | Message::Pong(_)) => has_heard = true,
                Ok(Message::Close(_)) => self.socket.close_with(1000, ""),
                Ok(Message::Binary(_)) => self.socket.close_with(1003, "text frames only"),
                Ok(Message::Frame(_)) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
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

    async fn hear(&mut self, frame: ClientFrame) {
        match frame {
            ClientFrame::Hello { protocol, .. } if protocol != PROTOCOL => {
                self.socket.close(CloseCode::Version);
            }
            ClientFrame::Hello { resume, viewing, .. }
                if !self.is_greeted && viewing.len() <= VIEW_LIMIT =>
            {
                self.is_greeted = true;
                let is_same_log = self.flack.greet(&self.socket, resume.as_ref());
                for mut view in viewing {
                    view.position.take_if(|_| !is_same_log);
                    self.view(view).await;
                }
            }
            _ if !self.is_greeted => self.socket.close(CloseCode::Protocol),
            ClientFrame::Hello { .. } => self.socket.close(CloseCode::Protocol),
            ClientFrame::View(view) => self.view(view).await,
            ClientFrame::Leave { channel } => {
                if let Ok(channel) = self.flack.channel(&channel)
                    && self.viewing.remove(&channel)
                {
                    self.flack.unview(&self.socket, &channel);
                }
            }
            ClientFrame::Post { id, channel, text } => {
                let command = self.flack.channel(&channel).and_then(|channel| {
                    let text = MessageText::try_from(text.as_str()).map_err(Refusal::text)?;
                    Ok(Command::Post { channel, text })
                });
                self.ask(id, command);
            }
            ClientFrame::Delete { id, channel, message } => {
                let command = self
                    .flack
                    .channel(&channel)
                    .map(|channel| Command::Delete { channel, message });
                self.ask(id, command);
            }
            ClientFrame::Ping => self.socket.send(&encode(&ServerFrame::Pong)),
        }
    }

    async fn view(&mut self, view: View) {
        let viewed = match self.flack.channel(&view.channel) {
            Ok(channel) if self.viewing.contains(&channel) || self.viewing.len() < VIEW_LIMIT => {
                self.viewing.insert(channel.clone());
                self.flack.view(&self.socket, &channel, view.position).await
            }
            Ok(_) => Err(Refusal::full("viewed channels")),
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = viewed {
            let frame = ServerFrame::Unviewable { channel: view.channel, refusal };
            self.socket.send(&encode(&frame));
        }
    }

    fn ask(&self, id: CommandId, command: Result<Command, Refusal>) {
        let socket = self.socket.clone();
        let answered = id.clone();
        let answer = move |result| {
            let frame = match result {
                Ok(position) => ServerFrame::Accepted { id: answered, position },
                Err(refusal) => ServerFrame::Refused { id: answered, refusal },
            };
            socket.send(&encode(&frame));
        };
        match command {
            Ok(command) => self.flack.submit(
                self.socket.session,
                self.socket.person.id,
                id,
                command,
                Box::new(answer),
            ),
            Err(refusal) => answer(Err(refusal)),
        }
    }
}

/// The socket as the WebSocket protocol reads and answers it: without ever waiting.
struct Wire<'a>(&'a Socket);

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.stream.try_read(buffer)
    }
}

impl Write for Wire<'_> {
    /// Pongs and the like take their turn among the frames.
    fn write(&mut self, frame: &[u8]) -> io::Result<usize> {
        self.0.send(&Bytes::copy_from_slice(frame));
        Ok(frame.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
