//! The program as an operator meets it.

use std::{
    fs,
    time::{Duration, Instant},
};

use flack::domain::frame::CloseCode;

use crate::support::{
    http::Ask,
    program::{Ended, Program, ended, flack, lasting_address},
    socket::Socket,
    soon,
};

/// Option, environment variable, and a value that it cannot have.
const SETTINGS: [(&str, &str, &str); 23] = [
    ("site-addr", "LEPTOS_SITE_ADDR", "localhost"),
    ("data-dir", "FLACK_DATA_DIR", ""),
    ("metrics-addr", "FLACK_METRICS_ADDR", "9464"),
    ("origin", "FLACK_ORIGIN", "chat.example.org"),
    ("gather", "FLACK_GATHER", "soon"),
    ("log", "RUST_LOG", "loud"),
    ("log-format", "FLACK_LOG_FORMAT", "xml"),
    ("max-sockets", "FLACK_MAX_SOCKETS", "-1"),
    ("max-people", "FLACK_MAX_PEOPLE", "many"),
    ("max-channels", "FLACK_MAX_CHANNELS", "1.5"),
    ("trusted-proxies", "FLACK_TRUSTED_PROXIES", "10.0.0.0/33"),
    ("max-connections", "FLACK_MAX_CONNECTIONS", "many"),
    ("max-connections-per-address", "FLACK_MAX_CONNECTIONS_PER_ADDRESS", "-1"),
    ("rate-messages", "FLACK_RATE_MESSAGES", "1/s"),
    ("rate-frames", "FLACK_RATE_FRAMES", ""),
    ("rate-requests", "FLACK_RATE_REQUESTS", "0.5"),
    ("rate-sockets", "FLACK_RATE_SOCKETS", "x"),
    ("rate-channels", "FLACK_RATE_CHANNELS", "-5"),
    ("rate-sign-ins", "FLACK_RATE_SIGN_INS", "none"),
    ("max-file-size", "FLACK_MAX_FILE_SIZE", "large"),
    ("max-files", "FLACK_MAX_FILES", "-1"),
    ("max-storage-per-person", "FLACK_MAX_STORAGE_PER_PERSON", "1 GB"),
    ("max-storage", "FLACK_MAX_STORAGE", ""),
];

/// Runs the program in an empty directory.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let dir = tempfile::tempdir().unwrap();
    let mut command = flack(dir.path());
    command.args(arguments).envs(environment.iter().copied());
    ended(command)
}

#[test]
fn help_names_every_setting() {
    let help = run(&["--help"], &[]);
    assert!(help.status.success());
    for (option, variable, _) in SETTINGS {
        assert!(help.stdout.contains(&format!("--{option} ")), "{option} in {}", help.stdout);
        assert!(help.stdout.contains(&format!("[{variable}]")), "{variable} in {}", help.stdout);
    }
    let options = help.stdout.lines().filter(|line| line.trim_start().starts_with('-')).count();
    assert_eq!(options, SETTINGS.len() + 2, "all, and help and version: {}", help.stdout);
    assert!(help.stdout.contains("Leptos.toml"));
    let version = run(&["--version"], &[]);
    assert_eq!(version.stdout.trim(), concat!("flack ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_bad_setting_is_named_and_refused() {
    for (option, variable, bad) in SETTINGS {
        let by_variable = run(&[], &[(variable, bad)]);
        assert_eq!(by_variable.status.code(), Some(78), "{by_variable:?}");
        assert!(by_variable.stderr.contains(variable), "{by_variable:?}");
        let by_option = run(&[&format!("--{option}={bad}")], &[]);
        assert_ne!(by_option.status.code(), Some(0), "{by_option:?}");
        assert!(by_option.stderr.contains(&format!("--{option}")), "{by_option:?}");
    }
    let unknown = run(&["--colour=blue"], &[]);
    assert!(!unknown.status.success() && unknown.stderr.contains("--colour"), "{unknown:?}");
}

#[test]
fn a_bad_line_in_the_file_is_named_and_refused() {
    for (file, named) in [
        ("[flack]\nmax-sockets = \"many\"", "max-sockets in Leptos.toml"),
        ("[flack]\nmax-soccets = 3", "max-soccets in Leptos.toml"),
        ("[flack]\nlog = 3", "log in Leptos.toml"),
        ("[package.metadata.leptos]\nsite-addr = \"here\"", "site-addr in Leptos.toml"),
        ("[flack", "Leptos.toml"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Leptos.toml"), file).unwrap();
        let refused = ended(flack(dir.path()));
        assert_eq!(refused.status.code(), Some(78), "{refused:?}");
        assert!(refused.stderr.contains(named), "{refused:?}");
        assert!(refused.stderr.lines().count() == 1, "one line: {refused:?}");
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    // A file where the directory should be.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("occupied");
    fs::write(&file, "").unwrap();
    let refused = run(&[], &[("FLACK_DATA_DIR", file.to_str().unwrap())]);
    assert_eq!(refused.status.code(), Some(69), "{refused:?}");
    assert!(refused.stderr.contains("occupied"), "{refused:?}");
    // A port that somebody else has.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = run(&[], &[("LEPTOS_SITE_ADDR", &address)]);
    assert_eq!(refused.status.code(), Some(69), "{refused:?}");
    assert!(refused.stderr.contains(&address), "{refused:?}");
    // A database that is none.
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("flack.db"), "This is a shopping list. ".repeat(200)).unwrap();
    let refused = run(&[], &[("FLACK_DATA_DIR", data.to_str().unwrap())]);
    assert_eq!(refused.status.code(), Some(69), "{refused:?}");
    assert!(refused.stderr.contains("database"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_on_one_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = Program::start(dir.path(), &[]);
    let mut second = flack(dir.path());
    second.env("LEPTOS_SITE_ADDR", "127.0.0.1:0");
    let refused = ended(second);
    assert_eq!(refused.status.code(), Some(69), "{refused:?}");
    assert!(refused.stderr.contains("another Flack uses the data directory"), "{refused:?}");
    assert!(refused.stderr.contains("flack-data"), "{refused:?}");
    first.get("/healthz").await.expect(200);
    first.terminate();
    assert!(first.wait().0.success());
    // The directory is free again.
    let third = Program::start(dir.path(), &[]);
    third.get("/healthz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthcheck_needs_nothing_but_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let address = lasting_address();
    let check = |address: &str| {
        let mut command = flack(dir.path());
        command.arg("healthcheck").env("LEPTOS_SITE_ADDR", address);
        ended(command)
    };
    let none = check(&address.to_string());
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    assert!(none.stderr.contains("does not answer"), "{none:?}");
    // As in a container, where it listens everywhere.
    let everywhere = format!("0.0.0.0:{}", address.port());
    let _program = Program::start(dir.path(), &[("LEPTOS_SITE_ADDR", &everywhere)]);
    let good = check(&everywhere);
    assert!(good.status.success() && good.stdout == "ok\n", "{good:?}");
}

async fn join(program: &Program, name: &str) -> String {
    let joined = program.post("/api/sign_in").form(&[("name", name)]).await.expect(200);
    joined.session_cookie()
}

fn post(program: &Program, cookie: &str, text: &str) -> Ask {
    let fields = [("channel", "general"), ("text", text)];
    program.post("/api/post_message").cookie(cookie).form(&fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_tells_everyone_to_come_back_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::start(dir.path(), &[]);
    let cookie = join(&program, "Ada").await;
    post(&program, &cookie, "before the end").await.expect(200);
    let mut socket = Socket::open(program.address, &cookie).await.unwrap();
    socket.greet(&["general"]).await;
    // One that has not said hello, and a browser that keeps its connection open.
    let _waiting = Socket::open(program.address, &cookie).await.unwrap();
    let idle = tokio::net::TcpStream::connect(program.address).await.unwrap();

    let asked = Instant::now();
    program.terminate();
    socket.expect_closed(CloseCode::Draining).await;
    let (status, log) = tokio::task::spawn_blocking(|| program.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    assert!(log.contains("stopping") && log.contains("stopped"), "{log}");
    drop(idle);

    let program = Program::start(dir.path(), &[]);
    let mut socket = Socket::open(program.address, &cookie).await.unwrap();
    let (_, resets) = socket.greet(&["general"]).await;
    let texts: Vec<_> = resets[0].window.messages().map(|it| it.text.as_str()).collect();
    assert_eq!(texts, ["before the end"]);
}

/// What was acknowledged is there after a SIGKILL too; see the promises for the long form.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::start(dir.path(), &[]);
    let cookie = join(&program, "Ada").await;
    for number in 0..20 {
        post(&program, &cookie, &format!("{number}")).await.expect(200);
    }
    drop(program); // kills it
    let program = Program::start(dir.path(), &[]);
    let mut socket = Socket::open(program.address, &cookie).await.unwrap();
    let (_, resets) = socket.greet(&["general"]).await;
    let texts: Vec<String> =
        resets[0].window.messages().map(|it| it.text.as_str().to_owned()).collect();
    assert_eq!(texts, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_about_the_server_and_not_about_people() {
    let levels = [
        ("info", "text"),
        ("trace", "text"),
        ("trace", "json"),
        ("trace,tungstenite::protocol=trace", "text"),
    ];
    for (level, format) in levels {
        let dir = tempfile::tempdir().unwrap();
        let settings = [("RUST_LOG", level), ("FLACK_LOG_FORMAT", format)];
        let program = Program::start(dir.path(), &settings);
        let cookie = join(&program, "Quillfeather").await;
        post(&program, &cookie, "plover-xyzzy").await.expect(200);
        let channel = program.post("/api/create_channel").cookie(&cookie);
        channel.form(&[("name", "hushhush")]).await.expect(200);
        program.get("/c/hushhush").cookie(&cookie).await.expect(200);
        program.post("/api/sign_in").form(&[("name", "quillfeather")]).await.expect(409);
        let mut socket = Socket::open(program.address, &cookie).await.unwrap();
        socket.greet(&["general"]).await;
        let frame =
            r#"{"type":"post","id":"abc","room":{"channel":"general"},"text":"plover-two"}"#;
        socket.say_raw(frame).await;
        soon("the answer", socket.hear()).await;
        socket.say_raw(r#"{"type":"shout","text":"plover-three"}"#).await;
        socket.expect_closed(CloseCode::Protocol).await;
        program.terminate();
        let (_, log) = tokio::task::spawn_blocking(|| program.wait()).await.unwrap();
        let token = cookie.split_once('=').unwrap().1;
        for secret in ["plover", "uillfeather", "hushhush", token] {
            let line = log.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} at {level}");
        }
        assert!(log.contains("stopped"), "{log}");
        if format == "json" {
            for line in log.lines() {
                serde_json::from_str::<serde_json::Value>(line).unwrap();
            }
        }
    }
}
