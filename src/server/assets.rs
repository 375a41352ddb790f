//! The files that browsers load: the client, the stylesheet and the icons.
//!
//! A release build carries them inside, compressed (see `build.rs`). A debug build reads them from
//! the source tree at every request, so that cargo-leptos can change them under a running server.

use std::{fs, path::Path};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};

use super::{emoji, stylesheet};
use crate::{
    ui::app::{Links, Rest},
    words::Language,
};

struct Asset {
    name: &'static str,
    /// Where browsers find it.
    address: &'static str,
    hash: &'static str,
    /// As it is, as brotli, as gzip.
    forms: [&'static [u8]; 3],
}

static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What the head of every page refers to that speaks this language.
pub fn links(language: Language) -> Links {
    let find = |name: &str| ASSETS.iter().find(|asset| asset.name == name);
    let address = |name: &str| {
        find(name).map_or_else(|| format!("/{name}"), |asset| asset.address.to_owned())
    };
    Links {
        style: address("pkg/flack.css"),
        script: address("pkg/flack.js"),
        wasm: address("pkg/flack.wasm"),
        // Only what `tools/client` makes is in two parts.
        rest: find("pkg/flack-rest.wasm").map(|rest| Rest {
            wasm: rest.address.to_owned(),
            style: address("pkg/flack-rest.css"),
        }),
        words: address(&language.file()),
    }
}

/// The service worker, with the addresses of what it is to keep: at once, and once somebody asks for it.
/// In a release build they change with what is there, so the worker does too, which makes browsers take
/// the new one.
pub fn worker(shell: &[String], later: &[String]) -> Response<Body> {
    let lists = format!("const SHELL = {shell:?};\nconst LATER = {later:?};\n");
    let worker = format!("{lists}{}", include_str!("../../public/worker.js"));
    let mut response = Response::new(Body::from(worker));
    let kind = HeaderValue::from_static(kind(".js"));
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The file at an address, in the best form that the browser takes (RFC 9110 §12.5.3).
pub fn serve(path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    if cfg!(debug_assertions) && ASSETS.is_empty() {
        return from_disk(path);
    }
    let asset = ASSETS.iter().find(|asset| asset.address == path)?;
    let is_hashed = asset.name.starts_with("pkg/");
    let cache =
        if is_hashed { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    let tag = HeaderValue::try_from(format!("\"{}\"", asset.hash)).ok()?;
    let response = Response::builder()
        .header(header::CACHE_CONTROL, cache)
        .header(header::ETAG, &tag)
        .header(header::VARY, "accept-encoding");
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        return response.status(StatusCode::NOT_MODIFIED).body(Body::empty()).ok();
    }
    let [plain, brotli, gzip] = asset.forms;
    let (body, encoding) = match () {
        () if accepts(headers, "br") && brotli.len() < plain.len() => (brotli, Some("br")),
        () if accepts(headers, "gzip") && gzip.len() < plain.len() => (gzip, Some("gzip")),
        () => (plain, None),
    };
    let response = match encoding {
        Some(encoding) => response.header(header::CONTENT_ENCODING, encoding),
        None => response,
    };
    response.header(header::CONTENT_TYPE, kind(path)).body(Body::from(body)).ok()
}

fn from_disk(path: &str) -> Option<Response<Body>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let name = path.strip_prefix('/')?;
    let is_plain = name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    let language = Language::ALL.into_iter().find(|language| language.file() == name);
    let content = match name {
        _ if !is_plain => return None,
        _ if language.is_some() => language?.words().lines().into_bytes(),
        "emoji.txt" => emoji::list().into_bytes(),
        "pkg/flack.css" => stylesheet::join(&root.join("style")).ok()?.into_bytes(),
        _ if name.starts_with("pkg/") => fs::read(root.join("target/site").join(name)).ok()?,
        _ => fs::read(root.join("public").join(name)).ok()?,
    };
    Response::builder()
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::CONTENT_TYPE, kind(path))
        .body(Body::from(content))
        .ok()
}

fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|part| {
        let mut part = part.split(';').map(str::trim);
        let is_named = part.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let is_refused =
            part.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        is_named && !is_refused
    })
}

fn kind(path: &str) -> &'static str {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "css" => "text/css; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, value.parse().unwrap())])
    }

    #[test]
    fn a_form_is_taken_when_the_browser_names_it() {
        assert!(accepts(&asking("gzip, deflate, br;q=0.9"), "br"));
        assert!(!accepts(&asking("gzip, br;q=0"), "br"));
        assert!(!accepts(&asking("identity"), "gzip"));
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }

    #[test]
    fn nothing_outside_the_folders_is_served() {
        for path in ["/../Cargo.toml", "/pkg/../../../Cargo.toml", "/", "//etc/passwd", "/.env"] {
            assert!(serve(path, &HeaderMap::new()).is_none(), "{path}");
        }
    }
}
