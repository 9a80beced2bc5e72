//! Durations and sizes as admins write them.

use std::time::Duration;

/// A string as TOML writes it.
pub fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The number before a unit, times the unit.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(known, _)| *known == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

const DURATIONS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZES: [(&str, u64); 4] = [("B", 1), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)];

pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    with_unit(text, &DURATIONS).map(Duration::from_millis)
}

pub(crate) fn parse_size(text: &str) -> Option<u64> {
    with_unit(text, &SIZES)
}

fn show_with(value: u64, units: &[(&str, u64)]) -> String {
    let (unit, factor) = units
        .iter()
        .rev()
        .find(|(_, factor)| value >= *factor && value.is_multiple_of(*factor))
        .unwrap_or(&units[0]);
    format!("{}{unit}", value / factor)
}

/// A duration in the largest unit that fits, such as `30s`.
pub fn show_duration(duration: Duration) -> String {
    if duration.is_zero() {
        return "0s".to_owned();
    }
    show_with(
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        &DURATIONS,
    )
}

/// A size in the largest unit that fits, such as `256K`.
pub fn show_size(size: u64) -> String {
    show_with(size, &SIZES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_shown_as_they_are_read() {
        for text in ["1ms", "30s", "5m", "2h", "7d", "90s"] {
            assert_eq!(
                parse_duration(text).map(show_duration).as_deref(),
                Some(text)
            );
        }
        for text in ["1B", "256K", "8M", "3G", "1000B"] {
            assert_eq!(parse_size(text).map(show_size).as_deref(), Some(text));
        }
        for text in ["", "K", "8MB", "-1K", "99999999999999999999G", "1.5M"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }
}
