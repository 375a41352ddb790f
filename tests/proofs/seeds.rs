//! Many cases by chance, each decided by its seed.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// The variable that replays one seed.
pub const SEED: &str = "FLACK_SEED";

/// A promise that was broken, in words.
pub type Violation = String;

/// After so many broken promises, more would not help.
const ENOUGH: u64 = 20;

/// The seed to replay, if somebody wants to.
///
/// # Panics
/// When it is no number.
pub fn replayed() -> Option<u64> {
    let seed = std::env::var(SEED).ok()?;
    Some(seed.parse().unwrap_or_else(|_| panic!("{SEED} is a number")))
}

/// Tries the seeds below `count` on all cores, or the one to [replay](replayed), and prints those that
/// break a promise. Gives what the others found, and how many were broken.
pub fn explore<T: Send>(
    count: u64,
    attempt: impl Fn(u64) -> Result<T, Violation> + Sync,
) -> (Vec<T>, u64) {
    let seeds = replayed().map_or(0..count, |seed| seed..seed + 1);
    let (next, broken) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let found = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || broken.load(Ordering::Relaxed) >= ENOUGH {
                return;
            }
            match attempt(seed) {
                Ok(value) => found.lock().unwrap().push(value),
                Err(violation) => {
                    println!("  {SEED}={seed}: {violation}");
                    broken.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    (found.into_inner().unwrap(), broken.into_inner())
}
