//! All channels, the way to a new one, and who one is.
//!
//! On wide screens it is a column; on narrow ones the same element is a drawer, which the browser
//! opens and closes by itself, as a popover.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    avatar::Avatar,
    icon::{CROSS, DOOR, DOWN, Icon, Mark, PLUS, UP_DOWN},
    jump::JumpButton,
    keys::KeysLink,
    new_channel::NewChannelForm,
    presence::Online,
};
use crate::{
    api::{ChooseLanguage, ChooseTheme, SignOut},
    client::{
        Client, browser,
        marks::{Marks, favourites, order},
        words,
    },
    domain::{
        address::Address,
        channel::Channel,
        direct::Direct,
        room::{Pair, Room, direct_path},
        theme::Theme,
    },
    ui::still::{Rendered, Still, Whether},
    words::{Language, around},
};

#[component]
pub fn Sidebar() -> impl IntoView {
    let client = expect_context::<Client>();
    let favourites = Memo::new(move |_| client.memberships.with(favourites));
    // By use, as of when one went somewhere last; nothing moves under the pointer.
    let turn = RwSignal::new(());
    let sort = move || turn.set(());
    Effect::new(move |_| {
        client.address.track();
        if !browser::is_pointed_at("sidebar") {
            sort();
        }
        request_animation_frame(|| browser::reveal_current("sidebar"));
    });
    let channels = Memo::new(move |_| {
        turn.track();
        let favourites = favourites.get();
        client.directory.with(|directory| {
            let room = |channel: &Channel| Room::Channel(channel.name.clone());
            let order = |it: &_| order(directory.channels(), room, &favourites, it);
            client.memberships.with_untracked(order)
        })
    });
    // Who one is does not change while the sidebar is there.
    let me = client.me.get_untracked();
    let own = me.as_ref().map(|me| me.id);
    let directs = Memo::new(move |_| {
        turn.track();
        let favourites = favourites.get();
        client.directs.with(|directs| {
            let room = |direct: &Direct| {
                let with = direct.with.id;
                Room::Direct(Pair::of(own.unwrap_or(with), with))
            };
            let order = |it: &_| order(directs.list(), room, &favourites, it);
            client.memberships.with_untracked(order)
        })
    });
    let name = me.as_ref().map(|me| me.name.to_string()).unwrap_or_default();
    let current = Signal::derive(move || {
        client.address.with(|here| *here == Address::People).then_some("page")
    });
    let words = words();
    view! {
        <aside
            class="sidebar"
            id="sidebar"
            popover="auto"
            aria-label=words.sidebar
            on:mouseleave=move |_| sort()
        >
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
                    aria-label=words.close_channels
                >
                    <Icon path=CROSS />
                </button>
            </div>
            <JumpButton />
            <div class="sidebar__rooms">
                <nav class="channels" aria-label=words.channels>
                    <ul>
                        <For
                            each=move || channels.get()
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
                    {words.new_channel}
                </button>
                <nav class="channels channels--people" aria-labelledby="directs-title">
                    <h2 class="sidebar__title" id="directs-title">
                        {words.directs}
                    </h2>
                    <ul>
                        <For
                            each=move || directs.get()
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
                    {words.new_message}
                </a>
                <button
                    class="button button--primary button--small sidebar__more"
                    type="button"
                    id="more"
                    hidden
                >
                    <Icon path=DOWN />
                    <span>{words.jump_new}</span>
                </button>
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
            {Rendered(|| view! { <NewChannel /> })}
        </div>
        <div
            class="popover popover--account"
            id="account"
            popover="auto"
            role="dialog"
            aria-label=words.account
        >
            {Rendered(|| view! { <Account name /> })}
        </div>
    }
}

/// What is in the card for a new channel.
#[component]
fn NewChannel() -> impl IntoView {
    let words = words();
    view! {
        <h2 id="new-channel-title">{words.new_channel}</h2>
        <NewChannelForm id="channel-name">
            <button
                class="button button--quiet"
                type="button"
                popovertarget="new-channel"
                popovertargetaction="hide"
            >
                {words.cancel}
            </button>
        </NewChannelForm>
    }
}

/// What is in the card of oneself.
#[component]
fn Account(name: String) -> impl IntoView {
    let words = words();
    let (note, note_end) = around(words.sign_out_note);
    view! {
        <ThemeChoice />
        <LanguageChoice />
        <div class="wishes">
            <Wish name="notifications" label=words.notifications />
            <Wish name="sound" label=words.sound />
        </div>
        <a class="button button--quiet" href="/devices">
            {words.devices}
        </a>
        <KeysLink />
        <p class="popover__text">{note} <bdi>{name}</bdi> {note_end}</p>
        <SignOut />
    }
}

#[component]
fn ChannelLink(channel: Channel) -> impl IntoView {
    let client = expect_context::<Client>();
    let name = channel.name.as_str().to_owned();
    let path = channel.name.path();
    let address = Address::Channel(name.clone());
    let room = Room::Channel(channel.name);
    let marks = Memo::new(move |_| client.memberships.with(|it| Marks::of(it, &room)));
    let current =
        Signal::derive(move || client.address.with(|here| *here == address).then_some("page"));
    view! {
        <li data-marks=move || marks.get().look()>
            <a href=path aria-current=current on:click=|_| browser::hide_popover("sidebar")>
                "#"
                <bdi>{name}</bdi>
                <Count marks />
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
    let marks = Memo::new(move |_| {
        let me = client.me.with(|me| me.as_ref().map_or(id, |me| me.id));
        let room = Room::Direct(Pair::of(me, id));
        client.memberships.with(|it| Marks::of(it, &room))
    });
    let current =
        Signal::derive(move || client.address.with(|here| *here == address).then_some("page"));
    view! {
        <li data-marks=move || marks.get().look()>
            <a href=path aria-current=current on:click=|_| browser::hide_popover("sidebar")>
                <Avatar person />
                <bdi>{name}</bdi>
                <Online person=id />
                <Count marks />
            </a>
        </li>
    }
}

/// What there is to say of a room besides its name. Of most rooms there is nothing.
#[component]
fn Count(marks: Memo<Marks>) -> impl IntoView {
    let show = move |is_any: bool| {
        is_any.then(|| {
            let label = Signal::derive(move || marks.get().label());
            let told = Signal::derive(move || marks.get().words(words()));
            let star = Signal::derive(move || if marks.get().is_favourite { "★" } else { "" });
            Still(view! {
                <span class="count" aria-hidden="true">
                    {label}
                </span>
                <span class="star" aria-hidden="true">
                    {star}
                </span>
                <span class="hidden">{told}</span>
            })
        })
    };
    Whether(move || marks.get() != Marks::default(), show)
}

/// The colours of Flack. The page's script chooses without sending the form.
#[component]
fn ThemeChoice() -> impl IntoView {
    let (words, chosen) = (words(), browser::theme());
    let choices = Theme::ALL.map(|theme| Segment {
        value: theme.as_str(),
        name: match theme {
            Theme::System => words.theme_system,
            Theme::Light => words.theme_light,
            Theme::Dark => words.theme_dark,
        },
        language: None,
        is_chosen: theme == chosen,
    });
    view! { <Segments of="theme" action=ChooseTheme::PATH label=words.colours choices=choices.into() /> }
}

/// The language of Flack. The browser sends this form by itself: the page comes back in other words.
#[component]
fn LanguageChoice() -> impl IntoView {
    let (words, chosen) = (words(), browser::chosen_language());
    let choice = |language: Option<Language>| Segment {
        value: language.map_or("", Language::tag),
        name: language.map_or(words.automatic, Language::name),
        language,
        is_chosen: language == chosen,
    };
    let choices = [None].into_iter().chain(Language::ALL.map(Some)).map(choice).collect();
    view! { <Segments of="language" action=ChooseLanguage::PATH label=words.language choices /> }
}

/// One of a few choices.
struct Segment {
    value: &'static str,
    name: &'static str,
    /// That of its name, if it is another one.
    language: Option<Language>,
    is_chosen: bool,
}

/// Choices side by side, each a button of a form.
#[component]
fn Segments(
    of: &'static str,
    action: &'static str,
    label: &'static str,
    choices: Vec<Segment>,
) -> impl IntoView {
    let buttons = choices.into_iter().map(|Segment { value, name, language, is_chosen }| {
        let is_chosen = if is_chosen { "true" } else { "false" };
        view! {
            <button
                class="segment"
                name=of
                value=value
                lang=language.map(Language::tag)
                aria-pressed=is_chosen
            >
                {name}
            </button>
        }
    });
    view! {
        <form class="segments" method="post" action=action role="group" aria-label=label>
            {buttons.collect_view()}
        </form>
    }
}

/// Whether one is told of direct messages and mentions in this way, in this browser. That is for the
/// page's script to know.
#[component]
fn Wish(name: &'static str, label: &'static str) -> impl IntoView {
    view! {
        <button
            class="button button--quiet setting"
            type="button"
            data-wish=name
            aria-pressed="false"
        >
            {label}
        </button>
        <p class="popover__text" role="status" hidden>
            {words().wish_refused}
        </p>
    }
}

#[component]
fn SignOut() -> impl IntoView {
    view! {
        <form class="form" method="post" action=SignOut::PATH>
            <button class="button button--danger">
                <Icon path=DOOR />
                {words().sign_out}
            </button>
        </form>
    }
}
