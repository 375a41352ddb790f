//! What is said in a channel.

use leptos::{either::Either, prelude::*};

use super::{
    icon::{COMMUNICATE, Signal},
    message::MessageRow,
};
use crate::{
    client::{Client, timeline::Row},
    domain::room::NamedRoom,
};

/// The log of a room, newest at the bottom. `edit` gets the text of a message to be changed.
#[component]
pub fn Conversation(room: NamedRoom, edit: RwSignal<Option<String>>) -> impl IntoView {
    let client = expect_context::<Client>();
    let label = match &room.with {
        Some(with) => format!("Messages with {}", with.name),
        None => format!("Messages in {room}"),
    };
    let nothing = room.clone();
    let is_empty =
        Memo::new(move |_| client.rows.with(|rows| rows.as_ref().is_some_and(Vec::is_empty)));
    let list = move || client.rows.get().unwrap_or_default();
    view! {
        <div class="log" role="log" aria-label=label tabindex="0">
            <div class="log__list">
                {move || is_empty.get().then(|| view! { <Nothing room=nothing.clone() /> })}
                <For
                    each=list
                    key=Row::key
                    children=move |row| {
                        view! { <MessageRow room=room.clone() row edit /> }
                    }
                />
            </div>
        </div>
    }
}

#[component]
fn Nothing(room: NamedRoom) -> impl IntoView {
    let name = room.name().to_owned();
    let words = match room.with {
        Some(_) => Either::Left(view! {
            "This is between you and "
            <bdi>{name}</bdi>
            ". Nobody else on the team can read it."
        }),
        None => Either::Right(view! {
            "Be the first to write in #"
            <bdi>{name}</bdi>
            ": a question, a plan, a link. Everyone on the team can read it."
        }),
    };
    view! {
        <div class="empty">
            <Signal flag=COMMUNICATE />
            <h2>"Nothing here yet"</h2>
            <p>{words}</p>
        </div>
    }
}
