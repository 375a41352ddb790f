//! One message, sent or on its way.

use chrono::{DateTime, Utc};
use leptos::{either::Either, ev::SubmitEvent, prelude::*};

use super::icon::{ALERT, BIN, CLOCK, Icon};
use crate::{
    client::{Client, browser, timeline::Row},
    domain::{command::CommandId, name::ChannelName, person::Person, position::Position},
    sync::{Content, link::LinkState, outbox::Progress},
};

/// `edit` gets the text of a refused message that its author wants to change.
#[component]
pub fn MessageRow(channel: ChannelName, row: Row, edit: RwSignal<Option<String>>) -> impl IntoView {
    let client = expect_context::<Client>();
    let me = client.me.get_untracked();
    let class = if row.is_continued { "message message--continued" } else { "message" };
    match row.line.content {
        Content::Sent(message) => {
            let is_mine = me.is_some_and(|me| me.id == message.author.id);
            let position = message.position;
            Either::Left(view! {
                <article class=class data-state=row.line.deleting.then_some("sending")>
                    <Head author=message.author at=message.at />
                    <p class="message__text" dir="auto">
                        {message.text.as_str().to_owned()}
                    </p>
                    {is_mine.then(|| view! { <Delete channel message=position /> })}
                </article>
            })
        }
        Content::OnItsWay { id, text, asked, progress } => {
            let at = DateTime::from_timestamp_millis(asked.cast_signed()).unwrap_or_default();
            let words = text.as_str().to_owned();
            let kind = match &progress {
                Progress::Refused(_) => Some("refused"),
                Progress::Held(_) | Progress::Late => Some("waiting"),
                Progress::UnderWay => None,
            };
            let shown = Signal::derive(move || match (kind, client.link.get()) {
                (Some(kind), _) => kind,
                (None, LinkState::Live) => "sending",
                (None, _) => "waiting",
            });
            Either::Right(view! {
                <article class=class data-state=shown>
                    {me.map(|author| view! { <Head author at /> })}
                    <p class="message__text" dir="auto">
                        {words.clone()}
                    </p>
                    {match progress {
                        Progress::Refused(refusal) => {
                            Either::Left(view! { <Refused id reason=refusal.message text=words edit /> })
                        }
                        progress => Either::Right(view! { <OnItsWay progress /> }),
                    }}
                </article>
            })
        }
    }
}

#[component]
fn Head(author: Person, at: DateTime<Utc>) -> impl IntoView {
    view! {
        <span class="avatar" data-hue=author.id.hue().to_string() aria-hidden="true">
            {author.name.initial()}
        </span>
        <header class="message__head">
            <span class="message__author" dir="auto">
                {author.name.to_string()}
            </span>
            <time class="message__time" datetime=at.to_rfc3339() title=browser::exact_time(at)>
                {browser::clock_time(at)}
            </time>
        </header>
    }
}

#[component]
fn Delete(channel: ChannelName, message: Position) -> impl IntoView {
    let client = expect_context::<Client>();
    let name = channel.as_str().to_owned();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        client.delete(channel.clone(), message);
    };
    view! {
        <form
            class="message__delete"
            method="post"
            action="/api/delete_message"
            on:submit=submit
        >
            <input type="hidden" name="channel" value=name />
            <input type="hidden" name="message" value=message.to_string() />
            <button class="button button--quiet button--icon" aria-label="Delete message">
                <Icon path=BIN />
            </button>
        </form>
    }
}

#[component]
fn OnItsWay(progress: Progress) -> impl IntoView {
    let link = expect_context::<Client>().link;
    let words = Signal::derive(move || match (&progress, link.get()) {
        (Progress::Held(refusal), LinkState::Live) => refusal.message.clone(),
        (Progress::Late, LinkState::Live) => "Not confirmed yet. Flack keeps trying.".to_owned(),
        (_, LinkState::Live) => "Sending…".to_owned(),
        (Progress::Late, _) => "Not sent yet: waiting for connection".to_owned(),
        _ => "Waiting for connection".to_owned(),
    });
    view! {
        <p class="message__note">
            <Icon path=CLOCK />
            <span>{words}</span>
        </p>
    }
}

#[component]
fn Refused(
    id: CommandId,
    reason: String,
    text: String,
    edit: RwSignal<Option<String>>,
) -> impl IntoView {
    let client = expect_context::<Client>();
    let (again, edited, discarded) = (id.clone(), id.clone(), id);
    view! {
        <div class="message__refusal">
            <p class="field__error">
                <Icon path=ALERT />
                <span>{reason}</span>
            </p>
            <div class="message__buttons">
                <button
                    class="button button--small"
                    type="button"
                    on:click=move |_| client.retry(again.clone())
                >
                    "Send again"
                </button>
                <button
                    class="button button--small"
                    type="button"
                    on:click=move |_| {
                        client.discard(edited.clone());
                        edit.set(Some(text.clone()));
                    }
                >
                    "Edit"
                </button>
                <button
                    class="button button--small button--quiet"
                    type="button"
                    on:click=move |_| client.discard(discarded.clone())
                >
                    "Discard"
                </button>
            </div>
        </div>
    }
}
