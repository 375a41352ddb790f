//! T4: the real engine and many real clients in one thread, under a scheduler that delays, cuts,
//! crashes and reloads by chance. What its seed decides once, it decides again.
//!
//! After every step each tab must show what is on disk at its position, nothing twice, and
//! everything that was written in it; every acknowledgement must say what is on disk. When peace
//! comes, everyone must come to see the same.

mod browser;
mod network;
mod planted;
mod server;
mod truth;
mod world;

use planted::Bug;
use world::{Tally, World};

use crate::{
    report::{Form, Report},
    seeds::{explore, replayed},
};

/// In how many worlds a planted bug has to show at the latest.
const PLANTED: u64 = 400;

pub fn run(form: Form) -> Report {
    let mut report = Report::default();
    if let Some(seed) = replayed() {
        // Told in all detail.
        let found = World::new(seed, None, true).run();
        println!("{found:?}");
        report.did("world replayed", 1, 1);
        report.never("promises broken", u64::from(found.is_err()));
        return report;
    }
    let seeds = form.pick(500, 10_000);
    let (tallies, broken) = explore(seeds, |seed| World::new(seed, None, false).run());
    let mut tally = Tally::default();
    tallies.into_iter().for_each(|other| tally.add(other));
    report.did("worlds", seeds, seeds);
    report.did("steps", tally.steps, seeds * 100);
    report.did("commands", tally.commands, seeds * 20);
    report.did("checks", tally.checks, seeds * 100);
    report.did("cuts", tally.cuts, seeds);
    report.did("crashes", tally.crashes, seeds);
    report.did("reloads", tally.reloads, seeds / 2);
    report.did("times somebody read", tally.reads, seeds);
    report.did("topics", tally.topics, seeds / 4);
    report.did("commands held for a full disk", tally.held, seeds / 10);
    report.did("for too many at once", tally.limited, seeds / 10);
    report.did("sockets closed for too many frames", tally.flooded, seeds / 100);
    report.did("differences", tally.differences, seeds);
    report.did("resets", tally.resets, seeds / 4);
    report.did("words of who is here", tally.presence, seeds * 10);
    report.did("of who writes", tally.typing, seeds / 2);
    report.never("promises broken", broken);

    let unlike = (0..10).filter(|seed| {
        let run = || World::new(*seed, None, false).run();
        run() != run()
    });
    report.never("of 10 replays unlike the first run", unlike.count() as u64);

    let caught = Bug::ALL.into_iter().filter(|bug| {
        let caught = (0..PLANTED).find_map(|seed| {
            let violation = World::new(seed, Some(*bug), false).run().err()?;
            Some((seed, violation))
        });
        match &caught {
            Some((seed, violation)) => println!("  {bug:?} shows in world {seed}: {violation}"),
            None => println!("  {bug:?} is not noticed in {PLANTED} worlds"),
        }
        caught.is_some()
    });
    report.did("planted bugs found", caught.count() as u64, Bug::ALL.len() as u64);
    report
}
