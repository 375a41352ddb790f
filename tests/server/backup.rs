//! All that is kept, in one file and back: the real program, asked by the real program.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use flack::domain::position::{Epoch, Position};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::{
    guest::Guest,
    program::{Ended, Program, ended, flack, lasting_address},
    soon,
    tab::Habits,
};

fn run(dir: &Path, arguments: &[&str]) -> Ended {
    let mut command = flack(dir);
    command.args(arguments);
    ended(command)
}

#[track_caller]
fn done(dir: &Path, arguments: &[&str]) {
    let ended = run(dir, arguments);
    assert_eq!(ended.status.code(), Some(0), "{arguments:?}: {ended:?}");
}

#[track_caller]
fn refused(dir: &Path, arguments: &[&str], code: i32, sentence: &str) {
    let ended = run(dir, arguments);
    assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {ended:?}");
    assert!(ended.stderr.contains(sentence), "{sentence:?} in {ended:?}");
}

/// What is said in the database of a directory, by its position.
fn said(dir: &Path) -> BTreeMap<u64, String> {
    let db = Connection::open(dir.join("flack-data/flack.db")).unwrap();
    let mut rows = db.prepare("SELECT position, text FROM messages").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn epoch(dir: &Path) -> Epoch {
    let db = Connection::open(dir.join("flack-data/flack.db")).unwrap();
    let query = "SELECT value FROM meta WHERE key = 'epoch'";
    Epoch(db.query_row(query, [], |row| row.get(0)).unwrap())
}

/// The names in a directory.
fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn end(program: Program) {
    program.terminate();
    assert!(program.wait().0.success());
}

/// Content that nothing compresses, and that differs from that of any other number.
fn content(number: u64, size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number);
    std::iter::repeat_with(|| random.u8(..)).take(size).collect()
}

/// Writes until it is told to stop, and gives what was acknowledged.
async fn write(guest: Guest, stop: Arc<AtomicBool>, told: Arc<Mutex<BTreeMap<u64, String>>>) {
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let text = format!("{} of {}", number, guest.name());
        let position = if number % 5 == 0 {
            let file = guest.upload("a.bin", &content(number, 10_000)).await;
            let shared = guest.share("general", &text, &[&file]).await.expect(200);
            shared.json::<flack::domain::command::Accepted>().position
        } else {
            guest.post("general", &text).await
        };
        told.lock().unwrap().insert(position.0, text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_busy_server_is_all_of_one_moment() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    let (ada, bob) = (program.join("Ada").await, program.join("Bob").await);
    let file = ada.upload("large.bin", &content(0, 8 << 20)).await;
    ada.share("general", "a large file", &[&file]).await.expect(200);
    bob.whisper(&ada, "for her alone").await;

    let (stop, told) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::default()));
    let writers = [&ada, &bob, &ada]
        .map(|guest| tokio::spawn(write(guest.clone(), stop.clone(), told.clone())));
    let count = || told.lock().unwrap().len();
    soon("some messages", async {
        while count() < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let before = told.lock().unwrap().clone();
    let place = dir.path().to_owned();
    let backup = tokio::task::spawn_blocking(move || done(&place, &["backup", "flack.tar"]));
    soon("the backup", backup).await.unwrap();
    let meanwhile = count() - before.len();
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(meanwhile >= 1, "nobody waits for a backup");
    let mode = fs::metadata(dir.path().join("flack.tar")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    end(program);

    let other = TempDir::new().unwrap();
    let backup = dir.path().join("flack.tar");
    done(other.path(), &["restore", backup.to_str().unwrap()]);
    let restored = said(other.path());
    let told = told.lock().unwrap().clone();
    let last = *restored.keys().next_back().unwrap();
    let expected: BTreeMap<u64, String> =
        told.range(..=last).map(|(p, t)| (*p, t.clone())).collect();
    let also = ["a large file", "for her alone"];
    let restored: BTreeMap<u64, String> =
        restored.into_iter().filter(|(_, text)| !also.contains(&text.as_str())).collect();
    assert_eq!(restored, expected, "all up to one moment, and nothing after it");
    assert!(before.keys().all(|position| restored.contains_key(position)));

    // Everybody is still who they were, and every file is what it was.
    let program = Program::start(other.path(), &[]);
    let (ada, bob) = (program.again(&ada), program.again(&bob));
    let page = ada.get(&format!("/d/{}", bob.person.id.0)).await.expect(200);
    assert!(page.body.contains("for her alone"));
    assert_eq!(ada.get(&file.path()).await.expect(200).bytes, content(0, 8 << 20));
    for name in names(&other.path().join("flack-data/files")) {
        let content = fs::read(other.path().join("flack-data/files").join(&name)).unwrap();
        let hash: String = Sha256::digest(&content).iter().map(|it| format!("{it:02x}")).collect();
        assert_eq!(hash, name);
    }
    ada.post("general", "and on it goes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_in_no_backup() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    let ada = program.join("Ada").await;
    let file = ada.upload("a.txt", b"quillfeather").await;
    let shared = ada.share("general", "plover-xyzzy", &[&file]).await.expect(200);
    let shared: flack::domain::command::Accepted = shared.json();
    ada.post("general", "it stays").await;
    ada.ask("/api/create_link", &[]).await.expect(200);
    // It could still be brought back.
    ada.delete("general", shared.position).await.expect(200);
    done(dir.path(), &["backup", "flack.tar"]);
    let bytes = fs::read(dir.path().join("flack.tar")).unwrap();
    let has = |word: &str| bytes.windows(word.len()).any(|bytes| bytes == word.as_bytes());
    assert!(has("it stays"));
    assert!(!has("plover-xyzzy") && !has("quillfeather") && !has(file.id.as_str()));
    // It was not ended by that.
    let fields = [("channel", "general"), ("message", &*shared.position.to_string())];
    ada.ask("/api/restore_message", &fields).await.expect(200);
    assert_eq!(ada.get(&file.path()).await.expect(200).body, "quillfeather");

    let other = TempDir::new().unwrap();
    done(other.path(), &["restore", dir.path().join("flack.tar").to_str().unwrap()]);
    let db = Connection::open(other.path().join("flack-data/flack.db")).unwrap();
    let count = |table: &str| {
        let query = format!("SELECT count(*) FROM {table}");
        db.query_row(&query, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((count("links"), count("messages"), count("attachments")), (0, 1, 0));
    assert_eq!(count("sessions"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_a_backup_is_the_same() {
    let dir = TempDir::new().unwrap();
    refused(dir.path(), &["backup", "flack.tar"], 66, "there is no Flack");
    assert_eq!(names(dir.path()), Vec::<String>::new());
    let program = Program::start(dir.path(), &[]);
    let ada = program.join("Ada").await;
    let file = ada.upload("a.bin", &content(1, 100_000)).await;
    ada.share("general", "hello", &[&file]).await.expect(200);
    program.kill(); // it leaves what is to be recovered
    let ended = run(dir.path(), &["backup", "one.tar"]);
    assert!(ended.status.success() && ended.stderr.contains("No server runs"), "{ended:?}");
    assert!(ended.stderr.contains("the database and 1 file,"), "{ended:?}");
    let _program = Program::start(dir.path(), &[]);
    done(dir.path(), &["backup", "other.tar"]);
    for backup in ["one.tar", "other.tar"] {
        let other = TempDir::new().unwrap();
        done(other.path(), &["restore", dir.path().join(backup).to_str().unwrap()]);
        assert_eq!(said(other.path()).into_values().collect::<Vec<_>>(), ["hello"]);
        let program = Program::start(other.path(), &[]);
        let got = program.again(&ada).get(&file.path()).await.expect(200);
        assert_eq!(got.bytes, content(1, 100_000));
    }
}

/// A page that stays open while its server is put back to an older state shows that state, and not a
/// mixture.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_notices_that_an_older_state_is_back() {
    let dir = TempDir::new().unwrap();
    let address = lasting_address().to_string();
    let settings = [("LEPTOS_SITE_ADDR", &*address)];
    let program = Program::start(dir.path(), &settings);
    let ada = program.join("Ada").await;
    ada.post("general", "before").await;
    done(dir.path(), &["backup", "flack.tar"]);
    let late = program.join("Late").await;
    ada.create_channel("later").await;
    let tab = ada.blank("general", Habits::default());
    tab.expect_live().await;
    tab.post("general", "after");
    tab.expect_texts(&["before", "after"]).await;
    tab.expect_settled().await;
    end(program);

    let old = epoch(dir.path());
    fs::rename(dir.path().join("flack-data"), dir.path().join("old")).unwrap();
    done(dir.path(), &["restore", "flack.tar"]);
    assert_ne!(epoch(dir.path()), old);
    let program = Program::start(dir.path(), &settings);
    tab.expect_texts(&["before"]).await;
    tab.expect_live().await;
    tab.look(|seen| {
        assert_eq!(seen.replica.directory().channels().len(), 1, "the later channel is no more");
    });
    tab.post("general", "anew");
    tab.expect_texts(&["before", "anew"]).await;
    tab.expect_settled().await;
    let ada = program.again(&ada);
    let texts: Vec<String> = said(dir.path()).into_values().collect();
    assert_eq!(texts, ["before", "anew"]);
    // Nobody becomes whoever somebody still remembers.
    program.again(&late).ask("/api/list_channels", &[]).await.expect(401);
    let new = program.join("New").await;
    assert!(new.person.id.0 > Position(1_000_000_000), "{:?}", new.person);
    let to = late.person.id.0.to_string();
    ada.ask("/api/post_message", &[("direct", &to), ("text", "Late?")]).await.expect(404);
    // Each time it is another log.
    let other = TempDir::new().unwrap();
    done(other.path(), &["restore", dir.path().join("flack.tar").to_str().unwrap()]);
    assert_ne!(epoch(other.path()), epoch(dir.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_during_a_backup_goes_when_it_is_over() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    let ada = program.join("Ada").await;
    // More than fits between two programs when nobody reads.
    for number in 1..=3 {
        let file = ada.upload("a.bin", &content(number, 4 << 20)).await;
        ada.share("general", "a file", &[&file]).await.expect(200);
    }
    let socket = dir.path().join("flack-data/flack.sock");
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(b"\"backup\"\n").unwrap();
    let mut answer = String::new();
    let mut stream = BufReader::with_capacity(16, stream);
    stream.read_line(&mut answer).unwrap();
    assert_eq!(answer, "\"backup\"\n");
    // The first bytes come when the database is copied, and then it stands still.
    stream.fill_buf().unwrap();
    refused(dir.path(), &["backup", "second.tar"], 1, "A backup is being made already.");
    assert!(!names(dir.path()).contains(&"second.tar".to_owned()));

    let file = ada.upload("b.bin", &content(9, 4_000)).await;
    let kept = names(&dir.path().join("flack-data/files"));
    ada.delete_file(&file).await.expect(204);
    ada.get(&file.path()).await.expect(404);
    assert_eq!(names(&dir.path().join("flack-data/files")), kept, "it is held");
    drop(stream);
    soon("the end of it", async {
        // Three contents, and no copy of the database.
        while names(&dir.path().join("flack-data/files")).len() > 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    done(dir.path(), &["backup", "second.tar"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_killed_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    let ada = program.join("Ada").await;
    let file = ada.upload("a.bin", &content(1, 16 << 20)).await;
    ada.share("general", "a file", &[&file]).await.expect(200);
    let before = names(dir.path());
    let mut child = flack(dir.path()).args(["backup", "flack.tar"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("The server copies"), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(dir.path()), before);
    // The server has noticed, and does it again.
    soon("another backup", async {
        while run(dir.path(), &["backup", "flack.tar"]).status.code() != Some(0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    // A server that ends meanwhile leaves nothing either.
    let mut stream = UnixStream::connect(dir.path().join("flack-data/flack.sock")).unwrap();
    stream.write_all(b"\"backup\"\n").unwrap();
    let mut stream = BufReader::with_capacity(16, stream);
    stream.read_line(&mut line).unwrap();
    stream.fill_buf().unwrap();
    program.kill();
    let program = Program::start(dir.path(), &[]);
    assert_eq!(names(&dir.path().join("flack-data/files")).len(), 1);
    end(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_stays_as_it_is() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    program.join("Ada").await.post("general", "hello").await;
    fs::write(dir.path().join("taken.tar"), "mine").unwrap();
    refused(dir.path(), &["backup", "taken.tar"], 73, "taken.tar is there already");
    assert_eq!(fs::read_to_string(dir.path().join("taken.tar")).unwrap(), "mine");
    refused(dir.path(), &["backup", "nowhere/flack.tar"], 74, "nowhere/flack.tar");
    done(dir.path(), &["backup", "flack.tar"]);
    refused(dir.path(), &["restore", "flack.tar"], 69, "another Flack uses");
    end(program);
    refused(dir.path(), &["restore", "flack.tar"], 73, "is not empty, and stays as it is");
    refused(dir.path(), &["restore", "none.tar"], 74, "none.tar");
    assert_eq!(said(dir.path()).into_values().collect::<Vec<_>>(), ["hello"]);
    assert_eq!(run(dir.path(), &["backup"]).status.code(), Some(2));
    assert_eq!(run(dir.path(), &["restore"]).status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_not_whole_is_refused_and_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    let ada = program.join("Ada").await;
    let file = ada.upload("a.bin", &content(1, 3_000)).await;
    ada.share("general", "hello", &[&file]).await.expect(200);
    done(dir.path(), &["backup", "flack.tar"]);
    let whole = fs::read(dir.path().join("flack.tar")).unwrap();

    let other = TempDir::new().unwrap();
    let refuse = |what: &str, bytes: &[u8], sentence: &str| {
        fs::write(other.path().join("bad.tar"), bytes).unwrap();
        let ended = run(other.path(), &["restore", "bad.tar"]);
        assert_eq!(ended.status.code(), Some(65), "{what}: {ended:?}");
        assert!(ended.stderr.contains(sentence), "{what}: {ended:?}");
        assert_eq!(names(other.path()), ["bad.tar"], "{what}");
    };
    const NOT: &str = "is no backup of Flack, or not a whole one";
    refuse("nothing", &[], NOT);
    refuse("a text", "a shopping list ".repeat(100).as_bytes(), NOT);
    // Wherever it breaks off.
    for part in 1..16 {
        refuse("a part", &whole[..whole.len() * part / 16], NOT);
    }
    // Whatever has changed: what it says of itself, the database, a file.
    let place = |word: &[u8]| whole.windows(word.len()).position(|bytes| bytes == word).unwrap();
    for at in [place(b"epoch") + 12, place(b"hello"), place(&content(1, 3_000)) + 1_000] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        refuse("a change", &changed, NOT);
    }
    // What another program has made of it.
    let made = |entries: &[(&str, &str)]| {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, content.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    };
    let about =
        String::from_utf8_lossy(&whole[512..]).split_inclusive('}').next().unwrap().to_owned();
    for outside in ["../flack.db", "/tmp/flack.db", "files/../../x", "files/", "flack.db.new"] {
        let named = format!("{outside:?} has no place in it");
        refuse(outside, &made(&[("flack-backup.json", &about), (outside, "x")]), &named);
    }
    refuse("no beginning", &made(&[("flack.db", "x")]), "does not begin with");
    refuse("no end", &made(&[("flack-backup.json", &about)]), "its end is missing");
    refuse("no database", &made(&[("flack-backup.json", &about), ("SHA256SUMS", "")]), NOT);
    let newer = about.replace("\"format\": 1", "\"format\": 2");
    assert_ne!(newer, about);
    refuse("newer", &made(&[("flack-backup.json", &newer)]), "by a newer Flack");
}

/// As into another program, and from a container into another.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_through_a_pipe() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    let ada = program.join("Ada").await;
    let file = ada.upload("a.bin", &content(1, 1 << 20)).await;
    ada.share("general", "hello", &[&file]).await.expect(200);
    let out = fs::File::create(dir.path().join("piped.tar")).unwrap();
    let status = flack(dir.path()).args(["backup", "-"]).stdout(out).status().unwrap();
    assert!(status.success());
    let other = TempDir::new().unwrap();
    let input = fs::File::open(dir.path().join("piped.tar")).unwrap();
    let status = flack(other.path()).args(["restore", "-"]).stdin(input).status().unwrap();
    assert!(status.success());
    assert_eq!(said(other.path()).into_values().collect::<Vec<_>>(), ["hello"]);
    assert_eq!(names(&other.path().join("flack-data/files")).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_killed_is_done_again() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    program.join("Ada").await.post("general", "hello").await;
    done(dir.path(), &["backup", "flack.tar"]);
    end(program);
    let other = TempDir::new().unwrap();
    let data = other.path().join("flack-data");
    // Some of it is there, and of that some is in its place.
    fs::create_dir_all(data.join("restoring")).unwrap();
    fs::create_dir_all(data.join("files")).unwrap();
    fs::write(data.join("restoring/flack.db"), "half").unwrap();
    let start = |sentence: &str| {
        let mut server = flack(other.path());
        server.env("LEPTOS_SITE_ADDR", "127.0.0.1:0");
        let refused = ended(server);
        assert_eq!(refused.status.code(), Some(69), "{refused:?}");
        assert!(refused.stderr.contains(sentence), "{refused:?}");
    };
    start("was not finished: do it again");
    done(other.path(), &["restore", dir.path().join("flack.tar").to_str().unwrap()]);
    assert_eq!(said(other.path()).into_values().collect::<Vec<_>>(), ["hello"]);
    // Only the last step was missing.
    fs::create_dir(data.join("restoring")).unwrap();
    let program = Program::start(other.path(), &[]);
    program.join("Bob").await;
    assert!(!data.join("restoring").exists());
}
