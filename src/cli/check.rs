//! `callbluff check`: says all that is wrong with config, policy and packs.

use crate::classify::Judge;
use crate::config::{Config, Loaded};
use crate::diagnose::Diagnostics;
use std::io::{self, Write};
use std::path::PathBuf;

/// Check config, policy, maps, domain files and packs, and tell every problem at once.
///
/// Exit status: 0 nothing is wrong (there may be warnings), 2 something is.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The config file; without it the built-in defaults and packs are checked.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command, prints to `out` and returns the exit status.
pub(crate) fn run(args: &Check, out: &mut dyn Write) -> u8 {
    let (loaded, mut problems) = match &args.config {
        None => (Some(Loaded::builtin()), Diagnostics::new()),
        Some(path) => match Config::load(path) {
            Ok(loaded) => {
                let warnings = loaded.warnings.clone();
                (Some(loaded), warnings)
            }
            Err(problems) => (None, problems),
        },
    };
    // Packs and templates are checked where the config names them; a broken config still has the built-in ones.
    let mut pack_problems = Diagnostics::new();
    let packs = loaded
        .as_ref()
        .map(|loaded| loaded.config.local_packs(&mut pack_problems))
        .unwrap_or_default();
    let templates = loaded
        .as_ref()
        .and_then(|loaded| loaded.config.local_templates(&mut pack_problems));
    let _judge = Judge::load(&packs, templates.as_ref(), true, &mut pack_problems);
    problems.extend(pack_problems);
    let name = match &args.config {
        Some(path) => path.display().to_string(),
        None => "built-in defaults".to_owned(),
    };
    let summary = summary(&name, loaded.as_ref(), packs.len(), &problems);
    match print(out, &problems, &summary) {
        Ok(()) if problems.has_errors() => 2,
        Ok(()) => 0,
        Err(_) => 2,
    }
}

fn print(out: &mut dyn Write, problems: &Diagnostics, summary: &str) -> io::Result<()> {
    if !problems.is_empty() {
        writeln!(out, "{problems}\n")?;
    }
    writeln!(out, "{summary}")?;
    out.flush()
}

fn summary(name: &str, loaded: Option<&Loaded>, packs: usize, problems: &Diagnostics) -> String {
    let errors = problems.errors().count();
    let warnings = problems.warnings().count();
    let found = match (errors, warnings) {
        (0, 0) => "nothing is wrong".to_owned(),
        (0, _) => format!("can be used, {}", number(warnings, "warning")),
        (_, 0) => number(errors, "error"),
        _ => format!(
            "{}, {}",
            number(errors, "error"),
            number(warnings, "warning")
        ),
    };
    let Some(loaded) = loaded else {
        return format!("{name}: {found}");
    };
    let policy = &loaded.config.policy;
    let inventory = [
        number(policy.rules.len(), "rule"),
        number(policy.domains.len(), "domain"),
        number(packs, "local pack"),
    ];
    format!("{name}: {found} ({})", inventory.join(", "))
}

fn number(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: Option<&str>) -> (u8, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("callbluff.toml");
        let config = config.map(|text| {
            std::fs::write(&path, text).expect("the folder is ours");
            path
        });
        let mut out = Vec::new();
        let status = run(&Check { config }, &mut out);
        (status, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn built_in_defaults_are_right() {
        let (status, text) = check(None);
        assert_eq!(status, 0, "{text}");
        assert!(text.starts_with("built-in defaults: "), "{text}");
    }

    #[test]
    fn errors_and_warnings_are_told_apart() {
        let (status, text) = check(Some("mode = \"monitr\"\n[maps]\n"));
        assert_eq!(status, 2);
        assert!(text.contains("callbluff.toml:1:8: "), "{text}");
        let (status, text) = check(Some("[[rule]]\naction = \"tag\"\nrecipient = []\n"));
        assert_eq!(status, 0);
        assert!(text.contains(": warning: "), "{text}");
        assert!(text.contains("1 rule, 0 domains"), "{text}");
    }
}
