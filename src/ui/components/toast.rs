//! A sentence about what was just done, for a moment.

use leptos::prelude::*;

use crate::client::{Client, words};

#[component]
pub fn Toast() -> impl IntoView {
    let client = expect_context::<Client>();
    let is_idle = Signal::derive(move || client.said.with(String::is_empty));
    view! {
        <div class="undo" data-idle=move || is_idle.get().then_some("")>
            <span role="status" aria-label=words().notice>
                {client.said}
            </span>
        </div>
    }
}
