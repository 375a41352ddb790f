//! Whether what a room was told is true: all that was written, in its order, once.
//!
//! Everyone in a room has heard the same, byte by byte, so that one look is a look at all of it. For
//! Flack it is that of its own client.

use flack::{
    domain::{
        event::Lane,
        frame::{ClientFrame, ServerFrame},
    },
    sync::{Content, Input, Moment, Output, Replica},
};

use crate::{
    crowd::Room,
    speech::Speech,
    support::{guest::blank_page, tab::Chain},
};

/// # Panics
/// When anything is missing, twice, or in the wrong place.
pub fn check(speech: Speech, room: &Room) {
    let mut before = None;
    for (place, text) in room.record.iter().enumerate() {
        let text = std::str::from_utf8(text).expect("text");
        assert_eq!(number(text, r#""text":"n="#), place + 1, "messages are out of order");
        let stamp = match speech {
            Speech::Flack => number(text, r#""position":"#),
            Speech::Floor | Speech::Plain | Speech::SocketIo => number(text, r#""seq":"#),
        };
        let is_next = before.is_none_or(|before| before < stamp);
        assert!(is_next, "the server has numbered {stamp} after {before:?}");
        before = Some(stamp);
    }
    if speech == Speech::Flack && !room.opening.is_empty() {
        as_the_client_sees_it(room);
    }
}

fn number(text: &str, after: &str) -> usize {
    let digits = text.split_once(after).expect("a number").1;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().expect("a number")
}

/// Lets Flack's client hear all that a listener heard.
fn as_the_client_sees_it(room: &Room) {
    let read =
        |text: &[u8]| ServerFrame::read(std::str::from_utf8(text).expect("text")).expect("a frame");
    let frames =
        room.opening.iter().map(|text| &**text).chain(room.record.iter().map(|text| &**text));
    let mut frames = frames.map(read).peekable();
    let Some(ServerFrame::Welcome(welcome)) = frames.peek() else { panic!("no welcome") };
    let viewed = room.viewed();
    let now = Moment { millis: 1_700_000_000_000, random: 0.5 };
    let mut replica =
        Replica::new(welcome.you.clone(), blank_page(welcome.you.clone(), viewed.clone()));
    replica.handle(Input::Tick, now);
    replica.handle(Input::Opened, now);
    let mut chain = Chain::of(Lane::from(viewed));
    for frame in frames {
        if let Err(fault) = chain.follow(&frame) {
            panic!("{fault:?} at {frame:?}");
        }
        // A client that misses something asks for it.
        let asks = |output: &Output| matches!(output, Output::Send(ClientFrame::View(_)));
        let outputs = replica.handle(Input::Frame(frame), now);
        assert!(!outputs.iter().any(asks), "the client misses something");
    }
    assert_eq!(chain.events, room.record.len(), "the client heard something else");
    let shown = replica.lines().into_iter().filter_map(|line| match line.content {
        Content::Sent(message) => Some(message.text.as_str().to_owned()),
        Content::OnItsWay { .. } => None,
    });
    let shown: Vec<String> = shown.collect();
    for (text, number) in shown.iter().rev().zip((1..=room.record.len()).rev()) {
        assert!(text.starts_with(&format!("n={number} ")), "the client shows {text}");
    }
    assert!(shown.len() >= room.record.len().min(100), "the client shows too little");
}
