//! One file for each kind of page.

pub mod channel;
pub mod home;
pub mod join;
pub mod nowhere;
