//! The doors of the house: every route, what is checked at each, and the headers of every answer.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    handler::Handler,
    http::{
        Extensions, HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, Version,
        header, request::Parts,
    },
    middleware::{self, Next},
    response::IntoResponse,
    routing::{any, get, post},
};
use chrono::Utc;
use cookie::Cookie;
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, Predicate},
};

mod call;
mod pages;
mod refusals;

use self::{
    call::call,
    pages::{devices, keys, link, offline, page, topic, worker},
    refusals::{refuse, turn_down},
};
use super::{
    accept::Peer,
    config::Origin,
    doors::{Asker, cookie_name},
    files::door::{self as files, Rendition},
    flack::Flack,
    forms::DEVICES,
    label::label,
    live::connection::{self, Visitor},
    metrics,
    network::{Network, Source, TooManySeats},
    token::Token,
};
use crate::domain::{
    attachment::{AttachmentId, FileName},
    frame::CloseCode,
    person::{Person, SessionId},
    refusal::Refusal,
};

/// Where the health of the server is told.
pub const HEALTH: &str = "/healthz";

/// Where the service worker is: a worker is for what is below its own address, which is everything.
const WORKER: &str = "/worker.js";

/// Where the page is that says that one is offline.
const OFFLINE: &str = "/offline";

/// What the routes share.
#[derive(Clone)]
struct Door {
    flack: Flack,
    origin: Option<Arc<Origin>>,
    network: Network,
}

/// Who brought a request, and where it came from: known to all that follows the guard.
#[derive(Clone)]
struct Caller {
    /// None where it came over no network, as in tests.
    peer: Option<Peer>,
    source: Source,
}

/// What can be asked for. The tests have a row for each of these, for who may ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Whether the server works.
    Health,
    /// Numbers about the server; on a listener of its own.
    Metrics,
    /// The live socket.
    Live,
    /// A server function.
    Call,
    /// The page of one's devices.
    Devices,
    /// The page of a link to this device.
    Link,
    /// The page of all keys.
    Keys,
    /// The page of a channel's topic.
    Topic,
    /// A file for a message, on its way in.
    Upload,
    /// A file of a message, or of one's own; also to throw it away.
    File,
    /// A small copy of a picture.
    Thumbnail,
    /// What keeps Flack in a browser, so that it opens without a network.
    Worker,
    /// The page that is shown there of what was not kept.
    Offline,
    /// A file that everyone gets, or any other page.
    Page,
}

impl Route {
    pub const ALL: [Route; 14] = [
        Route::Health,
        Route::Metrics,
        Route::Live,
        Route::Call,
        Route::Devices,
        Route::Link,
        Route::Keys,
        Route::Topic,
        Route::Upload,
        Route::File,
        Route::Thumbnail,
        Route::Worker,
        Route::Offline,
        Route::Page,
    ];

    fn add_to(self, router: Router<Door>) -> Router<Door> {
        match self {
            Route::Health => router.route(HEALTH, get(health)),
            Route::Metrics => router.route("/metrics", get(metrics)),
            Route::Live => router.route("/live", get(live)),
            Route::Call => router.route("/api/{function}", any(call)),
            Route::Devices => router.route(DEVICES, get(devices)),
            Route::Link => router.route("/link/{secret}", get(link)),
            Route::Keys => router.route("/keys", get(keys)),
            Route::Topic => router.route("/c/{channel}/topic", get(topic)),
            Route::Upload => router.route("/files", post(upload)),
            Route::File => router.route("/files/{id}", get(original).delete(discard)),
            Route::Thumbnail => router.route("/files/{id}/thumbnail", get(thumbnail)),
            Route::Worker => router.route(WORKER, get(worker)),
            Route::Offline => router.route(OFFLINE, get(offline)),
            // Not around all routes: a live connection would pay for it.
            Route::Page => router.fallback(page.layer(compression())),
        }
    }
}

/// All that people come to, behind one listener.
pub fn app(flack: Flack, origin: Option<Origin>, network: Network) -> Router {
    // Leptos spawns through this. A second server in one process, as in tests, finds it done.
    let _ = any_spawner::Executor::init_tokio();
    let door = Door { flack, origin: origin.map(Arc::new), network };
    let routes = Route::ALL.into_iter().filter(|route| *route != Route::Metrics);
    let routes = routes.fold(Router::new(), |router, route| route.add_to(router));
    routes.layer(middleware::from_fn_with_state(door.clone(), guard)).with_state(door)
}

/// Compresses pages, and nothing else that a route answers.
fn compression() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(is_of_rooms)
}

/// Whether this is a page with nothing in it that its address says: a room's is an eighth as large compressed.
/// Others stay as they are. Whoever makes a browser ask for such a page, and sees how long the answer is, could
/// find out what else is in it by guesses (BREACH). What the client loads is compressed when it is built, and
/// files are as people have sent them.
fn is_of_rooms(status: StatusCode, _: Version, headers: &HeaderMap, marks: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_page = kind.is_some_and(|kind| kind.starts_with(b"text/html"));
    is_page && status == StatusCode::OK && marks.get::<Plain>().is_none()
}

/// Marks an answer that has the query of its request in it.
#[derive(Clone, Copy)]
struct Plain;

/// What watches over the server comes to, behind a listener that people do not reach. Whoever reaches
/// it may read all of it, so there is nothing in it about anybody.
pub fn watch(flack: Flack, network: Network) -> Router {
    let door = Door { flack, origin: None, network };
    let routes = Route::Metrics.add_to(Router::new());
    routes.layer(middleware::map_response(async |response| harden(response))).with_state(door)
}

/// What holds for every request and every answer.
async fn guard(State(door): State<Door>, mut request: Request, next: Next) -> Response<Body> {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let is_ours = is_safe || door.is_ours(request.headers(), false);
    let caller = door.caller(&request);
    // Whoever watches over this server has to be answered above all.
    let is_watching = request.uri().path() == HEALTH;
    let admitted = match is_watching {
        true => Ok(()),
        false => door.flack.rates().request_from(caller.source),
    };
    let response = match admitted {
        _ if !is_ours => refuse(&Refusal::foreign_origin()),
        Ok(()) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => turn_down(request.headers(), &refusal),
    };
    let metrics = door.flack.metrics();
    metrics.answered(response.status().as_u16());
    if let Some(code) = response.extensions().get() {
        metrics.refusals().count(*code);
    }
    let mut response = harden(response);
    if door.is_secure() {
        let year = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// Lets browsers do no more with an answer than they have to.
fn harden(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    let always: [(HeaderName, &str); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

impl Door {
    /// Whether a request comes from our own pages, or from no browser at all.
    ///
    /// Browsers send an Origin with every request that can change something, and scripts cannot
    /// forge it. What comes without one is a program such as `curl`, which no foreign page drives,
    /// unless the browser's own mark says otherwise.
    fn is_ours(&self, headers: &HeaderMap, is_required: bool) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
            return !is_required && matches!(site, None | Some(b"same-origin" | b"none"));
        };
        let origin = origin.to_str().unwrap_or_default();
        match &self.origin {
            Some(ours) => origin == ours.as_str(),
            None => {
                let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
                let named = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
                host.is_some_and(|host| !host.is_empty() && named == Some(host))
            }
        }
    }

    fn is_secure(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.is_secure())
    }

    fn session(&self, headers: &HeaderMap) -> Option<(SessionId, Person)> {
        cookies(headers, cookie_name(self.is_secure()))
            .filter_map(|cookie| Token::parse(cookie.value()))
            .find_map(|token| {
                let session = token.session();
                Some((session, self.flack.person(&session)?))
            })
    }

    /// Counts a request for a page, or to do something, of whoever is signed in, and notes that their device
    /// is there: it may have no socket. Gives who it is.
    ///
    /// # Errors
    /// When there were too many.
    fn count(&self, headers: &HeaderMap) -> Result<Option<(SessionId, Person)>, Refusal> {
        let Some((session, me)) = self.session(headers) else { return Ok(None) };
        self.flack.rates().request_of(me.id)?;
        self.flack.note_seen(session, Utc::now());
        Ok(Some((session, me)))
    }

    /// The whole address of a path, as this browser reaches it.
    fn url(&self, headers: &HeaderMap, path: &str) -> String {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        match &self.origin {
            Some(origin) => format!("{}{path}", origin.as_str()),
            None => format!("http://{}{path}", host.unwrap_or("localhost")),
        }
    }

    fn caller(&self, request: &Request) -> Caller {
        let peer = request.extensions().get::<Peer>().cloned();
        let source = peer.as_ref().map(|peer| self.network.source(peer.address, request.headers()));
        Caller { peer, source: source.unwrap_or(Source::NOWHERE) }
    }

    /// Who asks, for the server functions.
    fn asker(&self, parts: &Parts) -> Asker {
        let caller = parts.extensions.get::<Caller>();
        Asker {
            flack: self.flack.clone(),
            session: self.session(&parts.headers),
            source: caller.map_or(Source::NOWHERE, |caller| caller.source),
            label: label(
                parts
                    .headers
                    .get(header::USER_AGENT)
                    .and_then(|agent| agent.to_str().ok())
                    .unwrap_or_default(),
            ),
            is_secure: self.is_secure(),
        }
    }
}

/// The cookies of this name that a browser sent.
pub fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = Cookie<'a>> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(Cookie::split_parse).flatten().filter(move |cookie| cookie.name() == name)
}

async fn health(State(door): State<Door>) -> Response<Body> {
    if door.flack.is_writable() {
        (StatusCode::OK, "ok\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "read-only: the disk is full\n").into_response()
    }
}

async fn metrics(State(door): State<Door>) -> Response<Body> {
    match door.flack.levels(door.network.connections()).await {
        Ok(levels) => {
            let headers = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
            (headers, door.flack.metrics().text(&levels)).into_response()
        }
        Err(refusal) => refuse(&refusal),
    }
}

async fn live(State(door): State<Door>, request: Request) -> Response<Body> {
    if !door.is_ours(request.headers(), true) {
        return refuse(&Refusal::foreign_origin());
    }
    if door.flack.is_draining() {
        return refuse(&Refusal::unavailable());
    }
    let visitor = door.session(request.headers());
    let caller = request.extensions().get::<Caller>();
    let source = caller.map_or(Source::NOWHERE, |caller| caller.source);
    if let Some((_, person)) = &visitor
        && let Err(refusal) = door.flack.rates().socket(person.id, source)
    {
        return refuse(&refusal);
    }
    let seats = match caller.and_then(|caller| caller.peer.as_ref()) {
        Some(peer) => match door.network.seat(peer.address, source) {
            Ok(seat) => (Some(peer.seat.clone()), seat),
            Err(TooManySeats) => return refuse(&Refusal::unavailable()),
        },
        None => (None, None),
    };
    let Some((session, person)) = visitor else {
        return connection::turn_away(CloseCode::SignedOut, seats, request)
            .unwrap_or_else(|_| refuse(&Refusal::not_signed_in()));
    };
    let visitor = Visitor { session, person, source, seats };
    connection::upgrade(door.flack, visitor, request).unwrap_or_else(|refusal| refuse(&refusal))
}

/// Takes the body in as a file of the asker's. Its name is in the query.
async fn upload(State(door): State<Door>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let me = match door.count(&parts.headers) {
        Ok(Some((_, me))) => me,
        Ok(None) => return refuse(&Refusal::not_signed_in()),
        Err(refusal) => return turn_down(&parts.headers, &refusal),
    };
    let name = FileName::from(query(&parts.uri, "name").unwrap_or_default());
    let length = files::length(&parts.headers);
    match files::upload(&door.flack, me.id, name, length, body).await {
        Ok(attachment) if door.session(&parts.headers).is_none() => {
            files::discard(&door.flack, me.id, vec![attachment.id]).await;
            refuse(&Refusal::not_signed_in())
        }
        Ok(attachment) => (StatusCode::CREATED, axum::Json(attachment)).into_response(),
        Err(refusal) => refuse(&refusal),
    }
}

async fn original(door: State<Door>, id: Path<String>, request: Request) -> Response<Body> {
    file(door, id, Rendition::Original, request).await
}

async fn thumbnail(door: State<Door>, id: Path<String>, request: Request) -> Response<Body> {
    file(door, id, Rendition::Thumbnail, request).await
}

async fn file(
    State(door): State<Door>,
    Path(id): Path<String>,
    rendition: Rendition,
    request: Request,
) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let Some((_, me)) = door.session(&parts.headers) else {
        return refuse(&Refusal::not_signed_in());
    };
    match files::serve(&door.flack, me.id, &id, rendition, &parts).await {
        Ok(response) => response,
        Err(refusal) => refuse(&refusal),
    }
}

/// Removes a file of the asker's that is in no message.
async fn discard(
    State(door): State<Door>,
    Path(id): Path<String>,
    request: Request,
) -> Response<Body> {
    let me = match door.count(request.headers()) {
        Ok(Some((_, me))) => me,
        Ok(None) => return refuse(&Refusal::not_signed_in()),
        Err(refusal) => return refuse(&refusal),
    };
    let discarded = match AttachmentId::try_from(id) {
        Ok(id) => door.flack.discard_file(me.id, id).await,
        Err(_) => Err(Refusal::unknown_file()),
    };
    match discarded {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refuse(&refusal),
    }
}

/// A field of an address's query.
fn query(uri: &Uri, name: &str) -> Option<String> {
    let fields: Vec<(String, String)> = serde_urlencoded::from_str(uri.query()?).ok()?;
    fields.into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
}
