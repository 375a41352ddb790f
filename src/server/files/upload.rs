//! A file on its way in: streamed to the disk, never whole in memory.

use std::{
    fs,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use super::{
    ContentHash, Files, Pin, Place, metadata,
    picture::{self, Picture},
    sync_dir,
};
use crate::{
    domain::{
        attachment::{Attachment, AttachmentId, FileName},
        person::PersonId,
        refusal::Refusal,
    },
    server::random,
};

/// What the names of files begin with that are still coming in.
pub const PASSING: &str = "new-";

/// How much is gathered before it is written: large enough to be quick, small enough for many at
/// once.
const PIECE: usize = 256 << 10;

/// An upload that says nothing for so long has stalled.
pub const SILENCE: Duration = Duration::from_secs(15);

/// How slow an upload may be on average, in bytes a second, after a while.
const SLOWEST: u64 = 16 << 10;
const START: Duration = Duration::from_secs(30);

/// So many first bytes are looked at to find out what a file is.
const HEAD: u64 = 8_192;

/// What a file is of which nothing is known (RFC 2046 §4.5.1).
const UNKNOWN: &str = "application/octet-stream";

/// A file that has come in whole, and that somebody has to [finish](Self::finish). It counts as under way
/// until then, and what it needs is its own: whoever sent it may be gone.
#[derive(Debug)]
pub struct Received {
    files: Arc<Files>,
    name: FileName,
    passing: Passing,
    _place: Place,
}

/// A file that is in its place and on the disk, before the store knows it.
#[derive(Debug)]
pub struct Upload {
    pub attachment: Attachment,
    pub hash: ContentHash,
    /// Until the store has decided.
    pub pin: Pin,
}

/// A file that is being written. Dropped, it is gone.
#[derive(Debug)]
struct Passing {
    file: NamedTempFile,
    hash: Sha256,
    size: u64,
}

impl Passing {
    fn new(dir: &Path) -> io::Result<Self> {
        let file = tempfile::Builder::new().prefix(PASSING).tempfile_in(dir)?;
        Ok(Self { file, hash: Sha256::new(), size: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.count(bytes);
        Ok(())
    }

    fn count(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }
}

impl Files {
    /// Takes a file in.
    ///
    /// # Errors
    /// When it is larger than `limit` bytes, comes too slowly or breaks off, cannot be stored, or when
    /// too many come at once. Nothing is left of it then.
    pub async fn receive<E>(
        self: &Arc<Self>,
        by: PersonId,
        name: FileName,
        limit: u64,
        content: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Received, Refusal> {
        let place = self.enter(by).ok_or_else(Refusal::busy)?;
        let passing = self.write(limit, content).await?;
        Ok(Received { files: self.clone(), name, passing, _place: place })
    }

    /// Writes what comes, as it comes.
    async fn write<E>(
        self: &Arc<Self>,
        limit: u64,
        content: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Passing, Refusal> {
        let files = self.clone();
        let mut passing = blocking(move || Passing::new(&files.dir)).await?;
        let mut content = std::pin::pin!(content);
        let (mut received, begun) = (0_u64, Instant::now());
        // However small the parts are that come.
        let mut piece = Vec::new();
        loop {
            let slowest = START + Duration::from_secs(received / SLOWEST);
            let deadline = (begun + slowest).min(Instant::now() + SILENCE);
            let next = timeout_at(deadline, content.next()).await;
            let bytes = match next.map_err(|_| Refusal::upload_broken())? {
                Some(bytes) => Some(bytes.map_err(|_| Refusal::upload_broken())?),
                None => None,
            };
            let is_end = bytes.is_none();
            if let Some(bytes) = bytes {
                received += bytes.len() as u64;
                if received > limit {
                    return Err(Refusal::file_too_large(limit));
                }
                piece.extend_from_slice(&bytes);
            }
            if piece.len() >= PIECE || is_end {
                (passing, piece) = blocking(move || {
                    passing.write(&piece)?;
                    piece.clear();
                    Ok((passing, piece))
                })
                .await?;
            }
            if is_end {
                return Ok(passing);
            }
        }
    }

    /// Puts a picture without its metadata into its place, and a small copy beside it. What turns out
    /// to be no picture is a file like any other.
    fn place_picture(
        self: &Arc<Self>,
        mut original: Passing,
        format: image::ImageFormat,
    ) -> io::Result<(ContentHash, u64, Option<Picture>, &'static str, Pin)> {
        original.file.rewind()?;
        let mut clean = Passing::new(&self.dir)?;
        let stripped = {
            let mut from = BufReader::with_capacity(64 << 10, original.file.as_file());
            // It seeks, so what is written is hashed when it is whole.
            let mut to = BufWriter::with_capacity(64 << 10, clean.file.as_file());
            metadata::strip(format, &mut from, &mut to).and_then(|found| {
                to.flush()?;
                Ok(found)
            })
        };
        let found = match stripped {
            Ok(found) => found,
            Err(error) if is_of_the_file(&error) => {
                let (hash, size, pin) = self.place(original, None)?;
                return Ok((hash, size, None, UNKNOWN, pin));
            }
            Err(error) => return Err(error),
        };
        drop(original);
        clean.file.rewind()?;
        let mut from = clean.file.as_file().try_clone()?;
        let mut piece = vec![0; 64 << 10];
        loop {
            match from.read(&mut piece)? {
                0 => break,
                read => clean.count(&piece[..read]),
            }
        }
        let picture = picture::picture(format, clean.file.as_file(), found);
        let thumbnail = picture.as_ref().map(|picture| &picture.thumbnail[..]);
        let (hash, size, pin) = self.place(clean, thumbnail)?;
        Ok((hash, size, picture, format.to_mime_type(), pin))
    }

    /// Gives a file its name, for good.
    fn place(
        self: &Arc<Self>,
        passing: Passing,
        thumbnail: Option<&[u8]>,
    ) -> io::Result<(ContentHash, u64, Pin)> {
        let hash = ContentHash(passing.hash.finalize().into());
        let small = thumbnail.map(|thumbnail| {
            let mut small = Passing::new(&self.dir)?;
            small.file.write_all(thumbnail)?;
            small.file.as_file().sync_all()?;
            Ok::<_, io::Error>(small)
        });
        let small = small.transpose()?;
        passing.file.as_file().sync_all()?;
        // From here on it is not removed, even if somebody's copy of it is just being deleted.
        let pin = self.pin(hash);
        if let Some(small) = small {
            persist(small.file, &self.thumbnail(hash))?;
        }
        persist(passing.file, &self.content(hash))?;
        sync_dir(&self.dir)?;
        Ok((hash, passing.size, pin))
    }
}

impl Received {
    /// Puts it into its place. It is synced, with its name, when this is done.
    ///
    /// # Errors
    /// When it cannot be stored. Nothing is left of it then.
    pub async fn finish(self) -> Result<Upload, Refusal> {
        let Self { files, name, mut passing, _place } = self;
        let id = random::draw().map(AttachmentId::from_random).map_err(random::refused)?;
        let (passing, format) = blocking(move || {
            let mut head = Vec::new();
            passing.file.rewind()?;
            passing.file.as_file().take(HEAD).read_to_end(&mut head)?;
            Ok((passing, Sniffed::of(&head)))
        })
        .await?;
        let (hash, size, picture, media_type, pin) = match format {
            Sniffed::Picture(format) => {
                // It may take much memory.
                let _turn = files.easel.acquire().await.map_err(|_| Refusal::unavailable())?;
                let files = files.clone();
                blocking(move || files.place_picture(passing, format)).await?
            }
            Sniffed::Other(media_type) => {
                blocking(move || {
                    let (hash, size, pin) = files.place(passing, None)?;
                    Ok((hash, size, None, media_type, pin))
                })
                .await?
            }
        };
        let image = picture.map(|picture| picture.size);
        let attachment = Attachment { id, name, media_type: media_type.to_owned(), size, image };
        Ok(Upload { attachment, hash, pin })
    }
}

fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    let passing = file.into_temp_path();
    fs::rename(&passing, path)?;
    // There is nothing left to be removed.
    passing.keep().map(|_| ()).map_err(|error| error.error)
}

/// Whether something is wrong with a picture, and not with the disk.
fn is_of_the_file(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// What the first bytes of a file say it is. What its sender says does not count.
enum Sniffed {
    Picture(image::ImageFormat),
    Other(&'static str),
}

impl Sniffed {
    fn of(head: &[u8]) -> Self {
        match picture::format(head) {
            Some(format) => Self::Picture(format),
            None => Self::Other(infer::get(head).map_or(UNKNOWN, |kind| kind.mime_type())),
        }
    }
}

/// Does what waits for the disk, on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| refused(&error)),
        Err(_) => Err(Refusal::unavailable()),
    }
}

fn refused(error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            tracing::warn!(%error, "no room on the disk for a file");
            Refusal::not_saved()
        }
        _ => {
            tracing::error!(%error, "a file could not be stored");
            Refusal::unavailable()
        }
    }
}
