//! What a person has to know of their own browser.

use leptos::prelude::*;

use crate::client::{Client, StorageState, words};

/// Says so when what waits to be sent is not safe in this browser.
#[component]
pub fn StorageNotice() -> impl IntoView {
    let storage = expect_context::<Client>().storage;
    let state = Signal::derive(move || describe(storage.get()));
    let is_hidden = Signal::derive(move || state.with(|state| state.is_empty()));
    view! {
        <p class="notice" role="status" aria-label=words().storage hidden=is_hidden>
            {state}
        </p>
    }
}

fn describe(storage: StorageState) -> &'static str {
    match storage {
        StorageState::Works => "",
        StorageState::Fails => words().storage_fails,
        StorageState::Unreadable => words().storage_unreadable,
    }
}

/// Says so when the message is not here that the address leads to.
#[component]
pub fn LinkNotice() -> impl IntoView {
    let client = expect_context::<Client>();
    let is_hidden = Memo::new(move |_| !client.misses_marked());
    view! {
        <p class="notice" role="status" aria-label=words().link hidden=is_hidden>
            {words().link_missing}
        </p>
    }
}
