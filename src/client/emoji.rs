//! The list of emoji: fetched when it is wanted for the first time, and looked through in the page.

use std::{fmt::Write as _, sync::Arc};

use leptos::prelude::*;

use super::{COMPOSER, Client, browser};
use crate::words::Words;

/// Where the server has the list; `server/emoji.rs` says what its lines are.
const ADDRESS: &str = "/emoji.txt";

/// How many emoji are remembered as used last.
const RECENT: usize = 24;

/// How many are shown at most of those that are looked for.
const FOUND: usize = 96;

/// What is to be done with an emoji that somebody picks.
pub type OnEmoji = Arc<dyn Fn(String) + Send + Sync>;

/// The list, as far as it is here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EmojiList {
    #[default]
    Unwanted,
    OnItsWay,
    Here(String),
    /// It could not be fetched. It will be tried again when it is wanted again.
    Failed,
}

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emoji<'a> {
    pub sign: &'a str,
    pub name: &'a str,
    /// The short codes, with spaces between.
    codes: &'a str,
    words: &'a str,
}

impl<'a> Emoji<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut parts = line.split('\t');
        let sign = parts.next()?;
        let [name, codes, words] = [parts.next()?, parts.next()?, parts.next()?];
        Some(Self { sign, name, codes, words })
    }

    /// The short code that it is known by.
    pub fn code(&self) -> &'a str {
        self.codes.split(' ').next().unwrap_or_default()
    }

    fn has_code(&self, code: &str) -> bool {
        self.codes.split(' ').any(|known| known == code)
    }

    /// How far it is from what is looked for: 0 is next to it, and none is something else.
    fn distance(&self, typed: &str) -> Option<u8> {
        if self.has_code(typed) {
            return Some(0);
        }
        if self.codes.split(' ').any(|code| code.starts_with(typed)) {
            return Some(1);
        }
        let is_end = |c: char| " _-:,".contains(c);
        let texts = [self.codes, self.name, self.words];
        let words = || texts.into_iter().flat_map(|text| text.split(is_end));
        let mut parts = typed.split(is_end);
        parts.all(|part| words().any(|word| word.starts_with(part))).then_some(2)
    }
}

impl EmojiList {
    pub fn is_here(&self) -> bool {
        matches!(self, Self::Here(_))
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::Here(list) => list.lines(),
            _ => "".lines(),
        }
    }

    fn emoji(&self) -> impl Iterator<Item = Emoji<'_>> {
        self.lines().filter_map(Emoji::read)
    }

    /// The emoji that somebody may mean, what is likely first. Codes and words may be begun only.
    pub fn find(&self, typed: &str, limit: usize) -> Vec<Emoji<'_>> {
        let typed = typed.trim().to_ascii_lowercase();
        let near = |distance| {
            let typed = typed.clone();
            self.emoji().filter(move |emoji| emoji.distance(&typed) == Some(distance))
        };
        near(0).chain(near(1)).chain(near(2)).take(limit).collect()
    }

    /// The one with this short code.
    pub fn of_code(&self, code: &str) -> Option<&str> {
        self.emoji().find(|emoji| emoji.has_code(code)).map(|emoji| emoji.sign)
    }

    /// Buttons for those that are looked for, or for all, with the `recent` ones first. What is in the list
    /// needs no escape, which a test of the server holds.
    pub fn buttons(&self, typed: &str, recent: &[String], words: &Words) -> String {
        let mut html = String::new();
        if !typed.trim().is_empty() {
            return group(words.emoji_found, self.find(typed, FOUND).into_iter(), html);
        }
        let known = |sign: &String| self.emoji().find(|emoji| emoji.sign == sign);
        let mut recent = recent.iter().filter_map(known).peekable();
        if recent.peek().is_some() {
            html = group(words.emoji_recent, recent, html);
        }
        let mut lines = self.lines().peekable();
        let mut names = words.emoji_groups.split('|');
        // The list has its own name for each.
        while lines.next().is_some() {
            let name = names.next().unwrap_or_default();
            let next = || lines.next_if(|line| line.contains('\t')).and_then(Emoji::read);
            html = group(name, std::iter::from_fn(next), html);
        }
        html
    }
}

/// Adds a group of emoji. The first one of all can be reached with the tabulator.
fn group<'a>(name: &str, emoji: impl Iterator<Item = Emoji<'a>>, mut html: String) -> String {
    let _ =
        write!(html, "<section role=group aria-label=\"{name}\"><h3 aria-hidden=true>{name}</h3>");
    for emoji in emoji {
        let tab = if html.contains("<button") { -1 } else { 0 };
        let Emoji { sign, name, .. } = emoji;
        let code = emoji.code();
        let _ = write!(
            html,
            "<button type=button tabindex={tab} title=\"{name} :{code}:\">{sign}</button>"
        );
    }
    html + "</section>"
}

impl Client {
    /// Fetches the list, unless it is here or on its way.
    pub fn want_emoji(self) {
        let list = self.emoji;
        if list.with_untracked(|list| matches!(list, EmojiList::Unwanted | EmojiList::Failed)) {
            list.set(EmojiList::OnItsWay);
            browser::fetch(ADDRESS, move |text| {
                list.set(text.map_or(EmojiList::Failed, EmojiList::Here));
            });
        }
    }

    /// Somebody has picked an emoji: it is what was asked for, or else goes into the message that is
    /// being written.
    pub fn pick_emoji(self, sign: String) {
        let mut recent = browser::recent_emoji();
        recent.retain(|other| *other != sign);
        recent.insert(0, sign.clone());
        recent.truncate(RECENT);
        browser::remember_emoji(&recent);
        match self.picking.get_untracked() {
            Some(take) => take(sign),
            None => browser::write_into(COMPOSER, &sign),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    fn list() -> EmojiList {
        EmojiList::Here(
            "Smileys\n\
             😀\tgrinning face\tgrinning\thappy\n\
             🥳\tpartying face\tpartying_face\tcelebrate birthday\n\
             Hands\n\
             👍\tthumbs up\t+1 thumbsup\tyes\n\
             Activities\n\
             🎉\tparty popper\ttada hooray\tcelebrate\n\
             🎋\ttanabata tree\ttanabata_tree\t\n\
             🪅\tpiñata\tpinata\t\n"
                .to_owned(),
        )
    }

    fn found(typed: &str) -> Vec<String> {
        list().find(typed, 3).iter().map(|emoji| emoji.sign.to_owned()).collect()
    }

    #[test]
    fn emoji_are_found_by_what_they_are_called() {
        assert_eq!(found("ta"), ["🎉", "🎋"]);
        assert_eq!(found("TANA"), ["🎋"]);
        assert_eq!(found("celeb"), ["🥳", "🎉"]);
        assert_eq!(found("pop par"), ["🎉"]);
        assert_eq!(found("party"), ["🥳", "🎉"]);
        assert_eq!(found("+1"), ["👍"]);
        assert_eq!(found("zebra"), [""; 0]);
        assert_eq!(found("a"), [""; 0]);
        assert_eq!(list().find("", 2).len(), 2);
    }

    #[test]
    fn a_whole_code_comes_first() {
        assert_eq!(found("hooray"), ["🎉"]);
        assert_eq!(list().of_code("thumbsup"), Some("👍"));
        assert_eq!(list().of_code("thumbs"), None);
        assert_eq!(EmojiList::OnItsWay.of_code("tada"), None);
    }

    #[test]
    fn all_are_shown_in_their_groups() {
        let words = Language::English.words();
        let html = list().buttons("", &["🎉".to_owned(), "gone".to_owned()], words);
        let names = ["Used last", "Smileys", "People", "Animals and nature"];
        let at = names.map(|name| html.find(&format!(">{name}</h3>")).expect(name));
        assert!(at.is_sorted());
        assert_eq!(html.matches("<button").count(), 7);
        assert_eq!(html.matches("tabindex=0").count(), 1);
        assert!(html.find("title=\"party popper :tada:\"").expect("it was used") < at[1]);
        assert_eq!(list().buttons("pinata", &[], words).matches("<button").count(), 1);
        assert_eq!(EmojiList::Failed.buttons("", &[], words), "");
    }
}
