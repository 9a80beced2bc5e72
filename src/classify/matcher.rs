//! All patterns of all packs, looked for in one pass over the text.
//!
//! An Aho-Corasick automaton finds the words of every language at once; a pattern is looked at
//! only where its words were found, and only together with words of its own language and of the
//! pack `common`. Regular expressions run only in a window around a word that was found.

use crate::classify::find::{Find, Name, Span};
use crate::classify::pack::{Edges, Pack, Text};
use crate::classify::words::{Words, is_word_byte};
use crate::diagnose::Diagnostics;
use crate::message::fold;
use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind, PatternID};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

/// How far from a pattern a word of its `unless` excuses it, in words.
const UNLESS_REACH: u32 = 6;
/// The most words of the packs that are noted in one text; what comes later is not judged.
const MOST_HITS: usize = 60_000;
/// The most bytes on each side of a word in which a regular expression looks.
const MOST_REACH: usize = 512;

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
}

/// The compiled packs.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    automaton: NFA,
    /// Which targets each pattern of the automaton has.
    targets_of: Vec<Range<u32>>,
    targets: Vec<Target>,
    lengths: Vec<u32>,
    languages: Vec<Language>,
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
                    if let Err(what) = self.literal(pack, index, number, &text.value) {
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
        let automaton = NFA::builder()
            .match_kind(MatchKind::Standard)
            .build(builder.literals.iter().map(|(text, _)| text.as_bytes()))
            .expect("the packs are far smaller than the automaton's limit of states");
        let mut targets_of = Vec::new();
        let mut targets = Vec::new();
        let mut lengths = Vec::new();
        for (text, found) in &builder.literals {
            let start = targets.len() as u32;
            targets.extend_from_slice(found);
            targets_of.push(start..targets.len() as u32);
            lengths.push(text.len() as u32);
        }
        Some(Self {
            automaton,
            targets_of,
            targets,
            lengths,
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
        }
        left
    }

    /// Looks for everything in a folded text.
    pub(crate) fn scan(&self, text: &str) -> Scan {
        let mut scanner = Scanner::new(self);
        scanner.advance(text, true);
        scanner.finish(text)
    }
}

/// A scan in progress: the automaton's state is carried from chunk to chunk.
#[derive(Debug)]
pub(crate) struct Scanner<'m> {
    matcher: &'m Matcher,
    state: aho_corasick::automaton::StateID,
    words: Words,
    at: usize,
    /// Matches whose right edge is not known yet: they end where the text ends so far.
    waiting: Vec<PatternID>,
    hits: Vec<Hit>,
    near: usize,
    is_cut: bool,
}

impl<'m> Scanner<'m> {
    /// Begins a text.
    pub(crate) fn new(matcher: &'m Matcher) -> Self {
        let state = matcher
            .automaton
            .start_state(Anchored::No)
            .expect("the automaton is built with the default start kind, unanchored");
        Self {
            matcher,
            state,
            words: Words::default(),
            at: 0,
            waiting: Vec::new(),
            hits: Vec::new(),
            near: 0,
            is_cut: false,
        }
    }

    /// Goes on to the end of `text`, which holds all that was given before and what is new.
    pub(crate) fn advance(&mut self, text: &str, is_last: bool) {
        let bytes = text.as_bytes();
        let automaton = &self.matcher.automaton;
        self.words.extend(bytes, self.at);
        if self.at < bytes.len() {
            self.settle(text);
        }
        while self.at < bytes.len() {
            self.state = automaton.next_state(Anchored::No, self.state, bytes[self.at]);
            self.at += 1;
            if automaton.is_match(self.state) {
                for index in 0..automaton.match_len(self.state) {
                    self.waiting
                        .push(automaton.match_pattern(self.state, index));
                }
                if self.at < bytes.len() {
                    self.settle(text);
                }
            }
        }
        if is_last {
            self.settle(text);
        }
    }

    /// Decides about the matches that end at the current place, now that the next byte is known.
    fn settle(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let end = self.at;
        let is_right_edge = bytes.get(end).is_none_or(|&byte| !is_word_byte(byte));
        for pattern in std::mem::take(&mut self.waiting) {
            let start = end - self.matcher.lengths[pattern.as_usize()] as usize;
            let range = self.matcher.targets_of[pattern.as_usize()].clone();
            let mut span = None;
            for target in &self.matcher.targets[range.start as usize..range.end as usize] {
                if (target.right && !is_right_edge)
                    || (target.left && !self.is_left_edge(text, start, target.language))
                {
                    continue;
                }
                if self.hits.len() >= MOST_HITS {
                    self.is_cut = true;
                    return;
                }
                let span = *span.get_or_insert_with(|| {
                    let last = self.words.word_at(end - 1, self.near);
                    let first = self.words.word_at(start, last);
                    self.near = last;
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
    }

    /// Does a word begin at `start`? Hebrew and Arabic hang short words before it.
    fn is_left_edge(&self, text: &str, start: usize, language: u8) -> bool {
        if start == 0 || !is_word_byte(text.as_bytes()[start - 1]) {
            return true;
        }
        let proclitics = &self.matcher.languages[usize::from(language)].proclitics;
        if proclitics.is_empty() {
            return false;
        }
        let mut before = text[..start].chars().rev();
        for _ in 0..4 {
            match before.next() {
                Some(letter) if proclitics.contains(&letter) => {}
                Some(letter) => return letter.is_ascii() && !letter.is_ascii_alphanumeric(),
                None => return true,
            }
        }
        false
    }

    /// Looks at the patterns.
    pub(crate) fn finish(mut self, text: &str) -> Scan {
        let matcher = self.matcher;
        let mut scan = Scan {
            said: Vec::new(),
            classes: vec![0; matcher.languages.len()],
            words: self.words.count(),
            is_cut: self.is_cut,
        };
        if self.hits.is_empty() {
            return scan;
        }
        self.number_hits(text);
        self.hits.sort_by_key(|hit| (hit.language, hit.span));
        let common_end = self.hits.partition_point(|hit| hit.language == 0);
        let (common, others) = self.hits.split_at(common_end);
        let mut slots: Vec<Vec<Span>> = Vec::new();
        let mut rest = others;
        let mut is_first = true;
        while is_first || !rest.is_empty() {
            let language = if is_first { 0 } else { rest[0].language };
            let length = if is_first {
                0
            } else {
                rest.partition_point(|hit| hit.language == language)
            };
            let (own, after) = rest.split_at(length);
            rest = after;
            is_first = false;
            self.language(text, language, common, own, &mut slots, &mut scan);
        }
        scan
    }

    /// Numbers are found by their digits, not by the automaton: the class `number` of the common pack.
    fn number_hits(&mut self, text: &str) {
        let Some(number) = self.matcher.languages[0]
            .names
            .iter()
            .position(|name| name == "number")
        else {
            return;
        };
        let bytes = text.as_bytes();
        for index in 0..self.words.count() {
            let Some(at) = self.words.start(index) else {
                break;
            };
            if bytes[at].is_ascii_digit() && self.hits.len() < MOST_HITS {
                let start = self.words.number(index);
                let span = Span {
                    start,
                    end: start + 1,
                    at: at as u32,
                };
                self.hits.push(Hit {
                    language: 0,
                    name: number as u16,
                    span,
                });
            }
        }
    }

    fn language(
        &self,
        text: &str,
        index: u8,
        common: &[Hit],
        own: &[Hit],
        slots: &mut Vec<Vec<Span>>,
        scan: &mut Scan,
    ) {
        let language = &self.matcher.languages[usize::from(index)];
        slots.iter_mut().for_each(Vec::clear);
        if slots.len() < language.names.len() {
            slots.resize_with(language.names.len(), Vec::new);
        }
        for hit in own {
            slots[usize::from(hit.name)].push(hit.span);
        }
        let classes = slots.iter().filter(|slot| !slot.is_empty()).count() as u16;
        scan.classes[usize::from(index)] = classes;
        if index > 0 && classes < 2 {
            return;
        }
        for hit in common {
            let slot = &mut slots[usize::from(hit.name)];
            slot.push(hit.span);
        }
        for hit in common {
            slots[usize::from(hit.name)].sort_unstable();
        }
        for regex in &language.regexes {
            let mut found = Vec::new();
            let mut done = 0;
            for near in &slots[usize::from(regex.near)] {
                let at = near.at as usize;
                let from = at.saturating_sub(regex.reach).max(done);
                let to = (at + regex.reach).min(text.len());
                if from >= to {
                    continue;
                }
                for m in regex.regex.find_iter(&text.as_bytes()[from..to]) {
                    let word = self.words.word_at(from + m.start(), 0);
                    let last = self.words.word_at((from + m.end()).saturating_sub(1), word);
                    found.push(Span {
                        start: self.words.number(word),
                        end: self.words.number(last) + 1,
                        at: (from + m.start()) as u32,
                    });
                    done = from + m.end();
                }
            }
            add(&mut slots[usize::from(regex.name)], found);
        }
        for (name, find) in &language.derives {
            let found = find.places(&|name| &slots[usize::from(name)][..]);
            add(&mut slots[usize::from(*name)], found);
        }
        for (number, rule) in (0u16..).zip(&language.rules) {
            if rule
                .find
                .elements()
                .iter()
                .any(|e| e.iter().all(|&name| slots[usize::from(name)].is_empty()))
            {
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
    }
}

fn add(slot: &mut Vec<Span>, found: Vec<Span>) {
    if !found.is_empty() {
        slot.extend(found);
        slot.sort_unstable();
        slot.dedup();
    }
}
