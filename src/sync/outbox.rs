//! What was asked for and is not settled yet: kept until the server has answered for good.
//!
//! The tabs of a browser share one outbox in its storage. Each sends what was asked for in it; what
//! another tab was asked for, it only watches, and sends when that tab does not seem to. Should two
//! tabs send the same command, it has the same id, and the server does it once.

use serde::{Deserialize, Serialize};

use super::Moment;
use crate::domain::{
    attachment::Attachment,
    command::{Ask, Command, CommandId},
    frame::ClientFrame,
    message::{Message, MessageText},
    person::PersonId,
    position::Position,
    reaction::Emoji,
    refusal::Refusal,
    room::Room,
    window::Window,
};

/// How long another tab of this browser is trusted to send what was asked for in it.
const TRUST: u64 = 2_000;

/// How many commands that are done are kept for their events, which may be long in coming where their
/// room is not looked at.
const DONE: usize = 100;

/// How long a message may be unconfirmed before it is marked so.
const LATE: u64 = 10_000;

/// One command that waits, as it is stored in the browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    pub id: CommandId,
    pub room: Room,
    pub ask: Ask,
    /// What is known of the files of a message that is on its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// When the person asked, in milliseconds since 1970 by the browser's clock.
    pub asked: u64,
    /// Orders the outbox, whatever the clock does.
    #[serde(default)]
    pub turn: u64,
    /// How far the room was known when the person asked: what they wrote is newer.
    #[serde(default)]
    pub after: Position,
    /// Whether it went out once, so that the server may have done it.
    #[serde(default)]
    pub was_sent: bool,
    pub state: PendingState,
    /// Why the server has not done it yet, if it said so.
    #[serde(skip)]
    pub held: Option<Refusal>,
    /// Whether it was asked for in this page, so that nobody else sends it unnoticed.
    #[serde(skip)]
    pub is_own: bool,
    /// It is another tab's until this time; 0 where it was asked for in this tab.
    #[serde(skip)]
    pub trusted_until: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PendingState {
    /// It goes out when the link is up, and when what is before it in its room is settled.
    Waiting,
    /// It went out on this link, and was not answered yet.
    #[serde(skip)]
    Sent,
    /// The server will not do it.
    Refused(Refusal),
    /// It is done, at this position; the event that shows it has not come yet. It is stored for a
    /// moment, before it is taken out, so that other tabs learn the position.
    Accepted(Position),
}

/// How far a message has come, as its author is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    UnderWay,
    /// For longer than anyone would expect.
    Late,
    /// The server cannot do it at the moment, and says why.
    Held(Refusal),
    /// The server will not do it, and says why.
    Refused(Refusal),
}

/// All pending commands of a browser, in the order in which they were asked.
#[derive(Debug, Default)]
pub struct Outbox {
    pending: Vec<Pending>,
    /// Not before this time, because the server asked for a pause.
    paused_until: u64,
    /// What was done of late, and where: the message there is no other command's.
    done: Vec<(CommandId, Position)>,
}

/// What has to be done about what another tab has stored.
#[derive(Debug, PartialEq, Eq)]
pub enum Correction {
    Nothing,
    /// It is done, and has to be taken out again: this tab may have noted later than that one that
    /// it sent it.
    Forget,
    /// It was done before. The other tab has to be told, and then it has to be taken out.
    Settle(Box<Pending>),
}

impl Outbox {
    /// What earlier pages left in the storage.
    pub fn new(mut pending: Vec<Pending>) -> Self {
        for done in pending.iter_mut().filter(|it| matches!(it.state, PendingState::Accepted(_))) {
            // An earlier page ended before it took this out. The server will say it again.
            done.state = PendingState::Waiting;
        }
        pending.sort_by(|a, b| a.place().cmp(&b.place()));
        Self { pending, ..Self::default() }
    }

    /// How many wait to be accepted.
    pub fn waiting(&self) -> usize {
        self.pending.iter().filter(|pending| pending.is_unsettled()).count()
    }

    /// The messages of a room that are on their way and not among what `window` shows, and the
    /// edits that were refused, whose words are not to be lost.
    pub fn posts(
        &self,
        room: &Room,
        window: Option<&Window>,
        me: PersonId,
    ) -> impl Iterator<Item = (&Pending, &MessageText)> {
        let mut taken: Vec<Position> = self.done.iter().map(|(_, at)| *at).collect();
        self.pending.iter().filter(|it| it.room == *room).filter_map(move |pending| {
            let is_refused = matches!(pending.state, PendingState::Refused(_));
            let (text, files) = match &pending.ask {
                Ask::Post(text) => (text, &[][..]),
                Ask::Share(text, files) | Ask::Reply(_, text, files) => (text, &files[..]),
                Ask::Edit(of, text) if is_refused => {
                    // Another tab may have asked again, with more luck.
                    let message = window.and_then(|window| window.find(*of));
                    let is_done = message.is_some_and(|message| message.text == *text);
                    return (!is_done).then_some((pending, text));
                }
                Ask::Edit(..)
                | Ask::Delete(_)
                | Ask::Restore(_)
                | Ask::React(..)
                | Ask::Unreact(..) => return None,
            };
            let is_it = |message: &&Message| {
                let ids = || message.attachments.iter().map(|it| &it.id);
                message.position > pending.after
                    && message.author.id == me
                    && message.reply.as_ref().map(|reply| reply.message) == pending.ask.reply_to()
                    && match files {
                        [] => message.text == *text && message.attachments.is_empty(),
                        // No two messages have the same file.
                        files => ids().eq(files),
                    }
                    && !taken.contains(&message.position)
            };
            // The window may show it before the answer has come: this tab has sent it, or another one
            // has of which nothing was heard yet.
            let arrived =
                window.filter(|_| !is_refused).and_then(|window| window.messages().find(is_it));
            match arrived {
                Some(message) => {
                    taken.push(message.position);
                    None
                }
                None => Some((pending, text)),
            }
        })
    }

    /// What asks for the message to be deleted, if it is not brought back after that.
    pub fn deletion(&self, room: &Room, message: Position) -> Option<&CommandId> {
        let of_message =
            |it: &&Pending| matches!(it.ask, Ask::Delete(of) | Ask::Restore(of) if of == message);
        let last = self.pending.iter().rev().filter(|it| it.room == *room).find(of_message)?;
        matches!(last.ask, Ask::Delete(_)).then_some(&last.id)
    }

    /// What asks for the message to have other words, and these words.
    pub fn edit(&self, room: &Room, message: Position) -> Option<(&Pending, &MessageText)> {
        self.pending.iter().rev().filter(|it| it.room == *room).find_map(|it| match &it.ask {
            Ask::Edit(of, text) if *of == message => {
                (!matches!(it.state, PendingState::Refused(_))).then_some((it, text))
            }
            _ => None,
        })
    }

    /// What asks for reactions to the message, and whether to add them, in the order of asking.
    pub fn reactions(
        &self,
        room: &Room,
        message: Position,
    ) -> impl Iterator<Item = (&Emoji, bool)> {
        self.pending.iter().filter(|it| it.room == *room).filter_map(move |it| match &it.ask {
            Ask::React(of, emoji) if *of == message => Some((emoji, true)),
            Ask::Unreact(of, emoji) if *of == message => Some((emoji, false)),
            _ => None,
        })
    }

    /// What asks for the message to be deleted, if it never went out, so that it can be thrown away.
    pub fn unsent_deletion(&self, room: &Room, message: Position) -> Option<CommandId> {
        let is_it = |it: &&Pending| {
            it.room == *room && it.ask == Ask::Delete(message) && !it.was_sent && it.is_own
        };
        self.pending.iter().find(is_it).map(|it| it.id.clone())
    }

    /// Whether the server cannot have done it, so that it can be thrown away: it never went out, or was
    /// refused.
    pub fn is_unsent(&self, id: &CommandId) -> bool {
        let is_unsent = |it: &Pending| !it.was_sent || matches!(it.state, PendingState::Refused(_));
        self.pending.iter().any(|it| it.id == *id && is_unsent(it))
    }

    /// Takes up what was asked for in this tab.
    pub fn add(
        &mut self,
        id: CommandId,
        command: Command,
        attachments: Vec<Attachment>,
        after: Position,
        now: Moment,
    ) -> Pending {
        let turn = self.pending.iter().map(|pending| pending.turn).max().unwrap_or_default() + 1;
        let pending = Pending {
            id,
            room: command.room,
            ask: command.ask,
            attachments,
            asked: now.millis,
            turn,
            after,
            was_sent: false,
            state: PendingState::Waiting,
            held: None,
            is_own: true,
            trusted_until: 0,
        };
        self.pending.push(pending.clone());
        pending
    }

    /// Another tab has stored this: something new, or what became of something. `reached` says how
    /// far a room is known here, if it is.
    pub fn kept(
        &mut self,
        mut told: Pending,
        reached: impl Fn(&Room) -> Option<Position>,
        now: Moment,
    ) -> Correction {
        let is_done = matches!(told.state, PendingState::Accepted(_));
        let Some(known) = self.find(&told.id) else {
            if let Some((_, position)) = self.done.iter().find(|(id, _)| *id == told.id)
                && !is_done
            {
                told.state = PendingState::Accepted(*position);
                return Correction::Settle(Box::new(told));
            }
            if told.is_unsettled() || matches!(told.state, PendingState::Refused(_)) {
                told.trusted_until = now.millis + TRUST;
                let place = self.pending.partition_point(|it| it.place() < told.place());
                self.pending.insert(place, told);
            }
            return Correction::Nothing;
        };
        known.was_sent |= told.was_sent;
        let was_out = known.state == PendingState::Sent;
        match told.state {
            PendingState::Accepted(position) => {
                self.accepted(&told.id, position, reached);
                Correction::Forget
            }
            // What this tab hears from the server itself counts more.
            _ if was_out || matches!(known.state, PendingState::Accepted(_)) => Correction::Nothing,
            state => {
                known.state = state;
                Correction::Nothing
            }
        }
    }

    /// Another tab has taken this out of the storage. If it is done, its event will show that; else
    /// it was thrown away.
    pub fn forgotten(&mut self, id: &CommandId) {
        let is_done = |it: &Pending| matches!(it.state, PendingState::Accepted(_));
        self.pending.retain(|pending| pending.id != *id || is_done(pending));
    }

    /// What goes out now, as it was before: in each room the oldest, if it is not under way
    /// already.
    pub fn send(&mut self, now: Moment) -> Vec<Pending> {
        let mut sent = Vec::new();
        if now.millis < self.paused_until {
            return sent;
        }
        for place in 0..self.pending.len() {
            let (before, rest) = self.pending.split_at_mut(place);
            let Some((pending, after)) = rest.split_first_mut() else { break };
            let is_same = |other: &&Pending| other.room == pending.room;
            let is_blocked = before.iter().filter(is_same).any(Pending::is_unsettled);
            // Its own tab sends it, unless something of this tab has to come after it.
            let is_left = now.millis < pending.trusted_until
                && !after.iter().filter(is_same).any(|later| later.trusted_until == 0);
            if pending.state == PendingState::Waiting && !is_blocked && !is_left {
                sent.push(pending.clone());
                pending.state = PendingState::Sent;
                pending.was_sent = true;
            }
        }
        sent
    }

    /// The link is cut: what was not answered goes out again with the next, under the same id.
    pub fn unsend(&mut self) {
        for pending in &mut self.pending {
            pending.held = None;
            if pending.state == PendingState::Sent {
                pending.state = PendingState::Waiting;
            }
        }
    }

    /// The link is back, perhaps for the other tabs too: they go first with what is theirs. What was
    /// done in another log will not show in this one, if `is_new_log`.
    pub fn welcomed(&mut self, is_new_log: bool, now: Moment) {
        if is_new_log {
            self.pending.retain(|it| !matches!(it.state, PendingState::Accepted(_)));
            self.done.clear();
        }
        for pending in self.pending.iter_mut().filter(|pending| pending.trusted_until > 0) {
            pending.trusted_until = now.millis + TRUST;
        }
    }

    /// A command is done. It stays until its event has come, unless `reached` says of the room
    /// that it has. Gives what the other tabs should know, if it was waiting here.
    pub fn accepted(
        &mut self,
        id: &CommandId,
        position: Position,
        reached: impl Fn(&Room) -> Option<Position>,
    ) -> Option<Pending> {
        let pending = self.find(id)?;
        pending.state = PendingState::Accepted(position);
        pending.held = None;
        let done = pending.clone();
        self.done.push((id.clone(), position));
        if self.done.len() > DONE {
            self.done.remove(0);
        }
        if reached(&done.room).is_some_and(|reached| reached >= position) {
            self.remove(id);
        }
        let is_done = |it: &Pending| matches!(it.state, PendingState::Accepted(_));
        if self.pending.iter().filter(|it| is_done(it)).count() > DONE {
            let oldest = self.pending.iter().position(is_done);
            oldest.map(|place| self.pending.remove(place));
        }
        Some(done)
    }

    /// A command was not done, but may be later: everything waits for as long as the server asks.
    pub fn postpone(&mut self, id: &CommandId, refusal: Refusal, now: Moment) {
        let pause = u64::from(refusal.retry_after.unwrap_or_default()) * 1_000;
        self.paused_until = self.paused_until.max(now.millis + pause);
        // Another tab may have had a better answer meanwhile.
        if let Some(pending) = self.find(id).filter(|pending| pending.is_unsettled()) {
            pending.state = PendingState::Waiting;
            pending.held = Some(refusal);
        }
    }

    /// A command was not done, for good. Gives it back if it stays for its author to decide.
    pub fn refused(&mut self, id: &CommandId, refusal: Refusal) -> Option<Pending> {
        let pending = self.find(id).filter(|pending| pending.is_unsettled())?;
        if let Ask::Delete(_) | Ask::Restore(_) | Ask::React(..) | Ask::Unreact(..) = pending.ask {
            // What was in vain shows by itself: what was to change is as it was.
            self.remove(id);
            return None;
        }
        pending.state = PendingState::Refused(refusal);
        Some(pending.clone())
    }

    /// Sends a refused command again, from this tab.
    pub fn retry(&mut self, id: &CommandId) -> Option<Pending> {
        let pending = self.find(id)?;
        pending.state = PendingState::Waiting;
        pending.trusted_until = 0;
        Some(pending.clone())
    }

    pub fn remove(&mut self, id: &CommandId) {
        self.pending.retain(|pending| pending.id != *id);
    }

    /// All events of the room up to this position have been seen.
    pub fn settle_up_to(&mut self, room: &Room, position: Position) {
        self.pending.retain(|pending| {
            let PendingState::Accepted(accepted) = pending.state else { return true };
            pending.room != *room || accepted > position
        });
    }

    fn find(&mut self, id: &CommandId) -> Option<&mut Pending> {
        self.pending.iter_mut().find(|pending| pending.id == *id)
    }
}

impl Pending {
    /// How far it has come.
    pub fn progress(&self, now: u64) -> Progress {
        match (&self.state, &self.held) {
            (PendingState::Refused(refusal), _) => Progress::Refused(refusal.clone()),
            (_, Some(refusal)) => Progress::Held(refusal.clone()),
            _ if now >= self.asked + LATE => Progress::Late,
            _ => Progress::UnderWay,
        }
    }

    /// What asks the server for it.
    pub fn frame(&self) -> ClientFrame {
        let id = self.id.clone();
        let room = self.room.clone();
        let words = |text: &MessageText| text.as_str().to_owned();
        match &self.ask {
            Ask::Post(text) => ClientFrame::Post {
                id,
                room,
                text: words(text),
                attachments: Vec::new(),
                reply_to: None,
            },
            Ask::Share(text, files) | Ask::Reply(_, text, files) => ClientFrame::Post {
                id,
                room,
                text: words(text),
                attachments: files.clone(),
                reply_to: self.ask.reply_to(),
            },
            Ask::Edit(message, text) => {
                ClientFrame::Edit { id, room, message: *message, text: words(text) }
            }
            Ask::Delete(message) => ClientFrame::Delete { id, room, message: *message },
            Ask::Restore(message) => ClientFrame::Restore { id, room, message: *message },
            Ask::React(message, emoji) => {
                let emoji = emoji.as_str().to_owned();
                ClientFrame::React { id, room, message: *message, emoji }
            }
            Ask::Unreact(message, emoji) => {
                let emoji = emoji.as_str().to_owned();
                ClientFrame::Unreact { id, room, message: *message, emoji }
            }
        }
    }

    fn is_unsettled(&self) -> bool {
        matches!(self.state, PendingState::Waiting | PendingState::Sent)
    }

    /// Where it stands in the outbox, the same in every tab.
    fn place(&self) -> (u64, u64, &CommandId) {
        (self.turn, self.asked, &self.id)
    }
}
