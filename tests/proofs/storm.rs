//! T5: whoever is cut off, however often and whenever, misses nothing and gets nothing twice.
//!
//! A crowd follows channels in which people write and delete all the time, while its connections
//! break at random: while live, while connecting, in the middle of catching up. What each page shows
//! whenever it has caught up is compared with what the channel was at that position, as someone
//! heard it who was never cut off.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use flack::{
    domain::{
        command::CommandId,
        event::{Change, Lane},
        frame::{ClientFrame, Difference, ServerFrame},
        name::ChannelName,
        position::Position,
        window::Window,
    },
    sync::{Replica, link::LinkState},
};
use futures_util::{StreamExt, stream};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::sleep};

use crate::{
    database::Database,
    report::{Form, Report},
    support::{
        chance, channel as room,
        guest::Guest,
        program::Program,
        socket::Socket,
        soon,
        tab::{Chain, Fault, Habits, Happening, Tab},
    },
};

const CHANNELS: [&str; 3] = ["general", "design", "lunch"];

/// Where one is away while 100 messages are written, beside the storm.
const ASIDE: &str = "aside";

/// Of all channels together, with the deletions.
const COMMANDS_PER_SECOND: u64 = 50;
/// Cuts per second for each hundred clients.
const CUTS_PER_SECOND: u64 = 40;

/// How many messages somebody missed who has to be up to date within [`COMPLETE`].
const MISSED: usize = 100;
const COMPLETE: Duration = Duration::from_secs(1);

pub fn run(form: Form) -> Report {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(prove(form.pick(100, 500), form.pick(500, 5_000)))
}

async fn prove(clients: usize, cuts: u64) -> Report {
    let mut chance = chance::seeded();
    let dir = TempDir::new().expect("a directory");
    let program = Program::start(dir.path(), &[("LEPTOS_SITE_ADDR", "127.0.0.1:0")]);
    let names: Vec<String> = (0..clients).map(|number| format!("Guest {number}")).collect();
    let joining = stream::iter(&names).map(|name| program.join(name)).buffered(8);
    let guests: Vec<Guest> = joining.collect().await;
    for channel in CHANNELS[1..].iter().chain([&ASIDE]) {
        guests[0].create_channel(channel).await;
    }
    let history = Arc::new(Mutex::new(History::default()));
    let chronicle = tokio::spawn(keep_history(guests[0].socket(&CHANNELS).await, history.clone()));

    let told = Arc::new(Mutex::new(Told::default()));
    let (begin, mut begun) = mpsc::unbounded_channel();
    let mut tabs = Vec::new();
    for (number, guest) in guests.iter().enumerate() {
        let habits = habits(number, told.clone(), begin.clone(), chance.fork());
        tabs.push(Arc::new(guest.blank(CHANNELS[number % CHANNELS.len()], habits)));
        sleep(Duration::from_millis(5)).await;
    }
    up_to_date(&tabs).await;
    while begun.try_recv().is_ok() {} // the arrival

    let writer = tokio::spawn(write(guests[1].socket(&[]).await, chance.fork()));
    let is_over = Arc::new(AtomicBool::new(false));
    let talker = tokio::spawn(set_topics(guests[4].clone(), is_over.clone()));
    let missed = tokio::spawn(miss_and_return(program.address, guests[2].cookie.clone(), {
        let habits = Habits::default();
        (guests[3].blank(ASIDE, habits), form_tries(cuts))
    }));
    // Some are cut off again as soon as they come back.
    let (returning, mut luck) = (tabs.clone(), chance.fork());
    let ambush = tokio::spawn(async move {
        while let Some(number) = begun.recv().await {
            if luck.u8(0..4) == 0 {
                let (tab, by_reset) = (returning[number].clone(), luck.bool());
                let after = Duration::from_millis(luck.u64(0..3));
                tokio::spawn(async move {
                    if !after.is_zero() {
                        sleep(after).await;
                    }
                    tab.sever(by_reset);
                });
            }
        }
    });
    let pause = Duration::from_secs(100) / (clients as u64 * CUTS_PER_SECOND) as u32;
    let mut is_due = tokio::time::interval(pause);
    is_due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while told.lock().unwrap().cuts() < cuts {
        is_due.tick().await;
        tabs[chance.usize(0..clients)].sever(chance.bool());
    }
    ambush.abort();
    let (worst, tries) = soon("the return of one", missed).await.expect("no panic");
    writer.abort();
    is_over.store(true, Ordering::Relaxed);
    let topics = soon("the last topic", talker).await.expect("no panic");
    let written = history_is_complete(dir.path(), &history).await;
    up_to_date(&tabs).await;
    let different = different(dir.path(), &tabs).await;

    // Nothing new happens now. Everyone is cut off once more.
    told.lock().unwrap().begin_quiet();
    for tab in &tabs {
        tab.sever(chance.bool());
    }
    soon("all empty differences", async {
        while told.lock().unwrap().quiet.differences < clients as u64 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // Whatever is replayed comes right after.
    sleep(Duration::from_millis(300)).await;
    chronicle.abort();

    let told = told.lock().unwrap();
    let history = history.lock().unwrap();
    let wrong = told.returns.iter().filter(|it| !history.has(it)).count();
    let mut report = Report::default();
    report.did("clients", clients as u64, clients as u64);
    report.did("cuts", told.cuts(), cuts);
    report.did("of them while connecting", told.cut_connecting, cuts / 50);
    report.did("while catching up", told.cut_catching_up, cuts / 50);
    report.did("commands", written, cuts / 5);
    report.did("topics", topics, cuts / 100);
    report.did("events heard", told.events, cuts * 10);
    report.did("returns compared", told.returns.len() as u64, cuts / 4);
    report.did("absences of 100 messages", tries, form_tries(cuts) as u64);
    report.never("gaps", told.gaps);
    report.never("doubles", told.doubles);
    report.never("returns to something else", wrong as u64);
    report.never("windows that differ", different);
    report.never("closed by the server", told.closed_by_server);
    report.never("replayed with nothing new", told.quiet.replayed);
    report.within("100 missed messages", worst, COMPLETE);
    report
}

fn form_tries(cuts: u64) -> usize {
    if cuts > 500 { 40 } else { 20 }
}

/// What the crowd heard, and where it was cut.
#[derive(Default)]
struct Told {
    cut_live: u64,
    cut_connecting: u64,
    cut_catching_up: u64,
    closed_by_server: u64,
    events: u64,
    gaps: u64,
    doubles: u64,
    /// What was shown when somebody had caught up.
    returns: Vec<Shown>,
    quiet: Quiet,
}

/// What came when nothing was new.
#[derive(Default)]
struct Quiet {
    has_begun: bool,
    differences: u64,
    replayed: u64,
}

/// What a page showed of a channel at a position of its lane.
struct Shown {
    channel: usize,
    position: Position,
    messages: u64,
}

impl Told {
    fn cuts(&self) -> u64 {
        self.cut_live + self.cut_connecting + self.cut_catching_up
    }

    fn begin_quiet(&mut self) {
        self.quiet = Quiet { has_begun: true, ..Quiet::default() };
    }
}

/// How far a tab has come with its link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    CatchingUp,
    Live,
    Down,
}

/// Of a tab as in a browser, which notes all that it hears.
fn habits(
    number: usize,
    told: Arc<Mutex<Told>>,
    begin: mpsc::UnboundedSender<usize>,
    mut chance: fastrand::Rng,
) -> Habits {
    let channel = number % CHANNELS.len();
    let name = ChannelName::try_from(CHANNELS[channel]).expect("a channel's name");
    let mut chain = Chain::of(Lane::Channel(name));
    let mut stage = Stage::Down;
    let heard = told.clone();
    let witness = move |happening: Happening, replica: &Replica| {
        let told = &mut *heard.lock().unwrap();
        match happening {
            Happening::Connecting => {
                stage = Stage::Connecting;
                let _ = begin.send(number);
            }
            Happening::Opened => stage = Stage::CatchingUp,
            Happening::Failed { .. } => stage = Stage::Down,
            Happening::Closed(code) => {
                told.closed_by_server += u64::from(code.is_some());
                match stage {
                    _ if code.is_some() => {}
                    Stage::Connecting => told.cut_connecting += 1,
                    Stage::CatchingUp => told.cut_catching_up += 1,
                    Stage::Live => told.cut_live += 1,
                    Stage::Down => {}
                }
                stage = Stage::Down;
            }
            // A client that asks again has noticed a gap.
            Happening::Said(ClientFrame::View(_)) => told.gaps += 1,
            Happening::Said(_) => {}
            Happening::Heard(frame) => {
                match chain.follow(frame) {
                    Ok(()) => {}
                    Err(Fault::Gap | Fault::StepBack) => told.gaps += 1,
                    Err(Fault::Repeat) => told.doubles += 1,
                }
                told.hear(frame);
                let has_caught_up = matches!(
                    frame,
                    ServerFrame::Reset(_)
                        | ServerFrame::Difference(Difference { lane: Lane::Channel(_), .. })
                );
                if has_caught_up {
                    stage = Stage::Live;
                }
                let event = matches!(frame, ServerFrame::Event(_));
                // What comes of a difference is compared each time, what comes of an event often.
                if (has_caught_up || event && told.events.is_multiple_of(64))
                    && let Some(window) = replica.window()
                {
                    told.returns.push(Shown {
                        channel,
                        position: window.position,
                        messages: fingerprint(window.messages().map(|it| it.position)),
                    });
                }
            }
        }
    };
    // Catching up takes a millisecond: those who are cut off in its midst are not left to luck alone.
    let mut luck = chance.fork();
    let breaks_off = move || !told.lock().unwrap().quiet.has_begun && luck.u8(0..8) == 0;
    let habits = Habits::of_a_browser(chance, Box::new(witness));
    Habits { breaks_off: Box::new(breaks_off), ..habits }
}

impl Told {
    fn hear(&mut self, frame: &ServerFrame) {
        let is_new = match frame {
            ServerFrame::Event(_) => {
                self.events += 1;
                true
            }
            ServerFrame::Reset(_) | ServerFrame::Directory(_) => true,
            ServerFrame::Difference(Difference { lane, changes, .. }) => {
                let is_of_channel = matches!(lane, Lane::Channel(_));
                self.quiet.differences += u64::from(is_of_channel);
                !changes.is_empty()
            }
            _ => false,
        };
        self.quiet.replayed += u64::from(is_new && self.quiet.has_begun);
    }
}

/// A number that stands for which messages these are. Their words never change.
fn fingerprint(messages: impl Iterator<Item = Position>) -> u64 {
    messages.fold(0xcbf2_9ce4_8422_2325, |number, position| {
        (number ^ position.0).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
    })
}

/// Every channel as it was at every position.
#[derive(Default)]
struct History {
    messages: [Vec<Position>; CHANNELS.len()],
    newest: Position,
    shown: HashMap<(usize, Position), u64>,
}

impl History {
    fn follow(&mut self, channel: usize, position: Position, change: &Change) {
        let messages = &mut self.messages[channel];
        match change {
            Change::Posted(message) => messages.push(message.position),
            Change::Deleted(deletion) => messages.retain(|known| *known != deletion.message),
            Change::ChannelCreated(_)
            | Change::ChannelRevised(_)
            | Change::ChannelDeleted(_)
            | Change::DirectBegun(_)
            | Change::Revised(_) => {}
        }
        let from = messages.len().saturating_sub(Window::LIMIT);
        self.shown.insert((channel, position), fingerprint(messages[from..].iter().copied()));
        self.newest = position;
    }

    fn has(&self, shown: &Shown) -> bool {
        match self.shown.get(&(shown.channel, shown.position)) {
            Some(messages) => *messages == shown.messages,
            // Before anything was written.
            None => shown.messages == fingerprint([].into_iter()),
        }
    }
}

/// Listens to all channels, and is never cut off.
async fn keep_history(mut socket: Socket, history: Arc<Mutex<History>>) {
    let mut alive = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            frame = socket.0.next() => {
                let Some(Ok(frame)) = frame else { panic!("the one who listens was cut off") };
                let Ok(text) = frame.to_text() else { continue };
                let Ok(ServerFrame::Event(event)) = ServerFrame::read(text) else { continue };
                let Lane::Channel(name) = &event.lane else { continue };
                let channel = CHANNELS.iter().position(|it| *it == name.as_str());
                let channel = channel.expect("it views only these");
                history.lock().unwrap().follow(channel, event.position, &event.change);
            }
            _ = alive.tick() => socket.say(&ClientFrame::Ping).await,
        }
    }
}

/// Says again and again what channels are about, until it is over. Gives how often.
async fn set_topics(guest: Guest, is_over: Arc<AtomicBool>) -> u64 {
    let mut is_due = tokio::time::interval(Duration::from_millis(250));
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        is_due.tick().await;
        let channel = CHANNELS[number % CHANNELS.len()];
        let topic = [("channel", channel), ("topic", &format!("topic {number}"))];
        guest.ask("/api/set_topic", &topic).await.expect(200);
        number += 1;
    }
    number as u64
}

/// Writes into all channels, and deletes every seventh message, until it is stopped.
async fn write(mut socket: Socket, mut chance: fastrand::Rng) {
    let mut own: Vec<(&str, Position)> = Vec::new();
    let mut is_due = tokio::time::interval(Duration::from_secs(1) / COMMANDS_PER_SECOND as u32);
    for number in 0_u64.. {
        is_due.tick().await;
        let id = command_id(&format!("storm-{number}"));
        if number % 7 == 6 && !own.is_empty() {
            // One of the newest, so that windows change.
            let place = chance.usize(own.len().saturating_sub(100)..own.len());
            let (channel, message) = own.remove(place);
            socket.say(&ClientFrame::Delete { id, room: room(channel), message }).await;
            accepted(&mut socket).await;
        } else {
            let channel = CHANNELS[chance.usize(0..CHANNELS.len())];
            let text = format!("message {number}");
            socket
                .say(&ClientFrame::Post {
                    id,
                    room: room(channel),
                    text,
                    attachments: vec![],
                    reply_to: None,
                })
                .await;
            own.push((channel, accepted(&mut socket).await));
        }
    }
}

fn command_id(raw: &str) -> CommandId {
    CommandId::try_from(raw.to_owned()).expect("printable")
}

async fn accepted(socket: &mut Socket) -> Position {
    socket
        .hear_until(|frame| match frame {
            ServerFrame::Accepted { position, .. } => Some(position),
            ServerFrame::Refused { refusal, .. } => panic!("refused: {refusal}"),
            _ => None,
        })
        .await
}

/// Is away while 100 messages are written, again and again. Gives the longest time between the
/// link's return and a complete window, and how often it was tried.
async fn miss_and_return(
    address: std::net::SocketAddr,
    writer: String,
    (tab, tries): (Tab, usize),
) -> (Duration, u64) {
    let mut socket = Socket::open(address, &writer).await.expect("a socket");
    socket.greet(&[]).await;
    tab.expect_live().await;
    let mut worst = Duration::ZERO;
    for attempt in 0..tries {
        tab.cut().await;
        let mut last = Position::ZERO;
        for number in 0..MISSED {
            let id = command_id(&format!("aside-{attempt}-{number}"));
            let text = format!("{attempt} {number}");
            socket
                .say(&ClientFrame::Post {
                    id,
                    room: room(ASIDE),
                    text,
                    attachments: vec![],
                    reply_to: None,
                })
                .await;
        }
        for _ in 0..MISSED {
            last = accepted(&mut socket).await;
        }
        // Connecting counts too.
        let start = Instant::now();
        tab.mend();
        tab.until("all that was missed", |seen| {
            let window = seen.replica.window()?;
            let texts = window.messages().map(|it| it.text.as_str().to_owned());
            let all = (0..MISSED).map(|number| format!("{attempt} {number}"));
            (window.position >= last && texts.eq(all)).then_some(())
        })
        .await;
        worst = worst.max(start.elapsed());
    }
    (worst, tries as u64)
}

/// Waits until everyone is live, and has caught up.
async fn up_to_date(tabs: &[Arc<Tab>]) {
    for tab in tabs {
        tab.until("a live link, up to date", |seen| {
            (seen.is_told && seen.replica.link() == LinkState::Live).then_some(())
        })
        .await;
    }
}

/// Waits until the one who listens has heard the last of what is on disk. Gives how much that was.
async fn history_is_complete(dir: &std::path::Path, history: &Mutex<History>) -> u64 {
    // What was asked last may still be on its way.
    sleep(Duration::from_millis(500)).await;
    let database = Database::open(dir);
    let newest = CHANNELS.iter().filter_map(|channel| database.last(channel)).max();
    soon("the end of the history", async {
        while Some(history.lock().unwrap().newest) < newest {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    history.lock().unwrap().shown.len() as u64
}

/// What a page lists channels as being about.
fn topics_of(tab: &Tab) -> Vec<(String, String)> {
    tab.look(|seen| {
        let channels = seen.replica.directory().channels().iter();
        let topics = channels.filter_map(|channel| {
            let topic = channel.topic.as_ref()?.text.as_str().to_owned();
            Some((channel.name.as_str().to_owned(), topic))
        });
        topics.collect()
    })
}

/// How many pages do not show, in the end, what the file holds.
async fn different(dir: &std::path::Path, tabs: &[Arc<Tab>]) -> u64 {
    let database = Database::open(dir);
    let windows = CHANNELS.map(|channel| database.window(channel));
    let topics = database.topics();
    let mut different = 0;
    for (number, tab) in tabs.iter().enumerate() {
        let window = &windows[number % CHANNELS.len()];
        let is_same = || {
            let shown = tab.messages();
            let shown = shown.iter().map(|it| (it.position, it.author.id, it.text.as_str()));
            shown.eq(window.iter().map(|it| (it.position, it.author, it.text.as_str())))
                && topics_of(tab) == topics
        };
        let same = async {
            while !is_same() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        different += u64::from(tokio::time::timeout(Duration::from_secs(1), same).await.is_err());
    }
    different
}
