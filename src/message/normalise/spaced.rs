//! Words written letter by letter: `b i t c o i n`, `b.i.t.c.o.i.n`, `b的i的t的c的o的i的n`.

use crate::message::normalise::table::Kind;
use crate::message::normalise::word::{self, Cell};
use crate::message::normalise::{Folded, Line, WORD_CHARS};

/// So many lone letters with the same separator are a word; initials and lists are shorter.
const LETTERS: usize = 4;
/// A longer chain is cut.
const MOST_LETTERS: usize = 256;

/// A run of white space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    src: u32,
    width: u32,
    breaks: u32,
    is_after_return: bool,
}

impl Gap {
    pub(super) fn new(src: u32) -> Self {
        Self {
            src,
            width: 0,
            breaks: 0,
            is_after_return: false,
        }
    }

    /// Adds one character; CR LF is one line break.
    pub(super) fn add(&mut self, kind: Kind) {
        let is_second_half = self.is_after_return && kind == Kind::LineFeed;
        self.is_after_return = kind == Kind::Return;
        if is_second_half {
            return;
        }
        self.width = self.width.saturating_add(1);
        self.breaks = self.breaks.saturating_add(match kind {
            Kind::LineFeed | Kind::Return => 1,
            Kind::Paragraph => 2,
            _ => 0,
        });
    }

    pub(super) fn separator(self) -> Separator {
        Separator {
            c: if self.breaks > 1 { '\n' } else { ' ' },
            src: self.src,
            is_wide: self.width > 1,
        }
    }
}

/// What stands between two words: a sign, a space, or `\n` for an empty line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Separator {
    pub(super) c: char,
    pub(super) src: u32,
    /// More than one space: between spaced words this is the word break.
    pub(super) is_wide: bool,
}

/// Lone letters that may be one word.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Each letter with the separator before it; the first has none.
    links: Vec<(Option<Separator>, Cell)>,
    /// The separator after the last letter.
    pending: Option<Separator>,
}

impl Chain {
    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Takes what stands behind a word.
    pub(super) fn separate(&mut self, separator: Separator, line: &mut Line, out: &mut Folded) {
        if self.links.is_empty() {
            line.separator(separator, out);
        } else if self.pending.is_none() && can_join(separator.c) {
            self.pending = Some(separator);
        } else {
            self.end(line, out);
            line.separator(separator, out);
        }
    }

    /// Takes a word of one letter.
    pub(super) fn letter(&mut self, letter: Cell, line: &mut Line, out: &mut Folded) {
        let joint = self.links.get(1).and_then(|(joint, _)| *joint);
        match (self.pending.take(), joint) {
            (Some(pending), Some(joint)) if pending.c != joint.c => {
                // The last letter may begin the next chain, unless it became part of a word.
                let last = self.flush(true, line, out);
                match last {
                    Some(last) => {
                        self.links.push((None, last));
                        self.links.push((Some(pending), letter));
                    }
                    None => {
                        line.separator(pending, out);
                        self.links.push((None, letter));
                    }
                }
            }
            (Some(pending), _) if self.links.len() < MOST_LETTERS => {
                self.links.push((Some(pending), letter));
            }
            (pending, _) => {
                self.pending = pending;
                self.end(line, out);
                self.links.push((None, letter));
            }
        }
    }

    /// Puts out everything: a word that is no lone letter follows, or the text ends.
    pub(super) fn end(&mut self, line: &mut Line, out: &mut Folded) {
        if self.links.is_empty() {
            return;
        }
        self.flush(false, line, out);
        if let Some(pending) = self.pending.take() {
            line.separator(pending, out);
        }
    }

    /// Puts out the letters, joined if they are enough; may leave the last one, if it stays alone.
    fn flush(&mut self, keep_last: bool, line: &mut Line, out: &mut Folded) -> Option<Cell> {
        let mut links = std::mem::take(&mut self.links);
        let is_word = links.len() >= LETTERS && !matches!(line.previous, Some('&' | '#'));
        let mut kept = None;
        let mut word = Vec::new();
        let mut at = 0;
        while at < links.len() {
            let end = if is_word {
                group_end(&links, at)
            } else {
                at + 1
            };
            if let Some(before) = links[at].0 {
                line.separator(before, out);
            }
            if keep_last && end == links.len() && end - at == 1 {
                kept = Some(links[at].1);
                break;
            }
            word.extend(links[at..end].iter().map(|&(_, cell)| cell));
            if end - at > 1 && !is_alphabet_list(&word) {
                out.stats.spaced_words = out.stats.spaced_words.saturating_add(1);
            }
            if word.len() <= WORD_CHARS {
                line.word(&mut word, true, None, out);
            } else {
                word::turn_all(&mut word, line.is_latin_around());
            }
            for cell in word.drain(..) {
                line.put(cell, out);
            }
            at = end;
        }
        links.clear();
        self.links = links;
        kept
    }
}

/// The end of the word that begins at `start`: up to the next wide gap.
fn group_end(links: &[(Option<Separator>, Cell)], start: usize) -> usize {
    let is_break = |at: usize| {
        links
            .get(at)
            .is_none_or(|(before, _)| before.is_some_and(|before| before.is_wide))
    };
    let mut end = start + 1;
    if !is_break(end) {
        while !is_break(end) {
            end += 1;
        }
        return end;
    }
    // Every letter between wide gaps: then the wide gap is the separator.
    while end < links.len() && is_break(end) && is_break(end + 1) {
        end += 1;
    }
    if end - start >= LETTERS {
        end
    } else {
        start + 1
    }
}

/// "A B C D …": an index, not a hidden word.
fn is_alphabet_list(word: &[Cell]) -> bool {
    word.windows(2).all(|pair| pair[0].c < pair[1].c)
}

/// Signs, and a letter of a script without spaces: "b的i的t的c的o的i的n".
fn can_join(c: char) -> bool {
    (c >= '\u{e00}' && c.is_alphabetic())
        || matches!(
            c,
            ' ' | '.'
                | '-'
                | '_'
                | '*'
                | '/'
                | '\\'
                | '|'
                | '+'
                | '='
                | '~'
                | '^'
                | '\''
                | '"'
                | ','
                | '·'
                | '•'
                | '∙'
                | ':'
                | ';'
                | '#'
                | '<'
                | '>'
                | '?'
                | '%'
        )
}
