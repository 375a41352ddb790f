//! Bugs that are put in on purpose, to see that the simulation finds them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use chrono::{DateTime, Utc};
use flack::{
    domain::{
        attachment::AttachmentId,
        device::Device,
        person::{Person, PersonId, SessionId},
        position::Position,
        room::Room,
        unread::Membership,
        window::Window,
    },
    server::{
        archive::{Archive, Reading},
        files::{Files, Pin, StoredFile},
        log::{Answer, Follower, Log, Request},
        metrics::LogMeter,
        store::Reader,
        token::LinkId,
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The engine is not told of some entries.
    SkippedEvent,
    /// A command that is asked for again takes effect again.
    DoneTwice,
    /// Commands are answered before they are on disk.
    AnsweredEarly,
    /// Deletions are missing where a difference begins.
    HoleInDifference,
    /// What a page finds in the outbox, it sends as if it had been asked for there.
    TwoSenders,
    /// What a page finds in the outbox, it does not send.
    LostOutbox,
}

impl Bug {
    pub const ALL: [Bug; 6] = [
        Bug::SkippedEvent,
        Bug::DoneTwice,
        Bug::AnsweredEarly,
        Bug::HoleInDifference,
        Bug::TwoSenders,
        Bug::LostOutbox,
    ];
}

/// A follower that misses every so many entries.
pub fn forgetful(mut follower: Follower, every: u64) -> Follower {
    let mut count = 0;
    Box::new(move |mut entries| {
        entries.retain(|_| {
            count += 1;
            count % every != 0
        });
        follower(entries);
    })
}

/// A log that answers commands at once, and hopes for the best.
pub struct HastyLog {
    log: Box<dyn Log>,
    next: AtomicU64,
}

impl HastyLog {
    pub fn new(log: Box<dyn Log>, last: Position) -> Self {
        Self { log, next: AtomicU64::new(last.next().0) }
    }
}

impl Log for HastyLog {
    fn submit(&self, request: Request, answer: Answer) {
        let position = Position(self.next.fetch_add(1, Ordering::Relaxed));
        let answer: Answer = if matches!(request, Request::Command { .. }) {
            answer(Ok(position));
            Box::new(|_| {})
        } else {
            answer
        };
        self.log.submit(request, answer);
    }

    fn is_writable(&self) -> bool {
        self.log.is_writable()
    }

    fn meter(&self) -> &LogMeter {
        self.log.meter()
    }
}

/// What is read in several steps, between which other things happen.
pub struct SlowArchive {
    pub reader: Arc<Mutex<Reader>>,
    pub random: Mutex<fastrand::Rng>,
    pub has_hole: bool,
}

impl Archive for SlowArchive {
    fn window(&self, room: Room) -> Reading<Option<Window>> {
        let (reader, has_hole) = (self.reader.clone(), self.has_hole);
        let (before, after) = {
            let random = &mut self.random.lock().unwrap();
            (random.usize(0..4), random.usize(0..4))
        };
        Box::pin(async move {
            pause(before).await;
            let window = reader.lock().unwrap().window(&room)?;
            pause(after).await;
            Ok(window.map(|window| if has_hole { without_deletions(&window) } else { window }))
        })
    }

    fn person(&self, id: PersonId) -> Reading<Option<Person>> {
        let reader = self.reader.clone();
        Box::pin(async move { reader.lock().unwrap().person(id) })
    }

    fn people(&self, part: String, limit: usize) -> Reading<Vec<Person>> {
        let reader = self.reader.clone();
        Box::pin(async move { reader.lock().unwrap().people(&part, limit) })
    }

    fn devices(&self, of: PersonId) -> Reading<Vec<(SessionId, Device)>> {
        let reader = self.reader.clone();
        Box::pin(async move { reader.lock().unwrap().devices(of) })
    }

    fn memberships(&self, of: PersonId) -> Reading<Vec<Membership>> {
        let reader = self.reader.clone();
        let (before, after) = {
            let random = &mut self.random.lock().unwrap();
            (random.usize(0..4), random.usize(0..4))
        };
        Box::pin(async move {
            pause(before).await;
            let memberships = reader.lock().unwrap().memberships(of);
            pause(after).await;
            memberships
        })
    }

    fn link(&self, link: LinkId, now: DateTime<Utc>) -> Reading<Option<Person>> {
        let reader = self.reader.clone();
        Box::pin(async move { reader.lock().unwrap().link(link, now) })
    }

    fn file(&self, id: AttachmentId) -> Reading<Option<StoredFile>> {
        let reader = self.reader.clone();
        Box::pin(async move { reader.lock().unwrap().file(&id) })
    }

    fn refuse_file(&self, pin: Pin) -> Reading<()> {
        let reader = self.reader.clone();
        Box::pin(async move {
            pin.refused(|hash| reader.lock().unwrap().is_content(hash).unwrap_or(true));
            Ok(())
        })
    }

    fn usage(&self, of: PersonId) -> Reading<(u64, u64)> {
        let reader = self.reader.clone();
        Box::pin(async move { reader.lock().unwrap().usage(of) })
    }

    fn sweep_files(&self, files: Arc<Files>) -> Reading<usize> {
        let reader = self.reader.clone();
        Box::pin(async move { files.sweep_orphans(|hash| reader.lock().unwrap().is_content(hash)) })
    }
}

fn without_deletions(window: &Window) -> Window {
    let messages = window.messages().cloned().collect();
    Window::restore(window.position, messages, Vec::new(), Position::ZERO)
}

/// Lets so many other steps happen first.
async fn pause(steps: usize) {
    let mut left = steps;
    std::future::poll_fn(|_| {
        if left == 0 {
            return std::task::Poll::Ready(());
        }
        left -= 1;
        std::task::Poll::Pending
    })
    .await
}
