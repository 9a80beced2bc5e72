//! `callbluff quarantine report`: an authority is told.

use crate::cli::quarantine::desk::{Caution, Desk, Selection};
use crate::cli::quarantine::release::print_would;
use crate::cli::show::printable;
use crate::message::Address;
use crate::quarantine::{Report, ReportForm, State, read_all, send_report, write_report};
use jiff::Timestamp;
use serde_json::json;
use std::io::Write;

const STATES: [State; 3] = [State::Held, State::Reported, State::Released];
/// The largest message that is printed, in bytes.
const MAX_MESSAGE: u64 = 64 << 20;

/// Report entries to the authorities in report.to, or to another one.
///
/// Passwords and recipients are masked. Nothing goes to the sender of a message, whatever the address.
#[derive(Debug, clap::Args)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    how: How,
}

/// To whom and in which form.
#[derive(Debug, clap::Args)]
pub(super) struct How {
    #[command(flatten)]
    caution: Caution,
    /// To this authority; several times for several. Default: report.to of the config.
    #[arg(long = "to", value_name = "ADDRESS")]
    to: Vec<String>,
    /// How it looks: "arf" (RFC 5965) for programs, "forward" for people.
    #[arg(long, default_value = "arf", value_parser = form)]
    form: ReportForm,
    /// Show passwords and recipients, and send the message exactly as it was received.
    #[arg(long)]
    unmasked: bool,
    /// Print the reports instead of sending them.
    #[arg(long)]
    print: bool,
}

fn form(text: &str) -> Result<ReportForm, String> {
    match text {
        "arf" => Ok(ReportForm::Arf),
        "forward" => Ok(ReportForm::Forward),
        _ => Err("write arf or forward".to_owned()),
    }
}

/// Runs the command and returns the exit status: 1 where something was not reported.
pub(super) fn run(args: &ReportArgs, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    report_all(&args.selection, &args.how, desk, out)
}

/// Reports every entry that is meant; the exit status as for `run`.
pub(super) fn report_all(
    selection: &Selection,
    args: &How,
    desk: &Desk,
    out: &mut dyn Write,
) -> Result<u8, String> {
    desk.wait(async {
        let to = if args.to.is_empty() {
            &desk.config.report.to
        } else {
            &args.to
        };
        let to: Vec<Address> = to.iter().map(|to| Address::new(to.as_bytes())).collect();
        if to.is_empty() {
            return Err("no authority is named; use --to ADDRESS or set report.to".to_owned());
        }
        let count = selection.count(desk, &STATES).await?;
        if !args.print && !args.caution.allows("report", count)? {
            return Ok(1);
        }
        report(selection, args, desk, out, &to, count).await
    })
}

async fn report(
    selection: &Selection,
    args: &How,
    desk: &Desk,
    out: &mut dyn Write,
    to: &[Address],
    count: u64,
) -> Result<u8, String> {
    let courier = desk.courier()?;
    let settings = &desk.config.report;
    let store = desk.store.as_ref();
    let mut all_done = count > 0;
    let mut next = None;
    loop {
        let listing = selection.page(desk, &STATES, next).await?;
        for entry in &listing.entries {
            if args.caution.dry_run {
                print_would(desk, out, entry, "report")?;
                continue;
            }
            for to in to {
                let report = Report {
                    to,
                    form: args.form,
                    unmasked: args.unmasked,
                    by: &desk.by,
                };
                let now = Timestamp::now();
                if args.print {
                    let raw = read_all(store, entry, MAX_MESSAGE).await;
                    let raw = raw.map_err(|error| error.to_string())?;
                    let text = write_report(settings, entry, &raw, &report, now);
                    let text = text.map_err(|error| error.to_string())?;
                    out.write_all(&text).map_err(written)?;
                    continue;
                }
                let (is_sent, reply) =
                    match send_report(store, &courier, settings, entry, &report, now).await {
                        Ok(reply) => (true, reply),
                        Err(error) => (false, error.to_string()),
                    };
                all_done &= is_sent;
                let text = if desk.json {
                    json!({"v": 1, "entry": entry.id, "to": to.text(), "reported": is_sent, "reply": reply}).to_string()
                } else {
                    let word = if is_sent { "reported" } else { "not reported" };
                    format!(
                        "{} {word} to <{}>: {}",
                        entry.id,
                        printable(&to.text()),
                        printable(&reply)
                    )
                };
                writeln!(out, "{text}").map_err(written)?;
            }
        }
        next = listing.next;
        if next.is_none() {
            return Ok(u8::from(!all_done));
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is used with map_err")]
fn written(err: std::io::Error) -> String {
    format!("could not write the results ({err})")
}
