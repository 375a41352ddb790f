//! How lines follow each other in the view.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{command::CommandId, position::Position},
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
        let revised = match &self.line.content {
            Content::Sent(message) => message.revised,
            Content::OnItsWay { .. } => None,
        };
        let change = self.line.change.clone();
        let Self { is_continued, starts_day, .. } = *self;
        RowKey { line: self.line.key(), is_continued, starts_day, revised, change, progress }
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

/// What a row's look depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowKey {
    line: String,
    is_continued: bool,
    starts_day: bool,
    revised: Option<Position>,
    change: Option<CommandId>,
    progress: u8,
}

/// Joins lines of one person that were written shortly after one another, and divides the days, which
/// are told apart by their numbers.
pub fn rows(lines: Vec<Line>, day: impl Fn(DateTime<Utc>) -> i32) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(lines.len());
    let mut before = None;
    for line in lines {
        let is_continued = rows.last().is_some_and(|before| continues(&before.line, &line));
        // What waits was asked for by the clock of its author, which may be behind.
        let today = before.max(Some(day(at(&line))));
        rows.push(Row { line, is_continued, starts_day: today != before });
        before = today;
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::{
        message::{Message, MessageText},
        name::DisplayName,
        person::{Person, PersonId},
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
        Line { content: Content::Sent(message), change: None }
    }

    #[test]
    fn messages_of_one_person_stand_together_for_a_while() {
        let lines = vec![sent(1, 0), sent(1, 4), sent(1, 9), sent(2, 10), sent(2, 11)];
        let rows = rows(lines, |_| 0);
        let continued: Vec<bool> = rows.iter().map(|row| row.is_continued).collect();
        assert_eq!(continued, [false, true, false, false, true]);
    }

    /// Days of ten minutes.
    fn starts(minutes: &[i64]) -> Vec<bool> {
        let lines = minutes.iter().map(|minute| sent(1, *minute)).collect();
        let rows = rows(lines, |at| (at.timestamp() / 600) as i32);
        rows.iter().map(|row| row.starts_day).collect()
    }

    #[test]
    fn each_day_begins_once() {
        assert_eq!(starts(&[3, 9, 10, 11, 45]), [true, false, true, false, true]);
        assert!(starts(&[]).is_empty());
    }

    #[test]
    fn a_clock_that_goes_back_begins_no_day_again() {
        assert_eq!(starts(&[9, 10, 9, 11]), [true, true, false, false]);
    }
}
