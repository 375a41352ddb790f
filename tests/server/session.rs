//! The session: its cookie, its end, and what the server keeps of it.

use std::time::{Duration, Instant};

use flack::{
    domain::{
        frame::{ClientFrame, CloseCode},
        refusal::RefusalCode,
    },
    sync::link::LinkState,
};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{house::House, socket::Socket};

fn attributes(cookie: &str) -> Vec<&str> {
    let mut attributes: Vec<&str> = cookie.split(';').skip(1).map(str::trim).collect();
    attributes.sort_unstable();
    attributes
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_out_of_reach_of_scripts_and_of_other_sites() {
    let house = House::open().await;
    let answer = house.post("/api/sign_in").form(&[("name", "Ada")]).await.expect(200);
    let cookie = answer.header("set-cookie");
    assert_eq!(attributes(cookie), ["HttpOnly", "Max-Age=34560000", "Path=/", "SameSite=Lax"]);
    let (name, token) = cookie.split(';').next().unwrap().split_once('=').unwrap();
    assert_eq!(name, "flack");
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    assert!(!answer.body.contains(token));
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_tls_the_cookie_is_bound_to_it() {
    let origin = "https://chat.example.org";
    let house = House::with(|config| config.origin = Some(origin.parse().unwrap())).await;
    let answer = house.post("/api/sign_in").form(&[("name", "Ada")]).await.expect(200);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-flack="), "{cookie}");
    let expected = ["HttpOnly", "Max-Age=34560000", "Path=/", "SameSite=Lax", "Secure"];
    assert_eq!(attributes(cookie), expected);
    assert!(answer.header("strict-transport-security").starts_with("max-age="));

    // The same token under the other name is nobody's.
    let cookie = answer.session_cookie();
    let list = |cookie: &str| house.get("/api/list_channels").cookie(cookie).into_future();
    list(&cookie).await.expect(200);
    list(&cookie.replace("__Host-", "")).await.expect(401);
    // The end of the session takes the cookie away, which needs the same attributes.
    let ended = house.post("/api/sign_out").cookie(&cookie).await.expect(200);
    let removal = ended.header("set-cookie");
    assert!(removal.starts_with("__Host-flack=;"), "{removal}");
    assert!(removal.contains("Max-Age=0") && removal.contains("Secure"), "{removal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_hash_of_the_token_is_on_disk() {
    let mut house = House::open().await;
    let ada = house.join("Ada").await;
    let token = ada.token().to_owned();
    let secret: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&token[2 * at..2 * at + 2], 16).unwrap()).collect();
    let hash = Sha256::digest(token.as_bytes());
    let has = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    for is_open in [true, false] {
        let bytes = house.bytes_on_disk();
        assert!(has(&bytes, &hash), "the hash is there; open: {is_open}");
        assert!(!has(&bytes, token.as_bytes()) && !has(&bytes, &secret), "open: {is_open}");
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lasts_over_a_restart() {
    let mut house = House::open().await;
    let ada = house.join("Ada").await;
    house.restart().await;
    ada.post("general", "still Ada").await;
    let window = house.window("general").await;
    assert_eq!(window.messages().next().unwrap().author, ada.person);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_closes_the_sockets_of_the_session_and_no_others() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tabs = [ada.live("general").await, ada.live("general").await];
    let other = bob.live("general").await;
    let asked = Instant::now();
    let answer = ada.sign_out().await.expect(200);
    for tab in &tabs {
        tab.expect_link(LinkState::Stopped).await;
        tab.look(|seen| {
            assert!(seen.is_signed_out);
            assert_eq!(seen.closes, [Some(CloseCode::SignedOut as u16)]);
        });
    }
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "the cookie is taken away");
    bob.post("general", "is she gone?").await;
    other.expect_message("is she gone?").await;
    other.look(|seen| assert_eq!(seen.closes, []));

    // The old cookie is nobody's.
    assert_eq!(ada.sign_out().await.expect(401).refusal().code, RefusalCode::NotSignedIn);
    ada.ask("/api/post_message", &[("channel", "general"), ("text", "Hello?")]).await.expect(401);
    // A page that comes back with it is told so, where a browser tells it.
    let mut socket = Socket::open(house.address(), &ada.cookie).await.unwrap();
    socket.expect_closed(CloseCode::SignedOut).await;
    assert!(ada.get("/c/general").await.body.contains("Display name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_says_hello_after_the_sign_out_is_closed() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut late = house.connect(&ada).await;
    ada.sign_out().await.expect(200);
    let hello = r#"{"type":"hello","protocol":2,"viewing":[{"room":{"channel":"general"}}]}"#;
    late.say(&serde_json::from_str::<ClientFrame>(hello).unwrap()).await;
    late.expect_closed(CloseCode::SignedOut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_out_while_a_request_comes_is_nobody() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let (first, rest) = ("channel=general&", "text=Too+late");
    let headers = format!(
        "content-length: {}\r\ncontent-type: application/x-www-form-urlencoded",
        first.len() + rest.len()
    );
    let mut stream = ada.begin("/api/post_message", &headers, first.as_bytes()).await;
    ada.sign_out().await.expect(200);
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, *b"HTTP/1.1 401");
    assert_eq!(house.window("general").await.messages().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_for_good() {
    let mut house = House::open().await;
    let ada = house.join("Ada").await;
    ada.sign_out().await.expect(200);
    house.restart().await;
    ada.sign_out().await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_token_is_nobody() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let token = ada.token();
    let foreign = "0".repeat(64);
    for value in ["", "x", &token[..63], &token.to_uppercase(), &format!("{token}0"), &foreign] {
        let cookie = format!("flack={value}");
        let answer = house.get("/api/list_channels").cookie(&cookie).await;
        // A token of digits alone is the same in upper case.
        if value != token {
            assert_eq!(answer.expect(401).refusal().code, RefusalCode::NotSignedIn, "{value}");
        }
    }
    // Among other cookies it is found.
    let cookies = format!("theme=dark; flack=nonsense; {}; x=\"y\"", ada.cookie);
    house.get("/api/list_channels").cookie(&cookies).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_name_cannot_take_another() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let answer = ada.ask("/api/sign_in", &[("name", "Bob")]).await.expect(409);
    assert_eq!(answer.refusal().code, RefusalCode::AlreadySignedIn);
    house.join("Bob").await;
}
