//! The words of a folded text, counted so that distances can be told.

use crate::classify::find::{PARAGRAPH, SENTENCE};

/// Where each word of a folded text begins, and its number.
///
/// Numbers grow by one from word to word and by more over the end of a sentence or paragraph, so
/// that words of different sentences are further apart. Five Han or kana letters count as two words.
#[derive(Debug, Default)]
pub(crate) struct Words {
    starts: Vec<u32>,
    numbers: Vec<u32>,
    number: u32,
    /// How many Han and kana letters there were.
    signs: u32,
    previous: Kind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Gap,
    End,
    Letter,
    Sign,
    Space,
    Feed,
    /// Belongs to what stands before it.
    Inside,
}

/// What each byte is.
static KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Gap; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b'a'..=b'z' | b'0'..=b'9' => Kind::Letter,
            // Lead bytes U+3000..U+9FFF: kana and Han, which are written without spaces.
            0xe3..=0xe9 => Kind::Sign,
            // Inside a letter; the letter itself was counted at its lead byte.
            0x80..=0xbf => Kind::Inside,
            0xc0.. => Kind::Letter,
            b'\n' => Kind::Feed,
            b'.' | b'!' | b'?' | b';' => Kind::End,
            b' ' => Kind::Space,
            // An apostrophe does not end a word: "i've", "d'un".
            b'\'' => Kind::Inside,
            _ => Kind::Gap,
        };
        byte += 1;
    }
    kinds
};

/// Is this byte of a folded text part of a word? Every byte of a letter beyond ASCII is.
pub(crate) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

impl Words {
    /// Counts the words of `text` from `from` on; what was counted before stays.
    pub(crate) fn extend(&mut self, text: &[u8], from: usize) {
        // A word and what follows it have about six bytes.
        self.starts.reserve((text.len() - from) / 6);
        self.numbers.reserve((text.len() - from) / 6);
        let mut previous = self.previous;
        for (at, &byte) in text.iter().enumerate().skip(from) {
            let mut kind = KINDS[usize::from(byte)];
            match kind {
                Kind::Letter if previous == Kind::Letter => continue,
                Kind::Inside => continue,
                Kind::Letter => self.begin(at),
                Kind::Sign => {
                    self.signs += 1;
                    if self.signs % 5 == 1 || self.signs % 5 == 3 {
                        self.begin(at);
                    }
                }
                Kind::Space => {
                    if previous == Kind::End {
                        self.number += SENTENCE;
                    }
                    kind = Kind::Gap;
                }
                Kind::Feed => {
                    self.number += PARAGRAPH;
                    kind = Kind::Gap;
                }
                Kind::Gap | Kind::End => {}
            }
            previous = kind;
        }
        self.previous = previous;
    }

    fn begin(&mut self, at: usize) {
        self.number += 1;
        self.starts.push(at as u32);
        self.numbers.push(self.number);
    }

    /// Forgets all words and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.starts.clear();
        self.numbers.clear();
        (self.number, self.signs, self.previous) = (0, 0, Kind::Gap);
    }

    /// How many words there are.
    pub(crate) fn count(&self) -> usize {
        self.starts.len()
    }

    /// The index of the word that holds the byte at `at`, looking from the word `near` on.
    ///
    /// Callers go through a text from front to back, so the search is short.
    pub(crate) fn word_at(&self, at: usize, near: usize) -> usize {
        let at = at as u32;
        let mut index = near.min(self.starts.len().saturating_sub(1));
        while index > 0 && self.starts[index] > at {
            index -= 1;
        }
        while index + 1 < self.starts.len() && self.starts[index + 1] <= at {
            index += 1;
        }
        index
    }

    /// The number of the word with this index; 0 where there is none.
    pub(crate) fn number(&self, index: usize) -> u32 {
        self.numbers.get(index).copied().unwrap_or(0)
    }

    /// Where the word with this index begins.
    pub(crate) fn start(&self, index: usize) -> Option<usize> {
        self.starts.get(index).map(|&start| start as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Vec<u32> {
        let mut words = Words::default();
        words.extend(text.as_bytes(), 0);
        words
            .numbers
            .iter()
            .map(|number| number - words.numbers[0])
            .collect()
    }

    #[test]
    fn distances_grow_over_sentences() {
        assert_eq!(numbers("i saw you"), [0, 1, 2]);
        assert_eq!(numbers("i've seen it"), [0, 1, 2]);
        assert_eq!(numbers("seen. you"), [0, 1 + SENTENCE]);
        assert_eq!(numbers("example.org is"), [0, 1, 2]);
        assert_eq!(numbers("seen\nyou"), [0, 1 + PARAGRAPH]);
        assert_eq!(numbers("знаю тебя"), [0, 1]);
        assert_eq!(numbers("録画しました"), [0, 1, 2]);
    }

    #[test]
    fn chunks_do_not_change_the_count() {
        let text = "Ich habe dich. 録画 x-y\nnoch".to_lowercase();
        for cut in 0..=text.len() {
            let mut words = Words::default();
            words.extend(&text.as_bytes()[..cut], 0);
            words.extend(text.as_bytes(), cut);
            let mut whole = Words::default();
            whole.extend(text.as_bytes(), 0);
            assert_eq!(words.numbers, whole.numbers, "cut at {cut}");
        }
    }

    #[test]
    fn a_byte_is_found_in_its_word() {
        let mut words = Words::default();
        words.extend(b"one two three", 0);
        for near in 0..3 {
            assert_eq!(words.word_at(5, near), 1);
            assert_eq!(words.word_at(0, near), 0);
            assert_eq!(words.word_at(12, near), 2);
        }
    }
}
