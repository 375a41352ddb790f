//! The files of the message that is being written.

use leptos::prelude::*;

use super::icon::{CROSS, FILE, Icon};
use crate::{
    client::{
        Client,
        upload::{Upload, UploadState},
        words,
    },
    domain::{attachment::size_in_words, room::Room},
    words::with,
};

/// How far each file is; with ways to cancel it, and to try again.
#[component]
pub fn Uploads(room: StoredValue<Room>) -> impl IntoView {
    let client = expect_context::<Client>();
    let uploads = move || room.with_value(|room| client.uploads_of(room));
    let is_empty = Signal::derive(move || uploads().is_empty());
    view! {
        <ul class="uploads" aria-label=words().files_to_send hidden=is_empty>
            {move || uploads().into_iter().map(|upload| line(client, upload)).collect_view()}
        </ul>
    }
}

/// All of it is always there, and hidden where it says nothing: what has the focus keeps it.
fn line(client: Client, upload: Upload) -> impl IntoView {
    let Upload { key, name, size, state, .. } = upload;
    let percent = match state {
        UploadState::UnderWay(percent) => percent,
        _ => 100,
    };
    let is_under_way = state.is_under_way();
    let words = words();
    let remove = if is_under_way { words.cancel_upload } else { words.remove_upload };
    let (reason, is_worth_a_retry) = match state {
        UploadState::Refused(refusal) => (refusal.told(words), refusal.code.is_worth_a_retry()),
        _ => (String::new(), false),
    };
    let (about, is_refused) = (size_in_words(size, words), !reason.is_empty());
    view! {
        <li class="upload" data-refused=is_refused.then_some("")>
            <Icon path=FILE />
            <span class="upload__name" dir="auto">
                {name.to_string()}
            </span>
            <span class="upload__about">{about}</span>
            <progress
                class="upload__progress"
                max="100"
                value=percent.to_string()
                aria-label=with(words.uploading, name.as_str())
                hidden=!is_under_way
            />
            <span class="upload__reason" role="alert">
                {reason}
            </span>
            <button
                class="button button--small upload__retry"
                type="button"
                hidden=!is_worth_a_retry
                on:click=move |_| client.retry_upload(key)
            >
                {words.try_again}
            </button>
            <button
                class="button button--quiet button--icon upload__remove"
                type="button"
                aria-label=with(remove, name.as_str())
                on:click=move |_| client.remove_upload(key)
            >
                <Icon path=CROSS />
            </button>
        </li>
    }
}
