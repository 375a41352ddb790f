//! What can be chosen from a list while one types, and what comes first in it.

use leptos::prelude::*;

use super::Client;
use crate::{
    domain::{letters::plain, person::Person, room::direct_path, unread::Membership},
    sync::Replica,
};

/// How many are offered at once.
pub const OFFERED: usize = 8;

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What stands before the words.
    pub sign: String,
    /// The colour of somebody.
    pub hue: Option<u64>,
    pub words: String,
    pub note: String,
    /// What choosing it gives.
    pub value: String,
}

impl Choice {
    pub fn person(person: &Person, value: String) -> Self {
        Self {
            sign: person.name.initial(),
            hue: Some(person.id.hue()),
            words: person.name.to_string(),
            note: String::new(),
            value,
        }
    }
}

/// A room that one can go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    pub name: String,
    pub path: String,
    /// Whom one talks to there, if it is a direct conversation.
    pub person: Option<Person>,
    /// What it is about, if it is a channel and somebody has said so.
    pub topic: String,
}

impl Goal {
    pub fn person(person: Person) -> Self {
        let (name, path) = (person.name.to_string(), direct_path(person.id));
        Self { name, path, person: Some(person), topic: String::new() }
    }

    /// Its line, with what has to be said of it.
    pub fn choice(&self, note: &str) -> Choice {
        let choice = match &self.person {
            Some(person) => Choice::person(person, self.path.clone()),
            None => Choice {
                sign: "#".to_owned(),
                hue: None,
                words: self.name.clone(),
                note: String::new(),
                value: self.path.clone(),
            },
        };
        Choice { note: note.to_owned(), ..choice }
    }
}

/// How far a name is from what is typed, both [plain](plain): 0 begins so, in 1 a word does, and 2 has it
/// somewhere, or has words that begin so, one after the other.
fn distance(name: &str, typed: &str) -> Option<u8> {
    let is_end = |c: char| c.is_whitespace() || c.is_ascii_punctuation();
    match () {
        () if name.starts_with(typed) => Some(0),
        () if name.split(is_end).any(|word| word.starts_with(typed)) => Some(1),
        // The beginning of a word and more.
        () if name.match_indices(typed).any(|(at, _)| name[..at].ends_with(is_end)) => Some(1),
        () if name.contains(typed) => Some(2),
        () => {
            let (mut words, mut parts) = (name.split(is_end), typed.split_whitespace());
            parts.all(|part| words.any(|word| word.starts_with(part))).then_some(2)
        }
    }
}

/// Those that may be meant with what is typed, the likely ones first; of equally likely ones, what came
/// first stays first. `name` gives the name of each. Neither letter case nor marks count.
pub fn likely<T>(all: Vec<T>, typed: &str, name: impl Fn(&T) -> &str) -> Vec<T> {
    let mut near: [Vec<T>; 3] = Default::default();
    let typed = plain(typed);
    for one in all {
        if let Some(distance) = distance(&plain(name(&one)), &typed) {
            near[usize::from(distance)].push(one);
        }
    }
    near.into_iter().flatten().take(OFFERED).collect()
}

/// Puts the rooms that were open last first, and keeps all others as they are.
pub fn by_use(goals: Vec<Goal>, recent: &[String]) -> Vec<Goal> {
    let is_recent = |goal: &Goal| recent.contains(&goal.path);
    let (mut used, others): (Vec<_>, Vec<_>) = goals.into_iter().partition(is_recent);
    let mut ordered = Vec::with_capacity(used.len() + others.len());
    for path in recent {
        if let Some(at) = used.iter().position(|goal| goal.path == *path) {
            ordered.push(used.swap_remove(at));
        }
    }
    ordered.extend(others);
    ordered
}

impl Client {
    /// Others who are likely to be meant here: who wrote in the open room, the last one first, and with
    /// whom one talks. They may be in it twice.
    pub fn people_at_hand(self) -> Vec<Person> {
        let me = self.me.with_untracked(|me| me.as_ref().map(|me| me.id));
        let authors = self.replica.with_value(|replica| {
            let window = replica.as_ref().and_then(Replica::window);
            let messages = window.into_iter().flat_map(|window| window.messages().rev());
            messages.map(|message| message.author.clone()).collect::<Vec<_>>()
        });
        let directs = self.directs.with_untracked(|directs| directs.list().to_vec());
        let partners = directs.into_iter().map(|direct| direct.with);
        authors.into_iter().chain(partners).filter(|person| Some(person.id) != me).collect()
    }

    /// The paths of the rooms in which there is something new that one wants to hear of.
    pub fn unread_rooms(self) -> Vec<String> {
        let Some(me) = self.me.with_untracked(|me| me.as_ref().map(|me| me.id)) else {
            return Vec::new();
        };
        self.memberships.with(|memberships| {
            let is_new = |of: &&Membership| {
                let wanted = if of.settings.is_muted { &of.mentions } else { &of.unread };
                !wanted.is_empty()
            };
            memberships.rooms.iter().filter(is_new).map(|of| of.room.path(me)).collect()
        })
    }

    /// The channels, and those with whom one talks.
    pub fn goals(self) -> Vec<Goal> {
        let channels = self.directory.with(|directory| directory.channels().to_vec());
        let channels = channels.into_iter().map(|channel| Goal {
            name: channel.name.as_str().to_owned(),
            path: channel.name.path(),
            person: None,
            topic: channel.topic.map(|topic| topic.text.as_str().to_owned()).unwrap_or_default(),
        });
        let directs = self.directs.with(|directs| directs.list().to_vec());
        let people = directs.into_iter().map(|direct| Goal::person(direct.with));
        channels.chain(people).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(all: &[&str], typed: &str) -> Vec<String> {
        let all = all.iter().map(|name| (*name).to_owned()).collect();
        likely(all, typed, |name: &String| name.as_str())
    }

    #[test]
    fn beginnings_come_before_what_is_within() {
        let all = ["Banana", "an ant", "Ana", "Joan", "Peter Anders", "x-an"];
        assert_eq!(found(&all, "an"), ["an ant", "Ana", "Peter Anders", "x-an", "Banana", "Joan"]);
        assert_eq!(found(&all, "peter a"), ["Peter Anders"]);
        assert_eq!(found(&["Charlotte von Xy", "Óscar Xi"], "charl xy"), ["Charlotte von Xy"]);
        assert_eq!(found(&["Charlotte von Xy", "Óscar Xi"], "oscar"), ["Óscar Xi"]);
        assert!(found(&["Bo"], "bo b").is_empty(), "what follows the name is something else");
        assert_eq!(found(&["late lunch", "lunch", "my late lunch"], "late l").len(), 2);
        assert_eq!(found(&all, "zz"), [""; 0]);
    }

    #[test]
    fn nothing_typed_leaves_the_order_and_bounds_the_list() {
        let all: Vec<String> = (0..20).map(|number| format!("c{number}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(found(&all, ""), all[..OFFERED]);
    }

    #[test]
    fn what_was_open_last_comes_first() {
        let goal = |path: &str| {
            let path = path.to_owned();
            Goal { path, name: String::new(), person: None, topic: String::new() }
        };
        let goals = ["/c/a", "/c/b", "/c/c", "/d/1"].map(goal).to_vec();
        let recent = ["/d/1", "/c/gone", "/c/b"].map(str::to_owned);
        let paths: Vec<String> = by_use(goals, &recent).into_iter().map(|goal| goal.path).collect();
        assert_eq!(paths, ["/d/1", "/c/b", "/c/a", "/c/c"]);
    }
}
