//! The words and phrases of all packs, as a first look knows them.

use crate::classify::matcher::overview::Languages;
use std::ops::Range;

/// A word or phrase of a pack.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Phrase {
    /// Where its words stand among the numbers, then the pairs of neighbours, as they are noted.
    first: u32,
    words: u8,
    pairs: u8,
    /// So far its last word is from its first one.
    pub(super) reach: u8,
    /// Is it a word by itself, so that a scan surely finds it?
    pub(super) is_sure: bool,
    /// Is it found by a scan wherever it is found here?
    pub(super) is_exact: bool,
    /// Where the names that it stands for are among the meanings.
    meaning: u32,
    meanings: u8,
}

/// Phrases with all that they are made of, one after the other: in pieces of their own they would need
/// several times the memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Phrases {
    pub(super) list: Vec<Phrase>,
    /// The words of each phrase, then the pairs of neighbours.
    numbers: Vec<u32>,
    meanings: Vec<(u32, Languages)>,
}

impl Phrases {
    /// Adds a phrase, whose other facts are the caller's; `None` where it is longer than any that a pack may hold.
    pub(super) fn push(
        &mut self,
        words: &[u32],
        pairs: &[u32],
        names: &[(u32, Languages)],
    ) -> Option<&mut Phrase> {
        let phrase = Phrase {
            first: self.numbers.len() as u32,
            words: words.len().try_into().ok()?,
            pairs: pairs.len().try_into().ok()?,
            meaning: self.meanings.len() as u32,
            meanings: names.len().try_into().ok()?,
            ..Phrase::default()
        };
        self.numbers.extend_from_slice(words);
        self.numbers.extend_from_slice(pairs);
        self.meanings.extend_from_slice(names);
        self.list.push(phrase);
        self.list.last_mut()
    }

    pub(super) fn words(&self, phrase: &Phrase) -> &[u32] {
        &self.numbers[phrase.first as usize..][..usize::from(phrase.words)]
    }

    pub(super) fn pairs(&self, phrase: &Phrase) -> &[u32] {
        let first = phrase.first as usize + usize::from(phrase.words);
        &self.numbers[first..][..usize::from(phrase.pairs)]
    }

    pub(super) fn meanings(&self, phrase: &Phrase) -> &[(u32, Languages)] {
        &self.meanings[phrase.meaning as usize..][..usize::from(phrase.meanings)]
    }

    /// Sorts phrases by their rarest word; where those of each word stand.
    pub(super) fn sort(&mut self, words: usize) -> Vec<Range<u32>> {
        let mut uses = vec![0u32; words];
        for phrase in &self.list {
            for &word in self.words(phrase) {
                uses[word as usize] += 1;
            }
        }
        let mut list = std::mem::take(&mut self.list);
        let rarest = |phrase: &Phrase| {
            let words = self.words(phrase).iter();
            words.copied().min_by_key(|&word| uses[word as usize])
        };
        list.sort_by_cached_key(rarest);
        let mut ranges = vec![0..0; words];
        for (index, phrase) in (0u32..).zip(&list) {
            if let Some(word) = rarest(phrase) {
                let range = &mut ranges[word as usize];
                let first = if range.end > range.start {
                    range.start
                } else {
                    index
                };
                *range = first..index + 1;
            }
        }
        self.list = list;
        self.list.shrink_to_fit();
        self.numbers.shrink_to_fit();
        self.meanings.shrink_to_fit();
        ranges
    }
}
