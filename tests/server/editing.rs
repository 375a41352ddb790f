//! Changing one's own words, and bringing back what one has deleted.

use flack::domain::{
    frame::{ClientFrame, ServerFrame},
    position::Position,
    refusal::RefusalCode,
};

use crate::support::{channel, guest::Guest, house::House, http::Answer};

async fn edit(guest: &Guest, channel: &str, message: Position, text: &str) -> Answer {
    let message = message.to_string();
    let fields = [("channel", channel), ("message", &message), ("text", text)];
    guest.ask("/api/edit_message", &fields).await
}

async fn restore(guest: &Guest, channel: &str, message: Position) -> Answer {
    let message = message.to_string();
    guest.ask("/api/restore_message", &[("channel", channel), ("message", &message)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_reaches_everyone_and_stays() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tab = bob.live("general").await;
    let away = bob.live("general").await;
    let message = ada.post("general", "Lunch at noon?").await;
    ada.post("general", "The usual place").await;
    away.expect_message("The usual place").await;
    away.cut().await;
    edit(&ada, "general", message, "Lunch at one?").await.expect(200);
    tab.expect_texts(&["Lunch at one?", "The usual place"]).await;
    away.mend();
    away.expect_texts(&["Lunch at one?", "The usual place"]).await;

    house.restart().await;
    let window = house.window("general").await;
    let edited = window.find(message).unwrap();
    assert_eq!(edited.text.as_str(), "Lunch at one?");
    assert!(edited.edited.unwrap() >= edited.at && edited.revised.unwrap() > message);
    let page = bob.page("general").await;
    assert!(page.body.contains("Lunch at one?") && page.body.contains("(edited)"));
    assert!(!page.body.contains("noon"), "the words that were changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_ones_own_message_can_be_edited_or_brought_back() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    ada.create_channel("design").await;
    let hers = ada.post("general", "Ada's").await;
    let his = bob.post("general", "Bob's").await;
    let gone = bob.post("general", "gone").await;
    let hidden = ada.post("general", "hidden").await;
    bob.delete("general", gone).await.expect(200);
    ada.delete("general", hidden).await.expect(200);
    let mut answers = Vec::new();
    for (channel, message) in [
        ("general", hers),
        ("general", hidden),
        ("design", his),
        ("general", Position(999)),
        ("general", Position(u64::MAX)),
    ] {
        answers.push(edit(&bob, channel, message, "changed").await.expect(404));
        answers.push(restore(&bob, channel, message).await.expect(404));
    }
    answers.push(edit(&bob, "general", gone, "changed").await.expect(404));
    answers.push(restore(&bob, "general", his).await.expect(404));
    assert_eq!(answers[0].refusal().code, RefusalCode::UnknownMessage);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    for (text, status) in [("  ", 422), (&*"x".repeat(4_001), 422)] {
        edit(&bob, "general", his, text).await.expect(status);
    }
    let texts: Vec<String> =
        house.window("general").await.messages().map(|it| it.text.as_str().to_owned()).collect();
    assert_eq!(texts, ["Ada's", "Bob's"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_can_be_undone_for_a_moment() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tab = bob.live("general").await;
    let (first, _) = (ada.post("general", "one").await, ada.post("general", "two").await);
    ada.delete("general", first).await.expect(200);
    tab.expect_texts(&["two"]).await;
    restore(&ada, "general", first).await.expect(200);
    // In its old place.
    tab.expect_texts(&["one", "two"]).await;
    restore(&ada, "general", first).await.expect(404);

    ada.delete("general", first).await.expect(200);
    house.wiped().await;
    let answer = restore(&ada, "general", first).await.expect(404);
    assert_eq!(answer.refusal().code, RefusalCode::UnknownMessage);
    tab.expect_texts(&["two"]).await;
}

/// A message that was deleted, brought back and edited comes to who was away as it is.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_gets_what_was_brought_back() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let known = ada.post("general", "known").await;
    let tab = ada.live("general").await;
    tab.cut().await;
    let new = ada.post("general", "new").await;
    for message in [known, new] {
        ada.delete("general", message).await.expect(200);
        restore(&ada, "general", message).await.expect(200);
    }
    edit(&ada, "general", new, "newer").await.expect(200);
    tab.mend();
    tab.expect_texts(&["known", "newer"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_is_asked_for_twice_is_done_once() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let message = ada.post("general", "one").await;
    let mut socket = ada.socket(&[]).await;
    let mut positions = Vec::new();
    for text in ["two", "three"] {
        let id = "the-same".to_owned().try_into().unwrap();
        let (room, text) = (channel("general"), text.to_owned());
        socket.say(&ClientFrame::Edit { id, room, message, text }).await;
        let heard = socket.hear().await;
        let ServerFrame::Accepted { position, .. } = heard else { panic!("{heard:?}") };
        positions.push(position);
    }
    assert_eq!(positions[0], positions[1]);
    assert_eq!(house.window("general").await.find(message).unwrap().text.as_str(), "two");
}
