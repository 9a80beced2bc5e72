//! `callbluff quarantine erase`: all data of one person.

use crate::cli::quarantine::desk::{self, Caution, Desk};
use crate::cli::show::line;
use crate::quarantine::Deed;
use jiff::Timestamp;
use serde::Serialize;
use std::io::Write;

/// Erase all data of one recipient: entries for them alone vanish with all traces, and they are taken
/// out of entries that are for others, too.
#[derive(Debug, clap::Args)]
pub(super) struct Erase {
    /// The person's address.
    #[arg(value_name = "ADDRESS")]
    address: String,
    #[command(flatten)]
    caution: Caution,
}

#[derive(Serialize)]
struct Row {
    v: u32,
    entries: u64,
    shared: u64,
    dry_run: bool,
}

/// Runs the command and returns the exit status: 1 where there was nothing.
pub(super) fn run(args: &Erase, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    let deed = Deed {
        at: Timestamp::now(),
        who: desk.by.clone(),
        // Not who it was: that would be a trace of the person.
        what: "erased a recipient".to_owned(),
        why: "erasure of personal data".to_owned(),
    };
    let erase = |dry_run| {
        let erasing = desk.store.erase(&args.address, &deed, dry_run);
        desk.wait(erasing).map_err(|err| err.to_string())
    };
    let mut erased = erase(true)?;
    if !args.caution.dry_run {
        if !args
            .caution
            .allows("erase", erased.entries + erased.shared)?
        {
            return Ok(1);
        }
        erased = erase(false)?;
    }
    let row = Row {
        v: 1,
        entries: erased.entries,
        shared: erased.shared,
        dry_run: args.caution.dry_run,
    };
    let (erased, took) = match row.dry_run {
        true => ("would erase", "take"),
        false => ("erased", "took"),
    };
    let text = match desk.json {
        true => line(&row),
        false => format!(
            "{erased} {}, and {took} the address out of {} more",
            desk::entries(row.entries),
            row.shared
        ),
    };
    writeln!(out, "{text}").map_err(|err| format!("cannot write ({err})"))?;
    Ok(u8::from(row.entries + row.shared == 0))
}
