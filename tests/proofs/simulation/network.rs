//! A network of connections that deliver late, stall, and break.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    sync::{Arc, Mutex},
};

use flack::{
    domain::frame::{ClientFrame, ServerFrame},
    server::live::socket::Stream,
};
use tokio_tungstenite::tungstenite::{
    Error, Message,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

/// One connection, with what is under way on it. Like TCP, each direction delivers all that it was
/// given up to some point, and nothing after that.
pub struct Connection {
    to_server: VecDeque<String>,
    to_client: Arc<Mutex<Pipe>>,
    /// What the client's side has received and not read yet.
    received: VecDeque<u8>,
    protocol: WebSocketContext,
    /// Whether the client's socket still exists; when it does not, the server is told, unless the
    /// network is dead.
    pub has_client: bool,
    /// Whether nothing is delivered to the server any more, without either side being told.
    pub is_deaf: bool,
    /// Whether nothing is delivered to the client any more, without either side being told.
    pub is_mute: bool,
}

/// The bytes that the server's operating system has taken.
#[derive(Debug)]
struct Pipe {
    bytes: VecDeque<u8>,
    room: usize,
    is_broken: bool,
}

/// Where the server writes.
#[derive(Debug)]
pub struct ServerEnd(Arc<Mutex<Pipe>>);

/// What reached the client.
pub enum Heard {
    Frame(Box<ServerFrame>),
    /// With the close code.
    Closed(Option<u16>),
}

impl Connection {
    /// A connection with room for so many bytes on the way to the client.
    pub fn new(room: usize) -> Self {
        let config = WebSocketConfig::default().read_buffer_size(1_024);
        let pipe = Pipe { bytes: VecDeque::new(), room, is_broken: false };
        Self {
            to_server: VecDeque::new(),
            to_client: Arc::new(Mutex::new(pipe)),
            received: VecDeque::new(),
            protocol: WebSocketContext::new(Role::Client, Some(config)),
            has_client: true,
            is_deaf: false,
            is_mute: false,
        }
    }

    pub fn server_end(&self) -> ServerEnd {
        ServerEnd(self.to_client.clone())
    }

    pub fn say(&mut self, frame: &ClientFrame) {
        if !self.is_deaf {
            self.to_server.push_back(serde_json::to_string(frame).expect("frames are plain data"));
        }
    }

    /// How much is under way, in frames and in bytes.
    pub fn under_way(&self) -> (usize, usize) {
        (self.to_server.len(), self.to_client.lock().unwrap().bytes.len())
    }

    /// The next frame arrives at the server.
    pub fn arrive(&mut self) -> Option<ClientFrame> {
        let text = self.to_server.pop_front()?;
        Some(serde_json::from_str(&text).expect("the client writes what the server reads"))
    }

    /// So many bytes arrive at the client. Gives what that completed.
    pub fn deliver(&mut self, count: usize) -> Vec<Heard> {
        if !self.is_mute {
            let pipe = &mut *self.to_client.lock().unwrap();
            let count = count.min(pipe.bytes.len());
            self.received.extend(pipe.bytes.drain(..count));
        }
        let mut heard = Vec::new();
        loop {
            match self.protocol.read(&mut ClientEnd(&mut self.received)) {
                Ok(Message::Text(text)) => {
                    let frame = ServerFrame::read(&text).expect("the server writes frames");
                    heard.push(Heard::Frame(Box::new(frame)));
                }
                Ok(Message::Close(close)) => {
                    heard.push(Heard::Closed(close.map(|close| close.code.into())));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
                // After a close.
                Err(_) => break,
            }
        }
        heard
    }

    /// Breaks the connection: of what is under way to the server, so many frames still arrive.
    pub fn cut(&mut self, arriving: usize) {
        self.to_server.truncate(arriving);
        (self.is_deaf, self.is_mute) = (true, true);
    }

    /// Whether it carries nothing, in one direction at least.
    pub fn is_dead(&self) -> bool {
        self.is_deaf || self.is_mute
    }

    /// The server's operating system knows that nobody is there.
    pub fn break_server_end(&self) {
        self.to_client.lock().unwrap().is_broken = true;
    }
}

impl Stream for ServerEnd {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let pipe = &mut *self.0.lock().unwrap();
        if pipe.is_broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(pipe.room - pipe.bytes.len());
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        pipe.bytes.extend(&bytes[..count]);
        Ok(count)
    }
}

/// Where the client's WebSocket reads; what it says by itself does not matter here.
struct ClientEnd<'a>(&'a mut VecDeque<u8>);

impl Read for ClientEnd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for ClientEnd<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
