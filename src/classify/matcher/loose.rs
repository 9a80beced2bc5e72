//! Texts that may begin inside a word.

use crate::classify::matcher::scan::Notes;
use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};

/// Texts that may begin anywhere.
#[derive(Clone, Debug)]
pub(super) struct Loose<A> {
    automaton: A,
    pub(super) start: StateID,
    /// Number and length of the text of each pattern.
    texts: Vec<(u32, u32)>,
}

impl<A: Automaton> Loose<A> {
    pub(super) fn new(texts: &[(&str, u32)], build: impl Fn(Vec<&str>) -> A) -> Self {
        let automaton = build(texts.iter().map(|(text, _)| *text).collect());
        Self {
            start: automaton
                .start_state(Anchored::No)
                .expect("the automaton is built with the default start kind, unanchored"),
            automaton,
            texts: texts
                .iter()
                .map(|(text, number)| (*number, text.len() as u32))
                .collect(),
        }
    }

    pub(super) fn begin(&self) -> Walk {
        Walk {
            state: self.start,
            at: 0,
            waiting: Vec::new(),
            near: 0,
        }
    }

    /// Goes on to `until` and notes every text whose right neighbour is known.
    pub(super) fn walk(&self, walk: &mut Walk, until: usize, notes: &mut Notes<'_>) {
        let bytes = notes.text.as_bytes();
        if walk.at < bytes.len() || notes.is_last {
            for (number, start) in std::mem::take(&mut walk.waiting) {
                notes.note(number, start, walk.at, false, &mut walk.near);
            }
        }
        while walk.at < until {
            walk.state = self
                .automaton
                .next_state(Anchored::No, walk.state, bytes[walk.at]);
            walk.at += 1;
            if !self.automaton.is_match(walk.state) {
                continue;
            }
            for index in 0..self.automaton.match_len(walk.state) {
                let pattern = self.automaton.match_pattern(walk.state, index);
                let (number, length) = self.texts[pattern.as_usize()];
                let start = walk.at - length as usize;
                if walk.at < bytes.len() || notes.is_last {
                    notes.note(number, start, walk.at, false, &mut walk.near);
                } else {
                    walk.waiting.push((number, start));
                }
            }
        }
    }
}

/// How far an automaton has come.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) state: StateID,
    pub(super) at: usize,
    /// Number and start of texts that end where the text ends so far.
    pub(super) waiting: Vec<(u32, usize)>,
    pub(super) near: usize,
}

/// Does this byte begin a letter of a script that most mail has nothing of? Hebrew, Arabic and all
/// behind them, without the punctuation and signs of U+2000..U+2FFF.
pub(super) fn is_foreign(byte: u8) -> bool {
    matches!(byte, 0xd6..=0xe1 | 0xe3..=0xed)
}
