//! The browser, where there is none: the server renders as if nothing had been remembered.

use chrono::{DateTime, SecondsFormat, Timelike, Utc};

use leptos::{
    ev::{ClipboardEvent, DragEvent, Event, KeyboardEvent, MouseEvent},
    prelude::use_context,
};

use super::{SocketEvent, date, keys::Press, upload::SendingEvent};
use crate::{
    domain::{
        attachment::Attachment,
        command::CommandId,
        page::Page,
        person::{Person, PersonId},
        position::Position,
        room::Room,
        theme::Theme,
    },
    sync::{Input, Moment, outbox::Pending},
    words::{Language, Spoken, Words},
};

/// The server gives the page to the application itself.
pub fn page() -> Option<Page> {
    None
}

pub struct Socket;

impl Socket {
    pub fn send(&self, _text: &str) {}
}

pub fn connect(_hear: impl Fn(SocketEvent) + Copy + 'static) -> Option<Socket> {
    None
}

pub fn on_network_change(_tell: impl Fn(bool) + Copy + 'static) {}

pub fn on_navigation(_arrive: impl Fn(String) + Copy + 'static) {}

pub fn on_leave(_tell: impl Fn() + Copy + 'static) {}

pub fn push_path(_path: &str) {}

pub fn replace_path(_path: &str) {}

pub fn now() -> Moment {
    Moment { millis: 0, random: 0.0 }
}

pub fn has_slept() -> bool {
    false
}

/// No command is ever asked for while a page is rendered.
pub fn draw_command_id() -> CommandId {
    CommandId::from_random([0; 16])
}

pub fn load_outbox(_me: &Person) -> (Vec<Pending>, bool) {
    (Vec::new(), false)
}

pub fn keep(_me: &Person, _pending: &Pending) -> bool {
    false
}

pub fn on_outbox_change(_me: &Person, _tell: impl Fn(Input) + Copy + 'static) {}

pub fn forget(_me: &Person, _id: &CommandId) {}

pub fn remembered_room() -> Option<String> {
    None
}

pub fn recent_rooms() -> Vec<String> {
    Vec::new()
}

pub fn remember_room(_path: &str) {}

pub fn draft(_me: PersonId, _place: &str) -> String {
    String::new()
}

pub fn has_kept_files(_me: PersonId) -> bool {
    false
}

pub fn kept_files(_me: PersonId) -> Vec<(Room, Attachment)> {
    Vec::new()
}

pub fn keep_files(_me: PersonId, _files: &[(Room, Attachment)]) {}

pub fn save_draft(_me: PersonId, _place: &str, _text: &str) -> bool {
    true
}

pub fn typed(_id: &str) -> String {
    String::new()
}

pub fn draft_keys(_me: PersonId) -> Vec<String> {
    Vec::new()
}

pub fn recent_emoji() -> Vec<String> {
    Vec::new()
}

pub fn remember_emoji(_recent: &[String]) {}

pub fn iso_time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The server does not know where the reader is: universal time, and it says so. A script of the
/// page changes it to the reader's before they see it.
pub fn clock_time(at: DateTime<Utc>) -> String {
    format!("{:02}:{:02} UTC", at.hour(), at.minute())
}

pub fn exact_time(at: DateTime<Utc>) -> String {
    let day = date::day(at, spoken().language.documents());
    format!("{day}, {:02}:{:02}:{:02} UTC", at.hour(), at.minute(), at.second())
}

pub fn day(at: DateTime<Utc>) -> i32 {
    at.date_naive().to_epoch_days()
}

pub fn today() -> i32 {
    day(Utc::now())
}

pub fn day_name(at: DateTime<Utc>) -> String {
    let words = spoken().language.documents();
    match today() - day(at) {
        0 => words.today.to_owned(),
        1 => words.yesterday.to_owned(),
        _ => date::day(at, words),
    }
}

/// Those of the language that the request is answered in.
pub fn words() -> &'static Words {
    spoken().language.words()
}

pub fn chosen_language() -> Option<Language> {
    spoken().chosen
}

fn spoken() -> Spoken {
    use_context().unwrap_or_default()
}

/// The one that the request's cookie names.
pub fn theme() -> Theme {
    use_context().unwrap_or_default()
}

pub fn keep_page(_path: &str) {}

pub fn carry_read(_me: PersonId, _message: &str) {}

pub fn is_visible() -> bool {
    true
}

pub fn on_visibility_change(_tell: impl Fn(bool) + Copy + 'static) {}

pub fn show_tab(_title: &str, _is_unread: bool) {}

pub fn tell(_title: &str, _text: &str, _path: &str, _tag: &str, _is_seen: bool) {}

pub fn withdraw(_tag: &str) {}

pub fn on_answer(_hear: impl Fn(&str, bool, &str) -> String + 'static) {}

pub fn scroll_to(_id: &str) {}

pub fn last_seen(_id: &str) -> Option<Position> {
    None
}

pub fn scrolled_above(_id: &str) -> f64 {
    0.0
}

pub fn window_height() -> f64 {
    0.0
}

pub fn scroll_above(_id: &str, _message: Option<&str>, _above: f64) {}

pub fn mark_hydrated() {}

pub fn announce(_id: &str) {}

pub fn focus_soon(_id: &str) {}

pub fn is_anchored(_id: &str) -> bool {
    true
}

pub fn reload() {}

pub fn load_page(_path: &str) {}

pub fn hide_popover(_id: &str) {}

pub fn toggle_popover(_id: &str) {}

pub fn is_covered() -> bool {
    false
}

pub fn opens(_event: &Event) -> bool {
    false
}

pub fn is_open(_id: &str) -> bool {
    false
}

pub fn focus(_id: &str) {}

pub fn show_message(_id: &str) {}

pub fn message_of(_event: &Event) -> Option<Position> {
    None
}

pub fn is_in(_event: &Event, _selector: &str) -> bool {
    false
}

pub fn has_message_focus() -> bool {
    false
}

pub fn url(path: &str) -> String {
    path.to_owned()
}

pub fn copy(_text: &str, _tell: impl Fn(bool) + Clone + 'static) {}

pub fn is_focus_visible() -> bool {
    false
}

pub fn has_focus(_id: &str) -> bool {
    false
}

pub fn has_coarse_pointer() -> bool {
    false
}

pub fn has_fine_pointer() -> bool {
    false
}

pub fn is_pointed_at(_id: &str) -> bool {
    false
}

pub fn warn(_message: &str) {}

/// No file is ever chosen while a page is rendered.
pub struct ChosenFile;

impl ChosenFile {
    pub fn name(&self) -> String {
        String::new()
    }

    pub fn size(&self) -> u64 {
        0
    }
}

pub struct Sending;

pub fn chosen_files(_event: &Event) -> Vec<ChosenFile> {
    Vec::new()
}

pub fn dropped_files(_event: &DragEvent) -> Vec<ChosenFile> {
    Vec::new()
}

pub fn has_files(_event: &DragEvent) -> bool {
    false
}

pub fn pasted_files(_event: &ClipboardEvent) -> Vec<ChosenFile> {
    Vec::new()
}

pub fn send_file(_file: &ChosenFile, _tell: impl Fn(SendingEvent) + 'static) -> Option<Sending> {
    None
}

pub fn delete(_path: &str) {}

pub fn has_left(_event: &DragEvent) -> bool {
    true
}

pub fn is_itself(_event: &MouseEvent) -> bool {
    false
}

/// What has to stand in a text area so that browsers read `text` there: its inside is written into the
/// page as it is.
pub fn in_textarea(text: String) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

pub fn fetch(_path: &str, _tell: impl FnOnce(Option<String>) + 'static) {}

pub fn write_into(_id: &str, _text: &str) {}

pub fn selection(_id: &str) -> Option<(u32, u32)> {
    None
}

pub fn replace(_id: &str, _from: u32, _to: u32, _text: &str) {}

pub fn pressed_button(_event: &MouseEvent) -> Option<String> {
    None
}

pub fn press_first(_id: &str) {}

pub fn follow_arrow(_id: &str, _key: &str) -> bool {
    false
}

pub fn has_plain_keys() -> bool {
    true
}

pub fn set_plain_keys(_is_on: bool) {}

pub fn is_mac() -> bool {
    false
}

pub fn press(_event: &KeyboardEvent) -> Option<Press> {
    None
}

pub fn on_key(_obey: impl Fn(&Press, bool) -> bool + 'static) {}

pub fn step_room(_by: i32, _is_wanted: impl Fn(&str) -> bool) {}

pub fn is_typed(_event: &Event) -> bool {
    false
}

pub fn grow(_id: &str) {}

pub fn after_paint(_then: impl FnOnce() + 'static) {}

pub fn select(_id: &str, _from: u32, _to: u32) {}

pub fn reveal(_id: &str) {}

pub fn reveal_current(_id: &str) {}
