//! A live socket without a mind of its own: what is said is said, and what comes is read.

use std::net::SocketAddr;

use flack::domain::frame::{ClientFrame, CloseCode, PROTOCOL, Reset, ServerFrame, View, Welcome};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message,
        handshake::client::{Request, generate_key},
        protocol::WebSocketConfig,
    },
};

use super::{channel, soon};

pub struct Socket(pub WebSocketStream<TcpStream>);

/// The opening handshake of our own page (RFC 6455 §4.1).
pub fn handshake(address: SocketAddr, cookie: &str) -> Request {
    Request::builder()
        .uri(format!("ws://{address}/live"))
        .header("host", address.to_string())
        .header("origin", format!("http://{address}"))
        .header("cookie", cookie)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", generate_key())
        .body(())
        .expect("valid headers")
}

impl Socket {
    pub async fn open(address: SocketAddr, cookie: &str) -> Result<Self, Error> {
        Self::open_with(address, handshake(address, cookie)).await
    }

    pub async fn open_with(address: SocketAddr, handshake: Request) -> Result<Self, Error> {
        Self::over(TcpStream::connect(address).await?, handshake).await
    }

    /// With little room for what was not read.
    pub async fn open_narrow(address: SocketAddr, cookie: &str) -> Result<Self, Error> {
        let narrow = TcpSocket::new_v4()?;
        narrow.set_recv_buffer_size(128 * 1024)?;
        Self::over(narrow.connect(address).await?, handshake(address, cookie)).await
    }

    async fn over(stream: TcpStream, handshake: Request) -> Result<Self, Error> {
        stream.set_nodelay(true)?;
        // There may be thousands in one test; each would take 128 KiB to read.
        let config = WebSocketConfig::default().read_buffer_size(4 * 1024);
        let opening = client_async_with_config(handshake, stream, Some(config));
        let (socket, _) = soon("the handshake", opening).await?;
        Ok(Self(socket))
    }

    pub async fn say(&mut self, frame: &ClientFrame) {
        self.say_raw(&serde_json::to_string(frame).unwrap()).await;
    }

    pub async fn say_raw(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    pub async fn send(&mut self, message: Message) {
        // The server may have closed already; what it said about that is read later.
        let _ = soon("room to send", self.0.send(message)).await;
    }

    /// Says hello without any past, and gives what each viewed channel holds.
    pub async fn greet(&mut self, viewing: &[&str]) -> (Welcome, Vec<Reset>) {
        let view = |name: &&str| View { room: channel(name), position: None };
        let viewing: Vec<View> = viewing.iter().map(view).collect();
        let count = viewing.len();
        self.say(&ClientFrame::Hello { protocol: PROTOCOL, resume: None, viewing }).await;
        let ServerFrame::Welcome(welcome) = self.hear().await else { panic!("no welcome") };
        let ServerFrame::Directory(_) = self.hear().await else { panic!("no directory") };
        let ServerFrame::Directs(_) = self.hear().await else { panic!("no direct conversations") };
        let ServerFrame::Memberships(_) = self.hear().await else { panic!("no memberships") };
        let mut resets = Vec::new();
        for _ in 0..count {
            match self.hear().await {
                ServerFrame::Reset(reset) => resets.push(reset),
                other => panic!("no reset: {other:?}"),
            }
        }
        (welcome, resets)
    }

    /// The next message of any kind, or none when the connection is over.
    pub async fn next(&mut self) -> Option<Message> {
        soon("a message", self.0.next()).await?.ok()
    }

    /// The next frame that is an answer or an event. What is about rooms elsewhere, or true for a
    /// moment, is [heard](Self::hear_hint) by those who want to.
    pub async fn hear(&mut self) -> ServerFrame {
        use ServerFrame::{Moved, Notice, Presence, Read, Typing};
        loop {
            match self.hear_any().await {
                Moved { .. } | Read { .. } | Notice(_) | Presence { .. } | Typing { .. } => {}
                frame => return frame,
            }
        }
    }

    /// The next frame of who is here or writes.
    pub async fn hear_hint(&mut self) -> ServerFrame {
        loop {
            let frame = self.hear_any().await;
            if matches!(frame, ServerFrame::Presence { .. } | ServerFrame::Typing { .. }) {
                return frame;
            }
        }
    }

    /// The next frame, whatever it is about. Its end is the test's end.
    pub async fn hear_any(&mut self) -> ServerFrame {
        loop {
            match self.next().await {
                Some(Message::Text(text)) => {
                    return ServerFrame::read(&text)
                        .unwrap_or_else(|error| panic!("{error}: {text}"));
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("closed while a frame was expected: {other:?}"),
            }
        }
    }

    /// The next frame that `pick` takes; others are skipped.
    pub async fn hear_until<T>(&mut self, pick: impl Fn(ServerFrame) -> Option<T>) -> T {
        loop {
            if let Some(picked) = pick(self.hear().await) {
                return picked;
            }
        }
    }

    /// The code that the server closes with; frames before it are skipped. None when it leaves
    /// without a word.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Message::Close(close) = self.next().await? {
                return close.map(|close| close.code.into());
            }
        }
    }

    #[track_caller]
    pub fn expect_closed(&mut self, code: CloseCode) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let closed = self.closed().await;
            assert_eq!(closed, Some(code as u16), "{code:?} expected at {at}");
        }
    }

    /// Whether the other side is still there, after all that was said before.
    pub async fn is_alive(&mut self) -> bool {
        self.say(&ClientFrame::Ping).await;
        loop {
            match self.next().await {
                Some(Message::Text(text)) if text.as_str() == r#"{"type":"pong"}"# => return true,
                Some(Message::Close(_)) | None => return false,
                Some(_) => {}
            }
        }
    }
}

/// A text frame as a client sends it (RFC 6455 §5.2), with a mask of zeros: the bytes stay readable.
pub fn masked(is_last: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![u8::from(is_last) << 7 | opcode];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}
