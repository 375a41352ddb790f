//! What a channel is about, in whole, and the form that changes it.
//!
//! It is seldom needed, and everyone would download it: the server renders it, and the client has no part
//! in it. `ui/page.js` shows it as a sheet over the conversation.

use leptos::prelude::*;

use crate::{
    client::browser,
    domain::channel::{Channel, TopicText},
    ui::components::icon::{ALERT, Icon, Mark},
};

/// What was typed in vain, and why.
#[derive(Clone, Debug)]
pub struct RefusedTopic {
    pub typed: String,
    pub error: String,
}

#[component]
pub fn TopicPage(channel: Channel, refused: Option<RefusedTopic>) -> impl IntoView {
    let Channel { name, topic, .. } = channel;
    let is_refused = refused.is_some();
    let (typed, error) = refused.map(|refused| (refused.typed, refused.error)).unzip();
    let said = topic.as_ref().map(|topic| topic.text.as_str().to_owned());
    let by = topic.map(|topic| view! { "Set by " <bdi>{topic.by.name.to_string()}</bdi> ". " });
    view! {
        <main class="settings">
            <a class="wordmark" href="/">
                <Mark />
                "Flack"
            </a>
            <h1 id="topic-title">"Topic of " <bdi>{name.to_string()}</bdi></h1>
            <form class="form" method="post" action="/api/set_topic">
                <input type="hidden" name="channel" value=name.as_str().to_owned() />
                <div class="field">
                    <textarea
                        class="field__input"
                        name="topic"
                        rows="3"
                        dir="auto"
                        autofocus
                        aria-labelledby="topic-title"
                        aria-describedby="topic-error topic-hint"
                        aria-invalid=is_refused.then_some("true")
                    >
                        {typed.or(said).map(browser::in_textarea)}
                    </textarea>
                    <p class="field__error" id="topic-error" role="alert" hidden=!is_refused>
                        <Icon path=ALERT />
                        <span>{error}</span>
                    </p>
                    <p class="field__hint" id="topic-hint">
                        {by} "One line of up to " {TopicText::LIMIT}
                        " characters, which everyone sees and can change."
                    </p>
                </div>
                <div class="form__buttons">
                    <button class="button button--primary">"Save"</button>
                    <a class="button button--quiet" href=name.path()>
                        "Cancel"
                    </a>
                </div>
            </form>
        </main>
    }
}
