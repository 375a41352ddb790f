//! The emoji under a message.

use leptos::{prelude::*, server_fn::ServerFn};

use super::room_field::RoomField;
use crate::{
    api::{React, Unreact},
    client::{Client, words},
    domain::{position::Position, reaction::Reaction, room::NamedRoom},
    ui::still::{Still, Whether},
};

/// Every emoji with how many put it there. A press adds one's own, or takes it away.
#[component]
pub fn Reactions(room: NamedRoom, message: Position) -> impl IntoView {
    let client = expect_context::<Client>();
    let show = move |is_any: bool| {
        is_any.then(|| {
            let (room, of) = (room.clone(), room.clone());
            let reactions = Memo::new(move |_| client.reactions(message));
            Still(view! {
                <ReactionForm room message class="reactions">
                    <For
                        each=move || reactions.get()
                        key=|reaction| reaction.emoji.clone()
                        children=move |reaction| {
                            view! { <Pill room=of.clone() message reaction reactions /> }
                        }
                    />
                </ReactionForm>
            })
        })
    };
    Whether(move || client.has_reactions(message), show)
}

/// An emoji stays the same element while people come and go, and keeps the focus.
#[component]
fn Pill(
    room: NamedRoom,
    message: Position,
    reaction: Reaction,
    reactions: Memo<Vec<Reaction>>,
) -> impl IntoView {
    let client = expect_context::<Client>();
    let emoji = reaction.emoji.clone();
    let (sign, asked) = (emoji.as_str().to_owned(), emoji.clone());
    let me = client.me.get_untracked().map(|me| me.id);
    let now = Memo::new(move |_| {
        reactions.with(|reactions| reactions.iter().find(|it| it.emoji == asked).cloned())
    });
    let of_now = move |tell: fn(&Reaction) -> usize| now.with(|now| now.as_ref().map_or(0, tell));
    let count = Signal::derive(move || of_now(|now| now.people.len()));
    let told = Signal::derive(move || {
        now.with(|now| now.as_ref().map(|now| now.in_words(me, words())).unwrap_or_default())
    });
    let is_own = Signal::derive(move || {
        now.with(|now| me.is_some_and(|me| now.as_ref().is_some_and(|now| now.is_by(me))))
    });
    let action = Signal::derive(move || is_own.get().then_some(Unreact::PATH));
    let pressed = Signal::derive(move || if is_own.get() { "true" } else { "false" });
    let (waits, value) = (emoji.clone(), sign.clone());
    let state = Signal::derive(move || client.is_reacting(message, &waits).then_some("waiting"));
    view! {
        <button
            class="reaction"
            name="emoji"
            value=value
            formaction=action
            aria-pressed=pressed
            aria-label=told
            title=told
            data-state=state
            on:click=move |event| {
                event.prevent_default();
                client.react(room.room.clone(), message, emoji.clone(), !is_own.get_untracked());
            }
        >
            <span class="reaction__emoji">{sign}</span>
            <span class="reaction__count">{count}</span>
        </button>
    }
}

/// A form whose buttons are emoji for a message.
#[component]
pub fn ReactionForm<C: IntoView + 'static>(
    room: NamedRoom,
    message: Position,
    class: &'static str,
    children: TypedChildren<C>,
) -> impl IntoView {
    let children = children.into_inner();
    view! {
        <form class=class method="post" action=React::PATH>
            <RoomField room />
            <input type="hidden" name="message" value=message.to_string() />
            {children()}
        </form>
    }
}
