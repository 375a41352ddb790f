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
        match path {
            "/" => Address::Home,
            "/people" => Address::People,
            path => channel(path).or_else(|| direct(path)).unwrap_or(Address::Nowhere),
        }
    }
}

fn channel(path: &str) -> Option<Address> {
    let name = percent_decode_str(path.strip_prefix("/c/")?);
    Some(Address::Channel(name.decode_utf8_lossy().into_owned()))
}

fn direct(path: &str) -> Option<Address> {
    let id = path.strip_prefix("/d/")?.parse().ok()?;
    Some(Address::Direct(PersonId(Position(id))))
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
    fn other_paths_lead_home_or_nowhere() {
        assert_eq!(Address::of("/"), Address::Home);
        for path in ["", "/c", "/channels", "/C/general", "//", "/d", "/d/", "/d/ada", "/d/-1"] {
            assert_eq!(Address::of(path), Address::Nowhere, "{path}");
        }
        assert_eq!(Address::of("/d/17"), Address::Direct(PersonId(Position(17))));
        assert_eq!(Address::of("/c/%FF"), Address::Channel("\u{fffd}".to_owned()));
    }
}
