//! What was written, by whom and when.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    attachment::Attachment,
    name::is_ignorable,
    person::{Person, PersonId},
    position::Position,
    reaction::Reaction,
};

/// A message as everyone in its channel sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Where it was accepted, which is also what it is known by.
    pub position: Position,
    pub author: Person,
    /// When the server accepted it; on the wire in milliseconds since 1970.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub at: DateTime<Utc>,
    /// May be empty beside attachments.
    pub text: MessageText,
    /// What the text looks like; none if it looks as it was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<Html>,
    /// Who is called by name in the text, of those who may read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Person>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The message that it answers, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
    /// By emoji, the one that came first is first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// When its words were changed last, if they were; on the wire as `at`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "chrono::serde::ts_milliseconds_option"
    )]
    pub edited: Option<DateTime<Utc>>,
    /// Where in the log it was edited or brought back, or its reactions changed, last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised: Option<Position>,
}

impl Message {
    /// Whether this person is called by name in it.
    pub fn means(&self, person: PersonId) -> bool {
        self.mentions.iter().any(|mentioned| mentioned.id == person)
    }
}

/// What the text of a message looks like, in tags of a closed set, with all that was typed escaped.
///
/// It is made by the server only, in `server::markdown`. Deserialising trusts its source, which is
/// Flack's own server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Html(String);

impl Html {
    /// What `server::markdown` has rendered; nothing else calls this, which a test of the sources holds.
    pub fn rendered(html: String) -> Self {
        Self(html)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its words, without their markup.
    pub fn words(&self) -> String {
        let mut words = String::with_capacity(self.0.len());
        for piece in self.0.split('<') {
            // Outside of tags, and in what they have, `>` is escaped.
            let (tag, text) = piece.split_once('>').unwrap_or(("/a", piece));
            let name = tag.trim_start_matches('/').split(' ').next();
            if !matches!(name, Some("em" | "strong" | "del" | "a" | "span" | "code")) {
                words.push(' ');
            }
            words.push_str(text);
        }
        let escapes =
            [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
        escapes.iter().fold(words, |words, (escape, sign)| words.replace(escape, sign))
    }

    /// As this person sees it: where they are called themselves stands out.
    pub fn seen_by(&self, person: PersonId) -> String {
        let mention = format!("class=\"mention\" data-person=\"{}\"", person.0);
        self.0.replace(&mention, &mention.replacen("mention", "mention mention--own", 1))
    }
}

/// Which message another one answers. What it says is not kept here: it may be edited or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub message: Position,
    pub author: Person,
}

/// 1 to [`MessageText::LIMIT`] characters with something to see among them; line breaks are `\n`.
/// [Beside attachments](MessageText::beside_attachments) it may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageText(String);

/// Why something cannot be a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFault {
    Empty,
    /// How many characters it has.
    TooLong(usize),
}

impl MessageText {
    /// In Unicode scalar values.
    pub const LIMIT: usize = 4_000;

    /// A text that was valid when it was stored; the rules may have changed since.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What was written beside attachments, which may be nothing.
    ///
    /// # Errors
    /// When it is too long.
    pub fn beside_attachments(raw: &str) -> Result<Self, TextFault> {
        match Self::try_from(raw) {
            Err(TextFault::Empty) => Ok(Self(String::new())),
            other => other,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many characters `raw` counts as, against the [limit](Self::LIMIT).
    pub fn count(raw: &str) -> usize {
        tidy(raw).chars().count()
    }
}

impl TryFrom<&str> for MessageText {
    type Error = TextFault;

    fn try_from(raw: &str) -> Result<Self, TextFault> {
        let text = tidy(raw);
        if text.chars().all(|c| c.is_whitespace() || is_ignorable(c)) {
            return Err(TextFault::Empty);
        }
        match text.chars().count() {
            0..=Self::LIMIT => Ok(Self(text)),
            count => Err(TextFault::TooLong(count)),
        }
    }
}

/// Forms send line breaks as CR LF (RFC 7578 §4.4.1.1). Blank lines around the text, spaces after it
/// and control characters, which have no look, are not part of a message.
fn tidy(raw: &str) -> String {
    let text = raw.replace("\r\n", "\n").replace('\r', "\n");
    let text: String =
        text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let text = text.trim_end();
    // Indentation of the first line stays: it may be code.
    let first_line = text.find(|c: char| !c.is_whitespace()).unwrap_or(0);
    let start = text[..first_line].rfind('\n').map_or(0, |line_break| line_break + 1);
    text[start..].to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(raw: &str) -> Result<String, TextFault> {
        MessageText::try_from(raw).map(|text| text.0)
    }

    #[test]
    fn line_breaks_and_indentation_are_kept() {
        assert_eq!(text("one\r\ntwo\rthree\n").unwrap(), "one\ntwo\nthree");
        assert_eq!(text("\n \n    let x = 1;\n\n  y  ").unwrap(), "    let x = 1;\n\n  y");
    }

    #[test]
    fn nothing_to_see_is_no_message() {
        for raw in ["", " \n\t ", "\u{200b}\u{feff}", "\u{0}\u{1b}", "\u{3164}"] {
            assert_eq!(text(raw), Err(TextFault::Empty), "{raw:?}");
        }
    }

    #[test]
    fn the_limit_is_in_characters() {
        assert!(text(&"ü".repeat(4_000)).is_ok());
        assert_eq!(text(&"ü".repeat(4_001)), Err(TextFault::TooLong(4_001)));
        assert!(text(&format!("{}\r\n  ", "x".repeat(4_000))).is_ok());
    }

    #[test]
    fn control_characters_are_left_out() {
        assert_eq!(text("a\u{0}b\u{1b}[31mc\td").unwrap(), "ab[31mc\td");
    }

    proptest! {
        #[test]
        fn tidying_twice_changes_nothing(raw in any::<String>()) {
            if let Ok(once) = text(&raw) {
                prop_assert_eq!(text(&once), Ok(once.clone()));
                prop_assert_eq!(MessageText::count(&raw), once.chars().count());
            }
        }
    }
}
