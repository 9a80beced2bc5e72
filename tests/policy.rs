//! What policies decide, as tables that people can read: `docs/policy.md` and `tests/policy/*.md`.
//!
//! Each section has the files of a configuration in code blocks (`# NAME` in the first line of one
//! names a further file) and a table: message, recipients, decision. See `docs/policy.md` for the words.

use callbluff::classify::{Category, Class, Context, Kind, Signal, Verdict, WalletHit};
use callbluff::config::Config;
use callbluff::message::{Address, Envelope, Header, Origin, Place};
use callbluff::policy::{Decision, Disposition, Facts, Fate, Plan, Policy};
use std::fs;
use std::path::Path;

/// One heading with what stands below it.
#[derive(Default)]
struct Section {
    title: String,
    files: Vec<(String, String)>,
    rows: Vec<[String; 3]>,
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut section = Section::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            sections.push(std::mem::take(&mut section));
            section.title = title.to_owned();
        } else if line.starts_with("```toml") || line.starts_with("```text") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let named = block.first().and_then(|line| line.strip_prefix("# "));
            let name = named.filter(|name| name.contains('.') && !name.contains(' '));
            if name.is_some() || line.starts_with("```toml") {
                let name = name.unwrap_or("callbluff.toml").to_owned();
                section.files.push((name, block.join("\n") + "\n"));
            }
        } else if let Some(row) = line.strip_prefix("| ") {
            let cells: Vec<&str> = row
                .trim_end_matches('|')
                .split('|')
                .map(str::trim)
                .collect();
            if let [message, recipients, decision] = cells[..]
                && message != "message"
            {
                let cell = |text: &str| text.replace('`', "");
                section
                    .rows
                    .push([cell(message), cell(recipients), cell(decision)]);
            }
        }
    }
    sections.push(section);
    sections.retain(|section| !section.rows.is_empty());
    sections
}

/// The message of a row, in words such as `sextortion 12, kind chat, from a@example.net`.
struct Message {
    verdict: Verdict,
    envelope: Envelope,
    header: Header,
    size: u64,
    hour: Option<u8>,
    wave: Option<u64>,
}

impl Message {
    fn parse(text: &str, recipients: &str) -> Self {
        let mut verdict = Verdict::error();
        verdict.class = Class::Clean;
        let mut envelope = Envelope::default();
        let mut fields = Vec::new();
        let (mut size, mut hour, mut wave) = (5000, Some(12), None);
        let place = Place::of(Origin::Plain);
        for word in text.split(", ") {
            let (key, value) = word.split_once(' ').unwrap_or((word, ""));
            if let Some(class) = Class::from_name(key) {
                verdict.class = class;
                verdict.score = value.parse().unwrap_or(class.min_score());
                if matches!(class, Class::Suspect | Class::Sextortion) {
                    verdict.kind = verdict.kind.or(Some(Kind::Bluff));
                    verdict.context = verdict.context.or(Some(Context::Direct));
                }
                continue;
            }
            match key {
                "kind" => verdict.kind = Some(Kind::from_name(value).expect(value)),
                "context" => verdict.context = Some(Context::from_name(value).expect(value)),
                "signal" => verdict.signals.push(Signal {
                    id: value.to_owned(),
                    category: value
                        .split('.')
                        .next()
                        .and_then(Category::from_name)
                        .expect(value),
                    weight: 1.0,
                    place,
                }),
                "template" => verdict.template = Some(value.to_owned()),
                "language" => verdict.language = Some(value.to_owned()),
                "coin" => verdict.wallets.push(WalletHit {
                    coin: if value == "btc" { "btc" } else { "eth" },
                    address: "x".to_owned(),
                    place,
                }),
                "from" => envelope.sender = Some(Address::new(value.as_bytes())),
                "client" => envelope.client.ip = Some(value.parse().expect(value)),
                "helo" => envelope.client.helo = value.to_owned(),
                "user" => envelope.auth_user = Some(value.to_owned()),
                "daemon" => envelope.daemon_name = Some(value.to_owned()),
                "results" => {
                    fields.push(("Authentication-Results".to_owned(), value.to_owned()));
                }
                "size" => size = value.parse().expect(value),
                "hour" => hour = Some(value.parse().expect(value)),
                "wave" => wave = Some(value.parse().expect(value)),
                "author" => fields.push(("From".to_owned(), value.to_owned())),
                "queue" => envelope.queue_id = Some(value.to_owned()),
                _ => panic!("unknown word \"{key}\" in a row"),
            }
        }
        envelope.recipients = recipients
            .split_whitespace()
            .map(|recipient| Address::new(recipient.as_bytes()))
            .collect();
        Self {
            verdict,
            envelope,
            header: Header::new(fields),
            size,
            hour,
            wave,
        }
    }

    /// Adds the signals of block lists, as the engine does.
    fn listed(mut self, policy: &Policy) -> Self {
        for id in policy.lists.blocks(&self.envelope, &self.header) {
            self.verdict.signals.push(Signal {
                id: id.to_owned(),
                category: Category::List,
                weight: 0.0,
                place: Place::of(Origin::Plain),
            });
        }
        self
    }

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

fn shown(decision: &Decision) -> String {
    let mut text = decision.disposition.to_string();
    if let Some(rule) = &decision.rule {
        text += &format!(" by {rule}");
    }
    if let Some(would) = decision.would {
        text += &format!(", would {would}");
    }
    if decision.disposition == Disposition::Accept && decision.add_headers {
        text += ", headers";
    }
    if let Some(prefix) = &decision.subject_prefix {
        text += &format!(", subject {}", prefix.trim());
    }
    for (name, value) in &decision.headers {
        text += &format!(", {name}: {value}");
    }
    if let Some(notice) = &decision.notice {
        let (form, family) = (notice.form.name(), notice.family.name());
        text += &format!(", notice {form} {family} {}", notice.language);
        if let Some(country) = notice.country {
            text += &format!("-{country}");
        }
        if notice.quotes_password {
            text += " password";
        }
    }
    if let Some(copy) = &decision.copy {
        text += &format!(", copy {copy}");
    }
    if let Some(reply) = &decision.reply {
        text += &format!(", {reply}");
    }
    text
}

fn outcome(plan: &Plan) -> String {
    let each: Vec<String> = plan.decisions.iter().map(shown).collect();
    let fate = match &plan.fate {
        Fate::Deliver => "deliver".to_owned(),
        Fate::Hold => "hold".to_owned(),
        Fate::Discard => "discard".to_owned(),
        Fate::Reject(reply) => format!("reject {}", reply.code()),
        Fate::Defer(reply) => format!("defer {}", reply.code()),
    };
    let mut fate = fate;
    if let Some(notice) = &plan.notice {
        fate += &format!(", notice {}", notice.form.name());
    }
    for index in &plan.notify {
        fate += &format!(", tell {index}");
    }
    let is_changed = plan.notice.is_some() || !plan.copies.is_empty();
    if is_changed && !plan.remove.is_empty() {
        fate += &format!(", without {:?}", plan.remove);
    }
    for copy in &plan.copies {
        fate += &format!(", copy {copy}");
    }
    match each.len() {
        1 if !is_changed => each.join(""),
        _ => format!("{} => {fate}", each.join("; ")),
    }
}

/// Runs every row of a file; gives the number of rows and sections.
fn run(path: &str) -> (usize, usize) {
    let text = fs::read_to_string(path).expect(path);
    let sections = sections(&text);
    let mut rows = 0;
    let mut wrong = Vec::new();
    for section in &sections {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in &section.files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().expect("it is in the folder")).expect("ours");
            fs::write(file, content).expect("ours");
        }
        let config = folder.path().join("callbluff.toml");
        let loaded = match Config::load(&config) {
            Ok(loaded) => loaded,
            Err(problems) => panic!("{path}, {}:\n{problems}", section.title),
        };
        if !loaded.warnings.is_empty() {
            wrong.push(format!("{}:\n{}", section.title, loaded.warnings));
        }
        for [message, recipients, decision] in &section.rows {
            rows += 1;
            let policy = &loaded.config.policy;
            let parsed = Message::parse(message, recipients).listed(policy);
            let found = outcome(&policy.plan(&parsed.facts()));
            if found != *decision {
                wrong.push(format!(
                    "{}: {message} | {recipients}\n  expected {decision}\n  found    {found}",
                    section.title
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{path}\n{}", wrong.join("\n"));
    (rows, sections.len())
}

#[test]
fn the_table_of_decisions_holds() {
    let mut rows = 0;
    for entry in fs::read_dir(Path::new("tests/policy")).expect("part of the repository") {
        let path = entry.expect("it can be read").path();
        rows += run(path.to_str().expect("plain names")).0;
    }
    assert!(rows >= 150, "only {rows} rows");
}

#[test]
fn the_worked_policies_do_what_the_manual_says() {
    let (_, sections) = run("docs/policy.md");
    assert!(sections >= 12, "only {sections} worked policies");
}
