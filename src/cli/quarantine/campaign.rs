//! `callbluff quarantine campaign`: a whole wave at once.

use crate::cli::quarantine::desk::{Caution, Desk, Selection, words};
use crate::cli::quarantine::{delete, release, report};
use crate::cli::show::printable;
use crate::quarantine::{Filter, Page, State, Wave};
use jiff::Timestamp;
use serde_json::json;
use std::io::Write;

/// Entries that belong together: near copies of a template or text, or the same payment address.
#[derive(Debug, clap::Args)]
pub(super) struct CampaignArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List campaigns, largest first.
    List(List),
    /// Show the entries of a campaign.
    Show(Show),
    /// Release all entries of a campaign that are held.
    Release(Release),
    /// Delete all entries of a campaign that are held.
    Delete(Delete),
    /// Report a campaign by its first entry: one report for all of it.
    Report(Report),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Count entries received from this time on.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// The most campaigns.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The name of the campaign.
    name: String,
}

#[derive(Debug, clap::Args)]
struct Release {
    /// The name of the campaign.
    name: String,
    #[command(flatten)]
    caution: Caution,
    /// As attachments of messages from the quarantine.
    #[arg(long)]
    attached: bool,
    /// Why, for the audit trail.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Leave the sending to the running service.
    #[arg(long)]
    no_wait: bool,
}

#[derive(Debug, clap::Args)]
struct Delete {
    /// The name of the campaign.
    name: String,
    #[command(flatten)]
    caution: Caution,
    /// Why, for the audit trail.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

#[derive(Debug, clap::Args)]
struct Report {
    /// The name of the campaign.
    name: String,
    #[command(flatten)]
    how: report::How,
}

/// Runs the command and returns the exit status: 1 where nothing was found or not all was done.
pub(super) fn run(args: &CampaignArgs, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    match &args.command {
        Command::List(args) => desk.wait(list(args, desk, out)),
        Command::Show(args) => desk.wait(show(&args.name, desk, out)),
        Command::Release(args) => {
            let selection = Selection::of_campaign(&args.name, vec![State::Held]);
            let how = release::How::new(args.attached, &args.reason, args.no_wait);
            release::release_all(&selection, &args.caution, &how, desk, out)
        }
        Command::Delete(args) => {
            let selection = Selection::of_campaign(&args.name, vec![State::Held]);
            delete::delete_all(&selection, &args.caution, &args.reason, desk, out)
        }
        Command::Report(args) => {
            let first = desk.wait(first(&args.name, desk))?;
            report::report_all(&Selection::one(&first), &args.how, desk, out)
        }
    }
}

async fn list(args: &List, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    let filter = Filter {
        since: args.since,
        ..Filter::default()
    };
    let waves = desk.store.waves(&filter, args.limit).await;
    let waves = waves.map_err(|error| error.to_string())?;
    for wave in &waves {
        write(out, &line(desk, wave))?;
    }
    Ok(u8::from(waves.is_empty()))
}

fn line(desk: &Desk, wave: &Wave) -> String {
    if desk.json {
        return json!({
            "v": 1,
            "campaign": wave.name,
            "entries": wave.entries,
            "held": wave.held,
            "first": wave.first.to_string(),
            "last": wave.last.to_string(),
        })
        .to_string();
    }
    format!(
        "{:>7} {:>7} held  {:.19} to {:.19}  {}",
        wave.entries,
        wave.held,
        wave.first.to_string(),
        wave.last.to_string(),
        printable(&wave.name)
    )
}

async fn show(name: &str, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    let selection = Selection::of_campaign(name, State::ALL.to_vec());
    let mut next = None;
    let mut found = false;
    loop {
        let listing = selection.page(desk, &[], next).await?;
        for entry in &listing.entries {
            found = true;
            let text = if desk.json {
                json!({
                    "v": 1,
                    "entry": entry.id,
                    "state": entry.state.name(),
                    "received_at": entry.received_at.to_string(),
                    "sender": entry.sender.text(),
                    "recipients": entry.recipients.iter().map(|to| to.text()).collect::<Vec<_>>(),
                    "subject": entry.subject,
                    "follows": entry.follows,
                })
                .to_string()
            } else {
                let follows = entry
                    .follows
                    .as_ref()
                    .map(|first| format!(" (follows {first})"));
                words(entry) + &follows.unwrap_or_default()
            };
            write(out, &text)?;
        }
        next = listing.next;
        if next.is_none() {
            return Ok(u8::from(!found));
        }
    }
}

/// The identifier of the first entry of a campaign whose bytes are kept.
async fn first(name: &str, desk: &Desk) -> Result<String, String> {
    let filter = Filter {
        wave: Some(name.to_owned()),
        states: vec![State::Held, State::Released, State::Reported],
        ..Filter::default()
    };
    let mut page = Page::first(Page::MAX);
    let mut first = None;
    loop {
        let listing = desk.store.list(&filter, &page).await;
        let listing = listing.map_err(|error| error.to_string())?;
        first = listing
            .entries
            .last()
            .map(|entry| entry.id.clone())
            .or(first);
        page.after = listing.next;
        if page.after.is_none() {
            return first.ok_or_else(|| format!("there is no campaign \"{}\"", printable(name)));
        }
    }
}

fn write(out: &mut dyn Write, text: &str) -> Result<(), String> {
    writeln!(out, "{text}").map_err(|err| format!("could not write the results ({err})"))
}
