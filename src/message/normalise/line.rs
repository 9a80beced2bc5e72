//! Words on their way out, and what the text so far says about the next one.

use crate::message::normalise::Folded;
use crate::message::normalise::spaced::Separator;
use crate::message::normalise::table::Script;
use crate::message::normalise::word::{self, Around, Cell};

/// So many Latin letters without a word of another alphabet, and the text is Latin.
const LATIN_AROUND: u32 = 24;

/// What the text so far says about the next word.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The last character that came out.
    pub(super) previous: Option<char>,
    /// Latin letters since the last one of another script.
    latin: u32,
}

impl Line {
    /// Is the text before Latin, without a word of another alphabet for a while?
    pub(super) fn is_latin_around(&self) -> bool {
        self.latin >= LATIN_AROUND
    }

    /// Notes Latin letters that were put out by a short cut, the last of them `last`.
    pub(super) fn passed(&mut self, letters: u32, last: Option<char>) {
        self.latin = self.latin.saturating_add(letters);
        self.previous = last;
    }

    /// Folds a word and puts it out; the word is empty after that.
    pub(super) fn word(
        &mut self,
        word: &mut Vec<Cell>,
        is_free: bool,
        next: Option<char>,
        out: &mut Folded,
    ) {
        let previous = self.previous;
        // The name of a character reference must not appear by folding.
        let is_reference = next == Some(';') && matches!(previous, Some('&' | '#'));
        let around = Around {
            is_latin: self.is_latin_around(),
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
    pub(super) fn put(&mut self, cell: Cell, out: &mut Folded) {
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
    pub(super) fn separator(&mut self, separator: Separator, out: &mut Folded) {
        out.push(separator.c, separator.src);
        if separator.c == '\n' {
            out.push('\n', separator.src);
        }
        self.previous = Some(separator.c);
    }
}

/// Signs that tie words to an address, a link or a file name.
pub(super) fn is_connector(c: char) -> bool {
    matches!(
        c,
        '.' | '-' | '_' | '@' | '+' | '/' | ':' | '=' | '&' | '#' | '?' | '%' | '~' | '\\'
    )
}
