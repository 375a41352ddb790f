//! The devices that speak for a person, and the way to another one.
//!
//! These pages are all forms: the server renders them, and the client has no part in them.

use chrono::{DateTime, SecondsFormat, Utc};
use leptos::{either::Either, prelude::*, server_fn::ServerFn};

use super::sheet::Sheet;
use crate::{
    api::{CreateLink, SignOutDevice, SignOutOthers, UseLink},
    client::date::date,
    domain::{
        device::{Device, LINK_MINUTES},
        person::Person,
    },
    ui::components::{
        avatar::Avatar,
        icon::{ALERT, Icon, Mark},
    },
    words::{Documents, around, fill, with},
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
    words: &'static Documents,
    me: Person,
    devices: Vec<Device>,
    link: Option<ShownLink>,
    error: Option<String>,
) -> impl IntoView {
    let has_others = devices.len() > 1;
    let name = me.name.to_string();
    let rows: Vec<_> =
        devices.into_iter().map(|device| view! { <DeviceRow words device /> }).collect();
    let (who, who_end) = around(words.devices_who);
    view! {
        <Sheet>
            <h1>{words.devices_heading}</h1>
            <p class="settings__who">
                <Avatar person=me />
                <span>{who} <bdi>{name}</bdi> {who_end}</span>
            </p>
            {error.map(|error| view! { <Problem error /> })}
            <ul class="devices">{rows}</ul>
            {has_others
                .then(|| {
                    view! {
                        <form method="post" action=SignOutOthers::PATH>
                            <button class="button button--danger">{words.sign_out_others}</button>
                        </form>
                    }
                })}
            <h2>{words.other_device}</h2>
            {match link {
                Some(link) => Either::Left(view! { <NewLink words link /> }),
                None => {
                    Either::Right(
                        view! {
                            <p>{with(words.link_about, &LINK_MINUTES.to_string())}</p>
                            <form method="post" action=CreateLink::PATH>
                                <button class="button button--primary">{words.link_make}</button>
                            </form>
                        },
                    )
                }
            }}
            <p class="settings__back">
                <a href="/">{words.to_conversation}</a>
            </p>
        </Sheet>
    }
}

#[component]
fn DeviceRow(words: &'static Documents, device: Device) -> impl IntoView {
    let Device { id, label, since, seen, is_this, is_online } = device;
    // The server has it as "Firefox on Linux".
    let label = match label.split_once(" on ") {
        Some((browser, system)) => {
            fill(words.device_on, &[("browser", browser), ("system", system)])
        }
        None if label.is_empty() || label == "Unknown device" => words.device_unknown.to_owned(),
        None => label,
    };
    let values = [("device", label.as_str()), ("date", &date(since, words))];
    let name = fill(words.device_sign_out, &values);
    let presence = match (is_this, is_online) {
        (true, _) => Either::Left(words.device_this),
        (false, true) => Either::Left(words.device_open),
        (false, false) => {
            let (last, last_end) = around(words.device_last);
            Either::Right(view! { {last} <Time words at=seen /> {last_end} })
        }
    };
    let (since_words, since_end) = around(words.device_since);
    view! {
        <li class="device">
            <p class="device__label">{label}</p>
            <p class="device__note">{presence} " · " {since_words} <Time words at=since /> {since_end}</p>
            {(!is_this)
                .then(|| {
                    view! {
                        <form class="device__end" method="post" action=SignOutDevice::PATH>
                            <input type="hidden" name="device" value=id.0.to_string() />
                            <button class="button button--quiet" aria-label=name>
                                {words.sign_out}
                            </button>
                        </form>
                    }
                })}
        </li>
    }
}

#[component]
fn NewLink(words: &'static Documents, link: ShownLink) -> impl IntoView {
    let ShownLink { url, expires, qr } = link;
    let code = qr.map(|Qr { size, path }| {
        let width = size + 2 * QUIET_ZONE;
        let view_box = format!("-{QUIET_ZONE} -{QUIET_ZONE} {width} {width}");
        view! {
            <svg class="qr" viewBox=view_box role="img" aria-label=words.link_code>
                <path d=path />
            </svg>
        }
    });
    let (made, made_end) = around(words.link_made);
    view! {
        <div class="new-link" id="new-link">
            <p>{made} <Time words at=expires /> {made_end}</p>
            {code}
            <div class="field">
                <label class="field__label" for="link">
                    {words.link_copy}
                </label>
                <input class="field__input" id="link" readonly value=url />
            </div>
        </div>
    }
}

/// What a link to this device leads to: who one would be, or why it does not work.
#[component]
pub fn LinkPage(
    words: &'static Documents,
    me: Option<Person>,
    found: Result<(Person, String), String>,
) -> impl IntoView {
    let body = match found {
        Err(error) => Either::Left(view! {
            <h1>{words.link_broken}</h1>
            <Problem error />
            <p class="form__buttons">
                <a class="button button--primary" href="/">
                    {words.to_flack}
                </a>
            </p>
        }),
        Ok((person, secret)) => {
            let name = person.name.to_string();
            let before = me.map(|me| match me.id == person.id {
                true => Either::Left(words.link_already),
                false => {
                    let (instead, instead_end) = around(words.link_instead);
                    let name = me.name.to_string();
                    Either::Right(view! { {instead} <bdi>{name}</bdi> {instead_end} })
                }
            });
            let (heading, heading_end) = around(words.link_heading);
            let (speaks, speaks_end) = around(words.link_speaks);
            let (go_on, go_on_end) = around(words.link_continue);
            Either::Right(view! {
                <h1>{heading} <bdi>{name.clone()}</bdi> {heading_end}</h1>
                <p class="settings__who">
                    <Avatar person />
                    <span>{speaks} <bdi>{name.clone()}</bdi> {speaks_end}</span>
                </p>
                {before.map(|before| view! { <p>{before}</p> })}
                <form method="post" action=UseLink::PATH class="form__buttons">
                    <input type="hidden" name="secret" value=secret />
                    <button class="button button--primary">
                        <span>{go_on} <bdi>{name}</bdi> {go_on_end}</span>
                    </button>
                    <a class="button button--quiet" href="/">
                        {words.not_now}
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
fn Problem(error: String) -> impl IntoView {
    view! {
        <p class="field__error" role="alert">
            <Icon path=ALERT />
            <span>{error}</span>
        </p>
    }
}

/// A time, which a script in the document turns into the reader's own.
#[component]
fn Time(words: &'static Documents, at: DateTime<Utc>) -> impl IntoView {
    let exact = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let shown = format!("{} {}", date(at, words), at.format("%H:%M UTC"));
    view! { <time datetime=exact>{shown}</time> }
}
