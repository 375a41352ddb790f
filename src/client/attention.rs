//! Which message somebody is busy with: points at, has the focus in, answers, or came for.

use std::time::Duration;

use leptos::{ev::MouseEvent, prelude::*};

use super::{
    COMPOSER, Client, browser,
    timeline::{Quoted, Reacted, quoted},
    words,
};
use crate::{
    domain::{
        address::Address,
        command::Ask,
        position::Position,
        reaction::{Emoji, Reaction},
        room::{NamedRoom, Room},
    },
    sync::{Content, Line},
};

/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(4);

/// Where it is kept which message a draft answers.
fn reply_key(room: &str) -> String {
    format!("{room}?reply")
}

fn attend(attended: RwSignal<Option<Position>>, message: Option<Position>) {
    if message.is_some() && attended.get_untracked() != message {
        attended.set(message);
    }
}

impl Client {
    /// The address has changed.
    pub fn arrive(self, path: &str) {
        let (address, message) = Address::with_message(path);
        if let Address::Direct(with) = address
            && self.directs.with_untracked(|directs| directs.find(with).is_none())
        {
            // The server knows who that is, if it is anybody.
            return browser::load_page(path);
        }
        self.refused.set_value(None);
        self.aim.set_value(message);
        if message.is_some() {
            // The bar goes with whoever goes there.
            self.turn_to(None);
        }
        self.address.set(address);
        self.marked.set(message);
    }

    /// Goes from a message of the open room to the room itself: somebody has turned to what is newest.
    pub fn leave_message(self) {
        if self.marked.get_untracked().is_some()
            && let Some(room) = untrack(|| self.room())
        {
            browser::replace_path(&room.path());
            self.marked.set(None);
        }
    }

    /// Brings the message of the address into sight, once it is there.
    pub fn show_marked(self) {
        let Some(message) = self.marked.get() else { return };
        let is_aimed = self.aim.with_value(|aim| *aim == Some(message));
        if is_aimed && self.line(message, |_| ()).is_some() {
            self.aim.set_value(None);
            // After the room is where it was left.
            let show = move || browser::show_message(&message.anchor());
            request_animation_frame(move || request_animation_frame(show));
        }
    }

    /// Whether the address is of a message that is not here.
    pub fn misses_marked(self) -> bool {
        let message = self.marked.get();
        let is_known = self.rows.with(Option::is_some);
        message.is_some_and(|message| is_known && self.line(message, |_| ()).is_none())
    }

    /// Somebody points at a message. A finger does not: what moved under it would be pressed.
    pub fn point_at(self, message: Option<Position>) {
        if browser::has_fine_pointer() {
            attend(self.pointed, message);
        }
    }

    /// Something in a message has the focus.
    pub fn focus_in(self, message: Option<Position>) {
        if !browser::has_fine_pointer() && browser::has_message_focus() {
            return; // by the touch of a finger
        }
        attend(self.focused, message);
    }

    /// Somebody presses something among messages. A finger opens the bar of a message with that, and closes
    /// it: what is small in a message, and leads away from it, is for the next touch.
    pub fn tap(self, event: &MouseEvent) {
        if browser::has_fine_pointer() {
            return;
        }
        let message = browser::message_of(event);
        let is_open = message.is_some_and(|message| untrack(|| self.is_attended(message)));
        if browser::is_in(event, ".message__head a") {
            if is_open {
                return;
            }
            event.prevent_default();
            event.stop_propagation();
        } else if browser::is_in(event, "a, button, input, textarea, summary, .actions, .edit") {
            return;
        }
        if is_open && message == self.marked.get_untracked() {
            self.leave_message();
        }
        self.turn_to(message.filter(|_| !is_open));
    }

    /// Opens the bar of a message, or of none.
    fn turn_to(self, message: Option<Position>) {
        self.pointed.set(message);
        self.focused.set(message);
    }

    pub fn is_attended(self, message: Position) -> bool {
        [self.pointed, self.focused, self.marked].iter().any(|one| one.get() == Some(message))
    }

    /// Looks at a sent message of the open room, if it is there.
    fn line<T>(self, message: Position, look: impl FnOnce(&Line) -> T) -> Option<T> {
        let is_it =
            |line: &Line| matches!(&line.content, Content::Sent(sent) if sent.position == message);
        self.rows.with(|rows| {
            let mut lines = rows.iter().flatten().map(|row| &row.line);
            lines.find(|line| is_it(line)).map(look)
        })
    }

    /// Looks at what is under a message. It changes less often than what is said.
    fn reacted<T>(self, message: Position, look: impl FnOnce(&Reacted) -> T) -> Option<T> {
        self.reacted.with(|reacted| reacted.iter().find(|it| it.message == message).map(look))
    }

    pub fn has_reactions(self, message: Position) -> bool {
        self.reacted(message, |it| !it.reactions.is_empty()).unwrap_or_default()
    }

    /// Those of a message, with what one has just asked for.
    pub fn reactions(self, message: Position) -> Vec<Reaction> {
        self.reacted(message, |it| it.reactions.clone()).unwrap_or_default()
    }

    pub fn has_reacted(self, message: Position, emoji: &Emoji) -> bool {
        let me = self.me.with(|me| me.as_ref().map(|me| me.id));
        let mut reactions = self.reactions(message).into_iter();
        let reaction = reactions.find(|reaction| reaction.emoji == *emoji);
        me.is_some_and(|me| reaction.is_some_and(|reaction| reaction.is_by(me)))
    }

    /// Whether one's own reaction is on its way, one way or the other.
    pub fn is_reacting(self, message: Position, emoji: &Emoji) -> bool {
        self.reacted(message, |it| it.on_their_way.contains(emoji)).unwrap_or_default()
    }

    /// Puts an emoji under a message, or takes it away.
    pub fn react(self, room: Room, message: Position, emoji: Emoji, is_added: bool) {
        self.ask(
            room,
            match is_added {
                true => Ask::React(message, emoji),
                false => Ask::Unreact(message, emoji),
            },
        );
    }

    /// What is to be seen of a message that is answered.
    pub fn quoted(self, message: Position) -> Quoted {
        self.rows.with(|rows| quoted(rows.as_deref().unwrap_or_default(), message))
    }

    /// Lets the message that is being written answer this one, or none.
    pub fn reply(self, room: &NamedRoom, message: Option<Position>) {
        if !browser::has_fine_pointer() {
            self.turn_to(None);
        }
        self.replying.set(message);
        let kept = message.map(|message| message.to_string()).unwrap_or_default();
        self.keep_draft(&reply_key(&room.path()), kept);
        browser::focus(COMPOSER);
    }

    /// Goes on with what was being answered in a room when this browser left it.
    pub(super) fn take_up_reply(self, path: &str) {
        let asked = self.asked_reply.try_update_value(Option::take).flatten();
        let kept = || self.draft(&reply_key(path)).parse().ok().map(Position);
        self.replying.set(asked.or_else(kept));
    }

    /// What is answered by the message of a room that is not open.
    pub(super) fn take_kept_reply(self, path: &str) -> Option<Position> {
        let key = reply_key(path);
        let message = self.draft(&key).parse().ok().map(Position);
        self.keep_draft(&key, String::new());
        message
    }

    /// What is answered by the message that goes out now.
    pub(super) fn take_reply(self, room: &Room) -> Option<Position> {
        let me = self.me.with_untracked(|me| me.as_ref().map(|me| me.id))?;
        let message = self.replying.get_untracked()?;
        self.replying.set(None);
        self.keep_draft(&reply_key(&room.path(me)), String::new());
        // To what was deleted meanwhile there is no answer; what was written is sent all the same.
        Some(message).filter(|message| self.quoted(*message) != Quoted::Deleted)
    }

    /// Copies the address of a message, or goes there, where it can be copied by hand.
    pub fn copy_link(self, path: &str) {
        let there = path.to_owned();
        browser::copy(&browser::url(path), move |is_copied| match is_copied {
            true => self.say(words().link_copied),
            false => {
                self.go(&there);
                self.say(words().link_not_copied);
            }
        });
    }

    /// Says a sentence, for a moment.
    pub fn say(self, words: &str) {
        let words = words.to_owned();
        self.said.set(words.clone());
        let pass = move || {
            if self.said.with_untracked(|said| *said == words) {
                self.said.set(String::new());
            }
        };
        set_timeout(pass, NOTICE);
    }
}
