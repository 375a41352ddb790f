//! T3: a disk that fails never leads to a false acknowledgement.
//!
//! One call of the real program to its disk fails: with an error, for want of room, or having done
//! half. Then it goes on, or says that nothing can be saved until it can, or ends and says why. What
//! it acknowledged meanwhile is there after the next start.

use std::{fs, path::Path, time::Duration};

use flack::domain::{
    command::{Accepted, CommandId},
    person::PersonId,
    refusal::{Refusal, RefusalCode},
};
use tokio::time::{Instant, sleep};

use crate::{
    disk::library,
    power_cut::{Told, check, in_memory},
    report::{Form, Report},
    seeds::{Violation, explore},
    support::{PATIENCE, http::Answer, program::Program},
};

/// How many calls are made to fail, one in each run.
const CALLS: u64 = 500;

/// As the library in `tests/disk` calls them.
const FAULTS: [&str; 4] = ["eio", "enospc", "short", "full"];

/// How many messages are written in each run: enough for all those calls.
const MESSAGES: usize = 60;

/// The exit codes of `sysexits.h`: it could not start, or could not write.
const UNAVAILABLE: i32 = 69;
const IO_ERROR: i32 = 74;

/// How soon the server has to find out by itself that there is room again.
const RECOVERED: Duration = Duration::from_secs(5);

pub fn run(form: Form) -> Report {
    let calls = form.pick(20, CALLS);
    let faults = FAULTS.len() as u64;
    library();
    let (outcomes, broken) = explore(calls * faults, |seed| {
        let place = seed / faults;
        // The short form looks more closely at the start.
        let call = match form {
            Form::Full => place + 1,
            Form::Short => 1 + place * place * CALLS / (calls * calls),
        };
        run_with(FAULTS[(seed % faults) as usize], call)
    });
    let count = |outcome| outcomes.iter().filter(|it| **it == outcome).count() as u64;
    let mut report = Report::default();
    report.did("runs", outcomes.len() as u64 + broken, calls * faults);
    report.did(
        "faults met",
        outcomes.len() as u64 - count(Outcome::Untouched),
        calls * faults * 9 / 10,
    );
    report.did("went on", count(Outcome::WentOn), 1);
    report.did("could not save for a while", count(Outcome::Held), calls / 4);
    report.did("did not start", count(Outcome::NotStarted), 1);
    report.did("ended", count(Outcome::Ended), calls / 4);
    report.never("false acknowledgements, silent ends or hangs", broken);
    report
}

/// What a fault led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The fault never came.
    Untouched,
    /// Nobody noticed.
    WentOn,
    /// It said that nothing could be saved, and saved again later.
    Held,
    NotStarted,
    Ended,
}

/// Lets one program work on a disk with one fault.
fn run_with(fault: &str, call: u64) -> Result<Outcome, Violation> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime
        .block_on(work_with(fault, call))
        .map_err(|violation| format!("{fault} at call {call}: {violation}"))
}

async fn work_with(fault: &str, call: u64) -> Result<Outcome, Violation> {
    let work = in_memory();
    let [root, data, hit, room] =
        ["disk", "disk/data", "hit", "room"].map(|name| work.path().join(name));
    fs::create_dir(&root).expect("a new directory");
    let text = |path: &Path| path.to_str().expect("a path of ours").to_owned();
    let settings = [
        ("LD_PRELOAD", text(library())),
        ("FLACK_DISK", text(&root)),
        ("FLACK_DISK_FAULT", format!("{fault}:{call}")),
        ("FLACK_DISK_HIT", text(&hit)),
        ("FLACK_DISK_ROOM", text(&room)),
        ("FLACK_DATA_DIR", text(&data)),
    ];
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut told = Vec::new();
    let outcome = match Program::attempt(work.path(), &settings) {
        Err(ended) => {
            if ended.status.code() != Some(UNAVAILABLE) {
                return Err(format!("it did not start: {ended:?}"));
            }
            says_why(&ended.stderr)?;
            Outcome::NotStarted
        }
        Ok(program) => {
            let mut load =
                Load { program: &program, room: &room, told: &mut told, was_held: false };
            let end = load.write().await;
            let was_held = load.was_held;
            if end.is_ok() {
                program.terminate();
            }
            let (status, log) = program.wait();
            match (end, status.code()) {
                (Err(Broken::Promise(violation)), _) => return Err(violation),
                (Ok(()), Some(0)) if was_held => Outcome::Held,
                (Ok(()), Some(0)) => Outcome::WentOn,
                (_, Some(IO_ERROR)) => {
                    says_why(&log)?;
                    Outcome::Ended
                }
                (end, code) => return Err(format!("it ended with {code:?}, {end:?}: {log}")),
            }
        }
    };
    // There is room again, whatever happened.
    let told: Vec<&Told> = told.iter().collect();
    check(&data, &told)?;
    Ok(if hit.exists() { outcome } else { Outcome::Untouched })
}

/// Why the load was not written to its end.
#[derive(Debug)]
enum Broken {
    /// The server is gone.
    Gone,
    Promise(Violation),
}

/// One person who writes, and asks again when it could not be saved.
struct Load<'a> {
    program: &'a Program,
    room: &'a Path,
    told: &'a mut Vec<Told>,
    was_held: bool,
}

impl Load<'_> {
    async fn write(&mut self) -> Result<(), Broken> {
        let joined = self.ask("", "/api/sign_in", &[("name", "Ada")]).await?;
        let cookie = joined.session_cookie();
        let person: flack::domain::person::Person = joined.json();
        let name = person.name.as_str().to_owned();
        self.told.push(Told::Person { id: person.id, name });
        for number in 0..MESSAGES {
            self.post(&cookie, person.id, number).await?;
        }
        Ok(())
    }

    async fn post(&mut self, cookie: &str, by: PersonId, number: usize) -> Result<(), Broken> {
        let text = format!("message {number} {}", "x".repeat(number * 20)).trim_end().to_owned();
        let id = format!("id-{number}");
        let fields = [("channel", "general"), ("text", &text), ("id", &id)];
        let Accepted { position } = self.ask(cookie, "/api/post_message", &fields).await?.json();
        let id = CommandId::try_from(id).expect("short and printable");
        self.told.push(Told::Done { by, id, position });
        self.told.push(Told::Posted { position, author: by, text });
        Ok(())
    }

    /// Asks until it is done.
    async fn ask(
        &mut self,
        cookie: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Answer, Broken> {
        let start = Instant::now();
        loop {
            let ask = self.program.post(path).cookie(cookie).form(fields);
            let answer = ask.attempt().await.ok_or(Broken::Gone)?;
            match answer.status {
                200 => return Ok(answer),
                // An earlier attempt was done, and its answer did not come.
                503 if start.elapsed() < PATIENCE => self.hold(&answer).await?,
                _ => return Err(Broken::Promise(format!("{path} was answered {answer:?}"))),
            }
        }
    }

    /// Something could not be done: if that is for want of room, the server says so to its operator
    /// too, and finds out by itself when there is room.
    async fn hold(&mut self, answer: &Answer) -> Result<(), Broken> {
        let refusal: Refusal = answer.json();
        if refusal.code != RefusalCode::NotSaved {
            sleep(Duration::from_millis(20)).await;
            return Ok(());
        }
        self.was_held = true;
        let health = async || {
            let answer = self.program.get("/healthz").attempt().await.ok_or(Broken::Gone)?;
            Ok::<u16, Broken>(answer.status)
        };
        let is_full = health().await? == 503;
        fs::write(self.room, "").expect("the mark is made");
        let start = Instant::now();
        while is_full && health().await? != 200 {
            if start.elapsed() > RECOVERED {
                return Err(Broken::Promise("it does not notice that there is room".to_owned()));
            }
            sleep(Duration::from_millis(20)).await;
        }
        if is_full {
            Ok(())
        } else {
            Err(Broken::Promise("the operator is not told that the disk is full".to_owned()))
        }
    }
}

/// Whether the program named what failed, in one line and without a panic.
fn says_why(log: &str) -> Result<(), Violation> {
    let is_error = |line: &&str| line.contains(" ERROR ") || line.starts_with("flack: ");
    let errors: Vec<&str> = log.lines().filter(is_error).collect();
    if errors.len() == 1 && !log.contains("panicked") {
        Ok(())
    } else {
        Err(format!("it does not say why it ended: {log}"))
    }
}
