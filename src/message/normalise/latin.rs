//! The short cut for a Latin word with one accented letter, about which there is nothing to decide.

use crate::message::normalise::table::{Kind, Script, table};
use crate::message::normalise::{Folded, ascii};

/// First bytes of the letters from U+00C0 to U+017F.
pub(super) const LEADS: std::ops::RangeInclusive<u8> = 0xc3..=0xc5;
/// Letters before and behind the accented one; a longer word is left to the long way.
const MOST_LETTERS: usize = 24;

/// A word whose letters only lose an accent and their capitals.
pub(super) struct Word<'a> {
    source: &'a str,
    /// Its length in the source.
    pub(super) bytes: usize,
    /// Its letters after folding.
    pub(super) letters: u32,
    /// The last of them.
    pub(super) last: Option<char>,
    /// Where the accented letter stands, and what it becomes.
    accented: usize,
    plain: [char; 2],
}

/// The word at the start of a text, where folding it needs no look at what is around it.
///
/// It has one accented letter: with two, whether a language has both would matter. It has at least
/// two letters: a single one may be a part of a spaced word.
pub(super) fn word(text: &str) -> Option<Word<'_>> {
    let bytes = text.as_bytes();
    let is_letter = |byte: &&u8| byte.is_ascii_alphabetic();
    let before = bytes
        .iter()
        .take(MOST_LETTERS)
        .take_while(is_letter)
        .count();
    if !LEADS.contains(bytes.get(before)?) {
        return None;
    }
    let letter = text[before..].chars().next()?;
    let entry = table().entry(letter);
    let plain = match entry.kind() {
        Kind::Accented if entry.script() == Script::Latin => [entry.char(), '\0'],
        Kind::Sequence => match *table().sequence(entry) {
            [first, second] if first.is_ascii_lowercase() && second.is_ascii_lowercase() => {
                [first, second]
            }
            _ => return None,
        },
        _ => return None,
    };
    let rest = &bytes[before + letter.len_utf8()..];
    let after = rest.iter().take(MOST_LETTERS).take_while(is_letter).count();
    let end = before + letter.len_utf8() + after;
    let next = *bytes.get(end)?;
    let in_middle = 1 + usize::from(plain[1] != '\0');
    let letters = before + in_middle + after;
    if !ascii::ends_word(next) || letters < 2 {
        return None;
    }
    let last = match after {
        0 => plain[in_middle - 1],
        _ => char::from(bytes[end - 1].to_ascii_lowercase()),
    };
    Some(Word {
        source: &text[..end],
        bytes: end,
        letters: letters as u32,
        last: Some(last),
        accented: before,
        plain,
    })
}

impl Word<'_> {
    /// Puts the word out; `source` is where it stands.
    pub(super) fn put(&self, source: u32, out: &mut Folded) {
        let (before, rest) = self.source.split_at(self.accented);
        if !before.is_empty() {
            out.locate(source);
            lower(before, out);
        }
        let middle = source + self.accented as u32;
        for plain in self.plain.into_iter().filter(|plain| *plain != '\0') {
            out.push(plain, middle);
        }
        let mut rest = rest.chars();
        let width = rest.next().map_or(0, char::len_utf8) as u32;
        if !rest.as_str().is_empty() {
            out.locate(middle + width);
            lower(rest.as_str(), out);
        }
        out.stats.letters = out.stats.letters.saturating_add(self.letters);
    }
}

fn lower(text: &str, out: &mut Folded) {
    let start = out.text.len();
    out.text.push_str(text);
    out.text[start..].make_ascii_lowercase();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_may_go_on_is_left_to_the_long_way() {
        for text in [
            "\u{df}\u{7f}a ",
            "\u{df}&#1089; ",
            "\u{e9} ",
            "\u{e9}t\u{e9} ",
            "caf\u{e9}@home ",
            "caf\u{e9}5 ",
            "caf\u{e9}",
            "caf\u{e9}\u{301} ",
        ] {
            assert!(word(text).is_none(), "{text:?}");
        }
        for (text, letters, last) in [("Caf\u{e9} ", 4, 'e'), ("Stra\u{df}E.", 7, 'e')] {
            let found = word(text).unwrap();
            assert_eq!((found.letters, found.last), (letters, Some(last)), "{text}");
        }
    }
}
