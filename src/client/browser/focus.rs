//! What has the focus, and where it goes.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, MouseEvent};

use super::{after_paint, element};

/// Puts the focus where the element of this id is.
pub fn focus(id: &str) {
    if let Some(element) = element::<HtmlElement>(id) {
        let _ = element.focus();
    }
}

/// Puts it there once what was done to the page is on the screen, because the page is laid out for it; unless
/// something else has taken it by then.
pub fn focus_soon(id: &'static str) {
    let before = document().active_element();
    after_paint(move || {
        let now = document().active_element();
        // Without a focus it is the body that has it.
        if now == before || now == document().body().map(Element::from) {
            focus(id);
        }
    });
}

/// Whether a message itself has the focus, and nothing in it.
pub fn has_message_focus() -> bool {
    let element = document().active_element();
    element.is_some_and(|element| element.tag_name() == "ARTICLE")
}

/// Whether the element that has the focus was reached with the keyboard, as far as the browser can
/// tell.
pub fn is_focus_visible() -> bool {
    let element = document().active_element();
    element.is_some_and(|element| element.matches(":focus-visible").unwrap_or_default())
}

/// Whether the element of this id has the focus.
pub fn has_focus(id: &str) -> bool {
    document().active_element().is_some_and(|element| element.id() == id)
}

/// What is written on the button that was pressed.
pub fn pressed_button(event: &MouseEvent) -> Option<String> {
    let target = event.target()?.dyn_into::<Element>().ok()?;
    target.closest("button").ok()??.text_content()
}

/// Presses the first button in the element of this id.
pub fn press_first(id: &str) {
    let button = element::<Element>(id).and_then(|it| it.query_selector("button").ok().flatten());
    if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
        button.click();
    }
}

/// Moves the focus among the buttons in the element of this id, as they lie on the screen. Gives
/// whether there was one where the arrow points.
pub fn follow_arrow(id: &str, key: &str) -> bool {
    let Some(within) = element::<Element>(id) else { return false };
    let Ok(list) = within.query_selector_all("button") else { return false };
    let buttons: Vec<HtmlElement> =
        (0..list.length()).filter_map(|at| list.get(at)?.dyn_into().ok()).collect();
    let here = document().active_element();
    let at = buttons.iter().position(|button| here.as_ref() == Some(button));
    let Some(at) = at else { return buttons.first().is_some_and(|first| first.focus().is_ok()) };
    let is_next = match key {
        "ArrowRight" => document().dir() != "rtl",
        "ArrowLeft" => document().dir() == "rtl",
        "ArrowDown" => true,
        _ => false,
    };
    let after = || buttons[at + 1..].iter();
    let before = || buttons[..at].iter().rev();
    let is_along = matches!(key, "ArrowLeft" | "ArrowRight");
    let target = match (is_along, is_next) {
        (true, true) => after().next(),
        (true, false) => before().next(),
        (false, true) => in_next_row(&buttons[at], after()),
        (false, false) => in_next_row(&buttons[at], before()),
    };
    target.is_some_and(|button| button.focus().is_ok())
}

/// The button above or below, if `others` lead away in that direction.
fn in_next_row<'a>(
    from: &HtmlElement,
    others: impl Iterator<Item = &'a HtmlElement>,
) -> Option<&'a HtmlElement> {
    let place = |button: &HtmlElement| {
        let lies = button.get_bounding_client_rect();
        (lies.top(), lies.left())
    };
    let (top, left) = place(from);
    let mut row = None;
    let mut best: Option<(f64, &HtmlElement)> = None;
    for button in others {
        let (its_top, its_left) = place(button);
        if its_top == top {
            continue;
        }
        if *row.get_or_insert(its_top) != its_top {
            break;
        }
        let distance = (its_left - left).abs();
        if best.is_none_or(|(nearest, _)| distance < nearest) {
            best = Some((distance, button));
        }
    }
    best.map(|(_, button)| button)
}
