//! What is said in a channel.

use leptos::prelude::*;

use super::{
    icon::{COMMUNICATE, Signal},
    message::MessageRow,
};
use crate::{
    client::{Client, timeline::Row},
    domain::name::ChannelName,
};

/// The log of a channel, newest at the bottom. `edit` gets the text of a message to be changed.
#[component]
pub fn Conversation(channel: ChannelName, edit: RwSignal<Option<String>>) -> impl IntoView {
    let client = expect_context::<Client>();
    let label = format!("Messages in {channel}");
    let name = channel.as_str().to_owned();
    let is_empty =
        Memo::new(move |_| client.rows.with(|rows| rows.as_ref().is_some_and(Vec::is_empty)));
    let list = move || client.rows.get().unwrap_or_default();
    view! {
        <div class="log" role="log" aria-label=label tabindex="0">
            <div class="log__list">
                {move || is_empty.get().then(|| view! { <Nothing channel=name.clone() /> })}
                <For
                    each=list
                    key=Row::key
                    children=move |row| {
                        view! { <MessageRow channel=channel.clone() row edit /> }
                    }
                />
            </div>
        </div>
    }
}

#[component]
fn Nothing(channel: String) -> impl IntoView {
    view! {
        <div class="empty">
            <Signal flag=COMMUNICATE />
            <h2>"Nothing here yet"</h2>
            <p>
                "Be the first to write in #" <bdi>{channel}</bdi>
                ": a question, a plan, a link. Everyone on the team can read it."
            </p>
        </div>
    }
}
