//! Who is here and who writes: told to those whom it concerns, for a moment, and never in the way.

use std::{collections::BTreeSet, time::Duration};

use flack::{
    domain::{
        frame::{ClientFrame, ServerFrame, View},
        person::{Person, PersonId},
        room::{Pair, Room, direct_path},
    },
    server::live::presence::{GATHERING, GRACE},
};
use tokio::time::{Instant, timeout_at};

use crate::support::{channel, guest::Guest, house::House, socket::Socket, tab::Tab};

/// Between two words of what is only true for a moment.
const PULSE: Duration = Duration::from_secs(1);

/// Whom a socket takes for being here.
#[derive(Default)]
struct Known(BTreeSet<PersonId>);

impl Known {
    /// Follows what the socket hears until this one is here, or is not.
    async fn until(&mut self, socket: &mut Socket, guest: &Guest, is_here: bool) {
        while self.0.contains(&guest.person.id) != is_here {
            self.hear(socket.hear_hint().await);
        }
    }

    /// Follows it for so long, while this one has to be here.
    async fn keeps(&mut self, socket: &mut Socket, guest: &Guest, time: Duration) {
        let until = Instant::now() + time;
        while let Ok(frame) = timeout_at(until, socket.hear_hint()).await {
            self.hear(frame);
            assert!(self.0.contains(&guest.person.id), "{} has blinked", guest.name());
        }
    }

    fn hear(&mut self, frame: ServerFrame) {
        let ServerFrame::Presence { all, online, offline } = frame else { return };
        if let Some(all) = all {
            self.0 = all.into_iter().collect();
        }
        self.0.extend(online);
        self.0.retain(|person| !offline.contains(person));
    }
}

async fn sees_online(tab: &Tab, guest: &Guest) {
    let id = guest.person.id;
    tab.until("somebody's dot", |seen| seen.replica.online().contains(&id).then_some(())).await;
}

/// The clock of this test is wound forward whenever there is nothing to do.
#[tokio::test]
async fn who_leaves_is_told_after_a_grace_and_who_comes_back_in_time_has_not_left() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    tokio::time::pause();
    let mut known = Known::default();
    let mut watching = ada.socket(&[]).await;
    let first = bob.socket(&[]).await;
    known.until(&mut watching, &ada, true).await;
    known.until(&mut watching, &bob, true).await;
    known.keeps(&mut watching, &bob, GATHERING).await;

    // A second window, and then a page that is loaded anew.
    let second = bob.socket(&[]).await;
    drop(first);
    known.keeps(&mut watching, &bob, GRACE * 2).await;
    drop(second);
    known.keeps(&mut watching, &bob, GRACE / 2).await;
    let third = bob.socket(&[]).await;
    known.keeps(&mut watching, &bob, GRACE * 2).await;

    let since = Instant::now();
    drop(third);
    known.until(&mut watching, &bob, false).await;
    let took = since.elapsed();
    assert!(took >= GRACE && took <= GRACE + 2 * PULSE, "{took:?}");
    assert!(known.0.contains(&ada.person.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_knows_who_is_here_and_lists_them_first() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    house.join("Zoë").await;
    let zoe = house.join("Zelda").await;
    let tab = ada.live("general").await;
    let _there = zoe.live("general").await;
    sees_online(&tab, &ada).await;
    sees_online(&tab, &zoe).await;
    let listed = async |asker: &Guest| -> Vec<String> {
        let people = asker.get("/api/list_people?name=").await.expect(200);
        let people: Vec<Person> = people.json();
        people.iter().map(|person| person.name.to_string()).collect()
    };
    assert_eq!(listed(&ada).await, ["Ada", "Zelda", "Bob", "Zoë"]);
    assert_eq!(listed(&bob).await, ["Ada", "Bob", "Zelda", "Zoë"], "who asks is here");
    // Without a script: those who are here have the word, and nobody else.
    let body = ada.get("/people").await.expect(200).body;
    let (_, body) = body.split_once("people__list").expect("a list");
    let shown = |name: &str| {
        let (_, after) = body.split_once(&format!("<bdi>{name}</bdi>")).expect("listed");
        let (tag, _) = after.split_once('>').expect("a tag");
        assert!(tag.contains("class=\"online\""), "{tag}");
        !tag.contains("hidden")
    };
    let is_shown = ["Ada", "Zelda", "Bob", "Zoë"].map(shown);
    assert_eq!(is_shown, [true, true, false, false], "{body}");
    let page = ada.get(&direct_path(zoe.person.id)).await.expect(200);
    let heading = page.body.split("<h1").nth(1).expect("a heading");
    let (heading, _) = heading.split_once("</h1>").expect("its end");
    assert!(heading.contains("online") && !heading.contains("hidden>"), "{heading}");
}

fn typing(room: &Room) -> ClientFrame {
    ClientFrame::Typing { room: room.clone() }
}

/// Who writes in which room, as the next word of it says.
async fn heard(socket: &mut Socket) -> (Room, Vec<String>) {
    loop {
        if let ServerFrame::Typing { room, people } = socket.hear_hint().await {
            return (room, people.iter().map(|person| person.name.to_string()).collect());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_look_at_a_room_hear_who_writes_there_and_nobody_hears_of_themselves() {
    let house = House::open().await;
    let (ada, bob, eve) =
        (house.join("Ada").await, house.join("Bob").await, house.join("Eve").await);
    let general = channel("general");
    let mut at_ada = ada.socket(&["general"]).await;
    let mut at_bob = bob.socket(&["general"]).await;
    let mut at_eve = eve.socket(&["general"]).await;
    ada.create_channel("design").await;
    let mut elsewhere = eve.socket(&["design"]).await;

    // However often it is said.
    for _ in 0..50 {
        at_ada.say(&typing(&general)).await;
    }
    assert_eq!(heard(&mut at_bob).await, (general.clone(), vec!["Ada".to_owned()]));
    assert_eq!(heard(&mut at_eve).await, (general.clone(), vec!["Ada".to_owned()]));
    assert!(at_bob.is_alive().await && at_eve.is_alive().await);
    at_bob.say(&typing(&general)).await;
    // The first thing that Ada hears is of somebody else.
    assert_eq!(heard(&mut at_ada).await, (general.clone(), vec!["Bob".to_owned()]));
    assert_eq!(heard(&mut at_eve).await, (general.clone(), vec!["Bob".to_owned()]));

    // A channel that is not there, and one where nobody else looks.
    at_ada.say(&typing(&channel("nowhere"))).await;
    elsewhere.say(&typing(&channel("design"))).await;
    at_eve.say(&typing(&general)).await;
    assert_eq!(heard(&mut at_ada).await, (general.clone(), vec!["Eve".to_owned()]));
    assert_eq!(heard(&mut at_bob).await, (general.clone(), vec!["Eve".to_owned()]));

    // What is there already is not written any more.
    at_ada.say(&typing(&general)).await;
    assert!(at_ada.is_alive().await);
    ada.post("general", "There it is").await;
    at_eve.say(&typing(&general)).await;
    assert_eq!(heard(&mut at_bob).await, (general, vec!["Eve".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_hears_who_writes_between_two() {
    let house = House::open().await;
    let (ada, bob, eve) =
        (house.join("Ada").await, house.join("Bob").await, house.join("Eve").await);
    let between = Room::Direct(Pair::of(ada.person.id, bob.person.id));
    let general = channel("general");
    let mut at_ada = ada.socket(&["general"]).await;
    let mut at_bob = bob.socket(&["general"]).await;
    let mut at_eve = eve.socket(&["general"]).await;
    for socket in [&mut at_ada, &mut at_bob, &mut at_eve] {
        socket.say(&ClientFrame::View(View { room: between.clone(), position: None })).await;
        socket.hear().await;
    }
    at_eve.say(&typing(&between)).await;
    assert!(at_eve.is_alive().await, "nothing is said about it");
    at_ada.say(&typing(&between)).await;
    assert_eq!(heard(&mut at_bob).await, (between.clone(), vec!["Ada".to_owned()]));
    // The first that Eve hears is of the channel, and Eve was not heard in the conversation.
    at_ada.say(&typing(&between)).await;
    at_ada.say(&typing(&general)).await;
    assert_eq!(heard(&mut at_eve).await, (general.clone(), vec!["Ada".to_owned()]));
    at_bob.say(&typing(&between)).await;
    assert_eq!(heard(&mut at_ada).await, (between, vec!["Bob".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_another_shows_who_writes_until_the_message_is_there() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let (from, to) = (ada.live("general").await, bob.live("general").await);
    from.tell(flack::sync::Input::Typed);
    let name = to.until("who writes", |seen| Some(seen.replica.typing().first()?.name.to_string()));
    assert_eq!(name.await, "Ada");
    from.look(|seen| assert!(seen.replica.typing().is_empty()));
    from.post("general", "There it is");
    to.expect_message("There it is").await;
    to.look(|seen| assert!(seen.replica.typing().is_empty()));
}
