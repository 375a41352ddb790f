//! Changing the words of a message.

use leptos::{ev::SubmitEvent, html::Textarea, prelude::*, server_fn::ServerFn};

use super::{
    field::{FieldError, refused},
    room_field::RoomField,
    words::Words,
};
use crate::{
    api::EditMessage,
    client::{Client, EDITOR, browser, keys::Deed, words},
    domain::{message::MessageText, position::Position, refusal::Refusal, room::NamedRoom},
};

/// The words of a message in a field, in the place of the message.
#[component]
pub fn EditForm(
    room: NamedRoom,
    message: Position,
    text: MessageText,
    has_files: bool,
) -> impl IntoView {
    let client = expect_context::<Client>();
    let words = words();
    let area = NodeRef::<Textarea>::new();
    let (typed, reason) = refused(client, EditMessage::PATH, "text").unzip();
    let error = RwSignal::new(reason);
    let path = StoredValue::new(room.path());
    let of = room.room.clone();
    // What was typed before, should the row have been drawn anew meanwhile.
    let kept = path.with_value(|path| client.edited_words(path, message));
    let begun = typed.or(kept).unwrap_or_else(|| text.as_str().to_owned());
    let before = text;

    Effect::new(move |_| {
        if let Some(area) = area.get() {
            let end = u32::try_from(area.value().encode_utf16().count()).unwrap_or_default();
            browser::grow(EDITOR);
            let _ = area.focus();
            let _ = area.set_selection_range(end, end);
        }
    });
    let leave = move || path.with_value(|path| client.stop_editing(path, message));
    let save = move || {
        let Some(typed) = area.get_untracked().map(|area| area.value()) else { return };
        let new = match has_files {
            true => MessageText::beside_attachments(&typed),
            false => MessageText::try_from(typed.as_str()),
        };
        match new {
            Ok(text) => {
                if text != before {
                    client.edit(of.clone(), message, text);
                }
                leave();
            }
            Err(fault) => error.set(Some(Refusal::text(fault).told(words))),
        }
    };
    let save_by_key = save.clone();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        save();
    };
    let act = Callback::new(move |deed: Deed| {
        match deed {
            Deed::Send => save_by_key(),
            Deed::Leave => leave(),
            _ => return false,
        }
        true
    });
    let changed = Callback::new(move |typed: String| {
        error.set(None);
        path.with_value(|path| client.keep_edited_words(path, message, typed));
    });
    let invalid = Signal::derive(move || error.with(Option::is_some).then_some("true"));
    view! {
        <form
            class="edit"
            method="post"
            action=EditMessage::PATH
            novalidate
            on:submit=submit
        >
            <RoomField room />
            <input type="hidden" name="message" value=message.to_string() />
            <Words
                id=EDITOR
                list="editor-list"
                about="edit-error"
                class="field__input edit__text"
                label=words.edit_message.to_owned()
                typed=Some(begun)
                area
                is_invalid=invalid
                changed
                act
            />
            <FieldError id="edit-error" message=error />
            <div class="message__buttons">
                <button class="button button--small button--primary">{words.save}</button>
                <a
                    class="button button--small button--quiet"
                    href=path.get_value()
                    data-reload=""
                    on:click=move |event| {
                        event.prevent_default();
                        leave();
                    }
                >
                    {words.cancel}
                </a>
            </div>
        </form>
    }
}
