//! Which patterns could hold by where their words stand, roughly.
//!
//! The texts of a message are looked at in sections that overlap, each cut into blocks of a few words
//! with a bit for each. Where the words of a pattern stand in blocks too far apart, it cannot hold.
//! Distances are never told longer than they are.

use crate::classify::matcher::glance::{Glance, NUMBER, Names, different, distance};
use crate::classify::matcher::overview::{Languages, Overview, Phrase, Rule};

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

/// The names that rules are made of.
struct Needs<'g> {
    overview: &'g Overview,
    elements: Vec<bool>,
    names: Vec<bool>,
}

impl<'g> Needs<'g> {
    fn new(overview: &'g Overview) -> Self {
        Self {
            overview,
            elements: vec![false; overview.elements.len()],
            names: vec![false; overview.elements_of.len()],
        }
    }

    fn add(&mut self, rule: &Rule) {
        for &need in &rule.needs {
            if !std::mem::replace(&mut self.elements[need as usize], true) {
                for &name in &self.overview.elements[need as usize] {
                    self.names[name as usize] = true;
                }
            }
        }
    }

    fn has(&self, name: u32) -> bool {
        self.names[name as usize]
    }
}

impl Glance<'_> {
    /// As [`Self::signals`], but only of patterns whose words stand near each other.
    pub(crate) fn near_signals(&self, names: &Names<'_>) -> Vec<u16> {
        let overview = self.overview;
        let heard = self.heard(names);
        let held = |rules: &'_ [Rule]| -> Vec<(usize, Languages)> {
            let held = rules.iter().map(|rule| names.hold(rule) & heard.of(rule));
            held.enumerate().filter(|(_, held)| *held != 0).collect()
        };
        let mut rules = held(&overview.rules);
        let wanted = rules.iter().fold(0, |all, (_, languages)| all | languages);
        let mut needs = Needs::new(overview);
        for (index, _) in &rules {
            needs.add(&overview.rules[*index]);
        }
        // Those that are made of others come last.
        let mut derives: Vec<(usize, Languages)> = Vec::new();
        for (index, derive) in overview.derives.iter().enumerate().rev() {
            if needs.has(derive.gives) {
                let languages = names.hold(derive) & wanted;
                if languages != 0 {
                    needs.add(derive);
                    derives.push((index, languages));
                }
            }
        }
        derives.reverse();
        let mut found = 0;
        let mut number = |&languages: &Languages| {
            found += u16::from(languages != 0);
            if languages != 0 { found } else { 0 }
        };
        let mut places = Places {
            elements: &overview.elements,
            numbers: names.names.iter().map(&mut number).collect(),
            names: Vec::new(),
        };
        places.names.resize(usize::from(found) + 1, 0);
        let is_needed = |phrase: &&Phrase| {
            let mut names = overview.meanings(phrase).iter();
            names.any(|&(name, languages)| languages & wanted != 0 && needs.has(name))
        };
        let phrases: Vec<&Phrase> = self.phrases().filter(is_needed).collect();
        let mut sections = Sections::new(self);
        let mut signals: Vec<u16> = Vec::new();
        while sections.next() && !rules.is_empty() {
            let located: Vec<(&Phrase, Blocks)> = phrases
                .iter()
                .map(|phrase| (*phrase, sections.blocks_of(phrase)))
                .filter(|(_, blocks)| *blocks != 0)
                .collect();
            let wanted = rules.iter().fold(0, |all, (_, languages)| all | languages);
            for language in (0..Languages::BITS).map(|bit| 1 << bit) {
                if wanted & language == 0 {
                    continue;
                }
                places.names.fill(0);
                for &(name, _) in overview.always.iter().filter(|it| it.1 & language != 0) {
                    *places.name(name) = Blocks::MAX;
                }
                if let Some(number) = overview.number.filter(|_| sections.numbers != 0) {
                    *places.name(number) |= sections.numbers;
                }
                for (phrase, blocks) in &located {
                    for &(name, _) in overview
                        .meanings(phrase)
                        .iter()
                        .filter(|it| it.1 & language != 0)
                    {
                        *places.name(name) |= blocks;
                    }
                }
                let is_spoken = |(_, languages): &&(usize, Languages)| languages & language != 0;
                for (index, _) in derives.iter().filter(is_spoken) {
                    let derive = &overview.derives[*index];
                    let blocks = places.hold(derive);
                    *places.name(derive.gives) |= blocks;
                }
                for (index, _) in rules.iter().filter(is_spoken) {
                    let rule = &overview.rules[*index];
                    let signal = rule.gives as u16;
                    if !signals.contains(&signal) && places.hold(rule) != 0 {
                        signals.push(signal);
                    }
                }
            }
            rules.retain(|(index, _)| !signals.contains(&(overview.rules[*index].gives as u16)));
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
