//! The client's side of the live protocol, as a state machine without I/O.
//!
//! [`Sync`] is told what happens (a frame came, time passed, a person wants something) and answers
//! what has to be done about it. The browser, the tests and any other client run this same code; the
//! clock and randomness are theirs to bring.

use std::mem;

use crate::domain::{
    channel::{Channel, Directory},
    command::{Command, CommandId},
    event::{Change, Event, Lane},
    frame::{
        ClientFrame, CloseCode, Difference, PROTOCOL, Reset, Resume, ServerFrame, View, Welcome,
    },
    message::{Message, MessageText},
    name::ChannelName,
    page::Page,
    person::Person,
    position::{Epoch, Position},
    window::Window,
};

pub mod link;
pub mod outbox;

use link::{Link, LinkState};
use outbox::{Correction, Outbox, Pending, Progress};

/// What happens to a client.
#[derive(Clone, Debug)]
pub enum Input {
    /// The socket is open.
    Opened,
    Frame(ServerFrame),
    /// The socket is closed, or could not be opened; with the close code if one came.
    Closed(Option<u16>),
    /// Time has passed.
    Tick,
    /// The browser says that it is online or visible again.
    Woken,
    /// The browser says that it is offline.
    Unplugged,
    /// Look at this channel, or at none.
    Open(Option<ChannelName>),
    /// This channel was created just now; its event is still under way.
    Created(Channel),
    Ask {
        id: CommandId,
        command: Command,
    },
    /// Send a refused command again.
    Retry(CommandId),
    /// Throw a refused command away.
    Discard(CommandId),
    /// Another tab of this browser has put this into the outbox that they share.
    Kept(Pending),
    /// Another tab of this browser has taken this out of the outbox.
    Forgotten(CommandId),
}

/// What has to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Connect,
    Disconnect,
    Send(ClientFrame),
    /// Store this in the outbox of the browser, over what has the same id.
    Keep(Pending),
    /// Take this out of the outbox of the browser.
    Forget(CommandId),
    /// The session has ended.
    SignedOut,
}

/// When it happens, in milliseconds since 1970 by a clock that does not go back, and a random number
/// in `0.0..1.0` for the jitter.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub millis: u64,
    pub random: f64,
}

/// What one tab knows, and what it waits for.
#[derive(Debug)]
pub struct Sync {
    me: Person,
    epoch: Epoch,
    directory: Directory,
    windows: Windows,
    viewing: Option<ChannelName>,
    outbox: Outbox,
    link: Link,
    /// When something happened last, by the clock of [`Moment`]; 0 before anything did.
    now: u64,
}

impl Sync {
    /// Goes on from where the server rendered the page, with the commands that earlier pages left.
    pub fn new(me: Person, page: &Page, pending: Vec<Pending>) -> Self {
        Self {
            me,
            epoch: page.epoch.clone(),
            directory: page.directory.clone(),
            windows: Windows(page.open.iter().cloned().collect()),
            viewing: page.open.as_ref().map(|(channel, _)| channel.clone()),
            outbox: Outbox::new(pending),
            link: Link::default(),
            now: 0,
        }
    }

    pub fn me(&self) -> &Person {
        &self.me
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The channel that is looked at.
    pub fn viewing(&self) -> Option<&ChannelName> {
        self.viewing.as_ref()
    }

    pub fn link(&self) -> LinkState {
        self.link.state()
    }

    /// What is known of the channel that is looked at; none until the server has told.
    pub fn window(&self) -> Option<&Window> {
        self.windows.get(self.viewing.as_ref()?)
    }

    /// The lines of the channel that is looked at, as a person sees them: what was sent, then what
    /// is on its way.
    pub fn lines(&self) -> Vec<Line> {
        let Some(channel) = &self.viewing else { return Vec::new() };
        let window = self.windows.get(channel);
        let sent = window.into_iter().flat_map(Window::messages).map(|message| Line {
            deleting: self.outbox.deletes(channel, message.position),
            content: Content::Sent(message.clone()),
        });
        let on_its_way =
            self.outbox.posts(channel, window, self.me.id).map(|(pending, text)| Line {
                deleting: false,
                content: Content::OnItsWay {
                    id: pending.id.clone(),
                    text: text.clone(),
                    asked: pending.asked,
                    progress: pending.progress(self.now),
                },
            });
        sent.chain(on_its_way).collect()
    }

    /// How many commands wait to be accepted, in all channels.
    pub fn waiting(&self) -> usize {
        self.outbox.waiting()
    }

    /// Takes in what happened, and says what has to be done about it, in this order.
    pub fn handle(&mut self, input: Input, now: Moment) -> Vec<Output> {
        let mut todo = Vec::new();
        self.now = now.millis;
        match input {
            Input::Opened => {
                self.link.opened();
                todo.push(Output::Send(self.hello()));
            }
            Input::Frame(frame) => {
                self.link.heard(now);
                self.hear(frame, now, &mut todo);
            }
            Input::Closed(code) => {
                let code = code.and_then(CloseCode::from_number);
                self.link.closed(code, now);
                if code == Some(CloseCode::SignedOut) {
                    todo.push(Output::SignedOut);
                }
            }
            Input::Tick => {}
            Input::Woken => self.link.woken(now),
            Input::Unplugged => self.link.unplugged(now),
            Input::Open(channel) => self.open(channel, &mut todo),
            Input::Created(channel) => self.directory.add(channel),
            Input::Ask { id, command } => {
                let after = self.windows.reached(command.channel()).unwrap_or_default();
                todo.push(Output::Keep(self.outbox.add(id, command, after, now)));
            }
            Input::Retry(id) => todo.extend(self.outbox.retry(&id).map(Output::Keep)),
            Input::Discard(id) => {
                self.outbox.remove(&id);
                todo.push(Output::Forget(id));
            }
            Input::Kept(pending) => {
                let reached = |channel: &ChannelName| self.windows.reached(channel);
                let id = pending.id.clone();
                match self.outbox.kept(pending, reached, now) {
                    Correction::Nothing => {}
                    Correction::Forget => todo.push(Output::Forget(id)),
                    Correction::Settle(done) => {
                        todo.extend([Output::Keep(done), Output::Forget(id)]);
                    }
                }
            }
            Input::Forgotten(id) => self.outbox.forgotten(&id),
        }
        todo.extend(self.link.tick(now));
        if !self.link.is_up() {
            self.outbox.unsend();
        }
        if self.link.is_live() {
            for pending in self.outbox.send(now) {
                let frame = pending.frame();
                // Noted first, so that a page that comes after this one knows.
                if !pending.was_sent {
                    todo.push(Output::Keep(Pending { was_sent: true, ..pending }));
                }
                todo.push(Output::Send(frame));
            }
        }
        todo
    }

    fn hello(&self) -> ClientFrame {
        ClientFrame::Hello {
            protocol: PROTOCOL,
            resume: Some(Resume { epoch: self.epoch.clone(), position: self.directory.position }),
            viewing: self.viewing.iter().map(|channel| self.view(channel)).collect(),
        }
    }

    fn view(&self, channel: &ChannelName) -> View {
        View { channel: channel.as_str().to_owned(), position: self.windows.reached(channel) }
    }

    fn open(&mut self, channel: Option<ChannelName>, todo: &mut Vec<Output>) {
        if self.viewing == channel {
            return;
        }
        let left = mem::replace(&mut self.viewing, channel);
        // The hello has named the channel that was open then, so the server has to be told even
        // before its welcome. Until that, nobody knows whether positions are of the same log.
        if self.link.is_up() {
            let left = left.map(|left| ClientFrame::Leave { channel: left.as_str().to_owned() });
            let opened = self.viewing.as_ref().map(|channel| {
                let mut view = self.view(channel);
                view.position.take_if(|_| !self.link.is_live());
                ClientFrame::View(view)
            });
            todo.extend(left.into_iter().chain(opened).map(Output::Send));
        }
    }

    fn hear(&mut self, frame: ServerFrame, now: Moment, todo: &mut Vec<Output>) {
        match frame {
            ServerFrame::Welcome(Welcome { you, epoch, spread, .. }) => {
                self.link.welcomed(now);
                self.link.spread_over_at_least(spread);
                self.me = you;
                let is_new_log = self.epoch != epoch;
                self.outbox.welcomed(is_new_log, now);
                if is_new_log {
                    // Another log: its positions mean nothing here.
                    self.epoch = epoch;
                    self.windows = Windows::default();
                }
            }
            ServerFrame::Directory(directory) => self.directory = directory,
            ServerFrame::Reset(Reset { channel, window }) => {
                self.outbox.settle_up_to(&channel, window.position);
                self.windows.insert(channel, window);
            }
            ServerFrame::Difference(Difference { lane, position, changes }) => {
                self.catch_up(lane, position, changes);
            }
            ServerFrame::Event(event) => self.follow(event, now, todo),
            ServerFrame::Accepted { id, position } => self.done(&id, position, todo),
            ServerFrame::Refused { id, refusal } if refusal.is_for_now() => {
                self.outbox.postpone(&id, refusal, now);
            }
            ServerFrame::Refused { id, refusal } => todo
                .push(self.outbox.refused(&id, refusal).map_or(Output::Forget(id), Output::Keep)),
            ServerFrame::Pong { spread } => self.link.spread_over(spread),
            ServerFrame::Unviewable { .. } => {}
        }
    }

    /// A command was done. The browser's other tabs are told where, so that they wait for its event.
    fn done(&mut self, id: &CommandId, position: Position, todo: &mut Vec<Output>) {
        let reached = |channel: &ChannelName| self.windows.reached(channel);
        if let Some(done) = self.outbox.accepted(id, position, reached) {
            todo.extend([Output::Keep(done), Output::Forget(id.clone())]);
        }
    }

    fn catch_up(&mut self, lane: Lane, position: Position, changes: Vec<Change>) {
        match lane {
            Lane::Directory => {
                changes.into_iter().for_each(|change| self.list(change));
                self.directory.position = self.directory.position.max(position);
            }
            Lane::Channel(channel) => {
                if let Some(window) = self.windows.get_mut(&channel) {
                    window.catch_up(position, &changes);
                    self.outbox.settle_up_to(&channel, position);
                }
            }
        }
    }

    fn list(&mut self, change: Change) {
        if let Change::ChannelCreated(channel) = change {
            self.directory.apply(channel);
        }
    }

    /// Makes the change of an event that is the next of its lane, drops one that is known already,
    /// and asks for the difference where one before it is missing.
    fn follow(&mut self, event: Event, now: Moment, todo: &mut Vec<Output>) {
        match event.lane {
            Lane::Directory => {
                if event.prev > self.directory.position {
                    // A link that skips an event is broken; the next one starts with a difference.
                    self.link.closed(None, now);
                    todo.push(Output::Disconnect);
                } else {
                    self.list(event.change);
                }
            }
            Lane::Channel(channel) => {
                if let Some(window) = self.windows.get_mut(&channel) {
                    if event.prev > window.position {
                        let position = Some(window.position);
                        let channel = channel.as_str().to_owned();
                        todo.push(Output::Send(ClientFrame::View(View { channel, position })));
                        return;
                    }
                    window.apply(event.position, &event.change);
                }
                if let (Change::Posted(message), Some(id)) = (&event.change, &event.command)
                    && message.author.id == self.me.id
                {
                    self.done(id, event.position, todo);
                }
                self.outbox.settle_up_to(&channel, event.position);
            }
        }
    }
}

/// Every channel seen in this tab, so that going back shows it at once: few enough to look through.
#[derive(Debug, Default)]
struct Windows(Vec<(ChannelName, Window)>);

impl Windows {
    fn get(&self, channel: &ChannelName) -> Option<&Window> {
        self.0.iter().find(|(name, _)| name == channel).map(|(_, window)| window)
    }

    fn get_mut(&mut self, channel: &ChannelName) -> Option<&mut Window> {
        self.0.iter_mut().find(|(name, _)| name == channel).map(|(_, window)| window)
    }

    /// The position up to which a channel is known.
    fn reached(&self, channel: &ChannelName) -> Option<Position> {
        self.get(channel).map(|window| window.position)
    }

    fn insert(&mut self, channel: ChannelName, window: Window) {
        match self.get_mut(&channel) {
            Some(known) => *known = window,
            None => self.0.push((channel, window)),
        }
    }
}

/// One message as the view shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub content: Content,
    /// Its author has asked for it to be deleted, and waits for the answer.
    pub deleting: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Sent(Message),
    OnItsWay { id: CommandId, text: MessageText, asked: u64, progress: Progress },
}

impl Line {
    /// What the line is known by in the view: it changes when the message is accepted, because then
    /// it may change its place.
    pub fn key(&self) -> String {
        match &self.content {
            Content::Sent(message) => message.position.to_string(),
            Content::OnItsWay { id, .. } => id.as_str().to_owned(),
        }
    }
}

/// The channel to open for someone who comes back: where they were, else the first of the list.
pub fn returning<'a>(directory: &'a Directory, left: Option<&str>) -> Option<&'a Channel> {
    left.and_then(|left| directory.find(left))
        .or_else(|| directory.find(crate::domain::channel::FIRST))
        .or_else(|| directory.channels().first())
}

#[cfg(test)]
mod tests;
