//! The time, and how it is written for the reader.

use std::cell::Cell;

use chrono::{DateTime, Utc};
use js_sys::Date;
use leptos::prelude::window;

use super::{clock, day_of, exact, name_of_day};
use crate::sync::Moment;

/// From here on a difference of clocks, in milliseconds, is not by chance.
const SLEEP: f64 = 5_000.0;

thread_local! {
    /// How far the calendar was ahead of the page's clock at most.
    static AHEAD: Cell<f64> = const { Cell::new(f64::NEG_INFINITY) };
    /// The same, when it was asked last whether the computer has slept.
    static AWAKE: Cell<f64> = const { Cell::new(f64::INFINITY) };
}

/// How far the calendar is ahead of the page's clock, which may stand still while the computer sleeps.
fn ahead(clock: f64) -> f64 {
    let ahead = Date::now() - clock;
    AHEAD.set(AHEAD.get().max(ahead));
    ahead
}

/// A clock that does not go back when the computer's is set, and has not stood still in sleep.
pub fn now() -> Moment {
    let clock = window().performance().map_or(0.0, |performance| performance.now());
    ahead(clock);
    let millis = clock + AHEAD.get();
    Moment { millis: millis as u64, random: js_sys::Math::random() }
}

/// Whether the computer has slept since this was asked last: the page's own clock may stand still
/// then, but the calendar goes on. Somebody who sets the calendar is taken for sleep.
pub fn has_slept() -> bool {
    let Some(performance) = window().performance() else { return false };
    let ahead = ahead(performance.now());
    ahead > AWAKE.replace(ahead) + SLEEP
}

/// The time as it is written for machines.
pub fn iso_time(at: DateTime<Utc>) -> String {
    Date::new(&millis(at).into()).to_iso_string().into()
}

/// The time of day.
pub fn clock_time(at: DateTime<Utc>) -> String {
    clock(millis(at))
}

/// Everything about the time.
pub fn exact_time(at: DateTime<Utc>) -> String {
    exact(millis(at))
}

/// The number of the day.
pub fn day(at: DateTime<Utc>) -> i32 {
    day_of(millis(at))
}

pub fn today() -> i32 {
    day_of(Date::now())
}

/// What the day is called today.
pub fn day_name(at: DateTime<Utc>) -> String {
    name_of_day(millis(at))
}

fn millis(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64
}
