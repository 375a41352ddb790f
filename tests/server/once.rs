//! A command id takes effect once, for ever; asking again gives the first answer.

use flack::domain::{
    command::Accepted,
    frame::{ClientFrame, ServerFrame},
    position::Position,
};
use serde_json::json;

use crate::support::{guest::Guest, house::House, socket::Socket};

async fn post_as(guest: &Guest, id: &str, text: &str) -> Position {
    let fields = [("channel", "general"), ("text", text), ("id", id)];
    guest.ask("/api/post_message", &fields).await.expect(200).json::<Accepted>().position
}

async fn say_as(socket: &mut Socket, id: &str, text: &str) -> Position {
    let frame = json!({ "type": "post", "id": id, "room": { "channel": "general" }, "text": text });
    socket.say_raw(&frame.to_string()).await;
    accepted(socket, id).await
}

async fn accepted(socket: &mut Socket, asked: &str) -> Position {
    socket
        .hear_until(|frame| match frame {
            ServerFrame::Accepted { id, position } if id.as_str() == asked => Some(position),
            ServerFrame::Refused { refusal, .. } => panic!("refused: {refusal}"),
            _ => None,
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_gives_the_first_answer_however_it_is_asked() {
    let mut house = House::open().await;
    let ada = house.join("Ada").await;
    let first = post_as(&ada, "once", "the first").await;
    assert_eq!(post_as(&ada, "once", "the first").await, first);
    // The id is what counts, not the words.
    assert_eq!(post_as(&ada, "once", "other words").await, first);
    let mut socket = ada.socket(&["general"]).await;
    assert_eq!(say_as(&mut socket, "once", "the first").await, first);
    let second = say_as(&mut socket, "twice", "the second").await;
    assert_eq!(post_as(&ada, "twice", "the second").await, second);
    drop(socket);

    house.restart().await;
    assert_eq!(post_as(&ada, "once", "the first").await, first);
    let mut socket = ada.socket(&["general"]).await;
    assert_eq!(say_as(&mut socket, "twice", "the second").await, second);
    let texts = texts(&house).await;
    assert_eq!(texts, ["the first", "the second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_many_times_at_once_is_one_message() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let asks = (0..20).map(|_| post_as(&ada, "at-once", "one message"));
    let answers = futures_util::future::join_all(asks).await;
    assert!(answers.iter().all(|position| *position == answers[0]), "{answers:?}");
    assert_eq!(texts(&house).await, ["one message"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_belongs_to_its_person() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let hers = post_as(&ada, "the-same", "Ada's").await;
    let his = post_as(&bob, "the-same", "Bob's").await;
    assert_ne!(hers, his);
    let mut socket = bob.socket(&["general"]).await;
    assert_eq!(say_as(&mut socket, "the-same", "Bob's").await, his);
    assert_eq!(texts(&house).await, ["Ada's", "Bob's"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_asked_for_twice_is_done_once() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let message = ada.post("general", "soon gone").await;
    let mut socket = ada.socket(&["general"]).await;
    let frame = json!({
        "type": "delete", "id": "gone", "room": { "channel": "general" }, "message": message,
    });
    socket.say_raw(&frame.to_string()).await;
    let first = accepted(&mut socket, "gone").await;
    socket.say_raw(&frame.to_string()).await;
    assert_eq!(accepted(&mut socket, "gone").await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_may_be_asked_again_under_the_same_id() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let fields = [("channel", "general"), ("text", "  "), ("id", "tried")];
    ada.ask("/api/post_message", &fields).await.expect(422);
    post_as(&ada, "tried", "with words now").await;
    assert_eq!(texts(&house).await, ["with words now"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_id_is_malformed() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    for id in ["two words", "ü", &"x".repeat(65)] {
        let fields = [("channel", "general"), ("text", "Hello"), ("id", id)];
        ada.ask("/api/post_message", &fields).await.expect(400);
        let frame =
            json!({ "type": "post", "id": id, "room": { "channel": "general" }, "text": "Hello" });
        assert!(serde_json::from_value::<ClientFrame>(frame).is_err());
    }
    assert!(house.window("general").await.is_empty());
}

async fn texts(house: &House) -> Vec<String> {
    let window = house.window("general").await;
    window.messages().map(|message| message.text.as_str().to_owned()).collect()
}
