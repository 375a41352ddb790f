//! A room: what is said in it, and where to say something.

use leptos::{either::Either, ev::DragEvent, prelude::*};

use super::nowhere::{UnknownChannel, UnknownPerson};
use crate::{
    client::{Client, browser, words},
    domain::{address::Address, room::NamedRoom},
    ui::components::{
        attachment::Lightbox,
        avatar::Avatar,
        bar::Bar,
        composer::Composer,
        conversation::Conversation,
        notice::{LinkNotice, StorageNotice},
        presence::{Online, Typing},
        room_menu::RoomMenu,
        toast::Toast,
        undo::Undo,
    },
    words::around,
};

#[component]
pub fn RoomPage() -> impl IntoView {
    let client = expect_context::<Client>();
    let room = Memo::new(move |_| client.room());
    Effect::new(move |_| {
        if let Some(room) = room.get() {
            client.open(&room);
        }
    });
    // Right after joining, the list is still on its way.
    let is_listed = Memo::new(move |_| client.directory.with(|list| !list.channels().is_empty()));
    let unknown = move || match (room.get(), client.address.get()) {
        (None, Address::Channel(name)) if is_listed.get() => {
            Some(Either::Left(view! { <UnknownChannel name /> }))
        }
        (None, Address::Direct(_)) => Some(Either::Right(view! { <UnknownPerson /> })),
        _ => None,
    };
    view! {
        // Elements of its own for each room: what is typed in one must not stand in the next.
        <For
            each=move || room.get()
            key=|room| room.room.clone()
            children=|room| view! { <OpenRoom room /> }
        />
        {unknown}
    }
}

#[component]
fn OpenRoom(room: NamedRoom) -> impl IntoView {
    let path = room.path();
    let edit = RwSignal::new(None);
    let titled = room.clone();
    let client = expect_context::<Client>();
    let (is_over, error) = (RwSignal::new(false), RwSignal::new(None));
    let is_idle = Signal::derive(move || !is_over.get());
    Effect::new(move |_| client.show_marked());
    let dropped = room.room.clone();
    let over = move |event: DragEvent| {
        if browser::has_files(&event) {
            // Else the browser would open the file in place of the page.
            event.prevent_default();
            is_over.set(true);
        }
    };
    let leave = move |event: DragEvent| {
        if browser::has_left(&event) {
            is_over.set(false);
        }
    };
    let drop = move |event: DragEvent| {
        if browser::has_files(&event) {
            event.prevent_default();
            is_over.set(false);
            let attached = client.attach(&dropped, browser::dropped_files(&event));
            error.set(attached.err().map(|refusal| refusal.told(words())));
        }
    };
    let words = words();
    let (noscript, noscript_end) = around(words.noscript);
    view! {
        <div class="room" on:dragover=over on:dragleave=leave on:drop=drop>
            <Bar>
                <Title room=titled.clone() />
                <RoomMenu room=titled />
            </Bar>
            <p class="notice notice--noscript">
                {noscript} <a href=path data-reload="">{words.reload}</a> {noscript_end}
            </p>
            <StorageNotice />
            <LinkNotice />
            <Conversation room=room.clone() edit />
            <Undo />
            <Toast />
            <Typing />
            <Composer room edit error />
            <div class="drop" hidden=is_idle aria-hidden="true">
                {words.drop}
            </div>
        </div>
        <Lightbox />
    }
}

#[component]
fn Title(room: NamedRoom) -> impl IntoView {
    let name = room.name().to_owned();
    let path = room.topic_path();
    match room.with {
        Some(with) => {
            let id = with.id;
            Either::Left(view! {
                <h1 class="bar__title bar__title--person">
                    <Avatar person=with />
                    <bdi>{name}</bdi>
                    <Online person=id />
                </h1>
            })
        }
        None => {
            let (directory, of) = (expect_context::<Client>().directory, name.clone());
            let topic = Signal::derive(move || directory.with(|it| it.topic(&of).to_owned()));
            let is_none = Signal::derive(move || topic.with(String::is_empty));
            Either::Right(view! {
                <div class="bar__room">
                    <h1 class="bar__title">
                        "#"
                        <bdi>{name}</bdi>
                    </h1>
                    <a
                        class="bar__topic"
                        href=path
                        data-sheet=""
                        dir="auto"
                        title=topic
                        hidden=is_none
                    >
                        {topic}
                    </a>
                </div>
            })
        }
    }
}
