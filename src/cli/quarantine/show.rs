//! `callbluff quarantine show`: all that is known about an entry, but for its body.

use crate::cli::quarantine::desk::Desk;
use crate::cli::quarantine::list::Row;
use crate::cli::show::{line, printable};
use crate::quarantine::{Attempt, AuditRecord, Entry, Store, StoreError};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write;

/// Show entries with every reason, what was done with them, and their releases.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Entries by identifier, or by a beginning of it that no other has.
    #[arg(value_name = "ENTRY", required = true)]
    ids: Vec<String>,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    trace: &'a str,
    trail: Vec<Deed<'a>>,
    releases: Vec<Release<'a>>,
}

#[derive(Serialize)]
struct Deed<'a> {
    at: String,
    who: &'a str,
    what: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct Release<'a> {
    recipient: String,
    progress: &'static str,
    tries: u32,
    next_try: String,
    reply: &'a str,
}

/// Runs the command and returns the exit status.
pub(super) fn run(args: &Show, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    for id in &args.ids {
        let found = desk.wait(read(desk.store.as_ref(), id));
        let (entry, trail, attempts) = found.map_err(|err| err.to_string())?;
        let text = match desk.json {
            true => json(&entry, &trail, &attempts),
            false => people(&entry, &trail, &attempts),
        };
        out.write_all(text.as_bytes())
            .map_err(|err| format!("cannot write ({err})"))?;
    }
    Ok(0)
}

async fn read(
    store: &dyn Store,
    id: &str,
) -> Result<(Entry, Vec<AuditRecord>, Vec<Attempt>), StoreError> {
    let entry = store.get(id).await?;
    let trail = store.trail(&entry.id).await?;
    let attempts = store.attempts(&entry.id).await?;
    Ok((entry, trail, attempts))
}

fn json(entry: &Entry, trail: &[AuditRecord], attempts: &[Attempt]) -> String {
    let whole = Whole {
        row: Row::from(entry),
        trace: &entry.trace,
        trail: trail
            .iter()
            .map(|record| Deed {
                at: record.deed.at.to_string(),
                who: &record.deed.who,
                what: &record.deed.what,
                why: &record.deed.why,
            })
            .collect(),
        releases: attempts
            .iter()
            .map(|attempt| Release {
                recipient: attempt.recipient.text(),
                progress: attempt.progress.name(),
                tries: attempt.tries,
                next_try: attempt.next_try.to_string(),
                reply: &attempt.reply,
            })
            .collect(),
    };
    line(&whole) + "\n"
}

fn people(entry: &Entry, trail: &[AuditRecord], attempts: &[Attempt]) -> String {
    let mut text = String::new();
    let mut say = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{name:12}{}", printable(value));
        }
    };
    let verdict = &entry.verdict;
    say("entry", &entry.id);
    say("state", entry.state.name());
    say("received", &entry.received_at.to_string());
    say("queue ID", &entry.queue_id);
    say(
        "Message-ID",
        entry.message_id.as_deref().unwrap_or_default(),
    );
    say("sender", &entry.sender.to_string());
    for recipient in &entry.recipients {
        say("recipient", &recipient.to_string());
    }
    let client = entry.client.map(|ip| ip.to_string()).unwrap_or_default();
    say("client", &format!("{} [{client}]", entry.client_name));
    say("HELO", &entry.helo);
    say("user", entry.auth_user.as_deref().unwrap_or_default());
    say("taken by", &entry.host);
    say("subject", entry.subject.as_deref().unwrap_or_default());
    say("size", &format!("{} bytes", entry.size));
    say("SHA-256", &entry.sha256);
    say(
        "verdict",
        &format!("{} {:.1}", verdict.class, verdict.score),
    );
    say("kind", verdict.kind.as_deref().unwrap_or_default());
    say("context", verdict.context.as_deref().unwrap_or_default());
    say("language", verdict.language.as_deref().unwrap_or_default());
    say("template", verdict.template.as_deref().unwrap_or_default());
    say("rule", entry.rule.as_deref().unwrap_or_default());
    say("campaign", entry.wave.as_deref().unwrap_or_default());
    say("follows", entry.follows.as_deref().unwrap_or_default());
    for wallet in &verdict.wallets {
        say(
            "wallet",
            &format!("{} {} ({})", wallet.coin, wallet.address, wallet.place),
        );
    }
    for signal in &verdict.signals {
        let points = format!("{:+6.2}  {} ({})", signal.weight, signal.id, signal.place);
        say("", &points);
    }
    for record in trail {
        let deed = &record.deed;
        let at = deed.at.strftime("%Y-%m-%d %H:%M:%S");
        say(
            "",
            &format!("{at}  {} by {}: {}", deed.what, deed.who, deed.why),
        );
    }
    for attempt in attempts {
        say(
            "release",
            &format!(
                "to {}: {}, tried {} times, {}",
                attempt.recipient,
                attempt.progress.name(),
                attempt.tries,
                attempt.reply
            ),
        );
    }
    text.push('\n');
    text
}
