//! Picking an emoji: from all of them, in a card over the page.
//!
//! Whatever opens it is a button with `popovertarget=EMOJI`. What is picked goes into the message that
//! is being written, unless the button's click has put something else into `client.picking`.

use leptos::{
    ev::{Event, KeyboardEvent, MouseEvent},
    prelude::*,
};

use crate::client::{Client, browser, emoji::EmojiList, words};

/// The element id of the card.
pub const EMOJI: &str = "emoji";
const SEARCH: &str = "emoji-search";
const GRID: &str = "emoji-grid";

/// The card, which is there once.
#[component]
pub fn EmojiPicker() -> impl IntoView {
    let client = expect_context::<Client>();
    let typed = RwSignal::new(String::new());
    let recent = RwSignal::new(None::<Vec<String>>);
    // Whether the first one is to be picked as soon as there is one.
    let is_awaited = StoredValue::new(false);
    let toggled = move |_: Event| {
        if browser::is_open(EMOJI) {
            client.want_emoji();
            recent.set(Some(browser::recent_emoji()));
            if browser::has_fine_pointer() {
                browser::focus(SEARCH);
            }
        } else {
            client.picking.set(None);
            typed.set(String::new());
            is_awaited.set_value(false);
        }
    };
    // Nobody has to wait for a thousand buttons who has not asked for one.
    let buttons = Signal::derive(move || match recent.get() {
        Some(recent) => {
            typed.with(|typed| client.emoji.with(|list| list.buttons(typed, &recent, words())))
        }
        None => String::new(),
    });
    Effect::new(move |_| {
        if client.emoji.with(EmojiList::is_here) && is_awaited.get_value() {
            is_awaited.set_value(false);
            // When they are in the page.
            request_animation_frame(|| browser::press_first(GRID));
        }
    });
    let words = words();
    let state = Signal::derive(move || {
        let is_empty = client.emoji.with(|list| match list {
            EmojiList::Here(_) => Ok(buttons.with(|html| !html.contains("<button"))),
            EmojiList::Failed => Err(words.emoji_failed),
            EmojiList::Unwanted | EmojiList::OnItsWay => Err(words.emoji_fetching),
        });
        is_empty.map_or_else(|state| state, |is_empty| if is_empty { words.emoji_none } else { "" })
    });
    let pick = move |event: MouseEvent| {
        if let Some(sign) = browser::pressed_button(&event) {
            let take = client.picking.get_untracked();
            // With Shift one picks several.
            if !event.shift_key() {
                browser::hide_popover(EMOJI);
            }
            client.picking.set(take);
            client.pick_emoji(sign);
        }
    };
    let press = move |event: KeyboardEvent| {
        let key = event.key();
        let is_search = browser::has_focus(SEARCH);
        let is_composing = event.is_composing() || event.key_code() == 229;
        match key.as_str() {
            _ if is_composing => {}
            "Enter" if is_search => {
                event.prevent_default();
                is_awaited.set_value(!client.emoji.with_untracked(EmojiList::is_here));
                browser::press_first(GRID);
            }
            // Else a field for searching would only become empty.
            "Escape" => {
                event.prevent_default();
                browser::hide_popover(EMOJI);
            }
            "ArrowDown" | "ArrowUp" => {
                event.prevent_default();
                if !browser::follow_arrow(GRID, &key) && key == "ArrowUp" {
                    browser::focus(SEARCH);
                }
            }
            "ArrowLeft" | "ArrowRight" if !is_search => {
                event.prevent_default();
                browser::follow_arrow(GRID, &key);
            }
            // Who types goes on searching.
            key if !is_search && key.chars().count() == 1 && key != " " => browser::focus(SEARCH),
            _ => {}
        }
    };
    view! {
        <div
            class="popover popover--emoji"
            id=EMOJI
            popover="auto"
            role="dialog"
            aria-label=words.emoji
            on:toggle=toggled
            on:keydown=press
        >
            <input
                class="field__input"
                id=SEARCH
                type="search"
                aria-label=words.emoji_search
                placeholder=words.emoji_search_hint
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                prop:value=typed
                on:input=move |event| {
                    is_awaited.set_value(false);
                    typed.set(event_target_value(&event));
                }
            />
            <p class="field__hint" role="status">
                {state}
            </p>
            <div class="emoji" id=GRID inner_html=buttons on:click=pick></div>
        </div>
    }
}
