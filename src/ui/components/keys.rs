//! Obeying keys wherever the focus is, and the sheet that explains all keys.

use leptos::{ev::Event, prelude::*};

use super::{
    icon::{CROSS, Icon},
    jump::JUMP,
};
use crate::client::{
    COMPOSER, Client, browser,
    keys::{Deed, Place, Press, deed},
    words,
};

/// The element id of the sheet.
const KEYS: &str = "keys";

/// Where the server explains the keys, by their table.
const ADDRESS: &str = "/keys";

/// What opens the sheet; without the client it leads to the page.
#[component]
pub fn KeysLink() -> impl IntoView {
    view! {
        <a class="button button--quiet" href=ADDRESS data-opens=KEYS>
            {words().keys}
        </a>
    }
}

/// The sheet, which is there once; and the ear for keys.
#[component]
pub fn Keys() -> impl IntoView {
    let client = expect_context::<Client>();
    let sheet = RwSignal::new(String::new());
    let failure = RwSignal::new("");
    let words = words();
    let is_plain = RwSignal::new(true);
    Effect::new(move |_| {
        is_plain.set(browser::has_plain_keys());
        browser::on_key(move |press, is_outside| {
            obey(client, press, is_outside && is_plain.get_untracked())
        });
    });
    let toggled = move |_: Event| {
        if browser::is_open(KEYS) && sheet.with_untracked(String::is_empty) {
            browser::fetch(ADDRESS, move |page| match page.as_deref().and_then(explanation) {
                Some(found) => {
                    sheet.set(found.to_owned());
                    failure.set("");
                }
                None => failure.set(words.keys_failed),
            });
        }
    };
    let switch = move |event: Event| {
        let is_on = event_target_checked(&event);
        is_plain.set(is_on);
        browser::set_plain_keys(is_on);
    };
    view! {
        <div
            class="popover popover--dialog popover--keys"
            id=KEYS
            popover="auto"
            role="dialog"
            aria-labelledby="keys-title"
            on:toggle=toggled
        >
            <div class="keys__head">
                <h2 id="keys-title">{words.keys}</h2>
                <button
                    class="button button--quiet button--icon"
                    type="button"
                    popovertarget=KEYS
                    popovertargetaction="hide"
                    aria-label=words.close
                    autofocus
                >
                    <Icon path=CROSS />
                </button>
            </div>
            <p role="status">{failure}</p>
            <div inner_html=sheet></div>
            <label class="keys__switch">
                <input type="checkbox" prop:checked=is_plain on:change=switch />
                {words.keys_switch}
            </label>
        </div>
    }
}

/// The part of the page that explains the keys.
fn explanation(page: &str) -> Option<&str> {
    const END: &str = "</section>";
    page.get(page.find("<section")?..page.rfind(END)? + END.len())
}

/// Does what a key says, and gives whether the browser has to leave it alone.
fn obey(client: Client, press: &Press, has_outside: bool) -> bool {
    let outside = || has_outside.then(|| deed(Place::Outside, press)).flatten();
    match deed(Place::Page, press).or_else(outside) {
        Some(Deed::Jump) => browser::toggle_popover(JUMP),
        Some(Deed::Help) => browser::toggle_popover(KEYS),
        Some(Deed::Previous) if !browser::is_covered() => browser::step_room(-1, |_| true),
        Some(Deed::Next) if !browser::is_covered() => browser::step_room(1, |_| true),
        Some(Deed::PreviousUnread) if !browser::is_covered() => step_unread(client, -1),
        Some(Deed::NextUnread) if !browser::is_covered() => step_unread(client, 1),
        // What was typed goes where the focus is now.
        Some(Deed::Write) => {
            browser::focus(COMPOSER);
            return false;
        }
        _ => return false,
    }
    true
}

fn step_unread(client: Client, by: i32) {
    let unread = untrack(|| client.unread_rooms());
    browser::step_room(by, |path| unread.iter().any(|other| other == path));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_explanation_is_cut_out_of_its_page() {
        let page = "<main><h1>Keys</h1><section>a</section> <section>b</section><p>c</p></main>";
        assert_eq!(explanation(page), Some("<section>a</section> <section>b</section>"));
        assert_eq!(explanation("<main></main>"), None);
    }
}
