//! What is unread is kept by the server, agrees on all devices, and never comes back.

use flack::{
    domain::{
        frame::{ClientFrame, ServerFrame},
        position::Position,
        room::{Pair, Room},
        unread::RoomSettings,
    },
    sync::Input,
};

use crate::support::{
    channel,
    guest::Guest,
    house::House,
    socket::Socket,
    tab::{Seen, Tab},
};

/// Waits until a tab has so many unread messages in a room.
async fn expect_unread(tab: &Tab, room: &Room, count: usize) {
    tab.until(&format!("{count} unread"), |seen| {
        (seen.replica.memberships().unread(room) == count).then_some(())
    })
    .await;
}

async fn set_room(guest: &Guest, fields: &[(&str, &str)]) {
    guest.ask("/api/set_room", fields).await.expect(200);
}

fn settings(seen: &Seen, room: &Room) -> RoomSettings {
    seen.replica.memberships().find(room).map(|it| it.settings).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_count_where_nobody_looks_until_they_are_read() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    ada.create_channel("design").await;
    let (one, other) = (bob.live("general").await, bob.live("general").await);
    ada.post("design", "first").await;
    let second = ada.post("design", "second").await;
    let design = channel("design");
    expect_unread(&one, &design, 2).await;
    expect_unread(&other, &design, 2).await;
    // Who comes now is told the same.
    expect_unread(&bob.live("general").await, &design, 2).await;
    one.go("design");
    one.expect_message("second").await;
    one.tell(Input::Read(second));
    expect_unread(&other, &design, 0).await;
    one.until("the server's word", |seen| seen.replica.has_said_all().then_some(())).await;
    house.restart().await;
    expect_unread(&bob.live("general").await, &design, 0).await;
    // It is Bob who has read it.
    ada.post("design", "third").await;
    expect_unread(&other, &design, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_has_read_what_is_there() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    ada.create_channel("design").await;
    let tab = bob.live("general").await;
    let design = channel("design");
    ada.post("design", "first").await;
    expect_unread(&tab, &design, 1).await;
    bob.post("design", "from another program").await;
    expect_unread(&tab, &design, 0).await;
    // Nor does the notice that comes later count it.
    ada.post("design", "second").await;
    expect_unread(&tab, &design, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_unread_no_more_and_what_was_before_one_came_never_was() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    ada.create_channel("design").await;
    ada.post("design", "before").await;
    let bob = house.join("Bob").await;
    let tab = bob.live("general").await;
    let design = channel("design");
    let message = ada.post("design", "after").await;
    expect_unread(&tab, &design, 1).await;
    ada.delete("design", message).await.expect(200);
    expect_unread(&tab, &design, 0).await;
    let fields = [("channel", "design"), ("message", &message.to_string())];
    ada.ask("/api/restore_message", &fields).await.expect(200);
    expect_unread(&tab, &design, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_message_is_told_at_once_to_the_two_and_to_nobody_else() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let eve = house.join("Eve").await;
    let (mut at_bob, mut at_eve) = (bob.socket(&[]).await, eve.socket(&["general"]).await);
    let message = ada.whisper(&bob, "plover-xyzzy").await;
    let theirs = Room::Direct(Pair::of(ada.person.id, bob.person.id));
    let notice = loop {
        if let ServerFrame::Notice(notice) = at_bob.hear_any().await {
            break notice;
        }
    };
    assert_eq!((notice.room, notice.message.position), (theirs.clone(), message));
    // The others hear what happens in channels, and of this nothing.
    loop {
        match at_bob.hear_any().await {
            ServerFrame::Moved { moved } if moved[0].room == theirs => break,
            _ => {}
        }
    }
    ada.post("general", "lunch?").await;
    loop {
        match at_eve.hear_any().await {
            ServerFrame::Moved { moved } => {
                assert!(moved.iter().all(|moved| moved.room == channel("general")), "{moved:?}");
                break;
            }
            frame => assert!(!format!("{frame:?}").contains("plover"), "{frame:?}"),
        }
    }
}

/// To the socket that said it as to the others; what was known before, to that socket alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_answered_once_and_as_it_counts() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let first = ada.post("general", "One").await;
    let last = ada.post("general", "Two").await;
    let (mut socket, mut other) = (bob.socket(&[]).await, bob.socket(&[]).await);
    // What is news, what is known, and what was known before that.
    for (said, told) in [(Position(u64::MAX), last), (last, last), (first, first)] {
        socket.say(&ClientFrame::Read { room: channel("general"), position: said }).await;
        let answer = loop {
            if let ServerFrame::Read { position, .. } = socket.hear_any().await {
                break position;
            }
        };
        assert_eq!(answer, told);
        // This comes after all that was told of it.
        set_room(&bob, &[("channel", "general"), ("muted", "true")]).await;
        assert_eq!(reads(&mut socket).await, []);
    }
    assert_eq!(reads(&mut other).await, [last]);
    assert_eq!(reads(&mut other).await, []);
    assert_eq!(reads(&mut other).await, []);
}

/// What a socket is told of reading until it is told of settings.
async fn reads(socket: &mut Socket) -> Vec<Position> {
    let mut reads = Vec::new();
    loop {
        match socket.hear_any().await {
            ServerFrame::Read { position, .. } => reads.push(position),
            ServerFrame::Settings { .. } => return reads,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_ahead() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let mut socket = bob.socket(&[]).await;
    let ahead = ClientFrame::Read { room: channel("general"), position: Position(u64::MAX) };
    socket.say(&ahead).await;
    assert!(socket.is_alive().await);
    // What it was told is what it said; what is stored is what there was.
    let tab = bob.live("general").await;
    ada.create_channel("design").await;
    tab.go("design");
    ada.post("general", "news").await;
    expect_unread(&tab, &channel("general"), 1).await;
    // Going back is not possible, either.
    let news = ada.post("general", "more news").await;
    socket.say(&ClientFrame::Read { room: channel("general"), position: news }).await;
    socket.say(&ClientFrame::Read { room: channel("general"), position: Position(1) }).await;
    expect_unread(&tab, &channel("general"), 0).await;
    assert!(socket.is_alive().await);
    expect_unread(&bob.live("design").await, &channel("general"), 0).await;
}

/// Also if the word of it has not come by the page that was left.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_has_read_is_not_new_on_the_next_one() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    bob.post("general", "One").await;
    let is_new = async |cookie: &str| {
        let reader = ada.with(format!("{}{cookie}", ada.cookie));
        reader.page("general").await.body.contains("id=\"new\"")
    };
    assert!(is_new("").await);
    let (me, other, last) = (ada.person.id.0, bob.person.id.0, u64::MAX);
    // Another room, no message, one that has never been; another person, or nobody.
    for read in [
        format!("{me}/d/2/9"),
        format!("{me}/c/general"),
        format!("{me}"),
        format!("{me}/c/general/x"),
        format!("{other}/c/general/{last}"),
        format!("{me}{me}/c/general/{last}"),
        format!("/c/general/{last}"),
    ] {
        assert!(is_new(&format!("; read={read}")).await, "{read}");
    }
    assert!(!is_new(&format!("; read={me}/c/general/{last}")).await);
    // That is kept, as far as there was something to read.
    let tab = ada.live("general").await;
    expect_unread(&tab, &channel("general"), 0).await;
    bob.post("general", "Two").await;
    assert!(is_new("").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_a_room_are_ones_own_on_all_devices() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let (one, eve) = (bob.live("general").await, ada.live("general").await);
    let general = channel("general");
    set_room(&bob, &[("channel", "general"), ("muted", "true")]).await;
    one.until("a muted room", |seen| settings(seen, &general).is_muted.then_some(())).await;
    set_room(&bob, &[("channel", "general"), ("favourite", "true")]).await;
    one.until("a favourite", |seen| settings(seen, &general).is_favourite.then_some(())).await;
    one.look(|seen| assert!(settings(seen, &general).is_muted, "the other setting stays"));
    eve.look(|seen| assert_eq!(settings(seen, &general), RoomSettings::default()));
    house.restart().await;
    let again = bob.live("general").await;
    again
        .until("both settings", |seen| {
            let settings = settings(seen, &general);
            (settings.is_muted && settings.is_favourite).then_some(())
        })
        .await;
    set_room(&bob, &[("channel", "general"), ("muted", "false")]).await;
    again.until("sound again", |seen| (!settings(seen, &general).is_muted).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_mentioned_is_told_at_once_until_they_have_read_it() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let eve = house.join("Eve").await;
    ada.create_channel("design").await;
    let design = channel("design");
    let mentions = |seen: &Seen| {
        seen.replica
            .memberships()
            .find(&channel("design"))
            .map_or(0, |it| it.mentions.positions().len())
    };
    let (tab, others) = (bob.live("general").await, eve.live("general").await);
    let message = ada.post("design", "What do you think, @bob?").await;
    tab.until("a mention", |seen| (mentions(seen) == 1).then_some(())).await;
    let notices = |tab: &Tab| {
        let frames = tab.frames().into_iter();
        let notices = frames.filter_map(|frame| match frame {
            ServerFrame::Notice(notice) => Some(notice.message.position),
            _ => None,
        });
        notices.collect::<Vec<_>>()
    };
    assert_eq!(notices(&tab), [message]);
    expect_unread(&others, &design, 1).await;
    assert_eq!((notices(&others), others.look(mentions)), (vec![], 0));
    // Whom other words do not mean is told, and so is whom they mean.
    let edit = async |text: &str| {
        let fields = [("channel", "design"), ("message", &message.to_string()), ("text", text)];
        ada.ask("/api/edit_message", &fields).await.expect(200);
    };
    edit("What do you think, @eve?").await;
    tab.until("no mention", |seen| (mentions(seen) == 0).then_some(())).await;
    others.until("a mention", |seen| (mentions(seen) == 1).then_some(())).await;
    expect_unread(&tab, &design, 1).await;
    edit("What do you think, @bob?").await;
    // It is there for who comes later, too, and on another server run.
    house.restart().await;
    let later = bob.live("general").await;
    later.until("a mention", |seen| (mentions(seen) == 1).then_some(())).await;
    later.go("design");
    later.expect_message("What do you think, @bob?").await;
    later.tell(Input::Read(message));
    tab.until("no mention", |seen| (mentions(seen) == 0).then_some(())).await;
    assert_eq!(bob.live("general").await.look(mentions), 0);
}
