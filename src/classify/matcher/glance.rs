//! What a message could say at most, told from the words in it without their places.
//!
//! A pattern can only hold where all its words stand somewhere. So a message is first asked only
//! for its different words: each is looked up once, however often it comes. What comes out is never
//! less than what a scan of the same texts finds.

use crate::classify::matcher::overview::{Languages, MIX, Overview, PAIR_BITS, Phrase, Rule, pair};
use std::ops::Range;

/// Different words that are remembered at a time, as a power of two.
const SLOT_BITS: u32 = 10;

/// The words of a message, as far as it was looked at.
#[derive(Debug)]
pub(crate) struct Glance<'m, 't> {
    pub(super) overview: &'m Overview,
    texts: Vec<&'t str>,
    slots: Vec<Slot>,
    pairs: Vec<u64>,
    /// For each word of the packs its place in `found`, and 1; 0 for one that was not found.
    pub(super) seen: Vec<u16>,
    pub(super) found: Vec<u32>,
    has_number: bool,
    /// The words of the packs in each different word of the text, one after the other.
    pub(super) parts: Vec<u32>,
    /// Where those of a different word begin and end; the first one has none.
    pub(super) different: Vec<Range<u32>>,
    /// The different words in the order of the texts.
    pub(super) sequence: Vec<u32>,
    most_words: usize,
}

/// A word with a digit.
pub(super) const NUMBER: u32 = u32::MAX;
/// Set for a word that is one with the word before it.
pub(super) const JOINED: u32 = 1 << 31;

/// A word that was looked up before.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The word itself, or a hash of a word of more than eight bytes.
    key: u64,
    /// Its bytes, for a long word; 0 for an empty slot.
    length: u32,
    text: u32,
    start: u32,
    known: Known,
}

/// What is known of a word of the text.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The number of the word that is compared with its neighbours, and 1; or 0.
    whole: u32,
    /// Its number among the different words; 0 for one that is in no pack.
    different: u32,
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

impl<'m, 't> Glance<'m, 't> {
    pub(super) fn new(overview: &'m Overview) -> Self {
        Self {
            overview,
            texts: Vec::new(),
            slots: vec![Slot::default(); 1 << SLOT_BITS],
            pairs: vec![0; 1 << (PAIR_BITS - 6)],
            seen: vec![0; overview.words],
            found: Vec::new(),
            has_number: false,
            parts: Vec::new(),
            different: vec![std::ops::Range::default()],
            sequence: Vec::new(),
            most_words: 0,
        }
    }

    /// How many words the longest text has at least.
    pub(crate) fn most_words(&self) -> usize {
        self.most_words
    }

    /// Looks at a folded text.
    pub(crate) fn look(&mut self, text: &'t str) {
        self.texts.push(text);
        let bytes = text.as_bytes();
        let (first_word, mut joined) = (self.sequence.len(), 0);
        self.sequence.reserve(bytes.len() / 6);
        let mut before = 0;
        let mut at = 0;
        while at < bytes.len() {
            let first = eight(bytes, at);
            let length = word_bytes(first);
            if length == 0 {
                at += 1;
                continue;
            }
            let start = at;
            at += length;
            let known = if length < 8 {
                let key = first & ((1 << (8 * length)) - 1);
                self.short(bytes, key, start, at)
            } else {
                let mut key = first;
                loop {
                    let next = eight(bytes, at);
                    let length = word_bytes(next);
                    at += length;
                    if length < 8 {
                        key = (key ^ (next & ((1 << (8 * length)) - 1))).wrapping_mul(MIX);
                        break;
                    }
                    key = (key ^ next).wrapping_mul(MIX).rotate_left(29);
                }
                self.long(bytes, key, start, at)
            };
            // An apostrophe does not end a word: no distance may be told too long.
            let is_joined = start > 0 && bytes[start - 1] == b'\'';
            joined += usize::from(is_joined);
            self.sequence
                .push(known.different | if is_joined { JOINED } else { 0 });
            if known.whole > 0 && before > 0 {
                let bit = pair(before - 1, known.whole - 1);
                self.pairs[(bit >> 6) as usize] |= 1 << (bit & 63);
            }
            before = known.whole;
        }
        let words = self.sequence.len() - first_word - joined;
        self.most_words = self.most_words.max(words);
    }

    #[inline]
    fn short(&mut self, bytes: &[u8], key: u64, start: usize, end: usize) -> Known {
        let index = (key.wrapping_mul(MIX) >> (64 - SLOT_BITS)) as usize;
        let slot = self.slots[index];
        if slot.key == key && slot.length == 0 && key != 0 {
            return slot.known;
        }
        let known = self.word(&bytes[start..end]);
        self.slots[index] = Slot {
            key,
            known,
            ..Slot::default()
        };
        known
    }

    fn long(&mut self, bytes: &[u8], key: u64, start: usize, end: usize) -> Known {
        let index = (key.wrapping_mul(MIX) >> (64 - SLOT_BITS)) as usize;
        let slot = self.slots[index];
        let word = &bytes[start..end];
        if slot.key == key && slot.length as usize == word.len() {
            let other = self.texts[slot.text as usize].as_bytes();
            if other[slot.start as usize..][..word.len()] == *word {
                return slot.known;
            }
        }
        let known = self.word(word);
        self.slots[index] = Slot {
            key,
            length: word.len() as u32,
            text: self.texts.len() as u32 - 1,
            start: start as u32,
            known,
        };
        known
    }

    /// Looks a word up that is new.
    #[inline(never)]
    fn word(&mut self, word: &[u8]) -> Known {
        let overview = self.overview;
        let mut whole = 0;
        let parts = &mut self.parts;
        let first = parts.len() as u32;
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
            self.has_number = true;
            parts.push(NUMBER);
        }
        let end = parts.len() as u32;
        for &number in parts[first as usize..].iter().filter(|&&it| it != NUMBER) {
            let seen = &mut self.seen[number as usize];
            if *seen == 0 {
                self.found.push(number);
                *seen = self.found.len() as u16;
            }
        }
        let mut different = 0;
        if end > first {
            different = self.different.len() as u32;
            self.different.push(first..end);
        }
        Known { whole, different }
    }

    /// The phrases of which every word was found, and every pair of neighbours.
    pub(super) fn phrases(&self) -> impl Iterator<Item = &'m Phrase> {
        let has = |bits: &[u64], bit: u32| bits[(bit >> 6) as usize] >> (bit & 63) & 1 == 1;
        let overview = self.overview;
        self.found
            .iter()
            .flat_map(move |&word| {
                let range = overview.phrases_of[word as usize].clone();
                &overview.phrases[range.start as usize..range.end as usize]
            })
            .filter(move |phrase| {
                phrase.pairs.iter().all(|&pair| has(&self.pairs, pair))
                    && phrase
                        .words
                        .iter()
                        .all(|&word| self.seen[word as usize] > 0)
            })
    }

    /// Every signal that the texts could give by the words that stand anywhere in them, in order.
    pub(crate) fn signals(&self) -> Vec<u16> {
        let names = self.names();
        let active = names.active();
        let mut signals = Vec::new();
        for rule in &self.overview.rules {
            let signal = rule.gives as u16;
            if signals.last() != Some(&signal) && names.hold(rule) & active != 0 {
                signals.push(signal);
            }
        }
        signals
    }

    pub(super) fn names(&self) -> Names<'m> {
        let overview = self.overview;
        let mut names = Names {
            overview,
            names: vec![0; overview.elements_of.len()],
            elements: vec![0; overview.elements.len()],
            once: 0,
            twice: 0,
        };
        for &(name, languages) in &overview.always {
            names.see(name, languages, true);
        }
        if let Some(number) = overview.number.filter(|_| self.has_number) {
            names.see(number, Languages::MAX, true);
        }
        for phrase in self.phrases() {
            for &(name, languages) in &phrase.names {
                names.see(name, languages, true);
            }
        }
        for derive in &overview.derives {
            let languages = names.hold(derive);
            if languages != 0 {
                names.see(derive.gives, languages, false);
            }
        }
        names
    }
}

/// The names that were found, each with the languages in which it was.
pub(super) struct Names<'m> {
    overview: &'m Overview,
    pub(super) names: Vec<Languages>,
    elements: Vec<Languages>,
    /// Languages of which one word class was found, and those of which two were.
    once: Languages,
    twice: Languages,
}

impl Names<'_> {
    fn see(&mut self, name: u32, languages: Languages, is_word: bool) {
        let known = &mut self.names[name as usize];
        let new = languages & !*known;
        if new == 0 {
            return;
        }
        *known |= new;
        for &element in &self.overview.elements_of[name as usize] {
            self.elements[element as usize] |= new;
        }
        if is_word && languages != Languages::MAX {
            self.twice |= self.once & new;
            self.once |= new;
        }
    }

    /// A language of which there is but one class is not looked at; the common pack always is.
    pub(super) fn active(&self) -> Languages {
        self.twice | 1
    }

    /// The languages in which every element may hold.
    pub(super) fn hold(&self, rule: &Rule) -> Languages {
        let mut languages = rule.languages;
        for &need in &rule.needs {
            languages &= self.elements[need as usize];
            if languages == 0 {
                break;
            }
        }
        languages
    }
}
