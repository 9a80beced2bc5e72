//! The model: how many points each signal is worth.

use crate::classify::{Category, SEXTORTION, SUSPECT};
use crate::diagnose::{Diagnostics, Source};
use crate::toml_reader::{Document, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The themes of which several must come together before a message can be sextortion.
pub(crate) const THEMES: [Category; 11] = [
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
];

/// Weights, in points, and how many themes must come together.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    weights: BTreeMap<String, f64>,
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
            caps,
            guards,
            suspect_themes,
            sextortion_themes,
        })
    }

    /// The points of one signal before any cap; 0 for a signal that the model does not know.
    pub fn weight(&self, id: &str) -> f64 {
        let whole = || {
            id.split_once('.')
                .and_then(|(category, _)| self.weights.get(category))
        };
        self.weights.get(id).or_else(whole).copied().unwrap_or(0.0)
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
