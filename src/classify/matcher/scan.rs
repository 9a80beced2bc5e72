//! One text is gone through, and its patterns are looked at.

use crate::classify::find::{Find, Span};
use crate::classify::matcher::gate::Open;
use crate::classify::matcher::loose::{Walk, is_foreign};
use crate::classify::matcher::{Matcher, Said, Scan};
use crate::classify::words::{Words, is_word_byte};

/// How far from a pattern a word of its `unless` excuses it, in words.
pub(super) const UNLESS_REACH: u32 = 6;
/// The most words of the packs that are noted in one text; what comes later is not judged.
const MOST_HITS: usize = 60_000;
/// So many bytes of a text are gone through by one search before the next one looks at them.
const STRIDE: usize = 16 * 1024;

/// What all scans of one message share, so that memory is asked for once.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    words: Words,
    hits: Vec<Hit>,
    sorted: Vec<Hit>,
    common: Vec<u16>,
    /// The places of each name of the language that is looked at; empty between languages.
    slots: Vec<Vec<Span>>,
    touched: Vec<u16>,
    open: Open,
}

/// One word of a pack that was found.
#[derive(Clone, Copy, Debug)]
struct Hit {
    language: u8,
    name: u16,
    span: Span,
}

/// Where texts that were found are noted, if their edges are right.
pub(super) struct Notes<'n> {
    matcher: &'n Matcher,
    pub(super) text: &'n str,
    pub(super) is_last: bool,
    words: &'n Words,
    hits: &'n mut Vec<Hit>,
    is_cut: &'n mut bool,
}

impl Notes<'_> {
    pub(super) fn note(
        &mut self,
        number: u32,
        start: usize,
        end: usize,
        is_start: bool,
        near: &mut usize,
    ) {
        let is_end = self
            .text
            .as_bytes()
            .get(end)
            .is_none_or(|&byte| !is_word_byte(byte));
        let is_latin = |at: Option<usize>| {
            at.and_then(|at| self.text.as_bytes().get(at))
                .is_some_and(u8::is_ascii_alphabetic)
        };
        let range = self.matcher.targets_of[number as usize].clone();
        let mut span = None;
        for target in &self.matcher.targets[range.start as usize..range.end as usize] {
            if (target.right && !is_end)
                || (target.right_latin && is_latin(Some(end)))
                || (target.left_latin && is_latin(start.checked_sub(1)))
                || (target.left && !is_start && !self.is_left_edge(start, target.language))
            {
                continue;
            }
            if self.hits.len() >= MOST_HITS {
                *self.is_cut = true;
                return;
            }
            let span = *span.get_or_insert_with(|| {
                let first = self.words.word_at(start, *near);
                let last = self.words.word_at(end - 1, first);
                *near = first;
                Span {
                    start: self.words.number(first),
                    end: self.words.number(last) + 1,
                    at: start as u32,
                }
            });
            self.hits.push(Hit {
                language: target.language,
                name: target.name,
                span,
            });
        }
    }

    /// Does a word begin at `start`? Hebrew and Arabic hang short words before it.
    fn is_left_edge(&self, start: usize, language: u8) -> bool {
        if start == 0 || !is_word_byte(self.text.as_bytes()[start - 1]) {
            return true;
        }
        let proclitics = &self.matcher.languages[usize::from(language)].proclitics;
        if proclitics.is_empty() {
            return false;
        }
        let mut before = self.text[..start].chars().rev();
        for _ in 0..4 {
            match before.next() {
                Some(letter) if proclitics.contains(&letter) => {}
                Some(letter) => return letter.is_ascii() && !letter.is_ascii_alphanumeric(),
                None => return true,
            }
        }
        false
    }
}

/// A scan in progress: the state of every search is carried from chunk to chunk.
#[derive(Debug)]
pub(crate) struct Scanner<'m> {
    matcher: &'m Matcher,
    desk: &'m mut Desk,
    /// Up to here words were looked up.
    at: usize,
    near: usize,
    loose: Walk,
    foreign: Walk,
    counted: usize,
    is_cut: bool,
}

impl<'m> Scanner<'m> {
    /// Begins a text.
    pub(crate) fn new(matcher: &'m Matcher, desk: &'m mut Desk) -> Self {
        desk.words.clear();
        desk.hits.clear();
        Self {
            matcher,
            desk,
            at: 0,
            near: 0,
            loose: matcher.loose.begin(),
            foreign: matcher.foreign.begin(),
            counted: 0,
            is_cut: false,
        }
    }

    /// Goes on to the end of `text`, which holds all that was given before and what is new.
    pub(crate) fn advance(&mut self, text: &str, is_last: bool) {
        let bytes = text.as_bytes();
        let desk = &mut *self.desk;
        desk.words.extend(bytes, self.counted);
        let matcher = self.matcher;
        let mut notes = Notes {
            matcher,
            text,
            is_last,
            words: &desk.words,
            hits: &mut desk.hits,
            is_cut: &mut self.is_cut,
        };
        let mut until = self.counted;
        self.counted = bytes.len();
        // In strides, so that the first words of a text are noted first, whichever search finds them.
        while until < bytes.len() || (is_last && until == bytes.len()) {
            let from = until;
            until = bytes.len().min(from + STRIDE);
            let near = &mut self.near;
            self.at = matcher
                .lexicon
                .walk(bytes, self.at, until, is_last, |number, start, end| {
                    notes.note(number, start, end, true, near);
                });
            matcher.loose.walk(&mut self.loose, until, &mut notes);
            let walk = &mut self.foreign;
            let is_plain = walk.state == matcher.foreign.start
                && walk.waiting.is_empty()
                && (bytes[walk.at..until].is_ascii()
                    || !bytes[walk.at..until].iter().any(|&byte| is_foreign(byte)));
            if is_plain {
                walk.at = until;
            } else {
                matcher.foreign.walk(walk, until, &mut notes);
            }
            if until == bytes.len() {
                break;
            }
        }
    }

    /// Looks at the patterns.
    pub(crate) fn finish(mut self, text: &str) -> Scan {
        let matcher = self.matcher;
        let mut scan = Scan {
            said: Vec::new(),
            classes: vec![0; matcher.languages.len()],
            words: self.desk.words.count(),
            is_cut: self.is_cut,
        };
        if self.desk.hits.is_empty() {
            return scan;
        }
        self.number_hits(text);
        let ends = self.sort_hits();
        let sorted = std::mem::take(&mut self.desk.sorted);
        let mut common = std::mem::take(&mut self.desk.common);
        let (shared, _) = sorted.split_at(ends[0]);
        common.clear();
        common.extend(shared.iter().map(|hit| hit.name));
        common.sort_unstable();
        common.dedup();
        for index in 0..matcher.languages.len() {
            let start = if index == 0 { ends[0] } else { ends[index - 1] };
            let own = &sorted[start..ends[index]];
            if index == 0 || !own.is_empty() {
                self.language(text, index as u8, (shared, &common), own, &mut scan);
            }
        }
        self.desk.sorted = sorted;
        self.desk.common = common;
        scan
    }

    /// Sorts what was found by language; where each language ends.
    fn sort_hits(&mut self) -> Vec<usize> {
        let Desk { hits, sorted, .. } = &mut *self.desk;
        let mut ends = vec![0; self.matcher.languages.len()];
        for hit in &*hits {
            ends[usize::from(hit.language)] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += std::mem::replace(end, sum);
        }
        sorted.clear();
        sorted.extend_from_slice(hits);
        for hit in &*hits {
            let next = &mut ends[usize::from(hit.language)];
            sorted[*next] = *hit;
            *next += 1;
        }
        ends
    }

    /// Numbers are found by their digits, not by a search: the class `number` of the common pack.
    fn number_hits(&mut self, text: &str) {
        let Some(number) = self.matcher.number else {
            return;
        };
        let bytes = text.as_bytes();
        let Desk { words, hits, .. } = &mut *self.desk;
        for index in 0..words.count() {
            let Some(at) = words.start(index) else {
                break;
            };
            if bytes[at].is_ascii_digit() && hits.len() < MOST_HITS {
                let start = words.number(index);
                let span = Span {
                    start,
                    end: start + 1,
                    at: at as u32,
                };
                hits.push(Hit {
                    language: 0,
                    name: number,
                    span,
                });
            }
        }
    }

    fn language(
        &mut self,
        text: &str,
        index: u8,
        (common, common_names): (&[Hit], &[u16]),
        own: &[Hit],
        scan: &mut Scan,
    ) {
        let language = &self.matcher.languages[usize::from(index)];
        let Desk {
            words,
            slots,
            touched,
            open,
            ..
        } = &mut *self.desk;
        language.gate.close(open);
        let mut classes = 0;
        for hit in own {
            classes += u16::from(language.gate.see(hit.name, open));
        }
        scan.classes[usize::from(index)] = classes;
        if index > 0 && classes < 2 {
            return;
        }
        for &name in common_names {
            language.gate.see(name, open);
        }
        language.gate.rules(language, open);
        if open.rules.is_empty() {
            return;
        }
        if slots.len() < language.names.len() {
            slots.resize_with(language.names.len(), Vec::new);
        }
        for hit in own.iter().chain(common) {
            let slot = &mut slots[usize::from(hit.name)];
            if slot.is_empty() {
                touched.push(hit.name);
            }
            slot.push(hit.span);
        }
        for &name in &*touched {
            let slot = &mut slots[usize::from(name)];
            if !slot.is_sorted() {
                slot.sort_unstable();
            }
        }
        for regex in &language.regexes {
            let mut found = Vec::new();
            let mut done = 0;
            let mut word = 0;
            for near in &slots[usize::from(regex.near)] {
                let at = near.at as usize;
                let from = at.saturating_sub(regex.reach).max(done);
                let to = (at + regex.reach).min(text.len());
                if from >= to {
                    continue;
                }
                for m in regex.regex.find_iter(&text.as_bytes()[from..to]) {
                    word = words.word_at(from + m.start(), word);
                    let last = words.word_at((from + m.end()).saturating_sub(1), word);
                    found.push(Span {
                        start: words.number(word),
                        end: words.number(last) + 1,
                        at: (from + m.start()) as u32,
                    });
                    done = from + m.end();
                }
            }
            touched.push(regex.name);
            add(&mut slots[usize::from(regex.name)], found);
        }
        for (name, find) in &language.derives {
            if may_hold(find, slots) {
                let found = find.places(&|name| &slots[usize::from(name)][..]);
                touched.push(*name);
                add(&mut slots[usize::from(*name)], found);
            }
        }
        for &number in &open.rules {
            let rule = &language.rules[usize::from(number)];
            if !may_hold(&rule.find, slots) {
                continue;
            }
            for span in rule.find.places(&|name| &slots[usize::from(name)][..]) {
                let is_excused = rule.unless.iter().any(|&name| {
                    slots[usize::from(name)].iter().any(|word| {
                        word.start + UNLESS_REACH >= span.start
                            && word.start <= span.end + UNLESS_REACH
                    })
                });
                if !is_excused {
                    scan.said.push(Said {
                        signal: rule.signal,
                        language: index,
                        rule: number,
                        span,
                    });
                }
            }
        }
        for name in touched.drain(..) {
            slots[usize::from(name)].clear();
        }
    }
}

/// Was something found for every element?
fn may_hold(find: &Find, slots: &[Vec<Span>]) -> bool {
    find.elements().iter().all(|element| {
        element
            .iter()
            .any(|&name| !slots[usize::from(name)].is_empty())
    })
}

fn add(slot: &mut Vec<Span>, found: Vec<Span>) {
    if !found.is_empty() {
        slot.extend(found);
        slot.sort_unstable();
        slot.dedup();
    }
}
