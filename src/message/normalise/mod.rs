//! One spelling for many: what a reader takes for the same word becomes the same bytes.

mod accents;
mod ascii;
mod entity;
mod folded;
mod latin;
mod line;
mod read_as;
mod spaced;
mod stats;
mod table;
mod word;

pub use folded::Folded;
pub use read_as::{ReadAs, read_as};
pub use stats::{FoldStats, findings};

use line::{Line, is_connector};
use spaced::{Chain, Gap, Separator};
use table::{Entry, Kind, Script, table};
use unicode_normalization::char::compose;
use word::{Cell, Target};

/// A word over this many characters is folded without looking at it as a whole.
const WORD_CHARS: usize = 64;
/// A character reference and what stands before it without a break, at most.
const REFERENCE_CHARS: usize = 40;

/// Folds a text at once.
pub fn fold(text: &str) -> Folded {
    let mut out = Folded::default();
    out.text.reserve(text.len());
    let mut normaliser = Normaliser::new();
    normaliser.feed(text, &mut out);
    normaliser.finish(&mut out);
    out
}

/// Folds a text that comes in chunks; where they are cut does not matter.
///
/// Holds back at most one word, one run of lone letters and one character reference.
#[derive(Debug, Default)]
pub struct Normaliser {
    /// Bytes of source seen.
    source: u32,
    /// Kana or Hangul that a following mark can join.
    held: Option<Cell>,
    /// What may become a character reference, from its `&`.
    reference: Vec<Cell>,
    gap: Option<Gap>,
    /// The word that is being read.
    word: Vec<Cell>,
    /// The word is over the limit: its characters pass, turned to these alphabets in turn.
    long: Option<[Target; word::ROUNDS]>,
    /// A dot or the like behind a word with digits: is it inside an address?
    tail: Option<Cell>,
    chain: Chain,
    accents: Accents,
    /// Dropped characters that count if the word goes on.
    dropped: Dropped,
    line: Line,
}

#[derive(Debug, Default)]
struct Dropped {
    zero_width: u32,
    soft_hyphens: u32,
    bidi: u32,
}

/// The accents in the word that is being read.
#[derive(Debug)]
struct Accents {
    /// Languages that write every accented letter so far.
    languages: u64,
    /// Accented letters.
    letters: u32,
    /// The last letter with its accents, while marks may follow.
    open: Option<char>,
    /// Marks over the last letter.
    marks: u32,
}

impl Default for Accents {
    fn default() -> Self {
        Self {
            languages: u64::MAX,
            letters: 0,
            open: None,
            marks: 0,
        }
    }
}

impl Accents {
    fn close(&mut self) {
        if let Some(letter) = self.open.take() {
            self.languages &= accents::languages(letter);
            self.letters += 1;
        }
        self.marks = 0;
    }
}

impl Normaliser {
    /// A normaliser at the start of a text.
    pub fn new() -> Self {
        Self::default()
    }

    /// Folds the next chunk of the text onto `out`.
    pub fn feed(&mut self, chunk: &str, out: &mut Folded) {
        self.feed_from(chunk, out, 0);
    }

    /// As [`Self::feed`], with the short cut for prose only from byte `prose_from` on; without any
    /// where that is `usize::MAX`.
    fn feed_from(&mut self, chunk: &str, out: &mut Folded, mut prose_from: usize) {
        let bytes = chunk.as_bytes();
        let base = self.source;
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            if at >= prose_from && byte.is_ascii_alphanumeric() && self.is_idle() {
                self.flush_gap(out);
                if self.is_idle() {
                    let reach = ascii::reach(bytes, at);
                    prose_from = reach.stop.max(at + 1);
                    if reach.safe > at {
                        self.prose(&chunk[at..reach.safe], base + at as u32, out);
                        at = reach.safe;
                        continue;
                    }
                }
            }
            if prose_from < usize::MAX
                && (byte.is_ascii_alphabetic() || latin::LEADS.contains(&byte))
                && self.is_idle()
                && let Some(word) = latin::word(&chunk[at..])
            {
                self.flush_gap(out);
                if self.is_idle() {
                    word.put(base + at as u32, out);
                    self.line.passed(word.letters, word.last);
                    at += word.bytes;
                    continue;
                }
            }
            if byte.is_ascii_alphanumeric() && self.held.is_none() && self.reference.is_empty() {
                self.take(ascii_cell(byte, base + at as u32), out);
                at += 1;
                continue;
            }
            let c = if byte < 0x80 {
                char::from(byte)
            } else {
                chunk[at..]
                    .chars()
                    .next()
                    .unwrap_or(char::REPLACEMENT_CHARACTER)
            };
            self.step(c, base + at as u32, out);
            at += c.len_utf8();
        }
        self.source = base.wrapping_add(bytes.len() as u32);
    }

    /// Folds what was held back; the text ends here.
    pub fn finish(&mut self, out: &mut Folded) {
        self.flush_held(out);
        self.flush_reference(out);
        self.end_word(true, None, out);
        self.flush_tail(out);
        self.flush_gap(out);
        self.chain.end(&mut self.line, out);
        out.locate(self.source);
    }

    fn is_idle(&self) -> bool {
        self.word.is_empty()
            && self.long.is_none()
            && self.tail.is_none()
            && self.held.is_none()
            && self.reference.is_empty()
            && self.chain.is_empty()
    }

    fn prose(&mut self, prose: &str, source: u32, out: &mut Folded) {
        out.locate(source);
        let letters = ascii::copy(prose, &mut out.text);
        out.stats.letters = out.stats.letters.saturating_add(letters);
        let last = prose.chars().next_back().map(|c| c.to_ascii_lowercase());
        self.line.passed(letters, last);
    }

    fn step(&mut self, c: char, source: u32, out: &mut Folded) {
        let entry = table().entry(c);
        match entry.kind() {
            Kind::Char | Kind::Styled => self.compose(cell(entry, source), out),
            Kind::Accented => {
                self.compose(cell(entry, source), out);
                if !self.word.is_empty() {
                    self.accents.open = Some(c);
                }
            }
            Kind::Sequence => {
                for &part in table().sequence(entry) {
                    self.step(part, source, out);
                }
                if (c as u32) < 0x250 && !self.word.is_empty() {
                    self.accents.open = Some(c);
                }
            }
            Kind::Mark => self.mark(c, false, out),
            Kind::OddMark => self.mark(c, true, out),
            Kind::ZeroWidth => self.dropped.zero_width += 1,
            Kind::SoftHyphen => {
                if self.word.len() == 1 {
                    self.dropped.soft_hyphens += 1;
                }
            }
            Kind::Bidi => self.dropped.bidi += 1,
            Kind::Override => out.stats.bidi_controls = out.stats.bidi_controls.saturating_add(1),
            Kind::Invisible => {}
            kind @ (Kind::Space | Kind::LineFeed | Kind::Return | Kind::Paragraph) => {
                self.flush_held(out);
                self.flush_reference(out);
                self.end_word(true, Some(' '), out);
                self.flush_tail(out);
                self.gap.get_or_insert_with(|| Gap::new(source)).add(kind);
            }
        }
    }

    /// Counts a mark over the last letter.
    fn mark(&mut self, mark: char, is_odd: bool, out: &mut Folded) {
        let Some(base) = self.word.last().filter(|cell| cell.script.is_alphabet()) else {
            return;
        };
        self.accents.marks += 1;
        // Greek piles up three: breathing, accent, iota subscript.
        let most = if base.script == Script::Greek { 3 } else { 2 };
        if base.script == Script::Latin {
            match compose(self.accents.open.unwrap_or(base.c), mark) {
                Some(joined) => self.accents.open = Some(joined),
                None => out.stats.odd_accents = out.stats.odd_accents.saturating_add(1),
            }
        } else if is_odd || self.accents.marks > most {
            out.stats.odd_accents = out.stats.odd_accents.saturating_add(1);
        }
    }

    /// Joins kana with voiced marks and Hangul letters to syllables, as NFC does.
    fn compose(&mut self, next: Cell, out: &mut Folded) {
        if let Some(held) = self.held.take() {
            if next.script == Script::Ideograph
                && let Some(joined) = compose(held.c, next.c)
            {
                self.held = Some(Cell { c: joined, ..held });
                return;
            }
            self.refer(held, out);
        }
        match next.c {
            '\u{3041}'..='\u{30ff}' | '\u{1100}'..='\u{1112}' | '\u{ac00}'..='\u{d7a3}' => {
                self.held = Some(next);
            }
            _ => self.refer(next, out),
        }
    }

    fn flush_held(&mut self, out: &mut Folded) {
        if let Some(held) = self.held.take() {
            self.refer(held, out);
        }
    }

    /// Watches for character references.
    fn refer(&mut self, next: Cell, out: &mut Folded) {
        if self.reference.is_empty() && next.c != '&' {
            return self.take(next, out);
        }
        if next.c == ';' {
            return self.dereference(next, out);
        }
        let is_part = matches!(next.c, '&' | '#') || next.c.is_ascii_alphanumeric();
        if !is_part || self.reference.len() >= REFERENCE_CHARS {
            self.flush_reference(out);
            if next.c != '&' {
                return self.take(next, out);
            }
        }
        self.reference.push(next);
    }

    fn dereference(&mut self, semicolon: Cell, out: &mut Folded) {
        let start = self.reference.iter().rposition(|cell| cell.c == '&');
        let found = start.and_then(|start| {
            let name: String = self.reference[start + 1..]
                .iter()
                .map(|cell| cell.c)
                .collect();
            Some((start, name.starts_with('#'), entity::decode(&name)?))
        });
        let Some((start, is_numeric, c)) = found else {
            self.flush_reference(out);
            return self.take(semicolon, out);
        };
        let source = self.reference[start].src;
        self.reference.truncate(start);
        if is_numeric && c.is_alphanumeric() {
            out.stats.entities = out.stats.entities.saturating_add(1);
        }
        // What was decoded can be part of a reference itself: "&#38;amp;".
        self.step(c, source, out);
    }

    fn flush_reference(&mut self, out: &mut Folded) {
        if self.reference.is_empty() {
            return;
        }
        // Lent out and put back, so that its memory is used again.
        let mut reference = std::mem::take(&mut self.reference);
        for cell in reference.drain(..) {
            self.take(cell, out);
        }
        self.reference = reference;
    }

    /// Takes one folded character that is not white space.
    fn take(&mut self, next: Cell, out: &mut Folded) {
        if next.script.is_word() {
            if self.tail.is_some() {
                self.end_word(false, None, out);
                self.flush_tail(out);
            }
            self.flush_gap(out);
            self.extend_word(next, out);
            return;
        }
        if matches!(next.c, '@' | '$' | '!')
            && !self.word.is_empty()
            && self.long.is_none()
            && self.tail.is_none()
        {
            self.extend_word(next, out);
            return;
        }
        if self.tail.is_none() && is_connector(next.c) && self.may_be_leet() {
            self.tail = Some(next);
            return;
        }
        self.end_word(true, Some(next.c), out);
        self.flush_tail(out);
        self.flush_gap(out);
        self.chain.separate(
            Separator {
                c: next.c,
                src: next.src,
                is_wide: false,
            },
            &mut self.line,
            out,
        );
    }

    fn may_be_leet(&self) -> bool {
        self.word.len() >= 3 && self.word.iter().any(|cell| !cell.script.is_alphabet())
    }

    fn extend_word(&mut self, mut next: Cell, out: &mut Folded) {
        self.accents.close();
        if next.script.is_alphabet() {
            let dropped = std::mem::take(&mut self.dropped);
            if self
                .word
                .last()
                .is_some_and(|cell| cell.script != Script::Letter)
            {
                let stats = &mut out.stats;
                stats.zero_width = stats.zero_width.saturating_add(dropped.zero_width);
                stats.soft_hyphens = stats.soft_hyphens.saturating_add(dropped.soft_hyphens);
                stats.bidi_controls = stats.bidi_controls.saturating_add(dropped.bidi);
            }
        }
        if let Some(targets) = self.long {
            for target in targets {
                word::turn(&mut next, target);
            }
            self.line.put(next, out);
            return;
        }
        self.word.push(next);
        if self.word.len() > WORD_CHARS {
            self.chain.end(&mut self.line, out);
            self.long = Some(word::turn_all(&mut self.word, self.line.is_latin_around()));
            for cell in self.word.drain(..) {
                self.line.put(cell, out);
            }
        }
    }

    /// Ends the word that is being read, if there is one.
    fn end_word(&mut self, is_free: bool, next: Option<char>, out: &mut Folded) {
        self.dropped = Dropped::default();
        self.long = None;
        if self.word.is_empty() {
            return;
        }
        self.accents.close();
        let accents = std::mem::take(&mut self.accents);
        if accents.letters > 1 && accents.languages == 0 {
            out.stats.odd_accents = out.stats.odd_accents.saturating_add(accents.letters);
        }
        // Signs count as letters only between letters.
        let end = self
            .word
            .iter()
            .rposition(|cell| cell.script.is_word())
            .map_or(0, |last| last + 1);
        let signs = self.word.split_off(end);
        match *self.word.as_slice() {
            [only] if only.script != Script::Digit => {
                self.word.clear();
                self.chain.letter(only, &mut self.line, out);
            }
            _ => {
                self.chain.end(&mut self.line, out);
                self.line.word(&mut self.word, is_free, next, out);
            }
        }
        for cell in signs {
            let sign = Separator {
                c: cell.c,
                src: cell.src,
                is_wide: false,
            };
            self.chain.separate(sign, &mut self.line, out);
        }
    }

    fn flush_tail(&mut self, out: &mut Folded) {
        if let Some(tail) = self.tail.take() {
            let sign = Separator {
                c: tail.c,
                src: tail.src,
                is_wide: false,
            };
            self.chain.separate(sign, &mut self.line, out);
        }
    }

    fn flush_gap(&mut self, out: &mut Folded) {
        if let Some(gap) = self.gap.take() {
            self.chain.separate(gap.separator(), &mut self.line, out);
        }
    }
}

/// The cell of an ASCII letter or digit, as the table gives it.
fn ascii_cell(byte: u8, src: u32) -> Cell {
    Cell {
        c: char::from(byte.to_ascii_lowercase()),
        src,
        script: match byte.is_ascii_digit() {
            true => Script::Digit,
            false => Script::Latin,
        },
        is_upper: byte.is_ascii_uppercase(),
    }
}

fn cell(entry: Entry, src: u32) -> Cell {
    Cell {
        c: entry.char(),
        src,
        script: entry.script(),
        is_upper: entry.is_upper(),
    }
}

#[cfg(test)]
mod tests;
