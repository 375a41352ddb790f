//! Requests of any kind, to all of Flack behind its router.

#![no_main]

#[expect(dead_code, reason = "another target uses what is not used here")]
mod house;

use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use flack::server::{http, network::Network};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use tower_service::Service;

use house::HOUSE;

#[derive(Arbitrary, Debug)]
struct Asked<'a> {
    method: u8,
    path: u8,
    rest: &'a str,
    is_signed_in: bool,
    has_files: bool,
    headers: Vec<(u8, &'a str)>,
    body: &'a [u8],
}

const METHODS: [&str; 6] = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"];
const PATHS: [&str; 21] = [
    "/",
    "/c/",
    "/d/",
    "/people?name=",
    "/live",
    "/healthz",
    "/api/",
    "/api/sign_in",
    "/api/create_channel",
    "/api/list_people?name=",
    "/api/post_message",
    "/api/edit_message",
    "/api/delete_message",
    "/api/sign_out_device",
    "/api/create_link",
    "/api/use_link",
    "/devices",
    "/files?name=",
    "/files/",
    "/link/",
    "/pkg/",
];
const HEADERS: [&str; 16] = [
    "host",
    "origin",
    "referer",
    "cookie",
    "accept",
    "accept-encoding",
    "content-type",
    "content-length",
    "if-none-match",
    "range",
    "forwarded",
    "x-forwarded-for",
    "sec-fetch-site",
    "sec-websocket-key",
    "upgrade",
    "connection",
];

fuzz_target!(|asked: Asked| {
    let pick = |list: &[&'static str], number: u8| list[usize::from(number) % list.len()];
    let path = format!("{}{}", pick(&PATHS, asked.path), asked.rest);
    let mut request = Request::builder().method(pick(&METHODS, asked.method)).uri(path);
    // What a browser sends with a form.
    let form = match asked.has_files {
        true => "multipart/form-data; boundary=x",
        false => "application/x-www-form-urlencoded",
    };
    request = request.header("content-type", form);
    if asked.is_signed_in {
        request = request.header("cookie", &HOUSE.ada.cookie);
    }
    for (name, value) in asked.headers.iter().take(16) {
        request = request.header(pick(&HEADERS, *name), *value);
    }
    let Ok(request) = request.body(Body::from(asked.body.to_vec())) else { return };
    let what = format!("{} {}", request.method(), request.uri());
    // Ada stays.
    if request.uri().path() == "/api/sign_out" {
        return;
    }
    HOUSE.runtime.block_on(async {
        let mut app = http::app(HOUSE.flack.clone(), None, Network::default());
        let answer = app.call(request).await.expect("there is always an answer");
        let status = answer.status().as_u16();
        assert!(status < 500 || status == 503 || status == 507, "{what}: {status}");
        let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a whole body");
        for internal in ["panicked", "rusqlite", "src/server"] {
            let leaks = body.windows(internal.len()).any(|part| part == internal.as_bytes());
            assert!(!leaks || what.contains(internal), "{what}: says {internal}");
        }
    });
});
