//! Fingerprints of known templates, and which of them a text is a near copy of.
//!
//! A fingerprint is a min-hash: of all runs of three words (five letters in scripts without spaces) each
//! of [`SLOTS`] hash functions keeps the smallest value. The share of equal slots estimates how many
//! runs two texts have in common (Broder, "On the resemblance and containment of documents", 1997).

use crate::diagnose::{Diagnostics, Source};
use crate::message::{Origin, Piece, fold};
use crate::toml_reader::Document;
use siphasher::sip::SipHasher13;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hasher as _;
use std::str::FromStr;
use std::sync::Arc;

/// How many hash functions a fingerprint has.
const SLOTS: usize = 32;
/// From this share of equal slots on, two texts are near copies.
const NEAR: f64 = 0.4;
/// A text with fewer runs than this is too short to be told from others.
const FEWEST_RUNS: usize = 24;
/// The most words of a text that are looked at.
const MOST_WORDS: usize = 4_000;
/// Bytes of a word that count; the rest of a longer one is noise.
const WORD_BYTES: usize = 48;

/// The min-hash of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u32; SLOTS]);

impl Fingerprint {
    /// The fingerprint of folded texts; `None` where they are too short.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        let mut slots = [u32::MAX; SLOTS];
        let mut runs = 0;
        let mut left = MOST_WORDS;
        for text in texts {
            let mut window: [u64; 5] = [0; 5];
            let mut filled = 0;
            for (hash, width) in tokens(text).take(left) {
                left -= 1;
                window.rotate_left(1);
                window[4] = hash;
                filled += 1;
                if filled < width {
                    continue;
                }
                runs += 1;
                let mut hasher = SipHasher13::new_with_keys(0, width as u64);
                window[5 - width..]
                    .iter()
                    .for_each(|hash| hasher.write_u64(*hash));
                let run = hasher.finish();
                for (number, slot) in slots.iter_mut().enumerate() {
                    // One hash per run and a cheap mix per slot: 32 whole hashes would cost several scans.
                    let mixed = (run ^ MIX.wrapping_mul(number as u64 + 1))
                        .wrapping_mul(0x9fb2_1c65_1e98_df25);
                    *slot = (*slot).min((mixed >> 32) as u32);
                }
            }
        }
        (runs >= FEWEST_RUNS).then_some(Self(slots))
    }

    /// The fingerprint of what the reader of a message sees; `None` where it is too short.
    pub fn of_pieces(pieces: &[Piece]) -> Option<Self> {
        let is_text = |piece: &&Piece| {
            let place = piece.place;
            !place.hidden
                && place.reading == 0
                && matches!(
                    place.origin,
                    Origin::Plain | Origin::Html | Origin::Attachment
                )
        };
        let folded: Vec<String> = pieces
            .iter()
            .filter(is_text)
            .map(|piece| fold(&piece.text).text)
            .collect();
        Self::of(folded.iter().map(String::as_str))
    }

    /// The share of runs that both texts have, estimated: 0 to 1.
    pub fn similarity(&self, other: &Self) -> f64 {
        let equal = self
            .0
            .iter()
            .zip(other.0)
            .filter(|(a, b)| **a == *b)
            .count();
        equal as f64 / SLOTS as f64
    }
}

const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// The words of a folded text as hashes, each with the length of the runs that it belongs to.
///
/// Numbers, addresses and long random-looking words differ from copy to copy, so all are one word.
fn tokens(text: &str) -> impl Iterator<Item = (u64, usize)> + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|letter: char| !letter.is_alphanumeric());
        let first = rest.chars().next()?;
        let end = if is_unspaced(first) {
            first.len_utf8()
        } else {
            rest.find(|letter: char| !letter.is_alphanumeric() || is_unspaced(letter))
                .unwrap_or(rest.len())
        };
        let (word, after) = rest.split_at(end);
        rest = after;
        let is_filled_in =
            word.len() > WORD_BYTES || word.bytes().any(|byte| byte.is_ascii_digit());
        let mut hasher = SipHasher13::new();
        hasher.write(if is_filled_in { b"#" } else { word.as_bytes() });
        Some((hasher.finish(), if is_unspaced(first) { 5 } else { 3 }))
    })
}

/// Kana and Han, which are written without spaces.
fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|slot| write!(f, "{slot:08x}"))
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("a fingerprint has {} hexadecimal digits", SLOTS * 8);
        if text.len() != SLOTS * 8 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut slots = [0; SLOTS];
        for (slot, number) in slots.iter_mut().zip(0..) {
            let digits = &text[number * 8..number * 8 + 8];
            *slot = u32::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self(slots))
    }
}

/// A template and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// What verdicts call it.
    pub name: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
}

/// Known templates.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    list: Vec<Template>,
    /// Which templates have this value in this slot.
    index: HashMap<(u8, u32), Vec<u32>>,
}

impl Templates {
    /// Reads a file of templates; every problem is added to `problems`.
    pub fn parse(source: &Arc<Source>, problems: &mut Diagnostics) -> Vec<Template> {
        let document = Document::parse(source);
        let root = document.root();
        let mut list = Vec::new();
        for table in root.tables("template") {
            let name = table.required("name", table.text("name"), "add  name = \"my-template\"");
            let hex = table.required(
                "fingerprint",
                table.text("fingerprint"),
                "make it with callbluff template learn",
            );
            if let (Some(name), Some(hex)) = (name, hex) {
                match hex.value.parse() {
                    Ok(fingerprint) => list.push(Template {
                        name: name.value,
                        fingerprint,
                    }),
                    Err(what) => document.error_with(
                        hex.span,
                        what,
                        "make it with  callbluff template learn",
                    ),
                }
            }
            table.finish();
        }
        root.finish();
        problems.extend(document.finish());
        list
    }

    /// Templates that can be looked up.
    pub fn new(list: Vec<Template>) -> Self {
        let mut index: HashMap<(u8, u32), Vec<u32>> = HashMap::new();
        for (number, template) in (0u32..).zip(&list) {
            for (slot, value) in (0u8..).zip(template.fingerprint.0) {
                index.entry((slot, value)).or_default().push(number);
            }
        }
        Self { list, index }
    }

    /// Every template.
    pub fn list(&self) -> &[Template] {
        &self.list
    }

    /// The template that a text is a near copy of, and how near, 0 to 1.
    pub fn nearest(&self, fingerprint: &Fingerprint) -> Option<(&str, f64)> {
        let mut equal: HashMap<u32, usize> = HashMap::new();
        for (slot, value) in (0u8..).zip(fingerprint.0) {
            for number in self.index.get(&(slot, value)).into_iter().flatten() {
                *equal.entry(*number).or_default() += 1;
            }
        }
        // The lower number decides between equals, so that the answer does not depend on the map.
        let (number, slots) = equal
            .into_iter()
            .max_by_key(|(number, slots)| (*slots, u32::MAX - number))?;
        let share = slots as f64 / SLOTS as f64;
        (share >= NEAR).then(|| (self.list[number as usize].name.as_str(), share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "some weeks ago a friend of mine baked a cake with seven eggs and a pound of the best flour that the \
        mill by the river could sell and then we all sat down under the old lime tree to eat it with cream";

    fn of(text: &str) -> Option<Fingerprint> {
        Fingerprint::of([fold(text).text.as_str()])
    }

    #[test]
    fn near_copies_are_near_and_others_are_not() {
        let first = of(TEXT).expect("long enough");
        let filled =
            of(&TEXT.replace("seven", "12").replace("river", "brook")).expect("long enough");
        assert!(
            first.similarity(&filled) >= NEAR,
            "{}",
            first.similarity(&filled)
        );
        let other = of("the committee met on tuesday and decided by seven votes to two that the bridge shall be painted \
            green again before the summer begins and the boats come back to the harbour from the islands").expect("long");
        assert!(first.similarity(&other) < 0.1);
        let templates = Templates::new(vec![Template {
            name: "cake".into(),
            fingerprint: first,
        }]);
        assert_eq!(
            templates.nearest(&filled).map(|(name, _)| name),
            Some("cake")
        );
        assert_eq!(templates.nearest(&other), None);
    }

    #[test]
    fn numbers_and_addresses_do_not_count() {
        assert_eq!(
            of(&format!("{TEXT} 1200 bc1qxyz0")),
            of(&format!("{TEXT} 950 1abcdef2"))
        );
    }

    #[test]
    fn short_texts_have_no_fingerprint() {
        assert_eq!(of("pay me now"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn scripts_without_spaces_have_one() {
        let text = "私はあなたの知らない人ですが、昨日の夜に駅前の店で同じ料理を食べた一人です。";
        let copy = format!("{text}ありがとう。");
        let (first, second) = (of(text).expect("long"), of(&copy).expect("long"));
        assert!(first.similarity(&second) >= NEAR);
    }

    #[test]
    fn a_fingerprint_survives_its_text_form() {
        let fingerprint = of(TEXT).expect("long enough");
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        assert!("xyz".parse::<Fingerprint>().is_err());
    }

    #[test]
    fn mistakes_in_a_file_are_placed() {
        let source = Source::new(
            "templates.toml",
            "[[template]]\nname = \"a\"\nfingerprint = \"12\"\n",
        );
        let mut problems = Diagnostics::new();
        assert!(Templates::parse(&source, &mut problems).is_empty());
        assert!(
            problems
                .to_string()
                .starts_with("templates.toml:3:15: a fingerprint has 256"),
            "{problems}"
        );
    }
}
