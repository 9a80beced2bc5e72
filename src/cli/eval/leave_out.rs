//! What would be found of a group if nobody had ever seen mail of its kind.

use crate::classify::{Judge, Rule, SEXTORTION};
use crate::cli::corpus::{Corpus, Label, Reader};
use crate::cli::eval::Row;
use crate::message::Envelope;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// One group, judged without the patterns that are its own.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    /// The value of the column.
    pub group: String,
    /// Patterns that hit in this group only and were switched off.
    pub patterns: usize,
    /// Messages.
    pub messages: usize,
    /// Messages that were found all the same, at `sextortion`.
    pub found: usize,
    /// The files that were not.
    pub missed: Vec<String>,
}

/// All groups, and how many of the smaller groups of `counted_by` were found.
#[derive(Debug, Default, Serialize)]
pub(super) struct LeftOut {
    /// The column that was left out by.
    pub column: String,
    /// The column that is counted by.
    pub counted_by: String,
    /// Counted groups of which all messages were found.
    pub whole: usize,
    /// Counted groups of which some were.
    pub in_part: usize,
    /// All counted groups.
    pub all: usize,
    /// Each left-out group.
    pub groups: Vec<Group>,
}

/// Judges each group of `column` without the patterns whose hits all lie in it.
pub(super) fn run(
    corpus: &Corpus,
    reader: &Reader<'_>,
    judge: &Judge,
    rows: &[Row],
    column: &str,
    counted_by: &str,
) -> LeftOut {
    let mut groups: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
    // The only group in which a pattern hits; `None` where it hits elsewhere, too.
    let mut home: BTreeMap<Rule, Option<&str>> = BTreeMap::new();
    for row in rows {
        let is_threat = row.known.label == Label::Spam;
        let group = is_threat.then(|| row.known.group(column));
        if let Some(group) = group {
            groups.entry(group).or_default().insert(&row.known.path);
        }
        for rule in &row.rules {
            home.entry(*rule)
                .and_modify(|home| *home = home.filter(|home| group == Some(*home)))
                .or_insert(group);
        }
    }
    let mut left_out = LeftOut {
        column: column.to_owned(),
        counted_by: counted_by.to_owned(),
        ..LeftOut::default()
    };
    let mut counted: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (group, files) in groups {
        let own: BTreeSet<Rule> = home
            .iter()
            .filter(|(_, home)| **home == Some(group))
            .map(|(rule, _)| *rule)
            .collect();
        let judge = judge.without(&own);
        let mut result = Group {
            group: group.to_owned(),
            patterns: own.len(),
            messages: 0,
            found: 0,
            missed: Vec::new(),
        };
        corpus.only(&|path| files.contains(path)).each(
            reader,
            &|_, reading| judge.judge(&Envelope::default(), reading).score,
            &mut |known, score| {
                let Ok(score) = score else { return };
                // An mbox may hold messages of several groups.
                if known.group(column) != group {
                    return;
                }
                let is_found = score >= SEXTORTION;
                let count = counted
                    .entry(known.group(counted_by).to_owned())
                    .or_default();
                count.0 += usize::from(is_found);
                count.1 += 1;
                result.messages += 1;
                result.found += usize::from(is_found);
                if !is_found {
                    result.missed.push(known.file);
                }
            },
        );
        left_out.groups.push(result);
    }
    left_out.all = counted.len();
    left_out.whole = counted.values().filter(|(found, all)| found == all).count();
    left_out.in_part = counted
        .values()
        .filter(|(found, all)| *found > 0 && found < all)
        .count();
    left_out
}
