//! The language of the server tests: a house, the guests in it, and what they see and say.
//!
//! ```ignore
//! let house = House::open().await;
//! let ada = house.join("Ada").await;
//! let page = ada.live("general").await;
//! ada.post("general", "Hello").await;
//! page.expect_message("Hello").await;
//! ```
//!
//! Everything is real: sockets on 127.0.0.1, files in a directory of their own, the server's own
//! `serve`, and the client's own state machine. Nothing waits for a fixed time; what is waited for
//! comes, or the test fails after [`PATIENCE`].

use std::{future::Future, time::Duration};

use flack::domain::{name::ChannelName, room::Room};

pub mod chance;
pub mod desk;
pub mod guest;
pub mod house;
pub mod http;
pub mod program;
pub mod socket;
pub mod tab;

/// How long anything may take before it counts as never.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The channel of this name.
pub fn channel(name: &str) -> Room {
    Room::Channel(ChannelName::try_from(name).expect("a channel's name"))
}

/// What comes, or the end of the test.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}
