//! Where in Flack one is: the path of the page.

use percent_encoding::percent_decode_str;

use super::{person::PersonId, position::Position};

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Home,
    /// The channel of this name, which may not exist.
    Channel(String),
    /// The direct conversation with this person, who may not exist.
    Direct(PersonId),
    /// Everyone who is on this server.
    People,
    Nowhere,
}

impl Address {
    /// Reads the path of a URL, percent-encoded as it is there.
    pub fn of(path: &str) -> Self {
        Self::with_message(path).0
    }

    /// Reads a path that may lead to a message of a room: `/c/general/123`, `/d/7/123`.
    pub fn with_message(path: &str) -> (Self, Option<Position>) {
        match path {
            "/" => (Address::Home, None),
            "/people" => (Address::People, None),
            path => channel(path).or_else(|| direct(path)).unwrap_or((Address::Nowhere, None)),
        }
    }
}

type Place = (Address, Option<Position>);

fn channel(path: &str) -> Option<Place> {
    let (name, message) = room_and_message(path.strip_prefix("/c/")?)?;
    let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
    Some((Address::Channel(name), message))
}

fn direct(path: &str) -> Option<Place> {
    let (id, message) = room_and_message(path.strip_prefix("/d/")?)?;
    Some((Address::Direct(PersonId(number(id)?)), message))
}

/// Slashes in names are encoded.
fn room_and_message(path: &str) -> Option<(&str, Option<Position>)> {
    match path.split_once('/') {
        Some((room, message)) => Some((room, Some(number(message)?))),
        None => Some((path, None)),
    }
}

fn number(digits: &str) -> Option<Position> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_plain).map(Position)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::ChannelName;

    #[test]
    fn the_path_of_a_channel_leads_to_it() {
        for name in ["general", "50% off? ü", "東京オフィス", "a+b&c=d", "C#"] {
            let channel = ChannelName::try_from(name).unwrap();
            assert_eq!(Address::of(&channel.path()), Address::Channel(name.to_owned()));
        }
    }

    #[test]
    fn a_path_can_lead_to_a_message_of_a_room() {
        let message = Some(Position(123));
        for name in ["general", "50% off? ü"] {
            let path = format!("{}/123", ChannelName::try_from(name).unwrap().path());
            assert_eq!(Address::with_message(&path), (Address::Channel(name.to_owned()), message));
        }
        let direct = Address::Direct(PersonId(Position(17)));
        assert_eq!(Address::with_message("/d/17/123"), (direct.clone(), message));
        assert_eq!(Address::with_message("/d/17"), (direct, None));
    }

    #[test]
    fn other_paths_lead_home_or_nowhere() {
        assert_eq!(Address::of("/"), Address::Home);
        for path in ["", "/c", "/channels", "/C/general", "//", "/d", "/d/", "/d/ada", "/d/-1"] {
            assert_eq!(Address::of(path), Address::Nowhere, "{path}");
        }
        assert_eq!(Address::of("/d/17"), Address::Direct(PersonId(Position(17))));
        for path in ["/c/general/", "/c/general/x", "/c/general/+1", "/c/general/1/2", "/d/17/x"] {
            assert_eq!(Address::with_message(path), (Address::Nowhere, None), "{path}");
        }
        assert_eq!(Address::of("/c/%FF"), Address::Channel("\u{fffd}".to_owned()));
    }
}
