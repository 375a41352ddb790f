//! What the browser shows without a network, of a page that it has not kept.

use leptos::prelude::*;

use crate::ui::components::icon::{NO, Signal};

#[component]
pub fn OfflinePage() -> impl IntoView {
    view! {
        <main class="empty empty--page">
            <Signal flag=NO />
            <h1>"You are offline"</h1>
            <p>
                "This page was not open here before, so Flack cannot show it now. What you have written is kept, and goes out when the network is back."
            </p>
            <p class="form__buttons">
                <a class="button button--primary" href="">
                    "Try again"
                </a>
                <a class="button button--quiet" href="/">
                    "Go where I was"
                </a>
            </p>
        </main>
    }
}
