//! Every request: where it may come from, what it may do, and the headers of its answer.

use std::{collections::BTreeSet, io::Read};

use flack::domain::refusal::{Refusal, RefusalCode};
use leptos::server_fn::axum::server_fn_paths;

use crate::support::{guest::Guest, house::House, http::Answer};

/// Arguments that make every server function do something.
const FIELDS: [(&str, &str); 8] = [
    ("name", "Eve"),
    ("channel", "general"),
    ("text", "Hello"),
    ("message", "1"),
    ("device", "2"),
    ("secret", "0"),
    ("emoji", "👍"),
    ("topic", "Lunch"),
];

/// The server functions that change nothing.
const READING: [&str; 3] = ["/api/list_channels", "/api/list_devices", "/api/list_people"];

/// Those that are for who has no session, too.
const OPEN: [&str; 4] =
    ["/api/sign_in", "/api/use_link", "/api/choose_theme", "/api/choose_language"];

/// Every server function there is. A new one has to be thought about here.
fn functions() -> BTreeSet<&'static str> {
    let functions: BTreeSet<&str> = server_fn_paths().map(|(path, _)| path).collect();
    assert_eq!(
        functions,
        BTreeSet::from([
            "/api/sign_in",
            "/api/sign_out",
            "/api/list_devices",
            "/api/sign_out_device",
            "/api/sign_out_others",
            "/api/create_link",
            "/api/use_link",
            "/api/create_channel",
            "/api/list_channels",
            "/api/post_message",
            "/api/edit_message",
            "/api/delete_message",
            "/api/restore_message",
            "/api/react",
            "/api/unreact",
            "/api/list_people",
            "/api/set_room",
            "/api/set_topic",
            "/api/choose_theme",
            "/api/choose_language",
        ])
    );
    functions
}

/// Asserts that nothing has happened in a house where there is only Ada, and one message of hers.
async fn assert_untouched(house: &House, ada: &Guest) {
    assert_eq!(house.window("general").await.messages().len(), 1);
    let channels = ada.get("/api/list_channels").await.expect(200);
    assert_eq!(channels.json::<Vec<flack::domain::channel::Channel>>().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_can_do_nothing() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let message = ada.post("general", "stays").await.to_string();
    let own = house.origin();
    let foreign: [(&str, &str); 9] = [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", ""),
        ("origin", &format!("{own}.evil.example")),
        ("origin", &format!("{own}@evil.example")),
        ("origin", &format!("https://evil.example#{own}")),
        ("origin", "http://127.0.0.1"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    for path in functions().into_iter().chain(["/", "/c/general", "/live", "/nowhere"]) {
        for (header, value) in foreign {
            let mut fields = FIELDS;
            fields[3].1 = &message;
            let answer = ada.ask(path, &fields).header(header, value).await.expect(403);
            assert_eq!(answer.refusal().code, RefusalCode::ForeignOrigin, "{path} {value}");
            assert_eq!(answer.header("set-cookie"), "");
        }
    }
    assert_untouched(&house, &ada).await;

    // Our own pages, and programs that are no browser, can.
    for (header, value) in
        [("origin", own.as_str()), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")]
    {
        let fields = [("channel", "general"), ("text", "said")];
        ada.ask("/api/post_message", &fields).header(header, value).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_post_changes_anything() {
    use crate::support::http::Ask;
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let message = ada.post("general", "stays").await.to_string();
    let mut fields = FIELDS;
    fields[3].1 = &message;
    let query = serde_urlencoded::to_string(fields).unwrap();
    for path in functions() {
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"] {
            if method == "GET" && READING.contains(&path) {
                continue;
            }
            let with_query = format!("{path}?{query}");
            for cookie in ["", &ada.cookie] {
                let ask = Ask::new(house.address(), method, &with_query).cookie(cookie);
                let answer = ask.await;
                assert!((400..500).contains(&answer.status), "{method} {path} {}", answer.status);
                assert_eq!(answer.header("set-cookie"), "");
                let ask = Ask::new(house.address(), method, path).cookie(cookie).form(&fields);
                let answer = ask.await;
                assert!((400..500).contains(&answer.status), "{method} {path} {}", answer.status);
            }
        }
    }
    assert_untouched(&house, &ada).await;
    house.join("Eve").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_one_can_only_take_a_name() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    ada.post("general", "stays").await;
    for path in functions().into_iter().filter(|path| !OPEN.contains(path)) {
        let answer = match path {
            path if READING.contains(&path) => house.get(&format!("{path}?name=")).await,
            _ => house.post(path).form(&FIELDS).await,
        };
        assert_eq!(answer.expect(401).refusal().code, RefusalCode::NotSignedIn, "{path}");
    }
    assert_untouched(&house, &ada).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_name_sees_nothing_of_the_house() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    ada.create_channel("plans").await;
    ada.post("general", "a word between us").await;
    for path in ["/", "/c/general", "/c/plans", "/c/nowhere"] {
        let page = house.get(path).await;
        assert!(page.body.contains("Display name"), "{path}");
        for hidden in ["a word between us", "Ada", "#plans"] {
            assert!(!page.body.contains(hidden), "{hidden} on {path}");
        }
        // It does not say either which channels there are.
        assert_eq!(page.status, 200, "{path}");
    }
}

fn assert_secure(answer: &Answer, what: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), value, "{name} of {what}");
    }
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{what}: {policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
    assert_eq!(answer.headers.get_all("content-security-policy").iter().count(), 1, "{what}");
    assert!(!answer.header("cache-control").is_empty(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_security_headers() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    for path in
        ["/", "/c/general", "/c/nowhere", "/nowhere", "/devices", "/api/list_channels", "/live"]
    {
        let answer = ada.get(path).await;
        assert_secure(&answer, path);
        assert_eq!(answer.header("cache-control"), "private, no-store", "{path}");
    }
    for path in ["/healthz", "/favicon.svg", "/pkg/flack.css", "/manifest.webmanifest"] {
        assert_secure(&house.get(path).await.expect(200), path);
    }
    let refused = ada.ask("/api/post_message", &[]).header("origin", "null").await.expect(403);
    assert_secure(&refused, "a refusal");
    assert_secure(&ada.ask("/", &[]).await.expect(405), "a wrong method");
    let form = ada.ask("/api/post_message", &[("channel", "general"), ("text", "")]);
    assert_secure(&form.by_form_of("/c/general").await.expect(422), "a refused form");
}

fn nonce(answer: &Answer) -> String {
    let policy = answer.header("content-security-policy");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next());
    nonce.unwrap_or_else(|| panic!("no nonce in {policy}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_allows_only_its_own_scripts() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut nonces = BTreeSet::new();
    for path in ["/", "/c/general", "/c/general", "/nowhere"] {
        for page in [ada.get(path).await, house.get(path).await] {
            let nonce = nonce(&page);
            assert!(nonce.len() >= 16, "{nonce}");
            for script in page.body.split("<script").skip(1) {
                let tag = script.split('>').next().unwrap();
                let is_data = tag.contains("type=\"application/json\"");
                assert!(
                    is_data || tag.contains(&format!("nonce=\"{nonce}\"")),
                    "<script{tag}> on {path}"
                );
            }
            let policy = page.header("content-security-policy");
            for part in ["object-src 'none'", "base-uri 'none'", "'wasm-unsafe-eval'"] {
                assert!(policy.contains(part), "{part} in {policy}");
            }
            for attribute in [" onload=", " onclick=", " style=", "javascript:"] {
                assert!(!page.body.contains(attribute), "{attribute} on {path}");
            }
            nonces.insert(nonce);
        }
    }
    assert_eq!(nonces.len(), 8, "a nonce is used once");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_compressed_for_who_can_read_that_and_nothing_else_is() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    for number in 0..20 {
        ada.post("general", &format!("Message {number}")).await;
    }
    let plain = ada.get("/c/general").await.expect(200);
    assert_eq!(plain.header("content-encoding"), "");
    let ask = |path: &str, accepted: &str| ada.get(path).header("accept-encoding", accepted);
    let packed = ask("/c/general", "gzip, deflate, br").await.expect(200);
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.headers.get_all("vary").iter().any(|it| it == "accept-encoding"));
    assert!(packed.bytes.len() * 2 < plain.bytes.len(), "{} bytes", packed.bytes.len());
    let mut page = String::new();
    flate2::read::GzDecoder::new(&packed.bytes[..]).read_to_string(&mut page).unwrap();
    let unpacked = Answer { body: page, ..packed };
    assert_eq!(unpacked.articles(), plain.articles());

    let packed = ask("/c/general", "gzip, deflate, br, zstd").await.expect(200);
    assert_eq!(packed.header("content-encoding"), "zstd");
    assert!(packed.bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]), "RFC 8878 §3.1.1");

    // Nor is what has in it what its address says: its length could tell what else is there.
    for (path, accepted, status) in [
        ("/c/general", "gzip;q=0", 200),
        ("/api/list_channels", "gzip, zstd", 200),
        ("/people?name=A", "gzip, zstd", 200),
        ("/c/nowhere", "gzip, zstd", 404),
    ] {
        let answer = ask(path, accepted).await.expect(status);
        assert_eq!(answer.header("content-encoding"), "", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_write_is_text_and_nothing_else() {
    let house = House::open().await;
    let ada = house.join("<b>Ada</b>").await;
    for text in ["<svg onload=alert(1)>", "</script><script>alert(2)</script>", "<!-- <p>"] {
        ada.post("general", text).await;
    }
    let page = ada.page("general").await;
    for raw in ["<svg onload", "<script>alert", "<b>Ada", "<!-- <p>"] {
        assert!(!page.body.contains(raw), "{raw}");
    }
    let articles = page.articles();
    assert!(articles[0].contains("<svg onload=alert(1)>"), "{articles:?}");
    assert!(articles[1].contains("</script><script>alert(2)</script>"), "{articles:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_found_and_others_say_so() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    ada.create_channel("東京 office").await;
    for path in ["/", "/c/general", "/c/%E6%9D%B1%E4%BA%AC%20office"] {
        let page = ada.get(path).await.expect(200);
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert!(page.body.starts_with("<!DOCTYPE html>"), "{path}");
    }
    for path in
        ["/nowhere", "/c", "/c/", "/c/nowhere", "/c/%FF", "/index.html", "/api", "//", "/..%2f"]
    {
        let page = ada.get(path).await.expect(404);
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert!(page.body.contains("href=\"/c/general\""), "the way back from {path}");
    }
    let head = crate::support::http::Ask::new(house.address(), "HEAD", "/c/general");
    assert_eq!(head.cookie(&ada.cookie).await.expect(200).body, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_has_one_address() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    ada.create_channel("Lunch plans").await;
    for (path, to) in [
        ("/c/GENERAL", "/c/general"),
        ("/c/%23general", "/c/general"),
        ("/c/lunch%20PLANS", "/c/Lunch%20plans"),
    ] {
        let answer = ada.get(path).await;
        assert_eq!((answer.status, answer.header("location")), (308, to), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_of_the_house_is_told() {
    let house = House::open().await;
    let answer = house.get("/healthz").await.expect(200);
    assert_eq!(answer.body, "ok\n");
    assert_eq!(answer.header("cache-control"), "private, no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_that_cannot_be_read_are_not_nobody() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    ada.get("/people?name=a").await.expect(200);
    house.hide_people();
    let page = ada.get("/people?name=a").await.expect(503);
    assert_eq!(page.body, Refusal::unavailable().to_string());
    ada.get("/api/list_people?name=a").await.expect(503);
}
