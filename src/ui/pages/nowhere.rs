//! Addresses that lead nowhere, and the way back.

use leptos::prelude::*;

use crate::{
    client::Client,
    domain::{channel::FIRST, name::ChannelName},
    ui::components::{
        bar::Bar,
        icon::{NO, Signal},
    },
};

/// No channel has this name; it can be created from here.
#[component]
pub fn UnknownChannel(name: String) -> impl IntoView {
    view! {
        <Bar>
            <div class="bar__title"></div>
        </Bar>
        <div class="empty">
            <Signal flag=NO />
            <h1>"There is no channel #" <bdi>{name.clone()}</bdi></h1>
            <p>"Perhaps it is spelled differently, was deleted, or nobody has made it yet."</p>
            <form class="form__buttons" method="post" action="/api/create_channel">
                <input type="hidden" name="name" value=name.clone() />
                <button class="button button--primary">
                    <span>"Create #" <bdi>{name.clone()}</bdi></span>
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
    let words = RwSignal::new(String::new());
    Effect::new(move |_| {
        // What waits is known once the page lives, and refused once the server has said so.
        client.link.track();
        client.rows.track();
        words.set(channel.with_value(|channel| client.unsent(channel)).join("\n\n"));
    });
    let discard = move |_| {
        channel.with_value(|channel| client.discard_unsent(channel));
        words.set(String::new());
    };
    let is_hidden = Signal::derive(move || words.with(String::is_empty));
    view! {
        <section class="unsent" hidden=is_hidden aria-label="Not sent">
            <h2>"You had written here"</h2>
            <p class="unsent__words" dir="auto">
                {words}
            </p>
            <button class="button button--quiet" type="button" on:click=discard>
                "Throw it away"
            </button>
        </section>
    }
}

/// Nobody has this number.
#[component]
pub fn UnknownPerson() -> impl IntoView {
    view! {
        <Bar>
            <div class="bar__title"></div>
        </Bar>
        <div class="empty">
            <Signal flag=NO />
            <h1>"There is no such person"</h1>
            <p>"The address may be old, or have a typing error."</p>
            <p class="form__buttons">
                <a class="button button--primary" href="/people">
                    "See who is here"
                </a>
            </p>
        </div>
    }
}

/// No page has this address.
#[component]
pub fn NowherePage() -> impl IntoView {
    view! {
        <Bar>
            <div class="bar__title"></div>
        </Bar>
        <div class="empty">
            <Signal flag=NO />
            <h1>"There is nothing here"</h1>
            <p>"The address may be old, or have a typing error."</p>
            <p class="form__buttons">
                <Back />
            </p>
        </div>
    }
}

#[component]
fn Back() -> impl IntoView {
    let first = ChannelName::stored(FIRST.to_owned());
    view! {
        <a class="button button--quiet" href=first.path()>
            <span>"Back to #" <bdi>{FIRST}</bdi></span>
        </a>
    }
}
