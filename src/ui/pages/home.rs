//! The address without a channel: the way to the channel that was left.

use leptos::prelude::*;

use crate::{
    client::{Client, words},
    domain::{channel::FIRST, name::ChannelName},
    ui::components::{
        bar::Bar,
        icon::{Mast, STOP},
    },
    words::around,
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
    let words = words();
    let (whom, whom_end) = around(words.home_heading);
    let (lead, lead_end) = around(words.home_lead);
    let (open, open_end) = around(words.open_channel);
    view! {
        <Bar>
            <div class="bar__title"></div>
        </Bar>
        <div class="empty">
            <Mast flag=STOP />
            <h1>{whom} <bdi>{name}</bdi> {whom_end}</h1>
            <p>{lead} <bdi>{FIRST}</bdi> {lead_end}</p>
            <p class="form__buttons">
                <a class="button button--primary" href=first.path()>
                    <span>{open} <bdi>{FIRST}</bdi> {open_end}</span>
                </a>
            </p>
        </div>
    }
}
