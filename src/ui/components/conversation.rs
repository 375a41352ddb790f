//! What is said in a room.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::{
    icon::{COMMUNICATE, DOWN, Icon, Mast},
    message::MessageRow,
};
use crate::{
    client::{
        Client, LOG, NEW, browser,
        reading::{Attention, Place, newest},
        timeline::Row,
        words,
    },
    domain::room::{NamedRoom, Room},
    sync::link::LinkState,
    words::{around, with},
};

/// How high a message is at least, in pixels: one that goes on where the one before it ended, and any
/// other.
const LINE: f64 = 24.0;
const BLOCK: f64 = 56.0;

/// The log of a room, newest at the bottom. `edit` gets the text of a message to be changed.
#[component]
pub fn Conversation(room: NamedRoom, edit: RwSignal<Option<String>>) -> impl IntoView {
    let client = expect_context::<Client>();
    let label = match &room.with {
        Some(person) => with(words().messages_with, person.name.as_str()),
        None => with(words().messages_in, &room.to_string()),
    };
    let place = RwSignal::new(client.place(&room.room));
    let is_placed = RwSignal::new(false);
    let is_whole = is_whole(&room.room, place.get_untracked(), is_placed);
    keep_place(room.clone(), place, is_placed, is_whole);
    let (nothing, newest) = (room.clone(), room.room.clone());
    // Whether there is nothing because nothing was said, or because it cannot come.
    let emptiness = move || {
        client.rows.with(|rows| match rows {
            Some(rows) => rows.is_empty().then_some(true),
            None => (client.link.get() == LinkState::Offline).then_some(false),
        })
    };
    let of = room.room.clone();
    let list = move || {
        client.rows.with(|rows| {
            // What is shown may still be the room that was left.
            let rows = rows.as_deref().filter(|_| client.is_open(&of)).unwrap_or_default();
            let end = if is_whole.get() { 0 } else { rows.len() - on_screen(rows) };
            let new = rows.iter().position(|row| row.is_first_new).unwrap_or(end);
            rows[new.min(end)..].to_vec()
        })
    };
    let scroll = move |_| {
        let above = browser::scrolled_above(LOG);
        client.rows.with_untracked(|rows| {
            place.update(|place| place.scroll(above, rows.as_deref().unwrap_or_default()));
        });
    };
    view! {
        <div
            class="log"
            id=LOG
            role="log"
            aria-live="off"
            aria-label=label
            tabindex="0"
            on:scroll=scroll
            on:mouseover=move |event| client.point_at(browser::message_of(&event))
            on:focusin=move |event| client.focus_in(browser::message_of(&event))
            on:click:capture=move |event| client.tap(&event)
        >
            <div class="log__list">
                <For
                    each=list
                    key=Row::key
                    children=move |row| {
                        view! {
                            {row.is_first_new.then(|| view! { <NewLine /> })}
                            <Day at=row.at() is_first=row.starts_day />
                            <MessageRow room=room.clone() row edit />
                        }
                    }
                />
            </div>
            {move || {
                let nothing = nothing.clone();
                emptiness().map(|is_known| view! { <Nothing room=nothing is_known /> })
            }}
        </div>
        <ToNewest room=newest place />
    }
}

/// Whether all messages of a room are shown. A page comes with all of them. When one goes to another room
/// from there, one sees its end first, and the others are added as soon as that is on the screen.
fn is_whole(room: &Room, place: Place, is_placed: RwSignal<bool>) -> RwSignal<bool> {
    let client = expect_context::<Client>();
    let is_elsewhere = client.marked.get_untracked().is_some() || place.way_back().is_some();
    let is_whole = RwSignal::new(client.is_open(room) || is_elsewhere);
    if !is_whole.get_untracked() {
        // The frame with its end is on the screen when the next one is made.
        let add = move || {
            is_whole.try_set(true);
            announce(is_placed, is_whole);
        };
        browser::after_paint(move || browser::after_paint(add));
    }
    is_whole
}

/// How many of the last messages fill the window.
fn on_screen(rows: &[Row]) -> usize {
    let mut room = browser::window_height();
    let last = rows.iter().rev().take_while(|row| {
        let fits = room > 0.0;
        room -= if row.is_continued { LINE } else { BLOCK };
        fits
    });
    last.count()
}

/// Lets people be where they left a room when they come back to it, else where what is new to them
/// begins, and else where `Place` says. Sets `is_placed` when they are there, and has read what they have seen.
fn keep_place(
    room: NamedRoom,
    place: RwSignal<Place>,
    is_placed: RwSignal<bool>,
    is_whole: RwSignal<bool>,
) {
    let client = expect_context::<Client>();
    // Whether the next frame goes somewhere, and whether that is the end.
    let follows = StoredValue::new(None::<bool>);
    let (shown, seen) = (room.clone(), room.clone());
    Effect::new(move |was_shown: Option<bool>| {
        client.rows.with(|rows| {
            // What is shown may still be the room that was left.
            let Some(rows) = rows.as_ref().filter(|_| client.is_open(&shown.room)) else {
                return false;
            };
            if was_shown != Some(true) {
                // Who comes back to where they left it need not wait for what has come below that.
                let is_current =
                    !place.with_untracked(|it| it.is_at_end()) || client.is_current.get();
                if !is_current || !client.has_all_new() {
                    return false;
                }
                // The messages themselves are there from the next frame on.
                request_animation_frame(move || {
                    begin(client, place);
                    is_placed.try_set(true);
                    announce(is_placed, is_whole);
                });
            } else if is_placed.get_untracked() {
                let goes = place.try_update(|place| place.follow(rows)) == Some(true);
                let is_back = place.with_untracked(|place| place.way_back().is_some());
                if goes || is_back && !browser::is_anchored(LOG) {
                    let before = follows.get_value();
                    follows.set_value(Some(goes || before == Some(true)));
                    // With the frame, for which the page is laid out anyway; there is none while it is hidden.
                    if before.is_none() {
                        request_animation_frame(move || follow(client, place, follows));
                    }
                }
            }
            true
        })
    });
    Effect::new(move |_| {
        let is_at_end = place.with(|place| place.is_at_end());
        let is_seen = is_placed.get() && client.is_visible.get();
        client.attend(match (is_seen, is_at_end) {
            (true, true) => Attention::Follows,
            (true, false) => Attention::Looks,
            (false, _) => Attention::Away,
        });
        let last = client.rows.with(|rows| {
            let rows = rows.as_ref().filter(|_| is_seen && client.is_open(&seen.room))?;
            if is_at_end { newest(rows) } else { browser::last_seen(LOG) }
        });
        if let Some(last) = last {
            client.read(last);
        }
    });
    on_cleanup(move || {
        client.attend(Attention::Away);
        if let Some(place) = place.try_get_untracked() {
            client.keep_place(&room.room, place);
        }
    });
}

/// Lets a screen reader say what comes from now on, once all that was there before is on the screen: that is
/// no news.
fn announce(is_placed: RwSignal<bool>, is_whole: RwSignal<bool>) {
    let is_so = |signal: RwSignal<bool>| signal.try_get_untracked() == Some(true);
    if is_so(is_placed) && is_so(is_whole) {
        browser::after_paint(|| browser::announce(LOG));
    }
}

/// Goes to the end, or back to where somebody was before something came.
fn follow(client: Client, place: RwSignal<Place>, follows: StoredValue<Option<bool>>) {
    match follows.try_update_value(Option::take).flatten() {
        Some(true) => client.scroll_to_end(),
        Some(false) => {
            if let Some((newest, above)) = place.try_get_untracked().and_then(Place::way_back) {
                browser::scroll_above(LOG, Some(&newest.anchor()), above);
            }
        }
        None => {}
    }
}

/// Goes where one begins to read, now that there is something.
fn begin(client: Client, place: RwSignal<Place>) {
    let Some(left) = place.try_get_untracked() else { return };
    client.rows.with_untracked(|rows| {
        let rows = rows.as_deref().unwrap_or_default();
        // Who has scrolled before this program was there stays where they are.
        let is_fresh = browser::scrolled_above(LOG) == 0.0;
        match left.way_back() {
            Some((newest, above)) => browser::scroll_above(LOG, Some(&newest.anchor()), above),
            None if is_fresh => browser::scroll_to(NEW),
            None => {}
        }
        let above = browser::scrolled_above(LOG);
        place.try_update(|place| match left.way_back() {
            Some(_) => place.scroll(above, rows),
            None => place.begin(above, rows),
        });
    });
}

/// Stands before what is new.
#[component]
fn NewLine() -> impl IntoView {
    view! {
        <p class="new" id=NEW>
            <span class="new__label">{words().new}</span>
        </p>
    }
}

/// The name of a day, over its first message. Every message has one, mostly hidden: where a day begins
/// depends on where the reader is, which the server does not know. A script of the page corrects that
/// before they see it.
#[component]
fn Day(at: DateTime<Utc>, is_first: bool) -> impl IntoView {
    let today = expect_context::<Client>().today;
    let name = Signal::derive(move || {
        today.track();
        if is_first { browser::day_name(at) } else { String::new() }
    });
    view! {
        <h2 class="day" hidden=!is_first>
            <span class="day__label">{name}</span>
        </h2>
    }
}

/// The way down for who has scrolled up, with how much has come since.
#[component]
fn ToNewest(room: Room, place: RwSignal<Place>) -> impl IntoView {
    let client = expect_context::<Client>();
    let is_there = Memo::new(move |_| place.with(|place| place.is_at_end()));
    let missed = move || {
        client.rows.with(|rows| match (is_there.get(), rows) {
            (false, Some(rows)) => {
                let reached = client.memberships.with(|it| it.reached(&room));
                place.with_untracked(|place| place.missed(rows, reached))
            }
            _ => 0,
        })
    };
    let words = words();
    let news = Signal::derive(move || match missed() {
        0 => String::new(),
        missed => format!(" {}", with(words.missed, &missed.to_string())),
    });
    let is_none = Signal::derive(move || news.with(String::is_empty));
    let go = move |_| {
        client.leave_message();
        client.scroll_to_end();
        client.write_on();
    };
    view! {
        <div class="to-newest">
            <button class="button to-newest__button" type="button" hidden=is_there on:click=go>
                <Icon path=DOWN />
                {words.to_newest}
                <span class="badge" hidden=is_none>
                    {news}
                </span>
            </button>
        </div>
    }
}

/// Stands in place of messages: `is_known` that there are none, or none are here and there is no network.
#[component]
fn Nothing(room: NamedRoom, is_known: bool) -> impl IntoView {
    let name = room.name().to_owned();
    let words = words();
    let (title, lead) = match room.with {
        _ if !is_known => (words.not_here, words.not_here_lead),
        Some(_) => (words.nothing, words.nothing_with),
        None => (words.nothing, words.nothing_in_channel),
    };
    let (lead, lead_end) = around(lead);
    // The sentence about a channel has the sign, that about any room has not.
    let sign = (!is_known && room.with.is_none()).then_some("#");
    view! {
        <div class="empty">
            <Mast flag=COMMUNICATE />
            <h2>{title}</h2>
            <p>{lead} {sign} <bdi>{name}</bdi> {lead_end}</p>
        </div>
    }
}
