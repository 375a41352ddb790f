//! How lines follow each other in the view.

use chrono::TimeDelta;

use crate::{
    domain::{command::CommandId, position::Position},
    sync::{Content, Line, outbox::Progress},
};

/// How soon a message has to follow another of the same person to stand under one name.
const TOGETHER: TimeDelta = TimeDelta::minutes(5);

/// A line, and whether it goes on where the one before it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub line: Line,
    pub is_continued: bool,
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
        RowKey { line: self.line.key(), is_continued: self.is_continued, revised, change, progress }
    }
}

/// What a row's look depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowKey {
    line: String,
    is_continued: bool,
    revised: Option<Position>,
    change: Option<CommandId>,
    progress: u8,
}

/// Joins lines of one person that were written shortly after one another.
pub fn rows(lines: Vec<Line>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(lines.len());
    for line in lines {
        let is_continued = rows.last().is_some_and(|before| continues(&before.line, &line));
        rows.push(Row { line, is_continued });
    }
    rows
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
            attachments: Vec::new(),
            edited: None,
            revised: None,
        };
        Line { content: Content::Sent(message), change: None }
    }

    #[test]
    fn messages_of_one_person_stand_together_for_a_while() {
        let rows = rows(vec![sent(1, 0), sent(1, 4), sent(1, 9), sent(2, 10), sent(2, 11)]);
        let continued: Vec<bool> = rows.iter().map(|row| row.is_continued).collect();
        assert_eq!(continued, [false, true, false, false, true]);
    }
}
