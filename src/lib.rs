//! Flack: self-hosted team chat.
//!
//! One crate, two programs: the server (feature `ssr`) and the client in the browser (feature
//! `hydrate`). `ARCHITECTURE.md` is the guide to what is where, and why.

// Views are types, and a page is a deep one.
#![recursion_limit = "256"]

pub mod api;
pub mod client;
pub mod domain;
#[cfg(feature = "ssr")]
pub mod server;
pub mod sync;
pub mod ui;
pub mod words;

/// Takes over the page that the server rendered, in the language of these words.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate(words: String) {
    if cfg!(debug_assertions) {
        console_error_panic_hook::set_once();
    }
    // Of another build they are of no use, and the page stays as the server rendered it.
    if let (Some(words), Some(page)) =
        (words::Words::of_lines(words.leak()), client::browser::page())
    {
        client::browser::speak(words);
        leptos::mount::hydrate_body(move || ui::app::App(ui::app::AppProps { page }));
    }
}
