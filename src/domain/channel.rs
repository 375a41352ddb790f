//! A named room that everyone on the server can see and join.

use serde::{Deserialize, Serialize};

use super::{
    letters::lowercase,
    name::{ChannelName, is_ignorable},
    person::Person,
    position::Position,
};

/// The channel that exists from the start, so that nobody enters an empty house.
pub const FIRST: &str = "general";

/// A channel as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    pub name: ChannelName,
    /// Where in the log it was created.
    pub created: Position,
    /// None until somebody says what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
}

/// What a channel is about, and who has said so last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    pub text: TopicText,
    pub by: Person,
}

/// One line of up to [`TopicText::LIMIT`] characters with something to see among them.
///
/// Deserialising trusts its source, which is Flack's own server. What a person typed comes in through
/// `read`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TopicText(String);

/// How many characters a topic has that has too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicTooLong(pub usize);

impl TopicText {
    /// In Unicode scalar values.
    pub const LIMIT: usize = 250;

    /// One that was valid when it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What was typed, in one line however many it had; none if there is nothing to see in it.
    ///
    /// # Errors
    /// When it is too long.
    pub fn read(typed: &str) -> Result<Option<Self>, TopicTooLong> {
        let words = typed.split(|c: char| c.is_whitespace() || c.is_control());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let line = words.join(" ");
        match line.chars().count() {
            count if count > Self::LIMIT => Err(TopicTooLong(count)),
            _ if line.chars().all(|c| c == ' ' || is_ignorable(c)) => Ok(None),
            _ => Ok(Some(Self(line))),
        }
    }
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

    /// Follows the lane: since this position a channel is as it is here.
    pub fn revise(&mut self, position: Position, channel: Channel) {
        self.position = self.position.max(position);
        if let Some(known) = self.channels.iter_mut().find(|it| it.created == channel.created) {
            *known = channel;
        }
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
        let lower = lowercase(name);
        self.channels.iter().find(|channel| channel.name.as_str() == name).or_else(|| {
            self.channels.iter().find(|channel| lowercase(channel.name.as_str()) == lower)
        })
    }

    /// What a channel is about; empty if nobody has said so.
    pub fn topic(&self, name: &str) -> &str {
        let topic = self.find(name).and_then(|channel| channel.topic.as_ref());
        topic.map_or("", |topic| topic.text.as_str())
    }

    /// The channels that were created after `position`: a complete difference, unless one was deleted
    /// or revised since. None for a position that this directory has not reached.
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
    (lowercase(name.as_str()), name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{name::DisplayName, person::PersonId};

    fn channel(name: &str, created: u64) -> Channel {
        let name = ChannelName::try_from(name).unwrap();
        Channel { name, created: Position(created), topic: None }
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
    fn a_topic_is_one_line_with_something_to_see() {
        let read = |typed: &str| TopicText::read(typed).map(|text| text.map(|text| text.0));
        assert_eq!(read(" Lunch\r\n at\t\u{2028}noon\u{0} "), Ok(Some("Lunch at noon".to_owned())));
        assert_eq!(read("\u{200b}👍\u{fe0f}").unwrap().unwrap().chars().count(), 3);
        for nothing in ["", " \r\n ", "\u{200b}", "\u{2800} \u{ad}\u{7}"] {
            assert_eq!(read(nothing), Ok(None), "{nothing:?}");
        }
        assert!(read(&"漢".repeat(TopicText::LIMIT)).unwrap().is_some());
        assert_eq!(read(&"x ".repeat(126)), Err(TopicTooLong(251)));
        assert_eq!(read(&"\u{200b}".repeat(251)), Err(TopicTooLong(251)));
    }

    #[test]
    fn a_revised_channel_stays_in_its_place() {
        let mut directory = Directory::default();
        directory.apply(channel("b", 3));
        directory.apply(channel("a", 7));
        let by = Person { id: PersonId(Position(2)), name: DisplayName::try_from("Ada").unwrap() };
        let text = TopicText::read("Lunch").unwrap().unwrap();
        let revised = Channel { topic: Some(Topic { text, by }), ..channel("b", 3) };
        directory.revise(Position(9), revised.clone());
        assert_eq!(directory.channels(), [channel("a", 7), revised.clone()]);
        assert_eq!(directory.position, Position(9));
        assert_eq!(
            [directory.topic("B"), directory.topic("a"), directory.topic("c")],
            ["Lunch", "", ""]
        );
        // What was heard of its creation before, and comes late, takes nothing back.
        directory.add(channel("b", 3));
        assert_eq!(directory.find("b"), Some(&revised));
        // One that is gone does not come back by it.
        directory.remove(Position(10), &revised.name);
        directory.revise(Position(11), revised);
        assert_eq!(names(&directory), ["a"]);
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
