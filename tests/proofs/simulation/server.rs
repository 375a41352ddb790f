//! The real engine on a real file, one step at a time.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    path::Path,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use chrono::DateTime;
use flack::{
    domain::{
        attachment::AttachmentLimits,
        frame::{ClientFrame, CloseCode},
        person::{Person, SessionId},
        refusal::Refusal,
    },
    server::{
        files::FileLimits,
        flack::{Flack, Limits},
        live::{delivery::Delivery, dialogue::Dialogue, socket::Socket},
        log::{
            Answer, Log, Request,
            embedded::{Committed, Embedded, Writer},
        },
        network::Source,
        rates::{Clock, RateLimits},
        store::{self, DataDir},
    },
};
use futures_util::task::noop_waker;

use super::{
    network::ServerEnd,
    planted::{Bug, HastyLog, SlowArchive, forgetful},
};

/// Few enough messages and frames that some people meet these limits, and enough for everyone to come
/// to an end.
const LIMITS: Limits = Limits {
    sockets: 1_000,
    people: 100,
    channels: 20,
    // What is gathered depends on when this delivers.
    gather: Duration::ZERO,
    rates: RateLimits {
        messages: 30,
        frames: 20,
        requests: 0,
        sockets: 0,
        channels: 0,
        sign_ins: 0,
    },
    files: FILES,
};
const FILES: FileLimits = FileLimits {
    attachments: AttachmentLimits { file: 1 << 20, files: 3 },
    person: 1 << 20,
    all: 8 << 20,
};

/// How many commits may be told of together: fewer than may wait.
const GATHERED: usize = 8;

/// Something that the server is asked for and has not finished.
pub type Errand<T> = Pin<Box<dyn Future<Output = T>>>;

/// Lets an errand go on as far as it can.
pub fn poll<T>(errand: &mut Errand<T>) -> Option<T> {
    match errand.as_mut().poll(&mut Context::from_waker(&noop_waker())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// One run of the server, from its start to its crash.
pub struct Server {
    // What is under way ends before what it needs.
    taken: Option<Vec<(Request, Answer)>>,
    committed: Option<Committed>,
    pub flack: Flack,
    writer: Writer,
    delivery: Delivery,
    /// How many commits were told of and not delivered.
    undelivered: usize,
    /// What the server's clock says, in milliseconds since 1970.
    clock: Arc<AtomicU64>,
}

/// How a turn of the writer ended.
pub enum Turn {
    Idle,
    /// Something may be on disk that was not before.
    Committed,
    Told,
}

impl Server {
    pub fn start(path: &Path, bug: Option<Bug>, random: &mut fastrand::Rng, now: u64) -> Self {
        let limits =
            store::Limits { people: LIMITS.people, channels: LIMITS.channels, files: FILES };
        let dir = DataDir::lock(path).expect("the server before has ended");
        let store = dir.open(limits).expect("the store opens");
        let reader = dir.reader().expect("the store is there");
        let last = store.last();
        let beginning = reader.beginning(last).expect("the store can be read");
        let files = dir.files().clone();
        let archive = SlowArchive {
            reader: Arc::new(Mutex::new(reader)),
            random: Mutex::new(random.fork()),
            has_hole: bug == Some(Bug::HoleInDifference),
        };
        let clock = Arc::new(AtomicU64::new(now));
        let told = clock.clone();
        let time = Clock::new(move || Duration::from_millis(told.load(Ordering::Relaxed)));
        let archive = Box::new(archive);
        let (flack, delivery, writer) =
            Flack::start(beginning, archive, files, LIMITS, time, |follower| {
                let follower = match bug {
                    Some(Bug::SkippedEvent) => forgetful(follower, 20),
                    _ => follower,
                };
                let (log, writer) = Embedded::new(store, follower);
                let log: Box<dyn Log> = match bug {
                    Some(Bug::AnsweredEarly) => Box::new(HastyLog::new(Box::new(log), last)),
                    _ => Box::new(log),
                };
                (log, writer)
            });
        Self { taken: None, committed: None, flack, writer, delivery, undelivered: 0, clock }
    }

    /// Tells the server what time it is.
    pub fn set_clock(&self, now: u64) {
        self.clock.store(now, Ordering::Relaxed);
    }

    /// Takes what waits, commits it, or tells of it, whichever comes next.
    pub fn turn(&mut self, clock: u64) -> Turn {
        let now = DateTime::from_timestamp_millis(clock.cast_signed()).expect("a time");
        if let Some(committed) = self.committed.take() {
            if self.undelivered == GATHERED {
                self.deliver();
            }
            self.writer.tell(committed);
            self.undelivered += 1;
            return Turn::Told;
        }
        let Some(batch) = self.taken.take() else {
            let batch = self.writer.take(None);
            let is_idle = batch.is_empty() && self.flack.is_writable();
            self.taken = (!is_idle).then_some(batch);
            return Turn::Idle;
        };
        self.writer.wipe(now).expect("only the room may run out");
        let committed = self.writer.commit(batch, now).expect("only the room may run out");
        self.committed = Some(committed);
        Turn::Committed
    }

    /// Tells those who listen of all that they were not told of yet.
    pub fn deliver(&mut self) {
        self.delivery.turn();
        self.undelivered = 0;
    }

    /// Whether nothing waits for the writer, or to be delivered.
    pub fn is_idle(&self) -> bool {
        self.taken.is_none() && self.committed.is_none() && self.undelivered == 0
    }

    /// Lets the disk be full, or not.
    pub fn fill_disk(&mut self, is_full: bool) {
        // Less than what is there: nothing fits.
        let limit = is_full.then_some(1);
        self.writer.store().limit_pages(limit).expect("SQLite takes a limit");
    }

    /// Forgets old entries.
    pub fn trim(&mut self) -> Result<(), store::StoreError> {
        self.writer.trim()
    }

    /// Does what is asked at once, as if nothing else were going on.
    pub fn finish<T>(
        &mut self,
        errand: impl Future<Output = Result<T, Refusal>> + 'static,
        clock: u64,
    ) -> Result<T, Refusal> {
        let mut errand: Errand<Result<T, Refusal>> = Box::pin(errand);
        loop {
            if let Some(result) = poll(&mut errand) {
                return result;
            }
            self.turn(clock);
        }
    }
}

/// What a client said that the server has not finished with.
#[derive(Default)]
struct Inbox {
    frames: RefCell<VecDeque<ClientFrame>>,
    is_busy: Cell<bool>,
}

/// The server's side of a connection.
pub struct Session {
    pub socket: Arc<Socket>,
    inbox: Rc<Inbox>,
    task: Option<Errand<()>>,
    /// When the client was heard last.
    pub heard: u64,
}

impl Session {
    /// Takes a connection in.
    pub fn begin(
        flack: &Flack,
        stream: ServerEnd,
        session: SessionId,
        person: Person,
        clock: u64,
    ) -> Self {
        let socket: Arc<Socket> = Arc::new(Socket::new(stream, session, person));
        let inbox = Rc::new(Inbox::default());
        let task = match Dialogue::begin(flack.clone(), socket.clone(), Source::NOWHERE) {
            Some(dialogue) => Some(converse(dialogue, socket.clone(), inbox.clone())),
            None => {
                socket.close(CloseCode::Full);
                None
            }
        };
        Self { socket, inbox, task, heard: clock }
    }

    pub fn hear(&self, frame: ClientFrame) {
        self.inbox.frames.borrow_mut().push_back(frame);
    }

    /// Does the next thing for this client, as far as it can be done now.
    pub fn step(&mut self) {
        if let Some(task) = &mut self.task
            && poll(task).is_some()
        {
            self.task = None;
        }
        if self.socket.has_waiting() {
            let _ = self.socket.drain();
        }
    }

    /// Whether everything that arrived is done, and all that was said about it is on its way.
    pub fn is_idle(&self) -> bool {
        let Inbox { frames, is_busy } = &*self.inbox;
        frames.borrow().is_empty() && !is_busy.get() && !self.socket.has_waiting()
    }

    /// Whether the server has nothing more to say.
    pub fn is_over(&self) -> bool {
        self.task.is_none() && !self.socket.has_waiting()
    }
}

/// What `Connection::run` does, without its sockets and its clock.
fn converse(mut dialogue: Dialogue, socket: Arc<Socket>, inbox: Rc<Inbox>) -> Errand<()> {
    Box::pin(async move {
        while !socket.is_closing() {
            let next = inbox.frames.borrow_mut().pop_front();
            inbox.is_busy.set(next.is_some());
            match next {
                Some(frame) => dialogue.hear(frame).await,
                None => pause().await,
            }
        }
        dialogue.end();
    })
}

/// Until it is polled again.
async fn pause() {
    let mut is_over = false;
    std::future::poll_fn(|_| match std::mem::replace(&mut is_over, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await
}
