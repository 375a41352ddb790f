//! Coming back gives a complete difference, or an explicit reset.

use flack::{
    domain::{
        command::CommandId,
        direct::Directs,
        event::{Change, Lane},
        frame::{
            ClientFrame, CloseCode, Difference, PROTOCOL, Reset, Resume, ServerFrame, View, Welcome,
        },
        message::Message,
        page::Page,
        position::{Epoch, Position},
        unread::Memberships,
        window::Window,
    },
    sync::{Input, Moment, Output, Replica, link::LinkState},
};

use crate::support::{
    channel,
    guest::Guest,
    house::House,
    socket::Socket,
    tab::{Tab, assert_chain},
};

fn general() -> Lane {
    channel("general").into()
}

fn resets(tab: &Tab) -> usize {
    tab.frames().iter().filter(|frame| matches!(frame, ServerFrame::Reset(_))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_over_restarts() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tabs = [ada.live("general").await, bob.live("general").await];
    let mut said = 0;
    for round in 0..3 {
        for tab in &tabs {
            for _ in 0..5 {
                tab.post("general", &format!("{said}"));
                said += 1;
            }
        }
        // Some of it is under way now.
        house.restart().await;
        for tab in &tabs {
            tab.until("the draining of the old server", |seen| {
                (seen.closes.len() > round).then_some(())
            })
            .await;
            tab.expect_live().await;
            tab.expect_settled().await;
        }
        // Both have caught up before the next round counts on it.
        let last = ada.post("general", &format!("round {round}")).await;
        for tab in &tabs {
            tab.until("the end of the round", |seen| {
                (seen.replica.window()?.position >= last).then_some(())
            })
            .await;
        }
    }
    let shown = tabs[0].messages();
    assert_eq!(shown.len(), said + 3, "nothing is missing, nothing is doubled");
    assert_eq!(shown, tabs[1].messages());
    assert!(shown.iter().eq(house.window("general").await.messages()));
    for (place, tab) in tabs.iter().enumerate() {
        let own = shown.iter().filter_map(|it| it.text.as_str().parse::<usize>().ok());
        let own: Vec<usize> = own.filter(|number| number / 5 % 2 == place).collect();
        assert!(own.is_sorted() && own.len() == 15, "{own:?}");
        assert_eq!(resets(tab), 0, "each came back with a difference");
        assert_chain(&tab.frames(), &general());
        tab.look(|seen| {
            let draining = Some(CloseCode::Draining as u16);
            assert!(seen.closes.iter().all(|code| *code == draining), "{:?}", seen.closes);
            assert!(seen.outbox.is_empty(), "{:?}", seen.outbox);
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_while_the_server_is_away_is_shown_and_sent_later() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let (tab, other) = (ada.live("general").await, bob.live("general").await);
    house.close().await;
    tab.expect_link(LinkState::Reconnecting).await;
    tab.post("general", "first");
    tab.post("general", "second");
    tab.until("both to be shown", |seen| (seen.replica.lines().len() == 2).then_some(())).await;
    assert_eq!(tab.texts(), ["first", "second"]);
    assert_eq!(tab.look(|seen| seen.replica.waiting()), 2);
    house.restart().await;
    tab.expect_texts(&["first", "second"]).await;
    other.expect_texts(&["first", "second"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_of_a_closed_tab_is_sent_by_the_next_once_and_in_order() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let tab = ada.live("general").await;
    tab.cut().await;
    for number in 0..5 {
        tab.post("general", &format!("{number}"));
    }
    tab.until("five in the outbox", |seen| (seen.outbox.len() == 5).then_some(())).await;
    let stored = tab.close().await;
    // What the browser stores is JSON.
    let stored = serde_json::to_string(&stored).unwrap();
    for _ in 0..2 {
        // Two tabs of one browser find the same outbox.
        let stored = serde_json::from_str(&stored).unwrap();
        let page = page(&house).await;
        let tab = Tab::open(house.address(), &ada.cookie, ada.person.clone(), &page, stored);
        tab.expect_live().await;
        tab.expect_texts(&["0", "1", "2", "3", "4"]).await;
        tab.until("an empty outbox", |seen| seen.outbox.is_empty().then_some(())).await;
    }
}

/// The page of `#general`, as the server renders it.
async fn page(house: &House) -> Page {
    let window = house.window("general").await;
    Page {
        me: None,
        epoch: Epoch(String::new()),
        directory: flack::domain::channel::Directory::default(),
        limits: Default::default(),
        path: "/c/general".to_owned(),
        open: Some((channel("general"), window)),
        directs: Directs::default(),
        memberships: Memberships::default(),
        online: Vec::new(),
        people: None,
        editing: None,
        replying: None,
        refused: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_gets_what_was_posted_deleted_and_created_meanwhile() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let before = ada.post("general", "before").await;
    let tab = bob.live("general").await;
    tab.cut().await;
    ada.post("general", "meanwhile").await;
    let gone = ada.post("general", "said in vain").await;
    ada.delete("general", gone).await.expect(200);
    ada.delete("general", before).await.expect(200);
    ada.create_channel("design").await;
    tab.mend();
    tab.expect_live().await;
    tab.expect_texts(&["meanwhile"]).await;
    tab.look(|seen| assert_eq!(seen.replica.directory().channels().len(), 2));
    assert_eq!(resets(&tab), 0);
    let heard = format!("{:?}", tab.frames());
    assert!(!heard.contains("said in vain"), "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_cut_with_nothing_new_replays_nothing() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let tab = ada.live("general").await;
    ada.post("general", "once").await;
    tab.expect_message("once").await;
    tab.cut().await;
    tab.mend();
    tab.expect_live().await;
    let empty = tab.frames().into_iter().rev().find_map(|frame| match frame {
        ServerFrame::Difference(Difference { lane: Lane::Channel(_), changes, .. }) => {
            Some(changes)
        }
        _ => None,
    });
    assert_eq!(empty, Some(vec![]));
    tab.expect_texts(&["once"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_missed_more_than_is_kept_gets_the_window_as_it_is() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tab = bob.live("general").await;
    tab.cut().await;
    // More than 100 deletions: the first of them is forgotten.
    let mut socket = ada.socket(&[]).await;
    for number in 0..101 {
        let position = say(
            &mut socket,
            &ClientFrame::Post {
                id: id(&format!("post-{number}")),
                room: channel("general"),
                text: format!("{number}"),
                attachments: vec![],
                reply_to: None,
            },
        )
        .await;
        say(
            &mut socket,
            &ClientFrame::Delete {
                id: id(&format!("delete-{number}")),
                room: channel("general"),
                message: position,
            },
        )
        .await;
    }
    ada.post("general", "what is left").await;
    tab.mend();
    tab.expect_live().await;
    tab.expect_texts(&["what is left"]).await;
    assert_eq!(resets(&tab), 1);
}

fn id(raw: &str) -> CommandId {
    CommandId::try_from(raw.to_owned()).unwrap()
}

async fn say(socket: &mut Socket, frame: &ClientFrame) -> Position {
    socket.say(frame).await;
    match socket.hear().await {
        ServerFrame::Accepted { position, .. } => position,
        other => panic!("{other:?}"),
    }
}

/// Says hello with a past, and gives what comes of it: the directory and `#general`.
async fn come_back(
    guest: &Guest,
    house: &House,
    epoch: &str,
    position: Position,
) -> (ServerFrame, ServerFrame) {
    let mut socket = house.connect(guest).await;
    let resume = Resume { epoch: Epoch(epoch.to_owned()), position, directs: Position::ZERO };
    let viewing = vec![View { room: channel("general"), position: Some(position) }];
    let hello = ClientFrame::Hello { protocol: PROTOCOL, resume: Some(resume), viewing };
    socket.say(&hello).await;
    let ServerFrame::Welcome(_) = socket.hear().await else { panic!("no welcome") };
    let directory = socket.hear().await;
    let room = socket
        .hear_until(|frame| {
            let is_of_all = matches!(frame, ServerFrame::Directs(_) | ServerFrame::Memberships(_));
            (!is_of_all).then_some(frame)
        })
        .await;
    let told = (directory, room);
    assert!(socket.is_alive().await);
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_that_the_log_does_not_have_is_answered_with_a_reset() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let last = ada.post("general", "here").await;
    let epoch = house.connect(&ada).await.greet(&[]).await.0.epoch.0;
    let future = Position(last.0 + 1);
    for (epoch, position) in [
        ("0123456789abcdef", last),
        ("", Position::ZERO),
        (&epoch, future),
        (&epoch, Position(i64::MAX as u64)),
        (&epoch, Position(i64::MAX as u64 + 1)),
        (&epoch, Position(u64::MAX)),
        ("0123456789abcdef", Position(u64::MAX)),
    ] {
        let (directory, channel) = come_back(&ada, &house, epoch, position).await;
        assert!(
            matches!(directory, ServerFrame::Directory(_)),
            "{epoch} {position}: {directory:?}"
        );
        let ServerFrame::Reset(Reset { window, .. }) = channel else {
            panic!("{epoch} {position}: {channel:?}");
        };
        assert_eq!(window.messages().len(), 1);
    }
    // And one that it has with a difference.
    let (directory, channel) = come_back(&ada, &house, &epoch, last).await;
    assert!(matches!(directory, ServerFrame::Directory(_)), "the directory is behind the channel");
    let ServerFrame::Difference(Difference { changes, .. }) = channel else {
        panic!("{channel:?}");
    };
    assert_eq!(changes, []);
    let (directory, channel) = come_back(&ada, &house, &epoch, Position(1)).await;
    assert!(matches!(directory, ServerFrame::Difference(_)), "{directory:?}");
    let ServerFrame::Difference(Difference { changes, .. }) = channel else {
        panic!("{channel:?}");
    };
    assert!(
        matches!(&changes[..], [Change::Posted(Message { position, .. })] if *position == last)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_log_forgets_it() {
    let house = House::open().await;
    let elsewhere = House::open().await;
    let ada = house.join("Ada").await;
    ada.post("general", "here").await;
    let there = elsewhere.join("Ada").await;
    for number in 0..3 {
        there.post("general", &format!("elsewhere {number}")).await;
    }
    // As after a restore from nothing: the same address, another log.
    let page = page(&elsewhere).await;
    let tab = Tab::open(house.address(), &ada.cookie, ada.person.clone(), &page, Vec::new());
    tab.expect_live().await;
    tab.expect_texts(&["here"]).await;
    ada.post("general", "and on").await;
    tab.expect_texts(&["here", "and on"]).await;
}

/// A person may open another channel in the moment between hello and welcome. The hello has named
/// the channel before; the server must still learn of the new one.
#[test]
fn a_channel_opened_before_the_welcome_is_viewed() {
    let first = channel("general");
    let second = channel("design");
    let me = flack::domain::person::Person {
        id: flack::domain::person::PersonId(Position(2)),
        name: flack::domain::name::DisplayName::stored("Ada".to_owned()),
    };
    let page = Page {
        me: Some(me.clone()),
        epoch: Epoch("e".to_owned()),
        directory: flack::domain::channel::Directory::default(),
        limits: Default::default(),
        path: "/c/general".to_owned(),
        open: Some((first, Window::default())),
        directs: Directs::default(),
        memberships: Memberships::default(),
        online: Vec::new(),
        people: None,
        editing: None,
        replying: None,
        refused: None,
    };
    let now = Moment { millis: 0, random: 0.0 };
    let mut replica = Replica::new(me.clone(), page);
    let mut said = Vec::new();
    let mut tell = |replica: &mut Replica, input| said.extend(replica.handle(input, now));
    tell(&mut replica, Input::Tick);
    tell(&mut replica, Input::Opened);
    tell(&mut replica, Input::Open(Some(second.clone())));
    tell(
        &mut replica,
        Input::Frame(ServerFrame::Welcome(Welcome {
            spread: 0,
            you: me,
            epoch: Epoch("e".to_owned()),
            position: Position(2),
            heartbeat: flack::domain::frame::Heartbeat { ping: 10, silence: 25 },
            limits: flack::domain::frame::Limits {
                text: 4_000,
                frame: 65_536,
                viewing: 128,
                file: 0,
                files: 0,
            },
        })),
    );
    let view = ClientFrame::View(View { room: second, position: None });
    assert!(said.contains(&Output::Send(view)), "{said:?}");
}
