//! Clients and a server of one channel in one process, over links that delay and cut.

use std::collections::{HashMap, VecDeque};

use chrono::DateTime;
use proptest::prelude::*;

use super::{outbox::PendingState, *};
use crate::domain::{
    attachment::{AttachmentId, FileName},
    channel::{Topic, TopicText},
    event::Deletion,
    frame::{Heartbeat, Limits, Welcome},
    message::Reply,
    name::{ChannelName, DisplayName},
    person::PersonId,
    room::Pair,
    unread::Moved,
};

fn general() -> Room {
    Room::Channel(channel())
}

fn channel() -> ChannelName {
    ChannelName::try_from("general").unwrap()
}

fn person(number: u64) -> Person {
    let name = DisplayName::try_from(format!("Person {number}").as_str()).unwrap();
    Person { id: PersonId(Position(number)), name }
}

/// The rules of the server, without its store.
struct Server {
    epoch: Epoch,
    last: Position,
    messages: Vec<Message>,
    window: Window,
    /// What was deleted last, and can be brought back.
    deleted: Option<Message>,
    done: HashMap<(PersonId, CommandId), Position>,
    directory: Directory,
}

impl Server {
    fn new() -> Self {
        let mut directory = Directory::default();
        directory.apply(Channel { name: channel(), created: Position(1), topic: None });
        Self {
            epoch: Epoch("first".to_owned()),
            last: Position(1),
            messages: Vec::new(),
            window: Window::restore(Position(1), vec![], vec![], Position(1)),
            deleted: None,
            done: HashMap::new(),
            directory,
        }
    }

    fn page(&self, me: Person) -> Page {
        Page {
            me: Some(me),
            epoch: self.epoch.clone(),
            directory: self.directory.clone(),
            directs: Directs::default(),
            memberships: Memberships::default(),
            online: Vec::new(),
            limits: Default::default(),
            path: channel().path(),
            open: Some((general(), self.window.clone())),
            people: None,
            editing: None,
            replying: None,
            refused: None,
        }
    }

    /// Decides a command; an event for everyone if it was done now.
    fn ask(
        &mut self,
        by: &Person,
        id: &CommandId,
        command: Command,
    ) -> Result<(Position, Option<Event>), Refusal> {
        if let Some(position) = self.done.get(&(by.id, id.clone())) {
            return Ok((*position, None));
        }
        let position = self.last.next();
        let is_reaction = matches!(command.ask, Ask::React(..) | Ask::Unreact(..));
        let reply = match command.ask.reply_to() {
            Some(message) => Some(self.reply(message)?),
            None => None,
        };
        let (ask, attachments) = match command.ask {
            Ask::Share(text, files) | Ask::Reply(_, text, files) => {
                (Ask::Post(text), files.iter().map(attachment).collect())
            }
            ask => (ask, Vec::new()),
        };
        let change = match ask {
            Ask::Share(..) | Ask::Reply(..) => unreachable!("it is a post"),
            Ask::Post(text) => {
                let at = DateTime::from_timestamp(position.0 as i64, 0).unwrap();
                let author = by.clone();
                let message = Message {
                    position,
                    author,
                    at,
                    text,
                    html: None,
                    mentions: Vec::new(),
                    attachments,
                    reply,
                    reactions: Vec::new(),
                    edited: None,
                    revised: None,
                };
                self.messages.push(message.clone());
                Change::Posted(message)
            }
            Ask::Edit(message, text) => {
                let edited = self.own(by, message)?;
                edited.text = text;
                edited.edited = Some(DateTime::from_timestamp(position.0 as i64, 0).unwrap());
                edited.revised = Some(position);
                Change::Revised(edited.clone())
            }
            Ask::React(of, emoji) => {
                let message = self.message(of)?;
                reaction::add(&mut message.reactions, &emoji, by);
                message.revised = Some(position);
                Change::Revised(message.clone())
            }
            Ask::Unreact(of, emoji) => {
                let message = self.message(of)?;
                reaction::remove(&mut message.reactions, &emoji, by.id);
                message.revised = Some(position);
                Change::Revised(message.clone())
            }
            Ask::Restore(message) => {
                let mut restored = self.deleted.take().ok_or_else(Refusal::unknown_message)?;
                if restored.position != message || restored.author.id != by.id {
                    return Err(Refusal::unknown_message());
                }
                restored.revised = Some(position);
                let place = self.messages.partition_point(|other| other.position < message);
                self.messages.insert(place, restored.clone());
                Change::Revised(restored)
            }
            Ask::Delete(message) => {
                let place = self
                    .messages
                    .iter()
                    .position(|other| other.position == message && other.author.id == by.id)
                    .ok_or_else(Refusal::unknown_message)?;
                self.deleted = Some(self.messages.remove(place));
                let oldest = self.messages.len().checked_sub(Window::LIMIT);
                let uncovered = oldest
                    .map(|place| self.messages[place].clone())
                    .filter(|oldest| oldest.position < message);
                Change::Deleted(Deletion { position, message, uncovered })
            }
        };
        let prev = self.window.position;
        self.window.apply(position, &change);
        self.last = position;
        self.done.insert((by.id, id.clone()), position);
        let (lane, command) = (general().into(), Some(id.clone()).filter(|_| !is_reaction));
        Ok((position, Some(Event { lane, position, prev, command, change })))
    }

    fn message(&mut self, message: Position) -> Result<&mut Message, Refusal> {
        let mut messages = self.messages.iter_mut();
        messages.find(|other| other.position == message).ok_or_else(Refusal::unknown_message)
    }

    fn reply(&mut self, message: Position) -> Result<Reply, Refusal> {
        let author = self.message(message).map_err(|_| Refusal::unknown_original())?.author.clone();
        Ok(Reply { message, author })
    }

    fn own(&mut self, by: &Person, message: Position) -> Result<&mut Message, Refusal> {
        let is_it = |other: &&mut Message| other.position == message && other.author.id == by.id;
        self.messages.iter_mut().find(is_it).ok_or_else(Refusal::unknown_message)
    }

    fn greet(&self, you: Person, resume: Option<Resume>, viewing: &[View]) -> Vec<ServerFrame> {
        let welcome = ServerFrame::Welcome(Welcome {
            you,
            epoch: self.epoch.clone(),
            position: self.last,
            spread: 0,
            heartbeat: Heartbeat { ping: 10, silence: 25 },
            limits: Limits { text: 4_000, frame: 65_536, viewing: 128, file: 0, files: 0 },
        });
        let is_same_log = resume.is_some_and(|resume| resume.epoch == self.epoch);
        let views = viewing.iter().map(|view| self.view(view, is_same_log));
        [welcome, ServerFrame::Directory(self.directory.clone())].into_iter().chain(views).collect()
    }

    fn view(&self, view: &View, is_same_log: bool) -> ServerFrame {
        let known = view.position.filter(|_| is_same_log);
        match known.and_then(|position| self.window.since(position)) {
            Some(changes) => ServerFrame::Difference(Difference {
                lane: general().into(),
                position: self.window.position,
                changes,
            }),
            None => ServerFrame::Reset(Reset { room: general(), window: self.window.clone() }),
        }
    }
}

/// A tab, its browser's storage, and its link to the server.
struct Tab {
    me: Person,
    replica: Replica,
    stored: HashMap<CommandId, Pending>,
    is_connected: bool,
    listens: bool,
    to_server: VecDeque<ClientFrame>,
    to_client: VecDeque<ServerFrame>,
    /// How many more of its commands come too fast.
    too_fast: usize,
}

struct World {
    server: Server,
    tabs: Vec<Tab>,
    now: u64,
    asked: u64,
    /// What each person posted, in their order.
    posted: Vec<Vec<CommandId>>,
}

impl World {
    fn new(tabs: u64) -> Self {
        let server = Server::new();
        let tabs = (1..=tabs)
            .map(|number| {
                let me = person(number);
                let replica = Replica::new(me.clone(), server.page(me.clone()));
                Tab {
                    me,
                    replica,
                    stored: HashMap::new(),
                    is_connected: false,
                    listens: false,
                    to_server: VecDeque::new(),
                    to_client: VecDeque::new(),
                    too_fast: 0,
                }
            })
            .collect::<Vec<_>>();
        let posted = vec![Vec::new(); tabs.len()];
        Self { server, tabs, now: 0, asked: 0, posted }
    }

    fn tell(&mut self, tab: usize, input: Input) {
        let now = Moment { millis: self.now, random: 0.5 };
        let told = &mut self.tabs[tab];
        for output in told.replica.handle(input, now) {
            match output {
                Output::Connect => {
                    told.is_connected = true;
                    told.to_server.clear();
                    told.to_client.clear();
                }
                Output::Disconnect => {
                    told.is_connected = false;
                    told.listens = false;
                }
                Output::Send(frame) => told.to_server.push_back(frame),
                Output::Keep(pending) => drop(told.stored.insert(pending.id.clone(), pending)),
                Output::Notice(_) | Output::Withdraw(_) => {}
                Output::Forget(id) => drop(told.stored.remove(&id)),
                Output::Tell(_) => {}
                Output::SignedOut | Output::Changed => unreachable!("nobody signs out here"),
            }
        }
    }

    fn draw_id(&mut self) -> CommandId {
        self.asked += 1;
        CommandId::try_from(format!("command-{}", self.asked)).unwrap()
    }

    fn post(&mut self, tab: usize) -> CommandId {
        let id = self.draw_id();
        self.posted[tab].push(id.clone());
        let text = MessageText::try_from(id.as_str()).unwrap();
        let input = if self.asked.is_multiple_of(3) {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&self.asked.to_be_bytes());
            let attachments = vec![attachment(&AttachmentId::from_random(bytes))];
            // Some answer the oldest that is there, whatever is under way.
            let oldest = sent(&self.tabs[tab].replica).first().map(|message| message.position);
            let reply_to = oldest.filter(|_| self.asked.is_multiple_of(2));
            Input::Share { id: id.clone(), room: general(), text, attachments, reply_to }
        } else {
            let command = Command { room: general(), ask: Ask::Post(text) };
            Input::Ask { id: id.clone(), command }
        };
        self.tell(tab, input);
        id
    }

    fn delete(&mut self, tab: usize, pick: usize) {
        let me = self.tabs[tab].me.id;
        let mine: Vec<Position> = sent(&self.tabs[tab].replica)
            .iter()
            .filter(|message| message.author.id == me)
            .map(|message| message.position)
            .collect();
        if let Some(message) = mine.get(pick % mine.len().max(1)) {
            let id = self.draw_id();
            let command = Command { room: general(), ask: Ask::Delete(*message) };
            self.tell(tab, Input::Ask { id, command });
        }
    }

    /// Puts an emoji under the message that `pick` hits, or takes it away if it is there.
    fn react(&mut self, tab: usize, pick: usize) {
        let (me, shown) = (self.tabs[tab].me.id, sent(&self.tabs[tab].replica));
        let Some(message) = shown.get(pick % shown.len().max(1)) else { return };
        let emoji = Emoji::stored(["👍", "🎉"][pick % 2].to_owned());
        let is_there = |it: &reaction::Reaction| it.emoji == emoji && it.is_by(me);
        let of = message.position;
        let ask = match message.reactions.iter().any(is_there) {
            true => Ask::Unreact(of, emoji),
            false => Ask::React(of, emoji),
        };
        let id = self.draw_id();
        self.tell(tab, Input::Ask { id, command: Command { room: general(), ask } });
    }

    /// One frame, if there is one, reaches the server.
    fn deliver_to_server(&mut self, tab: usize) -> bool {
        let Some(frame) = self.tabs[tab].to_server.pop_front() else { return false };
        let me = self.tabs[tab].me.clone();
        match frame {
            ClientFrame::Hello { resume, viewing, .. } => {
                let frames = self.server.greet(me, resume, &viewing);
                self.tabs[tab].to_client.extend(frames);
                self.tabs[tab].listens = true;
            }
            ClientFrame::View(view) => {
                let frame = self.server.view(&view, true);
                self.tabs[tab].to_client.push_back(frame);
            }
            ClientFrame::Post { id, text, attachments, reply_to, .. } => {
                let text = MessageText::try_from(text.as_str()).unwrap();
                let ask = match (reply_to, attachments.is_empty()) {
                    (Some(message), _) => Ask::Reply(message, text, attachments),
                    (None, true) => Ask::Post(text),
                    (None, false) => Ask::Share(text, attachments),
                };
                self.command(tab, id, Command { room: general(), ask });
            }
            ClientFrame::Read { room, position } => {
                self.tabs[tab].to_client.push_back(ServerFrame::Read { room, position });
            }
            ClientFrame::Edit { id, message, text, .. } => {
                let text = MessageText::try_from(text.as_str()).unwrap();
                self.command(tab, id, Command { room: general(), ask: Ask::Edit(message, text) });
            }
            ClientFrame::Restore { id, message, .. } => {
                self.command(tab, id, Command { room: general(), ask: Ask::Restore(message) });
            }
            ClientFrame::Delete { id, message, .. } => {
                self.command(tab, id, Command { room: general(), ask: Ask::Delete(message) });
            }
            ClientFrame::React { id, message, emoji, .. } => {
                let ask = Ask::React(message, Emoji::stored(emoji));
                self.command(tab, id, Command { room: general(), ask });
            }
            ClientFrame::Unreact { id, message, emoji, .. } => {
                let ask = Ask::Unreact(message, Emoji::stored(emoji));
                self.command(tab, id, Command { room: general(), ask });
            }
            ClientFrame::Ping => {
                self.tabs[tab].to_client.push_back(ServerFrame::Pong { spread: 0 })
            }
            ClientFrame::Leave { .. } | ClientFrame::Typing { .. } => {}
        }
        true
    }

    fn command(&mut self, tab: usize, id: CommandId, command: Command) {
        let me = self.tabs[tab].me.clone();
        if self.tabs[tab].too_fast > 0 {
            self.tabs[tab].too_fast -= 1;
            let refusal = Refusal::rate_limited(3);
            self.tabs[tab].to_client.push_back(ServerFrame::Refused { id, refusal });
            return;
        }
        let answer = match self.server.ask(&me, &id, command) {
            Ok((position, event)) => {
                for listener in self.tabs.iter_mut().filter(|tab| tab.listens) {
                    listener.to_client.extend(event.clone().map(ServerFrame::Event));
                }
                ServerFrame::Accepted { id, position }
            }
            Err(refusal) => ServerFrame::Refused { id, refusal },
        };
        self.tabs[tab].to_client.push_back(answer);
    }

    /// One frame, if there is one, reaches the client.
    fn deliver_to_client(&mut self, tab: usize) -> bool {
        let Some(frame) = self.tabs[tab].to_client.pop_front() else { return false };
        // What was said is what is read.
        let frame = ServerFrame::read(&serde_json::to_string(&frame).unwrap()).unwrap();
        self.tell(tab, Input::Frame(frame));
        true
    }

    fn cut(&mut self, tab: usize) {
        if self.tabs[tab].is_connected {
            self.tabs[tab].is_connected = false;
            self.tabs[tab].listens = false;
            self.tabs[tab].to_server.clear();
            self.tabs[tab].to_client.clear();
            self.tell(tab, Input::Closed(Some(1006)));
        }
    }

    /// The page is loaded again: what was stored is all that is left of the tab.
    fn reload(&mut self, tab: usize) {
        let reloaded = &mut self.tabs[tab];
        reloaded.is_connected = false;
        reloaded.listens = false;
        reloaded.to_server.clear();
        reloaded.to_client.clear();
        let stored = serde_json::to_string(&reloaded.stored.values().collect::<Vec<_>>()).unwrap();
        let pending = serde_json::from_str(&stored).unwrap();
        let page = self.server.page(reloaded.me.clone());
        reloaded.replica = Replica::new(reloaded.me.clone(), page);
        reloaded.replica.take_up(pending);
    }

    fn tick(&mut self, tab: usize) {
        self.now += 100;
        let was_connected = self.tabs[tab].is_connected;
        self.tell(tab, Input::Tick);
        if !was_connected && self.tabs[tab].is_connected {
            self.tell(tab, Input::Opened);
        }
    }

    /// Everything that is under way arrives, and every link comes back.
    fn settle(&mut self) {
        for _ in 0..2_000 {
            for tab in 0..self.tabs.len() {
                self.tick(tab);
                while self.deliver_to_server(tab) || self.deliver_to_client(tab) {}
            }
            let is_quiet = self.tabs.iter().all(|tab| {
                tab.replica.link() == LinkState::Live
                    && tab.replica.waiting() == 0
                    && tab.to_client.is_empty()
            });
            if is_quiet {
                return;
            }
        }
        panic!("it does not settle");
    }

    /// Answers to what was deleted meanwhile were refused.
    fn throw_away_refused(&mut self) {
        for tab in 0..self.tabs.len() {
            for line in self.tabs[tab].replica.lines() {
                let Content::OnItsWay { id, reply_to, progress, .. } = line.content else {
                    continue;
                };
                assert_eq!(progress, Progress::Refused(Refusal::unknown_original()));
                assert!(reply_to.is_some(), "it says what it answers");
                self.posted[tab].retain(|posted| *posted != id);
                self.tell(tab, Input::Discard(id));
            }
        }
    }

    fn check(&self) {
        let newest: Vec<&Message> = self.server.window.messages().collect();
        for (tab, posted) in self.tabs.iter().zip(&self.posted) {
            let lines = tab.replica.lines();
            let shown = sent(&tab.replica);
            assert_eq!(shown.iter().collect::<Vec<_>>(), newest, "everyone sees the same");
            assert_eq!(lines.len(), shown.len(), "nothing is on its way any more");
            assert!(tab.stored.is_empty(), "nothing is left in the outbox: {:?}", tab.stored);
            let positions: Vec<Position> =
                posted.iter().map(|id| self.server.done[&(tab.me.id, id.clone())]).collect();
            assert!(positions.is_sorted(), "an author's messages keep the author's order");
        }
    }
}

fn sent(replica: &Replica) -> Vec<Message> {
    let messages = replica.lines().into_iter().filter_map(|line| match line.content {
        Content::Sent(message) => Some(message),
        Content::OnItsWay { .. } => None,
    });
    messages.collect()
}

fn under_way(replica: &Replica) -> Vec<Progress> {
    let pending = replica.lines().into_iter().filter_map(|line| match line.content {
        Content::Sent(_) => None,
        Content::OnItsWay { progress, .. } => Some(progress),
    });
    pending.collect()
}

#[test]
fn a_message_shows_at_once_and_settles_whichever_answer_is_first() {
    let mut world = World::new(1);
    world.settle();
    world.post(0);
    assert_eq!(under_way(&world.tabs[0].replica), [Progress::UnderWay]);
    assert_eq!(world.tabs[0].stored.len(), 1);
    world.deliver_to_server(0);
    // Event first.
    world.deliver_to_client(0);
    assert_eq!(under_way(&world.tabs[0].replica), []);
    assert_eq!(sent(&world.tabs[0].replica).len(), 1);
    world.deliver_to_client(0);
    world.check();
    // Answer first.
    world.post(0);
    world.deliver_to_server(0);
    world.tabs[0].to_client.make_contiguous().reverse();
    world.deliver_to_client(0);
    assert_eq!(under_way(&world.tabs[0].replica).len(), 1);
    world.deliver_to_client(0);
    world.check();
}

#[test]
fn what_was_written_offline_goes_out_once_and_in_order() {
    let mut world = World::new(2);
    world.settle();
    world.cut(0);
    (0..5).for_each(|_| drop(world.post(0)));
    assert_eq!(under_way(&world.tabs[0].replica), vec![Progress::UnderWay; 5]);
    world.reload(0);
    assert_eq!(under_way(&world.tabs[0].replica).len(), 5);
    world.settle();
    world.check();
    assert_eq!(world.server.messages.len(), 5);
}

#[test]
fn the_next_of_a_channel_waits_for_the_answer_to_the_one_before() {
    let mut world = World::new(1);
    world.settle();
    (0..3).for_each(|_| drop(world.post(0)));
    assert_eq!(world.tabs[0].to_server.len(), 1);
    world.settle();
    world.check();
}

#[test]
fn a_lost_answer_does_not_send_twice() {
    let mut world = World::new(1);
    world.settle();
    world.post(0);
    world.deliver_to_server(0);
    world.cut(0);
    world.settle();
    world.check();
    assert_eq!(world.server.messages.len(), 1);
}

#[test]
fn a_missing_event_is_noticed_and_asked_for() {
    let mut world = World::new(2);
    world.settle();
    (0..3).for_each(|_| drop(world.post(0)));
    while world.deliver_to_server(0) || world.deliver_to_client(0) {}
    world.tabs[1].to_client.pop_front(); // lost, which no real link does
    world.settle();
    world.check();
}

#[test]
fn another_log_replaces_what_was_known() {
    let mut world = World::new(1);
    world.settle();
    world.post(0);
    world.settle();
    world.cut(0);
    world.server = Server { epoch: Epoch("second".to_owned()), ..Server::new() };
    world.posted[0].clear();
    world.settle();
    world.check();
    assert!(sent(&world.tabs[0].replica).is_empty());
}

#[test]
fn a_refused_message_stays_for_its_author_to_decide() {
    let mut world = World::new(1);
    world.settle();
    let id = world.post(0);
    world.tabs[0].to_server.clear();
    let refused = ServerFrame::Refused { id: id.clone(), refusal: Refusal::unknown_channel() };
    world.tell(0, Input::Frame(refused));
    assert_eq!(under_way(&world.tabs[0].replica), [Progress::Refused(Refusal::unknown_channel())]);
    assert!(world.tabs[0].replica.is_unsent(&id));
    world.reload(0);
    world.settle();
    assert_eq!(under_way(&world.tabs[0].replica), [Progress::Refused(Refusal::unknown_channel())]);
    world.tell(0, Input::Retry(id));
    world.settle();
    world.check();
    assert_eq!(world.server.messages.len(), 1);

    let id = world.post(0);
    world.tabs[0].to_server.clear();
    let refused = ServerFrame::Refused { id: id.clone(), refusal: Refusal::unknown_channel() };
    world.tell(0, Input::Frame(refused));
    world.posted[0].pop();
    world.tell(0, Input::Discard(id));
    world.settle();
    world.check();
}

#[test]
fn what_never_went_out_can_be_thrown_away_and_nothing_else() {
    let mut world = World::new(2);
    world.settle();
    let sent = world.post(0);
    assert!(!world.tabs[0].replica.is_unsent(&sent), "it is on its way");
    let waiting = world.post(0);
    assert!(world.tabs[0].replica.is_unsent(&waiting), "it waits for the one before it");
    world.cut(0);
    assert!(!world.tabs[0].replica.is_unsent(&sent), "it may have arrived");
    world.reload(0);
    assert!(!world.tabs[0].replica.is_unsent(&sent));
    assert!(world.tabs[0].replica.is_unsent(&waiting));
    world.posted[0].pop();
    world.tell(0, Input::Discard(waiting.clone()));
    assert!(!world.tabs[0].replica.is_unsent(&waiting), "it is no more");
    let last = world.post(0);
    world.settle();
    world.check();
    assert_eq!(world.posted[0], [sent, last]);
    assert_eq!(world.server.messages.len(), 2);
}

#[test]
fn what_another_tab_has_sent_is_not_thrown_away() {
    let mut world = World::new(1);
    world.settle();
    world.cut(0);
    let id = world.post(0);
    assert!(world.tabs[0].replica.is_unsent(&id));
    let elsewhere = told(&world, &id, PendingState::Waiting);
    world.tell(0, elsewhere);
    assert!(!world.tabs[0].replica.is_unsent(&id));
    world.settle();
    world.check();
}

/// What another tab of the browser stores about a command of this one.
fn told(world: &World, id: &CommandId, state: PendingState) -> Input {
    let pending =
        Pending { was_sent: true, is_own: false, state, ..world.tabs[0].stored[id].clone() };
    Input::Kept(pending)
}

/// The server does a command that another tab has sent.
fn done_by_another_tab(world: &mut World, id: &CommandId) -> Position {
    let me = world.tabs[0].me.clone();
    let Ask::Post(text) = world.tabs[0].stored[id].ask.clone() else { panic!("no message") };
    world.server.ask(&me, id, Command { room: general(), ask: Ask::Post(text) }).unwrap().0
}

fn look_again(world: &mut World) {
    let view = View { room: general(), position: None };
    let frame = world.server.view(&view, true);
    world.tell(0, Input::Frame(frame));
}

#[test]
fn what_another_tab_has_sent_is_shown_once() {
    let mut world = World::new(1);
    world.settle();
    world.cut(0);
    let id = world.post(0);
    done_by_another_tab(&mut world, &id);
    look_again(&mut world);
    assert_eq!(world.tabs[0].replica.lines().len(), 1, "the other tab has not told yet");
    world.settle();
    world.check();
}

#[test]
fn the_same_words_twice_are_two_messages() {
    let mut world = World::new(1);
    world.settle();
    world.cut(0);
    let text = MessageText::try_from("ok").unwrap();
    let ids = [0, 1].map(|_| {
        let id = world.draw_id();
        let command = Command { room: general(), ask: Ask::Post(text.clone()) };
        world.tell(0, Input::Ask { id: id.clone(), command });
        id
    });
    for sent in 0..=2 {
        look_again(&mut world);
        assert_eq!(world.tabs[0].replica.lines().len(), 2, "with {sent} sent");
        if let Some(id) = ids.get(sent) {
            let position = done_by_another_tab(&mut world, id);
            let input = told(&world, id, PendingState::Accepted(position));
            world.tell(0, input);
        }
    }
}

#[test]
fn a_late_refusal_does_not_undo_what_another_tab_has_done() {
    let mut world = World::new(1);
    world.settle();
    let id = world.post(0);
    world.tabs[0].to_server.clear();
    let position = done_by_another_tab(&mut world, &id);
    let input = told(&world, &id, PendingState::Accepted(position));
    world.tell(0, input);
    assert!(world.tabs[0].stored.is_empty(), "what is done waits nowhere");
    world.tell(0, Input::Frame(ServerFrame::Refused { id, refusal: Refusal::busy() }));
    assert_eq!(world.tabs[0].replica.waiting(), 0);
    look_again(&mut world);
    assert_eq!(world.tabs[0].replica.lines().len(), 1);
}

#[test]
fn a_tab_that_notes_late_what_is_done_is_told_so() {
    let mut world = World::new(1);
    world.settle();
    let id = world.post(0);
    let late = told(&world, &id, PendingState::Waiting);
    world.settle();
    assert!(world.tabs[0].stored.is_empty());
    let position = world.server.last;
    let Input::Kept(pending) = late.clone() else { panic!("{late:?}") };
    let outputs = world.tabs[0].replica.handle(late, Moment { millis: world.now, random: 0.5 });
    let done = Pending { state: PendingState::Accepted(position), ..pending };
    assert_eq!(outputs, [Output::Keep(done), Output::Forget(id)]);
}

#[test]
fn a_busy_server_gets_its_pause_and_then_everything_in_order() {
    let mut world = World::new(1);
    world.settle();
    let id = world.post(0);
    world.post(0);
    world.tabs[0].to_server.clear();
    world.tell(0, Input::Frame(ServerFrame::Refused { id, refusal: Refusal::busy() }));
    world.tell(0, Input::Tick);
    assert!(world.tabs[0].to_server.is_empty(), "not before the pause is over");
    world.settle();
    world.check();
}

#[test]
fn what_is_too_much_at_once_waits_visibly_and_goes_out_by_itself() {
    let mut world = World::new(1);
    world.settle();
    world.tabs[0].too_fast = 2;
    (0..3).for_each(|_| drop(world.post(0)));
    world.deliver_to_server(0);
    world.deliver_to_client(0);
    let held = Progress::Held(Refusal::rate_limited(3));
    assert_eq!(
        under_way(&world.tabs[0].replica),
        [held, Progress::UnderWay, Progress::UnderWay],
        "the first says why, and the others wait for it"
    );
    assert_eq!(world.tabs[0].stored.len(), 3, "a reload would lose nothing");
    let since = world.now;
    while world.tabs[0].to_server.is_empty() {
        world.tick(0);
    }
    assert_eq!(world.now - since, 3_000, "as long as the server asks, and no longer");
    world.settle();
    world.check();
    assert_eq!(world.server.messages.len(), 3);
}

#[test]
fn a_short_pause_does_not_end_a_long_one() {
    let mut world = World::new(1);
    world.settle();
    let id = world.post(0);
    world.tabs[0].to_server.clear();
    let since = world.now;
    for refusal in [Refusal::rate_limited(30), Refusal::busy()] {
        world.tell(0, Input::Frame(ServerFrame::Refused { id: id.clone(), refusal }));
    }
    // Its pings keep the link.
    let is_post = |frame: &ClientFrame| matches!(frame, ClientFrame::Post { .. });
    while !world.tabs[0].to_server.iter().any(is_post) {
        world.tick(0);
        world.tell(0, Input::Frame(ServerFrame::Pong { spread: 0 }));
    }
    assert_eq!(world.now - since, 30_000);
    world.settle();
    world.check();
}

#[test]
fn a_flood_is_resumed_after_a_while() {
    let mut world = World::new(1);
    world.settle();
    world.post(0);
    world.tabs[0].is_connected = false;
    world.tabs[0].listens = false;
    world.tabs[0].to_server.clear();
    world.tell(0, Input::Closed(Some(CloseCode::RateLimited as u16)));
    let since = world.now;
    world.settle();
    assert!(world.now - since >= 10_000);
    world.check();
    assert_eq!(world.server.messages.len(), 1);
}

#[test]
fn who_comes_back_lands_where_they_were() {
    let directory = Server::new().directory;
    let mut directs = Directs::default();
    directs.add(person(3));
    let open = |left| returning(&directory, &directs, left).unwrap();
    assert_eq!(open(Some("/c/GENERAL")), "/c/general");
    assert_eq!(open(Some("/d/3")), "/d/3");
    for left in [Some("/c/gone"), Some("/d/4"), Some("/people"), Some("general"), None] {
        assert_eq!(open(left), "/c/general");
    }
    assert_eq!(returning(&Directory::default(), &directs, None), None);
}

#[derive(Clone, Debug)]
enum Step {
    Post(usize),
    Delete(usize, usize),
    React(usize, usize),
    ToServer(usize),
    ToClient(usize),
    Cut(usize),
    Reload(usize),
    TooFast(usize),
    Tick(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let tab = 0..3usize;
    prop_oneof![
        4 => tab.clone().prop_map(Step::Post),
        2 => (tab.clone(), any::<usize>()).prop_map(|(tab, pick)| Step::Delete(tab, pick)),
        2 => (tab.clone(), any::<usize>()).prop_map(|(tab, pick)| Step::React(tab, pick)),
        8 => tab.clone().prop_map(Step::ToServer),
        8 => tab.clone().prop_map(Step::ToClient),
        1 => tab.clone().prop_map(Step::Cut),
        1 => tab.clone().prop_map(Step::Reload),
        1 => tab.clone().prop_map(Step::TooFast),
        4 => tab.prop_map(Step::Tick),
    ]
}

proptest! {
    #[test]
    fn nothing_is_lost_doubled_or_out_of_order(steps in prop::collection::vec(step(), 1..300)) {
        let mut world = World::new(3);
        for step in steps {
            match step {
                Step::Post(tab) => drop(world.post(tab)),
                Step::Delete(tab, pick) => world.delete(tab, pick),
                Step::React(tab, pick) => world.react(tab, pick),
                Step::ToServer(tab) => drop(world.deliver_to_server(tab)),
                Step::ToClient(tab) => drop(world.deliver_to_client(tab)),
                Step::Cut(tab) => world.cut(tab),
                Step::Reload(tab) => world.reload(tab),
                Step::TooFast(tab) => world.tabs[tab].too_fast += 1,
                Step::Tick(tab) => world.tick(tab),
            }
        }
        world.settle();
        world.throw_away_refused();
        world.check();
    }
}

/// A file of this id.
fn attachment(id: &AttachmentId) -> Attachment {
    Attachment {
        id: id.clone(),
        name: FileName::from("notes.txt"),
        media_type: "application/octet-stream".to_owned(),
        size: 3,
        image: None,
    }
}

#[test]
fn a_channel_that_was_deleted_meanwhile_is_forgotten() {
    let server = Server::new();
    let mut replica = Replica::new(person(2), server.page(person(2)));
    assert!(replica.window().is_some());
    let now = Moment { millis: 1, random: 0.0 };
    replica.handle(Input::Frame(ServerFrame::Directory(server.directory.clone())), now);
    assert!(replica.window().is_some(), "it is still there");
    let mut empty = server.directory.clone();
    empty.remove(Position(9), &channel());
    replica.handle(Input::Frame(ServerFrame::Directory(empty)), now);
    assert!(replica.window().is_none());
    // Another one of its name is opened by whoever is still there.
    replica.handle(Input::Frame(ServerFrame::Directory(server.directory.clone())), now);
    replica.handle(Input::Open(Some(general())), now);
    assert_eq!(replica.viewing(), Some(&general()));
}

#[test]
fn what_was_said_in_a_channel_is_not_of_the_next_one_of_its_name() {
    let server = Server::new();
    let mut replica = Replica::new(person(2), server.page(person(2)));
    let now = Moment { millis: 1, random: 0.0 };
    let mut other = Directory::default();
    other.apply(Channel { name: channel(), created: Position(9), topic: None });
    replica.handle(Input::Frame(ServerFrame::Directory(other)), now);
    assert_eq!((replica.window(), replica.viewing()), (None, Some(&general())));
}

#[test]
fn a_browser_that_speaks_for_somebody_else_now_does_not_go_on() {
    let mut world = World::new(1);
    world.settle();
    world.cut(0);
    world.post(0);
    let tab = &mut world.tabs[0];
    let mut tell = |input| tab.replica.handle(input, Moment { millis: 60_000, random: 0.5 });
    tell(Input::Tick);
    tell(Input::Opened);
    let welcome = world.server.greet(person(2), None, &[]).swap_remove(0);
    assert_eq!(tell(Input::Frame(welcome)), [Output::Disconnect, Output::Changed]);
    assert_eq!(tell(Input::Woken), [], "nothing of theirs goes out");
    assert_eq!((tab.replica.me(), tab.replica.link()), (&person(1), LinkState::Stopped));
}

#[test]
fn a_topic_is_followed_in_the_order_of_the_lane() {
    let server = Server::new();
    let mut replica = Replica::new(person(2), server.page(person(2)));
    let now = Moment { millis: 1, random: 0.0 };
    let revised = |topic: &str| {
        let topic = TopicText::read(topic).unwrap().map(|text| Topic { text, by: person(3) });
        Channel { name: channel(), created: Position(1), topic }
    };
    let event = |position, prev, topic| {
        let (lane, change) = (Lane::Directory, Change::ChannelRevised(revised(topic)));
        let (position, prev) = (Position(position), Position(prev));
        Input::Frame(ServerFrame::Event(Event { lane, position, prev, command: None, change }))
    };
    let lunch = event(5, 1, "Lunch");
    replica.handle(lunch.clone(), now);
    replica.handle(event(8, 5, "Dinner"), now);
    assert_eq!(replica.directory().find("general"), Some(&revised("Dinner")));
    // What is known already takes nothing back.
    replica.handle(lunch, now);
    assert_eq!(replica.directory().find("general"), Some(&revised("Dinner")));
    assert_eq!(replica.directory().position, Position(8));
    // Who could not read an event notices at the next one, and begins anew with what there is.
    let outputs = replica.handle(event(12, 10, "Tea"), now);
    assert!(outputs.contains(&Output::Disconnect), "{outputs:?}");
    let mut whole = server.directory.clone();
    whole.revise(Position(12), revised("Tea"));
    replica.handle(Input::Frame(ServerFrame::Directory(whole)), now);
    assert_eq!(replica.directory().find("general"), Some(&revised("Tea")));
}

#[test]
fn what_was_read_is_said_once_in_a_while_and_until_it_is_heard() {
    let server = Server::new();
    let mut replica = Replica::new(person(2), server.page(person(2)));
    let said = |outputs: Vec<Output>| -> Vec<u64> {
        let said = outputs.into_iter().filter_map(|output| match output {
            Output::Send(ClientFrame::Read { position, .. }) => Some(position.0),
            _ => None,
        });
        said.collect()
    };
    let at = |millis| Moment { millis, random: 0.0 };
    let go_live = |replica: &mut Replica, now| {
        replica.handle(Input::Tick, at(now));
        replica.handle(Input::Opened, at(now));
        let resume =
            Resume { epoch: server.epoch.clone(), position: Position(1), directs: Position::ZERO };
        let frames = server.greet(person(2), Some(resume), &[]);
        let outputs = frames.into_iter().map(|frame| replica.handle(Input::Frame(frame), at(now)));
        outputs.flatten().collect::<Vec<Output>>()
    };
    // Before there is a link, it waits.
    assert_eq!(said(replica.handle(Input::Read(Position(3)), at(10_000))), [0; 0]);
    assert_eq!(said(go_live(&mut replica, 10_000)), [3]);
    // A crowd of messages is read, and said at once after a pause.
    for message in 4..=9 {
        assert_eq!(said(replica.handle(Input::Read(Position(message)), at(10_100))), [0; 0]);
    }
    assert_eq!(said(replica.handle(Input::Tick, at(11_999))), [0; 0]);
    assert_eq!(said(replica.handle(Input::Tick, at(12_000))), [9]);
    // Who goes cannot say it later.
    assert_eq!(said(replica.handle(Input::Read(Position(10)), at(12_100))), [0; 0]);
    assert_eq!(said(replica.handle(Input::Leaving, at(12_200))), [10]);
    assert_eq!(said(replica.handle(Input::Leaving, at(12_300))), [0; 0]);
    assert!(!replica.has_said_all());
    // The link breaks before the server is heard to know: the next one is told again.
    replica.handle(Input::Closed(None), at(13_000));
    assert_eq!(said(go_live(&mut replica, 20_000)), [10]);
    let heard = ServerFrame::Read { room: general(), position: Position(10) };
    replica.handle(Input::Frame(heard), at(20_100));
    assert!(replica.has_said_all());
    assert_eq!(said(replica.handle(Input::Read(Position(9)), at(30_000))), [0; 0]);
}

/// A page that is live and looks at `#general`, and what is told to it at a time.
struct Live {
    replica: Replica,
    server: Server,
    millis: u64,
}

impl Live {
    fn new() -> Self {
        let server = Server::new();
        let replica = Replica::new(person(2), server.page(person(2)));
        let mut live = Self { replica, server, millis: 1_700_000_000_000 };
        live.tell(Input::Tick);
        live.come_back();
        live
    }

    fn come_back(&mut self) {
        self.tell(Input::Opened);
        for frame in self.server.greet(person(2), None, &[]) {
            self.tell(Input::Frame(frame));
        }
        assert_eq!(self.replica.link(), LinkState::Live);
    }

    /// Gives what is said then.
    fn tell(&mut self, input: Input) -> Vec<ClientFrame> {
        let outputs = self.replica.handle(input, Moment { millis: self.millis, random: 0.0 });
        let said = outputs.into_iter().filter_map(|output| match output {
            Output::Send(frame) => Some(frame),
            _ => None,
        });
        said.collect()
    }

    fn pass(&mut self, millis: u64) {
        self.millis += millis;
        self.tell(Input::Tick);
    }

    fn hear_typing(&mut self, room: Room, people: &[u64]) {
        let people = people.iter().map(|number| person(*number)).collect();
        self.tell(Input::Frame(ServerFrame::Typing { room, people }));
    }

    fn typing(&self) -> Vec<u64> {
        self.replica.typing().iter().map(|person| person.id.0.0).collect()
    }

    fn hear_presence(&mut self, all: Option<&[u64]>, online: &[u64], offline: &[u64]) {
        let ids = |list: &[u64]| list.iter().map(|number| PersonId(Position(*number))).collect();
        let (all, online, offline) = (all.map(ids), ids(online), ids(offline));
        self.tell(Input::Frame(ServerFrame::Presence { all, online, offline }));
    }

    fn online(&self) -> Vec<u64> {
        self.replica.online().iter().map(|person| person.0.0).collect()
    }
}

#[test]
fn who_types_says_so_every_three_seconds_and_at_once_after_a_message() {
    let mut live = Live::new();
    let typing = [ClientFrame::Typing { room: general() }];
    assert_eq!(live.tell(Input::Typed), typing);
    live.pass(2_999);
    assert_eq!(live.tell(Input::Typed), []);
    live.pass(1);
    assert_eq!(live.tell(Input::Typed), typing);
    let text = MessageText::try_from("Hello").unwrap();
    let command = Command { room: general(), ask: Ask::Post(text) };
    live.tell(Input::Ask { id: CommandId::from_random([7; 16]), command });
    assert_eq!(live.tell(Input::Typed), typing, "the next message is another one");
    live.tell(Input::Closed(None));
    live.millis += 3_000;
    assert_eq!(live.tell(Input::Typed), [], "there is nobody to tell");
}

#[test]
fn who_has_said_so_types_for_five_seconds_or_until_the_message_is_there() {
    let mut live = Live::new();
    live.hear_typing(general(), &[3, 4]);
    live.pass(3_000);
    live.hear_typing(general(), &[3]);
    assert_eq!(live.typing(), [3, 4]);
    live.pass(2_000);
    assert_eq!(live.typing(), [3]);
    let text = MessageText::try_from("Hello").unwrap();
    let command = Command { room: general(), ask: Ask::Post(text) };
    let posted = live.server.ask(&person(3), &CommandId::from_random([7; 16]), command);
    let (_, event) = posted.unwrap();
    live.tell(Input::Frame(ServerFrame::Event(event.unwrap())));
    assert_eq!(live.typing(), [0_u64; 0]);
}

#[test]
fn typing_is_of_the_room_that_is_looked_at() {
    let mut live = Live::new();
    let other = Room::Channel(ChannelName::try_from("design").unwrap());
    live.hear_typing(other.clone(), &[3]);
    assert_eq!(live.typing(), [0_u64; 0]);
    live.hear_typing(general(), &[3]);
    live.tell(Input::Open(Some(other)));
    assert_eq!(live.typing(), [0_u64; 0]);
}

#[test]
fn what_a_room_has_when_it_is_opened_is_new_before_the_notice_of_it() {
    let mut live = Live::new();
    let post = |live: &mut Live, number: u8| {
        let ask = Ask::Post(MessageText::try_from("Hello").unwrap());
        let id = CommandId::from_random([number; 16]);
        live.server.ask(&person(3), &id, Command { room: general(), ask }).unwrap();
    };
    let open = |live: &mut Live| {
        live.tell(Input::Open(None));
        let said = live.tell(Input::Open(Some(general())));
        said.into_iter().find_map(|frame| match frame {
            ClientFrame::View(view) => Some(view),
            _ => None,
        })
    };
    for number in 1..=2 {
        post(&mut live, number);
        let mut view = open(&mut live).expect("the server is asked");
        assert!(!live.replica.is_current());
        // With a difference, and with all that there is.
        view.position.take_if(|_| number == 2);
        let answer = live.server.view(&view, true);
        assert_eq!(matches!(answer, ServerFrame::Reset(_)), number == 2);
        live.tell(Input::Frame(answer));
        assert!(live.replica.is_current());
        assert_eq!(live.replica.memberships().unread(&general()), usize::from(number));
    }
    // A link that breaks answers nothing.
    open(&mut live);
    live.tell(Input::Closed(None));
    assert!(live.replica.is_current());
}

#[test]
fn who_is_here_is_followed_and_forgotten_a_minute_after_the_link() {
    let mut live = Live::new();
    live.hear_presence(Some(&[2, 3]), &[], &[]);
    live.hear_presence(None, &[4, 3], &[2]);
    assert_eq!(live.online(), [4, 3]);
    live.pass(20_000);
    live.tell(Input::Closed(None));
    live.pass(59_000);
    assert_eq!(live.online(), [4, 3]);
    live.pass(1_000);
    assert_eq!(live.online(), [0_u64; 0]);
    live.come_back();
    live.hear_presence(None, &[4], &[]);
    assert_eq!(live.online(), [4]);
}

#[test]
fn a_person_hears_of_what_means_them_once() {
    let server = Server::new();
    let me = person(2);
    let mut replica = Replica::new(me.clone(), server.page(me.clone()));
    let direct = Room::Direct(Pair::of(me.id, person(3).id));
    let message = |number, by: &Person, revised| Message {
        position: Position(number),
        author: by.clone(),
        at: DateTime::default(),
        text: MessageText::stored("Hello".to_owned()),
        html: None,
        mentions: Vec::new(),
        attachments: Vec::new(),
        reply: None,
        reactions: Vec::new(),
        edited: None,
        revised,
    };
    let mut told = |frame| {
        let outputs = replica.handle(Input::Frame(frame), Moment { millis: 1, random: 0.0 });
        let told = outputs.into_iter().filter_map(|output| match output {
            Output::Notice(notice) => Some(notice.message.position.0),
            _ => None,
        });
        told.collect::<Vec<u64>>()
    };
    // In a room that is not looked at, the server says so.
    let notice = |number, revised| {
        let message = message(number, &person(3), revised);
        ServerFrame::Notice(Notice { room: direct.clone(), message })
    };
    assert_eq!(told(notice(5, None)), [5]);
    assert_eq!(told(notice(5, Some(Position(6)))), [0; 0]);
    // In one that is, the message itself does; nobody is told what they wrote themselves.
    let posted = |number, by: &Person| {
        ServerFrame::Event(Event {
            lane: direct.clone().into(),
            prev: Position(number - 1),
            position: Position(number),
            command: None,
            change: Change::Posted(message(number, by, None)),
        })
    };
    assert_eq!(told(posted(7, &person(3))), [7]);
    assert_eq!(told(posted(8, &me)), [0; 0]);
}

#[test]
fn a_mention_that_went_while_one_was_away_counts_no_more() {
    let mut live = Live::new();
    let (me, room) = (person(2), Room::Channel(ChannelName::stored("random".to_owned())));
    let notice = |number| {
        let message = Message {
            position: Position(number),
            author: person(3),
            at: DateTime::default(),
            text: MessageText::stored("@Person 2".to_owned()),
            html: None,
            mentions: vec![me.clone()],
            attachments: Vec::new(),
            reply: None,
            reactions: Vec::new(),
            edited: None,
            revised: None,
        };
        Input::Frame(ServerFrame::Notice(Notice { room: room.clone(), message }))
    };
    let mentioned = |live: &Live| {
        let found = live.replica.memberships().find(&room).expect("it is told of");
        found.mentions.positions().iter().map(|position| position.0).collect::<Vec<u64>>()
    };
    live.tell(notice(20));
    assert_eq!(mentioned(&live), [20]);
    // Its author changes their mind before the next link, which tells of another one while it begins.
    live.tell(Input::Closed(None));
    live.millis += 60_000;
    live.tell(Input::Tick);
    live.come_back();
    live.tell(notice(21));
    let mut memberships = Memberships::default();
    [20, 21].into_iter().for_each(|message| memberships.posted(&room, Position(message)));
    live.tell(Input::Frame(ServerFrame::Memberships(memberships)));
    assert_eq!(mentioned(&live), [21]);
}

#[test]
fn what_was_told_is_taken_back_when_it_is_not_so_any_more() {
    let server = Server::new();
    let me = person(2);
    let mut replica = Replica::new(me.clone(), server.page(me.clone()));
    let mut withdrawn = |frame| {
        let outputs = replica.handle(Input::Frame(frame), Moment { millis: 1, random: 0.0 });
        let withdrawn = outputs.into_iter().filter_map(|output| match output {
            Output::Withdraw(message) => Some(message.0),
            _ => None,
        });
        withdrawn.collect::<Vec<u64>>()
    };
    let room = Room::Direct(Pair::of(me.id, person(3).id));
    let mut moved = Moved::new(room.clone());
    moved.post(Position(4));
    moved.remove(Position(5));
    assert_eq!(withdrawn(ServerFrame::Moved { moved: vec![moved] }), [5]);
    let deletion = Deletion { position: Position(8), message: Position(7), uncovered: None };
    let lane: Lane = room.into();
    let event = Event {
        lane: lane.clone(),
        prev: Position(7),
        position: Position(8),
        command: None,
        change: Change::Deleted(deletion.clone()),
    };
    assert_eq!(withdrawn(ServerFrame::Event(event)), [7]);
    // And when that has happened while there was no link.
    let changes = vec![Change::Deleted(deletion)];
    let difference = Difference { lane, position: Position(8), changes };
    assert_eq!(withdrawn(ServerFrame::Difference(difference)), [7]);
}
