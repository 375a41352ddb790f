//! What people see. Components read signals and call named functions; what decides is elsewhere.

pub mod app;
pub mod components;
pub mod pages;
pub mod still;
