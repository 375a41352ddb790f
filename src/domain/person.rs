//! Who somebody is.

use serde::{Deserialize, Serialize};

use super::{name::DisplayName, position::Position};

/// A person's identity, which outlives any change of how they are called: the position in the log
/// where they first took a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub Position);

impl PersonId {
    /// Which of twelve colours stands for this person, everywhere and always.
    pub fn hue(self) -> u64 {
        // Mixed well (SplitMix64), because people often join at regular distances in the log.
        let mut mixed = self.0.0.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % 12
    }
}

/// How many people one search finds.
pub const FOUND_LIMIT: usize = 50;

/// A person as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: PersonId,
    pub name: DisplayName,
}

/// One browser's right to speak as a person, known by the SHA-256 of its secret token.
///
/// It cannot be turned back into the token, so it may be stored and compared freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 32]);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn people_who_join_at_any_distance_have_many_colours() {
        for distance in 1..=48 {
            let hues = (0..24).map(|number| PersonId(Position(2 + number * distance)).hue());
            let hues: BTreeSet<u64> = hues.collect();
            assert!(hues.len() >= 6 && hues.iter().all(|hue| *hue < 12), "{distance}: {hues:?}");
        }
    }
}
