//! Takes secrets out of a text before anybody sees it.

use std::ops::Range;

/// What stands for a secret; its length says nothing about the secret's.
pub const MASK: &str = "********";

/// The text with every range, in bytes, replaced by [`MASK`].
///
/// Ranges may overlap, touch, come in any order, reach past the end or cut a character: then the
/// whole character goes.
pub fn mask(text: &str, ranges: &[Range<usize>]) -> String {
    let mut sorted: Vec<Range<usize>> = ranges
        .iter()
        .map(|range| {
            text.floor_char_boundary(range.start)
                ..text.ceil_char_boundary(range.end.min(text.len()))
        })
        .filter(|range| range.start < range.end)
        .collect();
    sorted.sort_by_key(|range| range.start);
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for range in sorted {
        if range.start > at || masked.is_empty() {
            masked.push_str(&text[at..range.start.max(at)]);
            masked.push_str(MASK);
        } else if range.start == at {
            // Touching secrets are one: two marks would tell that there were two.
            if !masked.ends_with(MASK) {
                masked.push_str(MASK);
            }
        }
        at = at.max(range.end);
    }
    masked.push_str(&text[at..]);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        type Row = (&'static str, &'static [(usize, usize)], &'static str);
        let rows: [Row; 8] = [
            ("pass hunter2!", &[(5, 12)], "pass ********!"),
            ("hunter2", &[(0, 7)], "********"),
            ("a b c", &[(4, 5), (0, 1)], "******** b ********"),
            ("abcdef", &[(0, 4), (2, 6)], "********"),
            ("abcdef", &[(0, 3), (3, 6)], "********"),
            ("größe", &[(3, 4)], "gr********ße"),
            ("abc", &[(1, 99)], "a********"),
            ("abc", &[], "abc"),
        ];
        for (text, ranges, masked) in rows {
            let list: Vec<_> = ranges.iter().map(|&(start, end)| start..end).collect();
            assert_eq!(mask(text, &list), masked, "{text} {ranges:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_of_a_secret_is_left(before in "[a-z]{0,9}", secret in "[0-9é]{1,9}", after in "[a-z]{0,9}") {
            let text = format!("{before}{secret}{after}");
            let range = before.len()..before.len() + secret.len();
            prop_assert_eq!(mask(&text, std::slice::from_ref(&range)), format!("{before}{MASK}{after}"));
        }

        #[test]
        fn any_ranges_are_fine(text in any::<String>(), ranges in prop::collection::vec((0usize..40, 0usize..40), 0..5)) {
            let ranges: Vec<_> = ranges.into_iter().map(|(start, end)| start..end).collect();
            mask(&text, &ranges);
        }
    }
}
