//! Randomness that can be had again.

use fastrand::Rng;

/// A source of randomness whose seed is printed. The variable `FLACK_SEED` replays one, as far as
/// other processes and the clock allow.
pub fn seeded() -> Rng {
    let asked = std::env::var("FLACK_SEED").ok();
    let seed = asked.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    println!("FLACK_SEED={seed}");
    Rng::with_seed(seed)
}
