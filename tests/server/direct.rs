//! What two people say to each other is theirs: nobody else sees it, on any path.

use flack::domain::{
    direct::DIRECTS_OF_WHO_BEGINS,
    frame::{ClientFrame, PROTOCOL, ServerFrame, View},
    person::Person,
    position::Position,
    refusal::RefusalCode,
    room::{Pair, Room, direct_path},
};

use crate::support::{guest::Guest, house::House};

fn between(one: &Guest, other: &Guest) -> Room {
    Room::Direct(Pair::of(one.person.id, other.person.id))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_and_see_each_message_at_once() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tab = bob.live("general").await;
    let first = ada.whisper(&bob, "psst").await;
    // The conversation is in the list by itself, from the first message on.
    tab.until("a direct conversation", |seen| {
        let direct = seen.replica.directs().find(ada.person.id)?;
        (direct.created == Some(first) && direct.with == ada.person).then_some(())
    })
    .await;
    tab.enter(between(&ada, &bob));
    tab.expect_message("psst").await;
    ada.whisper(&bob, "still there?").await;
    tab.expect_message("still there?").await;
    bob.whisper(&ada, "yes").await;
    tab.expect_texts(&["psst", "still there?", "yes"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_conversation_outlasts_a_restart() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    ada.whisper(&bob, "psst").await;
    house.restart().await;
    let page = bob.get(&direct_path(ada.person.id)).await.expect(200);
    assert_eq!(page.articles().len(), 1);
    assert!(page.body.contains("psst"));
    let tab = bob.live("general").await;
    tab.look(|seen| assert!(seen.replica.directs().find(ada.person.id).is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn for_everyone_else_it_is_not_there() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let eve = house.join("Eve").await;
    let message = ada.whisper(&bob, "plover-xyzzy").await;
    let theirs = between(&ada, &bob);
    let mut socket = house.connect(&eve).await;
    // Neither when coming in, with whatever past, nor later.
    let view = |position| View { room: theirs.clone(), position };
    let viewing = vec![view(None), view(Some(Position::ZERO)), view(Some(message))];
    socket.say(&ClientFrame::Hello { protocol: PROTOCOL, resume: None, viewing }).await;
    socket.say(&ClientFrame::View(view(None))).await;
    for _ in 0..4 {
        let (room, refusal) = socket
            .hear_until(|frame| match frame {
                ServerFrame::Unviewable { room, refusal } => Some((room, refusal)),
                frame => {
                    assert!(!format!("{frame:?}").contains("plover"), "{frame:?}");
                    None
                }
            })
            .await;
        assert_eq!((room, refusal.code), (theirs.clone(), RefusalCode::UnknownPerson));
    }
    let id = |id: &str| id.to_owned().try_into().unwrap();
    let room = || theirs.clone();
    let frames = [
        ClientFrame::Post {
            id: id("a"),
            room: room(),
            text: "me too".to_owned(),
            attachments: vec![],
            reply_to: None,
        },
        ClientFrame::Edit { id: id("b"), room: room(), message, text: "mine".to_owned() },
        ClientFrame::Delete { id: id("c"), room: room(), message },
        ClientFrame::Restore { id: id("d"), room: room(), message },
        ClientFrame::React { id: id("e"), room: room(), message, emoji: "👍".to_owned() },
        ClientFrame::Unreact { id: id("f"), room: room(), message, emoji: "👍".to_owned() },
    ];
    for frame in &frames {
        socket.say(frame).await;
        let heard = socket.hear().await;
        let ServerFrame::Refused { refusal, .. } = heard else { panic!("{heard:?}") };
        assert_eq!(refusal.code, RefusalCode::UnknownPerson);
    }
    // Whom one names over HTTP is whom one talks to oneself.
    let to = ada.person.id.0.to_string();
    for path in ["/api/edit_message", "/api/delete_message", "/api/restore_message"] {
        let message = message.to_string();
        let fields = [("direct", to.as_str()), ("message", &message), ("text", "mine")];
        let answer = eve.ask(path, &fields).await.expect(404);
        assert_eq!(answer.refusal().code, RefusalCode::UnknownMessage);
    }
    for guest in [&ada, &bob] {
        let page = eve.get(&direct_path(guest.person.id)).await.expect(200);
        assert!(!page.body.contains("plover"));
        assert_eq!(page.articles().len(), 0);
    }
    let nobody = house.get(&direct_path(ada.person.id)).await;
    assert!(!nobody.body.contains("plover"));
    // Nothing has happened.
    assert_eq!(ada.get(&direct_path(bob.person.id)).await.expect(200).articles().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_may_talk_to_oneself_but_not_to_nobody() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let tab = ada.live("general").await;
    ada.whisper(&ada, "buy milk").await;
    tab.until("one's own notes", |seen| seen.replica.directs().find(ada.person.id).map(|_| ()))
        .await;
    tab.look(|seen| assert_eq!(seen.replica.directs().list().len(), 1));
    tab.enter(between(&ada, &ada));
    tab.expect_texts(&["buy milk"]).await;

    for nobody in ["0", "999", "18446744073709551615"] {
        let fields = [("direct", nobody), ("text", "Hello?")];
        let answer = ada.ask("/api/post_message", &fields).await.expect(404);
        assert_eq!(answer.refusal().code, RefusalCode::UnknownPerson);
        ada.get(&format!("/d/{nobody}")).await.expect(404);
    }
    // A room is one thing or the other.
    let id = ada.person.id.0.to_string();
    for fields in [&[("text", "x")][..], &[("text", "x"), ("channel", "general"), ("direct", &id)]]
    {
        ada.ask("/api/post_message", fields).await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_by_part_of_their_name() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    for name in ["Bob", "Zoë Ängström", "bobby"] {
        house.join(name).await;
    }
    let found = async |part: &str| -> Vec<String> {
        let query = serde_urlencoded::to_string([("name", part)]).unwrap();
        let people = ada.get(&format!("/api/list_people?{query}")).await.expect(200);
        let people: Vec<Person> = people.json();
        people.iter().map(|person| person.name.to_string()).collect()
    };
    assert_eq!(found("BOB").await, ["Bob", "bobby"]);
    assert_eq!(found("äng").await, ["Zoë Ängström"]);
    assert_eq!(found("").await, ["Ada", "Bob", "bobby", "Zoë Ängström"]);
    assert!(found("%").await.is_empty());
    // The page does the same without a script.
    let page = ada.get("/people?name=ob").await.expect(200);
    for name in ["Bob", "bobby"] {
        assert!(page.body.contains(&format!("<bdi>{name}</bdi>")), "{name}");
    }
    assert!(!page.body.contains("Ängström"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_begins_a_limited_number_of_conversations() {
    let house = House::with(|config| config.limits.people = 2_000).await;
    let ada = house.join("Ada").await;
    let mut socket = ada.socket(&[]).await;
    let mut others = Vec::new();
    for number in 0..=1_000 {
        others.push(house.join(&format!("Guest {number}")).await.person.id);
    }
    // One's notes are one of them.
    ada.whisper(&ada, "buy milk").await;
    let mut begun = 1;
    for (number, other) in others.into_iter().enumerate() {
        let id = format!("hello-{number}").try_into().unwrap();
        let room = Room::Direct(Pair::of(ada.person.id, other));
        socket
            .say(&ClientFrame::Post {
                id,
                room,
                text: "Hello".to_owned(),
                attachments: vec![],
                reply_to: None,
            })
            .await;
        let answer = socket.hear_until(|frame| match frame {
            ServerFrame::Accepted { .. } => Some(None),
            ServerFrame::Refused { refusal, .. } => Some(Some(refusal.code)),
            _ => None,
        });
        match answer.await {
            None => begun += 1,
            Some(code) => assert_eq!((code, begun), (RefusalCode::Full, DIRECTS_OF_WHO_BEGINS)),
        }
    }
    assert_eq!(begun, DIRECTS_OF_WHO_BEGINS);
    // Others can still begin one with them.
    let bob = house.join("Bob").await;
    bob.whisper(&ada, "Hello, popular one").await;
}
