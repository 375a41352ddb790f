//! The sign of a person: a letter in a colour that is always theirs.

use leptos::prelude::*;

use crate::domain::person::Person;

#[component]
pub fn Avatar(person: Person) -> impl IntoView {
    view! {
        <span class="avatar" data-hue=person.id.hue().to_string() aria-hidden="true">
            {person.name.initial()}
        </span>
    }
}
