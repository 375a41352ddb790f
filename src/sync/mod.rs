//! The client's side of the live protocol, as a state machine without I/O.
//!
//! [`Replica`] is told what happens (a frame came, time passed, a person wants something) and answers
//! what has to be done about it. The browser, the tests and any other client run this same code; the
//! clock and randomness are theirs to bring.

use std::mem;

use crate::domain::{
    address::Address,
    attachment::Attachment,
    channel::{Channel, Directory, FIRST},
    command::{Ask, Command, CommandId},
    direct::Directs,
    event::{Change, Event, Lane},
    frame::{
        ClientFrame, CloseCode, Difference, PRESENCE_SECONDS, PROTOCOL, Reset, Resume, ServerFrame,
        TYPING_AGAIN_SECONDS, TYPING_SECONDS, View, Welcome,
    },
    message::{Message, MessageText},
    name::ChannelName,
    page::Page,
    person::{Person, PersonId},
    position::{Epoch, Position},
    reaction::{self, Emoji},
    refusal::{Refusal, RefusalCode},
    room::{Room, direct_path},
    unread::{Memberships, Newest, Notice},
    window::Window,
};

pub mod link;
pub mod outbox;

use link::{Link, LinkState};
use outbox::{Correction, Outbox, Pending, Progress};

/// How long it takes until the server is told again what was read, in milliseconds: a crowd that reads
/// a busy room does not have to say so with every message.
const READ_PAUSE: u64 = 2_000;

/// How long the server may take to show that it knows, in milliseconds. It may have been too busy.
const READ_PATIENCE: u64 = 10_000;

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
    /// Look at this room, or at none.
    Open(Option<Room>),
    /// The person has seen the room that is looked at, up to here.
    Read(Position),
    /// This channel was created just now; its event is still under way.
    Created(Channel),
    /// Talk to this person, perhaps for the first time.
    Meet(Person),
    Ask {
        id: CommandId,
        command: Command,
    },
    /// Post files that were uploaded before, or an answer, or both.
    Share {
        id: CommandId,
        room: Room,
        text: MessageText,
        attachments: Vec<Attachment>,
        reply_to: Option<Position>,
    },
    /// Send a refused command again.
    Retry(CommandId),
    /// Throw a refused command away.
    Discard(CommandId),
    /// Something new was typed in the room that is looked at.
    Typed,
    /// The page may be gone in a moment.
    Leaving,
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
    /// Say why something was not done that does not show by itself.
    Tell(Refusal),
    /// Somebody has just written something that means this person, whether they look or not.
    Notice(Notice),
    /// What was said of this message is not so any more: it was edited, or is gone.
    Withdraw(Position),
    /// The session has ended.
    SignedOut,
    /// The browser speaks for somebody else now: whatever is known here is not theirs.
    Changed,
}

/// When it happens, in milliseconds since 1970 by a clock that does not go back, and a random number
/// in `0.0..1.0` for the jitter.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub millis: u64,
    pub random: f64,
}

/// How far somebody has read a room, as the server should know.
#[derive(Clone, Debug)]
struct Unsaid {
    room: Room,
    position: Position,
    /// Whether this link has been told.
    is_said: bool,
}

/// What one tab knows, and what it waits for.
#[derive(Debug)]
pub struct Replica {
    me: Person,
    epoch: Epoch,
    directory: Directory,
    directs: Directs,
    memberships: Memberships,
    /// The messages that mean this person of which this link has told, until it tells of all memberships.
    told: Option<Newest>,
    /// What was read here, until the server is heard to know it.
    unsaid: Vec<Unsaid>,
    /// When the server was told of it last, by the clock of [`Moment`].
    said: u64,
    windows: Windows,
    viewing: Option<Room>,
    /// Whether the open room is known as it was when it was opened, as far as the server can be asked.
    is_current: bool,
    outbox: Outbox,
    link: Link,
    online: Vec<PersonId>,
    /// When the link was live last; 0 before anything happened.
    live: u64,
    /// Who else writes in the room that is looked at, and until when that is so.
    typing: Vec<(Person, u64)>,
    /// When the others are told again that one is writing.
    type_again: u64,
    /// When something happened last, by the clock of [`Moment`]; 0 before anything did.
    now: u64,
}

impl Replica {
    /// Goes on from where the server rendered the page.
    pub fn new(me: Person, page: Page) -> Self {
        Self {
            me,
            epoch: page.epoch,
            directory: page.directory,
            directs: page.directs,
            memberships: page.memberships,
            told: None,
            unsaid: Vec::new(),
            said: 0,
            viewing: page.open.as_ref().map(|(room, _)| room.clone()),
            is_current: true,
            windows: Windows(page.open.into_iter().collect()),
            outbox: Outbox::new(Vec::new()),
            link: Link::default(),
            online: page.online,
            live: 0,
            typing: Vec::new(),
            type_again: 0,
            now: 0,
        }
    }

    /// Takes up the commands that earlier pages left.
    pub fn take_up(&mut self, pending: Vec<Pending>) {
        self.outbox = Outbox::new(pending);
    }

    pub fn me(&self) -> &Person {
        &self.me
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    pub fn directs(&self) -> &Directs {
        &self.directs
    }

    /// What this person has not read.
    pub fn memberships(&self) -> &Memberships {
        &self.memberships
    }

    /// Whether the server knows all that was read here.
    pub fn has_said_all(&self) -> bool {
        self.unsaid.is_empty()
    }

    /// Those who are here, as far as that is known.
    pub fn online(&self) -> &Vec<PersonId> {
        &self.online
    }

    /// Those who are writing in the room that is looked at.
    pub fn typing(&self) -> Vec<Person> {
        self.typing.iter().map(|(person, _)| person.clone()).collect()
    }

    /// Whether what is known of the open room is all that there was when it was opened, or nobody answers.
    pub fn is_current(&self) -> bool {
        self.is_current
    }

    /// The room that is looked at.
    pub fn viewing(&self) -> Option<&Room> {
        self.viewing.as_ref()
    }

    pub fn link(&self) -> LinkState {
        self.link.state()
    }

    /// What is known of the room that is looked at; none until the server has told.
    pub fn window(&self) -> Option<&Window> {
        self.windows.get(self.viewing.as_ref()?)
    }

    /// The lines of the room that is looked at, as a person sees them: what was sent, then what
    /// is on its way.
    pub fn lines(&self) -> Vec<Line> {
        let Some(room) = &self.viewing else { return Vec::new() };
        let window = self.windows.get(room);
        let sent = window.into_iter().flat_map(Window::messages).map(|message| {
            let deletion = self.outbox.deletion(room, message.position).cloned();
            let mut message = message.clone();
            let mut reacting = Vec::new();
            let change = match self.outbox.edit(room, message.position) {
                Some((edit, text)) => {
                    message.text = text.clone();
                    message.html = None;
                    Some(edit.id.clone())
                }
                None => deletion,
            };
            for (emoji, is_added) in self.outbox.reactions(room, message.position) {
                reacting.push(emoji.clone());
                match is_added {
                    true => reaction::add(&mut message.reactions, emoji, &self.me),
                    false => reaction::remove(&mut message.reactions, emoji, self.me.id),
                }
            }
            Line { change, reacting, content: Content::Sent(message) }
        });
        let on_its_way = self.outbox.posts(room, window, self.me.id).map(|(pending, text)| Line {
            change: None,
            reacting: Vec::new(),
            content: Content::OnItsWay {
                id: pending.id.clone(),
                text: text.clone(),
                attachments: pending.attachments.clone(),
                reply_to: pending.ask.reply_to(),
                asked: pending.asked,
                progress: pending.progress(self.now),
            },
        });
        sent.chain(on_its_way).collect()
    }

    /// What was written in this browser to a room, and has not come there.
    pub fn unsent(&self, room: &Room) -> Vec<(CommandId, MessageText)> {
        let posts = self.outbox.posts(room, self.windows.get(room), self.me.id);
        posts.map(|(pending, text)| (pending.id.clone(), text.clone())).collect()
    }

    /// Whether the server cannot have done what was asked for.
    pub fn is_unsent(&self, id: &CommandId) -> bool {
        self.outbox.is_unsent(id)
    }

    /// How many commands wait to be accepted, in all rooms.
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
                self.is_current = true;
                if code == Some(CloseCode::SignedOut) {
                    todo.push(Output::SignedOut);
                }
            }
            Input::Tick => {}
            Input::Woken => self.link.woken(now),
            Input::Unplugged => self.link.unplugged(now),
            Input::Open(room) => self.open(room, &mut todo),
            Input::Read(position) => self.read(position),
            Input::Created(channel) => self.directory.add(channel),
            Input::Meet(person) => self.directs.add(person),
            Input::Ask { id, command } => todo.push(self.ask(id, command, Vec::new(), now)),
            Input::Share { id, room, text, attachments, reply_to } => {
                let files = attachments.iter().map(|attachment| attachment.id.clone()).collect();
                let ask = match reply_to {
                    Some(to) => Ask::Reply(to, text, files),
                    None => Ask::Share(text, files),
                };
                let command = Command { room, ask };
                todo.push(self.ask(id, command, attachments, now));
            }
            Input::Retry(id) => todo.extend(self.outbox.retry(&id).map(Output::Keep)),
            Input::Discard(id) => {
                self.outbox.remove(&id);
                todo.push(Output::Forget(id));
            }
            Input::Typed => self.tell_typing(now, &mut todo),
            Input::Leaving => self.said = now.millis.saturating_sub(READ_PAUSE),
            Input::Kept(pending) => {
                let reached = |room: &Room| self.windows.reached(room);
                let id = pending.id.clone();
                match self.outbox.kept(pending, reached, now) {
                    Correction::Nothing => {}
                    Correction::Forget => todo.push(Output::Forget(id)),
                    Correction::Settle(done) => {
                        todo.extend([Output::Keep(*done), Output::Forget(id)]);
                    }
                }
            }
            Input::Forgotten(id) => self.outbox.forgotten(&id),
        }
        todo.extend(self.link.tick(now));
        self.forget(now);
        if !self.link.is_up() {
            self.outbox.unsend();
            self.unsaid.iter_mut().for_each(|unsaid| unsaid.is_said = false);
        }
        if self.link.is_live() {
            self.say_read(now, &mut todo);
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

    /// Forgets what is not true any more, because it was only said for a moment.
    fn forget(&mut self, now: Moment) {
        self.typing.retain(|(_, until)| *until > now.millis);
        if self.link.is_live() || self.live == 0 {
            self.live = now.millis;
        } else if now.millis >= self.live + PRESENCE_SECONDS * 1_000 {
            self.online.clear();
        }
    }

    fn tell_typing(&mut self, now: Moment, todo: &mut Vec<Output>) {
        if let Some(room) = &self.viewing
            && self.link.is_live()
            && now.millis >= self.type_again
        {
            self.type_again = now.millis + TYPING_AGAIN_SECONDS * 1_000;
            todo.push(Output::Send(ClientFrame::Typing { room: room.clone() }));
        }
    }

    fn hello(&self) -> ClientFrame {
        ClientFrame::Hello {
            protocol: PROTOCOL,
            resume: Some(Resume {
                epoch: self.epoch.clone(),
                position: self.directory.position,
                directs: self.directs.position,
            }),
            viewing: self.viewing.iter().map(|room| self.view(room)).collect(),
        }
    }

    fn view(&self, room: &Room) -> View {
        View { room: room.clone(), position: self.windows.reached(room) }
    }

    /// Takes up a command. One that takes back what has not gone out yet never goes out, either.
    fn ask(
        &mut self,
        id: CommandId,
        command: Command,
        attachments: Vec<Attachment>,
        now: Moment,
    ) -> Output {
        if let Ask::Restore(message) = command.ask
            && let Some(deletion) = self.outbox.unsent_deletion(&command.room, message)
        {
            self.outbox.remove(&deletion);
            return Output::Forget(deletion);
        }
        // What comes next is something new.
        self.type_again = 0;
        let after = self.windows.reached(&command.room).unwrap_or_default();
        Output::Keep(self.outbox.add(id, command, attachments, after, now))
    }

    fn open(&mut self, room: Option<Room>, todo: &mut Vec<Output>) {
        if self.viewing == room {
            return;
        }
        let left = mem::replace(&mut self.viewing, room);
        self.is_current = self.viewing.is_none() || !self.link.is_live();
        self.typing.clear();
        self.type_again = 0;
        // The hello has named the room that was open then, so the server has to be told even
        // before its welcome. Until that, nobody knows whether positions are of the same log.
        if self.link.is_up() {
            let left = left.map(|room| ClientFrame::Leave { room });
            let opened = self.viewing.as_ref().map(|room| {
                let mut view = self.view(room);
                view.position.take_if(|_| !self.link.is_live());
                ClientFrame::View(view)
            });
            todo.extend(left.into_iter().chain(opened).map(Output::Send));
        }
    }

    fn read(&mut self, position: Position) {
        let Some(room) = &self.viewing else { return };
        if self.memberships.read(room, position) {
            self.unsaid.retain(|unsaid| unsaid.room != *room);
            self.unsaid.push(Unsaid { room: room.clone(), position, is_said: false });
        }
    }

    /// Tells the server what was read, if there is news and the last news are old enough.
    fn say_read(&mut self, now: Moment, todo: &mut Vec<Output>) {
        if now.millis >= self.said + READ_PATIENCE {
            self.unsaid.iter_mut().for_each(|unsaid| unsaid.is_said = false);
        }
        let is_news = self.unsaid.iter().any(|unsaid| !unsaid.is_said);
        if !is_news || now.millis < self.said + READ_PAUSE {
            return;
        }
        self.said = now.millis;
        for unsaid in self.unsaid.iter_mut().filter(|unsaid| !unsaid.is_said) {
            unsaid.is_said = true;
            let (room, position) = (unsaid.room.clone(), unsaid.position);
            todo.push(Output::Send(ClientFrame::Read { room, position }));
        }
    }

    fn hear(&mut self, frame: ServerFrame, now: Moment, todo: &mut Vec<Output>) {
        match frame {
            ServerFrame::Welcome(Welcome { you, .. }) if you.id != self.me.id => {
                self.link.stop();
                todo.extend([Output::Disconnect, Output::Changed]);
            }
            ServerFrame::Welcome(Welcome { you, epoch, spread, .. }) => {
                self.link.welcomed(now);
                self.link.spread_over_at_least(spread);
                self.me = you;
                self.told = Some(Newest::default());
                let is_new_log = self.epoch != epoch;
                self.outbox.welcomed(is_new_log, now);
                if is_new_log {
                    // Another log: its positions mean nothing here.
                    self.epoch = epoch;
                    self.windows = Windows::default();
                    self.memberships = Memberships::default();
                    self.unsaid.clear();
                    self.online.clear();
                }
            }
            ServerFrame::Directory(directory) => {
                // Channels may have been deleted meanwhile, and new ones may have their names.
                let known = mem::replace(&mut self.directory, directory);
                self.keep_channels(known.channels());
            }
            ServerFrame::Directs(directs) => {
                let begun = mem::replace(&mut self.directs, directs);
                // Whom one is about to write to for the first time stays in the list.
                let strangers = begun.list().iter().filter(|direct| direct.created.is_none());
                strangers.for_each(|direct| self.directs.add(direct.with.clone()));
            }
            ServerFrame::Memberships(memberships) => {
                let told = self.told.take().unwrap_or_default();
                self.memberships.renew(memberships, &told);
            }
            ServerFrame::Read { room, position } => {
                self.memberships.read(&room, position);
                self.unsaid.retain(|it| it.room != room || it.position > position);
            }
            ServerFrame::Settings { room, settings } => self.memberships.set(&room, settings),
            ServerFrame::Moved { moved } => {
                for moved in moved {
                    self.memberships.moved(&moved);
                    todo.extend(moved.gone.positions().iter().copied().map(Output::Withdraw));
                }
            }
            ServerFrame::Notice(notice) => {
                let Notice { room, message } = &notice;
                self.came(room, message);
                match message.revised {
                    None => todo.push(Output::Notice(notice)),
                    Some(_) => todo.extend(withdrawn(&Change::Revised(notice.message))),
                }
            }
            ServerFrame::Reset(Reset { room, window }) => {
                self.outbox.settle_up_to(&room, window.position);
                self.answered(&room);
                // The notice that something was said there may still be on its way.
                window.messages().for_each(|message| self.came(&room, message));
                self.windows.insert(room, window);
            }
            ServerFrame::Difference(Difference { lane, position, changes }) => {
                todo.extend(changes.iter().filter_map(withdrawn));
                self.catch_up(lane, position, changes);
            }
            ServerFrame::Event(event) => self.follow(event, now, todo),
            ServerFrame::Accepted { id, position } => self.done(&id, position, todo),
            ServerFrame::Refused { id, refusal } if refusal.is_for_now() => {
                self.outbox.postpone(&id, refusal, now);
            }
            ServerFrame::Refused { id, refusal } => {
                // Where the message is gone, that shows.
                if refusal.code == RefusalCode::TooManyReactions {
                    todo.push(Output::Tell(refusal.clone()));
                }
                let kept = self.outbox.refused(&id, refusal);
                todo.push(kept.map_or(Output::Forget(id), Output::Keep));
            }
            ServerFrame::Pong { spread } => {
                self.link.answered(now);
                self.link.spread_over(spread);
            }
            ServerFrame::Presence { all, online, offline } => {
                if let Some(all) = all {
                    self.online = all;
                }
                self.online.retain(|person| !online.contains(person) && !offline.contains(person));
                self.online.extend(online);
            }
            ServerFrame::Typing { room, people } => {
                if self.viewing.as_ref() == Some(&room) {
                    let until = now.millis + TYPING_SECONDS * 1_000;
                    for person in people {
                        match self.typing.iter_mut().find(|(other, _)| other.id == person.id) {
                            Some(known) => known.1 = until,
                            None => self.typing.push((person, until)),
                        }
                    }
                }
            }
            ServerFrame::Unviewable { room, .. } => self.answered(&room),
        }
    }

    fn stop_typing(&mut self, person: PersonId) {
        self.typing.retain(|(other, _)| other.id != person);
    }

    /// A command was done. The browser's other tabs are told where, so that they wait for its event.
    fn done(&mut self, id: &CommandId, position: Position, todo: &mut Vec<Output>) {
        let reached = |room: &Room| self.windows.reached(room);
        if let Some(done) = self.outbox.accepted(id, position, reached) {
            todo.extend([Output::Keep(done), Output::Forget(id.clone())]);
        }
    }

    /// The server has said what there is in a room.
    fn answered(&mut self, room: &Room) {
        self.is_current |= self.viewing.as_ref() == Some(room);
    }

    fn catch_up(&mut self, lane: Lane, position: Position, changes: Vec<Change>) {
        match lane.room() {
            Some(room) => {
                self.answered(&room);
                changes.iter().for_each(|change| self.count(&room, change));
                if let Some(window) = self.windows.get_mut(&room) {
                    window.catch_up(position, &changes);
                    self.outbox.settle_up_to(&room, position);
                }
            }
            None => {
                changes.into_iter().for_each(|change| self.list(position, change));
                self.directory.position = self.directory.position.max(position);
            }
        }
    }

    fn list(&mut self, position: Position, change: Change) {
        match change {
            Change::ChannelCreated(channel) => self.directory.apply(channel),
            Change::ChannelRevised(channel) => self.directory.revise(position, channel),
            Change::ChannelDeleted(name) => {
                self.directory.remove(position, &name);
                self.keep_channels(&[]);
            }
            Change::DirectBegun(direct) => self.directs.apply(position, direct),
            Change::Posted(_) | Change::Revised(_) | Change::Deleted(_) => {}
        }
    }

    /// Forgets what is known of channels that are no more, or are not those that were `known` by their names.
    fn keep_channels(&mut self, known: &[Channel]) {
        let find = |channels: &[Channel], name: &ChannelName| {
            channels.iter().find(|channel| channel.name == *name).map(|channel| channel.created)
        };
        let channels = self.directory.channels();
        let is_there = |room: &Room| match room {
            Room::Channel(name) => find(channels, name)
                .is_some_and(|created| find(known, name).is_none_or(|known| known == created)),
            Room::Direct(_) => true,
        };
        self.windows.0.retain(|(room, _)| is_there(room));
        self.memberships.rooms.retain(|membership| is_there(&membership.room));
        self.unsaid.retain(|unsaid| is_there(&unsaid.room));
        // Should there be another of that name some day, it has to be opened.
        self.viewing
            .take_if(|room| matches!(room, Room::Channel(name) if find(channels, name).is_none()));
    }

    /// Makes the change of an event that is the next of its lane, drops one that is known already,
    /// and asks for the difference where one before it is missing.
    fn follow(&mut self, event: Event, now: Moment, todo: &mut Vec<Output>) {
        let known = match &event.lane {
            Lane::Directory => self.directory.position,
            Lane::Person(_) => self.directs.position,
            Lane::Channel(_) | Lane::Direct(_) => return self.follow_room(event, todo),
        };
        if event.prev > known {
            // A link that skips an event is broken; the next one starts with a difference.
            self.link.closed(None, now);
            todo.push(Output::Disconnect);
        } else if event.position > known {
            self.list(event.position, event.change);
        }
    }

    fn follow_room(&mut self, event: Event, todo: &mut Vec<Output>) {
        let Some(room) = event.lane.room() else { return };
        if let Some(window) = self.windows.get_mut(&room) {
            if event.prev > window.position {
                let position = Some(window.position);
                todo.push(Output::Send(ClientFrame::View(View { room, position })));
                return;
            }
            window.apply(event.position, &event.change);
        }
        self.count(&room, &event.change);
        todo.extend(withdrawn(&event.change));
        if let Change::Posted(message) = &event.change
            && self.viewing.as_ref() == Some(&room)
        {
            self.stop_typing(message.author.id);
        }
        if let Change::Posted(message) = &event.change
            && self.is_meant(&room, message)
        {
            let notice = Notice { room: room.clone(), message: message.clone() };
            todo.push(Output::Notice(notice));
        }
        if let (Change::Posted(message) | Change::Revised(message), Some(id)) =
            (&event.change, &event.command)
            && message.author.id == self.me.id
        {
            self.done(id, event.position, todo);
        }
        self.outbox.settle_up_to(&room, event.position);
    }

    /// Whether a message is for this person.
    fn is_meant(&self, room: &Room, message: &Message) -> bool {
        let is_direct = matches!(room, Room::Direct(_));
        message.author.id != self.me.id && (is_direct || message.means(self.me.id))
    }

    /// Keeps what is unread in step with what happens in a room that is looked at.
    fn count(&mut self, room: &Room, change: &Change) {
        match change {
            Change::Posted(message) | Change::Revised(message) => self.came(room, message),
            Change::Deleted(deletion) => {
                // What went makes room for what it had covered.
                self.memberships.gone(room, deletion.message);
                deletion.uncovered.iter().for_each(|message| self.came(room, message));
            }
            Change::ChannelCreated(_)
            | Change::ChannelRevised(_)
            | Change::ChannelDeleted(_)
            | Change::DirectBegun(_) => {}
        }
    }

    /// A message is there, and mentions this person or not.
    fn came(&mut self, room: &Room, message: &Message) {
        let position = message.position;
        if message.author.id == self.me.id {
            self.memberships.read(room, position);
            return;
        }
        self.memberships.posted(room, position);
        match message.means(self.me.id) {
            true => {
                self.memberships.mentioned(room, position);
                self.told.iter_mut().for_each(|told| told.insert(position));
            }
            false => {
                self.memberships.not_mentioned(room, position);
                self.told.iter_mut().for_each(|told| told.remove(position));
            }
        }
    }
}

/// Takes back what may have been said of a message, when its words are others now, or it is gone.
fn withdrawn(change: &Change) -> Option<Output> {
    match change {
        Change::Revised(message) => message.edited.map(|_| Output::Withdraw(message.position)),
        Change::Deleted(deletion) => Some(Output::Withdraw(deletion.message)),
        _ => None,
    }
}

/// Every room seen in this tab, so that going back shows it at once: few enough to look through.
#[derive(Debug, Default)]
struct Windows(Vec<(Room, Window)>);

impl Windows {
    fn get(&self, room: &Room) -> Option<&Window> {
        self.0.iter().find(|(other, _)| other == room).map(|(_, window)| window)
    }

    fn get_mut(&mut self, room: &Room) -> Option<&mut Window> {
        self.0.iter_mut().find(|(other, _)| other == room).map(|(_, window)| window)
    }

    /// The position up to which a room is known.
    fn reached(&self, room: &Room) -> Option<Position> {
        self.get(room).map(|window| window.position)
    }

    fn insert(&mut self, room: Room, window: Window) {
        match self.get_mut(&room) {
            Some(known) => *known = window,
            None => self.0.push((room, window)),
        }
    }
}

/// One message as the view shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub content: Content,
    /// The command of its author that changes or deletes it, and waits for the answer.
    pub change: Option<CommandId>,
    /// The emoji of one's own that are on their way to it, or away from it.
    pub reacting: Vec<Emoji>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Sent(Message),
    OnItsWay {
        id: CommandId,
        text: MessageText,
        attachments: Vec<Attachment>,
        /// The message that it answers.
        reply_to: Option<Position>,
        asked: u64,
        progress: Progress,
    },
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

/// The path of the room to open for someone who comes back: where they were, else the first channel
/// of the list.
pub fn returning(directory: &Directory, directs: &Directs, left: Option<&str>) -> Option<String> {
    let left = match left.map(Address::of) {
        Some(Address::Channel(name)) => directory.find(&name).map(|channel| channel.name.path()),
        Some(Address::Direct(with)) => directs.find(with).map(|_| direct_path(with)),
        _ => None,
    };
    left.or_else(|| {
        let first = directory.find(FIRST).or_else(|| directory.channels().first());
        first.map(|channel| channel.name.path())
    })
}

#[cfg(test)]
mod tests;
