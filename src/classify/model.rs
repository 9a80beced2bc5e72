//! The model: how many points each signal is worth.

use crate::classify::{Category, SEXTORTION, SUSPECT};
use crate::diagnose::{Diagnostics, Source};
use crate::toml_reader::{Document, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The themes of which several must come together before a message can be sextortion.
pub(crate) const THEMES: [Category; 12] = [
    Category::Access,
    Category::Recording,
    Category::Sexual,
    Category::Exposure,
    Category::Demand,
    Category::Payment,
    Category::Deadline,
    Category::Secrecy,
    Category::Proof,
    Category::Promise,
    Category::Chat,
    Category::List,
];

/// Weights, in points, and how many themes must come together.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    weights: BTreeMap<String, f64>,
    /// What single signals are expected to weigh before a fit, where it is not what their category weighs.
    priors: BTreeMap<String, f64>,
    /// The most points that one category adds.
    caps: BTreeMap<Category, f64>,
    /// The most points that all guards together take away.
    guards: f64,
    /// Themes needed for `suspect`.
    suspect_themes: usize,
    /// Themes needed for `sextortion`.
    sextortion_themes: usize,
}

/// One signal with the points that it added or took.
pub(crate) type Weighed = (String, f64);

/// What the model says of a set of signals.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sum {
    /// Points after caps and gates, never negative.
    pub score: f64,
    /// Points per signal, after caps, before gates.
    pub weighed: Vec<Weighed>,
    /// How many themes came together.
    pub themes: usize,
}

impl Model {
    /// Reads a model; every problem is added to `problems`.
    pub(crate) fn parse(source: &Arc<Source>, problems: &mut Diagnostics) -> Option<Self> {
        let document = Document::parse(source);
        let root = document.root();
        let points = -20.0..=20.0;
        let guards = root.number("guards", 0.0..=50.0).map_or(9.0, |at| at.value);
        let suspect_themes = root
            .integer("suspect_themes", 1..=11)
            .map_or(3, |at| at.value as usize);
        let sextortion_themes = root
            .integer("sextortion_themes", 1..=11)
            .map_or(4, |at| at.value as usize);
        let weights = numbers(&root, "weights", points.clone());
        let priors = numbers(&root, "priors", points);
        let mut caps = BTreeMap::new();
        let table = root.table("caps");
        for name in table.names() {
            let cap = table.number(&name.value, 0.0..=20.0);
            match Category::from_name(&name.value) {
                Some(category) => {
                    caps.extend(cap.map(|cap| (category, cap.value)));
                }
                None => document.error_with(
                    name.span,
                    format!("\"{}\" is not a category", name.value),
                    "use one of the categories of docs/classification.md",
                ),
            }
        }
        table.finish();
        root.finish();
        let found = document.finish();
        let is_usable = !found.has_errors();
        problems.extend(found);
        is_usable.then_some(Self {
            weights,
            priors,
            caps,
            guards,
            suspect_themes,
            sextortion_themes,
        })
    }

    /// The points of one signal before any cap; 0 for a signal that the model does not know.
    pub fn weight(&self, id: &str) -> f64 {
        match self.weights.get(id) {
            Some(weight) => *weight,
            None => self.whole(id),
        }
    }

    /// The points that a signal is expected to have before a fit: its own of `[priors]`, or those of its category.
    pub fn prior(&self, id: &str) -> f64 {
        let own = self.priors.get(id);
        own.copied().unwrap_or_else(|| self.whole(id))
    }

    /// The points of a signal's category.
    fn whole(&self, id: &str) -> f64 {
        id.split_once('.')
            .and_then(|(category, _)| self.weights.get(category))
            .copied()
            .unwrap_or(0.0)
    }

    /// The same model with these weights of single signals.
    pub fn with_weights(&self, weights: &BTreeMap<String, f64>) -> Self {
        let mut model = self.clone();
        for (id, weight) in weights {
            // A signal whose category says the same needs no line of its own.
            model.weights.remove(id);
            if (model.weight(id) - weight).abs() > f64::EPSILON {
                model.weights.insert(id.clone(), *weight);
            }
        }
        model
    }

    /// The most points that a category adds, or that all guards together take.
    pub(crate) fn cap(&self, category: Option<Category>) -> f64 {
        match category {
            Some(category) => self.caps.get(&category).copied().unwrap_or(f64::INFINITY),
            None => self.guards,
        }
    }

    /// The points of a set of signals, before who speaks and what is missing is looked at.
    pub fn points(&self, signals: &BTreeSet<String>) -> f64 {
        self.sum(signals.iter().map(String::as_str)).score
    }

    /// Can a message with so many themes be more than clean?
    pub(crate) fn may_be_suspect(&self, themes: usize) -> bool {
        themes >= self.suspect_themes
    }

    /// Adds up signals, each counted once.
    pub(crate) fn sum<'s>(&self, signals: impl IntoIterator<Item = &'s str>) -> Sum {
        let ids: BTreeSet<&str> = signals.into_iter().collect();
        let mut weighed: Vec<Weighed> = ids
            .iter()
            .map(|id| ((*id).to_owned(), self.weight(id)))
            .filter(|(_, weight)| *weight != 0.0)
            .collect();
        weighed.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then_with(|| a.0.cmp(&b.0)));
        let mut used: BTreeMap<Category, f64> = BTreeMap::new();
        let mut taken = 0.0;
        for (id, weight) in &mut weighed {
            if *weight < 0.0 {
                *weight = weight.max(-(self.guards - taken).max(0.0));
                taken -= *weight;
            } else if let Some(category) = category(id)
                && let Some(cap) = self.caps.get(&category)
            {
                let used = used.entry(category).or_default();
                *weight = weight.min((cap - *used).max(0.0));
                *used += *weight;
            }
        }
        let themes = themes(ids.iter().copied());
        let mut score: f64 = weighed.iter().map(|(_, weight)| weight).sum();
        // Design note: never one loose word plus an address. Points alone do not suffice.
        if themes < self.suspect_themes {
            score = score.min(SUSPECT - 0.1);
        } else if themes < self.sextortion_themes {
            score = score.min(SEXTORTION - 0.1);
        }
        weighed.retain(|(_, weight)| *weight != 0.0);
        Sum {
            score: if score > 0.0 { score } else { 0.0 },
            weighed,
            themes,
        }
    }
}

impl fmt::Display for Model {
    /// The model as a file that can be read again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Points per signal. A name without a dot holds for all signals of the category that are not named.\n\
             # Fitted by  callbluff train  (docs/classification.md).\n\n\
             # So many themes must come together.\n\
             suspect_themes = {}\n\
             sextortion_themes = {}\n\
             # The most points that all guards together take away.\n\
             guards = {:?}\n\n\
             # The most points that one category adds.\n\
             [caps]",
            self.suspect_themes, self.sextortion_themes, self.guards
        )?;
        for (category, cap) in &self.caps {
            writeln!(f, "{category} = {cap:?}")?;
        }
        writeln!(
            f,
            "\n# What single signals are expected to weigh before a fit, where it is not what their category weighs.\n\
             [priors]"
        )?;
        for (id, weight) in &self.priors {
            writeln!(f, "\"{id}\" = {weight:?}")?;
        }
        writeln!(f, "\n[weights]")?;
        let (single, whole): (Vec<_>, Vec<_>) =
            self.weights.iter().partition(|(id, _)| id.contains('.'));
        for (id, weight) in whole {
            writeln!(f, "{id} = {weight:?}")?;
        }
        for (id, weight) in single {
            writeln!(f, "\"{id}\" = {weight:?}")?;
        }
        Ok(())
    }
}

/// The category of a signal.
pub(crate) fn category(id: &str) -> Option<Category> {
    id.split_once('.')
        .and_then(|(category, _)| Category::from_name(category))
}

/// How many different themes the signals touch; a wallet is a way of payment.
pub(crate) fn themes<'s>(ids: impl IntoIterator<Item = &'s str>) -> usize {
    let mut seen = BTreeSet::new();
    for id in ids {
        let category = match category(id) {
            Some(Category::Wallet) => Category::Payment,
            Some(category) => category,
            None => continue,
        };
        if THEMES.contains(&category) {
            // A bomb or an attack is a lever, not only the demand that comes with it.
            if id == "demand.violence" {
                seen.insert(Category::Access);
            }
            seen.insert(category);
        }
    }
    seen.len()
}

fn numbers(
    root: &Table<'_>,
    key: &str,
    limits: std::ops::RangeInclusive<f64>,
) -> BTreeMap<String, f64> {
    let table = root.table(key);
    let mut numbers = BTreeMap::new();
    for name in table.names() {
        let number = table.number(&name.value, limits.clone());
        numbers.extend(number.map(|number| (name.value, number.value)));
    }
    table.finish();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::builtin;

    fn parse(text: &str) -> Model {
        let mut problems = Diagnostics::new();
        let model = Model::parse(&Source::new("model.toml", text), &mut problems);
        assert!(problems.is_empty(), "{problems}");
        model.expect("it has no errors")
    }

    #[test]
    fn a_written_model_is_read_as_the_same() {
        let shipped = parse(builtin::MODEL.1);
        let weights = [
            ("access.hacked".to_owned(), 2.35),
            ("report.help".to_owned(), -0.4),
        ]
        .into();
        for model in [shipped.with_weights(&weights), shipped] {
            assert_eq!(parse(&model.to_string()), model);
        }
    }

    #[test]
    fn a_weight_that_the_category_has_needs_no_line() {
        let model = parse("[weights]\naccess = 1.5\n\"access.hacked\" = 3.0\n");
        let plain = model.with_weights(&[("access.hacked".to_owned(), 1.5)].into());
        assert_eq!(plain, parse("[weights]\naccess = 1.5\n"));
    }
}
