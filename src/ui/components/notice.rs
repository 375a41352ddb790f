//! What a person has to know of their own browser.

use leptos::prelude::*;

use crate::client::{Client, StorageState};

/// Says so when what waits to be sent is not safe in this browser.
#[component]
pub fn StorageNotice() -> impl IntoView {
    let storage = expect_context::<Client>().storage;
    let words = Signal::derive(move || describe(storage.get()));
    let is_hidden = Signal::derive(move || words.with(|words| words.is_empty()));
    view! {
        <p class="notice" role="status" aria-label="Storage" hidden=is_hidden>
            {words}
        </p>
    }
}

fn describe(storage: StorageState) -> &'static str {
    match storage {
        StorageState::Works => "",
        StorageState::Fails => {
            "This browser does not store what waits to be sent. Keep this page open until it is sent."
        }
        StorageState::Unreadable => {
            "Something that waited in this browser could not be read, and was not sent."
        }
    }
}

/// Says so when the message is not here that the address leads to.
#[component]
pub fn LinkNotice() -> impl IntoView {
    let client = expect_context::<Client>();
    let is_hidden = Memo::new(move |_| !client.misses_marked());
    view! {
        <p class="notice" role="status" aria-label="Link" hidden=is_hidden>
            "The message of this link is not here: it was deleted, or is older than the 100 most recent."
        </p>
    }
}
