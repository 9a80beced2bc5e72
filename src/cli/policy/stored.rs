//! Messages of the quarantine, judged again with the envelope that they came with.

use crate::cli::policy::{EnvelopeArgs, Judged, judge};
use crate::cli::show::printable;
use crate::cli::tell;
use crate::config::Config;
use crate::engine::Engine;
use crate::message::{Client, Envelope};
use crate::quarantine::{self, Entry, Filter, Page, Store};
use std::io;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Entries that are asked for at once.
const PAGE: u32 = 100;

/// Judges every message of the quarantine that `config` names, newest first, and hands the results to
/// `each`; the number of failures. What the store does not know of a message, the arguments tell.
pub(super) fn each_stored(
    config: &Config,
    engine: &Engine,
    runtime: &Runtime,
    args: &EnvelopeArgs,
    each: &mut dyn FnMut(&Judged) -> io::Result<()>,
) -> Result<usize, String> {
    let store = {
        let _inside = runtime.enter();
        quarantine::open(&config.quarantine, &config.state_dir)
    };
    let store = store.map_err(|error| format!("callbluff: {error}"))?;
    let mut page = Page::first(PAGE);
    let mut failures = 0;
    loop {
        let listing = runtime
            .block_on(store.list(&Filter::default(), &page))
            .map_err(|error| format!("callbluff: {error}"))?;
        for entry in &listing.entries {
            match one(entry, &store, engine, runtime, args) {
                Ok(judged) => match each(&judged) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(failures),
                    Err(error) => {
                        return Err(format!("callbluff: could not write the results: {error}"));
                    }
                },
                Err(why) => {
                    failures += 1;
                    tell(&printable(&why));
                }
            }
        }
        page.after = listing.next;
        if page.after.is_none() {
            return Ok(failures);
        }
    }
}

fn one(
    entry: &Entry,
    store: &Arc<dyn Store>,
    engine: &Engine,
    runtime: &Runtime,
    args: &EnvelopeArgs,
) -> Result<Judged, String> {
    let raw = runtime
        .block_on(quarantine::read_all(store.as_ref(), entry, u64::MAX))
        .map_err(|error| error.to_string())?;
    let inspect = usize::try_from(engine.config().limits.inspect).unwrap_or(usize::MAX);
    let read = raw.get(..inspect).unwrap_or(&raw);
    let zone = jiff::tz::TimeZone::system();
    let hour = entry.received_at.to_zoned(zone).hour();
    let judged = judge(
        &entry.id,
        read,
        read.len() < raw.len(),
        engine,
        runtime,
        |_| envelope(entry, args),
    )?;
    Ok(Judged {
        size: entry.size,
        hour: args.hour.or_else(|| u8::try_from(hour).ok()),
        wave: args.wave,
        ..judged
    })
}

fn envelope(entry: &Entry, args: &EnvelopeArgs) -> Envelope {
    Envelope {
        client: Client {
            ip: entry.client,
            name: entry.client_name.clone(),
            helo: entry.helo.clone(),
            ..Client::default()
        },
        queue_id: Some(entry.queue_id.clone()),
        daemon_name: args.daemon.clone(),
        auth_user: entry.auth_user.clone(),
        sender: Some(entry.sender.clone()),
        recipients: entry.recipients.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Verdict;
    use crate::cli::policy::{PolicyArgs, run};
    use crate::message::Address;
    use crate::quarantine::{NewEntry, StoredVerdict};
    use crate::spool::{Spool, SpoolSettings};
    use std::path::Path;

    const BLUFF: &[u8] = b"Delivered-To: nobody@example.com\r\nSubject: I recorded you\r\n\r\n\
        I hacked your computer and installed a trojan. I recorded you through your webcam while you \
        watched porn. Pay 900 USD in bitcoin within 48 hours, or I will send the video to all your contacts.\r\n";

    fn store(folder: &Path, recipients: &[&str]) {
        let runtime = Runtime::new().expect("threads");
        let _inside = runtime.enter();
        let store = quarantine::open(&quarantine::Settings::default(), folder).expect("it is new");
        let recipients = recipients.iter().map(|text| Address::new(text.as_bytes()));
        let new = NewEntry {
            received_at: jiff::Timestamp::now(),
            envelope: Envelope {
                client: Client {
                    ip: Some([192, 0, 2, 7].into()),
                    ..Client::default()
                },
                queue_id: Some("4bQk2x3Tz".to_owned()),
                sender: Some(Address::new(b"<>")),
                recipients: recipients.collect(),
                ..Envelope::default()
            },
            host: "mx.example.org".to_owned(),
            message_id: None,
            subject: None,
            verdict: StoredVerdict::from(&Verdict::error()),
            rule: None,
            wave: None,
            trace: String::new(),
        };
        let mut spool = Spool::new(SpoolSettings::default());
        spool.push(BLUFF);
        let put = runtime.block_on(store.put(&new, &mut spool));
        put.expect("there is room");
    }

    #[test]
    fn entries_are_judged_again_with_the_envelopes_they_came_with() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: PolicyArgs,
        }
        let folder = tempfile::tempdir().expect("a folder");
        store(folder.path(), &["ann@example.org", "bob@example.net"]);
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            let state = format!("state_dir = \"{}\"\n", folder.path().display());
            std::fs::write(&path, state + text).expect("the folder is ours");
            path.display().to_string()
        };
        let old = write("old.toml", "");
        let new = write(
            "new.toml",
            "[[rule]]\nname = \"n\"\nrecipient = \"example.net\"\nsender = \"<>\"\nclient = \"192.0.2.0/24\"\naction = \"tag\"\n",
        );
        let words = [
            "policy",
            "replay",
            "--quarantine",
            "--old",
            &old,
            "--new",
            &new,
        ];
        let line: Line = clap::Parser::parse_from(words);
        let mut out = Vec::new();
        let status = run(&line.args, &mut out);
        let text = String::from_utf8(out).expect("text");
        assert_eq!(status, 0, "{text}");
        assert!(text.contains(": <bob@example.net>: "), "{text}");
        assert!(text.contains(" -> tag by rule \"n\"\n"), "{text}");
        assert!(
            !text.contains("ann@") && !text.contains("nobody@"),
            "{text}"
        );
        assert!(
            text.ends_with("1 of 1 messages would be treated otherwise\n"),
            "{text}"
        );
    }
}
