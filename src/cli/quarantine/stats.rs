//! `callbluff quarantine stats`: how full it is.

use crate::cli::quarantine::desk::Desk;
use crate::cli::show::{line, printable};
use crate::toml_reader::show_size;
use serde_json::{Map, json};
use std::fmt::Write as _;
use std::io::Write;

/// Show how many entries there are, how much room they take and whose they are.
#[derive(Debug, clap::Args)]
pub(super) struct StatsArgs {}

/// Runs the command and returns the exit status.
pub(super) fn run(desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    let stats = desk
        .wait(desk.store.stats())
        .map_err(|err| err.to_string())?;
    let mut text = String::new();
    if desk.json {
        let counts = |pairs: &[(String, u64)]| -> Map<String, serde_json::Value> {
            pairs
                .iter()
                .map(|(name, count)| (name.clone(), json!(count)))
                .collect()
        };
        let states: Vec<_> = stats
            .states
            .iter()
            .map(|(state, count)| (state.name().to_owned(), *count))
            .collect();
        text = line(&json!({
            "v": 1,
            "states": counts(&states),
            "bytes": stats.bytes,
            "stored_bytes": stats.stored_bytes,
            "oldest_held": stats.oldest.map(|oldest| oldest.to_string()),
            "held_domains": counts(&stats.domains),
            "waiting_releases": stats.waiting,
        }));
        text.push('\n');
    } else {
        for (state, count) in &stats.states {
            let _ = writeln!(text, "{:16}{count:>10}", state.name());
        }
        let _ = writeln!(text, "{:16}{:>10}", "bytes", show_size(stats.bytes));
        let _ = writeln!(
            text,
            "{:16}{:>10}",
            "compressed",
            show_size(stats.stored_bytes)
        );
        let _ = writeln!(text, "{:16}{:>10}", "waiting releases", stats.waiting);
        if let Some(oldest) = stats.oldest {
            let _ = writeln!(text, "oldest held since {oldest}");
        }
        for (domain, count) in &stats.domains {
            let _ = writeln!(text, "{count:>8} held for {}", printable(domain));
        }
    }
    out.write_all(text.as_bytes())
        .map_err(|err| format!("cannot write ({err})"))?;
    Ok(0)
}
