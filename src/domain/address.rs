//! Where in Flack one is: the path of the page.

use percent_encoding::percent_decode_str;

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Home,
    /// The channel of this name, which may not exist.
    Channel(String),
    Nowhere,
}

impl Address {
    /// Reads the path of a URL, percent-encoded as it is there.
    pub fn of(path: &str) -> Self {
        match path {
            "/" => Address::Home,
            path => match path.strip_prefix("/c/").map(percent_decode_str) {
                Some(name) => Address::Channel(name.decode_utf8_lossy().into_owned()),
                None => Address::Nowhere,
            },
        }
    }
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
        for path in ["", "/c", "/channels", "/C/general", "//"] {
            assert_eq!(Address::of(path), Address::Nowhere, "{path}");
        }
        assert_eq!(Address::of("/c/%FF"), Address::Channel("\u{fffd}".to_owned()));
    }
}
