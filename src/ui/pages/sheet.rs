//! What the pages have in common that lead back to the conversation.

use leptos::prelude::*;

use crate::ui::components::icon::Mark;

#[component]
pub fn Sheet<C: IntoView + 'static>(children: TypedChildren<C>) -> impl IntoView {
    let children = children.into_inner();
    view! {
        <main class="settings">
            <a class="wordmark" href="/">
                <Mark />
                "Flack"
            </a>
            {children()}
        </main>
    }
}
