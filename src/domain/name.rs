//! What people and channels may be called, and when two names are the same.
//!
//! A name is made of visible characters of any script. It is kept as it was typed, in Unicode's
//! composed form (NFC), trimmed, with inner white space collapsed. Whether two names conflict is
//! decided by their [key](DisplayName::key), which has no letter case, width or invisible parts.

use std::fmt;

use caseless::Caseless;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::canonical_combining_class};
use unicode_properties::{
    GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory,
};
use unicode_segmentation::UnicodeSegmentation;

/// What a person is called: 1 to [`DisplayName::LIMIT`] visible characters.
///
/// Deserialising trusts its source, which is Flack's own store or server. What a person typed comes
/// in through `try_from`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DisplayName(String);

/// What a channel is called, without the `#`: 1 to [`ChannelName::LIMIT`] visible characters.
///
/// Deserialising trusts its source, which is Flack's own store or server. What a person typed comes
/// in through `try_from`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelName(String);

/// Why something cannot be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    Empty,
    TooLong,
    /// It has a character that cannot be seen, or that changes how others are seen.
    Invisible,
    /// It begins with a mark that needs a letter before it.
    LooseMark,
    /// It could not stand in an address.
    Address,
}

impl DisplayName {
    /// In characters as people count them (extended grapheme clusters, UAX #29).
    pub const LIMIT: usize = 32;

    /// In code points. A visible character alone may have any number of them.
    pub const CODE_POINTS_LIMIT: usize = Self::LIMIT * CODE_POINTS_PER_CHARACTER;

    /// A name that was valid when it was stored; the rules may have changed since.
    pub fn stored(name: String) -> Self {
        Self(name)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two names have in common when they are the same to a reader.
    pub fn key(&self) -> String {
        key(&self.0)
    }

    /// What an avatar shows, in capitals: the first letter, or the first part of an emoji.
    pub fn initial(&self) -> String {
        self.0.chars().take(1).collect()
    }
}

impl TryFrom<&str> for DisplayName {
    type Error = NameFault;

    fn try_from(raw: &str) -> Result<Self, NameFault> {
        tidy(raw, Self::LIMIT).map(Self)
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ChannelName {
    /// In characters as people count them (extended grapheme clusters, UAX #29).
    pub const LIMIT: usize = 40;

    /// A name that was valid when it was stored; the rules may have changed since.
    pub fn stored(name: String) -> Self {
        Self(name)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What people mean who write a name as they see it: with the `#`, which is no part of it.
    pub fn bare(written: &str) -> &str {
        written.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '#' | '＃'))
    }

    /// What two names have in common when they are the same to a reader.
    pub fn key(&self) -> String {
        key(&self.0)
    }

    /// The address of the channel's page, percent-encoded (RFC 3986 §2.1).
    pub fn path(&self) -> String {
        /// All but RFC 3986's unreserved characters.
        const ESCAPED: &AsciiSet =
            &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
        format!("/c/{}", utf8_percent_encode(&self.0, ESCAPED))
    }
}

impl TryFrom<&str> for ChannelName {
    type Error = NameFault;

    fn try_from(raw: &str) -> Result<Self, NameFault> {
        let name = tidy(Self::bare(raw), Self::LIMIT)?;
        // Browsers and proxies read these as steps between folders, even when encoded.
        if name.contains(['/', '\\']) || name.chars().all(|c| c == '.') {
            return Err(NameFault::Address);
        }
        Ok(Self(name))
    }
}

impl fmt::Display for ChannelName {
    /// As it is shown: with the `#`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// How many code points a visible character may be made of, on average: enough for any script and
/// for families of emoji, too few for towers of marks.
const CODE_POINTS_PER_CHARACTER: usize = 4;

fn tidy(raw: &str, limit: usize) -> Result<String, NameFault> {
    // Whatever is this much longer than allowed is not worth reading.
    if raw.len() > limit * 64 {
        return Err(NameFault::TooLong);
    }
    let name = collapse_white_space(&raw.nfc().collect::<String>());
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    let mut before = None;
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        if !is_visible(c) && !joins(before, c, rest.peek().copied()) {
            return Err(NameFault::Invisible);
        }
        before = Some(c);
    }
    let first = name.chars().next();
    if first.is_some_and(|c| c.general_category_group() == GeneralCategoryGroup::Mark) {
        return Err(NameFault::LooseMark);
    }
    if name.graphemes(true).count() > limit
        || name.chars().count() > limit * CODE_POINTS_PER_CHARACTER
    {
        return Err(NameFault::TooLong);
    }
    Ok(name)
}

fn collapse_white_space(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Unicode's compatibility caseless match (§3.13, D146) of the visible characters.
fn key(name: &str) -> String {
    let folded = name.nfd().default_case_fold().nfkd().default_case_fold().nfkd();
    collapse_white_space(&folded.filter(|c| !is_ignorable(*c)).nfkc().collect::<String>())
}

fn is_visible(c: char) -> bool {
    !is_ignorable(c)
        && !matches!(
            c.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::PrivateUse
                | GeneralCategory::Surrogate
                | GeneralCategory::Unassigned
        )
}

/// Unicode's `Default_Ignorable_Code_Point`, and the blank Braille cell: they draw nothing.
pub fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether an invisible character does its work here, which some scripts and emoji cannot do
/// without: it shapes its neighbours (RFC 5892 Appendix A), or picks the look of an emoji.
fn joins(before: Option<char>, c: char, after: Option<char>) -> bool {
    let (Some(before), after) = (before, after) else { return false };
    let emoji = |c: char| c.is_emoji_char() && !c.is_ascii();
    let arabic = |c: char| matches!(c, '\u{620}'..='\u{64A}' | '\u{66E}'..='\u{6D5}');
    const VIRAMA: u8 = 9;
    match c {
        '\u{FE0F}' => emoji(before),
        '\u{200D}' => {
            canonical_combining_class(before) == VIRAMA
                || ((emoji(before) || before == '\u{FE0F}') && after.is_some_and(emoji))
        }
        '\u{200C}' => {
            canonical_combining_class(before) == VIRAMA
                || (arabic(before) && after.is_some_and(arabic))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn person(raw: &str) -> Result<String, NameFault> {
        DisplayName::try_from(raw).map(|name| name.0)
    }

    fn channel(raw: &str) -> Result<String, NameFault> {
        ChannelName::try_from(raw).map(|name| name.0)
    }

    #[test]
    fn a_name_is_kept_as_typed_but_for_its_white_space() {
        assert_eq!(person("  Ada \t\n Lovelace\u{3000}").unwrap(), "Ada Lovelace");
        assert_eq!(person("e\u{301}").unwrap(), "é");
    }

    #[test]
    fn ordinary_names_of_many_scripts_are_accepted() {
        for name in [
            "Ada",
            "Zoë",
            "Łukasz",
            "Ngũgĩ",
            "Анна",
            "Ελένη",
            "محمد",
            "علی‌رضا",
            "דוד",
            "अनीता",
            "ශ්‍රී",
            "தமிழ்",
            "สมชาย",
            "李小龍",
            "さくら",
            "김민준",
            "ნინო",
            "Արամ",
            "O’Brien-Smith Jr.",
            "🚀",
            "❤️",
            "👩‍👩‍👧",
            "Ada 👩🏽‍💻",
        ] {
            assert_eq!(person(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn empty_names_are_refused() {
        for name in ["", " ", "\t\r\n", "\u{3000}\u{a0}"] {
            assert_eq!(person(name), Err(NameFault::Empty), "{name:?}");
        }
        assert_eq!(channel(" # "), Err(NameFault::Empty));
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        for name in [
            "A\u{0}da",
            "Ada\u{1b}[2J",
            "Ada\u{200b}",
            "\u{202e}Ada",
            "A\u{ad}da",
            "\u{200d}Ada",
            "Ada\u{200d}",
            "A\u{200c}da",
            "\u{3164}",
            "\u{2800}",
            "Ada\u{fe0f}",
            "Ada\u{e0041}",
            "\u{e000}",
            "\u{feff}Ada",
            "1\u{fe0f}",
        ] {
            assert_eq!(person(name), Err(NameFault::Invisible), "{name:?}");
        }
        assert_eq!(person("\u{301}Ada"), Err(NameFault::LooseMark));
    }

    #[test]
    fn length_is_counted_as_people_count() {
        assert!(person(&"x".repeat(32)).is_ok());
        assert_eq!(person(&"x".repeat(33)), Err(NameFault::TooLong));
        assert!(person(&"👩🏽‍💻".repeat(32)).is_ok());
        assert_eq!(person(&"👩🏽‍💻".repeat(33)), Err(NameFault::TooLong));
        assert!(channel(&"漢".repeat(40)).is_ok());
        assert_eq!(channel(&"漢".repeat(41)), Err(NameFault::TooLong));
        let tower = format!("Z{}", "\u{334}".repeat(200));
        assert_eq!(person(&tower), Err(NameFault::TooLong));
        assert_eq!(person(&"x".repeat(65536)), Err(NameFault::TooLong));
    }

    #[test]
    fn a_channel_is_typed_with_or_without_its_sign() {
        assert_eq!(channel("#random").unwrap(), "random");
        assert_eq!(channel(" ## C# corner").unwrap(), "C# corner");
        assert_eq!(channel("# #random").unwrap(), "random");
        assert_eq!(channel("# ＃"), Err(NameFault::Empty));
    }

    #[test]
    fn a_channel_can_stand_in_an_address() {
        for name in [".", "..", "a/b", "a\\b"] {
            assert_eq!(channel(name), Err(NameFault::Address), "{name:?}");
        }
        let name = ChannelName::try_from("50% off? ü").unwrap();
        assert_eq!(name.path(), "/c/50%25%20off%3F%20%C3%BC");
    }

    #[test]
    fn names_conflict_without_regard_to_case_width_and_surrounding_space() {
        let same = [
            ("General", "general"),
            ("ＧＥＮＥＲＡＬ", "general"),
            (" general ", "GENERAL"),
            ("straße", "STRASSE"),
            ("ﬁne", "Fine"),
            ("Ἀθήνη", "ἀθήνη"),
            ("ｶﾀｶﾅ", "カタカナ"),
            ("❤️", "❤"),
            ("e\u{301}t\u{e9}", "ÉTÉ"),
        ];
        for (a, b) in same {
            let [a, b] = [a, b].map(|name| ChannelName::try_from(name).unwrap().key());
            assert_eq!(a, b);
        }
        let [a, b] = ["a b", "ab"].map(|name| ChannelName::try_from(name).unwrap().key());
        assert_ne!(a, b);
    }

    proptest! {
        #[test]
        fn a_name_is_tidy_and_stays_itself(raw in "\\PC{0,48}") {
            if let Ok(name) = DisplayName::try_from(raw.as_str()) {
                prop_assert_eq!(DisplayName::try_from(name.as_str()), Ok(name.clone()));
                prop_assert!(!name.key().is_empty());
                prop_assert!(!name.as_str().contains(char::is_control));
                prop_assert_eq!(name.as_str().trim(), name.as_str());
            }
        }

        #[test]
        fn a_key_has_no_case(raw in "[a-zA-Zà-öØ-ÿα-ωΑ-ΡΣ-Ω]{1,20}") {
            let name = |raw: &str| ChannelName::try_from(raw).unwrap().key();
            prop_assert_eq!(name(&raw), name(&raw.to_lowercase()));
        }

        #[test]
        fn nothing_typed_makes_a_name_panic(raw in any::<String>()) {
            let _ = DisplayName::try_from(raw.as_str()).map(|name| (name.key(), name.initial()));
            let _ = ChannelName::try_from(raw.as_str()).map(|name| (name.key(), name.path()));
        }
    }
}
