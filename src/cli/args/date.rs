//! Dates as the system message has them.

use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS_PER_DAY: u64 = 86_400;

/// `YYYY-MM-DD` as it is, `today` as today's date in UTC.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    if text == "today" {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let days = since.map_or(0, |since| since.as_secs() / SECONDS_PER_DAY);
        return Ok(civil(days));
    }
    let is_date = text.len() == 10
        && text.char_indices().all(|(index, character)| match index {
            4 | 7 => character == '-',
            _ => character.is_ascii_digit(),
        });
    if is_date {
        Ok(text.to_owned())
    } else {
        Err("expected YYYY-MM-DD or today".to_owned())
    }
}

/// The Gregorian date of a day, counted from 1970-01-01.
///
/// Source: the usual conversion in eras of 400 years that begin in March.
fn civil(days: u64) -> String {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        for (days, date) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_780, "2026-11-23"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(civil(days), date);
        }
    }

    #[test]
    fn other_words_are_refused() {
        assert_eq!(parse("2026-01-31").as_deref(), Ok("2026-01-31"));
        for text in ["", "tomorrow", "2026-1-31", "20260131xx"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
