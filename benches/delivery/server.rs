//! The servers, each a process of its own, and what the operating system says of them.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use rustix::process::{Resource, getrlimit};
use tempfile::TempDir;

use crate::{
    peers::floor::Fault,
    speech::Speech,
    support::{
        self,
        http::Ask,
        program::{Program, lasting_address},
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Floor,
    FloorGathered,
    Axum,
    Ws,
    SocketIo,
    FlaskSocketIo,
    FlackWithoutRounds,
    Flack,
}

/// What Flack is told so that no room rests.
const WITHOUT_ROUNDS: (&str, &str) = ("FLACK_GATHER", "0");

/// How many frames share a `send` of the floor that gathers them.
pub const GATHERED: usize = 16;

/// How many rooms there are where there are many.
pub const ROOMS: usize = 1_000;

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Floor,
        Self::FloorGathered,
        Self::Axum,
        Self::Ws,
        Self::SocketIo,
        Self::FlaskSocketIo,
        Self::FlackWithoutRounds,
        Self::Flack,
    ];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::FloorGathered => "floor-gathered",
            Self::Axum => "axum",
            Self::Ws => "ws",
            Self::SocketIo => "socket.io",
            Self::FlaskSocketIo => "flask-socketio",
            Self::FlackWithoutRounds => "flack-without-rounds",
            Self::Flack => "flack",
        }
    }

    /// What it is called in the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Floor => "floor: one `send` of a finished frame",
            Self::FloorGathered => "floor: up to 16 frames a `send`",
            Self::Axum => "axum, as its example does it",
            Self::Ws => "ws (Node), encoded once",
            Self::SocketIo => "Socket.IO (Node)",
            Self::FlaskSocketIo => "Flask-SocketIO (gevent)",
            Self::FlackWithoutRounds => "**Flack**, no room of which rests",
            Self::Flack => "**Flack**",
        }
    }

    pub fn speech(self) -> Speech {
        match self {
            Self::Floor | Self::FloorGathered => Speech::Floor,
            Self::Axum | Self::Ws => Speech::Plain,
            Self::SocketIo | Self::FlaskSocketIo => Speech::SocketIo,
            Self::FlackWithoutRounds | Self::Flack => Speech::Flack,
        }
    }

    pub fn is_flack(self) -> bool {
        self.speech() == Speech::Flack
    }

    /// How to start it; none if it is not installed.
    fn command(self) -> Option<Command> {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
        let own = |role: &[&str]| {
            let mut command = Command::new(env::current_exe().expect("a program"));
            command.args(role);
            Some(command)
        };
        let script = |mark: &str, program: PathBuf, script: &str| {
            let mut command = Command::new(program);
            command.arg(peers.join(script)).env("NODE_ENV", "production");
            peers.join(mark).exists().then_some(command)
        };
        match self {
            Self::Floor => own(&["serve-floor", "1"]),
            Self::FloorGathered => own(&["serve-floor", &GATHERED.to_string()]),
            Self::Axum => own(&["serve-axum"]),
            Self::Ws => script("node.installed", "node".into(), "ws.mjs"),
            Self::SocketIo => script("node.installed", "node".into(), "socket-io.mjs"),
            Self::FlaskSocketIo => {
                script("python.installed", peers.join("python/bin/python"), "flask_chat.py")
            }
            Self::FlackWithoutRounds | Self::Flack => None,
        }
    }

    pub fn is_installed(self) -> bool {
        match self {
            Self::Flack => true,
            Self::FlackWithoutRounds => has_setting(WITHOUT_ROUNDS.0),
            _ => self.command().is_some(),
        }
    }
}

/// A server that runs.
pub struct Server {
    pub kind: Kind,
    pub address: SocketAddr,
    /// Where it tells numbers; Flack alone does.
    metrics: Option<SocketAddr>,
    sessions: &'static [String],
    /// Ends with this.
    process: Process,
}

enum Process {
    Flack(Program, #[expect(dead_code, reason = "it is removed with the program")] TempDir),
    Peer(Child),
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Self::Peer(child) = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Server {
    /// Starts a server that has the room `general`, and the [many](ROOMS) if they are wanted.
    pub fn start(kind: Kind, has_many_rooms: bool) -> Self {
        match kind.command() {
            None => Self::flack(kind, has_many_rooms),
            Some(command) => Self::peer(kind, command),
        }
    }

    /// Starts a floor that does something wrong.
    pub fn faulty(fault: Fault) -> Self {
        let mut command = Kind::Floor.command().expect("it is in this program");
        command.arg(format!("{fault:?}"));
        Self::peer(Kind::Floor, command)
    }

    fn peer(kind: Kind, mut command: Command) -> Self {
        static SESSIONS: OnceLock<Vec<String>> = OnceLock::new();
        let sessions = SESSIONS
            .get_or_init(|| (0..200_000).map(|number| format!("session={number}")).collect());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", kind.name()));
        let mut ready = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        stdout.read_line(&mut ready).expect("it says where it is");
        let process = Process::Peer(child);
        let address = ready.trim().strip_prefix("http://").and_then(|it| it.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{} does not start", kind.name()));
        Self { kind, address, metrics: None, sessions, process }
    }

    fn flack(kind: Kind, has_many_rooms: bool) -> Self {
        let house = House::prepared(has_many_rooms);
        let dir = TempDir::new().expect("a directory");
        copy(house.dir.path(), dir.path());
        let metrics = lasting_address();
        let metrics_address = metrics.to_string();
        let mut settings = vec![("FLACK_METRICS_ADDR", metrics_address.as_str())];
        settings.extend((kind == Kind::FlackWithoutRounds).then_some(WITHOUT_ROUNDS));
        let program = start(&dir, &settings);
        let (address, metrics) = (program.address, Some(metrics));
        let process = Process::Flack(program, dir);
        Self { kind, address, metrics, sessions: &house.sessions, process }
    }

    /// The cookie of a listener.
    pub fn session(&self, number: usize) -> &'static str {
        &self.sessions[number % self.sessions.len()]
    }

    fn id(&self) -> u32 {
        match &self.process {
            Process::Flack(program, _) => program.id(),
            Process::Peer(child) => child.id(),
        }
    }

    /// How long processors have worked for it, in all its threads.
    pub fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("Linux");
        // The name before it may have anything in it (proc_pid_stat(5)).
        let fields = stat.rsplit_once(')').expect("a name").1.split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).map(|it| it.parse::<u64>().expect("ticks")).sum();
        let a_second = rustix::param::clock_ticks_per_second() as f64;
        Duration::from_secs_f64(ticks as f64 / a_second)
    }

    /// How much memory it has, in bytes.
    pub fn memory(&self) -> f64 {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.id()));
        let rollup = rollup.expect("Linux");
        let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).expect("its size");
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes * 1_024.0
    }

    /// How many commits it has made, each with its sync; for Flack alone.
    pub fn commits(&self) -> f64 {
        let address = self.metrics.expect("it tells numbers");
        let ask = Ask::new(address, "GET", "/metrics");
        let text = runtime().block_on(async { ask.await.expect(200).body });
        let count = text.lines().find_map(|line| line.strip_prefix("flack_commit_seconds_count "));
        count.expect("the number of commits").parse().expect("a number")
    }
}

/// What the operating system lets one process open.
pub fn most_files() -> usize {
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(1_000_000);
    usize::try_from(limit).expect("not that many")
}

/// The data of a Flack in which everyone has signed in already.
struct House {
    dir: TempDir,
    sessions: Vec<String>,
}

/// How many people sign in before anything is measured.
pub static PEOPLE: OnceLock<usize> = OnceLock::new();

/// Beyond so many, people come with two pages or more.
pub const MOST_PEOPLE: usize = 20_000;

impl House {
    /// Makes it once; each server begins with a copy.
    fn prepared(has_many_rooms: bool) -> &'static Self {
        static SMALL: OnceLock<House> = OnceLock::new();
        static LARGE: OnceLock<House> = OnceLock::new();
        let small = || SMALL.get_or_init(Self::with_people);
        match has_many_rooms {
            false => small(),
            true => LARGE.get_or_init(|| Self::with_rooms(small())),
        }
    }

    fn with_people() -> Self {
        let people = *PEOPLE.get().expect("somebody is expected");
        let dir = TempDir::new().expect("a directory");
        let program = start(&dir, &[]);
        let sessions = runtime().block_on(
            stream::iter(0..people)
                .map(|number| {
                    let name = format!("Listener {number}");
                    let program = &program;
                    async move { program.join(&name).await.cookie }
                })
                .buffered(64)
                .collect(),
        );
        stop(program);
        Self { dir, sessions }
    }

    fn with_rooms(small: &Self) -> Self {
        let dir = TempDir::new().expect("a directory");
        copy(small.dir.path(), dir.path());
        let program = start(&dir, &[]);
        runtime().block_on(
            stream::iter(0..ROOMS)
                .map(|number| {
                    let name = room(number);
                    let ask = program.post("/api/create_channel").cookie(&small.sessions[0]);
                    async move { ask.form(&[("name", name.as_str())]).await.expect(200) }
                })
                .buffered(64)
                .for_each(|_| async {}),
        );
        stop(program);
        Self { dir, sessions: small.sessions.clone() }
    }
}

/// The name of one of many rooms.
pub fn room(number: usize) -> String {
    format!("room-{number}")
}

/// Whether the program can be told this; what it does not know it would pass over.
fn has_setting(name: &str) -> bool {
    let mut command = support::program::flack(Path::new("/"));
    command.arg("--help");
    support::program::ended(command).stdout.contains(name)
}

/// Nobody is refused for coming too often or in too great a number.
fn start(dir: &TempDir, settings: &[(&str, &str)]) -> Program {
    let many = ["SOCKETS", "PEOPLE", "CHANNELS"].map(|what| format!("FLACK_MAX_{what}"));
    let many = many.iter().map(|name| (name.as_str(), "1000000"));
    let more = [("FLACK_MAX_CONNECTIONS", "0"), ("RUST_LOG", "warn")];
    let settings: Vec<(&str, &str)> = many.chain(more).chain(settings.iter().copied()).collect();
    Program::start(dir.path(), &settings)
}

fn stop(program: Program) {
    program.terminate();
    let (status, log) = program.wait();
    assert!(status.success(), "{log}");
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("a directory");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a file").is_dir() {
            fs::create_dir_all(&to).expect("a directory");
            copy(&entry.path(), &to);
        } else if entry.file_type().expect("a file").is_file() {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
