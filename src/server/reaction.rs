//! Which emoji there are: those of Unicode that are recommended for general interchange (RGI,
//! UTS #51), with their variants.

use crate::domain::{reaction::Emoji, refusal::Refusal};

/// The emoji that somebody means, in its one form.
///
/// # Errors
/// When it is none, or more than one.
pub fn emoji(raw: &str) -> Result<Emoji, Refusal> {
    let found = emojis::get(raw.trim()).ok_or_else(Refusal::emoji_invalid)?;
    Ok(Emoji::stored(found.as_str().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_has_one_form() {
        for (raw, canonical) in [
            ("👍", "👍"),
            (" 👍 ", "👍"),
            ("❤", "❤️"),
            ("❤️", "❤️"),
            ("👍🏽", "👍🏽"),
            ("👩🏿‍🚀", "👩🏿‍🚀"),
            ("👩‍❤‍👨", "👩‍❤️‍👨"),
            ("🏳‍🌈", "🏳️‍🌈"),
            ("🇩🇪", "🇩🇪"),
            ("5️⃣", "5️⃣"),
        ] {
            assert_eq!(emoji(raw).unwrap().as_str(), canonical, "{raw}");
        }
    }

    #[test]
    fn nothing_else_is_one() {
        for raw in ["", " ", "a", "5", "👍👍", "👍 👍", ":+1:", "+1", "\u{200d}", "🏽👍", "<b>"]
        {
            assert!(emoji(raw).is_err(), "{raw:?}");
        }
    }

    #[test]
    fn those_that_are_offered_first_are_in_their_form() {
        for raw in Emoji::QUICK {
            assert_eq!(emoji(raw).unwrap().as_str(), raw);
        }
    }
}
