//! T8: after a restart, a crowd comes back in time, and not all at once.
//!
//! The program ends twice, with everyone connected and some of them writing: once because it is
//! asked to, and once killed, right after everyone has come back; then it stays away for a while, so
//! that many knock in vain. Nobody is told that there will be a restart.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use flack::{
    domain::{frame::ServerFrame, person::PersonId, position::Position},
    sync::link::LinkState,
};
use futures_util::{StreamExt, stream};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    database::Database,
    report::{Form, Report},
    support::{
        chance,
        guest::Guest,
        program::{Program, allow_open_files, lasting_address},
        soon,
        tab::{Habits, Happening, Tab},
    },
};

const CHANNELS: usize = 10;
const WRITERS: usize = 8;

/// How often a writer has something to say.
const PAUSE: Duration = Duration::from_millis(400);

const BACK: Duration = Duration::from_secs(30);
const CONNECTS_PER_SECOND: u64 = 200;

pub fn run(form: Form) -> Report {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let away = Duration::from_secs(form.pick(6, 20));
    runtime.block_on(prove(form.pick(500, 2_000), away))
}

async fn prove(clients: usize, away: Duration) -> Report {
    // One for each client in this process, and one in the program, which inherits the limit.
    allow_open_files(clients as u64 + 500);
    let mut chance = chance::seeded();
    let dir = TempDir::new().expect("a directory");
    let address = lasting_address().to_string();
    let settings = [("LEPTOS_SITE_ADDR", address.as_str())];
    let start = || Program::start(dir.path(), &settings);

    let program = start();
    let crowd = Crowd::gather(&program, clients, &mut chance).await;
    crowd.back(0).await;
    crowd.heard_of_itself().await;

    let writers = crowd.write();
    sleep(Duration::from_secs(2)).await;
    let from = Instant::now();
    program.terminate();
    let (status, log) = tokio::task::spawn_blocking(|| program.wait()).await.expect("no panic");
    assert!(status.success(), "{log}");
    let program = start();
    let after_drain = crowd.back(1).await;

    program.kill();
    sleep(away).await;
    let program = start();
    let after_kill = crowd.back(2).await;

    for writer in &writers {
        writer.abort();
    }
    for tab in &crowd.tabs {
        tab.expect_settled().await;
    }
    let told = crowd.told.lock().unwrap().clone();
    let attempts = told.attempts.iter().filter(|attempt| attempt.at >= from);
    let all: Vec<Instant> = attempts.clone().map(|attempt| attempt.at).collect();
    let reached: Vec<Instant> =
        attempts.filter(|attempt| !attempt.was_refused).map(|attempt| attempt.at).collect();
    let faults = crowd.compare(&Database::open(dir.path())).await;
    drop(program);

    let mut report = Report::default();
    report.did("clients", clients as u64, clients as u64);
    report.did("restarts", 2, 2);
    report.did("messages written meanwhile", told.written.values().sum(), WRITERS as u64 * 10);
    report.did("connects", reached.len() as u64, 2 * clients as u64);
    report.did("attempts in vain", (all.len() - reached.len()) as u64, clients as u64 / 10);
    report.within("all back after SIGTERM", after_drain, BACK);
    report.within("all back after kill -9", after_kill, BACK);
    report.at_most("connects in a second", most_in_a_second(&reached), CONNECTS_PER_SECOND);
    report.at_most("with those in vain", most_in_a_second(&all), CONNECTS_PER_SECOND);
    report.never("lost", faults.lost);
    report.never("doubled", faults.doubled);
    report.never("reordered", faults.reordered);
    report.never("windows that differ", faults.windows);
    report
}

/// The most that happened within any second. The times are in their order.
fn most_in_a_second(times: &[Instant]) -> u64 {
    let mut from = 0;
    let mut most = 0;
    for (place, time) in times.iter().enumerate() {
        while *time - times[from] >= Duration::from_secs(1) {
            from += 1;
        }
        most = most.max(place + 1 - from);
    }
    most as u64
}

struct Crowd {
    guests: Vec<Guest>,
    tabs: Vec<Arc<Tab>>,
    /// How many times each tab was welcomed.
    welcomes: Arc<Vec<AtomicU64>>,
    told: Arc<Mutex<Told>>,
}

/// What the crowd did and heard.
#[derive(Clone, Debug, Default)]
struct Told {
    attempts: Vec<Attempt>,
    /// How many tabs were told over how many seconds to spread, by a pong.
    spreads: HashMap<usize, u32>,
    /// Each writer's messages are numbers that count up.
    written: HashMap<PersonId, u64>,
}

/// Somebody tried to connect.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    at: Instant,
    /// Nobody was listening.
    was_refused: bool,
}

#[derive(Debug, Default)]
struct Faults {
    lost: u64,
    doubled: u64,
    reordered: u64,
    windows: u64,
}

fn channel(number: usize) -> String {
    match number % CHANNELS {
        0 => "general".to_owned(),
        other => format!("room {other}"),
    }
}

impl Crowd {
    /// Lets everyone arrive, one after the other.
    async fn gather(program: &Program, clients: usize, chance: &mut fastrand::Rng) -> Self {
        let names: Vec<String> = (0..clients).map(|number| format!("Guest {number}")).collect();
        let joining = stream::iter(&names).map(|name| program.join(name)).buffered(8);
        let guests: Vec<Guest> = joining.collect().await;
        for number in 1..CHANNELS {
            guests[0].create_channel(&channel(number)).await;
        }
        let welcomes = Arc::new((0..clients).map(|_| AtomicU64::new(0)).collect());
        let mut crowd = Self { guests, tabs: Vec::new(), welcomes, told: Arc::default() };
        for number in 0..clients {
            let habits = crowd.habits(number, chance.fork());
            let tab = crowd.guests[number].blank(&channel(number), habits);
            crowd.tabs.push(Arc::new(tab));
            sleep(Duration::from_millis(6)).await;
        }
        crowd
    }

    fn habits(&self, number: usize, chance: fastrand::Rng) -> Habits {
        let (told, welcomes) = (self.told.clone(), self.welcomes.clone());
        let mut attempt = 0;
        Habits::of_a_browser(
            chance,
            Box::new(move |happening, _| match happening {
                Happening::Connecting => {
                    let attempts = &mut told.lock().unwrap().attempts;
                    attempt = attempts.len();
                    attempts.push(Attempt { at: Instant::now(), was_refused: false });
                }
                Happening::Failed { is_refused } => {
                    told.lock().unwrap().attempts[attempt].was_refused = is_refused;
                }
                Happening::Heard(ServerFrame::Welcome(_)) => {
                    welcomes[number].fetch_add(1, Ordering::Relaxed);
                }
                Happening::Heard(ServerFrame::Pong { spread }) => {
                    told.lock().unwrap().spreads.insert(number, *spread);
                }
                _ => {}
            }),
        )
    }

    /// Waits until everyone is live again after so many restarts. Gives how long that took.
    async fn back(&self, restarts: u64) -> Duration {
        let start = Instant::now();
        let is_back = |(tab, welcomes): (&Arc<Tab>, &AtomicU64)| {
            welcomes.load(Ordering::Relaxed) > restarts
                && tab.look(|seen| seen.is_told && seen.replica.link() == LinkState::Live)
        };
        while !self.tabs.iter().zip(self.welcomes.iter()).all(is_back) {
            if start.elapsed() > BACK * 2 {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        start.elapsed()
    }

    /// Waits until everyone has been told how large the crowd is, as it is after a while.
    async fn heard_of_itself(&self) {
        self.told.lock().unwrap().spreads.clear();
        soon("a pong for everyone", async {
            while self.told.lock().unwrap().spreads.len() < self.tabs.len() {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    /// Lets some write until they are stopped.
    fn write(&self) -> Vec<JoinHandle<()>> {
        let writers = self.guests.iter().zip(&self.tabs).enumerate().take(WRITERS);
        writers
            .map(|(number, (guest, tab))| {
                let (tab, author, told) = (tab.clone(), guest.person.id, self.told.clone());
                tokio::spawn(async move {
                    loop {
                        let next = {
                            let written = &mut told.lock().unwrap().written;
                            let count = written.entry(author).or_default();
                            *count += 1;
                            *count
                        };
                        tab.post(&channel(number), &next.to_string());
                        sleep(PAUSE).await;
                    }
                })
            })
            .collect()
    }

    /// What is wrong with what is on disk, and with what everyone sees.
    async fn compare(&self, database: &Database) -> Faults {
        let mut faults = Faults::default();
        let written = self.told.lock().unwrap().written.clone();
        let stored = database.messages(Position::ZERO);
        for (author, count) in written {
            let own = stored.iter().filter(|message| message.author == author);
            let own: Vec<u64> = own.map(|it| it.text.parse().expect("a number")).collect();
            let mut once = own.clone();
            once.sort_unstable();
            once.dedup();
            faults.lost += count.saturating_sub(once.len() as u64);
            faults.doubled += (own.len() - once.len()) as u64;
            faults.reordered += own.windows(2).filter(|two| two[0] > two[1]).count() as u64;
        }
        for (number, tab) in self.tabs.iter().enumerate() {
            let window = database.window(&channel(number));
            let newest = window.last().map(|message| message.position);
            let told = async {
                while tab.look(|seen| seen.replica.window().map(|it| it.position)) < newest {
                    sleep(Duration::from_millis(10)).await;
                }
            };
            let _ = tokio::time::timeout(Duration::from_secs(1), told).await;
            let shown = tab.messages().into_iter().map(|it| (it.position, it.author.id));
            let is_same = shown.eq(window.iter().map(|it| (it.position, it.author)));
            faults.windows += u64::from(!is_same);
        }
        faults
    }
}
