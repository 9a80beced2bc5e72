//! The words and patterns of all languages together, for a first look at a message.
//!
//! A word or phrase that several languages have is looked up once, and a pattern that they share is
//! asked for all of them at once, with a bit for each language.

use crate::classify::find::{Find, PARAGRAPH, SENTENCE};
use crate::classify::lexicon::Lexicon;
use crate::classify::matcher::phrases::{Phrase, Phrases};
use crate::classify::matcher::{Language, Target};
use crate::classify::words::is_word_byte;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many overviews were built; 0 is none.
static OVERVIEWS: AtomicU64 = AtomicU64::new(1);

/// The most languages that fit; with more there is no overview.
const MOST_LANGUAGES: usize = 64;
/// Bits for pairs of neighbouring words, as a power of two.
pub(super) const PAIR_BITS: u32 = 14;
pub(super) const MIX: u64 = 0x9fb2_1c65_1e98_df25;

/// ASCII characters, one bit each.
pub(super) type Signs = u128;

/// The ASCII characters of a text.
fn signs(text: &str) -> Signs {
    let ascii = text.bytes().filter(u8::is_ascii);
    ascii.fold(0, |signs, byte| signs | 1 << byte)
}

/// Languages, one bit each.
pub(super) type Languages = u64;

/// The words of all packs, each with what it is part of.
#[derive(Clone, Debug)]
pub(super) struct Overview {
    /// Tells overviews with other words apart.
    pub(super) id: u64,
    /// Are all words of all languages in it, so that it shows which languages are spoken?
    pub(super) is_whole: bool,
    /// Words and beginnings of words.
    pub(super) lexicon: Lexicon,
    /// Texts that may stand inside a word, and their numbers.
    pub(super) inside: AhoCorasick,
    pub(super) inside_numbers: Vec<u32>,
    /// Is this word, by number, compared with its neighbours?
    pub(super) has_neighbours: Vec<bool>,
    /// Where the phrases stand of which a word, by number, is the rarest.
    phrases_of: Vec<Range<u32>>,
    phrases: Phrases,
    /// Phrases of signs alone.
    pub(super) signs: Vec<SignPhrase>,
    /// Is this character a sign of any of them?
    pub(super) is_sign: [bool; 128],
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

/// A phrase without a letter or digit, such as `$`.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignPhrase {
    /// What it stands for, in these languages.
    pub(super) name: u32,
    pub(super) languages: Languages,
    pub(super) signs: Signs,
    /// The sign that it begins with.
    pub(super) first: u8,
}

/// Where every element may hold, so may this.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) needs: Box<[u32]>,
    pub(super) languages: Languages,
    pub(super) gives: u32,
    /// So many words lie at most from its first to its last one.
    pub(super) reach: u32,
    /// Where its elements stand in their order: how far the first word of each may be from the last one of
    /// the element before it, and how many words it has at most. Empty where they stand in any order.
    pub(super) order: Box<[(u32, u32)]>,
    /// Names that excuse it where they stand close by.
    pub(super) unless: Box<[u32]>,
    /// Sums, coins and times count in every language.
    pub(super) is_of_numbers: bool,
}

impl Rule {
    /// Could it hold anywhere near its words, by a regular expression?
    pub(super) fn is_regex(&self) -> bool {
        self.reach >= REGEX_REACH
    }

    /// The most words between neighbours, where its elements stand in their order.
    pub(super) fn gaps(&self) -> impl Iterator<Item = u32> {
        self.order.iter().skip(1).map(|(gap, _)| gap - 1)
    }
}

/// What a rule needs: the numbers of its elements, how far they may lie apart, and their order.
#[derive(Clone, Debug, Default)]
struct Needed {
    elements: Box<[u32]>,
    reach: u32,
    order: Box<[(u32, u32)]>,
}

/// What a rule gives and needs, before those of all languages are put together; rules in any order
/// apart from those in their order, and those with other excuses.
type Rules<K> = BTreeMap<(K, Box<[u32]>, bool, Box<[u32]>), (Languages, Needed)>;

fn add<K: Ord>(
    rules: &mut Rules<K>,
    key: K,
    needed: Needed,
    unless: Box<[u32]>,
    language: Languages,
) {
    let is_ordered = !needed.order.is_empty();
    let key = (key, needed.elements.clone(), is_ordered, unless);
    let (languages, widest) = rules.entry(key).or_insert_with(|| (0, needed.clone()));
    *languages |= language;
    widest.reach = needed.reach.max(widest.reach);
    for (known, (gap, words)) in widest.order.iter_mut().zip(needed.order) {
        *known = (gap.max(known.0), words.max(known.1));
    }
}

fn listed<K: Ord>(
    rules: Rules<K>,
    gives: impl Fn(K) -> u32,
    is_of_numbers: impl Fn(u32) -> bool,
) -> Vec<Rule> {
    let rule = |((key, _, _, unless), (languages, needed)): (_, (_, Needed))| {
        let gives = gives(key);
        Rule {
            needs: needed.elements,
            languages,
            gives,
            reach: needed.reach,
            order: needed.order,
            unless,
            is_of_numbers: is_of_numbers(gives),
        }
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
struct Builder<'t> {
    numbers: HashMap<(&'t str, Fit), u32>,
    texts: Vec<(&'t str, Fit)>,
    names: HashMap<String, u32>,
    elements: HashMap<Vec<u32>, u32>,
    /// The most words that a name has.
    lengths: HashMap<u32, u32>,
}

impl<'t> Builder<'t> {
    fn word(&mut self, text: &'t str, fit: Fit) -> u32 {
        let next = self.texts.len() as u32;
        *self.numbers.entry((text, fit)).or_insert_with(|| {
            self.texts.push((text, fit));
            next
        })
    }

    fn name(&mut self, name: &str) -> u32 {
        let next = self.names.len() as u32;
        *self.names.entry(name.to_owned()).or_insert(next)
    }

    /// The phrase of a text whose outer edges are open or not.
    fn phrase(&mut self, text: &'t str, is_open: (bool, bool)) -> (Vec<u32>, Vec<u32>) {
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

    fn needs(&mut self, language: &Language, find: &Find) -> Needed {
        let mut elements = Vec::new();
        let mut lengths = Vec::new();
        for element in find.elements() {
            let mut names: Vec<u32> = element
                .iter()
                .map(|&name| self.name(&language.names[usize::from(name)]))
                .collect();
            names.sort_unstable();
            names.dedup();
            let longest = names.iter().filter_map(|name| self.lengths.get(name)).max();
            lengths.push(longest.copied().unwrap_or(1));
            let next = self.elements.len() as u32;
            elements.push(*self.elements.entry(names).or_insert(next));
        }
        let (reach, order) = match find {
            Find::Set { window, .. } => (*window, Vec::new()),
            Find::Sequence { gaps, .. } => {
                let reach = gaps.iter().chain(&lengths).sum();
                let gaps = std::iter::once(0).chain(gaps.iter().map(|gap| gap + 1));
                (reach, gaps.zip(lengths).collect())
            }
        };
        Needed {
            elements: elements.into(),
            reach,
            order: order.into(),
        }
    }

    fn lengthen(&mut self, name: u32, words: u32) {
        let length = self.lengths.entry(name).or_default();
        *length = words.max(*length);
    }
}

/// What the ends of sentences and paragraphs in a text add to the distances between its words.
fn ends(text: &str) -> u32 {
    let sentences = [". ", "! ", "? ", "; "].map(|end| text.matches(end).count() as u32);
    sentences.iter().sum::<u32>() * SENTENCE + text.matches('\n').count() as u32 * PARAGRAPH
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

/// The names that the wanted rules of a language are made of.
fn needed(language: &Language, is_asked: impl Fn(u16) -> bool) -> HashSet<&str> {
    let mut needed = vec![false; language.names.len()];
    let need = |find: &Find, needed: &mut Vec<bool>| {
        for &name in find.elements().iter().flatten() {
            needed[usize::from(name)] = true;
        }
    };
    for rule in language.rules.iter().filter(|rule| is_asked(rule.signal)) {
        need(&rule.find, &mut needed);
        for &name in &rule.unless {
            needed[usize::from(name)] = true;
        }
    }
    // Those that are made of others come last.
    for (name, find) in language.derives.iter().rev() {
        if needed[usize::from(*name)] {
            need(find, &mut needed);
        }
    }
    for regex in &language.regexes {
        if needed[usize::from(regex.name)] {
            needed[usize::from(regex.near)] = true;
        }
    }
    let names = language.names.iter().zip(needed);
    names
        .filter(|(_, needed)| *needed)
        .map(|(name, _)| name.as_str())
        .collect()
}

impl Overview {
    /// Compiles the words and patterns of all languages; `is_asked` tells which signals are wanted. Unless
    /// `is_whole`, without the words that none of these needs.
    pub(super) fn new<'t>(
        literals: impl Iterator<Item = (&'t str, &'t [Target])>,
        languages: &[Language],
        number: Option<u16>,
        is_whole: bool,
        is_asked: impl Fn(u16) -> bool,
        is_of_numbers: impl Fn(u16) -> bool,
    ) -> Option<Self> {
        if languages.len() > MOST_LANGUAGES {
            return None;
        }
        let needed: Option<HashSet<&str>> = (!is_whole).then(|| {
            languages
                .iter()
                .flat_map(|it| needed(it, &is_asked))
                .collect()
        });
        let is_needed = |language: &Language, name: u16| {
            let name = language.names[usize::from(name)].as_str();
            needed.as_ref().is_none_or(|needed| needed.contains(name))
        };
        let mut builder = Builder::default();
        let number = number.map(|number| {
            let common = &languages[0].names;
            builder.name(&common[usize::from(number)])
        });
        let mut phrases = Phrases::default();
        let mut by_signs = Vec::new();
        for (text, targets) in literals {
            let mut by_edges: BTreeMap<(bool, bool), Vec<(u32, Languages)>> = BTreeMap::new();
            for target in targets {
                let language = &languages[usize::from(target.language)];
                if !is_needed(language, target.name) {
                    continue;
                }
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
                let reach = words.len() as u32 - u32::from(!words.is_empty()) + ends(text);
                for &(name, _) in &names {
                    builder.lengthen(name, reach + 1);
                }
                if words.is_empty() {
                    let first = text.bytes().next().unwrap_or_default();
                    let phrases = names.into_iter().map(|(name, languages)| SignPhrase {
                        name,
                        languages,
                        signs: signs(text),
                        first,
                    });
                    by_signs.extend(phrases);
                    continue;
                }
                let is_word = words.len() == 1 && text.bytes().all(is_word_byte);
                let phrase = phrases.push(&words, &pairs, &names)?;
                phrase.reach = reach.try_into().ok()?;
                phrase.is_sure = is_word && is_open == (false, false);
                phrase.is_exact = is_word && !is_open.0;
            }
        }
        let mut rules = Rules::new();
        let mut derives = Rules::new();
        for (index, language) in languages.iter().enumerate() {
            let bit = 1 << index;
            let depths = depths(language);
            for regex in language
                .regexes
                .iter()
                .filter(|it| is_needed(language, it.name))
            {
                // It can hold wherever its word stands.
                let near = Find::Sequence {
                    elements: vec![vec![regex.near]],
                    gaps: Vec::new(),
                };
                let needed = Needed {
                    reach: REGEX_REACH,
                    order: Box::default(),
                    ..builder.needs(language, &near)
                };
                let name = builder.name(&language.names[usize::from(regex.name)]);
                builder.lengthen(name, REGEX_REACH);
                add(&mut derives, (0, name), needed, Box::default(), bit);
            }
            for (name, find) in language
                .derives
                .iter()
                .filter(|it| is_needed(language, it.0))
            {
                let needed = builder.needs(language, find);
                let gives = builder.name(&language.names[usize::from(*name)]);
                builder.lengthen(gives, needed.reach);
                add(
                    &mut derives,
                    (depths[name], gives),
                    needed,
                    Box::default(),
                    bit,
                );
            }
            for rule in language.rules.iter().filter(|rule| is_asked(rule.signal)) {
                let needed = builder.needs(language, &rule.find);
                let unless = rule
                    .unless
                    .iter()
                    .map(|&name| builder.name(&language.names[usize::from(name)]));
                let unless = unless.collect();
                add(&mut rules, u32::from(rule.signal), needed, unless, bit);
            }
        }
        let is_of_numbers = |signal| is_of_numbers(signal as u16);
        Self::assemble(
            is_whole,
            builder,
            phrases,
            by_signs,
            number,
            (derives, rules),
            is_of_numbers,
        )
    }

    fn assemble(
        is_whole: bool,
        builder: Builder<'_>,
        mut phrases: Phrases,
        signs: Vec<SignPhrase>,
        number: Option<u32>,
        (derives, rules): (Rules<(usize, u32)>, Rules<u32>),
        is_of_numbers: impl Fn(u32) -> bool,
    ) -> Option<Self> {
        let words = builder.texts.len();
        // Words and names that were found are numbered with 16 bits.
        let most = usize::from(u16::MAX);
        if words >= most || builder.names.len() >= most {
            return None;
        }
        let mut has_neighbours = vec![false; words];
        let several = phrases.list.iter();
        for phrase in several.filter(|phrase| !phrases.pairs(phrase).is_empty()) {
            for &word in phrases.words(phrase) {
                has_neighbours[word as usize] = builder.texts[word as usize].1 == Fit::Whole;
            }
        }
        let phrases_of = phrases.sort(words);
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
            .map(|(number, (text, _))| (number, *text))
            .collect();
        Some(Self {
            id: OVERVIEWS.fetch_add(1, Ordering::Relaxed),
            is_whole,
            lexicon: Lexicon::new(
                numbered()
                    .filter(|(_, (_, fit))| *fit != Fit::Inside)
                    .map(|(number, (text, fit))| (*text, number, *fit == Fit::Beginning)),
            ),
            inside: AhoCorasick::builder()
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(inside.iter().map(|(_, text)| text))
                .expect("the packs are far smaller than the automaton's limit of states"),
            inside_numbers: inside.iter().map(|(number, _)| *number).collect(),
            has_neighbours,
            phrases_of,
            phrases,
            is_sign: std::array::from_fn(|sign| signs.iter().any(|it| it.signs >> sign & 1 == 1)),
            signs,
            number,
            elements_of,
            elements,
            derives: listed(derives, |(_, gives)| gives, |_| false),
            rules: listed(rules, |gives| gives, is_of_numbers),
            words,
        })
    }

    /// The phrases that are looked at when a word was found: those of which it is the rarest.
    pub(super) fn phrases_of(&self, word: u32) -> &[Phrase] {
        let range = &self.phrases_of[word as usize];
        &self.phrases.list[range.start as usize..range.end as usize]
    }

    /// The words of a phrase.
    pub(super) fn words(&self, phrase: &Phrase) -> &[u32] {
        self.phrases.words(phrase)
    }

    /// Its neighbours, as they are noted.
    pub(super) fn pairs(&self, phrase: &Phrase) -> &[u32] {
        self.phrases.pairs(phrase)
    }

    /// The names that it stands for.
    pub(super) fn meanings(&self, phrase: &Phrase) -> &[(u32, Languages)] {
        self.phrases.meanings(phrase)
    }
}
