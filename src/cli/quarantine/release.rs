//! `callbluff quarantine release`: mail goes to those for whom it was meant.

use crate::cli::quarantine::desk::{Caution, Desk, Selection, words};
use crate::cli::show::{line, printable};
use crate::message::Address;
use crate::outbound::queue_id;
use crate::quarantine::{Attempt, Entry, Order, Progress, State, request};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

/// Which entries can be released: whoever got one already may get it again.
const STATES: [State; 3] = [State::Held, State::Reported, State::Released];
/// How often somebody else's work is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Deliver entries to their recipients, to some of them or to somebody else.
///
/// What the next hop does not take now is tried again by the running service, or by  release --resume.
#[derive(Debug, clap::Args)]
pub(super) struct Release {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    caution: Caution,
    #[command(flatten)]
    how: How,
    /// Try every release that is due, and name no entries.
    #[arg(long, conflicts_with_all = ["to", "attached", "no_wait"])]
    resume: bool,
}

/// In which form and to whom.
#[derive(Debug, clap::Args)]
pub(super) struct How {
    /// Only to this recipient of the entry, or to somebody else; several times for several.
    #[arg(long = "to", value_name = "ADDRESS")]
    to: Vec<String>,
    /// As an attachment of a message from the quarantine.
    #[arg(long)]
    attached: bool,
    /// Why, for the audit trail.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Leave the sending to the running service.
    #[arg(long)]
    no_wait: bool,
}

impl How {
    /// To the recipients of each entry.
    pub(super) fn new(attached: bool, reason: &str, no_wait: bool) -> Self {
        Self {
            to: Vec::new(),
            attached,
            reason: reason.to_owned(),
            no_wait,
        }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    v: u32,
    entry: &'a str,
    recipient: String,
    /// `sent`, `waiting`, `failed`, or `would` with `--dry-run`.
    progress: &'a str,
    tries: u32,
    reply: &'a str,
    queue_id: Option<&'a str>,
}

/// Runs the command and returns the exit status: 1 where something has not arrived yet.
pub(super) fn run(args: &Release, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    if args.resume {
        return desk.wait(resume(desk, out));
    }
    release_all(&args.selection, &args.caution, &args.how, desk, out)
}

/// Releases every entry that is meant; the exit status as for `run`.
pub(super) fn release_all(
    selection: &Selection,
    caution: &Caution,
    how: &How,
    desk: &Desk,
    out: &mut dyn Write,
) -> Result<u8, String> {
    desk.wait(async {
        let count = selection.count(desk, &STATES).await?;
        if !caution.allows("release", count)? {
            return Ok(1);
        }
        let to: Vec<Address> = how
            .to
            .iter()
            .map(|to| Address::new(to.as_bytes()))
            .collect();
        let mut next = None;
        let mut all_sent = count > 0;
        loop {
            // Whoever is on a page stays there: the next one begins behind the last identifier.
            let listing = selection.page(desk, &STATES, next).await?;
            for entry in &listing.entries {
                let recipients = if to.is_empty() {
                    &entry.recipients[..]
                } else {
                    &to
                };
                if caution.dry_run {
                    print_plan(desk, out, entry, recipients)?;
                } else {
                    all_sent &= one(how, desk, out, entry, recipients).await?;
                }
            }
            next = listing.next;
            if next.is_none() {
                return Ok(u8::from(!all_sent));
            }
        }
    })
}

fn print_plan(
    desk: &Desk,
    out: &mut dyn Write,
    entry: &Entry,
    recipients: &[Address],
) -> Result<(), String> {
    for recipient in recipients {
        let row = Row {
            v: 1,
            entry: &entry.id,
            recipient: recipient.text(),
            progress: "would",
            tries: 0,
            reply: "",
            queue_id: None,
        };
        print(desk, out, &row)?;
    }
    Ok(())
}

/// Releases one entry; has it arrived everywhere?
async fn one(
    how: &How,
    desk: &Desk,
    out: &mut dyn Write,
    entry: &Entry,
    recipients: &[Address],
) -> Result<bool, String> {
    let before: BTreeSet<i64> = attempts(desk, entry)
        .await?
        .iter()
        .map(|one| one.number)
        .collect();
    let order = Order {
        by: desk.by.clone(),
        why: how.reason.clone(),
        asked_at: Timestamp::now().as_second(),
        attached: how.attached,
    };
    request(desk.store.as_ref(), entry, recipients, &order)
        .await
        .map_err(|error| error.to_string())?;
    if !how.no_wait {
        carry_out(desk, entry, &before).await?;
    }
    let mut all_sent = true;
    for attempt in attempts(desk, entry).await? {
        if !before.contains(&attempt.number) {
            all_sent &= attempt.progress == Progress::Sent;
            print_attempt(desk, out, &attempt)?;
        }
    }
    Ok(all_sent || how.no_wait)
}

/// Tries what is due, until every new release of this entry was tried once, by us or by the service.
async fn carry_out(desk: &Desk, entry: &Entry, before: &BTreeSet<i64>) -> Result<(), String> {
    let courier = desk.courier()?;
    let patience = 3 * desk.config.release.timeout;
    let trying = async {
        loop {
            let done = courier.round(desk.store.as_ref(), Timestamp::now()).await;
            let done = done.map_err(|error| error.to_string())?;
            let is_open = |one: &Attempt| {
                !before.contains(&one.number)
                    && one.progress == Progress::Waiting
                    && one.reply.is_empty()
            };
            if !attempts(desk, entry).await?.iter().any(is_open) {
                return Ok(());
            }
            if done.is_empty() {
                // The service has it, and will say what came of it.
                tokio::time::sleep(LOOK).await;
            }
        }
    };
    tokio::time::timeout(patience, trying)
        .await
        .unwrap_or(Ok(()))
}

async fn attempts(desk: &Desk, entry: &Entry) -> Result<Vec<Attempt>, String> {
    let attempts = desk.store.attempts(&entry.id).await;
    attempts.map_err(|error| error.to_string())
}

async fn resume(desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    let courier = desk.courier()?;
    let mut all_sent = true;
    loop {
        let done = courier.round(desk.store.as_ref(), Timestamp::now()).await;
        let done = done.map_err(|error| error.to_string())?;
        if done.is_empty() {
            return Ok(u8::from(!all_sent));
        }
        for one in done {
            all_sent &= one.outcome.progress == Progress::Sent;
            let attempt = Attempt {
                progress: one.outcome.progress,
                reply: one.outcome.reply,
                ..one.attempt
            };
            print_attempt(desk, out, &attempt)?;
        }
    }
}

fn print_attempt(desk: &Desk, out: &mut dyn Write, attempt: &Attempt) -> Result<(), String> {
    let is_sent = attempt.progress == Progress::Sent;
    let row = Row {
        v: 1,
        entry: &attempt.entry,
        recipient: attempt.recipient.text(),
        progress: attempt.progress.name(),
        tries: attempt.tries,
        reply: &attempt.reply,
        queue_id: queue_id(&attempt.reply).filter(|_| is_sent),
    };
    print(desk, out, &row)
}

fn print(desk: &Desk, out: &mut dyn Write, row: &Row<'_>) -> Result<(), String> {
    let text = if desk.json {
        line(row)
    } else {
        format!(
            "{} {:<8} <{}> {}",
            row.entry,
            row.progress,
            printable(&row.recipient),
            printable(row.reply)
        )
    };
    writeln!(out, "{text}").map_err(|err| format!("could not write the results ({err})"))
}

/// An entry that would be acted on, for `--dry-run` of any command.
pub(super) fn print_would(
    desk: &Desk,
    out: &mut dyn Write,
    entry: &Entry,
    what: &str,
) -> Result<(), String> {
    let text = if desk.json {
        serde_json::json!({"v": 1, "entry": entry.id, "would": what}).to_string()
    } else {
        format!("would {what} {}", words(entry))
    };
    writeln!(out, "{text}").map_err(|err| format!("could not write the results ({err})"))
}
