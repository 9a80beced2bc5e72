//! The words and patterns of all languages together, for a first look at a message.
//!
//! A word or phrase that several languages have is looked up once, and a pattern that they share is
//! asked for all of them at once, with a bit for each language.

use crate::classify::find::Find;
use crate::classify::lexicon::Lexicon;
use crate::classify::matcher::{Language, Target};
use crate::classify::words::is_word_byte;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// The most languages that fit; with more there is no overview.
const MOST_LANGUAGES: usize = 64;
/// Bits for pairs of neighbouring words, as a power of two.
pub(super) const PAIR_BITS: u32 = 14;
pub(super) const MIX: u64 = 0x9fb2_1c65_1e98_df25;

/// Languages, one bit each.
pub(super) type Languages = u64;

/// The words of all packs, each with what it is part of.
#[derive(Clone, Debug)]
pub(super) struct Overview {
    /// Words and beginnings of words.
    pub(super) lexicon: Lexicon,
    /// Texts that may stand inside a word, and their numbers.
    pub(super) inside: AhoCorasick,
    pub(super) inside_numbers: Vec<u32>,
    /// Is this word, by number, compared with its neighbours?
    pub(super) has_neighbours: Vec<bool>,
    /// The phrases that are looked at when a word, by number, was found.
    pub(super) phrases_of: Vec<Range<u32>>,
    pub(super) phrases: Vec<Phrase>,
    /// Names that need no word at all.
    pub(super) always: Vec<(u32, Languages)>,
    /// The class of numbers.
    pub(super) number: Option<u32>,
    /// The elements that a name is in.
    pub(super) elements_of: Vec<Vec<u32>>,
    /// The names that fill an element.
    pub(super) elements: Vec<Vec<u32>>,
    /// Names that follow from elements, those they are made of first.
    pub(super) derives: Vec<Rule>,
    /// Patterns; `gives` is a signal, and those of one signal stand together.
    pub(super) rules: Vec<Rule>,
    pub(super) words: usize,
}

/// A word or phrase of a pack.
#[derive(Clone, Debug)]
pub(super) struct Phrase {
    pub(super) words: Box<[u32]>,
    /// Neighbours, as they are noted.
    pub(super) pairs: Box<[u32]>,
    /// Names that it stands for.
    pub(super) names: Box<[(u32, Languages)]>,
}

/// Where every element may hold, so may this.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) needs: Box<[u32]>,
    pub(super) languages: Languages,
    pub(super) gives: u32,
    /// So many words lie at most from its first to its last one.
    pub(super) reach: u32,
}

/// What a rule gives and needs, before those of all languages are put together.
type Rules<K> = BTreeMap<(K, Box<[u32]>), (Languages, u32)>;

fn add<K: Ord>(rules: &mut Rules<K>, key: K, needs: Box<[u32]>, language: Languages, reach: u32) {
    let (languages, widest) = rules.entry((key, needs)).or_default();
    *languages |= language;
    *widest = reach.max(*widest);
}

fn listed<K: Ord>(rules: Rules<K>, gives: impl Fn(K) -> u32) -> Vec<Rule> {
    let rule = |((key, needs), (languages, reach))| Rule {
        needs,
        languages,
        gives: gives(key),
        reach,
    };
    rules.into_iter().map(rule).collect()
}

/// How a word of a phrase lies in a word of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fit {
    Whole,
    Beginning,
    Inside,
}

pub(super) fn pair(first: u32, second: u32) -> u32 {
    let mixed = (u64::from(first) << 32 | u64::from(second)).wrapping_mul(MIX);
    (mixed >> (64 - PAIR_BITS)) as u32
}

#[derive(Default)]
struct Builder {
    numbers: HashMap<(String, Fit), u32>,
    texts: Vec<(String, Fit)>,
    names: HashMap<String, u32>,
    elements: HashMap<Vec<u32>, u32>,
    /// The most words that a name has.
    lengths: HashMap<u32, u32>,
}

impl Builder {
    fn word(&mut self, text: &str, fit: Fit) -> u32 {
        let next = self.texts.len() as u32;
        *self
            .numbers
            .entry((text.to_owned(), fit))
            .or_insert_with(|| {
                self.texts.push((text.to_owned(), fit));
                next
            })
    }

    fn name(&mut self, name: &str) -> u32 {
        let next = self.names.len() as u32;
        *self.names.entry(name.to_owned()).or_insert(next)
    }

    /// The phrase of a text whose outer edges are open or not.
    fn phrase(&mut self, text: &str, is_open: (bool, bool)) -> (Vec<u32>, Vec<u32>) {
        let bytes = text.as_bytes();
        let (mut words, mut pairs) = (Vec::new(), Vec::new());
        let mut before = None;
        let mut at = 0;
        while at < bytes.len() {
            if !is_word_byte(bytes[at]) {
                at += 1;
                continue;
            }
            let start = at;
            while at < bytes.len() && is_word_byte(bytes[at]) {
                at += 1;
            }
            let fit = if start == 0 && is_open.0 {
                Fit::Inside
            } else if at == bytes.len() && is_open.1 {
                Fit::Beginning
            } else {
                Fit::Whole
            };
            let word = self.word(&text[start..at], fit);
            let whole = (fit == Fit::Whole).then_some(word);
            if let (Some(before), Some(word)) = (before, whole) {
                pairs.push(pair(before, word));
            }
            before = whole;
            words.push(word);
        }
        (words, pairs)
    }

    fn needs(&mut self, language: &Language, find: &Find) -> (Box<[u32]>, u32) {
        let mut reach = match find {
            Find::Sequence { gaps, .. } => gaps.iter().sum(),
            Find::Set { window, .. } => *window,
        };
        let mut needs = Vec::new();
        for element in find.elements() {
            let mut names: Vec<u32> = element
                .iter()
                .map(|&name| self.name(&language.names[usize::from(name)]))
                .collect();
            names.sort_unstable();
            names.dedup();
            if matches!(find, Find::Sequence { .. }) {
                let lengths = names.iter().filter_map(|name| self.lengths.get(name));
                reach += lengths.max().copied().unwrap_or(1);
            }
            let next = self.elements.len() as u32;
            needs.push(*self.elements.entry(names).or_insert(next));
        }
        (needs.into(), reach)
    }

    fn lengthen(&mut self, name: u32, words: u32) {
        let length = self.lengths.entry(name).or_default();
        *length = words.max(*length);
    }
}

/// So many words a regular expression may go over.
const REGEX_REACH: u32 = 2048;

/// How many derived classes lie under each derived class of a language.
fn depths(language: &Language) -> HashMap<u16, usize> {
    let mut depths: HashMap<u16, usize> = HashMap::new();
    for regex in &language.regexes {
        depths.insert(regex.name, 0);
    }
    // They are sorted by need.
    for (name, find) in &language.derives {
        let under = find.elements().iter().flatten();
        let depth = under
            .filter_map(|name| depths.get(name))
            .max()
            .map_or(0, |depth| depth + 1);
        let known = depths.entry(*name).or_default();
        *known = depth.max(*known);
    }
    depths
}

impl Overview {
    /// Compiles the words and patterns of all languages; `is_asked` tells which signals are wanted.
    pub(super) fn new(
        literals: &[(String, Vec<Target>)],
        languages: &[Language],
        number: Option<u16>,
        is_asked: impl Fn(u16) -> bool,
    ) -> Option<Self> {
        if languages.len() > MOST_LANGUAGES {
            return None;
        }
        let mut builder = Builder::default();
        let number = number.map(|number| {
            let common = &languages[0].names;
            builder.name(&common[usize::from(number)])
        });
        let mut phrases: Vec<Phrase> = Vec::new();
        let mut always = Vec::new();
        for (text, targets) in literals {
            let mut by_edges: BTreeMap<(bool, bool), Vec<(u32, Languages)>> = BTreeMap::new();
            for target in targets {
                let language = &languages[usize::from(target.language)];
                let name = builder.name(&language.names[usize::from(target.name)]);
                // Words of the common pack count in every language.
                let bits = match target.language {
                    0 => Languages::MAX,
                    index => 1 << index,
                };
                let is_open = (
                    !target.left || !language.proclitics.is_empty(),
                    !target.right,
                );
                by_edges.entry(is_open).or_default().push((name, bits));
            }
            for (is_open, names) in by_edges {
                let (words, pairs) = builder.phrase(text, is_open);
                for &(name, _) in &names {
                    builder.lengthen(name, words.len() as u32);
                }
                if words.is_empty() {
                    always.extend(names);
                    continue;
                }
                phrases.push(Phrase {
                    words: words.into(),
                    pairs: pairs.into(),
                    names: names.into(),
                });
            }
        }
        let mut rules = Rules::new();
        let mut derives = Rules::new();
        for (index, language) in languages.iter().enumerate() {
            let bit = 1 << index;
            let depths = depths(language);
            for regex in &language.regexes {
                // It can hold wherever its word stands.
                let near = Find::Sequence {
                    elements: vec![vec![regex.near]],
                    gaps: Vec::new(),
                };
                let (needs, _) = builder.needs(language, &near);
                let name = builder.name(&language.names[usize::from(regex.name)]);
                builder.lengthen(name, REGEX_REACH);
                add(&mut derives, (0, name), needs, bit, REGEX_REACH);
            }
            for (name, find) in &language.derives {
                let (needs, reach) = builder.needs(language, find);
                let gives = builder.name(&language.names[usize::from(*name)]);
                builder.lengthen(gives, reach);
                add(&mut derives, (depths[name], gives), needs, bit, reach);
            }
            for rule in language.rules.iter().filter(|rule| is_asked(rule.signal)) {
                let (needs, reach) = builder.needs(language, &rule.find);
                add(&mut rules, u32::from(rule.signal), needs, bit, reach);
            }
        }
        Self::assemble(builder, phrases, always, number, derives, rules)
    }

    fn assemble(
        builder: Builder,
        phrases: Vec<Phrase>,
        always: Vec<(u32, Languages)>,
        number: Option<u32>,
        derives: Rules<(usize, u32)>,
        rules: Rules<u32>,
    ) -> Option<Self> {
        let words = builder.texts.len();
        // Words and names that were found are numbered with 16 bits.
        let most = usize::from(u16::MAX);
        if words >= most || builder.names.len() >= most {
            return None;
        }
        let mut uses = vec![0; words];
        let mut has_neighbours = vec![false; words];
        for phrase in &phrases {
            phrase
                .words
                .iter()
                .for_each(|&word| uses[word as usize] += 1);
            if !phrase.pairs.is_empty() {
                for &word in &phrase.words {
                    has_neighbours[word as usize] = builder.texts[word as usize].1 == Fit::Whole;
                }
            }
        }
        // Each phrase is looked at for its rarest word.
        let mut by_word: Vec<Vec<Phrase>> = vec![Vec::new(); words];
        for phrase in phrases {
            let rarest = phrase.words.iter().min_by_key(|&&word| uses[word as usize]);
            if let Some(&rarest) = rarest {
                by_word[rarest as usize].push(phrase);
            }
        }
        let mut phrases_of = Vec::new();
        let mut phrases = Vec::new();
        for list in by_word {
            let start = phrases.len() as u32;
            phrases.extend(list);
            phrases_of.push(start..phrases.len() as u32);
        }
        let mut elements_of = vec![Vec::new(); builder.names.len()];
        let mut elements = vec![Vec::new(); builder.elements.len()];
        for (names, &element) in &builder.elements {
            elements[element as usize].clone_from(names);
            for &name in names {
                elements_of[name as usize].push(element);
            }
        }
        let numbered = || (0u32..).zip(&builder.texts);
        let inside: Vec<(u32, &str)> = numbered()
            .filter(|(_, (_, fit))| *fit == Fit::Inside)
            .map(|(number, (text, _))| (number, text.as_str()))
            .collect();
        Some(Self {
            lexicon: Lexicon::new(
                numbered()
                    .filter(|(_, (_, fit))| *fit != Fit::Inside)
                    .map(|(number, (text, fit))| (text.as_str(), number, *fit == Fit::Beginning)),
            ),
            inside: AhoCorasick::builder()
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(inside.iter().map(|(_, text)| text))
                .expect("the packs are far smaller than the automaton's limit of states"),
            inside_numbers: inside.iter().map(|(number, _)| *number).collect(),
            has_neighbours,
            phrases_of,
            phrases,
            always,
            number,
            elements_of,
            elements,
            derives: listed(derives, |(_, gives)| gives),
            rules: listed(rules, |gives| gives),
            words,
        })
    }
}
