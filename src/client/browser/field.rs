//! Text fields: what stands in them, and how large they are.

use js_sys::Reflect;
use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Event, EventInit, HtmlDocument, HtmlTextAreaElement};

use super::{element, has_fine_pointer, has_focus, has_style};
use crate::client::COMPOSER;

/// What stands in a field.
pub fn typed(id: &str) -> String {
    element::<HtmlTextAreaElement>(id).map(|field| field.value()).unwrap_or_default()
}

/// A text area's text is no HTML here.
pub fn in_textarea(text: String) -> String {
    text
}

/// Writes into the text field of this id, in the place of what is selected there.
pub fn write_into(id: &str, text: &str) {
    if let Some((from, to)) = selection(id) {
        replace(id, from, to, text);
    }
}

/// What is selected in the text field of this id, in units of UTF-16.
pub fn selection(id: &str) -> Option<(u32, u32)> {
    let area = element::<HtmlTextAreaElement>(id)?;
    Some((area.selection_start().ok()??, area.selection_end().ok()??))
}

/// Puts a text in the place of a part of a text field, in units of UTF-16, as if it were typed: the
/// browser can undo it, and the field hears of it.
pub fn replace(id: &str, from: u32, to: u32, text: &str) {
    let Some(area) = element::<HtmlTextAreaElement>(id) else { return };
    if has_fine_pointer() {
        let _ = area.focus();
    }
    let _ = area.set_selection_range(from, to);
    let page: HtmlDocument = document().unchecked_into();
    let command = if text.is_empty() { "delete" } else { "insertText" };
    let is_done = has_focus(id)
        && page.exec_command_with_show_ui_and_value(command, false, text).unwrap_or_default();
    if !is_done {
        let _ = area.set_range_text_with_start_and_end(text, from, to);
        let end = from + text.encode_utf16().count() as u32;
        let _ = area.set_selection_range(end, end);
        let bubbling = EventInit::new();
        bubbling.set_bubbles(true);
        if let Ok(input) = Event::new_with_event_init_dict("input", &bubbling) {
            let _ = area.dispatch_event(&input);
        }
    }
}

/// Whether an input event is of a key that has typed something.
pub fn is_typed(event: &Event) -> bool {
    let kind = Reflect::get(event, &"inputType".into()).ok();
    kind.and_then(|kind| kind.as_string()).as_deref() == Some("insertText")
}

thread_local! {
    /// Whether fields grow by the stylesheet alone (CSS Basic User Interface 4, `field-sizing`).
    static GROWS: bool = has_style(COMPOSER, "field-sizing", "content");
}

/// Lets the text field of this id grow with its text, in browsers where a stylesheet cannot do that
/// alone: nothing has to be measured.
pub fn grow(id: &str) {
    if GROWS.with(|grows| *grows) {
        return;
    }
    if let Some(area) = element::<HtmlTextAreaElement>(id)
        && let Some(parent) = area.parent_element()
    {
        let _ = parent.set_attribute("data-text", &area.value());
    }
}

/// Selects a part of the text field of this id, in units of UTF-16.
pub fn select(id: &str, from: u32, to: u32) {
    if let Some(area) = element::<HtmlTextAreaElement>(id) {
        let _ = area.set_selection_range(from, to);
    }
}
