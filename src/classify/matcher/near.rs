//! Which patterns could hold by where their words stand, roughly.
//!
//! The texts of a message are looked at in sections that overlap, each cut into blocks of a few words
//! with a bit for each. Where the words of a pattern stand in blocks too far apart, it cannot hold.
//! Distances are never told longer than they are.

use crate::classify::matcher::glance::{Glance, JOINED, NUMBER};
use crate::classify::matcher::overview::{Languages, Phrase, Rule};

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

    /// The blocks in which a rule could hold, with all those between its words.
    fn hold(&self, rule: &Rule) -> Blocks {
        if rule.reach >= SHARED {
            return Blocks::MAX;
        }
        let reach = blocks(rule.reach + 1);
        let mut all = Blocks::MAX;
        for &need in &rule.needs {
            let names = self.elements[need as usize].iter();
            let any = names.fold(0, |any, &name| {
                any | self.names[usize::from(self.numbers[name as usize])]
            });
            all &= spread(any, reach);
            if all == 0 {
                break;
            }
        }
        all
    }
}

impl Glance<'_, '_> {
    /// As [`Self::signals`], but only of patterns whose words stand near each other.
    pub(crate) fn near_signals(&self) -> Vec<u16> {
        let overview = self.overview;
        let names = self.names();
        let active = names.active();
        let held = |rules: &'_ [Rule]| -> Vec<(usize, Languages)> {
            let held = rules.iter().map(|rule| names.hold(rule) & active);
            held.enumerate().filter(|(_, held)| *held != 0).collect()
        };
        let (derives, mut rules) = (held(&overview.derives), held(&overview.rules));
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
        let phrases: Vec<&Phrase> = self.phrases().collect();
        let mut sections = Sections::new(self);
        let mut signals: Vec<u16> = Vec::new();
        while sections.next() && !rules.is_empty() {
            let located: Vec<(&Phrase, Blocks)> = phrases
                .iter()
                .map(|phrase| (*phrase, sections.blocks_of(&phrase.words)))
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
                    for &(name, _) in phrase.names.iter().filter(|it| it.1 & language != 0) {
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
    glance: &'g Glance<'g, 'g>,
    /// Where in the sequence the next section begins.
    next: usize,
    is_done: bool,
    /// The blocks of each different word, and those of each word of the packs, of which most are 0.
    different: Vec<Blocks>,
    words: Vec<Blocks>,
    numbers: Blocks,
}

impl<'g> Sections<'g> {
    fn new(glance: &'g Glance<'g, 'g>) -> Self {
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
        let (mut block, mut left, mut words) = (1, WORDS, 0);
        self.is_done = true;
        let mut following = self.next;
        for (index, &word) in self.glance.sequence.iter().enumerate().skip(self.next) {
            if word & JOINED == 0 {
                if words == STEP {
                    following = index;
                }
                if words == STEP + SHARED {
                    self.is_done = false;
                    break;
                }
                words += 1;
                if left == 0 {
                    (block, left) = (block << 1, WORDS);
                }
                left -= 1;
            }
            self.different[(word & !JOINED) as usize] |= block;
        }
        self.next = following;
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
    fn blocks_of(&self, phrase: &[u32]) -> Blocks {
        let reach = blocks(phrase.len() as u32 - 1);
        let blocks = phrase
            .iter()
            .map(|&word| self.words[self.glance.seen[word as usize] as usize]);
        blocks.fold(Blocks::MAX, |all, blocks| all & spread(blocks, reach))
    }
}
