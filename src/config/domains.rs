//! Domain files: what a customer's domain wants, one file each.

use crate::config::maps::Maps;
use crate::config::{action, keeping, notice, rules};
use crate::diagnose::{Diagnostics, Source};
use crate::policy::{Disposition, Domain, Trust};
use crate::quarantine::{DomainRetention, Retention};
use crate::toml_reader::{At, Document, Table};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Dispositions that need no rule.
pub(crate) const DEFAULTS: [(&str, Disposition); 5] = [
    ("accept", Disposition::Accept),
    ("tag", Disposition::Tag),
    ("hold", Disposition::Hold),
    ("quarantine", Disposition::Quarantine),
    ("defer", Disposition::Defer),
];

/// The domain files of a folder.
#[derive(Default)]
pub(crate) struct Domains {
    /// What the domains want.
    pub(crate) domains: HashMap<String, Arc<Domain>>,
    /// How long mail of those domains is kept that say so.
    pub(crate) retention: Vec<DomainRetention>,
    /// The files that were read.
    pub(crate) files: Vec<PathBuf>,
    /// What is wrong in them.
    pub(crate) problems: Diagnostics,
}

impl Domains {
    /// Reads every `*.toml` of a folder, in the order of their names.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(crate) fn read(
        folder: &Path,
        maps: &Maps,
        trust: &Trust,
        retention: &Retention,
    ) -> std::io::Result<Self> {
        let mut found = Self {
            files: toml_files(folder)?,
            ..Self::default()
        };
        let mut origins: HashMap<String, String> = HashMap::new();
        for path in &found.files {
            if let Some(source) = Source::read(path, &mut found.problems) {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let (names, domain, kept, problems) =
                    read_file(&source, &stem, &origins, maps, trust, retention);
                found.problems.extend(problems);
                let domain = Arc::new(domain);
                for name in names {
                    origins.insert(name.clone(), source.name.clone());
                    if kept != *retention {
                        found.retention.push(DomainRetention {
                            domain: name.clone(),
                            retention: kept.clone(),
                        });
                    }
                    found.domains.insert(name, Arc::clone(&domain));
                }
            }
        }
        Ok(found)
    }
}

/// Every `*.toml` of a folder, in the order of their names.
pub(crate) fn toml_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        // An editor's or package manager's leftover must not become a policy.
        if !is_hidden && path.extension().is_some_and(|end| end == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads one file; `stem` is its name without `.toml`, and the domain where it names none.
fn read_file(
    source: &Arc<Source>,
    stem: &str,
    origins: &HashMap<String, String>,
    maps: &Maps,
    trust: &Trust,
    retention: &Retention,
) -> (Vec<String>, Domain, Retention, Diagnostics) {
    let document = Document::parse(source);
    let root = document.root();
    let mut kept = retention.clone();
    let (names, domain) = read_table(&root, stem, maps, trust, &mut kept);
    for name in &names {
        if let Some(other) = origins.get(&name.value) {
            document.error_with(
                name.span.clone(),
                format!("domain \"{}\" has a file already: {other}", name.value),
                "keep one of the two",
            );
        }
    }
    root.finish();
    let names = names.into_iter().map(|at| at.value).collect();
    (names, domain, kept, document.finish())
}

/// Asks for every key of a domain file.
pub(crate) fn read_table(
    root: &Table<'_>,
    stem: &str,
    maps: &Maps,
    trust: &Trust,
    kept: &mut Retention,
) -> (Vec<At<String>>, Domain) {
    let document = root.document();
    let mut names = root.texts("domains");
    if root.span_of("domains").is_none() {
        names.push(At {
            value: stem.to_owned(),
            span: 0..0,
        });
    }
    for name in &mut names {
        name.value = name.value.trim_end_matches('.').to_lowercase();
        let is_domain = name.value.contains('.')
            && name.value.split('.').all(|label| {
                !label.is_empty()
                    && label
                        .chars()
                        .all(|c| c.is_alphanumeric() || "-_".contains(c))
            });
        if !is_domain {
            document.error_with(
                name.span.clone(),
                format!("\"{}\" is no domain", name.value),
                "name the file like its domain, or add  domains = [\"example.org\"]",
            );
        }
    }
    let mut domain = Domain {
        with_subdomains: true,
        ..Domain::default()
    };
    root.set_boolean("subdomains", &mut domain.with_subdomains);
    domain.mode = root.choice("mode", &rules::MODES).map(|at| at.value);
    let prefix = root.text("subject_prefix");
    domain.subject_prefix = prefix.and_then(|at| fixed_prefix(root, &at));
    let defaults = root.table("defaults");
    let default = |key| defaults.choice(key, &DEFAULTS).map(|at| at.value);
    domain.suspect = default("suspect");
    domain.sextortion = default("sextortion");
    defaults.finish();
    let quarantine = root.table("quarantine");
    keeping::retention(&quarantine, kept);
    quarantine.finish();
    let notice = root.table("notice");
    domain.notice = notice::wishes(&notice, false);
    notice.finish();
    let prefix = names.first().map_or("", |name| &name.value);
    domain.rules = rules::read(root, &format!("{prefix}/"), maps, trust);
    for (index, rule) in domain.rules.iter().enumerate() {
        let asked = rule.conditions.recipient.as_ref();
        let Some(asked) = asked.and_then(|set| set.named_domains()) else {
            continue;
        };
        let is_here = |asked: &&str| {
            names.iter().any(|name| {
                let parent = format!(".{}", name.value);
                *asked == name.value || (domain.with_subdomains && asked.ends_with(&parent))
            })
        };
        // With errors, rules are missing in the list and their numbers tell nothing.
        if document.error_count() == 0 && !asked.iter().any(is_here) {
            let span = recipient_place(root, index);
            document.warning_with(
                span,
                format!(
                    "this rule can never match: its recipients are not in \"{}\"",
                    names
                        .iter()
                        .map(|name| name.value.as_str())
                        .collect::<Vec<_>>()
                        .join("\", \"")
                ),
                "move it to the main file",
            );
        }
    }
    (names, domain)
}

/// Where the recipients of a rule stand.
fn recipient_place(root: &Table<'_>, index: usize) -> std::ops::Range<usize> {
    let tables = root.tables("rule");
    tables.get(index).map_or(0..0, |table| {
        table.span_of("recipient").unwrap_or(table.span.clone())
    })
}

/// A prefix without placeholders: it stands for many rules.
pub(crate) fn fixed_prefix(table: &Table<'_>, at: &At<String>) -> Option<String> {
    action::subject_prefix(table, at)?;
    if at.value.contains(['{', '}']) {
        table.document().error_with(
            at.span.clone(),
            "placeholders work in the `subject_prefix` of rules only",
            "delete the braces",
        );
        return None;
    }
    Some(at.value.clone())
}
