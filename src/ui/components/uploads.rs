//! The files of the message that is being written.

use leptos::prelude::*;

use super::icon::{ALERT, CROSS, FILE, Icon};
use crate::{
    client::{
        Client,
        upload::{Upload, UploadState},
    },
    domain::{attachment::size_in_words, room::Room},
};

/// How far each file is; with ways to cancel it, and to try again.
#[component]
pub fn Uploads(room: StoredValue<Room>) -> impl IntoView {
    let client = expect_context::<Client>();
    let uploads = Memo::new(move |_| room.with_value(|room| client.uploads_of(room)));
    let is_empty = Signal::derive(move || uploads.with(Vec::is_empty));
    view! {
        <ul class="uploads" aria-label="Files to be sent" hidden=is_empty>
            <For
                each=move || uploads.get()
                key=|upload| (upload.key, std::mem::discriminant(&upload.state))
                children=move |upload| view! { <Line upload uploads /> }
            />
        </ul>
    }
}

#[component]
fn Line(upload: Upload, uploads: Memo<Vec<Upload>>) -> impl IntoView {
    let client = expect_context::<Client>();
    let Upload { key, name, size, state, .. } = upload;
    let name = name.to_string();
    let percent = Signal::derive(move || {
        uploads.with(|uploads| match uploads.iter().find(|upload| upload.key == key) {
            Some(Upload { state: UploadState::UnderWay(percent), .. }) => percent.to_string(),
            _ => String::new(),
        })
    });
    let remove = match state.is_under_way() {
        true => format!("Cancel {name}"),
        false => format!("Remove {name}"),
    };
    let is_under_way = state.is_under_way();
    let reason = match state {
        UploadState::Refused(refusal) => Some(refusal),
        _ => None,
    };
    let is_refused = reason.is_some();
    view! {
        <li class="upload" data-refused=is_refused.then_some("")>
            <Icon path=if is_refused { ALERT } else { FILE } />
            <span class="upload__name" dir="auto">
                {name.clone()}
            </span>
            <span class="upload__about">{size_in_words(size)}</span>
            {is_under_way
                .then(|| {
                    let label = format!("Uploading {name}");
                    view! {
                        <progress class="upload__progress" max="100" value=percent aria-label=label />
                    }
                })}
            {reason
                .map(|refusal| {
                    // What is too large stays so.
                    let is_worth_it = refusal.is_for_now()
                        || refusal.code.status() == 408 || refusal.code.status() == 507;
                    view! {
                        <span class="upload__reason" role="alert">
                            {refusal.message}
                        </span>
                        {is_worth_it
                            .then(|| {
                                view! {
                                    <button
                                        class="button button--small upload__retry"
                                        type="button"
                                        on:click=move |_| client.retry_upload(key)
                                    >
                                        "Try again"
                                    </button>
                                }
                            })}
                    }
                })}
            <button
                class="button button--quiet button--icon upload__remove"
                type="button"
                aria-label=remove
                on:click=move |_| client.remove_upload(key)
            >
                <Icon path=CROSS />
            </button>
        </li>
    }
}
