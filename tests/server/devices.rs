//! Which browsers speak for somebody, how another one comes to do so, and how one is stopped.

use std::time::{Duration, Instant};

use flack::domain::{
    device::{DEVICES_LIMIT, Device, Link},
    frame::CloseCode,
    person::Person,
    refusal::RefusalCode,
};

use sha2::{Digest, Sha256};

use crate::support::{guest::Guest, house::House, http::Answer, socket::Socket};

async fn devices(guest: &Guest) -> Vec<Device> {
    guest.get("/api/list_devices").await.expect(200).json()
}

/// The secret in a new link.
async fn make_link(guest: &Guest) -> String {
    let link: Link = guest.ask("/api/create_link", &[]).await.expect(200).json();
    link.path.strip_prefix("/link/").expect("the address of a link").to_owned()
}

async fn use_link(house: &House, secret: &str) -> Answer {
    house.post("/api/use_link").form(&[("secret", secret)]).await
}

/// Another device of the same person.
async fn another(house: &House, guest: &Guest) -> Guest {
    let secret = make_link(guest).await;
    let answer = use_link(house, &secret).await.expect(200);
    let person: Person = answer.json();
    assert_eq!(person, guest.person);
    guest.with(answer.session_cookie())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_carries_a_name_to_another_device_once() {
    let mut house = House::open().await;
    let ada = house.join("Ada").await;
    let secret = make_link(&ada).await;
    // Looking at it uses nothing up, whoever looks.
    for _ in 0..3 {
        let page = house.get(&format!("/link/{secret}")).await.expect(200);
        assert!(page.body.contains("Continue as <bdi>Ada"), "{}", page.body);
        // Not "no-referrer": without an Origin, browsers could not use the link.
        assert_eq!(page.header("referrer-policy"), "strict-origin");
        assert_eq!(page.header("cache-control"), "private, no-store");
    }
    house.restart().await;
    let answer = use_link(&house, &secret).await.expect(200);
    let phone = ada.with(answer.session_cookie());
    assert_ne!(phone.cookie, ada.cookie);
    phone.post("general", "from my phone").await;
    let window = house.window("general").await;
    assert_eq!(window.messages().next().unwrap().author, ada.person);
    // Again it is of no use, to anybody.
    let again = use_link(&house, &secret).await.expect(404);
    assert_eq!(again.refusal().code, RefusalCode::UnknownLink);
    assert_eq!(again.header("set-cookie"), "");
    house.get(&format!("/link/{secret}")).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_who_use_a_link_at_once_one_does() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let secret = make_link(&ada).await;
    let uses = (0..200).map(|_| use_link(&house, &secret));
    let answers = futures_util::future::join_all(uses).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 404).count(), 199);
    assert_eq!(devices(&ada).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_link_works_and_nothing_else_is_one() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let (old, of_bob) = (make_link(&ada).await, make_link(&bob).await);
    let new = make_link(&ada).await;
    use_link(&house, &old).await.expect(404);
    for nothing in ["", "x", &"0".repeat(64), &new[..63], &format!("{new}0"), ada.token()] {
        let answer = use_link(&house, nothing).await.expect(404);
        assert_eq!(answer.refusal().code, RefusalCode::UnknownLink, "{nothing}");
        house.get(&format!("/link/{nothing}")).await.expect(404);
    }
    // The secret of a link is nobody's session.
    let cookie = format!("flack={new}");
    house.get("/api/list_channels").cookie(&cookie).await.expect(401);
    assert_eq!(use_link(&house, &new).await.expect(200).json::<Person>(), ada.person);
    assert_eq!(use_link(&house, &of_bob).await.expect(200).json::<Person>(), bob.person);
    // Only its hash is on disk.
    let disk = house.bytes_on_disk();
    assert!(!disk.windows(64).any(|part| part == new.as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_expires() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let secret = make_link(&ada).await;
    house.age_links(Duration::from_secs(9 * 60 + 50));
    house.get(&format!("/link/{secret}")).await.expect(200);
    house.age_links(Duration::from_secs(10));
    house.get(&format!("/link/{secret}")).await.expect(404);
    use_link(&house, &secret).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_speaks_for_one_person() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let mut socket = bob.socket(&["general"]).await;
    let secret = make_link(&ada).await;
    let page = bob.get(&format!("/link/{secret}")).await.expect(200);
    assert!(page.body.contains("You are here as <bdi>Bob"), "{}", page.body);
    bob.ask("/api/use_link", &[("secret", &secret)]).await.expect(200);
    socket.expect_closed(CloseCode::SignedOut).await;
    bob.sign_out().await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_devices_are_listed_and_nobody_elses() {
    let mut house = House::open().await;
    house.join("Bob").await;
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    let answer = house.post("/api/sign_in").form(&[("name", "Ada")]).header("user-agent", agent);
    let answer = answer.await.expect(200);
    let ada = house.guest(&answer);
    let phone = another(&house, &ada).await;
    let socket = phone.socket(&[]).await;
    let labels = |devices: &[Device]| {
        let label = |it: &Device| (it.label.clone(), it.is_this, it.is_online);
        devices.iter().map(label).collect::<Vec<_>>()
    };
    let expected = |is_online| {
        vec![
            ("Unknown device".to_owned(), false, is_online),
            ("Firefox on Linux".to_owned(), true, false),
        ]
    };
    assert_eq!(labels(&devices(&ada).await), expected(true));
    drop(socket);
    house.restart().await;
    assert_eq!(labels(&devices(&ada).await), expected(false));
    house.get("/api/list_devices").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_signed_out_is_closed_at_once() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let phone = another(&house, &ada).await;
    let (mut lost, mut kept) = (phone.socket(&["general"]).await, ada.socket(&["general"]).await);
    let device = devices(&ada).await[0].clone();
    assert!(!device.is_this);
    // Nobody else can do that.
    let fields = [("device", device.id.0.to_string())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, id)| (*name, id.as_str())).collect();
    let refused = bob.ask("/api/sign_out_device", &fields).await.expect(404);
    assert_eq!(refused.refusal().code, RefusalCode::UnknownDevice);
    assert!(lost.is_alive().await);
    let asked = Instant::now();
    ada.ask("/api/sign_out_device", &fields).await.expect(200);
    lost.expect_closed(CloseCode::SignedOut).await;
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert!(kept.is_alive().await);
    phone.ask("/api/post_message", &[("channel", "general"), ("text", "Hi")]).await.expect(401);
    let mut again = Socket::open(house.address(), &phone.cookie).await.unwrap();
    again.expect_closed(CloseCode::SignedOut).await;
    assert_eq!(devices(&ada).await.len(), 1);
    ada.ask("/api/sign_out_device", &fields).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_others_can_be_signed_out_at_once() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(another(&house, &ada).await.socket(&[]).await);
    }
    let (mut own, mut foreign) = (ada.socket(&[]).await, bob.socket(&[]).await);
    // Whoever has one of them may have made a link, to come back with.
    let link = make_link(&ada).await;
    ada.ask("/api/sign_out_others", &[]).await.expect(200);
    use_link(&house, &link).await.expect(404);
    for socket in &mut others {
        socket.expect_closed(CloseCode::SignedOut).await;
    }
    assert!(own.is_alive().await && foreign.is_alive().await);
    assert_eq!(devices(&ada).await.len(), 1);
    ada.ask("/api/sign_out_others", &[]).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_so_many_devices_and_no_more() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let other = another(&house, &ada).await;
    for _ in 2..DEVICES_LIMIT {
        another(&house, &ada).await;
    }
    let secret = make_link(&ada).await;
    let refused = use_link(&house, &secret).await.expect(507);
    assert!(refused.refusal().to_string().contains("50 devices"), "{}", refused.body);
    // The link is not lost by that.
    other.sign_out().await.expect(200);
    use_link(&house, &secret).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_all_works_without_javascript() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let page = ada.get("/devices").await.expect(200);
    assert!(page.body.contains("This device") && !page.body.contains("<script type=\"module\""));
    let made = ada.ask("/api/create_link", &[]).by_form_of("/devices").await.expect(200);
    let at = made.body.find("/link/").expect("the link") + "/link/".len();
    let secret = &made.body[at..at + 64];
    assert!(made.body.contains("class=\"qr\""), "{}", made.body);
    assert!(made.body.contains(&format!("value=\"{}/link/{secret}\"", house.origin())));
    let path = format!("/link/{secret}");
    let used = house.post("/api/use_link").form(&[("secret", secret)]).by_form_of(&path).await;
    assert_eq!((used.status, used.header("location")), (303, "/"));
    let phone = ada.with(used.session_cookie());
    let again = house.post("/api/use_link").form(&[("secret", secret)]).by_form_of(&path).await;
    assert_eq!(again.status, 404);
    assert!(again.body.contains("This link does not work any more."), "{}", again.body);

    let device = devices(&ada).await[0].id.0.to_string();
    let ended =
        ada.ask("/api/sign_out_device", &[("device", &device)]).by_form_of("/devices").await;
    assert_eq!((ended.status, ended.header("location")), (303, "/devices"));
    let gone = ada.ask("/api/sign_out_device", &[("device", &device)]).by_form_of("/devices").await;
    assert_eq!(gone.status, 404);
    assert!(gone.body.contains("You are not signed in there."), "{}", gone.body);
    // Whoever is signed out is asked for a name.
    let out = phone.get("/devices").await;
    assert_eq!((out.status, out.header("location")), (303, "/"));
    let out = phone.ask("/api/create_link", &[]).by_form_of("/devices").await.expect(401);
    assert!(out.body.contains("Display name"), "{}", out.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_javascript_is_there_when_it_loads_a_page_or_posts() {
    for is_post in [false, true] {
        let house = House::open().await;
        let ada = house.join("Ada").await;
        house.age_devices(Duration::from_secs(7_200));
        match is_post {
            true => drop(ada.post("general", "Hello").await),
            false => drop(ada.page("general").await),
        }
        house.seen().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_of_a_link_that_was_never_used() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let secret = make_link(&ada).await;
    let hash = Sha256::digest(secret.as_bytes());
    let is_on_disk =
        |house: &House| house.bytes_on_disk().windows(32).any(|part| part == hash.as_slice());
    assert!(is_on_disk(&house));
    house.age_links(Duration::from_secs(600));
    make_link(&bob).await;
    house.close().await;
    assert!(!is_on_disk(&house));
}
