//! What delivery costs: the finished Flack, the floor of the operating system, and other servers with
//! the same duty, in one run on one machine. `docs/benchmarks.md` has the last one that was kept.
//!
//! `make bench-delivery` runs all of it; ARGS picks scenarios and servers by their names, and says how
//! many `--rounds` there are and how many `--seconds` each takes.

use std::{
    env,
    panic::{self, AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::{Duration, Instant},
};

#[path = "../../tests/support/mod.rs"]
#[allow(dead_code, reason = "the server tests use what is not used here")]
mod support;

mod crowd;
mod page;
mod peers;
mod results;
mod scenario;
mod server;
mod speech;
mod truth;
mod wire;

use peers::floor::Fault;
use results::Results;
use scenario::{Figures, SCENARIOS, Scenario};
use server::{Kind, Server};
use support::program::allow_open_files;

/// What is asked for.
struct Plan {
    scenarios: Vec<&'static Scenario>,
    servers: Vec<Kind>,
    rounds: usize,
    time: Duration,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    allow_open_files(server::most_files() as u64);
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve-floor", gathered, ref fault @ ..] => {
            let fault = fault.first().and_then(|name| Fault::named(name));
            peers::floor::serve(gathered.parse().expect("a number"), fault)
        }
        ["serve-axum"] => peers::example::serve(),
        _ => {}
    }
    match Plan::read(&arguments) {
        Ok(plan) => plan.run(),
        Err(unknown) => {
            let scenarios = SCENARIOS.iter().map(|scenario| scenario.name);
            let names: Vec<&str> = scenarios.chain(Kind::ALL.map(Kind::name)).collect();
            eprintln!("there is no {unknown}; there are {}", names.join(", "));
            ExitCode::FAILURE
        }
    }
}

impl Plan {
    fn read(arguments: &[String]) -> Result<Self, &str> {
        let time = Duration::from_secs(5);
        let mut plan = Self { scenarios: Vec::new(), servers: Vec::new(), rounds: 3, time };
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().and_then(|it| it.parse().ok()).ok_or(argument);
            match argument {
                "--rounds" => plan.rounds = number()?,
                "--seconds" => plan.time = Duration::from_secs(number()? as u64),
                // Cargo says so to all of its kind.
                "--bench" => {}
                name => {
                    match (Scenario::named(name), Kind::ALL.iter().find(|it| it.name() == name)) {
                        (Some(scenario), _) => plan.scenarios.push(scenario),
                        (None, Some(kind)) => plan.servers.push(*kind),
                        (None, None) => return Err(name),
                    }
                }
            }
        }
        if plan.scenarios.is_empty() {
            plan.scenarios = SCENARIOS.iter().collect();
        }
        if plan.servers.is_empty() {
            plan.servers = Kind::ALL.to_vec();
        }
        Ok(plan)
    }

    fn run(&self) -> ExitCode {
        let start = Instant::now();
        show_that_faults_are_found();
        let mut results = Results::default();
        let people = self.scenarios.iter().map(|scenario| (scenario.people)()).max();
        let people = people.unwrap_or_default().min(server::MOST_PEOPLE);
        server::PEOPLE.set(people).expect("nobody was there before");
        for scenario in &self.scenarios {
            eprintln!("{}", scenario.title);
            // In turns, so that whatever else the machine does meets all of them.
            for _ in 0..self.rounds {
                let servers = scenario.servers.iter().filter(|it| self.servers.contains(it));
                servers.for_each(|kind| measure(scenario, *kind, self.time, &mut results));
            }
        }
        let (verdict, are_met) = results.verdict();
        println!("\n{}{verdict}", results.tables());
        println!("It took {} s.", start.elapsed().as_secs());
        if env::var_os("FLACK_WRITE_DOCS").is_some() {
            page::write(&results, self.rounds, self.time);
        }
        if are_met && !results.has_failed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Shows that the listeners notice what a server does wrong, and nothing where it does not.
fn show_that_faults_are_found() {
    scenario::listen_to(&Server::start(Kind::Floor, false));
    let usual = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let found = Fault::ALL.map(|fault| {
        let server = Server::faulty(fault);
        catch_unwind(AssertUnwindSafe(|| scenario::listen_to(&server))).is_err()
    });
    panic::set_hook(usual);
    assert_eq!(found, [true; 4], "which of {:?} were found", Fault::ALL);
}

fn measure(scenario: &Scenario, kind: Kind, time: Duration, results: &mut Results) {
    if results.failure(scenario, kind).is_some() {
        return;
    }
    if !kind.is_installed() {
        let why = if kind.is_flack() { "knows no such setting" } else { "is not installed" };
        results.fail(scenario, kind, why.to_owned());
        return;
    }
    match catch_unwind(AssertUnwindSafe(|| (scenario.run)(kind, time))) {
        Ok(figures) => {
            eprintln!("  {:16} {}", kind.name(), line(&figures));
            results.add(scenario, kind, figures);
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let why = text.unwrap_or("broke off").chars().take(200).collect();
            results.fail(scenario, kind, why);
        }
    }
}

fn line(figures: &Figures) -> String {
    let each = figures.iter().map(|(figure, value)| format!("{figure:?} {}", figure.say(*value)));
    each.collect::<Vec<_>>().join(", ")
}
