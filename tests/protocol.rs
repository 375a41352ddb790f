//! `docs/protocol.md` says what the code says.

use std::collections::BTreeSet;

use flack::domain::{
    attachment::Attachment,
    channel::Channel,
    command::Accepted,
    device::{Device, Link},
    frame::{
        ClientFrame, CloseCode, FRAME_LIMIT, Heartbeat, Limits, PING_SECONDS, PROTOCOL,
        SILENCE_SECONDS, ServerFrame, VIEW_LIMIT, Welcome,
    },
    message::MessageText,
    person::Person,
    refusal::{Refusal, RefusalCode},
};
use serde::{
    Serialize,
    de::{DeserializeOwned, Error},
};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../docs/protocol.md");
const FRAMES: &str = include_str!("../src/domain/frame.rs");
const REFUSALS: &str = include_str!("../src/domain/refusal.rs");

/// A JSON block, and the mark before it: what it is (`frame`, `answer`) and which.
struct Example {
    kind: &'static str,
    name: &'static str,
    json: &'static str,
}

fn examples() -> Vec<Example> {
    let blocks: Vec<&str> = DOCUMENT.split("```json\n").collect();
    let marked = blocks.windows(2).map(|pair| {
        let mark = pair[0].trim_end().rsplit('\n').next().unwrap_or_default();
        let mark = mark.strip_prefix("<!-- ").and_then(|mark| mark.strip_suffix(" -->"));
        let mark = mark.unwrap_or_else(|| panic!("what is this example of? {}", pair[1]));
        let (kind, name) = mark.split_once(": ").expect("a kind and a name");
        let json = pair[1].split("```").next().expect("the end of the block");
        Example { kind, name, json }
    });
    marked.collect()
}

/// Reads an example as the code does, and writes it again.
fn again(example: &Example) -> Value {
    fn read<T: DeserializeOwned + Serialize>(json: &str) -> Result<Value, serde_json::Error> {
        serde_json::to_value(serde_json::from_str::<T>(json)?)
    }
    let Example { kind, name, json } = *example;
    let written = match (kind, name.split_once(' ').map_or(name, |(side, _)| side)) {
        ("frame", "client") => read::<ClientFrame>(json),
        ("frame", "server") => ServerFrame::read(json)
            .map_err(Error::custom)
            .and_then(|frame| serde_json::to_value(told(frame))),
        ("answer", "person") => read::<Person>(json),
        ("answer", "attachment") => read::<Attachment>(json),
        ("answer", "channel") => read::<Channel>(json),
        ("answer", "device") => read::<Device>(json),
        ("answer", "link") => read::<Link>(json),
        ("answer", "accepted") => read::<Accepted>(json),
        ("answer", "refusal") => serde_json::from_str::<Refusal>(json)
            .and_then(|refusal| serde_json::to_value(refusal.spelled_out())),
        _ => panic!("there is no {kind} {name}"),
    };
    written.unwrap_or_else(|error| panic!("{name}: {error} in {json}"))
}

/// The frame with all that the server tells. What this build knows by itself, it does not read.
fn told(frame: ServerFrame) -> ServerFrame {
    let welcome = match frame {
        ServerFrame::Welcome(welcome) => welcome,
        ServerFrame::Refused { id, refusal } => {
            return ServerFrame::Refused { id, refusal: refusal.spelled_out() };
        }
        ServerFrame::Unviewable { room, refusal } => {
            return ServerFrame::Unviewable { room, refusal: refusal.spelled_out() };
        }
        frame => return frame,
    };
    ServerFrame::Welcome(Welcome {
        heartbeat: Heartbeat { ping: PING_SECONDS, silence: SILENCE_SECONDS },
        limits: Limits {
            text: MessageText::LIMIT,
            frame: FRAME_LIMIT,
            viewing: VIEW_LIMIT,
            file: 25 << 20,
            files: 10,
        },
        ..welcome
    })
}

#[test]
fn every_example_is_what_the_code_reads_and_writes() {
    for example in examples() {
        let value: Value = serde_json::from_str(example.json).expect("valid JSON");
        assert_eq!(again(&example), value, "{}", example.name);
        if example.kind == "frame" {
            let named = example.name.split_once(' ').map(|(_, frame)| frame);
            assert_eq!(value["type"].as_str(), named, "{}", example.json);
        }
    }
}

#[test]
fn every_frame_has_an_example() {
    let examples = examples();
    for (side, of) in [("client", "ClientFrame"), ("server", "ServerFrame")] {
        let shown: BTreeSet<String> = examples
            .iter()
            .filter(|example| example.kind == "frame")
            .filter_map(|example| example.name.strip_prefix(side)?.strip_prefix(' '))
            .map(str::to_owned)
            .collect();
        assert_eq!(shown, variants(FRAMES, of).iter().map(|name| snake_case(name)).collect());
        for frame in shown {
            assert!(DOCUMENT.contains(&format!("\n### {frame}\n")), "{frame} has a heading");
        }
    }
}

#[test]
fn every_close_code_is_described() {
    assert_eq!(CloseCode::ALL.len(), variants(FRAMES, "CloseCode").len(), "ALL has all");
    for code in CloseCode::ALL {
        let row = format!("\n| {} | {} | ", code as u16, code.reason());
        assert!(DOCUMENT.contains(&row), "{row}");
    }
}

#[test]
fn every_refusal_is_described() {
    for name in variants(REFUSALS, "RefusalCode") {
        let name = snake_case(&name);
        let code: RefusalCode = serde_json::from_value(name.clone().into()).expect("a code");
        let row = format!("\n| `{name}` | {} | ", code.status());
        assert!(DOCUMENT.contains(&row), "{row}");
    }
}

/// The numbers of the welcome are compared with its example above.
#[test]
fn the_version_is_the_codes() {
    for example in examples().iter().filter(|example| example.name == "client hello") {
        let hello = serde_json::from_str(example.json).unwrap();
        let ClientFrame::Hello { protocol, .. } = hello else { panic!("{}", example.json) };
        assert_eq!(protocol, PROTOCOL);
    }
    assert!(DOCUMENT.contains(&format!("This is version {PROTOCOL}.")));
}

/// The names of an enum's variants, as its source has them, so that none can be forgotten.
fn variants(source: &str, name: &str) -> Vec<String> {
    let start = source.find(&format!("pub enum {name} {{\n")).expect("the enum is there");
    let body = source[start..].lines().skip(1).take_while(|line| *line != "}");
    // Variants are what is indented once and begins with a capital.
    let lines = body.filter_map(|line| line.strip_prefix("    "));
    let names = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    let names: Vec<String> = names
        .map(|line| line.chars().take_while(|c| c.is_ascii_alphanumeric()).collect())
        .collect();
    assert!(names.len() > 3, "{names:?}");
    names
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
