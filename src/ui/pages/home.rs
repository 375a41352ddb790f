//! The address without a channel: the way to the channel that was left.

use leptos::prelude::*;

use crate::{
    client::Client,
    domain::{channel::FIRST, name::ChannelName},
    ui::components::{
        bar::Bar,
        icon::{STOP, Signal},
    },
};

#[component]
pub fn HomePage() -> impl IntoView {
    let client = expect_context::<Client>();
    let name = client.me.get_untracked().map(|me| me.name.to_string()).unwrap_or_default();
    let first = ChannelName::stored(FIRST.to_owned());
    Effect::new(move |_| {
        if let Some(path) = client.returning() {
            client.go_instead(&path);
        }
    });
    view! {
        <Bar>
            <div class="bar__title"></div>
        </Bar>
        <div class="empty">
            <Signal flag=STOP />
            <h1>"Where to, " <bdi>{name}</bdi> "?"</h1>
            <p>
                "Choose a channel from the list, or begin in #" <bdi>{FIRST}</bdi>
                ", where everyone is."
            </p>
            <p class="form__buttons">
                <a class="button button--primary" href=first.path()>
                    <span>"Open #" <bdi>{FIRST}</bdi></span>
                </a>
            </p>
        </div>
    }
}
