//! The pages, rendered for whoever asks.

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header,
        request::Parts,
    },
    response::{Html, IntoResponse, Redirect},
};
use chrono::Utc;
use leptos::{
    nonce::{provide_nonce, use_nonce},
    prelude::*,
    server_fn::ServerFn,
    tachys::view::Position as Place,
};
use qrcode::QrCode;

use super::{
    Door, OFFLINE, Plain, cookies, query,
    refusals::{mark, tell, turn_down},
};
use crate::{
    api::{EditMessage, PostMessage, SignIn},
    domain::{
        address::Address,
        device::Link,
        name::ChannelName,
        page::{Found, Page, RefusedForm},
        person::{FOUND_LIMIT, Person, PersonId},
        position::Position,
        refusal::{Refusal, RefusalCode},
        room::{Pair, Room},
        theme::Theme,
    },
    server::{assets, language, token::Token},
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

/// What a page takes with a hundred messages of ordinary length, and not too many rooms.
const PAGE_SIZE: usize = 96 * 1024;

/// The cookie in which a page says what was read last, for the one that comes next: by whom, and the
/// message's address.
const READ: &str = "read";

/// Names whom a page was rendered for, or nobody, so that a browser keeps no page of somebody else.
const PERSON: HeaderName = HeaderName::from_static("flack-person");

/// A file of the client, or a page.
pub async fn page(State(door): State<Door>, request: Request) -> Response<Body> {
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
pub async fn render(
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
            action: SignIn::PATH.to_owned(),
            fields: Vec::new(),
            refusal: Refusal::signed_out(),
        })
    });
    // A browser without JavaScript asks for the form of a message in this way.
    let refused_edit = refused.as_ref().filter(|refused| refused.action == EditMessage::PATH);
    let editing = refused_edit.map(|refused| refused.field("message")).or(query(uri, "edit"));
    page.editing = editing.and_then(|message| message.parse().ok()).map(Position);
    // So it does for what it wants to answer; and what was refused still answers the same.
    let refused_post = refused.as_ref().filter(|refused| refused.action == PostMessage::PATH);
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
pub async fn worker(headers: HeaderMap) -> Response<Body> {
    let language = language::of(&headers);
    let links = assets::links(language);
    let mut shell = links.sheets();
    let Links { script, wasm, rest, words, .. } = links;
    shell.extend([OFFLINE.to_owned(), script, wasm, words, "/favicon.svg".to_owned()]);
    let mut response = assets::worker(&shell, rest.map(|rest| rest.wasm).as_slice());
    vary(&mut response);
    let policy = HeaderValue::from_static("default-src 'none'; connect-src 'self'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    // Browsers ask for it anew anyway; nothing in between may have an old one.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The same for everyone.
pub async fn offline(request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let words = language::of(&parts.headers).documents();
    render_document(&parts, words.offline_title, None, || view! { <OfflinePage words /> })
}

/// The page of one's devices.
pub async fn devices(State(door): State<Door>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    match door.count(&parts.headers) {
        Ok(_) => render_devices(&door, &parts, None, None).await,
        Err(refusal) => tell(&parts.headers, &refusal),
    }
}

pub async fn render_devices(
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
    render_document(parts, words.devices_title, refusal.as_ref(), view)
}

/// The page of all keys, which are others on a Mac.
pub async fn keys(request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let is_mac = agent.is_some_and(|agent| agent.contains("Mac OS"));
    let words = language::of(&parts.headers).documents();
    render_document(&parts, words.keys_title, None, || view! { <KeysPage words is_mac /> })
}

/// The page of a channel's topic.
pub async fn topic(
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
pub fn render_topic(
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
    render_document(parts, words.topic_title, refusal.as_ref(), view)
}

/// The page of a link to this device. Opening it does not use it up: what looks at links before
/// people do, such as a chat that shows what is behind them, only reads.
pub async fn link(
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

pub fn render_link(
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
    let mut response = render_document(parts, words.link_title, refusal.as_ref(), view);
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

fn render_page(parts: &Parts, page: Page) -> Response<Body> {
    let links = assets::links(language::of(&parts.headers));
    match page.me.is_some() {
        true => render_view(parts, move || shell(links, page)),
        false => render_view(parts, move || door(links, &page)),
    }
}

/// A page without the client, and with what was refused, if that is why it is shown.
fn render_document<V: IntoView + 'static>(
    parts: &Parts,
    title: &'static str,
    refusal: Option<&Refusal>,
    view: impl FnOnce() -> V,
) -> Response<Body> {
    let links = assets::links(language::of(&parts.headers));
    let mut response = render_view(parts, || document(links, title, (), view()));
    if let Some(refusal) = refusal {
        mark(&mut response, refusal);
    }
    response
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
