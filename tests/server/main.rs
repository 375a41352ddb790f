//! The server over real sockets and real files. One file for each promise.

#[path = "../support/mod.rs"]
mod support;

mod deletion;
mod forms;
mod http;
mod names;
mod once;
mod order;
mod process;
mod resume;
mod session;
mod socket;
mod window;
