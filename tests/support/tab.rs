//! A page in a browser: the client's own state machine, over a real socket.
//!
//! It runs by itself, as a tab does, and its test watches what it shows.

use std::{
    collections::BTreeMap,
    future::{Future, pending},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use flack::{
    domain::{
        attachment::Attachment,
        command::{Ask, Command, CommandId},
        event::{Event, Lane},
        frame::{ClientFrame, Difference, Reset, ServerFrame},
        message::{Message, MessageText},
        page::Page,
        person::Person,
        position::Position,
        reaction::Emoji,
        refusal::Refusal,
        room::Room,
    },
    server::doors::draw_command_id,
    sync::{Content, Input, Line, Moment, Output, Replica, link::LinkState, outbox::Pending},
};
use futures_util::{SinkExt, StreamExt};
use tokio::{
    select,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::MissedTickBehavior,
};
use tokio_tungstenite::tungstenite::{self, Message as Wire};

use super::{socket::Socket, soon};

/// What a tab knows, and what it has lived through.
pub struct Seen {
    pub replica: Replica,
    /// Every frame, in the order in which they came, if the tab [keeps](Habits::keeps_frames) them.
    pub frames: Vec<ServerFrame>,
    /// Whether the server has said how the open channel is, since the last welcome.
    pub is_told: bool,
    /// The code of each close; none where the connection just ended.
    pub closes: Vec<Option<u16>>,
    /// The browser's storage: what a new tab would find in the outbox.
    pub outbox: BTreeMap<CommandId, Pending>,
    pub is_signed_out: bool,
    /// Why something was not done, as the person was told.
    pub told: Vec<Refusal>,
    /// How many commands it was asked for, as far as it has heard.
    asked: u64,
}

/// How a tab lives. As a rule it is impatient, so that tests need not wait; one of a crowd lives as
/// in a browser.
pub struct Habits {
    /// How often the state machine is told that time has passed.
    pub tick: Duration,
    /// The random numbers of its jitter, in `0.0..1.0`.
    pub random: Box<dyn FnMut() -> f64 + Send>,
    pub keeps_frames: bool,
    /// Whether the link that has just been opened breaks once the tab has said hello, before any
    /// answer is read.
    pub breaks_off: Box<dyn FnMut() -> bool + Send>,
    pub witness: Witness,
}

/// Hears what happens to a tab, once the tab knows it too.
pub type Witness = Box<dyn FnMut(Happening, &Replica) + Send>;

/// What happens to a tab.
pub enum Happening<'a> {
    Connecting,
    /// The socket is open.
    Opened,
    /// The socket could not be opened. Whoever finds nobody listening did not burden the server.
    Failed {
        is_refused: bool,
    },
    Heard(&'a ServerFrame),
    Said(&'a ClientFrame),
    Closed(Option<u16>),
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            tick: Duration::from_millis(10),
            random: Box::new(|| 0.02),
            keeps_frames: true,
            breaks_off: Box::new(|| false),
            witness: Box::new(|_, _| {}),
        }
    }
}

impl Habits {
    /// Those of the page in a browser, with chance of its own.
    pub fn of_a_browser(mut chance: fastrand::Rng, witness: Witness) -> Self {
        Self {
            tick: Duration::from_millis(250),
            random: Box::new(move || chance.f64()),
            keeps_frames: false,
            breaks_off: Box::new(|| false),
            witness,
        }
    }
}

pub struct Tab {
    seen: Arc<Mutex<Seen>>,
    changes: watch::Receiver<u64>,
    orders: mpsc::UnboundedSender<Order>,
    /// How many commands it was asked for.
    asked: AtomicU64,
    task: JoinHandle<()>,
}

/// What a test does to a tab.
enum Order {
    Tell(Box<Input>),
    /// Cuts the link, and all that would follow it.
    Cut,
    /// Lets the next link come about.
    Mend,
    /// Breaks the connection that there is, even one that is only coming about.
    Sever {
        by_reset: bool,
    },
}

impl Tab {
    /// Opens a page that the server rendered, with what earlier pages left in the outbox.
    pub fn open(
        address: SocketAddr,
        cookie: &str,
        me: Person,
        page: &Page,
        outbox: Vec<Pending>,
    ) -> Self {
        Self::open_with(address, cookie, me, page, outbox, Habits::default())
    }

    /// Opens a page in a browser with other habits than usual.
    pub fn open_with(
        address: SocketAddr,
        cookie: &str,
        me: Person,
        page: &Page,
        outbox: Vec<Pending>,
        habits: Habits,
    ) -> Self {
        let stored = outbox.iter().map(|pending| (pending.id.clone(), pending.clone())).collect();
        let mut replica = Replica::new(me, page.clone());
        replica.take_up(outbox);
        let seen = Arc::new(Mutex::new(Seen {
            replica,
            frames: Vec::new(),
            is_told: false,
            closes: Vec::new(),
            outbox: stored,
            is_signed_out: false,
            told: Vec::new(),
            asked: 0,
        }));
        let (orders, ordered) = mpsc::unbounded_channel();
        let (changed, changes) = watch::channel(0);
        let browser = Browser {
            address,
            cookie: cookie.to_owned(),
            seen: seen.clone(),
            changed,
            since: Instant::now(),
            socket: None,
            connecting: None,
            is_cut: false,
            habits,
        };
        let task = tokio::spawn(browser.run(ordered));
        Self { seen, changes, orders, asked: AtomicU64::new(0), task }
    }

    /// Looks at what is there now.
    pub fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }

    /// Waits until `find` finds what it looks for.
    pub async fn until<T>(&self, what: &str, find: impl Fn(&Seen) -> Option<T>) -> T {
        let mut changes = self.changes.clone();
        let found = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = self.look(&find) {
                    return found;
                }
                changes.changed().await.expect("the tab runs");
            }
        };
        match tokio::time::timeout(super::PATIENCE, found).await {
            Ok(found) => found,
            Err(_) => panic!(
                "waited in vain for {what}; link {:?}, lines {:?}",
                self.look(|seen| seen.replica.link()),
                self.texts()
            ),
        }
    }

    pub async fn expect_live(&self) {
        self.until("a live link, up to date", |seen| {
            let is_live = seen.replica.link() == LinkState::Live;
            (is_live && seen.is_told).then_some(())
        })
        .await;
    }

    pub async fn expect_link(&self, state: LinkState) {
        self.until(&format!("{state:?}"), |seen| (seen.replica.link() == state).then_some(()))
            .await;
    }

    /// Waits for a message that was sent, and gives it.
    pub async fn expect_message(&self, text: &str) -> Message {
        self.until(text, |seen| sent(seen).find(|message| message.text.as_str() == text)).await
    }

    /// Waits until this message is no longer there.
    pub async fn expect_gone(&self, message: Position) {
        self.until("the end of a message", |seen| {
            let is_there = sent(seen).any(|shown| shown.position == message);
            (!is_there).then_some(())
        })
        .await;
    }

    /// Waits until exactly these texts are shown, in this order, and nothing is on its way.
    pub async fn expect_texts(&self, texts: &[impl AsRef<str>]) {
        self.until("these messages", |seen| {
            let lines = seen.replica.lines();
            let is_settled = lines.iter().all(|line| matches!(line.content, Content::Sent(_)));
            let is_same = sent(seen)
                .map(|it| it.text.as_str().to_owned())
                .eq(texts.iter().map(|text| text.as_ref().to_owned()));
            (is_settled && is_same).then_some(())
        })
        .await;
    }

    /// Waits until everything that this tab asked for is settled.
    pub async fn expect_settled(&self) {
        let asked = self.asked.load(Ordering::Relaxed);
        self.until("all answers", |seen| {
            (seen.asked >= asked && seen.replica.waiting() == 0).then_some(())
        })
        .await;
    }

    pub fn lines(&self) -> Vec<Line> {
        self.look(|seen| seen.replica.lines())
    }

    /// The messages that were sent.
    pub fn messages(&self) -> Vec<Message> {
        self.look(|seen| sent(seen).collect())
    }

    /// What is shown, sent or on its way.
    pub fn texts(&self) -> Vec<String> {
        let text = |line: Line| match line.content {
            Content::Sent(message) => message.text.as_str().to_owned(),
            Content::OnItsWay { text, .. } => text.as_str().to_owned(),
        };
        self.lines().into_iter().map(text).collect()
    }

    pub fn frames(&self) -> Vec<ServerFrame> {
        self.look(|seen| seen.frames.clone())
    }

    pub fn post(&self, channel: &str, text: &str) -> CommandId {
        let text = MessageText::try_from(text).expect("a message");
        self.ask(Command { room: super::channel(channel), ask: Ask::Post(text) })
    }

    /// Posts files that were uploaded before.
    pub fn share(&self, channel: &str, text: &str, attachments: Vec<Attachment>) -> CommandId {
        let id = draw_command_id().expect("randomness");
        self.asked.fetch_add(1, Ordering::Relaxed);
        let text = MessageText::beside_attachments(text).expect("not too long");
        let room = super::channel(channel);
        self.tell(Input::Share { id: id.clone(), room, text, attachments, reply_to: None });
        id
    }

    pub fn delete(&self, channel: &str, message: Position) -> CommandId {
        self.ask(Command { room: super::channel(channel), ask: Ask::Delete(message) })
    }

    pub fn react(&self, channel: &str, message: Position, emoji: &str) -> CommandId {
        let ask = Ask::React(message, Emoji::stored(emoji.to_owned()));
        self.ask(Command { room: super::channel(channel), ask })
    }

    pub fn unreact(&self, channel: &str, message: Position, emoji: &str) -> CommandId {
        let ask = Ask::Unreact(message, Emoji::stored(emoji.to_owned()));
        self.ask(Command { room: super::channel(channel), ask })
    }

    /// Waits until a message has exactly these reactions: each emoji with the names of those who
    /// put it there.
    pub async fn expect_reactions(&self, message: Position, reactions: &[(&str, &[&str])]) {
        self.until("these reactions", |seen| {
            let message = sent(seen).find(|shown| shown.position == message)?;
            let is_same = message.reactions.len() == reactions.len()
                && message.reactions.iter().zip(reactions).all(|(is, (emoji, names))| {
                    is.emoji.as_str() == *emoji
                        && is
                            .people
                            .iter()
                            .map(|person| person.name.as_str())
                            .eq(names.iter().copied())
                });
            is_same.then_some(())
        })
        .await;
    }

    fn ask(&self, command: Command) -> CommandId {
        let id = draw_command_id().expect("randomness");
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.tell(Input::Ask { id: id.clone(), command });
        id
    }

    pub fn go(&self, channel: &str) {
        self.enter(super::channel(channel));
    }

    pub fn enter(&self, room: Room) {
        self.tell(Input::Open(Some(room)));
    }

    pub fn tell(&self, input: Input) {
        self.order(Order::Tell(Box::new(input)));
    }

    /// Cuts the link until it is [mended](Self::mend).
    pub async fn cut(&self) {
        self.order(Order::Cut);
        self.until("the end of the link", |seen| {
            (seen.replica.link() != LinkState::Live).then_some(())
        })
        .await;
    }

    pub fn mend(&self) {
        self.order(Order::Mend);
    }

    /// Breaks the connection, whatever it is doing, and lets the tab find its own way back.
    /// `by_reset` drops what is under way in the network too.
    pub fn sever(&self, by_reset: bool) {
        self.order(Order::Sever { by_reset });
    }

    fn order(&self, order: Order) {
        assert!(self.orders.send(order).is_ok(), "the tab runs");
    }

    /// Closes the tab, and gives what it leaves in the browser's storage.
    pub async fn close(mut self) -> Vec<Pending> {
        self.task.abort();
        let _ = soon("the tab's end", &mut self.task).await;
        self.look(|seen| seen.outbox.values().cloned().collect())
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn sent(seen: &Seen) -> impl Iterator<Item = Message> {
    seen.replica.lines().into_iter().filter_map(|line| match line.content {
        Content::Sent(message) => Some(message),
        Content::OnItsWay { .. } => None,
    })
}

/// Asserts that the events of a lane follow each other without a gap, a repeat or a step back, from
/// wherever the tab was told a position of it. Gives how many events there were.
#[track_caller]
pub fn assert_chain(frames: &[ServerFrame], lane: &Lane) -> usize {
    let mut chain = Chain::of(lane.clone());
    for frame in frames {
        if let Err(fault) = chain.follow(frame) {
            panic!("{fault:?} at {frame:?}");
        }
    }
    chain.events
}

/// The events of a lane as a tab hears them.
#[derive(Debug)]
pub struct Chain {
    lane: Lane,
    /// Where the tab is, once it was told.
    last: Option<Position>,
    /// How many events there were.
    pub events: usize,
}

/// What must not be in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Something between this and what was told before is missing.
    Gap,
    /// This was told before.
    Repeat,
    /// The server has forgotten what it told before.
    StepBack,
}

impl Chain {
    pub fn of(lane: Lane) -> Self {
        Self { lane, last: None, events: 0 }
    }

    /// Takes the next frame in.
    ///
    /// # Errors
    /// What is wrong with it. The chain goes on from there.
    pub fn follow(&mut self, frame: &ServerFrame) -> Result<(), Fault> {
        match frame {
            ServerFrame::Event(Event { lane, position, prev, .. }) if *lane == self.lane => {
                let known = self.last.replace(*position);
                self.events += 1;
                match known {
                    Some(known) if *position <= known => Err(Fault::Repeat),
                    Some(known) if *prev == known && position > prev => Ok(()),
                    _ => Err(Fault::Gap),
                }
            }
            ServerFrame::Difference(Difference { lane, position, .. }) if *lane == self.lane => {
                match self.last.replace(*position) {
                    Some(known) if *position < known => Err(Fault::StepBack),
                    _ => Ok(()),
                }
            }
            ServerFrame::Reset(Reset { room, window }) if self.lane == room.clone().into() => {
                self.last = Some(window.position);
                Ok(())
            }
            ServerFrame::Directory(directory) if self.lane == Lane::Directory => {
                self.last = Some(directory.position);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Seen {
    fn hear(&mut self, frame: &ServerFrame) {
        match frame {
            ServerFrame::Welcome(_) => self.is_told = false,
            ServerFrame::Reset(_)
            | ServerFrame::Difference(Difference {
                lane: Lane::Channel(_) | Lane::Direct(_),
                ..
            }) => {
                self.is_told = true;
            }
            _ => {}
        }
    }
}

type Connecting = Pin<Box<dyn Future<Output = Result<Socket, tungstenite::Error>> + Send>>;

/// What the browser is to the state machine: its socket, its clock and its storage.
struct Browser {
    address: SocketAddr,
    cookie: String,
    seen: Arc<Mutex<Seen>>,
    changed: watch::Sender<u64>,
    since: Instant,
    socket: Option<Socket>,
    connecting: Option<Connecting>,
    is_cut: bool,
    habits: Habits,
}

impl Browser {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut ticks = tokio::time::interval(self.habits.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let input = select! {
                order = orders.recv() => match order {
                    Some(Order::Tell(input)) => *input,
                    Some(Order::Cut) => {
                        self.is_cut = true;
                        self.socket = None;
                        self.connecting = None;
                        Input::Closed(None)
                    }
                    Some(Order::Mend) => {
                        self.is_cut = false;
                        self.connect();
                        continue;
                    }
                    Some(Order::Sever { by_reset }) => {
                        let had_one = self.socket.is_some() || self.connecting.is_some();
                        if let Some(Socket(socket)) = self.socket.take() && by_reset {
                            let _ = socket.get_ref().set_zero_linger();
                        }
                        self.connecting = None;
                        if !had_one {
                            continue;
                        }
                        Input::Closed(None)
                    }
                    None => return,
                },
                connected = connected(&mut self.connecting) => match connected {
                    Ok(socket) => {
                        self.socket = Some(socket);
                        Input::Opened
                    }
                    Err(error) => {
                        let is_refused = matches!(&error, tungstenite::Error::Io(error)
                            if error.kind() == io::ErrorKind::ConnectionRefused);
                        let failed = Happening::Failed { is_refused };
                        (self.habits.witness)(failed, &self.seen.lock().unwrap().replica);
                        Input::Closed(None)
                    }
                },
                message = message(&mut self.socket) => match message {
                    Some(Ok(Wire::Text(text))) => {
                        let frame = ServerFrame::read(&text).expect("a frame");
                        Input::Frame(frame)
                    }
                    Some(Ok(Wire::Close(close))) => {
                        let code = close.map(|close| close.code.into());
                        if let Some(Socket(mut socket)) = self.socket.take() {
                            // Answers the close, as browsers do.
                            let _ = socket.flush().await;
                        }
                        Input::Closed(code)
                    }
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => {
                        self.socket = None;
                        Input::Closed(None)
                    }
                },
                _ = ticks.tick() => Input::Tick,
            };
            let has_opened = matches!(input, Input::Opened);
            self.tell(input).await;
            if has_opened && (self.habits.breaks_off)() {
                self.socket = None;
                self.tell(Input::Closed(None)).await;
            }
        }
    }

    async fn tell(&mut self, input: Input) {
        let is_tick = matches!(input, Input::Tick);
        let millis = 1_700_000_000_000 + self.since.elapsed().as_millis() as u64;
        let now = Moment { millis, random: (self.habits.random)() };
        let outputs = {
            let seen = &mut *self.seen.lock().unwrap();
            let witness = &mut self.habits.witness;
            let outputs = match input {
                Input::Frame(frame) => {
                    seen.hear(&frame);
                    let outputs = seen.replica.handle(Input::Frame(frame.clone()), now);
                    witness(Happening::Heard(&frame), &seen.replica);
                    if self.habits.keeps_frames {
                        seen.frames.push(frame);
                    }
                    outputs
                }
                Input::Opened => {
                    let outputs = seen.replica.handle(input, now);
                    witness(Happening::Opened, &seen.replica);
                    outputs
                }
                Input::Closed(code) => {
                    seen.closes.push(code);
                    let outputs = seen.replica.handle(input, now);
                    witness(Happening::Closed(code), &seen.replica);
                    outputs
                }
                other => {
                    seen.asked +=
                        u64::from(matches!(other, Input::Ask { .. } | Input::Share { .. }));
                    seen.replica.handle(other, now)
                }
            };
            for output in &outputs {
                match output {
                    Output::Keep(pending) => {
                        seen.outbox.insert(pending.id.clone(), pending.clone());
                    }
                    Output::Forget(id) => {
                        seen.outbox.remove(id);
                    }
                    Output::SignedOut => seen.is_signed_out = true,
                    Output::Connect => witness(Happening::Connecting, &seen.replica),
                    Output::Send(frame) => witness(Happening::Said(frame), &seen.replica),
                    Output::Tell(refusal) => seen.told.push(refusal.clone()),
                    Output::Disconnect
                    | Output::Notice(_)
                    | Output::Withdraw(_)
                    | Output::Changed => {}
                }
            }
            outputs
        };
        let has_effect = !is_tick || !outputs.is_empty();
        for output in outputs {
            match output {
                Output::Connect => self.connect(),
                Output::Disconnect => {
                    self.socket = None;
                    self.connecting = None;
                }
                Output::Send(frame) => {
                    if let Some(socket) = &mut self.socket {
                        socket.say(&frame).await;
                    }
                }
                Output::Keep(_)
                | Output::Forget(_)
                | Output::Tell(_)
                | Output::Notice(_)
                | Output::Withdraw(_)
                | Output::SignedOut
                | Output::Changed => {}
            }
        }
        if has_effect {
            self.changed.send_modify(|count| *count += 1);
        }
    }

    fn connect(&mut self) {
        let (address, cookie, is_cut) = (self.address, self.cookie.clone(), self.is_cut);
        self.socket = None;
        self.connecting = Some(Box::pin(async move {
            if is_cut {
                return pending().await;
            }
            Socket::open(address, &cookie).await
        }));
    }
}

async fn connected(connecting: &mut Option<Connecting>) -> Result<Socket, tungstenite::Error> {
    match connecting {
        Some(opening) => {
            let opened = opening.await;
            *connecting = None;
            opened
        }
        None => pending().await,
    }
}

async fn message(socket: &mut Option<Socket>) -> Option<Result<Wire, tungstenite::Error>> {
    match socket {
        Some(Socket(socket)) => socket.next().await,
        None => pending().await,
    }
}
