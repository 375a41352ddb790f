//! The first visit: who are you?

use leptos::{ev::SubmitEvent, html::Input, prelude::*, task::spawn_local};

use crate::{
    api,
    client::{Client, browser, words},
    domain::refusal::RefusalCode,
    ui::components::{
        field::{FieldError, refused},
        icon::{Hoist, Mark},
    },
};

#[component]
pub fn JoinPage() -> impl IntoView {
    let client = expect_context::<Client>();
    let input = NodeRef::<Input>::new();
    let (typed, message) = refused(client, "/api/sign_in", "name").unzip();
    let error = RwSignal::new(message);
    let is_pending = RwSignal::new(false);
    let sign_in = move |name: String| async move {
        is_pending.set(true);
        let answer = api::sign_in(name).await;
        is_pending.set(false);
        match answer {
            Ok(me) => client.signed_in(me),
            // Another tab of this browser was faster.
            Err(refusal) if refusal.code == RefusalCode::AlreadySignedIn => {
                browser::load_page("/");
            }
            Err(refusal) => error.set(Some(refusal.told(words()))),
        }
    };
    let invalid = Signal::derive(move || error.with(Option::is_some).then_some("true"));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(input) = input.get_untracked() {
            error.set(None);
            spawn_local(sign_in(input.value()));
        }
    };
    let words = words();
    view! {
        <main class="join">
            <Hoist />
            <div class="join__body">
                <p class="wordmark">
                    <Mark />
                    "Flack"
                </p>
                <h1>{words.join_heading}</h1>
                <p class="join__lead">{words.join_lead}</p>
                <form class="form" method="post" action="/api/sign_in" novalidate on:submit=submit>
                    <div class="field">
                        <label class="field__label" for="name">
                            {words.display_name}
                        </label>
                        <input
                            class="field__input"
                            id="name"
                            name="name"
                            dir="auto"
                            autocomplete="nickname"
                            autocapitalize="words"
                            spellcheck="false"
                            autofocus
                            value=typed
                            aria-invalid=invalid
                            aria-describedby="name-error"
                            node_ref=input
                            on:input=move |_| error.set(None)
                        />
                        <FieldError id="name-error" message=error />
                    </div>
                    <button class="button button--primary button--wide" disabled=is_pending>
                        {words.join}
                    </button>
                </form>
                <p class="join__small">{words.join_small}</p>
            </div>
        </main>
    }
}
