//! The server: everything that only the `ssr` build has.

pub mod accept;
pub mod admin;
pub mod assets;
pub mod backup;
pub mod config;
pub mod doors;
pub mod emoji;
pub mod files;
pub mod flack;
pub mod forms;
pub mod healthcheck;
pub mod http;
pub mod label;
pub mod live;
pub mod log;
pub mod look;
pub mod markdown;
pub mod metrics;
pub mod network;
pub mod rates;
pub mod reaction;
pub mod run;
pub mod state;
pub mod store;
pub mod stylesheet;
pub mod token;
