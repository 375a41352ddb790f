//! What can be done about a message.
//!
//! The bar is there for the message that one points at, has the focus in, or has come to by its
//! address, and not for a hundred others: they would only be in the way of who reads, or goes through
//! the page by keyboard. Without JavaScript it is on the page of the message's own address.

use std::sync::Arc;

use leptos::{
    ev::{MouseEvent, SubmitEvent},
    prelude::*,
    server_fn::ServerFn,
};

use super::{
    emoji::EMOJI,
    icon::{BIN, Icon, LINK, PEN, REPLY, SMILE},
    reactions::ReactionForm,
    room_field::RoomField,
};
use crate::{
    api::{DeleteMessage, Unreact},
    client::{Client, words},
    domain::{position::Position, reaction::Emoji, room::NamedRoom},
    ui::still::{Still, Whether},
    words::with,
};

#[component]
pub fn Actions(room: NamedRoom, message: Position, is_mine: bool) -> impl IntoView {
    let client = expect_context::<Client>();
    Whether(
        move || client.is_attended(message),
        move |is_wanted: bool| {
            is_wanted.then(|| Still(view! { <Bar room=room.clone() message is_mine /> }))
        },
    )
}

#[component]
fn Bar(room: NamedRoom, message: Position, is_mine: bool) -> impl IntoView {
    let client = expect_context::<Client>();
    let of = room.room.clone();
    let pick = move |_: MouseEvent| {
        let room = of.clone();
        client.picking.set(Some(Arc::new(move |sign| {
            client.react(room.clone(), message, Emoji::stored(sign), true);
        })));
    };
    let path = room.message_path(message);
    let (link, reply_path) = (path.clone(), format!("{}?reply={message}", room.path()));
    let copy = move |()| client.copy_link(&link);
    let (answered, quick) = (room.clone(), room.clone());
    let reply = move |()| client.reply(&answered, Some(message));
    let words = words();
    view! {
        <div class="actions" role="group" aria-label=words.actions>
            <ReactionForm room=quick.clone() message class="actions__quick">
                {Emoji::QUICK
                    .into_iter()
                    .map(|sign| view! { <Quick room=quick.clone() message sign /> })
                    .collect_view()}
            </ReactionForm>
            <button
                class="button button--quiet button--icon actions__scripted"
                type="button"
                popovertarget=EMOJI
                aria-label=words.other_emoji
                title=words.other_emoji
                on:click=pick
            >
                <Icon path=SMILE />
            </button>
            <Tool href=reply_path label=words.reply icon=REPLY act=Callback::new(reply) />
            <Tool href=path label=words.copy_link icon=LINK act=Callback::new(copy) />
            {is_mine.then(|| view! { <Own room message /> })}
        </div>
    }
}

/// Does something here, and without the client on the page of this address.
#[component]
fn Tool(href: String, label: &'static str, icon: &'static str, act: Callback<()>) -> impl IntoView {
    let click = move |event: MouseEvent| {
        event.prevent_default();
        act.run(());
    };
    view! {
        <a
            class="button button--quiet button--icon"
            href=href
            data-reload=""
            aria-label=label
            title=label
            on:click=click
        >
            <Icon path=icon />
        </a>
    }
}

/// One of the emoji that are offered first.
#[component]
fn Quick(room: NamedRoom, message: Position, sign: &'static str) -> impl IntoView {
    let client = expect_context::<Client>();
    let emoji = Emoji::stored(sign.to_owned());
    let asked = emoji.clone();
    let is_own = Memo::new(move |_| client.has_reacted(message, &asked));
    let action = Signal::derive(move || is_own.get().then_some(Unreact::PATH));
    let pressed = Signal::derive(move || if is_own.get() { "true" } else { "false" });
    let label = with(words().react_with, sign);
    view! {
        <button
            class="button button--quiet button--icon"
            name="emoji"
            value=sign
            formaction=action
            aria-pressed=pressed
            aria-label=label.clone()
            title=label
            on:click=move |event| {
                event.prevent_default();
                client.react(room.room.clone(), message, emoji.clone(), !is_own.get_untracked());
            }
        >
            {sign}
        </button>
    }
}

/// What its author can do besides.
#[component]
fn Own(room: NamedRoom, message: Position) -> impl IntoView {
    let client = expect_context::<Client>();
    let edit_path = format!("{}?edit={message}", room.path());
    let of = room.room.clone();
    let edit = move |()| client.editing.set(Some(message));
    let delete = move |event: SubmitEvent| {
        event.prevent_default();
        client.delete(of.clone(), message);
    };
    let words = words();
    view! {
        <Tool href=edit_path label=words.edit_message icon=PEN act=Callback::new(edit) />
        <form
            class="actions__delete"
            method="post"
            action=DeleteMessage::PATH
            on:submit=delete
        >
            <RoomField room />
            <input type="hidden" name="message" value=message.to_string() />
            <button
                class="button button--quiet button--icon"
                aria-label=words.delete_message
                title=words.delete_message
            >
                <Icon path=BIN />
            </button>
        </form>
    }
}
