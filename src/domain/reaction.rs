//! What people say to a message with one sign.

use serde::{Deserialize, Serialize};

use super::person::{Person, PersonId};
use crate::words::{Words, count};

/// One emoji, in the form that Unicode calls fully qualified. Which ones there are is known on the
/// server only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Emoji(String);

impl Emoji {
    /// Those that are offered first.
    pub const QUICK: [&str; 6] = ["👍", "❤️", "😂", "🎉", "👀", "✅"];

    /// One that was checked before.
    pub fn stored(emoji: String) -> Self {
        Self(emoji)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An emoji under a message, and who put it there, the first of them first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    pub emoji: Emoji,
    pub people: Vec<Person>,
}

/// How many different emoji one message can have.
pub const EMOJI_LIMIT: u32 = 20;

/// How many reactions one message can have, of all people together.
pub const REACTIONS_LIMIT: u32 = 200;

/// So many people are named; of more it is said how many they are.
const NAMED: usize = 20;

impl Reaction {
    pub fn is_by(&self, person: PersonId) -> bool {
        self.people.iter().any(|other| other.id == person)
    }

    /// The emoji and who put it there, to be read aloud: "👍 Ada, Grace and you".
    pub fn in_words(&self, me: Option<PersonId>, words: &Words) -> String {
        let is_me = |person: &&Person| Some(person.id) == me;
        let others = self.people.iter().filter(|person| !is_me(person));
        let mut names: Vec<String> =
            others.take(NAMED).map(|person| person.name.to_string()).collect();
        if self.people.iter().any(|person| is_me(&person)) {
            names.push(words.you.to_owned());
        }
        match self.people.len() - names.len() {
            0 => {}
            rest => names.push(count(rest, words.reaction_other, words.reaction_others)),
        }
        let last = names.pop().unwrap_or_default();
        let before = names.join(", ");
        let emoji = self.emoji.as_str();
        match before.as_str() {
            "" => format!("{emoji} {last}"),
            _ => format!("{emoji} {before} {} {last}", words.reaction_and),
        }
    }
}

/// Adds a reaction to those of a message, if it is not there.
pub fn add(reactions: &mut Vec<Reaction>, emoji: &Emoji, person: &Person) {
    match reactions.iter_mut().find(|reaction| reaction.emoji == *emoji) {
        Some(reaction) if reaction.is_by(person.id) => {}
        Some(reaction) => reaction.people.push(person.clone()),
        None => {
            let (emoji, people) = (emoji.clone(), vec![person.clone()]);
            reactions.push(Reaction { emoji, people });
        }
    }
}

/// Takes a reaction away from those of a message, if it is there.
pub fn remove(reactions: &mut Vec<Reaction>, emoji: &Emoji, person: PersonId) {
    for reaction in reactions.iter_mut().filter(|reaction| reaction.emoji == *emoji) {
        reaction.people.retain(|other| other.id != person);
    }
    reactions.retain(|reaction| !reaction.people.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{name::DisplayName, position::Position},
        words::Language,
    };

    fn person(id: u64) -> Person {
        let name = match id {
            1 => "Ada".to_owned(),
            2 => "Grace".to_owned(),
            id => format!("Person {id}"),
        };
        Person { id: PersonId(Position(id)), name: DisplayName::stored(name) }
    }

    fn words(people: impl IntoIterator<Item = u64>, me: u64) -> String {
        let people = people.into_iter().map(person).collect();
        let reaction = Reaction { emoji: Emoji::stored("👍".to_owned()), people };
        reaction.in_words(Some(PersonId(Position(me))), Language::English.words())
    }

    #[test]
    fn it_is_said_who_reacted_with_oneself_last() {
        assert_eq!(words([1], 9), "👍 Ada");
        assert_eq!(words([1], 1), "👍 you");
        assert_eq!(words([1, 2], 1), "👍 Grace and you");
        assert_eq!(words([3, 1, 2], 3), "👍 Ada, Grace and you");
        assert!(words(1..=21, 99).ends_with("Person 20 and 1 other"));
        assert!(words(1..=60, 60).ends_with("Person 20, you and 39 others"));
        assert_eq!(words([], 1), "👍 ");
    }

    #[test]
    fn reactions_come_and_go_in_their_order() {
        let (thumb, heart) = (Emoji::stored("👍".to_owned()), Emoji::stored("❤️".to_owned()));
        let mut reactions = Vec::new();
        add(&mut reactions, &thumb, &person(1));
        add(&mut reactions, &heart, &person(2));
        add(&mut reactions, &thumb, &person(2));
        let once = reactions.clone();
        add(&mut reactions, &thumb, &person(2));
        assert_eq!(reactions, once, "twice is once");
        remove(&mut reactions, &thumb, person(1).id);
        assert_eq!(reactions[0], Reaction { emoji: thumb.clone(), people: vec![person(2)] });
        remove(&mut reactions, &thumb, person(2).id);
        remove(&mut reactions, &thumb, person(2).id);
        assert_eq!(reactions, [Reaction { emoji: heart, people: vec![person(2)] }]);
    }
}
