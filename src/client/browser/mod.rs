//! The browser, in parts that the rest of the client need not tell apart.

mod clock;
mod field;
mod files;
mod focus;
mod keyboard;
mod navigation;
mod scrolling;
mod socket;
mod storage;

use std::sync::OnceLock;

use js_sys::{Function, Promise, Reflect};
use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::{Element, Event, HtmlElement, MouseEvent, XmlHttpRequest, console};

pub use self::{
    clock::*, field::*, files::*, focus::*, keyboard::*, navigation::*, scrolling::*, socket::*,
    storage::*,
};
use super::PAGE;
use crate::{
    domain::{
        command::CommandId, json, page::Page, person::PersonId, position::Position, theme::Theme,
    },
    words::{Language, Words},
};

/// What the server has put into the page, to go on from.
pub fn page() -> Option<Page> {
    json::read(&document().get_element_by_id(PAGE)?.text_content()?).ok()
}

pub fn draw_command_id() -> CommandId {
    let mut bytes = [0; 16];
    let is_random = window()
        .crypto()
        .is_ok_and(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).is_ok());
    if !is_random {
        bytes.fill_with(|| (js_sys::Math::random() * 256.0) as u8);
    }
    CommandId::from_random(bytes)
}

/// The script of the page, `ui/page.js`. It writes times as the reader is used to, also what the server
/// rendered before this program is there, and does what is shorter in its language.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = flack)]
    fn clock(at: f64) -> String;
    #[wasm_bindgen(js_namespace = flack)]
    fn exact(at: f64) -> String;
    #[wasm_bindgen(js_namespace = flack, js_name = day)]
    fn day_of(at: f64) -> i32;
    #[wasm_bindgen(js_namespace = flack, js_name = name)]
    fn name_of_day(at: f64) -> String;
    #[wasm_bindgen(js_namespace = flack, js_name = keep)]
    pub fn keep_page(path: &str);
    #[wasm_bindgen(js_namespace = flack, js_name = read)]
    fn carry(me: f64, message: &str);
    #[wasm_bindgen(js_namespace = flack, js_name = tab)]
    pub fn show_tab(title: &str, is_unread: bool);
    #[wasm_bindgen(js_namespace = flack)]
    pub fn tell(title: &str, text: &str, path: &str, tag: &str, is_seen: bool);
    #[wasm_bindgen(js_namespace = flack)]
    pub fn withdraw(tag: &str);
    #[wasm_bindgen(js_namespace = flack)]
    fn painted(then: JsValue);
    #[wasm_bindgen(js_namespace = flack)]
    fn listen(hear: Closure<dyn Fn(String, bool, String) -> String>);
}

/// Tells the page that comes next that somebody has read up to the message of this address.
pub fn carry_read(me: PersonId, message: &str) {
    carry(me.0.0 as f64, message);
}

/// Tells the actions of forms that the script has sent, whether that is done, and the answers; and says
/// in the form what comes back.
pub fn on_answer(hear: impl Fn(&str, bool, &str) -> String + 'static) {
    listen(Closure::new(move |action: String, is_done, answer: String| {
        hear(&action, is_done, &answer)
    }));
}

/// Does something once what was done to the page is on the screen.
pub fn after_paint(then: impl FnOnce() + 'static) {
    // One type for all, or each would bring its own way in from JavaScript.
    let then: Box<dyn FnOnce()> = Box::new(then);
    painted(Closure::once_into_js(then));
}

static WORDS: OnceLock<Words> = OnceLock::new();

/// What the page says from now on.
pub fn speak(words: Words) {
    let _ = WORDS.set(words);
}

/// What the page says. It is set before there is a page.
pub fn words() -> &'static Words {
    WORDS.get().expect("the page speaks")
}

/// The language that somebody has chosen for this browser, if they have.
pub fn chosen_language() -> Option<Language> {
    let root = document().document_element();
    Language::of(&root.and_then(|root| root.get_attribute("data-language"))?)
}

/// The colours that the page is in.
pub fn theme() -> Theme {
    let root = document().document_element();
    let theme = root.and_then(|root| root.get_attribute("data-theme"));
    theme.map(|theme| Theme::of(&theme)).unwrap_or_default()
}

/// Tells tests and styles that clicks are heard from now on.
pub fn mark_hydrated() {
    if let Some(body) = document().body() {
        let _ = body.set_attribute("data-hydrated", "");
    }
}

fn element<T: JsCast>(id: &str) -> Option<T> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

pub fn hide_popover(id: &str) {
    if let Some(element) = element::<HtmlElement>(id) {
        let _ = element.hide_popover();
    }
}

pub fn toggle_popover(id: &str) {
    // Over a picture in large it could be seen, and not used.
    if let Some(element) = element::<HtmlElement>(id)
        && !is_there("dialog[open]")
    {
        let _ = element.toggle_popover();
    }
}

fn is_there(selector: &str) -> bool {
    document().query_selector(selector).is_ok_and(|found| found.is_some())
}

/// Whether a card or a picture is over the page.
pub fn is_covered() -> bool {
    is_there(":popover-open, dialog[open]")
}

/// Whether the popover of this id is open.
pub fn is_open(id: &str) -> bool {
    element::<Element>(id).is_some_and(|it| it.matches(":popover-open").unwrap_or_default())
}

/// Whether a popover is about to open, and not to close.
pub fn opens(event: &Event) -> bool {
    Reflect::get(event, &"newState".into()).is_ok_and(|state| state == "open")
}

/// Lets a screen reader say what is added to the element of this id (WAI-ARIA 1.2, `aria-live`).
pub fn announce(id: &str) {
    if let Some(element) = element::<Element>(id) {
        let _ = element.set_attribute("aria-live", "polite");
    }
}

/// The message in which something happens.
pub fn message_of(event: &Event) -> Option<Position> {
    let target = event.target()?.dyn_into::<Element>().ok()?;
    let message = target.closest("article[id]").ok()??;
    message.id().strip_prefix('m')?.parse().ok().map(Position)
}

/// Whether something happens in what a selector means.
pub fn is_in(event: &Event, selector: &str) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.closest(selector).is_ok_and(|found| found.is_some()))
}

/// The whole address of a path.
pub fn url(path: &str) -> String {
    window().location().origin().unwrap_or_default() + path
}

/// Copies a text, and tells whether the browser lets a page do that.
pub fn copy(text: &str, tell: impl Fn(bool) + Clone + 'static) {
    // It is not there where the page came without TLS.
    let clipboard = Reflect::get(&window().navigator(), &"clipboard".into()).unwrap_or_default();
    let write = Reflect::get(&clipboard, &"writeText".into()).ok();
    let write = write.and_then(|write| write.dyn_into::<Function>().ok());
    let writing = write.and_then(|write| write.call1(&clipboard, &text.into()).ok());
    let Some(writing) = writing.and_then(|writing| writing.dyn_into::<Promise>().ok()) else {
        return tell(false);
    };
    let told = tell.clone();
    let copied = Closure::once(move |_: JsValue| told(true));
    let refused = Closure::once(move |_: JsValue| tell(false));
    let _ = writing.then2(&copied, &refused);
    // One of them is called, and then both are of no use any more; the page does not copy often.
    copied.forget();
    refused.forget();
}

/// Whether taking the focus is help: with a touch screen it would bring up the keyboard.
pub fn has_fine_pointer() -> bool {
    matches_media("(pointer: fine)")
}

/// Whether a mouse points at the element of this id.
pub fn is_pointed_at(id: &str) -> bool {
    let is_hovered = |it: Element| it.matches(":hover").unwrap_or_default();
    has_fine_pointer() && element::<Element>(id).is_some_and(is_hovered)
}

/// Whether one points with a finger first, and so types on the screen. Where nothing points, nothing says so.
pub fn has_coarse_pointer() -> bool {
    matches_media("(pointer: coarse)")
}

fn matches_media(query: &str) -> bool {
    let query = window().match_media(query).ok().flatten();
    query.is_some_and(|query| query.matches())
}

pub fn warn(message: &str) {
    console::warn_1(&message.into());
}

/// Whether the element that listens was pressed itself, and nothing in it.
pub fn is_itself(event: &MouseEvent) -> bool {
    event.target().is_some() && event.target() == event.current_target()
}

/// Asks the server for a file, and tells what is in it, or that it could not be had.
pub fn fetch(path: &str, tell: impl FnOnce(Option<String>) + 'static) {
    let Ok(request) = XmlHttpRequest::new() else { return tell(None) };
    let asked = request.clone();
    let ended = Closure::once_into_js(move || {
        let text = asked.response_text().ok().flatten();
        tell(text.filter(|_| asked.status() == Ok(200)));
    });
    request.set_onloadend(Some(ended.unchecked_ref()));
    if request.open("GET", path).is_ok() {
        let _ = request.send();
    }
}

/// Whether the browser knows a property that is set so for an element.
fn has_style(id: &str, property: &str, value: &str) -> bool {
    element::<Element>(id)
        .and_then(|element| window().get_computed_style(&element).ok()?)
        .is_some_and(|style| style.get_property_value(property).as_deref() == Ok(value))
}
