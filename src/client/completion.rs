//! Completing what is typed: `@na` to somebody's name, `:ta` to an emoji.

/// Before the name of somebody.
const PERSON: char = '@';
/// Around the short code of an emoji.
const EMOJI: char = ':';

/// How long the beginning of a name may be, in characters: as long as a name.
const LONGEST: usize = 32;
/// With one letter, a colon is part of a smiley, or of nothing.
const SHORTEST_CODE: usize = 2;

/// What somebody seems to want to write, by how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought<'a> {
    Person(&'a str),
    Emoji(&'a str),
}

/// What is sought with the words before the caret, and at which byte it begins.
pub fn sought(before: &str) -> Option<(usize, Sought<'_>)> {
    let person = begun(before, PERSON).filter(|(_, part)| is_name(part));
    let emoji =
        begun(before, EMOJI).filter(|(_, part)| part.len() >= SHORTEST_CODE && is_code(part));
    match (person, emoji) {
        (Some((at, _)), Some((later, part))) if later > at => Some((later, Sought::Emoji(part))),
        (Some((at, part)), _) => Some((at, Sought::Person(part))),
        (None, emoji) => emoji.map(|(at, part)| (at, Sought::Emoji(part))),
    }
}

/// The code of an emoji that was written with both its colons, and at which byte it begins.
pub fn whole_code(before: &str) -> Option<(usize, &str)> {
    let (at, code) = begun(before.strip_suffix(EMOJI)?, EMOJI)?;
    (!code.is_empty() && is_code(code)).then_some((at, code))
}

/// What follows the last `sign`, if that stands where a word begins.
fn begun(before: &str, sign: char) -> Option<(usize, &str)> {
    let at = before.rfind(sign)?;
    let is_start = before[..at].chars().next_back().is_none_or(|c| {
        c.is_whitespace() || matches!(c, '(' | '[' | '{' | '"' | '\'' | '*' | '_' | '~' | '>' | '/')
    });
    is_start.then(|| (at, &before[at + 1..]))
}

fn is_name(part: &str) -> bool {
    !part.starts_with(char::is_whitespace)
        && !part.contains('\n')
        && part.chars().take(LONGEST + 1).count() <= LONGEST
}

fn is_code(part: &str) -> bool {
    part.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'+' | b'-'))
}

/// Whether what stands before the caret ends within a block of code that has no end yet.
pub fn is_in_code(before: &str) -> bool {
    const FENCE: &str = "```";
    // With more of them in the line it is code within a line.
    let is_fence = |line: &&str| {
        let rest = line.trim_start().strip_prefix(FENCE);
        rest.is_some_and(|rest| !rest.trim_start_matches('`').contains('`'))
    };
    before.lines().filter(is_fence).count() % 2 == 1
}

/// The byte of a text that is so many units of UTF-16 from its start.
pub fn byte_at(text: &str, units: u32) -> usize {
    let mut left = units as usize;
    for (at, c) in text.char_indices() {
        if left == 0 {
            return at;
        }
        left = left.saturating_sub(c.len_utf16());
    }
    text.len()
}

/// How many units of UTF-16 a text takes.
pub fn units(text: &str) -> u32 {
    text.encode_utf16().count() as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn person(before: &str) -> Option<&str> {
        match sought(before)?.1 {
            Sought::Person(part) => Some(part),
            Sought::Emoji(_) => None,
        }
    }

    fn emoji(before: &str) -> Option<&str> {
        match sought(before)?.1 {
            Sought::Emoji(part) => Some(part),
            Sought::Person(_) => None,
        }
    }

    #[test]
    fn a_name_is_sought_from_its_sign_on() {
        assert_eq!(person("@"), Some(""));
        assert_eq!(person("Hello @na"), Some("na"));
        assert_eq!(person("Hello @Ada Lo"), Some("Ada Lo"));
        assert_eq!(person("one\n@Ö"), Some("Ö"));
        assert_eq!(person("(@山"), Some("山"));
        assert_eq!(sought("Hi 🎉 @na").unwrap().0, "Hi 🎉 ".len());
    }

    #[test]
    fn an_address_is_no_name() {
        for before in ["ada@example", "@ ada", "@ada\n", "a@", &format!("@{}", "x".repeat(33))] {
            assert_eq!(person(before), None, "{before:?}");
        }
    }

    #[test]
    fn an_emoji_is_sought_by_two_letters_at_least() {
        assert_eq!(emoji(":ta"), Some("ta"));
        assert_eq!(emoji("great :+1"), Some("+1"));
        for before in [":", ":t", ":)", ": ta", "10:30", "https://x", "a::ta", ":ta da", ":tä"] {
            assert_eq!(emoji(before), None, "{before:?}");
        }
    }

    #[test]
    fn what_was_begun_last_counts() {
        assert_eq!(emoji("@Ada :ta"), Some("ta"));
        assert_eq!(person(":tada @A"), Some("A"));
        assert_eq!(person("@Ada: hello"), Some("Ada: hello"));
    }

    #[test]
    fn a_code_is_whole_between_its_colons() {
        assert_eq!(whole_code("so :tada:"), Some((3, "tada")));
        assert_eq!(whole_code(":+1:"), Some((0, "+1")));
        for before in ["::", ":a b:", "x:tada:", ":tada", "10:30:"] {
            assert_eq!(whole_code(before), None, "{before:?}");
        }
    }

    proptest! {
        #[test]
        fn places_are_the_same_in_both_countings(before in ".{0,40}", after in ".{0,40}") {
            let text = format!("{before}{after}");
            prop_assert_eq!(byte_at(&text, units(&before)), before.len());
        }

        #[test]
        fn what_is_sought_is_at_the_end(before in "[ @:a-cä\n+_(]{0,24}") {
            if let Some((at, sought)) = sought(&before) {
                let (Sought::Person(part) | Sought::Emoji(part)) = sought;
                prop_assert_eq!(&before[at + 1..], part);
            }
        }
    }

    #[test]
    fn code_goes_on_until_its_end() {
        for before in ["```", "```rust", "so:\n  ```\nlet x;", "```\na\n```\n```\nb"] {
            assert!(is_in_code(before), "{before:?}");
        }
        for before in ["", "``", "```\na\n```", "```a``` b", "a ``` b", "```\na\n```\nand"] {
            assert!(!is_in_code(before), "{before:?}");
        }
    }
}
