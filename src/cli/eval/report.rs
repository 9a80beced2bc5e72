//! The figures of an evaluation, for people and as JSON.

use crate::classify::Class;
use crate::cli::corpus::Label;
use crate::cli::eval::curve::{self, Point};
use crate::cli::eval::leave_out::LeftOut;
use crate::cli::eval::{Results, Row};
use crate::cli::show;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// How many messages of some kind reached which verdict.
#[derive(Clone, Debug, Default, Serialize)]
struct Count {
    class: &'static str,
    folder: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    messages: usize,
    /// At least `suspect`.
    suspect: usize,
    sextortion: usize,
}

/// One message that is named.
#[derive(Clone, Debug, Serialize)]
struct Named {
    class: &'static str,
    folder: String,
    file: String,
    group: String,
    verdict: &'static str,
    score: f64,
    kind: Option<&'static str>,
    context: Option<&'static str>,
    signals: Vec<String>,
}

/// How many groups of sextortion mail were found at `sextortion`.
#[derive(Clone, Debug, Default, Serialize)]
struct Groups {
    column: String,
    /// Groups of which all messages were found.
    whole: usize,
    /// Groups of which some were.
    in_part: usize,
    all: usize,
    /// The groups that were not found whole: messages found and all.
    others: Vec<(String, usize, usize)>,
}

#[derive(Debug, Serialize)]
struct Failed {
    file: String,
    error: String,
}

/// All figures.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    v: u32,
    classes: Vec<Count>,
    languages: Vec<Count>,
    groups: Groups,
    /// Groups of honest and other mail with a message from `suspect` on.
    false_groups: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<LeftOut>,
    /// Sextortion mail under `sextortion`.
    misses: Vec<Named>,
    /// Honest and other mail from `suspect` on.
    false_positives: Vec<Named>,
    /// Messages that are named, but not counted.
    apart: Vec<Named>,
    failed: Vec<Failed>,
    curve: Vec<Point>,
}

impl Report {
    /// Counts what was judged; groups are the values of the column `group_by`.
    pub(super) fn new(results: &Results, left_out: Option<LeftOut>, group_by: &str) -> Self {
        let rows = &results.rows;
        let counted = || rows.iter().filter(|row| !row.is_apart);
        let named = |rows: Vec<&Row>| rows.iter().map(|row| Named::new(row, group_by)).collect();
        let is_suspect = |row: &Row| row.verdict.class >= Class::Suspect;
        let false_positives: Vec<&Row> = counted()
            .filter(|row| row.known.label != Label::Spam && is_suspect(row))
            .collect();
        let mut false_groups: Vec<_> = false_positives
            .iter()
            .map(|row| (row.known.label, row.known.group(group_by)))
            .collect();
        false_groups.sort_unstable();
        false_groups.dedup();
        Self {
            v: show::VERSION,
            classes: counts(counted(), false),
            languages: counts(counted(), true),
            groups: groups(counted(), group_by),
            false_groups: false_groups.len(),
            left_out,
            misses: named(
                counted()
                    .filter(|row| {
                        row.known.label == Label::Spam && row.verdict.class != Class::Sextortion
                    })
                    .collect(),
            ),
            false_positives: named(false_positives),
            apart: named(rows.iter().filter(|row| row.is_apart).collect()),
            failed: results
                .failed
                .iter()
                .map(|(known, error)| Failed {
                    file: known.file.clone(),
                    error: error.clone(),
                })
                .collect(),
            curve: curve::points(rows),
        }
    }

    /// One JSON object, without a line end.
    pub(super) fn json(&self) -> String {
        show::line(self)
    }

    /// Tables for people, without a line end.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        table(&mut out, "class", &self.classes, |count| {
            count.folder.clone()
        });
        table(&mut out, "class and language", &self.languages, |count| {
            let language = count.language.as_deref().unwrap_or_default();
            format!("{} {language}", count.folder)
        });
        let groups = &self.groups;
        let _ = writeln!(
            out,
            "by {}: {} of {} found whole, {} in part; {} of honest and other mail hit",
            groups.column, groups.whole, groups.all, groups.in_part, self.false_groups
        );
        for (name, found, all) in &groups.others {
            let _ = writeln!(out, "  {}: {found} of {all}", show::printable(name));
        }
        if let Some(left) = &self.left_out {
            let _ = writeln!(
                out,
                "\nleaving out one {}, its own patterns switched off: by {}, {} of {} found whole, {} in part",
                left.column, left.counted_by, left.whole, left.all, left.in_part
            );
            for group in &left.groups {
                let _ = writeln!(
                    out,
                    "  {}: {} of {} ({} patterns off){}{}",
                    show::printable(&group.group),
                    group.found,
                    group.messages,
                    group.patterns,
                    if group.missed.is_empty() {
                        ""
                    } else {
                        "; missed "
                    },
                    show::printable(&group.missed.join(" "))
                );
            }
        }
        for (title, list) in [
            ("misses (sextortion mail under 10 points)", &self.misses),
            ("false positives (from 5 points on)", &self.false_positives),
            ("named, but not counted", &self.apart),
        ] {
            let _ = writeln!(out, "\n{title}: {}", list.len());
            for named in list {
                named.line(&mut out);
            }
        }
        if !self.failed.is_empty() {
            let _ = writeln!(out, "\ncould not be judged: {}", self.failed.len());
            for failed in &self.failed {
                let _ = writeln!(
                    out,
                    "  {}: {}",
                    show::printable(&failed.file),
                    show::printable(&failed.error)
                );
            }
        }
        let _ = writeln!(out, "\nthreshold   recall      ham     other");
        for point in &self.curve {
            let _ = writeln!(
                out,
                "{:>9.1} {:>7.1}% {:>7.3}% {:>8.3}%",
                point.threshold, point.recall, point.ham, point.other
            );
        }
        out.truncate(out.trim_end().len());
        out
    }
}

impl Named {
    fn new(row: &Row, group_by: &str) -> Self {
        let verdict = &row.verdict;
        Self {
            class: row.known.label.name(),
            folder: row.known.folder.clone(),
            file: row.known.file.clone(),
            group: row.known.group(group_by).to_owned(),
            verdict: verdict.class.name(),
            score: verdict.score,
            kind: verdict.kind.map(|kind| kind.name()),
            context: verdict.context.map(|context| context.name()),
            signals: verdict.signals.iter().map(|s| s.id.clone()).collect(),
        }
    }

    fn line(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "  {:>5.1} {:<10} {} {}: {}",
            self.score,
            self.verdict,
            show::printable(&self.folder),
            show::printable(&self.file),
            self.signals.join(" ")
        );
    }
}

fn counts<'r>(rows: impl Iterator<Item = &'r Row>, by_language: bool) -> Vec<Count> {
    let mut counts: BTreeMap<(Label, &str, &str), Count> = BTreeMap::new();
    for row in rows {
        let language = if by_language { row.language() } else { "" };
        let count = counts
            .entry((row.known.label, &row.known.folder, language))
            .or_insert_with(|| Count {
                class: row.known.label.name(),
                folder: row.known.folder.clone(),
                language: by_language.then(|| language.to_owned()),
                ..Count::default()
            });
        count.messages += 1;
        count.suspect += usize::from(row.verdict.class >= Class::Suspect);
        count.sextortion += usize::from(row.verdict.class == Class::Sextortion);
    }
    counts.into_values().collect()
}

fn groups<'r>(rows: impl Iterator<Item = &'r Row>, column: &str) -> Groups {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in rows.filter(|row| row.known.label == Label::Spam) {
        let count = counts.entry(row.known.group(column)).or_default();
        count.0 += usize::from(row.verdict.class == Class::Sextortion);
        count.1 += 1;
    }
    let others = counts.iter().filter(|(_, (found, all))| found < all);
    let others: Vec<_> = others
        .map(|(name, (found, all))| ((*name).to_owned(), *found, *all))
        .collect();
    Groups {
        column: column.to_owned(),
        whole: counts.len() - others.len(),
        in_part: others.iter().filter(|(_, found, _)| *found > 0).count(),
        all: counts.len(),
        others,
    }
}

fn table(out: &mut String, title: &str, counts: &[Count], name: impl Fn(&Count) -> String) {
    let _ = writeln!(
        out,
        "{title:<36} {:>8}  {:>16}  {:>16}",
        "messages", "suspect", "sextortion"
    );
    for count in counts {
        let share = |hits: usize| {
            let share = 100.0 * hits as f64 / count.messages.max(1) as f64;
            format!("{hits} ({share:.2} %)")
        };
        let _ = writeln!(
            out,
            "{:<36} {:>8}  {:>16}  {:>16}",
            format!("{} {}", count.class, show::printable(&name(count))),
            count.messages,
            share(count.suspect),
            share(count.sextortion)
        );
    }
    out.push('\n');
}
