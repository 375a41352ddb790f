//! How far one has scrolled, and bringing into sight.

use leptos::prelude::{document, window};
use web_sys::{Element, FocusOptions, HtmlElement, ScrollIntoViewOptions, ScrollLogicalPosition};

use super::{element, has_style};
use crate::domain::position::Position;

/// How far the element of this id is scrolled above its end, in pixels. It is laid out from there, so
/// what browsers count is how far it is below.
pub fn scrolled_above(id: &str) -> f64 {
    document().get_element_by_id(id).map_or(0.0, |log| -f64::from(log.scroll_top()))
}

/// How high the window is, in pixels.
pub fn window_height() -> f64 {
    window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default()
}

/// Scrolls so that the element of this id can be seen, if there is one.
pub fn scroll_to(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        element.scroll_into_view();
    }
}

/// The last message of which the end can be seen in the element of this id.
pub fn last_seen(id: &str) -> Option<Position> {
    /// From the edge of the messages, where nothing lies over them.
    const INSET: f64 = 24.0;
    let log = document().get_element_by_id(id)?;
    let bottom = log.get_bounding_client_rect().bottom();
    let left = log.first_element_child()?.get_bounding_client_rect().left();
    let point = ((left + INSET) as f32, (bottom - 2.0) as f32);
    let mut at = document().element_from_point(point.0, point.1)?.closest("article").ok()?;
    while let Some(element) = at {
        let position = Position::of_anchor(&element.id());
        if position.is_some() && element.get_bounding_client_rect().bottom() <= bottom + 1.0 {
            return position;
        }
        at = element.previous_element_sibling();
    }
    None
}

/// Scrolls the element of this id so far above its end, or above the end of a message in it.
pub fn scroll_above(id: &str, message: Option<&str>, above: f64) {
    let element = |id: &str| document().get_element_by_id(id);
    let bottom = |element: Element| element.get_bounding_client_rect().bottom();
    let below = message.and_then(element).and_then(|message| {
        let last = message.parent_element()?.last_element_child()?;
        Some(bottom(last) - bottom(message))
    });
    if let Some(log) = element(id) {
        log.set_scroll_top(-(above + below.unwrap_or_default()).round() as i32);
    }
}

/// Brings a message into sight, gives it the focus, and lets it shine up for a moment.
pub fn show_message(id: &str) {
    let Some(message) = element::<HtmlElement>(id) else { return };
    let options = ScrollIntoViewOptions::new();
    options.set_block(ScrollLogicalPosition::Center);
    message.scroll_into_view_with_scroll_into_view_options(&options);
    let focus = FocusOptions::new();
    focus.set_prevent_scroll(true);
    let _ = message.focus_with_options(&focus);
    let classes = message.class_list();
    let _ = classes.remove_1(FLASH);
    // Asked for its width, the browser begins the animation anew.
    let _ = message.offset_width();
    let _ = classes.add_1(FLASH);
}

const FLASH: &str = "message--flash";

/// Whether what somebody looks at in an element stays where it is while other things come and go around it
/// (CSS Scroll Anchoring Level 1), which Safari cannot.
pub fn is_anchored(id: &str) -> bool {
    has_style(id, "overflow-anchor", "auto")
}

/// Scrolls until the element of this id can be seen, if it cannot.
pub fn reveal(id: &str) {
    scroll_near(element(id));
}

/// Likewise what is marked as the current page in the element of this id.
pub fn reveal_current(id: &str) {
    let within = element::<Element>(id);
    let current = within.and_then(|it| it.query_selector("[aria-current]").ok().flatten());
    scroll_near(current);
}

fn scroll_near(element: Option<Element>) {
    if let Some(element) = element {
        let nearest = ScrollIntoViewOptions::new();
        nearest.set_block(ScrollLogicalPosition::Nearest);
        element.scroll_into_view_with_scroll_into_view_options(&nearest);
    }
}
