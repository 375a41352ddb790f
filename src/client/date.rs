//! Dates in words, for who has no script: in universal time.

use chrono::{DateTime, Datelike, Utc};

use crate::words::{Documents, fill};

/// Such as "25 November 2026".
pub fn date(at: DateTime<Utc>, words: &Documents) -> String {
    let month = words.months.split(' ').nth(at.month0() as usize).unwrap_or_default();
    let (day, year) = (at.day().to_string(), at.year().to_string());
    fill(words.date, &[("day", &day), ("month", month), ("year", &year)])
}

/// The same with the name of the day.
pub fn day(at: DateTime<Utc>, words: &Documents) -> String {
    let weekday = words.weekdays.split(' ').nth(at.weekday().num_days_from_monday() as usize);
    let values = [("weekday", weekday.unwrap_or_default()), ("date", &date(at, words))];
    fill(words.day, &values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    #[test]
    fn days_are_called_as_people_call_them() {
        let at = DateTime::from_timestamp(1_795_600_000, 0).expect("a time");
        assert_eq!(day(at, Language::English.documents()), "Wednesday, 25 November 2026");
        assert_eq!(day(at, Language::German.documents()), "Mittwoch, 25. November 2026");
    }
}
