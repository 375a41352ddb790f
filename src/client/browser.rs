//! The browser: its socket, its storage, its clock and its page.
//!
//! Storage may be full, blocked or absent. Then nothing is remembered, and everything else works; a
//! page says so when that matters.

use std::{cell::Cell, rc::Rc, sync::OnceLock};

use chrono::{DateTime, Utc};
use gloo_storage::{LocalStorage, Storage};
use js_sys::{Date, Function, Promise, Reflect};
use leptos::{
    ev,
    prelude::{document, window, window_event_listener, window_event_listener_untyped},
};
use send_wrapper::SendWrapper;
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::{
    ClipboardEvent, CloseEvent, DataTransfer, DragEvent, Element, Event, EventInit, File, FileList,
    FocusOptions, HtmlAnchorElement, HtmlDocument, HtmlElement, HtmlInputElement,
    HtmlTextAreaElement, KeyboardEvent, MessageEvent, MouseEvent, Node, ProgressEvent,
    ScrollIntoViewOptions, ScrollLogicalPosition, VisibilityState, WebSocket, XmlHttpRequest,
    console,
};

use super::{COMPOSER, PAGE, SocketEvent, keys::Press, upload::SendingEvent};
use crate::{
    domain::{
        address::Address,
        command::CommandId,
        json,
        page::Page,
        person::{Person, PersonId},
        position::Position,
        theme::Theme,
    },
    sync::{Input, Moment, outbox::Pending},
    words::{Language, Words},
};

/// From here on a difference of clocks, in milliseconds, is not by chance.
const SLEEP: f64 = 5_000.0;

/// What the server has put into the page, to go on from.
pub fn page() -> Option<Page> {
    json::read(&document().get_element_by_id(PAGE)?.text_content()?).ok()
}

/// A live socket. Dropping it closes it, and it says nothing any more.
///
/// A page has one thread, so what would not bear another may stand where the server's threads
/// could.
pub struct Socket(SendWrapper<Parts>);

struct Parts {
    socket: WebSocket,
    _opened: Closure<dyn Fn()>,
    _frame: Closure<dyn Fn(MessageEvent)>,
    _closed: Closure<dyn Fn(CloseEvent)>,
}

impl Socket {
    pub fn send(&self, text: &str) {
        // One that is closing says so by itself; what was to be sent goes out with the next.
        if self.0.socket.ready_state() == WebSocket::OPEN {
            let _ = self.0.socket.send_with_str(text);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let socket = &self.0.socket;
        socket.set_onopen(None);
        socket.set_onmessage(None);
        socket.set_onclose(None);
        let _ = socket.close();
    }
}

/// Opens the live socket of this page's server.
pub fn connect(hear: impl Fn(SocketEvent) + Copy + 'static) -> Option<Socket> {
    let location = window().location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    let socket = WebSocket::new(&format!("{scheme}://{}/live", location.host().ok()?)).ok()?;
    let opened = Closure::<dyn Fn()>::new(move || hear(SocketEvent::Opened));
    let frame = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(text) = event.data().as_string() {
            hear(SocketEvent::Frame(text));
        }
    });
    let closed = Closure::<dyn Fn(CloseEvent)>::new(move |event: CloseEvent| {
        let code = event.code();
        // Dropping the socket within its own callback would drop what is running.
        leptos::prelude::queue_microtask(move || hear(SocketEvent::Closed(Some(code))));
    });
    socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
    socket.set_onmessage(Some(frame.as_ref().unchecked_ref()));
    socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
    let parts = Parts { socket, _opened: opened, _frame: frame, _closed: closed };
    Some(Socket(SendWrapper::new(parts)))
}

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

thread_local! {
    /// How far the calendar was ahead of the page's clock at most.
    static AHEAD: Cell<f64> = const { Cell::new(f64::NEG_INFINITY) };
    /// The same, when it was asked last whether the computer has slept.
    static AWAKE: Cell<f64> = const { Cell::new(f64::INFINITY) };
}

/// How far the calendar is ahead of the page's clock, which may stand still while the computer sleeps.
fn ahead(clock: f64) -> f64 {
    let ahead = Date::now() - clock;
    AHEAD.set(AHEAD.get().max(ahead));
    ahead
}

/// A clock that does not go back when the computer's is set, and has not stood still in sleep.
pub fn now() -> Moment {
    let clock = window().performance().map_or(0.0, |performance| performance.now());
    ahead(clock);
    let millis = clock + AHEAD.get();
    Moment { millis: millis as u64, random: js_sys::Math::random() }
}

/// Whether the computer has slept since this was asked last: the page's own clock may stand still
/// then, but the calendar goes on. Somebody who sets the calendar is taken for sleep.
pub fn has_slept() -> bool {
    let Some(performance) = window().performance() else { return false };
    let ahead = ahead(performance.now());
    ahead > AWAKE.replace(ahead) + SLEEP
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

/// The browser's storage, unless it is blocked: then the library would panic.
fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

fn read<T: DeserializeOwned>(key: &str) -> Option<T> {
    storage()?;
    let text = LocalStorage::raw().get_item(key).ok()??;
    json::read(&text).ok()
}

/// Gives whether it was stored.
fn write(key: &str, value: impl Serialize) -> bool {
    storage().is_some() && LocalStorage::set(key, value).is_ok()
}

fn stored_keys() -> Vec<String> {
    let Some(storage) = storage() else { return Vec::new() };
    let keys = 0..storage.length().unwrap_or_default();
    keys.filter_map(|index| storage.key(index).ok().flatten()).collect()
}

fn erase(key: &str) {
    if storage().is_some() {
        LocalStorage::delete(key);
    }
}

const ROOM: &str = "flack.room";
const ROOMS: &str = "flack.rooms";

/// How many rooms are remembered as open last.
const RECENT: usize = 50;

/// The paths of the rooms that were open last in this browser, the last one first.
pub fn recent_rooms() -> Vec<String> {
    read(ROOMS).unwrap_or_default()
}

/// The path of the room that was open last.
pub fn remembered_room() -> Option<String> {
    read(ROOM)
}

pub fn remember_room(path: &str) {
    let _ = write(ROOM, path);
    let mut recent = recent_rooms();
    recent.retain(|other| other != path);
    recent.insert(0, path.to_owned());
    recent.truncate(RECENT);
    let _ = write(ROOMS, recent);
}

fn draft_key(me: PersonId, place: &str) -> String {
    format!("flack.draft.{}.{place}", me.0)
}

/// What somebody typed in a place, and did not send.
pub fn draft(me: PersonId, place: &str) -> String {
    read(&draft_key(me, place)).unwrap_or_default()
}

/// Gives whether it was stored.
pub fn save_draft(me: PersonId, place: &str, text: &str) -> bool {
    let key = draft_key(me, place);
    if text.is_empty() {
        erase(&key);
        true
    } else {
        write(&key, text)
    }
}

/// What stands in a field.
pub fn typed(id: &str) -> String {
    element::<HtmlTextAreaElement>(id).map(|field| field.value()).unwrap_or_default()
}

/// All places where somebody typed something, and did not send it.
pub fn draft_keys(me: PersonId) -> Vec<String> {
    let prefix = draft_key(me, "");
    let place = |key: String| key.strip_prefix(&prefix).map(str::to_owned);
    stored_keys().into_iter().filter_map(place).collect()
}

const EMOJI: &str = "flack.emoji";

/// The emoji that were used last in this browser, the last one first.
pub fn recent_emoji() -> Vec<String> {
    read(EMOJI).unwrap_or_default()
}

pub fn remember_emoji(recent: &[String]) {
    let _ = write(EMOJI, recent);
}

/// Before the key of what could not be read.
const UNREADABLE: &str = "unreadable.";

/// One key a command, so that the tabs of a browser do not write over each other.
fn outbox_key(me: &Person) -> String {
    format!("flack.outbox.{}.", me.id.0)
}

/// What waits in the storage, and whether something in it could not be read. That is put aside, so
/// that it is neither lost nor told again.
pub fn load_outbox(me: &Person) -> (Vec<Pending>, bool) {
    let prefix = outbox_key(me);
    let Some(storage) = storage() else { return (Vec::new(), false) };
    let keys: Vec<String> =
        stored_keys().into_iter().filter(|key| key.starts_with(&prefix)).collect();
    let pending: Vec<Pending> = keys.iter().filter_map(|key| read(key)).collect();
    let is_whole = pending.len() == keys.len();
    for key in keys.iter().filter(|key| read::<Pending>(key).is_none()) {
        let text = storage.get_item(key).ok().flatten().unwrap_or_default();
        if storage.set_item(&format!("{UNREADABLE}{key}"), &text).is_ok() {
            erase(key);
        }
    }
    (pending, !is_whole)
}

/// Gives whether it was stored.
pub fn keep(me: &Person, pending: &Pending) -> bool {
    write(&(outbox_key(me) + pending.id.as_str()), pending)
}

/// Tells what other tabs of this browser put into the outbox and take out of it.
pub fn on_outbox_change(me: &Person, tell: impl Fn(Input) + Copy + 'static) {
    let prefix = outbox_key(me);
    window_event_listener(ev::storage, move |event| {
        let key = event.key().unwrap_or_default();
        let Some(id) = key.strip_prefix(&prefix) else { return };
        let input = match event.new_value() {
            Some(text) => json::read(&text).ok().map(Input::Kept),
            None => CommandId::try_from(id.to_owned()).ok().map(Input::Forgotten),
        };
        input.into_iter().for_each(tell);
    });
}

pub fn forget(me: &Person, id: &CommandId) {
    erase(&(outbox_key(me) + id.as_str()));
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

/// The time as it is written for machines.
pub fn iso_time(at: DateTime<Utc>) -> String {
    Date::new(&millis(at).into()).to_iso_string().into()
}

/// The time of day.
pub fn clock_time(at: DateTime<Utc>) -> String {
    clock(millis(at))
}

/// Everything about the time.
pub fn exact_time(at: DateTime<Utc>) -> String {
    exact(millis(at))
}

/// The number of the day.
pub fn day(at: DateTime<Utc>) -> i32 {
    day_of(millis(at))
}

pub fn today() -> i32 {
    day_of(Date::now())
}

/// What the day is called today.
pub fn day_name(at: DateTime<Utc>) -> String {
    name_of_day(millis(at))
}

fn millis(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64
}

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

/// Tells tests and styles that clicks are heard from now on.
pub fn mark_hydrated() {
    if let Some(body) = document().body() {
        let _ = body.set_attribute("data-hydrated", "");
    }
}

/// Leaves this page for another, with nothing carried over.
pub fn load_page(path: &str) {
    let _ = window().location().assign(path);
}

pub fn reload() {
    let _ = window().location().reload();
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

/// Lets a screen reader say what is added to the element of this id (WAI-ARIA 1.2, `aria-live`).
pub fn announce(id: &str) {
    if let Some(element) = element::<Element>(id) {
        let _ = element.set_attribute("aria-live", "polite");
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

/// The message in which something happens.
pub fn message_of(event: &Event) -> Option<Position> {
    let target = event.target()?.dyn_into::<Element>().ok()?;
    let message = target.closest("article[id]").ok()??;
    message.id().strip_prefix('m')?.parse().ok().map(Position)
}

/// Whether a message itself has the focus, and nothing in it.
pub fn has_message_focus() -> bool {
    let element = document().active_element();
    element.is_some_and(|element| element.tag_name() == "ARTICLE")
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

/// Whether taking the focus is help: with a touch screen it would bring up the keyboard.
pub fn has_fine_pointer() -> bool {
    matches_media("(pointer: fine)")
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

/// A file that somebody has given to the page.
pub struct ChosenFile(SendWrapper<File>);

impl ChosenFile {
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.0.size() as u64
    }
}

fn files(list: Option<FileList>) -> Vec<ChosenFile> {
    let Some(list) = list else { return Vec::new() };
    let files = (0..list.length()).filter_map(|place| list.get(place));
    files.map(|file| ChosenFile(SendWrapper::new(file))).collect()
}

/// What was chosen in an input, which is empty after that.
pub fn chosen_files(event: &Event) -> Vec<ChosenFile> {
    let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
    let Some(input) = input else { return Vec::new() };
    let files = files(input.files());
    input.set_value("");
    files
}

pub fn dropped_files(event: &DragEvent) -> Vec<ChosenFile> {
    files(event.data_transfer().and_then(|data| data.files()))
}

/// Whether files are dragged, and not text.
pub fn has_files(event: &DragEvent) -> bool {
    let types = event.data_transfer().map(|data: DataTransfer| data.types());
    types.is_some_and(|types| types.includes(&"Files".into(), 0))
}

/// Cells of a table and parts of a document come as words and as a picture of them: they are words.
pub fn pasted_files(event: &ClipboardEvent) -> Vec<ChosenFile> {
    let Some(data) = event.clipboard_data() else { return Vec::new() };
    let types = data.types();
    let has = |kind: &str| types.includes(&kind.into(), 0);
    if has("text/plain") && has("text/html") { Vec::new() } else { files(data.files()) }
}

/// A file that is being sent. Dropping it cancels that, and it says nothing any more.
pub struct Sending(SendWrapper<SendingParts>);

struct SendingParts {
    request: XmlHttpRequest,
    _progress: Closure<dyn Fn(ProgressEvent)>,
    _ended: Closure<dyn Fn()>,
}

impl Drop for Sending {
    fn drop(&mut self) {
        let request = &self.0.request;
        request.set_onloadend(None);
        if let Ok(upload) = request.upload() {
            upload.set_onprogress(None);
        }
        let _ = request.abort();
    }
}

/// Sends a file to this page's server, and tells how far it is. Only this kind of request says so.
pub fn send_file(file: &ChosenFile, tell: impl Fn(SendingEvent) + 'static) -> Option<Sending> {
    let request = XmlHttpRequest::new().ok()?;
    let name: String = js_sys::encode_uri_component(&file.name()).into();
    request.open("POST", &format!("/files?name={name}")).ok()?;
    let tell = Rc::new(tell);
    let progress = Closure::<dyn Fn(ProgressEvent)>::new({
        let tell = tell.clone();
        move |event: ProgressEvent| {
            let percent = event.loaded() / event.total().max(1.0) * 100.0;
            tell(SendingEvent::Progress(percent as u8));
        }
    });
    let ended = Closure::<dyn Fn()>::new({
        let request = request.clone();
        move || {
            let status = request.status().unwrap_or_default();
            let body = request.response_text().ok().flatten().unwrap_or_default();
            tell(match status {
                0 => SendingEvent::Failed,
                status => SendingEvent::Answered(status, body),
            });
        }
    });
    request.upload().ok()?.set_onprogress(Some(progress.as_ref().unchecked_ref()));
    request.set_onloadend(Some(ended.as_ref().unchecked_ref()));
    request.send_with_opt_blob(Some(&file.0)).ok()?;
    let parts = SendingParts { request, _progress: progress, _ended: ended };
    Some(Sending(SendWrapper::new(parts)))
}

/// Asks the server to remove something, and does not wait for its answer.
pub fn delete(path: &str) {
    if let Ok(request) = XmlHttpRequest::new()
        && request.open("DELETE", path).is_ok()
    {
        let _ = request.send();
    }
}

/// Whether what is dragged has left the element that listens, and not just one in it.
pub fn has_left(event: &DragEvent) -> bool {
    let zone = event.current_target().and_then(|zone| zone.dyn_into::<Element>().ok());
    let to = event.related_target().and_then(|to| to.dyn_into::<Node>().ok());
    zone.is_none_or(|zone| !zone.contains(to.as_ref()))
}

/// Whether the element that listens was pressed itself, and nothing in it.
pub fn is_itself(event: &MouseEvent) -> bool {
    event.target().is_some() && event.target() == event.current_target()
}

/// A text area's text is no HTML here.
pub fn in_textarea(text: String) -> String {
    text
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

const PLAIN_KEYS: &str = "flack.plain-keys";

/// Whether keys that type a sign do something where there is nothing to type into. Whoever speaks to
/// their computer may have to turn that off (WCAG 2.1.4).
pub fn has_plain_keys() -> bool {
    read(PLAIN_KEYS).unwrap_or(true)
}

pub fn set_plain_keys(is_on: bool) {
    let _ = write(PLAIN_KEYS, is_on);
}

thread_local! {
    static IS_MAC: bool =
        window().navigator().user_agent().is_ok_and(|agent| agent.contains("Mac OS"));
    /// Whether fields grow by the stylesheet alone (CSS Basic User Interface 4, `field-sizing`).
    static GROWS: bool = has_style(COMPOSER, "field-sizing", "content");
}

/// Whether the browser knows a property that is set so for an element.
fn has_style(id: &str, property: &str, value: &str) -> bool {
    element::<Element>(id)
        .and_then(|element| window().get_computed_style(&element).ok()?)
        .is_some_and(|style| style.get_property_value(property).as_deref() == Ok(value))
}

/// Whether what somebody looks at in an element stays where it is while other things come and go around it
/// (CSS Scroll Anchoring Level 1), which Safari cannot.
pub fn is_anchored(id: &str) -> bool {
    has_style(id, "overflow-anchor", "auto")
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

/// Whether an input event is of a key that has typed something.
pub fn is_typed(event: &Event) -> bool {
    let kind = Reflect::get(event, &"inputType".into()).ok();
    kind.and_then(|kind| kind.as_string()).as_deref() == Some("insertText")
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

/// Scrolls until the element of this id can be seen, if it cannot.
pub fn reveal(id: &str) {
    if let Some(element) = element::<Element>(id) {
        let nearest = ScrollIntoViewOptions::new();
        nearest.set_block(ScrollLogicalPosition::Nearest);
        element.scroll_into_view_with_scroll_into_view_options(&nearest);
    }
}
