//! The data directory, before there is a server.

use std::{fs, path::Path};

use chrono::DateTime;
use flack::{
    domain::{
        channel::TopicText,
        device::DeviceId,
        person::{PersonId, SessionId},
        position::Position,
        refusal::{Reason, RefusalCode},
    },
    server::{
        files::FileLimits,
        log::{NewDevice, Order, Request},
        store::{self, DataDir, Limits, Outcome, Store, StoreError},
        token::LinkId,
    },
};
use rusqlite::Connection;

use crate::support::{channel, desk::Desk};

fn open(dir: &Path) -> Result<Store, StoreError> {
    DataDir::lock(dir)?.open(Limits { people: 10, channels: 10, files: FileLimits::default() })
}

#[test]
fn a_beginning_that_broke_off_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("some/where/new");
    fs::create_dir_all(&data).unwrap();
    for leftover in [".new", ".new-journal", "-journal", "-wal", "-shm"] {
        fs::write(data.join(format!("flack.db{leftover}")), "half of something").unwrap();
    }
    let last = open(&data).unwrap().last();
    assert_eq!(last.0, 1, "the first channel");
    let mut left: Vec<_> =
        fs::read_dir(&data).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["files", "flack.db", "flack.lock"]);
    // It is the same one the next time.
    assert_eq!(open(&data).unwrap().last(), last);
}

#[test]
fn a_directory_is_made_with_all_above_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("one/two/three");
    open(&data).unwrap();
    assert!(data.join("flack.db").is_file());
    // What stands in the way is named.
    fs::write(dir.path().join("file"), "").unwrap();
    let refused = open(&dir.path().join("file/data")).err().unwrap().to_string();
    assert!(refused.contains("file"), "{refused}");
}

#[test]
fn a_database_of_somebody_else_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("flack.db");
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    let before = fs::read(&file).unwrap();
    let refused = open(dir.path()).err().unwrap();
    assert!(matches!(refused, StoreError::Foreign(_)), "{refused}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

/// Releases before it can corrupt a database in WAL mode (SQLite 3.51.3, release notes).
#[test]
fn sqlite_is_new_enough() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

/// The tables of the first version, with something in each.
const FIRST_VERSION: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
    CREATE TABLE people (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE sessions (
        id BLOB PRIMARY KEY, person INTEGER NOT NULL REFERENCES people, since INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE channels (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, key TEXT NOT NULL UNIQUE,
        last INTEGER NOT NULL) STRICT;
    CREATE TABLE messages (
        position INTEGER PRIMARY KEY, channel INTEGER NOT NULL REFERENCES channels,
        author INTEGER NOT NULL REFERENCES people, at INTEGER NOT NULL, text TEXT NOT NULL
    ) STRICT;
    CREATE INDEX messages_of_channel ON messages (channel, position);
    CREATE TABLE commands (
        person INTEGER NOT NULL REFERENCES people, id TEXT NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (person, id)) STRICT, WITHOUT ROWID;
    CREATE TABLE log (
        position INTEGER PRIMARY KEY, channel INTEGER NOT NULL REFERENCES channels,
        at INTEGER NOT NULL, message INTEGER NOT NULL, uncovered INTEGER) STRICT;
    CREATE INDEX log_of_channel ON log (channel, position);
    INSERT INTO meta VALUES ('epoch', 'first'), ('last', 6), ('trimmed', 0);
    INSERT INTO channels VALUES (1, 'general', 'general', 6), (3, 'design', 'design', 3);
    INSERT INTO people VALUES (2, 'Ada', 'ada');
    INSERT INTO sessions VALUES (zeroblob(32), 2, 1000);
    INSERT INTO messages VALUES (4, 1, 2, 1000, 'kept');
    INSERT INTO commands VALUES (2, 'one', 4), (2, 'two', 5), (2, 'three', 6);
    INSERT INTO log VALUES (6, 1, 2000, 5, NULL);
    PRAGMA user_version = 1;
";

#[test]
fn the_data_of_the_first_version_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("flack.db");
    Connection::open(&file).unwrap().execute_batch(FIRST_VERSION).unwrap();
    for _ in 0..2 {
        assert_eq!(open(dir.path()).unwrap().last().0, 6);
    }
    let data = DataDir::lock(dir.path()).unwrap();
    let store =
        data.open(Limits { people: 10, channels: 10, files: FileLimits::default() }).unwrap();
    let mut reader = data.reader().unwrap();
    let beginning = reader.beginning(store.last()).unwrap();
    let names: Vec<&str> =
        beginning.state.directory().channels().iter().map(|it| it.name.as_str()).collect();
    assert_eq!((beginning.epoch.0.as_str(), names), ("first", vec!["design", "general"]));
    let window = reader.window(&channel("general")).unwrap().unwrap();
    let texts: Vec<&str> = window.messages().map(|message| message.text.as_str()).collect();
    assert_eq!((window.position.0, texts), (6, vec!["kept"]));
    assert_eq!(window.since(Position(4)).unwrap().len(), 1);
    // They are about nothing yet, and can be about something.
    let channels = beginning.state.directory().channels();
    assert!(channels.iter().all(|channel| channel.topic.is_none()));
    let (by, text) = (PersonId(Position(2)), TopicText::read("Lunch").unwrap());
    let request = Request::SetTopic { by, channel: channels[0].name.clone(), text };
    let mut store = store;
    store.commit(&[request], DateTime::UNIX_EPOCH).unwrap();
    let directory = reader.beginning(store.last()).unwrap().state.directory().clone();
    let topic = directory.find("design").unwrap().topic.clone().unwrap();
    assert_eq!((topic.text.as_str(), topic.by.name.as_str()), ("Lunch", "Ada"));
    assert_eq!(directory.position.0, 7);
    let db = Connection::open(&file).unwrap();
    let broken: bool = db.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap();
    assert!(!broken, "every row leads somewhere");
    let looks = "SELECT group_concat(look, ' ') FROM (SELECT look FROM looks_of_people UNION ALL
                 SELECT look FROM looks_of_channels)";
    let looks: String = db.query_row(looks, [], |row| row.get(0)).unwrap();
    assert_eq!(looks, "ada design general");
}

/// What is refused shares a transaction with what is accepted before and after it.
#[test]
fn what_is_refused_changes_nothing_whatever_shares_its_commit() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(dir.path());
    let ada = desk.join("Ada").id;
    let link = LinkId([7; 32]);
    let reader = store::reader(dir.path()).unwrap();
    let is_there = || reader.link(link, DateTime::UNIX_EPOCH).unwrap().is_some();
    let (device, session) = (DeviceId(Position(999)), SessionId([1; 32]));
    let end_device = || Request::EndDevice { by: ada, session, device };
    let end_others = || Request::EndOthers { by: ada, session };
    for refused in [&end_device as &dyn Fn() -> Request, &end_others] {
        desk.ask(Request::CreateLink { by: ada, session, link });
        let mut commit = |batch: &[Request]| {
            let outcomes = desk.store.commit(batch, DateTime::UNIX_EPOCH).unwrap();
            outcomes.iter().map(|it| matches!(it, Outcome::Refused(_))).collect::<Vec<bool>>()
        };
        let accepted = || Request::Seen { sessions: vec![] };
        assert_eq!(commit(&[refused()]), [true]);
        assert!(is_there(), "alone");
        assert_eq!(commit(&[accepted(), refused(), accepted()]), [false, true, false]);
        assert!(is_there(), "among others");
    }
}

/// What they asked for waited while they were signed out.
#[test]
fn who_is_signed_out_has_no_way_back_in_however_close_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(dir.path());
    let ada = desk.join("Ada").id;
    let (mine, theirs) = (SessionId([1; 32]), SessionId([2; 32]));
    let (link, other_link) = (LinkId([7; 32]), LinkId([8; 32]));
    desk.ask(Request::CreateLink { by: ada, session: mine, link });
    let device = NewDevice { session: theirs, label: String::new() };
    let their_device = DeviceId(desk.ask(Request::UseLink { link, device }).position);
    let batch = [
        Request::EndOthers { by: ada, session: mine },
        Request::CreateLink { by: ada, session: theirs, link: other_link },
        Request::EndOthers { by: ada, session: theirs },
        Request::EndDevice { by: ada, session: theirs, device: their_device },
    ];
    let outcomes = desk.store.commit(&batch, DateTime::UNIX_EPOCH).unwrap();
    let [Outcome::Accepted(_), refused @ ..] = &outcomes[..] else { panic!("{outcomes:?}") };
    for outcome in refused {
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        assert_eq!(refusal.code, RefusalCode::NotSignedIn);
    }
    let reader = store::reader(dir.path()).unwrap();
    assert!(reader.link(other_link, DateTime::UNIX_EPOCH).unwrap().is_none());
    assert_eq!(reader.devices(ada).unwrap().len(), 1, "it is the owner's");
}

#[test]
fn who_could_come_back_by_a_link_alone_can_be_signed_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(dir.path());
    desk.join("Ada");
    let reader = store::reader(dir.path()).unwrap();
    let order = || Request::Order(Order::SignOut { name: "Ada".to_owned() });
    desk.ask(order());
    let link = LinkId([7; 32]);
    desk.ask(Request::LinkFor { name: "Ada".to_owned(), link });
    desk.ask(order());
    assert!(reader.link(link, DateTime::UNIX_EPOCH).unwrap().is_none());
    let again = desk.store.commit(&[order()], DateTime::UNIX_EPOCH).unwrap().remove(0);
    let Outcome::Refused(refusal) = again else { panic!("{again:?}") };
    assert_eq!(refusal.reason, Reason::NowhereSignedIn);
}
