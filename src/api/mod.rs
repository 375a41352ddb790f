//! The server functions: what the page, a form without JavaScript, or `curl` can ask for.
//!
//! Their addresses and form-encoded arguments are fixed. Each body is one line; what happens is in
//! `server/doors.rs`.

pub mod json;

use leptos::{
    prelude::*,
    server_fn::{codec::GetUrl, error::ServerFnErrorErr},
};

use self::json::{Answer, Json};
use crate::domain::{
    attachment::AttachmentId,
    channel::Channel,
    command::Accepted,
    device::{Device, Link},
    person::Person,
    refusal::Refusal,
    theme::Theme,
};

/// Takes a display name. The answer sets the session's cookie.
#[server(endpoint = "/sign_in", output = Answer)]
pub async fn sign_in(name: String) -> Result<Person, Refusal> {
    crate::server::doors::sign_in(name).await
}

/// Ends the session.
#[server(endpoint = "/sign_out", output = Answer)]
pub async fn sign_out() -> Result<(), Refusal> {
    crate::server::doors::sign_out().await
}

/// Remembers in this browser, with a cookie, in which colours to show Flack.
#[server(endpoint = "/choose_theme", output = Answer)]
pub async fn choose_theme(theme: Theme) -> Result<(), Refusal> {
    crate::server::doors::choose_theme(theme);
    Ok(())
}

/// Remembers in this browser, with a cookie, in which language to show Flack: by its tag, or as the browser
/// asks for, with any other word or none.
#[server(endpoint = "/choose_language", output = Answer)]
pub async fn choose_language(#[server(default)] language: String) -> Result<(), Refusal> {
    crate::server::doors::choose_language(&language);
    Ok(())
}

/// The browsers and programs that speak for oneself, the newest first.
#[server(endpoint = "/list_devices", input = GetUrl, output = Answer)]
pub async fn list_devices() -> Result<Vec<Device>, Refusal> {
    crate::server::doors::list_devices().await
}

/// Signs one of one's devices out, known by its id, and closes its sockets.
#[server(endpoint = "/sign_out_device", output = Answer)]
pub async fn sign_out_device(device: u64) -> Result<(), Refusal> {
    crate::server::doors::sign_out_device(device).await
}

/// Signs all of one's devices out but this one.
#[server(endpoint = "/sign_out_others", output = Answer)]
pub async fn sign_out_others() -> Result<(), Refusal> {
    crate::server::doors::sign_out_others().await
}

/// Makes a link that lets one more device speak for oneself, in place of any link before. It works
/// once, and for ten minutes.
#[server(endpoint = "/create_link", output = Answer)]
pub async fn create_link() -> Result<Link, Refusal> {
    crate::server::doors::create_link().await
}

/// Takes up the name of whoever made the link, by the secret in it. The answer sets the session's
/// cookie; a session that there was before ends.
#[server(endpoint = "/use_link", output = Answer)]
pub async fn use_link(secret: String) -> Result<Person, Refusal> {
    crate::server::doors::use_link(secret).await
}

/// Creates a channel.
#[server(endpoint = "/create_channel", output = Answer)]
pub async fn create_channel(name: String) -> Result<Channel, Refusal> {
    crate::server::doors::create_channel(name).await
}

/// Says in one line what a channel is about; an empty one takes that back.
#[server(endpoint = "/set_topic", output = Answer)]
pub async fn set_topic(channel: String, topic: String) -> Result<Channel, Refusal> {
    crate::server::doors::set_topic(channel, topic).await
}

/// All channels, in alphabetical order.
#[server(endpoint = "/list_channels", input = GetUrl, output = Answer)]
pub async fn list_channels() -> Result<Vec<Channel>, Refusal> {
    crate::server::doors::list_channels().await
}

/// People whose names have `name` in them, at most 50, in alphabetical order.
#[server(endpoint = "/list_people", input = GetUrl, output = Answer)]
pub async fn list_people(name: String) -> Result<Vec<Person>, Refusal> {
    crate::server::doors::list_people(name).await
}

/// Writes a message to a channel, or to the person whose id is in `direct`. With an `id` (see
/// `CommandId`), asking again writes it once. `attachments[0]` and so on are the ids of files that
/// were uploaded before; beside them, `text` may be empty. `reply_to` is the position of a message of the
/// same room that this one answers.
#[server(endpoint = "/post_message", output = Answer)]
pub async fn post_message(
    channel: Option<String>,
    direct: Option<u64>,
    text: String,
    id: Option<String>,
    #[server(default)] attachments: Vec<AttachmentId>,
    reply_to: Option<u64>,
) -> Result<Accepted, Refusal> {
    crate::server::doors::post_message(channel, direct, text, id, attachments, reply_to).await
}

/// Changes the words of a message of one's own, known by its position.
#[server(endpoint = "/edit_message", output = Answer)]
pub async fn edit_message(
    channel: Option<String>,
    direct: Option<u64>,
    message: u64,
    text: String,
) -> Result<Accepted, Refusal> {
    crate::server::doors::edit_message(channel, direct, message, text).await
}

/// Deletes a message of one's own, known by its position.
#[server(endpoint = "/delete_message", output = Answer)]
pub async fn delete_message(
    channel: Option<String>,
    direct: Option<u64>,
    message: u64,
) -> Result<Accepted, Refusal> {
    crate::server::doors::delete_message(channel, direct, message).await
}

/// Brings back a message that one has just deleted.
#[server(endpoint = "/restore_message", output = Answer)]
pub async fn restore_message(
    channel: Option<String>,
    direct: Option<u64>,
    message: u64,
) -> Result<Accepted, Refusal> {
    crate::server::doors::restore_message(channel, direct, message).await
}

/// Puts an emoji under a message of anybody, known by its position.
#[server(endpoint = "/react", output = Answer)]
pub async fn react(
    channel: Option<String>,
    direct: Option<u64>,
    message: u64,
    emoji: String,
) -> Result<Accepted, Refusal> {
    crate::server::doors::react(channel, direct, message, emoji).await
}

/// Takes one's own emoji away from a message again.
#[server(endpoint = "/unreact", output = Answer)]
pub async fn unreact(
    channel: Option<String>,
    direct: Option<u64>,
    message: u64,
    emoji: String,
) -> Result<Accepted, Refusal> {
    crate::server::doors::unreact(channel, direct, message, emoji).await
}

/// Mutes a room or ends that, and puts it above the others or back; what is left out stays as it is.
#[server(endpoint = "/set_room", output = Answer)]
pub async fn set_room(
    channel: Option<String>,
    direct: Option<u64>,
    muted: Option<bool>,
    favourite: Option<bool>,
) -> Result<Accepted, Refusal> {
    crate::server::doors::set_room(channel, direct, muted, favourite).await
}

impl FromServerFnError for Refusal {
    type Encoder = Json;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_) => Refusal::malformed(),
            _ => Refusal::unavailable(),
        }
    }
}
