//! The live socket's door and its limits.

use std::time::Duration;

use flack::domain::{
    event::Change,
    frame::{
        ClientFrame, CloseCode, FRAME_LIMIT, HELLO_SECONDS, PING_SECONDS, PROTOCOL,
        SILENCE_SECONDS, ServerFrame, VIEW_LIMIT, View,
    },
    refusal::RefusalCode,
    room::Room,
};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{
    channel,
    guest::Guest,
    house::House,
    socket::{Socket, handshake, masked},
    soon,
};

/// The status that the server answers an opening handshake with.
async fn status(house: &House, change: impl FnOnce(&mut axum::http::HeaderMap)) -> u16 {
    let mut request = handshake(house.address(), "");
    change(request.headers_mut());
    match Socket::open_with(house.address(), request).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_our_own_pages_may_open_a_socket() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let cookie = || ada.cookie.parse().unwrap();
    let (own, port) = (house.origin(), house.address().port());
    assert_eq!(status(&house, |headers| drop(headers.insert("cookie", cookie()))).await, 101);
    let mut nobody = Socket::open(house.address(), "").await.unwrap();
    nobody.expect_closed(CloseCode::SignedOut).await;
    for origin in [
        "https://evil.example",
        "null",
        "",
        &format!("{own}.evil.example"),
        &format!("{own}@evil.example"),
        &format!("{own}/"),
        &format!("http://evil.example/{own}"),
        &format!("http://127.0.0.1:{}", port ^ 1),
        "http://127.0.0.1",
        &format!("http://localhost:{port}"),
        &format!("ftp://127.0.0.1:{port}"),
    ] {
        let foreign = status(&house, |headers| {
            headers.insert("cookie", cookie());
            headers.insert("origin", origin.parse().unwrap());
        });
        assert_eq!(foreign.await, 403, "{origin}");
    }
    let missing = status(&house, |headers| {
        headers.insert("cookie", cookie());
        headers.remove("origin");
    });
    assert_eq!(missing.await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_the_configured_origin_counts() {
    let origin = "https://chat.example.org";
    let house = House::with(|config| config.origin = Some(origin.parse().unwrap())).await;
    let ada = house.join("Ada").await;
    let own = house.origin();
    for (origin, expected) in
        [(origin, 101), (own.as_str(), 403), ("https://chat.example.org.evil.example", 403)]
    {
        let answer = status(&house, |headers| {
            headers.insert("cookie", ada.cookie.parse().unwrap());
            headers.insert("origin", origin.parse().unwrap());
        });
        assert_eq!(answer.await, expected, "{origin}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_handshake_is_malformed() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let ask = || ada.get("/live").header("origin", &house.origin());
    assert_eq!(ask().await.expect(400).refusal().code, RefusalCode::Malformed);
    let upgrade = ask().header("connection", "upgrade, close").header("upgrade", "websocket");
    upgrade.clone().header("sec-websocket-version", "13").await.expect(400);
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let old = upgrade.header("sec-websocket-key", key).header("sec-websocket-version", "8");
    old.await.expect(400);
}

/// Closed with the code, for saying this instead of anything else.
async fn closed_for(house: &House, guest: &Guest, said: impl Into<Message>) -> Option<u16> {
    let mut socket = house.connect(guest).await;
    socket.send(said.into()).await;
    socket.closed().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_hello_ends_the_socket() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let protocol = Some(CloseCode::Protocol as u16);
    let deep = "[".repeat(50_000);
    for said in [
        "",
        "hello",
        "{",
        "null",
        "{}",
        r#"{"type":"hello"}"#,
        r#"{"type":"hello","protocol":"1"}"#,
        r#"{"type":"hello","protocol":2,"as":"Bob"}"#,
        r#"{"type":"hello","protocol":2,"resume":{"epoch":"x"}}"#,
        r#"{"type":"hello","protocol":2,"resume":{"epoch":"x","position":-1}}"#,
        r#"{"type":"hello","protocol":2,"resume":{"epoch":"x","position":1.5}}"#,
        r#"{"type":"hello","protocol":2,"resume":{"epoch":"x","position":18446744073709551616}}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"view","room":{"channel":"general"}}"#,
        r#"{"type":"post","id":"a","room":{"channel":"general"},"text":"before hello"}"#,
        deep.as_str(),
    ] {
        assert_eq!(closed_for(&house, &ada, said).await, protocol, "{said:.80}");
    }
    let other = serde_json::json!({ "type": "hello", "protocol": PROTOCOL + 1 }).to_string();
    assert_eq!(closed_for(&house, &ada, other).await, Some(CloseCode::Version as u16));
    assert_eq!(closed_for(&house, &ada, Message::binary(vec![0; 8])).await, Some(1003));
    assert!(house.window("general").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_hello_has_to_be_in_order_too() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    for said in [
        "nonsense",
        r#"{"type":"hello","protocol":2}"#,
        r#"{"type":"shout","text":"x"}"#,
        r#"{"type":"post","id":"","room":{"channel":"general"},"text":"x"}"#,
        r#"{"type":"delete","id":"a","room":{"channel":"general"},"message":"first"}"#,
    ] {
        let mut socket = ada.socket(&["general"]).await;
        socket.say_raw(said).await;
        assert_eq!(socket.closed().await, Some(CloseCode::Protocol as u16), "{said}");
    }
    let viewing = vec![View { room: channel("general"), position: None }; VIEW_LIMIT + 1];
    let mut socket = house.connect(&ada).await;
    socket.say(&ClientFrame::Hello { protocol: PROTOCOL, resume: None, viewing }).await;
    socket.expect_closed(CloseCode::Protocol).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_have_a_largest_size() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut socket = ada.socket(&["general"]).await;
    let ping = r#"{"type":"ping"}"#;
    let padding = " ".repeat(FRAME_LIMIT - ping.len());
    socket.say_raw(&format!("{padding}{ping}")).await;
    assert_eq!(socket.hear().await, ServerFrame::Pong { spread: 0 });
    socket.say_raw(&format!("{padding} {ping}")).await;
    assert_eq!(socket.closed().await, Some(1009));

    // Many small fragments are one message.
    let mut socket = ada.socket(&["general"]).await;
    let stream = socket.0.get_mut();
    stream.write_all(&masked(false, 1, b" ")).await.unwrap();
    for _ in 0..FRAME_LIMIT / 1_000 {
        stream.write_all(&masked(false, 0, &[b' '; 1_000])).await.unwrap();
    }
    let _ = stream.write_all(&masked(false, 0, &[b' '; 1_000])).await;
    assert_eq!(socket.closed().await, Some(1009));
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_end_only_their_own_socket() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tab = bob.live("general").await;
    for (bytes, code) in [
        (masked(true, 1, b"\xff\xfe"), 1007),
        (b"\x81\x02{}".to_vec(), 1002),        // no mask
        (masked(true, 3, b""), 1002),          // a reserved opcode
        (masked(true, 0, b"more"), 1002),      // goes on with nothing
        (masked(false, 9, b"ping"), 1002),     // a control frame in parts
        (masked(true, 9, &[b'x'; 126]), 1002), // a control frame that is too long
        (b"\xc1\x80\0\0\0\0".to_vec(), 1002),  // a reserved bit
    ] {
        let mut socket = ada.socket(&["general"]).await;
        socket.0.get_mut().write_all(&bytes).await.unwrap();
        assert_eq!(socket.closed().await, Some(code), "{bytes:?}");
    }
    ada.post("general", "all well").await;
    tab.expect_message("all well").await;
    tab.look(|seen| assert_eq!(seen.closes, []));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_may_come_in_any_number_of_pieces() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut socket = ada.socket(&["general"]).await;
    let post =
        r#"{"type":"post","id":"pieces","room":{"channel":"general"},"text":"in pieces: 漢字"}"#;
    // Byte for byte over TCP.
    for byte in masked(true, 1, post.as_bytes()) {
        socket.0.get_mut().write_all(&[byte]).await.unwrap();
    }
    let accepted = |frame| match frame {
        ServerFrame::Accepted { position, .. } => Some(position),
        _ => None,
    };
    let position = socket.hear_until(accepted).await;
    // As fragments that cut a character in two, with a ping between them.
    let (head, tail) = post.as_bytes().split_at(post.find('字').unwrap() + 1);
    let bytes = [masked(false, 1, head), masked(true, 9, b"!"), masked(true, 0, tail)].concat();
    socket.0.get_mut().write_all(&bytes).await.unwrap();
    assert_eq!(socket.hear_until(accepted).await, position, "the same command");
    // Several frames in one write.
    let bytes = masked(true, 1, br#"{"type":"ping"}"#).repeat(3);
    socket.0.get_mut().write_all(&bytes).await.unwrap();
    for _ in 0..3 {
        socket.hear_until(|frame| (frame == ServerFrame::Pong { spread: 0 }).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_kinds_of_ping_are_answered() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut socket = ada.socket(&[]).await;
    socket.say(&ClientFrame::Ping).await;
    assert_eq!(socket.hear().await, ServerFrame::Pong { spread: 0 });
    socket.send(Message::Ping("are you there?".into())).await;
    let pong = Message::Pong("are you there?".into());
    // Beside what the server says by itself.
    while socket.next().await.expect("an answer") != pong {}
    socket.send(Message::Close(None)).await;
    assert_eq!(socket.closed().await, Some(1000), "a close is answered");
    assert_eq!(socket.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_not_there_cannot_be_viewed() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut socket = ada.socket(&[]).await;
    let view = |name: &str| ClientFrame::View(View { room: channel(name), position: None });
    socket.say(&view("nowhere")).await;
    let heard = socket.hear().await;
    let ServerFrame::Unviewable { room, refusal } = heard else { panic!("{heard:?}") };
    assert_eq!((room, refusal.code), (channel("nowhere"), RefusalCode::UnknownChannel));
    // The socket goes on.
    socket.say(&view("general")).await;
    assert!(matches!(socket.hear().await, ServerFrame::Reset(_)));
    socket.say_raw(r#"{"type":"leave","room":{"channel":"nowhere"}}"#).await;
    assert!(socket.is_alive().await);
    let frame = r#"{"type":"post","id":"a","room":{"channel":"nowhere"},"text":"x"}"#;
    socket.say_raw(frame).await;
    let heard = socket.hear().await;
    let ServerFrame::Refused { refusal, .. } = heard else { panic!("{heard:?}") };
    assert_eq!(refusal.code, RefusalCode::UnknownChannel);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_views_a_limited_number_of_channels() {
    let house = House::with(|config| config.limits.channels = 200).await;
    let ada = house.join("Ada").await;
    let mut socket = ada.socket(&[]).await;
    let mut refused = 0;
    for number in 0..=VIEW_LIMIT {
        let room = Room::Channel(ada.create_channel(&format!("c{number}")).await.name);
        socket.say(&ClientFrame::View(View { room, position: None })).await;
        let unviewable = socket
            .hear_until(|frame| match frame {
                ServerFrame::Reset(_) => Some(None),
                ServerFrame::Unviewable { refusal, .. } => Some(Some(refusal)),
                _ => None,
            })
            .await;
        if let Some(refusal) = unviewable {
            assert_eq!(refusal.code, RefusalCode::Full);
            refused += 1;
        }
    }
    assert_eq!(refused, 1);
    // Leaving one makes room.
    socket.say_raw(r#"{"type":"leave","room":{"channel":"c0"}}"#).await;
    let room = channel(&format!("c{VIEW_LIMIT}"));
    socket.say(&ClientFrame::View(View { room, position: None })).await;
    // Where this takes long, who is here is told as well.
    let viewed = socket
        .hear_until(|frame| match frame {
            ServerFrame::Reset(_) => Some(true),
            ServerFrame::Unviewable { .. } => Some(false),
            _ => None,
        })
        .await;
    assert!(viewed);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_room_for_so_many_sockets() {
    let house = House::with(|config| config.limits.sockets = 2).await;
    let ada = house.join("Ada").await;
    let mut first = ada.socket(&[]).await;
    let mut second = ada.socket(&[]).await;
    let mut third = house.connect(&ada).await;
    third.expect_closed(CloseCode::Full).await;
    assert!(first.is_alive().await && second.is_alive().await);
    first.send(Message::Close(None)).await;
    assert_eq!(first.closed().await, Some(1000));
    // Who left makes room, as soon as the server has noticed.
    let returned = async {
        loop {
            let mut socket = house.connect(&ada).await;
            if socket.is_alive_after_hello().await {
                return;
            }
        }
    };
    soon("room for another", returned).await;
}

impl Socket {
    /// Whether the server has room for this one.
    async fn is_alive_after_hello(&mut self) -> bool {
        self.say_raw(r#"{"type":"hello","protocol":2}"#).await;
        self.is_alive().await
    }
}

/// Programs that are not ours learn the rules from the welcome.
#[tokio::test(flavor = "multi_thread")]
async fn the_welcome_tells_the_rules() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut socket = house.connect(&ada).await;
    socket.say_raw(r#"{"type":"hello","protocol":2}"#).await;
    let Some(Message::Text(text)) = socket.next().await else { panic!("no welcome") };
    let welcome: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(welcome["type"], "welcome");
    assert_eq!(welcome["you"]["name"], "Ada");
    let heartbeat = serde_json::json!({ "ping": PING_SECONDS, "silence": SILENCE_SECONDS });
    assert_eq!(welcome["heartbeat"], heartbeat);
    let limits = serde_json::json!({
        "text": 4_000, "frame": FRAME_LIMIT, "viewing": VIEW_LIMIT, "file": 25 << 20, "files": 10,
    });
    assert_eq!(welcome["limits"], limits);
}

/// The code of the close, however long it takes: the clock of these tests is wound forward whenever
/// there is nothing to do, so that it takes no time.
async fn closed_in_time(socket: &mut Socket) -> Option<u16> {
    loop {
        match socket.0.next().await? {
            Ok(Message::Close(close)) => return close.map(|close| close.code.into()),
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn who_never_says_hello_is_closed() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut socket = house.connect(&ada).await;
    tokio::time::pause();
    let since = tokio::time::Instant::now();
    let code = closed_in_time(&mut socket).await;
    assert_eq!(code, Some(CloseCode::Protocol as u16));
    assert!(since.elapsed() <= Duration::from_secs(HELLO_SECONDS + 1), "{:?}", since.elapsed());
}

#[tokio::test]
async fn who_is_silent_is_closed() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut stream = ada.socket(&["general"]).await.0.into_inner();
    tokio::time::pause();
    let since = tokio::time::Instant::now();
    // Below the WebSocket, so that nobody answers the server's ping.
    let mut heard = Vec::new();
    while !heard.ends_with(CloseCode::Silent.reason().as_bytes()) {
        let read = stream.read_buf(&mut heard).await.unwrap();
        assert!(read > 0, "closed without a word: {heard:?}");
    }
    // Beside the word that somebody is here.
    let ping = [0x89, 0];
    let asked = heard.windows(2).position(|bytes| bytes == ping);
    let asked = asked.expect("asked before it is given up");
    assert_eq!(heard[asked + ping.len() + 2..][..2], (CloseCode::Silent as u16).to_be_bytes());
    assert!(since.elapsed() <= Duration::from_secs(SILENCE_SECONDS), "{:?}", since.elapsed());
    assert!(since.elapsed() > Duration::from_secs(2 * PING_SECONDS), "a ping may get lost");
}

/// Browsers let the timers of a page in the background sleep for a minute and more.
#[tokio::test]
async fn a_page_in_the_background_that_only_answers_pings_stays() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let mut hidden = ada.socket(&["general"]).await;
    tokio::time::pause();
    let since = tokio::time::Instant::now();
    let mut pings = 0;
    while since.elapsed() < Duration::from_secs(10 * SILENCE_SECONDS) {
        let message = hidden.0.next().await.expect("still there").unwrap();
        match message {
            Message::Ping(_) => pings += 1,
            // Who is here.
            Message::Text(text) => assert!(text.contains("presence"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(pings > 10, "{pings}");
    tokio::time::resume();
    bob.post("general", "Still there?").await;
    let ServerFrame::Event(event) = hidden.hear().await else { panic!("no event") };
    assert!(matches!(event.change, Change::Posted(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_is_closed_as_too_slow_while_others_go_on() {
    // One more than are here at first.
    let house = House::with(|config| config.limits.sockets = 3).await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let mut slow = Socket::open_narrow(house.address(), &bob.cookie).await.unwrap();
    slow.greet(&["general"]).await;
    let mut quick = bob.socket(&["general"]).await;
    let mut writer = ada.socket(&[]).await;
    let mut count = 0;
    // When the slow one is closed, there is room for another.
    while !house.connect(&ada).await.is_alive_after_hello().await {
        assert!(count < 2_000, "nobody is closed");
        for _ in 0..10 {
            count += 1;
            let (id, text) = (format!("large-{count}").try_into().unwrap(), "🙂".repeat(4_000));
            writer
                .say(&ClientFrame::Post {
                    id,
                    room: channel("general"),
                    text,
                    attachments: vec![],
                    reply_to: None,
                })
                .await;
            let ServerFrame::Accepted { .. } = writer.hear().await else { panic!("refused") };
            let ServerFrame::Event(event) = quick.hear().await else { panic!("no event") };
            assert!(matches!(event.change, Change::Posted(_)));
        }
    }
    // Now it reads, and learns why the rest is missing.
    let mut read = 0;
    let code = loop {
        match slow.next().await {
            // Who is here is told besides, the more often the longer this takes.
            Some(Message::Text(text)) => read += usize::from(is_event(&text)),
            Some(Message::Close(close)) => break close.map(|close| u16::from(close.code)),
            other => panic!("after {read} of {count} frames: {other:?}"),
        }
    };
    assert_eq!(code, Some(CloseCode::TooSlow as u16));
    assert!((10..=count).contains(&read), "{read} of {count}");
    assert!(quick.is_alive().await);
}

fn is_event(text: &str) -> bool {
    matches!(ServerFrame::read(text), Ok(ServerFrame::Event(_)))
}

/// What many people write at the same time becomes one commit and one write. Its size says nothing
/// about who reads it.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_burst_makes_nobody_slow() {
    const COUNT: usize = 100;
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let tab = ada.live("general").await;
    let mut writer = ada.socket(&[]).await;
    for number in 0..COUNT {
        let (id, text) = (format!("burst-{number}").try_into().unwrap(), "🙂".repeat(4_000));
        writer
            .say(&ClientFrame::Post {
                id,
                room: channel("general"),
                text,
                attachments: vec![],
                reply_to: None,
            })
            .await;
    }
    tab.until("all of it", |seen| (seen.replica.lines().len() == COUNT).then_some(())).await;
    tab.look(|seen| assert_eq!(seen.closes, []));
}
