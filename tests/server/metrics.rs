//! What a program hears that watches over the server.

use std::collections::BTreeSet;

use flack::domain::frame::{ClientFrame, CloseCode};
use tempfile::TempDir;

use crate::support::{
    channel,
    house::House,
    http::Ask,
    program::{Program, ended, flack, lasting_address},
    soon,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted() {
    let house = House::with(|config| config.limits.rates.messages = 3).await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let (mut hers, mut his) = (ada.socket(&["general"]).await, bob.socket(&["general"]).await);
    assert_eq!(house.metric("flack_sockets").await, 2.0);
    assert_eq!(house.metric("flack_sessions").await, 2.0);
    assert_eq!(house.metric("flack_windows").await, 1.0);
    assert!(house.metric("flack_connections").await >= 2.0);

    ada.post("general", "for two").await;
    soon("the event", hers.hear()).await;
    soon("the event", his.hear()).await;
    assert_eq!(house.metric("flack_deliveries_total").await, 2.0);
    // It is counted when the last has been written to, who may hear of it first.
    soon("its time", async { while house.metric("flack_delivery_seconds_count").await < 1.0 {} })
        .await;
    assert_eq!(house.metric("flack_commit_seconds_count").await, 3.0, "two names and a message");
    assert!(house.metric("flack_commit_requests_sum").await >= 3.0, "two names and a message");
    assert_eq!(house.metric("flack_log_queue").await, 0.0);

    ada.upload("a.txt", b"seven b").await;
    assert_eq!(house.metric("flack_uploads_total").await, 1.0);
    assert_eq!(house.metric("flack_uploaded_bytes_total").await, 7.0);
    assert_eq!(house.metric("flack_storage_bytes").await, 4_096.0);

    // What is refused is counted, by whichever way it goes.
    let fields = [("channel", "nowhere"), ("text", "?")];
    ada.ask("/api/post_message", &fields).await.expect(404);
    let room = channel("general");
    let text = " ".to_owned();
    let id = "empty".to_owned().try_into().unwrap();
    hers.say(&ClientFrame::Post { id, room, text, attachments: Vec::new(), reply_to: None }).await;
    soon("the refusal", hers.hear()).await;
    ada.ask("/api/post_message", &[("channel", "general"), ("text", "4")]).await.expect(429);
    for (code, count) in [("unknown_channel", 1.0), ("text_empty", 1.0), ("rate_limited", 1.0)] {
        let name = format!("flack_refusals_total{{code=\"{code}\"}}");
        assert_eq!(house.metric(&name).await, count, "{code}");
    }
    assert_eq!(house.metric("flack_answers_total{status=\"429\"}").await, 1.0);

    his.say_raw("nonsense").await;
    his.expect_closed(CloseCode::Protocol).await;
    // It is counted when its task ends.
    soon("the end of his socket", async {
        while house.metric("flack_sockets").await > 1.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let closed = house.metric("flack_sockets_closed_total{code=\"4010\"}").await;
    assert_eq!(closed, 1.0);
}

/// Names of metrics and labels stand in the source, so however many come and whatever they do, a
/// watcher does not have to remember more.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_add_a_number_or_be_read_in_one() {
    let house = House::open().await;
    let series = async || {
        let text = Ask::new(house.metrics_address(), "GET", "/metrics").await.expect(200).body;
        let names = text.lines().filter(|line| !line.starts_with('#'));
        names.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect::<BTreeSet<_>>()
    };
    let busy = async |name: &str, word: &str| {
        let guest = house.join(name).await;
        guest.create_channel(word).await;
        guest.post(word, word).await;
        let fields = [("channel", "no such"), ("text", word)];
        guest.ask("/api/post_message", &fields).await.expect(404);
        guest.get(&format!("/c/{word}?{word}")).await.expect(200);
        guest.get(&format!("/{word}")).await.expect(404);
        drop(guest.socket(&[word]).await);
    };
    busy("Quillfeather", "plover").await;
    let before = series().await;
    for number in 0..5 {
        busy(&format!("Quillfeather {number}"), &format!("plover-{number}")).await;
    }
    let after = series().await;
    // How a socket ends depends on who is first, but there are few ways.
    let is_closed = |name: &&String| name.starts_with("flack_sockets_closed");
    let new: Vec<_> = after.difference(&before).filter(|name| !is_closed(name)).collect();
    assert_eq!(new, Vec::<&String>::new());
    for name in &after {
        assert!(!name.contains("uillfeather") && !name.contains("plover"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_told_where_the_operator_says_and_nowhere_else() {
    let dir = TempDir::new().unwrap();
    let program = Program::start(dir.path(), &[]);
    program.get("/metrics").await.expect(404);
    drop(program);

    let address = lasting_address();
    let settings = [("FLACK_METRICS_ADDR", &*address.to_string())];
    let program = Program::start(dir.path(), &settings);
    program.get("/metrics").await.expect(404);
    let told = Ask::new(address, "GET", "/metrics").await.expect(200);
    assert_eq!(told.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    Ask::new(address, "GET", "/").await.expect(404);
    Ask::new(address, "POST", "/api/sign_in").form(&[("name", "Ada")]).await.expect(404);
    let number = |name: &str| {
        let line = told.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {}", told.body)).parse::<f64>().unwrap()
    };
    assert!(number("process_resident_memory_bytes") > 1e6);
    assert!(number("process_open_fds") >= 5.0);
    assert!(number("process_max_fds") >= 1_024.0);
    assert!(number("process_cpu_seconds_total") >= 0.0);
    assert!(number("process_start_time_seconds") > 1.7e9);

    // Where it cannot listen, it says so and does not start.
    let other = TempDir::new().unwrap();
    let mut second = flack(other.path());
    second.env("LEPTOS_SITE_ADDR", "127.0.0.1:0").envs(settings);
    let refused = ended(second);
    assert_eq!(refused.status.code(), Some(69), "{refused:?}");
    assert!(refused.stderr.contains(&address.to_string()), "{refused:?}");
}
