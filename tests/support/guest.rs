//! Somebody with a display name, and what they can do.

use std::net::SocketAddr;

use flack::domain::{
    channel::{Channel, Directory},
    command::Accepted,
    direct::Directs,
    name::ChannelName,
    page::Page,
    person::Person,
    position::{Epoch, Position},
    room::Room,
    window::Window,
};

use super::{
    house::Engine,
    http::{Answer, Ask},
    socket::Socket,
    tab::{Habits, Tab},
};

#[derive(Clone)]
pub struct Guest {
    pub person: Person,
    /// Name and value, as a browser sends it.
    pub cookie: String,
    address: SocketAddr,
    engine: Engine,
}

impl Guest {
    pub fn new(address: SocketAddr, engine: Engine, cookie: String, person: Person) -> Self {
        assert!(!cookie.is_empty(), "signing in gives a cookie");
        Self { person, cookie, address, engine }
    }

    /// The same person on another device.
    pub fn with(&self, cookie: String) -> Self {
        Self::new(self.address, self.engine.clone(), cookie, self.person.clone())
    }

    pub fn name(&self) -> &str {
        self.person.name.as_str()
    }

    /// The secret in the cookie.
    pub fn token(&self) -> &str {
        self.cookie.split_once('=').expect("name and value").1
    }

    pub fn get(&self, path: &str) -> Ask {
        Ask::new(self.address, "GET", path).cookie(&self.cookie)
    }

    /// A request with a form, as a program such as `curl` sends it.
    pub fn ask(&self, path: &str, fields: &[(&str, &str)]) -> Ask {
        Ask::new(self.address, "POST", path).cookie(&self.cookie).form(fields)
    }

    /// Writes a message, and gives its position.
    pub async fn post(&self, channel: &str, text: &str) -> Position {
        let answer = self.ask("/api/post_message", &[("channel", channel), ("text", text)]).await;
        answer.expect(200).json::<Accepted>().position
    }

    /// Writes to one person alone, and gives the message's position.
    pub async fn whisper(&self, to: &Guest, text: &str) -> Position {
        let to = to.person.id.0.to_string();
        let answer = self.ask("/api/post_message", &[("direct", &to), ("text", text)]).await;
        answer.expect(200).json::<Accepted>().position
    }

    /// Asks for a message to be deleted.
    pub async fn delete(&self, channel: &str, message: Position) -> Answer {
        let message = message.to_string();
        self.ask("/api/delete_message", &[("channel", channel), ("message", &message)]).await
    }

    pub async fn create_channel(&self, name: &str) -> Channel {
        self.ask("/api/create_channel", &[("name", name)]).await.expect(200).json()
    }

    pub async fn sign_out(&self) -> Answer {
        self.ask("/api/sign_out", &[]).await
    }

    /// The page of a channel, as it arrives.
    pub async fn page(&self, channel: &str) -> Answer {
        let channel = ChannelName::try_from(channel).expect("a channel's name");
        self.get(&channel.path()).await.expect(200)
    }

    /// Opens the page of a channel in a new tab and waits until it is live.
    pub async fn live(&self, channel: &str) -> Tab {
        let channel = ChannelName::try_from(channel).expect("a channel's name");
        let flack = self.engine.lock().unwrap().clone().expect("the house is open");
        let me = Some(self.person.clone());
        let room = Some(Room::Channel(channel.clone()));
        let page = flack.page(me, &channel.path(), room).await.expect("a page");
        drop(flack);
        let tab = Tab::open(self.address, &self.cookie, self.person.clone(), &page, Vec::new());
        tab.expect_live().await;
        tab
    }

    /// Opens a page that the server has told nothing yet. Everything comes over its socket.
    pub fn blank(&self, channel: &str, habits: Habits) -> Tab {
        let channel = ChannelName::try_from(channel).expect("a channel's name");
        let page = Page {
            me: Some(self.person.clone()),
            epoch: Epoch(String::new()),
            directory: Directory::default(),
            path: channel.path(),
            open: Some((Room::Channel(channel), Window::default())),
            directs: Directs::default(),
            people: None,
            editing: None,
            refused: None,
        };
        let (me, outbox) = (self.person.clone(), Vec::new());
        Tab::open_with(self.address, &self.cookie, me, &page, outbox, habits)
    }

    /// A socket that is greeted and views these channels from scratch. What it was told of them is
    /// heard already.
    pub async fn socket(&self, viewing: &[&str]) -> Socket {
        let mut socket = Socket::open(self.address, &self.cookie).await.expect("a socket");
        socket.greet(viewing).await;
        socket
    }
}
