//! Texts that are looked for only where a word begins, by the hash of their first word.
//!
//! Nearly all words of the packs are of this kind. A word of the text costs a few steps in two
//! small filters; only what passes them is compared with the packs.

use crate::classify::words::is_word_byte;
use std::ops::Range;

/// Bits of a filter: at about ten per key, few words pass that are in no pack.
const FILTER_BITS: u32 = 18;
/// Places for the lengths of beginnings.
const BEGINNINGS: usize = 1 << 12;
const SEED: u64 = 0x243f_6a88_85a3_08d3;
const MIX: u64 = 0x9fb2_1c65_1e98_df25;

/// The texts; the caller knows each by a number.
#[derive(Clone, Debug, Default)]
pub(super) struct Lexicon {
    /// By whole first words.
    words: Table,
    /// By the beginning of a word, for texts that may go on inside it.
    prefixes: Table,
    /// By a hash of the first two bytes of a word: which lengths such beginnings have, a bit for each.
    lengths: Vec<u64>,
    /// The length of the longest text.
    longest: usize,
    /// The length of the longest key.
    longest_key: usize,
}

#[derive(Clone, Debug, Default)]
struct Table {
    /// A bit for each length that a key has; the last one stands for all that are longer.
    lengths: u64,
    filter: Vec<u64>,
    /// Open addressing; an empty range of candidates is a free place.
    places: Vec<Place>,
    /// What must stand behind the key: up to eight bytes and their mask, so that most candidates
    /// are refused without a look at them.
    heads: Vec<(u64, u64)>,
    candidates: Vec<Candidate>,
    /// All first words, and what stands behind them, one after the other: in pieces of their own they
    /// would need several times the memory.
    bytes: Vec<u8>,
}

/// Where the texts with one first word stand among the candidates.
///
/// Four of them fill a cache line, and most of what a lexicon takes are its places.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The lower half of the hash; the place is found by the upper one.
    hash: u32,
    /// Where the first word stands among the bytes.
    key: u32,
    first: u32,
    /// So many are of one byte or none behind the first word; those behind them can be searched, in order.
    short: u16,
    count: u16,
}

/// From so many candidates on they are searched.
const MANY: u32 = 8;

/// A text that begins with a first word.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// Where the rest of it stands among the bytes, and its length.
    rest: u32,
    length: u32,
    number: u32,
}

/// A text before it is in its table.
#[derive(Clone, Debug)]
struct Entry<'t> {
    key: &'t [u8],
    rest: &'t [u8],
    number: u32,
}

/// Where the lengths of beginnings with these two bytes stand; the second one is 0 where there is none.
fn beginning(first: u8, second: u8) -> usize {
    (usize::from(first) << 4 ^ usize::from(second)) & (BEGINNINGS - 1)
}

/// The place among so many at which a search for this hash begins.
fn place(hash: u64, places: usize) -> usize {
    ((u64::from((hash >> 20) as u32) * places as u64) >> 32) as usize
}

fn next(place: usize, places: usize) -> usize {
    match place + 1 {
        end if end == places => 0,
        next => next,
    }
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(MIX)
}

fn hash(key: &[u8]) -> u64 {
    key.iter().fold(SEED, |hash, &byte| step(hash, byte))
}

/// Up to eight bytes, the first one lowest; zero where there are no more.
fn head(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => bytes
            .iter()
            .rev()
            .fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

impl Entry<'_> {
    fn head(&self) -> (u64, u64) {
        let mask = match self.rest.len() {
            0 => 0,
            length => u64::MAX >> (64 - 8 * length.min(8)),
        };
        (head(self.rest), mask)
    }
}

impl Lexicon {
    /// Texts with their numbers, each with the mark whether it may end inside a word.
    pub(super) fn new<'t>(texts: impl Iterator<Item = (&'t str, u32, bool)>) -> Self {
        let mut words = Vec::new();
        let mut prefixes = Vec::new();
        let mut lexicon = Self::default();
        for (text, number, is_open) in texts {
            let bytes = text.as_bytes();
            let end = bytes
                .iter()
                .position(|&byte| !is_word_byte(byte))
                .unwrap_or(bytes.len());
            let (key, rest) = bytes.split_at(end);
            lexicon.longest = lexicon.longest.max(bytes.len());
            lexicon.longest_key = lexicon.longest_key.max(key.len());
            let entry = Entry { key, rest, number };
            match is_open && rest.is_empty() {
                true => prefixes.push(entry),
                false => words.push(entry),
            }
        }
        lexicon.lengths = vec![0; BEGINNINGS];
        for Entry { key, .. } in &prefixes {
            let bit = length_bit(key.len());
            match **key {
                [] => {}
                // Whatever comes behind it.
                [first] => {
                    for second in 0..=u8::MAX {
                        lexicon.lengths[beginning(first, second)] |= bit;
                    }
                }
                [first, second, ..] => lexicon.lengths[beginning(first, second)] |= bit,
            }
        }
        lexicon.words = Table::new(words);
        lexicon.prefixes = Table::new(prefixes);
        lexicon
    }

    /// Looks at every word that begins in `from..until` and tells `found` number, start and end of
    /// each text there; returns where to go on.
    ///
    /// Without `is_last`, words so near to the end that more of the text could matter are left.
    pub(super) fn walk(
        &self,
        bytes: &[u8],
        from: usize,
        until: usize,
        is_last: bool,
        mut found: impl FnMut(u32, usize, usize),
    ) -> usize {
        let mut at = from;
        while at < until {
            let is_inside = at > 0 && is_word_byte(bytes[at - 1]);
            if is_inside || !is_word_byte(bytes[at]) {
                at += 1;
                continue;
            }
            // One byte more than the longest text tells whether a word ends there.
            if !is_last && at + self.longest >= bytes.len() {
                break;
            }
            let start = at;
            let most = bytes.len().min(start + self.longest_key);
            let mut hash = SEED;
            let second = bytes.get(start + 1).copied().unwrap_or(0);
            let lengths = self.lengths[beginning(bytes[start], second)];
            while at < most && is_word_byte(bytes[at]) {
                hash = step(hash, bytes[at]);
                at += 1;
                if lengths & length_bit(at - start) != 0 {
                    self.prefixes.look(bytes, start, at, hash, &mut found);
                }
            }
            if bytes.get(at).is_none_or(|&byte| !is_word_byte(byte)) {
                self.words.look(bytes, start, at, hash, &mut found);
            }
        }
        at
    }
}

impl Table {
    fn new(mut entries: Vec<Entry<'_>>) -> Self {
        if entries.is_empty() {
            return Self::default();
        }
        entries.sort_by_key(|it| (it.key, it.rest.len() > 1, it.rest));
        let groups = || {
            let same = entries.chunk_by(|a, b| a.key == b.key);
            // More than can be counted stand in further places.
            same.flat_map(|group| group.chunks(usize::from(u16::MAX)))
        };
        let keys = groups().count();
        let size = keys + keys / 2 + 1;
        let mut table = Self {
            lengths: 0,
            filter: vec![0; 1 << (FILTER_BITS - 6)],
            places: vec![Place::default(); size],
            heads: entries.iter().map(Entry::head).collect(),
            candidates: Vec::with_capacity(entries.len()),
            bytes: Vec::new(),
        };
        let mut first = 0;
        for group in groups() {
            let hash = hash(group[0].key);
            table.lengths |= length_bit(group[0].key.len());
            let bit = hash >> (64 - FILTER_BITS);
            table.filter[(bit >> 6) as usize] |= 1 << (bit & 63);
            let mut place = place(hash, size);
            while table.places[place].count > 0 {
                place = next(place, size);
            }
            let short = group.partition_point(|it| it.rest.len() < 2);
            let key = table.bytes.len() as u32;
            table.bytes.extend_from_slice(group[0].key);
            for entry in group {
                table.candidates.push(Candidate {
                    rest: table.bytes.len() as u32,
                    length: entry.rest.len() as u32,
                    number: entry.number,
                });
                table.bytes.extend_from_slice(entry.rest);
            }
            table.places[place] = Place {
                hash: hash as u32,
                key,
                first,
                short: short as u16,
                count: group.len() as u16,
            };
            first += group.len() as u32;
        }
        table.bytes.shrink_to_fit();
        table
    }

    #[inline]
    fn look(
        &self,
        bytes: &[u8],
        start: usize,
        end: usize,
        hash: u64,
        found: &mut impl FnMut(u32, usize, usize),
    ) {
        if self.lengths & length_bit(end - start) == 0 {
            return;
        }
        let bit = hash >> (64 - FILTER_BITS);
        if self
            .filter
            .get((bit >> 6) as usize)
            .is_some_and(|word| word >> (bit & 63) & 1 == 1)
        {
            self.compare(bytes, start, end, hash, found);
        }
    }

    fn compare(
        &self,
        bytes: &[u8],
        start: usize,
        end: usize,
        hash: u64,
        found: &mut impl FnMut(u32, usize, usize),
    ) {
        let mut place = place(hash, self.places.len());
        // A third of the places is free, so that one comes soon.
        loop {
            let Place {
                hash: known,
                key,
                first,
                short,
                count,
            } = self.places[place];
            if count == 0 {
                return;
            }
            // All candidates of a place have the same key.
            // The first rest stands right behind it.
            let key = key as usize..self.candidates[first as usize].rest as usize;
            if known == hash as u32 && self.bytes[key] == bytes[start..end] {
                let after = &bytes[end..];
                let seen = head(after);
                let mut try_all = |range: Range<u32>| {
                    let range = range.start as usize..range.end as usize;
                    for (index, (wanted, mask)) in range.clone().zip(&self.heads[range]) {
                        if seen & mask != *wanted {
                            continue;
                        }
                        let Candidate {
                            rest,
                            length,
                            number,
                        } = self.candidates[index];
                        let length = length as usize;
                        // Up to eight bytes are compared already.
                        if length <= 8 || after.starts_with(&self.bytes[rest as usize..][..length])
                        {
                            found(number, start, end + length);
                        }
                    }
                };
                let (long, last) = (first + u32::from(short), first + u32::from(count));
                if u32::from(count) < MANY {
                    try_all(first..last);
                } else {
                    try_all(first..long);
                    try_all(self.alike(long..last, seen));
                }
            }
            place = next(place, self.places.len());
        }
    }

    /// Those of these candidates whose first two bytes behind the key are those that were seen.
    fn alike(&self, range: Range<u32>, seen: u64) -> Range<u32> {
        // As they were sorted: by the first byte, then by the second one.
        let two = |head: u64| (head as u16).swap_bytes();
        let heads = &self.heads[range.start as usize..range.end as usize];
        let from = heads.partition_point(|(head, _)| two(*head) < two(seen));
        let same = heads[from..].partition_point(|(head, _)| two(*head) == two(seen));
        let from = range.start + from as u32;
        from..from + same as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [(&str, bool); 8] = [
        ("i", false),
        ("i am", false),
        ("don't", false),
        ("film", true),
        ("filmed you", true),
        ("знаю", false),
        ("a-b", false),
        ("webcam", true),
    ];

    fn lexicon() -> Lexicon {
        Lexicon::new(
            (0u32..)
                .zip(TEXTS)
                .map(|(number, (text, is_open))| (text, number, is_open)),
        )
    }

    /// What plain search finds where a word begins.
    fn naive(text: &str) -> Vec<(u32, usize, usize)> {
        let bytes = text.as_bytes();
        let mut all = Vec::new();
        for start in 0..bytes.len() {
            if start > 0 && is_word_byte(bytes[start - 1]) {
                continue;
            }
            for (number, (word, is_open)) in (0u32..).zip(TEXTS) {
                let end = start + word.len();
                let is_edge = bytes.get(end).is_none_or(|&byte| !is_word_byte(byte));
                // A text of several words is compared by its caller at its end.
                let is_several = word.contains([' ', '\'', '-']);
                if bytes[start..].starts_with(word.as_bytes()) && (is_edge || is_open || is_several)
                {
                    all.push((number, start, end));
                }
            }
        }
        all
    }

    #[test]
    fn every_text_is_found_where_a_word_begins() {
        let lexicon = lexicon();
        for text in [
            "i am i, don't film; i-am filming filmed your webcams",
            "я знаю тебя, знаюi i знаю",
            "a-b xa-b a-bc",
            "averyveryverylongwordthatisinnopack film",
            "",
            "i",
        ] {
            let mut found = Vec::new();
            let end = lexicon.walk(text.as_bytes(), 0, text.len(), true, |n, s, e| {
                found.push((n, s, e));
            });
            found.sort_unstable_by_key(|&(number, start, _)| (start, number));
            assert_eq!(found, naive(text), "{text}");
            assert_eq!(end, text.len());
        }
    }

    #[test]
    fn more_texts_than_a_place_counts_begin_with_one_word() {
        let texts: Vec<String> = (0..70_000).map(|number| format!("w {number:05}")).collect();
        let lexicon = Lexicon::new(
            (0u32..)
                .zip(&texts)
                .map(|(number, text)| (text.as_str(), number, false)),
        );
        let mut found = Vec::new();
        let text = "w 69999 w 00000, w 65535; w 70000";
        lexicon.walk(text.as_bytes(), 0, text.len(), true, |number, _, _| {
            found.push(number);
        });
        assert_eq!(found, [69_999, 0, 65_535]);
    }

    #[test]
    fn chunks_do_not_change_what_is_found() {
        let lexicon = lexicon();
        let text = "averyveryverylongword i am filming, i don't; webcamx filmed you знаю i";
        let mut whole = Vec::new();
        lexicon.walk(text.as_bytes(), 0, text.len(), true, |n, s, e| {
            whole.push((n, s, e))
        });
        for cut in 0..=text.len() {
            let mut parts = Vec::new();
            let head = &text.as_bytes()[..cut];
            let at = lexicon.walk(head, 0, cut, false, |n, s, e| parts.push((n, s, e)));
            lexicon.walk(text.as_bytes(), at, text.len(), true, |n, s, e| {
                parts.push((n, s, e));
            });
            assert_eq!(parts, whole, "cut at {cut}");
        }
    }
}
