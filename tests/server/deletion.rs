//! One's own messages only, for everyone, at once, and for good.

use std::collections::BTreeSet;

use flack::domain::{
    event::{Change, Deletion},
    frame::{ClientFrame, ServerFrame},
    position::Position,
    refusal::RefusalCode,
};

use crate::support::{channel, house::House, http::Answer};

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_reaches_everyone_at_once() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tab = bob.live("general").await;
    let message = ada.post("general", "a slip of the tongue").await;
    tab.expect_message("a slip of the tongue").await;
    ada.delete("general", message).await.expect(200);
    tab.expect_gone(message).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ones_own_is_not_there() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    ada.create_channel("design").await;
    let hers = ada.post("general", "Ada's").await;
    let his = bob.post("general", "Bob's").await;
    let gone = bob.post("general", "gone").await;
    bob.delete("general", gone).await.expect(200);

    let mut answers: Vec<Answer> = Vec::new();
    for (channel, message) in [
        ("general", hers),
        ("general", gone),
        ("design", his),
        ("general", Position(999)),
        ("general", Position::ZERO),
        ("general", Position(u64::MAX)),
    ] {
        answers.push(bob.delete(channel, message).await.expect(404));
    }
    assert_eq!(answers[0].refusal().code, RefusalCode::UnknownMessage);
    for answer in &answers {
        assert_eq!(answer.body, answers[0].body);
    }
    bob.delete("no-such-channel", his).await.expect(404);

    let mut socket = bob.socket(&["general"]).await;
    for (place, message) in [hers, gone, Position(u64::MAX)].into_iter().enumerate() {
        let id = format!("delete-{place}").try_into().unwrap();
        let room = channel("general");
        socket.say(&ClientFrame::Delete { id, room, message }).await;
        let refused = socket.hear().await;
        let ServerFrame::Refused { refusal, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(refusal, answers[0].refusal());
    }
    assert_eq!(house.window("general").await.messages().len(), 2);
    house
        .post("/api/delete_message")
        .form(&[("channel", "general"), ("message", "2")])
        .await
        .expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_words_are_nowhere() {
    const WORDS: &str = "plover-xyzzy";
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    ada.post("general", "before").await;
    let away = bob.live("general").await;
    let known = house.window("general").await.position;
    away.cut().await;
    let message = ada.post("general", WORDS).await;
    let longer = ada.post("general", &format!("{WORDS} {}", "and more ".repeat(400))).await;
    assert!(contains(&house.bytes_on_disk(), WORDS), "they are somewhere before");
    ada.delete("general", message).await.expect(200);
    ada.delete("general", longer).await.expect(200);

    let page = ada.page("general").await;
    assert!(!page.body.contains(WORDS), "the page");
    let (_, resets) = house.connect(&ada).await.greet(&["general"]).await;
    assert!(!format!("{resets:?}").contains(WORDS), "the reset");
    away.mend();
    away.expect_live().await;
    away.expect_texts(&["before"]).await;
    assert!(!format!("{:?}", away.frames()).contains(WORDS), "the difference");
    let since = house.window("general").await.since(known).unwrap();
    assert!(matches!(
        &since[..],
        [Change::Deleted(Deletion { uncovered: None, .. }), Change::Deleted(_)]
    ));

    house.wiped().await;
    house.close().await;
    assert!(!contains(&house.bytes_on_disk(), WORDS), "the disk");
    house.restart().await;
    assert!(!ada.page("general").await.body.contains(WORDS), "the page after a restart");
}

/// SQLite overwrites what is deleted, but it also moves rows from page to page. What was moved must
/// leave no copy either.
#[tokio::test(flavor = "multi_thread")]
async fn deleted_words_leave_no_copy_where_rows_were_moved() {
    let mut house = House::open().await;
    let ada = house.join("Ada").await;
    let mut socket = ada.socket(&[]).await;
    let mut positions = Vec::new();
    // Of many lengths, so that pages are split and joined.
    for number in 0..400_usize {
        let words = format!("secret-{number:03} ").repeat(number * 37 % 90 + 1);
        let id = format!("post-{number}").try_into().unwrap();
        socket
            .say(&ClientFrame::Post {
                id,
                room: channel("general"),
                text: words,
                attachments: vec![],
                reply_to: None,
            })
            .await;
        match socket.hear().await {
            ServerFrame::Accepted { position, .. } => positions.push(position),
            other => panic!("{other:?}"),
        }
    }
    // Out of order, and some stay.
    for number in (0..400).map(|step| step * 173 % 400) {
        if number % 10 != 0 {
            let id = format!("delete-{number}").try_into().unwrap();
            let message = positions[number];
            socket.say(&ClientFrame::Delete { id, room: channel("general"), message }).await;
            let ServerFrame::Accepted { .. } = socket.hear().await else { panic!("refused") };
        }
    }
    drop(socket);
    house.wiped().await;
    house.close().await;
    let disk = house.bytes_on_disk();
    let left: BTreeSet<usize> = disk
        .windows(10)
        .filter_map(|words| words.strip_prefix(b"secret-"))
        .filter_map(|number| std::str::from_utf8(number).ok()?.parse().ok())
        .collect();
    assert_eq!(left, (0..400).step_by(10).collect());
}

fn contains(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}
