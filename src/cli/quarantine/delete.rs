//! `callbluff quarantine delete`: entries that nobody needs.

use crate::cli::quarantine::desk::{Caution, Desk, Selection, words};
use crate::cli::show::line;
use crate::quarantine::{Deed, State};
use jiff::Timestamp;
use serde::Serialize;
use std::io::Write;

/// What can be deleted.
const STATES: [State; 3] = [State::Held, State::Released, State::Reported];

/// Delete the messages of entries; who they were for and what was done stays for a while.
#[derive(Debug, clap::Args)]
pub(super) struct Delete {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    caution: Caution,
    /// Why, for the audit trail.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

#[derive(Serialize)]
struct Row<'a> {
    v: u32,
    entry: &'a str,
    /// `deleted`, or `would` with `--dry-run`.
    done: &'a str,
}

/// Runs the command and returns the exit status: 1 where nothing was deleted.
pub(super) fn run(args: &Delete, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    delete_all(&args.selection, &args.caution, &args.reason, desk, out)
}

/// Deletes every entry that is meant; the exit status as for `run`.
pub(super) fn delete_all(
    selection: &Selection,
    caution: &Caution,
    reason: &str,
    desk: &Desk,
    out: &mut dyn Write,
) -> Result<u8, String> {
    desk.wait(async {
        let count = selection.count(desk, &STATES).await?;
        if !caution.allows("delete", count)? {
            return Ok(1);
        }
        let mut next = None;
        loop {
            // Entries keep their place in the list when their state changes, so pages stay right.
            let listing = selection.page(desk, &STATES, next).await?;
            for entry in &listing.entries {
                let deed = Deed {
                    at: Timestamp::now(),
                    who: desk.by.clone(),
                    what: "deleted".to_owned(),
                    why: reason.to_owned(),
                };
                if !caution.dry_run {
                    desk.store
                        .set_state(&entry.id, &STATES, State::Deleted, &deed)
                        .await
                        .map_err(|err| err.to_string())?;
                }
                let done = if caution.dry_run { "would" } else { "deleted" };
                let text = match desk.json {
                    true => line(&Row {
                        v: 1,
                        entry: &entry.id,
                        done,
                    }),
                    false => format!("{done}: {}", words(entry)),
                };
                writeln!(out, "{text}").map_err(|err| format!("cannot write ({err})"))?;
            }
            next = listing.next;
            if next.is_none() {
                return Ok(u8::from(count == 0));
            }
        }
    })
}
