//! Identifiers of entries.

use jiff::Timestamp;

/// Digits and letters but i, l, o and u, so that nobody reads one for another.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Letters for the time, 5 bits each: milliseconds for a thousand years.
pub(crate) const TIME: usize = 9;
/// Letters of an identifier.
pub(crate) const LENGTH: usize = 16;

/// The identifier of an entry of this time. Those of later times sort after it.
pub(crate) fn new_id(at: Timestamp, random: u64) -> String {
    let mut id = beginning(at);
    for place in 0..LENGTH - TIME {
        id.push(letter(random >> (5 * place)));
    }
    id
}

/// What all identifiers of a time begin with.
pub(crate) fn beginning(at: Timestamp) -> String {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    (0..TIME)
        .rev()
        .map(|place| letter(millis >> (5 * place)))
        .collect()
}

/// The time of an entry, from its identifier.
pub(crate) fn time(id: &str) -> Timestamp {
    let millis = id.bytes().take(TIME).fold(0, |millis, byte| {
        let bits = LETTERS.iter().position(|letter| *letter == byte);
        (millis << 5) | i64::try_from(bits.unwrap_or(0)).unwrap_or(0)
    });
    Timestamp::from_millisecond(millis).unwrap_or_default()
}

fn letter(bits: u64) -> char {
    char::from(LETTERS[(bits & 31) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_entries_sort_after_earlier_ones() {
        let at = |millis| Timestamp::from_millisecond(millis).expect("in range");
        let ids = [
            new_id(at(0), u64::MAX),
            new_id(at(1), 0),
            new_id(at(1_700_000_000_000), u64::MAX),
            new_id(at(1_700_000_000_001), 0),
            new_id(at(4_000_000_000_000), 7),
        ];
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids.iter().all(|id| id.len() == LENGTH));
        for (id, millis) in [(&ids[0], 0), (&ids[2], 1_700_000_000_000)] {
            assert_eq!(time(id), at(millis));
        }
        assert!(ids[2].starts_with(&beginning(at(1_700_000_000_000))));
    }
}
