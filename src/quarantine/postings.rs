//! Which entries of a block have a term: sets of places, and pages of the terms that have them.

use crate::quarantine::{Answer, StoreError, Trouble};

/// The most entries of a block. A place in it is a number below.
pub(crate) const BLOCK: usize = 16_384;
/// About the size of a page, in bytes, so that its row fills a page of SQLite, or half of one of PostgreSQL. Only a single term
/// can have more.
const PAGE: usize = 3900;

/// A set of places in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    bits: Vec<u64>,
}

impl Places {
    /// No place.
    pub(crate) fn none() -> Self {
        Self {
            bits: vec![0; BLOCK / 64],
        }
    }

    /// All places from one on and before another.
    pub(crate) fn between(from: usize, to: usize) -> Self {
        let mut all = Self::none();
        (from..to).for_each(|place| all.add(place));
        all
    }

    /// Adds a place.
    pub(crate) fn add(&mut self, place: usize) {
        self.bits[place / 64] |= 1 << (place % 64);
    }

    /// Is it there?
    pub(crate) fn has(&self, place: usize) -> bool {
        self.bits[place / 64] >> (place % 64) & 1 == 1
    }

    /// Leaves only what the other has, too.
    pub(crate) fn keep(&mut self, other: &Self) {
        for (bits, more) in self.bits.iter_mut().zip(&other.bits) {
            *bits &= more;
        }
    }

    /// Leaves only what the other has not.
    pub(crate) fn drop(&mut self, other: &Self) {
        for (bits, less) in self.bits.iter_mut().zip(&other.bits) {
            *bits &= !less;
        }
    }

    /// Has it no place?
    pub(crate) fn is_empty(&self) -> bool {
        self.bits.iter().all(|bits| *bits == 0)
    }

    /// How many places.
    pub(crate) fn count(&self) -> usize {
        self.bits
            .iter()
            .map(|bits| bits.count_ones() as usize)
            .sum()
    }

    /// The places, lowest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.bits
            .iter()
            .enumerate()
            .filter(|(_, bits)| **bits != 0)
            .flat_map(|(word, bits)| {
                (0..64)
                    .filter(move |bit| bits >> bit & 1 == 1)
                    .map(move |bit| word * 64 + bit)
            })
    }
}

/// A term's value and the places that have it, lowest first.
pub(crate) type Posting = (String, Vec<u16>);

/// A page: its first value, and all that is on it.
pub(crate) type Page = (String, Vec<u8>);

/// Writes postings, sorted by value, on pages.
///
/// A value is stored as what differs from the one before it; places as the steps between them, or as a bit for each where
/// that takes less.
pub(crate) fn pages(postings: &[Posting]) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    let mut last = "";
    let mut packed = Vec::new();
    for (value, places) in postings.iter().filter(|(_, places)| !places.is_empty()) {
        packed.clear();
        write_places(&mut packed, places);
        let size = value.len() + packed.len() + 4;
        let is_full = |page: &Page| page.1.len() + size > PAGE;
        if pages.last().is_none_or(is_full) {
            pages.push((value.clone(), Vec::with_capacity(PAGE)));
            last = "";
        }
        let Some((_, page)) = pages.last_mut() else {
            continue;
        };
        let alike = value.bytes().zip(last.bytes());
        let alike = alike.take_while(|(one, other)| one == other).count();
        write_number(page, alike);
        write_number(page, value.len() - alike);
        page.extend_from_slice(&value.as_bytes()[alike..]);
        page.extend_from_slice(&packed);
        last = value;
    }
    pages
}

fn write_number(out: &mut Vec<u8>, mut number: usize) {
    while number > 127 {
        out.push(number as u8 | 128);
        number >>= 7;
    }
    out.push(number as u8);
}

fn write_places(out: &mut Vec<u8>, places: &[u16]) {
    let end = places.last().map_or(0, |last| usize::from(*last) / 8 + 1);
    // Each step takes at least a byte.
    if places.len() > end {
        write_number(out, end << 1 | 1);
        let start = out.len();
        out.resize(start + end, 0);
        for place in places {
            out[start + usize::from(*place) / 8] |= 1 << (place % 8);
        }
        return;
    }
    write_number(out, places.len() << 1);
    let mut next = 0;
    for place in places {
        let place = usize::from(*place);
        write_number(out, place - next);
        next = place + 1;
    }
}

/// Reads a page term by term.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    value: Vec<u8>,
}

impl<'a> Reader<'a> {
    /// At the beginning of a page.
    pub(crate) fn new(page: &'a [u8]) -> Self {
        Self {
            rest: page,
            value: Vec::new(),
        }
    }

    /// The next term's value and places; `None` at the end.
    pub(crate) fn next(&mut self) -> Answer<Option<(&str, Packed<'a>)>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let alike = number(&mut self.rest)?;
        let length = number(&mut self.rest)?;
        let new = bytes(&mut self.rest, length)?;
        if alike > self.value.len() {
            return Err(damaged());
        }
        self.value.truncate(alike);
        self.value.extend_from_slice(new);
        let head = number(&mut self.rest)?;
        let packed = if head & 1 == 1 {
            Packed::Bits(bytes(&mut self.rest, head >> 1)?)
        } else {
            let count = head >> 1;
            let start = self.rest;
            for _ in 0..count {
                number(&mut self.rest)?;
            }
            Packed::Steps(&start[..start.len() - self.rest.len()])
        };
        let value = std::str::from_utf8(&self.value).map_err(|_| damaged())?;
        Ok(Some((value, packed)))
    }
}

/// The places of a term as they stand on the page.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Packed<'a> {
    Bits(&'a [u8]),
    Steps(&'a [u8]),
}

impl Packed<'_> {
    /// Adds them to a set.
    pub(crate) fn add_to(self, places: &mut Places) -> Answer<()> {
        self.each(|place| places.add(place))
    }

    /// All of them, lowest first.
    pub(crate) fn list(self) -> Answer<Vec<u16>> {
        let mut list = Vec::new();
        self.each(|place| list.push(place as u16))?;
        Ok(list)
    }

    fn each(self, mut work: impl FnMut(usize)) -> Answer<()> {
        match self {
            Self::Bits(bits) if bits.len() > BLOCK / 8 => return Err(damaged()),
            Self::Bits(bits) => {
                for (index, byte) in bits.iter().enumerate().filter(|(_, byte)| **byte != 0) {
                    (0..8)
                        .filter(|bit| byte >> bit & 1 == 1)
                        .for_each(|bit| work(index * 8 + bit));
                }
            }
            Self::Steps(mut steps) => {
                let mut next = 0;
                while !steps.is_empty() {
                    let place = next + number(&mut steps)?;
                    if place >= BLOCK {
                        return Err(damaged());
                    }
                    work(place);
                    next = place + 1;
                }
            }
        }
        Ok(())
    }
}

fn bytes<'a>(rest: &mut &'a [u8], count: usize) -> Answer<&'a [u8]> {
    let (some, left) = rest.split_at_checked(count).ok_or_else(damaged)?;
    *rest = left;
    Ok(some)
}

fn number(rest: &mut &[u8]) -> Answer<usize> {
    let mut number = 0;
    // No number here is longer.
    for shift in [0, 7, 14, 21] {
        let (first, left) = rest.split_first().ok_or_else(damaged)?;
        *rest = left;
        number |= usize::from(first & 127) << shift;
        if first & 128 == 0 {
            return Ok(number);
        }
    }
    Err(damaged())
}

/// What is told where a page cannot be read.
pub(crate) fn damaged() -> StoreError {
    StoreError::new(Trouble::Corrupt, "a page of the search index is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pages: &[Page]) -> Vec<Posting> {
        let mut all = Vec::new();
        for (first, page) in pages {
            let mut reader = Reader::new(page);
            let mut is_first = true;
            while let Some((value, packed)) = reader.next().expect("whole") {
                assert!(!is_first || value == first);
                is_first = false;
                all.push((value.to_owned(), packed.list().expect("whole")));
            }
        }
        all
    }

    #[test]
    fn what_is_written_is_read() {
        let all: Vec<u16> = (0..BLOCK as u16).collect();
        let odd: Vec<u16> = all.iter().copied().filter(|place| place % 2 == 1).collect();
        let mut postings = vec![
            (String::new(), vec![0, 16_383]),
            ("a".to_owned(), all),
            ("ab".to_owned(), odd),
            ("abc\u{f6}".to_owned(), vec![5]),
            ("abc\u{fc}".to_owned(), vec![5, 6, 7, 300]),
            ("b".repeat(500), vec![16_383]),
        ];
        for number in 0..1000 {
            postings.push((format!("c{number:04}"), vec![number]));
        }
        let pages = pages(&postings);
        assert_eq!(read(&pages), postings);
        assert!((4..9).contains(&pages.len()), "{}", pages.len());
        assert!(pages.iter().all(|(_, page)| page.len() <= PAGE));
    }

    #[test]
    fn sets_are_what_sets_are() {
        let mut one = Places::between(60, 200);
        assert_eq!(one.count(), 140);
        let mut other = Places::none();
        for place in [0, 60, 63, 64, 199, 200, 16_383] {
            other.add(place);
        }
        assert_eq!(
            other.iter().rev().collect::<Vec<_>>(),
            [16_383, 200, 199, 64, 63, 60, 0]
        );
        one.keep(&other);
        assert_eq!(one.iter().collect::<Vec<_>>(), [60, 63, 64, 199]);
        assert!(one.has(63) && !one.has(0));
        assert!(Places::none().is_empty() && !one.is_empty());
    }

    #[test]
    fn a_damaged_page_is_told() {
        let good = &pages(&[("abc".to_owned(), vec![1, 9, 5000])])[0].1;
        let read = |page: &[u8]| -> Answer<()> {
            let mut reader = Reader::new(page);
            while let Some((_, packed)) = reader.next()? {
                packed.list()?;
            }
            Ok(())
        };
        read(good).expect("whole");
        for length in 1..good.len() {
            assert!(read(&good[..length]).is_err(), "{length}");
        }
        // No page makes it panic.
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let mut bad = good.clone();
            for _ in 0..2 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let place = (state >> 40) as usize % bad.len();
                bad[place] = (state >> 33) as u8;
            }
            let _ = read(&bad);
        }
    }
}
