//! In which language somebody is spoken to: the one that they have chosen in this browser, else the one
//! that the browser asks for.

use axum::http::{HeaderMap, header};

use super::http::cookies;
use crate::words::Language;

/// The one that the request's cookie names. What is no language is none: a cookie can be anything.
pub fn chosen(headers: &HeaderMap) -> Option<Language> {
    cookies(headers, Language::COOKIE).find_map(|cookie| Language::of(cookie.value()))
}

pub fn of(headers: &HeaderMap) -> Language {
    chosen(headers).or_else(|| asked_for(headers)).unwrap_or_default()
}

/// Of the languages that the browser names, the one it weighs most of those that there are; of equal ones
/// the first (RFC 9110 §12.5.4). A region makes no difference, and `*` is for who has no wish.
fn asked_for(headers: &HeaderMap) -> Option<Language> {
    let values = headers.get_all(header::ACCEPT_LANGUAGE).iter();
    let ranges = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let known = ranges.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next()?.split('-').next()?.to_ascii_lowercase();
        let weight = match parts.find_map(|part| part.strip_prefix("q=")) {
            Some(weight) => weight.parse::<f32>().ok().filter(|weight| *weight <= 1.0)?,
            None => 1.0,
        };
        (weight > 0.0).then_some((Language::of(&tag)?, weight))
    });
    let best = known.reduce(|best, other| if other.1 > best.1 { other } else { best });
    best.map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(accept: &str, cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([
            (header::ACCEPT_LANGUAGE, accept.parse().unwrap()),
            (header::COOKIE, cookie.parse().unwrap()),
        ])
    }

    #[test]
    fn browsers_are_answered_in_the_language_that_they_weigh_most() {
        for (accept, language) in [
            ("de", Language::German),
            ("de-AT,en;q=0.8", Language::German),
            ("en-GB,en;q=0.9,de;q=0.8", Language::English),
            ("fr,de;q=0.5,en;q=0.4", Language::German),
            ("en;q=0.4, DE ;q=0.5", Language::German),
            ("de;q=0,fr", Language::English),
            ("de;q=nonsense", Language::English),
            ("de;q=NaN,en;q=0.1", Language::English),
            ("den,deu", Language::English),
            ("*", Language::English),
            ("", Language::English),
            (",;;,-", Language::English),
        ] {
            assert_eq!(of(&asking(accept, "")), language, "{accept}");
        }
        assert_eq!(of(&HeaderMap::new()), Language::English);
    }

    #[test]
    fn what_somebody_has_chosen_counts_more() {
        assert_eq!(of(&asking("de", "theme=dark; language=en")), Language::English);
        assert_eq!(of(&asking("en", "language=de")), Language::German);
        assert_eq!(of(&asking("de", "language=\"><script>")), Language::German);
        assert_eq!(chosen(&asking("de", "")), None);
    }
}
