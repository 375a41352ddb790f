//! Where the server functions come in: who asks is known, and what they typed becomes valid.

use axum::http::{HeaderValue, header};
use chrono::{TimeDelta, Utc};
use cookie::{Cookie, SameSite};
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;

use super::{
    flack::Flack,
    live::dialogue::{new_words, post},
    log::NewDevice,
    network::Source,
    random, reaction,
    token::Token,
};
use crate::{
    domain::{
        attachment::AttachmentId,
        channel::Channel,
        command::{Accepted, Ask, Command, CommandId},
        device::{Device, DeviceId, LINK_MINUTES, Link},
        person::{FOUND_LIMIT, Person, PersonId, SessionId},
        position::Position,
        refusal::Refusal,
        room::{Pair, Room},
        theme::Theme,
    },
    words::Language,
};

/// Who asks, as the session cookie says; never what they say of themselves.
#[derive(Clone)]
pub struct Asker {
    pub flack: Flack,
    pub session: Option<(SessionId, Person)>,
    /// Where from.
    pub source: Source,
    /// What the browser says of itself, in a few words.
    pub label: String,
    /// Whether browsers reach this server over TLS.
    pub is_secure: bool,
}

impl Asker {
    fn person(&self) -> Result<&Person, Refusal> {
        self.session.as_ref().map(|(_, person)| person).ok_or_else(Refusal::not_signed_in)
    }
}

fn asker() -> Result<Asker, Refusal> {
    use_context::<Asker>().ok_or_else(Refusal::unavailable)
}

pub async fn sign_in(name: String) -> Result<Person, Refusal> {
    let asker = asker()?;
    if let Some((_, person)) = &asker.session {
        return Err(Refusal::already_signed_in(person));
    }
    asker.flack.rates().sign_in(asker.source)?;
    let token = draw()?;
    let device = NewDevice { session: token.session(), label: asker.label };
    let person = asker.flack.sign_in(&name, device).await?;
    set_cookie(&session_cookie(asker.is_secure, token.reveal().to_owned()));
    Ok(person)
}

fn draw() -> Result<Token, Refusal> {
    Token::draw().map_err(random::refused)
}

pub async fn sign_out() -> Result<(), Refusal> {
    let asker = asker()?;
    let (session, _) = asker.session.ok_or_else(Refusal::not_signed_in)?;
    asker.flack.sign_out(session).await?;
    let mut cookie = session_cookie(asker.is_secure, String::new());
    cookie.make_removal();
    set_cookie(&cookie);
    Ok(())
}

/// Whoever asks: it is about their browser, and says nothing of them.
pub fn choose_theme(theme: Theme) {
    let cookie = Cookie::build((Theme::COOKIE, theme.as_str()))
        .path("/")
        .same_site(SameSite::Lax)
        .max_age(KEPT)
        .build();
    set_cookie(&cookie);
}

/// Likewise. What is no language leaves it to the browser again.
pub fn choose_language(tag: &str) {
    let language = Language::of(tag);
    let mut cookie = Cookie::build((Language::COOKIE, language.map_or("", Language::tag)))
        .path("/")
        .same_site(SameSite::Lax)
        .max_age(KEPT)
        .build();
    if language.is_none() {
        cookie.make_removal();
    }
    set_cookie(&cookie);
}

pub async fn list_devices() -> Result<Vec<Device>, Refusal> {
    let asker = asker()?;
    let (session, me) = asker.session.ok_or_else(Refusal::not_signed_in)?;
    asker.flack.devices(me.id, session).await
}

pub async fn sign_out_device(device: u64) -> Result<(), Refusal> {
    let asker = asker()?;
    let (session, me) = asker.session.ok_or_else(Refusal::not_signed_in)?;
    asker.flack.end_device(me.id, session, DeviceId(Position(device))).await
}

pub async fn sign_out_others() -> Result<(), Refusal> {
    let asker = asker()?;
    let (session, me) = asker.session.ok_or_else(Refusal::not_signed_in)?;
    asker.flack.end_others(me.id, session).await
}

pub async fn create_link() -> Result<Link, Refusal> {
    let asker = asker()?;
    let (session, me) = asker.session.ok_or_else(Refusal::not_signed_in)?;
    let secret = draw()?;
    asker.flack.create_link(me.id, session, secret.link()).await?;
    Ok(link_of(&secret))
}

/// The link with this secret in it, as it is now that it was made.
pub fn link_of(secret: &Token) -> Link {
    let path = format!("/link/{}", secret.reveal());
    Link { path, expires: Utc::now() + TimeDelta::minutes(LINK_MINUTES) }
}

pub async fn use_link(secret: String) -> Result<Person, Refusal> {
    let asker = asker()?;
    asker.flack.rates().sign_in(asker.source)?;
    let secret = Token::parse(&secret).ok_or_else(Refusal::unknown_link)?;
    let token = draw()?;
    let device = NewDevice { session: token.session(), label: asker.label };
    let person = asker.flack.use_link(secret.link(), device).await?;
    set_cookie(&session_cookie(asker.is_secure, token.reveal().to_owned()));
    // This browser speaks for one person; whom it spoke for before, it does no more.
    if let Some((before, _)) = asker.session {
        let _ = asker.flack.sign_out(before).await;
    }
    Ok(person)
}

pub async fn create_channel(name: String) -> Result<Channel, Refusal> {
    let asker = asker()?;
    let by = asker.person()?.id;
    asker.flack.rates().channel(by, asker.source)?;
    asker.flack.create_channel(by, &name).await
}

pub async fn set_topic(channel: String, topic: String) -> Result<Channel, Refusal> {
    let asker = asker()?;
    let by = asker.person()?.id;
    // Everyone is told of it, wherever they are, as of a new channel.
    asker.flack.rates().channel(by, asker.source)?;
    asker.flack.set_topic(by, &channel, &topic).await
}

pub async fn list_channels() -> Result<Vec<Channel>, Refusal> {
    let asker = asker()?;
    asker.person()?;
    Ok(asker.flack.directory().channels().to_vec())
}

pub async fn list_people(name: String) -> Result<Vec<Person>, Refusal> {
    let asker = asker()?;
    asker.flack.people(Some(asker.person()?), name, FOUND_LIMIT).await
}

/// Which room a form means: the channel of this name, or one's conversation with this person.
struct To {
    channel: Option<String>,
    direct: Option<u64>,
}

impl To {
    fn room(self, flack: &Flack, me: PersonId) -> Result<Room, Refusal> {
        match (self.channel, self.direct) {
            (Some(name), None) => flack.channel(&name).map(Room::Channel),
            (None, Some(id)) => Ok(Room::Direct(Pair::of(me, PersonId(Position(id))))),
            _ => Err(Refusal::malformed()),
        }
    }
}

pub async fn post_message(
    channel: Option<String>,
    direct: Option<u64>,
    text: String,
    id: Option<String>,
    attachments: Vec<AttachmentId>,
    reply_to: Option<u64>,
) -> Result<Accepted, Refusal> {
    let id = match id.filter(|id| !id.is_empty()) {
        Some(id) => CommandId::try_from(id).map_err(|_| Refusal::malformed())?,
        None => draw_command_id()?,
    };
    ask(To { channel, direct }, id, post(&text, attachments, reply_to.map(Position))).await
}

pub async fn edit_message(
    channel: Option<String>,
    direct: Option<u64>,
    message: u64,
    text: String,
) -> Result<Accepted, Refusal> {
    let edit = new_words(&text).map(|text| Ask::Edit(Position(message), text));
    ask(To { channel, direct }, draw_command_id()?, edit).await
}

pub async fn delete_message(
    channel: Option<String>,
    direct: Option<u64>,
    message: u64,
) -> Result<Accepted, Refusal> {
    ask(To { channel, direct }, draw_command_id()?, Ok(Ask::Delete(Position(message)))).await
}

pub async fn restore_message(
    channel: Option<String>,
    direct: Option<u64>,
    message: u64,
) -> Result<Accepted, Refusal> {
    ask(To { channel, direct }, draw_command_id()?, Ok(Ask::Restore(Position(message)))).await
}

pub async fn react(
    channel: Option<String>,
    direct: Option<u64>,
    message: u64,
    emoji: String,
) -> Result<Accepted, Refusal> {
    let react = reaction::emoji(&emoji).map(|emoji| Ask::React(Position(message), emoji));
    ask(To { channel, direct }, draw_command_id()?, react).await
}

pub async fn unreact(
    channel: Option<String>,
    direct: Option<u64>,
    message: u64,
    emoji: String,
) -> Result<Accepted, Refusal> {
    let unreact = reaction::emoji(&emoji).map(|emoji| Ask::Unreact(Position(message), emoji));
    ask(To { channel, direct }, draw_command_id()?, unreact).await
}

pub async fn set_room(
    channel: Option<String>,
    direct: Option<u64>,
    muted: Option<bool>,
    favourite: Option<bool>,
) -> Result<Accepted, Refusal> {
    let asker = asker()?;
    let by = asker.person()?.id;
    let room = To { channel, direct }.room(&asker.flack, by)?;
    let position = asker.flack.set_room(by, room, muted, favourite).await?;
    Ok(Accepted { position })
}

async fn ask(to: To, id: CommandId, ask: Result<Ask, Refusal>) -> Result<Accepted, Refusal> {
    let asker = asker()?;
    let by = asker.person()?.id;
    asker.flack.rates().message(by, asker.source)?;
    let command = Command { room: to.room(&asker.flack, by)?, ask: ask? };
    let position = asker.flack.ask(by, id, command).await?;
    Ok(Accepted { position })
}

/// An id for someone who brought none.
///
/// # Errors
/// When the operating system has no randomness to give.
pub fn draw_command_id() -> Result<CommandId, Refusal> {
    random::draw().map(CommandId::from_random).map_err(random::refused)
}

/// The longest that browsers keep a cookie.
const KEPT: cookie::time::Duration = cookie::time::Duration::days(400);

/// What the session's cookie is called. The prefix binds it to this host and to TLS
/// (RFC 6265bis §4.1.3.2).
pub fn cookie_name(is_secure: bool) -> &'static str {
    if is_secure { "__Host-flack" } else { "flack" }
}

fn session_cookie(is_secure: bool, token: String) -> Cookie<'static> {
    Cookie::build((cookie_name(is_secure), token))
        .path("/")
        .http_only(true)
        .secure(is_secure)
        .same_site(SameSite::Lax)
        .max_age(KEPT)
        .build()
}

fn set_cookie(cookie: &Cookie<'_>) {
    let value =
        HeaderValue::try_from(cookie.to_string()).expect("tokens and themes are plain ASCII");
    expect_context::<ResponseOptions>().append_header(header::SET_COOKIE, value);
}
