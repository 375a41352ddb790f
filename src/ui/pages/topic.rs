//! What a channel is about, in whole, and the form that changes it.
//!
//! It is seldom needed, and everyone would download it: the server renders it, and the client has no part
//! in it. `ui/page.js` shows it as a sheet over the conversation.

use leptos::{prelude::*, server_fn::ServerFn};

use super::sheet::Sheet;
use crate::{
    api::SetTopic,
    client::browser,
    domain::channel::{Channel, TopicText},
    ui::components::icon::{ALERT, Icon},
    words::{Documents, around, with},
};

/// What was typed in vain, and why.
#[derive(Clone, Debug)]
pub struct RefusedTopic {
    pub typed: String,
    pub error: String,
}

#[component]
pub fn TopicPage(
    words: &'static Documents,
    channel: Channel,
    refused: Option<RefusedTopic>,
) -> impl IntoView {
    let Channel { name, topic, .. } = channel;
    let is_refused = refused.is_some();
    let (typed, error) = refused.map(|refused| (refused.typed, refused.error)).unzip();
    let said = topic.as_ref().map(|topic| topic.text.as_str().to_owned());
    let (by_words, by_end) = around(words.topic_by);
    let by = topic.map(|topic| {
        view! { {by_words} <bdi>{topic.by.name.to_string()}</bdi> {format!("{by_end} ")} }
    });
    let hint = with(words.topic_hint, &TopicText::LIMIT.to_string());
    let (heading, heading_end) = around(words.topic_heading);
    view! {
        <Sheet>
            <h1 id="topic-title">
                {heading} <bdi>{name.to_string()}</bdi> {heading_end}
            </h1>
            <form class="form" method="post" action=SetTopic::PATH data-form="closes">
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
                        {by} {hint}
                    </p>
                </div>
                <div class="form__buttons">
                    <button class="button button--primary">{words.topic_save}</button>
                    <a class="button button--quiet" href=name.path()>
                        {words.topic_cancel}
                    </a>
                </div>
            </form>
        </Sheet>
    }
}
