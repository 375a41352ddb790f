//! The bar over a page: where one is, and whether the server can be heard.

use leptos::prelude::*;

use super::icon::{Icon, MENU};
use crate::{client::Client, sync::link::LinkState};

#[component]
pub fn Bar<C: IntoView + 'static>(children: TypedChildren<C>) -> impl IntoView {
    let children = children.into_inner();
    view! {
        <header class="bar">
            <button
                class="button button--quiet button--icon bar__menu"
                type="button"
                popovertarget="sidebar"
                aria-label="Show channels"
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
    let words = Signal::derive(move || describe(link.get()).1);
    view! {
        <p class="status" role="status" aria-label="Connection" data-state=state>
            <span class="status__text">{words}</span>
        </p>
    }
}

fn describe(link: LinkState) -> (&'static str, &'static str) {
    match link {
        LinkState::Starting => ("starting", "Connecting…"),
        LinkState::Live => ("live", "Connected"),
        LinkState::Reconnecting => ("connecting", "Reconnecting…"),
        LinkState::Offline => ("offline", "Offline"),
        LinkState::Stopped => ("offline", "Disconnected. Reload the page."),
    }
}
