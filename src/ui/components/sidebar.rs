//! All channels, the way to a new one, and who one is.
//!
//! On wide screens it is a column; on narrow ones the same element is a drawer, which the browser
//! opens and closes by itself, as a popover.

use leptos::{
    ev::{MouseEvent, SubmitEvent},
    prelude::*,
    task::spawn_local,
};

use super::{
    avatar::Avatar,
    icon::{CROSS, DOOR, Icon, Mark, PLUS, UP_DOWN},
    jump::JumpButton,
    keys::KeysLink,
    new_channel::NewChannelForm,
    presence::Online,
};
use crate::{
    api,
    client::{Client, browser},
    domain::{address::Address, channel::Channel, direct::Direct, room::direct_path, theme::Theme},
};

#[component]
pub fn Sidebar() -> impl IntoView {
    let client = expect_context::<Client>();
    let channels = move || client.directory.with(|directory| directory.channels().to_vec());
    // Who one is does not change while the sidebar is there.
    let me = client.me.get_untracked();
    let name = me.as_ref().map(|me| me.name.to_string()).unwrap_or_default();
    let directs = move || client.directs.with(|directs| directs.list().to_vec());
    let current = Signal::derive(move || {
        client.address.with(|here| *here == Address::People).then_some("page")
    });
    view! {
        <aside class="sidebar" id="sidebar" popover="auto" aria-label="Channels and account">
            <div class="sidebar__head">
                <a href="/" class="wordmark">
                    <Mark />
                    "Flack"
                </a>
                <button
                    class="button button--quiet button--icon sidebar__close"
                    type="button"
                    popovertarget="sidebar"
                    popovertargetaction="hide"
                    aria-label="Close channel list"
                >
                    <Icon path=CROSS />
                </button>
            </div>
            <JumpButton />
            <div class="sidebar__rooms">
                <nav class="channels" aria-label="Channels">
                    <ul>
                        <For
                            each=channels
                            key=|channel| channel.created
                            children=|channel| view! { <ChannelLink channel /> }
                        />
                    </ul>
                </nav>
                <button
                    class="button button--quiet sidebar__new"
                    type="button"
                    popovertarget="new-channel"
                >
                    <Icon path=PLUS />
                    "New channel"
                </button>
                <nav class="channels channels--people" aria-labelledby="directs-title">
                    <h2 class="sidebar__title" id="directs-title">
                        "Direct messages"
                    </h2>
                    <ul>
                        <For
                            each=directs
                            key=|direct| direct.with.id
                            children=|direct| view! { <DirectLink direct /> }
                        />
                    </ul>
                </nav>
                <a
                    class="button button--quiet sidebar__new"
                    href="/people"
                    aria-current=current
                    on:click=|_| browser::hide_popover("sidebar")
                >
                    <Icon path=PLUS />
                    "New message"
                </a>
            </div>
            <button class="button button--quiet own" type="button" popovertarget="account">
                {me.map(|person| view! { <Avatar person /> })}
                <span class="own__name" dir="auto">
                    {name.clone()}
                </span>
                <Icon path=UP_DOWN />
            </button>
        </aside>
        <div
            class="popover popover--dialog"
            id="new-channel"
            popover="auto"
            role="dialog"
            aria-labelledby="new-channel-title"
        >
            <h2 id="new-channel-title">"New channel"</h2>
            <NewChannelForm id="channel-name">
                <button
                    class="button button--quiet"
                    type="button"
                    popovertarget="new-channel"
                    popovertargetaction="hide"
                >
                    "Cancel"
                </button>
            </NewChannelForm>
        </div>
        <div
            class="popover popover--account"
            id="account"
            popover="auto"
            role="dialog"
            aria-label="Account"
        >
            <ThemeChoice />
            <a class="button button--quiet" href="/devices">
                "Your devices"
            </a>
            <KeysLink />
            <p class="popover__text">
                "If you sign out, the name " <bdi>{name}</bdi>
                " stays yours, but only another device of yours can bring it back here."
            </p>
            <SignOut />
        </div>
    }
}

#[component]
fn ChannelLink(channel: Channel) -> impl IntoView {
    let client = expect_context::<Client>();
    let name = channel.name.as_str().to_owned();
    let path = channel.name.path();
    let address = Address::Channel(name.clone());
    let current =
        Signal::derive(move || client.address.with(|here| *here == address).then_some("page"));
    view! {
        <li>
            <a href=path aria-current=current on:click=|_| browser::hide_popover("sidebar")>
                "#"
                <bdi>{name}</bdi>
            </a>
        </li>
    }
}

#[component]
fn DirectLink(direct: Direct) -> impl IntoView {
    let client = expect_context::<Client>();
    let person = direct.with;
    let (id, path, name) = (person.id, direct_path(person.id), person.name.to_string());
    let address = Address::Direct(id);
    let current =
        Signal::derive(move || client.address.with(|here| *here == address).then_some("page"));
    view! {
        <li>
            <a href=path aria-current=current on:click=|_| browser::hide_popover("sidebar")>
                <Avatar person />
                <bdi>{name}</bdi>
                <Online person=id />
            </a>
        </li>
    }
}

/// The colours of Flack. Each choice is a button that works without JavaScript.
#[component]
fn ThemeChoice() -> impl IntoView {
    let client = expect_context::<Client>();
    let choices = Theme::ALL.map(|theme| {
        let is_chosen = Signal::derive(move || (client.theme.get() == theme).to_string());
        let choose = move |event: MouseEvent| {
            event.prevent_default();
            client.choose_theme(theme);
        };
        let name = match theme {
            Theme::System => "System",
            Theme::Light => "Light",
            Theme::Dark => "Dark",
        };
        view! {
            <button
                class="choice"
                name="theme"
                value=theme.as_str()
                aria-pressed=is_chosen
                on:click=choose
            >
                {name}
            </button>
        }
    });
    view! {
        <form
            class="choices"
            method="post"
            action="/api/choose_theme"
            role="group"
            aria-label="Colours"
        >
            {choices.into_iter().collect_view()}
        </form>
    }
}

#[component]
fn SignOut() -> impl IntoView {
    let submit = |event: SubmitEvent| {
        event.prevent_default();
        spawn_local(async {
            // Either way the session is of no more use here.
            let _ = api::sign_out().await;
            browser::load_page("/");
        });
    };
    view! {
        <form class="form" method="post" action="/api/sign_out" on:submit=submit>
            <button class="button button--danger">
                <Icon path=DOOR />
                "Sign out"
            </button>
        </form>
    }
}
