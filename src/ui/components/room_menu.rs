//! How much one wants to hear of a room.

use leptos::{ev::MouseEvent, prelude::*, task::spawn_local};

use super::{
    icon::{Icon, MORE},
    room_field::RoomField,
};
use crate::{
    api,
    client::{Client, marks::Marks, words},
    domain::room::NamedRoom,
};

/// The id of the menu.
const MENU: &str = "room-menu";

/// A button that opens the menu of a room. What is in it is a form, for browsers without JavaScript.
#[component]
pub fn RoomMenu(room: NamedRoom) -> impl IntoView {
    let client = expect_context::<Client>();
    let error = RwSignal::new(None);
    let of = room.room.clone();
    let marks = Memo::new(move |_| client.memberships.with(|it| Marks::of(it, &of)));
    let is_muted = Signal::derive(move || marks.get().is_muted);
    let is_favourite = Signal::derive(move || marks.get().is_favourite);
    let words = words();
    let topic = room.with.is_none().then(|| {
        view! {
            <a class="button button--quiet" href=room.topic_path() data-sheet="">
                {words.topic}
            </a>
        }
    });
    view! {
        <button
            class="button button--quiet button--icon"
            type="button"
            popovertarget=MENU
            aria-label=words.this_room
        >
            <Icon path=MORE />
        </button>
        <div class="popover popover--menu" id=MENU popover="auto" role="dialog" aria-label=words.this_room>
            <form class="form" method="post" action="/api/set_room">
                <RoomField room=room.clone() />
                <Setting room=room.clone() name="favourite" label=words.favourite is_on=is_favourite error />
                <Setting room name="muted" label=words.mute is_on=is_muted error />
            </form>
            {topic}
            <p class="popover__text" role="alert">
                {error}
            </p>
        </div>
    }
}

/// Something that is so or not so.
#[component]
fn Setting(
    room: NamedRoom,
    name: &'static str,
    label: &'static str,
    is_on: Signal<bool>,
    error: RwSignal<Option<String>>,
) -> impl IntoView {
    let change = move |event: MouseEvent| {
        event.prevent_default();
        let (field, value) = room.field();
        let channel = (field == "channel").then(|| value.clone());
        let direct = (field == "direct").then(|| value.parse().ok()).flatten();
        let to = |of| (name == of).then_some(!is_on.get_untracked());
        let (muted, favourite) = (to("muted"), to("favourite"));
        spawn_local(async move {
            let set = api::set_room(channel, direct, muted, favourite).await;
            error.try_set(set.err().map(|refusal| refusal.told(words())));
        });
    };
    view! {
        <button
            class="button button--quiet setting"
            name=name
            value=move || (!is_on.get()).to_string()
            aria-pressed=move || is_on.get().to_string()
            on:click=change
        >
            {label}
        </button>
    }
}
