//! Messages, as anybody may write them, with people who may be meant. What comes out is text and a closed
//! set of tags.

#![no_main]

use flack::{
    domain::{
        message::MessageText,
        name::DisplayName,
        person::{Person, PersonId},
        position::Position,
    },
    server::markdown,
};
use libfuzzer_sys::fuzz_target;

const TAGS: [&str; 13] =
    ["a", "blockquote", "br", "code", "del", "em", "li", "ol", "p", "pre", "span", "strong", "ul"];

// The names of people in the first line, with commas between them; then what is written.
fuzz_target!(|typed: &str| {
    let (names, words) = typed.split_once('\n').unwrap_or(("", typed));
    let Ok(text) = MessageText::try_from(words) else { return };
    let names = names.split(',').filter_map(|name| DisplayName::try_from(name).ok());
    let people: Vec<Person> = (1..)
        .zip(names.take(4))
        .map(|(id, name)| Person { id: PersonId(Position(id)), name })
        .collect();
    let called = markdown::called(&text);
    assert!(called.len() <= 20 && called.iter().all(|names| names.len() <= DisplayName::LIMIT));
    let Some(html) = markdown::render(&text, &people) else { return };
    assert_eq!(markdown::render(&text, &people).as_ref(), Some(&html), "the same each time");
    let mut open = Vec::new();
    let mut parts = html.as_str().split('<');
    assert_eq!(parts.next(), Some(""), "it begins with a tag");
    for part in parts {
        let (tag, shown) = part.split_once('>').expect("a tag ends");
        assert!(!shown.contains('>'), "what was typed is escaped: {shown}");
        let name = tag.split(' ').next().unwrap_or_default();
        assert!(TAGS.contains(&name.trim_start_matches('/')), "{tag}");
        assert!(
            !tag.contains("javascript:")
                || tag.contains("href=\"http")
                || tag.contains("href=\"mailto")
        );
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{tag} closes what is open"),
            None if name != "br" => open.push(name),
            None => {}
        }
    }
    assert!(open.is_empty(), "all is closed");
});
