//! Frames, as any client may say them to the server, with an empty line after each.

#![no_main]

#[expect(dead_code, reason = "another target uses what is not used here")]
mod house;

use std::{
    io,
    sync::{Arc, Mutex},
};

use flack::{
    domain::frame::{ClientFrame, ServerFrame},
    server::{
        live::{
            dialogue::Dialogue,
            socket::{Socket, Stream},
        },
        network::Source,
    },
};
use libfuzzer_sys::fuzz_target;
use tungstenite::{
    Message,
    protocol::{Role, WebSocket},
};

use house::HOUSE;

/// What the client hears.
#[derive(Debug, Default)]
struct Ear(Mutex<Vec<u8>>);

impl Stream for Ear {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
}

fuzz_target!(|said: &str| {
    let mut frames = Vec::new();
    for frame in said.split("\n\n") {
        let Ok(frame) = serde_json::from_str::<ClientFrame>(frame) else { continue };
        let written = serde_json::to_string(&frame).expect("frames can be written");
        assert_eq!(serde_json::from_str::<ClientFrame>(&written).ok(), Some(frame.clone()));
        frames.push(frame);
    }
    if frames.is_empty() {
        return;
    }
    let house = &*HOUSE;
    let socket = Arc::new(Socket::new(Ear::default(), house.ada.session, house.ada.person.clone()));
    house.runtime.block_on(async {
        let mut dialogue = Dialogue::begin(house.flack.clone(), socket.clone(), Source::NOWHERE)
            .expect("a place for one");
        for frame in frames {
            if !socket.is_closing() {
                dialogue.hear(frame).await;
            }
        }
        dialogue.end();
    });
    // Whatever came of it, the client can read it.
    let heard = std::mem::take(&mut *socket.stream.0.lock().unwrap());
    let mut client = WebSocket::from_raw_socket(io::Cursor::new(heard), Role::Client, None);
    while let Ok(message) = client.read() {
        if let Message::Text(text) = message {
            ServerFrame::read(&text).expect("a frame of the server");
        }
    }
});
