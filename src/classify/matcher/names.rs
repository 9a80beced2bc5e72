//! The word classes that a first look found, and the languages in which they can say something.

use crate::classify::matcher::overview::{Languages, Overview, Rule};

/// Languages in which something can be said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// Numbers, sums and times.
    pub(super) any: Languages,
    /// All the rest, see [`Tongues::hears`](crate::classify::tongues::Tongues::hears).
    pub(super) claims: Languages,
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

/// The names that were found, each with the languages in which it was.
pub(crate) struct Names<'m> {
    overview: &'m Overview,
    pub(super) names: Vec<Languages>,
    /// The same by words of the languages' own.
    own: Vec<Languages>,
    elements: Vec<Languages>,
    /// How many word classes of each language were found, at most.
    pub(super) classes: [u32; Languages::BITS as usize],
    /// Those of them that are surely found, in any of the texts.
    pub(super) sure: [u32; Languages::BITS as usize],
}

impl<'m> Names<'m> {
    /// Nothing was found.
    pub(super) fn new(overview: &'m Overview) -> Self {
        Self {
            overview,
            names: vec![0; overview.elements_of.len()],
            own: vec![0; overview.elements_of.len()],
            elements: vec![0; overview.elements.len()],
            classes: [0; Languages::BITS as usize],
            sure: [0; Languages::BITS as usize],
        }
    }

    /// Sees a name that is not a word class of a language.
    pub(super) fn see(&mut self, name: u32, languages: Languages) {
        let known = &mut self.names[name as usize];
        let new = languages & !*known;
        if new != 0 {
            *known |= new;
            for &element in &self.overview.elements_of[name as usize] {
                self.elements[element as usize] |= new;
            }
        }
    }

    /// Sees a word class by one of its words.
    pub(super) fn see_word(&mut self, name: u32, languages: Languages, is_sure: bool) {
        self.see(name, languages);
        // Words of the common pack are of no language.
        if languages == Languages::MAX {
            return;
        }
        let own = &mut self.own[name as usize];
        let mut new = languages & !*own;
        *own |= languages;
        while new != 0 {
            let language = new.trailing_zeros() as usize;
            self.classes[language] += 1;
            self.sure[language] += u32::from(is_sure);
            new &= new - 1;
        }
    }

    /// The languages in which every element may hold.
    pub(super) fn hold(&self, rule: &Rule) -> Languages {
        let mut languages = rule.languages;
        for &need in &rule.needs {
            languages &= self.elements[need as usize];
            if languages == 0 {
                break;
            }
        }
        languages
    }
}
