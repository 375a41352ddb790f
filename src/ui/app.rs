//! The document, and the application in it.

use std::iter;

use leptos::{
    config::LeptosOptions, either::EitherOf5, html, hydration::AutoReload, nonce::use_nonce,
    prelude::*, server_fn::ServerFn,
};

use super::{
    components::{
        emoji::EmojiPicker, jump::Jump, keys::Keys, new_channel::NewChannelPage, sidebar::Sidebar,
    },
    pages::{
        home::HomePage, join::JoinPage, nowhere::NowherePage, people::PeoplePage, room::RoomPage,
    },
    still::Still,
};
use crate::{
    api::{CreateChannel, SignIn},
    client::{Client, PAGE, browser, marks::total, words},
    domain::{address::Address, direct::Directs, page::Page, theme::Theme},
    words::{Language, Spoken},
};

/// Where browsers find what a page needs.
#[derive(Clone, Debug)]
pub struct Links {
    pub style: String,
    pub script: String,
    pub wasm: String,
    /// What is needed later, where the client is in two parts.
    pub rest: Option<Rest>,
    pub words: String,
}

impl Links {
    /// All stylesheets, for a page without the client, which adds none later.
    pub fn sheets(&self) -> Vec<String> {
        iter::once(&self.style).chain(self.rest.as_ref().map(|rest| &rest.style)).cloned().collect()
    }
}

/// The part of the client that pages can do without at first.
#[derive(Clone, Debug)]
pub struct Rest {
    pub wasm: String,
    pub style: String,
}

/// What a page does by itself, before the reader sees it.
const SCRIPT: &str = include_str!("page.js");

/// The id of what comes after that.
const END: &str = "end";

/// The document around the application, as the server sends it to who has a name.
pub fn shell(links: Links, page: Page) -> impl IntoView {
    let (nonce, theme, spoken) = (use_nonce(), browser::theme(), spoken());
    let unread = total(&page.memberships);
    let title = title(&Address::of(&page.path), &page.directs, unread);
    let Links { style, script, wasm, rest, words: texts } = links;
    let rest = rest.map(|rest| vec![rest.wasm, rest.style]).unwrap_or_default();
    let refused = serde_json::to_string(words().refused_otherwise).unwrap_or_default();
    let start = format!(
        "import start, {{ hydrate }} from '{script}';\n\
         flack.refused = {refused};\n\
         const words = fetch('{texts}').then((answer) => answer.text());\n\
         await Promise.all([words, start({{ module_or_path: '{wasm}', rest: {rest:?} }})]);\n\
         hydrate(await words);\n\
         navigator.serviceWorker?.register('/worker.js').catch(() => {{}});"
    );
    let address = address(&page);
    let data = in_script(serde_json::to_string(&page));
    view! {
        <!DOCTYPE html>
        <html
            lang=spoken.language.tag()
            data-language=spoken.chosen.map(Language::tag)
            data-theme=theme.as_str()
        >
            <head>
                {head(title, vec![style], theme)}
                <Finished />
                <link rel="modulepreload" href=script />
                <link
                    rel="preload"
                    href=wasm
                    r#as="fetch"
                    r#type="application/wasm"
                    crossorigin="anonymous"
                />
                <link rel="preload" href=texts r#as="fetch" crossorigin="anonymous" />
                {address}
                <script type="module" nonce=nonce.clone()>
                    {start}
                </script>
            </head>
            <body>
                <App page />
                <script type="application/json" id=PAGE>
                    {data}
                </script>
                <script nonce=nonce>{SCRIPT}</script>
                <span id=END hidden></span>
            </body>
        </html>
    }
}

/// Takes what is of somebody who has just signed out here from the browser's storage, and what is of this
/// tab in any case: nobody is here any more whose it could be.
const FORGET: &str = "\
try {
  sessionStorage.clear();
  if (localStorage.getItem('flack.leaves')) {
    const theirs = /^(unreadable\\.)?flack\\.(draft|outbox|rooms?|emoji)/;
    for (const key of Object.keys(localStorage)) if (theirs.test(key)) localStorage.removeItem(key);
  }
} catch {}
";

/// The document for who has no name yet. The client is for those who have one; it is fetched ahead.
pub fn door(links: Links, page: &Page) -> impl IntoView + use<> {
    let refused = page.refused.as_ref().filter(|refused| refused.action == SignIn::PATH);
    let (typed, error) = refused.map(|it| (it.field("name"), it.refusal.told(words()))).unzip();
    let Links { script, wasm, words: texts, .. } = &links;
    // By a script: which directive of the page's policy a link of this kind comes under depends on the
    // browser.
    let fetched = format!(
        "{FORGET}addEventListener('load', () => {{\n\
         for (const file of ['{script}', '{wasm}', '{texts}']) \
         fetch(file, {{ priority: 'low' }}).catch(() => {{}});\n\
         }});"
    );
    let ahead = view! {
        <script nonce=use_nonce()>{fetched}</script>
        {address(page)}
    };
    document(links, words().title_join, ahead, view! { <JoinPage typed error /> })
}

/// After a refused form the address is the form's; the page must be seen at its own.
fn address(page: &Page) -> Option<impl IntoView + use<>> {
    page.refused.as_ref().map(|_| {
        let path = in_script(serde_json::to_string(&page.path));
        let script = format!("history.replaceState(null, '', {path})");
        view! { <script nonce=use_nonce()>{script}</script> }
    })
}

/// JSON without what could end the element of a script.
fn in_script(json: serde_json::Result<String>) -> String {
    json.unwrap_or_default().replace('<', "\\u003c")
}

/// A document without the application, as the server sends it, with what it has in its head besides.
pub fn document(
    links: Links,
    title: &'static str,
    besides: impl IntoView,
    body: impl IntoView,
) -> impl IntoView {
    let (theme, spoken) = (browser::theme(), spoken());
    view! {
        <!DOCTYPE html>
        <html lang=spoken.language.tag() data-theme=theme.as_str()>
            <head>
                {head(format!("{title} · Flack"), links.sheets(), theme)}
                <Finished />
                {besides}
            </head>
            <body>
                {body}
                <script nonce=use_nonce()>{SCRIPT}</script>
                <span id=END hidden></span>
            </body>
        </html>
    }
}

/// The language of the document, as the server has found it.
fn spoken() -> Spoken {
    use_context().unwrap_or_default()
}

/// What is in the head of every document.
fn head(title: String, sheets: Vec<String>, theme: Theme) -> impl IntoView {
    let sheets = sheets.into_iter().map(|sheet| view! { <link rel="stylesheet" href=sheet /> });
    view! {
        <meta charset="utf-8" />
        <meta
            name="viewport"
            content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"
        />
        <meta name="color-scheme" content=theme.color_scheme() />
        <ThemeColor theme scheme=Theme::Light color="#e4f1f2" />
        <ThemeColor theme scheme=Theme::Dark color="#061317" />
        <title>{title}</title>
        <meta name="description" content=words().join_heading />
        <AutoReload options=LeptosOptions::builder().output_name("flack").build() />
        {sheets.collect_view()}
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="apple-touch-icon" href="/apple-touch-icon.png" />
        <link rel="manifest" href="/manifest.webmanifest" />
    }
}

/// Lets browsers that can do so show nothing of a page before its script has run: what it hides and
/// shows would move the rest (HTML §4.6.8.6, link type `expect`).
#[component]
fn Finished() -> impl IntoView {
    view! { <link rel="expect" href=format!("#{END}") blocking="render" /> }
}

/// The colour of what is around the page, if it is shown in this scheme.
#[component]
fn ThemeColor(theme: Theme, scheme: Theme, color: &'static str) -> impl IntoView {
    let media = theme.media(scheme);
    html::meta()
        .name("theme-color")
        .attr("data-scheme", scheme.as_str())
        .attr("media", media)
        .content(color)
}

/// What the tab is called, with how much is unread.
fn title(address: &Address, directs: &Directs, unread: usize) -> String {
    let words = words();
    let with = |id| directs.find(id).map(|direct| direct.with.name.to_string());
    let name = match address {
        Address::Home => String::new(),
        Address::Channel(name) => format!("#{name}"),
        Address::Direct(id) => with(*id).unwrap_or_else(|| words.title_no_person.to_owned()),
        Address::People => words.people.to_owned(),
        Address::Nowhere => words.title_nowhere.to_owned(),
    };
    let unread = if unread > 0 { format!("({unread}) ") } else { String::new() };
    match name.as_str() {
        "" => format!("{unread}Flack"),
        name => format!("{unread}{name} · Flack"),
    }
}

/// The application, for who has a name.
#[component]
pub fn App(page: Page) -> impl IntoView {
    let client = Client::new(page);
    provide_context(client);
    Effect::new(move |_| {
        client.start();
        browser::mark_hydrated();
    });
    let unread = Memo::new(move |_| client.memberships.with(total));
    Effect::new(move |_| {
        let unread = unread.get();
        let title = client
            .directs
            .with(|directs| client.address.with(|address| title(address, directs, unread)));
        browser::show_tab(&title, unread > 0);
    });
    view! { <House /> }
}

/// Which of the pages an address leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PageKind {
    /// For a channel that could not be created.
    NewChannel,
    Room,
    Home,
    People,
    Nowhere,
}

impl PageKind {
    fn of(address: &Address) -> Self {
        match address {
            Address::Channel(_) | Address::Direct(_) => Self::Room,
            Address::Home => Self::Home,
            Address::People => Self::People,
            Address::Nowhere => Self::Nowhere,
        }
    }
}

/// The sidebar, and the page of the address.
#[component]
fn House() -> impl IntoView {
    let client = expect_context::<Client>();
    // Whoever goes elsewhere leaves what was refused behind.
    let kind = Memo::new(move |_| {
        client.address.with(|address| match client.refused(CreateChannel::PATH) {
            Some(_) => PageKind::NewChannel,
            None => PageKind::of(address),
        })
    });
    let page = move || match kind.get() {
        PageKind::NewChannel => EitherOf5::E(Still(view! { <NewChannelPage /> })),
        PageKind::Room => EitherOf5::A(Still(view! { <RoomPage /> })),
        PageKind::Home => EitherOf5::B(Still(view! { <HomePage /> })),
        PageKind::People => EitherOf5::C(Still(view! { <PeoplePage /> })),
        PageKind::Nowhere => EitherOf5::D(Still(view! { <NowherePage /> })),
    };
    view! {
        <a class="skip" href="#main">
            {words().skip}
        </a>
        <div class="shell">
            <Sidebar />
            <main class="main" id="main" tabindex="-1">
                {page}
            </main>
        </div>
        <EmojiPicker />
        <Jump />
        <Keys />
    }
}
