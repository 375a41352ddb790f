//! What the list of rooms says of each: what is unread, and how much one wants to hear of it.

use std::cmp::Reverse;

use crate::{
    domain::{
        position::Position,
        room::Room,
        unread::{Membership, Memberships, RoomSettings},
        window::Window,
    },
    words::{Words, with},
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pub unread: usize,
    /// How many of them mean this person. In a direct conversation all do.
    pub mentions: usize,
    pub is_muted: bool,
    pub is_favourite: bool,
}

impl From<&Membership> for Marks {
    fn from(membership: &Membership) -> Self {
        let RoomSettings { is_muted, is_favourite, .. } = membership.settings;
        let unread = membership.unread.positions().len();
        let mentions = match membership.room {
            Room::Direct(_) if is_muted => 0,
            Room::Direct(_) => unread,
            Room::Channel(_) => membership.mentions.positions().len(),
        };
        Self { unread, mentions, is_muted, is_favourite }
    }
}

impl Marks {
    pub fn of(memberships: &Memberships, room: &Room) -> Self {
        memberships.find(room).map(Self::from).unwrap_or_default()
    }

    /// How much in it is worth a number: of a muted room, only what mentions one.
    pub fn count(self) -> usize {
        if self.is_muted { self.mentions } else { self.unread }
    }

    /// How the name of a room stands out, or does not.
    pub fn look(self) -> &'static str {
        match self {
            Marks { is_muted: true, .. } => "muted",
            Marks { mentions: 1.., .. } => "meant",
            Marks { unread: 1.., .. } => "unread",
            _ => "",
        }
    }

    /// The number as it stands in the list, if there is one. What mentions one is counted apart.
    pub fn label(self) -> String {
        match (self.mentions, self.count()) {
            (0, 0) => String::new(),
            (0, count) | (count, _) if count >= Window::LIMIT => format!("{}+", Window::LIMIT - 1),
            (0, count) | (count, _) => count.to_string(),
        }
    }

    /// The same for who listens.
    pub fn words(self, words: &Words) -> String {
        let unread = match self.unread {
            0 => String::new(),
            unread if unread >= Window::LIMIT => {
                format!(" {}", with(words.unread, &format!("{}+", Window::LIMIT - 1)))
            }
            unread => format!(" {}", with(words.unread, &unread.to_string())),
        };
        let mentions = match self.mentions {
            0 => String::new(),
            mentions => format!(", {}", with(words.for_you, &mentions.to_string())),
        };
        let mut told = unread + &mentions;
        for (is_so, word) in [(self.is_muted, words.muted), (self.is_favourite, words.is_favourite)]
        {
            if is_so {
                told.push(' ');
                told += word;
            }
        }
        told
    }
}

/// How much is worth a number in all rooms together.
pub fn total(memberships: &Memberships) -> usize {
    memberships.rooms.iter().map(|it| Marks::from(it).count()).sum()
}

/// The favourites.
pub fn favourites(memberships: &Memberships) -> Vec<Room> {
    let favourites = memberships.rooms.iter().filter(|it| it.settings.is_favourite);
    favourites.map(|it| it.room.clone()).collect()
}

/// What is listed, in the order of the list: favourites, then where something happened last, as far as
/// this person knows; then all others, in alphabetical order as they come.
pub fn order<T: Clone>(
    list: &[T],
    room: impl Fn(&T) -> Room,
    favourites: &[Room],
    memberships: &Memberships,
) -> Vec<T> {
    let places = places(list.iter().map(room), favourites, memberships);
    places.into_iter().map(|place| list[place].clone()).collect()
}

fn places(
    rooms: impl Iterator<Item = Room>,
    favourites: &[Room],
    memberships: &Memberships,
) -> Vec<usize> {
    let rank = |room: Room| {
        let newest = memberships.find(&room).map_or(Position::ZERO, |membership| {
            membership.unread.last().unwrap_or_default().max(membership.read)
        });
        (!favourites.contains(&room), Reverse(newest))
    };
    let mut ranks: Vec<_> = rooms.map(rank).zip(0..).collect();
    // Of equal ones, the place decides.
    ranks.sort_unstable();
    ranks.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{channel::Channel, name::ChannelName, person::PersonId, room::Pair},
        words::Language,
    };

    fn english() -> &'static Words {
        Language::English.words()
    }

    fn channel(name: &str) -> Room {
        Room::Channel(ChannelName::stored(name.to_owned()))
    }

    fn memberships(rooms: &[(&Room, &[u64])]) -> Memberships {
        let mut memberships = Memberships::default();
        for (room, messages) in rooms {
            messages.iter().for_each(|message| memberships.posted(room, Position(*message)));
        }
        memberships
    }

    fn set(memberships: &mut Memberships, room: &Room, is_muted: bool, is_favourite: bool) {
        let changed = Position(1);
        memberships.set(room, RoomSettings { is_muted, is_favourite, changed });
    }

    #[test]
    fn what_is_unread_has_a_number_and_what_is_meant_one_of_its_own() {
        let room = channel("general");
        let mut memberships = memberships(&[(&room, &[3, 5, 6])]);
        assert_eq!(Marks::of(&memberships, &room).words(english()), " 3 unread");
        assert_eq!(Marks::of(&memberships, &room).label(), "3");
        memberships.mentioned(&room, Position(5));
        assert_eq!(Marks::of(&memberships, &room).words(english()), " 3 unread, 1 for you");
        assert_eq!(Marks::of(&memberships, &room).label(), "1");
        assert_eq!(Marks::of(&memberships, &channel("other")), Marks::default());
        assert_eq!(Marks::default().label(), "");
    }

    #[test]
    fn a_direct_message_is_always_meant() {
        let direct = Room::Direct(Pair::of(PersonId(Position(1)), PersonId(Position(2))));
        let memberships = memberships(&[(&direct, &[7])]);
        assert_eq!(Marks::of(&memberships, &direct).mentions, 1);
    }

    #[test]
    fn of_a_muted_room_only_mentions_count() {
        let (loud, quiet) = (channel("loud"), channel("quiet"));
        let mut memberships = memberships(&[(&loud, &[3]), (&quiet, &[4, 5])]);
        assert_eq!(total(&memberships), 3);
        set(&mut memberships, &quiet, true, false);
        assert_eq!(total(&memberships), 1);
        memberships.mentioned(&quiet, Position(5));
        assert_eq!(total(&memberships), 2);
        assert_eq!(Marks::of(&memberships, &quiet).words(english()), " 2 unread, 1 for you muted");
    }

    #[test]
    fn a_hundred_stands_for_any_more() {
        let room = channel("busy");
        let messages: Vec<u64> = (1..=150).collect();
        let memberships = memberships(&[(&room, &messages)]);
        assert_eq!(Marks::of(&memberships, &room).label(), "99+");
        assert_eq!(Marks::of(&memberships, &room).words(english()), " 99+ unread");
    }

    #[test]
    fn favourites_come_first_then_what_is_used() {
        let channels: Vec<Channel> = ["a", "b", "c", "d", "e"]
            .map(|name| Channel {
                name: ChannelName::stored(name.to_owned()),
                created: Position::ZERO,
                topic: None,
            })
            .into();
        let mut memberships = memberships(&[(&channel("b"), &[3]), (&channel("d"), &[9])]);
        memberships.read(&channel("c"), Position(5));
        set(&mut memberships, &channel("e"), false, true);
        let favourites = favourites(&memberships);
        assert_eq!(favourites, [channel("e")]);
        let room = |channel: &Channel| Room::Channel(channel.name.clone());
        let order = order(&channels, room, &favourites, &memberships);
        let names: Vec<&str> = order.iter().map(|channel| channel.name.as_str()).collect();
        assert_eq!(names, ["e", "d", "c", "b", "a"]);
    }
}
