//! What one may mean, in a list to choose from while one types.
//!
//! The focus stays in the text field, which names the line that is chosen (ARIA Authoring Practices,
//! "Combobox").

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api,
    client::{browser, choice::Choice, keys::Press, words},
    domain::person::Person,
    words::count,
};

/// How long somebody has to stop typing before the server is asked.
const PAUSE: Duration = Duration::from_millis(150);

/// As many people as the server gives at once.
const MANY: usize = crate::domain::person::FOUND_LIMIT;

/// The list, which is hidden while there is nothing in it. `choose` gets the place of what was pressed.
#[component]
pub fn Choices(
    id: &'static str,
    label: &'static str,
    choices: RwSignal<Vec<Choice>>,
    active: RwSignal<usize>,
    choose: Callback<usize>,
) -> impl IntoView {
    let is_empty = Signal::derive(move || choices.with(Vec::is_empty));
    let lines = move || {
        let line = |(at, choice)| line(id, at, choice, active, choose);
        choices.get().into_iter().enumerate().map(line).collect_view()
    };
    let words = Signal::derive(move || match choices.with(Vec::len) {
        0 => String::new(),
        found => count(found, words().suggestion_one, words().suggestion_many),
    });
    view! {
        <ul class="choices" id=id role="listbox" aria-label=label hidden=is_empty>
            {lines}
        </ul>
        <span class="hidden" role="status" aria-label=label>
            {words}
        </span>
    }
}

fn line(
    id: &'static str,
    at: usize,
    choice: Choice,
    active: RwSignal<usize>,
    choose: Callback<usize>,
) -> impl IntoView {
    let Choice { sign, hue, words, note, .. } = choice;
    let is_active = Signal::derive(move || if active.get() == at { "true" } else { "false" });
    let class = if hue.is_some() { "avatar" } else { "choice__sign" };
    view! {
        <li
            class="choice"
            id=place(id, at)
            role="option"
            aria-selected=is_active
            // The focus stays where one types.
            on:mousedown=|event| event.prevent_default()
            on:click=move |_| choose.run(at)
        >
            <span class=class data-hue=hue.map(|hue| hue.to_string()) aria-hidden="true">
                {sign}
            </span>
            <bdi class="choice__words">{words}</bdi>
            <span class="choice__note">{note}</span>
        </li>
    }
}

/// Offers these from now on. The first is chosen; but a line to which somebody has gone stays chosen as
/// long as it is offered: people are found later than channels.
pub fn offer(choices: RwSignal<Vec<Choice>>, active: RwSignal<usize>, offered: Vec<Choice>) {
    let at = active.get_untracked();
    let kept = choices.with_untracked(|there| {
        let chosen = there.get(at).filter(|_| at > 0)?;
        offered.iter().position(|choice| choice.value == chosen.value)
    });
    choices.set(offered);
    active.set(kept.unwrap_or_default());
}

fn place(id: &str, at: usize) -> String {
    format!("{id}-{at}")
}

/// The line that is chosen, by its element id.
pub fn active_line(
    id: &'static str,
    choices: RwSignal<Vec<Choice>>,
    active: RwSignal<usize>,
) -> Signal<Option<String>> {
    Signal::derive(move || (!choices.with(Vec::is_empty)).then(|| place(id, active.get())))
}

/// Goes up or down in the list, and round its ends, if that is what the key says.
pub fn step(id: &str, press: &Press, count: usize, active: RwSignal<usize>) -> bool {
    let by = match press.key.as_str() {
        _ if count == 0 || press.alt || press.command || press.shift => return false,
        "ArrowDown" => 1,
        "ArrowUp" => count - 1,
        _ => return false,
    };
    active.update(|at| *at = (*at + by) % count);
    browser::reveal(&place(id, active.get_untracked()));
    true
}

/// People whom the server finds, a moment after somebody stops typing.
#[derive(Clone, Copy, Default)]
pub struct Lookup {
    pub found: RwSignal<Vec<Person>>,
    asked: StoredValue<String>,
    /// What was found all of which is here.
    complete: StoredValue<Option<String>>,
}

impl Lookup {
    /// Asks for those who have this in their name, unless they are known to be here.
    pub fn ask(self, part: &str) {
        let is_known = self.complete.with_value(|known| {
            known.as_ref().is_some_and(|known| part.starts_with(known.as_str()))
        });
        if is_known || self.asked.with_value(|asked| asked == part) {
            return;
        }
        self.asked.set_value(part.to_owned());
        let part = part.to_owned();
        set_timeout(move || self.ask_now(part), PAUSE);
    }

    fn ask_now(self, part: String) {
        let is_wanted =
            move |part: &str| self.asked.try_with_value(|asked| asked == part) == Some(true);
        if !is_wanted(&part) {
            return;
        }
        spawn_local(async move {
            let answer = api::list_people(part.clone()).await;
            match answer {
                _ if !is_wanted(&part) => {}
                Ok(found) => {
                    self.complete.set_value((found.len() < MANY).then_some(part));
                    self.found.set(found);
                }
                // What is here already can be chosen without the server, too; and it can be asked again.
                Err(_) => self.asked.set_value(String::new()),
            }
        });
    }
}
