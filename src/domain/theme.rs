//! In which colours somebody wants to see Flack.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As everything else on their device.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    /// The cookie that remembers it, so that the first paint is in the right colours.
    pub const COOKIE: &str = "theme";

    pub fn as_str(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// What is no theme is that of the system: a cookie can be anything.
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.as_str() == name).unwrap_or_default()
    }

    /// The media of what is only for light colours, or only for dark ones.
    pub fn media(self, scheme: Theme) -> &'static str {
        match (self, scheme) {
            (Theme::System, Theme::Dark) => "(prefers-color-scheme: dark)",
            (Theme::System, _) => "(prefers-color-scheme: light)",
            _ if self == scheme => "all",
            _ => "not all",
        }
    }

    /// As `color-scheme` has it (CSS Color Adjustment Level 1).
    pub fn color_scheme(self) -> &'static str {
        match self {
            Theme::System => "light dark",
            theme => theme.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_has_one_name_everywhere() {
        for theme in Theme::ALL {
            assert_eq!(Theme::of(theme.as_str()), theme);
            assert_eq!(serde_json::to_value(theme).unwrap(), theme.as_str());
        }
        assert_eq!(Theme::of("\"><script>"), Theme::System);
    }

    #[test]
    fn one_of_two_colours_is_always_meant() {
        assert_eq!(Theme::Dark.media(Theme::Dark), "all");
        assert_eq!(Theme::Dark.media(Theme::Light), "not all");
        assert_ne!(Theme::System.media(Theme::Light), Theme::System.media(Theme::Dark));
    }
}
