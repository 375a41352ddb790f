//! What the servers go through. Each time it is a new server, and the same for all of them.

use std::{
    fs::File,
    io::Write,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    crowd::{Busy, Crowd, Delays, Pace},
    server::{Kind, ROOMS, Server, most_files, room},
};

/// What is measured of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Microseconds of its processors' time for one delivery, connection or message.
    Cpu,
    /// How many of them in a second.
    Rate,
    /// Half of all deliveries took no longer, in milliseconds.
    Median,
    /// 99 of 100 deliveries took no longer, in milliseconds.
    P99,
    /// The same, beside somebody who does not read.
    P99Beside,
    /// How much memory a connection takes, in bytes.
    Memory,
    /// How much memory it has in all, in MiB.
    Resident,
    /// The same for each connection, in bytes.
    Each,
    /// How many connections there are.
    Connections,
    /// Messages that share a sync of the disk.
    Shared,
    /// How long one sync of this disk takes by itself, in milliseconds.
    Sync,
    /// Bytes of a message on the wire.
    Frame,
    /// Bytes that each is told in a second beside messages.
    Asides,
}

pub type Figures = Vec<(Figure, f64)>;

pub struct Scenario {
    pub name: &'static str,
    pub title: &'static str,
    /// What one of it is.
    pub unit: &'static str,
    /// The first one is compared.
    pub figures: &'static [Figure],
    pub servers: &'static [Kind],
    /// How many people there have to be.
    pub people: fn() -> usize,
    pub run: fn(Kind, Duration) -> Figures,
}

impl Scenario {
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }
}

const LISTENERS: usize = 1_000;
const OF_A_ROOM: usize = 10;
const IDLE: usize = 10_000;
const STORM: usize = 5_000;
const WRITERS: usize = 8;

/// How long a server may get used to what comes, before it is measured.
const WARM: Duration = Duration::from_millis(1_500);

/// How long it takes until the socket of somebody who does not read is full.
const FULL: Duration = Duration::from_secs(3);

/// As many as the broadcast channel of axum's example takes, and a few less.
const PACED: usize = 90;

pub static SCENARIOS: [Scenario; 9] = [
    Scenario {
        name: "paced",
        title: "Paced: 1,000 listeners of one room, 100 messages a second",
        unit: "delivery",
        figures: &[
            Figure::Cpu,
            Figure::Rate,
            Figure::Median,
            Figure::P99,
            Figure::Frame,
            Figure::Asides,
        ],
        servers: &[
            Kind::Floor,
            Kind::Axum,
            Kind::Ws,
            Kind::SocketIo,
            Kind::FlaskSocketIo,
            Kind::FlackWithoutRounds,
            Kind::Flack,
        ],
        people: || LISTENERS + 2,
        run: |kind, time| one_room(kind, Pace { per_second: Some(100.0), window: PACED }, time),
    },
    Scenario {
        name: "quiet",
        title: "Quiet: 1,000 listeners of one room, 10 messages a second",
        unit: "delivery",
        figures: &[Figure::P99, Figure::Median, Figure::Cpu],
        servers: &[Kind::Floor, Kind::Axum, Kind::FlackWithoutRounds, Kind::Flack],
        people: || LISTENERS + 2,
        run: |kind, time| one_room(kind, Pace { per_second: Some(10.0), window: PACED }, time * 2),
    },
    Scenario {
        name: "saturated",
        title: "Saturated: 1,000 listeners of one room, 64 messages on their way at any time",
        unit: "delivery",
        figures: &[Figure::Cpu, Figure::Rate, Figure::Median, Figure::P99],
        servers: &Kind::ALL,
        people: || LISTENERS + 2,
        run: |kind, time| one_room(kind, Pace { per_second: None, window: 64 }, time / 2),
    },
    Scenario {
        name: "rooms",
        title: "Many rooms: 1,000 rooms of 10 listeners each, 5 messages a second in each",
        unit: "delivery",
        figures: &[Figure::Cpu, Figure::Rate, Figure::Median, Figure::P99, Figure::Asides],
        servers: &[
            Kind::Floor,
            Kind::Axum,
            Kind::Ws,
            Kind::SocketIo,
            Kind::FlaskSocketIo,
            Kind::Flack,
        ],
        people: || ROOMS * OF_A_ROOM + 1,
        run: many_rooms,
    },
    Scenario {
        name: "connect",
        title: "Connect: 5,000 come as fast as they are let in, each with its session, and are told \
                the last 100 messages",
        unit: "connection",
        figures: &[Figure::Cpu, Figure::Rate],
        servers: &[Kind::Axum, Kind::Ws, Kind::SocketIo, Kind::FlaskSocketIo, Kind::Flack],
        people: || STORM,
        run: connect,
    },
    Scenario {
        name: "idle",
        title: "Idle: 10,000 listen to one room in which nothing is said",
        unit: "connection",
        figures: &[Figure::Memory, Figure::Resident],
        servers: &[Kind::Axum, Kind::Ws, Kind::SocketIo, Kind::FlaskSocketIo, Kind::Flack],
        people: || IDLE,
        run: |kind, _| idle(kind, IDLE),
    },
    Scenario {
        name: "most",
        title: "Idle: as many as the operating system lets one process have, and 100,000 at most",
        unit: "connection",
        figures: &[Figure::Memory, Figure::Resident, Figure::Each, Figure::Connections],
        servers: &[Kind::Flack],
        people: most,
        run: |kind, _| idle(kind, most()),
    },
    Scenario {
        name: "slow",
        title: "A slow reader: as paced, without and with one who reads nothing",
        unit: "delivery",
        figures: &[Figure::P99Beside, Figure::P99],
        servers: &[Kind::Axum, Kind::Flack],
        people: || LISTENERS + 2,
        run: slow_reader,
    },
    Scenario {
        name: "durable",
        title: "Acknowledged: 8 writers, 256 messages on their way at any time, each on disk before \
                it is acknowledged and heard",
        unit: "message",
        figures: &[Figure::Cpu, Figure::Rate, Figure::Shared, Figure::Sync],
        servers: &[Kind::Flack],
        people: || 2 * WRITERS,
        run: durable,
    },
];

/// As many as the operating system lets one process have, with a few for other things.
fn most() -> usize {
    (most_files() - 600).min(100_000)
}

fn general() -> Vec<String> {
    vec!["general".to_owned()]
}

/// Lets three listen to twenty messages.
pub fn listen_to(server: &Server) {
    let mut crowd = Crowd::gather(server, general(), 3, 1);
    crowd.fill(20);
    crowd.leave();
}

fn one_room(kind: Kind, pace: Pace, time: Duration) -> Figures {
    let server = Server::start(kind, false);
    let mut crowd = Crowd::gather(&server, general(), LISTENERS, 1);
    let mut figures = deliver(&server, &mut crowd, pace, time);
    figures.push((Figure::Frame, crowd.leave() as f64));
    figures
}

fn many_rooms(kind: Kind, time: Duration) -> Figures {
    let server = Server::start(kind, true);
    let mut crowd = Crowd::gather(&server, (0..ROOMS).map(room).collect(), OF_A_ROOM, 1);
    let pace = Pace { per_second: Some(5.0 * ROOMS as f64), window: 900 };
    let figures = deliver(&server, &mut crowd, pace, time * 2 / 3);
    crowd.leave();
    figures
}

fn deliver(server: &Server, crowd: &mut Crowd<'_>, pace: Pace, time: Duration) -> Figures {
    crowd.write(pace, WARM);
    let before = server.cpu();
    let busy = crowd.write(pace, time);
    let cpu = server.cpu() - before;
    let Busy { deliveries, asides, took, delays, .. } = busy;
    vec![
        (Figure::Cpu, micros_each(cpu, deliveries as usize)),
        (Figure::Rate, deliveries as f64 / took.as_secs_f64()),
        (Figure::Median, delays.quantile(0.5)),
        (Figure::P99, delays.quantile(0.99)),
        (Figure::Asides, asides),
    ]
}

fn micros_each(cpu: Duration, count: usize) -> f64 {
    cpu.as_secs_f64() * 1e6 / count as f64
}

fn connect(kind: Kind, _: Duration) -> Figures {
    let server = Server::start(kind, false);
    let mut first = Crowd::gather(&server, general(), 1, 1);
    first.fill(100);
    first.leave();
    // What is needed for the first ones, and kept.
    Crowd::gather(&server, general(), 200, 0).leave();
    let before = server.cpu();
    let start = Instant::now();
    let crowd = Crowd::gather(&server, general(), STORM, 0);
    let (cpu, took) = (server.cpu() - before, start.elapsed());
    assert_eq!(crowd.told(), 100, "whoever joins is told the last 100 messages");
    crowd.leave();
    vec![(Figure::Cpu, micros_each(cpu, STORM)), (Figure::Rate, STORM as f64 / took.as_secs_f64())]
}

fn idle(kind: Kind, count: usize) -> Figures {
    let server = Server::start(kind, false);
    // What is needed for the first ones, and kept.
    let mut crowd = Crowd::gather(&server, general(), 200, 0);
    crowd.stay(Duration::from_secs(1));
    let before = server.memory();
    crowd.grow(count - 200);
    crowd.stay(Duration::from_secs(2));
    let after = server.memory();
    crowd.leave();
    vec![
        (Figure::Memory, (after - before) / (count - 200) as f64),
        (Figure::Resident, after / 1_048_576.0),
        (Figure::Each, after / count as f64),
        (Figure::Connections, count as f64),
    ]
}

fn slow_reader(kind: Kind, time: Duration) -> Figures {
    let server = Server::start(kind, false);
    let pace = Pace { per_second: Some(100.0), window: PACED };
    let mut crowd = Crowd::gather(&server, general(), LISTENERS, 1);
    crowd.write(pace, WARM);
    let (mut without, mut beside) = (Delays::default(), Delays::default());
    // In turns, so that whatever else the machine does meets both.
    for _ in 0..2 {
        without.add(&crowd.write(pace, time / 2).delays);
        crowd.add_silent();
        // Until nothing more fits into its socket.
        crowd.write(pace, FULL);
        beside.add(&crowd.write(pace, time / 2).delays);
        crowd.remove_silent();
    }
    crowd.leave();
    vec![(Figure::P99, without.quantile(0.99)), (Figure::P99Beside, beside.quantile(0.99))]
}

fn durable(kind: Kind, time: Duration) -> Figures {
    let server = Server::start(kind, true);
    let pace = Pace { per_second: None, window: 256 };
    let mut crowd = Crowd::gather(&server, (0..WRITERS).map(room).collect(), 1, WRITERS);
    crowd.write(pace, WARM);
    let (cpu, commits) = (server.cpu(), server.commits());
    let busy = crowd.write(pace, time);
    let (cpu, commits) = (server.cpu() - cpu, server.commits() - commits);
    crowd.leave();
    vec![
        (Figure::Cpu, micros_each(cpu, busy.messages)),
        (Figure::Rate, busy.messages as f64 / busy.took.as_secs_f64()),
        (Figure::Shared, busy.messages as f64 / commits),
        (Figure::Sync, sync().as_secs_f64() * 1e3),
    ]
}

/// How long it takes until a little is safe on this disk.
fn sync() -> Duration {
    let dir = TempDir::new().expect("a directory");
    let mut file = File::create(dir.path().join("sync")).expect("a file");
    let mut times: Vec<Duration> = (0..60)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[0; 4_096]).expect("room on the disk");
            file.sync_data().expect("a disk");
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}
