//! Making a channel.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    bar::Bar,
    icon::{ALERT, Icon},
};
use crate::{
    api::CreateChannel,
    client::{Client, words},
    ui::still::Rendered,
};

/// Asks for a name; the channel is made and opened. `children` are further buttons.
#[component]
pub fn NewChannelForm<C: IntoView + 'static>(
    /// The element id of the text field.
    id: &'static str,
    children: TypedChildren<C>,
) -> impl IntoView {
    let children = children.into_inner();
    let words = words();
    let refused = expect_context::<Client>().refused(CreateChannel::PATH);
    let (typed, error) = refused.map(|it| (it.field("name"), it.refusal.told(words))).unzip();
    let invalid = error.is_some().then_some("true");
    let is_fine = error.is_none();
    view! {
        <form class="form" method="post" action=CreateChannel::PATH data-form="closes" novalidate>
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
                    />
                </span>
                <p class="field__error" id=format!("{id}-error") role="alert" hidden=is_fine>
                    <Icon path=ALERT />
                    <span>{error}</span>
                </p>
                <p class="field__hint" id=format!("{id}-hint")>
                    {words.channel_hint}
                </p>
            </div>
            <div class="form__buttons">
                <button class="button button--primary">{words.create_channel}</button>
                {children()}
            </div>
        </form>
    }
}

/// The form as a page of its own, where a browser without JavaScript sees why it was refused.
#[component]
pub fn NewChannelPage() -> impl IntoView {
    let form = || {
        let words = words();
        view! {
            <h1>{words.new_channel}</h1>
            <p>{words.new_channel_lead}</p>
            <NewChannelForm id="page-channel-name">
                <a class="button button--quiet" href="/">
                    {words.cancel}
                </a>
            </NewChannelForm>
        }
    };
    view! {
        <Bar>
            <div class="bar__title"></div>
        </Bar>
        <section class="page">{Rendered(form)}</section>
    }
}
