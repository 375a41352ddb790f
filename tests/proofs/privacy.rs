//! T11: beside a direct conversation of two, a third person hears none of it.
//!
//! Two people write, edit, delete and bring back at random, while the third asks for all of it in
//! every way there is, over a raw socket and over HTTP. Whatever reaches the third person is kept as
//! it came, byte by byte, and looked through for words and frames that are not theirs.

use std::time::Duration;

use flack::domain::{
    frame::{ClientFrame, PROTOCOL, Resume, ServerFrame, View},
    position::{Epoch, Position},
    room::{Pair, Room, direct_path},
};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    report::{Form, Report},
    support::{chance, channel, guest::Guest, program::Program, socket::Socket},
};

/// In every message of the two, and in nothing else.
const SECRET: &str = "plover";

pub fn run(form: Form) -> Report {
    let actions = form.pick(600, 10_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(listen(actions))
}

async fn listen(actions: u64) -> Report {
    let work = TempDir::new().expect("a directory");
    let program = Program::start(work.path(), &[]);
    let ada = program.join("Ada").await;
    let bob = program.join("Bob").await;
    let eve = program.join("Eve").await;
    let mut chance = chance::seeded();
    let room = Room::Direct(Pair::of(ada.person.id, bob.person.id));
    let mut ear = Ear::new(&program, &eve, room.clone()).await;
    let mut messages = vec![ada.whisper(&bob, SECRET).await];
    // They look at it, and are typing.
    let mut typing = [ada.socket(&[]).await, bob.socket(&[]).await];
    for socket in &mut typing {
        socket.say(&ClientFrame::View(View { room: room.clone(), position: None })).await;
    }

    let (mut asked, mut typed) = (0, 0);
    for action in 0..actions {
        let (me, other) = if chance.bool() { (&ada, &bob) } else { (&bob, &ada) };
        let (to, message) =
            (other.person.id.0.to_string(), chance.choice(messages.iter().copied()));
        let message = message.unwrap_or_default();
        let text = format!("{SECRET} {action}");
        let message = message.to_string();
        let (of, emoji) = (("message", &*message), ("emoji", "🦤"));
        let fields = [("direct", &*to), of, ("text", &text), emoji];
        let answer = [("direct", &*to), ("reply_to", &message), ("text", &text)];
        let typist = if chance.bool() { &mut typing[0] } else { &mut typing[1] };
        typist.say(&ClientFrame::Typing { room: room.clone() }).await;
        match chance.u8(0..13) {
            10 => drop(me.ask("/api/react", &fields).await),
            11 => drop(me.ask("/api/unreact", &fields).await),
            12 => drop(me.ask("/api/post_message", &answer).await),
            0..6 => messages.push(me.whisper(other, &text).await),
            6 => drop(me.ask("/api/edit_message", &fields).await),
            7 => drop(me.ask("/api/delete_message", &fields).await),
            _ => drop(me.ask("/api/restore_message", &fields).await),
        }
        let message = Position(message.parse().expect("a position"));
        asked += ear.pry(&mut chance, message, action).await;
        if action % 100 == 99 {
            for socket in &mut typing {
                typed += hear_typing(socket).await;
            }
        }
    }
    // Typing is told once a second, and all of this may have taken less.
    let [one, other] = &mut typing;
    for _ in 0..10 {
        one.say(&ClientFrame::Typing { room: room.clone() }).await;
        let told = async { while !matches!(other.hear_any().await, ServerFrame::Typing { .. }) {} };
        if tokio::time::timeout(Duration::from_secs(2), told).await.is_ok() {
            typed += 1;
            break;
        }
    }
    ear.finish().await;

    // The words are there, for those who may see them.
    let page = ada.get(&direct_path(bob.person.id)).await.expect(200);
    let mut report = Report::default();
    report.did("actions of the two", actions, actions);
    report.did("attempts of the third", asked, actions);
    report.did("words of typing heard by the two", typed, 1 + actions / 1_000);
    report.did("bytes heard by the third", ear.heard, actions * 10);
    report.did("messages on the page of the two", page.articles().len() as u64, 100);
    report.never("foreign frames or words", ear.foreign);
    report
}

/// How often one of the two has heard that the other one is typing, and never the third.
async fn hear_typing(socket: &mut Socket) -> u64 {
    socket.say(&ClientFrame::Ping).await;
    let mut heard = 0;
    loop {
        match socket.hear_any().await {
            ServerFrame::Pong { .. } => return heard,
            ServerFrame::Typing { people, .. } => {
                assert!(people.iter().all(|person| person.name.as_str() != "Eve"), "{people:?}");
                heard += 1;
            }
            _ => {}
        }
    }
}

/// The third person, and what reached them.
struct Ear {
    program: std::net::SocketAddr,
    eve: Guest,
    room: Room,
    socket: Socket,
    heard: u64,
    foreign: u64,
}

impl Ear {
    async fn new(program: &Program, eve: &Guest, room: Room) -> Self {
        let mut socket = Socket::open(program.address, &eve.cookie).await.expect("a socket");
        socket.greet(&["general"]).await;
        Self { program: program.address, eve: eve.clone(), room, socket, heard: 0, foreign: 0 }
    }

    /// Asks for what is not theirs. Gives how often.
    async fn pry(&mut self, chance: &mut fastrand::Rng, message: Position, turn: u64) -> u64 {
        let id = || format!("pry-{turn}").try_into().expect("a command id");
        let room = self.room.clone();
        let text = "me too".to_owned();
        match chance.u8(0..12) {
            9 => {
                let emoji = "👀".to_owned();
                self.say(ClientFrame::React { id: id(), room, message, emoji }).await;
            }
            10 => {
                // As an answer where they may write, which would name the author.
                let room = channel("general");
                let (reply_to, attachments) = (Some(message), vec![]);
                self.say(ClientFrame::Post { id: id(), room, text, attachments, reply_to }).await;
            }
            11 => self.say(ClientFrame::Typing { room }).await,
            0 => self.say(ClientFrame::View(View { room, position: Some(message) })).await,
            1 => self.say(ClientFrame::View(View { room, position: None })).await,
            2 => {
                self.say(ClientFrame::Post {
                    id: id(),
                    room,
                    text,
                    attachments: vec![],
                    reply_to: None,
                })
                .await
            }
            3 => self.say(ClientFrame::Edit { id: id(), room, message, text }).await,
            4 => self.say(ClientFrame::Delete { id: id(), room, message }).await,
            5 => {
                // In a room where they may be.
                let room = channel("general");
                self.say(ClientFrame::Restore { id: id(), room, message }).await;
            }
            6 => self.come_back(message).await,
            7 => {
                let other = if chance.bool() { 0 } else { 1 };
                let Room::Direct(pair) = room else { unreachable!("it is one") };
                let page = self.eve.get(&direct_path(pair.people()[other])).await;
                self.hear(&page.body);
            }
            _ => {
                let message = message.to_string();
                let fields = [("channel", "general"), ("message", &*message), ("text", "mine")];
                let answer = self.eve.ask("/api/edit_message", &fields).await;
                self.hear(&answer.body);
            }
        }
        1
    }

    /// Says hello anew, with a past that covers all of it.
    async fn come_back(&mut self, position: Position) {
        self.finish().await;
        let opened = Socket::open(self.program, &self.eve.cookie).await;
        self.socket = opened.expect("a socket");
        let viewing = vec![
            View { room: self.room.clone(), position: Some(position) },
            View { room: channel("general"), position: Some(position) },
        ];
        let epoch = Epoch(String::new());
        let resume = Some(Resume { epoch, position, directs: Position::ZERO });
        self.say(ClientFrame::Hello { protocol: PROTOCOL, resume, viewing }).await;
    }

    async fn say(&mut self, frame: ClientFrame) {
        self.socket.say(&frame).await;
    }

    /// Reads everything that the server has sent up to now.
    async fn finish(&mut self) {
        // Only the text of the pong is awaited: whatever was sent before it comes before it.
        self.socket.say(&ClientFrame::Ping).await;
        loop {
            match self.socket.next().await {
                Some(Message::Text(text)) => {
                    self.hear(&text);
                    if text.contains(r#""type":"pong""#) {
                        return;
                    }
                }
                Some(_) => {}
                None => panic!("the server has closed the socket"),
            }
        }
    }

    fn hear(&mut self, text: &str) {
        self.heard += text.len() as u64;
        let Room::Direct(pair) = &self.room else { unreachable!("it is one") };
        let [one, other] = pair.people();
        let lane = format!(r#""direct":[{one},{other}]"#, one = one.0, other = other.0);
        // What they named themselves comes back in the answer that it is not there.
        let is_refusal = text.contains(r#""type":"unviewable""#);
        let is_foreign = text.contains(SECRET) || (text.contains(&lane) && !is_refusal);
        self.foreign += u64::from(is_foreign);
        if is_foreign {
            println!("  heard: {text}");
        }
    }
}
