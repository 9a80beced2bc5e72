//! What a message could say at most, told from the words in it without their places.
//!
//! A pattern can only hold where all its words stand somewhere. So a message is first asked only
//! for its different words: each is looked up once, however often it comes. What comes out is never
//! less than what a scan of the same texts finds.

use crate::classify::find::{PARAGRAPH, SENTENCE};
use crate::classify::matcher::names::{Heard, Names};
use crate::classify::matcher::overview::{Languages, MIX, Overview, PAIR_BITS, Signs, pair};
use crate::classify::matcher::phrases::Phrase;
use crate::classify::matcher::script::{Begun, Script, is_sign};
use crate::classify::tongues::CLASSES_OF_A_THREAT;
use std::cell::Cell;
use std::ops::{Deref, DerefMut, Range};

/// Words that are remembered at a time, as a power of two.
const SLOT_BITS: u32 = 13;
/// The longest word that is remembered, in bytes.
const LONGEST: usize = 24;
/// So many numbers are remembered with the words; with more, a message begins with none.
const MOST_PARTS: usize = 1 << 16;

/// The words of a message, as far as it was looked at.
#[derive(Debug)]
pub(crate) struct Glance<'m> {
    pub(super) overview: &'m Overview,
    memory: Memory,
    has_number: bool,
    /// The signs between words.
    signs: Signs,
    texts: u32,
    most_words: usize,
}

/// What a glance works with. It stays with its thread for the next message: to ask for so much memory, and to
/// look the commonest words of a language up, for each message costs more than all the rest.
///
/// Nothing in it changes what is found: the words of the packs in a word are always the same.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The overview whose words are remembered.
    overview: u64,
    /// The number of the message.
    message: u32,
    slots: Vec<Slot>,
    pairs: Vec<u64>,
    /// For each word of the packs its place in `found`, and 1; 0 for one that was not found.
    pub(super) seen: Vec<u16>,
    pub(super) found: Vec<u32>,
    /// The words of the packs in each word that is remembered, one after the other.
    pub(super) parts: Vec<u32>,
    /// Where those of a different word of this message begin and end; the first one has none.
    pub(super) different: Vec<Range<u32>>,
    /// The words in the order of the texts: the number among the different words, and how far it is from
    /// the word before it, see [`distance`].
    pub(super) sequence: Vec<u32>,
    /// Words with letters of a script without spaces: their place in the sequence, how many words they
    /// were taken for there, and how many they begin: at their first byte, and in all.
    pub(super) signed: Vec<(u32, u32, Begun)>,
}

thread_local! {
    static MEMORIES: Cell<Vec<Memory>> = const { Cell::new(Vec::new()) };
}

/// So many overviews of one judge are looked at by turns.
const MOST_MEMORIES: usize = 2;

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

/// A word that was looked up before.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The word; its length is 0 in an empty slot.
    text: [u64; LONGEST / 8],
    length: u32,
    known: Known,
}

/// What is known of a word of the text.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The number of the word that is compared with its neighbours, and 1; or 0.
    whole: u32,
    /// Where its words of the packs stand among the parts.
    start: u32,
    end: u32,
    /// The message that it was last seen in, and its number among the different words there; 0 for a word
    /// that is in no pack.
    message: u32,
    different: u32,
}

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

impl Memory {
    /// Begins a message; whatever was found in the one before is forgotten.
    fn begin(&mut self, overview: &Overview) {
        self.message = self.message.wrapping_add(1);
        for &word in &self.found {
            self.seen[word as usize] = 0;
        }
        self.found.clear();
        self.different.clear();
        self.different.push(0..0);
        self.sequence.clear();
        self.signed.clear();
        self.pairs.clear();
        self.pairs.resize(1 << (PAIR_BITS - 6), 0);
        let is_another = self.overview != overview.id;
        if is_another || self.parts.len() > MOST_PARTS || self.message == 0 {
            self.overview = overview.id;
            self.slots.clear();
            self.slots.resize(1 << SLOT_BITS, Slot::default());
            self.parts.clear();
            self.seen.clear();
            self.seen.resize(overview.words, 0);
            self.message = 1;
        }
    }
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

/// In texts of fewer words a scan notes each word of the packs, however dense they are.
const MOST_COUNTED: usize = 2_000;
/// A text of a hostile length is seen only so far; the memory of its words stays with the thread.
const MOST_KEPT: usize = 1 << 18;

impl Drop for Glance<'_> {
    fn drop(&mut self) {
        let is_huge = self.sequence.capacity() > MOST_KEPT || self.parts.capacity() > MOST_KEPT;
        if !is_huge {
            let mut memories = MEMORIES.take();
            memories.push(std::mem::take(&mut self.memory));
            MEMORIES.set(memories);
        }
    }
}

impl<'m> Glance<'m> {
    pub(super) fn new(overview: &'m Overview) -> Self {
        let mut memories = MEMORIES.take();
        let known = memories.iter().position(|it| it.overview == overview.id);
        // Those of a judge that is no more are the first ones.
        let known = known.or((memories.len() >= MOST_MEMORIES).then_some(0));
        let mut memory = known
            .map(|index| memories.remove(index))
            .unwrap_or_default();
        MEMORIES.set(memories);
        memory.begin(overview);
        Self {
            overview,
            memory,
            has_number: false,
            signs: 0,
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
        let bytes = text.as_bytes();
        let has_signs = !text.is_ascii() && bytes.iter().any(|&byte| is_sign(byte));
        let mut script = Script::default();
        let mut words = 0;
        self.sequence.reserve(bytes.len() / 6);
        let mut before = 0;
        let mut at = 0;
        // Words of different texts are as far from each other as can be.
        let mut gap = FARTHEST;
        // Where the word before ends.
        let mut end = 0;
        while at < bytes.len() {
            let first = eight(bytes, at);
            let length = word_bytes(first);
            if length == 0 {
                gap += match bytes[at] {
                    b'\n' => PARAGRAPH,
                    b' ' if ends_sentence(&bytes[end..at]) => SENTENCE,
                    _ => 0,
                };
                self.signs |= 1 << (bytes[at] & 127);
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
            let known = self.known(word, &bytes[start..at]);
            // An apostrophe does not end a word, and of letters without spaces only some count: no
            // distance may be told too long.
            let is_apostrophe = end > 0
                && start > end
                && !script.ends_with_sign
                && bytes[end..start].iter().all(|&it| it == b'\'');
            let is_joined = is_apostrophe || (is_sign(bytes[start]) && at - start < 9);
            end = at;
            if has_signs && let Some(begun) = script.word(&bytes[start..at], is_apostrophe) {
                let place = self.sequence.len() as u32;
                self.signed.push((place, u32::from(!is_joined), begun));
            }
            words += usize::from(!is_joined);
            let far = (gap + u32::from(!is_joined)).min(FARTHEST);
            self.sequence
                .push(far << DIFFERENT_BITS | known.different & ((1 << DIFFERENT_BITS) - 1));
            gap = 0;
            if known.whole > 0 && before > 0 {
                let bit = pair(before - 1, known.whole - 1);
                self.pairs[(bit >> 6) as usize] |= 1 << (bit & 63);
            }
            before = known.whole;
        }
        self.most_words = self.most_words.max(words);
    }

    /// What is known of a word, given with zeros behind it and as it stands in the text.
    #[inline]
    fn known(&mut self, text: [u64; LONGEST / 8], word: &[u8]) -> Known {
        let mixed = (text[0] ^ text[1].rotate_left(23) ^ text[2].rotate_left(47)).wrapping_mul(MIX);
        let index = (mixed >> (64 - SLOT_BITS)) as usize;
        let length = word.len() as u32;
        let message = self.message;
        let slot = &self.slots[index];
        let is_known = slot.length == length && slot.text == text && word.len() <= LONGEST;
        if is_known && slot.known.message == message {
            return slot.known;
        }
        let mut known = match is_known {
            true => slot.known,
            false => self.word(word),
        };
        known.message = message;
        known.different = self.meet(known.start..known.end);
        if word.len() <= LONGEST {
            self.slots[index] = Slot {
                text,
                length,
                known,
            };
        }
        known
    }

    /// Looks a word up.
    #[inline(never)]
    fn word(&mut self, word: &[u8]) -> Known {
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
        Known {
            whole,
            start,
            end: parts.len() as u32,
            ..Known::default()
        }
    }

    /// Notes the words of the packs in a word that is new to this message; its number there.
    fn meet(&mut self, parts: Range<u32>) -> u32 {
        if parts.is_empty() {
            return 0;
        }
        let memory = &mut self.memory;
        for &number in &memory.parts[parts.start as usize..parts.end as usize] {
            if number == NUMBER {
                self.has_number = true;
                continue;
            }
            let seen = &mut memory.seen[number as usize];
            if *seen == 0 {
                memory.found.push(number);
                *seen = memory.found.len() as u16;
            }
        }
        memory.different.push(parts);
        memory.different.len() as u32 - 1
    }

    /// The phrases of which every word was found, and every pair of neighbours.
    pub(super) fn phrases(&self) -> impl Iterator<Item = &'m Phrase> {
        let has = |bits: &[u64], bit: u32| bits[(bit >> 6) as usize] >> (bit & 63) & 1 == 1;
        let overview = self.overview;
        let memory: &Memory = self;
        memory
            .found
            .iter()
            .flat_map(move |&word| overview.phrases_of(word))
            .filter(move |phrase| {
                overview
                    .pairs(phrase)
                    .iter()
                    .all(|&pair| has(&memory.pairs, pair))
                    && overview
                        .words(phrase)
                        .iter()
                        .all(|&word| memory.seen[word as usize] > 0)
            })
    }

    /// Is it open whether the texts say enough? `is_open` is asked for signals that they could give, fewer
    /// each time: by their words alone, by how near these stand, and by where each of them does.
    pub(crate) fn narrow(&self, mut is_open: impl FnMut(&[u16]) -> bool) -> bool {
        let names = self.names();
        if !is_open(&self.signals(&names)) {
            return false;
        }
        let near = self.near_signals(&names);
        is_open(&near) && is_open(&self.placed_signals(&names, &near))
    }

    /// Every signal that the texts could give by the words that stand anywhere in them, in order.
    pub(crate) fn signals(&self, names: &Names<'_>) -> Vec<u16> {
        let heard = self.heard(names);
        let mut signals = Vec::new();
        for rule in &self.overview.rules {
            let signal = rule.gives as u16;
            if signals.last() != Some(&signal) && names.hold(rule) & heard.of(rule) != 0 {
                signals.push(signal);
            }
        }
        signals
    }

    /// Are the texts so short that a scan notes each word of the packs? Each letter without spaces may begin
    /// one: five count as two words, and two in a row may count as none.
    pub(super) fn is_short(&self) -> bool {
        let letters = self.signed.iter().map(|it| 3 * it.2.all as usize + 2);
        self.sequence.len() + letters.sum::<usize>() < MOST_COUNTED
    }

    /// The languages in which something can be said, by how many of their word classes there are.
    pub(super) fn heard(&self, names: &Names<'_>) -> Heard {
        if !self.overview.is_whole {
            return Heard {
                any: Languages::MAX,
                claims: Languages::MAX,
            };
        }
        let richest = names.sure.iter().max().copied().unwrap_or(0) / self.texts.max(1);
        let is_short = self.is_short();
        // The common pack holds in every language.
        let mut heard = Heard { any: 1, claims: 1 };
        for (index, &classes) in names.classes.iter().enumerate() {
            let bit = 1 << index;
            // A language of which there is but one class is not looked at.
            if classes >= 2 {
                heard.any |= bit;
            }
            let may_be_spoken = classes * 2 >= richest || !is_short;
            if classes >= CLASSES_OF_A_THREAT || classes >= 2 && may_be_spoken {
                heard.claims |= bit;
            }
        }
        heard
    }

    /// The names for which signs stand that were found.
    pub(super) fn by_signs(&self) -> impl Iterator<Item = (u32, Languages)> {
        let names = self.overview.signs.iter();
        let found = names.filter(|(_, _, signs)| signs & !self.signs == 0);
        found.map(|&(name, languages, _)| (name, languages))
    }

    /// The word classes that were found.
    pub(crate) fn names(&self) -> Names<'m> {
        let overview = self.overview;
        let mut names = Names::new(overview);
        for (name, languages) in self.by_signs() {
            names.see_word(name, languages, false);
        }
        if let Some(number) = overview.number.filter(|_| self.has_number) {
            names.see(number, Languages::MAX);
        }
        for phrase in self.phrases() {
            for &(name, languages) in overview.meanings(phrase) {
                names.see_word(name, languages, phrase.is_sure);
            }
        }
        for derive in &overview.derives {
            let languages = names.hold(derive);
            if languages != 0 {
                names.see(derive.gives, languages);
            }
        }
        names
    }
}
