//! Frames, as they may reach a page, with an empty line after each. None stops the page.

#![no_main]

use flack::{
    domain::{
        attachment::AttachmentLimits,
        channel::Directory,
        command::{Ask, Command, CommandId},
        direct::Directs,
        frame::ServerFrame,
        message::MessageText,
        name::{ChannelName, DisplayName},
        page::Page,
        person::{Person, PersonId},
        position::{Epoch, Position},
        room::Room,
        unread::Memberships,
        window::Window,
    },
    sync::{Input, Moment, Replica},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|heard: &str| {
    let general = Room::Channel(ChannelName::stored("general".to_owned()));
    let me = Person { id: PersonId(Position(2)), name: DisplayName::stored("Ada".to_owned()) };
    let page = Page {
        me: Some(me.clone()),
        epoch: Epoch(String::new()),
        directory: Directory::default(),
        memberships: Memberships::default(),
        limits: AttachmentLimits::default(),
        path: "/c/general".to_owned(),
        open: Some((general.clone(), Window::default())),
        directs: Directs::default(),
        online: Vec::new(),
        people: None,
        editing: None,
        replying: None,
        refused: None,
    };
    let mut replica = Replica::new(me, page);
    let mut millis = 1_700_000_000_000;
    let mut tell = |input: Input| {
        millis += 100;
        replica.handle(input, Moment { millis, random: 0.5 });
        let lines = replica.lines();
        assert!(lines.len() <= Window::LIMIT + 1, "{} lines", lines.len());
    };
    tell(Input::Opened);
    let text = MessageText::try_from("Hello").expect("a text");
    let id = CommandId::try_from("x".to_owned()).expect("an id");
    tell(Input::Ask { id, command: Command { room: general, ask: Ask::Post(text) } });
    for frame in heard.split("\n\n") {
        match frame.strip_prefix("close ") {
            Some(code) => tell(Input::Closed(code.parse().ok())),
            None => match ServerFrame::read(frame) {
                Ok(frame) => tell(Input::Frame(frame)),
                Err(_) => tell(Input::Tick),
            },
        }
    }
});
