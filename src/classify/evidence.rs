//! What the texts of a message say, by who says it.

use crate::classify::Category;
use crate::classify::matcher::{Desk, Matcher};
use crate::classify::model::category;
use crate::classify::template::Fingerprint;
use crate::classify::tongues::{Tongues, is_of_numbers};
use crate::classify::voices;
use crate::message::{Finding, FoldStats, Origin, Piece, Place, fold, fold_findings};
use std::collections::{BTreeMap, BTreeSet};

/// So many texts of a message are compared with the next ones, lest many parts take long.
const MOST_COMPARED: usize = 16;

/// From so many words on, a text is surely long enough for a fingerprint.
const LONG_TEXT: usize = 100;

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Voice {
    /// The sender, where the reader sees it.
    Own,
    /// In quotation marks: the sender's own threat, or one that the sender speaks about.
    Cited,
    /// Somebody quoted.
    Quoted,
    /// Somebody passed on, inline or as an attached message.
    Forwarded,
    /// The sender, where the reader does not see it or not first.
    Hidden,
}

/// Everything that was said.
#[derive(Debug, Default)]
pub(crate) struct Evidence<'t> {
    /// First place of each signal, by voice.
    pub said: BTreeMap<(Voice, String), Place>,
    /// Words of the sender's own, in the body.
    pub own_words: usize,
    /// Words of the longest text, whoever speaks.
    pub most_words: usize,
    /// The languages of all texts.
    tongues: Tongues,
    /// The languages of the sender's own words.
    own_tongues: Tongues,
    /// What patterns found, by voice, signal and language, before it is asked whether the language is one
    /// of the message.
    heard: BTreeMap<(Voice, u16, u8), Place>,
    /// Every rule that held, by language and number.
    pub rules: BTreeSet<(u8, u16)>,
    /// The folded texts that the reader sees, for fingerprints.
    pub folded: Vec<&'t str>,
    /// Was a text too dense to be looked at completely?
    pub is_cut: bool,
    /// Texts that were looked at: who says it, index in `folded`, words.
    looked_at: Vec<(Voice, usize, usize)>,
    desk: Desk,
}

/// A text of a message as it is searched: one voice of one piece.
#[derive(Debug)]
pub(crate) struct Text {
    voice: Voice,
    place: Place,
    /// In the body, by the sender: its words are counted.
    is_own_body: bool,
    /// Folded.
    pub text: String,
}

/// The texts of a message, folded.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// In the order of the message.
    pub list: Vec<Text>,
    /// How texts were hidden from filters, from what was folded away.
    pub disguises: Vec<Finding>,
}

impl Texts {
    /// Tells voices apart and folds what they say.
    pub(crate) fn new(pieces: &[Piece]) -> Self {
        let mut texts = Self::default();
        for piece in pieces {
            texts.piece(piece);
        }
        texts
    }

    /// The texts to look at, each once: the plain and the HTML form of a mail mostly say the same.
    pub(crate) fn different(&self) -> impl Iterator<Item = &str> {
        let first = self.list.iter().take(MOST_COMPARED);
        let is_new = move |(index, text): &(usize, &Text)| {
            let mut before = first.clone().take(*index);
            !before.any(|other| other.voice == text.voice && other.text == text.text)
        };
        let texts = self.list.iter().enumerate().filter(is_new);
        texts.map(|(_, text)| text.text.as_str())
    }

    fn piece(&mut self, piece: &Piece) {
        let place = piece.place;
        let own = if place.hidden || place.reading > 0 {
            Voice::Hidden
        } else if place.nested > 0 {
            Voice::Forwarded
        } else {
            Voice::Own
        };
        let voices = voices::split(&piece.text);
        let is_body = !matches!(
            place.origin,
            Origin::Subject | Origin::DisplayName | Origin::FileName
        );
        // Behind a hidden or attached text nobody else speaks.
        let (cited, quoted, forwarded) = if own == Voice::Own {
            (Voice::Cited, Voice::Quoted, Voice::Forwarded)
        } else {
            (own, own, own)
        };
        let mut stats = FoldStats::default();
        for (voice, text, is_sender) in [
            (own, voices.own.as_ref(), true),
            (cited, &voices.cited, false),
            (quoted, &voices.quoted, false),
            (forwarded, &voices.forwarded, false),
        ] {
            if text.is_empty() {
                continue;
            }
            let folded = fold(text);
            stats.add(&folded.stats);
            self.list.push(Text {
                voice,
                place,
                is_own_body: is_sender && voice == Voice::Own && is_body,
                text: folded.text,
            });
        }
        self.disguises.extend(fold_findings(&stats, place));
    }
}

impl<'t> Evidence<'t> {
    /// Looks through all texts.
    pub(crate) fn gather(matcher: &Matcher, texts: &'t Texts) -> Self {
        let mut evidence = Self::default();
        for text in &texts.list {
            let words = evidence.text(matcher, text);
            if text.is_own_body {
                evidence.own_words += words;
            }
        }
        evidence.say(matcher);
        evidence
    }

    /// Looks through one text and says how many words it has.
    fn text(&mut self, matcher: &Matcher, text: &'t Text) -> usize {
        let (voice, place, folded) = (text.voice, text.place, text.text.as_str());
        // The plain and the HTML form of a mail mostly say the same.
        let known = self
            .looked_at
            .iter()
            .find(|(other, index, _)| *other == voice && self.folded[*index] == folded);
        if let Some(&(_, _, words)) = known {
            // A long text has the same fingerprint, said once or twice.
            if words < LONG_TEXT {
                self.folded.push(folded);
            }
            return words;
        }
        let scan = matcher.scan(folded, &mut self.desk);
        self.is_cut |= scan.is_cut;
        for (language, &classes) in (0u8..).zip(&scan.classes) {
            let language = matcher.language(language);
            self.tongues.add(language, classes);
            if voice == Voice::Own {
                self.own_tongues.add(language, classes);
            }
        }
        for said in scan.said {
            self.rules.insert((said.language, said.rule));
            self.heard
                .entry((voice, said.signal, said.language))
                .or_insert(place);
        }
        let words = scan.words;
        self.most_words = self.most_words.max(words);
        if voice != Voice::Hidden {
            if self.looked_at.len() < MOST_COMPARED {
                self.looked_at.push((voice, self.folded.len(), words));
            }
            self.folded.push(folded);
        }
        words
    }

    /// Keeps what was said in a language of the message. Guards must be in the language that the sender
    /// writes, since they excuse it.
    fn say(&mut self, matcher: &Matcher) {
        for (&(voice, signal, language), &place) in &self.heard {
            let id = matcher.signal_id(signal);
            let language = matcher.language(language);
            let counts = match voice {
                Voice::Own if is_guard(id) => self.own_tongues.speaks(language),
                _ => is_of_numbers(id) || self.tongues.hears(language),
            };
            if counts {
                self.said.entry((voice, id.to_owned())).or_insert(place);
            }
        }
    }

    /// The fingerprint of all that the reader sees; `None` where that is too short.
    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        Fingerprint::of(self.folded.iter().copied())
    }

    /// The signals of these voices with their first place.
    pub(crate) fn of(&self, voices: &[Voice]) -> BTreeMap<&str, Place> {
        let mut found = BTreeMap::new();
        for ((voice, id), place) in &self.said {
            if voices.contains(voice) {
                found.entry(id.as_str()).or_insert(*place);
            }
        }
        found
    }

    /// The language of most of the sender's own words, or else of the others'; `None` where nothing was said.
    pub(crate) fn language(&self) -> Option<String> {
        let first = self.own_tongues.first().or_else(|| self.tongues.first());
        first.filter(|_| !self.said.is_empty()).map(str::to_owned)
    }
}

fn is_guard(id: &str) -> bool {
    category(id).is_some_and(Category::is_guard)
}
