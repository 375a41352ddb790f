//! What Flack is measured beside. Those in Rust are this very program, told to serve.

pub mod example;
pub mod floor;
