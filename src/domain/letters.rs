//! Small and capital letters, and their marks.

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

/// A text as it is typed by whoever looks for it: in small letters, and without the marks that Latin, Greek
/// and Cyrillic ones have.
pub fn plain(text: &str) -> String {
    decomposed(text).chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).collect()
}

#[cfg(not(feature = "hydrate"))]
fn decomposed(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;

    lowercase(text).nfd().collect()
}

#[cfg(feature = "hydrate")]
fn decomposed(text: &str) -> String {
    js_sys::JsString::from(text).to_lower_case().normalize("NFD").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_need_not_be_typed() {
        assert_eq!(plain("Óscar MÜLLER"), "oscar muller");
        assert_eq!(plain("Ёлка"), "елка");
        assert_eq!(plain("Łódź, ß"), "łodz, ß");
    }
}
