//! What one tab remembers and hears: the state machine of `sync`, with the browser around it, as
//! signals.

use leptos::prelude::*;

use crate::{
    domain::{
        address::Address,
        channel::{Channel, Directory},
        command::{Command, CommandId},
        frame::ServerFrame,
        message::MessageText,
        name::ChannelName,
        page::{Page, RefusedForm},
        person::Person,
        position::Position,
    },
    sync::{Input, Output, Sync, link::LinkState, returning},
};

#[cfg_attr(feature = "hydrate", path = "browser.rs")]
#[cfg_attr(not(feature = "hydrate"), path = "absent.rs")]
pub mod browser;
pub mod timeline;

use timeline::{Row, rows};

/// How often time is told to the state machine, in milliseconds: the step of its delays.
const TICK: u64 = 250;

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

/// One tab's session, for every component: small, copied freely, found in the context.
#[derive(Clone, Copy)]
pub struct Client {
    /// None as long as no name is taken.
    pub me: RwSignal<Option<Person>>,
    pub directory: RwSignal<Directory>,
    pub address: RwSignal<Address>,
    /// What the open channel shows; none until it has come from the server.
    pub rows: RwSignal<Option<Vec<Row>>>,
    pub link: RwSignal<LinkState>,
    pub storage: RwSignal<StorageState>,
    page: StoredValue<Page>,
    sync: StoredValue<Option<Sync>>,
    socket: StoredValue<Option<browser::Socket>>,
}

impl Client {
    /// The state that the server rendered the page with.
    pub fn new(page: Page) -> Self {
        let client = Self {
            me: RwSignal::new(page.me.clone()),
            directory: RwSignal::new(page.directory.clone()),
            address: RwSignal::new(Address::of(&page.path)),
            rows: RwSignal::new(None),
            link: RwSignal::new(LinkState::default()),
            storage: RwSignal::new(StorageState::default()),
            sync: StoredValue::new(page.me.clone().map(|me| Sync::new(me, &page, Vec::new()))),
            page: StoredValue::new(page),
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
        let tick = move || self.tell(if browser::has_slept() { Input::Woken } else { Input::Tick });
        set_interval(tick, std::time::Duration::from_millis(TICK));
        browser::on_navigation(move |path| self.address.set(Address::of(&path)));
        browser::on_network_change(move |is_online| {
            self.tell(if is_online { Input::Woken } else { Input::Unplugged });
        });
    }

    /// Goes to another page of Flack, without loading it.
    pub fn go(self, path: &str) {
        browser::push_path(path);
        self.address.set(Address::of(path));
    }

    /// Like [`go`](Self::go), with no way back to the page that is left.
    pub fn go_instead(self, path: &str) {
        browser::replace_path(path);
        self.address.set(Address::of(path));
    }

    /// A name was taken on this page.
    pub fn signed_in(self, me: Person) {
        self.me.set(Some(me.clone()));
        self.go_live(me);
    }

    fn go_live(self, me: Person) {
        let (pending, has_unreadable) = browser::load_outbox(&me);
        if has_unreadable {
            self.storage.set(StorageState::Unreadable);
        }
        browser::on_outbox_change(&me, move |input| self.tell(input));
        let sync = self.page.with_value(|page| Sync::new(me, page, pending));
        self.sync.set_value(Some(sync));
        self.show();
        self.tell(Input::Tick);
    }

    /// What the form of this action asked for in vain before the client ran.
    pub fn refused(self, action: &str) -> Option<RefusedForm> {
        let refused = self.page.with_value(|page| page.refused.clone());
        refused.filter(|refused| refused.action == action)
    }

    /// The channel that the address names, if there is one.
    pub fn channel(self) -> Option<ChannelName> {
        let Address::Channel(name) = self.address.get() else { return None };
        self.directory.with(|directory| directory.find(&name).map(|channel| channel.name.clone()))
    }

    /// The channel to open for someone who comes back.
    pub fn returning(self) -> Option<ChannelName> {
        let left = browser::remembered_channel();
        self.directory.with(|directory| {
            returning(directory, left.as_deref()).map(|channel| channel.name.clone())
        })
    }

    /// Opens a channel, and remembers it for the next visit.
    pub fn open(self, channel: ChannelName) {
        browser::remember_channel(&channel);
        self.tell(Input::Open(Some(channel)));
    }

    /// A channel was created on this page.
    pub fn created(self, channel: Channel) {
        self.page.update_value(|page| page.refused = None);
        self.tell(Input::Created(channel));
    }

    pub fn post(self, channel: ChannelName, text: MessageText) {
        self.ask(Command::Post { channel, text });
    }

    pub fn delete(self, channel: ChannelName, message: Position) {
        self.ask(Command::Delete { channel, message });
    }

    fn ask(self, command: Command) {
        self.tell(Input::Ask { id: browser::draw_command_id(), command });
    }

    pub fn retry(self, id: CommandId) {
        self.tell(Input::Retry(id));
    }

    pub fn discard(self, id: CommandId) {
        self.tell(Input::Discard(id));
    }

    /// Tells the state machine what happened, does what it says, and shows what came of it.
    fn tell(self, input: Input) {
        let told = self.sync.try_update_value(|sync| {
            let sync = sync.as_mut()?;
            Some((sync.me().clone(), sync.handle(input, browser::now())))
        });
        let Some(Some((me, outputs))) = told else { return };
        for output in outputs {
            self.act(&me, output);
        }
        self.show();
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
            Output::SignedOut => browser::load_page("/"),
        }
    }

    fn hear(self, event: SocketEvent) {
        match event {
            SocketEvent::Opened => self.tell(Input::Opened),
            SocketEvent::Frame(text) => match ServerFrame::read(&text) {
                Ok(frame) => self.tell(Input::Frame(frame)),
                // A newer server speaks of things that this page does not know: live with it.
                Err(_) => browser::warn("a frame of the server could not be read"),
            },
            SocketEvent::Closed(code) => {
                self.socket.set_value(None);
                self.tell(Input::Closed(code));
            }
        }
    }

    /// Lets the signals say what the state machine knows; only those that changed.
    fn show(self) {
        let _ = self.sync.try_with_value(|sync| {
            let Some(sync) = sync else { return };
            show(self.directory, sync.directory());
            show(self.link, &sync.link());
            show(self.me, &Some(sync.me().clone()));
            if sync.waiting() == 0 && self.storage.get_untracked() == StorageState::Fails {
                self.storage.set(StorageState::Works);
            }
            show(self.rows, &sync.window().map(|_| rows(sync.lines())));
        });
    }
}

fn show<T: Clone + PartialEq + Send + std::marker::Sync + 'static>(signal: RwSignal<T>, value: &T) {
    if signal.with_untracked(|shown| shown != value) {
        signal.set(value.clone());
    }
}
