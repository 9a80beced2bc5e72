//! `callbluff quarantine expire`: drops now what the service would drop by itself.

use crate::cli::quarantine::desk::{self, Desk};
use crate::cli::show::line;
use crate::quarantine::{count_excess, expire_all};
use jiff::Timestamp;
use serde::Serialize;
use std::io::Write;

/// Drop messages that are older, more or larger than the configuration allows.
#[derive(Debug, clap::Args)]
pub(super) struct Expire {
    /// Only say how many are too old.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Row {
    v: u32,
    entries: u64,
    dry_run: bool,
}

/// Runs the command and returns the exit status.
pub(super) fn run(args: &Expire, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    let settings = &desk.config.quarantine;
    let store = desk.store.as_ref();
    let now = Timestamp::now();
    let entries = match args.dry_run {
        true => desk.wait(count_excess(store, settings, now)),
        false => desk.wait(expire_all(store, settings, now)),
    };
    let entries = entries.map_err(|err| err.to_string())?;
    let text = match (desk.json, args.dry_run) {
        (true, dry_run) => line(&Row {
            v: 1,
            entries,
            dry_run,
        }),
        (false, true) => format!("would expire {}", desk::entries(entries)),
        (false, false) => format!("expired {}", desk::entries(entries)),
    };
    writeln!(out, "{text}").map_err(|err| format!("cannot write ({err})"))?;
    Ok(0)
}
