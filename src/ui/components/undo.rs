//! The way back for somebody who has just deleted a message.

use leptos::prelude::*;

use crate::client::{Client, UNDO};

/// Says that a message was deleted, and offers to bring it back.
#[component]
pub fn Undo() -> impl IntoView {
    let client = expect_context::<Client>();
    let is_idle = Signal::derive(move || client.deleted.with(Option::is_none));
    let words = Signal::derive(move || if is_idle.get() { "" } else { "Message deleted." });
    view! {
        <div class="undo" data-idle=move || is_idle.get().then_some("")>
            <span role="status" aria-label="Deletion">
                {words}
            </span>
            <button
                class="button button--small button--primary"
                type="button"
                id=UNDO
                on:click=move |_| client.restore()
            >
                "Undo"
            </button>
        </div>
    }
}
