//! T9: what the server holds is bounded, and who does not read is no burden to others.
//!
//! The program's memory is what the operating system says of it: with nobody there, with idle
//! sockets, with channels that are full and looked at, and after many have come and gone. Then
//! everyone in a busy channel is timed, with and without some who never read.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use flack::domain::{
    command::CommandId,
    event::Change,
    frame::{ClientFrame, ServerFrame, View},
};
use futures_util::{StreamExt, stream};
use tempfile::TempDir;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::{
    report::{Form, Report},
    support::{
        channel as room,
        guest::Guest,
        program::{Program, allow_open_files},
        socket::Socket,
        soon,
    },
};

/// Characters of a message in a full channel.
const LENGTH: usize = 1_000;
/// How many messages a channel shows.
const WINDOW: usize = 100;
/// How many rooms one socket of the audience looks at.
const VIEWED: usize = 100;

/// How many come and go at the same time.
const CROWD: usize = 200;

/// Messages per second while everyone is timed: with these, more than four megabytes.
const PER_SECOND: u32 = 250;
const LONG: usize = 4_000;

/// In which those who never read are closed.
const CLOSED: Duration = Duration::from_secs(10);
/// How much of its memory the program may keep when all have gone, in percent.
const KEPT: u64 = 10;

/// How much the program does.
struct Amount {
    idle: usize,
    channels: usize,
    rounds: usize,
    slow: usize,
    turns: usize,
}

pub fn run(form: Form) -> Report {
    let short = Amount { idle: 500, channels: 20, rounds: 10, slow: 5, turns: 2 };
    let full = Amount { idle: 5_000, channels: 500, rounds: 100, slow: 20, turns: 5 };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(prove(form.pick(short, full)))
}

async fn prove(amount: Amount) -> Report {
    allow_open_files(amount.idle as u64 + 500);
    let dir = TempDir::new().expect("a directory");
    let program = Program::start(dir.path(), &[]);
    let ada = program.join("Ada").await;
    let mut report = Report::default();

    idle(&program, &ada, amount.idle, &mut report).await;
    let audience = fill(&program, &ada, amount.channels, &mut report).await;
    come_and_go(&program, &ada, amount.rounds, &mut report).await;
    drop(audience);
    never_read(&program, &ada, &amount, &mut report).await;
    report
}

/// Waits until the program has let go of all connections but those that were open before.
async fn until_files(program: &Program, before: usize) {
    soon("the end of the connections", async {
        while program.open_files() > before {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Opens sockets that say hello, look at one channel, and nothing more.
async fn sockets(guest: &Guest, count: usize, channel: &str) -> Vec<Socket> {
    let opening = stream::iter(0..count)
        .map(|_| async { guest.socket(&[channel]).await })
        .buffer_unordered(16);
    soon("the sockets", opening.collect()).await
}

/// How much memory a socket takes on which nothing happens.
async fn idle(program: &Program, guest: &Guest, count: usize, report: &mut Report) {
    let files = program.open_files();
    // What is needed for the first ones, and kept.
    drop(sockets(guest, CROWD, "general").await);
    until_files(program, files).await;
    let before = program.memory();
    let idle = sockets(guest, count, "general").await;
    let each = program.memory().saturating_sub(before) / count as u64;
    drop(idle);
    until_files(program, files).await;
    report.did("idle sockets", count as u64, count as u64);
    report.figure("memory of an idle socket", &kilobytes(each));
}

/// Fills channels, and looks at them. Gives who looks.
async fn fill(program: &Program, guest: &Guest, count: usize, report: &mut Report) -> Vec<Socket> {
    let names: Vec<String> = (0..count).map(|number| format!("full {number}")).collect();
    for name in &names {
        guest.create_channel(name).await;
    }
    let before = program.memory();
    let mut writer = guest.socket(&[]).await;
    let text = "x".repeat(LENGTH);
    let mut written = 0;
    for name in &names {
        for number in 0..WINDOW {
            post(&mut writer, &format!("{name} {number}"), name, text.clone()).await;
        }
        for _ in 0..WINDOW {
            let accepted = writer.hear_until(|frame| match frame {
                ServerFrame::Accepted { .. } => Some(true),
                ServerFrame::Refused { .. } => Some(false),
                _ => None,
            });
            written += u64::from(accepted.await);
        }
    }
    let mut audience = Vec::new();
    for names in names.chunks(VIEWED) {
        let mut socket = guest.socket(&[]).await;
        for name in names {
            socket.say(&ClientFrame::View(View { room: room(name), position: None })).await;
            let full = |frame| match frame {
                ServerFrame::Reset(reset) => Some(reset.window.messages().len()),
                _ => None,
            };
            assert_eq!(socket.hear_until(full).await, WINDOW);
        }
        audience.push(socket);
    }
    let each = program.memory().saturating_sub(before) / count as u64;
    report.did("full channels", count as u64, count as u64);
    report.did("messages", written, (count * WINDOW) as u64);
    let text = kilobytes((WINDOW * LENGTH) as u64);
    report.figure(&format!("of a full channel with {text} of text"), &kilobytes(each));
    audience
}

async fn post(socket: &mut Socket, id: &str, channel: &str, text: String) {
    let id = CommandId::try_from(id.replace(' ', "-")).expect("an id");
    socket
        .say(&ClientFrame::Post {
            id,
            room: room(channel),
            text,
            attachments: vec![],
            reply_to: None,
        })
        .await;
}

/// Lets crowds come, look at a full channel, and go. What is kept of the first of them does not
/// grow.
async fn come_and_go(program: &Program, guest: &Guest, rounds: usize, report: &mut Report) {
    let files = program.open_files();
    let before = program.memory();
    let mut came = 0;
    for _ in 0..rounds {
        came += sockets(guest, CROWD, "full 0").await.len() as u64;
        until_files(program, files).await;
    }
    let after = program.memory();
    report.did("came and went", came, (rounds * CROWD) as u64);
    let percent = after.saturating_sub(before) * 100 / before;
    report.figure("of all before they came and went", &megabytes(before));
    report.figure("after it", &megabytes(after));
    report.at_most("percent more", percent, KEPT);
}

/// Times everyone in a busy channel, in turns with and without those who never read.
async fn never_read(program: &Program, guest: &Guest, amount: &Amount, report: &mut Report) {
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let mut closed = 0;
    let mut slowest = Duration::ZERO;
    let mut run = 0;
    // What is needed at first, and kept.
    busy(guest, 0, 200).await;
    for _ in 0..amount.turns {
        run += 1;
        alone.extend(busy(guest, run, 1_000).await);
        let files = program.open_files();
        let mut silent = Vec::new();
        for _ in 0..amount.slow {
            let mut socket = Socket::open_narrow(program.address, &guest.cookie).await.unwrap();
            socket.greet(&["general"]).await;
            silent.push(socket);
        }
        run += 1;
        let since = Instant::now();
        let closing = async {
            // The writer and the reader of the busy channel are open beside them.
            until_files(program, files + 2).await;
            since.elapsed()
        };
        let (times, took) = tokio::join!(busy(guest, run, 1_000), closing);
        beside.extend(times);
        slowest = slowest.max(took);
        closed += silent.len() as u64;
        drop(silent);
        until_files(program, files).await;
    }
    report.did("who never read", closed, (amount.turns * amount.slow) as u64);
    report.did("deliveries timed", (alone.len() + beside.len()) as u64, 2_000);
    report.within("closed after", slowest, CLOSED);
    let (alone, beside) = (p99(alone), p99(beside));
    report.figure("p99 of a delivery without them", &format!("{} µs", alone.as_micros()));
    report.at_most("with them, in µs", micros(beside), 2 * micros(alone));
}

/// Writes so many long messages at an even pace, and gives how long each took to somebody who reads.
async fn busy(guest: &Guest, run: usize, count: usize) -> Vec<Duration> {
    let mut writer = guest.socket(&[]).await;
    let mut reader = guest.socket(&["general"]).await;
    let (said, mut saying) = tokio::sync::mpsc::unbounded_channel();
    let writing = async {
        let mut pace = interval(Duration::from_secs(1) / PER_SECOND);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 0..count {
            pace.tick().await;
            let id = format!("run-{run}-{number}");
            said.send((id.clone(), Instant::now())).expect("the reader is there");
            post(&mut writer, &id, "general", "🙂".repeat(LONG)).await;
            // What it is told is read, too.
            let ServerFrame::Accepted { .. } = writer.hear().await else { panic!("refused") };
        }
    };
    let reading = async {
        let (mut times, mut asked) = (Vec::new(), HashMap::new());
        while times.len() < count {
            let ServerFrame::Event(event) = reader.hear().await else { continue };
            let (Change::Posted(_), Some(id)) = (&event.change, &event.command) else { continue };
            let now = Instant::now();
            while let Ok((id, at)) = saying.try_recv() {
                asked.insert(id, at);
            }
            let at = asked.remove(id.as_str()).expect("it was said before");
            times.push(now - at);
        }
        times
    };
    tokio::join!(writing, reading).1
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).expect("not that long")
}

fn kilobytes(bytes: u64) -> String {
    format!("{:.1} KiB", bytes as f64 / 1_024.0)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}
