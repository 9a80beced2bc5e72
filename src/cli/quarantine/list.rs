//! `callbluff quarantine list` and `search`: which entries there are.

use crate::cli::quarantine::desk::{Desk, Selection};
use crate::cli::show::{line, printable};
use crate::cli::tell;
use crate::quarantine::{Entry, Filter, Listing, Page, StoredSignal, StoredWallet};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

/// Entries that are asked for at once.
const CHUNK: u32 = 200;

/// List entries, newest first.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    more: More,
    #[command(flatten)]
    part: Part,
    /// Only say how many.
    #[arg(long)]
    count: bool,
}

/// Find entries by a text: words of the subject, an address, a payment address, a queue ID, a hash …
///
/// One that ends with * means all that begin so. The body is never searched.
#[derive(Debug, clap::Args)]
pub(super) struct Search {
    /// What to look for; several words are words of one subject.
    #[arg(value_name = "TEXT", required = true)]
    text: Vec<String>,
    #[command(flatten)]
    part: Part,
}

/// Conditions that only lists need.
#[derive(Debug, Default, clap::Args)]
struct More {
    /// Entries whose subject has all these words; one that ends with * is a beginning.
    #[arg(long, value_name = "WORDS")]
    subject: Option<String>,
    /// Entries with this verdict: clean, suspect, sextortion, error.
    #[arg(long)]
    verdict: Option<String>,
    /// Entries of this kind: bluff, chat, other.
    #[arg(long)]
    kind: Option<String>,
    /// Entries under this score, in points.
    #[arg(long, value_name = "POINTS")]
    max_score: Option<f64>,
    /// The entry with this queue ID.
    #[arg(long, value_name = "ID")]
    queue_id: Option<String>,
    /// Entries with this Message-ID, in its angle brackets.
    #[arg(long, value_name = "ID")]
    message_id: Option<String>,
    /// Entries from this client address.
    #[arg(long, value_name = "ADDRESS")]
    client: Option<String>,
    /// Entries whose message has this SHA-256.
    #[arg(long, value_name = "HASH")]
    sha256: Option<String>,
}

/// Which part of a list.
#[derive(Debug, clap::Args)]
struct Part {
    /// The most entries; 0 shows all.
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    limit: u64,
    /// Go on behind this entry, the last one of the page before.
    #[arg(long, value_name = "ENTRY")]
    after: Option<String>,
}

/// An entry as `--json` prints it. Fields may be added, never taken away.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    v: u32,
    id: &'a str,
    state: &'static str,
    received_at: String,
    changed_at: String,
    queue_id: &'a str,
    message_id: Option<&'a str>,
    sender: String,
    recipients: Vec<String>,
    client: Option<String>,
    client_name: &'a str,
    helo: &'a str,
    host: &'a str,
    auth_user: Option<&'a str>,
    subject: Option<&'a str>,
    verdict: &'a str,
    score: f64,
    kind: Option<&'a str>,
    context: Option<&'a str>,
    signals: &'a [StoredSignal],
    wallets: &'a [StoredWallet],
    template: Option<&'a str>,
    language: Option<&'a str>,
    truncated: bool,
    rule: Option<&'a str>,
    campaign: Option<&'a str>,
    follows: Option<&'a str>,
    size: u64,
    sha256: &'a str,
}

impl<'a> From<&'a Entry> for Row<'a> {
    fn from(entry: &'a Entry) -> Self {
        let verdict = &entry.verdict;
        Self {
            v: 1,
            id: &entry.id,
            state: entry.state.name(),
            received_at: entry.received_at.to_string(),
            changed_at: entry.changed_at.to_string(),
            queue_id: &entry.queue_id,
            message_id: entry.message_id.as_deref(),
            sender: entry.sender.text(),
            recipients: entry.recipients.iter().map(|one| one.text()).collect(),
            client: entry.client.map(|ip| ip.to_string()),
            client_name: &entry.client_name,
            helo: &entry.helo,
            host: &entry.host,
            auth_user: entry.auth_user.as_deref(),
            subject: entry.subject.as_deref(),
            verdict: &verdict.class,
            score: verdict.score,
            kind: verdict.kind.as_deref(),
            context: verdict.context.as_deref(),
            signals: &verdict.signals,
            wallets: &verdict.wallets,
            template: verdict.template.as_deref(),
            language: verdict.language.as_deref(),
            truncated: verdict.truncated,
            rule: entry.rule.as_deref(),
            campaign: entry.wave.as_deref(),
            follows: entry.follows.as_deref(),
            size: entry.size,
            sha256: &entry.sha256,
        }
    }
}

/// Runs `list` and returns the exit status: 1 where there is none.
pub(super) fn list(args: &List, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    if args.selection.is_by_name() {
        let listing = desk.wait(args.selection.page(desk, &[], None))?;
        print(desk, out, &listing.entries, true)?;
        return Ok(0);
    }
    let more = &args.more;
    let filter = Filter {
        subject: more.subject.clone(),
        verdict: more.verdict.clone(),
        kind: more.kind.clone(),
        max_score: more.max_score,
        queue_id: more.queue_id.clone(),
        message_id: more.message_id.clone(),
        client: more.client.clone(),
        sha256: more.sha256.clone(),
        ..args.selection.filter(&[])
    };
    if args.count {
        let count = desk
            .wait(desk.store.count(&filter))
            .map_err(|err| err.to_string())?;
        let text = match desk.json {
            true => format!("{{\"v\":1,\"entries\":{count}}}\n"),
            false => format!("{count}\n"),
        };
        out.write_all(text.as_bytes())
            .map_err(|err| err.to_string())?;
        return Ok(u8::from(count == 0));
    }
    pages(desk, out, &args.part, &[filter])
}

/// Runs `search` and returns the exit status: 1 where nothing was found.
pub(super) fn search(args: &Search, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    let mut filters = vec![Filter {
        subject: Some(args.text.join(" ")),
        ..Filter::default()
    }];
    if let [text] = &args.text[..] {
        let text = || Some(text.clone());
        filters.extend([
            Filter {
                recipient: text(),
                ..Filter::default()
            },
            Filter {
                domain: text(),
                ..Filter::default()
            },
            Filter {
                sender: text(),
                ..Filter::default()
            },
            Filter {
                wallet: text(),
                ..Filter::default()
            },
            Filter {
                template: text(),
                ..Filter::default()
            },
            Filter {
                queue_id: text(),
                ..Filter::default()
            },
            Filter {
                message_id: text(),
                ..Filter::default()
            },
            Filter {
                client: text(),
                ..Filter::default()
            },
            Filter {
                sha256: text(),
                ..Filter::default()
            },
        ]);
    }
    // Marks alone ask nothing, and would find everything.
    filters.retain(|filter| !filter.asks_nothing());
    pages(desk, out, &args.part, &filters)
}

/// Prints what any of the filters means, page by page.
fn pages(desk: &Desk, out: &mut dyn Write, part: &Part, filters: &[Filter]) -> Result<u8, String> {
    let mut after = part.after.clone();
    let mut left = match part.limit {
        0 => u64::MAX,
        limit => limit,
    };
    let mut is_empty = true;
    loop {
        let limit = u32::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        let page = Page { after, limit };
        let listing = desk.wait(merged(desk, filters, &page))?;
        print(desk, out, &listing.entries, is_empty)?;
        is_empty &= listing.entries.is_empty();
        left = left.saturating_sub(listing.entries.len() as u64);
        after = listing.next;
        match &after {
            None => {
                if is_empty && !desk.json {
                    tell("no entry was found");
                }
                return Ok(u8::from(is_empty));
            }
            Some(next) if left == 0 => {
                if !desk.json {
                    tell(&format!("there are more; go on with  --after {next}"));
                }
                return Ok(0);
            }
            Some(_) => {}
        }
    }
}

/// One page of several searches together, each entry once.
async fn merged(desk: &Desk, filters: &[Filter], page: &Page) -> Result<Listing, String> {
    if let [filter] = filters {
        return desk
            .store
            .list(filter, page)
            .await
            .map_err(|err| err.to_string());
    }
    let mut all = BTreeMap::new();
    let mut has_more = false;
    for filter in filters {
        let listing = desk
            .store
            .list(filter, page)
            .await
            .map_err(|err| err.to_string())?;
        has_more |= listing.next.is_some();
        all.extend(
            listing
                .entries
                .into_iter()
                .map(|entry| (entry.id.clone(), entry)),
        );
    }
    let limit = page.limit as usize;
    has_more |= all.len() > limit;
    let entries: Vec<Entry> = all.into_values().rev().take(limit).collect();
    let next = entries
        .last()
        .filter(|_| has_more)
        .map(|entry| entry.id.clone());
    Ok(Listing { entries, next })
}

/// Prints some entries, with a heading where they are the first.
fn print(
    desk: &Desk,
    out: &mut dyn Write,
    entries: &[Entry],
    is_first: bool,
) -> Result<(), String> {
    let mut text = String::new();
    if is_first && !desk.json && !entries.is_empty() {
        text += &table([
            "ENTRY",
            "RECEIVED",
            "STATE",
            "SCORE",
            "SENDER",
            "RECIPIENTS",
            "SUBJECT",
        ]);
    }
    for entry in entries {
        if desk.json {
            text += &line(&Row::from(entry));
            text.push('\n');
        } else {
            text += &row(entry);
        }
    }
    out.write_all(text.as_bytes())
        .map_err(|err| format!("cannot write ({err})"))
}

/// Widths do not depend on the entries, so that a long list need not be held.
fn table(cells: [&str; 7]) -> String {
    let [id, received, state, score, sender, recipients, subject] = cells;
    format!(
        "{id:16}  {received:16}  {state:8}  {score:>5}  {sender:28}  {recipients:28}  {subject}"
    )
    .trim_end()
    .to_owned()
        + "\n"
}

fn row(entry: &Entry) -> String {
    let recipients = match &entry.recipients[..] {
        [] => String::new(),
        [one] => short(&one.text(), 28),
        [one, more @ ..] => {
            let rest = format!(" +{}", more.len());
            short(&one.text(), 28 - rest.len()) + &rest
        }
    };
    let sender = match entry.sender.is_null() {
        true => "<>".to_owned(),
        false => short(&entry.sender.text(), 28),
    };
    table([
        &entry.id,
        &entry.received_at.strftime("%Y-%m-%d %H:%M").to_string(),
        entry.state.name(),
        &format!("{:.1}", entry.verdict.score),
        &sender,
        &recipients,
        &short(entry.subject.as_deref().unwrap_or_default(), 40),
    ])
}

/// The beginning of a text that a stranger chose.
fn short(text: &str, width: usize) -> String {
    let text = printable(text);
    match text.char_indices().nth(width) {
        None => text,
        Some(_) => text.chars().take(width - 1).chain(['…']).collect(),
    }
}
