//! All patterns of all packs, looked for in one pass over the text.
//!
//! The words of every language are found at once: those that begin where a word of the text begins
//! by their hash, the few others by Aho-Corasick automatons. A pattern is looked at only where its
//! words were found, and only together with words of its own language and of the pack `common`.
//! Regular expressions run only in a window around a word that was found.

use crate::classify::find::{Find, Name, Span};
use crate::classify::lexicon::Lexicon;
use crate::classify::pack::{Edges, Pack, Text};
use crate::classify::words::{Words, is_word_byte};
use crate::diagnose::Diagnostics;
use crate::message::fold;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

/// How far from a pattern a word of its `unless` excuses it, in words.
const UNLESS_REACH: u32 = 6;
/// The most words of the packs that are noted in one text; what comes later is not judged.
const MOST_HITS: usize = 60_000;
/// The most bytes on each side of a word in which a regular expression looks.
const MOST_REACH: usize = 512;
/// So many bytes of a text are gone through by one search before the next one looks at them.
const STRIDE: usize = 16 * 1024;

/// Something that a pattern says was said in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Index of the signal, see [`Matcher::signal_id`].
    pub signal: u16,
    /// Index of the language, see [`Matcher::language`].
    pub language: u8,
    /// Number of the rule in its language.
    pub rule: u16,
    /// Where.
    pub span: Span,
}

/// What was found in one text.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Every pattern that holds, by language and in the order of the packs.
    pub said: Vec<Said>,
    /// How many different word classes of each language were found, by language index.
    pub classes: Vec<u16>,
    /// How many words the text has.
    pub words: usize,
    /// Was the text so dense that not all of it was looked at?
    pub is_cut: bool,
}

#[derive(Clone, Copy, Debug)]
struct Target {
    language: u8,
    name: u16,
    left: bool,
    right: bool,
}

#[derive(Clone, Debug)]
struct Rule {
    signal: u16,
    find: Find,
    unless: Vec<u16>,
}

#[derive(Clone, Debug)]
struct NearRegex {
    name: u16,
    near: u16,
    reach: usize,
    regex: regex::bytes::Regex,
}

#[derive(Clone, Debug, Default)]
struct Language {
    code: String,
    proclitics: Vec<char>,
    names: Vec<String>,
    derives: Vec<(u16, Find)>,
    rules: Vec<Rule>,
    regexes: Vec<NearRegex>,
    gate: Gate,
}

/// The compiled packs.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    /// Texts that are looked for only where a word begins.
    lexicon: Lexicon,
    /// Texts that may begin inside a word.
    loose: Loose<DFA>,
    /// Those of scripts that most mail has no letter of.
    foreign: Loose<NFA>,
    /// Which targets each text has.
    targets_of: Vec<Range<u32>>,
    targets: Vec<Target>,
    languages: Vec<Language>,
    /// The class `number` of the common pack.
    number: Option<u16>,
    signals: Vec<String>,
    reasons: HashMap<String, String>,
}

/// One word of a pack that was found.
#[derive(Clone, Copy, Debug)]
struct Hit {
    language: u8,
    name: u16,
    span: Span,
}

/// Numbers the names of one language: the shared ones first, so that they are the same everywhere.
#[derive(Clone, Debug, Default)]
struct Names {
    list: Vec<String>,
    numbers: HashMap<String, u16>,
}

impl Names {
    fn number(&mut self, name: &str) -> u16 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.list.len() as u16;
        self.list.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

struct Builder<'p> {
    texts: HashMap<String, usize>,
    literals: Vec<(String, Vec<Target>)>,
    signals: Names,
    problems: &'p mut Diagnostics,
}

impl Builder<'_> {
    fn literal(&mut self, pack: &Pack, language: u8, name: u16, text: &str) -> Result<(), String> {
        let (open_left, rest) = match text.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (open_right, bare) = match rest.strip_suffix('*') {
            Some(bare) => (true, bare),
            None => (false, rest),
        };
        let folded = fold(bare).text;
        let folded = folded.trim();
        if folded.is_empty() {
            return Err("nothing is left of this word when it is normalised".to_owned());
        }
        let (left, right) = match pack.edges {
            Edges::Both => (!open_left, !open_right),
            Edges::Left => (!open_left, false),
            Edges::None => (false, false),
        };
        let bytes = folded.as_bytes();
        let target = Target {
            language,
            name,
            left: left && is_word_byte(bytes[0]),
            right: right && is_word_byte(bytes[bytes.len() - 1]),
        };
        let index = *self.texts.entry(folded.to_owned()).or_insert_with(|| {
            self.literals.push((folded.to_owned(), Vec::new()));
            self.literals.len() - 1
        });
        let targets = &mut self.literals[index].1;
        // A wider edge of the same word makes the narrower one useless.
        match targets
            .iter_mut()
            .find(|t| t.language == language && t.name == name)
        {
            Some(known) => {
                known.left &= target.left;
                known.right &= target.right;
            }
            None => targets.push(target),
        }
        Ok(())
    }

    /// A phrase with words of any ending inside: `adult* site*` is its pieces, one behind the other.
    fn phrase(
        &mut self,
        pack: &Pack,
        language: u8,
        names: &mut Names,
        pieces: &[String],
    ) -> Result<Find, String> {
        let mut elements = Vec::new();
        for piece in pieces {
            let number = names.number(&format!("'{piece}'"));
            self.literal(pack, language, number, piece)?;
            elements.push(vec![number]);
        }
        let gaps = vec![0; elements.len() - 1];
        Ok(Find::Sequence { elements, gaps })
    }

    /// Parses the patterns of one key; literals in them become names of their own.
    fn finds(
        &mut self,
        source: &Pack,
        language: u8,
        names: &mut Names,
        finds: &[Text],
    ) -> Vec<Find> {
        let mut parsed = Vec::new();
        for text in finds {
            let result = Find::parse(&text.value, &mut |name| match name {
                Name::Class(class) => match names.numbers.get(class) {
                    Some(&number) => Ok(number),
                    None => Err(format!("there is no word class \"{class}\"")),
                },
                Name::Literal(literal) => {
                    let number = names.number(&format!("'{literal}'"));
                    self.literal(source, language, number, literal)?;
                    Ok(number)
                }
            });
            match result {
                Ok(find) => parsed.push(find),
                Err(mistake) => {
                    // The opening quote of the TOML string stands before the pattern.
                    let start = text.span.start + 1;
                    let range = start + mistake.range.start..start + mistake.range.end;
                    self.problems.error(&source.source, range, mistake.what);
                }
            }
        }
        parsed
    }

    /// Compiles one language from its own packs and the common ones.
    fn language(&mut self, index: u8, own: &[&Pack], common: &[&Pack], shared: &Names) -> Language {
        let mut names = shared.clone();
        let mut language = Language::default();
        for pack in own {
            language.code.clone_from(&pack.language);
            language.proclitics.extend(&pack.proclitics);
            pack.class_names().for_each(|class| {
                names.number(class);
            });
            for (class, texts) in &pack.words {
                let number = names.number(class);
                for text in texts {
                    let result = match pieces(&text.value) {
                        Some(pieces) => self
                            .phrase(pack, index, &mut names, &pieces)
                            .map(|find| language.derives.push((number, find))),
                        None => self.literal(pack, index, number, &text.value),
                    };
                    if let Err(what) = result {
                        self.problems.error(&pack.source, text.span.clone(), what);
                    }
                }
            }
        }
        for source in own.iter().chain(common) {
            for (class, finds) in &source.derive {
                let number = names.number(class);
                let finds = self.finds(source, index, &mut names, finds);
                language
                    .derives
                    .extend(finds.into_iter().map(|find| (number, find)));
            }
            for regex in &source.regexes {
                let Some(near) = self.class(source, &names, &regex.near) else {
                    continue;
                };
                let compiled = regex::bytes::RegexBuilder::new(&regex.pattern.value)
                    .unicode(false)
                    .size_limit(1 << 20)
                    .build();
                match compiled {
                    Ok(compiled) => language.regexes.push(NearRegex {
                        name: names.number(&regex.class.value),
                        near,
                        reach: regex.reach.min(MOST_REACH),
                        regex: compiled,
                    }),
                    Err(error) => {
                        let what = format!("not a regular expression: {error}");
                        self.problems
                            .error(&source.source, regex.pattern.span.clone(), what);
                    }
                }
            }
            for pattern in &source.patterns {
                let signal = self.signals.number(&pattern.id.value);
                let unless: Vec<u16> = pattern
                    .unless
                    .iter()
                    .filter_map(|class| self.class(source, &names, class))
                    .collect();
                for find in self.finds(source, index, &mut names, &pattern.find) {
                    language.rules.push(Rule {
                        signal,
                        find,
                        unless: unless.clone(),
                    });
                }
            }
        }
        if let Err(class) = sort_by_need(&mut language.derives) {
            let name = &names.list[usize::from(class)];
            for pack in own {
                let what = format!("derived class \"{name}\" is made of itself");
                self.problems.error(&pack.source, 0..0, what);
            }
        }
        language.names = names.list;
        language
    }

    fn class(&mut self, pack: &Pack, names: &Names, class: &Text) -> Option<u16> {
        let number = names.numbers.get(&class.value).copied();
        if number.is_none() {
            let what = format!("there is no word class \"{}\"", class.value);
            self.problems.error(&pack.source, class.span.clone(), what);
        }
        number
    }
}

/// The pieces of a phrase that has a `*` inside; `None` for a plain word or phrase.
fn pieces(text: &str) -> Option<Vec<String>> {
    let inner = text.trim_matches('*');
    if !inner.contains('*') {
        return None;
    }
    let mut pieces: Vec<String> = Vec::new();
    let mut is_open = false;
    for word in text.split_whitespace() {
        match pieces.last_mut() {
            // Words without a star stay together: they are found as one.
            Some(last) if is_open && !word.starts_with('*') => {
                last.push(' ');
                last.push_str(word);
            }
            _ => pieces.push(word.to_owned()),
        }
        is_open = !word.ends_with('*');
    }
    Some(pieces)
}

/// Puts derived classes behind those that they are made of; on a circle, a class that lies on it.
fn sort_by_need(derives: &mut Vec<(u16, Find)>) -> Result<(), u16> {
    let mut rest = std::mem::take(derives);
    while !rest.is_empty() {
        let open: Vec<u16> = rest.iter().map(|(name, _)| *name).collect();
        let (ready, later): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(_, find)| {
            !find
                .elements()
                .iter()
                .flatten()
                .any(|name| open.contains(name))
        });
        if ready.is_empty() {
            return Err(open[0]);
        }
        derives.extend(ready);
        rest = later;
    }
    Ok(())
}

impl Matcher {
    /// Compiles packs; `packs[0]` is `common`, whose classes, derived classes and patterns hold in every language.
    ///
    /// Every problem in every pack is added to `problems`; `None` where there was one.
    pub(crate) fn new(packs: &[Pack], problems: &mut Diagnostics) -> Option<Self> {
        let mut builder = Builder {
            texts: HashMap::new(),
            literals: Vec::new(),
            signals: Names::default(),
            problems,
        };
        let mut codes: Vec<&str> = Vec::new();
        for pack in packs {
            if !codes.contains(&pack.language.as_str()) {
                codes.push(&pack.language);
            }
        }
        let common = codes.first().copied().unwrap_or_default();
        let mut shared = Names::default();
        for pack in packs.iter().filter(|pack| pack.language == common) {
            pack.class_names().for_each(|class| {
                shared.number(class);
            });
        }
        let mut languages: Vec<Language> = Vec::new();
        for (index, code) in codes.iter().enumerate() {
            let own: Vec<&Pack> = packs
                .iter()
                .filter(|pack| pack.language == **code)
                .collect();
            let common: Vec<&Pack> = packs
                .iter()
                .filter(|pack| index > 0 && pack.language == common)
                .collect();
            languages.push(builder.language(index as u8, &own, &common, &shared));
        }
        if builder.problems.has_errors() {
            return None;
        }
        let mut targets_of = Vec::new();
        let mut targets = Vec::new();
        let mut words = Vec::new();
        let mut loose = Vec::new();
        let mut foreign = Vec::new();
        for (number, (text, found)) in (0u32..).zip(&builder.literals) {
            let start = targets.len() as u32;
            targets.extend_from_slice(found);
            targets_of.push(start..targets.len() as u32);
            let begins_words = found.iter().all(|target| {
                let language = &languages[usize::from(target.language)];
                target.left && language.proclitics.is_empty()
            });
            if begins_words {
                let is_open = found.iter().any(|target| !target.right);
                words.push((text.as_str(), number, is_open));
            } else if is_foreign(text.as_bytes()[0]) {
                foreign.push((text.as_str(), number));
            } else {
                loose.push((text.as_str(), number));
            }
        }
        for language in &mut languages {
            language.gate = Gate::new(language);
        }
        let small = "the packs are far smaller than the automaton's limit of states";
        Some(Self {
            lexicon: Lexicon::new(words.into_iter()),
            loose: Loose::new(&loose, |texts| {
                DFA::builder()
                    .match_kind(MatchKind::Standard)
                    .build(texts)
                    .expect(small)
            }),
            foreign: Loose::new(&foreign, |texts| {
                NFA::builder()
                    .match_kind(MatchKind::Standard)
                    .build(texts)
                    .expect(small)
            }),
            targets_of,
            targets,
            number: languages
                .first()
                .and_then(|common| common.names.iter().position(|name| name == "number"))
                .map(|number| number as u16),
            languages,
            signals: builder.signals.list,
            reasons: packs
                .iter()
                .flat_map(|pack| &pack.patterns)
                // The first pack is the common one: its words hold for all languages.
                .rev()
                .map(|pattern| (pattern.id.value.clone(), pattern.reason.value.clone()))
                .collect(),
        })
    }

    /// The identifier of a signal.
    pub(crate) fn signal_id(&self, signal: u16) -> &str {
        &self.signals[usize::from(signal)]
    }

    /// What a signal tells, in a sentence of its pack.
    pub(crate) fn reason(&self, id: &str) -> Option<&str> {
        self.reasons.get(id).map(String::as_str)
    }

    /// The identifiers of all signals that patterns can give.
    pub(crate) fn signal_ids(&self) -> &[String] {
        &self.signals
    }

    /// The ISO 639-1 code of a language, `*` for the common pack.
    pub(crate) fn language(&self, language: u8) -> &str {
        &self.languages[usize::from(language)].code
    }

    /// A matcher that lacks these rules, given by language and number.
    pub(crate) fn without(&self, rules: &BTreeSet<(u8, u16)>) -> Self {
        let mut left = self.clone();
        for (index, language) in (0u8..).zip(&mut left.languages) {
            let mut number = 0u16..;
            language.rules.retain(|_| {
                number
                    .next()
                    .is_none_or(|number| !rules.contains(&(index, number)))
            });
            language.gate = Gate::new(language);
        }
        left
    }

    /// Looks for everything in a folded text.
    pub(crate) fn scan(&self, text: &str, desk: &mut Desk) -> Scan {
        let mut scanner = Scanner::new(self, desk);
        scanner.advance(text, true);
        scanner.finish(text)
    }
}

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

/// Which patterns of a language can hold at all, told from the names that were found.
///
/// Most mail has words of every language and says nothing in any of them: it shall cost little.
#[derive(Clone, Debug, Default)]
struct Gate {
    /// Elements of patterns by name, each different element once.
    elements_of: Vec<Vec<u16>>,
    elements: usize,
    /// The elements of each derived class.
    derives: Vec<Vec<u16>>,
    /// The elements of each rule, one behind the other: their number, then they.
    rules: Vec<u16>,
}

/// What passed a [`Gate`].
#[derive(Debug, Default)]
struct Open {
    names: Vec<u64>,
    elements: Vec<u64>,
    rules: Vec<u16>,
}

fn has(bits: &[u64], number: u16) -> bool {
    bits[usize::from(number >> 6)] >> (number & 63) & 1 == 1
}

/// Sets a bit and tells whether it was not set before.
fn set(bits: &mut [u64], number: u16) -> bool {
    let word = &mut bits[usize::from(number >> 6)];
    let bit = 1 << (number & 63);
    let is_new = *word & bit == 0;
    *word |= bit;
    is_new
}

fn clear(bits: &mut Vec<u64>, count: usize) {
    bits.clear();
    bits.resize(count.div_ceil(64), 0);
}

impl Gate {
    fn new(language: &Language) -> Self {
        let mut gate = Self {
            elements_of: vec![Vec::new(); language.names.len()],
            ..Self::default()
        };
        let mut known: HashMap<Vec<u16>, u16> = HashMap::new();
        let mut numbers = |find: &Find| -> Vec<u16> {
            let elements = find.elements().iter();
            elements
                .map(|element| match known.get(element.as_slice()) {
                    Some(&number) => number,
                    None => {
                        let number = gate.elements as u16;
                        gate.elements += 1;
                        known.insert(element.clone(), number);
                        for &name in element {
                            gate.elements_of[usize::from(name)].push(number);
                        }
                        number
                    }
                })
                .collect()
        };
        for (_, find) in &language.derives {
            let found = numbers(find);
            gate.derives.push(found);
        }
        for rule in &language.rules {
            let found = numbers(&rule.find);
            gate.rules.push(found.len() as u16);
            gate.rules.extend(found);
        }
        gate
    }

    fn see(&self, name: u16, open: &mut Open) -> bool {
        let is_new = set(&mut open.names, name);
        if is_new {
            for &element in &self.elements_of[usize::from(name)] {
                set(&mut open.elements, element);
            }
        }
        is_new
    }

    /// Begins a language of which nothing was seen.
    fn close(&self, open: &mut Open) {
        clear(&mut open.names, self.elements_of.len());
        clear(&mut open.elements, self.elements);
        open.rules.clear();
    }

    /// Collects the rules of which every element may have been found.
    fn rules(&self, language: &Language, open: &mut Open) {
        for regex in &language.regexes {
            if has(&open.names, regex.near) {
                self.see(regex.name, open);
            }
        }
        for ((name, _), needs) in language.derives.iter().zip(&self.derives) {
            if needs.iter().all(|&element| has(&open.elements, element)) {
                self.see(*name, open);
            }
        }
        let mut rest = self.rules.as_slice();
        let mut number = 0;
        while let Some((&count, after)) = rest.split_first() {
            let (needs, after) = after.split_at(usize::from(count));
            rest = after;
            if needs.iter().all(|&element| has(&open.elements, element)) {
                open.rules.push(number);
            }
            number += 1;
        }
    }
}

/// Texts that may begin anywhere.
#[derive(Clone, Debug)]
struct Loose<A> {
    automaton: A,
    start: StateID,
    /// Number and length of the text of each pattern.
    texts: Vec<(u32, u32)>,
}

impl<A: Automaton> Loose<A> {
    fn new(texts: &[(&str, u32)], build: impl Fn(Vec<&str>) -> A) -> Self {
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

    fn begin(&self) -> Walk {
        Walk {
            state: self.start,
            at: 0,
            waiting: Vec::new(),
            near: 0,
        }
    }

    /// Goes on to `until` and notes every text whose right neighbour is known.
    fn walk(&self, walk: &mut Walk, until: usize, notes: &mut Notes<'_>) {
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
struct Walk {
    state: StateID,
    at: usize,
    /// Number and start of texts that end where the text ends so far.
    waiting: Vec<(u32, usize)>,
    near: usize,
}

/// Does this byte begin a letter of a script that most mail has nothing of? Hebrew, Arabic and all
/// behind them, without the punctuation and signs of U+2000..U+2FFF.
fn is_foreign(byte: u8) -> bool {
    matches!(byte, 0xd6..=0xe1 | 0xe3..=0xed)
}

/// Where texts that were found are noted, if their edges are right.
struct Notes<'n> {
    matcher: &'n Matcher,
    text: &'n str,
    is_last: bool,
    words: &'n Words,
    hits: &'n mut Vec<Hit>,
    is_cut: &'n mut bool,
}

impl Notes<'_> {
    fn note(&mut self, number: u32, start: usize, end: usize, is_start: bool, near: &mut usize) {
        let is_end = self
            .text
            .as_bytes()
            .get(end)
            .is_none_or(|&byte| !is_word_byte(byte));
        let range = self.matcher.targets_of[number as usize].clone();
        let mut span = None;
        for target in &self.matcher.targets[range.start as usize..range.end as usize] {
            if (target.right && !is_end)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::builtin;
    use crate::diagnose::Source;

    #[test]
    fn a_star_inside_a_phrase_takes_it_apart() {
        let rows: &[(&str, Option<&[&str]>)] = &[
            ("adult site", None),
            ("*adult site*", None),
            ("adult* site*", Some(&["adult*", "site*"])),
            ("your adult* site", Some(&["your adult*", "site"])),
            ("adult *site of yours", Some(&["adult", "*site of yours"])),
        ];
        for (text, expected) in rows {
            let found = pieces(text);
            let found: Option<Vec<&str>> = found
                .as_ref()
                .map(|pieces| pieces.iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), *expected, "{text}");
        }
    }

    fn matcher() -> Matcher {
        let mut problems = Diagnostics::new();
        let packs: Vec<Pack> = builtin::PACKS
            .iter()
            .filter_map(|(name, text)| Pack::parse(&Source::new(*name, *text), &mut problems))
            .collect();
        Matcher::new(&packs, &mut problems).expect("the shipped packs load")
    }

    #[test]
    fn chunks_do_not_change_what_is_said() {
        let matcher = matcher();
        let mut desk = Desk::default();
        let text = "i recorded a video of you with your webcam. pay 900 usd in bitcoin within 48 hours\n\
            あなたの録画、ビットコインで支払って ich habe dich gefilmt und deine webcam gehackt";
        let whole = matcher.scan(text, &mut desk);
        assert!(!whole.said.is_empty());
        for cut in (0..=text.len()).filter(|&cut| text.is_char_boundary(cut)) {
            let mut scanner = Scanner::new(&matcher, &mut desk);
            scanner.advance(&text[..cut], false);
            scanner.advance(text, true);
            let parts = scanner.finish(text);
            assert_eq!(parts.said, whole.said, "cut at {cut}");
            assert_eq!(parts.classes, whole.classes, "cut at {cut}");
        }
    }

    #[test]
    fn a_used_desk_changes_nothing() {
        let matcher = matcher();
        let mut desk = Desk::default();
        let first = "i recorded a video of you with your webcam. pay 900 usd in bitcoin";
        let second = "ich habe dich gefilmt und deine webcam gehackt";
        for text in [first, second, first, "", second] {
            let fresh = matcher.scan(text, &mut Desk::default());
            assert_eq!(matcher.scan(text, &mut desk).said, fresh.said, "{text}");
        }
    }

    #[test]
    fn a_long_text_of_another_language_hides_nothing() {
        let matcher = matcher();
        let threat = "ich habe dich gefilmt und deine webcam gehackt";
        let said = |text: &str| -> BTreeSet<(u8, u16)> {
            let scan = matcher.scan(text, &mut Desk::default());
            scan.said.iter().map(|it| (it.language, it.rule)).collect()
        };
        let alone = said(threat);
        assert!(!alone.is_empty());
        let decoy = "the committee met on tuesday to paint the bridge. ".repeat(1000);
        assert!(said(&format!("{decoy}{threat}. {decoy}")).is_superset(&alone));
    }
}
