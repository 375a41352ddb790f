//! Everyone who is on this server, to find somebody to talk to.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

use crate::{
    api,
    client::{Client, words},
    domain::{person::Person, room::direct_path},
    ui::components::{avatar::Avatar, bar::Bar, presence::Online},
    words::count,
};

#[component]
pub fn PeoplePage() -> impl IntoView {
    let client = expect_context::<Client>();
    let found = client.found();
    let people = RwSignal::new(found.people);
    let error = RwSignal::new(None);
    let asked = StoredValue::new(0_u32);
    let look = move |name: String| {
        asked.update_value(|asked| *asked += 1);
        let turn = asked.get_value();
        spawn_local(async move {
            let answer = api::list_people(name).await;
            // Answers may come in another order than the questions.
            if asked.try_get_value() != Some(turn) {
                return;
            }
            match answer {
                Ok(found) => {
                    error.set(None);
                    people.set(found);
                }
                Err(refusal) => error.set(Some(refusal.told(words()))),
            }
        });
    };
    let name = StoredValue::new(found.name.clone());
    Effect::new(move |_| look(name.get_value()));
    let words = words();
    let result = Signal::derive(move || match (error.get(), people.with(Vec::len)) {
        (Some(error), _) => error,
        (None, 0) => words.people_none.to_owned(),
        (None, found) => count(found, words.people_one, words.people_many),
    });
    view! {
        <Bar>
            <h1 class="bar__title">{words.people}</h1>
        </Bar>
        <section class="page people">
            <form
                class="form"
                method="get"
                action="/people"
                role="search"
                on:submit=|event: SubmitEvent| event.prevent_default()
            >
                <div class="field">
                    <label class="field__label" for="people-name">
                        {words.people_whom}
                    </label>
                    <input
                        class="field__input"
                        id="people-name"
                        name="name"
                        type="search"
                        dir="auto"
                        autocomplete="off"
                        autocapitalize="none"
                        spellcheck="false"
                        placeholder=words.people_part
                        value=found.name
                        on:input=move |event| {
                            let typed = event_target_value(&event);
                            name.set_value(typed.clone());
                            look(typed);
                        }
                    />
                    <p class="field__hint" role="status">
                        {result}
                    </p>
                </div>
            </form>
            <ul class="people__list">
                <For
                    each=move || people.get()
                    key=|person| person.id
                    children=|person| view! { <Somebody person /> }
                />
            </ul>
        </section>
    }
}

#[component]
fn Somebody(person: Person) -> impl IntoView {
    let client = expect_context::<Client>();
    let is_me = client.me.with_untracked(|me| me.as_ref().is_some_and(|me| me.id == person.id));
    let (id, path, name) = (person.id, direct_path(person.id), person.name.to_string());
    let met = person.clone();
    view! {
        <li>
            <a class="people__link" href=path on:click=move |_| client.meet(met.clone())>
                <Avatar person />
                <bdi>{name}</bdi>
                <Online person=id />
                {is_me.then(|| view! { <span class="people__note">{words().you}</span> })}
            </a>
        </li>
    }
}
