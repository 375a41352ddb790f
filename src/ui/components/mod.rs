//! The parts that pages are made of.

pub mod actions;
pub mod attachment;
pub mod avatar;
pub mod bar;
pub mod choices;
pub mod composer;
pub mod conversation;
pub mod edit;
pub mod emoji;
pub mod field;
pub mod icon;
pub mod jump;
pub mod keys;
pub mod message;
pub mod new_channel;
pub mod notice;
pub mod presence;
pub mod quote;
pub mod reactions;
pub mod room_field;
pub mod room_menu;
pub mod sidebar;
pub mod toast;
pub mod undo;
pub mod uploads;
pub mod words;
