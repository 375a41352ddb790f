//! The doors of the house: every route, what is checked at each, and the headers of every answer.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Path, Request, State},
    handler::Handler,
    http::{
        Extensions, HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, Version,
        header, request::Parts,
    },
    middleware::{self, Next},
    response::{Html, IntoResponse, Redirect},
    routing::{any, get, post},
};
use chrono::Utc;
use cookie::Cookie;
use leptos::{
    nonce::{provide_nonce, use_nonce},
    prelude::*,
    server_fn::axum::server_fn_paths,
    tachys::view::Position as Place,
};
use qrcode::QrCode;
use tokio::time::timeout;
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, Predicate},
};

use super::{
    accept::Peer,
    assets,
    config::Origin,
    doors::{Asker, cookie_name},
    files::door::{self as files, Copy},
    flack::Flack,
    forms::{DEVICES, Form},
    label::label,
    language,
    live::connection::{self, Visitor},
    metrics,
    network::{Network, Source, TooManySeats},
    token::Token,
};
use crate::{
    domain::{
        address::Address,
        attachment::{AttachmentId, FileName},
        device::Link,
        frame::CloseCode,
        name::ChannelName,
        page::{Found, Page, RefusedForm},
        person::{FOUND_LIMIT, Person, PersonId, SessionId},
        position::Position,
        refusal::{Refusal, RefusalCode},
        room::{Pair, Room},
        theme::Theme,
    },
    ui::{
        app::{Links, document, door, shell},
        pages::{
            devices::{DevicesPage, LinkPage, Qr, ShownLink},
            keys::KeysPage,
            offline::OfflinePage,
            topic::{RefusedTopic, TopicPage},
        },
    },
    words::Spoken,
};

/// More than any form needs: a message of 4,000 characters takes up to 48,000 bytes when encoded.
const BODY_LIMIT: usize = 64 * 1024;

/// Seconds in which the body of a request has to come.
const BODY_SECONDS: u64 = 20;

/// What a page takes with a hundred messages of ordinary length, and not too many rooms.
const PAGE_SIZE: usize = 96 * 1024;

/// Where the health of the server is told.
pub const HEALTH: &str = "/healthz";

/// Where the service worker is: a worker is for what is below its own address, which is everything.
const WORKER: &str = "/worker.js";

/// Where the page is that says that one is offline.
const OFFLINE: &str = "/offline";

/// The cookie in which a page says what was read last, for the one that comes next: by whom, and the
/// message's address.
const READ: &str = "read";

/// Names whom a page was rendered for, or nobody, so that a browser keeps no page of somebody else.
const PERSON: HeaderName = HeaderName::from_static("flack-person");

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

/// A server function, for the client, for a form or for `curl`.
async fn call(State(door): State<Door>, request: Request) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let person = match door.count(&parts.headers) {
        Ok(session) => session.map(|(_, person)| person.id),
        Err(refusal) => return turn_down(&parts.headers, &refusal),
    };
    let (body, response) = match read(&door, person, &mut parts, body).await {
        (body, Ok(files)) => {
            // Now: they may have been signed out while the body came.
            let response = run(door.asker(&parts), &parts, body.clone()).await;
            if let (Err(_), Some(person)) = (&response, person) {
                files::discard(&door.flack, person, files).await;
            }
            (body, response)
        }
        (body, Err(refusal)) => (body, Err(refusal)),
    };
    let form = Form::read(&parts, &body);
    let refusal = match response {
        Ok(response) => match form {
            // The secret is in this one answer, and nowhere to be had again.
            Some(_) if parts.uri.path() == "/api/create_link" => {
                let body = to_bytes(response.into_body(), BODY_LIMIT).await.unwrap_or_default();
                let link = serde_json::from_slice(&body).ok();
                return render_devices(&door, &parts, link, None).await;
            }
            Some(form) => return form.done(response).await,
            None => return response,
        },
        Err(refusal) => match form {
            // Pressed twice, or another page of this browser was faster.
            Some(form) if refusal.code == RefusalCode::AlreadySignedIn => {
                return form.done(StatusCode::OK.into_response()).await;
            }
            _ => refusal,
        },
    };
    match form {
        // A browser without JavaScript gets its page again, with what was typed still there.
        Some(form) => {
            let uri = form.page();
            if parts.uri.path() == "/api/use_link" {
                return render_link(&door, &parts, Err(refusal));
            }
            if parts.uri.path() == "/api/set_topic" && refusal.code != RefusalCode::NotSignedIn {
                let [channel, typed] = ["channel", "topic"]
                    .map(|field| form.fields.get(field).cloned().unwrap_or_default());
                return render_topic(&door, &parts, channel, Some((typed, refusal)));
            }
            if uri.path() == DEVICES && refusal.code != RefusalCode::NotSignedIn {
                return render_devices(&door, &parts, None, Some(refusal)).await;
            }
            let refused = RefusedForm {
                action: parts.uri.path().to_owned(),
                fields: form.fields.into_iter().collect(),
                refusal: refusal.clone(),
            };
            let mut response = render(&door, &parts, &uri, Some(refused)).await;
            mark(&mut response, &refusal);
            response
        }
        None => refuse(&refusal),
    }
}

/// Reads the arguments of a server function. Files among them are stored, and have their ids in their
/// place; the ids are given, too. What could be read is given also when something was refused.
async fn read(
    door: &Door,
    me: Option<PersonId>,
    parts: &mut Parts,
    body: Body,
) -> (Bytes, Result<Vec<AttachmentId>, Refusal>) {
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let multipart = content_type.filter(|it| it.starts_with("multipart/form-data"));
    let Some(multipart) = multipart.filter(|_| parts.uri.path() == "/api/post_message") else {
        let body = timeout(Duration::from_secs(BODY_SECONDS), to_bytes(body, BODY_LIMIT));
        return match body.await {
            Ok(Ok(body)) => (body, Ok(Vec::new())),
            Ok(Err(_)) => (Bytes::new(), Err(Refusal::malformed())),
            Err(_) => (Bytes::new(), Err(Refusal::timed_out())),
        };
    };
    let (fields, result) = match me {
        Some(me) => files::form(&door.flack, me, multipart, body, BODY_LIMIT).await,
        None => (Vec::new(), Err(Refusal::not_signed_in())),
    };
    let encoded = HeaderValue::from_static("application/x-www-form-urlencoded");
    parts.headers.insert(header::CONTENT_TYPE, encoded);
    parts.headers.remove(header::CONTENT_LENGTH);
    (serde_urlencoded::to_string(fields).unwrap_or_default().into(), result)
}

/// Runs a server function and gives its answer, or the refusal that it answered.
async fn run(asker: Asker, parts: &Parts, body: Bytes) -> Result<Response<Body>, Refusal> {
    let mut request = Request::new(Body::from(body));
    *request.uri_mut() = parts.uri.clone();
    *request.headers_mut() = parts.headers.clone();
    // Leptos would answer a form with a redirect of its own.
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let function = server_fn_paths().find(|(path, _)| *path == parts.uri.path());
    let Some((_, method)) = function else { return Err(Refusal::malformed()) };
    // What only reads is asked for by its address, and may be sent as a form.
    if parts.method != method && parts.method != Method::POST {
        return Err(Refusal::malformed());
    }
    *request.method_mut() = method;
    let context = move || provide_context(asker.clone());
    let response =
        leptos_axum::handle_server_fns_with_context(context, request).await.into_response();
    if response.status().is_success() {
        return Ok(response);
    }
    let body = to_bytes(response.into_body(), BODY_LIMIT).await.unwrap_or_default();
    Err(serde_json::from_slice(&body).unwrap_or_else(|_| Refusal::malformed()))
}

fn status(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn refuse(refusal: &Refusal) -> Response<Body> {
    let mut response = axum::Json(refusal.clone().spelled_out()).into_response();
    mark(&mut response, refusal);
    response
}

/// Refuses a page, in words.
fn tell(headers: &HeaderMap, refusal: &Refusal) -> Response<Body> {
    let words = language::of(headers).words();
    let mut response = refusal.told(words).into_response();
    mark(&mut response, refusal);
    response
}

/// Refuses before anything was looked at: with a sentence for people, and as usual for programs.
fn turn_down(headers: &HeaderMap, refusal: &Refusal) -> Response<Body> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if !accept.is_some_and(|accept| accept.contains("text/html")) {
        return refuse(refusal);
    }
    tell(headers, refusal)
}

/// Gives an answer the status of a refusal, says when to ask again, and lets the guard count what was
/// refused.
fn mark(response: &mut Response<Body>, refusal: &Refusal) {
    *response.status_mut() = status(refusal);
    response.extensions_mut().insert(refusal.code);
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
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
    file(door, id, Copy::Original, request).await
}

async fn thumbnail(door: State<Door>, id: Path<String>, request: Request) -> Response<Body> {
    file(door, id, Copy::Thumbnail, request).await
}

async fn file(
    State(door): State<Door>,
    Path(id): Path<String>,
    copy: Copy,
    request: Request,
) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let Some((_, me)) = door.session(&parts.headers) else {
        return refuse(&Refusal::not_signed_in());
    };
    match files::serve(&door.flack, me.id, &id, copy, &parts).await {
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

/// A file of the client, or a page.
async fn page(State(door): State<Door>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    match assets::serve(parts.uri.path(), &parts.headers) {
        Some(file) => file,
        None => render(&door, &parts, &parts.uri, None).await,
    }
}

/// The page at an address, as the asker may see it.
async fn render(
    door: &Door,
    parts: &Parts,
    uri: &Uri,
    refused: Option<RefusedForm>,
) -> Response<Body> {
    // What was refused is counted already.
    let session = match refused {
        None => door.count(&parts.headers),
        Some(_) => Ok(door.session(&parts.headers)),
    };
    let me = match session {
        Ok(session) => session.map(|(_, person)| person),
        Err(refusal) => return turn_down(&parts.headers, &refusal),
    };
    let (address, message) = Address::with_message(uri.path());
    let open = match (&address, &me) {
        (Address::Channel(name), Some(_)) => door.flack.channel(name).ok().map(Room::Channel),
        (Address::Direct(with), Some(me)) => Some(Room::Direct(Pair::of(me.id, *with))),
        _ => None,
    };
    if let (Address::Channel(name), Some(Room::Channel(channel))) = (&address, &open)
        && name != channel.as_str()
        && refused.is_none()
    {
        let message = message.map(|message| format!("/{message}")).unwrap_or_default();
        return Redirect::permanent(&(channel.path() + &message)).into_response();
    }
    let mut page = door.flack.page(me.clone(), uri.path(), open).await;
    if let Err(Refusal { code: RefusalCode::UnknownPerson, .. }) = page {
        page = door.flack.page(me, uri.path(), None).await;
    }
    let mut page = match page {
        Ok(page) => page,
        Err(refusal) => return tell(&parts.headers, &refusal),
    };
    let is_found = match address {
        Address::Home | Address::People => true,
        Address::Channel(_) | Address::Direct(_) => page.me.is_none() || page.open.is_some(),
        Address::Nowhere => false,
    };
    if let (Some(me), Some((room, window))) = (&page.me, &page.open)
        && let Some(position) = read_just_now(&parts.headers, me.id, &address)
    {
        let position = position.min(window.position);
        if page.memberships.read(room, position) {
            door.flack.note_read(me.id, room.clone(), position);
        }
    }
    if address == Address::People
        && let Some(me) = &page.me
    {
        let name = query(uri, "name").unwrap_or_default();
        let people = match door.flack.people(Some(me), name.clone(), FOUND_LIMIT).await {
            Ok(people) => people,
            Err(refusal) => return tell(&parts.headers, &refusal),
        };
        page.online.extend(door.flack.online_of(people.iter().map(|person| person.id)));
        page.people = Some(Found { name, people });
    }
    let is_signed_out = page.me.is_none() && query(uri, "signed-out").is_some();
    let refused = refused.or_else(|| {
        is_signed_out.then(|| RefusedForm {
            action: "/api/sign_in".to_owned(),
            fields: Vec::new(),
            refusal: Refusal::signed_out(),
        })
    });
    // A browser without JavaScript asks for the form of a message in this way.
    let refused_edit = refused.as_ref().filter(|refused| refused.action == "/api/edit_message");
    let editing = refused_edit.map(|refused| refused.field("message")).or(query(uri, "edit"));
    page.editing = editing.and_then(|message| message.parse().ok()).map(Position);
    // So it does for what it wants to answer; and what was refused still answers the same.
    let refused_post = refused.as_ref().filter(|refused| refused.action == "/api/post_message");
    let replying = refused_post.map(|refused| refused.field("reply_to")).or(query(uri, "reply"));
    page.replying = replying.and_then(|message| message.parse().ok()).map(Position);
    page.refused = refused;
    let person = page.me.as_ref().map_or("nobody".to_owned(), |me| me.id.0.to_string());
    let mut response = render_page(parts, page);
    if let Ok(person) = HeaderValue::try_from(person) {
        response.headers_mut().insert(PERSON, person);
    }
    if uri.query().is_some() {
        response.extensions_mut().insert(Plain);
    }
    if !is_found {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

/// Up to which message of a room this browser has read it, as the page before says. What that one has told
/// the server may still be on its way, or have no way.
fn read_just_now(headers: &HeaderMap, me: PersonId, room: &Address) -> Option<Position> {
    let read = cookies(headers, READ).next()?;
    // Perhaps it was somebody else, in the same browser.
    let path = read.value().strip_prefix(&me.0.to_string())?;
    let (address, message) = Address::with_message(path);
    message.filter(|_| address == *room)
}

/// The service worker, which may load things from here and do nothing else (CSP Level 3 §4.4).
async fn worker(headers: HeaderMap) -> Response<Body> {
    let language = language::of(&headers);
    let Links { style, script, wasm, rest, words } = assets::links(language);
    let shell = [OFFLINE.to_owned(), style, script, wasm, words, "/favicon.svg".to_owned()];
    let mut response = assets::worker(&shell, &rest);
    vary(&mut response);
    let policy = HeaderValue::from_static("default-src 'none'; connect-src 'self'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    // Browsers ask for it anew anyway; nothing in between may have an old one.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The same for everyone.
async fn offline(request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let words = language::of(&parts.headers).documents();
    render_document(&parts, words.offline_title, || view! { <OfflinePage words /> })
}

/// The page of one's devices.
async fn devices(State(door): State<Door>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    match door.count(&parts.headers) {
        Ok(_) => render_devices(&door, &parts, None, None).await,
        Err(refusal) => tell(&parts.headers, &refusal),
    }
}

async fn render_devices(
    door: &Door,
    parts: &Parts,
    link: Option<Link>,
    refusal: Option<Refusal>,
) -> Response<Body> {
    let Some((session, me)) = door.session(&parts.headers) else {
        return Redirect::to("/").into_response();
    };
    let devices = match door.flack.devices(me.id, session).await {
        Ok(devices) => devices,
        Err(refusal) => return tell(&parts.headers, &refusal),
    };
    let link = link.map(|link| {
        let url = door.url(&parts.headers, &link.path);
        ShownLink { qr: qr(&url), url, expires: link.expires }
    });
    let language = language::of(&parts.headers);
    let error = refusal.as_ref().map(|refusal| refusal.told(language.words()));
    let words = language.documents();
    let view = || view! { <DevicesPage words me devices link error /> };
    let mut response = render_document(parts, words.devices_title, view);
    if let Some(refusal) = refusal {
        mark(&mut response, &refusal);
    }
    response
}

/// The page of all keys, which are others on a Mac.
async fn keys(request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let is_mac = agent.is_some_and(|agent| agent.contains("Mac OS"));
    let words = language::of(&parts.headers).documents();
    let Links { style, rest, .. } = assets::links(language::of(&parts.headers));
    // Elsewhere they are shown by what comes later.
    let sheets = rest.into_iter().filter(|address| address.ends_with(".css"));
    let sheets = sheets.map(|address| view! { <link rel="stylesheet" href=address /> });
    let keys = || view! { <KeysPage words is_mac /> };
    render_view(&parts, || document(style, words.keys_title, sheets.collect_view(), keys()))
}

/// The page of a channel's topic.
async fn topic(
    State(door): State<Door>,
    Path(channel): Path<String>,
    request: Request,
) -> Response<Body> {
    let (parts, _) = request.into_parts();
    match door.count(&parts.headers) {
        Ok(_) => render_topic(&door, &parts, channel, None),
        Err(refusal) => tell(&parts.headers, &refusal),
    }
}

/// With what was typed in vain, if it was. Who may not see it, or where there is no such channel, its own
/// page says so.
fn render_topic(
    door: &Door,
    parts: &Parts,
    channel: String,
    refused: Option<(String, Refusal)>,
) -> Response<Body> {
    let found = door.flack.find_channel(&channel);
    let (Ok(channel), Some(_)) = (found, door.session(&parts.headers)) else {
        return Redirect::to(&ChannelName::stored(channel).path()).into_response();
    };
    let (typed, refusal) = refused.unzip();
    let language = language::of(&parts.headers);
    let refused = refusal
        .as_ref()
        .zip(typed)
        .map(|(refusal, typed)| RefusedTopic { typed, error: refusal.told(language.words()) });
    let words = language.documents();
    let view = || view! { <TopicPage words channel refused /> };
    let mut response = render_document(parts, words.topic_title, view);
    if let Some(refusal) = refusal {
        mark(&mut response, &refusal);
    }
    response
}

/// The page of a link to this device. Opening it does not use it up: what looks at links before
/// people do, such as a chat that shows what is behind them, only reads.
async fn link(
    State(door): State<Door>,
    Path(secret): Path<String>,
    request: Request,
) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let person = match Token::parse(&secret) {
        Some(secret) => door.flack.link(secret.link(), Utc::now()).await,
        None => Err(Refusal::unknown_link()),
    };
    render_link(&door, &parts, person.map(|person| (person, secret)))
}

fn render_link(
    door: &Door,
    parts: &Parts,
    found: Result<(Person, String), Refusal>,
) -> Response<Body> {
    let me = door.session(&parts.headers).map(|(_, person)| person);
    let refusal = found.as_ref().err().cloned();
    let language = language::of(&parts.headers);
    let found = found.map_err(|refusal| refusal.told(language.words()));
    let words = language.documents();
    let view = || view! { <LinkPage words me found /> };
    let mut response = render_document(parts, words.link_title, view);
    if let Some(refusal) = refusal {
        mark(&mut response, &refusal);
    }
    // The address is a secret. With "no-referrer", browsers would send the form without an Origin.
    let origin = HeaderValue::from_static("strict-origin");
    response.headers_mut().insert(header::REFERRER_POLICY, origin);
    response
}

/// The dark squares of a text as a QR code (ISO/IEC 18004), for a path in SVG.
fn qr(text: &str) -> Option<Qr> {
    let code = QrCode::new(text).ok()?;
    let size = code.width();
    let dark = code.to_colors().into_iter().enumerate();
    let dark = dark.filter(|(_, color)| *color == qrcode::Color::Dark);
    let path = dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % size, at / size)).collect();
    Some(Qr { size, path })
}

/// A field of an address's query.
fn query(uri: &Uri, name: &str) -> Option<String> {
    let fields: Vec<(String, String)> = serde_urlencoded::from_str(uri.query()?).ok()?;
    fields.into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
}

fn render_page(parts: &Parts, page: Page) -> Response<Body> {
    let links = assets::links(language::of(&parts.headers));
    match page.me.is_some() {
        true => render_view(parts, move || shell(links, page)),
        false => render_view(parts, move || door(links, &page)),
    }
}

/// A page without the client.
fn render_document<V: IntoView + 'static>(
    parts: &Parts,
    title: &'static str,
    view: impl FnOnce() -> V,
) -> Response<Body> {
    let style = assets::links(language::of(&parts.headers)).style;
    render_view(parts, || document(style, title, (), view()))
}

/// In one pass: nothing in a page waits for anything.
fn render_view<V: IntoView>(parts: &Parts, view: impl FnOnce() -> V) -> Response<Body> {
    let theme = cookies(&parts.headers, Theme::COOKIE).next();
    let theme = theme.map(|cookie| Theme::of(cookie.value())).unwrap_or_default();
    let (language, chosen) = (language::of(&parts.headers), language::chosen(&parts.headers));
    let owner = Owner::new();
    let mut page = String::with_capacity(PAGE_SIZE);
    let nonce = owner.with(|| {
        provide_nonce();
        provide_context(theme);
        provide_context(Spoken { language, chosen });
        let view = view().into_view();
        view.to_html_with_buf(&mut page, &mut Place::FirstChild, true, false, Vec::new());
        use_nonce()
    });
    owner.unset_with_forced_cleanup();
    let mut response = Html(page).into_response();
    let nonce = nonce.map(|nonce| nonce.to_string()).unwrap_or_default();
    if let Ok(policy) = HeaderValue::try_from(policy(&nonce)) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let spoken = HeaderValue::from_static(language.tag());
    response.headers_mut().insert(header::CONTENT_LANGUAGE, spoken);
    vary(&mut response);
    response
}

/// Says that the answer is in the language of who asks.
fn vary(response: &mut Response<Body>) {
    let by = HeaderValue::from_static("cookie, accept-language");
    response.headers_mut().insert(header::VARY, by);
}

/// What a page may load and do (CSP Level 3). `connect-src` covers the live socket.
fn policy(nonce: &str) -> String {
    // cargo-leptos reloads the page through a socket of its own.
    let reload =
        if std::env::var_os("LEPTOS_WATCH").is_some() { " ws://127.0.0.1:3001" } else { "" };
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; \
         style-src 'self'; img-src 'self' data:; font-src 'self'; manifest-src 'self'; \
         connect-src 'self'{reload}; worker-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; \
         frame-ancestors 'none'"
    )
}
