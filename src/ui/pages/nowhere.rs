//! Addresses that lead nowhere, and the way back.

use leptos::{prelude::*, server_fn::ServerFn};

use crate::{
    api::CreateChannel,
    client::{Client, words},
    domain::{channel::FIRST, name::ChannelName},
    ui::components::{
        bar::Bar,
        icon::{Mast, NO},
    },
    words::around,
};

/// No channel has this name; it can be created from here.
#[component]
pub fn UnknownChannel(name: String) -> impl IntoView {
    let words = words();
    let (heading, heading_end) = around(words.no_channel);
    let (create, create_end) = around(words.create_this);
    view! {
        <Bar>
            <div class="bar__title"></div>
        </Bar>
        <div class="empty">
            <Mast flag=NO />
            <h1>{heading} <bdi>{name.clone()}</bdi> {heading_end}</h1>
            <p>{words.no_channel_lead}</p>
            <form class="form__buttons" method="post" action=CreateChannel::PATH>
                <input type="hidden" name="name" value=name.clone() />
                <button class="button button--primary">
                    <span>{create} <bdi>{name.clone()}</bdi> {create_end}</span>
                </button>
                <Back />
            </form>
            <Unsent channel=ChannelName::stored(name) />
        </div>
    }
}

/// What somebody wrote to a channel that is no more: they may want it elsewhere.
#[component]
fn Unsent(channel: ChannelName) -> impl IntoView {
    let client = expect_context::<Client>();
    let channel = StoredValue::new(channel);
    let unsent = RwSignal::new(String::new());
    Effect::new(move |_| {
        // What waits is known once the page lives, and refused once the server has said so.
        client.link.track();
        client.rows.track();
        unsent.set(channel.with_value(|channel| client.unsent(channel)).join("\n\n"));
    });
    let discard = move |_| {
        channel.with_value(|channel| client.discard_unsent(channel));
        unsent.set(String::new());
    };
    let is_hidden = Signal::derive(move || unsent.with(String::is_empty));
    let words = words();
    view! {
        <section class="unsent" hidden=is_hidden aria-label=words.unsent>
            <h2>{words.unsent_heading}</h2>
            <p class="unsent__words" dir="auto">
                {unsent}
            </p>
            <button class="button button--quiet" type="button" on:click=discard>
                {words.unsent_discard}
            </button>
        </section>
    }
}

/// Nobody has this number.
#[component]
pub fn UnknownPerson() -> impl IntoView {
    let words = words();
    view! {
        <Bar>
            <div class="bar__title"></div>
        </Bar>
        <div class="empty">
            <Mast flag=NO />
            <h1>{words.no_person}</h1>
            <p>{words.old_address}</p>
            <p class="form__buttons">
                <a class="button button--primary" href="/people">
                    {words.see_people}
                </a>
            </p>
        </div>
    }
}

/// No page has this address.
#[component]
pub fn NowherePage() -> impl IntoView {
    let words = words();
    view! {
        <Bar>
            <div class="bar__title"></div>
        </Bar>
        <div class="empty">
            <Mast flag=NO />
            <h1>{words.nowhere}</h1>
            <p>{words.old_address}</p>
            <p class="form__buttons">
                <Back />
            </p>
        </div>
    }
}

#[component]
fn Back() -> impl IntoView {
    let first = ChannelName::stored(FIRST.to_owned());
    let (back, back_end) = around(words().back_to_channel);
    view! {
        <a class="button button--quiet" href=first.path()>
            <span>{back} <bdi>{FIRST}</bdi> {back_end}</span>
        </a>
    }
}
