//! What keys do: one table, by which they are obeyed, and from which the sheet that explains them is made.

use crate::words::Documents;

/// A key as somebody pressed it, with those that were held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Press {
    /// As the browser names it: what it types, or such as `ArrowUp` (UI Events KeyboardEvent key
    /// Values).
    pub key: String,
    /// Ctrl, or ⌘ on a Mac.
    pub command: bool,
    pub alt: bool,
    pub shift: bool,
}

/// Where the focus is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Wherever.
    Page,
    /// In none that takes what is typed.
    Outside,
    /// In the words of a message.
    Words,
}

/// How words are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Bold,
    Italic,
    Strike,
    Code,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Jump,
    Previous,
    Next,
    PreviousUnread,
    NextUnread,
    Help,
    Write,
    Send,
    Break,
    EditLast,
    Leave,
    Mention,
    Emoji,
    Mark(Mark),
}

/// Keys that are pressed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chord {
    key: &'static str,
    command: bool,
    alt: bool,
    shift: bool,
}

/// Whatever types a letter, a digit or a sign.
const LETTER: &str = "";

const fn plain(key: &'static str) -> Chord {
    Chord { key, command: false, alt: false, shift: false }
}

const fn command(key: &'static str) -> Chord {
    Chord { command: true, ..plain(key) }
}

const fn alt(key: &'static str) -> Chord {
    Chord { alt: true, ..plain(key) }
}

const fn shift(chord: Chord) -> Chord {
    Chord { shift: true, ..chord }
}

/// The table. Of two rows that fit, the first counts.
pub const KEYS: &[(Place, Chord, Deed)] = &[
    (Place::Page, command("k"), Deed::Jump),
    (Place::Page, alt("ArrowUp"), Deed::Previous),
    (Place::Page, alt("ArrowDown"), Deed::Next),
    (Place::Page, shift(alt("ArrowUp")), Deed::PreviousUnread),
    (Place::Page, shift(alt("ArrowDown")), Deed::NextUnread),
    (Place::Page, command("/"), Deed::Help),
    (Place::Outside, plain("?"), Deed::Help),
    (Place::Outside, plain(LETTER), Deed::Write),
    (Place::Words, plain("Enter"), Deed::Send),
    (Place::Words, command("Enter"), Deed::Send),
    (Place::Words, shift(plain("Enter")), Deed::Break),
    (Place::Words, plain("ArrowUp"), Deed::EditLast),
    (Place::Words, plain("Escape"), Deed::Leave),
    (Place::Words, plain("@"), Deed::Mention),
    (Place::Words, plain(":"), Deed::Emoji),
    (Place::Words, command("b"), Deed::Mark(Mark::Bold)),
    (Place::Words, command("i"), Deed::Mark(Mark::Italic)),
    (Place::Words, shift(command("x")), Deed::Mark(Mark::Strike)),
    (Place::Words, command("e"), Deed::Mark(Mark::Code)),
];

/// What a key does in a place.
pub fn deed(place: Place, press: &Press) -> Option<Deed> {
    let row = KEYS.iter().find(|(of, chord, _)| *of == place && chord.is(press));
    row.map(|(_, _, deed)| *deed)
}

impl Chord {
    fn is(&self, press: &Press) -> bool {
        let is_sign = press.key.chars().count() == 1;
        let is_key = match self.key {
            LETTER => is_sign && press.key != " ",
            key => key.eq_ignore_ascii_case(&press.key),
        };
        // Which signs need Shift is up to the keyboard.
        let is_free =
            self.key == LETTER || is_sign && !self.key.as_bytes()[0].is_ascii_alphabetic();
        is_key
            && (self.command, self.alt) == (press.command, press.alt)
            && (is_free || self.shift == press.shift)
    }

    /// What is printed on the keys.
    pub fn caps(self, is_mac: bool, words: &Documents) -> impl Iterator<Item = String> {
        let (control, option) = if is_mac { ("⌘", "⌥") } else { (words.key_control, "Alt") };
        let key = match self.key {
            LETTER => words.key_letter.to_owned(),
            "ArrowUp" => "↑".to_owned(),
            "ArrowDown" => "↓".to_owned(),
            "Escape" => "Esc".to_owned(),
            "Enter" => words.key_enter.to_owned(),
            key if key.len() == 1 => key.to_ascii_uppercase(),
            key => key.to_owned(),
        };
        let held = [(self.command, control), (self.alt, option), (self.shift, words.key_shift)];
        let held = held.into_iter().filter(|(is_held, _)| *is_held);
        held.map(|(_, cap)| cap.to_owned()).chain([key])
    }
}

impl Mark {
    /// What Markdown has before and after the words.
    pub fn signs(self, is_of_lines: bool) -> (&'static str, &'static str) {
        match self {
            Mark::Bold => ("**", "**"),
            Mark::Italic => ("_", "_"),
            Mark::Strike => ("~~", "~~"),
            Mark::Code if is_of_lines => ("```\n", "\n```"),
            Mark::Code => ("`", "`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    fn press(held: &str, key: &str) -> Press {
        Press {
            key: key.to_owned(),
            command: held.contains('c'),
            alt: held.contains('a'),
            shift: held.contains('s'),
        }
    }

    #[test]
    fn keys_do_what_the_table_says() {
        let words = |held, key| deed(Place::Words, &press(held, key));
        assert_eq!(words("", "Enter"), Some(Deed::Send));
        assert_eq!(words("s", "Enter"), Some(Deed::Break));
        assert_eq!(words("a", "Enter"), None);
        assert_eq!(words("c", "B"), Some(Deed::Mark(Mark::Bold)));
        assert_eq!(words("cs", "X"), Some(Deed::Mark(Mark::Strike)));
        assert_eq!(words("c", "x"), None);
        assert_eq!(words("ca", "e"), None);
        assert_eq!(words("s", "b"), None);
        assert_eq!(deed(Place::Page, &press("c", "k")), Some(Deed::Jump));
        assert_eq!(deed(Place::Page, &press("", "k")), None);
    }

    #[test]
    fn signs_are_known_whether_or_not_they_need_shift() {
        for held in ["", "s"] {
            assert_eq!(deed(Place::Outside, &press(held, "?")), Some(Deed::Help));
            assert_eq!(deed(Place::Outside, &press(held, "ß")), Some(Deed::Write));
            assert_eq!(deed(Place::Words, &press(held, "@")), Some(Deed::Mention));
        }
        assert_eq!(deed(Place::Page, &press("cs", "/")), Some(Deed::Help));
        for key in [" ", "Tab", "Enter", "Escape", "Dead", "F1", "PageDown"] {
            assert_eq!(deed(Place::Outside, &press("", key)), None, "{key}");
        }
        assert_eq!(deed(Place::Outside, &press("c", "a")), None);
    }

    #[test]
    fn no_row_is_hidden_by_another() {
        for (row, (place, chord, _)) in KEYS.iter().enumerate() {
            let Chord { key, command, alt, shift } = *chord;
            let key = if key == LETTER { "x" } else { key }.to_owned();
            let press = Press { key, command, alt, shift };
            let first = KEYS.iter().position(|(of, it, _)| of == place && it.is(&press));
            assert_eq!(first, Some(row), "{press:?}");
        }
    }

    #[test]
    fn caps_are_what_is_printed_on_the_keys() {
        let words = Language::English.documents();
        let caps = |chord: Chord, is_mac| chord.caps(is_mac, words).collect::<Vec<_>>().join(" ");
        assert_eq!(caps(command("k"), false), "Ctrl K");
        assert_eq!(caps(shift(command("x")), true), "⌘ Shift X");
        assert_eq!(caps(alt("ArrowUp"), true), "⌥ ↑");
        assert_eq!(caps(plain(LETTER), false), "A letter");
        let words = Language::German.documents();
        let caps: Vec<_> = shift(command("Enter")).caps(false, words).collect();
        assert_eq!(caps, ["Strg", "Umschalt", "Eingabe"]);
    }
}
