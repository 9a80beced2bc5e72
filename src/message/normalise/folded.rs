//! A folded text and the way back to its source.

use crate::message::normalise::FoldStats;

/// A folded text, with the way back to its source.
///
/// Folding puts text into lower case, compatibility forms (NFKC) into their plain letters,
/// accents and vowel points off, look-alike letters into the alphabet of their word, spaced and
/// dotted words together, digits that stand for letters into letters, character references into
/// characters, and every run of white space into one space, or into two line feeds where it
/// holds an empty line. Folding the result again changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// The folded text.
    pub text: String,
    /// What was folded away.
    pub stats: FoldStats,
    /// Folded and source offset, wherever the distance between the two changes.
    map: Vec<(u32, u32)>,
}

impl Folded {
    /// The byte in the source that the byte at `offset` of `text` came from.
    ///
    /// For an end of a match this is where the next character began, so that
    /// `source_offset(start)..source_offset(end)` holds what was dropped between, too.
    pub fn source_offset(&self, offset: usize) -> usize {
        let at = self
            .map
            .partition_point(|&(folded, _)| folded as usize <= offset);
        match at.checked_sub(1) {
            Some(at) => {
                let (folded, source) = self.map[at];
                source as usize + (offset - folded as usize)
            }
            None => offset,
        }
    }

    /// Notes that the next byte of `text` comes from `source`.
    pub(super) fn locate(&mut self, source: u32) {
        let at = self.text.len() as u32;
        let distance = match self.map.last() {
            Some(&(folded, from)) => from.wrapping_sub(folded),
            None => 0,
        };
        if source.wrapping_sub(at) != distance {
            self.map.push((at, source));
        }
    }

    pub(super) fn push(&mut self, c: char, source: u32) {
        self.locate(source);
        self.text.push(c);
    }
}
