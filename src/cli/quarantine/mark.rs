//! `callbluff quarantine mark`: a reviewer says whether an entry was rightly caught.

use crate::cli::quarantine::desk::{Caution, Desk, Selection};
use crate::cli::quarantine::release::print_would;
use crate::quarantine::{self, State};
use jiff::Timestamp;
use serde_json::json;
use std::io::Write;

const STATES: [State; 3] = [State::Held, State::Reported, State::Released];

/// Say that entries were caught by mistake, or rightly.
///
/// All hosts that share the quarantine learn it within a minute: near copies of a mistake are let through, near
/// copies of a confirmed message are caught. A mark can be taken back.
#[derive(Debug, clap::Args)]
pub(super) struct Mark {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    caution: Caution,
    /// They should not have been caught.
    #[arg(long, required_unless_present_any = ["confirmed", "clear"], conflicts_with_all = ["confirmed", "clear"])]
    error: bool,
    /// They were rightly caught.
    #[arg(long, conflicts_with = "clear")]
    confirmed: bool,
    /// Take the mark back.
    #[arg(long)]
    clear: bool,
}

/// Runs the command and returns the exit status: 1 where nothing was found.
pub(super) fn run(args: &Mark, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    let word = match (args.error, args.confirmed) {
        (true, _) => "error",
        (_, true) => "confirmed",
        _ => "none",
    };
    desk.wait(async {
        let count = args.selection.count(desk, &STATES).await?;
        if count == 0 || !args.caution.allows("mark", count)? {
            return Ok(1);
        }
        let mut next = None;
        loop {
            let listing = args.selection.page(desk, &STATES, next).await?;
            for entry in &listing.entries {
                if args.caution.dry_run {
                    print_would(desk, out, entry, "mark")?;
                    continue;
                }
                let store = desk.store.as_ref();
                let now = Timestamp::now();
                let done = match (args.error, args.confirmed) {
                    (true, _) => {
                        quarantine::mark(store, entry, quarantine::Mark::Error, &desk.by, now).await
                    }
                    (_, true) => {
                        quarantine::mark(store, entry, quarantine::Mark::Confirmed, &desk.by, now)
                            .await
                    }
                    _ => quarantine::unmark(store, entry).await.map(drop),
                };
                done.map_err(|error| error.to_string())?;
                let text = if desk.json {
                    json!({"v": 1, "entry": entry.id, "mark": word}).to_string()
                } else {
                    format!("{} marked: {word}", entry.id)
                };
                writeln!(out, "{text}")
                    .map_err(|err| format!("could not write the results ({err})"))?;
            }
            next = listing.next;
            if next.is_none() {
                return Ok(0);
            }
        }
    })
}
