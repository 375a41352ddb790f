//! Server functions, for the client, for a form or for `curl`.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, Response, StatusCode, header, request::Parts},
    response::IntoResponse,
};
use leptos::{
    context::provide_context,
    server_fn::{ServerFn, axum::server_fn_paths},
};
use tokio::time::timeout;

use super::{
    Door,
    pages::{render, render_devices, render_link, render_topic},
    refusals::{mark, refuse, turn_down},
};
use crate::{
    api::{CreateLink, PostMessage, SetTopic, UseLink},
    domain::{
        attachment::AttachmentId,
        page::RefusedForm,
        person::PersonId,
        refusal::{Refusal, RefusalCode},
    },
    server::{
        doors::Asker,
        files::door as files,
        forms::{DEVICES, Form},
    },
};

/// More than any form needs: a message of 4,000 characters takes up to 48,000 bytes when encoded.
const BODY_LIMIT: usize = 64 * 1024;

/// Seconds in which the body of a request has to come.
const BODY_SECONDS: u64 = 20;

/// A server function, for the client, for a form or for `curl`.
pub async fn call(State(door): State<Door>, request: Request) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let person = match door.count(&parts.headers) {
        Ok(session) => session.map(|(_, person)| person.id),
        Err(refusal) => return turn_down(&parts.headers, &refusal),
    };
    let (body, response) = match read(&door, person, &mut parts, body).await {
        (body, Ok(files)) => {
            // Now: they may have been signed out while the body came.
            let response = run(door.asker(&parts), &parts, body.clone()).await;
            // Those that no message has: it was refused, or posted before with others.
            if let Some(person) = person {
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
            Some(_) if parts.uri.path() == CreateLink::PATH => {
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
            if parts.uri.path() == UseLink::PATH {
                return render_link(&door, &parts, Err(refusal));
            }
            if parts.uri.path() == SetTopic::PATH && refusal.code != RefusalCode::NotSignedIn {
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
    let Some(multipart) = multipart.filter(|_| parts.uri.path() == PostMessage::PATH) else {
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
