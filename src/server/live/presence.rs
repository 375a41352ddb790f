//! Who is here. Nothing of it is in the log: it is true as long as sockets live.

use std::{collections::BTreeMap, mem, time::Duration};

use crate::domain::{
    frame::ServerFrame,
    person::{Person, PersonId},
};

/// How many people are named. When more are here, nobody is: a crowd of thousands that comes and goes
/// would have to be told to all of it, and nobody looks through it.
pub const NAMED: usize = 500;

/// How few the crowd has to be again to be named.
const FEW: usize = NAMED / 10 * 9;

/// How long somebody may be away without having left, so that who loads the page anew does not blink.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long people may take to come back to a server that has just started. Until then nobody is told
/// that somebody is not here.
pub const GATHERING: Duration = Duration::from_secs(10);

/// Who is here, as everybody was told, and what has changed since.
#[derive(Debug)]
pub struct Presence {
    online: BTreeMap<PersonId, Person>,
    came: BTreeMap<PersonId, Person>,
    /// Whose last socket has ended, and when they have left.
    left: BTreeMap<PersonId, Duration>,
    is_crowd: bool,
    /// When all who come back are back; none once they are.
    gathers_until: Option<Duration>,
}

impl Presence {
    /// Nobody is here yet, because the server has just started.
    pub fn new(now: Duration) -> Self {
        Self {
            online: BTreeMap::new(),
            came: BTreeMap::new(),
            left: BTreeMap::new(),
            is_crowd: false,
            gathers_until: Some(now + GATHERING),
        }
    }

    /// Somebody has a socket.
    pub fn came(&mut self, person: &Person) {
        self.left.remove(&person.id);
        if !self.online.contains_key(&person.id) {
            self.came.insert(person.id, person.clone());
        }
    }

    /// The last socket of somebody has ended.
    pub fn left(&mut self, person: PersonId, now: Duration) {
        // Who has come only just now, nobody was told of.
        self.came.remove(&person);
        if self.online.contains_key(&person) {
            self.left.entry(person).or_insert(now + GRACE);
        }
    }

    /// Whether everybody takes them for being here.
    pub fn is_online(&self, person: PersonId) -> bool {
        !self.is_crowd && self.online.contains_key(&person)
    }

    /// Those whom everybody takes for being here, unless they are a crowd.
    pub fn online(&self) -> impl Iterator<Item = &Person> {
        self.online.values().filter(|_| !self.is_crowd)
    }

    /// What there is to tell somebody who knows nothing yet.
    pub fn whole(&self) -> ServerFrame {
        let named = self.online().map(|person| person.id).collect();
        match self.gathers_until {
            Some(_) => ServerFrame::Presence { all: None, online: named, offline: Vec::new() },
            None => {
                ServerFrame::Presence { all: Some(named), online: Vec::new(), offline: Vec::new() }
            }
        }
    }

    /// What there is to tell everybody, who know all that was told before.
    pub fn news(&mut self, now: Duration) -> Option<ServerFrame> {
        let came = mem::take(&mut self.came);
        let online: Vec<PersonId> = came.keys().copied().collect();
        let offline: Vec<PersonId> =
            self.left.extract_if(.., |_, at| *at <= now).map(|(person, _)| person).collect();
        self.online.extend(came);
        for person in &offline {
            self.online.remove(person);
        }
        let was_crowd = self.is_crowd;
        self.is_crowd = self.online.len() > if was_crowd { FEW } else { NAMED };
        let has_gathered = self.gathers_until.take_if(|until| *until <= now).is_some();
        if was_crowd != self.is_crowd || has_gathered {
            return Some(self.whole());
        }
        if self.is_crowd || (online.is_empty() && offline.is_empty()) {
            return None;
        }
        Some(ServerFrame::Presence { all: None, online, offline })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{name::DisplayName, position::Position};

    fn person(number: u64) -> PersonId {
        PersonId(Position(number))
    }

    impl Presence {
        fn comes(&mut self, number: u64) {
            let name = DisplayName::stored(format!("Person {number}"));
            self.came(&Person { id: person(number), name });
        }
    }

    fn all(people: impl IntoIterator<Item = u64>) -> ServerFrame {
        let all = people.into_iter().map(person).collect();
        ServerFrame::Presence { all: Some(all), online: vec![], offline: vec![] }
    }

    fn change(online: &[u64], offline: &[u64]) -> ServerFrame {
        let [online, offline] =
            [online, offline].map(|list| list.iter().copied().map(person).collect());
        ServerFrame::Presence { all: None, online, offline }
    }

    /// A server that has been there for long, and its clock.
    fn presence() -> (Presence, Duration) {
        let mut presence = Presence::new(Duration::ZERO);
        assert_eq!(presence.news(GATHERING), Some(all([])));
        (presence, GATHERING)
    }

    #[test]
    fn who_comes_and_leaves_is_told_once() {
        let (mut presence, now) = presence();
        presence.comes(2);
        presence.comes(3);
        presence.comes(2);
        assert_eq!(presence.news(now), Some(change(&[2, 3], &[])));
        assert_eq!(presence.news(now), None);
        assert_eq!(presence.whole(), all([2, 3]));
        presence.left(person(3), now);
        assert_eq!(presence.news(now + GRACE / 2), None);
        assert!(presence.is_online(person(3)));
        assert_eq!(presence.news(now + GRACE), Some(change(&[], &[3])));
        assert!(!presence.is_online(person(3)));
        assert_eq!(presence.news(now + GRACE * 9), None);
    }

    #[test]
    fn who_is_back_in_time_has_not_left() {
        let (mut presence, now) = presence();
        presence.comes(2);
        presence.news(now);
        presence.left(person(2), now);
        presence.comes(2);
        assert_eq!(presence.news(now + GRACE * 2), None);
        presence.comes(3);
        presence.left(person(3), now);
        assert_eq!(presence.news(now + GRACE * 2), None, "nobody has noticed");
    }

    #[test]
    fn a_server_that_has_just_started_says_of_nobody_that_they_are_not_here() {
        let mut presence = Presence::new(Duration::ZERO);
        assert_eq!(presence.whole(), change(&[], &[]));
        presence.comes(2);
        assert_eq!(presence.news(GATHERING / 2), Some(change(&[2], &[])));
        assert_eq!(presence.whole(), change(&[2], &[]));
        assert_eq!(presence.news(GATHERING), Some(all([2])));
        assert_eq!(presence.whole(), all([2]));
    }

    #[test]
    fn nobody_of_a_crowd_is_named_until_it_is_none() {
        let (mut presence, now) = presence();
        let crowd = NAMED as u64 + 1;
        (1..crowd).for_each(|number| presence.comes(number));
        assert!(matches!(presence.news(now), Some(ServerFrame::Presence { all: None, .. })));
        presence.comes(crowd);
        assert_eq!(presence.news(now), Some(all([])));
        assert_eq!(presence.whole(), all([]));
        assert!(!presence.is_online(person(1)));
        (FEW as u64 + 1..=crowd).for_each(|number| presence.left(person(number), now));
        assert_eq!(presence.news(now), None);
        presence.comes(crowd + 1);
        assert_eq!(presence.news(now), None, "it costs nothing");
        presence.left(person(crowd + 1), now);
        assert_eq!(presence.news(now + GRACE), Some(all(1..=FEW as u64)));
    }

    proptest! {
        /// Whoever follows the news has what the next one is told as a whole.
        #[test]
        fn the_news_lead_to_the_whole(steps in prop::collection::vec((0..3u8, 1..6u64), 0..200)) {
            let (mut presence, mut now) = presence();
            let mut known = BTreeSet::new();
            let mut here = BTreeSet::new();
            for (step, number) in steps {
                match step {
                    0 => {
                        here.insert(person(number));
                        presence.comes(number);
                    }
                    1 if here.remove(&person(number)) => presence.left(person(number), now),
                    _ => now += Duration::from_secs(number),
                }
                if let Some(ServerFrame::Presence { online, offline, .. }) = presence.news(now) {
                    known.extend(online);
                    known.retain(|person| !offline.contains(person));
                }
                let whole = ServerFrame::Presence {
                    all: Some(known.iter().copied().collect()),
                    online: vec![],
                    offline: vec![],
                };
                prop_assert_eq!(presence.whole(), whole);
                prop_assert!(known.is_superset(&here));
            }
            presence.news(now + GRACE);
            let whole = all(here.iter().map(|person| person.0.0));
            prop_assert_eq!(presence.whole(), whole);
        }
    }
}
