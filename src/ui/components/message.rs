//! One message, sent or on its way.

use chrono::{DateTime, Utc};
use leptos::{
    either::{Either, EitherOf3},
    ev::{MouseEvent, SubmitEvent},
    prelude::*,
};

use super::{
    attachment::Attachments,
    avatar::Avatar,
    edit::EditForm,
    icon::{ALERT, BIN, CLOCK, Icon, PEN},
    room_field::RoomField,
};
use crate::{
    client::{Client, browser, timeline::Row},
    domain::{
        attachment::Attachment,
        command::CommandId,
        message::{Html, Message},
        person::Person,
        position::Position,
        room::{NamedRoom, direct_path},
    },
    sync::{Content, link::LinkState, outbox::Progress},
};

/// `edit` gets the text of a refused message that its author wants to change.
#[component]
pub fn MessageRow(room: NamedRoom, row: Row, edit: RwSignal<Option<String>>) -> impl IntoView {
    let client = expect_context::<Client>();
    let me = client.me.get_untracked();
    let (is_continued, at) = (row.is_continued, row.at());
    let mut class = if is_continued { "message message--continued" } else { "message" }.to_owned();
    match row.line.content {
        Content::Sent(message) => {
            let is_mine = me.as_ref().is_some_and(|me| me.id == message.author.id);
            if me.is_some_and(|me| message.means(me.id)) {
                class += " message--meant";
            }
            let state = row.line.change.is_some().then_some("sending");
            Either::Left(view! {
                <article class=class id=message.position.anchor() data-state=state>
                    <Head author=message.author.clone() at is_link=!is_mine && !is_continued />
                    <Sent room message=message.clone() is_mine />
                    <Attachments attachments=message.attachments />
                </article>
            })
        }
        Content::OnItsWay { id, text, attachments, progress, .. } => {
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
                    {me.map(|author| view! { <Head author at is_link=false /> })}
                    <Words text=words.clone() html=None edited=None />
                    <Attachments attachments=attachments.clone() />
                    {match progress {
                        Progress::Refused(refusal) => {
                            let (reason, text) = (refusal.message, words);
                            Either::Left(view! { <Refused room id reason text attachments edit /> })
                        }
                        progress => Either::Right(view! { <OnItsWay progress /> }),
                    }}
                </article>
            })
        }
    }
}

/// Who wrote, and when. The name leads to a conversation with them, if `is_link`.
#[component]
fn Head(author: Person, at: DateTime<Utc>, is_link: bool) -> impl IntoView {
    let client = expect_context::<Client>();
    let name = author.name.to_string();
    let met = author.clone();
    let path = direct_path(author.id);
    view! {
        <Avatar person=author />
        <header class="message__head">
            {if is_link {
                Either::Left(view! {
                    <a
                        class="message__author"
                        dir="auto"
                        href=path
                        title="Send a direct message"
                        on:click=move |_| client.meet(met.clone())
                    >
                        {name}
                    </a>
                })
            } else {
                Either::Right(view! {
                    <span class="message__author" dir="auto">
                        {name}
                    </span>
                })
            }}
            <time class="message__time" datetime=at.to_rfc3339() title=browser::exact_time(at)>
                {browser::clock_time(at)}
            </time>
        </header>
    }
}

/// The words of a message, if it is not files alone, and what its author can do about them.
#[component]
fn Sent(room: NamedRoom, message: Message, is_mine: bool) -> impl IntoView {
    let client = expect_context::<Client>();
    let position = message.position;
    let is_edited = Memo::new(move |_| is_mine && client.editing.get() == Some(position));
    move || {
        let (room, text) = (room.clone(), message.text.clone());
        let (html, edited) = (message.html.clone(), message.edited);
        match (is_mine, is_edited.get()) {
            (true, true) => EitherOf3::A(view! { <EditForm room message=position text /> }),
            (true, false) => EitherOf3::B(view! {
                <Words text=text.as_str().to_owned() html edited />
                <Actions room message=position />
            }),
            _ => EitherOf3::C(view! { <Words text=text.as_str().to_owned() html edited /> }),
        }
    }
}

/// As the server has rendered them, or as they were typed.
#[component]
fn Words(text: String, html: Option<Html>, edited: Option<DateTime<Utc>>) -> impl IntoView {
    let me = expect_context::<Client>().me.get_untracked();
    let edited = edited.map(|at| {
        let title = browser::exact_time(at);
        view! { <span class="message__edited" title=title>" (edited)"</span> }
    });
    match html {
        Some(html) => {
            let html = me.map_or_else(|| html.as_str().to_owned(), |me| html.seen_by(me.id));
            EitherOf3::A(view! {
                <div class="message__text">
                    <div class="prose" inner_html=html></div>
                    {edited}
                </div>
            })
        }
        None if text.is_empty() => EitherOf3::B(()),
        None => EitherOf3::C(view! {
            <p class="message__text" dir="auto">
                {text}
                {edited}
            </p>
        }),
    }
}

#[component]
fn Actions(room: NamedRoom, message: Position) -> impl IntoView {
    let client = expect_context::<Client>();
    let edit_path = format!("{}?edit={message}", room.path());
    let of = room.room.clone();
    let edit = move |event: MouseEvent| {
        event.prevent_default();
        client.editing.set(Some(message));
    };
    let delete = move |event: SubmitEvent| {
        event.prevent_default();
        client.delete(of.clone(), message);
    };
    view! {
        <div class="message__actions">
            <a
                class="button button--quiet button--icon"
                href=edit_path
                data-reload=""
                aria-label="Edit message"
                on:click=edit
            >
                <Icon path=PEN />
            </a>
            <form
                class="message__delete"
                method="post"
                action="/api/delete_message"
                on:submit=delete
            >
                <RoomField room />
                <input type="hidden" name="message" value=message.to_string() />
                <button class="button button--quiet button--icon" aria-label="Delete message">
                    <Icon path=BIN />
                </button>
            </form>
        </div>
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
    room: NamedRoom,
    id: CommandId,
    reason: String,
    text: String,
    attachments: Vec<Attachment>,
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
                        client.attach_again(&room.room, attachments.clone());
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
