//! Which patterns could hold by where their words stand, roughly.
//!
//! The texts of a message are looked at in sections that overlap, each cut into blocks of a few words
//! with a bit for each. Where the words of a pattern stand in blocks too far apart, it cannot hold.
//! Distances are never told longer than they are.

use crate::classify::matcher::glance::{Glance, NUMBER, different, distance};
use crate::classify::matcher::names::Names;
use crate::classify::matcher::overview::{Languages, Overview, Rule};
use crate::classify::matcher::phrases::Phrase;

/// A bit for each block.
type Blocks = u128;

/// Words of a block.
const WORDS: u32 = 5;
/// Words from the beginning of a section to that of the next one. The rest of a section is the next
/// one's too, so that every pattern of less words lies in one of them.
const STEP: u32 = WORDS * 96;
/// The words that two sections share.
const SHARED: u32 = WORDS * Blocks::BITS - STEP;

/// The blocks that lie up to `reach` blocks from these.
fn spread(mut blocks: Blocks, reach: u32) -> Blocks {
    let mut left = reach.min(Blocks::BITS - 1);
    let mut step = 1;
    while left > 0 {
        let by = left.min(step);
        blocks |= blocks << by | blocks >> by;
        left -= by;
        step *= 2;
    }
    blocks
}

/// These blocks, and up to `reach` blocks behind each.
fn follow(mut blocks: Blocks, reach: u32) -> Blocks {
    let mut left = reach.min(Blocks::BITS - 1);
    let mut step = 1;
    while left > 0 {
        let by = left.min(step);
        blocks |= blocks << by;
        left -= by;
        step *= 2;
    }
    blocks
}

/// How many blocks further two words lie at most that are so many words apart.
fn blocks(words: u32) -> u32 {
    words.div_ceil(WORDS)
}

/// Where the words of one language stand in a section.
struct Places<'g> {
    elements: &'g [Vec<u32>],
    /// The number of each name that was found, and 1; 0 for the others.
    numbers: Vec<u16>,
    /// By that number; those of the language that is looked at.
    names: Vec<Blocks>,
}

impl Places<'_> {
    fn name(&mut self, name: u32) -> &mut Blocks {
        &mut self.names[usize::from(self.numbers[name as usize])]
    }

    /// The blocks in which any of the names of an element stands.
    fn any(&self, element: u32) -> Blocks {
        let names = self.elements[element as usize].iter();
        names.fold(0, |any, &name| {
            any | self.names[usize::from(self.numbers[name as usize])]
        })
    }

    /// The blocks in which a rule could hold, with all those between its words.
    fn hold(&self, rule: &Rule) -> Blocks {
        if rule.reach >= SHARED {
            return Blocks::MAX;
        }
        let reach = blocks(rule.reach + 1);
        if rule.order.is_empty() {
            let mut all = Blocks::MAX;
            for &need in &rule.needs {
                all &= spread(self.any(need), reach);
                if all == 0 {
                    break;
                }
            }
            return all;
        }
        // The blocks in which the element before may end.
        let mut ends = Blocks::MAX;
        for (index, (&need, &(gap, words))) in rule.needs.iter().zip(&rule.order).enumerate() {
            let any = self.any(need);
            let starts = match index {
                0 => any,
                _ => any & follow(ends, blocks(gap)),
            };
            if starts == 0 {
                return 0;
            }
            ends = any & follow(starts, blocks(words - 1));
        }
        // All its words lie before them.
        spread(ends, reach)
    }
}

/// What must be looked for to tell whether some rules hold.
pub(super) struct Asked<'g> {
    overview: &'g Overview,
    /// Rules, by index, with the languages in which they could hold.
    pub(super) rules: Vec<(usize, Languages)>,
    /// The same for names that follow from others, those they are made of first.
    pub(super) derives: Vec<(usize, Languages)>,
    /// All those languages.
    pub(super) languages: Languages,
    elements: Vec<bool>,
    names: Vec<bool>,
}

/// What is asked in one language.
pub(super) struct Spoken<'g> {
    pub(super) language: Languages,
    /// For each phrase that stands for a name which is asked for, the numbers of both.
    pub(super) phrases: Vec<(u16, u32)>,
    pub(super) derives: Vec<&'g Rule>,
    pub(super) rules: Vec<&'g Rule>,
}

impl<'g> Asked<'g> {
    /// What the rules need that could hold by the words that were found, of those that `is_wanted`.
    pub(super) fn new(
        glance: &Glance<'g>,
        names: &Names<'_>,
        is_wanted: impl Fn(&Rule) -> bool,
    ) -> Self {
        let overview = glance.overview;
        let heard = glance.heard(names);
        let rules = overview.rules.iter().enumerate();
        let rules: Vec<(usize, Languages)> = rules
            .filter(|(_, rule)| is_wanted(rule))
            .map(|(index, rule)| (index, names.hold(rule) & heard.of(rule)))
            .filter(|(_, languages)| *languages != 0)
            .collect();
        let mut asked = Self {
            overview,
            languages: rules.iter().fold(0, |all, (_, languages)| all | languages),
            rules,
            derives: Vec::new(),
            elements: vec![false; overview.elements.len()],
            names: vec![false; overview.elements_of.len()],
        };
        for index in 0..asked.rules.len() {
            asked.need(&overview.rules[asked.rules[index].0]);
        }
        // Those that are made of others come last.
        for (index, derive) in overview.derives.iter().enumerate().rev() {
            if asked.needs(derive.gives) {
                let languages = names.hold(derive) & asked.languages;
                if languages != 0 {
                    asked.need(derive);
                    asked.derives.push((index, languages));
                }
            }
        }
        asked.derives.reverse();
        asked
    }

    fn need(&mut self, rule: &Rule) {
        for &need in &rule.needs {
            if !std::mem::replace(&mut self.elements[need as usize], true) {
                for &name in &self.overview.elements[need as usize] {
                    self.names[name as usize] = true;
                }
            }
        }
    }

    /// Asks for what excuses the rules too.
    pub(super) fn need_excuses(&mut self) {
        for (index, _) in &self.rules {
            for &name in &self.overview.rules[*index].unless {
                self.names[name as usize] = true;
            }
        }
    }

    /// Is this name a part of any of the rules?
    pub(super) fn needs(&self, name: u32) -> bool {
        self.names[name as usize]
    }

    /// What is asked, by language. `numbers` are those of the names, `phrases` those of [`Self::phrases`].
    pub(super) fn by_language(&self, numbers: &[u16], phrases: &[&Phrase]) -> Vec<Spoken<'g>> {
        let overview = self.overview;
        let languages = (0..Languages::BITS).map(|bit| 1 << bit);
        let languages = languages.filter(|language| self.languages & language != 0);
        let mut spoken: Vec<Spoken<'g>> = languages
            .map(|language| {
                let of = |asked: &[(usize, Languages)], rules: &'g [Rule]| {
                    let asked = asked.iter().filter(|it| it.1 & language != 0);
                    asked.map(|(index, _)| &rules[*index]).collect()
                };
                Spoken {
                    language,
                    phrases: Vec::new(),
                    derives: of(&self.derives, &overview.derives),
                    rules: of(&self.rules, &overview.rules),
                }
            })
            .collect();
        for (index, phrase) in (0u32..).zip(phrases) {
            for &(name, languages) in overview.meanings(phrase) {
                if !self.needs(name) {
                    continue;
                }
                for one in spoken.iter_mut().filter(|it| languages & it.language != 0) {
                    one.phrases.push((numbers[name as usize], index));
                }
            }
        }
        spoken
    }

    /// The phrases that were found and stand for any of the names.
    pub(super) fn phrases(&self, glance: &Glance<'g>) -> Vec<&'g Phrase> {
        let is_needed = |phrase: &&Phrase| {
            let mut names = self.overview.meanings(phrase).iter();
            names.any(|&(name, languages)| languages & self.languages != 0 && self.needs(name))
        };
        glance.phrases().filter(is_needed).collect()
    }
}

/// Numbers for the names that were found, from 1 on, so that tables of them are small; 0 for the others.
pub(super) fn numbers(names: &Names<'_>) -> (Vec<u16>, usize) {
    let mut found = 0;
    let mut number = |&languages: &Languages| {
        found += u16::from(languages != 0);
        if languages != 0 { found } else { 0 }
    };
    let numbers = names.names.iter().map(&mut number).collect();
    (numbers, usize::from(found) + 1)
}

impl Glance<'_> {
    /// As [`Self::signals`], but only of patterns whose words stand near each other.
    pub(crate) fn near_signals(&self, names: &Names<'_>) -> Vec<u16> {
        let overview = self.overview;
        let asked = Asked::new(self, names, |_| true);
        let (numbers, count) = numbers(names);
        let phrases = asked.phrases(self);
        let mut spoken = asked.by_language(&numbers, &phrases);
        let mut places = Places {
            elements: &overview.elements,
            numbers,
            names: vec![0; count],
        };
        let mut sections = Sections::new(self);
        let mut located: Vec<Blocks> = Vec::new();
        let mut signals: Vec<u16> = Vec::new();
        while sections.next() && !spoken.is_empty() {
            located.clear();
            located.extend(phrases.iter().map(|phrase| sections.blocks_of(phrase)));
            for Spoken {
                language,
                phrases,
                derives,
                rules,
            } in &spoken
            {
                places.names.fill(0);
                for (name, _) in self.by_signs().filter(|it| it.1 & language != 0) {
                    *places.name(name) = Blocks::MAX;
                }
                if let Some(number) = overview.number.filter(|_| sections.numbers != 0) {
                    *places.name(number) |= sections.numbers;
                }
                for &(name, phrase) in phrases {
                    places.names[usize::from(name)] |= located[phrase as usize];
                }
                for derive in derives {
                    let blocks = places.hold(derive);
                    *places.name(derive.gives) |= blocks;
                }
                for rule in rules {
                    let signal = rule.gives as u16;
                    if !signals.contains(&signal) && places.hold(rule) != 0 {
                        signals.push(signal);
                    }
                }
            }
            for one in &mut spoken {
                one.rules
                    .retain(|rule| !signals.contains(&(rule.gives as u16)));
            }
            spoken.retain(|one| !one.rules.is_empty());
        }
        signals
    }
}

/// The sections of a message, one after the other.
struct Sections<'g> {
    glance: &'g Glance<'g>,
    /// Where in the sequence the next section begins.
    next: usize,
    is_done: bool,
    /// The blocks of each different word, and those of each word of the packs, of which most are 0.
    different: Vec<Blocks>,
    words: Vec<Blocks>,
    numbers: Blocks,
}

impl<'g> Sections<'g> {
    fn new(glance: &'g Glance<'g>) -> Self {
        Self {
            glance,
            next: 0,
            is_done: false,
            different: vec![0; glance.different.len()],
            words: vec![0; glance.found.len() + 1],
            numbers: 0,
        }
    }

    /// Goes to the next section; `false` behind the last one.
    fn next(&mut self) -> bool {
        if self.is_done {
            return false;
        }
        self.different.fill(0);
        self.is_done = true;
        let mut following = None;
        let mut at = 0;
        let words = self.glance.sequence.iter().enumerate().skip(self.next);
        for (index, &word) in words {
            if index > self.next {
                at += distance(word);
            }
            if at >= STEP {
                following = following.or(Some(index));
            }
            if at >= STEP + SHARED {
                self.is_done = false;
                break;
            }
            self.different[different(word)] |= 1 << (at / WORDS);
        }
        self.next = following.unwrap_or(self.next);
        self.words.fill(0);
        self.numbers = 0;
        for (parts, blocks) in self.glance.different.iter().zip(&self.different) {
            for &part in &self.glance.parts[parts.start as usize..parts.end as usize] {
                match part {
                    NUMBER => self.numbers |= blocks,
                    word => self.words[self.glance.seen[word as usize] as usize] |= blocks,
                }
            }
        }
        true
    }

    /// The blocks in which a phrase could stand.
    fn blocks_of(&self, phrase: &Phrase) -> Blocks {
        let reach = blocks(u32::from(phrase.reach));
        let overview = self.glance.overview;
        let blocks = overview
            .words(phrase)
            .iter()
            .map(|&word| self.words[self.glance.seen[word as usize] as usize]);
        blocks.fold(Blocks::MAX, |all, blocks| all & spread(blocks, reach))
    }
}
