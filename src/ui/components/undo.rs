//! The way back for somebody who has just deleted a message.

use leptos::prelude::*;

use crate::client::{Client, UNDO, words};

/// Says that a message was deleted, and offers to bring it back.
#[component]
pub fn Undo() -> impl IntoView {
    let client = expect_context::<Client>();
    let is_idle = Signal::derive(move || client.deleted.with(Vec::is_empty));
    let words = words();
    let said = Signal::derive(move || if is_idle.get() { "" } else { words.deleted });
    view! {
        <div class="undo" data-idle=move || is_idle.get().then_some("")>
            <span role="status" aria-label=words.deletion>
                {said}
            </span>
            <button
                class="button button--small button--primary"
                type="button"
                id=UNDO
                on:click=move |_| client.restore()
            >
                {words.undo}
            </button>
        </div>
    }
}
