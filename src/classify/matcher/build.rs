//! From packs to a matcher: words are numbered, patterns parsed.

use crate::classify::Category;
use crate::classify::find::{Find, Name};
use crate::classify::gates::is_key;
use crate::classify::lexicon::Lexicon;
use crate::classify::matcher::gate::Gate;
use crate::classify::matcher::loose::{Loose, is_foreign};
use crate::classify::matcher::overview::Overview;
use crate::classify::matcher::{Language, Matcher, NearRegex, Rule, Target};
use crate::classify::model::category;
use crate::classify::pack::{Edges, Pack, Text};
use crate::classify::tongues::is_of_numbers;
use crate::classify::words::is_word_byte;
use crate::diagnose::Diagnostics;
use crate::message::fold;
use aho_corasick::MatchKind;
use aho_corasick::dfa::DFA;
use aho_corasick::nfa::contiguous::NFA;
use std::collections::HashMap;
use std::ops::Range;

/// The most bytes on each side of a word in which a regular expression looks.
const MOST_REACH: usize = 512;

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

/// A word or phrase where a pack has it.
struct Literal {
    start: u32,
    length: u32,
    target: Target,
}

/// All words and phrases of all packs, in the order of the packs.
///
/// Their texts stand one after the other: in pieces of their own they take several times the memory, and
/// leave holes between what stays.
#[derive(Default)]
struct Literals {
    text: String,
    list: Vec<Literal>,
}

impl Literals {
    fn push(&mut self, text: &str, target: Target) {
        self.list.push(Literal {
            start: self.text.len() as u32,
            length: text.len() as u32,
            target,
        });
        self.text.push_str(text);
    }
}

/// Each different text, as it first comes, and where what it stands for is in the second list.
fn joined(text: &str, list: Vec<Literal>) -> (Vec<(&str, Range<u32>)>, Vec<Target>) {
    let text = |number: u32| {
        let literal = &list[number as usize];
        &text[literal.start as usize..][..literal.length as usize]
    };
    let mut numbers: Vec<u32> = (0..list.len() as u32).collect();
    numbers.sort_unstable_by_key(|&number| (text(number), number));
    let mut groups: Vec<&[u32]> = numbers.chunk_by(|a, b| text(*a) == text(*b)).collect();
    groups.sort_unstable_by_key(|group| group[0]);
    let mut targets: Vec<Target> = Vec::with_capacity(list.len());
    let mut texts = Vec::with_capacity(groups.len());
    for group in groups {
        let start = targets.len();
        for &number in group {
            let target = list[number as usize].target;
            // A wider edge of the same word makes the narrower one useless.
            match targets[start..]
                .iter_mut()
                .find(|t| t.language == target.language && t.name == target.name)
            {
                Some(known) => {
                    known.left &= target.left;
                    known.right &= target.right;
                    known.left_latin &= target.left_latin;
                    known.right_latin &= target.right_latin;
                }
                None => targets.push(target),
            }
        }
        texts.push((text(group[0]), start as u32..targets.len() as u32));
    }
    targets.shrink_to_fit();
    (texts, targets)
}

struct Builder<'p> {
    literals: Literals,
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
            // Where words have no edges, "btc" may stand between ideographs, but "ipa" not in "participate".
            left_latin: pack.edges == Edges::None && !open_left && bytes[0].is_ascii_alphabetic(),
            right_latin: pack.edges == Edges::None
                && !open_right
                && bytes[bytes.len() - 1].is_ascii_alphabetic(),
        };
        self.literals.push(folded, target);
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
            literals: Literals::default(),
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
        let Literals { text, list } = std::mem::take(&mut builder.literals);
        let (texts, targets) = joined(&text, list);
        let targets_of_text =
            |range: &Range<u32>| &targets[range.start as usize..range.end as usize];
        let mut words = Vec::new();
        let mut loose = Vec::new();
        let mut foreign = Vec::new();
        for (number, (text, range)) in (0u32..).zip(&texts) {
            let found = targets_of_text(range);
            let begins_words = found.iter().all(|target| {
                let language = &languages[usize::from(target.language)];
                target.left && language.proclitics.is_empty()
            });
            if begins_words {
                let is_open = found.iter().any(|target| !target.right);
                words.push((*text, number, is_open));
            } else if is_foreign(text.as_bytes()[0]) {
                foreign.push((*text, number));
            } else {
                loose.push((*text, number));
            }
        }
        let small = "the packs are far smaller than the automaton's limit of states";
        // Before the overviews: what these are made of is given back, and the peak is theirs.
        let lexicon = Lexicon::new(words.into_iter());
        let standard = MatchKind::Standard;
        let loose = Loose::new(&loose, |texts| {
            let automaton = DFA::builder().match_kind(standard).build(texts);
            automaton.expect(small)
        });
        let foreign = Loose::new(&foreign, |texts| {
            let automaton = NFA::builder().match_kind(standard).build(texts);
            automaton.expect(small)
        });
        for language in &mut languages {
            language.gate = Gate::new(language);
        }
        let number = languages
            .first()
            .and_then(|common| common.names.iter().position(|name| name == "number"))
            .map(|number| number as u16);
        let signals = &builder.signals.list;
        let is_of_numbers = |signal: u16| is_of_numbers(&signals[usize::from(signal)]);
        let overview = |is_whole, is_asked: &dyn Fn(&str) -> bool| {
            Overview::new(
                texts
                    .iter()
                    .map(|(text, range)| (*text, targets_of_text(range))),
                &languages,
                number,
                is_whole,
                |signal| is_asked(&signals[usize::from(signal)]),
                is_of_numbers,
            )
        };
        let keys = overview(false, &is_key);
        let overview = overview(true, &|id| !category(id).is_some_and(Category::is_guard));
        Some(Self {
            lexicon,
            loose,
            foreign,
            targets_of: texts.iter().map(|(_, range)| range.clone()).collect(),
            targets,
            number,
            keys,
            overview,
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
