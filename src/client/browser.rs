//! The browser: its socket, its storage, its clock and its page.
//!
//! Storage may be full, blocked or absent. Then nothing is remembered, and everything else works; a
//! page says so when that matters.

use std::{cell::Cell, rc::Rc};

use chrono::{DateTime, Utc};
use gloo_storage::{LocalStorage, Storage};
use js_sys::{Date, Object, Reflect};
use leptos::{
    ev,
    prelude::{document, window, window_event_listener, window_event_listener_untyped},
};
use send_wrapper::SendWrapper;
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{
    ClipboardEvent, CloseEvent, DataTransfer, DragEvent, Element, Event, File, FileList,
    HtmlAnchorElement, HtmlElement, HtmlInputElement, MessageEvent, MouseEvent, Node,
    ProgressEvent, VisibilityState, WebSocket, XmlHttpRequest, console,
};

use super::{SocketEvent, upload::SendingEvent};
use crate::{
    domain::{address::Address, command::CommandId, person::Person},
    sync::{Input, Moment, outbox::Pending},
};

/// From here on a difference of clocks, in milliseconds, is not by chance.
const SLEEP: f64 = 5_000.0;

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
    // It bubbles from the document to the window.
    window_event_listener_untyped("visibilitychange", move |_| {
        if document().visibility_state() == VisibilityState::Visible
            && window().navigator().on_line()
        {
            tell(true);
        }
    });
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
        && link.target().is_empty()
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

pub fn set_title(title: &str) {
    document().set_title(title);
}

/// A clock that does not go back when the computer's is set.
pub fn now() -> Moment {
    let millis = window()
        .performance()
        .map_or_else(Date::now, |performance| performance.time_origin() + performance.now());
    Moment { millis: millis as u64, random: js_sys::Math::random() }
}

thread_local! {
    /// How far the calendar was ahead of the page's clock when this was asked last.
    static AHEAD: Cell<f64> = const { Cell::new(f64::INFINITY) };
}

/// Whether the computer has slept since this was asked last: the page's own clock may stand still
/// then, but the calendar goes on. Somebody who sets the calendar is taken for sleep.
pub fn has_slept() -> bool {
    let Some(performance) = window().performance() else { return false };
    let ahead = Date::now() - performance.now();
    ahead > AHEAD.replace(ahead) + SLEEP
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
    storage().and_then(|_| LocalStorage::get(key).ok())
}

/// Gives whether it was stored.
fn write(key: &str, value: impl Serialize) -> bool {
    storage().is_some() && LocalStorage::set(key, value).is_ok()
}

fn erase(key: &str) {
    if storage().is_some() {
        LocalStorage::delete(key);
    }
}

const ROOM: &str = "flack.room";

/// The path of the room that was open last.
pub fn remembered_room() -> Option<String> {
    read(ROOM)
}

pub fn remember_room(path: &str) {
    let _ = write(ROOM, path);
}

fn draft_key(room: &str) -> String {
    format!("flack.draft.{room}")
}

/// What was typed in the room of this path, and not sent.
pub fn draft(room: &str) -> String {
    read(&draft_key(room)).unwrap_or_default()
}

pub fn save_draft(room: &str, text: &str) {
    if text.is_empty() {
        erase(&draft_key(room));
    } else {
        let _ = write(&draft_key(room), text);
    }
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
    let keys: Vec<String> = (0..storage.length().unwrap_or_default())
        .filter_map(|index| storage.key(index).ok().flatten())
        .filter(|key| key.starts_with(&prefix))
        .collect();
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
            Some(text) => serde_json::from_str(&text).ok().map(Input::Kept),
            None => CommandId::try_from(id.to_owned()).ok().map(Input::Forgotten),
        };
        input.into_iter().for_each(tell);
    });
}

pub fn forget(me: &Person, id: &CommandId) {
    erase(&(outbox_key(me) + id.as_str()));
}

/// The time in the reader's zone and habit, with the day if it is not today's.
///
/// The script in `ui/app.rs` does the same for what the server rendered.
pub fn clock_time(at: DateTime<Utc>) -> String {
    let date = date(at);
    let is_today = date.to_date_string() == Date::new_0().to_date_string();
    let day: &[_] = if is_today { &[] } else { &[("day", "numeric"), ("month", "short")] };
    format(&date, [day, &[("hour", "2-digit"), ("minute", "2-digit")]].concat())
}

/// Everything about the time, in the reader's zone and habit.
pub fn exact_time(at: DateTime<Utc>) -> String {
    format(&date(at), vec![("dateStyle", "full"), ("timeStyle", "medium")])
}

fn date(at: DateTime<Utc>) -> Date {
    Date::new(&JsValue::from_f64(at.timestamp_millis() as f64))
}

fn format(date: &Date, options: Vec<(&str, &str)>) -> String {
    let object = Object::new();
    for (name, value) in options {
        let _ = Reflect::set(&object, &name.into(), &value.into());
    }
    date.to_locale_string("default", &object).into()
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

pub fn hide_popover(id: &str) {
    let element = document().get_element_by_id(id);
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.hide_popover();
    }
}

/// Puts the focus where the element of this id is.
pub fn focus(id: &str) {
    let element = document().get_element_by_id(id);
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
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
    let query = window().match_media("(pointer: fine)").ok().flatten();
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

pub fn pasted_files(event: &ClipboardEvent) -> Vec<ChosenFile> {
    files(event.clipboard_data().and_then(|data| data.files()))
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
