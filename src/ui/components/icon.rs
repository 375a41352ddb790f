//! Pictures, drawn on a grid of 20 units, in the colour of the text around them.

use leptos::prelude::*;

pub const ALERT: &str = "M2.75 10a7.25 7.25 0 1 0 14.5 0 7.25 7.25 0 0 0-14.5 0M10 6v5M10 13.9v.1";
pub const BIN: &str = "M3.5 5.5h13M8 5.5V3.5h4v2M5.5 5.5l.75 11h7.5l.75-11M8.5 9v4.5M11.5 9v4.5";
pub const CLOCK: &str =
    "M2.75 10a7.25 7.25 0 1 0 14.5 0 7.25 7.25 0 0 0-14.5 0M10 6v4.25l2.75 1.75";
pub const CROSS: &str = "m5 5 10 10M15 5 5 15";
pub const CLIP: &str = "M15.5 9.25 9.6 15.1a3.4 3.4 0 0 1-4.8-4.8l6.2-6.2a2.25 2.25 0 0 1 3.2 3.2L8.1 13.4a1.1 1.1 0 0 1-1.6-1.6l5.5-5.4";
pub const DOOR: &str = "M8 3.5H4.5v13H8M8.5 10h8M13.5 7l3 3-3 3";
pub const DOWNLOAD: &str = "M10 3.5v9M6.5 9l3.5 3.5L13.5 9M4 16.5h12";
pub const DOWN: &str = "M10 4v12M5 11l5 5 5-5";
pub const FILE: &str = "M5 2.75h6.5l3.5 3.5v11H5zM11.5 2.75v3.5H15";
pub const LINK: &str = "M8.5 11.5a3.25 3.25 0 0 0 4.6 0l2.65-2.65a3.25 3.25 0 0 0-4.6-4.6L10 5.4M11.5 8.5a3.25 3.25 0 0 0-4.6 0l-2.65 2.65a3.25 3.25 0 0 0 4.6 4.6L10 14.6";
pub const MENU: &str = "M3 6h14M3 10h10M3 14h14";
pub const MORE: &str = "M4 10a.5.5 0 1 0 1 0 .5.5 0 0 0-1 0m5.5 0a.5.5 0 1 0 1 0 .5.5 0 0 0-1 0m5.5 0a.5.5 0 1 0 1 0 .5.5 0 0 0-1 0";
pub const NEXT: &str = "m7.5 4 6 6-6 6";
pub const PEN: &str = "M4 16l.75-3.5L13.5 3.75l2.75 2.75L7.5 15.25zM11.5 5.75l2.75 2.75";
pub const PLUS: &str = "M10 4v12M4 10h12";
pub const PREVIOUS: &str = "m12.5 4-6 6 6 6";
pub const REPLY: &str = "M8 5 3.5 9.5 8 14M3.5 9.5H12a4.5 4.5 0 0 1 4.5 4.5v1.5";
pub const SEARCH: &str = "M4 9a5 5 0 1 0 10 0 5 5 0 0 0-10 0M12.75 12.75 16.5 16.5";
pub const SEND: &str = "M3.5 4 17 10 3.5 16 7 10z";
pub const SMILE: &str = "M2.75 10a7.25 7.25 0 1 0 14.5 0 7.25 7.25 0 0 0-14.5 0M7.5 7.75v.1M12.5 7.75v.1M6.75 12a3.75 3.75 0 0 0 6.5 0";
pub const UP_DOWN: &str = "m6.5 8 3.5-3.5L13.5 8M6.5 12l3.5 3.5 3.5-3.5";

#[component]
pub fn Icon(path: &'static str) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
            <path d=path></path>
        </svg>
    }
}

/// The name of the product, with its sign.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg viewBox="0 0 32 32" aria-hidden="true">
            <path class="mark__mast" d="M5 5.5a2.5 2.5 0 0 1 5 0v21a2.5 2.5 0 0 1-5 0z"></path>
            <path class="mark__flag" d="M12 4h17l-4.5 5.5L29 15H12z"></path>
            <path class="mark__flag" d="M12 17h11l-3.5 4 3.5 4H12z"></path>
        </svg>
    }
}

/// A flag of the international code of signals: the parts of its cloth by colour.
type Flag = &'static [(&'static str, &'static str)];

const F: Flag = &[
    ("flag__sail", "M0 0h60v46H0z"),
    ("flag__fire", "M30 0 60 23 30 46 0 23z"),
    ("flag__hem", "M.5.5h59v45H.5z"),
];
const L: Flag = &[
    ("flag__sun", "M0 0h30v23H0zM30 23h30v23H30z"),
    ("flag__sea", "M30 0h30v23H30zM0 23h30v23H0z"),
];
const A: Flag = &[
    ("flag__sail", "M0 0h28v46H0z"),
    ("flag__sea", "M28 0h32L46 23l14 23H28z"),
    ("flag__hem", "M28 .5H.5v45H28"),
];
const C: Flag = &[
    ("flag__sail", "M0 0h60v46H0z"),
    ("flag__sea", "M0 0h60v9.2H0zM0 36.8h60V46H0z"),
    ("flag__fire", "M0 18.4h60v9.2H0z"),
    ("flag__hem", "M.5.5h59v45H.5z"),
];
const K: Flag = &[("flag__sun", "M0 0h30v46H0z"), ("flag__sea", "M30 0h30v46H30z")];
const N: Flag = &[
    ("flag__sail", "M0 0h60v46H0z"),
    (
        "flag__sea",
        "M0 0h15v11.5H0zM30 0h15v11.5H30zM15 11.5h15V23H15zM45 11.5h15V23H45zM0 23h15v11.5H0z\
         M30 23h15v11.5H30zM15 34.5h15V46H15zM45 34.5h15V46H45z",
    ),
    ("flag__hem", "M.5.5h59v45H.5z"),
];

/// "I wish to communicate with you."
pub const COMMUNICATE: Flag = K;
/// "You should stop", and the second letter of the name: a place to choose from.
pub const STOP: Flag = L;
/// "No."
pub const NO: Flag = N;

fn cloth(flag: Flag) -> impl IntoView {
    flag.iter().map(|(colour, path)| view! { <path class=*colour d=*path></path> }).collect_view()
}

/// One flag on its mast.
#[component]
pub fn Mast(flag: Flag) -> impl IntoView {
    view! {
        <svg class="flag" viewBox="0 0 84 84" aria-hidden="true">
            <path class="flag__mast" d="M8 4v76"></path>
            <g transform="translate(14 6)">{cloth(flag)}</g>
        </svg>
    }
}

/// The name of the product, spelled in flags.
#[component]
pub fn Hoist() -> impl IntoView {
    let flags = [F, L, A, C, K].map(|flag| {
        view! {
            <svg class="flag" viewBox="0 0 60 46" aria-hidden="true">
                {cloth(flag)}
            </svg>
        }
    });
    view! { <div class="hoist">{flags.into_iter().collect_view()}</div> }
}
