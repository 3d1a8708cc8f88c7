//! Times in logs, in whole seconds since 1970.

const DAY: i64 = 24 * 3600;

/// What `--since` takes: how long ago, or a time.
pub fn since(text: &str, now: i64) -> Result<i64, String> {
    let ago = [("s", 1), ("m", 60), ("h", 3600), ("d", DAY)].iter().find_map(|(unit, seconds)| {
        let number = text.strip_suffix(unit)?;
        let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        plain.then_some(())?;
        number.parse::<i64>().ok()?.checked_mul(*seconds)
    });
    match ago {
        Some(ago) => Ok(now.saturating_sub(ago)),
        None => parse(text).ok_or_else(|| {
            "write how long ago, such as 30m, 1h or 2d, or a time, such as 2026-11-22T15:00:00Z".to_owned()
        }),
    }
}

/// ISO 8601 with a date, and a time of day where there is one; without an offset it is UTC.
pub fn parse(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() || !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    if day < 1 || day > days_of(year, month) {
        return None;
    }
    let midnight = days_before(year, month, day).checked_mul(DAY)?;
    if rest.is_empty() {
        return Some(midnight);
    }
    let time = rest.strip_prefix(['T', 't', ' ', '_'])?;
    let (clock, offset) = split_offset(time)?;
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |part| digits(part, 2))?;
    let fits = parts.next().is_none() && hour < 24 && minute < 60 && second <= 60;
    fits.then(|| midnight + hour * 3600 + minute * 60 + second - offset)
}

/// Behind the time of day: Z, +01:00, -0530, or nothing.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, 0));
    };
    let (clock, offset) = time.split_at_checked(at)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let offset: String = offset.chars().skip(1).filter(|c| *c != ':').collect();
    let (hours, minutes) = offset.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { 0 } else { digits(minutes, 2)? };
    Some((clock, sign * (digits(hours, 2)? * 3600 + minutes * 60)))
}

/// A number of seconds or milliseconds, as some shippers of logs write.
pub fn of_number(number: f64) -> Option<i64> {
    // Years 2001 to 2286 in seconds, and the same in milliseconds.
    let seconds = if number >= 1e12 { number / 1000.0 } else { number };
    #[allow(clippy::cast_possible_truncation, reason = "the range is looked at")]
    (1e9..1e10).contains(&seconds).then_some(seconds as i64)
}

fn digits(text: &str, length: usize) -> Option<i64> {
    let plain = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 on, by the calendar that begins in March, where the leap day is the last.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form_that_logs_have() {
        let noon = 1_795_348_800;
        for (text, want) in [
            ("2026-11-22T12:00:00.000Z", Some(noon)),
            ("2026-11-22T12:00:00Z", Some(noon)),
            ("2026-11-22 12:00:00", Some(noon)),
            ("2026-11-22T12:00", Some(noon)),
            ("2026-11-22T13:00:00+01:00", Some(noon)),
            ("2026-11-22T06:30:00,5-0530", Some(noon)),
            ("2026-11-22", Some(noon - DAY / 2)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2024-02-29", Some(1_709_164_800)),
            ("2023-02-29", None),
            ("2000-02-29", Some(951_782_400)),
            ("1900-02-28", None),
            ("2100-02-29", None),
            ("2026-11-22T24:00:00Z", None),
            ("2026-11-22T12:60:00Z", None),
            ("2026-13-01", None),
            ("2026-11-22T25:00:00Z", None),
            ("2026-11-22T12:00:00.Z", None),
            ("2026-11-22X", None),
            ("é026-11-22", None),
            ("/2026-11-22", None),
            ("", None),
        ] {
            assert_eq!(parse(text), want, "{text}");
            if let Some(time) = want {
                assert_eq!(parse(&crate::clock::date(time)), want, "{text} there and back");
            }
        }
        for (number, want) in
            [(1.795e9, Some(1_795_000_000)), (1.795e12, Some(1_795_000_000)), (403.0, None), (f64::NAN, None)]
        {
            assert_eq!(of_number(number), want, "{number}");
        }
    }

    #[test]
    fn a_second_that_was_put_in_is_read() {
        assert_eq!(parse("2016-12-31T23:59:60Z"), parse("2017-01-01T00:00:00Z"));
        assert_eq!(parse("2016-12-31T23:59:61Z"), None);
    }

    #[test]
    fn since_is_how_long_ago_or_a_time() {
        for (text, want) in [
            ("1h", Some(1_000_000 - 3600)),
            ("90s", Some(999_910)),
            ("2d", Some(1_000_000 - 2 * DAY)),
            ("1970-01-02", Some(DAY)),
            ("h", None),
            ("-1h", None),
            ("yesterday", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(since(text, 1_000_000).ok(), want, "{text}");
        }
    }
}
