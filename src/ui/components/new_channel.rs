//! Making a channel.

use leptos::{ev::SubmitEvent, html::Input, prelude::*, task::spawn_local};

use super::{
    bar::Bar,
    field::{FieldError, refused},
};
use crate::{
    api,
    client::{Client, browser, words},
};

/// Asks for a name, creates the channel and opens it. `children` are further buttons.
#[component]
pub fn NewChannelForm<C: IntoView + 'static>(
    /// The element id of the text field.
    id: &'static str,
    children: TypedChildren<C>,
) -> impl IntoView {
    let children = children.into_inner();
    let client = expect_context::<Client>();
    let input = NodeRef::<Input>::new();
    let (typed, message) = refused(client, "/api/create_channel", "name").unzip();
    let error = RwSignal::new(message);
    let is_pending = RwSignal::new(false);
    let create = move |name: String| async move {
        is_pending.set(true);
        let answer = api::create_channel(name).await;
        is_pending.set(false);
        match answer {
            Ok(channel) => {
                let path = channel.name.path();
                client.created(channel);
                if let Some(input) = input.get_untracked() {
                    input.set_value("");
                }
                browser::hide_popover("new-channel");
                browser::hide_popover("sidebar");
                client.go(&path);
            }
            Err(refusal) => error.set(Some(refusal.told(words()))),
        }
    };
    let invalid = Signal::derive(move || error.with(Option::is_some).then_some("true"));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(input) = input.get_untracked() {
            error.set(None);
            spawn_local(create(input.value()));
        }
    };
    let words = words();
    view! {
        <form class="form" method="post" action="/api/create_channel" novalidate on:submit=submit>
            <div class="field">
                <label class="field__label" for=id>
                    {words.channel_name}
                </label>
                <span class="field__box">
                    <span class="field__sign" aria-hidden="true">
                        "#"
                    </span>
                    <input
                        class="field__input"
                        id=id
                        name="name"
                        dir="auto"
                        autocomplete="off"
                        autocapitalize="none"
                        spellcheck="false"
                        autofocus
                        value=typed
                        aria-invalid=invalid
                        aria-describedby=format!("{id}-error {id}-hint")
                        node_ref=input
                        on:input=move |_| error.set(None)
                    />
                </span>
                <FieldError id=format!("{id}-error") message=error />
                <p class="field__hint" id=format!("{id}-hint")>
                    {words.channel_hint}
                </p>
            </div>
            <div class="form__buttons">
                <button class="button button--primary" disabled=is_pending>
                    {words.create_channel}
                </button>
                {children()}
            </div>
        </form>
    }
}

/// The form as a page of its own, where a browser without JavaScript sees why it was refused.
#[component]
pub fn NewChannelPage() -> impl IntoView {
    let words = words();
    view! {
        <Bar>
            <div class="bar__title"></div>
        </Bar>
        <section class="page">
            <h1>{words.new_channel}</h1>
            <p>{words.new_channel_lead}</p>
            <NewChannelForm id="page-channel-name">
                <a class="button button--quiet" href="/">
                    {words.cancel}
                </a>
            </NewChannelForm>
        </section>
    }
}
