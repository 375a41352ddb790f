//! How long anybody may take, how much there may be of anything, and how often it may be asked for.
//! Each has its stated outcome, and others do not notice.

use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use flack::{
    domain::{
        command::CommandId,
        frame::{ClientFrame, CloseCode, ServerFrame, View},
        refusal::{Refusal, RefusalCode},
    },
    server::config::{self, Config},
    sync::{Content, outbox::Progress},
};
use futures_util::{SinkExt, StreamExt, future::join_all, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::sleep,
};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{
    channel,
    guest::Guest,
    house::House,
    http::{Answer, Ask},
    program::allow_open_files,
    socket::{Socket, handshake, masked},
    soon,
};

/// What is promised for a connection that says nothing.
const PROMISED: Duration = Duration::from_secs(10);

/// Says this on a connection of its own.
async fn say(house: &House, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(house.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// All that is answered until the other side closes.
async fn heard(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = soon("the end of the connection", stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_that_say_nothing_or_half_are_closed_while_others_are_served() {
    allow_open_files(4_000);
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let since = Instant::now();
    let half = "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-long: ";
    let mut silent = Vec::new();
    for number in 0..1_000 {
        silent.push(say(&house, if number % 2 == 0 { b"" } else { half.as_bytes() }).await);
    }
    let closed = tokio::spawn(async move {
        let answers = join_all(silent.iter_mut().map(heard)).await;
        assert!(answers.iter().all(String::is_empty), "closed without a word");
    });
    let mut slowest = Duration::ZERO;
    while !closed.is_finished() {
        let asked = Instant::now();
        ada.page("general").await;
        ada.post("general", "Still here").await;
        slowest = slowest.max(asked.elapsed());
        sleep(Duration::from_millis(100)).await;
    }
    closed.await.unwrap();
    assert!(since.elapsed() <= PROMISED + Duration::from_secs(2), "{:?}", since.elapsed());
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}

/// The clock of this test is wound forward whenever there is nothing to do.
#[tokio::test]
async fn every_head_has_the_same_time() {
    let house = House::open().await;
    tokio::time::pause();
    let whole = "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    for said in ["", "G", "GET / HTTP/1.1\r\n", whole, &format!("{whole}GET /")] {
        let since = tokio::time::Instant::now();
        let mut stream = say(&house, said.as_bytes()).await;
        let answers = heard_in_time(&mut stream).await;
        assert_eq!(answers.matches("200 OK").count(), said.matches("healthz").count(), "{said}");
        assert!(since.elapsed() <= PROMISED, "{said}: {:?}", since.elapsed());
        assert!(since.elapsed() >= PROMISED / 2, "{said}: {:?}", since.elapsed());
    }
}

/// Like [`heard`], however long it takes.
async fn heard_in_time(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_body_that_stalls_is_refused() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    tokio::time::pause();
    let form = "content-type: application/x-www-form-urlencoded";
    for (length, said) in [
        ("content-length: 1000", "channel=general&text=half"),
        ("transfer-encoding: chunked", "5\r\nchann\r\n"),
    ] {
        let since = tokio::time::Instant::now();
        let headers = format!("{form}\r\n{length}");
        let mut stream = ada.begin("/api/post_message", &headers, said.as_bytes()).await;
        let answer = heard_in_time(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        let refusal = serde_json::to_string(&Refusal::timed_out().spelled_out()).unwrap();
        assert!(answer.ends_with(&refusal), "{answer}");
        assert!(since.elapsed() <= Duration::from_secs(21), "{:?}", since.elapsed());
    }
    tokio::time::resume();
    assert!(house.window("general").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_bodies_have_a_largest_size() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let start = "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n";
    let long = format!("{start}x-long: {}\r\n\r\n", "x".repeat(20_000));
    let many = format!("{start}{}\r\n", "x-many: x\r\n".repeat(200));
    let address = format!("GET /{} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", "x".repeat(100_000));
    for (said, statuses) in [(long, [431, 431]), (many, [431, 431]), (address, [414, 431])] {
        let mut stream = TcpStream::connect(house.address()).await.unwrap();
        // It may be closed before all is said.
        let _ = stream.write_all(said.as_bytes()).await;
        let answer = heard(&mut stream).await;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        assert!(status.is_some_and(|status| statuses.contains(&status)), "{answer}");
    }
    // Endless, without saying how much it will be.
    let mut stream = ada.begin("/api/post_message", "transfer-encoding: chunked", b"").await;
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let mut sent = 0;
    while stream.write_all(chunk.as_bytes()).await.is_ok() {
        sent += 1;
        assert!(sent < 100_000, "nobody stops it");
    }
    ada.post("general", "all well").await;
}

/// What is read slowly is served; what is not read at all is not waited for.
///
/// In real time: a clock that is wound would overtake what the operating system has under way.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_reads_is_given_up() {
    // One place is the writer's, and who does not read has the other.
    let house = House::narrow(|config| config.connections.all = 2).await;
    let ada = house.join("Ada").await;
    let mut writer = ada.socket(&[]).await;
    for number in 0..100 {
        let (id, text) = (format!("{number}").try_into().unwrap(), "🙂".repeat(4_000));
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
    }
    let narrow = TcpSocket::new_v4().unwrap();
    narrow.set_recv_buffer_size(64 * 1024).unwrap();
    let mut stream = narrow.connect(house.address()).await.unwrap();
    let ask = format!("GET /c/general HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n", ada.cookie);
    stream.write_all(ask.as_bytes()).await.unwrap();
    soon("the beginning of the answer", stream.readable()).await.unwrap();
    let since = tokio::time::Instant::now();
    assert!(!has_room(&house).await, "it has the place");
    let room = async {
        while !has_room(&house).await {
            sleep(Duration::from_millis(50)).await;
        }
    };
    soon("room for another", room).await;
    let took = since.elapsed();
    assert!((Duration::from_secs(8)..Duration::from_secs(13)).contains(&took), "{took:?}");
}

async fn has_room(house: &House) -> bool {
    let mut stream = TcpStream::connect(house.address()).await.unwrap();
    // Not written to, so that the answer of one who is turned away is not lost.
    let turned_away = tokio::time::timeout(Duration::from_millis(200), stream.read_u8()).await;
    match turned_away {
        Ok(first) => {
            assert_eq!(first.unwrap(), b'H');
            let mut rest = String::new();
            stream.read_to_string(&mut rest).await.unwrap();
            assert!(rest.starts_with("TTP/1.1 503 ") && rest.contains("retry-after: "), "{rest}");
            false
        }
        Err(_) => true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_room_for_so_many_connections() {
    let limits: [fn(&mut Config); 2] =
        [|config| config.connections.all = 2, |config| config.connections.of_one_address = 2];
    for limit in limits {
        let house = House::with(limit).await;
        let ada = house.join("Ada").await;
        let mut first = ada.socket(&[]).await;
        let second = say(&house, b"").await;
        assert!(!has_room(&house).await);
        assert!(first.is_alive().await, "those who are there stay");
        drop(second);
        let room = async { while !has_room(&house).await {} };
        soon("room for another", room).await;
        // A live socket counts to its end, and not longer.
        drop(first);
        let room =
            async { while tokio::join!(has_room(&house), has_room(&house)) != (true, true) {} };
        soon("room for two", room).await;
    }
}

fn behind_a_proxy(config: &mut Config) {
    config.proxies = "127.0.0.1".parse().unwrap();
}

/// Opens a socket as a proxy does, for somebody.
async fn open_for(house: &House, guest: &Guest, who: &str) -> Result<Socket, u16> {
    let mut request = handshake(house.address(), &guest.cookie);
    request.headers_mut().insert("x-forwarded-for", HeaderValue::from_str(who).unwrap());
    match Socket::open_with(house.address(), request).await {
        Ok(socket) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_people_are_counted_by_where_they_are() {
    let house = House::with(|config| {
        behind_a_proxy(config);
        config.connections.of_one_address = 1;
    })
    .await;
    let ada = house.join("Ada").await;
    let first = open_for(&house, &ada, "192.0.2.1").await.expect("a place");
    let Err(503) = open_for(&house, &ada, "192.0.2.1").await else { panic!("one too many") };
    let Err(503) = open_for(&house, &ada, "192.0.2.9, 192.0.2.1").await else {
        panic!("what they say of themselves counts for nothing")
    };
    open_for(&house, &ada, "192.0.2.2").await.expect("another place");
    drop(first);
    let again = async { while open_for(&house, &ada, "192.0.2.1").await.is_err() {} };
    soon("room where somebody left", again).await;
}

fn post(guest: &Guest, text: &str) -> Ask {
    guest.ask("/api/post_message", &[("channel", "general"), ("text", text)])
}

#[track_caller]
fn assert_limited(answer: &Answer, seconds: std::ops::RangeInclusive<u32>) {
    assert_eq!(answer.status, 429, "{}", answer.body);
    let refusal = answer.refusal();
    assert_eq!(refusal.code, RefusalCode::RateLimited);
    let wait = refusal.retry_after.expect("a time to wait");
    assert!(seconds.contains(&wait), "{wait} of {seconds:?}");
    assert_eq!(answer.header("retry-after"), wait.to_string());
    assert_eq!(refusal, Refusal::rate_limited(wait), "the sentence says it");
}

async fn say_post(socket: &mut Socket, id: &str) -> ServerFrame {
    let id = CommandId::try_from(id.to_owned()).unwrap();
    socket
        .say(&ClientFrame::Post {
            id,
            room: channel("general"),
            text: "Hello".to_owned(),
            attachments: vec![],
            reply_to: None,
        })
        .await;
    socket.hear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_writes_so_often_by_whatever_way() {
    let house = House::with(|config| config.limits.rates.messages = 3).await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let (mut one, mut other) = (ada.socket(&[]).await, ada.socket(&[]).await);
    let ServerFrame::Accepted { .. } = say_post(&mut one, "one").await else { panic!() };
    let ServerFrame::Accepted { .. } = say_post(&mut other, "two").await else { panic!() };
    post(&ada, "three").await.expect(200);
    assert_limited(&post(&ada, "four").await, 15..=20);
    let heard = say_post(&mut one, "five").await;
    let ServerFrame::Refused { id, refusal } = heard else { panic!("{heard:?}") };
    assert_eq!(id.as_str(), "five");
    assert_eq!(refusal, Refusal::rate_limited(refusal.retry_after.expect("a time to wait")));
    assert!(one.is_alive().await, "the socket goes on");
    let message = house.window("general").await.messages().next().unwrap().position.to_string();
    for (path, fields) in [
        ("/api/edit_message", vec![("text", "x")]),
        ("/api/delete_message", vec![]),
        ("/api/restore_message", vec![]),
        ("/api/react", vec![("emoji", "👍")]),
        ("/api/unreact", vec![("emoji", "👍")]),
    ] {
        let fields = [vec![("channel", "general"), ("message", &*message)], fields].concat();
        assert_limited(&ada.ask(path, &fields).await, 1..=20);
    }
    post(&bob, "others go on").await.expect(200);
    assert_eq!(house.window("general").await.messages().len(), 4);
}

/// The page's own client waits for as long as it is told, and then writes on.
#[tokio::test]
async fn what_was_written_too_fast_is_written_later_once_and_in_order() {
    let house = House::with(|config| config.limits.rates.messages = 30).await;
    let ada = house.join("Ada").await;
    let tab = ada.live("general").await;
    let texts: Vec<String> = (0..36).map(|number| number.to_string()).collect();
    texts.iter().for_each(|text| drop(tab.post("general", text)));
    let held = tab
        .until("a message that waits, and says why", |seen| {
            seen.replica.lines().into_iter().find_map(|line| match line.content {
                Content::OnItsWay { progress: Progress::Held(refusal), .. } => Some(refusal),
                _ => None,
            })
        })
        .await;
    assert_eq!(held.code, RefusalCode::RateLimited);
    tokio::time::pause();
    while house.window("general").await.messages().len() < 36 {
        sleep(Duration::from_secs(1)).await;
    }
    tokio::time::resume();
    tab.expect_settled().await;
    assert_eq!(tab.texts(), texts);
    tab.look(|seen| assert_eq!(seen.closes, []));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_on_which_too_much_is_said_is_closed() {
    let house = House::with(|config| config.limits.rates.frames = 10).await;
    let ada = house.join("Ada").await;
    let view = View { room: channel("general"), position: None };
    let kinds: [Message; 4] = [
        Message::text(r#"{"type":"ping"}"#),
        Message::text(serde_json::to_string(&ClientFrame::View(view)).unwrap()),
        Message::text(r#"{"type":"leave","room":{"channel":"general"}}"#),
        Message::Ping("".into()),
    ];
    for kind in kinds {
        let mut quiet = ada.socket(&[]).await;
        let mut loud = ada.socket(&[]).await;
        for _ in 0..10 {
            loud.send(kind.clone()).await;
        }
        loud.expect_closed(CloseCode::RateLimited).await;
        assert!(quiet.is_alive().await, "another socket of the same person");
    }
}

/// Like [`post`], but for a name, and as a proxy brings it for somebody.
fn sign_in(house: &House, name: &str, who: &str) -> Ask {
    house.post("/api/sign_in").form(&[("name", name)]).header("x-forwarded-for", who)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_takes_so_many_names() {
    let house = House::with(|config| {
        behind_a_proxy(config);
        config.limits.rates.sign_ins = 2;
    })
    .await;
    sign_in(&house, "Ada", "192.0.2.1").await.expect(200);
    sign_in(&house, "Ada", "192.0.2.1").await.expect(409);
    assert_limited(&sign_in(&house, "Bob", "192.0.2.1").await, 1_700..=1_800);
    assert_limited(&sign_in(&house, "Bob", "192.0.2.7, 192.0.2.1").await, 1_700..=1_800);
    sign_in(&house, "Bob", "192.0.2.2").await.expect(200);
    // All of one network of IPv6 is one address.
    sign_in(&house, "Cleo", "2001:db8::1").await.expect(200);
    sign_in(&house, "Dora", "2001:db8::2").await.expect(200);
    assert_limited(&sign_in(&house, "Eve", "2001:db8::3").await, 1_700..=1_800);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_proxy_cannot_say_for_whom_it_asks() {
    for proxies in ["10.0.0.0/8,::1", "127.0.0.2"] {
        let house = House::with(|config| {
            config.proxies = proxies.parse().unwrap();
            config.limits.rates.sign_ins = 1;
        })
        .await;
        sign_in(&house, "Ada", "192.0.2.1").await.expect(200);
        for who in ["192.0.2.2", "10.0.0.1", "127.0.0.1", "nonsense"] {
            assert_limited(&sign_in(&house, "Bob", who).await, 3_500..=3_600);
        }
        let forwarded = house.post("/api/sign_in").form(&[("name", "Bob")]);
        let forwarded = forwarded.header("forwarded", "for=192.0.2.3");
        assert_limited(&forwarded.await, 3_500..=3_600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_makes_so_many_channels_and_opens_so_many_sockets() {
    let house = House::with(|config| {
        config.limits.rates.channels = 1;
        config.limits.rates.sockets = 2;
    })
    .await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    ada.create_channel("plans").await;
    assert_limited(&ada.ask("/api/create_channel", &[("name", "lunch")]).await, 3_500..=3_600);
    bob.create_channel("lunch").await;

    let sockets = [ada.socket(&[]).await, ada.socket(&[]).await];
    let Err(Error::Http(response)) = Socket::open(house.address(), &ada.cookie).await else {
        panic!("one too many")
    };
    assert_eq!(response.status(), 429);
    assert!(response.headers().contains_key("retry-after"));
    let _others = bob.socket(&[]).await;
    for mut socket in sockets {
        assert!(socket.is_alive().await, "those that are open stay");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_and_an_address_ask_so_often() {
    const SHARED: usize = flack::server::rates::SHARED as usize;
    let house = House::with(|config| config.limits.rates.requests = 2).await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    ada.get("/api/list_channels").await.expect(200);
    ada.page("general").await;
    assert_limited(&ada.get("/api/list_channels").await, 1..=30);
    // A person reads a sentence.
    let page = ada.get("/c/general").header("accept", "text/html").await.expect(429);
    assert!(page.header("content-type").starts_with("text/plain"), "{page:?}");
    assert!(page.body.contains("too much at once"), "{}", page.body);
    bob.page("general").await;
    // Seven were asked for so far; whatever it is, it counts for the address.
    for _ in 7..2 * SHARED {
        house.get("/favicon.svg").await.expect(200);
    }
    assert_limited(&house.get("/favicon.svg").await, 1..=2);
    assert_limited(&bob.get("/api/list_channels").await, 1..=2);
    house.get("/healthz").await.expect(200);
}

/// What nobody sets has to do for a team behind one address that arrives on the same morning, has
/// three tabs each, whose server restarts, and whose network is cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_team_behind_one_address_meets_no_limit() {
    const TEAM: usize = 200;
    allow_open_files(4_000);
    let arguments = config::command().get_matches_from(["flack"]);
    let usual = Config::load(&arguments).expect("the settings that Flack comes with");
    assert_eq!(usual.limits.rates.messages, 300);
    let mut house = House::with(|config| {
        config.connections = usual.connections;
        config.limits = usual.limits;
    })
    .await;
    let names: Vec<String> = (0..TEAM).map(|number| format!("Person {number}")).collect();
    let team: Vec<Guest> =
        stream::iter(&names).map(|name| house.join(name)).buffered(8).collect().await;
    for start in 0..3 {
        let mut tabs: Vec<Socket> = stream::iter(&team)
            .map(async |guest| {
                guest.page("general").await;
                for file in ["/favicon.svg", "/manifest.webmanifest", "/pkg/flack.css"] {
                    guest.get(file).await.expect(200);
                }
                [guest.socket(&[]).await, guest.socket(&[]).await, guest.socket(&[]).await]
            })
            .buffer_unordered(8)
            .flat_map(stream::iter)
            .collect()
            .await;
        for (number, tab) in tabs.iter_mut().enumerate() {
            for message in 0..3 {
                let heard = say_post(tab, &format!("{start}-{number}-{message}")).await;
                assert!(matches!(heard, ServerFrame::Accepted { .. }), "{heard:?}");
            }
        }
        drop(tabs);
        if start == 0 {
            house.restart().await;
        }
    }
}

/// Without JavaScript, the page says so in its place, and keeps what was typed.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_says_how_long_to_wait() {
    let house = House::with(|config| {
        config.limits.rates.messages = 1;
        config.limits.rates.channels = 1;
        config.limits.rates.sign_ins = 1;
    })
    .await;
    let ada = house.join("Ada").await;
    post(&ada, "first").await.expect(200);
    ada.create_channel("plans").await;
    let text = [("channel", "general"), ("text", "typed words")];
    let name = [("name", "typed words")];
    for ask in [
        ada.ask("/api/post_message", &text).by_form_of("/c/general"),
        ada.ask("/api/create_channel", &name).by_form_of("/c/general"),
        house.post("/api/sign_in").form(&name).by_form_of("/"),
    ] {
        let answer = ask.await.expect(429);
        assert!(answer.header("content-type").starts_with("text/html"));
        let seconds: u32 = answer.header("retry-after").parse().expect("a time to wait");
        // What the client goes on from is in a script, and nobody reads it there.
        let parts = answer.body.split("<script");
        let shown: String = parts.map(|part| part.rsplit("</script>").next().unwrap()).collect();
        // A second may have passed.
        let sentences =
            [seconds, seconds + 1].map(|seconds| Refusal::rate_limited(seconds).to_string());
        assert!(sentences.iter().any(|sentence| shown.contains(sentence)), "{shown}");
        assert!(shown.contains("typed words"), "{shown}");
    }
}

/// The clock of this test is wound forward whenever there is nothing to do.
#[tokio::test]
async fn pings_are_no_hello() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let (mut said, mut heard) = house.connect(&ada).await.0.split();
    tokio::time::pause();
    let since = tokio::time::Instant::now();
    let saying = async {
        for _ in 0..10 {
            let _ = said.send(Message::Ping("".into())).await;
            sleep(Duration::from_secs(3)).await;
        }
    };
    let closed = async {
        loop {
            match heard.next().await {
                Some(Ok(Message::Pong(_))) => {}
                Some(Ok(Message::Close(close))) => break close.map(|close| u16::from(close.code)),
                other => panic!("{other:?}"),
            }
        }
    };
    let closed = tokio::select! {
        closed = closed => closed,
        () = saying => panic!("nobody says why"),
    };
    assert_eq!(closed, Some(CloseCode::Protocol as u16));
    assert!(since.elapsed() <= Duration::from_secs(11), "{:?}", since.elapsed());
}

/// Closed with the code, for these bytes after a hello.
async fn closed_for(guest: &Guest, bytes: &[u8]) -> Option<u16> {
    let mut socket = guest.socket(&["general"]).await;
    // It may be closed before all is said.
    let _ = socket.0.get_mut().write_all(bytes).await;
    socket.closed().await
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_too_deep_or_claim_too_much_end_their_socket() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tab = bob.live("general").await;
    let deep = |depth: usize| masked(true, 1, "[".repeat(depth).as_bytes());
    let inside = format!(r#"{{"type":"view","room":{}"#, "{\"x\":".repeat(10_000));
    for (bytes, code) in [
        (deep(100_000), 1009),
        (deep(60_000), CloseCode::Protocol as u16),
        (masked(true, 1, inside.as_bytes()), CloseCode::Protocol as u16),
        // One that says it will have 2^62 bytes, and one of 2^64 − 1.
        (b"\x81\xff\x40\0\0\0\0\0\0\0\0\0\0\0".to_vec(), 1009),
        (b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec(), 1009),
    ] {
        assert_eq!(closed_for(&ada, &bytes).await, Some(code), "{:?}", &bytes[..14]);
    }
    ada.post("general", "all well").await;
    tab.expect_message("all well").await;
    tab.look(|seen| assert_eq!(seen.closes, []));
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_without_an_end_end_their_socket() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tab = bob.live("general").await;
    let endless = [&b""[..], b"x", &[b'x'; 1_000]].map(async |fragment| {
        let mut socket = ada.socket(&["general"]).await;
        let stream = socket.0.get_mut();
        stream.write_all(&masked(false, 1, fragment)).await.unwrap();
        let many = masked(false, 0, fragment).repeat(1_000);
        while stream.write_all(&many).await.is_ok() {}
    });
    let meanwhile = async {
        ada.post("general", "all well").await;
        tab.expect_message("all well").await;
    };
    soon("the end of it", async { tokio::join!(join_all(endless), meanwhile) }).await;
    // Only as many as it takes, so that the reason is not lost.
    let mut socket = ada.socket(&["general"]).await;
    let fragments = [masked(false, 1, b""), masked(false, 0, b"").repeat(50_000)].concat();
    let _ = socket.0.get_mut().write_all(&fragments).await;
    assert_eq!(socket.closed().await, Some(1009));
    tab.look(|seen| assert_eq!(seen.closes, []));
}

/// One that reads nothing of what waits is closed before more comes for it than may wait.
///
/// In real time: a clock that is wound would overtake what the operating system has under way.
#[tokio::test(flavor = "multi_thread")]
async fn who_reads_nothing_is_closed_in_time_and_who_reads_slowly_is_not() {
    // One more than are here at first.
    let house = House::narrow(|config| config.limits.sockets = 3).await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    for _ in 0..100 {
        ada.post("general", &"🙂".repeat(4_000)).await;
    }
    let mut slow = open_narrow(&house, &bob).await;
    let _unread = open_narrow(&house, &bob).await;
    let since = tokio::time::Instant::now();
    let reading = tokio::spawn(async move {
        let mut some = vec![0; 60_000];
        let mut read = 0;
        while read < 1_600_000 {
            let count = slow.0.get_mut().read(&mut some).await.unwrap();
            assert!(count > 0, "closed after {read}");
            read += count;
            sleep(Duration::from_millis(300)).await;
        }
    });
    // When the one is closed, there is room for another.
    let mut places = Vec::new();
    let room = async {
        while places.len() < 2 {
            let mut socket = house.connect(&ada).await;
            socket.say_raw(r#"{"type":"hello","protocol":2}"#).await;
            if socket.is_alive().await {
                places.push(socket);
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    soon("room for another", room).await;
    let took = since.elapsed();
    assert!((Duration::from_secs(5)..=PROMISED).contains(&took), "{took:?}");
    reading.await.expect("who reads slowly gets everything");
}

/// A socket that views a large window, of which nothing was read yet.
async fn open_narrow(house: &House, guest: &Guest) -> Socket {
    let mut socket = Socket::open_narrow(house.address(), &guest.cookie).await.unwrap();
    let hello = r#"{"type":"hello","protocol":2,"viewing":[{"room":{"channel":"general"}}]}"#;
    socket.say_raw(hello).await;
    socket
}
