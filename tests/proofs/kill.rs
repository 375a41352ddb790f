//! T1: what was acknowledged, or shown to anyone, is there after kill -9: once, and in its place.
//!
//! Several people write and delete, others listen, and the program is killed again and again, in the
//! middle of its work and sometimes while it starts. Their pages come back by themselves and go on
//! with their outbox. After every start, the file is compared with all that anybody was told.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Debug,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use flack::domain::{
    attachment::Attachment,
    command::CommandId,
    event::{Change, Lane},
    frame::{ClientFrame, Difference, ServerFrame},
    message::Message,
    name::ChannelName,
    person::PersonId,
    position::Position,
    room::Room,
};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::{
    database::{Database, Stored},
    report::{Form, Report},
    support::{
        chance,
        guest::Guest,
        program::{Program, lasting_address},
        soon,
        tab::{Chain, Fault, Habits, Happening, Tab, Witness},
    },
};

const CHANNELS: [&str; 2] = ["general", "design"];
const WRITERS: usize = 4;
const LISTENERS: usize = 2;

/// How many commands a writer lets wait.
const WAITING: usize = 8;

pub fn run(form: Form) -> Report {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(prove(form.pick(20, 200)))
}

async fn prove(rounds: u64) -> Report {
    let mut chance = chance::seeded();
    let dir = TempDir::new().expect("a directory");
    let address = lasting_address().to_string();
    let settings = [("LEPTOS_SITE_ADDR", address.as_str())];
    let start = || Program::start(dir.path(), &settings);

    let mut program = start();
    let told = Arc::new(Told::default());
    let mut tabs = Vec::new();
    let mut writers = Vec::new();
    for number in 0..WRITERS + LISTENERS {
        let guest = program.join(&format!("Guest {number}")).await;
        if number == 0 {
            guest.create_channel(CHANNELS[1]).await;
        }
        let tab = told.open(&guest, CHANNELS[number % 2], chance.fork());
        if number < WRITERS {
            let writer = write(tab.clone(), guest, told.clone(), chance.fork());
            writers.push(tokio::spawn(writer));
        }
        tabs.push(tab);
    }

    let mut audit = Audit::default();
    let mut worst = program.ready_after;
    let mut killed_at_start = 0;
    for round in 0..rounds {
        let goal = told.count().accepted + chance.u64(1..=80);
        soon("a round's commands", told.until(|count| count.accepted >= goal)).await;
        sleep(Duration::from_micros(chance.u64(0..20_000))).await;
        program.kill();
        if round % 4 == 3 {
            let after = Duration::from_micros(chance.u64(0..60_000));
            Program::start_in_vain(dir.path(), &settings, after);
            killed_at_start += 1;
        }
        program = start();
        worst = worst.max(program.ready_after);
        audit.go_on(dir.path(), &told);
    }
    for writer in writers {
        writer.abort();
        let _ = writer.await;
    }
    for tab in &tabs {
        tab.expect_settled().await;
    }
    // From the beginning, with all that was written to the end.
    let mut audit = Audit { faults: audit.faults, ..Audit::default() };
    audit.go_on(dir.path(), &told);
    audit.expect_all_asked(&told);
    compare_windows(&program, dir.path(), &tabs, &mut audit.faults).await;

    let files = audit.files;
    let Count { asked, accepted, seen } = told.count();
    let Faults { lost, doubled, reordered, refused } = told.lock().faults.plus(audit.faults);
    let mut report = Report::default();
    report.did("kills under load", rounds, rounds);
    report.did("while it starts", killed_at_start, rounds / 4);
    report.did("commands", asked, rounds * 20);
    report.did("acknowledged", accepted, rounds * 20);
    report.did("events seen", seen, rounds * 40);
    report.did("files compared", files, rounds);
    report.never("lost", lost);
    report.never("doubled", doubled);
    report.never("reordered", reordered);
    report.never("refused", refused);
    report.within("ready again", worst, Duration::from_secs(1));
    report
}

/// Writes into both channels, and now and then deletes something of it, until it is stopped.
async fn write(tab: Arc<Tab>, guest: Guest, told: Arc<Told>, mut chance: fastrand::Rng) {
    let author = guest.person.id;
    let mut numbers = [0; CHANNELS.len()];
    loop {
        if tab.look(|seen| seen.replica.waiting()) < WAITING {
            let own = if chance.u8(0..5) == 0 { told.take_own(author, &mut chance) } else { None };
            match own {
                Some((channel, message)) => {
                    tab.delete(&channel, message);
                }
                None => {
                    let place = chance.usize(0..CHANNELS.len());
                    numbers[place] += 1;
                    let text = numbers[place].to_string();
                    let files = match chance.u8(0..4) {
                        0 => upload(&guest, &mut chance).await,
                        _ => Vec::new(),
                    };
                    told.lock().asked.insert((author, CHANNELS[place]), numbers[place]);
                    match files.is_empty() {
                        true => tab.post(CHANNELS[place], &text),
                        false => tab.share(CHANNELS[place], &text, files),
                    };
                }
            }
        }
        sleep(Duration::from_micros(chance.u64(0..6_000))).await;
    }
}

/// Uploads one file or two; fewer if the server is killed meanwhile.
async fn upload(guest: &Guest, chance: &mut fastrand::Rng) -> Vec<Attachment> {
    let mut files = Vec::new();
    for number in 0..chance.usize(1..=2) {
        // Some have the same content as others, which may be about to be deleted.
        let content = match chance.bool() {
            true => vec![chance.u8(0..4); 10_000],
            false => (0..chance.usize(1..60_000)).map(|_| chance.u8(..)).collect(),
        };
        let answer = guest.upload_ask(&format!("{number}.bin"), &content).attempt().await;
        files.extend(answer.filter(|answer| answer.status == 201).map(|answer| answer.json()));
    }
    files
}

/// All that anybody was told, and asked for.
#[derive(Default)]
struct Told(Mutex<Record>);

#[derive(Default)]
struct Record {
    /// How many messages each has written in each channel: they are numbers that count up.
    asked: HashMap<(PersonId, &'static str), u64>,
    /// Messages that their author asked to be deleted.
    deletions: HashSet<Position>,
    /// What each may ask to be deleted.
    own: HashMap<PersonId, Vec<(String, Position)>>,
    accepted: HashMap<CommandId, (PersonId, Position)>,
    posted: BTreeMap<Position, Message>,
    deleted: BTreeMap<Position, Position>,
    seen: u64,
    faults: Faults,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    asked: u64,
    accepted: u64,
    seen: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    lost: u64,
    doubled: u64,
    reordered: u64,
    refused: u64,
}

/// What must not become of a message.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Lost,
    Doubled,
    Reordered,
    Refused,
}

impl Faults {
    /// Counts a fault, and says what it is.
    fn note(&mut self, kind: Kind, what: impl Debug) {
        println!("{kind:?}: {what:?}");
        *match kind {
            Kind::Lost => &mut self.lost,
            Kind::Doubled => &mut self.doubled,
            Kind::Reordered => &mut self.reordered,
            Kind::Refused => &mut self.refused,
        } += 1;
    }

    fn plus(self, other: Self) -> Self {
        Self {
            lost: self.lost + other.lost,
            doubled: self.doubled + other.doubled,
            reordered: self.reordered + other.reordered,
            refused: self.refused + other.refused,
        }
    }
}

impl Told {
    fn lock(&self) -> std::sync::MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self) -> Count {
        let record = self.lock();
        let posts: u64 = record.asked.values().sum();
        Count {
            asked: posts + record.deletions.len() as u64,
            accepted: record.accepted.len() as u64,
            seen: record.seen,
        }
    }

    async fn until(&self, is_enough: impl Fn(Count) -> bool) {
        while !is_enough(self.count()) {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// A message of one's own that was not asked to be deleted yet.
    fn take_own(&self, author: PersonId, chance: &mut fastrand::Rng) -> Option<(String, Position)> {
        let mut record = self.lock();
        let own = record.own.get_mut(&author).filter(|own| !own.is_empty())?;
        let (channel, message) = own.swap_remove(chance.usize(0..own.len()));
        record.deletions.insert(message);
        Some((channel, message))
    }

    /// Opens a page whose every frame is noted.
    fn open(self: &Arc<Self>, guest: &Guest, channel: &str, chance: fastrand::Rng) -> Arc<Tab> {
        let lane = Lane::Channel(ChannelName::try_from(channel).expect("a channel's name"));
        let witness = self.clone().witness(guest.person.id, Chain::of(lane));
        let mut habits = Habits::of_a_browser(chance.clone(), witness);
        // So that rounds are short. How a crowd returns is for another proof.
        let mut chance = chance;
        habits.random = Box::new(move || chance.f64() / 10.0);
        habits.tick = Duration::from_millis(10);
        Arc::new(guest.blank(channel, habits))
    }

    fn witness(self: Arc<Self>, me: PersonId, mut chain: Chain) -> Witness {
        let mut posts: HashMap<CommandId, String> = HashMap::new();
        Box::new(move |happening, _| match happening {
            Happening::Said(ClientFrame::Post { id, room: Room::Channel(channel), .. }) => {
                posts.insert(id.clone(), channel.as_str().to_owned());
            }
            Happening::Heard(frame) => {
                let record = &mut *self.lock();
                match chain.follow(frame) {
                    Ok(()) => {}
                    Err(Fault::Gap | Fault::StepBack) => record.faults.note(Kind::Lost, frame),
                    Err(Fault::Repeat) => record.faults.note(Kind::Doubled, frame),
                }
                if let ServerFrame::Accepted { id, position } = frame
                    && let Some(channel) = posts.remove(id)
                {
                    record.own.entry(me).or_default().push((channel, *position));
                }
                record.hear(me, frame);
            }
            _ => {}
        })
    }
}

impl Record {
    fn hear(&mut self, me: PersonId, frame: &ServerFrame) {
        match frame {
            ServerFrame::Accepted { id, position } => {
                let first = *self.accepted.entry(id.clone()).or_insert((me, *position));
                if first != (me, *position) {
                    self.faults.note(Kind::Doubled, (first, frame));
                }
            }
            ServerFrame::Refused { .. } => self.faults.note(Kind::Refused, frame),
            ServerFrame::Event(event) => {
                self.seen += 1;
                self.see(&event.change);
            }
            ServerFrame::Difference(Difference { changes, .. }) => {
                changes.iter().for_each(|change| self.see(change));
            }
            ServerFrame::Reset(reset) => {
                reset.window.messages().for_each(|message| self.see_message(message));
            }
            _ => {}
        }
    }

    fn see(&mut self, change: &Change) {
        match change {
            Change::Posted(message) => self.see_message(message),
            Change::Deleted(deletion) => {
                self.deleted.insert(deletion.position, deletion.message);
                deletion.uncovered.iter().for_each(|message| self.see_message(message));
            }
            Change::ChannelCreated(_)
            | Change::ChannelRevised(_)
            | Change::ChannelDeleted(_)
            | Change::DirectBegun(_)
            | Change::Revised(_) => {}
        }
    }

    /// Whoever sees a message sees the same one there.
    fn see_message(&mut self, message: &Message) {
        let first = &*self.posted.entry(message.position).or_insert_with(|| message.clone());
        if first != message {
            self.faults.note(Kind::Reordered, (first, message));
        }
    }
}

/// Compares the file with what was told, as far as that was not done before.
#[derive(Default)]
struct Audit {
    /// What is known to be on disk.
    accepted: HashSet<CommandId>,
    posted: Position,
    deleted: Position,
    stored: Position,
    /// The newest message of each author in each channel.
    newest: HashMap<(PersonId, String), u64>,
    /// Where each message of an author in a channel is.
    numbers: HashMap<(PersonId, String, u64), Position>,
    /// How many were read, and had the content that their name says.
    files: u64,
    faults: Faults,
}

impl Audit {
    fn go_on(&mut self, dir: &Path, told: &Told) {
        // First what was told, and then the file: it may hold more, but not less.
        let record = told.lock();
        let accepted: Vec<_> = record
            .accepted
            .iter()
            .filter(|(id, _)| !self.accepted.contains(id))
            .map(|(id, (by, position))| (id.clone(), *by, *position))
            .collect();
        let posted: Vec<Message> =
            record.posted.range(self.posted.next()..).map(|(_, it)| it.clone()).collect();
        let deleted: Vec<(Position, Position)> =
            record.deleted.range(self.deleted.next()..).map(|(at, it)| (*at, *it)).collect();
        drop(record);

        let database = Database::open(dir);
        for (id, by, position) in accepted {
            match database.command(by, &id) {
                Some(stored) if stored == position => {}
                Some(stored) => self.faults.note(Kind::Reordered, (&id, stored, position)),
                None => self.faults.note(Kind::Lost, (&id, position)),
            }
            self.accepted.insert(id);
        }
        for message in posted {
            self.posted = self.posted.max(message.position);
            match database.message(message.position) {
                Some(it) if it.author == message.author.id && it.text == message.text.as_str() => {
                    let files = database.attachments(message.position);
                    let told = message.attachments.iter().map(|file| file.id.as_str());
                    let is_same = told.eq(files.iter().map(|file| file.id.as_str()));
                    if !is_same || !files.iter().all(|file| database.has_content(file)) {
                        self.faults.note(Kind::Lost, ("a file", &message, files));
                    }
                    self.files += message.attachments.len() as u64;
                }
                Some(it) => self.faults.note(Kind::Reordered, (&message, it)),
                None if database.deletion(message.position).is_some() => {}
                None => self.faults.note(Kind::Lost, &message),
            }
        }
        for (position, message) in deleted {
            self.deleted = self.deleted.max(position);
            let is_kept = database.deletion(message) == Some(position);
            if !is_kept || database.message(message).is_some() {
                self.faults.note(Kind::Lost, ("the deletion", position, message));
            }
        }
        for message in database.messages(self.stored) {
            self.read(message);
        }
    }

    /// Each number once, and after those that its author wrote before it.
    fn read(&mut self, message: Stored) {
        self.stored = message.position;
        let number: u64 = message.text.parse().expect("the messages are numbers");
        let lane = (message.author, message.channel.clone());
        let newest = self.newest.insert(lane, number).unwrap_or_default();
        let once = (message.author, message.channel, number);
        if let Some(first) = self.numbers.insert(once, message.position) {
            self.faults.note(Kind::Doubled, (message.author, number, first, message.position));
        } else if number < newest {
            self.faults.note(Kind::Reordered, (message.author, number, newest));
        }
    }

    /// All outboxes are empty: whatever was written is there, unless it was deleted.
    fn expect_all_asked(&mut self, told: &Told) {
        let record = told.lock();
        let posts: u64 = record.asked.values().sum();
        let there = (self.numbers.len() + record.deletions.len()) as u64;
        if there != posts {
            let kind = if there < posts { Kind::Lost } else { Kind::Doubled };
            self.faults.note(kind, ("of all messages", posts, "there are or were", there));
        }
    }
}

/// Every page shows what the file holds, and so does one that is opened now.
async fn compare_windows(program: &Program, dir: &Path, tabs: &[Arc<Tab>], faults: &mut Faults) {
    let fresh = program.join("Fresh").await;
    let mut shown = Vec::new();
    for channel in CHANNELS {
        let tab = fresh.blank(channel, Habits::default());
        tab.expect_live().await;
        shown.push((channel, Arc::new(tab)));
    }
    let viewing = tabs.iter().enumerate().map(|(number, tab)| (CHANNELS[number % 2], tab.clone()));
    shown.extend(viewing);
    for (channel, tab) in shown {
        let stored = Database::open(dir).window(channel);
        let is_same = || {
            let shown = tab.messages();
            shown.len() == stored.len()
                && shown.iter().zip(&stored).all(|(shown, stored)| {
                    shown.position == stored.position
                        && shown.text.as_str() == stored.text
                        && shown.author.id == stored.author
                })
        };
        let same = async {
            while !is_same() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let is_same = tokio::time::timeout(Duration::from_secs(5), same).await.is_ok();
        if !is_same || stored.is_empty() {
            faults.note(Kind::Lost, ("a window", channel, tab.texts()));
        }
    }
}
