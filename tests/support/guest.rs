//! Somebody with a display name, and what they can do.

use std::net::SocketAddr;

use flack::domain::{
    attachment::Attachment,
    channel::{Channel, Directory},
    command::Accepted,
    direct::Directs,
    name::ChannelName,
    page::Page,
    person::Person,
    position::{Epoch, Position},
    room::Room,
    unread::Memberships,
    window::Window,
};

use tokio::{io::AsyncWriteExt, net::TcpStream};

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

    /// Begins a request as who takes their time: with these headers, and so much of its body.
    pub async fn begin(&self, path: &str, headers: &str, body: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("the house is open");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\n{headers}\r\n\r\n",
            self.address, self.cookie
        );
        stream.write_all(head.as_bytes()).await.expect("the head is taken");
        stream.write_all(body).await.expect("the body is taken");
        stream
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
        let page = blank_page(self.person.clone(), super::channel(channel));
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

/// A page of somebody who looks at a room, of which the server has told nothing yet.
pub fn blank_page(me: Person, room: Room) -> Page {
    Page {
        path: room.path(me.id),
        me: Some(me),
        epoch: Epoch(String::new()),
        directory: Directory::default(),
        limits: Default::default(),
        open: Some((room, Window::default())),
        directs: Directs::default(),
        memberships: Memberships::default(),
        online: Vec::new(),
        people: None,
        editing: None,
        replying: None,
        refused: None,
    }
}

/// Files.
impl Guest {
    pub async fn upload(&self, name: &str, content: &[u8]) -> Attachment {
        self.try_upload(name, content).await.expect(201).json()
    }

    pub async fn try_upload(&self, name: &str, content: &[u8]) -> Answer {
        self.upload_ask(name, content).await
    }

    pub fn upload_ask(&self, name: &str, content: &[u8]) -> Ask {
        let name = serde_urlencoded::to_string([("name", name)]).expect("text can be encoded");
        let ask = Ask::new(self.address, "POST", &format!("/files?{name}")).cookie(&self.cookie);
        ask.header("content-type", "text/html").bytes(content)
    }

    /// Without a length before it (RFC 9112 §7.1).
    pub async fn upload_chunked(&self, name: &str, content: &[u8]) -> Answer {
        let mut body = Vec::new();
        for chunk in content.chunks(50_000) {
            body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        let ask = Ask::new(self.address, "POST", &format!("/files?name={name}"));
        let ask = ask.cookie(&self.cookie).bytes(&body);
        ask.without("content-length").header("transfer-encoding", "chunked").await
    }

    pub fn delete_file(&self, file: &Attachment) -> Ask {
        Ask::new(self.address, "DELETE", &file.path()).cookie(&self.cookie)
    }

    /// Posts files to a channel.
    pub async fn share(&self, channel: &str, text: &str, files: &[&Attachment]) -> Answer {
        self.share_to(&[("channel", channel), ("text", text)], files).await
    }

    pub async fn share_to(&self, fields: &[(&str, &str)], files: &[&Attachment]) -> Answer {
        let ids = files.iter().enumerate();
        let ids = ids.map(|(place, file)| (format!("attachments[{place}]"), file.id.as_str()));
        let ids: Vec<(String, &str)> = ids.collect();
        let ids = ids.iter().map(|(name, id)| (name.as_str(), *id));
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain(ids).collect();
        self.ask("/api/post_message", &fields).await
    }

    /// A form with files in it (RFC 7578), as a browser sends it without a script.
    pub fn form_ask(&self, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Ask {
        const BOUNDARY: &str = "----flack-test";
        let mut body = Vec::new();
        let mut part = |disposition: String, content: &[u8]| {
            body.extend_from_slice(format!("--{BOUNDARY}\r\n{disposition}\r\n\r\n").as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        };
        for (name, value) in fields {
            part(format!("content-disposition: form-data; name=\"{name}\""), value.as_bytes());
        }
        for (name, content) in files {
            let disposition =
                format!("content-disposition: form-data; name=\"files\"; filename=\"{name}\"");
            part(format!("{disposition}\r\ncontent-type: text/plain"), content);
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let ask = Ask::new(self.address, "POST", "/api/post_message").cookie(&self.cookie);
        ask.header("content-type", &format!("multipart/form-data; boundary={BOUNDARY}"))
            .bytes(&body)
    }

    pub async fn form_post(&self, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Answer {
        self.form_ask(fields, files).await
    }
}
