//! Which room a form is about.

use leptos::prelude::*;

use crate::domain::room::NamedRoom;

/// The hidden field that names a room.
#[component]
pub fn RoomField(room: NamedRoom) -> impl IntoView {
    let (name, value) = room.field();
    view! { <input type="hidden" name=name value=value /> }
}
