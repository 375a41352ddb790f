//! What goes wrong in a form, said where it went wrong.

use leptos::prelude::*;

use super::icon::{ALERT, Icon};
use crate::client::{Client, words};

/// The sentence under a field that was refused; nothing while there is none.
#[component]
pub fn FieldError(#[prop(into)] id: String, message: RwSignal<Option<String>>) -> impl IntoView {
    let is_hidden = Signal::derive(move || message.with(Option::is_none));
    let words = Signal::derive(move || message.get().unwrap_or_default());
    view! {
        <p class="field__error" id=id role="alert" hidden=is_hidden>
            <Icon path=ALERT />
            <span>{words}</span>
        </p>
    }
}

/// What was typed into a form that was refused before the client ran, and why it was refused.
pub fn refused(client: Client, action: &str, field: &str) -> Option<(String, String)> {
    let refused = client.take_refused(action)?;
    Some((refused.field(field), refused.refusal.told(words())))
}
