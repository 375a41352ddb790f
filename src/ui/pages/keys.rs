//! All keys and what they do, made from their table. The client shows it as a sheet.

use leptos::prelude::*;

use super::sheet::Sheet;
use crate::{
    client::keys::{Chord, Deed, KEYS, Mark as Marked, Place},
    words::Documents,
};

#[component]
pub fn KeysPage(words: &'static Documents, is_mac: bool) -> impl IntoView {
    let places = [Place::Page, Place::Words, Place::Outside];
    let parts: Vec<_> =
        places.into_iter().map(|place| view! { <Part words place is_mac /> }).collect();
    view! {
        <Sheet>
            <h1>{words.keys_title}</h1>
            {parts}
            <p class="settings__back">
                <a href="/">{words.to_conversation}</a>
            </p>
        </Sheet>
    }
}

/// What can be done in a place.
#[component]
fn Part(words: &'static Documents, place: Place, is_mac: bool) -> impl IntoView {
    let mut rows: Vec<(&str, Vec<Chord>)> = Vec::new();
    for (_, chord, deed) in KEYS.iter().filter(|(of, ..)| *of == place) {
        let what = name(*deed, words);
        match rows.iter_mut().find(|(other, _)| *other == what) {
            Some((_, chords)) => chords.push(*chord),
            None => rows.push((what, vec![*chord])),
        }
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(what, chords)| {
            let ways: Vec<_> = chords
                .into_iter()
                .enumerate()
                .map(|(at, chord)| {
                    let caps: Vec<_> = chord
                        .caps(is_mac, words)
                        .map(|cap| view! { <kbd>{cap}</kbd> " " })
                        .collect();
                    view! {
                        {(at > 0).then(|| format!("{} ", words.keys_or))}
                        {caps}
                    }
                })
                .collect();
            view! {
                <div class="keys__row">
                    <dt>{what}</dt>
                    <dd>{ways}</dd>
                </div>
            }
        })
        .collect();
    let title = match place {
        Place::Page => words.place_page,
        Place::Outside => words.place_outside,
        Place::Words => words.place_words,
    };
    view! {
        <section class="keys">
            <h2>{title}</h2>
            <dl>{rows}</dl>
        </section>
    }
}

fn name(deed: Deed, words: &Documents) -> &'static str {
    match deed {
        Deed::Jump => words.deed_jump,
        Deed::Previous => words.deed_previous,
        Deed::Next => words.deed_next,
        Deed::PreviousUnread => words.deed_previous_unread,
        Deed::NextUnread => words.deed_next_unread,
        Deed::Help => words.deed_help,
        Deed::Write => words.deed_write,
        Deed::Send => words.deed_send,
        Deed::Break => words.deed_break,
        Deed::EditLast => words.deed_edit_last,
        Deed::Leave => words.deed_leave,
        Deed::Mention => words.deed_mention,
        Deed::Emoji => words.deed_emoji,
        Deed::Mark(Marked::Bold) => words.deed_bold,
        Deed::Mark(Marked::Italic) => words.deed_italic,
        Deed::Mark(Marked::Strike) => words.deed_strike,
        Deed::Mark(Marked::Code) => words.deed_code,
    }
}
