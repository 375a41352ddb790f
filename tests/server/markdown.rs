//! What messages look like, and who is called in them.

use flack::{
    domain::{
        command::Ask,
        message::MessageText,
        name::ChannelName,
        person::{Person, PersonId},
        position::Position,
        room::{Pair, Room},
    },
    server::{
        log::{Order, Request},
        store::{self, MENTIONS_LIMIT},
    },
};

use crate::support::{channel, desk::Desk, house::House};

#[tokio::test(flavor = "multi_thread")]
async fn words_are_rendered_for_everyone_and_stay_as_they_were_written() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tab = bob.live("general").await;
    let words = "**Hello** @bob, see `<b>`";
    let at = ada.post("general", words).await;
    let told = tab.expect_message(words).await;
    let html = told.html.as_ref().unwrap().as_str().to_owned();
    let mention = format!("data-person=\"{}\">@bob</span>", told.mentions[0].id.0);
    assert!(html.contains("<strong>Hello</strong>") && html.contains(&mention), "{html}");
    assert_eq!(told.mentions[0].name.as_str(), "Bob");
    let plain = ada.post("general", "Nothing special").await;
    // Without JavaScript, too, and where one is called oneself stands out.
    let page = bob.page("general").await.body;
    assert!(page.contains("<strong>Hello</strong>") && page.contains("&lt;b&gt;"), "{page}");
    assert!(page.contains("message--meant") && page.contains("mention mention--own"), "{page}");
    let page = ada.page("general").await.body;
    assert!(!page.contains("message--meant") && !page.contains("mention--own"), "{page}");

    house.restart().await;
    let window = house.window("general").await;
    assert_eq!(window.find(at), Some(&told), "read from the disk, it is the same");
    assert_eq!(window.find(plain).unwrap().html, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_to_harm_is_text_on_the_page() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let texts = [
        "*a* <svg onload=alert(1)>",
        "*b* [x](javascript:alert(1)) <javascript:alert(1)>",
        "[x](https://a.org/\"onmouseover=\"alert(1))",
        "```\"><script>alert(1)</script>\n</code></pre><script>alert(1)</script>\n```",
        "*c* </script><script>alert(1)</script> <!--",
    ];
    for text in texts {
        ada.post("general", text).await;
    }
    let page = ada.page("general").await.body;
    let log = page.split("<script").find(|part| part.contains("<article")).expect("messages");
    assert_eq!(log.matches("class=\"prose\"").count(), texts.len());
    for harm in ["<svg onload", "href=\"javascript", "\"onmouseover", "alert(1)</script"] {
        assert!(!log.contains(harm), "{harm} in {log}");
    }
    assert!(!page.contains("<script>alert"), "nor in the page's data");
}

#[test]
fn whoever_is_called_finds_where() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(dir.path());
    let mut reader = store::reader(dir.path()).unwrap();
    let [ada, ada_lovelace, bob] = ["Ada", "Ada Lovelace", "Bob"].map(|name| desk.join(name));
    let general = channel("general");
    let told = |reader: &store::Reader, person: &Person| reader.unread_mentions(person.id).unwrap();

    let both = desk.post(&bob, &general, "@ada lovelace and @ADA, and `@Bob`, and @bob");
    assert_eq!(told(&reader, &ada), [(general.clone(), both)]);
    assert_eq!(told(&reader, &ada_lovelace), [(general.clone(), both)]);
    assert_eq!(told(&reader, &bob), [], "nobody calls themselves");

    // Words that are changed call others; what is deleted calls nobody, unless it is brought back.
    let text = MessageText::try_from("only @Ada Lovelace").unwrap();
    desk.command(&bob, &general, Ask::Edit(both, text));
    assert_eq!(told(&reader, &ada), []);
    assert_eq!(told(&reader, &ada_lovelace).len(), 1);
    desk.command(&bob, &general, Ask::Delete(both));
    assert_eq!(told(&reader, &ada_lovelace), []);
    desk.command(&bob, &general, Ask::Restore(both));
    assert_eq!(told(&reader, &ada_lovelace).len(), 1);

    // Nobody is told of a conversation that is not theirs.
    let direct = Room::Direct(Pair::of(ada.id, bob.id));
    let whispered = desk.post(&bob, &direct, "@Ada, what does @Ada Lovelace say?");
    assert_eq!(told(&reader, &ada), [(direct.clone(), whispered)]);
    assert_eq!(told(&reader, &ada_lovelace), [(general.clone(), both)]);
    let window = reader.window(&direct).unwrap().unwrap();
    let mentions: Vec<PersonId> =
        window.find(whispered).unwrap().mentions.iter().map(|person| person.id).collect();
    assert_eq!(mentions, [ada.id]);

    // What is gone for good leaves nothing behind.
    desk.command(&bob, &general, Ask::Delete(both));
    desk.store.wipe(chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(1)).unwrap();
    let name = ChannelName::try_from("design").unwrap();
    desk.ask(Request::CreateChannel { by: bob.id, name });
    let posted: Vec<Position> = (0..=MENTIONS_LIMIT)
        .map(|_| desk.post(&bob, &channel("design"), "@Ada Lovelace!"))
        .collect();
    let newest = told(&reader, &ada_lovelace);
    let newest: Vec<Position> = newest.into_iter().map(|(_, position)| position).collect();
    assert_eq!(newest, posted[1..], "the newest, and no more");
    let read = |position| {
        let (by, room) = (ada_lovelace.id, channel("design"));
        Request::Read { by, room, position }
    };
    desk.ask(read(posted[MENTIONS_LIMIT - 1]));
    assert_eq!(told(&reader, &ada_lovelace).len(), 1, "not what is read");
    let order = Order::DeleteChannel { channel: "design".to_owned() };
    desk.ask(Request::Order(order));
    let db = rusqlite::Connection::open(dir.path().join("flack.db")).unwrap();
    let left: i64 = db.query_row("SELECT count(*) FROM mentions", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1, "Ada's of the direct conversation");
}
