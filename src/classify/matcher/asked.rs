//! What must be looked for to tell whether some rules hold, and in which languages.

use crate::classify::matcher::glance::Glance;
use crate::classify::matcher::overview::{Languages, Overview, Rule};
use crate::classify::matcher::phrases::Phrase;

/// What must be looked for to tell whether some rules hold.
pub(super) struct Asked<'g> {
    overview: &'g Overview,
    /// Rules, by index, with the languages in which they could hold.
    rules: Vec<(usize, Languages)>,
    /// Names that follow from others, by index, those they are made of first.
    derives: Vec<usize>,
    /// All those languages.
    languages: Languages,
    elements: Vec<bool>,
    names: Vec<bool>,
}

/// What is asked in one language.
pub(super) struct Spoken<'g> {
    pub(super) language: Languages,
    /// For each phrase that stands for a name which is asked for, the numbers of both.
    pub(super) phrases: Vec<(u16, u32)>,
    pub(super) rules: Vec<&'g Rule>,
}

impl<'g> Asked<'g> {
    /// What these rules need, in these languages, and what excuses them.
    pub(super) fn new(overview: &'g Overview, rules: Vec<(usize, Languages)>) -> Self {
        let mut asked = Self {
            overview,
            languages: rules.iter().fold(0, |all, (_, languages)| all | languages),
            rules,
            derives: Vec::new(),
            elements: vec![false; overview.elements.len()],
            names: vec![false; overview.elements_of.len()],
        };
        for index in 0..asked.rules.len() {
            let rule = &overview.rules[asked.rules[index].0];
            asked.need(rule);
            for &name in &rule.unless {
                asked.names[name as usize] = true;
            }
        }
        // Those that are made of others come last.
        for (index, derive) in overview.derives.iter().enumerate().rev() {
            if asked.names[derive.gives as usize] && derive.languages & asked.languages != 0 {
                asked.need(derive);
                asked.derives.push(index);
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

    /// Names that follow from others and are asked for in a language.
    pub(super) fn derives(&self, language: Languages) -> impl Iterator<Item = &'g Rule> {
        let derives = &self.overview.derives;
        let all = self.derives.iter().map(|&index| &derives[index]);
        all.filter(move |derive| derive.languages & language != 0)
    }

    /// Numbers for the names that are asked for, from 1 on, so that tables of them are small; 0 for the
    /// others. And how many numbers there are.
    pub(super) fn numbers(&self) -> (Vec<u16>, usize) {
        let mut asked = 0;
        let mut number = |&is_asked: &bool| {
            asked += u16::from(is_asked);
            if is_asked { asked } else { 0 }
        };
        let numbers = self.names.iter().map(&mut number).collect();
        (numbers, usize::from(asked) + 1)
    }

    /// What is asked, by language. `numbers` are those of the names, `phrases` those of [`Self::phrases`].
    pub(super) fn by_language(&self, numbers: &[u16], phrases: &[&Phrase]) -> Vec<Spoken<'g>> {
        let overview = self.overview;
        let languages = (0..Languages::BITS).map(|bit| 1 << bit);
        let languages = languages.filter(|language| self.languages & language != 0);
        let mut spoken: Vec<Spoken<'g>> = languages
            .map(|language| {
                let rules = self.rules.iter().filter(|it| it.1 & language != 0);
                Spoken {
                    language,
                    phrases: Vec::new(),
                    rules: rules.map(|(index, _)| &overview.rules[*index]).collect(),
                }
            })
            .collect();
        for (index, phrase) in (0u32..).zip(phrases) {
            for &(name, languages) in overview.meanings(phrase) {
                let number = numbers[name as usize];
                if number == 0 {
                    continue;
                }
                for one in spoken.iter_mut().filter(|it| languages & it.language != 0) {
                    one.phrases.push((number, index));
                }
            }
        }
        spoken
    }

    /// The phrases that were found and stand for any of the names.
    pub(super) fn phrases(&self, glance: &Glance<'g>) -> Vec<&'g Phrase> {
        let is_needed = |phrase: &&Phrase| {
            let mut names = self.overview.meanings(phrase).iter();
            names.any(|&(name, languages)| {
                languages & self.languages != 0 && self.names[name as usize]
            })
        };
        glance.phrases().filter(is_needed).collect()
    }
}
