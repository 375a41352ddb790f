//! The log as a table in the server's own SQLite file: one node, nothing to install.
//!
//! One thread writes. It takes what waits, puts it into one transaction, and so pays for one sync
//! however many requests share it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use super::{Answer, Follower, Log, Request};
use crate::{
    domain::refusal::Refusal,
    server::{
        metrics::LogMeter,
        state::Entry,
        store::{self, Outcome, Store, StoreError},
        vital,
    },
};

/// How many requests may wait for the commit after the current one.
const QUEUE: usize = 1_024;

/// How many requests share a commit: enough to make the sync cheap, few enough to answer soon.
const BATCH: usize = 256;

/// Where more than one asks at a time, the next commit waits for so long for others to share it, unless
/// enough wait already. A sync of a fast disk takes less, and then thousands of requests a second would
/// each pay for one of their own.
const PAUSE: Duration = Duration::from_millis(2);
const ENOUGH: i64 = 64;

/// How long entries are kept for those who were away, and files for those who have not posted them.
const KEEP: TimeDelta = TimeDelta::days(1);

/// How soon wiping is tried again that did not succeed.
const UNWIPED: TimeDelta = TimeDelta::seconds(2);

/// How soon a full disk is tried again when nobody asks for anything.
const PROBE: Duration = Duration::from_secs(2);

pub struct Embedded {
    queue: SyncSender<(Request, Answer)>,
    is_writable: Arc<AtomicBool>,
    meter: LogMeter,
}

impl Embedded {
    /// A log that is written by whoever runs the [`Writer`].
    pub fn new(store: Store, follower: Follower) -> (Self, Writer) {
        let (queue, requests) = sync_channel(QUEUE);
        let is_writable = Arc::new(AtomicBool::new(true));
        let meter = LogMeter::default();
        let log = Self { queue, is_writable: is_writable.clone(), meter: meter.clone() };
        let last = DateTime::default();
        // What an earlier server left to be wiped may be due at once.
        let wipe_at = Some(last);
        (log, Writer { store, requests, follower, is_writable, meter, last, wipe_at })
    }

    /// Starts the thread that writes to `store`, until this is dropped.
    pub fn start(store: Store, follower: Follower) -> (Self, thread::JoinHandle<()>) {
        let (log, writer) = Self::new(store, follower);
        (log, vital::spawn("flack-log", || writer.run()))
    }
}

impl Log for Embedded {
    fn submit(&self, request: Request, answer: Answer) {
        self.meter.queue.inc();
        if let Err(full) = self.queue.try_send((request, answer)) {
            self.meter.queue.dec();
            use std::sync::mpsc::TrySendError::{Disconnected, Full};
            let (Full((_, answer)) | Disconnected((_, answer))) = full;
            answer(Err(Refusal::busy()));
        }
    }

    fn is_writable(&self) -> bool {
        self.is_writable.load(Ordering::Relaxed)
    }

    fn meter(&self) -> &LogMeter {
        &self.meter
    }
}

/// The one that writes. A turn has three steps, and between them the power may fail: what waits is
/// [taken](Self::take), [committed](Self::commit), and then [told](Self::tell).
pub struct Writer {
    store: Store,
    requests: Receiver<(Request, Answer)>,
    follower: Follower,
    is_writable: Arc<AtomicBool>,
    meter: LogMeter,
    /// When the newest entry was accepted. Time does not go back in a log.
    last: DateTime<Utc>,
    /// When something has to be wiped next.
    wipe_at: Option<DateTime<Utc>>,
}

/// What time it is in the log: that of the clock, but it goes on where the clock is set back. What is to happen
/// some seconds after an entry happens then, and entries have the times that really passed between them.
struct LogTime {
    last: DateTime<Utc>,
    /// When that was.
    at: Instant,
}

impl LogTime {
    fn new(clock: DateTime<Utc>, at: Instant) -> Self {
        Self { last: clock, at }
    }

    fn now(&mut self) -> DateTime<Utc> {
        self.advance(Utc::now(), Instant::now())
    }

    /// The time at a moment at which the clock says this, to the millisecond.
    fn advance(&mut self, clock: DateTime<Utc>, at: Instant) -> DateTime<Utc> {
        let passed = at.saturating_duration_since(self.at);
        // The clock also counts the time in which the machine slept.
        self.last = clock.max(self.last + passed);
        self.at = at;
        self.last.duration_trunc(TimeDelta::milliseconds(1)).unwrap_or_default()
    }
}

/// Requests that share a commit.
type Batch = Vec<(Request, Answer)>;

/// What is on disk now, and has to be told.
#[must_use = "whoever asked waits for the answer"]
pub struct Committed(Vec<(Outcome, Answer)>);

impl Writer {
    fn run(mut self) {
        let mut time = LogTime::new(Utc::now(), Instant::now());
        let mut trimmed = DateTime::default();
        let mut is_busy = false;
        loop {
            let patience = self.patience(time.now());
            let batch = match self.requests.recv_timeout(patience) {
                Ok(first) => {
                    if is_busy && self.meter.queue.get() < ENOUGH {
                        thread::sleep(PAUSE);
                    }
                    self.take(Some(first))
                }
                Err(RecvTimeoutError::Timeout) if self.is_writable() => {
                    self.wipe(time.now()).unwrap_or_else(stop);
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => Batch::new(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            is_busy = batch.len() > 1;
            let now = time.now();
            let committed = self.commit(batch, now).unwrap_or_else(stop);
            self.tell(committed);
            if self.wipe_at.is_some_and(|at| at <= now) {
                self.wipe(now).unwrap_or_else(stop);
            }
            if self.is_writable() && self.last - trimmed > TimeDelta::hours(1) {
                trimmed = self.last;
                self.trim().unwrap_or_else(stop);
            }
        }
    }

    fn is_writable(&self) -> bool {
        self.is_writable.load(Ordering::Relaxed)
    }

    /// How long nothing has to be done unless somebody asks.
    fn patience(&self, now: DateTime<Utc>) -> Duration {
        match self.wipe_at {
            _ if !self.is_writable() => PROBE,
            Some(at) => (at - now).to_std().unwrap_or_default(),
            None => Duration::MAX,
        }
    }

    /// Wipes what was deleted and cannot be brought back any more; later, if there is no room on the disk.
    ///
    /// # Errors
    /// When nobody knows what is on disk now.
    pub fn wipe(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        // Time does not go back in a log.
        match self.store.wipe(self.last.max(now)) {
            Ok(next) => self.wipe_at = next,
            Err(error) if error.is_full() => {
                tracing::warn!(%error, "what was deleted could not be wiped yet");
                self.wipe_at = Some(now + UNWIPED);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What waits, after what was received already.
    pub fn take(&self, first: Option<(Request, Answer)>) -> Batch {
        let received = usize::from(first.is_some());
        let others = self.requests.try_iter().take(BATCH - received);
        let batch: Batch = first.into_iter().chain(others).collect();
        self.meter.queue.dec_by(batch.len() as i64);
        batch
    }

    /// Makes a batch durable. If there is no room on the disk, nothing of it is done, and those who
    /// asked have been told so; an empty batch finds out whether there is room again.
    ///
    /// # Errors
    /// When nobody knows what is on disk now. Nobody was told anything then, and nothing may be
    /// committed after it.
    pub fn commit(&mut self, batch: Batch, now: DateTime<Utc>) -> Result<Committed, StoreError> {
        self.last = self.last.max(now);
        let (requests, answers): (Vec<Request>, Vec<Answer>) = batch.into_iter().unzip();
        let outcomes = if requests.is_empty() {
            self.store.probe().map(|()| Vec::new())
        } else {
            let begun = Instant::now();
            let outcomes = self.store.commit(&requests, self.last);
            self.meter.commits.observe(begun.elapsed().as_secs_f64());
            self.meter.batches.observe(requests.len() as f64);
            outcomes
        };
        match outcomes {
            Ok(outcomes) => {
                if outcomes.iter().any(Outcome::takes_back) {
                    let at = self.last + store::undo();
                    self.wipe_at = Some(self.wipe_at.map_or(at, |earlier| earlier.min(at)));
                }
                if !self.is_writable.swap(true, Ordering::Relaxed) {
                    tracing::info!("saving works again");
                }
                Ok(Committed(outcomes.into_iter().zip(answers).collect()))
            }
            Err(error) if error.is_full() => {
                if self.is_writable.swap(false, Ordering::Relaxed) {
                    tracing::error!(%error, "no room on the disk; nothing is saved until there is");
                }
                answers.into_iter().for_each(|answer| answer(Err(Refusal::not_saved())));
                Ok(Committed(Vec::new()))
            }
            Err(error) => Err(error),
        }
    }

    /// Tells the follower, and then those who asked.
    pub fn tell(&mut self, Committed(outcomes): Committed) {
        let mut entries: Vec<Entry> = Vec::with_capacity(outcomes.len());
        let mut answers = Vec::with_capacity(outcomes.len());
        for (outcome, answer) in outcomes {
            let result = match outcome {
                Outcome::Accepted(entry) => {
                    let position = entry.position;
                    entries.push(entry);
                    Ok(position)
                }
                Outcome::Repeated(position) => Ok(position),
                Outcome::Refused(refusal) => Err(refusal),
            };
            answers.push((answer, result));
        }
        (self.follower)(entries);
        answers.into_iter().for_each(|(answer, result)| answer(result));
    }

    /// Forgets the entries that are too old for anyone to be waiting for them, and files that nobody
    /// posted; another time, if there is no room on the disk.
    ///
    /// # Errors
    /// When nobody knows what is on disk now.
    pub fn trim(&mut self) -> Result<(), StoreError> {
        let before = self.last - KEEP;
        let trimmed = self.store.sweep_attachments(before).and_then(|()| self.store.trim(before));
        match trimmed {
            Err(error) if error.is_full() => {
                tracing::warn!(%error, "what is old could not be trimmed yet");
                Ok(())
            }
            trimmed => trimmed,
        }
    }

    /// The store, which nobody else writes to.
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }
}

/// Ends the server. After a failed sync nobody knows what is on disk; starting again finds out.
fn stop<T>(error: StoreError) -> T {
    tracing::error!(%error, "the log could not be written; stopping");
    std::process::exit(74) // EX_IOERR of sysexits.h
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::{
        domain::{
            command::{Ask, Command, CommandId},
            message::MessageText,
            name::{ChannelName, DisplayName},
            person::{PersonId, SessionId},
            position::Position,
            room::Room,
        },
        server::{
            files::FileLimits,
            log::NewDevice,
            store::{DataDir, Limits},
        },
    };

    const HOUR: TimeDelta = TimeDelta::hours(1);

    #[test]
    fn time_goes_on_where_the_clock_is_set_back() {
        let (clock, begun) = (DateTime::UNIX_EPOCH + HOUR, Instant::now());
        let mut time = LogTime::new(clock, begun);
        let mut at = |clock, millis| time.advance(clock, begun + Duration::from_millis(millis));
        assert_eq!(at(clock, 0), clock);
        let second = TimeDelta::seconds(1);
        assert_eq!(at(clock + second, 1_000), clock + second);
        // Back by an hour, in which nothing stands still.
        assert_eq!(at(clock - HOUR, 2_000), clock + second * 2);
        assert_eq!(at(clock - HOUR, 2_000), clock + second * 2);
        assert_eq!(at(clock - HOUR + second, 3_000), clock + second * 3);
        // Forward it goes at once.
        assert_eq!(at(clock + HOUR, 4_000), clock + HOUR);
    }

    #[test]
    fn no_fraction_of_a_millisecond_is_lost() {
        let (clock, begun) = (DateTime::UNIX_EPOCH + HOUR, Instant::now());
        let mut time = LogTime::new(clock, begun);
        for micros in (0..=10_000).step_by(100) {
            time.advance(clock - HOUR, begun + Duration::from_micros(micros));
        }
        let then = time.advance(clock - HOUR, begun + Duration::from_millis(10));
        assert_eq!(then, clock + TimeDelta::milliseconds(10));
    }

    #[test]
    fn what_was_deleted_is_wiped_in_time_whatever_the_clock_says() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { people: 1, channels: 1, files: FileLimits::default() };
        let store = DataDir::lock(dir.path()).unwrap().open(limits).unwrap();
        let (log, mut writer) = Embedded::new(store, Box::new(|_| {}));
        let ask = |writer: &mut Writer, request, now| {
            let (answer, answered) = channel();
            log.submit(request, Box::new(move |result| answer.send(result).unwrap()));
            let batch = writer.take(None);
            let committed = writer.commit(batch, now).unwrap();
            writer.tell(committed);
            answered.recv().unwrap()
        };
        let (clock, begun) = (DateTime::UNIX_EPOCH + HOUR * 2, Instant::now());
        let mut time = LogTime::new(clock, begun);
        let name = DisplayName::try_from("Ada").unwrap();
        let device = NewDevice { session: SessionId([1; 32]), label: String::new() };
        let now = time.advance(clock, begun);
        let by = PersonId(ask(&mut writer, Request::SignIn { name, device }, now).unwrap());
        let room = Room::Channel(ChannelName::try_from("general").unwrap());
        let command = |id: &str, ask| {
            let id = CommandId::try_from(id.to_owned()).unwrap();
            Request::Command { by, id, command: Command { room: room.clone(), ask } }
        };
        let text = MessageText::try_from("a slip of the tongue").unwrap();
        let message: Position = ask(&mut writer, command("post", Ask::Post(text)), now).unwrap();
        // The clock goes back by an hour, and a second later the message is deleted.
        let now = time.advance(clock - HOUR, begun + Duration::from_secs(1));
        ask(&mut writer, command("delete", Ask::Delete(message)), now).unwrap();
        writer.wipe(now).unwrap();
        let patience = writer.patience(now);
        assert!(patience <= store::undo().to_std().unwrap() + Duration::from_millis(1));
        let now = time.advance(clock - HOUR, begun + Duration::from_secs(1) + patience);
        let restored = ask(&mut writer, command("restore", Ask::Restore(message)), now);
        assert_eq!(restored, Err(Refusal::unknown_message()));
        writer.wipe(now).unwrap();
        let reader = rusqlite::Connection::open(dir.path().join("flack.db")).unwrap();
        let left = "SELECT count(*) FROM messages";
        assert_eq!(reader.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    }
}
