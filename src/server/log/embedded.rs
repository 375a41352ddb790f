//! The log as a table in the server's own SQLite file: one node, nothing to install.
//!
//! One thread writes. It takes what waits, puts it into one transaction, and so pays for one sync
//! however many requests share it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use super::{Answer, Follower, Log, Request};
use crate::{
    domain::{position::Position, refusal::Refusal},
    server::{
        state::Entry,
        store::{Outcome, Store, StoreError},
    },
};

/// How many requests may wait for the commit after the current one.
const QUEUE: usize = 1_024;

/// How many requests share a commit: enough to make the sync cheap, few enough to answer soon.
const BATCH: usize = 256;

/// How long entries are kept for those who were away.
const KEEP: TimeDelta = TimeDelta::days(1);

pub struct Embedded {
    queue: SyncSender<(Request, Answer)>,
    is_writable: Arc<AtomicBool>,
}

impl Embedded {
    /// Starts the thread that writes to `store`, until this is dropped. `last` is the time of the
    /// newest entry.
    pub fn start(store: Store, follower: Follower) -> (Self, thread::JoinHandle<()>) {
        let (queue, requests) = sync_channel(QUEUE);
        let is_writable = Arc::new(AtomicBool::new(true));
        let writer =
            Writer { store, follower, is_writable: is_writable.clone(), last: DateTime::default() };
        let thread = thread::Builder::new()
            .name("flack-log".to_owned())
            .spawn(move || writer.run(&requests))
            .expect("the operating system starts a thread");
        (Self { queue, is_writable }, thread)
    }
}

impl Log for Embedded {
    fn submit(&self, request: Request, answer: Answer) {
        if let Err(full) = self.queue.try_send((request, answer)) {
            use std::sync::mpsc::TrySendError::{Disconnected, Full};
            let (Full((_, answer)) | Disconnected((_, answer))) = full;
            answer(Err(Refusal::busy()));
        }
    }

    fn is_writable(&self) -> bool {
        self.is_writable.load(Ordering::Relaxed)
    }
}

struct Writer {
    store: Store,
    follower: Follower,
    is_writable: Arc<AtomicBool>,
    /// When the newest entry was accepted. Time does not go back in a log, whatever the clock does.
    last: DateTime<Utc>,
}

impl Writer {
    fn run(mut self, requests: &Receiver<(Request, Answer)>) {
        let mut trimmed = DateTime::default();
        while let Ok(first) = requests.recv() {
            let (batch, answers): (Vec<Request>, Vec<Answer>) =
                std::iter::once(first).chain(requests.try_iter().take(BATCH - 1)).unzip();
            let now = Utc::now().duration_trunc(TimeDelta::milliseconds(1)).unwrap_or_default();
            self.last = self.last.max(now);
            self.commit(&batch, answers);
            if self.last - trimmed > TimeDelta::hours(1) {
                trimmed = self.last;
                if let Err(error) = self.store.trim(self.last - KEEP) {
                    tracing::warn!(%error, "old entries could not be trimmed");
                }
            }
        }
    }

    fn commit(&mut self, batch: &[Request], answers: Vec<Answer>) {
        let outcomes = match self.store.commit(batch, self.last) {
            Ok(outcomes) => outcomes,
            Err(error) => return self.fail(&error, answers),
        };
        if !self.is_writable.swap(true, Ordering::Relaxed) {
            tracing::info!("saving works again");
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(outcomes.len());
        let results: Vec<Result<Position, Refusal>> = outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Accepted(entry) => {
                    let position = entry.position;
                    entries.push(entry);
                    Ok(position)
                }
                Outcome::Repeated(position) => Ok(position),
                Outcome::Refused(refusal) => Err(refusal),
            })
            .collect();
        (self.follower)(entries);
        for (answer, result) in answers.into_iter().zip(results) {
            answer(result);
        }
    }

    /// Nothing of the batch is done, and nobody was told that it was.
    fn fail(&mut self, error: &StoreError, answers: Vec<Answer>) {
        if !error.is_full() {
            // After a failed sync nobody knows what is on disk. Starting again finds out.
            tracing::error!(%error, "the log could not be written; stopping");
            std::process::exit(74); // EX_IOERR of sysexits.h
        }
        if self.is_writable.swap(false, Ordering::Relaxed) {
            tracing::error!(%error, "the disk is full; nothing can be saved until there is room");
        }
        answers.into_iter().for_each(|answer| answer(Err(Refusal::not_saved())));
    }
}
