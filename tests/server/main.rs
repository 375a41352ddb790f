//! The server over real sockets and real files. One file for each promise.

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "the proofs use what is not used here")]
mod support;

mod admin;
mod authority;
mod backup;
mod deletion;
mod deploy;
mod devices;
mod direct;
mod editing;
mod files;
mod forms;
mod http;
mod images;
mod languages;
mod limits;
mod markdown;
mod metrics;
mod names;
mod once;
mod order;
mod presence;
mod process;
mod reactions;
mod resume;
mod session;
mod socket;
mod store;
mod topics;
mod unread;
mod window;
