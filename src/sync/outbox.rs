//! What was asked for and is not settled yet: kept until the server has answered for good.

use serde::{Deserialize, Serialize};

use super::Moment;
use crate::domain::{
    command::{Command, CommandId},
    frame::ClientFrame,
    message::MessageText,
    name::ChannelName,
    position::Position,
    refusal::Refusal,
};

/// One command that waits, as it is stored in the browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    pub id: CommandId,
    pub channel: ChannelName,
    pub ask: Ask,
    /// When the person asked, in milliseconds since 1970 by the browser's clock. Orders the outbox.
    pub asked: u64,
    pub state: PendingState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    Post(MessageText),
    Delete(Position),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PendingState {
    /// It goes out when the link is up, and when what is before it in its channel is settled.
    Waiting,
    /// It went out on this link, and was not answered yet.
    #[serde(skip)]
    Sent,
    /// The server will not do it.
    Refused(Refusal),
    /// It is done; the event that shows it has not come yet.
    #[serde(skip)]
    Accepted(Position),
}

/// All pending commands of a tab, in the order in which they were asked.
#[derive(Debug, Default)]
pub struct Outbox {
    pending: Vec<Pending>,
    /// Not before this time, because the server asked for a pause.
    paused_until: u64,
}

impl Outbox {
    pub fn new(mut pending: Vec<Pending>) -> Self {
        pending.sort_by_key(|pending| pending.asked);
        Self { pending, paused_until: 0 }
    }

    pub fn waiting(&self) -> usize {
        let waits = |pending: &&Pending| {
            matches!(pending.state, PendingState::Waiting | PendingState::Sent)
        };
        self.pending.iter().filter(waits).count()
    }

    /// The messages of a channel that are on their way.
    pub fn posts(&self, channel: &ChannelName) -> impl Iterator<Item = (&Pending, &MessageText)> {
        self.pending.iter().filter(move |pending| pending.channel == *channel).filter_map(
            |pending| match &pending.ask {
                Ask::Post(text) => Some((pending, text)),
                Ask::Delete(_) => None,
            },
        )
    }

    /// Whether the message is asked to be deleted.
    pub fn deletes(&self, channel: &ChannelName, message: Position) -> bool {
        self.pending
            .iter()
            .any(|pending| pending.channel == *channel && pending.ask == Ask::Delete(message))
    }

    pub fn add(&mut self, id: CommandId, command: Command, now: Moment) -> Pending {
        let (channel, ask) = match command {
            Command::Post { channel, text } => (channel, Ask::Post(text)),
            Command::Delete { channel, message } => (channel, Ask::Delete(message)),
        };
        // Later than all before it, however fast they follow one another.
        let newest = self.pending.iter().map(|pending| pending.asked).max();
        let asked = newest.map_or(now.millis, |newest| now.millis.max(newest + 1));
        let pending = Pending { id, channel, ask, asked, state: PendingState::Waiting };
        self.pending.push(pending.clone());
        pending
    }

    /// What goes out now: in each channel the oldest, if it is not under way already.
    pub fn send(&mut self, now: Moment) -> impl Iterator<Item = ClientFrame> {
        let mut frames = Vec::new();
        if now.millis >= self.paused_until {
            for place in 0..self.pending.len() {
                let (before, rest) = self.pending.split_at_mut(place);
                let pending = &mut rest[0];
                let is_blocked = before.iter().any(|earlier| {
                    earlier.channel == pending.channel
                        && matches!(earlier.state, PendingState::Waiting | PendingState::Sent)
                });
                if pending.state == PendingState::Waiting && !is_blocked {
                    pending.state = PendingState::Sent;
                    frames.push(pending.frame());
                }
            }
        }
        frames.into_iter()
    }

    /// The link is cut: what was not answered goes out again with the next, under the same id.
    pub fn unsend(&mut self) {
        for pending in &mut self.pending {
            if pending.state == PendingState::Sent {
                pending.state = PendingState::Waiting;
            }
        }
    }

    /// A command is done. It stays until its event has come, unless `known` says of the channel that
    /// the event has come already or will not.
    pub fn accepted(
        &mut self,
        id: &CommandId,
        position: Position,
        known: impl Fn(&ChannelName) -> bool,
    ) {
        if let Some(pending) = self.find(id) {
            pending.state = PendingState::Accepted(position);
        }
        self.pending.retain(|pending| pending.id != *id || !known(&pending.channel));
    }

    /// A command was not done, but may be later: everything waits for as long as the server asks.
    pub fn postpone(&mut self, id: &CommandId, seconds: Option<u32>, now: Moment) {
        self.paused_until = now.millis + u64::from(seconds.unwrap_or_default()) * 1_000;
        if let Some(pending) = self.find(id) {
            pending.state = PendingState::Waiting;
        }
    }

    /// A command was not done, for good. Gives it back if it stays for its author to decide.
    pub fn refused(&mut self, id: &CommandId, refusal: Refusal) -> Option<Pending> {
        let pending = self.find(id)?;
        if let Ask::Delete(_) = pending.ask {
            // A deletion in vain shows by itself: the message is still there, or gone already.
            self.remove(id);
            return None;
        }
        pending.state = PendingState::Refused(refusal);
        Some(pending.clone())
    }

    pub fn retry(&mut self, id: &CommandId) -> Option<Pending> {
        let pending = self.find(id)?;
        pending.state = PendingState::Waiting;
        Some(pending.clone())
    }

    pub fn remove(&mut self, id: &CommandId) {
        self.pending.retain(|pending| pending.id != *id);
    }

    /// All events of the channel up to this position have been seen.
    pub fn settle_up_to(&mut self, channel: &ChannelName, position: Position) {
        self.pending.retain(|pending| {
            let PendingState::Accepted(accepted) = pending.state else { return true };
            pending.channel != *channel || accepted > position
        });
    }

    fn find(&mut self, id: &CommandId) -> Option<&mut Pending> {
        self.pending.iter_mut().find(|pending| pending.id == *id)
    }
}

impl Pending {
    fn frame(&self) -> ClientFrame {
        let id = self.id.clone();
        let channel = self.channel.as_str().to_owned();
        match &self.ask {
            Ask::Post(text) => ClientFrame::Post { id, channel, text: text.as_str().to_owned() },
            Ask::Delete(message) => ClientFrame::Delete { id, channel, message: *message },
        }
    }
}
