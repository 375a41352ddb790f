//! Who people are and what channels are called, at the door.

use flack::domain::{channel::Channel, person::Person, refusal::RefusalCode};

use crate::support::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn of_200_who_want_one_name_at_once_one_gets_it() {
    let house = House::open().await;
    let forms = ["Ada", "ada", "ADA", " Ada ", "Ａｄａ"];
    let claims = (0..200).map(|number| {
        house.post("/api/sign_in").form(&[("name", forms[number % forms.len()])]).into_future()
    });
    let answers = futures_util::future::join_all(claims).await;
    let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(winners.len(), 1);
    let others: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    for answer in &others {
        assert_eq!(answer.status, 409, "{}", answer.body);
        assert_eq!(answer.refusal().code, RefusalCode::NameTaken);
        assert_eq!(answer.header("set-cookie"), "");
    }
    // There is one person: the next one's number follows directly.
    let winner: Person = winners[0].json();
    assert_eq!(house.join("Bob").await.person.id.0, winner.id.0.next());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_one_persons_in_every_spelling() {
    let house = House::open().await;
    house.join("Zoë Müller").await;
    for alike in
        ["zoë müller", "ZOË MÜLLER", "  Zoë   Müller ", "Zoe\u{308} Mu\u{308}ller", "Ｚｏë Müller"]
    {
        let answer = house.post("/api/sign_in").form(&[("name", alike)]).await.expect(409);
        let refusal = answer.refusal();
        assert_eq!(refusal.code, RefusalCode::NameTaken, "{alike}");
        assert!(refusal.to_string().contains("Try another name"), "{refusal}");
    }
    for other in ["Zoe Muller", "Zoë", "東京", "Ольга", "नमस्ते", "👩‍🚀 Ada"]
    {
        assert_eq!(house.join(other).await.name(), other);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_looks_like_a_taken_one_is_taken() {
    let house = House::open().await;
    for name in ["Norma Paul", "Сергей", "Bob"] {
        house.join(name).await;
    }
    for alike in [
        "Norrna Paul",
        "Norma PauI",
        "Norma Pau1",
        "Nоrma Paul", // a Cyrillic о
        "Νorma Paul", // a Greek Ν
        "Norma\u{a0}Paul",
        "Cepгeй", // half Latin
        "B0b",
    ] {
        let answer = house.post("/api/sign_in").form(&[("name", alike)]).await.expect(409);
        assert_eq!(answer.refusal().code, RefusalCode::NameTaken, "{alike}");
        assert_eq!(answer.header("set-cookie"), "");
    }
    // Those who hide something are refused as no names at all.
    for hidden in ["Bob\u{200b}", "\u{202e}Bob", "B\u{ad}ob", "Bob\u{2060}"] {
        let answer = house.post("/api/sign_in").form(&[("name", hidden)]).await.expect(422);
        assert_eq!(answer.refusal().code, RefusalCode::NameInvalid, "{hidden:?}");
    }
    for reserved in ["Flack", "ADMIN", "Аdmin", "Everyone", "FIack"] {
        let answer = house.post("/api/sign_in").form(&[("name", reserved)]).await.expect(409);
        assert_eq!(answer.refusal().code, RefusalCode::NameReserved, "{reserved}");
    }
    for other in ["Norman Paul", "Серж", "Rob", "Αλέξης", "Admira"] {
        assert_eq!(house.join(other).await.name(), other);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_name_is_refused_in_a_sentence() {
    let house = House::open().await;
    for raw in ["", "   ", "\u{200b}", "a\u{202e}b", "x\u{0}y", "\u{301}a", &"x".repeat(33)] {
        let answer = house.post("/api/sign_in").form(&[("name", raw)]).await.expect(422);
        let refusal = answer.refusal();
        assert_eq!(refusal.code, RefusalCode::NameInvalid, "{raw:?}");
        assert!(refusal.to_string().ends_with('.') && refusal.to_string().len() > 20, "{refusal}");
        assert_eq!(answer.header("set-cookie"), "");
    }
    assert_eq!(house.join(&"x".repeat(32)).await.name().len(), 32);
    // A name as long as a request may be is refused like any other.
    let long = "x".repeat(60_000);
    house.post("/api/sign_in").form(&[("name", &long)]).await.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_kept_over_a_sign_out_and_a_restart() {
    let mut house = House::open().await;
    let ada = house.join("Ada").await;
    ada.sign_out().await.expect(200);
    house.post("/api/sign_in").form(&[("name", "Ada")]).await.expect(409);
    house.restart().await;
    house.post("/api/sign_in").form(&[("name", "ada")]).await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_conflict_by_case_width_and_space() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    assert_eq!(ada.create_channel("  Lunch   Plans ").await.name.as_str(), "Lunch Plans");
    for alike in ["lunch plans", "#Lunch Plans", "ＬＵＮＣＨ plans", "lunch\tplans"] {
        let answer = ada.ask("/api/create_channel", &[("name", alike)]).await.expect(409);
        let refusal = answer.refusal();
        assert_eq!(refusal.code, RefusalCode::ChannelExists, "{alike}");
        assert!(refusal.to_string().contains("#Lunch Plans"), "{refusal}");
    }
    // The second has a Cyrillic letter.
    for alike in ["Lunch PIans", "Lunсh Plans", "genera1", "GENERAL"] {
        let answer = ada.ask("/api/create_channel", &[("name", alike)]).await.expect(409);
        assert_eq!(answer.refusal().code, RefusalCode::ChannelExists, "{alike}");
    }
    for raw in ["", "#", "a/b", "..", "a\u{200b}b", &"x".repeat(41)] {
        let answer = ada.ask("/api/create_channel", &[("name", raw)]).await.expect(422);
        assert_eq!(answer.refusal().code, RefusalCode::ChannelNameInvalid, "{raw:?}");
    }
    let listed: Vec<Channel> = ada.get("/api/list_channels").await.expect(200).json();
    let names: Vec<&str> = listed.iter().map(|channel| channel.name.as_str()).collect();
    assert_eq!(names, ["general", "Lunch Plans"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_create_one_channel_at_once_one_does() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let asks = (0..50).map(|_| ada.ask("/api/create_channel", &[("name", "Design")]).into_future());
    let answers = futures_util::future::join_all(asks).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 409).count(), 49);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_found_by_what_people_call_it() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    ada.create_channel("Design").await;
    for name in ["Design", "design", "#design", " DESIGN "] {
        ada.post(name, name).await;
    }
    assert_eq!(house.window("Design").await.messages().len(), 4);
    let answer = ada.ask("/api/post_message", &[("channel", "nowhere"), ("text", "Hello")]).await;
    assert_eq!(answer.expect(404).refusal().code, RefusalCode::UnknownChannel);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_tidied_or_refused() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    for raw in ["", " \r\n ", "\u{200b}"] {
        let fields = [("channel", "general"), ("text", raw)];
        let answer = ada.ask("/api/post_message", &fields).await.expect(422);
        assert_eq!(answer.refusal().code, RefusalCode::TextEmpty);
    }
    let long = "🙂".repeat(4_001);
    let fields = [("channel", "general"), ("text", long.as_str())];
    let answer = ada.ask("/api/post_message", &fields).await.expect(422);
    assert_eq!(answer.refusal().code, RefusalCode::TextTooLong);
    assert!(answer.refusal().to_string().contains("4001"), "{}", answer.body);
    ada.post("general", &"🙂".repeat(4_000)).await;
    ada.post("general", "one\r\ntwo").await;
    let window = house.window("general").await;
    assert_eq!(window.messages().next_back().unwrap().text.as_str(), "one\ntwo");
    assert_eq!(window.messages().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lacks_an_argument_is_malformed() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let malformed: [(&str, &[(&str, &str)]); 7] = [
        ("/api/sign_in", &[]),
        ("/api/create_channel", &[("nom", "Design")]),
        ("/api/post_message", &[("channel", "general")]),
        ("/api/post_message", &[("text", "Hello")]),
        ("/api/delete_message", &[("channel", "general")]),
        ("/api/delete_message", &[("channel", "general"), ("message", "first")]),
        ("/api/delete_message", &[("channel", "general"), ("message", "-1")]),
    ];
    for (path, fields) in malformed {
        let answer = ada.ask(path, fields).await.expect(400);
        assert_eq!(answer.refusal().code, RefusalCode::Malformed, "{path} {fields:?}");
    }
    for body in ["", "=&=&", "{\"name\":\"Bob\"}", "\u{0}", "&name", "%6eame"] {
        let answer = house.post("/api/sign_in").body(body).await;
        assert!((400..500).contains(&answer.status), "{body:?}: {}", answer.status);
    }
    let flood = "x".repeat(100_000);
    house.post("/api/sign_in").form(&[("name", &flood)]).await.expect(400);
    ada.ask("/api/no_such_function", &[]).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_that_is_full_says_so() {
    let house = House::with(|config| {
        config.limits.people = 2;
        config.limits.channels = 2;
    })
    .await;
    let ada = house.join("Ada").await;
    house.join("Bob").await;
    let answer = house.post("/api/sign_in").form(&[("name", "Cleo")]).await.expect(507);
    assert_eq!(answer.refusal().code, RefusalCode::Full);
    ada.create_channel("design").await;
    let answer = ada.ask("/api/create_channel", &[("name", "lunch")]).await.expect(507);
    assert_eq!(answer.refusal().code, RefusalCode::Full);
}

/// What is said of author, time or position in a request is never believed.
#[tokio::test(flavor = "multi_thread")]
async fn author_time_and_position_are_the_servers() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let fields = [
        ("channel", "general"),
        ("text", "Hello"),
        ("author", "Bob"),
        ("by", "3"),
        ("position", "77"),
        ("at", "0"),
    ];
    let answer = ada.ask("/api/post_message", &fields).await;
    let window = house.window("general").await;
    assert!(window.messages().all(|it| it.author == ada.person && it.at.timestamp() > 0));
    assert!(window.messages().all(|it| it.position.0 < 77));
    assert!(matches!(answer.status, 200 | 400), "{}", answer.body);
    // Over the socket it is a protocol error.
    let mut socket = bob.socket(&["general"]).await;
    socket
        .say_raw(
            r#"{"type":"post","id":"x","room":{"channel":"general"},"text":"Hi","author":"Ada"}"#,
        )
        .await;
    socket.expect_closed(flack::domain::frame::CloseCode::Protocol).await;
}
