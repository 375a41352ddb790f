//! What the operator can do while the server runs: the real program, asked by the real program.

use std::{os::unix::fs::PermissionsExt, path::Path};

use flack::domain::{
    event::{Change, Lane},
    frame::{ClientFrame, CloseCode, Difference, PROTOCOL, Reset, Resume, ServerFrame, View},
    person::Person,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    channel,
    program::{Ended, Program, ended, flack},
    socket::Socket,
    soon,
};

/// Asks what the arguments say of the server that runs in `dir`.
fn admin(dir: &Path, arguments: &[&str]) -> Ended {
    let mut command = flack(dir);
    command.arg("admin").args(arguments);
    ended(command)
}

#[track_caller]
fn done(dir: &Path, arguments: &[&str]) -> String {
    let ended = admin(dir, arguments);
    assert_eq!(ended.status.code(), Some(0), "{arguments:?}: {ended:?}");
    ended.stdout
}

#[track_caller]
fn refused(dir: &Path, arguments: &[&str], sentence: &str) {
    let ended = admin(dir, arguments);
    assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {ended:?}");
    assert!(ended.stderr.contains(sentence), "{ended:?}");
}

fn json(dir: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(dir, arguments)).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_only_the_beginning_of_an_answer_is_told_of_no_error() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    program.join("Ada").await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = flack(dir.path());
    command.args(["admin", "people"]).stdout(writer);
    let ended = ended(command);
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_who_is_here() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    let (ada, _) = (program.join("Ada").await, program.join("Bob").await);
    let socket = ada.socket(&[]).await;
    let people = done(dir.path(), &["people"]);
    let lines: Vec<&str> = people.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].ends_with("Ada  (here now)") && lines[1].ends_with("Bob"), "{people}");
    drop(socket);
    let found = json(dir.path(), &["people", "bo", "--json"]);
    assert_eq!(found["people"][0]["name"], "Bob");
    assert_eq!(found["people"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_signs_somebody_out_everywhere() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    let (ada, bob) = (program.join("Ada").await, program.join("Bob").await);
    let (mut hers, mut his) = (ada.socket(&[]).await, bob.socket(&[]).await);
    done(dir.path(), &["sign-out", "ada"]);
    hers.expect_closed(CloseCode::SignedOut).await;
    assert!(his.is_alive().await);
    refused(dir.path(), &["sign-out", "Ada"], "signed in nowhere");
    refused(dir.path(), &["sign-out", "Cleo"], "Nobody is called Cleo.");
    // The name is still hers, and the operator can give it back to her.
    program.post("/api/sign_in").form(&[("name", "Ada")]).await.expect(409);
    let link = done(dir.path(), &["link", "Ada"]);
    let (here, secret) = link.trim().rsplit_once("/link/").unwrap();
    assert_eq!(here, format!("http://{}", program.address));
    let back = program.post("/api/use_link").form(&[("secret", secret)]).await.expect(200);
    assert_eq!(back.json::<Person>(), ada.person);
    // A link of somebody who is signed in nowhere is taken away, too.
    done(dir.path(), &["sign-out", "Ada"]);
    let link = done(dir.path(), &["link", "Ada"]);
    done(dir.path(), &["sign-out", "Ada"]);
    let (_, secret) = link.trim().rsplit_once("/link/").unwrap();
    program.post("/api/use_link").form(&[("secret", secret)]).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freed_name_is_somebody_elses() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    let (ada, bob) = (program.join("Ada").await, program.join("Bob").await);
    let hers = ada.post("general", "I was here first").await;
    bob.whisper(&ada, "for her alone").await;
    let mut socket = ada.socket(&[]).await;
    done(dir.path(), &["free-name", "Ada"]);
    socket.expect_closed(CloseCode::SignedOut).await;
    // Nobody writes to her by mistake.
    assert_eq!(json(dir.path(), &["people", "--json"])["people"].as_array().unwrap().len(), 1);
    let new = program.join("ada").await;
    assert_ne!(new.person.id, ada.person.id);
    let fields = [("channel", "general"), ("message", &hers.to_string())];
    new.ask("/api/delete_message", &fields).await.expect(404);
    let page = new.get(&format!("/d/{}", bob.person.id.0)).await.expect(200);
    assert!(!page.body.contains("for her alone"));
    program.post("/api/sign_in").form(&[("name", "ADA")]).await.expect(409);
    // Nobody begins to talk to who she was.
    let cleo = program.join("Cleo").await;
    let to = ada.person.id.0.to_string();
    cleo.ask("/api/post_message", &[("direct", &to), ("text", "Ada?")]).await.expect(404);
    refused(dir.path(), &["free-name", "Nobody"], "Nobody is called Nobody.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_deleted_for_everyone_and_for_good() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    let ada = program.join("Ada").await;
    ada.create_channel("design").await;
    ada.post("design", "plover-xyzzy").await;
    let file = ada.upload("plan.txt", b"plover-xyzzy, drawn").await;
    ada.share("design", "A plan", &[&file]).await.expect(200);
    let mut socket = ada.socket(&["design"]).await;
    done(dir.path(), &["delete-channel", "#Design"]);
    let deleted = soon(
        "the end of the channel",
        socket.hear_until(|frame| match frame {
            flack::domain::frame::ServerFrame::Event(event) => Some(event.change),
            _ => None,
        }),
    );
    let Change::ChannelDeleted(name) = deleted.await else { panic!("something else") };
    assert_eq!(name.as_str(), "design");
    refused(dir.path(), &["delete-channel", "design"], "There is no such channel.");
    refused(dir.path(), &["delete-channel", "general"], "has to stay");
    let post = [("channel", "design"), ("text", "Hello?")];
    ada.ask("/api/post_message", &post).await.expect(404);
    ada.get(&file.path()).await.expect(404);
    let files = dir.path().join("flack-data/files");
    assert_eq!(std::fs::read_dir(files).unwrap().count(), 0, "its files are gone");
    let listed = ada.get("/api/list_channels").await.expect(200);
    assert!(!listed.body.contains("design"), "{}", listed.body);
    // So it is after a restart, and on disk.
    program.terminate();
    let (status, _) = program.wait();
    assert!(status.success());
    let bytes = std::fs::read(dir.path().join("flack-data/flack.db")).unwrap();
    assert!(!bytes.windows(12).any(|part| part == b"plover-xyzzy"), "it is still on disk");
    let program = Program::start(dir.path(), &[]);
    let ada = program.again(&ada);
    assert!(!ada.get("/api/list_channels").await.expect(200).body.contains("design"));
    // The name is free for another channel, which begins empty.
    ada.create_channel("design").await;
    assert_eq!(ada.page("design").await.articles().len(), 0);
}

/// Names of channels are used again, and positions go on: who knows the old one must not take the
/// new one's changes for its own.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_keeps_nothing_of_a_channel_whose_name_is_used_again() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    let ada = program.join("Ada").await;
    ada.create_channel("design").await;
    let known = ada.post("design", "plover-xyzzy").await;
    let mut socket = Socket::open(program.address, &ada.cookie).await.unwrap();
    let (welcome, _) = socket.greet(&["design"]).await;
    drop(socket);
    done(dir.path(), &["delete-channel", "design"]);
    ada.create_channel("design").await;
    ada.post("design", "a new beginning").await;
    // The window is read from the disk then.
    program.terminate();
    assert!(program.wait().0.success());
    let program = Program::start(dir.path(), &[]);
    let mut socket = Socket::open(program.address, &ada.cookie).await.unwrap();
    let resume = Resume { epoch: welcome.epoch, position: known, directs: welcome.position };
    let viewing = vec![View { room: channel("design"), position: Some(known) }];
    socket.say(&ClientFrame::Hello { protocol: PROTOCOL, resume: Some(resume), viewing }).await;
    let window = socket.hear_until(|frame| match frame {
        ServerFrame::Reset(Reset { window, .. }) => Some(window),
        ServerFrame::Difference(Difference { lane: Lane::Channel(_), changes, .. }) => {
            panic!("the old channel's words would stay: {changes:?}")
        }
        _ => None,
    });
    let window = soon("the window", window).await;
    let texts: Vec<&str> = window.messages().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["a new beginning"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_deleted_for_everyone_and_for_good() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    let ada = program.join("Ada").await;
    let message = ada.post("general", "plover\u{1b}[2Jxyzzy").await.to_string();
    let listed = done(dir.path(), &["messages", "general"]);
    assert!(listed.contains(&message) && listed.contains("plover"), "{listed}");
    assert!(!listed.contains('\u{1b}'), "no codes for the terminal: {listed:?}");
    let mut socket = ada.socket(&["general"]).await;
    done(dir.path(), &["delete-message", "general", &message]);
    let change = socket.hear_until(|frame| match frame {
        flack::domain::frame::ServerFrame::Event(event) => Some(event.change),
        _ => None,
    });
    assert!(matches!(change.await, Change::Deleted(_)));
    // Not even its author can bring it back.
    let fields = [("channel", "general"), ("message", message.as_str())];
    ada.ask("/api/restore_message", &fields).await.expect(404);
    refused(dir.path(), &["delete-message", "general", &message], "no such message");
    assert_eq!(done(dir.path(), &["messages", "general"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_the_operators_and_goes_with_the_server() {
    let dir = TempDir::new().unwrap();
    let none = admin(dir.path(), &["people"]);
    assert_eq!(none.status.code(), Some(69), "{none:?}");
    assert!(none.stderr.contains("no server runs on the data directory flack-data"), "{none:?}");
    let program = Program::start(dir.path(), &[]);
    let socket = dir.path().join("flack-data/flack.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    done(dir.path(), &["people"]);
    // What is no question is refused, and bothers nobody.
    for question in ["", "{}", "nonsense\n", "{\"order\":{\"fly\":{}}}\n"] {
        use std::io::{Read, Write};
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        stream.write_all(question.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("{\"refused\":"), "{question:?}: {answer}");
    }
    program.terminate();
    program.wait();
    assert!(!socket.exists());
    // One that a killed server has left is taken over.
    Program::start(dir.path(), &[]).kill();
    assert!(socket.exists());
    assert_eq!(admin(dir.path(), &["people"]).status.code(), Some(69));
    let _program = Program::start(dir.path(), &[]);
    done(dir.path(), &["people"]);
}

#[test]
fn help_says_what_there_is() {
    let dir = TempDir::new().unwrap();
    let help = done(dir.path(), &["--help"]);
    for command in
        ["people", "messages", "link", "sign-out", "free-name", "delete-channel", "delete-message"]
    {
        assert!(help.contains(command), "{command} in {help}");
    }
    assert_eq!(admin(dir.path(), &[]).status.code(), Some(2));
    assert_eq!(admin(dir.path(), &["fly"]).status.code(), Some(2));
}
