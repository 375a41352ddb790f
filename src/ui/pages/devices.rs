//! The devices that speak for a person, and the way to another one.
//!
//! These pages are all forms: the server renders them, and the client has no part in them.

use chrono::{DateTime, SecondsFormat, Utc};
use leptos::{either::Either, prelude::*};

use crate::{
    domain::{
        device::{Device, LINK_MINUTES},
        person::Person,
    },
    ui::components::{
        avatar::Avatar,
        icon::{ALERT, Icon, Mark},
    },
};

/// A link to another device, as its maker sees it once.
#[derive(Clone, Debug)]
pub struct ShownLink {
    pub url: String,
    pub expires: DateTime<Utc>,
    pub qr: Option<Qr>,
}

/// A QR code: so many squares wide, and the dark ones as a path in SVG.
#[derive(Clone, Debug)]
pub struct Qr {
    pub size: usize,
    pub path: String,
}

/// How many empty squares are around a QR code (ISO/IEC 18004 §9.1).
const QUIET_ZONE: usize = 4;

#[component]
pub fn DevicesPage(
    me: Person,
    devices: Vec<Device>,
    link: Option<ShownLink>,
    error: Option<String>,
) -> impl IntoView {
    let has_others = devices.len() > 1;
    let name = me.name.to_string();
    let rows: Vec<_> = devices.into_iter().map(|device| view! { <DeviceRow device /> }).collect();
    view! {
        <main class="settings">
            <a class="wordmark" href="/">
                <Mark />
                "Flack"
            </a>
            <h1>"Your devices"</h1>
            <p class="settings__who">
                <Avatar person=me />
                <span>"Each of these can speak as " <bdi>{name}</bdi> "."</span>
            </p>
            {error.map(|error| view! { <Problem words=error /> })}
            <ul class="devices">{rows}</ul>
            {has_others
                .then(|| {
                    view! {
                        <form method="post" action="/api/sign_out_others">
                            <button class="button button--danger">"Sign out all others"</button>
                        </form>
                    }
                })}
            <h2>"Another device"</h2>
            {match link {
                Some(link) => Either::Left(view! { <NewLink link /> }),
                None => {
                    Either::Right(
                        view! {
                            <p>
                                "Make a link, and open it there: on your phone, by its QR code. It works once, and for "
                                {LINK_MINUTES} " minutes. Whoever opens it is you."
                            </p>
                            <form method="post" action="/api/create_link">
                                <button class="button button--primary">"Make a link"</button>
                            </form>
                        },
                    )
                }
            }}
            <p class="settings__back">
                <a href="/">"Back to the conversation"</a>
            </p>
        </main>
    }
}

#[component]
fn DeviceRow(device: Device) -> impl IntoView {
    let Device { id, label, since, seen, is_this, is_online } = device;
    let label = if label.is_empty() { "Unknown device".to_owned() } else { label };
    let name = format!("Sign out {label}, signed in {}", since.format("%-d %B %Y"));
    let presence = match (is_this, is_online) {
        (true, _) => Either::Left("This device"),
        (false, true) => Either::Left("Open now"),
        (false, false) => Either::Right(view! { "There last: " <Time at=seen /> }),
    };
    view! {
        <li class="device">
            <p class="device__label">{label}</p>
            <p class="device__note">{presence} " · since " <Time at=since /></p>
            {(!is_this)
                .then(|| {
                    view! {
                        <form class="device__end" method="post" action="/api/sign_out_device">
                            <input type="hidden" name="device" value=id.0.to_string() />
                            <button class="button button--quiet" aria-label=name>
                                "Sign out"
                            </button>
                        </form>
                    }
                })}
        </li>
    }
}

#[component]
fn NewLink(link: ShownLink) -> impl IntoView {
    let ShownLink { url, expires, qr } = link;
    let code = qr.map(|Qr { size, path }| {
        let width = size + 2 * QUIET_ZONE;
        let view_box = format!("-{QUIET_ZONE} -{QUIET_ZONE} {width} {width}");
        view! {
            <svg class="qr" viewBox=view_box role="img" aria-label="The link, as a QR code">
                <path d=path />
            </svg>
        }
    });
    view! {
        <div class="new-link" id="new-link">
            <p>
                "Open this on the other device. It works once, until " <Time at=expires />
                ". Whoever opens it is you: show it to nobody else."
            </p>
            {code}
            <div class="field">
                <label class="field__label" for="link">
                    "Or copy the link"
                </label>
                <input class="field__input" id="link" readonly value=url />
            </div>
        </div>
    }
}

/// What a link to this device leads to: who one would be, or why it does not work.
#[component]
pub fn LinkPage(me: Option<Person>, found: Result<(Person, String), String>) -> impl IntoView {
    let body = match found {
        Err(words) => Either::Left(view! {
            <h1>"This link does not work"</h1>
            <Problem words />
            <p class="form__buttons">
                <a class="button button--primary" href="/">
                    "Go to Flack"
                </a>
            </p>
        }),
        Ok((person, secret)) => {
            let name = person.name.to_string();
            let before = me.map(|me| match me.id == person.id {
                true => Either::Left("You are signed in here already."),
                false => Either::Right(view! {
                    "You are here as " <bdi>{me.name.to_string()}</bdi>
                    ". If you go on, this browser does not speak for them any more."
                }),
            });
            Either::Right(view! {
                <h1>"Continue as " <bdi>{name.clone()}</bdi> " here?"</h1>
                <p class="settings__who">
                    <Avatar person />
                    <span>"This browser will speak for " <bdi>{name.clone()}</bdi> "."</span>
                </p>
                {before.map(|before| view! { <p>{before}</p> })}
                <form method="post" action="/api/use_link" class="form__buttons">
                    <input type="hidden" name="secret" value=secret />
                    <button class="button button--primary">
                        <span>"Continue as " <bdi>{name}</bdi></span>
                    </button>
                    <a class="button button--quiet" href="/">
                        "Not now"
                    </a>
                </form>
            })
        }
    };
    view! {
        <main class="settings">
            <p class="wordmark">
                <Mark />
                "Flack"
            </p>
            {body}
        </main>
    }
}

#[component]
fn Problem(words: String) -> impl IntoView {
    view! {
        <p class="field__error" role="alert">
            <Icon path=ALERT />
            <span>{words}</span>
        </p>
    }
}

/// A time, which a script in the document turns into the reader's own.
#[component]
fn Time(at: DateTime<Utc>) -> impl IntoView {
    let exact = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    view! { <time datetime=exact>{at.format("%-d %b %Y %H:%M UTC").to_string()}</time> }
}
