//! What reviewers have said about messages, applied to near copies of these.

use crate::classify::{Category, Class, Context, Fingerprint, Kind, SEXTORTION, Signal, Verdict};
use crate::message::{Origin, Piece, Place};

/// From this similarity on a message is one that was caught by mistake. It lets mail through, so it is
/// strict: who wants to profit from it must send nearly the same harmless text.
const SAME: f64 = 0.8;
/// From this similarity on a message is one that was confirmed.
const ALIKE: f64 = 0.6;
/// Messages without at least this many points are left alone, and their fingerprints are not computed.
const FEWEST_POINTS: f64 = 1.0;

/// Fingerprints of messages that reviewers have judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Learned {
    errors: Vec<Fingerprint>,
    confirmed: Vec<(Fingerprint, Kind)>,
}

impl Learned {
    /// Adds a message that was caught by mistake.
    pub fn add_error(&mut self, fingerprint: Fingerprint) {
        self.errors.push(fingerprint);
    }

    /// Adds a message that was rightly caught.
    pub fn add_confirmed(&mut self, fingerprint: Fingerprint, kind: Kind) {
        self.confirmed.push((fingerprint, kind));
    }

    /// Is there nothing in it?
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty() && self.confirmed.is_empty()
    }

    /// The verdict with what reviewers said about near copies: `template.error` makes it clean,
    /// `template.confirmed` makes it `sextortion`. A message that has said nothing stays as it is.
    pub fn apply(&self, mut verdict: Verdict, pieces: &[Piece]) -> Verdict {
        if self.is_empty() || verdict.class == Class::Error || verdict.score < FEWEST_POINTS {
            return verdict;
        }
        let Some(print) = Fingerprint::of_pieces(pieces) else {
            return verdict;
        };
        let near = |known: &Fingerprint, from: f64| known.similarity(&print) >= from;
        if self.errors.iter().any(|known| near(known, SAME)) {
            let weight = -verdict.score;
            verdict.signals.push(signal("template.error", weight));
            verdict.score = 0.0;
            verdict.class = Class::Clean;
            verdict.kind = None;
            verdict.context = None;
        } else if verdict.score < SEXTORTION
            && let Some((_, kind)) = self.confirmed.iter().find(|(known, _)| near(known, ALIKE))
        {
            let weight = SEXTORTION - verdict.score;
            verdict.signals.push(signal("template.confirmed", weight));
            verdict.score = SEXTORTION;
            verdict.class = Class::Sextortion;
            verdict.kind = Some(*kind);
            verdict.context = verdict.context.or(Some(Context::Direct));
        }
        verdict
    }
}

fn signal(id: &str, weight: f64) -> Signal {
    Signal {
        id: id.to_owned(),
        category: Category::Template,
        weight: (weight * 100.0).round() / 100.0,
        place: Place::of(Origin::Plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "the choir meets on monday in the small hall behind the library and everybody who would like to sing \
        with us is welcome whether they can read notes or not since we practise each voice by itself before we try all of it together";

    fn pieces(text: &str) -> Vec<Piece> {
        vec![Piece {
            place: Place::of(Origin::Plain),
            text: text.to_owned(),
        }]
    }

    fn verdict(score: f64) -> Verdict {
        let class = if score >= SEXTORTION {
            Class::Sextortion
        } else if score >= crate::classify::SUSPECT {
            Class::Suspect
        } else {
            Class::Clean
        };
        Verdict {
            class,
            score,
            ..Verdict::error()
        }
    }

    #[test]
    fn near_copies_get_the_reviewers_verdict() {
        let print = Fingerprint::of_pieces(&pieces(TEXT)).unwrap();
        let mut wrong = Learned::default();
        wrong.add_error(print);
        let mut right = Learned::default();
        right.add_confirmed(print, Kind::Bluff);
        let near = TEXT.replace("monday", "friday");
        let far = "a completely different text about bicycles and the way in which they are repaired by people who have never \
            done so before and who own neither a pump nor a spanner nor the patience that such work needs on a sunday morning";
        type Row<'a> = (&'a Learned, &'a str, f64, Class, f64);
        let rows: [Row<'_>; 8] = [
            (&wrong, TEXT, 12.0, Class::Clean, 0.0),
            (&wrong, &near, 6.0, Class::Clean, 0.0),
            (&wrong, far, 12.0, Class::Sextortion, 12.0),
            (&right, &near, 6.0, Class::Sextortion, 10.0),
            (&right, TEXT, 12.0, Class::Sextortion, 12.0),
            (&right, far, 6.0, Class::Suspect, 6.0),
            (&right, TEXT, 0.0, Class::Clean, 0.0),
            (&right, "too short", 6.0, Class::Suspect, 6.0),
        ];
        for (learned, text, score, class, expected) in rows {
            let verdict = learned.apply(verdict(score), &pieces(text));
            assert_eq!(
                (verdict.class, verdict.score),
                (class, expected),
                "{text} {score}"
            );
        }
        let failed = right.apply(Verdict::error(), &pieces(TEXT));
        assert_eq!(failed.class, Class::Error);
    }
}
