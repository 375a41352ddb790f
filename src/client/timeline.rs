//! How lines follow each other in the view.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{
        command::CommandId,
        message::{Html, Message},
        person::Person,
        position::Position,
        reaction::{Emoji, Reaction},
        window::Window,
    },
    sync::{Content, Line, outbox::Progress},
};

/// How soon a message has to follow another of the same person to stand under one name.
const TOGETHER: TimeDelta = TimeDelta::minutes(5);

/// A line, and how it stands after the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub line: Line,
    /// Whether it goes on where the one before it ended. It does so over midnight, too: this must be
    /// the same for the server, which does not know when that is.
    pub is_continued: bool,
    /// Whether it is the first of its day, where the reader is.
    pub starts_day: bool,
    /// Whether it is the first of what is new to the reader.
    pub is_first_new: bool,
}

impl Row {
    /// Changes whenever the row has to be drawn anew.
    pub fn key(&self) -> RowKey {
        let progress = match &self.line.content {
            Content::Sent(_) | Content::OnItsWay { progress: Progress::UnderWay, .. } => 0,
            Content::OnItsWay { progress: Progress::Late, .. } => 1,
            Content::OnItsWay { progress: Progress::Held(_), .. } => 2,
            Content::OnItsWay { progress: Progress::Refused(_), .. } => 3,
        };
        let words = match &self.line.content {
            Content::Sent(message) => hash(&(message.text.as_str(), message.edited)),
            Content::OnItsWay { .. } => 0,
        };
        let change = self.line.change.clone();
        let Self { is_continued, starts_day, is_first_new, .. } = *self;
        let line = self.line.key();
        RowKey { line, is_continued, starts_day, is_first_new, words, change, progress }
    }

    /// When it was sent, or asked to be.
    pub fn at(&self) -> DateTime<Utc> {
        at(&self.line)
    }

    /// What it is known by, once it is sent.
    pub fn position(&self) -> Option<Position> {
        match &self.line.content {
            Content::Sent(message) => Some(message.position),
            Content::OnItsWay { .. } => None,
        }
    }
}

fn hash(words: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    hasher.finish()
}

/// What a row's look depends on, but for its reactions: those come and go in a row that stays.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowKey {
    line: String,
    is_continued: bool,
    starts_day: bool,
    is_first_new: bool,
    words: u64,
    change: Option<CommandId>,
    progress: u8,
}

/// Joins lines of one person that were written shortly after one another, divides the days, which are
/// told apart by their numbers, and marks the first message after those that were `known`, if that is to
/// be marked: it stands by itself.
pub fn rows(
    lines: Vec<Line>,
    day: impl Fn(DateTime<Utc>) -> i32,
    known: Option<Position>,
) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(lines.len());
    let mut before = None;
    for line in lines {
        let is_continued = rows.last().is_some_and(|before| continues(&before.line, &line));
        // What waits was asked for by the clock of its author, which may be behind.
        let today = before.max(Some(day(at(&line))));
        rows.push(Row { line, is_continued, starts_day: today != before, is_first_new: false });
        before = today;
    }
    if let Some(first) = rows.iter_mut().find(|row| known.is_some() && row.position() > known) {
        first.is_first_new = true;
        // It stands under a line, and the head of what it goes on from may be out of sight.
        first.is_continued = false;
    }
    rows
}

fn at(line: &Line) -> DateTime<Utc> {
    match &line.content {
        Content::Sent(message) => message.at,
        Content::OnItsWay { asked, .. } => {
            DateTime::from_timestamp_millis(asked.cast_signed()).unwrap_or_default()
        }
    }
}

fn continues(before: &Line, line: &Line) -> bool {
    match (&before.content, &line.content) {
        (Content::Sent(before), Content::Sent(message)) => {
            before.author.id == message.author.id && message.at - before.at < TOGETHER
        }
        (Content::OnItsWay { .. }, Content::OnItsWay { .. }) => true,
        _ => false,
    }
}

/// What is under a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reacted {
    pub message: Position,
    pub reactions: Vec<Reaction>,
    /// Those of one's own that are on their way, one way or the other.
    pub on_their_way: Vec<Emoji>,
}

/// Picks out the messages that have reactions, or are to lose the last.
pub fn reacted(rows: &[Row]) -> Vec<Reacted> {
    let reacted = rows.iter().filter_map(|Row { line, .. }| match &line.content {
        Content::Sent(Message { position, reactions, .. }) => Some(Reacted {
            message: *position,
            reactions: reactions.clone(),
            on_their_way: line.reacting.clone(),
        }),
        Content::OnItsWay { .. } => None,
    });
    reacted.filter(|it| !it.reactions.is_empty() || !it.on_their_way.is_empty()).collect()
}

/// What is to be seen of a message that another one answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quoted {
    /// Who wrote it, and the beginning of it.
    Shown(Person, String),
    Deleted,
    /// It is older than all that is shown.
    Earlier,
}

/// How many characters of a message are quoted.
const EXCERPT: usize = 140;

/// Looks up a message among those that are shown.
pub fn quoted(rows: &[Row], message: Position) -> Quoted {
    let sent = || {
        rows.iter().filter_map(|row| match &row.line.content {
            Content::Sent(message) => Some(message),
            Content::OnItsWay { .. } => None,
        })
    };
    if let Some(found) = sent().find(|other| other.position == message) {
        return Quoted::Shown(found.author.clone(), excerpt(found));
    }
    // All that there is, is there, or all that is newer than the oldest.
    let is_newer = sent().next().is_none_or(|oldest| oldest.position < message);
    match is_newer || sent().count() < Window::LIMIT {
        true => Quoted::Deleted,
        false => Quoted::Earlier,
    }
}

/// The beginning of the words in one line, or what the files are called.
pub fn excerpt(message: &Message) -> String {
    let text = message.html.as_ref().map(Html::words);
    let words: Vec<&str> =
        text.as_deref().unwrap_or(message.text.as_str()).split_ascii_whitespace().collect();
    let names = || message.attachments.iter().map(|it| it.name.to_string()).collect::<Vec<_>>();
    let line = if words.is_empty() { names().join(", ") } else { words.join(" ") };
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::{
        message::MessageText, name::DisplayName, person::PersonId, reaction::Emoji,
    };

    fn sent(person: u64, minute: i64) -> Line {
        let author =
            Person { id: PersonId(Position(person)), name: DisplayName::stored("Ada".to_owned()) };
        let message = Message {
            position: Position(minute as u64),
            author,
            at: DateTime::from_timestamp(minute * 60, 0).unwrap(),
            text: MessageText::stored("Hello".to_owned()),
            html: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            reply: None,
            reactions: Vec::new(),
            edited: None,
            revised: None,
        };
        Line { content: Content::Sent(message), change: None, reacting: Vec::new() }
    }

    #[test]
    fn messages_of_one_person_stand_together_for_a_while() {
        let lines = vec![sent(1, 0), sent(1, 4), sent(1, 9), sent(2, 10), sent(2, 11)];
        let rows = rows(lines, |_| 0, None);
        let continued: Vec<bool> = rows.iter().map(|row| row.is_continued).collect();
        assert_eq!(continued, [false, true, false, false, true]);
    }

    /// Days of ten minutes.
    fn starts(minutes: &[i64]) -> Vec<bool> {
        let lines = minutes.iter().map(|minute| sent(1, *minute)).collect();
        let rows = rows(lines, |at| (at.timestamp() / 600) as i32, None);
        rows.iter().map(|row| row.starts_day).collect()
    }

    #[test]
    fn each_day_begins_once() {
        assert_eq!(starts(&[3, 9, 10, 11, 45]), [true, false, true, false, true]);
        assert!(starts(&[]).is_empty());
    }

    #[test]
    fn the_first_of_what_is_new_is_marked_if_anything_is() {
        let new = |known| {
            let lines = [1, 4, 9].map(|minute| sent(1, minute)).into();
            let rows = rows(lines, |_| 0, known);
            rows.iter().map(|row| row.is_first_new).collect::<Vec<bool>>()
        };
        assert_eq!(new(Some(Position(3))), [false, true, false]);
        assert_eq!(new(Some(Position::ZERO)), [true, false, false]);
        assert_eq!(new(Some(Position(9))), [false; 3]);
        assert_eq!(new(None), [false; 3]);
    }

    #[test]
    fn the_first_of_what_is_new_stands_by_itself() {
        let lines = [1, 2, 3].map(|minute| sent(1, minute)).into();
        let rows = rows(lines, |_| 0, Some(Position(1)));
        let continued: Vec<bool> = rows.iter().map(|row| row.is_continued).collect();
        assert_eq!(continued, [false, false, true]);
    }

    #[test]
    fn a_clock_that_goes_back_begins_no_day_again() {
        assert_eq!(starts(&[9, 10, 9, 11]), [true, true, false, false]);
    }

    #[test]
    fn a_reaction_does_not_draw_a_row_anew_and_an_edit_does() {
        let row = |line| Row { line, is_continued: false, starts_day: false, is_first_new: false };
        let before = row(sent(1, 0)).key();
        let mut line = sent(1, 0);
        let Content::Sent(message) = &mut line.content else { unreachable!() };
        message.revised = Some(Position(7));
        crate::domain::reaction::add(
            &mut message.reactions,
            &Emoji::stored("👍".to_owned()),
            &message.author.clone(),
        );
        assert_eq!(row(line.clone()).key(), before);
        let Content::Sent(message) = &mut line.content else { unreachable!() };
        message.text = MessageText::stored("Hello!".to_owned());
        assert_ne!(row(line).key(), before);
    }

    #[test]
    fn what_is_answered_is_looked_up() {
        let some: Vec<Row> = rows((5..20).map(|minute| sent(1, minute)).collect(), |_| 0, None);
        let Quoted::Shown(author, words) = quoted(&some, Position(7)) else { panic!() };
        assert_eq!((author.name.as_str(), words.as_str()), ("Ada", "Hello"));
        // There are no older ones, so it is gone.
        assert_eq!(quoted(&some, Position(3)), Quoted::Deleted);
        let full: Vec<Row> = rows((200..300).map(|minute| sent(1, minute)).collect(), |_| 0, None);
        assert_eq!(quoted(&full, Position(3)), Quoted::Earlier);
        assert_eq!(quoted(&full, Position(301)), Quoted::Deleted);
        assert_eq!(quoted(&[], Position(1)), Quoted::Deleted);
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        let Content::Sent(mut message) = sent(1, 0).content else { unreachable!() };
        message.text = MessageText::stored(format!("one\n  two {}", "ü".repeat(200)));
        let line = excerpt(&message);
        assert!(line.starts_with("one two üü") && line.ends_with("ü…"), "{line}");
        assert_eq!(line.chars().count(), EXCERPT + 1);
    }
}
