//! The archive: what memory does not hold, read from the store beside the log.

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};

use super::{
    files::{self, ContentHash, Files, StoredFile},
    store::{self, Reader, StoreError},
    token::LinkId,
};
use crate::domain::{
    attachment::AttachmentId,
    device::Device,
    person::{Person, PersonId, SessionId},
    room::Room,
    unread::Membership,
    window::Window,
};

/// What memory does not hold.
pub trait Archive: Send + Sync {
    /// Reads a room's window; none if there is no such room, and can be none.
    fn window(&self, room: Room) -> Reading<Option<Window>>;

    /// Reads who somebody is; none if there is no such person.
    fn person(&self, id: PersonId) -> Reading<Option<Person>>;

    /// Reads who has `part` in their name: so many, in alphabetical order.
    fn people(&self, part: String, limit: usize) -> Reading<Vec<Person>>;

    /// Reads which devices speak for somebody.
    fn devices(&self, of: PersonId) -> Reading<Vec<(SessionId, Device)>>;

    /// Reads what somebody has kept of rooms: how far they have read, and their settings.
    fn memberships(&self, of: PersonId) -> Reading<Vec<Membership>>;

    /// Reads for whom a link would let one speak; none if it does not work (any more).
    fn link(&self, link: LinkId, now: DateTime<Utc>) -> Reading<Option<Person>>;

    /// Reads what an attachment is, and where it stands.
    fn file(&self, id: AttachmentId) -> Reading<Option<StoredFile>>;

    /// Lets go of a content that the store did not take. It is removed unless some attachment has it.
    fn refuse_file(&self, pin: files::Pin) -> Reading<()>;

    /// Reads how many bytes somebody's files have, and all files.
    fn usage(&self, of: PersonId) -> Reading<(u64, u64)>;

    /// Removes contents that no attachment has, and that have been there for a while.
    fn sweep_files(&self, files: Arc<Files>) -> Reading<usize>;
}

/// Something on its way from the store.
pub type Reading<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// The store beside the log, which is read with one connection, so that it takes little memory. Who looks for
/// people reads all names, and has another.
pub struct Readers {
    reader: Arc<Mutex<Reader>>,
    searcher: Arc<Mutex<Option<Reader>>>,
    dir: PathBuf,
}

impl Readers {
    /// Reads the store of the data directory `dir` with this one.
    pub fn new(reader: Reader, dir: &Path) -> Self {
        let reader = Arc::new(Mutex::new(reader));
        Self { reader, searcher: Arc::default(), dir: dir.to_owned() }
    }
}

impl Archive for Readers {
    fn window(&self, room: Room) -> Reading<Option<Window>> {
        read(&self.reader, move |reader| reader.window(&room))
    }

    fn person(&self, id: PersonId) -> Reading<Option<Person>> {
        read(&self.reader, move |reader| reader.person(id))
    }

    fn people(&self, part: String, limit: usize) -> Reading<Vec<Person>> {
        let (searcher, dir) = (self.searcher.clone(), self.dir.clone());
        blocking(move || {
            let mut searcher = searcher.lock().unwrap_or_else(PoisonError::into_inner);
            if searcher.is_none() {
                *searcher = Some(store::reader(&dir)?);
            }
            searcher.as_ref().map_or(Ok(Vec::new()), |reader| reader.people(&part, limit))
        })
    }

    fn devices(&self, of: PersonId) -> Reading<Vec<(SessionId, Device)>> {
        read(&self.reader, move |reader| reader.devices(of))
    }

    fn memberships(&self, of: PersonId) -> Reading<Vec<Membership>> {
        read(&self.reader, move |reader| reader.memberships(of))
    }

    fn link(&self, link: LinkId, now: DateTime<Utc>) -> Reading<Option<Person>> {
        read(&self.reader, move |reader| reader.link(link, now))
    }

    fn file(&self, id: AttachmentId) -> Reading<Option<StoredFile>> {
        read(&self.reader, move |reader| reader.file(&id))
    }

    fn refuse_file(&self, pin: files::Pin) -> Reading<()> {
        let is_content = asked(&self.reader);
        blocking(move || {
            // Where that cannot be read, it stays to be swept.
            pin.refused(|hash| is_content(hash).unwrap_or(true));
            Ok(())
        })
    }

    fn usage(&self, of: PersonId) -> Reading<(u64, u64)> {
        read(&self.reader, move |reader| reader.usage(of))
    }

    fn sweep_files(&self, files: Arc<Files>) -> Reading<usize> {
        // Others read between two files.
        let is_content = asked(&self.reader);
        blocking(move || files.sweep_orphans(is_content))
    }
}

/// Whether some attachment has a content, for who asks that while nothing may come in.
fn asked(
    reader: &Arc<Mutex<Reader>>,
) -> impl Fn(ContentHash) -> Result<bool, StoreError> + Send + 'static {
    let reader = reader.clone();
    move |hash| reader.lock().unwrap_or_else(PoisonError::into_inner).is_content(hash)
}

/// Reads on a thread that may wait for the disk.
fn read<T: Default + Send + 'static>(
    reader: &Arc<Mutex<Reader>>,
    read: impl FnOnce(&mut Reader) -> Result<T, StoreError> + Send + 'static,
) -> Reading<T> {
    let reader = reader.clone();
    blocking(move || read(&mut reader.lock().unwrap_or_else(PoisonError::into_inner)))
}

fn blocking<T: Default + Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Reading<T> {
    Box::pin(async {
        let read = tokio::task::spawn_blocking(read);
        // It is cancelled only when the runtime ends, and this with it.
        read.await.unwrap_or_else(|_| Ok(T::default()))
    })
}
