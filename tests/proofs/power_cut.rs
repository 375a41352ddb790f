//! T2: what was acknowledged, or shown to anyone, survives a power cut.
//!
//! The real program works under load, and what it writes and syncs is recorded, from its very first
//! start. Then the power is cut at random points: what was not synced is lost, reordered or torn. The
//! server's own code opens what is left, which is compared with what people had been told by then.
//! The power is also cut while the program recovers from that, or from having been killed.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use chrono::DateTime;
use flack::{
    domain::{
        attachment::Attachment,
        command::{Accepted, Ask, Command, CommandId},
        event::Change,
        frame::ServerFrame,
        message::MessageText,
        name::ChannelName,
        person::PersonId,
        position::Position,
        room::Room,
    },
    server::{
        files::FileLimits,
        log::Request,
        store::{DataDir, Limits, Outcome},
    },
};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::{
    disk::{Model, Trace, files, library},
    report::{Form, Report},
    seeds::{Violation, explore},
    support::{guest::Guest, program::Program},
};

const WRITERS: usize = 4;
const COMMANDS: usize = 250;

/// How often the power is cut in one recovery.
const CUTS: u64 = 10;

/// Where the data is, below the directory that is recorded: deep enough that directories are made.
const DATA: &str = "some/where";

pub fn run(form: Form) -> Report {
    let (cuts, recoveries) = form.pick((300, 16), (10_000, 400));
    let work = TempDir::new().expect("a directory");
    let root = work.path().join("disk");
    fs::create_dir(&root).expect("a new directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let recording = runtime.block_on(record(work.path(), &root));
    let history = History::new(root, recording);
    let unrecorded = u64::from(history.end.seen() != files(&history.root));

    let (starts, broken) = explore(cuts, |seed| history.cut(seed));
    let in_start = starts.iter().filter(|is_start| **is_start).count();
    let (kills, broken_in_recovery) = explore(recoveries, |seed| history.cut_recovery(seed));
    let kills = kills.iter().filter(|was_kill| **was_kill).count();
    let never_synced = history.without_syncs();
    let found_out = (0..20).filter(|seed| never_synced.cut(*seed).is_err()).count();

    let mut report = Report::default();
    report.did("writes and syncs", history.trace.records.len() as u64, 1_000);
    let uploads = history.told.iter().filter(|(_, told)| matches!(told, Told::Uploaded { .. }));
    report.did("files", uploads.count() as u64, (WRITERS * COMMANDS / 5) as u64);
    let topics = history.told.iter().filter(|(_, told)| matches!(told, Told::Topic { .. }));
    report.did("topics", topics.count() as u64, (COMMANDS / 8) as u64);
    report.did("told", history.told.len() as u64, (WRITERS * COMMANDS) as u64);
    report.did("cuts", starts.len() as u64 + broken, cuts);
    report.did("of them in the first start", in_start as u64, cuts / 10);
    report.did("cuts in recovery", recoveries * CUTS, recoveries * CUTS);
    report.did("recoveries from a kill", kills as u64, recoveries / 4);
    report.did("of 20 cuts of a disk that is never synced found out", found_out as u64, 1);
    report.never("files unlike the record", unrecorded);
    report.never("lost, doubled or unreadable", broken);
    report.never("in recovery", broken_in_recovery);
    if broken + broken_in_recovery + unrecorded > 0 {
        println!("  kept: {}", work.keep().display());
    }
    report
}

/// Something that people know, so that it may not be lost.
#[derive(Clone, Debug)]
pub enum Told {
    Person {
        id: PersonId,
        name: String,
    },
    Channel {
        name: String,
        created: Position,
    },
    /// What a channel is about, by a number that only grows.
    Topic {
        channel: String,
        number: usize,
    },
    Posted {
        position: Position,
        author: PersonId,
        text: String,
    },
    /// A command that was acknowledged, and where it was done.
    Done {
        by: PersonId,
        id: CommandId,
        position: Position,
    },
    Deleted {
        message: Position,
    },
    /// A file was taken in, to be posted.
    Uploaded {
        id: String,
        content: Vec<u8>,
    },
    /// A message has this file.
    Attached {
        message: Position,
        id: String,
    },
}

/// What people were told, each with the length of the trace when they were.
#[derive(Clone)]
struct Witness {
    trace: PathBuf,
    told: Arc<Mutex<Vec<(u64, Told)>>>,
}

impl Witness {
    fn note(&self, told: Told) {
        let length = fs::metadata(&self.trace).expect("the trace is there").len();
        self.told.lock().unwrap().push((length, told));
    }
}

struct Recording {
    trace: Trace,
    /// How long the trace was when the program was ready for the first time.
    ready: u64,
    told: Vec<(u64, Told)>,
}

/// What makes a program's disk be recorded.
fn settings(root: &Path, trace: &Path) -> Vec<(&'static str, String)> {
    let text = |path: &Path| path.to_str().expect("a path of ours").to_owned();
    vec![
        ("LD_PRELOAD", text(library())),
        ("FLACK_DISK", text(root)),
        ("FLACK_DISK_TRACE", text(trace)),
        ("FLACK_DATA_DIR", text(&root.join(DATA))),
    ]
}

fn start(work: &Path, root: &Path, trace: &Path) -> Program {
    let settings = settings(root, trace);
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Program::start(work, &settings)
}

fn stop(program: Program) {
    program.terminate();
    let (status, log) = program.wait();
    assert!(status.success(), "{status}: {log}");
}

/// Lets the program work, from its first start over a stop to a second one.
async fn record(work: &Path, root: &Path) -> Recording {
    let trace = work.join("trace");
    let witness = Witness { trace: trace.clone(), told: Arc::default() };
    let program = start(work, root, &trace);
    let ready = fs::metadata(&trace).expect("the program wrote").len();
    let mut guests = Vec::new();
    for number in 0..WRITERS {
        guests.push(join(&program, &format!("Guest {number}"), &witness).await);
    }
    let channel = guests[0].create_channel("design").await;
    let name = channel.name.as_str().to_owned();
    witness.note(Told::Channel { name, created: channel.created });
    work_for(&guests, COMMANDS / 2, 0, &witness).await;
    stop(program);

    let program = start(work, root, &trace);
    let guests: Vec<Guest> = guests.iter().map(|guest| program.again(guest)).collect();
    work_for(&guests, COMMANDS / 2, COMMANDS, &witness).await;
    stop(program);
    let told = witness.told.lock().unwrap().clone();
    Recording { trace: Trace::read(&trace), ready, told }
}

async fn join(program: &Program, name: &str, witness: &Witness) -> Guest {
    let guest = program.join(name).await;
    witness.note(Told::Person { id: guest.person.id, name: name.to_owned() });
    guest
}

/// Everyone writes and deletes at once, and somebody watches.
async fn work_for(guests: &[Guest], count: usize, from: usize, witness: &Witness) {
    let mut watcher = guests[0].socket(&["general", "design"]).await;
    let watching = witness.clone();
    let watch = tokio::spawn(async move {
        loop {
            let ServerFrame::Event(event) = watcher.hear().await else { continue };
            match event.change {
                Change::Posted(message) => watching.note(Told::Posted {
                    position: message.position,
                    author: message.author.id,
                    text: message.text.as_str().to_owned(),
                }),
                Change::Deleted(deletion) => {
                    watching.note(Told::Deleted { message: deletion.message });
                }
                Change::ChannelCreated(_)
                | Change::ChannelRevised(_)
                | Change::ChannelDeleted(_)
                | Change::DirectBegun(_)
                | Change::Revised(_) => {}
            }
        }
    });
    let mut writers = JoinSet::new();
    for (number, guest) in guests.iter().enumerate() {
        let (guest, witness) = (guest.clone(), witness.clone());
        writers.spawn(async move { write(&guest, number, from..from + count, &witness).await });
    }
    writers.join_all().await;
    watch.abort();
    let _ = watch.await;
}

async fn write(guest: &Guest, number: usize, numbers: std::ops::Range<usize>, witness: &Witness) {
    let channel = ["general", "design"][number % 2];
    let author = guest.person.id;
    let mut random = fastrand::Rng::with_seed(number as u64);
    let mut own = Vec::new();
    for command in numbers {
        let text = format!("{number}-{command} {}", "x".repeat(random.usize(0..1_500)));
        let text = text.trim_end().to_owned();
        let id = format!("{number}-{command}");
        let file =
            if command % 4 == 0 { Some(upload(guest, &mut random, witness).await) } else { None };
        let fields = [("channel", channel), ("text", &text), ("id", &id)];
        let files: Vec<&Attachment> = file.iter().collect();
        let Accepted { position } = guest.share_to(&fields, &files).await.expect(200).json();
        if let Some(file) = file {
            witness.note(Told::Attached { message: position, id: file.id.into() });
        }
        let id = CommandId::try_from(id).expect("short and printable");
        witness.note(Told::Done { by: author, id, position });
        witness.note(Told::Posted { position, author, text });
        own.push(position);
        // One of those who write there.
        if command % 8 == 0 && number < 2 {
            let topic = [("channel", channel), ("topic", &format!("{TOPIC}{command}"))];
            guest.ask("/api/set_topic", &topic).await.expect(200);
            witness.note(Told::Topic { channel: channel.to_owned(), number: command });
        }
        if command % 5 == 0 {
            let message = own.swap_remove(random.usize(0..own.len()));
            guest.delete(channel, message).await.expect(200);
            witness.note(Told::Deleted { message });
        }
    }
}

async fn upload(guest: &Guest, random: &mut fastrand::Rng, witness: &Witness) -> Attachment {
    // Some have the same content as others, which may be about to be deleted.
    let content = match random.u8(0..3) {
        0 => vec![random.u8(0..3); 5_000],
        _ => (0..random.usize(1..20_000)).map(|_| random.u8(..)).collect(),
    };
    let file = guest.upload("notes.bin", &content).await;
    witness.note(Told::Uploaded { id: file.id.as_str().to_owned(), content });
    file
}

/// What was recorded, ready to be cut off anywhere.
struct History {
    root: PathBuf,
    trace: Trace,
    /// How many records the first start has.
    start: usize,
    told: Vec<(u64, Told)>,
    /// The disk after every so many records, so that none has to be replayed from the beginning.
    steps: Vec<(usize, Model)>,
    end: Model,
}

impl History {
    fn new(root: PathBuf, recording: Recording) -> Self {
        let Recording { trace, ready, told } = recording;
        let start = trace.ends.partition_point(|end| *end <= ready);
        let step = trace.records.len().div_ceil(16);
        let mut steps = Vec::new();
        let mut model = Model::default();
        for (place, record) in trace.records.iter().enumerate() {
            if place % step == 0 {
                steps.push((place, model.clone()));
            }
            model.apply(record);
        }
        Self { root, trace, start, told, steps, end: model }
    }

    /// The same on a disk that is never told to sync.
    fn without_syncs(&self) -> Self {
        let trace = self.trace.without_syncs();
        let ready = self.trace.ends[self.start - 1];
        let recording = Recording { trace, ready, told: self.told.clone() };
        Self::new(self.root.clone(), recording)
    }

    /// The disk after so many records.
    fn at(&self, count: usize) -> Model {
        let after = self.steps.partition_point(|(place, _)| *place <= count);
        let (place, model) = &self.steps[after - 1];
        let mut model = model.clone();
        self.trace.records[*place..count].iter().for_each(|record| model.apply(record));
        model
    }

    /// What people had been told when the trace had so many records.
    fn told_by(&self, count: usize) -> Vec<&Told> {
        let length = count.checked_sub(1).map_or(0, |last| self.trace.ends[last]);
        self.told.iter().filter(|(at, _)| *at <= length).map(|(_, told)| told).collect()
    }

    /// A point to cut at, one in five of them in the first start.
    fn point(&self, random: &mut fastrand::Rng) -> usize {
        if random.u8(0..5) == 0 {
            random.usize(0..=self.start)
        } else {
            random.usize(self.start..=self.trace.records.len())
        }
    }

    /// Cuts the power once. Gives whether that was in the first start.
    fn cut(&self, seed: u64) -> Result<bool, Violation> {
        let mut random = fastrand::Rng::with_seed(seed);
        let count = self.point(&mut random);
        let image = in_memory();
        self.at(count).cut(&self.root, image.path(), &mut random).expect("room for the image");
        check(&image.path().join(DATA), &self.told_by(count))
            .map_err(|violation| format!("cut after {count} records: {violation}"))?;
        Ok(count <= self.start)
    }

    /// Ends the program by a power cut or a kill, starts it on what is left, and cuts the power while
    /// it recovers or soon after. Gives whether it was a kill.
    fn cut_recovery(&self, seed: u64) -> Result<bool, Violation> {
        let mut random = fastrand::Rng::with_seed(!seed);
        let count = self.point(&mut random);
        let was_killed = random.bool();
        let work = in_memory();
        let image = work.path().join("image");
        fs::create_dir(&image).expect("a new directory");
        let before = self.at(count);
        let mut model = if was_killed {
            // All that was written is still there to be read, but not all of it is safe.
            before.show(&self.root, &image).expect("room for the image");
            before.moved(&self.root, &image)
        } else {
            before.cut(&self.root, &image, &mut random).expect("room for the image");
            Model::of(&image)
        };
        let told = self.told_by(count);
        let shown = shown(&image.join(DATA))?;
        let trace = work.path().join("trace");
        let program = start(work.path(), &image, &trace);
        let ready = fs::metadata(&trace).map_or(0, |trace| trace.len());
        stop(program);

        let trace = Trace::read(&trace);
        let ready = trace.ends.partition_point(|end| *end <= ready);
        let mut points: Vec<usize> =
            (1..CUTS).map(|_| random.usize(0..=trace.records.len())).chain([ready]).collect();
        points.sort_unstable();
        let mut done = 0;
        for point in points {
            trace.records[done..point].iter().for_each(|record| model.apply(record));
            done = point;
            let again = in_memory();
            model.cut(&image, again.path(), &mut random).expect("room for the image");
            // Who is served by the new program sees all that it found.
            let shown = shown.iter().filter(|_| point >= ready);
            let told: Vec<&Told> = told.iter().copied().chain(shown).collect();
            check(&again.path().join(DATA), &told).map_err(|violation| {
                let end = if was_killed { "kill" } else { "cut" };
                format!(
                    "{end} after {count} records, cut {point} later ({ready}: ready): {violation}"
                )
            })?;
        }
        Ok(was_killed)
    }
}

/// What a program shows that finds this, read from a copy.
fn shown(data: &Path) -> Result<Vec<Told>, Violation> {
    let copy = in_memory();
    for name in ["flack.db", "flack.db-wal"] {
        match fs::copy(data.join(name), copy.path().join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            copied => drop(copied.expect("room for the copy")),
        }
    }
    let file = copy.path().join("flack.db");
    if !file.exists() {
        return Ok(Vec::new());
    }
    let stored = Stored::read(&file).map_err(|error| format!("what was found: {error}"))?;
    Ok(stored.told())
}

/// A directory that costs no time, where there is one.
pub fn in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    dir.expect("a directory")
}

/// Opens what is left with the server's own code, and looks for all that people were told.
pub fn check(data: &Path, told: &[&Told]) -> Result<(), Violation> {
    let words = |error: &dyn std::fmt::Display| format!("it does not open: {error}");
    let dir = DataDir::lock(data).map_err(|error| words(&error))?;
    let mut store = dir
        .open(Limits { people: 100, channels: 100, files: FileLimits::default() })
        .map_err(|error| words(&error))?;
    let mut reader = dir.reader().map_err(|error| words(&error))?;
    reader.beginning(store.last()).map_err(|error| words(&error))?;
    for channel in ["general", "design"] {
        let room = Room::Channel(ChannelName::stored(channel.to_owned()));
        reader.window(&room).map_err(|error| words(&error))?;
    }
    let stored = Stored::read(&data.join("flack.db")).map_err(|error| words(&error))?;
    stored.check_contents(&data.join("files"))?;
    told.iter().try_for_each(|one| stored.check(one, told))?;
    // Nobody says the same twice here.
    let texts: HashSet<&String> = stored.messages.values().map(|(_, text)| text).collect();
    if texts.len() < stored.messages.len() {
        return Err("something is there twice".to_owned());
    }
    // It goes on where it was: what was asked is known, and something new is done.
    let done = told.iter().rev().find_map(|told| match told {
        Told::Done { by, id, position } => Some((*by, id, *position)),
        _ => None,
    });
    if let Some((by, id, position)) = done {
        let last = store.last();
        let mut ask = |id: &CommandId| {
            let room = Room::Channel(ChannelName::stored("general".to_owned()));
            let text = MessageText::try_from("Back again").expect("a message");
            let command = Command { room, ask: Ask::Post(text) };
            let request = Request::Command { by, id: id.clone(), command };
            let outcomes = store.commit(&[request], DateTime::default());
            outcomes.map_err(|error| words(&error)).map(|mut outcomes| outcomes.remove(0))
        };
        match ask(id)? {
            Outcome::Repeated(first) if first == position => {}
            other => return Err(format!("{} asked again: {other:?}", id.as_str())),
        }
        let new = CommandId::try_from("new".to_owned()).expect("short and printable");
        match ask(&new)? {
            Outcome::Accepted(entry) if entry.position > last => {}
            other => return Err(format!("something new: {other:?}")),
        }
    }
    Ok(())
}

/// What every topic begins with.
const TOPIC: &str = "topic ";

/// What the file holds.
struct Stored {
    people: HashMap<u64, String>,
    sessions: HashSet<u64>,
    channels: HashMap<u64, String>,
    topics: HashMap<String, usize>,
    messages: HashMap<u64, (u64, String)>,
    deleted: HashSet<u64>,
    commands: HashMap<(u64, String), u64>,
    /// Of each attachment the hash of its content, and the message that has it.
    attachments: HashMap<String, ([u8; 32], Option<u64>)>,
}

impl Stored {
    fn read(file: &Path) -> rusqlite::Result<Self> {
        let db = Connection::open(file)?;
        let health: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if health != "ok" {
            return Err(rusqlite::Error::InvalidColumnName(health));
        }
        let pairs = |query: &str| -> rusqlite::Result<Vec<(u64, String)>> {
            let mut statement = db.prepare(query)?;
            let rows = statement.query_map([], |row| Ok((number(row, 0)?, row.get(1)?)))?;
            rows.collect()
        };
        let people = pairs("SELECT id, name FROM people")?.into_iter().collect();
        let channels =
            pairs("SELECT id, name FROM rooms WHERE name IS NOT NULL")?.into_iter().collect();
        let topics =
            pairs("SELECT id, name || char(0) || topic FROM rooms WHERE topic IS NOT NULL")?;
        let topics = topics.into_iter().filter_map(|(_, topic)| {
            let (channel, topic) = topic.split_once('\0')?;
            Some((channel.to_owned(), topic.strip_prefix(TOPIC)?.parse().ok()?))
        });
        let sessions = pairs("SELECT person, hex(id) FROM sessions")?;
        let deleted = pairs("SELECT message, '' FROM log")?;
        let mut messages =
            db.prepare("SELECT position, author, text FROM messages WHERE deleted IS NULL")?;
        let messages = messages
            .query_map([], |row| Ok((number(row, 0)?, (number(row, 1)?, row.get(2)?))))?
            .collect::<Result<_, _>>()?;
        let mut commands = db.prepare("SELECT person, id, position FROM commands")?;
        let commands = commands
            .query_map([], |row| Ok(((number(row, 0)?, row.get(1)?), number(row, 2)?)))?
            .collect::<Result<_, _>>()?;
        let mut attachments = db.prepare("SELECT id, hash, message FROM attachments")?;
        let attachments = attachments
            .query_map([], |row| {
                let message: Option<i64> = row.get(2)?;
                Ok((row.get(0)?, (row.get(1)?, message.map(i64::cast_unsigned))))
            })?
            .collect::<Result<_, _>>()?;
        Ok(Self {
            attachments,
            people,
            sessions: sessions.into_iter().map(|(person, _)| person).collect(),
            channels,
            topics: topics.collect(),
            messages,
            deleted: deleted.into_iter().map(|(message, _)| message).collect(),
            commands,
        })
    }

    /// All of it, as somebody who asks is told.
    fn told(&self) -> Vec<Told> {
        let id = |id: &u64| PersonId(Position(*id));
        let people = self.people.iter();
        let people = people.map(|(by, name)| Told::Person { id: id(by), name: name.clone() });
        let channels = self.channels.iter().map(|(created, name)| {
            let (name, created) = (name.clone(), Position(*created));
            Told::Channel { name, created }
        });
        let topics = self.topics.iter().map(|(channel, number)| {
            let (channel, number) = (channel.clone(), *number);
            Told::Topic { channel, number }
        });
        let messages = self.messages.iter().map(|(position, (author, text))| {
            let (position, author, text) = (Position(*position), id(author), text.clone());
            Told::Posted { position, author, text }
        });
        let commands = self.commands.iter().map(|((by, command), position)| {
            let command = CommandId::try_from(command.clone()).expect("it was accepted");
            Told::Done { by: id(by), id: command, position: Position(*position) }
        });
        let deleted = self.deleted.iter().map(|message| Position(*message));
        let deleted = deleted.map(|message| Told::Deleted { message });
        let attached = self.attachments.iter().filter_map(|(id, (_, message))| {
            let message = Position((*message)?);
            Some(Told::Attached { message, id: id.clone() })
        });
        let rest = commands.chain(deleted).chain(attached);
        people.chain(channels).chain(topics).chain(messages).chain(rest).collect()
    }

    /// Whatever the store knows is on the disk, as it was.
    fn check_contents(&self, files: &Path) -> Result<(), Violation> {
        for (id, (hash, _)) in &self.attachments {
            let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            let content = fs::read(files.join(name)).map_err(|error| format!("{id}: {error}"))?;
            if Sha256::digest(content)[..] != *hash {
                return Err(format!("{id} is not what it was"));
            }
        }
        Ok(())
    }

    fn check(&self, one: &Told, told: &[&Told]) -> Result<(), Violation> {
        let is_there = match one {
            Told::Person { id, name } => {
                self.people.get(&id.0.0) == Some(name) && self.sessions.contains(&id.0.0)
            }
            Told::Channel { name, created } => self.channels.get(&created.0) == Some(name),
            // Or there is a newer one.
            Told::Topic { channel, number } => {
                self.topics.get(channel).is_some_and(|stored| stored >= number)
            }
            Told::Posted { position, author, text } => {
                let stored = self.messages.get(&position.0);
                let is_same = stored.is_some_and(|(by, it)| *by == author.0.0 && it == text);
                is_same || self.deleted.contains(&position.0)
            }
            Told::Done { by, id, position } => {
                let key = (by.0.0, id.as_str().to_owned());
                self.commands.get(&key) == Some(&position.0)
            }
            Told::Uploaded { id, content } => match self.attachments.get(id) {
                Some((hash, _)) => Sha256::digest(content)[..] == *hash,
                // It may have gone with its message.
                None => told.iter().any(|told| {
                    matches!(told, Told::Attached { message, id: of }
                        if of == id && self.deleted.contains(&message.0))
                }),
            },
            Told::Attached { message, id } => {
                let attached = self.attachments.get(id);
                let is_same = attached.is_some_and(|(_, of)| *of == Some(message.0));
                is_same || self.deleted.contains(&message.0)
            }
            Told::Deleted { message } => {
                self.deleted.contains(&message.0) && !self.messages.contains_key(&message.0)
            }
        };
        if is_there { Ok(()) } else { Err(format!("not as it was told: {one:?}")) }
    }
}

fn number(row: &rusqlite::Row, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}
