//! Small and capital letters.

/// A text in small letters, as Unicode has them.
#[cfg(not(feature = "hydrate"))]
pub fn lowercase(text: &str) -> String {
    text.to_lowercase()
}

/// A text in small letters, as Unicode has them. The browser knows all of them; the client would have to
/// carry a table of 11 kB.
#[cfg(feature = "hydrate")]
pub fn lowercase(text: &str) -> String {
    js_sys::JsString::from(text).to_lower_case().into()
}
