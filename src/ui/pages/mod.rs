//! One file for each kind of page.

pub mod devices;
pub mod home;
pub mod join;
pub mod keys;
pub mod nowhere;
pub mod offline;
pub mod people;
pub mod room;
mod sheet;
pub mod topic;
