//! How each server is spoken to. Only what begins a frame is looked at: nothing is parsed while time
//! is measured.

use std::net::SocketAddr;

use super::wire;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Frames without a handshake before them.
    Floor,
    /// The room is in the address; a message is an object.
    Plain,
    /// Socket.IO 5 over Engine.IO 4, by WebSocket alone.
    SocketIo,
    /// `docs/protocol.md`.
    Flack,
}

/// What a frame means to those who hear it.
#[derive(Clone, Copy, Debug)]
pub enum Heard {
    /// This has to be answered.
    Say(&'static str),
    /// Whoever wants to listen may say so now.
    Ready,
    /// What was said in the room so far. From here on one listens.
    Snapshot,
    Message,
    /// A message is on disk.
    Accepted,
    Refused,
    /// Something else.
    Aside,
}

impl Speech {
    /// What opens a connection.
    pub fn handshake(self, address: SocketAddr, cookie: &str, room: Option<&str>) -> Vec<u8> {
        let path = match (self, room) {
            (Self::Floor, _) => return Vec::new(),
            (Self::Plain, Some(room)) => format!("/live?room={room}"),
            (Self::Plain, None) | (Self::Flack, _) => "/live".to_owned(),
            (Self::SocketIo, _) => "/socket.io/?EIO=4&transport=websocket".to_owned(),
        };
        format!(
            "GET {path} HTTP/1.1\r\n\
             host: {address}\r\n\
             origin: http://{address}\r\n\
             cookie: {cookie}\r\n\
             connection: Upgrade\r\n\
             upgrade: websocket\r\n\
             sec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .into_bytes()
    }

    /// Whether one may speak as soon as the connection is open.
    pub fn is_ready_at_once(self) -> bool {
        self != Self::SocketIo
    }

    /// What one says first: which room one wants to listen to, or none.
    pub fn greeting(self, room: Option<&str>) -> Option<String> {
        match (self, room) {
            (Self::Floor, Some(room)) => Some(format!("join {room}")),
            (Self::SocketIo, Some(room)) => Some(format!(r#"42["join","{room}"]"#)),
            (Self::Flack, Some(room)) => Some(format!(
                r#"{{"type":"hello","protocol":2,"viewing":[{{"room":{{"channel":"{room}"}}}}]}}"#
            )),
            (Self::Flack, None) => Some(r#"{"type":"hello","protocol":2}"#.to_owned()),
            (Self::Plain, _) | (Self::Floor | Self::SocketIo, None) => None,
        }
    }

    pub fn hear(self, text: &[u8]) -> Heard {
        let begins: &[(&str, Heard)] = match self {
            Self::Floor | Self::Plain => {
                &[(r#"{"room":"#, Heard::Message), (r#"{"history":"#, Heard::Snapshot)]
            }
            Self::SocketIo => &[
                (r#"42["message","#, Heard::Message),
                (r#"42["history","#, Heard::Snapshot),
                ("40", Heard::Ready),
                ("44", Heard::Refused),
                ("0", Heard::Say("40")),
                ("2", Heard::Say("3")),
            ],
            Self::Flack => &[
                (r#"{"type":"event","lane":{"channel":"#, Heard::Message),
                (r#"{"type":"accepted""#, Heard::Accepted),
                (r#"{"type":"reset""#, Heard::Snapshot),
                (r#"{"type":"refused""#, Heard::Refused),
                (r#"{"type":"unviewable""#, Heard::Refused),
            ],
        };
        let found = begins.iter().find(|(begin, _)| text.starts_with(begin.as_bytes()));
        found.map_or(Heard::Aside, |(_, heard)| *heard)
    }

    /// Whether the server says that a message is on disk.
    pub fn accepts(self) -> bool {
        self == Self::Flack
    }

    /// What a client says now and then, so that both sides know that the other is there.
    pub fn heartbeat(self) -> Option<&'static str> {
        (self == Self::Flack).then_some(r#"{"type":"ping"}"#)
    }

    /// Appends a message to a room.
    pub fn post(self, out: &mut Vec<u8>, room: &str, id: &str, text: &str) {
        let said = match self {
            Self::Floor => format!("say {room} {text}"),
            Self::Plain => format!(r#"{{"room":"{room}","text":"{text}"}}"#),
            Self::SocketIo => format!(r#"42["say",{{"room":"{room}","text":"{text}"}}]"#),
            Self::Flack => format!(
                r#"{{"type":"post","id":"{id}","room":{{"channel":"{room}"}},"text":"{text}"}}"#
            ),
        };
        wire::push_masked(out, wire::TEXT, said.as_bytes());
    }
}
