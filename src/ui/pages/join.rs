//! The first visit: who are you?

use leptos::{prelude::*, server_fn::ServerFn};

use crate::{
    api::SignIn,
    client::words,
    ui::components::icon::{ALERT, Hoist, Icon, Mark},
};

/// The form is the browser's own: nobody waits for the client before they have said who they are.
/// `error` is why the name was refused that was `typed`.
#[component]
pub fn JoinPage(typed: Option<String>, error: Option<String>) -> impl IntoView {
    let invalid = error.is_some().then_some("true");
    let is_fine = error.is_none();
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
                <form class="form" method="post" action=SignIn::PATH data-form="" novalidate>
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
                        />
                        <p class="field__error" id="name-error" role="alert" hidden=is_fine>
                            <Icon path=ALERT />
                            <span>{error}</span>
                        </p>
                    </div>
                    <button class="button button--primary button--wide">{words.join}</button>
                </form>
                <p class="join__small">{words.join_small}</p>
            </div>
        </main>
    }
}
