//! What the browser stores, for all pages of Flack and for those of one tab.
//!
//! It may be full, blocked or absent. Then nothing is remembered, and everything else works; a page says
//! so when that matters.

use gloo_storage::{LocalStorage, Storage};
use leptos::{
    ev,
    prelude::{window, window_event_listener},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    domain::{
        attachment::Attachment,
        command::CommandId,
        json,
        person::{Person, PersonId},
        room::Room,
    },
    sync::{Input, outbox::Pending},
};

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

/// Set in all tabs of a browser from when one signs out in one of them until somebody signs in.
const LEAVES: &str = "flack.leaves";

/// Gives whether it was stored. Whoever signs out leaves nothing: till then it is in the page alone.
pub fn save_draft(me: PersonId, place: &str, text: &str) -> bool {
    let key = draft_key(me, place);
    let leaves = storage().and_then(|storage| storage.get_item(LEAVES).ok().flatten()).is_some();
    if text.is_empty() || leaves {
        erase(&key);
        text.is_empty()
    } else {
        write(&key, text)
    }
}

fn files_key(me: PersonId) -> String {
    format!("flack.files.{}", me.0)
}

/// What this tab stores, which outlives its page.
fn tab_storage() -> Option<web_sys::Storage> {
    window().session_storage().ok().flatten()
}

fn stored_files(me: PersonId) -> Option<String> {
    tab_storage()?.get_item(&files_key(me)).ok()?
}

/// Whether there are files that somebody has uploaded in this tab for messages that are not sent.
pub fn has_kept_files(me: PersonId) -> bool {
    stored_files(me).is_some()
}

/// These files, each with its room.
pub fn kept_files(me: PersonId) -> Vec<(Room, Attachment)> {
    stored_files(me).and_then(|files| json::read(&files).ok()).unwrap_or_default()
}

/// Stores them. Where that fails, they are in this page alone.
pub fn keep_files(me: PersonId, files: &[(Room, Attachment)]) {
    let Some(storage) = tab_storage() else { return };
    let _ = match serde_json::to_string(files) {
        Ok(text) if !files.is_empty() => storage.set_item(&files_key(me), &text),
        _ => storage.remove_item(&files_key(me)),
    };
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

const PLAIN_KEYS: &str = "flack.plain-keys";

/// Whether keys that type a sign do something where there is nothing to type into. Whoever speaks to
/// their computer may have to turn that off (WCAG 2.1.4).
pub fn has_plain_keys() -> bool {
    read(PLAIN_KEYS).unwrap_or(true)
}

pub fn set_plain_keys(is_on: bool) {
    let _ = write(PLAIN_KEYS, is_on);
}
