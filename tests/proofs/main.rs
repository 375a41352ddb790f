//! What Flack promises, proven at the receiver. `docs/promises.md` says what each proof shows.
//!
//! `cargo test --test proofs` runs all of them in their short forms. After `--`, names pick some
//! of them, `--full` asks for the long forms, and `--table` prints what the last runs found.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Instant,
};

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "the server tests use what is not used here")]
mod support;

mod bounds;
mod database;
mod disk;
mod disk_faults;
mod kill;
mod power_cut;
mod privacy;
mod report;
mod restart;
mod seeds;
mod simulation;
mod snapshot;
mod storm;
mod uploads;

use report::{Form, Report, Row};

/// One proof.
struct Proof {
    /// Its number in `docs/promises.md`.
    number: &'static str,
    name: &'static str,
    run: fn(Form) -> Report,
}

const PROOFS: &[Proof] = &[
    Proof { number: "T1", name: "kill", run: kill::run },
    Proof { number: "T2", name: "power-cut", run: power_cut::run },
    Proof { number: "T3", name: "disk-faults", run: disk_faults::run },
    Proof { number: "T4", name: "simulation", run: simulation::run },
    Proof { number: "T5", name: "storm", run: storm::run },
    Proof { number: "T6", name: "snapshot", run: snapshot::run },
    Proof { number: "T8", name: "restart", run: restart::run },
    Proof { number: "T9", name: "bounds", run: bounds::run },
    Proof { number: "T11", name: "privacy", run: privacy::run },
    Proof { number: "T15", name: "uploads", run: uploads::run },
];

/// T7 is a proof of its own, in `end2end/proofs`.
const IN_THE_BROWSER: &str = "link";

fn main() -> ExitCode {
    let mut form = Form::Short;
    let mut names = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--full" => form = Form::Full,
            "--table" => {
                let names = PROOFS.iter().map(|proof| proof.name);
                return report::table(names.chain([IN_THE_BROWSER]));
            }
            // Options of the usual test programs mean nothing here.
            option if option.starts_with('-') => {}
            name => names.push(name.to_owned()),
        }
    }
    if let Some(unknown) = names.iter().find(|name| PROOFS.iter().all(|it| it.name != **name)) {
        let known: Vec<&str> = PROOFS.iter().map(|proof| proof.name).collect();
        eprintln!("there is no proof {unknown}; there are {}", known.join(", "));
        return ExitCode::FAILURE;
    }
    let picked = |proof: &&Proof| names.is_empty() || names.iter().any(|name| name == proof.name);
    let mut has_failed = false;
    for proof in PROOFS.iter().filter(picked) {
        println!("{} {} …", proof.number, proof.name);
        let start = Instant::now();
        let report = catch_unwind(AssertUnwindSafe(|| (proof.run)(form)));
        let report = report.unwrap_or_else(|_| Report::broken());
        let row = Row::new(proof.number, proof.name, form, start.elapsed(), &report);
        println!("{row}");
        row.save();
        has_failed |= !row.passed;
    }
    if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
