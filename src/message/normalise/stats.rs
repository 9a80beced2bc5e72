//! How much was folded away, for the signals about hidden text.

use crate::message::{Finding, Origin, Place};

/// What was counted while one text was folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FoldStats {
    /// Letters that came out.
    pub letters: u32,
    /// Letters of another alphabet that were turned into the one they look like.
    pub confusables: u32,
    /// Words with such letters.
    pub confusable_words: u32,
    /// Letters in words whose accents belong to no one language, and marks piled on a letter.
    pub odd_accents: u32,
    /// Zero-width characters between two letters of a word.
    pub zero_width: u32,
    /// Soft hyphens where no word is ever divided: after a single letter.
    pub soft_hyphens: u32,
    /// Direction marks inside words, and direction overrides anywhere.
    pub bidi_controls: u32,
    /// Words that were written letter by letter.
    pub spaced_words: u32,
    /// Words with digits or signs for letters.
    pub leet_words: u32,
    /// Letters and digits that were written as numeric entities.
    pub entities: u32,
    /// Foreign letters that were dropped as noise.
    pub interleaved: u32,
}

impl FoldStats {
    /// Adds the counts of another text.
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.letters, other.letters),
            (&mut self.confusables, other.confusables),
            (&mut self.confusable_words, other.confusable_words),
            (&mut self.odd_accents, other.odd_accents),
            (&mut self.zero_width, other.zero_width),
            (&mut self.soft_hyphens, other.soft_hyphens),
            (&mut self.bidi_controls, other.bidi_controls),
            (&mut self.spaced_words, other.spaced_words),
            (&mut self.leet_words, other.leet_words),
            (&mut self.entities, other.entities),
            (&mut self.interleaved, other.interleaved),
        ];
        for (sum, more) in pairs {
            *sum = sum.saturating_add(more);
        }
    }
}

/// The signals that follow from the counts of one text.
///
/// Each threshold lies above what honest mail reaches in any language: an absolute count, and a
/// share of the letters so that length alone never adds up to a signal. A header text is short,
/// so there a few disguised letters in one word are enough.
pub fn findings(stats: &FoldStats, place: Place) -> Vec<Finding> {
    let is_short = matches!(
        place.origin,
        Origin::Subject | Origin::DisplayName | Origin::FileName
    );
    // At least `count`, and at least one in `share` letters.
    let many = |n: u32, count: u32, share: u32| {
        n >= count && u64::from(n) * u64::from(share) >= u64::from(stats.letters)
    };
    let rows = [
        (
            "obfuscation.confusables",
            if is_short {
                many(stats.confusables, 3, 12)
            } else {
                stats.confusable_words >= 5 && many(stats.confusables, 8, 150)
            },
        ),
        (
            "obfuscation.accents",
            many(stats.odd_accents, if is_short { 6 } else { 20 }, 30),
        ),
        (
            "obfuscation.zero-width",
            many(
                stats.zero_width.saturating_add(stats.soft_hyphens),
                if is_short { 3 } else { 8 },
                100,
            ),
        ),
        (
            "obfuscation.spaced-words",
            many(stats.spaced_words, if is_short { 3 } else { 6 }, 100),
        ),
        (
            "obfuscation.leet",
            many(stats.leet_words, if is_short { 3 } else { 6 }, 60),
        ),
        (
            "obfuscation.entities",
            place.origin != Origin::Html && many(stats.entities, 20, 20),
        ),
        (
            "obfuscation.interleaved",
            many(stats.interleaved, if is_short { 3 } else { 12 }, 100),
        ),
        ("obfuscation.bidi", many(stats.bidi_controls, 4, 200)),
    ];
    rows.into_iter()
        .filter(|&(_, is_hit)| is_hit)
        .map(|(id, _)| Finding { id, place })
        .collect()
}
