//! All emoji, as browsers get them once they are wanted. The build script uses this file too.
//!
//! One line each: the emoji, its name, its short codes with spaces between, and more words that
//! people look for it by; a tab between. A line without a tab is the name of the group that follows.

use emojis::{Emoji, Group, UnicodeVersion};

/// What is newer than this is an empty box on many screens still.
const NEWEST: UnicodeVersion = UnicodeVersion::new(15, 0);

/// What people look for that is neither in the name nor in the codes.
const WORDS: &[(&str, &str)] = &[
    ("👍", "yes agree good"),
    ("👎", "no disagree bad"),
    ("👌", "perfect"),
    ("👏", "bravo well done applause"),
    ("🙏", "thanks thank you"),
    ("💪", "strong"),
    ("👋", "hello bye"),
    ("🤝", "deal agreed"),
    ("🤞", "luck"),
    ("👀", "look looking seen"),
    ("✅", "done yes ok"),
    ("❌", "no wrong"),
    ("✔️", "done yes ok"),
    ("❓", "what"),
    ("🎉", "celebrate congratulations hooray"),
    ("🥳", "celebrate birthday"),
    ("🎂", "happy"),
    ("🎁", "gift"),
    ("❤️", "love like"),
    ("😀", "happy"),
    ("😄", "happy"),
    ("😊", "happy smile"),
    ("🙂", "smile"),
    ("😂", "lol funny"),
    ("🤣", "lol funny"),
    ("😅", "phew"),
    ("😉", "wink"),
    ("🤔", "hmm think"),
    ("🤷", "dunno"),
    ("🤦", "oh no"),
    ("😢", "sad"),
    ("😭", "sad cry"),
    ("😞", "sad"),
    ("😕", "unsure"),
    ("😡", "angry"),
    ("😱", "shock"),
    ("😴", "tired"),
    ("🥱", "tired bored"),
    ("🤯", "wow"),
    ("😮", "wow"),
    ("😍", "love"),
    ("🥰", "love"),
    ("😎", "cool"),
    ("🤒", "ill sick"),
    ("🔥", "hot great"),
    ("✨", "magic new clean"),
    ("🚀", "launch ship release deploy fast"),
    ("🐛", "error fault defect"),
    ("🐞", "error fault defect"),
    ("🔧", "fix repair"),
    ("🛠️", "fix repair build"),
    ("🚧", "wip work in progress"),
    ("🚨", "alarm alert urgent"),
    ("⚠️", "careful attention"),
    ("🔒", "secure"),
    ("💡", "idea"),
    ("📌", "pin"),
    ("📎", "attach file"),
    ("📅", "date"),
    ("⏰", "time late"),
    ("⏳", "wait"),
    ("📈", "growth up"),
    ("📉", "down"),
    ("💰", "money"),
    ("☕", "break"),
    ("🍻", "cheers"),
    ("🥂", "cheers"),
    ("🍕", "lunch food"),
    ("🏖️", "holiday vacation"),
    ("🌴", "holiday vacation"),
    ("🏠", "home office"),
];

/// The whole list.
pub fn list() -> String {
    let groups = Group::iter().map(|group| {
        let lines: String = group.emojis().filter(|it| is_old_enough(it)).map(line).collect();
        format!("{}\n{lines}", name(group))
    });
    groups.collect()
}

fn is_old_enough(emoji: &Emoji) -> bool {
    emoji.unicode_version() <= NEWEST
}

fn line(emoji: &'static Emoji) -> String {
    // "Trinidad & Tobago": what goes into a page as it is must not need an escape.
    let name = emoji.name().to_lowercase().replace('&', "and");
    let mut codes: Vec<String> = emoji.shortcodes().map(str::to_owned).collect();
    if codes.is_empty() {
        let is_plain = |c: char| c.is_ascii_alphanumeric();
        let parts = name.split(|c| !is_plain(c)).filter(|part| !part.is_empty());
        codes.push(parts.collect::<Vec<_>>().join("_"));
    }
    let words = WORDS.iter().find(|(of, _)| *of == emoji.as_str()).map_or("", |(_, words)| words);
    format!("{}\t{name}\t{}\t{words}\n", emoji.as_str(), codes.join(" "))
}

fn name(group: Group) -> &'static str {
    match group {
        Group::SmileysAndEmotion => "Smileys",
        Group::PeopleAndBody => "People",
        Group::AnimalsAndNature => "Animals and nature",
        Group::FoodAndDrink => "Food and drink",
        Group::TravelAndPlaces => "Travel and places",
        Group::Activities => "Activities",
        Group::Objects => "Objects",
        Group::Symbols => "Symbols",
        Group::Flags => "Flags",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_has_its_parts_and_needs_no_escape() {
        let list = list();
        let (mut seen, mut groups) = (BTreeSet::new(), 0);
        for line in list.lines() {
            assert!(!line.contains(['<', '>', '&', '"', '\r']), "{line}");
            let parts: Vec<&str> = line.split('\t').collect();
            match parts[..] {
                [_] => groups += 1,
                [emoji, name, codes, _] => {
                    assert!(seen.insert(emoji), "{emoji} is there twice");
                    assert!(!name.is_empty() && !codes.is_empty(), "{line}");
                    let is_code = |c: char| c.is_ascii_alphanumeric() || "_+- ".contains(c);
                    assert!(codes.chars().all(is_code), "{codes}");
                }
                _ => panic!("{line}"),
            }
        }
        assert_eq!(groups, 9);
        assert!((1_700..2_000).contains(&seen.len()), "{}", seen.len());
    }

    #[test]
    fn the_words_are_of_emoji_that_are_there() {
        let list = list();
        for (emoji, words) in WORDS {
            let line = list.lines().find(|line| line.split('\t').next() == Some(emoji));
            assert!(line.is_some_and(|line| line.ends_with(words)), "{emoji}");
        }
    }
}
