//! `callbluff config`: the sample, what holds, and a schema for editors.

use crate::config::{self, Config, Loaded, Value};
use crate::policy::{Mode, Rule};
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

/// Show the commented sample, the settings that hold, or a JSON schema.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print the commented sample: every key, its default and what it is for.
    Default {
        /// The sample of a domain file.
        #[arg(long)]
        domain: bool,
    },
    /// Print the settings that hold, each with the line that it comes from.
    Show {
        /// The config file; without it the built-in defaults.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print a JSON schema, for editors that complete and check TOML.
    Schema {
        /// The schema of domain files.
        #[arg(long)]
        domain: bool,
    },
}

/// Runs the command, prints to `out` and returns the exit status.
pub(crate) fn run(args: &ConfigArgs, out: &mut dyn Write) -> u8 {
    let printed = match &args.what {
        What::Default { domain: false } => out.write_all(config::SAMPLE.as_bytes()),
        What::Default { domain: true } => out.write_all(config::DOMAIN_SAMPLE.as_bytes()),
        What::Schema { domain } => {
            let schema = match domain {
                false => config::schema(),
                true => config::domain_schema(),
            };
            writeln!(out, "{schema:#}")
        }
        What::Show { config, json } => {
            let loaded = match config {
                None => Loaded::builtin(),
                Some(path) => match Config::load(path) {
                    Ok(loaded) => loaded,
                    Err(problems) => {
                        let _ = writeln!(io::stderr(), "{problems}");
                        return 2;
                    }
                },
            };
            let file = config.as_ref().map(|path| path.display().to_string());
            let file = file.as_deref().unwrap_or("built-in");
            if *json {
                show_json(&loaded, file, out)
            } else {
                show(&loaded, file, out)
            }
        }
    };
    match printed.and_then(|()| out.flush()) {
        Ok(()) => 0,
        // A reader that has seen enough, such as `head`, is no news.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(_) => 2,
    }
}

/// The settings as a TOML file that means the same, with their origin behind them.
fn show(loaded: &Loaded, file: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut tables: Vec<&str> = Vec::new();
    for value in &loaded.values {
        if !tables.contains(&value.table.as_str()) {
            tables.push(&value.table);
        }
    }
    // Keys of the top must stand before the first table.
    tables.sort_by_key(|table| !table.is_empty());
    for (index, table) in tables.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        if !table.is_empty() {
            writeln!(out, "[{table}]")?;
        }
        for value in loaded.values.iter().filter(|value| value.table == *table) {
            show_value(value, file, out)?;
        }
    }
    let policy = &loaded.config.policy;
    if !policy.rules.is_empty() {
        writeln!(out, "\n# rules, in order:")?;
    }
    for rule in &policy.rules {
        writeln!(out, "#   {}", rule_line(rule))?;
    }
    let mut domains: Vec<&String> = policy.domains.keys().collect();
    domains.sort();
    if !domains.is_empty() {
        writeln!(out, "\n# domains with a file of their own:")?;
    }
    for name in domains {
        writeln!(out, "#   {name}")?;
        for rule in &policy.domains[name].rules {
            writeln!(out, "#     {}", rule_line(rule))?;
        }
    }
    Ok(())
}

fn show_value(value: &Value, file: &str, out: &mut dyn Write) -> io::Result<()> {
    match (&value.value, value.line) {
        (Some(text), Some(line)) => {
            // A list may stand on several lines; a comment fits behind the last.
            writeln!(out, "{} = {text} # {file}:{line}", value.name)
        }
        (Some(text), None) => writeln!(out, "{} = {text} # default", value.name),
        (None, _) => writeln!(out, "#{} is not set # default", value.name),
    }
}

fn rule_line(rule: &Rule) -> String {
    let mode = match rule.mode {
        Some(Mode::Monitor) => ", only watched",
        Some(Mode::Enforce) => ", enforced",
        None => "",
    };
    format!("{} -> {}{mode}", rule.name, rule.action.disposition)
}

fn show_json(loaded: &Loaded, file: &str, out: &mut dyn Write) -> io::Result<()> {
    let settings: Vec<_> = loaded
        .values
        .iter()
        .map(|value| {
            json!({
                "table": value.table,
                "key": value.name,
                "value": value.value,
                "origin": match value.line {
                    Some(line) => format!("{file}:{line}"),
                    None => "default".to_owned(),
                },
            })
        })
        .collect();
    let policy = &loaded.config.policy;
    let rules: Vec<_> = policy
        .rules
        .iter()
        .map(|rule| json!({"name": rule.name, "action": rule.action.disposition.name()}))
        .collect();
    let mut domains: Vec<&String> = policy.domains.keys().collect();
    domains.sort();
    let all = json!({"v": 1, "settings": settings, "rules": rules, "domains": domains});
    writeln!(out, "{all}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_a_config_that_means_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.toml");
        let text = "mode = \"monitor\"\n[milter]\nlisten = [\n  \"inet:1@a\", # one\n  \"/b\" ]\n";
        std::fs::write(&path, text).expect("the folder is ours");
        let loaded = Config::load(&path).expect("it is right");
        let mut shown = Vec::new();
        show(&loaded, "a.toml", &mut shown).expect("memory takes everything");
        let shown = String::from_utf8(shown).expect("text");
        assert!(shown.contains("mode = \"monitor\" # a.toml:1\n"), "{shown}");
        assert!(shown.contains("drain = \"30s\" # default\n"), "{shown}");
        std::fs::write(&path, &shown).expect("the folder is ours");
        let again = Config::load(&path).unwrap_or_else(|why| panic!("{why}\n{shown}"));
        assert_eq!(
            format!("{:?}", again.config),
            format!("{:?}", loaded.config)
        );
    }
}
