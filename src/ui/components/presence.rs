//! Who is here, and who is writing.

use leptos::prelude::*;

use crate::{
    client::{Client, words},
    domain::person::{Person, PersonId},
    words::{Words, fill, with},
};

/// A dot at the picture of somebody who is here, and the word for it.
#[component]
pub fn Online(person: PersonId) -> impl IntoView {
    let online = expect_context::<Client>().online;
    let is_away = Signal::derive(move || online.with(|online| !online.contains(&person)));
    view! {
        <span class="online" title=words().online hidden=is_away>
            <span class="hidden">{words().online_note}</span>
        </span>
    }
}

/// The line that says who is writing in the open room. It is there to be read, but it does not
/// announce itself: it changes all the time, and what is announced is the message.
#[component]
pub fn Typing() -> impl IntoView {
    let typing = expect_context::<Client>().typing;
    let words = Signal::derive(move || typing.with(|people| describe(people, words())));
    view! { <p class="typing">{words}</p> }
}

fn describe(people: &[Person], words: &Words) -> String {
    // In marks of isolation (UAX #9), because names may run the other way.
    let name = |person: &Person| format!("\u{2068}{}\u{2069}", person.name);
    match people {
        [] => String::new(),
        [one] => with(words.typing_one, &name(one)),
        [one, other] => fill(words.typing_two, &[("name", &name(one)), ("other", &name(other))]),
        _ => words.typing_many.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{name::DisplayName, position::Position},
        words::Language,
    };

    #[test]
    fn two_are_named_and_more_are_several() {
        let people = ["Ada", "Grace", "Anna"].map(|name| Person {
            id: PersonId(Position(1)),
            name: DisplayName::stored(name.to_owned()),
        });
        let english = Language::English.words();
        let words: Vec<String> = (0..=3).map(|count| describe(&people[..count], english)).collect();
        let words: Vec<String> =
            words.iter().map(|it| it.replace(['\u{2068}', '\u{2069}'], "")).collect();
        let expected =
            ["", "Ada is typing…", "Ada and Grace are typing…", "Several people are typing…"];
        assert_eq!(words, expected);
    }
}
