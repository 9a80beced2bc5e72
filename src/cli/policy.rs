//! `callbluff policy`: which rule decides about a message, and what another policy would change.

mod stored;

use crate::classify::Verdict;
use crate::cli::parallel;
use crate::cli::show::printable;
use crate::cli::source::{self, Mail};
use crate::engine::Engine;
use crate::message::{Address, Client, Envelope, Header};
use crate::notice::Form;
use crate::policy::{Decision, Facts, Fate, Plan, Policy};
use serde_json::json;
use std::io::{self, Write};
use std::net::IpAddr;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use stored::each_stored;
use tokio::runtime::Runtime;

/// The most recipients taken from the header of one message.
const MAX_RECIPIENTS: usize = 100;

/// Try a policy on mail that lies in files.
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Say for each recipient what is done, which rule decides, and why the rules before it do not.
    Test(Test),
    /// Say what a new policy would do otherwise than the old one.
    Replay(Replay),
}

#[derive(Debug, clap::Args)]
struct Test {
    /// The config file; without it the built-in defaults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    envelope: EnvelopeArgs,
    /// Print one JSON object per message and line.
    #[arg(long)]
    json: bool,
    /// Messages: files, folders, mboxes; `-` or nothing is standard input.
    #[arg(value_name = "MAIL")]
    paths: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Replay {
    /// The config file in use; without it the built-in defaults.
    #[arg(long, value_name = "FILE")]
    old: Option<PathBuf>,
    /// The config file that is to come.
    #[arg(long, value_name = "FILE")]
    new: PathBuf,
    /// Also the messages of the quarantine that the old config names, with the envelopes they came with.
    #[arg(long)]
    quarantine: bool,
    #[command(flatten)]
    envelope: EnvelopeArgs,
    /// Print one JSON object per change and line.
    #[arg(long)]
    json: bool,
    /// Messages: files, folders, mboxes; `-` or nothing is standard input.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// What the mail server would tell about the message.
#[derive(Debug, clap::Args)]
struct EnvelopeArgs {
    /// A recipient; again for further ones. Default: from Delivered-To, X-Original-To or To.
    #[arg(long, value_name = "ADDRESS")]
    rcpt: Vec<String>,
    /// The envelope sender, `<>` for the null sender. Default: from Return-Path.
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
    /// The client's IP address.
    #[arg(long, value_name = "IP")]
    client: Option<IpAddr>,
    /// What the client says in HELO.
    #[arg(long, value_name = "NAME", default_value = "")]
    helo: String,
    /// The user of SMTP AUTH.
    #[arg(long, value_name = "USER")]
    auth: Option<String>,
    /// The name of the mail server's listening service.
    #[arg(long, value_name = "NAME")]
    daemon: Option<String>,
    /// The hour of the day, 0 to 23. Default: now.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..24))]
    hour: Option<u8>,
    /// How many messages of the same wave were seen. Default: nobody counts.
    #[arg(long, value_name = "NUMBER")]
    wave: Option<u64>,
}

impl EnvelopeArgs {
    fn envelope(&self, header: &Header) -> Envelope {
        let recipients = match &self.rcpt[..] {
            [] => recipients(header),
            given => given
                .iter()
                .map(|text| Address::new(text.as_bytes()))
                .collect(),
        };
        let sender = self.sender.as_deref().or(header.first("Return-Path"));
        Envelope {
            client: Client {
                ip: self.client,
                helo: self.helo.clone(),
                ..Client::default()
            },
            queue_id: None,
            daemon_name: self.daemon.clone(),
            auth_user: self.auth.clone(),
            sender: sender.map(|text| Address::new(text.trim().as_bytes())),
            recipients,
        }
    }

    fn hour(&self) -> Option<u8> {
        self.hour
            .or_else(|| u8::try_from(jiff::Zoned::now().hour()).ok())
    }
}

/// Whom a stored message was for: what delivery noted, else what the sender wrote.
fn recipients(header: &Header) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    for name in ["Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc"] {
        // Note: a comma in a quoted display name splits it; the piece without an address is skipped.
        for part in header.all(name).flat_map(|value| value.split(',')) {
            let bare = match (part.rfind('<'), part.rfind('>')) {
                (Some(from), Some(to)) if from < to => &part[from + 1..to],
                _ => part.trim(),
            };
            let address = Address::new(bare.as_bytes());
            let is_address = bare.contains('@') && !bare.contains(char::is_whitespace);
            if is_address && !found.contains(&address) && found.len() < MAX_RECIPIENTS {
                found.push(address);
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    found
}

/// A message, judged, with its envelope.
struct Judged {
    name: String,
    verdict: Verdict,
    envelope: Envelope,
    header: Header,
    size: u64,
    hour: Option<u8>,
    wave: Option<u64>,
}

impl Judged {
    fn facts(&self) -> Facts<'_> {
        Facts {
            header: Some(&self.header),
            size: self.size,
            hour: self.hour,
            wave: self.wave,
            ..Facts::new(&self.verdict, &self.envelope)
        }
    }
}

/// Runs the command, prints to `out` and returns the exit status.
pub(crate) fn run(args: &PolicyArgs, out: &mut dyn Write) -> u8 {
    let done = match &args.what {
        What::Test(args) => test(args, out),
        What::Replay(args) => replay(args, out),
    };
    match done {
        Ok(status) => status,
        Err(why) => {
            // Not `eprintln`, which panics when nobody reads standard error.
            let _ = writeln!(io::stderr(), "{why}");
            2
        }
    }
}

fn load(path: Option<&Path>) -> Result<Engine, String> {
    let loaded = Engine::load(path);
    loaded
        .map(|(engine, _warnings)| engine)
        .map_err(|problems| problems.to_string())
}

/// Judges every message and hands the results to `each` in order; the number of failures.
fn each_message(
    paths: &[PathBuf],
    engine: &Engine,
    envelope: &EnvelopeArgs,
    each: &mut dyn FnMut(&Judged) -> io::Result<()>,
) -> Result<usize, String> {
    let runtime = threads()?;
    let stdin = [PathBuf::from("-")];
    let sources = source::sources(if paths.is_empty() { &stdin } else { paths });
    let bar = parallel::progress_bar(&sources);
    let inspect = usize::try_from(engine.config().limits.inspect).unwrap_or(usize::MAX);
    let work = |mail: Mail| one(&mail, engine, &runtime, envelope);
    let mut failures = 0;
    let mut written = Ok(());
    parallel::in_order(&sources, inspect, &bar, &work, &mut |judged| {
        match judged {
            Ok(judged) => written = bar.suspend(|| each(&judged)),
            Err(why) => {
                failures += 1;
                bar.suspend(|| {
                    let _ = writeln!(io::stderr(), "callbluff: {why}");
                });
            }
        }
        written.is_ok()
    });
    bar.finish_and_clear();
    match written {
        // A reader that has seen enough, such as `head`, is no news.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("callbluff: could not write the results: {error}"))
        }
        _ => Ok(failures),
    }
}

fn one(
    mail: &Mail,
    engine: &Engine,
    runtime: &Runtime,
    args: &EnvelopeArgs,
) -> Result<Judged, String> {
    let name = printable(&mail.name);
    let raw = match &mail.content {
        Ok(raw) => raw,
        Err(why) => return Err(format!("{name}: {}", printable(why))),
    };
    let judged = judge(
        &mail.name,
        raw,
        mail.is_truncated,
        engine,
        runtime,
        |header| args.envelope(header),
    )?;
    Ok(Judged {
        hour: args.hour(),
        wave: args.wave,
        ..judged
    })
}

/// Judges one message; when it came is not known here.
fn judge(
    name: &str,
    raw: &[u8],
    is_truncated: bool,
    engine: &Engine,
    runtime: &Runtime,
    envelope: impl FnOnce(&Header) -> Envelope,
) -> Result<Judged, String> {
    panic::catch_unwind(AssertUnwindSafe(|| {
        let reading = runtime.block_on(engine.read(raw, is_truncated)).reading;
        let envelope = envelope(&reading.header);
        let verdict = engine.judge_reading(&envelope, &reading);
        Judged {
            name: name.to_owned(),
            verdict,
            envelope,
            header: reading.header,
            size: raw.len() as u64,
            hour: None,
            wave: None,
        }
    }))
    .map_err(|_| format!("{}: judging failed: a bug in callbluff", printable(name)))
}

fn threads() -> Result<Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| format!("callbluff: could not start threads ({error})"))
}

fn test(args: &Test, out: &mut dyn Write) -> Result<u8, String> {
    let engine = load(args.config.as_deref())?;
    let policy = &engine.config().policy;
    let failures = each_message(&args.paths, &engine, &args.envelope, &mut |judged| {
        if args.json {
            writeln!(out, "{}", test_json(policy, judged))
        } else {
            write!(out, "{}", test_text(policy, judged))
        }
    })?;
    Ok(if failures == 0 { 0 } else { 2 })
}

fn test_text(policy: &Policy, judged: &Judged) -> String {
    let facts = judged.facts();
    let verdict = &judged.verdict;
    let mut text = format!(
        "{}: {}, {:.1} points\n",
        printable(&judged.name),
        verdict.class,
        verdict.score
    );
    if judged.envelope.recipients.is_empty() {
        text += "  no recipient is known: name one with --rcpt\n";
        return text;
    }
    let plan = policy.plan(&facts);
    let is_trusted = policy.trust.reason(&judged.envelope).is_some();
    for (recipient, decision) in judged.envelope.recipients.iter().zip(&plan.decisions) {
        let recipient_shown = printable(&recipient.to_string());
        text += &format!("  {recipient_shown}: {}\n", outcome(decision));
        text += &format!("    because: {}\n", printable(&decision.reason));
        let asked = match is_trusted {
            true => Vec::new(),
            false => policy.explain(&facts, recipient),
        };
        for (rule, fails_at) in asked {
            match fails_at {
                Some(key) => text += &format!("    rule \"{rule}\": `{key}` does not hold\n"),
                None => text += &format!("    rule \"{rule}\": everything holds\n"),
            }
        }
    }
    text += &format!("  the mail server is told: {}\n", fate(&plan));
    text
}

fn test_json(policy: &Policy, judged: &Judged) -> serde_json::Value {
    let facts = judged.facts();
    let plan = policy.plan(&facts);
    let recipients: Vec<_> = judged
        .envelope
        .recipients
        .iter()
        .zip(&plan.decisions)
        .map(|(recipient, decision)| {
            json!({
                "recipient": recipient.text(),
                "disposition": decision.disposition.name(),
                "would": decision.would.map(|would| would.name()),
                "rule": decision.rule,
                "reply": decision.reply.as_ref().map(ToString::to_string),
                "notice": decision.notice.as_ref().map(|notice| json!({
                    "form": notice.form.name(),
                    "family": notice.family.name(),
                    "language": notice.language,
                    "country": notice.country,
                })),
                "copy": decision.copy,
                "reason": decision.reason,
            })
        })
        .collect();
    json!({
        "v": 1,
        "file": judged.name,
        "verdict": judged.verdict.class.name(),
        "score": judged.verdict.score,
        "answer": fate(&plan),
        "recipients": recipients,
    })
}

/// `accept (would quarantine) by rule "x"`.
fn outcome(decision: &Decision) -> String {
    let mut text = decision.disposition.to_string();
    if let Some(would) = decision.would {
        text += &format!(" (would {would})");
    }
    if let Some(rule) = &decision.rule {
        text += &format!(" by rule \"{rule}\"");
    }
    if let Some(notice) = &decision.notice {
        let (form, family) = (notice.form.name(), notice.family.name());
        text += &format!(", notice {form} ({family}, {})", notice.language);
    }
    if let Some(copy) = &decision.copy {
        text += &format!(", copy to {copy}");
    }
    text
}

fn fate(plan: &Plan) -> String {
    let stored = match plan.store.len() {
        0 => String::new(),
        count => format!(", {count} stored in the quarantine"),
    };
    let answer = match &plan.fate {
        Fate::Deliver => "go on".to_owned(),
        Fate::Hold => "hold".to_owned(),
        Fate::Discard => "discard".to_owned(),
        Fate::Reject(reply) | Fate::Defer(reply) => reply.to_string(),
    };
    let told = match &plan.notice {
        None => "",
        Some(notice) => match notice.form {
            Form::Replace => ", with a notice in place of the message",
            Form::Banner => ", with a notice before the message",
            Form::Header => ", with a notice in the header",
        },
    };
    let apart = match plan.notify.len() {
        0 => String::new(),
        count => format!(", {count} told by a message of its own"),
    };
    let copies = match &plan.copies[..] {
        [] => String::new(),
        copies => format!(", copy to {}", copies.join(" and ")),
    };
    answer + &stored + told + &apart + &copies
}

fn replay(args: &Replay, out: &mut dyn Write) -> Result<u8, String> {
    let old = load(args.old.as_deref())?;
    let new = load(Some(&args.new))?;
    let (mut messages, mut changed) = (0, 0);
    // Judged once, as the new config reads and judges: only the policies are compared.
    let mut compare = |judged: &Judged| {
        messages += 1;
        let changes = changes(&old.config().policy, &new.config().policy, judged);
        changed += usize::from(!changes.is_empty());
        for (recipient, before, after) in changes {
            let (name, recipient) = (printable(&judged.name), printable(&recipient));
            let (before, after) = (outcome(&before), outcome(&after));
            if args.json {
                let change = json!({
                    "v": 1, "file": judged.name, "recipient": recipient,
                    "verdict": judged.verdict.class.name(), "old": before, "new": after,
                });
                writeln!(out, "{change}")?;
            } else {
                writeln!(out, "{name}: {recipient}: {before} -> {after}")?;
            }
        }
        Ok(())
    };
    let mut failures = 0;
    if args.quarantine {
        let runtime = threads()?;
        failures += each_stored(old.config(), &new, &runtime, &args.envelope, &mut compare)?;
    }
    if !args.quarantine || !args.paths.is_empty() {
        failures += each_message(&args.paths, &new, &args.envelope, &mut compare)?;
    }
    if !args.json {
        let summary = format!("{changed} of {messages} messages would be treated otherwise");
        writeln!(out, "{summary}").map_err(|error| error.to_string())?;
    }
    Ok(if failures == 0 { 0 } else { 2 })
}

/// The recipients for whom something else is done, with both decisions.
fn changes(old: &Policy, new: &Policy, judged: &Judged) -> Vec<(String, Decision, Decision)> {
    let facts = judged.facts();
    let pairs = old
        .plan(&facts)
        .decisions
        .into_iter()
        .zip(new.plan(&facts).decisions);
    let effect = |decision: &Decision| {
        let (notice, copy) = (decision.notice.clone(), decision.copy.clone());
        (decision.disposition, decision.would, notice, copy)
    };
    judged
        .envelope
        .recipients
        .iter()
        .zip(pairs)
        .filter(|(_, (before, after))| effect(before) != effect(after))
        .map(|(recipient, (before, after))| (recipient.to_string(), before, after))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Extortion in the plainest words that the built-in packs know.
    const BLUFF: &str = "Delivered-To: ann@example.org\nReturn-Path: <x@example.net>\nSubject: I recorded you\n\n\
        I hacked your computer and installed a trojan. I recorded you through your webcam while you \
        watched porn. Pay 900 USD in bitcoin within 48 hours, or I will send the video to all your contacts.\n";

    fn command(files: &[(&str, &str)], arguments: &[&str]) -> (u8, String) {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: PolicyArgs,
        }
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("the folder is ours");
        }
        let words = arguments.iter().map(|word| match word.strip_prefix('@') {
            Some(name) => folder.path().join(name).display().to_string(),
            None => (*word).to_owned(),
        });
        let line: Line =
            clap::Parser::parse_from(std::iter::once("policy".to_owned()).chain(words));
        let mut out = Vec::new();
        let status = run(&line.args, &mut out);
        (status, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn a_test_names_the_rule_and_why_others_do_not_decide() {
        let config = "[[rule]]\nname = \"vip\"\nrecipient = \"boss@example.org\"\naction = \"tag\"\n\
            [[rule]]\nname = \"all\"\naction = \"hold\"\n";
        let files = [("c.toml", config), ("m.eml", BLUFF)];
        let (status, text) = command(&files, &["test", "--config", "@c.toml", "@m.eml"]);
        assert_eq!(status, 0, "{text}");
        assert!(
            text.contains("<ann@example.org>: hold by rule \"all\""),
            "{text}"
        );
        assert!(
            text.contains("rule \"vip\": `recipient` does not hold"),
            "{text}"
        );
        assert!(text.contains("the mail server is told: hold"), "{text}");
        let (_, text) = command(
            &files,
            &[
                "test",
                "--config",
                "@c.toml",
                "--rcpt",
                "boss@example.org",
                "--json",
                "@m.eml",
            ],
        );
        assert!(text.contains("\"rule\":\"vip\""), "{text}");
    }

    #[test]
    fn a_test_shows_the_notice_and_the_copy() {
        let config = "[notice]\nsender = \"help@example.org\"\n[[rule]]\nname = \"tell\"\naction = \"quarantine\"\n\
            notice = \"replace\"\n";
        let copy = format!("{config}copy = \"evidence@example.org\"\n");
        let files = [("c.toml", config), ("d.toml", &copy), ("m.eml", BLUFF)];
        let (_, text) = command(&files, &["test", "--config", "@c.toml", "@m.eml"]);
        for part in [
            "quarantine by rule \"tell\", notice replace (bluff, en)",
            "; notice: replace, bluff, en",
            "go on, 1 stored in the quarantine, with a notice in place of the message",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let (_, text) = command(&files, &["test", "--config", "@d.toml", "@m.eml"]);
        for part in [
            ", copy to evidence@example.org",
            ", 1 told by a message of its own, copy to evidence@example.org",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let (_, text) = command(&files, &["test", "--json", "--config", "@d.toml", "@m.eml"]);
        assert!(text.contains("\"copy\":\"evidence@example.org\""), "{text}");
        assert!(text.contains("\"family\":\"bluff\""), "{text}");
        // A notice is a change, too.
        let old = config.replace("notice = \"replace\"\n", "");
        let files = [("old.toml", &*old), ("new.toml", config), ("m.eml", BLUFF)];
        let replay = [
            "replay",
            "--old",
            "@old.toml",
            "--new",
            "@new.toml",
            "@m.eml",
        ];
        let (_, text) = command(&files, &replay);
        assert!(text.contains("1 of 1 messages"), "{text}");
    }

    #[test]
    fn a_replay_shows_what_changes() {
        let files = [
            ("old.toml", "mode = \"monitor\"\n"),
            ("new.toml", "mode = \"enforce\"\n"),
            ("m.eml", BLUFF),
            ("n.eml", "To: ann@example.org\nSubject: lunch\n\nAt noon?\n"),
        ];
        let (status, text) = command(
            &files,
            &[
                "replay",
                "--old",
                "@old.toml",
                "--new",
                "@new.toml",
                "@m.eml",
                "@n.eml",
            ],
        );
        assert_eq!(status, 0, "{text}");
        assert!(
            text.contains(": <ann@example.org>: accept (would "),
            "{text}"
        );
        assert!(
            text.ends_with("1 of 2 messages would be treated otherwise\n"),
            "{text}"
        );
    }

    #[test]
    fn a_config_that_does_not_load_is_trouble() {
        let files = [("c.toml", "mode = 1\n"), ("m.eml", BLUFF)];
        assert_eq!(
            command(&files, &["test", "--config", "@c.toml", "@m.eml"]).0,
            2
        );
    }
}
