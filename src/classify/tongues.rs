//! The languages that a message is written in.
//!
//! Words of kindred languages match each other's mail: a Danish word of the packs may mean something
//! else in Norwegian. What excuses a mail must be said in a language that its sender writes.

use crate::classify::Category;
use crate::classify::model::category;
use std::collections::BTreeMap;

/// Languages so near to each other that only the one with most words is meant.
const KIN: [&[&str]; 5] = [
    &["da", "no", "sv"],
    &["cs", "pl"],
    &["es", "fr", "it", "pt", "ro"],
    &["ru", "uk"],
    &["de", "nl"],
];

/// So many different word classes even a short threat has; chance matches mostly stay below.
pub(crate) const CLASSES_OF_A_THREAT: u32 = 12;

/// How many different word classes of each language were found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tongues(BTreeMap<String, u32>);

impl Tongues {
    /// Notes that a text has so many word classes of a language; the richest text counts.
    pub(crate) fn add(&mut self, language: &str, classes: u16) {
        if classes > 0 && language != "*" {
            let most = self.0.entry(language.to_owned()).or_default();
            *most = u32::from(classes).max(*most);
        }
    }

    fn classes(&self, language: &str) -> u32 {
        self.0.get(language).copied().unwrap_or(0)
    }

    /// Does the sender write in this language?
    ///
    /// Of kindred languages only one is written; of others a second one needs half as many classes as the
    /// first, which chance matches do not reach. The common pack holds in all languages.
    pub(crate) fn speaks(&self, language: &str) -> bool {
        if language == "*" {
            return true;
        }
        let own = self.classes(language);
        let most = self.0.values().copied().max().unwrap_or(0);
        let is_beaten = KIN
            .iter()
            .filter(|kin| kin.contains(&language))
            .flat_map(|kin| kin.iter())
            .any(|other| self.classes(other) > own);
        own > 0 && !is_beaten && own * 2 >= most
    }

    /// Is enough of this language there for a threat?
    ///
    /// Even the shortest ones have 15 classes. A fixed number, lest a long decoy in another language silence
    /// a short threat.
    pub(crate) fn hears(&self, language: &str) -> bool {
        self.classes(language) >= CLASSES_OF_A_THREAT || self.speaks(language)
    }

    /// The language of which most classes were found.
    pub(crate) fn first(&self) -> Option<&str> {
        self.0
            .iter()
            .max_by_key(|(_, classes)| **classes)
            .map(|(language, _)| language.as_str())
    }
}

/// Sums, coins and times are the same in all languages.
pub(crate) fn is_of_numbers(id: &str) -> bool {
    matches!(
        category(id),
        Some(Category::Demand | Category::Payment | Category::Deadline)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kindred_languages_are_one() {
        /// Words of each language, and the languages that are spoken.
        type Row = (&'static [(&'static str, u16)], &'static [&'static str]);
        let rows: &[Row] = &[
            (&[("da", 40), ("no", 39)], &["da"]),
            (&[("da", 39), ("no", 40), ("sv", 30)], &["no"]),
            // A German warning that quotes an English threat.
            (&[("de", 20), ("en", 38), ("nl", 12)], &["de", "en"]),
            (&[("en", 38), ("id", 6)], &["en"]),
            (&[], &[]),
        ];
        for (classes, expected) in rows {
            let mut tongues = Tongues::default();
            for (language, count) in *classes {
                tongues.add(language, *count);
            }
            let spoken: Vec<&str> = classes
                .iter()
                .map(|(language, _)| *language)
                .filter(|language| tongues.speaks(language))
                .collect();
            assert_eq!(spoken, *expected, "{classes:?}");
            let heard = |language| {
                classes
                    .iter()
                    .any(|(it, count)| *it == language && *count >= 12)
            };
            assert!(
                classes
                    .iter()
                    .all(|(it, _)| !heard(*it) || tongues.hears(it))
            );
            assert!(!tongues.hears("id"), "{classes:?}");
            assert!(tongues.speaks("*"));
        }
    }
}
