//! What a message could say at most, told from the words in it without their places.
//!
//! A pattern can only hold where all its words stand somewhere. So a message is first asked only
//! for its different words: each is looked up once, however often it comes. What comes out is never
//! less than what a scan of the same texts finds.

use crate::classify::find::{PARAGRAPH, SENTENCE};
use crate::classify::matcher::memory::{LONGEST, Memory};
use crate::classify::matcher::overview::{Overview, SignPhrase, Signs, pair};
use crate::classify::matcher::phrases::Phrase;
use crate::classify::matcher::script::{Script, is_sign};
use std::ops::{Deref, DerefMut};

/// The words of a message, as far as it was looked at.
#[derive(Debug)]
pub(crate) struct Glance<'m> {
    pub(super) overview: &'m Overview,
    memory: Memory,
    has_number: bool,
    /// The signs between words.
    signs: Signs,
    /// There were more places of signs than are noted.
    pub(super) has_many_signs: bool,
    /// The number of the word before that is compared with its neighbours, and 1; or 0.
    before: u32,
    pub(super) texts: u32,
    most_words: usize,
}

/// A word with a digit.
pub(super) const NUMBER: u32 = u32::MAX;
/// The bits of a sequence that number a different word; those above tell a distance.
const DIFFERENT_BITS: u32 = 24;
/// The greatest distance that is told; a greater one is told as this.
const FARTHEST: u32 = 255;

/// How far a word of a sequence is from the one before it, in words; 0 where they are one.
#[inline]
pub(super) fn distance(word: u32) -> u32 {
    word >> DIFFERENT_BITS
}

/// The number of a word of a sequence among the different words of a message.
#[inline]
pub(super) fn different(word: u32) -> usize {
    (word & ((1 << DIFFERENT_BITS) - 1)) as usize
}

/// A word of a text that is not looked up yet.
#[derive(Clone, Copy, Debug, Default)]
struct Met {
    /// Its first bytes, and zeros.
    text: [u64; LONGEST / 8],
    start: u32,
    end: u32,
    /// How far it is from the word before it.
    far: u32,
}

/// So many words are taken apart before they are looked up: the memory answers for several of them at once.
const BATCH: usize = 32;
/// So many places of signs are noted.
const MOST_SIGNS: usize = 1_000;

/// Does a sentence end here? Apostrophes do not matter, as in [`Words`](crate::classify::words::Words).
fn ends_sentence(before: &[u8]) -> bool {
    let last = before.iter().rfind(|&&byte| byte != b'\'');
    last.is_some_and(|byte| matches!(byte, b'.' | b'!' | b'?' | b';'))
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// Eight bytes from `at` on, the first one lowest; zero behind the end.
#[inline]
fn eight(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => bytes[at.min(bytes.len())..]
            .iter()
            .rev()
            .fold(0, |word, &byte| (word << 8) | u64::from(byte)),
    }
}

/// How many of the eight bytes, from the first on, are of a word.
#[inline]
fn word_bytes(eight: u64) -> usize {
    let low = eight & !HIGH;
    let lower = low | (0x20 * ONES);
    let letter = (lower + (0x80 - 0x61) * ONES) & !(lower + (0x80 - 0x7b) * ONES);
    let digit = (low + (0x80 - 0x30) * ONES) & !(low + (0x80 - 0x3a) * ONES);
    let others = !(letter | digit | eight) & HIGH;
    (others.trailing_zeros() / 8) as usize
}

impl Deref for Glance<'_> {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        &self.memory
    }
}

impl DerefMut for Glance<'_> {
    fn deref_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }
}

impl Drop for Glance<'_> {
    fn drop(&mut self) {
        std::mem::take(&mut self.memory).keep();
    }
}

impl<'m> Glance<'m> {
    pub(super) fn new(overview: &'m Overview) -> Self {
        Self {
            overview,
            memory: Memory::of(overview),
            has_number: false,
            signs: 0,
            has_many_signs: false,
            before: 0,
            texts: 0,
            most_words: 0,
        }
    }

    /// How many words the longest text has at least.
    pub(crate) fn most_words(&self) -> usize {
        self.most_words
    }

    /// Looks at a folded text.
    pub(crate) fn look(&mut self, text: &str) {
        self.texts += 1;
        self.before = 0;
        let bytes = text.as_bytes();
        let has_signs = !text.is_ascii() && bytes.iter().any(|&byte| is_sign(byte));
        let mut script = Script::default();
        let mut words = 0;
        self.sequence.reserve(bytes.len() / 6);
        let first_place = self.sequence.len() as u32;
        let mut place = first_place;
        let mut batch = [Met::default(); BATCH];
        let mut count = 0;
        let mut at = 0;
        // Words of different texts are as far from each other as can be.
        let mut gap = FARTHEST;
        // Where the word before ends.
        let mut end = 0;
        while at < bytes.len() {
            let first = eight(bytes, at);
            let length = word_bytes(first);
            if length == 0 {
                let byte = bytes[at];
                gap += match byte {
                    b'\n' => PARAGRAPH,
                    // Mostly it is the one space between two words.
                    b' ' if at > end && ends_sentence(&bytes[end..at]) => SENTENCE,
                    _ => 0,
                };
                if self.overview.is_sign[usize::from(byte & 127)] {
                    self.sign(byte, place.saturating_sub(1).max(first_place));
                }
                at += 1;
                continue;
            }
            let start = at;
            at += length;
            let mut word = [first, 0, 0];
            if length < 8 {
                word[0] &= (1 << (8 * length)) - 1;
            } else {
                let mut place = 1;
                loop {
                    let next = eight(bytes, at);
                    let length = word_bytes(next);
                    at += length;
                    if let Some(place) = word.get_mut(place).filter(|_| length > 0) {
                        *place = if length < 8 {
                            next & ((1 << (8 * length)) - 1)
                        } else {
                            next
                        };
                    }
                    if length < 8 {
                        break;
                    }
                    place += 1;
                }
            }
            // An apostrophe does not end a word, and of letters without spaces only some count: no
            // distance may be told too long.
            let is_apostrophe = end > 0
                && start > end
                && !script.ends_with_sign
                && bytes[end..start].iter().all(|&it| it == b'\'');
            let is_joined = is_apostrophe || (is_sign(bytes[start]) && at - start < 9);
            end = at;
            if has_signs && let Some(begun) = script.word(&bytes[start..at], is_apostrophe) {
                self.signed.push((place, u32::from(!is_joined), begun));
            }
            words += usize::from(!is_joined);
            batch[count] = Met {
                text: word,
                start: start as u32,
                end: at as u32,
                far: (gap + u32::from(!is_joined)).min(FARTHEST),
            };
            count += 1;
            place += 1;
            if count == BATCH {
                self.meet(bytes, &batch);
                count = 0;
            }
            gap = 0;
        }
        self.meet(bytes, &batch[..count]);
        self.most_words = self.most_words.max(words);
    }

    /// Notes a sign that stands behind a word, given by its place in the sequence, or before the first one.
    fn sign(&mut self, byte: u8, place: u32) {
        self.signs |= 1 << (byte & 127);
        self.has_many_signs |= self.sign_places.len() >= MOST_SIGNS;
        if !self.has_many_signs {
            self.sign_places.push((byte, place));
        }
    }

    /// Looks words up and notes them in the order of the text.
    fn meet(&mut self, bytes: &[u8], batch: &[Met]) {
        for met in batch {
            let word = &bytes[met.start as usize..met.end as usize];
            let (whole, different) = self.known(met.text, word);
            self.sequence
                .push(met.far << DIFFERENT_BITS | different & ((1 << DIFFERENT_BITS) - 1));
            if whole > 0 && self.before > 0 {
                let bit = pair(self.before - 1, whole - 1);
                self.pairs[(bit >> 6) as usize] |= 1 << (bit & 63);
            }
            self.before = whole;
        }
    }

    /// A word, given with zeros behind it and as it stands in the text: the number of the word that is
    /// compared with its neighbours, and 1, or 0; and its number among the different words.
    #[inline]
    fn known(&mut self, text: [u64; LONGEST / 8], word: &[u8]) -> (u32, u32) {
        let entry = match self.memory.entry(text, word.len()) {
            Some(entry) => entry,
            None => self.word(text, word),
        };
        if entry == 0 {
            return (0, 0);
        }
        let memory = &mut self.memory;
        let known = &mut memory.entries[entry as usize];
        if known.message == memory.message {
            return (known.whole, known.different);
        }
        known.message = memory.message;
        known.different = memory.different.len() as u32;
        let (whole, different, parts) = (known.whole, known.different, known.parts.clone());
        self.has_number |= memory.see(parts);
        (whole, different)
    }

    /// Looks a word up in the packs; the number of what is known of it.
    #[inline(never)]
    fn word(&mut self, text: [u64; LONGEST / 8], word: &[u8]) -> u32 {
        let overview = self.overview;
        let mut whole = 0;
        let parts = &mut self.parts;
        let start = parts.len() as u32;
        overview
            .lexicon
            .walk(word, 0, word.len(), true, |number, _, _| {
                if overview.has_neighbours[number as usize] {
                    whole = number + 1;
                }
                parts.push(number);
            });
        for found in overview.inside.find_overlapping_iter(word) {
            parts.push(overview.inside_numbers[found.pattern().as_usize()]);
        }
        if overview.number.is_some() && word.iter().any(u8::is_ascii_digit) {
            parts.push(NUMBER);
        }
        let end = parts.len() as u32;
        self.memory.remember(text, word.len(), whole, start..end)
    }

    /// The phrases of which every word was found, and every pair of neighbours.
    pub(super) fn phrases(&self) -> impl Iterator<Item = &'m Phrase> {
        self.found.iter().flat_map(|&word| self.phrases_of(word))
    }

    /// Those of them of which a word is the rarest.
    pub(super) fn phrases_of(&self, word: u32) -> impl Iterator<Item = &'m Phrase> {
        let has = |bits: &[u64], bit: u32| bits[(bit >> 6) as usize] >> (bit & 63) & 1 == 1;
        let overview = self.overview;
        let memory: &Memory = self;
        overview.phrases_of(word).iter().filter(move |phrase| {
            let mut pairs = overview.pairs(phrase).iter();
            let mut words = overview.words(phrase).iter();
            pairs.all(|&pair| has(&memory.pairs, pair))
                && words.all(|&word| memory.seen[word as usize] > 0)
        })
    }

    /// Is it open whether the texts say enough? `is_open` is asked for signals that they could give, fewer
    /// each time: by how near their words stand, and by where each of them does.
    pub(crate) fn narrow(&self, mut is_open: impl FnMut(&[u16]) -> bool) -> bool {
        let near = self.near();
        let signals = self.signals(near.iter().map(|(rule, _)| *rule));
        is_open(&signals) && is_open(&self.placed(near))
    }

    /// What some rules give, by their index in order.
    pub(super) fn signals(&self, rules: impl Iterator<Item = usize>) -> Vec<u16> {
        let mut signals: Vec<u16> = rules
            .map(|rule| self.overview.rules[rule].gives as u16)
            .collect();
        // Those of one signal stand together.
        signals.dedup();
        signals
    }

    /// The phrases of signs alone of which every sign was found.
    pub(super) fn by_signs(&self) -> impl Iterator<Item = &'m SignPhrase> {
        let phrases = self.overview.signs.iter();
        phrases.filter(|phrase| phrase.signs & !self.signs == 0)
    }
}
