//! What a first look remembers of words, from message to message.

use crate::classify::matcher::glance::NUMBER;
use crate::classify::matcher::overview::{MIX, Overview, PAIR_BITS};
use crate::classify::matcher::script::Begun;
use std::cell::Cell;
use std::ops::Range;

/// Words of up to eight bytes that are remembered at a time, as a power of two.
const SHORT_BITS: u32 = 13;
/// Longer words that are remembered at a time, as a power of two.
const LONG_BITS: u32 = 12;
/// The longest word that is remembered, in bytes.
pub(super) const LONGEST: usize = 24;
/// So many numbers are remembered with the words; with more, a message begins with none.
const MOST_PARTS: usize = 1 << 16;
/// A text of a hostile length is seen only so far; the memory of its words stays with the thread.
const MOST_KEPT: usize = 1 << 18;

/// What a glance works with. It stays with its thread for the next message: to ask for so much memory, and to
/// look the commonest words of a language up, for each message costs more than all the rest.
///
/// Nothing in it changes what is found: the words of the packs in a word are always the same.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The overview whose words are remembered.
    overview: u64,
    /// The number of the message.
    pub(super) message: u32,
    short: Vec<Slot<1>>,
    long: Vec<Slot<{ LONGEST / 8 }>>,
    /// What is known of words; the first one stands for all that are in no pack.
    pub(super) entries: Vec<Known>,
    pub(super) pairs: Vec<u64>,
    /// For each word of the packs its place in `found`, and 1; 0 for one that was not found.
    pub(super) seen: Vec<u16>,
    pub(super) found: Vec<u32>,
    /// The words of the packs in each word that is remembered, one after the other.
    pub(super) parts: Vec<u32>,
    /// Where those of a different word of this message begin and end; the first one has none.
    pub(super) different: Vec<Range<u32>>,
    /// The words in the order of the texts: the number among the different words, and how far it is from
    /// the word before it, see [`distance`](crate::classify::matcher::glance::distance).
    pub(super) sequence: Vec<u32>,
    /// Words with letters of a script without spaces: their place in the sequence, how many words they
    /// were taken for there, and how many they begin: at their first byte, and in all.
    pub(super) signed: Vec<(u32, u32, Begun)>,
    /// Signs that phrases begin with, and the place in the sequence of the word before each.
    pub(super) sign_places: Vec<(u8, u32)>,
}

thread_local! {
    static MEMORIES: Cell<Vec<Memory>> = const { Cell::new(Vec::new()) };
}

/// So many overviews of one judge are looked at by turns.
const MOST_MEMORIES: usize = 2;

/// A word that was looked up before, with zeros behind it; a word has none itself. Few bytes, so that the
/// words of a language stay near the processor.
#[derive(Clone, Copy, Debug)]
struct Slot<const LENGTH: usize> {
    text: [u64; LENGTH],
    entry: u32,
}

impl<const LENGTH: usize> Slot<LENGTH> {
    /// No word.
    const EMPTY: Self = Self {
        text: [0; LENGTH],
        entry: 0,
    };
}

/// What is known of a word of the text.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The number of the word that is compared with its neighbours, and 1; or 0.
    pub(super) whole: u32,
    /// Where its words of the packs stand among the parts.
    pub(super) parts: Range<u32>,
    /// The message that it was last seen in, and its number among the different words there.
    pub(super) message: u32,
    pub(super) different: u32,
}

fn short_index(text: u64) -> usize {
    (text.wrapping_mul(MIX) >> (64 - SHORT_BITS)) as usize
}

fn long_index(text: &[u64; LONGEST / 8]) -> usize {
    let mixed = (text[0] ^ text[1].rotate_left(23) ^ text[2].rotate_left(47)).wrapping_mul(MIX);
    (mixed >> (64 - LONG_BITS)) as usize
}

impl Memory {
    /// The memory of this thread for an overview, at the beginning of a message.
    pub(super) fn of(overview: &Overview) -> Self {
        let mut memories = MEMORIES.take();
        let known = memories.iter().position(|it| it.overview == overview.id);
        // Those of a judge that is no more are the first ones.
        let known = known.or((memories.len() >= MOST_MEMORIES).then_some(0));
        let mut memory = known
            .map(|index| memories.remove(index))
            .unwrap_or_default();
        MEMORIES.set(memories);
        memory.begin(overview);
        memory
    }

    /// Gives it back to the thread.
    pub(super) fn keep(self) {
        let is_huge = self.sequence.capacity() > MOST_KEPT || self.parts.capacity() > MOST_KEPT;
        if !is_huge {
            let mut memories = MEMORIES.take();
            memories.push(self);
            MEMORIES.set(memories);
        }
    }

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
        self.sign_places.clear();
        self.pairs.clear();
        self.pairs.resize(1 << (PAIR_BITS - 6), 0);
        let is_another = self.overview != overview.id;
        if is_another || self.parts.len() > MOST_PARTS || self.message == 0 {
            self.overview = overview.id;
            self.short.clear();
            self.short.resize(1 << SHORT_BITS, Slot::EMPTY);
            self.long.clear();
            self.long.resize(1 << LONG_BITS, Slot::EMPTY);
            self.entries.clear();
            self.entries.push(Known::default());
            self.parts.clear();
            self.seen.clear();
            self.seen.resize(overview.words, 0);
            self.message = 1;
        }
    }

    /// The number of what is known of a word; `None` where it is not remembered.
    #[inline]
    pub(super) fn entry(&self, text: [u64; LONGEST / 8], length: usize) -> Option<u32> {
        if length <= 8 {
            let slot = &self.short[short_index(text[0])];
            return (slot.text[0] == text[0]).then_some(slot.entry);
        }
        let slot = &self.long[long_index(&text)];
        (slot.text == text && length <= LONGEST).then_some(slot.entry)
    }

    /// Remembers a word with its words of the packs; the number of what is known of it.
    pub(super) fn remember(
        &mut self,
        text: [u64; LONGEST / 8],
        length: usize,
        whole: u32,
        parts: Range<u32>,
    ) -> u32 {
        let mut entry = 0;
        if !parts.is_empty() {
            entry = self.entries.len() as u32;
            self.entries.push(Known {
                whole,
                parts,
                ..Known::default()
            });
        }
        if length <= 8 {
            let text = [text[0]];
            self.short[short_index(text[0])] = Slot { text, entry };
        } else if length <= LONGEST {
            self.long[long_index(&text)] = Slot { text, entry };
        }
        entry
    }

    /// Notes the words of the packs in a word that is new to this message; is there a number among them?
    pub(super) fn see(&mut self, parts: Range<u32>) -> bool {
        let mut has_number = false;
        for &number in &self.parts[parts.start as usize..parts.end as usize] {
            if number == NUMBER {
                has_number = true;
                continue;
            }
            let seen = &mut self.seen[number as usize];
            if *seen == 0 {
                self.found.push(number);
                *seen = self.found.len() as u16;
            }
        }
        self.different.push(parts);
        has_number
    }
}
