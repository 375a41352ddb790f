//! The bar over a page: where one is, and whether the server can be heard.

use leptos::prelude::*;

use super::icon::{Icon, MENU};
use crate::{
    client::{Client, words},
    sync::link::LinkState,
};

#[component]
pub fn Bar<C: IntoView + 'static>(children: TypedChildren<C>) -> impl IntoView {
    let children = children.into_inner();
    view! {
        <header class="bar">
            <button
                class="button button--quiet button--icon bar__menu"
                type="button"
                popovertarget="sidebar"
                aria-label=words().show_channels
            >
                <Icon path=MENU />
            </button>
            {children()}
            <Status />
        </header>
    }
}

#[component]
fn Status() -> impl IntoView {
    let link = expect_context::<Client>().link;
    let state = Signal::derive(move || describe(link.get()).0);
    let told = Signal::derive(move || describe(link.get()).1);
    view! {
        <p class="status" role="status" aria-label=words().connection data-state=state>
            <span class="status__text">{told}</span>
        </p>
    }
}

fn describe(link: LinkState) -> (&'static str, &'static str) {
    let words = words();
    match link {
        LinkState::Starting => ("starting", words.connecting),
        LinkState::Live => ("live", words.connected),
        LinkState::Reconnecting => ("connecting", words.reconnecting),
        LinkState::Offline => ("offline", words.offline),
        LinkState::Stopped => ("offline", words.disconnected),
    }
}
