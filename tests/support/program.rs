//! The real program, as an operator runs it: its own process, directory and environment.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

use super::{PATIENCE, http::Ask};

/// A program that runs.
pub struct Program {
    child: Option<Child>,
    pub address: SocketAddr,
    log: Receiver<String>,
}

/// How a program ended, and what it said meanwhile.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// The program with nothing of this process's environment, in a working directory.
///
/// It is the one that `FLACK_BIN` names, if it does: the finished program instead of the test build.
pub fn flack(dir: &Path) -> Command {
    let program = std::env::var_os("FLACK_BIN");
    let mut command = Command::new(program.unwrap_or(env!("CARGO_BIN_EXE_flack").into()));
    command
        .env_clear()
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
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
        let Ok(ready) = said.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            panic!("it does not start: {}", log.recv_timeout(PATIENCE).unwrap_or_default());
        };
        let address = ready.rsplit_once("http://").expect("an address").1;
        Self { child: Some(child), address: address.parse().expect("an address"), log }
    }

    pub fn get(&self, path: &str) -> Ask {
        Ask::new(self.address, "GET", path)
    }

    pub fn post(&self, path: &str) -> Ask {
        Ask::new(self.address, "POST", path)
    }

    /// Asks it to stop, as an operating system does.
    pub fn terminate(&self) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        let kill = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status();
        assert!(kill.expect("a shell").success());
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
