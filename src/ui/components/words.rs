//! The field for the words of a message, while they are written or changed: it grows, completes and marks.

use leptos::{
    ev::{Event, KeyboardEvent},
    html::Textarea,
    prelude::*,
};

use super::choices::{Choices, Lookup, active_line, offer, step};
use crate::{
    client::{
        Client, browser,
        choice::{Choice, OFFERED, likely},
        completion::{Sought, byte_at, is_in_code, sought, units, whole_code},
        keys::{self, Deed, Mark, Place},
        marking, words,
    },
    domain::person::Person,
};

/// `about` is the element that says what is wrong, and `list` the id for what completes what is typed.
/// `act` is asked to do what a key says, and answers whether it did.
#[component]
pub fn Words(
    id: &'static str,
    list: &'static str,
    about: &'static str,
    class: &'static str,
    label: String,
    #[prop(optional, into)] placeholder: Option<Signal<Option<String>>>,
    typed: Option<String>,
    area: NodeRef<Textarea>,
    is_invalid: Signal<Option<&'static str>>,
    changed: Callback<String>,
    act: Callback<Deed, bool>,
) -> impl IntoView {
    let client = expect_context::<Client>();
    let choices = RwSignal::new(Vec::<Choice>::new());
    let active = RwSignal::new(0);
    let lookup = Lookup::default();
    // Where that begins which is being completed, and where somebody wants no help.
    let begun = StoredValue::new(None::<u32>);
    let declined = StoredValue::new(None::<(u32, String)>);
    // Whether something was typed that has not been looked at yet.
    let is_due = StoredValue::new(false);

    let close = move || {
        is_due.try_set_value(false);
        // The field loses the focus also when it goes away, and its signals with it.
        if choices.try_with_untracked(Vec::is_empty) == Some(false) {
            active.set(0);
            choices.set(Vec::new());
        }
        begun.try_update_value(|begun| *begun = None);
    };
    let look = move |text: &str| {
        let caret = browser::selection(id).filter(|(from, to)| from == to);
        let before = caret.map(|(caret, _)| &text[..byte_at(text, caret)]);
        let Some((at, what)) = before.and_then(sought) else {
            declined.set_value(None);
            return close();
        };
        let start = before.map(|before| units(&before[..at]));
        // As long as that is there, and only more is typed.
        let is_declined = declined.with_value(|declined| {
            let same = declined.as_ref().filter(|(from, _)| Some(*from) == start);
            same.zip(before).is_some_and(|((_, part), before)| before[at..].starts_with(part))
        });
        if is_declined {
            return close();
        }
        declined.set_value(None);
        begun.set_value(start);
        let offered = match what {
            Sought::Person(part) => {
                lookup.ask(part);
                people(client, lookup, part)
            }
            Sought::Emoji(part) => {
                client.want_emoji();
                emoji(client, part)
            }
        };
        if choices.with_untracked(|there| *there != offered) {
            offer(choices, active, offered);
        }
    };
    let text = move || area.get_untracked().map(|area| area.value()).unwrap_or_default();
    let before_caret = move || {
        let text = text();
        let caret = browser::selection(id).map_or(0, |(_, caret)| caret);
        text[..byte_at(&text, caret)].to_owned()
    };
    let look_if_due = move || {
        if is_due.try_update_value(std::mem::take) == Some(true) {
            look(&text());
        }
    };
    // More may come while one waits for it.
    Effect::new(move |_| {
        lookup.found.track();
        client.emoji.track();
        if begun.get_value().is_some() {
            look(&text());
        }
    });
    let choose = Callback::new(move |at: usize| {
        let value =
            choices.with_untracked(|there| there.get(at).map(|choice| choice.value.clone()));
        if let (Some(value), Some(start)) = (value, begun.get_value())
            && let Some((_, caret)) = browser::selection(id)
        {
            // It is complete.
            declined.set_value(Some((start, value.clone())));
            close();
            browser::replace(id, start, caret, &value);
        }
    });
    let input = move |event: Event| {
        let text = event_target_value(&event);
        browser::grow(id);
        // What is undone comes back as it was typed.
        if browser::is_typed(&event) && text.contains(':') {
            put_emoji(client, id, &text);
        }
        if !text.contains(['@', ':']) {
            declined.set_value(None);
            close();
        } else if !is_due.get_value() {
            // What is offered may come a frame after the letter.
            is_due.set_value(true);
            browser::after_paint(look_if_due);
        }
        changed.run(text);
    };
    let press = move |event: KeyboardEvent| {
        let Some(press) = browser::press(&event) else { return };
        look_if_due();
        let count = choices.with_untracked(Vec::len);
        let is_plain = !press.shift && !press.alt && !press.command;
        let is_chosen = count > 0
            && match press.key.as_str() {
                "Enter" | "Tab" if is_plain => {
                    choose.run(active.get_untracked());
                    true
                }
                "Escape" => {
                    let before = before_caret();
                    let part = |start| (start, before[byte_at(&before, start)..].to_owned());
                    declined.set_value(begun.get_value().map(part));
                    close();
                    true
                }
                "ArrowLeft" | "ArrowRight" | "Home" | "End" => {
                    close();
                    false
                }
                _ => step(list, &press, count, active),
            };
        let is_done = is_chosen
            || match keys::deed(Place::Words, &press) {
                // Where one types on the screen, there is no Shift to break a line with, and a button to send.
                // In the middle of code one goes on with its next line.
                Some(Deed::Send)
                    if !press.command
                        && (browser::has_coarse_pointer() || is_in_code(&before_caret())) =>
                {
                    false
                }
                Some(Deed::Mark(mark)) => {
                    mark_words(id, &text(), mark);
                    true
                }
                Some(deed) => act.run(deed),
                None => false,
            };
        if is_done {
            event.prevent_default();
        }
    };
    view! {
        <div class="words">
            <textarea
                class=class
                id=id
                name="text"
                rows="1"
                dir="auto"
                aria-label=label
                placeholder=placeholder
                aria-describedby=about
                aria-invalid=is_invalid
                aria-autocomplete="list"
                aria-haspopup="listbox"
                aria-controls=list
                aria-activedescendant=active_line(list, choices, active)
                node_ref=area
                on:input=input
                on:keydown=press
                on:mouseup=move |_| close()
                on:blur=move |_| close()
            >
                {typed.map(browser::in_textarea)}
            </textarea>
            <Choices id=list label=words().suggestions choices active choose />
        </div>
    }
}

/// Those who may be meant: who wrote here last, with whom one talks, and whom the server has found.
fn people(client: Client, lookup: Lookup, part: &str) -> Vec<Choice> {
    let mut known: Vec<Person> = Vec::new();
    for person in client.people_at_hand().into_iter().chain(lookup.found.get_untracked()) {
        if !known.contains(&person) {
            known.push(person);
        }
    }
    let likely = likely(known, part, |person| person.name.as_str());
    likely.iter().map(|person| Choice::person(person, format!("@{} ", person.name))).collect()
}

fn emoji(client: Client, part: &str) -> Vec<Choice> {
    client.emoji.with_untracked(|list| {
        let found = list.find(part, OFFERED).into_iter();
        let choice = |emoji: crate::client::emoji::Emoji| Choice {
            sign: emoji.sign.to_owned(),
            hue: None,
            words: format!(":{}:", emoji.code()),
            note: emoji.name.to_owned(),
            value: emoji.sign.to_owned(),
        };
        found.map(choice).collect()
    })
}

/// Puts the emoji in the place of a code whose second colon was typed just now.
fn put_emoji(client: Client, id: &'static str, text: &str) {
    let Some((caret, _)) = browser::selection(id) else { return };
    let before = &text[..byte_at(text, caret)];
    let Some((at, code)) = whole_code(before) else { return };
    let start = units(&before[..at]);
    if let Some(sign) = client.emoji.with_untracked(|list| list.of_code(code).map(str::to_owned)) {
        // The field is still hearing of the colon.
        queue_microtask(move || browser::replace(id, start, caret, &sign));
    }
}

fn mark_words(id: &str, text: &str, mark: Mark) {
    let Some((from, to)) = browser::selection(id) else { return };
    let (start, end) = (byte_at(text, from), byte_at(text, to));
    let (before, selected, after) = (&text[..start], &text[start..end], &text[end..]);
    let marked = marking::mark(before, selected, after, mark.signs(selected.contains('\n')));
    let (ahead, behind) = marked.widened;
    let from = from - ahead as u32;
    browser::replace(id, from, to + behind as u32, &marked.text);
    let place = |byte: usize| from + units(&marked.text[..byte]);
    browser::select(id, place(marked.words.0), place(marked.words.1));
}
