//! One server in this process, on a port and in a directory of its own.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use flack::{
    domain::window::Window,
    server::{
        config::{Config, LogFormat},
        files::FileLimits,
        flack::{Flack, Limits},
        network::{ConnectionLimits, Proxies},
        rates::RateLimits,
        run,
        store::DataDir,
    },
};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::oneshot,
    task::JoinHandle,
};

use super::{
    guest::Guest,
    http::{Answer, Ask},
    socket::Socket,
    soon,
};

/// The engine that runs at the moment, for those who look over the server's shoulder.
pub type Engine = Arc<Mutex<Option<Flack>>>;

/// A house that guests come to. It can be closed and opened again, with what is in it.
pub struct House {
    /// Removed with the house.
    _dir: TempDir,
    config: Config,
    /// Stays open between two servers, so that nobody else gets the port. Who connects meanwhile
    /// waits for the next server.
    listener: std::net::TcpListener,
    /// Where numbers are told.
    metrics: std::net::TcpListener,
    engine: Engine,
    running: Option<Running>,
}

struct Running {
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    writer: thread::JoinHandle<()>,
}

impl House {
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// A house with other settings than usual.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::behind(TcpSocket::new_v4().expect("a socket"), change)
    }

    /// A house whose sockets take little at once of what their clients do not read.
    pub async fn narrow(change: impl FnOnce(&mut Config)) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        // What it accepts inherits this.
        socket.set_send_buffer_size(64 * 1024).expect("an allowed size");
        Self::behind(socket, change)
    }

    fn behind(socket: TcpSocket, change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let listener = socket.listen(1_024).and_then(TcpListener::into_std).expect("a listener");
        let mut config = Config {
            address: listener.local_addr().expect("an address"),
            metrics: None,
            data_dir: dir.path().join("data"),
            origin: None,
            log: "off".parse().expect("a level"),
            log_format: LogFormat::Text,
            proxies: Proxies::default(),
            // All guests come from one address, and have no time. What is limited has tests of its
            // own.
            connections: ConnectionLimits::default(),
            limits: Limits {
                sockets: 1_000,
                people: 10_000,
                channels: 100,
                gather: Duration::from_millis(35),
                rates: RateLimits::default(),
                files: FileLimits::default(),
            },
        };
        change(&mut config);
        let metrics = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        metrics.set_nonblocking(true).expect("a listener");
        let engine = Engine::default();
        let mut house = Self { _dir: dir, config, listener, metrics, engine, running: None };
        house.start();
        house
    }

    fn start(&mut self) {
        let dir = DataDir::lock(&self.config.data_dir).expect("nobody else has the directory");
        let (flack, writer) = Flack::open(dir, self.config.limits).expect("the store opens");
        *self.engine.lock().unwrap() = Some(flack.clone());
        let again = |listener: &std::net::TcpListener| {
            let listener = listener.try_clone().expect("another handle of the port");
            TcpListener::from_std(listener).expect("a runtime")
        };
        let (listener, metrics) = (again(&self.listener), again(&self.metrics));
        let (stop, stopped) = oneshot::channel();
        let config = self.config.clone();
        let server = tokio::spawn(async move {
            let stop = async move { drop(stopped.await) };
            run::serve(listener, Some(metrics), flack, &config, stop).await
        });
        self.running = Some(Running { stop, server, writer });
    }

    /// Stops the server, as SIGTERM does, until everything is on disk and the directory is free.
    pub async fn close(&mut self) {
        let Some(Running { stop, server, writer }) = self.running.take() else { return };
        let _ = stop.send(());
        soon("the server's end", server).await.expect("no panic");
        self.engine.lock().unwrap().take();
        // It ends when the last connection has let go of the engine.
        let writer = tokio::task::spawn_blocking(move || writer.join());
        soon("the end of the log", writer).await.expect("no panic").expect("no panic");
    }

    /// Stops the server and starts another in the same directory.
    pub async fn restart(&mut self) {
        self.close().await;
        self.start();
    }

    pub fn address(&self) -> SocketAddr {
        self.config.address
    }

    /// Where numbers about the house are told.
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics.local_addr().expect("an address")
    }

    /// A number of these, by its name and labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = Ask::new(self.metrics_address(), "GET", "/metrics").await.expect(200).body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {text}")).parse().expect("a number")
    }

    /// The Origin of this house's own pages.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address())
    }

    pub fn get(&self, path: &str) -> Ask {
        Ask::new(self.address(), "GET", path)
    }

    pub fn post(&self, path: &str) -> Ask {
        Ask::new(self.address(), "POST", path)
    }

    /// Takes a display name.
    pub async fn join(&self, name: &str) -> Guest {
        self.guest(&self.post("/api/sign_in").form(&[("name", name)]).await.expect(200))
    }

    /// Whoever this answer gave a session to.
    pub fn guest(&self, answer: &Answer) -> Guest {
        Guest::new(self.address(), self.engine.clone(), answer.session_cookie(), answer.json())
    }

    /// A socket before its hello.
    pub async fn connect(&self, guest: &Guest) -> Socket {
        Socket::open(self.address(), &guest.cookie).await.expect("the server takes the socket")
    }

    fn flack(&self) -> Flack {
        self.engine.lock().unwrap().clone().expect("the house is open")
    }

    /// What memory holds of a channel.
    pub async fn window(&self, channel: &str) -> Window {
        let flack = self.flack();
        let page = flack.page(Some(somebody()), "/", Some(super::channel(channel))).await;
        page.expect("the channel can be read").open.expect("the channel is there").1
    }

    /// Lets links be as old as if they had been made so much earlier.
    pub fn age_links(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).expect("not that long");
        self.database()
            .execute("UPDATE links SET expires = expires - ?1", [millis])
            .expect("it can be written");
    }

    /// Lets all devices have been there last so much earlier.
    pub fn age_devices(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).expect("not that long");
        self.database()
            .execute("UPDATE sessions SET seen = seen - ?1", [millis])
            .expect("it can be written");
    }

    /// Waits until all devices have been there of late.
    pub async fn seen(&self) {
        let away = "SELECT count(*) FROM sessions WHERE seen < (unixepoch() - 600) * 1000";
        self.none(away, "the devices").await;
    }

    /// Waits until the database counts none of what this asks for.
    async fn none(&self, query: &str, what: &str) {
        let db = self.database();
        let is_any = || db.query_row(query, [], |row| row.get::<_, i64>(0)).expect("a count") > 0;
        soon(what, async {
            while is_any() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    }

    fn database(&self) -> rusqlite::Connection {
        let file = self.config.data_dir.join("flack.db");
        rusqlite::Connection::open(file).expect("the database is there")
    }

    /// Takes the table of people out of the database, so that who looks for one cannot be answered.
    pub fn hide_people(&self) {
        self.database()
            .execute("ALTER TABLE people RENAME TO hidden_people", [])
            .expect("it can be written");
    }

    /// Waits until nothing that was deleted could be brought back.
    pub async fn wiped(&self) {
        let left = "SELECT count(*) FROM messages WHERE deleted IS NOT NULL";
        self.none(left, "the end of what was deleted").await;
    }

    /// Every byte that is on disk.
    pub fn bytes_on_disk(&self) -> Vec<u8> {
        bytes_in(&self.config.data_dir)
    }

    /// Where the contents of attachments are.
    pub fn files(&self) -> PathBuf {
        self.config.data_dir.join("files")
    }

    fn file_names(&self) -> Vec<String> {
        let files = fs::read_dir(self.files()).expect("the directory is there");
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The names of all contents of attachments that are on disk, without their small copies.
    pub fn contents(&self) -> Vec<String> {
        let mut names = self.file_names();
        names.retain(|name| name.len() == 64);
        names
    }

    /// How many files are coming in.
    pub fn passing(&self) -> usize {
        self.file_names().iter().filter(|name| name.starts_with("new-")).count()
    }
}

/// Someone to look at a window, which is the same for everyone.
fn somebody() -> flack::domain::person::Person {
    use flack::domain::{
        name::DisplayName,
        person::{Person, PersonId},
        position::Position,
    };
    Person { id: PersonId(Position::ZERO), name: DisplayName::stored("Somebody".to_owned()) }
}

/// Every byte of the files in a directory.
pub fn bytes_in(dir: &Path) -> Vec<u8> {
    let files = fs::read_dir(dir).expect("the directory is there");
    let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
    files.flat_map(|file| fs::read(file).unwrap()).collect()
}
