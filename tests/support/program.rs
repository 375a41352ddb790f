//! The real program, as an operator runs it: its own process, directory and environment.

use std::{
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Resource, getrlimit, setrlimit};

use super::{PATIENCE, guest::Guest, house::Engine, http::Ask};

/// A program that runs.
pub struct Program {
    child: Option<Child>,
    pub address: SocketAddr,
    /// How long it took until it said so, from nothing.
    pub ready_after: Duration,
    log: Receiver<String>,
}

/// How a program ended, and what it said meanwhile.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Crowds of guests come from one address, and write as fast as they can. What is limited has tests
/// of its own, which set this again.
const UNLIMITED: [(&str, &str); 7] = [
    ("FLACK_MAX_CONNECTIONS_PER_ADDRESS", "0"),
    ("FLACK_RATE_MESSAGES", "0"),
    ("FLACK_RATE_FRAMES", "0"),
    ("FLACK_RATE_REQUESTS", "0"),
    ("FLACK_RATE_SOCKETS", "0"),
    ("FLACK_RATE_CHANNELS", "0"),
    ("FLACK_RATE_SIGN_INS", "0"),
];

/// The program with nothing of this process's environment, in a working directory, without limits of
/// rates.
///
/// It is the one that `FLACK_BIN` names, if it does: the finished program instead of the test build.
/// It may open as many files as a shell usually allows, whatever this process may.
pub fn flack(dir: &Path) -> Command {
    let program = std::env::var_os("FLACK_BIN");
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "ulimit -S -n 1024; exec \"$0\" \"$@\""])
        .arg(program.unwrap_or(env!("CARGO_BIN_EXE_flack").into()))
        .env_clear()
        .envs(UNLIMITED)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A free address for a program that is started again on it.
///
/// Its port is one that the operating system does not give to outgoing connections. Who knocks while
/// nobody listens could be given that very port, would reach themselves, and keep the program out.
pub fn lasting_address() -> SocketAddr {
    let ports = std::iter::repeat_with(|| fastrand::u16(10_000..32_000)).take(1_000);
    let mut addresses = ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    addresses.find(|address| TcpListener::bind(address).is_ok()).expect("a free port")
}

/// Raises the soft limit of open files of this process.
pub fn allow_open_files(at_least: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < at_least) {
        limit.current = Some(at_least);
        setrlimit(Resource::Nofile, limit).expect("a hard limit that is high enough");
    }
}

/// Runs a program to its end.
pub fn ended(mut command: Command) -> Ended {
    let mut child = command.spawn().expect("the program starts");
    let stdout = read(child.stdout.take());
    let stderr = read(child.stderr.take());
    let status = wait(child);
    let text = |receiver: Receiver<String>| receiver.recv_timeout(PATIENCE).unwrap_or_default();
    Ended { status, stdout: text(stdout), stderr: text(stderr) }
}

impl Program {
    /// Starts it in `dir`, on a free port, and waits until it says that it is ready.
    pub fn start(dir: &Path, settings: &[(&str, &str)]) -> Self {
        Self::attempt(dir, settings).unwrap_or_else(|ended| panic!("it does not start: {ended:?}"))
    }

    /// Like [`start`](Self::start), where it may end instead.
    pub fn attempt(dir: &Path, settings: &[(&str, &str)]) -> Result<Self, Ended> {
        let start = Instant::now();
        let mut child = flack(dir)
            .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
            .envs(settings.iter().copied())
            .spawn()
            .expect("the program starts");
        let log = read(child.stderr.take());
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (say, said) = channel();
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).for_each(|line| {
                let _ = say.send(line);
            })
        });
        match said.recv_timeout(PATIENCE) {
            Ok(ready) => {
                let ready_after = start.elapsed();
                let address = ready.rsplit_once("http://").expect("an address").1;
                let address = address.parse().expect("an address");
                Ok(Self { child: Some(child), address, ready_after, log })
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = wait(child);
                let stderr = log.recv_timeout(PATIENCE).unwrap_or_default();
                Err(Ended { status, stdout: String::new(), stderr })
            }
            Err(RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                panic!("it hangs: {}", log.recv_timeout(PATIENCE).unwrap_or_default());
            }
        }
    }

    /// Starts it, and ends it (SIGKILL) after a while, wherever it is then.
    pub fn start_in_vain(dir: &Path, settings: &[(&str, &str)], after: Duration) {
        let mut child =
            flack(dir).envs(settings.iter().copied()).spawn().expect("the program starts");
        thread::sleep(after);
        child.kill().expect("it is our own child");
        child.wait().expect("it is our own child");
    }

    /// As the operating system knows it.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// How much memory it has, in bytes, as the operating system counts it.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.expect("a number") * 1_024
    }

    /// How many files it has open; connections are among them.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).expect("Linux").count()
    }

    pub fn get(&self, path: &str) -> Ask {
        Ask::new(self.address, "GET", path)
    }

    pub fn post(&self, path: &str) -> Ask {
        Ask::new(self.address, "POST", path)
    }

    /// Asks it to stop, as an operating system does.
    pub fn terminate(&self) {
        let id = self.id().to_string();
        let kill = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status();
        assert!(kill.expect("a shell").success());
    }

    /// Ends it at once, wherever it is (SIGKILL).
    pub fn kill(self) {
        drop(self);
    }

    /// Takes a display name. The guest cannot open pages that this process has rendered.
    pub async fn join(&self, name: &str) -> Guest {
        let answer = self.post("/api/sign_in").form(&[("name", name)]).await.expect(200);
        Guest::new(self.address, Engine::default(), answer.session_cookie(), answer.json())
    }

    /// Somebody who joined an earlier program on the same data.
    pub fn again(&self, guest: &Guest) -> Guest {
        let (cookie, person) = (guest.cookie.clone(), guest.person.clone());
        Guest::new(self.address, Engine::default(), cookie, person)
    }

    /// Waits for its end, and gives its log.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = wait(self.child.take().expect("it runs"));
        (status, self.log.recv_timeout(PATIENCE).unwrap_or_default())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Reads to the end on a thread of its own, so that the program never waits for its reader.
fn read(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (done, text) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.expect("it is piped").read_to_end(&mut bytes);
        let _ = done.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    text
}

/// Waits for the end, but not for ever.
fn wait(mut child: Child) -> ExitStatus {
    let id = child.id().to_string();
    let (done, ended) = channel();
    thread::spawn(move || {
        let _ = done.send(child.wait());
    });
    match ended.recv_timeout(PATIENCE) {
        Ok(status) => status.expect("it is our own child"),
        Err(_) => {
            let _ = Command::new("sh").args(["-c", "kill -KILL \"$0\"", &id]).status();
            panic!("it does not end");
        }
    }
}
