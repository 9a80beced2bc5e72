//! Which patterns could hold by where each of their words stands.
//!
//! The last and dearest question of a first look, asked for few signals: the places of their words are
//! put together as a scan does it. What comes out is never less than what a scan finds.

use crate::classify::find::{MOST_PLACES, Span, sequence, set};
use crate::classify::matcher::asked::Asked;
use crate::classify::matcher::glance::{Glance, NUMBER, different, distance};
use crate::classify::matcher::overview::{Languages, Overview, Rule};
use crate::classify::matcher::phrases::Phrase;
use crate::classify::matcher::scan::UNLESS_REACH;

/// Of longer texts only a scan can tell, in words.
const MOST_WORDS: usize = 20_000;
/// Each pattern goes through the places of its words: with more of them a scan is not dearer.
const MOST_SPANS: usize = 4_000;

/// Where a name stands.
#[derive(Clone, Debug)]
enum Places {
    Known(Vec<Span>),
    /// It could be anywhere.
    Anywhere,
}

impl Places {
    fn is_nowhere(&self) -> bool {
        matches!(self, Self::Known(spans) if spans.is_empty())
    }

    fn add(&mut self, more: &Self) {
        match (&mut *self, more) {
            (Self::Known(spans), Self::Known(more)) => spans.extend_from_slice(more),
            _ => *self = Self::Anywhere,
        }
    }
}

/// Where the names of one language stand.
struct Table<'g> {
    overview: &'g Overview,
    /// The number of each name that was found; 0 for the others.
    numbers: Vec<u16>,
    /// By that number.
    names: Vec<Places>,
    /// The same, only where a scan surely finds them.
    sure: Vec<Vec<Span>>,
}

impl Table<'_> {
    fn clear(&mut self) {
        for places in &mut self.names {
            match places {
                Places::Known(spans) => spans.clear(),
                Places::Anywhere => *places = Places::Known(Vec::new()),
            }
        }
        for spans in &mut self.sure {
            spans.clear();
        }
    }

    fn name(&mut self, name: u32) -> &mut Places {
        &mut self.names[usize::from(self.numbers[name as usize])]
    }

    /// The places of any name of an element, in the order of the text; `None` where it could be anywhere.
    fn any(&self, element: u32) -> Option<Vec<Span>> {
        let mut all = Vec::new();
        for &name in &self.overview.elements[element as usize] {
            match &self.names[usize::from(self.numbers[name as usize])] {
                Places::Known(spans) => all.extend_from_slice(spans),
                Places::Anywhere => return None,
            }
        }
        all.sort_unstable();
        Some(all)
    }

    /// Where a rule could hold.
    fn hold(&self, rule: &Rule) -> Places {
        let mut elements = Vec::with_capacity(rule.needs.len());
        let mut is_known = !rule.is_regex();
        for &need in &rule.needs {
            match self.any(need) {
                Some(spans) if spans.is_empty() => return Places::Known(Vec::new()),
                Some(spans) => elements.push(spans),
                None => is_known = false,
            }
        }
        if !is_known {
            return Places::Anywhere;
        }
        let count = elements.len();
        let spans = |index: usize| std::mem::take(&mut elements[index]);
        let found = match rule.order.is_empty() {
            true => set(count, rule.reach, spans),
            false => sequence(&rule.gaps().collect::<Vec<_>>(), spans),
        };
        // What a scan keeps of so many could be others.
        match found.len() >= MOST_PLACES {
            true => Places::Anywhere,
            false => Places::Known(found),
        }
    }

    /// Could a rule hold somewhere where nothing excuses it?
    fn says(&self, rule: &Rule) -> bool {
        let Places::Known(found) = self.hold(rule) else {
            return true;
        };
        let mut found = found.iter();
        found.any(|span| {
            let excuses = rule.unless.iter().map(|&name| self.numbers[name as usize]);
            let mut words = excuses.flat_map(|number| &self.sure[usize::from(number)]);
            // A scan may find it begun before and ended behind this: what is so near excuses that too.
            !words.any(|word| word.start.abs_diff(span.start) <= UNLESS_REACH)
        })
    }
}

impl Glance<'_> {
    /// What those of some rules of [`Self::near`] give that could hold by where each word stands.
    pub(super) fn placed(&self, near: Vec<(usize, Languages)>) -> Vec<u16> {
        let all = self.signals(near.iter().map(|(rule, _)| *rule));
        if self.sequence.len() > MOST_WORDS || near.is_empty() {
            return all;
        }
        let overview = self.overview;
        let asked = Asked::new(overview, near);
        let (numbers, count) = asked.numbers();
        let phrases = asked.phrases(self);
        let spoken = asked.by_language(&numbers, &phrases);
        let at = self.numbers();
        let Some((located, digits)) = self.spans(&phrases, &at) else {
            return all;
        };
        let mut table = Table {
            overview,
            numbers,
            names: vec![Places::Known(Vec::new()); count],
            sure: vec![Vec::new(); count],
        };
        // A scan of a longer text may not come to the words that excuse.
        let may_excuse = self.is_short();
        let mut held: Vec<u16> = Vec::new();
        for one in &spoken {
            table.clear();
            let signs = self.by_signs();
            for phrase in signs.filter(|it| it.languages & one.language != 0) {
                table
                    .name(phrase.name)
                    .add(&self.sign_spans(phrase.first, &at));
            }
            if let Some(number) = overview.number.filter(|_| !digits.is_nowhere()) {
                table.name(number).add(&digits);
            }
            for &(name, phrase) in &one.phrases {
                let (name, phrase) = (usize::from(name), phrase as usize);
                table.names[name].add(&located[phrase]);
                if let Places::Known(spans) = &located[phrase]
                    && may_excuse
                    && phrases[phrase].is_exact
                {
                    table.sure[name].extend_from_slice(spans);
                }
            }
            for derive in asked.derives(one.language) {
                let places = table.hold(derive);
                table.name(derive.gives).add(&places);
            }
            for rule in &one.rules {
                let signal = rule.gives as u16;
                if !held.contains(&signal) && table.says(rule) {
                    held.push(signal);
                }
            }
        }
        held
    }

    /// The number of each word of the sequence, as [`Words`](crate::classify::words::Words) counts them; only
    /// great distances are told shorter.
    fn numbers(&self) -> Vec<u32> {
        let mut number = 0;
        let mut signed = self.signed.iter().peekable();
        let words = (0u32..).zip(&self.sequence);
        let at = words.map(|(index, &word)| {
            number += distance(word);
            let Some((_, taken, begun)) = signed.next_if(|it| it.0 == index) else {
                return number;
            };
            number = number + begun.first - taken;
            let first = number;
            number += begun.all - begun.first;
            first
        });
        at.collect()
    }

    /// Is this word of the sequence a run of letters without spaces? What is in it could be any of its words.
    fn is_run(&self, index: u32) -> bool {
        self.signed.binary_search_by_key(&index, |it| it.0).is_ok()
    }

    /// Where phrases that begin with a sign could stand: as a scan tells it, at the word before.
    fn sign_spans(&self, first: u8, at: &[u32]) -> Places {
        if self.has_many_signs {
            return Places::Anywhere;
        }
        let mut spans = Vec::new();
        for &(_, place) in self.sign_places.iter().filter(|it| it.0 == first) {
            match at.get(place as usize) {
                Some(&number) if !self.is_run(place) => spans.push(span(number, number)),
                _ => return Places::Anywhere,
            }
        }
        Places::Known(spans)
    }

    /// Where phrases and numbers stand; `None` where there are too many places.
    fn spans(&self, phrases: &[&Phrase], at: &[u32]) -> Option<(Vec<Places>, Places)> {
        let overview = self.overview;
        let seen = |word: u32| usize::from(self.seen[word as usize]);
        let mut is_first = vec![false; self.found.len() + 1];
        for phrase in phrases {
            is_first[seen(overview.words(phrase)[0])] = true;
        }
        // By the number of a different word: which of these first words it has.
        let firsts: Vec<Vec<u32>> = (0..self.different.len() as u32)
            .map(|word| {
                let is_wanted = |part: &&u32| **part == NUMBER || is_first[seen(**part)];
                self.parts_of(word)
                    .iter()
                    .filter(is_wanted)
                    .copied()
                    .collect()
            })
            .collect();
        let is_run = |index: usize| self.is_run(index as u32);
        let mut places: Vec<Vec<usize>> = vec![Vec::new(); self.found.len() + 1];
        let mut digits = Vec::new();
        let mut has_digits_anywhere = false;
        for (index, &word) in self.sequence.iter().enumerate() {
            for &part in &firsts[different(word)] {
                match part {
                    NUMBER if is_run(index) => has_digits_anywhere = true,
                    NUMBER => digits.push(span(at[index], at[index])),
                    part => places[seen(part)].push(index),
                }
            }
        }
        let mut count = digits.len();
        let mut located = Vec::with_capacity(phrases.len());
        for phrase in phrases {
            let words = overview.words(phrase);
            let mut spans = Vec::new();
            let mut is_anywhere = false;
            for &first in &places[seen(words[0])] {
                let mut rest = (first + 1..).zip(&words[1..]);
                if rest.all(|(index, &word)| self.has(index, word)) {
                    let last = first + words.len() - 1;
                    is_anywhere |= (first..=last).any(is_run);
                    spans.push(span(at[first], at[last]));
                }
            }
            count += spans.len();
            if count > MOST_SPANS {
                return None;
            }
            located.push(match is_anywhere {
                true => Places::Anywhere,
                false => Places::Known(spans),
            });
        }
        let digits = match has_digits_anywhere {
            true => Places::Anywhere,
            false => Places::Known(digits),
        };
        Some((located, digits))
    }
}

/// From the first to the last word.
fn span(first: u32, last: u32) -> Span {
    Span {
        start: first,
        end: last + 1,
        at: first,
    }
}

#[cfg(test)]
mod tests {
    use crate::classify::matcher::tests::{english, matcher_of};
    use crate::classify::matcher::{Desk, Matcher};
    use crate::classify::words::{Words, is_word_byte};
    use std::collections::HashSet;

    /// Does a scan find this signal in a text, and could it be there by how near its words stand, and by where
    /// each of them does?
    fn seen(matcher: &Matcher, text: &str, id: &str) -> (bool, bool, bool) {
        let is_it = |signal: &u16| matcher.signal_id(*signal) == id;
        let scan = matcher.scan(text, &mut Desk::default());
        let is_said = scan.said.iter().any(|said| is_it(&said.signal));
        let mut glance = matcher.glance_at_keys().expect("few languages");
        glance.look(text);
        let near = glance.near();
        let rules = near.iter().map(|(rule, _)| *rule);
        let is_near = glance.signals(rules).iter().any(is_it);
        (is_said, is_near, glance.placed(near).iter().any(is_it))
    }

    #[test]
    fn what_excuses_a_pattern_is_seen_and_never_too_far_away() {
        let matcher = english();
        let pattern = "on the left the video and you";
        let (mut excused, mut said) = (0, 0);
        for count in 0..16 {
            let filler = "blue ".repeat(count);
            for text in [
                format!("scammers {filler}{pattern}"),
                format!("{pattern} {filler}scammers"),
            ] {
                let (is_said, is_near, is_placed) = seen(&matcher, &text, "recording.split-screen");
                assert!(is_near, "{text}");
                assert!(is_placed || !is_said, "{text}");
                said += usize::from(is_said);
                excused += usize::from(!is_placed);
            }
        }
        assert!(said > 8 && excused > 4, "{said} said, {excused} excused");
    }

    #[test]
    fn a_sign_stands_where_it_is_written() {
        let matcher = english();
        let (mut said, mut refused) = (0, 0);
        for count in 0..24 {
            let filler = "blue ".repeat(count);
            for text in [
                format!("moneygram {filler}$ 900 in the end"),
                format!("$ 900 {filler}moneygram"),
                format!("moneygram {filler}$, and 900 trees"),
                format!("a $ and moneygram {filler}900 trees"),
            ] {
                let (is_said, _, is_placed) = seen(&matcher, &text, "payment.voucher");
                assert_eq!(is_placed, is_said, "{text}");
                said += usize::from(is_said);
                refused += usize::from(!is_placed);
            }
        }
        assert!(said > 16 && refused > 32, "{said} said, {refused} refused");
    }

    #[test]
    fn words_are_counted_as_a_scan_counts_them() {
        let matcher = matcher_of(&["packs/common.toml"]);
        let parts = [
            "i",
            "don",
            "'",
            "''",
            "t",
            " ",
            " ",
            ". ",
            ".' ",
            "! ",
            ";  ",
            "\n",
            "-",
            "\u{2026}",
            "9",
            "\u{e9}t",
            "\u{4f60}\u{597d}",
            "\u{4f60}",
            "\u{3042}",
            "\u{ac00}\u{b098}",
        ];
        let mut dice = 0x8826_u64;
        for _ in 0..2_000 {
            let mut text = String::new();
            for _ in 0..12 {
                dice = dice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                text += parts[(dice >> 33) as usize % parts.len()];
            }
            let mut words = Words::default();
            words.extend(text.as_bytes(), 0);
            let bytes = text.as_bytes();
            let starts = (0..bytes.len())
                .filter(|&at| is_word_byte(bytes[at]) && (at == 0 || !is_word_byte(bytes[at - 1])));
            let expected: Vec<u32> = starts
                .map(|at| words.number(words.word_at(at, 0)))
                .collect();
            let mut glance = matcher.glance_at_keys().expect("one language");
            glance.look(&text);
            let is_run = |index| glance.signed.iter().any(|it| it.0 == index);
            let told = (0u32..).zip(glance.numbers().into_iter().zip(expected));
            // The words of a run of letters without spaces have no places of their own.
            let ahead: HashSet<u32> = told
                .filter(|(index, _)| !is_run(*index))
                .map(|(_, (number, expected))| number - expected)
                .collect();
            assert!(ahead.len() <= 1, "{text:?}: {ahead:?}");
        }
    }
}
