//! Changing the words of a message.

use leptos::{
    ev::{KeyboardEvent, SubmitEvent},
    html::Textarea,
    prelude::*,
};

use super::{
    field::{FieldError, refused},
    room_field::RoomField,
};
use crate::{
    client::Client,
    domain::{message::MessageText, position::Position, refusal::Refusal, room::NamedRoom},
};

/// The words of a message in a field, in the place of the message.
#[component]
pub fn EditForm(room: NamedRoom, message: Position, text: MessageText) -> impl IntoView {
    let client = expect_context::<Client>();
    let area = NodeRef::<Textarea>::new();
    let (typed, reason) = refused(client, "/api/edit_message", "text").unzip();
    let error = RwSignal::new(reason);
    let path = StoredValue::new(room.path());
    let of = room.room.clone();
    // What was typed before, should the row have been drawn anew meanwhile.
    let kept = path.with_value(|path| client.edited_words(path, message));
    let words = typed.or(kept).unwrap_or_else(|| text.as_str().to_owned());
    let before = text;

    Effect::new(move |_| {
        if let Some(area) = area.get() {
            let end = u32::try_from(area.value().encode_utf16().count()).unwrap_or_default();
            let _ = area.focus();
            let _ = area.set_selection_range(end, end);
        }
    });
    let leave = move || path.with_value(|path| client.stop_editing(path, message));
    let save = move || {
        let Some(typed) = area.get_untracked().map(|area| area.value()) else { return };
        match MessageText::try_from(typed.as_str()) {
            Ok(text) => {
                if text != before {
                    client.edit(of.clone(), message, text);
                }
                leave();
            }
            Err(fault) => error.set(Some(Refusal::text(fault).message)),
        }
    };
    let save_by_key = save.clone();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        save();
    };
    let press = move |event: KeyboardEvent| {
        if event.is_composing() || event.key_code() == 229 {
            return;
        }
        match event.key().as_str() {
            "Enter" if !event.shift_key() && !event.alt_key() => {
                event.prevent_default();
                save_by_key();
            }
            "Escape" => {
                event.prevent_default();
                leave();
            }
            _ => {}
        }
    };
    let invalid = Signal::derive(move || error.with(Option::is_some).then_some("true"));
    view! {
        <form
            class="edit"
            method="post"
            action="/api/edit_message"
            novalidate
            on:submit=submit
        >
            <RoomField room />
            <input type="hidden" name="message" value=message.to_string() />
            <textarea
                class="field__input edit__text"
                name="text"
                rows="1"
                dir="auto"
                aria-label="Edit message"
                aria-invalid=invalid
                aria-describedby="edit-error"
                node_ref=area
                on:input=move |event| {
                    error.set(None);
                    let words = event_target_value(&event);
                    path.with_value(|path| client.keep_edited_words(path, message, words));
                }
                on:keydown=press
            >
                {words}
            </textarea>
            <FieldError id="edit-error" message=error />
            <div class="message__buttons">
                <button class="button button--small button--primary">"Save"</button>
                <a
                    class="button button--small button--quiet"
                    href=path.get_value()
                    data-reload=""
                    on:click=move |event| {
                        event.prevent_default();
                        leave();
                    }
                >
                    "Cancel"
                </a>
            </div>
        </form>
    }
}
