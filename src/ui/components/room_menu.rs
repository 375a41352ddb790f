//! How much one wants to hear of a room.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    icon::{Icon, MORE},
    room_field::RoomField,
};
use crate::{
    api::SetRoom,
    client::{Client, marks::Marks, words},
    domain::room::NamedRoom,
};

/// The id of the menu.
const MENU: &str = "room-menu";

/// A button that opens the menu of a room. What is in it is a form that the page's script sends.
#[component]
pub fn RoomMenu(room: NamedRoom) -> impl IntoView {
    let client = expect_context::<Client>();
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
            <form class="form" method="post" action=SetRoom::PATH data-form="stays">
                <RoomField room />
                <Setting name="favourite" label=words.favourite is_on=is_favourite />
                <Setting name="muted" label=words.mute is_on=is_muted />
                <p class="popover__text" role="alert"></p>
            </form>
            {topic}
        </div>
    }
}

/// Something that is so or not so. What is so is told by the live socket, on all devices.
#[component]
fn Setting(name: &'static str, label: &'static str, is_on: Signal<bool>) -> impl IntoView {
    view! {
        <button
            class="button button--quiet setting"
            name=name
            value=move || (!is_on.get()).to_string()
            aria-pressed=move || is_on.get().to_string()
        >
            {label}
        </button>
    }
}
