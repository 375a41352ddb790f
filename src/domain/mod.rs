//! The words and rules of Flack, the same in both builds.
//!
//! Nothing here does I/O, reads a clock, draws a random number or knows a framework: time, ids and
//! randomness come in as values.

pub mod address;
pub mod attachment;
pub mod channel;
pub mod command;
pub mod device;
pub mod direct;
pub mod event;
pub mod frame;
pub mod hex;
pub mod json;
pub mod letters;
pub mod message;
pub mod name;
pub mod page;
pub mod person;
pub mod position;
pub mod reaction;
pub mod refusal;
pub mod room;
pub mod theme;
pub mod unread;
pub mod window;
