//! A channel: what is said in it, and where to say something.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_location, use_params_map};

use super::nowhere::UnknownChannel;
use crate::{
    client::Client,
    domain::name::ChannelName,
    ui::components::{bar::Bar, composer::Composer, conversation::Conversation},
};

#[component]
pub fn ChannelPage() -> impl IntoView {
    let client = expect_context::<Client>();
    let params = use_params_map();
    let name = Memo::new(move |_| params.with(|params| params.get("channel").unwrap_or_default()));
    let channel = Memo::new(move |_| client.find(&name.get()));
    Effect::new(move |_| {
        if let Some(channel) = channel.get() {
            client.open(channel);
        }
    });
    // Right after joining, the list is still on its way.
    let is_listed = Memo::new(move |_| client.directory.with(|list| !list.channels().is_empty()));
    move || match channel.get() {
        Some(channel) => view! { <OpenChannel channel /> }.into_any(),
        None if is_listed.get() => view! { <UnknownChannel name=name.get() /> }.into_any(),
        None => ().into_any(),
    }
}

#[component]
fn OpenChannel(channel: ChannelName) -> impl IntoView {
    let path = use_location().pathname;
    let edit = RwSignal::new(None);
    let name = channel.as_str().to_owned();
    view! {
        <Title text=channel.to_string() />
        <Bar>
            <h1 class="bar__title">"#" <bdi>{name}</bdi></h1>
        </Bar>
        <p class="notice notice--noscript">
            "Live updates need JavaScript. " <a href=path>"Reload"</a> " to see new messages."
        </p>
        <Conversation channel=channel.clone() edit=Callback::new(move |text| edit.set(Some(text))) />
        <Composer channel edit />
    }
}
