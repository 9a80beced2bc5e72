//! Addresses in several parts: groups of equal length, and halves that the reader shall join.

use crate::classify::wallets::prove::{self, Budget, MOST_CHARS, Proof};
use crate::classify::wallets::{Compact, runs};
use std::collections::VecDeque;
use std::ops::Range;

/// Longer groups are words.
const GROUP_CHARS: usize = 12;
/// As many groups as the longest address has characters.
const GROUPS: usize = 128;
/// So many fragments are remembered; halves stand close together.
const FRAGMENTS: usize = 8;
/// The shortest part of an address that is worth a join.
const LEAST_CHARS: usize = 4;

/// Tokens of equal length in a row.
#[derive(Debug, Default)]
pub(super) struct Group {
    chars: usize,
    tokens: Vec<Range<usize>>,
    /// Does it hold what an address of TON begins with, whose digits are those of base64?
    is_ton: bool,
}

/// The digits of TON addresses that are no letters.
pub(super) fn is_ton_sign(c: char) -> bool {
    matches!(c, '-' | '_')
}

/// Does a text begin as an address of TON does, spaces and the like apart?
pub(super) fn begins_ton(text: &str) -> bool {
    let mut letters = text.chars().filter(char::is_ascii_alphanumeric);
    matches!(letters.next(), Some('E' | 'U')) && matches!(letters.next(), Some('Q' | 'f'))
}

impl Group {
    /// Characters of each token.
    pub(super) fn chars(&self) -> usize {
        self.chars
    }

    /// The characters of a token that has so many letters and digits: in what may be an address
    /// of TON its signs count too.
    pub(super) fn size(&mut self, token: &str, chars: usize) -> usize {
        if self.tokens.is_empty() {
            self.is_ton = token.starts_with(['E', 'U']);
        } else {
            // "wallet: EQabcd …": the word before it may be as long as the groups.
            self.is_ton |= token.len() > 2 && begins_ton(token);
        }
        let is_digit = |c: char| c.is_ascii_alphanumeric() || is_ton_sign(c);
        match self.is_ton && token.len() <= GROUP_CHARS && token.chars().all(is_digit) {
            true => token.len(),
            false => chars,
        }
    }

    /// Is a token with so many characters one more of the same?
    pub(super) fn takes(&self, chars: usize) -> bool {
        self.tokens.is_empty() || chars == 0 || (chars == self.chars && self.tokens.len() < GROUPS)
    }

    pub(super) fn push(&mut self, token: Range<usize>, chars: usize) {
        // A sign alone stands between the groups.
        if chars == 0 || chars > GROUP_CHARS {
            return;
        }
        if self.tokens.is_empty() {
            self.chars = chars;
        }
        self.tokens.push(token);
    }

    /// Takes a word of prose as [`Self::push`] does, where no address can end before it.
    pub(super) fn takes_prose(&mut self, word: Range<usize>, chars: usize) -> bool {
        if !self.takes(chars) {
            // With this word, if it is a shorter rest, there are two.
            if self.tokens.len() > 1 {
                return false;
            }
            self.tokens.clear();
        }
        self.is_ton &= !self.tokens.is_empty();
        self.push(word, chars);
        true
    }

    /// Forgets tokens that are too few for an address, and keeps the memory.
    pub(super) fn drop_few(&mut self) -> bool {
        let total: usize = self.tokens.iter().map(Range::len).sum();
        let are_few = self.tokens.len() < 3 || total < 25;
        if are_few {
            self.tokens.clear();
        }
        are_few
    }

    pub(super) fn take(&mut self) -> Vec<Range<usize>> {
        std::mem::take(&mut self.tokens)
    }
}

/// A run of characters that may be a part of an address.
#[derive(Clone, Debug)]
pub(super) struct Part {
    text: String,
    pub(super) piece: usize,
    pub(super) range: Range<usize>,
}

impl Part {
    /// The part that a token with foreign letters is read as.
    pub(super) fn of(compact: &Compact, piece: usize) -> Option<Self> {
        let (first, last) = (compact.spots.first()?, compact.spots.last()?);
        is_odd(&compact.text).then(|| Self {
            text: compact.text.clone(),
            piece,
            range: first.start..last.end,
        })
    }
}

/// The longest run of letters and digits, if it looks like a part of an address.
pub(super) fn longest_run(body: &str, offset: usize, piece: usize) -> Option<Part> {
    let (start, end) = runs(body, |byte| byte.is_ascii_alphanumeric())
        .into_iter()
        .max_by_key(|(start, end)| end - start)?;
    let text = &body[start..end];
    is_odd(text).then(|| Part {
        text: text.to_owned(),
        piece,
        range: offset + start..offset + end,
    })
}

/// Is it neither a word, nor a number, nor a number with a unit?
fn is_odd(text: &str) -> bool {
    if !(LEAST_CHARS..=MOST_CHARS).contains(&text.len()) {
        return false;
    }
    let bytes = text.as_bytes();
    let changes = bytes
        .windows(2)
        .filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit())
        .count();
    let capitals = bytes[1..]
        .iter()
        .filter(|byte| byte.is_ascii_uppercase())
        .count();
    let is_mixed = capitals > 0 && bytes.iter().any(u8::is_ascii_lowercase);
    changes >= 2 || (is_mixed && (capitals > 1 || changes > 0))
}

/// The last fragments, over the borders of lines and pieces.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    last: VecDeque<Part>,
}

impl Fragments {
    /// Joins the new part with those before it; gives the proof with its first and last part.
    pub(super) fn join(&mut self, part: Part, budget: &mut Budget) -> Option<(Proof, Part, Part)> {
        let found = self.pair(&part, budget).or_else(|| self.row(&part, budget));
        if found.is_some() {
            self.last.clear();
            return found;
        }
        if self.last.len() == FRAGMENTS {
            self.last.pop_front();
        }
        self.last.push_back(part);
        None
    }

    /// Two halves, in either order.
    fn pair(&self, part: &Part, budget: &mut Budget) -> Option<(Proof, Part, Part)> {
        for other in self.last.iter().rev() {
            for (first, second) in [(other, part), (part, other)] {
                let chars = first.text.len() + second.text.len();
                if !prove::forms(&first.text)
                    .iter()
                    .any(|&form| prove::can_have(form, chars))
                {
                    continue;
                }
                let joined = format!("{}{}", first.text, second.text);
                if let Some(proof) = prove::whole(&joined, budget) {
                    return Some((proof, other.clone(), part.clone()));
                }
            }
        }
        None
    }

    /// Three or more parts in a row.
    fn row(&self, part: &Part, budget: &mut Budget) -> Option<(Proof, Part, Part)> {
        let mut chars = part.text.len();
        for (at, other) in self.last.iter().enumerate().rev() {
            chars += other.text.len();
            if chars > MOST_CHARS {
                break;
            }
            let is_start = prove::forms(&other.text)
                .iter()
                .any(|&form| prove::can_have(form, chars));
            if !is_start || at + 1 == self.last.len() {
                continue;
            }
            let parts = self.last.range(at..).chain(std::iter::once(part));
            let joined: String = parts.map(|part| part.text.as_str()).collect();
            if let Some(proof) = prove::whole(&joined, budget) {
                return Some((proof, other.clone(), part.clone()));
            }
        }
        None
    }
}
