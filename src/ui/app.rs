//! The document, and the application in it.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    components::{Route, Router, Routes},
    path,
};

use super::{
    components::{new_channel::NewChannelPage, sidebar::Sidebar},
    pages::{channel::ChannelPage, home::HomePage, join::JoinPage, nowhere::NowherePage},
};
use crate::{
    client::{Client, browser},
    domain::page::Page,
};

/// Where browsers find what a page needs.
#[derive(Clone, Debug)]
pub struct Links {
    pub style: String,
    pub script: String,
    pub wasm: String,
}

/// Shows times in the reader's zone before the reader sees them; `browser::clock_time` and
/// `browser::exact_time` do the same for what comes later.
const LOCAL_TIMES: &str = "for (const time of document.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime);
    const day = at.toDateString() === new Date().toDateString() ? {} : { day: 'numeric', month: 'short' };
    time.textContent = at.toLocaleString('default', { ...day, hour: '2-digit', minute: '2-digit' });
    time.title = at.toLocaleString('default', { dateStyle: 'full', timeStyle: 'medium' });
}";

/// The document around the application, as the server sends it.
pub fn shell(links: Links) -> impl IntoView {
    let nonce = use_nonce();
    let Links { style, script, wasm } = links;
    let start = format!(
        "import start, {{ hydrate }} from '{script}';\n\
         await start({{ module_or_path: '{wasm}' }});\nhydrate();"
    );
    // After a refused form the address is the form's; the client must see the page's.
    let address =
        use_context::<Page>().and_then(|page| page.refused.map(|_| page.open)).map(|open| {
            let path = open.map_or_else(|| "/".to_owned(), |(channel, _)| channel.path());
            let script = format!("history.replaceState(null, '', '{path}')");
            view! { <script nonce=nonce.clone()>{script}</script> }
        });
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta
                    name="viewport"
                    content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"
                />
                <meta name="color-scheme" content="light dark" />
                <meta name="theme-color" media="(prefers-color-scheme: light)" content="#e4f1f2" />
                <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#061317" />
                <link rel="stylesheet" href=style />
                <link rel="modulepreload" href=script />
                <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="apple-touch-icon" href="/apple-touch-icon.png" />
                <link rel="manifest" href="/manifest.webmanifest" />
                <MetaTags />
                {address}
                <script type="module" nonce=nonce.clone()>{start}</script>
            </head>
            <body>
                <App />
                <script nonce=nonce>{LOCAL_TIMES}</script>
            </body>
        </html>
    }
}

/// The application: the name prompt for who has no name, else the channels.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    // Rendered by the server and taken over by the client, without asking for it again.
    let page = SharedValue::new(expect_context::<Page>).into_inner();
    let client = Client::new(page);
    provide_context(client);
    Effect::new(move |_| {
        client.start();
        browser::mark_hydrated();
    });
    let is_joined = Memo::new(move |_| client.me.with(Option::is_some));
    view! {
        <Title formatter=|title: String| {
            if title.is_empty() { "Flack".to_owned() } else { format!("{title} · Flack") }
        } />
        <Router>
            {move || {
                if is_joined.get() {
                    view! { <House /> }.into_any()
                } else {
                    view! { <JoinPage /> }.into_any()
                }
            }}
        </Router>
    }
}

/// The sidebar, and the page of the address.
#[component]
fn House() -> impl IntoView {
    let client = expect_context::<Client>();
    let is_refused_creation = client.refused.with_value(|refused| {
        refused.as_ref().is_some_and(|refused| refused.action == "/api/create_channel")
    });
    view! {
        <a class="skip" href="#main">
            "Skip to the conversation"
        </a>
        <div class="shell">
            <Sidebar />
            <main class="main" id="main" tabindex="-1">
                {if is_refused_creation {
                    view! { <NewChannelPage /> }.into_any()
                } else {
                    view! {
                        <Routes fallback=|| view! { <NowherePage /> }>
                            <Route path=path!("/") view=HomePage />
                            <Route path=path!("/c/:channel") view=ChannelPage />
                        </Routes>
                    }
                        .into_any()
                }}
            </main>
        </div>
    }
}
