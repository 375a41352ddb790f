//! Keys, and what they lead to.

use leptos::{
    ev,
    prelude::{document, window, window_event_listener},
};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlAnchorElement, KeyboardEvent};

use super::is_covered;
use crate::client::keys::Press;

thread_local! {
    static IS_MAC: bool =
        window().navigator().user_agent().is_ok_and(|agent| agent.contains("Mac OS"));
}

/// Whether this is a Mac, whose keys are others.
pub fn is_mac() -> bool {
    IS_MAC.with(|is_mac| *is_mac)
}

/// What was pressed; none while it belongs to an input method, in which a word is being composed.
pub fn press(event: &KeyboardEvent) -> Option<Press> {
    let (command, other) = match is_mac() {
        true => (event.meta_key(), event.ctrl_key()),
        false => (event.ctrl_key(), event.meta_key()),
    };
    let is_composing = event.is_composing() || event.key_code() == 229;
    (!is_composing && !other).then(|| Press {
        key: event.key(),
        command,
        alt: event.alt_key(),
        shift: event.shift_key(),
    })
}

/// Tells every key that nothing else has taken, and whether there is nothing to type into. What is
/// obeyed is not for the browser.
pub fn on_key(obey: impl Fn(&Press, bool) -> bool + 'static) {
    window_event_listener(ev::keydown, move |event| {
        let Some(press) = press(&event).filter(|_| !event.default_prevented()) else { return };
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let takes_text = "input, textarea, select";
        let is_field = target.is_some_and(|it| it.matches(takes_text).unwrap_or_default());
        let is_outside = !is_field && !is_covered();
        if obey(&press, is_outside) {
            event.prevent_default();
        }
    });
}

/// Goes so many rooms down in the list, in the order in which it is shown; of those whose paths are
/// wanted.
pub fn step_room(by: i32, is_wanted: impl Fn(&str) -> bool) {
    let Ok(list) = document().query_selector_all(".channels a") else { return };
    let links: Vec<HtmlAnchorElement> =
        (0..list.length()).filter_map(|at| list.get(at)?.dyn_into().ok()).collect();
    let here = links.iter().position(|link| link.has_attribute("aria-current"));
    let count = links.len() as i32;
    let start = here.map_or(if by < 0 { count } else { -1 }, |at| at as i32);
    let steps = 1..=count - i32::from(here.is_some());
    let mut on = steps.map(|step| &links[(start + step * by).rem_euclid(count) as usize]);
    if let Some(link) = on.find(|link| is_wanted(&link.pathname())) {
        link.click();
    }
}
