//! A channel: what is said in it, and where to say something.

use leptos::prelude::*;

use super::nowhere::UnknownChannel;
use crate::{
    client::Client,
    domain::{address::Address, name::ChannelName},
    ui::components::{
        bar::Bar, composer::Composer, conversation::Conversation, notice::StorageNotice,
    },
};

#[component]
pub fn ChannelPage() -> impl IntoView {
    let client = expect_context::<Client>();
    let channel = Memo::new(move |_| client.channel());
    Effect::new(move |_| {
        if let Some(channel) = channel.get() {
            client.open(channel);
        }
    });
    // Right after joining, the list is still on its way.
    let is_listed = Memo::new(move |_| client.directory.with(|list| !list.channels().is_empty()));
    let open = move || channel.get();
    let unknown = move || match (channel.get(), client.address.get()) {
        (None, Address::Channel(name)) if is_listed.get() => {
            Some(view! { <UnknownChannel name /> })
        }
        _ => None,
    };
    view! {
        // Elements of its own for each channel: what is typed in one must not stand in the next.
        <For
            each=open
            key=ChannelName::clone
            children=|channel| view! { <OpenChannel channel /> }
        />
        {unknown}
    }
}

#[component]
fn OpenChannel(channel: ChannelName) -> impl IntoView {
    let path = channel.path();
    let edit = RwSignal::new(None);
    let name = channel.as_str().to_owned();
    view! {
        <Bar>
            <h1 class="bar__title">"#" <bdi>{name}</bdi></h1>
        </Bar>
        <p class="notice notice--noscript">
            "Live updates need JavaScript. " <a href=path data-reload="">"Reload"</a> " to see new messages."
        </p>
        <StorageNotice />
        <Conversation channel=channel.clone() edit />
        <Composer channel edit />
    }
}
