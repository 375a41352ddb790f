//! Files: who may have them, in whole and in part, for how long, and what is refused.

use std::time::Duration;

use flack::domain::{
    attachment::Attachment,
    event::Change,
    frame::{ClientFrame, ServerFrame},
    message::Message,
    position::Position,
    refusal::RefusalCode,
    room::direct_path,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    PATIENCE, channel,
    guest::Guest,
    house::House,
    http::{Answer, Ask},
    soon,
};

fn newest(messages: &[Message]) -> &Message {
    messages.last().expect("a message")
}

async fn messages(house: &House) -> Vec<Message> {
    house.window("general").await.messages().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_with_a_message_and_comes_back_as_it_was() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let tab = bob.live("general").await;
    let content: Vec<u8> = (0..300_000_u32).map(|number| (number * 7 % 251) as u8).collect();
    let notes = ada.upload("notes 1.txt", &content).await;
    assert_eq!((notes.name.as_str(), notes.size), ("notes 1.txt", 300_000));
    assert_eq!(notes.image, None);
    let second = ada.upload("b.bin", b"second").await;
    ada.share("general", "Look", &[&notes, &second]).await.expect(200);

    let message = tab.expect_message("Look").await;
    assert_eq!(message.attachments, [notes.clone(), second.clone()]);
    let page = bob.page("general").await;
    for attachment in &message.attachments {
        assert!(page.body.contains(&attachment.path()), "it is on the page");
    }
    for guest in [&ada, &bob] {
        let answer = guest.get(&notes.path()).await.expect(200);
        assert_eq!(answer.bytes, content);
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(
            answer.header("content-disposition"),
            "attachment; filename=\"notes 1.txt\"; filename*=UTF-8''notes%201.txt"
        );
        assert_eq!(answer.header("cache-control"), "private, no-cache");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(
            answer.header("content-security-policy").starts_with("sandbox; default-src 'none'")
        );
        assert_eq!(answer.header("last-modified"), "");
    }
    // From the disk it is the same, for those too who come back.
    house.restart().await;
    assert_eq!(newest(&messages(&house).await).attachments, message.attachments);
    assert_eq!(bob.get(&notes.path()).await.expect(200).bytes, content);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_may_be_files_alone_but_not_nothing() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let file = ada.upload("a.txt", b"a").await;
    ada.share("general", " \n", &[&file]).await.expect(200);
    let sent = messages(&house).await;
    assert!(newest(&sent).text.is_empty());
    let refused = ada.share("general", " ", &[]).await.expect(422);
    assert_eq!(refused.refusal().code, RefusalCode::TextEmpty);
    // Its words can be written later; the file stays.
    let position = newest(&sent).position.to_string();
    let fields = [("channel", "general"), ("message", &position), ("text", "That one")];
    ada.ask("/api/edit_message", &fields).await.expect(200);
    let sent = messages(&house).await;
    assert_eq!(newest(&sent).text.as_str(), "That one");
    assert_eq!(newest(&sent).attachments, [file]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_socket_has_files_too() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let file = ada.upload("a.txt", b"a").await;
    let mut socket = ada.socket(&["general"]).await;
    let post = |id: &str| ClientFrame::Post {
        id: id.to_owned().try_into().unwrap(),
        room: channel("general"),
        text: String::new(),
        attachments: vec![file.id.clone()],
        reply_to: None,
    };
    socket.say(&post("first")).await;
    let message = socket
        .hear_until(|frame| match frame {
            ServerFrame::Event(event) => match event.change {
                Change::Posted(message) => Some(message),
                _ => None,
            },
            _ => None,
        })
        .await;
    assert_eq!(message.attachments, std::slice::from_ref(&file));
    // Asked again it is the same answer; asked for anew, the file is taken.
    socket.say(&post("first")).await;
    socket.say(&post("second")).await;
    let refusal = socket
        .hear_until(|frame| match frame {
            ServerFrame::Refused { refusal, .. } => Some(refusal),
            _ => None,
        })
        .await;
    assert_eq!(refusal.code, RefusalCode::UnknownFile);
    assert_eq!(messages(&house).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_sent_to_who_asks_for_one() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let file = ada.upload("digits.txt", b"0123456789").await;
    let get = || ada.get(&file.path());
    for (range, part, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=5-500", "56789", "bytes 5-9/10"),
    ] {
        let answer = get().header("range", range).await.expect(206);
        assert_eq!((&answer.body[..], answer.header("content-range")), (part, content_range));
        assert!(answer.header("content-disposition").starts_with("attachment"));
    }
    let beyond = get().header("range", "bytes=10-").await.expect(416);
    assert_eq!(beyond.header("content-range"), "bytes */10");
    let whole = get().await.expect(200);
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let tag = whole.header("etag").to_owned();
    let known = get().header("if-none-match", &tag).await.expect(304);
    assert!(known.bytes.is_empty());
    get().header("if-none-match", "\"other\"").await.expect(200);
    let head = Ask::new(house.address(), "HEAD", &file.path()).cookie(&ada.cookie);
    let head = head.await.expect(200);
    assert_eq!((head.header("content-length"), head.bytes.len()), ("10", 0));
}

/// What everybody hears who may not have a file.
async fn expect_nothing(guest: &Guest, file: &Attachment) {
    let unknown = guest.get(&format!("/files/{}", "0".repeat(32))).await.expect(404);
    let thumbnail = file.thumbnail_path();
    for ask in [
        guest.get(&file.path()),
        guest.get(&file.path()).header("range", "bytes=0-0"),
        guest.get(&file.path()).header("if-none-match", "*"),
        guest.get(&thumbnail),
        guest.delete_file(file),
    ] {
        let answer = ask.await.expect(404);
        assert_eq!(answer.body, unknown.body);
        assert_eq!(answer.header("etag"), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_for_those_who_see_its_message() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let eve = house.join("Eve").await;
    let file = ada.upload("secret.txt", b"plover").await;
    // Before it is posted, it is its owner's.
    ada.get(&file.path()).await.expect(200);
    expect_nothing(&bob, &file).await;
    let stolen = eve.share("general", "mine", &[&file]).await.expect(404);
    assert_eq!(stolen.refusal().code, RefusalCode::UnknownFile);

    let to = bob.person.id.0.to_string();
    ada.share_to(&[("direct", &to), ("text", "psst")], &[&file]).await.expect(200);
    for guest in [&ada, &bob] {
        assert_eq!(guest.get(&file.path()).await.expect(200).body, "plover");
        guest.delete_file(&file).await.expect(404);
    }
    expect_nothing(&eve, &file).await;
    let page = eve.get(&direct_path(ada.person.id)).await.expect(200);
    assert!(!page.body.contains(file.id.as_str()));
    assert_eq!(house.get(&file.path()).await.expect(401).refusal().code, RefusalCode::NotSignedIn);
    house.post("/files?name=a").bytes(b"a").await.expect(401);

    // Somebody with the very same content has a file of their own, and no right to this one.
    let copy = eve.upload("secret.txt", b"plover").await;
    assert_ne!(copy.id, file.id);
    expect_nothing(&eve, &file).await;
    assert_eq!(house.contents().len(), 1, "one content on the disk");

    // In a channel it is everybody's; signed out, one is nobody.
    eve.share("general", "for all", &[&copy]).await.expect(200);
    bob.get(&copy.path()).await.expect(200);
    bob.sign_out().await.expect(200);
    bob.get(&copy.path()).await.expect(401);
    bob.get(&file.path()).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_file_is_gone_from_the_disk() {
    let mut house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let (only, shared) =
        (ada.upload("only.txt", b"only").await, ada.upload("shared.txt", b"shared").await);
    let again = bob.upload("again.txt", b"shared").await;
    let message: Position = {
        let answer = ada.share("general", "both", &[&only, &shared]).await.expect(200);
        answer.json::<flack::domain::command::Accepted>().position
    };
    bob.share("general", "mine", &[&again]).await.expect(200);
    assert_eq!(house.contents().len(), 2);
    ada.delete("general", message).await.expect(200);
    // At once for everyone, before it is for good.
    for guest in [&ada, &bob] {
        expect_nothing(guest, &only).await;
        expect_nothing(guest, &shared).await;
    }
    // Brought back, it is there again.
    let fields = [("channel", "general"), ("message", &message.to_string())];
    ada.ask("/api/restore_message", &fields).await.expect(200);
    assert_eq!(bob.get(&only.path()).await.expect(200).body, "only");

    ada.delete("general", message).await.expect(200);
    house.wiped().await;
    let contents = house.contents();
    assert_eq!(contents.len(), 1, "{contents:?}");
    assert_eq!(bob.get(&again.path()).await.expect(200).body, "shared");
    expect_nothing(&bob, &only).await;
    house.restart().await;
    expect_nothing(&ada, &only).await;
    assert_eq!(bob.get(&again.path()).await.expect(200).body, "shared");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_posted_can_be_thrown_away() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let file = ada.upload("a.txt", b"a").await;
    ada.delete_file(&file).await.expect(204);
    expect_nothing(&ada, &file).await;
    assert!(house.contents().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_swept() {
    let mut house = House::open().await;
    let ada = house.join("Ada").await;
    let kept = ada.upload("kept.txt", b"kept").await;
    let old = ada.upload("old.txt", b"never posted").await;
    house.close().await;
    // As a server leaves it that ended between two steps.
    let dir = house.files();
    std::fs::write(dir.join("new-abcdef"), b"half of it").unwrap();
    std::fs::write(dir.join("0".repeat(64)), b"unknown").unwrap();
    std::fs::write(dir.join(format!("{}.thumbnail", "0".repeat(64))), b"unknown").unwrap();
    let db = rusqlite::Connection::open(dir.with_file_name("flack.db")).unwrap();
    let day = 24 * 3_600 * 1_000 + 1;
    let aged = "UPDATE attachments SET at = at - ?1 WHERE id = ?2";
    db.execute(aged, rusqlite::params![day, old.id.as_str()]).unwrap();
    drop(db);
    house.restart().await;
    // The first commit after the start looks for what is too old.
    ada.post("general", "Anything left?").await;
    soon("the end of the old file", async {
        while house.contents().len() > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(ada.get(&kept.path()).await.expect(200).body, "kept");
    ada.get(&old.path()).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_told_and_nothing_is_left() {
    let house = House::with(|config| {
        let files = &mut config.limits.files;
        files.attachments.file = 100_000;
        files.attachments.files = 2;
        files.person = 250_000;
        files.all = 320_000;
    })
    .await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let large = |byte: u8| vec![byte; 100_000];
    let refused = |answer: Answer, status: u16, code: RefusalCode| {
        let refusal = answer.expect(status).refusal();
        assert_eq!(refusal.code, code, "{refusal}");
        refusal.to_string()
    };
    let one = ada.upload("1", &large(1)).await;
    let answer = ada.try_upload("2", &vec![0; 100_001]).await;
    let words = refused(answer, 413, RefusalCode::FileTooLarge);
    assert!(words.contains("97.7 KB") || words.contains("98 KB"), "{words}");
    // The same without a length to be believed or not.
    let chunked = ada.upload_chunked("2", &vec![0; 150_000]).await;
    refused(chunked, 413, RefusalCode::FileTooLarge);

    let two = ada.upload("2", &large(2)).await;
    let answer = ada.try_upload("3", &large(3)).await;
    let words = refused(answer, 507, RefusalCode::QuotaFull);
    assert!(words.contains("Deleting messages"), "{words}");
    // What others have does not count, and what is there already takes no room.
    bob.upload("1", &large(1)).await;
    let other = bob.upload("4", &large(4)).await;
    let answer = bob.try_upload("5", &vec![5; 45_000]).await;
    refused(answer, 507, RefusalCode::Full);

    let answer = bob.try_upload("6", &vec![6; 60_000]).await;
    refused(answer, 507, RefusalCode::QuotaFull);
    ada.share("general", "both", &[&one, &two]).await.expect(200);
    bob.delete_file(&other).await.expect(204);
    let tiny =
        [bob.upload("7", b"7").await, bob.upload("8", b"8").await, bob.upload("9", b"9").await];
    let answer = bob.share("general", "three", &[&tiny[0], &tiny[1], &tiny[2]]).await;
    refused(answer, 422, RefusalCode::TooManyFiles);
    assert_eq!(messages(&house).await.len(), 1, "what is refused changes nothing");
    bob.share("general", "two", &[&tiny[0], &tiny[1]]).await.expect(200);
    assert_eq!(house.contents().len(), 5, "{:?}", house.contents());
    assert_eq!(house.passing(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_twice_in_one_message_or_in_two_is_refused() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let file = ada.upload("a.txt", b"a").await;
    ada.share("general", "twice", &[&file, &file]).await.expect(404);
    ada.share("general", "once", &[&file]).await.expect(200);
    ada.share("general", "again", &[&file]).await.expect(404);
    let nonsense = [("channel", "general"), ("text", "x"), ("attachments[0]", "../../etc/passwd")];
    ada.ask("/api/post_message", &nonsense).await.expect(400);
    assert_eq!(messages(&house).await.len(), 1);
}

/// Hostile input 11.
#[tokio::test(flavor = "multi_thread")]
async fn names_are_cleaned_and_make_one_header() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    for (raw, name, header) in [
        ("../../etc/passwd", "passwd", "filename=\"passwd\"; filename*=UTF-8''passwd"),
        (
            "a\0b\r\nSet-Cookie: x=1\r\n\r\n<html>",
            "abSet-Cookie_ x=1_html_",
            "filename=\"abSet-Cookie_ x_1_html_\"; filename*=UTF-8''abSet-Cookie_%20x%3D1_html_",
        ),
        (
            "\"; filename=\"evil.exe",
            "_; filename=_evil.exe",
            "filename=\"__ filename__evil.exe\"; filename*=UTF-8''_%3B%20filename%3D_evil.exe",
        ),
        (
            "photo\u{202E}gpj.exe",
            "photogpj.exe",
            "filename=\"photogpj.exe\"; filename*=UTF-8''photogpj.exe",
        ),
        ("Öl.txt", "Öl.txt", "filename=\"_l.txt\"; filename*=UTF-8''%C3%96l.txt"),
        ("..\\..", "file", "filename=\"file\"; filename*=UTF-8''file"),
    ] {
        let file = ada.upload(raw, b"x").await;
        assert_eq!(file.name.as_str(), name);
        let answer = ada.get(&file.path()).await.expect(200);
        assert_eq!(answer.headers.get_all("content-disposition").iter().count(), 1);
        assert_eq!(answer.header("content-disposition"), format!("attachment; {header}"));
        assert!(!answer.headers.contains_key("set-cookie"));
        assert_eq!(answer.body, "x");
    }
    // The same through a form, where the name is in a header of its own.
    let name = "../x\u{202E}y\u{200F}.txt";
    let answer = ada.form_post(&[("channel", "general"), ("text", "form")], &[(name, b"z")]).await;
    answer.expect(200);
    assert_eq!(newest(&messages(&house).await).attachments[0].name.as_str(), "xy.txt");
}

/// Hostile input 12, first half: whoever comes slowly or not at all.
#[tokio::test]
async fn an_upload_that_stalls_or_breaks_off_leaves_nothing() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let begin = || ada.begin("/files?name=slow", "content-length: 1000", b"0123456789");
    // It says 1,000 bytes, sends ten, and says no more.
    let mut stalls = begin().await;
    soon("the beginning of the file", async {
        while house.passing() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    tokio::time::pause();
    let since = tokio::time::Instant::now();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = stalls.read_buf(&mut answer).await.unwrap();
        assert!(read > 0, "closed without a word");
    }
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
    assert!(since.elapsed() <= Duration::from_secs(30), "{:?}", since.elapsed());
    tokio::time::resume();
    assert_eq!(house.passing(), 0);

    // It says 1,000 bytes and leaves after ten.
    let mut leaves = begin().await;
    leaves.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = soon("the end", leaves.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    soon("nothing left", async {
        while house.passing() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(house.contents().is_empty());
    ada.upload("after.txt", b"others go on").await;
}

/// Hostile input 12, second half: it never ends, a little at a time.
#[tokio::test]
async fn what_trickles_is_cut() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    trickle(&ada, "/files?name=slow", "text/plain", "x").await;
    // The text of a form with files, too.
    let field = "--x\r\ncontent-disposition: form-data; name=\"text\"\r\n\r\n";
    trickle(&ada, "/api/post_message", "multipart/form-data; boundary=x", field).await;
    assert_eq!(house.passing(), 0);
    assert!(house.contents().is_empty());
}

/// Sends `first`, and then a byte every five seconds.
async fn trickle(ada: &Guest, path: &str, content_type: &str, first: &str) {
    let headers = format!("content-type: {content_type}\r\ntransfer-encoding: chunked");
    let first = format!("{:x}\r\n{first}\r\n", first.len());
    let stream = ada.begin(path, &headers, first.as_bytes()).await;
    tokio::time::pause();
    let since = tokio::time::Instant::now();
    let (mut read, mut write) = stream.into_split();
    let trickle = async {
        while write.write_all(b"1\r\nx\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    let mut answer = vec![0; 12];
    tokio::select! {
        read = read.read_exact(&mut answer) => drop(read.unwrap()),
        () = trickle => panic!("closed without a word"),
    }
    assert_eq!(answer, b"HTTP/1.1 408", "{path}");
    assert!(since.elapsed() <= Duration::from_secs(60), "{path}: {:?}", since.elapsed());
    tokio::time::resume();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_does_not_take_all_places() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(ada.begin("/files?name=x", "content-length: 9", b"x").await);
    }
    soon("ten beginnings", async {
        while house.passing() < 10 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let refusal = ada.try_upload("eleventh", b"x").await.expect(503).refusal();
    assert_eq!(refusal.code, RefusalCode::Busy);
    bob.upload("first", b"x").await;
    drop(open);
    let begun = std::time::Instant::now();
    while ada.try_upload("later", b"x").await.status != 201 {
        assert!(begun.elapsed() < PATIENCE, "places are given back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_a_script_posts_text_and_files() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let fields = [("channel", "general"), ("text", "With\r\nfiles")];
    let files: [(&str, &[u8]); 2] = [("a.txt", b"one"), ("b.txt", b"two")];
    let answer = ada.form_ask(&fields, &files).by_form_of("/c/general").await.expect(303);
    assert_eq!(answer.header("location"), "/c/general");
    let sent = messages(&house).await;
    assert_eq!(newest(&sent).text.as_str(), "With\nfiles");
    let names: Vec<&str> = newest(&sent).attachments.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a.txt", "b.txt"]);
    assert_eq!(ada.get(&newest(&sent).attachments[1].path()).await.expect(200).body, "two");
    // What browsers send when none was chosen.
    let empty: [(&str, &[u8]); 1] = [("", b"")];
    let fields = [("channel", "general"), ("text", "Words alone")];
    ada.form_ask(&fields, &empty).by_form_of("/c/general").await.expect(303);
    assert!(newest(&messages(&house).await).attachments.is_empty());
    house.post("/api/post_message").header("content-type", "multipart/form-data").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_form_keeps_its_text_and_leaves_no_file() {
    let house = House::with(|config| config.limits.files.attachments.file = 1_000).await;
    let ada = house.join("Ada").await;
    let fields = [("channel", "general"), ("text", "Do not lose me")];
    let large = vec![0; 5_000];
    let files: [(&str, &[u8]); 2] = [("small.txt", b"ok"), ("large.bin", &large)];
    let answer = ada.form_ask(&fields, &files).by_form_of("/c/general").await.expect(413);
    assert!(answer.body.contains("Do not lose me"), "{}", answer.body);
    assert!(answer.body.contains("A file can have up to 1000 bytes."), "{}", answer.body);
    assert!(messages(&house).await.is_empty());
    assert!(house.contents().is_empty(), "{:?}", house.contents());
    assert_eq!(house.passing(), 0);
    // Refused only when its files were there already.
    let long = "x".repeat(4_001);
    for fields in
        [[("channel", "general"), ("text", &long)], [("channel", "nowhere"), ("text", "x")]]
    {
        let files: [(&str, &[u8]); 1] = [("small.txt", b"ok")];
        let answer = ada.form_ask(&fields, &files).by_form_of("/c/general").await;
        assert!(answer.status >= 400, "{}", answer.status);
        assert!(house.contents().is_empty(), "{:?}", house.contents());
    }
    // No room, no boundary, no end.
    let broken = ada.ask("/api/post_message", &[]).header("content-type", "multipart/form-data");
    broken.await.expect(400);
    let unfinished = ada
        .ask("/api/post_message", &[])
        .header("content-type", "multipart/form-data; boundary=x")
        .body("--x\r\ncontent-disposition: form-data; name=\"text\"\r\n\r\nhalf");
    unfinished.await.expect(400);
}

/// As `curl --retry` does when the answer was lost.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_again_leaves_no_second_files() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let fields = [("channel", "general"), ("text", "The log"), ("id", "deploy-7")];
    for log in [b"first", b"again"] {
        let files: [(&str, &[u8]); 1] = [("log.txt", log)];
        ada.form_ask(&fields, &files).by_form_of("/c/general").await.expect(303);
        assert_eq!(house.contents().len(), 1, "{:?}", house.contents());
    }
    let sent = messages(&house).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(ada.get(&newest(&sent).attachments[0].path()).await.expect(200).body, "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_has_little_beside_its_files() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    // A file may be read ahead of, in whatever pieces it comes.
    let large = vec![b'x'; 8 << 20];
    let fields = [("channel", "general"), ("text", "Much")];
    ada.form_post(&fields, &[("large.bin", &large), ("other.bin", &large[1..])]).await.expect(200);
    // Names count, and so does what comes before a name.
    let name = "n".repeat(1_000);
    ada.form_post(&[(&*name, ""); 100], &[]).await.expect(400);
    let endless = format!("--x\r\nx: {}", "y".repeat(8 << 20));
    ada.ask("/api/post_message", &[])
        .header("content-type", "multipart/form-data; boundary=x")
        .body(&endless)
        .await
        .expect(400);
}
