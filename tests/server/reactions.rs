//! Emoji under messages, and messages that answer others.

use flack::domain::{
    command::Accepted,
    event::{Change, Event},
    frame::ServerFrame,
    position::Position,
    reaction::{EMOJI_LIMIT, REACTIONS_LIMIT},
    refusal::{Refusal, RefusalCode},
};
use serde_json::json;

use crate::support::{guest::Guest, house::House, http::Answer};

async fn ask(guest: &Guest, path: &str, message: Position, emoji: &str) -> Answer {
    let message = message.to_string();
    let fields = [("channel", "general"), ("message", message.as_str()), ("emoji", emoji)];
    guest.ask(path, &fields).await
}

async fn react(guest: &Guest, message: Position, emoji: &str) -> Answer {
    ask(guest, "/api/react", message, emoji).await
}

async fn unreact(guest: &Guest, message: Position, emoji: &str) -> Answer {
    ask(guest, "/api/unreact", message, emoji).await
}

async fn answer(guest: &Guest, to: Position, text: &str) -> Answer {
    let to = to.to_string();
    let fields = [("channel", "general"), ("text", text), ("reply_to", &to)];
    guest.ask("/api/post_message", &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_reach_everyone_with_who_and_stay() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let message = ada.post("general", "We ship today").await;
    let tab = bob.live("general").await;
    let away = bob.live("general").await;
    away.cut().await;
    react(&ada, message, "🎉").await.expect(200);
    // In a form that means the same.
    react(&bob, message, "❤").await.expect(200);
    react(&bob, message, "🎉").await.expect(200);
    let all: [(&str, &[&str]); 2] = [("🎉", &["Ada", "Bob"]), ("❤️", &["Bob"])];
    tab.expect_reactions(message, &all).await;
    away.mend();
    away.expect_reactions(message, &all).await;

    // An emoji keeps its place while somebody has it there.
    unreact(&ada, message, "🎉").await.expect(200);
    let left: [(&str, &[&str]); 2] = [("🎉", &["Bob"]), ("❤️", &["Bob"])];
    tab.expect_reactions(message, &left).await;
    house.restart().await;
    let window = house.window("general").await;
    let reacted = window.find(message).unwrap();
    assert_eq!(reacted.edited, None, "a reaction is no edit");
    assert!(reacted.revised.is_some());
    ada.live("general").await.expect_reactions(message, &left).await;
    unreact(&bob, message, "🎉").await.expect(200);
    unreact(&bob, message, "❤️").await.expect(200);
    tab.expect_live().await;
    tab.expect_reactions(message, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_its_own_reactions_at_once_and_does_each_once() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let message = ada.post("general", "Lunch?").await;
    let (tab, other) = (bob.live("general").await, ada.live("general").await);
    tab.cut().await;
    tab.react("general", message, "👍");
    tab.expect_reactions(message, &[("👍", &["Bob"])]).await;
    tab.react("general", message, "👀");
    tab.unreact("general", message, "👍");
    tab.expect_reactions(message, &[("👀", &["Bob"])]).await;
    assert_eq!(house.window("general").await.find(message).unwrap().reactions, []);
    tab.mend();
    tab.expect_settled().await;
    for tab in [&tab, &other] {
        tab.expect_reactions(message, &[("👀", &["Bob"])]).await;
    }
    // Of another tab, or a second time: it is as it should be.
    react(&bob, message, "👀").await.expect(200);
    unreact(&bob, message, "👍").await.expect(200);
    let id = tab.react("general", message, "👀");
    tab.expect_settled().await;
    tab.expect_reactions(message, &[("👀", &["Bob"])]).await;
    assert_eq!(tab.close().await, [], "{id:?} is done");

    let mut socket = bob.socket(&["general"]).await;
    let mut positions = Vec::new();
    for _ in 0..2 {
        let frame = json!({ "type": "react", "id": "once", "room": { "channel": "general" },
                            "message": message, "emoji": "🦀" });
        socket.say_raw(&frame.to_string()).await;
        let accepted = socket.hear_until(|frame| match frame {
            ServerFrame::Accepted { position, .. } => Some(position),
            ServerFrame::Refused { refusal, .. } => panic!("{refusal}"),
            _ => None,
        });
        positions.push(accepted.await);
    }
    assert_eq!(positions[0], positions[1], "asked again, the answer is the first one");
}

/// Ids are each person's own: an event about somebody's message must not settle theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_does_not_tell_its_id() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let message = ada.post("general", "Mine").await;
    let mut socket = ada.socket(&["general"]).await;
    react(&bob, message, "👍").await.expect(200);
    let command = socket.hear_until(|frame| match frame {
        ServerFrame::Event(Event { change: Change::Revised(_), command, .. }) => Some(command),
        _ => None,
    });
    assert_eq!(command.await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_emoji_is_a_reaction() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let message = ada.post("general", "Anything?").await;
    for raw in ["", "+1", "👍👍", "<b>", "x", &"👍".repeat(1_000)] {
        let refusal = react(&ada, message, raw).await.expect(422).refusal();
        assert_eq!(refusal, Refusal::emoji_invalid(), "{raw}");
    }
    assert_eq!(house.window("general").await.find(message).unwrap().reactions, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_room_for_so_many_reactions() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let message = ada.post("general", "Vote!").await;
    let emoji: Vec<String> = ('🐀'..).take(EMOJI_LIMIT as usize + 1).map(String::from).collect();
    let (last, emoji) = emoji.split_last().unwrap();
    for emoji in emoji {
        react(&ada, message, emoji).await.expect(200);
    }
    let refusal = react(&ada, message, last).await.expect(422).refusal();
    assert_eq!(refusal, Refusal::too_many_emoji());
    // The page tells, and shows what is true.
    let tab = ada.live("general").await;
    tab.react("general", message, last);
    tab.until("the reason", |seen| (seen.told == [Refusal::too_many_emoji()]).then_some(())).await;
    tab.expect_settled().await;
    assert_eq!(tab.messages()[0].reactions.len(), emoji.len());
    assert_eq!(tab.close().await, []);

    let mut left = REACTIONS_LIMIT as usize - emoji.len();
    let mut crowd = Vec::new();
    while left > 0 {
        let guest = house.join(&format!("Guest {left}")).await;
        for emoji in emoji.iter().take(left) {
            react(&guest, message, emoji).await.expect(200);
        }
        left = left.saturating_sub(emoji.len());
        crowd.push(guest);
    }
    let late = house.join("Late").await;
    let refusal = react(&late, message, &emoji[0]).await.expect(422).refusal();
    assert_eq!(refusal, Refusal::too_many_reactions());
    // What is there stays as it is when asked for again, and what goes makes room.
    react(&crowd[0], message, &emoji[0]).await.expect(200);
    unreact(&crowd[0], message, &emoji[0]).await.expect(200);
    react(&late, message, &emoji[0]).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_go_with_their_message_and_come_back_with_it() {
    const ODD: &str = "🦤";
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let message = ada.post("general", "Oops").await;
    react(&bob, message, ODD).await.expect(200);
    ada.delete("general", message).await.expect(200);
    for path in ["/api/react", "/api/unreact"] {
        let refusal = ask(&bob, path, message, ODD).await.expect(404).refusal();
        assert_eq!(refusal.code, RefusalCode::UnknownMessage);
    }
    let fields = [("channel", "general"), ("message", &*message.to_string())];
    ada.ask("/api/restore_message", &fields).await.expect(200);
    bob.live("general").await.expect_reactions(message, &[(ODD, &["Bob"])]).await;

    ada.delete("general", message).await.expect(200);
    house.wiped().await;
    house.close().await;
    let disk = house.bytes_on_disk();
    assert!(!disk.windows(ODD.len()).any(|bytes| bytes == ODD.as_bytes()), "the disk");
    house.restart().await;
    react(&bob, message, ODD).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_knows_what_it_answers_and_keeps_none_of_its_words() {
    const WORDS: &str = "plover-xyzzy";
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let question = ada.post("general", WORDS).await;
    let tab = ada.live("general").await;
    let reply = answer(&bob, question, "Yes").await.expect(200).json::<Accepted>().position;
    let seen = tab.expect_message("Yes").await.reply.expect("it is an answer");
    assert_eq!((seen.message, seen.author), (question, ada.person.clone()));

    ada.delete("general", question).await.expect(200);
    house.wiped().await;
    house.restart().await;
    let window = house.window("general").await;
    assert_eq!(window.find(reply).unwrap().reply.as_ref().unwrap().message, question);
    let page = bob.page("general").await;
    assert!(!page.body.contains(WORDS));
    house.close().await;
    let disk = house.bytes_on_disk();
    assert!(!disk.windows(WORDS.len()).any(|bytes| bytes == WORDS.as_bytes()), "the disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_there_in_the_same_room_can_be_answered() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    ada.create_channel("design").await;
    let elsewhere = ada.post("design", "elsewhere").await;
    let private = ada.whisper(&bob, "private").await;
    let gone = ada.post("general", "gone").await;
    ada.delete("general", gone).await.expect(200);
    let file = bob.upload("a.txt", b"content").await;
    for message in [elsewhere, private, gone, Position::ZERO, Position(u64::MAX)] {
        let refusal = answer(&bob, message, "!").await.expect(404).refusal();
        assert_eq!(refusal, Refusal::unknown_original());
        let to = message.to_string();
        let fields = [("channel", "general"), ("text", ""), ("reply_to", to.as_str())];
        bob.share_to(&fields, &[&file]).await.expect(404);
    }
    assert!(house.window("general").await.is_empty());
    // Nothing of what was refused was taken: the file can still be posted, with an answer.
    let there = ada.post("general", "there").await.to_string();
    let fields = [("channel", "general"), ("text", ""), ("reply_to", there.as_str())];
    bob.share_to(&fields, &[&file]).await.expect(200);
    let fields = [("channel", "general"), ("text", ""), ("reply_to", there.as_str())];
    bob.ask("/api/post_message", &fields).await.expect(422);
}
