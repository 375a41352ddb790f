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

/// Takes over the page that the server rendered.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    if cfg!(debug_assertions) {
        console_error_panic_hook::set_once();
    }
    leptos::mount::hydrate_body(ui::app::App);
}
