//! Everyone sees the same messages in the same order, and each author's in the author's.

use flack::domain::{
    event::Lane,
    frame::{ClientFrame, ServerFrame},
    message::Message,
};

use crate::support::{
    channel,
    house::House,
    soon,
    tab::{Tab, assert_chain},
};

fn general() -> Lane {
    channel("general").into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_seen_by_everyone_in_the_channel() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let (ada_tab, bob_tab) = (ada.live("general").await, bob.live("general").await);
    ada_tab.post("general", "Hello, Bob");
    let heard = bob_tab.expect_message("Hello, Bob").await;
    assert_eq!(heard.author, ada.person);
    assert_eq!(ada_tab.expect_message("Hello, Bob").await, heard);
    bob.post("general", "Hello, Ada").await;
    ada_tab.expect_texts(&["Hello, Bob", "Hello, Ada"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_post_at_once_see_one_order() {
    const EACH: usize = 20;
    let house = House::open().await;
    let mut guests = Vec::new();
    let mut tabs = Vec::new();
    for name in ["Ada", "Bob", "Cleo", "Dan"] {
        let guest = house.join(name).await;
        tabs.push(guest.live("general").await);
        guests.push(guest);
    }
    // Each writes in a tab, and in a program beside it, at the same time.
    let posts = guests.iter().zip(&tabs).map(|(guest, tab)| async move {
        for number in 0..EACH / 2 {
            tab.post("general", &format!("{} tab {number}", guest.name()));
            guest.post("general", &format!("{} program {number}", guest.name())).await;
        }
    });
    futures_util::future::join_all(posts).await;

    let mut seen: Vec<Vec<Message>> = Vec::new();
    for tab in &tabs {
        seen.push(all_messages(tab, guests.len() * EACH).await);
    }
    seen.push(house.window("general").await.messages().cloned().collect());
    for other in &seen[1..] {
        assert_eq!(*other, seen[0]);
    }
    for guest in &guests {
        for way in ["tab", "program"] {
            let prefix = format!("{} {way} ", guest.name());
            let own = seen[0].iter().filter_map(|it| it.text.as_str().strip_prefix(&prefix));
            let expected = (0..EACH / 2).map(|number| number.to_string());
            assert!(own.eq(expected), "{prefix} in order");
        }
    }
    for tab in &tabs {
        let frames = tab.frames();
        let events = assert_chain(&frames, &general());
        let others = frames.iter().filter(|frame| !matches!(frame, ServerFrame::Event(_)));
        assert_eq!(events, guests.len() * EACH, "besides: {:?}", others.collect::<Vec<_>>());
    }
}

async fn all_messages(tab: &Tab, count: usize) -> Vec<Message> {
    tab.expect_settled().await;
    tab.until("all messages", |seen| {
        let lines = seen.replica.lines();
        (lines.len() == count).then_some(())
    })
    .await;
    let messages = tab.messages();
    assert_eq!(messages.len(), count);
    messages
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_from_one_socket_keeps_its_order() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut socket = ada.socket(&["general"]).await;
    for number in 0..50 {
        socket.say_raw(&post(number)).await;
    }
    let mut texts = Vec::new();
    let mut accepted = Vec::new();
    while texts.len() < 50 || accepted.len() < 50 {
        match socket.hear().await {
            ServerFrame::Accepted { position, .. } => accepted.push(position),
            ServerFrame::Event(event) => {
                let flack::domain::event::Change::Posted(message) = event.change else { continue };
                texts.push(message.text.as_str().to_owned());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(texts, (0..50).map(|number| format!("message {number}")).collect::<Vec<_>>());
    assert!(accepted.is_sorted(), "{accepted:?}");
}

fn post(number: usize) -> String {
    let frame = serde_json::json!({
        "type": "post", "id": format!("burst-{number}"), "room": { "channel": "general" },
        "text": format!("message {number}"),
    });
    // The test writes what the code reads.
    assert!(serde_json::from_value::<ClientFrame>(frame.clone()).is_ok());
    frame.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_channels_follows_by_itself_and_without_a_gap() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tab = bob.live("general").await;
    for name in ["design", "東京", "Ähre", "lunch plans"] {
        ada.create_channel(name).await;
    }
    tab.until("four more channels", |seen| {
        (seen.replica.directory().channels().len() == 5).then_some(())
    })
    .await;
    assert_eq!(assert_chain(&tab.frames(), &Lane::Directory), 4);
    assert_eq!(assert_chain(&tab.frames(), &general()), 0, "one lane does not move the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_hears_only_the_channels_that_it_views() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    ada.create_channel("design").await;
    let tab = ada.live("general").await;
    ada.post("design", "not for general").await;
    tab.go("design");
    tab.expect_message("not for general").await;
    ada.post("general", "not for design").await;
    ada.post("design", "the last word").await;
    tab.expect_message("the last word").await;
    let heard = soon("frames", async { format!("{:?}", tab.frames()) }).await;
    assert!(!heard.contains("not for design"), "{heard}");
    // Going back shows what was missed, and only that.
    tab.go("general");
    tab.expect_texts(&["not for design"]).await;
}
