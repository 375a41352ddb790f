//! One message, sent or on its way.

use chrono::{DateTime, Utc};
use leptos::{
    either::{Either, EitherOf3},
    prelude::*,
};

use super::{
    actions::Actions,
    attachment::Attachments,
    avatar::Avatar,
    edit::EditForm,
    icon::{ALERT, CLOCK, Icon},
    quote::Quote,
    reactions::Reactions,
};
use crate::{
    client::{Client, browser, timeline::Row, words},
    domain::{
        attachment::Attachment,
        command::CommandId,
        message::{Html, Message, MessageText},
        person::Person,
        position::Position,
        room::{NamedRoom, direct_path},
    },
    sync::{Content, link::LinkState, outbox::Progress},
    ui::still::{Still, Whether},
};

/// `edit` gets the text of a refused message that its author wants to change.
#[component]
pub fn MessageRow(room: NamedRoom, row: Row, edit: RwSignal<Option<String>>) -> impl IntoView {
    let client = expect_context::<Client>();
    let me = client.me.get_untracked();
    let (is_continued, at) = (row.is_continued, row.at());
    let mut class = if is_continued { "message message--continued" } else { "message" }.to_owned();
    if row.starts_day {
        class += " message--day";
    }
    match row.line.content {
        Content::Sent(message) => {
            let is_mine = me.as_ref().is_some_and(|me| me.id == message.author.id);
            if me.is_some_and(|me| message.means(me.id)) {
                class += " message--meant";
            }
            let state = row.line.change.is_some().then_some("sending");
            let position = message.position;
            // A browser brings what has this into sight, also without JavaScript.
            let is_asked_for = client.marked.get_untracked() == Some(position);
            let mark =
                Signal::derive(move || (client.marked.get() == Some(position)).then_some(""));
            let path = room.message_path(position);
            let Message { author, text, html, edited, attachments, reply, .. } = message;
            Either::Left(view! {
                <article
                    class=class
                    id=position.anchor()
                    tabindex="-1"
                    autofocus=is_asked_for
                    data-state=state
                    data-marked=mark
                >
                    <Head
                        author
                        at
                        path=Some(path)
                        is_link=!is_mine && !is_continued
                    />
                    {reply
                        .map(|reply| {
                            view! {
                                <Quote
                                    room=room.clone()
                                    message=reply.message
                                    author=Some(reply.author)
                                />
                            }
                        })}
                    <Sent
                        room=room.clone()
                        message=position
                        text
                        html
                        edited
                        is_mine
                        has_files=!attachments.is_empty()
                    />
                    <Attachments attachments />
                    <Reactions room=room.clone() message=position />
                    <Actions room message=position is_mine />
                </article>
            })
        }
        Content::OnItsWay { id, text, attachments, reply_to, progress, .. } => {
            let written = text.as_str().to_owned();
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
            let answered = room.clone();
            let unsent = Unsent {
                id,
                room,
                text: written.clone(),
                attachments: attachments.clone(),
                reply_to,
                edit,
            };
            Either::Right(view! {
                <article class=class data-state=shown>
                    {me.map(|author| view! { <Head author at path=None is_link=false /> })}
                    {reply_to
                        .map(|message| view! { <Quote room=answered message author=None /> })}
                    <Words text=written html=None edited=None />
                    <Attachments attachments />
                    {match progress {
                        Progress::Refused(refusal) => {
                            let reason = refusal.told(words());
                            Either::Left(view! { <Refused unsent reason /> })
                        }
                        progress => Either::Right(view! { <OnItsWay unsent progress /> }),
                    }}
                </article>
            })
        }
    }
}

/// Who wrote, and when. The name leads to a conversation with them, if `is_link`; the time to the
/// message itself, at `path`.
#[component]
fn Head(author: Person, at: DateTime<Utc>, path: Option<String>, is_link: bool) -> impl IntoView {
    let client = expect_context::<Client>();
    let name = author.name.to_string();
    let met = author.clone();
    let direct = direct_path(author.id);
    let time = view! {
        <time datetime=browser::iso_time(at) title=browser::exact_time(at)>
            {browser::clock_time(at)}
        </time>
    };
    view! {
        <Avatar person=author />
        <header class="message__head">
            {if is_link {
                Either::Left(view! {
                    <a
                        class="message__author"
                        dir="auto"
                        href=direct
                        title=words().send_direct
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
            {match path {
                Some(path) => Either::Left(view! {
                    <a class="message__time" href=path>
                        {time}
                    </a>
                }),
                None => Either::Right(view! { <span class="message__time">{time}</span> }),
            }}
        </header>
    }
}

/// The words of a message, if it is not files alone, or the form in which its author changes them.
#[component]
fn Sent(
    room: NamedRoom,
    message: Position,
    text: MessageText,
    html: Option<Html>,
    edited: Option<DateTime<Utc>>,
    is_mine: bool,
    has_files: bool,
) -> impl IntoView {
    let client = expect_context::<Client>();
    Whether(
        move || is_mine && client.editing.get() == Some(message),
        move |is_edited| {
            let (room, text, html) = (room.clone(), text.clone(), html.clone());
            match is_edited {
                true => Either::Left(Still(view! { <EditForm room message text has_files /> })),
                false => {
                    let text = text.as_str().to_owned();
                    Either::Right(Still(view! { <Words text html edited /> }))
                }
            }
        },
    )
}

/// As the server has rendered them, or as they were typed.
#[component]
fn Words(text: String, html: Option<Html>, edited: Option<DateTime<Utc>>) -> impl IntoView {
    let me = expect_context::<Client>().me.get_untracked();
    let edited = edited.map(|at| {
        let title = browser::exact_time(at);
        view! { <span class="message__edited" title=title>{format!(" {}", words().edited)}</span> }
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

/// A message that waits in this browser, or was refused.
#[derive(Clone)]
struct Unsent {
    id: CommandId,
    room: NamedRoom,
    text: String,
    attachments: Vec<Attachment>,
    reply_to: Option<Position>,
    /// Gets the text when it is to be written anew.
    edit: RwSignal<Option<String>>,
}

impl Unsent {
    /// Puts it back where one writes.
    fn write_anew(self, client: Client) {
        if client.take_back(&self.id) {
            client.attach_again(&self.room.room, self.attachments);
            // What is being written may be an answer, too.
            if self.reply_to.is_some() {
                client.reply(&self.room, self.reply_to);
            }
            self.edit.set(Some(self.text));
        }
    }
}

#[component]
fn OnItsWay(unsent: Unsent, progress: Progress) -> impl IntoView {
    let client = expect_context::<Client>();
    let link = client.link;
    let words = words();
    // What goes out in a moment needs no buttons.
    let late = (progress == Progress::Late).then(|| {
        let id = unsent.id.clone();
        let is_unsent = move || link.get() != LinkState::Live && client.is_unsent(&id);
        let buttons = move |is_unsent: bool| {
            let unsent = unsent.clone();
            is_unsent.then(|| {
                Still(view! {
                    <div class="message__buttons">
                        <TakeBack unsent />
                    </div>
                })
            })
        };
        Whether(is_unsent, buttons)
    });
    let state = Signal::derive(move || match (&progress, link.get()) {
        (Progress::Held(refusal), LinkState::Live) => refusal.told(words),
        (Progress::Late, LinkState::Live) => words.not_confirmed.to_owned(),
        (_, LinkState::Live) => words.sending.to_owned(),
        (Progress::Late, _) => words.not_sent.to_owned(),
        _ => words.waiting.to_owned(),
    });
    view! {
        <p class="message__note">
            <Icon path=CLOCK />
            <span>{state}</span>
        </p>
        {late}
    }
}

#[component]
fn Refused(unsent: Unsent, reason: String) -> impl IntoView {
    let client = expect_context::<Client>();
    let id = unsent.id.clone();
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
                    on:click=move |_| client.retry(id.clone())
                >
                    {words().send_again}
                </button>
                <TakeBack unsent />
            </div>
        </div>
    }
}

/// The buttons by which a message is not sent as it is.
#[component]
fn TakeBack(unsent: Unsent) -> impl IntoView {
    let client = expect_context::<Client>();
    let id = unsent.id.clone();
    let words = words();
    view! {
        <button
            class="button button--small"
            type="button"
            on:click=move |_| unsent.clone().write_anew(client)
        >
            {words.edit}
        </button>
        <button
            class="button button--small button--quiet"
            type="button"
            on:click=move |_| {
                client.take_back(&id);
            }
        >
            {words.discard}
        </button>
    }
}
