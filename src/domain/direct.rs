//! The direct conversations of one person.

use serde::{Deserialize, Serialize};

use super::{
    letters::lowercase,
    person::{Person, PersonId},
    position::Position,
};

/// Who is in so many direct conversations begins no other, whoever began these. Others still begin some with
/// them: else strangers could keep everybody else from writing to somebody.
pub const DIRECTS_OF_WHO_BEGINS: u64 = 1_000;

/// A direct conversation, as one of its two people sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direct {
    /// The other one.
    pub with: Person,
    /// Where in the log its first message is; none as long as there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Position>,
}

/// All direct conversations of one person, in the order of the list, as of a position of that
/// person's own lane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directs {
    pub position: Position,
    list: Vec<Direct>,
}

impl Directs {
    /// By the names of the others, in alphabetical order.
    pub fn list(&self) -> &[Direct] {
        &self.list
    }

    /// Follows the lane: a conversation has begun.
    pub fn apply(&mut self, position: Position, direct: Direct) {
        self.position = self.position.max(position);
        self.list.retain(|other| other.with.id != direct.with.id);
        self.insert(direct);
    }

    /// Lists somebody with whom a conversation may begin, if they are not there already.
    pub fn add(&mut self, with: Person) {
        if self.find(with.id).is_none() {
            self.insert(Direct { with, created: None });
        }
    }

    /// The conversation with the person of this id.
    pub fn find(&self, id: PersonId) -> Option<&Direct> {
        self.list.iter().find(|direct| direct.with.id == id)
    }

    fn insert(&mut self, direct: Direct) {
        let place = self.list.partition_point(|other| order(other) < order(&direct));
        self.list.insert(place, direct);
    }
}

fn order(direct: &Direct) -> (String, Position) {
    (lowercase(direct.with.name.as_str()), direct.with.id.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::DisplayName;

    fn person(id: u64, name: &str) -> Person {
        Person { id: PersonId(Position(id)), name: DisplayName::try_from(name).unwrap() }
    }

    #[test]
    fn everyone_is_listed_once_by_name() {
        let mut directs = Directs::default();
        directs.add(person(3, "zoe"));
        directs.add(person(2, "Ada"));
        directs.add(person(3, "zoe"));
        let begun = Direct { with: person(3, "zoe"), created: Some(Position(9)) };
        directs.apply(Position(9), begun.clone());
        directs.add(person(3, "zoe"));
        let names: Vec<&str> =
            directs.list().iter().map(|direct| direct.with.name.as_str()).collect();
        assert_eq!(names, ["Ada", "zoe"]);
        assert_eq!(directs.find(PersonId(Position(3))), Some(&begun));
        assert_eq!(directs.position, Position(9));
    }
}
