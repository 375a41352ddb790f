//! A named room that everyone on the server can see and join.

use serde::{Deserialize, Serialize};

use super::{name::ChannelName, position::Position};

/// The channel that exists from the start, so that nobody enters an empty house.
pub const FIRST: &str = "general";

/// A channel as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    pub name: ChannelName,
    /// Where in the log it was created.
    pub created: Position,
}

/// All channels, in the order of the list, as of a position of the directory's lane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    pub position: Position,
    channels: Vec<Channel>,
}

impl Directory {
    /// The channels in alphabetical order.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Follows the lane: a channel was created.
    pub fn apply(&mut self, channel: Channel) {
        self.position = self.position.max(channel.created);
        self.add(channel);
    }

    /// Follows the lane: a channel was deleted at this position.
    pub fn remove(&mut self, position: Position, name: &ChannelName) {
        self.position = self.position.max(position);
        self.channels.retain(|channel| channel.name != *name);
    }

    /// Adds a channel that is known before its event has come. One that is already there is not
    /// added twice.
    pub fn add(&mut self, channel: Channel) {
        let place =
            self.channels.binary_search_by(|other| order(&other.name).cmp(&order(&channel.name)));
        if let Err(place) = place {
            self.channels.insert(place, channel);
        }
    }

    /// The channel whose name reads `name`, in any letter case, as an address may have it.
    pub fn find(&self, name: &str) -> Option<&Channel> {
        let lower = name.to_lowercase();
        self.channels.iter().find(|channel| channel.name.as_str() == name).or_else(|| {
            self.channels.iter().find(|channel| channel.name.as_str().to_lowercase() == lower)
        })
    }

    /// The channels that were created after `position`: a complete difference, unless one was deleted
    /// since. None for a position that this directory has not reached.
    pub fn since(&self, position: Position) -> Option<Vec<Channel>> {
        (position <= self.position).then(|| {
            let newer = self.channels.iter().filter(|channel| channel.created > position);
            let mut newer: Vec<Channel> = newer.cloned().collect();
            newer.sort_by_key(|channel| channel.created);
            newer
        })
    }
}

/// What the list is sorted by: letter case only decides between names that are otherwise the same.
fn order(name: &ChannelName) -> (String, &str) {
    (name.as_str().to_lowercase(), name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str, created: u64) -> Channel {
        Channel { name: ChannelName::try_from(name).unwrap(), created: Position(created) }
    }

    fn names(directory: &Directory) -> Vec<&str> {
        directory.channels().iter().map(|channel| channel.name.as_str()).collect()
    }

    #[test]
    fn the_list_is_alphabetical_and_holds_each_channel_once() {
        let mut directory = Directory::default();
        for (name, created) in
            [("zebra", 1), ("Ähre", 2), ("apple", 3), ("Banana", 4), ("apple", 3)]
        {
            directory.apply(channel(name, created));
        }
        assert_eq!(names(&directory), ["apple", "Banana", "zebra", "Ähre"]);
        assert_eq!(directory.position, Position(4));
    }

    #[test]
    fn an_address_finds_its_channel_in_any_letter_case() {
        let mut directory = Directory::default();
        directory.apply(channel("General", 1));
        assert_eq!(directory.find("gENERAL").unwrap().name.as_str(), "General");
        assert_eq!(directory.find("generals"), None);
    }

    #[test]
    fn a_difference_is_what_was_created_since_in_that_order() {
        let mut directory = Directory::default();
        directory.apply(channel("b", 3));
        directory.apply(channel("a", 7));
        assert_eq!(directory.since(Position(7)), Some(vec![]));
        assert_eq!(directory.since(Position(1)), Some(vec![channel("b", 3), channel("a", 7)]));
        assert_eq!(directory.since(Position(8)), None);
        assert_eq!(directory.since(Position(u64::MAX)), None);
        directory.remove(Position(9), &ChannelName::try_from("b").unwrap());
        assert_eq!(names(&directory), ["a"]);
        assert_eq!(directory.position, Position(9));
    }
}
