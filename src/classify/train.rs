//! Fitting the model: regularised logistic regression over the signals.

use crate::classify::Category;
use crate::classify::model::{Model, category};
use std::collections::{BTreeMap, BTreeSet};

/// One judged message: its signals, and whether it is sextortion.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Identifiers of the signals that were found.
    pub signals: BTreeSet<String>,
    /// The most points that the gates allow, whatever the weights are.
    pub most: f64,
    /// Is it sextortion?
    pub is_threat: bool,
    /// How much it counts; 1 for an ordinary message, less for one of many near copies.
    pub weight: f64,
    /// Messages of one group are near copies: they are left out together in cross-validation.
    pub group: String,
}

/// How the fit is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Strength of the regularisation towards the prior weights. Default: 0.2.
    pub shrink: f64,
    /// Passes over the samples. Default: 1,000.
    pub passes: usize,
    /// How much all honest mail together counts against all threats together. Default: 3.
    pub caution: f64,
    /// How far a weight may go from its prior, as a share of it. Default: 0.5.
    ///
    /// Where the mail of one place has a signal on one side only, a fit would lean on it alone, or drop what honest
    /// mail says too; other places have other mail.
    pub reach: f64,
}

impl Default for Fit {
    fn default() -> Self {
        Self {
            shrink: 0.2,
            passes: 1_000,
            caution: 3.0,
            reach: 0.5,
        }
    }
}

/// One sample with its signals by number.
struct Row {
    /// The signals of each category with its cap.
    groups: Vec<(f64, Vec<usize>)>,
    most: f64,
    is_threat: bool,
    weight: f64,
}

/// The most points that a single signal is given or takes.
const MOST: f64 = 6.0;

/// Points at which a message is as likely a threat as not: the border of `sextortion`.
const BORDER: f64 = crate::classify::SEXTORTION;

impl Fit {
    /// Finds weights in points, so that [`crate::classify::SEXTORTION`] is the border between the classes.
    ///
    /// `prior` are the weights to start from and to stay near where the samples say little; the sign
    /// of a prior weight is kept, so a theme never speaks for a message and a guard never against it, and none
    /// goes further from it than `reach`.
    ///
    /// The caps of `model` and the gates hold while it is fitted: where a category has reached its cap, or a
    /// message the most that the gates allow, no weight is to blame.
    pub fn weights(
        &self,
        model: &Model,
        samples: &[Sample],
        prior: &BTreeMap<String, f64>,
    ) -> BTreeMap<String, f64> {
        let ids: Vec<&String> = prior.keys().collect();
        let index: BTreeMap<&str, usize> = ids
            .iter()
            .enumerate()
            .map(|(number, id)| (id.as_str(), number))
            .collect();
        // Each class counts as a whole, however much of it there is.
        let sum = |is_threat: bool| -> f64 {
            let of = samples.iter().filter(|it| it.is_threat == is_threat);
            of.map(|it| it.weight).sum::<f64>().max(f64::MIN_POSITIVE)
        };
        let (threats, others) = (sum(true), sum(false));
        let rows: Vec<Row> = samples
            .iter()
            .map(|sample| {
                let mut groups: BTreeMap<Option<Category>, Vec<usize>> = BTreeMap::new();
                for id in &sample.signals {
                    if let Some(&number) = index.get(id.as_str()) {
                        // All guards share one cap.
                        let group = category(id).filter(|it| !it.is_guard());
                        groups.entry(group).or_default().push(number);
                    }
                }
                let share = match sample.is_threat {
                    true => 1.0 / threats,
                    false => self.caution / others,
                };
                Row {
                    groups: groups
                        .into_iter()
                        .map(|(group, features)| (model.cap(group), features))
                        .collect(),
                    most: sample.most,
                    is_threat: sample.is_threat,
                    weight: sample.weight * share,
                }
            })
            .collect();
        let total = 1.0 + self.caution;
        let start: Vec<f64> = ids.iter().map(|id| prior[*id]).collect();
        let mut weights = start.clone();
        let mut speed = vec![1e-8; weights.len()];
        for _ in 0..self.passes {
            let mut slope = vec![0.0; weights.len()];
            for row in &rows {
                let sums: Vec<f64> = row
                    .groups
                    .iter()
                    .map(|(_, features)| features.iter().map(|&number| weights[number]).sum())
                    .collect();
                let points: f64 = row
                    .groups
                    .iter()
                    .zip(&sums)
                    .map(|((cap, _), sum)| sum.clamp(-cap, *cap))
                    .sum();
                if points > row.most {
                    continue;
                }
                // One point is half a unit of log-odds: ten points of doubt are beyond doubt.
                let chance = 1.0 / (1.0 + (-(points - BORDER) / 2.0).exp());
                let error = (chance - f64::from(u8::from(row.is_threat))) * row.weight / total;
                for ((cap, features), sum) in row.groups.iter().zip(&sums) {
                    if sum.abs() <= *cap {
                        for &number in features {
                            slope[number] += error;
                        }
                    }
                }
            }
            for number in 0..weights.len() {
                let slope = slope[number] + self.shrink / 100.0 * (weights[number] - start[number]);
                speed[number] += slope * slope;
                weights[number] -= 0.1 * slope / speed[number].sqrt();
                let (start, most) = (start[number], start[number].signum() * MOST);
                let (near, far) = (start * (1.0 - self.reach), start * (1.0 + self.reach));
                let (near, far) = match start < 0.0 {
                    true => (near.min(0.0), far.max(most)),
                    false => (near.max(0.0), far.min(most)),
                };
                weights[number] = weights[number].clamp(near.min(far), near.max(far));
            }
        }
        ids.iter()
            .zip(weights)
            .map(|(id, weight)| ((*id).clone(), (weight * 20.0).round() / 20.0))
            .collect()
    }
}

/// The sign that a signal's weight may have: guards take points, everything else gives them.
pub fn sign(id: &str) -> f64 {
    if category(id).is_some_and(crate::classify::Category::is_guard) {
        -1.0
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Diagnostics, Source};

    fn sample(signals: &[&str], is_threat: bool) -> Sample {
        Sample {
            signals: signals.iter().map(|id| (*id).to_owned()).collect(),
            most: f64::INFINITY,
            is_threat,
            weight: 1.0,
            group: String::new(),
        }
    }

    #[test]
    fn weights_separate_what_can_be_separated() {
        let samples = [
            sample(&["recording.claimed", "demand.crypto"], true),
            sample(
                &["recording.claimed", "demand.crypto", "deadline.hours"],
                true,
            ),
            sample(&["demand.crypto", "deadline.hours"], false),
            sample(
                &["recording.claimed", "demand.crypto", "advice.do-not-pay"],
                false,
            ),
        ];
        let prior: BTreeMap<String, f64> = [
            ("recording.claimed", 1.0),
            ("demand.crypto", 1.0),
            ("deadline.hours", 1.0),
            ("advice.do-not-pay", -1.0),
        ]
        .map(|(id, weight)| (id.to_owned(), weight))
        .into();
        let fitted = Fit {
            shrink: 0.0,
            passes: 20_000,
            caution: 1.0,
            reach: f64::INFINITY,
        }
        .weights(&uncapped(), &samples, &prior);
        for sample in &samples {
            let points: f64 = sample.signals.iter().map(|id| fitted[id]).sum();
            assert_eq!(
                points >= BORDER,
                sample.is_threat,
                "{sample:?} has {points} points of {fitted:?}"
            );
        }
    }

    fn uncapped() -> Model {
        let source = Source::new("model.toml", "[weights]\n");
        Model::parse(&source, &mut Diagnostics::new()).expect("it has no errors")
    }

    #[test]
    fn what_a_gate_or_a_cap_holds_back_blames_no_weight() {
        let prior: BTreeMap<String, f64> = [("demand.crypto", 3.0), ("demand.amount", 3.0)]
            .map(|(id, weight)| (id.to_owned(), weight))
            .into();
        let fit = Fit {
            caution: 1.0,
            ..Fit::default()
        };
        let honest = Sample {
            most: 4.9,
            ..sample(&["demand.crypto", "demand.amount"], false)
        };
        let free = Sample {
            most: f64::INFINITY,
            ..honest.clone()
        };
        assert_eq!(fit.weights(&uncapped(), &[honest], &prior), prior);
        assert_ne!(
            fit.weights(&uncapped(), std::slice::from_ref(&free), &prior),
            prior
        );
        let source = Source::new("model.toml", "[caps]\ndemand = 4.0\n[weights]\n");
        let capped = Model::parse(&source, &mut Diagnostics::new()).expect("it has no errors");
        assert_eq!(fit.weights(&capped, &[free], &prior), prior);
    }

    #[test]
    fn signs_are_kept() {
        let samples = [
            sample(&["advice.report"], true),
            sample(&["demand.pay-me"], false),
        ];
        let prior: BTreeMap<String, f64> = [("advice.report", -2.0), ("demand.pay-me", 1.0)]
            .map(|(id, w)| (id.to_owned(), w))
            .into();
        let fitted = Fit::default().weights(&uncapped(), &samples, &prior);
        assert!(
            fitted["advice.report"] <= 0.0 && fitted["demand.pay-me"] >= 0.0,
            "{fitted:?}"
        );
    }
}
