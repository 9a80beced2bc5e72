//! The languages in which a first look found that something could be said.

use crate::classify::matcher::glance::Glance;
use crate::classify::matcher::overview::{Languages, Rule};
use crate::classify::tongues::CLASSES_OF_A_THREAT;

/// In texts of fewer words a scan notes each word of the packs, however dense they are.
const MOST_COUNTED: usize = 2_000;

/// Languages in which something can be said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// Numbers, sums and times.
    any: Languages,
    /// All the rest, see [`Tongues::hears`](crate::classify::tongues::Tongues::hears).
    claims: Languages,
}

impl Heard {
    /// The languages in which this rule counts.
    pub(super) fn of(self, rule: &Rule) -> Languages {
        if rule.is_of_numbers {
            self.any
        } else {
            self.claims
        }
    }
}

/// How many word classes of each language were found.
struct Classes {
    /// The languages in which each name was found by words of their own.
    own: Vec<Languages>,
    /// At most.
    most: [u32; Languages::BITS as usize],
    /// Those of them that are surely found, in any of the texts.
    sure: [u32; Languages::BITS as usize],
}

impl Classes {
    fn see(&mut self, name: u32, languages: Languages, is_sure: bool) {
        // Words of the common pack are of no language.
        if languages == Languages::MAX {
            return;
        }
        let own = &mut self.own[name as usize];
        let mut new = languages & !*own;
        *own |= languages;
        while new != 0 {
            let language = new.trailing_zeros() as usize;
            self.most[language] += 1;
            self.sure[language] += u32::from(is_sure);
            new &= new - 1;
        }
    }
}

impl Glance<'_> {
    /// Are the texts so short that a scan notes each word of the packs? Each letter without spaces may begin
    /// one: five count as two words, and two in a row may count as none.
    pub(super) fn is_short(&self) -> bool {
        let letters = self.signed.iter().map(|it| 3 * it.2.all as usize + 2);
        self.sequence.len() + letters.sum::<usize>() < MOST_COUNTED
    }

    /// The languages in which something can be said, by how many of their word classes there are.
    pub(super) fn heard(&self) -> Heard {
        if !self.overview.is_whole {
            return Heard {
                any: Languages::MAX,
                claims: Languages::MAX,
            };
        }
        let classes = self.classes();
        let richest = classes.sure.iter().max().copied().unwrap_or(0) / self.texts.max(1);
        let is_short = self.is_short();
        // The common pack holds in every language.
        let mut heard = Heard { any: 1, claims: 1 };
        for (index, &classes) in classes.most.iter().enumerate() {
            let bit = 1 << index;
            // A language of which there is but one class is not looked at.
            if classes >= 2 {
                heard.any |= bit;
            }
            let may_be_spoken = classes * 2 >= richest || !is_short;
            if classes >= CLASSES_OF_A_THREAT || classes >= 2 && may_be_spoken {
                heard.claims |= bit;
            }
        }
        heard
    }

    fn classes(&self) -> Classes {
        let mut classes = Classes {
            own: vec![0; self.overview.elements_of.len()],
            most: [0; Languages::BITS as usize],
            sure: [0; Languages::BITS as usize],
        };
        for phrase in self.by_signs() {
            classes.see(phrase.name, phrase.languages, false);
        }
        for phrase in self.phrases() {
            for &(name, languages) in self.overview.meanings(phrase) {
                classes.see(name, languages, phrase.is_sure);
            }
        }
        classes
    }
}
