//! What channels are about, said by anybody, known to everybody.

use flack::domain::{
    channel::{Channel, TopicText},
    event::{Change, Event, Lane},
    frame::{ClientFrame, PROTOCOL, Resume, ServerFrame},
    position::{Epoch, Position},
    refusal::{Refusal, RefusalCode},
};

use crate::support::{guest::Guest, house::House, http::Answer, socket::Socket, soon};

async fn set(guest: &Guest, channel: &str, topic: &str) -> Answer {
    guest.ask("/api/set_topic", &[("channel", channel), ("topic", topic)]).await
}

/// What a channel is about, and who has said so.
fn topic(channel: &Channel) -> Option<(&str, &str)> {
    let topic = channel.topic.as_ref()?;
    Some((topic.text.as_str(), topic.by.name.as_str()))
}

/// The next event of the directory.
async fn heard(socket: &mut Socket) -> Event {
    let event = socket.hear_until(|frame| match frame {
        ServerFrame::Event(event) if event.lane == Lane::Directory => Some(event),
        _ => None,
    });
    soon("an event of the directory", event).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_hears_what_a_channel_is_about() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let mut socket = bob.socket(&[]).await;
    let tab = bob.live("general").await;
    let answer: Channel = set(&ada, " #General", " Lunch\r\n at noon ").await.expect(200).json();
    assert_eq!(topic(&answer), Some(("Lunch at noon", "Ada")));
    let event = heard(&mut socket).await;
    assert_eq!((event.prev, event.command), (Position(1), None));
    assert_eq!(event.change, Change::ChannelRevised(answer.clone()));
    let shown = tab.until("the topic", |seen| {
        seen.replica.directory().find("general").filter(|it| it.topic.is_some()).cloned()
    });
    assert_eq!(shown.await, answer);
    // For those who come later, too.
    let listed: Vec<Channel> = ada.get("/api/list_channels").await.expect(200).json();
    assert_eq!(listed, std::slice::from_ref(&answer));
    let page = bob.page("general").await;
    assert!(page.body.contains("Lunch at noon"), "{}", page.body);

    // What is said already stays the word of who said it, and nobody hears of it again.
    let same: Channel = set(&bob, "general", "Lunch  at noon").await.expect(200).json();
    assert_eq!(same, answer);
    let taken_back: Channel = set(&bob, "general", " \n").await.expect(200).json();
    assert_eq!(topic(&taken_back), None);
    let next = heard(&mut socket).await;
    assert_eq!((next.prev, next.change), (event.position, Change::ChannelRevised(taken_back)));
    set(&bob, "general", "").await.expect(200);
    set(&ada, "general", "<b>Dinner</b>").await.expect(200);
    let last = heard(&mut socket).await;
    assert_eq!(last.prev, next.position);
    let page = bob.page("general").await;
    assert!(!page.body.contains("<b>Dinner"), "it is no HTML: {}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_topic_changes_nothing() {
    let house = House::with(|config| config.limits.rates.channels = 3).await;
    let ada = house.join("Ada").await;
    let kept: Channel =
        set(&ada, "general", &"漢".repeat(TopicText::LIMIT)).await.expect(200).json();
    let long = set(&ada, "general", &"x".repeat(251)).await.expect(422);
    assert_eq!(long.json::<Refusal>().code, RefusalCode::TopicTooLong);
    let sentence = "A topic can have up to 250 characters. This one has 251.";
    assert!(long.body.contains(sentence), "{}", long.body);
    let unknown = set(&ada, "nowhere", "Lunch").await.expect(404).json::<Refusal>();
    assert_eq!(unknown.code, RefusalCode::UnknownChannel);
    let often = set(&ada, "general", "Lunch").await.expect(429);
    assert!(often.body.contains("too much at once"), "{}", often.body);
    house.get("/api/set_topic?channel=general&topic=x").cookie(&ada.cookie).await.expect(400);
    let listed: Vec<Channel> = ada.get("/api/list_channels").await.expect(200).json();
    assert_eq!(listed, [kept]);
}

/// Says hello with what was known of the directory, and gives what comes of it.
async fn come_back(house: &House, guest: &Guest, epoch: &Epoch, position: Position) -> ServerFrame {
    let mut socket = house.connect(guest).await;
    let resume = Resume { epoch: epoch.clone(), position, directs: Position::ZERO };
    let hello = ClientFrame::Hello { protocol: PROTOCOL, resume: Some(resume), viewing: vec![] };
    socket.say(&hello).await;
    let ServerFrame::Welcome(_) = socket.hear().await else { panic!("no welcome") };
    socket.hear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_outlasts_the_server_and_is_told_to_who_was_away() {
    let mut house = House::open().await;
    let ada = house.join("Ada").await;
    let epoch = house.connect(&ada).await.greet(&[]).await.0.epoch;
    let mut socket = ada.socket(&[]).await;
    ada.create_channel("design").await;
    let before = heard(&mut socket).await.position;
    set(&ada, "design", "Boxes").await.expect(200);
    set(&ada, "general", "Lunch").await.expect(200);
    set(&ada, "general", "").await.expect(200);
    heard(&mut socket).await;
    heard(&mut socket).await;
    let cleared = heard(&mut socket).await.position;
    for start in 0..2 {
        let ServerFrame::Directory(whole) = come_back(&house, &ada, &epoch, before).await else {
            panic!("not the whole directory")
        };
        assert_eq!(whole.position, cleared, "start {start}");
        let topics: Vec<_> = whole.channels().iter().map(topic).collect();
        assert_eq!(topics, [Some(("Boxes", "Ada")), None]);
        let told = come_back(&house, &ada, &epoch, cleared).await;
        let ServerFrame::Difference(told) = told else { panic!("{told:?}") };
        assert_eq!((told.position, told.changes), (cleared, vec![]));
        if start == 0 {
            house.restart().await;
        }
    }
    // What was taken back is not on the disk any more.
    house.close().await;
    let bytes = house.bytes_on_disk();
    let has = |word: &[u8]| bytes.windows(word.len()).any(|part| part == word);
    assert!(has(b"Boxes") && !has(b"Lunch"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_set_without_javascript() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let form = |topic: &str| {
        let fields = [("channel", "general"), ("topic", topic)];
        ada.ask("/api/set_topic", &fields).by_form_of("/c/general/topic")
    };
    let empty = ada.get("/c/general/topic").await.expect(200).body;
    assert!(empty.contains("Topic of <bdi>#general</bdi>"), "{empty}");
    let done = form("Lunch at <noon>").await.expect(303);
    assert_eq!(done.header("location"), "/c/general");
    let page = ada.get("/c/general/topic").await.expect(200).body;
    assert!(page.contains(">Lunch at &lt;noon></textarea>"), "{page}");
    assert!(page.contains("Set by <bdi>Ada</bdi>."), "{page}");
    // Why not, in a sentence, beside what was typed.
    let long = "long ".repeat(51);
    let refused = form(&long).await.expect(422);
    assert!(refused.header("content-type").starts_with("text/html"));
    assert!(refused.body.contains("This one has 254."), "{}", refused.body);
    assert!(refused.body.contains(&long) && refused.body.contains("aria-invalid=\"true\""));
    ada.sign_out().await.expect(200);
    assert!(form("Lunch").await.expect(401).body.contains("Display name"));
}
