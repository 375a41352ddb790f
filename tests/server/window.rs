//! The 100 most recent messages: in memory, on the page, in a reset.

use flack::domain::{
    frame::{ClientFrame, ServerFrame},
    message::Message,
    position::Position,
    window::Window,
};

use crate::support::{channel, guest::Guest, house::House};

/// Writes `count` messages as fast as the server takes them, called by their number.
async fn fill(guest: &Guest, count: usize) -> Vec<Position> {
    let mut socket = guest.socket(&[]).await;
    let mut positions = Vec::new();
    for number in 1..=count {
        let frame = serde_json::json!({
            "type": "post", "id": format!("fill-{number}"), "room": { "channel": "general" },
            "text": format!("number {number}."),
        });
        socket.say_raw(&frame.to_string()).await;
    }
    while positions.len() < count {
        match socket.hear().await {
            ServerFrame::Accepted { position, .. } => positions.push(position),
            other => panic!("{other:?}"),
        }
    }
    positions
}

fn numbers(from: usize, to: usize) -> Vec<String> {
    (from..=to).map(|number| format!("number {number}.")).collect()
}

fn texts<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<String> {
    messages.map(|message| message.text.as_str().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_250_messages_the_newest_100_are_shown_and_kept() {
    let mut house = House::open().await;
    let ada = house.join("Ada").await;
    fill(&ada, 250).await;

    assert_eq!(texts(house.window("general").await.messages()), numbers(151, 250));
    let articles = ada.page("general").await.articles();
    assert_eq!(articles.len(), Window::LIMIT);
    for (article, number) in articles.iter().zip(151..) {
        assert!(article.contains("Ada"), "{article}");
        assert!(article.contains(&format!("number {number}.")), "{article}");
    }
    let mut socket = house.connect(&ada).await;
    let (_, resets) = socket.greet(&["general"]).await;
    assert_eq!(texts(resets[0].window.messages()), numbers(151, 250));

    // From the disk it is the same.
    drop(socket);
    house.restart().await;
    assert_eq!(texts(house.window("general").await.messages()), numbers(151, 250));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_uncovers_an_older_message_for_everyone() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let positions = fill(&ada, 120).await;
    let (ada_tab, bob_tab) = (ada.live("general").await, bob.live("general").await);
    bob_tab.expect_texts(&numbers(21, 120)).await;

    ada_tab.delete("general", positions[119]);
    ada.delete("general", positions[49]).await.expect(200);
    let mut expected = numbers(19, 119);
    expected.retain(|text| text != "number 50.");
    ada_tab.expect_texts(&expected).await;
    bob_tab.expect_texts(&expected).await;
    let fresh = bob.live("general").await;
    fresh.expect_texts(&expected).await;
    let articles = bob.page("general").await.articles();
    assert_eq!(articles.len(), Window::LIMIT);
    assert!(articles[0].contains("number 19."), "{}", articles[0]);

    house.restart().await;
    bob_tab.expect_live().await;
    bob_tab.expect_texts(&expected).await;
    assert_eq!(texts(house.window("general").await.messages()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_what_the_window_does_not_show_changes_nothing_in_it() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let positions = fill(&ada, 110).await;
    let tab = ada.live("general").await;
    ada.delete("general", positions[0]).await.expect(200);
    ada.post("general", "after it").await;
    tab.expect_message("after it").await;
    let mut expected = numbers(12, 110);
    expected.push("after it".to_owned());
    tab.expect_texts(&expected).await;
    assert_eq!(texts(house.window("general").await.messages()), expected);
}

/// 100 messages of full length are more than may wait for a slow reader; whoever opens the channel
/// must get them all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_long_messages_can_be_opened_live() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut socket = ada.socket(&[]).await;
    for number in 0..Window::LIMIT {
        let frame = ClientFrame::Post {
            id: format!("long-{number}").try_into().unwrap(),
            room: channel("general"),
            text: "漢".repeat(4_000),
            attachments: vec![],
            reply_to: None,
        };
        socket.say(&frame).await;
        let ServerFrame::Accepted { .. } = socket.hear().await else { panic!("not accepted") };
    }
    let (_, resets) = house.connect(&ada).await.greet(&["general"]).await;
    assert_eq!(resets[0].window.messages().len(), Window::LIMIT);
}
