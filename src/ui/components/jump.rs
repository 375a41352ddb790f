//! Going to a channel or a person by a few letters of their name.

use leptos::{
    ev::{Event, KeyboardEvent},
    prelude::*,
};

use super::{
    choices::{Choices, Lookup, active_line, offer, step},
    icon::{Icon, SEARCH},
};
use crate::{
    client::{
        Client, browser,
        choice::{Choice, Goal, OFFERED, by_use, likely},
        words,
    },
    domain::room::direct_path,
};

/// The element id of the card.
pub const JUMP: &str = "jump";
const FIELD: &str = "jump-field";
const LIST: &str = "jump-list";

/// What opens the card, for those who do not know its key.
#[component]
pub fn JumpButton() -> impl IntoView {
    let words = words();
    let control = RwSignal::new(words.key_control);
    Effect::new(move |_| {
        if browser::is_mac() {
            control.set("⌘");
        }
    });
    view! {
        <button class="jump" type="button" popovertarget=JUMP aria-keyshortcuts="Control+K Meta+K">
            <Icon path=SEARCH />
            <span class="jump__words">{words.jump}</span>
            <kbd aria-hidden="true">{control} " K"</kbd>
        </button>
    }
}

/// The card, which is there once.
#[component]
pub fn Jump() -> impl IntoView {
    let client = expect_context::<Client>();
    let words = words();
    let typed = RwSignal::new(String::new());
    let is_open = RwSignal::new(false);
    let choices = RwSignal::new(Vec::<Choice>::new());
    let active = RwSignal::new(0);
    let lookup = Lookup::default();
    let goals = move || {
        let mut goals = client.goals();
        let others = lookup.found.get().into_iter().map(Goal::person);
        let others: Vec<Goal> = others.filter(|goal| !goals.contains(goal)).collect();
        goals.extend(others);
        goals
    };
    Effect::new(move |_| {
        if is_open.get() {
            let typed = typed.get();
            let typed = typed.trim_start_matches(['#', '@']).trim();
            let mut ordered = by_use(goals(), &browser::recent_rooms());
            if typed.is_empty() {
                // Nobody has to jump to where they are.
                let here = client.room().map(|room| room.path());
                ordered.retain(|goal| Some(&goal.path) != here.as_ref());
            } else {
                lookup.ask(typed);
            }
            let mut found = likely(ordered.clone(), typed, |goal: &Goal| &goal.name);
            ordered.retain(|goal| !found.contains(goal));
            found.extend(likely(ordered, typed, |goal: &Goal| &goal.topic));
            found.truncate(OFFERED);
            let unread = client.unread_rooms();
            let me = client.me.get().map(|me| direct_path(me.id));
            let choice = |goal: &Goal| {
                goal.choice(match () {
                    () if unread.contains(&goal.path) => words.jump_new,
                    () if Some(&goal.path) == me.as_ref() => words.you,
                    () => goal.topic.as_str(),
                })
            };
            offer(choices, active, found.iter().map(choice).collect());
        }
    });
    // Before it shows: who presses Enter at once wants what will be there.
    let toggled = move |event: Event| {
        typed.set(String::new());
        active.set(0);
        is_open.set(browser::opens(&event));
    };
    let choose = Callback::new(move |at: usize| {
        let path = choices.with_untracked(|there| there.get(at).map(|choice| choice.value.clone()));
        let Some(path) = path else { return };
        let goal = untrack(goals).into_iter().find(|goal| goal.path == path);
        if let Some(person) = goal.and_then(|goal| goal.person) {
            client.meet(person);
        }
        browser::hide_popover(JUMP);
        browser::hide_popover("sidebar");
        client.go(&path);
    });
    let press = move |event: KeyboardEvent| {
        let Some(press) = browser::press(&event) else { return };
        let count = choices.with_untracked(Vec::len);
        let is_done = match press.key.as_str() {
            "Enter" => {
                choose.run(active.get_untracked());
                true
            }
            _ => step(LIST, &press, count, active),
        };
        if is_done {
            event.prevent_default();
        }
    };
    let is_found =
        Signal::derive(move || typed.with(String::is_empty) || !choices.with(Vec::is_empty));
    view! {
        <div
            class="popover popover--dialog popover--jump"
            id=JUMP
            popover="auto"
            role="dialog"
            aria-label=words.jump_title
            on:beforetoggle=toggled
        >
            <input
                class="field__input"
                id=FIELD
                role="combobox"
                aria-label=words.jump_field
                aria-autocomplete="list"
                aria-expanded="true"
                aria-controls=LIST
                aria-activedescendant=active_line(LIST, choices, active)
                placeholder=words.jump_field
                dir="auto"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                enterkeyhint="go"
                autofocus
                prop:value=typed
                on:input=move |event| typed.set(event_target_value(&event))
                on:keydown=press
            />
            <Choices id=LIST label=words.jump_list choices active choose />
            <p class="field__hint" hidden=is_found>
                {words.jump_none}
            </p>
        </div>
    }
}
