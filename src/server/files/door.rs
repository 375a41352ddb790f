//! Files over HTTP: in as the body of a request, out in whole or in part.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream},
    http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, request::Parts},
    response::IntoResponse,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use multer::{Constraints, Multipart, SizeLimit};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{
    fs::File,
    io::AsyncReadExt,
    time::{Instant, timeout_at},
};
use tower_http::services::ServeFile;

use super::{ContentHash, FileLimits, Files, upload::SILENCE};
use crate::{
    domain::{
        attachment::{Attachment, AttachmentId, FileName},
        person::PersonId,
        refusal::Refusal,
    },
    server::flack::Flack,
};

/// What stands for itself in an extended parameter of a header (RFC 8187 §3.2.1).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// For how long what a refused asker still sends is read, so that they hear why.
const DRAIN: Duration = Duration::from_secs(5);

/// How much of a file may have been read before its form is known to have one: more than comes at once.
const READ_AHEAD: u64 = 1 << 20;

/// Which rendition of a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendition {
    Original,
    Thumbnail,
}

/// Takes a file in for somebody. It is theirs, and theirs alone, until a message of theirs has it.
///
/// # Errors
/// When it is refused; nothing is left of it then.
pub async fn upload(
    flack: &Flack,
    by: PersonId,
    name: FileName,
    length: Option<u64>,
    body: Body,
) -> Result<Attachment, Refusal> {
    let mut content = body.into_data_stream();
    let stored = take(flack, by, name, length, &mut content).await;
    if stored.is_err() {
        drain(&mut content).await;
    }
    stored
}

/// Reads on for a while and forgets it: whoever is still sending would not see the answer.
async fn drain<E>(content: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin)) {
    let rest = async { while let Some(Ok(_)) = content.next().await {} };
    let _ = tokio::time::timeout(DRAIN, rest).await;
}

async fn take<E>(
    flack: &Flack,
    by: PersonId,
    name: FileName,
    length: Option<u64>,
    content: impl Stream<Item = Result<Bytes, E>>,
) -> Result<Attachment, Refusal> {
    let limit = flack.file_limits().attachments.file;
    // What is announced to be too large need not be read to be refused.
    if length.is_some_and(|length| length > limit) {
        return Err(Refusal::file_too_large(limit));
    }
    flack.room_for_file(by, length.unwrap_or_default()).await?;
    let received = flack.files().receive(by, name, limit, content).await?;
    // From here on it is finished, whether the asker waits for it or not: what goes on without them would be
    // counted nowhere.
    let flack = flack.clone();
    let stored = tokio::spawn(async move { flack.store_file(by, received.finish().await?).await });
    stored.await.unwrap_or_else(|_| Err(Refusal::unavailable()))
}

/// The length that a request says its body has.
pub fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Sends a file, or the part of it that is asked for (RFC 9110 §14).
///
/// # Errors
/// The same for one that is not there and for one that is not for the asker.
pub async fn serve(
    flack: &Flack,
    by: PersonId,
    id: &str,
    rendition: Rendition,
    parts: &Parts,
) -> Result<Response<Body>, Refusal> {
    let id = AttachmentId::try_from(id.to_owned()).map_err(|_| Refusal::unknown_file())?;
    let (file, hash) = flack.file(by, &id).await?;
    if rendition == Rendition::Thumbnail && file.image.is_none() {
        return Err(Refusal::unknown_file());
    }
    let tag = match rendition {
        Rendition::Original => format!("\"{}\"", id.as_str()),
        Rendition::Thumbnail => format!("\"{}-thumbnail\"", id.as_str()),
    };
    let mut response = if is_known(&parts.headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        content(flack.files(), hash, rendition, parts).await?
    };
    let headers = response.headers_mut();
    // When the same content came in first is nobody's business.
    headers.remove(header::LAST_MODIFIED);
    // It is asked for again each time, because it may be deleted, or its reader signed out.
    let fixed = [
        (header::CACHE_CONTROL, "private, no-cache"),
        // Whatever it is, it runs nothing, loads nothing, and is of no origin.
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::ETAG, HeaderValue::try_from(tag).expect("an id is hexadecimal"));
    if matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
        let media_type = media_type(&file, rendition, flack.files(), hash).await;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, media_type);
        headers.insert(header::CONTENT_DISPOSITION, disposition(&file));
    }
    Ok(response)
}

/// Whether the asker has it already (RFC 9110 §13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let tags = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|it| it.to_str().ok());
    tags.flat_map(|tags| tags.split(','))
        .any(|known| matches!(known.trim(), "*") || known.trim().trim_start_matches("W/") == tag)
}

async fn content(
    files: &Files,
    hash: ContentHash,
    rendition: Rendition,
    parts: &Parts,
) -> Result<Response<Body>, Refusal> {
    let path = match rendition {
        Rendition::Original => files.content(hash),
        Rendition::Thumbnail => files.thumbnail(hash),
    };
    let mut request = Request::new(Body::empty());
    request.method_mut().clone_from(&parts.method);
    if let Some(range) = parts.headers.get(header::RANGE) {
        // What belongs to another version of the file is of no use (RFC 9110 §13.1.5); there is one.
        request.headers_mut().insert(header::RANGE, range.clone());
    }
    let served = ServeFile::new(path).try_call(request).await.map_err(|error| {
        tracing::error!(%error, "a file could not be read");
        Refusal::unavailable()
    })?;
    match served.status() {
        StatusCode::NOT_FOUND => Err(Refusal::unknown_file()),
        _ => Ok(served.map(Body::new)),
    }
}

/// Only pictures are what they are; a page or a script must never come from here as one.
async fn media_type(
    file: &Attachment,
    rendition: Rendition,
    files: &Files,
    hash: ContentHash,
) -> HeaderValue {
    const OTHER: HeaderValue = HeaderValue::from_static("application/octet-stream");
    match (rendition, &file.image, file.media_type.as_str()) {
        (Rendition::Thumbnail, ..) => files.thumbnail_type(hash).await,
        (Rendition::Original, Some(_), "image/png") => HeaderValue::from_static("image/png"),
        (Rendition::Original, Some(_), "image/jpeg") => HeaderValue::from_static("image/jpeg"),
        (Rendition::Original, Some(_), "image/gif") => HeaderValue::from_static("image/gif"),
        (Rendition::Original, Some(_), "image/webp") => HeaderValue::from_static("image/webp"),
        _ => OTHER,
    }
}

/// What a file is called when it is saved (RFC 6266 §4.3): plainly for programs of old, and in full.
fn disposition(file: &Attachment) -> HeaderValue {
    let kind = if file.image.is_some() { "inline" } else { "attachment" };
    let name = file.name.as_str();
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || " -._()".contains(c) { c } else { '_' })
        .collect();
    let full = utf8_percent_encode(name, PLAIN);
    let value = format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{full}");
    HeaderValue::try_from(value).expect("all of it is visible ASCII")
}

/// What is in a form with files: its text fields, and the ids of its files in their place. The text is
/// given also when something was refused; none of the files is left then.
pub async fn form(
    flack: &Flack,
    by: PersonId,
    content_type: &str,
    body: Body,
    text_limit: usize,
) -> (Vec<(String, String)>, Result<Vec<AttachmentId>, Refusal>) {
    let mut fields = Vec::new();
    let mut uploads = Vec::new();
    let content = SharedStream::new(body);
    let mut rest = content.clone();
    let form = read_form(flack, by, content_type, content, text_limit, &mut fields, &mut uploads);
    if let Err(refusal) = form.await {
        discard(flack, by, uploads).await;
        rest.allow(u64::MAX);
        drain(&mut rest).await;
        return (fields, Err(refusal));
    }
    let ids = uploads.iter().cloned().enumerate();
    fields.extend(ids.map(|(place, id)| (format!("attachments[{place}]"), id.into())));
    (fields, Ok(uploads))
}

/// Removes files that were uploaded for nothing.
pub async fn discard(flack: &Flack, by: PersonId, files: Vec<AttachmentId>) {
    for id in files {
        // What is not discarded now is swept later.
        let _ = flack.discard_file(by, id).await;
    }
}

/// A body that somebody else can go on reading where one stopped, and of which only so much is read as is
/// allowed.
#[derive(Clone)]
struct SharedStream(Arc<Mutex<Allowed>>);

struct Allowed {
    content: BodyDataStream,
    /// How many more bytes may come.
    left: u64,
}

impl SharedStream {
    fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Allowed { content: body.into_data_stream(), left: 0 })))
    }

    /// Lets so many more bytes come, and none besides.
    fn allow(&self, bytes: u64) {
        self.lock().left = bytes;
    }

    fn lock(&self) -> MutexGuard<'_, Allowed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for SharedStream {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Allowed { content, left } = &mut *self.lock();
        let next = ready!(content.poll_next_unpin(context));
        let size = next.as_ref().and_then(|next| next.as_ref().ok()).map_or(0, Bytes::len);
        Poll::Ready(match left.checked_sub(size as u64) {
            Some(rest) => {
                *left = rest;
                next
            }
            None => Some(Err(axum::Error::new("more than is allowed"))),
        })
    }
}

async fn read_form(
    flack: &Flack,
    by: PersonId,
    content_type: &str,
    content: SharedStream,
    text_limit: usize,
    fields: &mut Vec<(String, String)>,
    uploads: &mut Vec<AttachmentId>,
) -> Result<(), Refusal> {
    let boundary = multer::parse_boundary(content_type).map_err(|_| Refusal::malformed())?;
    let FileLimits { attachments, .. } = flack.file_limits();
    let whole = attachments.file.saturating_mul(attachments.files as u64 + 1);
    let limits = SizeLimit::new().whole_stream(whole.saturating_add(text_limit as u64 * 2));
    let constraints = Constraints::new().size_limit(limits);
    let allowance = content.clone();
    let mut form = Multipart::with_constraints(content, boundary, constraints);
    let mut text = 0;
    // What is beside the files is little, and comes at once.
    let beside = text_limit as u64 * 2 + READ_AHEAD;
    allowance.allow(beside);
    let mut deadline = Instant::now() + SILENCE;
    loop {
        let next = timeout_at(deadline, form.next_field()).await;
        let next = next.map_err(|_| Refusal::upload_broken())?;
        let Some(mut field) = next.map_err(|_| Refusal::malformed())? else { return Ok(()) };
        let name = field.name().unwrap_or_default().to_owned();
        match field.file_name().map(str::to_owned) {
            // What browsers send when no file was chosen.
            Some(file) if file.is_empty() => {}
            Some(_) if uploads.len() == attachments.files => {
                return Err(Refusal::too_many_files(attachments.files));
            }
            Some(file) => {
                let file = FileName::from(file.as_str());
                allowance.allow(attachments.file.saturating_add(beside));
                uploads.push(take(flack, by, file, None, field).await?.id);
                allowance.allow(beside);
                deadline = Instant::now() + SILENCE;
            }
            None => {
                let mut value = Vec::new();
                text += name.len();
                loop {
                    let chunk = timeout_at(deadline, field.chunk()).await;
                    let chunk = chunk.map_err(|_| Refusal::upload_broken())?;
                    let Some(chunk) = chunk.map_err(|_| Refusal::malformed())? else { break };
                    text += chunk.len();
                    if text > text_limit {
                        return Err(Refusal::malformed());
                    }
                    value.extend_from_slice(&chunk);
                }
                fields.push((name, String::from_utf8_lossy(&value).into_owned()));
            }
        }
    }
}

impl Files {
    /// What a small copy was encoded as.
    async fn thumbnail_type(&self, hash: ContentHash) -> HeaderValue {
        let mut first = [0];
        let read = async { File::open(self.thumbnail(hash)).await?.read(&mut first).await };
        match (read.await, first) {
            (Ok(1), [0x89]) => HeaderValue::from_static("image/png"),
            _ => HeaderValue::from_static("image/jpeg"),
        }
    }
}
