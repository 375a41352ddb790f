//! What one tab remembers and hears: the state machine of `sync`, with the browser around it, as
//! signals.

use std::time::Duration;

use leptos::{prelude::*, server_fn::ServerFn};

use crate::{
    api::CreateChannel,
    domain::{
        address::Address,
        attachment::{Attachment, AttachmentLimits},
        channel::{Channel, Directory},
        command::{Ask, Command, CommandId, UNDO_SECONDS},
        direct::Directs,
        frame::ServerFrame,
        json::read,
        message::MessageText,
        name::ChannelName,
        page::{Found, Page, RefusedForm},
        person::{Person, PersonId},
        position::Position,
        refusal::Refusal,
        room::{NamedRoom, Room},
        unread::{Memberships, Notice},
    },
    sync::{Input, Output, Replica, link::LinkState, returning},
    words::fill,
};

pub mod attention;
#[cfg_attr(not(feature = "hydrate"), path = "absent.rs")]
pub mod browser;
pub mod choice;
pub mod completion;
pub mod date;
pub mod draft;
pub mod emoji;
pub mod keys;
pub mod marking;
pub mod marks;
pub mod reading;
pub mod timeline;
pub mod upload;

pub use browser::words;
use draft::Drafts;
use emoji::{EmojiList, OnEmoji};
use marks::Marks;
use reading::{Attention, NewLine, Place};
use timeline::{Reacted, Row, excerpt, reacted, rows};
use upload::{Gallery, Transfer, Upload};

/// How often time is told to the state machine, in milliseconds: the step of its delays.
const TICK: u64 = 250;

/// The ids of elements that take the focus when another goes away with it.
pub const COMPOSER: &str = "composer";
pub const EDITOR: &str = "editor";
pub const UNDO: &str = "undo";

/// The id of the element that scrolls through a conversation.
pub const LOG: &str = "log";

/// The id of the element that has the page in it as JSON.
pub const PAGE: &str = "page";

/// The id of the line before what is new in it.
pub const NEW: &str = "new";

/// What the socket in the browser says.
pub enum SocketEvent {
    Opened,
    Frame(String),
    /// With the close code, if one came.
    Closed(Option<u16>),
}

/// Whether this browser stores what waits to be sent, as far as that matters to the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageState {
    #[default]
    Works,
    /// Something waits that would not survive this page.
    Fails,
    /// Something had waited that could not be read.
    Unreadable,
}

/// Whether what comes may be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pace {
    #[default]
    Free,
    /// What was shown last is not on the screen yet.
    Painting,
    /// The same, and something has come since.
    Due,
}

/// A message that its author has just deleted, and can bring back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    pub room: Room,
    pub message: Position,
}

/// One tab's session, for every component: small, copied freely, found in the context.
#[derive(Clone, Copy)]
pub struct Client {
    /// None as long as no name is taken.
    pub me: RwSignal<Option<Person>>,
    pub directory: RwSignal<Directory>,
    pub directs: RwSignal<Directs>,
    /// What this person has not read, in all rooms.
    pub memberships: RwSignal<Memberships>,
    /// Those who are here.
    pub online: RwSignal<Vec<PersonId>>,
    /// Those who are writing in the open room.
    pub typing: RwSignal<Vec<Person>>,
    pub address: RwSignal<Address>,
    /// What the open room shows; none until it has come from the server.
    pub rows: RwSignal<Option<Vec<Row>>>,
    /// The number of the day that it is where the reader is.
    pub today: RwSignal<i32>,
    /// Whether the page can be seen.
    pub is_visible: RwSignal<bool>,
    /// Those of its messages that have reactions.
    reacted: RwSignal<Vec<Reacted>>,
    pace: StoredValue<Pace>,
    /// How the person looks at the open room.
    attention: StoredValue<Attention>,
    new_line: StoredValue<NewLine>,
    /// Where rooms were left that have been open in this tab: as few as one visits.
    places: StoredValue<Vec<(Room, Place)>>,
    /// Whether the open room is known as it was when it was opened.
    pub is_current: RwSignal<bool>,
    pub link: RwSignal<LinkState>,
    pub storage: RwSignal<StorageState>,
    /// The message whose words are being changed.
    pub editing: RwSignal<Option<Position>>,
    pub deleted: RwSignal<Vec<Deleted>>,
    /// The message that the address leads to.
    pub marked: RwSignal<Option<Position>>,
    /// The one to be brought into sight, once it is there.
    aim: StoredValue<Option<Position>>,
    /// The messages that one points at, and has the focus in.
    pointed: RwSignal<Option<Position>>,
    focused: RwSignal<Option<Position>>,
    /// What the message answers that is being written.
    pub replying: RwSignal<Option<Position>>,
    /// A sentence about what was just done; empty when it is past.
    pub said: RwSignal<String>,
    drafts: StoredValue<Drafts>,
    pub emoji: RwSignal<EmojiList>,
    /// What the emoji is for that is being picked, unless it goes into the message that is being written.
    pub picking: RwSignal<Option<OnEmoji>>,
    /// How much a message may carry.
    pub limits: AttachmentLimits,
    /// Files on their way into messages that are being written.
    pub uploads: RwSignal<Vec<Upload>>,
    /// The pictures that are looked at in large.
    pub gallery: RwSignal<Option<Gallery>>,
    transfers: StoredValue<Vec<Transfer>>,
    /// The rooms whose message goes out as soon as its files are there.
    awaiting_files: StoredValue<Vec<Room>>,
    /// Those whom the page was asked for.
    found: StoredValue<Option<Found>>,
    /// What a form asked for in vain before the client ran.
    refused: StoredValue<Option<RefusedForm>>,
    /// What the message answers that the page was asked for.
    asked_reply: StoredValue<Option<Position>>,
    replica: StoredValue<Option<Replica>>,
    socket: StoredValue<Option<browser::Socket>>,
}

impl Client {
    /// The state that the server rendered the page with.
    pub fn new(page: Page) -> Self {
        let (address, marked) = Address::with_message(&page.path);
        let Page { editing, replying, limits, .. } = page;
        let client = Self {
            me: RwSignal::new(page.me.clone()),
            directory: RwSignal::default(),
            directs: RwSignal::default(),
            memberships: RwSignal::default(),
            online: RwSignal::default(),
            typing: RwSignal::new(Vec::new()),
            address: RwSignal::new(address),
            rows: RwSignal::new(None),
            today: RwSignal::new(browser::today()),
            is_visible: RwSignal::new(browser::is_visible()),
            reacted: RwSignal::default(),
            pace: StoredValue::default(),
            attention: StoredValue::new(Attention::Looks),
            new_line: StoredValue::new(NewLine::default()),
            places: StoredValue::new(Vec::new()),
            is_current: RwSignal::new(true),
            link: RwSignal::new(LinkState::default()),
            storage: RwSignal::new(StorageState::default()),
            editing: RwSignal::new(editing),
            deleted: RwSignal::new(Vec::new()),
            marked: RwSignal::new(marked),
            aim: StoredValue::new(marked),
            pointed: RwSignal::new(None),
            focused: RwSignal::new(None),
            replying: RwSignal::new(replying),
            said: RwSignal::new(String::new()),
            drafts: StoredValue::default(),
            emoji: RwSignal::default(),
            picking: RwSignal::new(None),
            limits,
            uploads: RwSignal::new(Vec::new()),
            gallery: RwSignal::new(None),
            transfers: StoredValue::new(Vec::new()),
            awaiting_files: StoredValue::new(Vec::new()),
            found: StoredValue::new(page.people.clone()),
            refused: StoredValue::new(page.refused.clone()),
            asked_reply: StoredValue::new(replying),
            replica: StoredValue::new(page.me.clone().map(|me| Replica::new(me, page))),
            socket: StoredValue::new(None),
        };
        client.show();
        client
    }

    /// Comes to life in the browser: takes up what waits in its storage, connects, and goes on.
    pub fn start(self) {
        if let Some(me) = self.me.get_untracked() {
            self.go_live(me);
        }
        let tick = move || {
            self.pass(if browser::has_slept() { Input::Woken } else { Input::Tick });
            show(self.today, &browser::today());
        };
        set_interval(tick, Duration::from_millis(TICK));
        browser::on_navigation(move |path| self.arrive(&path));
        browser::on_visibility_change(move |is_visible| self.is_visible.set(is_visible));
        browser::on_leave(move || {
            self.store_drafts();
            self.handle(Input::Leaving);
            self.keep_typed();
        });
        browser::on_answer(move |action, is_done, answer| self.answered(action, is_done, answer));
        browser::on_network_change(move |is_online| {
            self.tell(if is_online { Input::Woken } else { Input::Unplugged });
            if is_online {
                self.resume();
            }
        });
    }

    /// Goes to another page of Flack, without loading it.
    pub fn go(self, path: &str) {
        browser::push_path(path);
        self.arrive(path);
    }

    /// Like [`go`](Self::go), with no way back to the page that is left.
    pub fn go_instead(self, path: &str) {
        browser::replace_path(path);
        self.arrive(path);
    }

    fn go_live(self, me: Person) {
        let (pending, has_unreadable) = browser::load_outbox(&me);
        if has_unreadable {
            self.storage.set(StorageState::Unreadable);
        }
        if browser::has_kept_files(me.id) {
            self.take_up_files(me.id);
        }
        browser::on_outbox_change(&me, move |input| self.tell(input));
        self.replica.update_value(|replica| {
            if let Some(replica) = replica {
                replica.take_up(pending);
            }
        });
        self.show();
        self.tell(Input::Tick);
    }

    /// There is a way to the server again: a socket may have outlived that there was none.
    fn resume(self) {
        if !self.uploads.with_untracked(Vec::is_empty) {
            self.resume_uploads();
        }
    }

    /// What the form of this action asked for in vain before the client ran.
    pub fn refused(self, action: &str) -> Option<RefusedForm> {
        self.refused.get_value().filter(|refused| refused.action == action)
    }

    /// The same, for the first form of this action that comes up: the next one is for something else.
    pub fn take_refused(self, action: &str) -> Option<RefusedForm> {
        let is_its = |refused: &mut RefusedForm| refused.action == action;
        self.refused.try_update_value(|refused| refused.take_if(is_its)).flatten()
    }

    /// Those whom the page was asked for.
    pub fn found(self) -> Found {
        self.found.get_value().unwrap_or_default()
    }

    /// The room that the address names, if there is one.
    pub fn room(self) -> Option<NamedRoom> {
        let me = self.me.with(|me| me.as_ref().map(|me| me.id))?;
        match self.address.get() {
            Address::Channel(name) => self.directory.with(|directory| {
                directory.find(&name).map(|channel| NamedRoom::channel(channel.name.clone()))
            }),
            Address::Direct(with) => self.directs.with(|directs| {
                directs.find(with).map(|direct| NamedRoom::direct(me, direct.with.clone()))
            }),
            Address::Home | Address::People | Address::Nowhere => None,
        }
    }

    /// The path of the room to open for someone who comes back.
    pub fn returning(self) -> Option<String> {
        let left = browser::remembered_room();
        self.directory.with(|directory| {
            self.directs.with(|directs| returning(directory, directs, left.as_deref()))
        })
    }

    /// Opens a room, and remembers it for the next visit.
    pub fn open(self, room: &NamedRoom) {
        let path = room.path();
        self.tell(Input::Open(Some(room.room.clone())));
        self.take_up_edits(&path);
        self.take_up_reply(&path);
        // Nobody has to wait for that.
        browser::after_paint(move || {
            browser::remember_room(&path);
            browser::keep_page(&path);
        });
    }

    /// Where one was in a room when it was left in this tab.
    pub fn place(self, room: &Room) -> Place {
        let place = |places: &Vec<(Room, Place)>| {
            places.iter().find(|(other, _)| other == room).map(|(_, place)| *place)
        };
        self.places.with_value(place).unwrap_or_default()
    }

    pub fn keep_place(self, room: &Room, place: Place) {
        self.places.update_value(|places| {
            places.retain(|(other, _)| other != room);
            places.push((room.clone(), place));
        });
    }

    /// How the person looks at the open room from now on.
    pub fn attend(self, attention: Attention) {
        self.attention.set_value(attention);
    }

    /// Whether this is the room that `rows` are of.
    pub fn is_open(self, room: &Room) -> bool {
        self.replica.with_value(|replica| {
            replica.as_ref().is_some_and(|replica| replica.viewing() == Some(room))
        })
    }

    /// Whether what is unread in the open room is among `rows`, and not still on its way.
    pub fn has_all_new(self) -> bool {
        let has_all_new = |replica: &Replica| {
            let unread = replica.memberships().find(replica.viewing()?)?.unread.last();
            Some(unread <= replica.window()?.newest())
        };
        self.replica.with_value(|replica| replica.as_ref().and_then(has_all_new)).unwrap_or(true)
    }

    /// Goes to the end of the open room.
    pub fn scroll_to_end(self) {
        browser::scroll_above(LOG, None, 0.0);
    }

    /// What came of a form that the page's script has sent: in vain, if there is no answer. Gives what to
    /// say about it.
    fn answered(self, action: &str, is_done: bool, answer: &str) -> String {
        if !is_done {
            let refusal = read(answer).unwrap_or_else(|_| Refusal::unavailable());
            return refusal.told(words());
        }
        if action == CreateChannel::PATH
            && let Ok(channel) = read::<Channel>(answer)
        {
            let path = channel.name.path();
            self.tell(Input::Created(channel));
            browser::hide_popover("sidebar");
            self.go(&path);
        }
        String::new()
    }

    /// Somebody to talk to, perhaps for the first time.
    pub fn meet(self, person: Person) {
        self.tell(Input::Meet(person));
    }

    pub fn post(self, room: Room, text: MessageText) {
        self.leave_message();
        let ask = match self.take_reply(&room) {
            Some(message) => Ask::Reply(message, text, Vec::new()),
            None => Ask::Post(text),
        };
        self.ask(room, ask);
    }

    /// Posts files that were uploaded before.
    pub fn share(self, room: Room, text: MessageText, attachments: Vec<Attachment>) {
        self.leave_message();
        let id = browser::draw_command_id();
        let reply_to = self.take_reply(&room);
        self.tell(Input::Share { id, room, text, attachments, reply_to });
    }

    pub fn edit(self, room: Room, message: Position, text: MessageText) {
        self.ask(room, Ask::Edit(message, text));
    }

    /// The open room has been seen up to this message. Nothing changes by it there.
    pub fn read(self, message: Position) {
        if self.reach(message) {
            self.show_around();
        }
    }

    /// Notes that, and gives whether it is news.
    fn reach(self, message: Position) -> bool {
        let is_news = self.replica.with_value(|replica| {
            let replica = replica.as_ref()?;
            Some(message > replica.memberships().reached(replica.viewing()?))
        });
        if is_news == Some(true) {
            self.handle(Input::Read(message));
            // When the page is left it may be too late: the next one is asked for by another process.
            if let (Some(me), Some(room)) = (self.my_id(), untrack(|| self.room())) {
                browser::carry_read(me, &room.message_path(message));
            }
        }
        is_news == Some(true)
    }

    /// Begins to change one's newest message of the open room, if there is one.
    pub fn edit_last(self) {
        let newest = self.replica.with_value(|replica| {
            let replica = replica.as_ref()?;
            let mut messages = replica.window()?.messages().rev();
            let own = messages.find(|message| message.author.id == replica.me().id)?;
            Some(own.position)
        });
        if newest.is_some() {
            self.editing.set(newest);
        }
    }

    /// Whether the open room shows a message, as far as is known.
    fn shows(self, message: Position) -> bool {
        self.replica.with_value(|replica| {
            let window = replica.as_ref().and_then(Replica::window);
            window.is_none_or(|window| window.find(message).is_some())
        })
    }

    /// Leaves the words of a message as they are, or as they were sent.
    pub fn stop_editing(self, room: &str, message: Position) {
        self.forget_edited_words(room, message);
        self.editing.set(None);
        self.write_on();
    }

    /// Deletes a message, and offers to bring it back for a moment.
    pub fn delete(self, room: Room, message: Position) {
        self.ask(room.clone(), Ask::Delete(message));
        // The button that was pressed goes away with its message.
        let by_keyboard = browser::is_focus_visible();
        let deleted = Deleted { room, message };
        self.deleted.update(|all| all.push(deleted.clone()));
        match by_keyboard {
            // It is there from the next frame on.
            true => request_animation_frame(|| browser::focus(UNDO)),
            false => self.write_on(),
        }
        set_timeout(move || self.end_undo(&deleted), Duration::from_secs(UNDO_SECONDS));
    }

    /// Brings back what was deleted last. What was deleted before that has its own time.
    pub fn restore(self) {
        if let Some(deleted) = self.deleted.with_untracked(|all| all.last().cloned()) {
            self.end_undo(&deleted);
            self.ask(deleted.room, Ask::Restore(deleted.message));
        }
    }

    fn end_undo(self, deleted: &Deleted) {
        let has_focus = browser::has_focus(UNDO);
        self.deleted.update(|all| all.retain(|other| other != deleted));
        if has_focus && self.deleted.with_untracked(Vec::is_empty) {
            self.write_on();
        }
    }

    /// Puts the focus where one writes, unless that would bring up a keyboard on the screen.
    pub fn write_on(self) {
        if browser::has_fine_pointer() {
            browser::focus(COMPOSER);
        }
    }

    fn ask(self, room: Room, ask: Ask) {
        let command = Command { room, ask };
        self.tell(Input::Ask { id: browser::draw_command_id(), command });
    }

    /// What was written here to a channel that is no more, with what was typed last.
    pub fn unsent(self, channel: &ChannelName) -> Vec<String> {
        let texts = self.unsent_commands(channel);
        let texts = texts.into_iter().map(|(_, text)| text.as_str().to_owned());
        texts.chain([self.draft(&channel.path())]).filter(|text| !text.is_empty()).collect()
    }

    /// Throws that away.
    pub fn discard_unsent(self, channel: &ChannelName) {
        let commands = self.unsent_commands(channel);
        commands.into_iter().for_each(|(id, _)| self.discard(id));
        self.keep_draft(&channel.path(), String::new());
    }

    fn unsent_commands(self, channel: &ChannelName) -> Vec<(CommandId, MessageText)> {
        let room = Room::Channel(channel.clone());
        let unsent =
            |replica: &Option<Replica>| replica.as_ref().map(|replica| replica.unsent(&room));
        self.replica.with_value(unsent).unwrap_or_default()
    }

    pub fn retry(self, id: CommandId) {
        self.tell(Input::Retry(id));
    }

    pub fn discard(self, id: CommandId) {
        self.tell(Input::Discard(id));
    }

    /// Whether the server cannot have got a message that waits here.
    pub fn is_unsent(self, id: &CommandId) -> bool {
        self.replica
            .with_value(|replica| replica.as_ref().is_some_and(|replica| replica.is_unsent(id)))
    }

    /// Throws away a message that waits here, unless it was sent by now. Gives whether it did.
    pub fn take_back(self, id: &CommandId) -> bool {
        let is_unsent = self.is_unsent(id);
        if is_unsent {
            self.discard(id.clone());
            // The button that was pressed goes away with its message.
            self.write_on();
        }
        is_unsent
    }

    /// Something new was typed in the open room. Nothing that is shown changes by it.
    pub fn typed(self) {
        self.handle(Input::Typed);
    }

    /// Tells the state machine what happened, does what it says, and shows what came of it.
    fn tell(self, input: Input) {
        self.handle(input);
        self.show();
    }

    /// Time has passed. What was sent does not change by it, and is as much as a key should not wait for.
    fn pass(self, input: Input) {
        self.handle(input);
        self.show_around();
        if self
            .replica
            .with_value(|replica| replica.as_ref().is_some_and(|replica| replica.waiting() > 0))
        {
            self.show_rows();
        }
    }

    fn handle(self, input: Input) {
        let told = self.replica.try_update_value(|replica| {
            let replica = replica.as_mut()?;
            Some((replica.me().clone(), replica.handle(input, browser::now())))
        });
        let Some(Some((me, outputs))) = told else { return };
        for output in outputs {
            self.act(&me, output);
        }
    }

    fn act(self, me: &Person, output: Output) {
        match output {
            Output::Connect => {
                // What an earlier socket still says is about a link that is no more.
                let socket = browser::connect(move |event| self.hear(event));
                self.socket.set_value(socket);
            }
            Output::Disconnect => self.socket.set_value(None),
            Output::Send(frame) => self.socket.with_value(|socket| {
                if let (Some(socket), Ok(text)) = (socket, serde_json::to_string(&frame)) {
                    socket.send(&text);
                }
            }),
            Output::Keep(pending) => {
                if !browser::keep(me, &pending) {
                    show(self.storage, &StorageState::Fails);
                }
            }
            Output::Forget(id) => browser::forget(me, &id),
            Output::Tell(refusal) => self.say(&refusal.told(words())),
            Output::Notice(notice) => self.be_told(me, notice),
            Output::Withdraw(message) => browser::withdraw(&message.anchor()),
            Output::SignedOut => browser::load_page("/?signed-out"),
            Output::Changed => browser::reload(),
        }
    }

    /// Tells the person outside of the page, if they have asked for that, do not look, here or in another
    /// page of this browser. Of a muted channel they are told what mentions them, and so of all of this; of a
    /// muted direct conversation, nothing.
    fn be_told(self, me: &Person, Notice { room, message }: Notice) {
        let is_muted = self.memberships.with_untracked(|it| Marks::of(it, &room).is_muted);
        if is_muted && matches!(room, Room::Direct(_)) {
            return;
        }
        let is_seen = self.is_visible.get_untracked() && self.is_open(&room);
        let author = message.author.name.as_str();
        let title = match &room {
            Room::Channel(channel) => {
                fill(words().notice_in, &[("name", author), ("channel", channel.as_str())])
            }
            Room::Direct(_) => author.to_owned(),
        };
        browser::tell(
            &title,
            &excerpt(&message),
            &room.path(me.id),
            &message.position.anchor(),
            is_seen,
        );
    }

    fn hear(self, event: SocketEvent) {
        match event {
            SocketEvent::Opened => {
                self.tell(Input::Opened);
                self.resume();
            }
            SocketEvent::Frame(text) => match ServerFrame::read(&text) {
                Ok(frame) => {
                    self.handle(Input::Frame(frame));
                    self.show_soon();
                }
                // A newer server speaks of things that this page does not know: live with it.
                Err(_) => browser::warn("a frame of the server could not be read"),
            },
            SocketEvent::Closed(code) => {
                self.socket.set_value(None);
                self.tell(Input::Closed(code));
            }
        }
    }

    /// Shows what has come: at once, and what comes right after that once the page has been painted. So the
    /// page keeps up however much comes, and in tasks of their own, between which it hears its reader.
    fn show_soon(self) {
        // A page that is hidden is not painted.
        let is_painted = self.is_visible.get_untracked();
        if is_painted && self.pace.get_value() != Pace::Free {
            return self.pace.set_value(Pace::Due);
        }
        self.read_along();
        self.show();
        if is_painted {
            self.pace.set_value(Pace::Painting);
            let painted = move || {
                if self.pace.try_update_value(std::mem::take) == Some(Pace::Due) {
                    self.show_soon();
                }
            };
            browser::after_paint(painted);
        }
    }

    /// Whoever is at the end of the open room sees what comes: it is never shown as unread.
    fn read_along(self) {
        if self.attention.get_value() != Attention::Follows {
            return;
        }
        let newest = self.replica.with_value(|replica| replica.as_ref()?.window()?.newest());
        if let Some(newest) = newest {
            self.reach(newest);
        }
    }

    /// Lets the signals say what the state machine knows; only those that changed.
    fn show(self) {
        self.show_around();
        self.show_rows();
    }

    fn show_around(self) {
        let _ = self.replica.try_with_value(|replica| {
            let Some(replica) = replica else { return };
            show(self.directory, replica.directory());
            show(self.directs, replica.directs());
            show(self.memberships, replica.memberships());
            show(self.online, replica.online());
            show(self.typing, &replica.typing());
            show(self.link, &replica.link());
            show(self.is_current, &replica.is_current());
            show(self.me, &Some(replica.me().clone()));
            if replica.waiting() == 0 && self.storage.get_untracked() == StorageState::Fails {
                self.storage.set(StorageState::Works);
            }
        });
    }

    fn show_rows(self) {
        let _ = self.replica.try_with_value(|replica| {
            let Some(replica) = replica else { return };
            let known = replica.viewing().and_then(|room| {
                let looks = self.attention.get_value() != Attention::Away;
                let follow = |line: &mut NewLine| line.follow(room, replica.memberships(), looks);
                self.new_line.try_update_value(follow).flatten()
            });
            let rows = replica.window().map(|_| rows(replica.lines(), browser::day, known));
            if self.rows.with_untracked(|shown| *shown != rows) {
                show(self.reacted, &reacted(rows.as_deref().unwrap_or_default()));
                self.rows.set(rows);
            }
        });
    }
}

fn show<T: Clone + PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: &T) {
    if signal.with_untracked(|shown| shown != value) {
        signal.set(value.clone());
    }
}
