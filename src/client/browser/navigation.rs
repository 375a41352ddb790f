//! Where the page is, whether it is seen, and whether it has a network.

use leptos::{
    ev,
    prelude::{document, window, window_event_listener, window_event_listener_untyped},
};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlAnchorElement, MouseEvent, VisibilityState};

use crate::domain::address::Address;

/// Tells when the browser gains or loses its network, or the page is looked at again.
pub fn on_network_change(tell: impl Fn(bool) + Copy + 'static) {
    window_event_listener_untyped("online", move |_| tell(true));
    window_event_listener_untyped("offline", move |_| tell(false));
    window_event_listener_untyped("pageshow", move |_| tell(true));
    // A page can come out of the browser's store while there is no network.
    if !window().navigator().on_line() {
        tell(false);
    }
    // It bubbles from the document to the window.
    window_event_listener_untyped("visibilitychange", move |_| {
        if document().visibility_state() == VisibilityState::Visible
            && window().navigator().on_line()
        {
            tell(true);
        }
    });
}

/// Tells when the page may be gone at any moment.
pub fn on_leave(tell: impl Fn() + Copy + 'static) {
    // The first is before the next page is asked for, and the second when it is there.
    for event in ["beforeunload", "pagehide"] {
        window_event_listener_untyped(event, move |_| tell());
    }
    window_event_listener_untyped("visibilitychange", move |_| {
        if document().visibility_state() == VisibilityState::Hidden {
            tell();
        }
    });
}

pub fn is_visible() -> bool {
    document().visibility_state() == VisibilityState::Visible
}

/// Tells whether the page can be seen, when that changes.
pub fn on_visibility_change(tell: impl Fn(bool) + Copy + 'static) {
    window_event_listener_untyped("visibilitychange", move |_| tell(is_visible()));
}

/// Tells the path when a link within Flack was followed, or the browser went back or forward.
pub fn on_navigation(arrive: impl Fn(String) + Copy + 'static) {
    window_event_listener(ev::popstate, move |_| {
        if let Ok(path) = window().location().pathname() {
            arrive(path);
        }
    });
    window_event_listener(ev::click, move |event| {
        if let Some(path) = followed_link(&event) {
            event.prevent_default();
            push_path(&path);
            arrive(path);
        }
    });
}

/// The path of a plain click on a link to another page of Flack; everything else is the browser's.
fn followed_link(event: &MouseEvent) -> Option<String> {
    let is_plain = event.button() == 0
        && !event.default_prevented()
        && !(event.meta_key() || event.ctrl_key() || event.shift_key() || event.alt_key());
    let target = event.target()?.dyn_into::<Element>().ok()?;
    let link = target.closest("a[href]").ok()??.dyn_into::<HtmlAnchorElement>().ok()?;
    let location = window().location();
    let is_page = link.origin() == location.origin().ok()?
        && link.hash().is_empty()
        && !link.has_attribute("data-reload")
        && Address::of(&link.pathname()) != Address::Nowhere;
    (is_plain && is_page).then(|| link.pathname())
}

pub fn push_path(path: &str) {
    if let Ok(history) = window().history() {
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(path));
    }
}

pub fn replace_path(path: &str) {
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(path));
    }
}

/// Leaves this page for another, with nothing carried over.
pub fn load_page(path: &str) {
    let _ = window().location().assign(path);
}

pub fn reload() {
    let _ = window().location().reload();
}
