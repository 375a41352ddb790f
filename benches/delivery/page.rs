//! `docs/benchmarks.md`, written anew.

use std::{fs, path::Path, process::Command, time::Duration};

use crate::results::Results;

pub fn write(results: &Results, rounds: usize, time: Duration) {
    let (verdict, _) = results.verdict();
    let text = format!(
        "# What delivery costs\n\n\
         {HOW}\n\
         ## The last run that was kept\n\n\
         {}\n\
         {} The servers take turns, and each begins anew. What goes on for a while was measured for {} s, \
         after it had gone on for a moment already.\n\n\
         ## The bars\n\n\
         {verdict}\n\
         ## What was measured\n\n\
         {}",
        machine(),
        if rounds == 1 { "One round.".to_owned() } else { format!("Medians of {rounds} rounds.") },
        time.as_secs(),
        results.tables(),
    );
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md");
    fs::write(place, text.trim_end().to_owned() + "\n").expect("the page is written");
}

const HOW: &str = "\
`make bench-delivery` measures the finished program, the floor of the operating system, and other
servers, side by side on one machine, and `FLACK_WRITE_DOCS=1 make bench-delivery` writes this page.

- **CPU** is the time that processors worked for the server, in all its threads and in the kernel on its
  behalf, as the process table has it. What they worked for those who listen does not count.
- **Everyone is listened to.** Each receiver compares every message, byte by byte, with what the others in
  its room heard: one that is missing, there twice, or in the wrong place ends the run. What a room heard
  is then given to the state machine of Flack's own client, which notices gaps by itself. Every run begins
  with floors that lose, repeat, swap or garble a message, and have to be found out.
- **The duty is the same**: a session is checked, the last 100 messages of a room are kept and sent to
  whoever joins, and number, time and sender are stamped. Flack does more meanwhile: each message is on
  disk before anybody hears it, who may hear it is asked at delivery, limits are kept, heartbeats are
  answered, and everyone is told what is unread elsewhere. Its frames are larger, too.
- **The floor** does nothing but one non-blocking `send` of a finished frame to each listener, in one
  thread; the other one shares a `send` among up to 16 frames, where they are there. *axum* is its
  examples' way: a broadcast channel for each room, a task for each socket, serialised for each receiver,
  buffers as they are by default. *ws* encodes once for all. *Socket.IO* and *Flask-SocketIO* use
  their rooms, over WebSocket alone.
- **Delays** are from the writer's `write` to the listener's `read`, all in one process, which takes the
  other processor and its own time to read 1,000 sockets.
- **Memory** is what the process has resident, before and after the connections came; what the kernel
  holds for sockets is not in it. As many connections as there may be are what the operating system's hard
  limit of open files leaves to one process, up to 100,000; how many that were stands in the table.
";

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let meminfo = read("/proc/meminfo");
    let kilobytes =
        meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next());
    let gigabytes =
        kilobytes.and_then(|it| it.parse::<f64>().ok()).unwrap_or_default() / 1_048_576.0;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let commit = said_by("git", &["describe", "--always", "--dirty"]);
    let date = chrono::Utc::now().date_naive();
    let node = said_by("node", &["--version"]);
    let rust = said_by("rustc", &["--version"]);
    let python = said_by("target/peers/python/bin/python", &["--version"]);
    let lock = read(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"));
    let of_crate = |name: &str| {
        let at = format!("name = \"{name}\"\nversion = \"");
        lock.split_once(&at).and_then(|(_, rest)| rest.split('"').next()).unwrap_or("?").to_owned()
    };
    let packages =
        read(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/delivery/peers/package.json"));
    let packages: serde_json::Value = serde_json::from_str(&packages).unwrap_or_default();
    let of_npm = |name: &str| packages["dependencies"][name].as_str().unwrap_or("?").to_owned();
    let required = include_str!("peers/requirements.txt");
    let of_pip = |name: &str| {
        let line = required.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("=="));
        line.map_or("?", |line| line.trim_end_matches([' ', '\\'])).to_owned()
    };
    format!(
        "On {date}, at commit `{commit}`: {cores} cores ({}), {gigabytes:.0} GiB, Linux {}. {rust}; axum {}, \
         tokio {}; Node {node}, ws {}, Socket.IO {}; {python}, Flask-SocketIO {}, gevent {}. {} processes \
         had work to do in the minute before, on average (`loadavg`), those of this run among them: on a \
         quiet machine that is 2 or less.\n",
        model.unwrap_or("unknown").trim(),
        kernel.trim(),
        of_crate("axum"),
        of_crate("tokio"),
        of_npm("ws"),
        of_npm("socket.io"),
        of_pip("flask-socketio"),
        of_pip("gevent"),
        read("/proc/loadavg").split(' ').next().unwrap_or("?"),
    )
}

/// What a program says of itself.
fn said_by(program: &str, arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = if program.contains('/') { root.join(program) } else { program.into() };
    let output = Command::new(program).args(arguments).current_dir(root).output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.unwrap_or_else(|_| "not there".to_owned())
}
