//! All keys and what they do, made from their table. The client shows it as a sheet.

use leptos::prelude::*;

use crate::{
    client::keys::{Chord, KEYS, Place},
    ui::components::icon::Mark,
};

#[component]
pub fn KeysPage(is_mac: bool) -> impl IntoView {
    let places = [Place::Page, Place::Words, Place::Outside];
    let parts: Vec<_> = places.into_iter().map(|place| view! { <Part place is_mac /> }).collect();
    view! {
        <main class="settings">
            <a class="wordmark" href="/">
                <Mark />
                "Flack"
            </a>
            <h1>"Keys"</h1>
            {parts}
            <p class="settings__back">
                <a href="/">"Back to the conversation"</a>
            </p>
        </main>
    }
}

/// What can be done in a place.
#[component]
fn Part(place: Place, is_mac: bool) -> impl IntoView {
    let mut rows: Vec<(String, Vec<Chord>)> = Vec::new();
    for (_, chord, deed) in KEYS.iter().filter(|(of, ..)| *of == place) {
        let what = deed.to_string();
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
                    let caps: Vec<_> =
                        chord.caps(is_mac).map(|cap| view! { <kbd>{cap}</kbd> " " }).collect();
                    view! {
                        {(at > 0).then_some("or ")}
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
    view! {
        <section class="keys">
            <h2>{place.to_string()}</h2>
            <dl>{rows}</dl>
        </section>
    }
}
