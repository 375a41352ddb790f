//! Who is writing something. It is told once, to those who look, and then forgotten.

use std::{collections::HashMap, mem};

use crate::domain::{
    event::Lane,
    person::{Person, PersonId},
};

/// How many of those who write in one room are named: one more than it takes to be several, because
/// nobody is told of themselves.
const NAMED: usize = 4;

/// Those who are writing, by the lanes of their rooms, as far as that was not told yet.
#[derive(Debug, Default)]
pub struct Typing(HashMap<Lane, Vec<Person>>);

impl Typing {
    /// Somebody who may be in this room is writing there.
    pub fn begin(&mut self, lane: Lane, person: &Person) {
        let people = self.0.entry(lane).or_default();
        if people.len() < NAMED && people.iter().all(|other| other.id != person.id) {
            people.push(person.clone());
        }
    }

    /// What somebody was writing is there.
    pub fn end(&mut self, lane: &Lane, person: PersonId) {
        if let Some(people) = self.0.get_mut(lane) {
            people.retain(|other| other.id != person);
        }
    }

    /// What there is to tell, which is told then.
    pub fn take(&mut self) -> impl Iterator<Item = (Lane, Vec<Person>)> + use<> {
        mem::take(&mut self.0).into_iter().filter(|(_, people)| !people.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{name::DisplayName, position::Position};

    fn person(number: u64) -> Person {
        let name = DisplayName::stored(format!("Person {number}"));
        Person { id: PersonId(Position(number)), name }
    }

    fn lane() -> Lane {
        Lane::Person(PersonId(Position(1)))
    }

    fn told(typing: &mut Typing) -> Vec<u64> {
        let people = typing.take().flat_map(|(_, people)| people);
        people.map(|person| person.id.0.0).collect()
    }

    #[test]
    fn each_one_is_told_once_and_only_so_many() {
        let mut typing = Typing::default();
        for number in [2, 3, 2, 4, 5, 6] {
            typing.begin(lane(), &person(number));
        }
        assert_eq!(told(&mut typing), [2, 3, 4, 5]);
        assert_eq!(told(&mut typing), [0_u64; 0]);
    }

    #[test]
    fn whose_message_is_there_does_not_write_it_any_more() {
        let mut typing = Typing::default();
        typing.begin(lane(), &person(2));
        typing.end(&lane(), person(2).id);
        assert_eq!(told(&mut typing), [0_u64; 0]);
    }
}
