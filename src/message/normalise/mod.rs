//! One spelling for many: what a reader takes for the same word becomes the same bytes.

mod accents;
mod ascii;
mod entity;
mod spaced;
mod stats;
mod table;
mod word;

pub use stats::{FoldStats, findings};

use spaced::{Chain, Gap, Separator};
use table::{Entry, Kind, Script, table};
use unicode_normalization::char::compose;
use word::{Around, Cell, Target};

/// A word over this many characters is folded without looking at it as a whole.
const WORD_CHARS: usize = 64;
/// A character reference and what stands before it without a break, at most.
const REFERENCE_CHARS: usize = 40;
/// So many Latin letters without a word of another alphabet, and the text is Latin.
const LATIN_AROUND: u32 = 24;

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
    fn locate(&mut self, source: u32) {
        let at = self.text.len() as u32;
        let distance = match self.map.last() {
            Some(&(folded, from)) => from.wrapping_sub(folded),
            None => 0,
        };
        if source.wrapping_sub(at) != distance {
            self.map.push((at, source));
        }
    }

    fn push(&mut self, c: char, source: u32) {
        self.locate(source);
        self.text.push(c);
    }
}

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

/// What the text so far says about the next word.
#[derive(Debug, Default)]
struct Line {
    /// The last character that came out.
    previous: Option<char>,
    /// Latin letters since the last one of another script.
    latin: u32,
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

    /// As [`Self::feed`], with the short cut only from byte `prose_from` on.
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
        self.line.latin = self.line.latin.saturating_add(letters);
        self.line.previous = prose.chars().next_back().map(|c| c.to_ascii_lowercase());
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
            self.long = Some(word::turn_all(
                &mut self.word,
                self.line.latin >= LATIN_AROUND,
            ));
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

impl Line {
    /// Folds a word and puts it out; the word is empty after that.
    fn word(&mut self, word: &mut Vec<Cell>, is_free: bool, next: Option<char>, out: &mut Folded) {
        let previous = self.previous;
        // The name of a character reference must not appear by folding.
        let is_reference = next == Some(';') && matches!(previous, Some('&' | '#'));
        let around = Around {
            is_latin: self.latin >= LATIN_AROUND,
            is_free: is_free && !previous.is_some_and(is_connector),
        };
        let first = word.first().map_or(Script::Symbol, |cell| cell.script);
        let is_plain = word.iter().all(|cell| cell.script == first)
            && (first == Script::Latin || !around.is_latin || first == Script::Letter);
        if !is_plain && !is_reference {
            let changes = word::fold(word, around);
            let stats = &mut out.stats;
            stats.confusables = stats.confusables.saturating_add(changes.confusables);
            stats.interleaved = stats.interleaved.saturating_add(changes.interleaved);
            stats.confusable_words += u32::from(changes.confusables > 0);
            stats.leet_words += u32::from(changes.leet > 0);
        }
        for cell in word.drain(..) {
            self.put(cell, out);
        }
    }

    /// Puts out one character of a word.
    fn put(&mut self, cell: Cell, out: &mut Folded) {
        if !matches!(cell.script, Script::Symbol | Script::Digit) {
            out.stats.letters = out.stats.letters.saturating_add(1);
            self.latin = match cell.script {
                Script::Latin => self.latin.saturating_add(1),
                _ => 0,
            };
        }
        out.push(cell.c, cell.src);
        self.previous = Some(cell.c);
    }

    /// Puts out what stands between words.
    fn separator(&mut self, separator: Separator, out: &mut Folded) {
        out.push(separator.c, separator.src);
        if separator.c == '\n' {
            out.push('\n', separator.src);
        }
        self.previous = Some(separator.c);
    }
}

/// What a reader takes a single character for, where letter case matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAs {
    /// An ASCII letter or digit, in the case it was written in.
    Ascii(u8),
    /// Nothing: it cannot be seen.
    Nothing,
    /// White space.
    Space,
    /// Anything else.
    Other,
}

/// Reads one character as the ASCII letter or digit it looks like, whatever its alphabet.
///
/// For payment addresses, which are ASCII but case-sensitive, so that [`fold`] would lose them.
pub fn read_as(c: char) -> ReadAs {
    let entry = table().entry(c);
    let plain = match entry.kind() {
        Kind::Char | Kind::Accented | Kind::Styled => entry.char(),
        Kind::Space | Kind::LineFeed | Kind::Return | Kind::Paragraph => return ReadAs::Space,
        Kind::Sequence => return ReadAs::Other,
        _ => return ReadAs::Nothing,
    };
    let ascii = match plain.is_ascii_alphanumeric() {
        true => Some(plain),
        false => word::latin(plain, entry.is_upper()),
    };
    match ascii {
        Some(ascii) if entry.is_upper() => ReadAs::Ascii(ascii.to_ascii_uppercase() as u8),
        Some(ascii) => ReadAs::Ascii(ascii as u8),
        None => ReadAs::Other,
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

/// Signs that tie words to an address, a link or a file name.
fn is_connector(c: char) -> bool {
    matches!(
        c,
        '.' | '-' | '_' | '@' | '+' | '/' | ':' | '=' | '&' | '#' | '?' | '%' | '~' | '\\'
    )
}

#[cfg(test)]
mod tests;
