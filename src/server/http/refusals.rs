//! What is refused, as an answer.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};

use crate::{domain::refusal::Refusal, server::language};

fn status(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Refuses what a program has asked for.
pub fn refuse(refusal: &Refusal) -> Response<Body> {
    let mut response = axum::Json(refusal.clone().spelled_out()).into_response();
    mark(&mut response, refusal);
    response
}

/// Refuses a page, in words.
pub fn tell(headers: &HeaderMap, refusal: &Refusal) -> Response<Body> {
    let words = language::of(headers).words();
    let mut response = refusal.told(words).into_response();
    mark(&mut response, refusal);
    response
}

/// Refuses before anything was looked at: with a sentence for people, and as usual for programs.
pub fn turn_down(headers: &HeaderMap, refusal: &Refusal) -> Response<Body> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if !accept.is_some_and(|accept| accept.contains("text/html")) {
        return refuse(refusal);
    }
    tell(headers, refusal)
}

/// Gives an answer the status of a refusal, says when to ask again, and lets the guard count what was
/// refused.
pub fn mark(response: &mut Response<Body>, refusal: &Refusal) {
    *response.status_mut() = status(refusal);
    response.extensions_mut().insert(refusal.code);
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}
