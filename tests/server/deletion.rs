//! One's own messages only, for everyone, at once, and for good.

use std::{collections::BTreeSet, fs, path::Path};

use chrono::{DateTime, TimeDelta};
use fastrand::Rng;
use flack::domain::{
    command::{Ask, Command, CommandId},
    event::{Change, Deletion},
    frame::{ClientFrame, ServerFrame},
    message::MessageText,
    person::Person,
    position::Position,
    refusal::RefusalCode,
};
use flack::server::{log::Request, store::Outcome};

use crate::support::{
    chance, channel,
    desk::Desk,
    house::{House, bytes_in},
    http::Answer,
};

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
/// leave no copy either, whatever was moved.
#[test]
fn deleted_words_leave_no_copy_where_rows_were_moved() {
    let mut random = chance::seeded();
    for _ in 0..8 {
        let dir = tempfile::tempdir().unwrap();
        let mut secrets = Secrets::begin(dir.path());
        let mut now = DateTime::UNIX_EPOCH;
        for _ in 0..20 {
            secrets.stir(&mut random);
            // Until nothing is left to be wiped.
            while let Some(next) = secrets.desk.store.wipe(now).unwrap() {
                assert!(next > now, "it will come to an end");
                now = next;
            }
            assert_eq!(found(dir.path()), secrets.kept(), "while it is open");
        }
        let db = rusqlite::Connection::open(dir.path().join("flack.db")).unwrap();
        let found: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(found, "ok");
    }
}

/// A machine without a battery starts with a clock that is hours behind.
#[test]
fn what_was_deleted_by_a_later_clock_is_wiped_at_once_and_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(dir.path());
    let ada = desk.join("Ada");
    let message = desk.post(&ada, &channel("general"), "a slip of the tongue");
    let ask = |id: &str, ask| {
        let id = CommandId::try_from(id.to_owned()).unwrap();
        Request::Command { by: ada.id, id, command: Command { room: channel("general"), ask } }
    };
    let hour = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
    desk.store.commit(&[ask("delete", Ask::Delete(message))], hour).unwrap();
    let now = DateTime::UNIX_EPOCH + TimeDelta::minutes(1);
    let restored = desk.store.commit(&[ask("restore", Ask::Restore(message))], now).unwrap();
    assert!(matches!(restored[..], [Outcome::Refused(_)]), "{restored:?}");
    desk.store.wipe(now).unwrap();
    let db = rusqlite::Connection::open(dir.path().join("flack.db")).unwrap();
    let left = db.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, i64>(0));
    assert_eq!(left.unwrap(), 0);
}

/// The database takes over from its log now and then, and the next server does so after a kill.
#[test]
fn deleted_words_leave_no_copy_behind_a_kill() {
    let mut random = chance::seeded();
    let (dir, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut secrets = Secrets::begin(dir.path());
    for _ in 0..60 {
        secrets.stir(&mut random);
    }
    // All of it is deleted, and not all of its copies are.
    secrets.desk.store.wipe(DateTime::UNIX_EPOCH + TimeDelta::seconds(6)).unwrap();
    for name in ["flack.db", "flack.db-wal"] {
        fs::copy(dir.path().join(name), killed.path().join(name)).unwrap();
    }
    assert_ne!(found(killed.path()), secrets.kept(), "there is something to be wiped");
    let desk = Desk::open(killed.path());
    assert_eq!(found(killed.path()), secrets.kept(), "while it is open");
    drop(desk);
    assert_eq!(found(killed.path()), secrets.kept(), "when it is closed");
}

/// Flack left copies in the free space of pages before version 8 of its tables.
#[test]
fn an_older_database_loses_the_copies_that_it_has() {
    const COPY: &[u8] = b"secret-99999";
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("flack.db");
    let mut secrets = Secrets::begin(dir.path());
    secrets.stir(&mut chance::seeded());
    secrets.desk.store.wipe(DateTime::UNIX_EPOCH + TimeDelta::seconds(60)).unwrap();
    let kept = secrets.kept();
    drop(secrets);
    let db = rusqlite::Connection::open(&file).unwrap();
    db.pragma_update(None, "user_version", 7).unwrap();
    let size: u32 = db.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    db.close().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    for page in bytes.chunks_mut(size as usize) {
        // A leaf of a table: its cells grow down to where the gap ends, and what is before it is theirs.
        let number = |at: usize| usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
        let gap = 8 + 2 * number(3)..number(5);
        if page[0] == 13 && gap.len() >= COPY.len() {
            page[gap.end - COPY.len()..gap.end].copy_from_slice(COPY);
        }
    }
    fs::write(&file, bytes).unwrap();
    assert!(found(dir.path()).contains(&99_999), "there are copies");
    drop(Desk::open(dir.path()));
    assert_eq!(found(dir.path()), kept);
}

/// What somebody says, changes and deletes, each time in other words.
struct Secrets {
    desk: Desk,
    by: Person,
    kept: Vec<(Position, usize)>,
    count: usize,
}

impl Secrets {
    fn begin(dir: &Path) -> Self {
        let mut desk = Desk::open(dir);
        let by = desk.join("Ada");
        Self { desk, by, kept: Vec::new(), count: 0 }
    }

    /// Of many lengths, so that pages are divided and joined.
    fn words(&mut self, random: &mut Rng) -> (MessageText, usize) {
        self.count += 1;
        let text = format!("secret-{:05} ", self.count).repeat(random.usize(1..80));
        (MessageText::try_from(text.trim()).unwrap(), self.count)
    }

    fn stir(&mut self, random: &mut Rng) {
        let general = channel("general");
        for _ in 0..random.usize(1..40) {
            let (text, number) = self.words(random);
            let message = self.desk.command(&self.by, &general, Ask::Post(text));
            self.kept.push((message, number));
        }
        for _ in 0..random.usize(0..10) {
            let (text, number) = self.words(random);
            let at = random.usize(..self.kept.len());
            self.desk.command(&self.by, &general, Ask::Edit(self.kept[at].0, text));
            self.kept[at].1 = number;
        }
        for _ in 0..random.usize(0..self.kept.len()) {
            let (message, _) = self.kept.swap_remove(random.usize(..self.kept.len()));
            self.desk.command(&self.by, &general, Ask::Delete(message));
        }
    }

    /// The numbers of the words that are there.
    fn kept(&self) -> BTreeSet<usize> {
        self.kept.iter().map(|(_, number)| *number).collect()
    }
}

/// The numbers of the secrets that are to be found in the files of a directory.
fn found(dir: &Path) -> BTreeSet<usize> {
    bytes_in(dir)
        .windows(12)
        .filter_map(|words| words.strip_prefix(b"secret-"))
        .filter_map(|number| std::str::from_utf8(number).ok()?.parse().ok())
        .collect()
}

fn contains(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}
