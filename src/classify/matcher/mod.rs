//! All patterns of all packs, looked for in one pass over the text.
//!
//! The words of every language are found at once: those that begin where a word of the text begins
//! by their hash, the few others by Aho-Corasick automatons. A pattern is looked at only where its
//! words were found, and only together with words of its own language and of the pack `common`.
//! Regular expressions run only in a window around a word that was found.

mod asked;
mod build;
mod gate;
mod glance;
mod loose;
mod memory;
mod names;
mod near;
mod overview;
mod phrases;
mod places;
mod scan;
mod script;

use crate::classify::find::{Find, Span};
use crate::classify::lexicon::Lexicon;
use aho_corasick::dfa::DFA;
use aho_corasick::nfa::contiguous::NFA;
use gate::Gate;
use loose::Loose;
use overview::Overview;
use scan::Scanner;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

pub(crate) use glance::Glance;
pub(crate) use scan::Desk;

/// Something that a pattern says was said in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Index of the signal, see [`Matcher::signal_id`].
    pub signal: u16,
    /// Index of the language, see [`Matcher::language`].
    pub language: u8,
    /// Number of the rule in its language.
    pub rule: u16,
    /// Where.
    pub span: Span,
}

/// What was found in one text.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Every pattern that holds, by language and in the order of the packs.
    pub said: Vec<Said>,
    /// How many different word classes of each language were found, by language index.
    pub classes: Vec<u16>,
    /// How many words the text has.
    pub words: usize,
    /// Was the text so dense that not all of it was looked at?
    pub is_cut: bool,
}

#[derive(Clone, Copy, Debug)]
struct Target {
    language: u8,
    name: u16,
    left: bool,
    right: bool,
    /// No Latin letter may stand beside it: a Latin word of a language without spaces.
    left_latin: bool,
    right_latin: bool,
}

#[derive(Clone, Debug)]
struct Rule {
    signal: u16,
    find: Find,
    unless: Vec<u16>,
}

#[derive(Clone, Debug)]
struct NearRegex {
    name: u16,
    near: u16,
    reach: usize,
    regex: regex::bytes::Regex,
}

#[derive(Clone, Debug, Default)]
struct Language {
    code: String,
    proclitics: Vec<char>,
    names: Vec<String>,
    derives: Vec<(u16, Find)>,
    rules: Vec<Rule>,
    regexes: Vec<NearRegex>,
    gate: Gate,
}

/// The compiled packs.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    /// Texts that are looked for only where a word begins.
    lexicon: Lexicon,
    /// Texts that may begin inside a word.
    loose: Loose<DFA>,
    /// Those of scripts that most mail has no letter of.
    foreign: Loose<NFA>,
    /// Which targets each text has.
    targets_of: Vec<Range<u32>>,
    targets: Vec<Target>,
    languages: Vec<Language>,
    /// For a first look, only at the signals without one of which nothing is extortion; `None` where
    /// there are too many languages for it.
    keys: Option<Overview>,
    /// The same for all signals.
    overview: Option<Overview>,
    /// The class `number` of the common pack.
    number: Option<u16>,
    signals: Vec<String>,
    reasons: HashMap<String, String>,
}

impl Matcher {
    /// The identifier of a signal.
    pub(crate) fn signal_id(&self, signal: u16) -> &str {
        &self.signals[usize::from(signal)]
    }

    /// What a signal tells, in a sentence of its pack.
    pub(crate) fn reason(&self, id: &str) -> Option<&str> {
        self.reasons.get(id).map(String::as_str)
    }

    /// The identifiers of all signals that patterns can give.
    pub(crate) fn signal_ids(&self) -> &[String] {
        &self.signals
    }

    /// The ISO 639-1 code of a language, `*` for the common pack.
    pub(crate) fn language(&self, language: u8) -> &str {
        &self.languages[usize::from(language)].code
    }

    /// A matcher that lacks these rules, given by language and number.
    pub(crate) fn without(&self, rules: &BTreeSet<(u8, u16)>) -> Self {
        let mut left = self.clone();
        for (index, language) in (0u8..).zip(&mut left.languages) {
            let mut number = 0u16..;
            language.rules.retain(|_| {
                number
                    .next()
                    .is_none_or(|number| !rules.contains(&(index, number)))
            });
            language.gate = Gate::new(language);
        }
        // What it tells would still be right, but too much.
        left.keys = None;
        left.overview = None;
        left
    }

    /// Begins a look for the signals without one of which nothing is extortion; `None` where only a scan
    /// can tell.
    pub(crate) fn glance_at_keys(&self) -> Option<Glance<'_>> {
        self.keys.as_ref().map(Glance::new)
    }

    /// Begins a first look at the texts of a message; `None` where only a scan can tell.
    pub(crate) fn glance(&self) -> Option<Glance<'_>> {
        self.overview.as_ref().map(Glance::new)
    }

    /// Looks for everything in a folded text.
    pub(crate) fn scan(&self, text: &str, desk: &mut Desk) -> Scan {
        let mut scanner = Scanner::new(self, desk);
        scanner.advance(text, true);
        scanner.finish(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::gates::is_key;
    use crate::classify::model::category;
    use crate::classify::pack::Pack;
    use crate::classify::{Category, builtin};
    use crate::diagnose::Diagnostics;
    use crate::diagnose::Source;
    use crate::message::fold;

    fn packs() -> Vec<Pack> {
        let parse = |(name, text): &(&str, &str)| {
            Pack::parse(&Source::new(*name, *text), &mut Diagnostics::new())
        };
        builtin::PACKS.iter().filter_map(parse).collect()
    }

    fn matcher() -> Matcher {
        Matcher::new(&packs(), &mut Diagnostics::new()).expect("the shipped packs load")
    }

    /// A matcher of the packs whose file names are these.
    pub(super) fn matcher_of(names: &[&str]) -> Matcher {
        let all = builtin::PACKS.iter().zip(packs());
        let wanted = all.filter(|((name, _), _)| names.contains(name));
        let packs: Vec<Pack> = wanted.map(|(_, pack)| pack).collect();
        assert_eq!(packs.len(), names.len());
        Matcher::new(&packs, &mut Diagnostics::new()).expect("they load")
    }

    /// A matcher of English alone.
    pub(super) fn english() -> Matcher {
        matcher_of(&["packs/common.toml", "packs/en.toml"])
    }

    #[test]
    fn chunks_do_not_change_what_is_said() {
        let matcher = matcher();
        let mut desk = Desk::default();
        let text = "i recorded a video of you with your webcam. pay 900 usd in bitcoin within 48 hours\n\
            あなたの録画、ビットコインで支払って ich habe dich gefilmt und deine webcam gehackt";
        let whole = matcher.scan(text, &mut desk);
        assert!(!whole.said.is_empty());
        for cut in (0..=text.len()).filter(|&cut| text.is_char_boundary(cut)) {
            let mut scanner = Scanner::new(&matcher, &mut desk);
            scanner.advance(&text[..cut], false);
            scanner.advance(text, true);
            let parts = scanner.finish(text);
            assert_eq!(parts.said, whole.said, "cut at {cut}");
            assert_eq!(parts.classes, whole.classes, "cut at {cut}");
        }
    }

    #[test]
    fn a_used_desk_changes_nothing() {
        let matcher = matcher();
        let mut desk = Desk::default();
        let first = "i recorded a video of you with your webcam. pay 900 usd in bitcoin";
        let second = "ich habe dich gefilmt und deine webcam gehackt";
        for text in [first, second, first, "", second] {
            let fresh = matcher.scan(text, &mut Desk::default());
            assert_eq!(matcher.scan(text, &mut desk).said, fresh.said, "{text}");
        }
    }

    #[test]
    fn a_long_text_of_another_language_hides_nothing() {
        let matcher = matcher();
        let threat = "ich habe dich gefilmt und deine webcam gehackt";
        let said = |text: &str| -> BTreeSet<(u8, u16)> {
            let scan = matcher.scan(text, &mut Desk::default());
            scan.said.iter().map(|it| (it.language, it.rule)).collect()
        };
        let alone = said(threat);
        assert!(!alone.is_empty());
        let decoy = "the committee met on tuesday to paint the bridge. ".repeat(1000);
        assert!(said(&format!("{decoy}{threat}. {decoy}")).is_superset(&alone));
    }

    /// Latin words of a language without spaces stand between ideographs and beside digits, but
    /// not inside words of other languages.
    #[test]
    fn a_latin_word_of_japanese_is_no_part_of_an_english_one() {
        let matcher = matcher();
        let japanese = matcher
            .languages
            .iter()
            .position(|language| language.code == "ja")
            .unwrap();
        for (text, classes) in [
            ("ipaが発表", 1),
            ("500btcを", 1),
            ("snsで", 1),
            ("we participate", 0),
            ("expansns", 0),
            ("snsx", 0),
        ] {
            let scan = matcher.scan(text, &mut Desk::default());
            let found = scan.classes[japanese];
            assert_eq!(found > 0, classes > 0, "{text}: {found}");
        }
    }

    /// Signals that a scan of these texts finds, and a glance does not foresee.
    fn unforeseen(matcher: &Matcher, texts: &[&str]) -> Vec<String> {
        let folded: Vec<String> = texts.iter().map(|text| fold(text).text).collect();
        let mut keys = matcher.glance_at_keys().expect("there are few languages");
        let mut glance = matcher.glance().expect("there are few languages");
        let mut said = BTreeSet::new();
        for text in &folded {
            let scan = matcher.scan(text, &mut Desk::default());
            said.extend(scan.said.iter().map(|said| said.signal));
            keys.look(text);
            glance.look(text);
        }
        let mut unforeseen = Vec::new();
        for (glance, what) in [(keys, "key "), (glance, "")] {
            let is_asked = |id: &str| match what {
                "" => !category(id).is_some_and(Category::is_guard),
                _ => is_key(id),
            };
            let mut step = 0;
            glance.narrow(|signals| {
                step += 1;
                let lacking = said.iter().filter(|signal| !signals.contains(signal));
                let ids = lacking.map(|signal| matcher.signal_id(*signal));
                unforeseen.extend(
                    ids.filter(|id| is_asked(id))
                        .map(|id| format!("{what}{id} at step {step}")),
                );
                true
            });
            assert_eq!(step, 2);
        }
        unforeseen
    }

    #[test]
    fn a_glance_foresees_all_that_a_scan_finds() {
        let matcher = matcher();
        let packs = packs();
        let sentences: Vec<&str> = packs
            .iter()
            .flat_map(|pack| &pack.examples)
            .flat_map(|example| example.matching.iter().chain(&example.clean))
            .map(|text| text.value.as_str())
            .collect();
        assert!(sentences.len() > 1_000);
        let decoy = "The committee didn't meet on Tuesday, to paint the bridge.\n\n".repeat(90);
        for (index, sentence) in sentences.iter().enumerate().step_by(3) {
            let other = sentences[(index * 7 + 3) % sentences.len()];
            for texts in [
                &[*sentence][..],
                &[&format!("{other} {sentence} \"{other}\"")],
                &[&format!("{}{sentence}", &decoy[index % 1_000..]), other],
            ] {
                assert_eq!(unforeseen(&matcher, texts), [""; 0], "{texts:?}");
            }
        }
    }

    #[test]
    fn what_a_thread_remembers_changes_nothing() {
        let texts = [
            "i recorded a video of you with your webcam. pay 900 usd in bitcoin within 48 hours",
            "the committee didn't meet on tuesday, to paint the bridge",
            "ich habe dich gefilmt und deine webcam gehackt, zahle mit bitcoin",
        ];
        let all = Matcher::new(&packs(), &mut Diagnostics::new()).expect("the shipped packs load");
        let few = Matcher::new(&packs()[..2], &mut Diagnostics::new()).expect("some of them do");
        let seen = |matcher: &Matcher, text: &str| {
            let mut glance = matcher.glance().expect("there are few languages");
            glance.look(text);
            let mut steps: Vec<Vec<u16>> = Vec::new();
            glance.narrow(|signals| {
                steps.push(signals.to_vec());
                true
            });
            (steps, glance.most_words())
        };
        for text in texts.iter().chain(texts.iter().rev()) {
            for matcher in [&all, &few] {
                let fresh = std::thread::scope(|scope| {
                    let looking = scope.spawn(|| seen(matcher, text));
                    looking.join().expect("no panic")
                });
                assert_eq!(seen(matcher, text), fresh, "{text}");
                assert_eq!(seen(matcher, text), fresh, "{text}, again");
            }
        }
        assert_ne!(seen(&all, texts[2]), seen(&few, texts[2]));
    }
}
