//! Where people may be called by their names, with an `@` before them.
//!
//! Names have white space in them, so nothing but the list of people says where one ends. This says
//! where one may: the longest that is somebody's name is meant.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::{
    block::{Block, blocks},
    inline::{Link, Piece, links, pieces},
};
use crate::domain::{
    message::MessageText,
    name::DisplayName,
    person::{Person, PersonId},
};

/// How many calls in a message are looked at. Each may be one of up to [`DisplayName::LIMIT`] names, of
/// up to [`DisplayName::CODE_POINTS_LIMIT`] each, so a message is 640 look-ups in the index of names at
/// most.
const CALLS_LIMIT: usize = 20;

/// An `@` at the beginning of a word, in bytes of its paragraph.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    at: usize,
    /// Where a name may end, the nearest first.
    ends: Vec<usize>,
}

impl Call {
    /// What names are compared by, up to each end.
    fn keys(&self, paragraph: &str) -> impl DoubleEndedIterator<Item = (usize, String)> {
        let name = |end: usize| paragraph[self.at + 1..end].to_owned();
        self.ends.iter().map(move |end| (*end, DisplayName::stored(name(*end)).key()))
    }
}

/// For each call in a message, the [keys](DisplayName::key) of whom it may mean, the shortest first.
pub fn called(text: &MessageText) -> Vec<Vec<String>> {
    if !text.as_str().contains('@') {
        return Vec::new();
    }
    let mut found = Vec::new();
    collect(&blocks(text.as_str()), &mut found);
    found
}

fn collect(blocks: &[Block], found: &mut Vec<Vec<String>>) {
    for block in blocks {
        match block {
            Block::Paragraph(text) => {
                let calls = calls(text, &links(text));
                let room = CALLS_LIMIT - found.len();
                let keys = |call: &Call| call.keys(text).map(|(_, key)| key).collect();
                found.extend(calls.iter().take(room).map(keys));
            }
            Block::Quote(blocks) => collect(blocks, found),
            Block::List(items) => items.iter().for_each(|item| collect(&item.blocks, found)),
            Block::Code { .. } => {}
        }
    }
}

/// Who may be marked in a message, and how many more calls are looked at.
pub struct Names<'a> {
    people: Vec<(String, &'a Person)>,
    left: usize,
}

impl<'a> Names<'a> {
    pub fn new(people: &'a [Person]) -> Self {
        let people = people.iter().map(|person| (person.name.key(), person)).collect();
        Self { people, left: CALLS_LIMIT }
    }

    /// Where in a paragraph they are called, and who.
    pub fn find(&mut self, paragraph: &str, links: &[Link]) -> Vec<(Range<usize>, PersonId)> {
        if self.people.is_empty() || self.left == 0 || !paragraph.contains('@') {
            return Vec::new();
        }
        let calls = calls(paragraph, links);
        let looked_at = calls.len().min(self.left);
        self.left -= looked_at;
        let meant = |call: &Call| {
            call.keys(paragraph).rev().find_map(|(end, key)| {
                let (_, person) = self.people.iter().find(|(name, _)| *name == key)?;
                Some((call.at..end, person.id))
            })
        };
        calls[..looked_at].iter().filter_map(meant).collect()
    }
}

/// The calls in a paragraph that are neither in code nor in an address.
fn calls(paragraph: &str, links: &[Link]) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for piece in pieces(paragraph, links, &[]) {
        let Piece::Text(run) = piece else { continue };
        let signs = paragraph[run.clone()].match_indices('@').map(|(place, _)| run.start + place);
        for at in signs {
            let is_free = !links.iter().any(|link| link.place.contains(&at));
            if calls.len() < CALLS_LIMIT && is_free && begins_word(paragraph, at) {
                let ends = ends(&paragraph[at + 1..]).map(|end| at + 1 + end).collect();
                calls.push(Call { at, ends });
            }
        }
    }
    calls
}

/// Whether an `@` is not part of a word, such as the address of a mailbox, nor spared by a backslash.
fn begins_word(paragraph: &str, at: usize) -> bool {
    let before = paragraph[..at].chars().next_back();
    !paragraph[at + 1..].starts_with(char::is_whitespace)
        && before.is_none_or(|before| before != '\\' && before != '@' && !is_in_word(before))
}

/// Whether a letter goes on where this ends. Where scripts have no spaces, every character is a word.
fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() && format!("{c}a").split_word_bounds().count() == 1
}

/// Where a name that begins here may end, in bytes: at the end of a word (UAX #29), and where no letter
/// follows, as before the `'s` in `@Ada's`.
fn ends(text: &str) -> impl Iterator<Item = usize> {
    let line = text.split('\n').next().unwrap_or_default();
    let code_points = line.char_indices().nth(DisplayName::CODE_POINTS_LIMIT);
    let most = code_points.map_or(line.len(), |(end, _)| end);
    // A tower of marks is one character, and longer than any name.
    let shown: Vec<usize> = line
        .grapheme_indices(true)
        .map(|(start, shown)| start + shown.len())
        .take(DisplayName::LIMIT)
        .take_while(|end| *end <= most)
        .collect();
    let longest = shown.last().copied().unwrap_or_default();
    // The rest of a word that is cut off here is needed to know that it goes on.
    let bounds: Vec<usize> = line[..line.ceil_char_boundary(longest + 8)]
        .split_word_bound_indices()
        .map(|(start, word)| start + word.len())
        .collect();
    shown.into_iter().filter(move |end| {
        let (name, after) = line.split_at(*end);
        let mut next = after.chars();
        let is_end = match next.next() {
            None => true,
            // These join words, if one follows.
            Some('_' | '-' | '.') => !next.next().is_some_and(char::is_alphanumeric),
            Some(next) => !next.is_alphanumeric() || bounds.contains(end),
        };
        is_end && !name.ends_with(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_mean(text: &str) -> Vec<Vec<String>> {
        called(&MessageText::stored(text.to_owned()))
    }

    #[test]
    fn a_name_may_have_several_words() {
        assert_eq!(
            may_mean("Hi @Ada Lovelace, tea?"),
            [["ada", "ada lovelace", "ada lovelace,", "ada lovelace, tea", "ada lovelace, tea?"]]
        );
        assert_eq!(may_mean("@Ada's"), [["ada", "ada's"]]);
        assert_eq!(may_mean("@Ada.B @c_d"), [vec!["ada.b", "ada.b @", "ada.b @c_d"], vec!["c_d"]]);
        assert_eq!(may_mean("请@李小龍你"), [["李", "李小", "李小龍", "李小龍你"]]);
    }

    #[test]
    fn an_at_sign_in_a_word_code_or_address_calls_nobody() {
        for text in [
            "ada@example.org",
            "`@Ada`",
            "```\n@Ada\n```",
            "https://example.org/@Ada",
            "\\@Ada",
            "@@",
            "a@Ada",
            "@",
            "@ Ada",
        ] {
            let names = may_mean(text);
            assert!(names.iter().flatten().all(|name| !name.contains("ada")), "{text}: {names:?}");
        }
    }

    #[test]
    fn the_number_of_look_ups_is_bounded() {
        let many = may_mean(&"@a b c d e f g h i j k l m n o p q r s t u ".repeat(90));
        assert_eq!(many.len(), CALLS_LIMIT);
        assert!(many.iter().all(|names| names.len() <= DisplayName::LIMIT), "{many:?}");
    }

    #[test]
    fn what_is_longer_than_any_name_is_not_looked_up() {
        let tower = |marks: usize| format!("@b a{} c", "\u{334}".repeat(marks));
        let [fits, too_long] = [tower(120), tower(4_000)].map(|text| may_mean(&text));
        assert_eq!(fits[0].len(), 3);
        assert_eq!(too_long, [["b"]]);
        // The longest that a name can be, however it is typed.
        for longest in ["👩🏽‍💻", "\u{1fa7}", "\u{3c9}\u{314}\u{342}\u{345}"] {
            let name = longest.repeat(DisplayName::LIMIT);
            let key = DisplayName::try_from(name.as_str()).expect("it may be a name").key();
            assert_eq!(may_mean(&format!("@{name}"))[0].last(), Some(&key));
        }
    }
}
