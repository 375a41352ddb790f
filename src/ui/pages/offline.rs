//! What the browser shows without a network, of a page that it has not kept.

use leptos::prelude::*;

use crate::{
    ui::components::icon::{Mast, NO},
    words::Documents,
};

#[component]
pub fn OfflinePage(words: &'static Documents) -> impl IntoView {
    view! {
        <main class="empty empty--page">
            <Mast flag=NO />
            <h1>{words.offline_heading}</h1>
            <p>{words.offline_about}</p>
            <p class="form__buttons">
                <a class="button button--primary" href="">
                    {words.offline_again}
                </a>
                <a class="button button--quiet" href="/">
                    {words.offline_back}
                </a>
            </p>
        </main>
    }
}
