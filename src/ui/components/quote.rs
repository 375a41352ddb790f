//! What a message answers. Its words are looked up where they are shown, so that what was edited or
//! deleted does not linger.

use leptos::{either::Either, prelude::*};

use super::icon::{CROSS, Icon, REPLY};
use crate::{
    client::{Client, timeline::Quoted, words},
    domain::{person::Person, position::Position, room::NamedRoom},
};

/// The beginning of what is answered, which leads there. `author` is who wrote it, if that is known.
#[component]
pub fn Quote(room: NamedRoom, message: Position, author: Option<Person>) -> impl IntoView {
    let path = room.message_path(message);
    view! {
        <a class="quote" href=path>
            <Icon path=REPLY />
            <span class="hidden">{format!("{} ", words().in_reply_to)}</span>
            <Excerpt message author />
        </a>
    }
}

#[component]
fn Excerpt(message: Position, author: Option<Person>) -> impl IntoView {
    let client = expect_context::<Client>();
    let quoted = Memo::new(move |_| client.quoted(message));
    move || {
        let author = author.clone();
        match quoted.get() {
            Quoted::Shown(author, words) => Either::Left(view! {
                <bdi class="quote__author">{author.name.to_string()}</bdi>
                <bdi class="quote__words">{words}</bdi>
            }),
            other => Either::Right(view! {
                {author
                    .map(|author| {
                        view! { <bdi class="quote__author">{author.name.to_string()}</bdi> }
                    })}
                <i class="quote__words">
                    {if other == Quoted::Deleted {
                        words().deleted_message
                    } else {
                        words().earlier_message
                    }}
                </i>
            }),
        }
    }
}

/// What the message answers that is being written, and the way to answer nothing.
#[component]
pub fn Replying(room: NamedRoom) -> impl IntoView {
    let client = expect_context::<Client>();
    move || {
        let room = room.clone();
        client.replying.get().map(|message| {
            let (path, words) = (room.path(), words());
            view! {
                <div class="replying">
                    <input type="hidden" name="reply_to" value=message.to_string() />
                    <p class="replying__to" role="status" aria-label=words.reply>
                        <Icon path=REPLY />
                        <span>{words.replying_to}</span>
                        <Excerpt message author=None />
                    </p>
                    <a
                        class="button button--quiet button--icon"
                        href=path
                        data-reload=""
                        aria-label=words.cancel_reply
                        title=words.cancel_reply
                        on:click=move |event| {
                            event.prevent_default();
                            client.reply(&room, None);
                        }
                    >
                        <Icon path=CROSS />
                    </a>
                </div>
            }
        })
    }
}
