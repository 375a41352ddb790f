//! The files of a message, and pictures in large.

use leptos::{
    ev::{KeyboardEvent, MouseEvent},
    html::Dialog,
    prelude::*,
};

use super::icon::{CROSS, DOWNLOAD, FILE, Icon, NEXT, PREVIOUS};
use crate::{
    client::{Client, browser, upload::Gallery, words},
    domain::attachment::{Attachment, ImageSize, size_in_words},
    words::fill,
};

/// The largest that a picture is shown among messages, in CSS pixels.
const SHOWN: ImageSize = ImageSize { width: 360, height: 320 };

/// Pictures first, then cards; each in the order in which they were attached.
#[component]
pub fn Attachments(attachments: Vec<Attachment>) -> impl IntoView {
    let (pictures, others): (Vec<_>, Vec<_>) =
        attachments.into_iter().partition(|attachment| attachment.image.is_some());
    let is_any = !pictures.is_empty() || !others.is_empty();
    is_any.then(|| {
        let shown = (0..pictures.len())
            .map(|at| view! { <Picture pictures=pictures.clone() at /> })
            .collect_view();
        view! {
            <ul class="files" aria-label=words().attachments>
                {shown}
                {others.into_iter().map(|file| view! { <Card file /> }).collect_view()}
            </ul>
        }
    })
}

/// A picture in a box that has its size before it is there.
#[component]
fn Picture(pictures: Vec<Attachment>, at: usize) -> impl IntoView {
    let client = expect_context::<Client>();
    let picture = &pictures[at];
    let size = picture.image.unwrap_or(SHOWN).within(SHOWN.width, SHOWN.height);
    let (path, thumbnail) = (picture.path(), picture.thumbnail_path());
    let name = picture.name.to_string();
    let open = move |event: MouseEvent| {
        // With a key held, it is the browser's: a new tab, say.
        if !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
            event.prevent_default();
            client.look_at(pictures.clone(), at);
        }
    };
    view! {
        <li class="picture">
            <a href=path aria-haspopup="dialog" on:click=open>
                <img
                    src=thumbnail
                    alt=name
                    width=size.width
                    height=size.height
                    loading="lazy"
                    decoding="async"
                />
            </a>
        </li>
    }
}

#[component]
fn Card(file: Attachment) -> impl IntoView {
    let name = file.name.to_string();
    let words = words();
    let kind = file.kind().unwrap_or_else(|| words.file.to_owned());
    let about = format!("{kind} · {}", size_in_words(file.size, words));
    view! {
        <li>
            <a class="file" href=file.path() download=name.clone()>
                <Icon path=FILE />
                <span class="file__name" dir="auto">
                    {name.clone()}
                </span>
                <span class="file__about">{about}</span>
                <span class="file__download">
                    <Icon path=DOWNLOAD />
                    <span class="hidden">{words.download}</span>
                </span>
            </a>
        </li>
    }
}

/// Shows the picture that is looked at over everything else. Escape closes it, arrows go on.
#[component]
pub fn Lightbox() -> impl IntoView {
    let client = expect_context::<Client>();
    let gallery = client.gallery;
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        // The browser gives the focus back to where it was when it closes.
        match (gallery.with(Option::is_some), dialog.open()) {
            (true, false) => drop(dialog.show_modal()),
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let step = move |by: isize| {
        gallery.update(|gallery| gallery.iter_mut().for_each(|gallery| gallery.step(by)));
    };
    let press = move |event: KeyboardEvent| match event.key().as_str() {
        "ArrowLeft" => step(-1),
        "ArrowRight" => step(1),
        _ => {}
    };
    let of_picture = move |tell: fn(&Attachment) -> String| {
        Signal::derive(move || {
            gallery.with(|gallery| {
                let picture = gallery.as_ref().and_then(|it| it.pictures.get(it.at));
                picture.map(tell).unwrap_or_default()
            })
        })
    };
    let (path, name) = (of_picture(Attachment::path), of_picture(|it| it.name.to_string()));
    let words = words();
    let place = Signal::derive(move || {
        gallery.with(|gallery| match gallery {
            Some(Gallery { pictures, at }) if pictures.len() > 1 => {
                let (number, count) = ((at + 1).to_string(), pictures.len().to_string());
                fill(words.picture_place, &[("number", &number), ("count", &count)])
            }
            _ => String::new(),
        })
    });
    let is_alone = Signal::derive(move || {
        gallery.with(|gallery| gallery.as_ref().is_none_or(|it| it.pictures.len() < 2))
    });
    view! {
        <dialog
            class="lightbox"
            aria-label=words.picture
            node_ref=dialog
            on:close=move |_| gallery.set(None)
            on:keydown=press
            on:click=move |event| {
                // Beside the picture, and not on a button.
                if browser::is_itself(&event) {
                    gallery.set(None);
                }
            }
        >
            <img class="lightbox__picture" src=path alt=name />
            <p class="lightbox__about" role="status">
                <bdi>{name}</bdi>
                " "
                {place}
            </p>
            <a
                class="button button--quiet button--icon lightbox__download"
                href=path
                download=name
                aria-label=words.download
            >
                <Icon path=DOWNLOAD />
            </a>
            <button
                class="button button--quiet button--icon lightbox__close"
                type="button"
                aria-label=words.close
                on:click=move |_| gallery.set(None)
            >
                <Icon path=CROSS />
            </button>
            <button
                class="button button--quiet button--icon lightbox__previous"
                type="button"
                aria-label=words.picture_previous
                hidden=is_alone
                on:click=move |_| step(-1)
            >
                <Icon path=PREVIOUS />
            </button>
            <button
                class="button button--quiet button--icon lightbox__next"
                type="button"
                aria-label=words.picture_next
                hidden=is_alone
                on:click=move |_| step(1)
            >
                <Icon path=NEXT />
            </button>
        </dialog>
    }
}
