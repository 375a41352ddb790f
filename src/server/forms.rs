//! Forms of browsers without JavaScript: they go where the browser's own form would lead people.

use std::collections::BTreeMap;

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header, request::Parts},
};

use leptos::server_fn::ServerFn;

use crate::{
    api::{
        CreateChannel, CreateLink, React, SignIn, SignOut, SignOutDevice, SignOutOthers, Unreact,
        UseLink,
    },
    domain::{
        address::Address,
        channel::{Channel, FIRST},
        name::ChannelName,
        person::PersonId,
        position::Position,
        room::direct_path,
    },
};

/// The address of the page of one's devices, which is all forms.
pub const DEVICES: &str = "/devices";

/// The forms that are on it.
const DEVICE_FORMS: [&str; 3] = [SignOutDevice::PATH, SignOutOthers::PATH, CreateLink::PATH];

/// A form that a browser submitted by itself, and what was typed into it.
pub struct Form {
    action: String,
    /// The path of the page it was on, as far as that can be told.
    from: Uri,
    /// The message that this page was opened at.
    at: Option<Position>,
    pub fields: BTreeMap<String, String>,
}

impl Form {
    /// None when a program asks, which wants the plain answer.
    pub fn read(parts: &Parts, body: &[u8]) -> Option<Self> {
        let text = |name: header::HeaderName| parts.headers.get(name)?.to_str().ok();
        let is_form = parts.method == Method::POST
            && text(header::ACCEPT).is_some_and(|accept| accept.contains("text/html"));
        if !is_form {
            return None;
        }
        let fields: BTreeMap<String, String> =
            serde_urlencoded::from_bytes(body).unwrap_or_default();
        let channel = fields
            .get("channel")
            .and_then(|channel| Some(ChannelName::try_from(channel.as_str()).ok()?.path()));
        let direct = fields
            .get("direct")
            .and_then(|id| Some(direct_path(PersonId(Position(id.parse().ok()?)))));
        let device = DEVICE_FORMS.contains(&parts.uri.path()).then(|| DEVICES.to_owned());
        let page = channel.or(direct).or(device).and_then(|path| path.parse().ok());
        let from = page.or_else(|| room_of_referer(&parts.headers));
        Some(Self {
            action: parts.uri.path().to_owned(),
            from: from.unwrap_or_else(|| Uri::from_static("/")),
            at: referer(&parts.headers).and_then(|page| Address::with_message(page.path()).1),
            fields,
        })
    }

    /// Where the form was, to show it again.
    pub fn page(&self) -> Uri {
        self.from.clone()
    }

    /// The page that the form was on, at a message of it.
    fn back_to(&self, message: Option<Position>) -> String {
        let page = self.from.path();
        message.map_or_else(|| page.to_owned(), |message| format!("{page}/{message}"))
    }

    /// Leads on, after the form did its work: to the channel that was made, or back.
    pub async fn done(self, mut response: Response<Body>) -> Response<Body> {
        let first = || ChannelName::try_from(FIRST).map_or_else(|_| "/".to_owned(), |c| c.path());
        let to = match self.action.as_str() {
            CreateChannel::PATH => {
                let body = std::mem::take(response.body_mut());
                let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
                let channel = serde_json::from_slice::<Channel>(&body);
                channel.map_or_else(|_| "/".to_owned(), |channel| channel.name.path())
            }
            SignOut::PATH | UseLink::PATH => "/".to_owned(),
            SignIn::PATH if self.from.path() == "/" => first(),
            // Who was led to a message still wants to see it.
            SignIn::PATH => self.back_to(self.at),
            // To the message, where one was.
            React::PATH | Unreact::PATH => {
                let message = self.fields.get("message").and_then(|it| it.parse().ok());
                self.back_to(message.map(Position))
            }
            _ => self.back_to(None),
        };
        let (mut parts, _) = response.into_parts();
        parts.status = StatusCode::SEE_OTHER;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        let location = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static("/"));
        parts.headers.insert(header::LOCATION, location);
        Response::from_parts(parts, Body::empty())
    }
}

/// The address that a request says it comes from, whosever it is.
fn referer(headers: &HeaderMap) -> Option<Uri> {
    headers.get(header::REFERER)?.to_str().ok()?.parse().ok()
}

/// The path of the room's page that a request comes from. Only its name or number counts, and its path is
/// written anew: it is always ours, and has no character that means something in a page or script.
fn room_of_referer(headers: &HeaderMap) -> Option<Uri> {
    match Address::of(referer(headers)?.path()) {
        Address::Channel(name) => ChannelName::stored(name).path().parse().ok(),
        Address::Direct(person) => direct_path(person).parse().ok(),
        Address::People => Some(Uri::from_static("/people")),
        Address::Home | Address::Nowhere => None,
    }
}
