//! `callbluff scan`: judges mail that lies in files.

use crate::classify::{Class, Judge, Verdict};
use crate::cli::parallel;
use crate::cli::show;
use crate::cli::source::{self, Mail};
use crate::message::{self, Envelope, Place, ReadLimits, Reading};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;

/// The most that is read of one message, in bytes, as the milter does by default.
const INSPECT: usize = 8 * 1024 * 1024;

/// Judge mail that lies in files, folders, mboxes or Maildirs, or comes on standard input.
///
/// Exit status: 0 nothing found, 1 at least one message is sextortion, 2 trouble.
#[derive(Debug, clap::Args)]
pub(crate) struct Scan {
    /// Print one JSON object per message and line.
    #[arg(long)]
    json: bool,
    /// Print every reason for a verdict.
    #[arg(long)]
    explain: bool,
    /// Print the texts that were read instead of a verdict.
    #[arg(long)]
    pieces: bool,
    /// The config file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What to judge; `-` or nothing is standard input.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// How many messages came out how.
#[derive(Debug, Default)]
struct Counts {
    sextortion: usize,
    suspect: usize,
    clean: usize,
    failed: usize,
}

/// What became of one message: the lines about it, and what to tell on standard error.
struct Outcome {
    class: Option<Class>,
    lines: String,
    note: Option<String>,
}

/// Runs the command, prints to `out` and returns the exit status.
pub(crate) fn run(args: &Scan, out: &mut dyn Write) -> u8 {
    let stdin = [PathBuf::from("-")];
    let paths = if args.paths.is_empty() {
        &stdin[..]
    } else {
        &args.paths
    };
    let sources = source::sources(paths);
    let bar = parallel::progress_bar(&sources);
    let judge = Judge::builtin();
    let mut counts = Counts::default();
    let mut written = Ok(());
    parallel::in_order(
        &sources,
        INSPECT,
        &bar,
        &|mail| one(args, &judge, &mail),
        &mut |outcome| {
            counts.add(&outcome);
            written = bar.suspend(|| print(&outcome, out));
            written.is_ok()
        },
    );
    bar.finish_and_clear();
    if let Err(err) = written.and_then(|()| out.flush()) {
        // A reader that has seen enough, such as `head`, is no news.
        if err.kind() != io::ErrorKind::BrokenPipe {
            eprintln!("callbluff: could not write the results: {err}");
        }
        return 2;
    }
    if !args.json && !args.pieces && counts.all() != 1 {
        eprintln!("{}", counts.summary());
    }
    counts.exit_status()
}

fn print(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    if let Some(note) = &outcome.note {
        // Not `eprintln`, which panics when nobody reads standard error.
        let _ = writeln!(io::stderr(), "callbluff: {note}");
    }
    if outcome.lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", outcome.lines)
}

fn one(args: &Scan, judge: &Judge, mail: &Mail) -> Outcome {
    let raw = match &mail.content {
        Ok(raw) => raw,
        Err(why) => return failed(args, &mail.name, why),
    };
    let judged = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut reading = message::read(raw, &ReadLimits::default());
        reading.is_truncated |= mail.is_truncated;
        let verdict = judge.judge(&Envelope::default(), &reading);
        (reading, verdict)
    }));
    let Ok((reading, verdict)) = judged else {
        return failed(args, &mail.name, "judging failed: a bug in callbluff");
    };
    if verdict.class == Class::Error {
        return failed(args, &mail.name, "judging failed: a bug in callbluff");
    }
    let note = mail.note.map(|note| {
        let name = show::printable(&mail.name);
        format!("{name}: {note}; judged as far as it goes")
    });
    Outcome {
        class: Some(verdict.class),
        lines: lines(args, &mail.name, &reading, &verdict),
        note,
    }
}

fn failed(args: &Scan, name: &str, why: &str) -> Outcome {
    let text = format!("{}: {}", show::printable(name), show::printable(why));
    Outcome {
        class: None,
        lines: if args.json {
            show::json_error(name, why)
        } else {
            String::new()
        },
        note: (!args.json).then_some(text),
    }
}

fn lines(args: &Scan, name: &str, reading: &Reading, verdict: &Verdict) -> String {
    match (args.pieces, args.json) {
        (true, true) => show::line(&Pieces::new(name, reading)),
        (true, false) => Pieces::new(name, reading).text(),
        (false, true) => show::json(name, verdict),
        (false, false) => show::text(name, verdict, args.explain),
    }
}

/// The texts of a message as `--pieces` shows them.
#[derive(Serialize)]
struct Pieces<'a> {
    v: u32,
    file: &'a str,
    pieces: Vec<PieceShown>,
    media: Vec<MediaShown>,
    findings: Vec<FindingShown>,
    truncated: bool,
}

#[derive(Serialize)]
struct PieceShown {
    #[serde(rename = "where")]
    place: String,
    origin: &'static str,
    part: u16,
    hidden: bool,
    text: String,
    normalised: String,
}

#[derive(Serialize)]
struct MediaShown {
    #[serde(rename = "where")]
    place: String,
    part: u16,
    kind: &'static str,
    bytes: usize,
}

#[derive(Serialize)]
struct FindingShown {
    id: &'static str,
    #[serde(rename = "where")]
    place: String,
}

impl<'a> Pieces<'a> {
    fn new(file: &'a str, reading: &Reading) -> Self {
        let pieces = reading.pieces.iter().map(|piece| {
            let Place {
                origin,
                part,
                hidden,
                ..
            } = piece.place;
            PieceShown {
                place: piece.place.to_string(),
                origin: origin.name(),
                part,
                hidden,
                text: piece.text.clone(),
                normalised: String::new(),
            }
        });
        let media = reading.media.iter().map(|media| MediaShown {
            place: media.place.to_string(),
            part: media.place.part,
            kind: media.kind.name(),
            bytes: media.bytes.len(),
        });
        let findings = reading.findings.iter().map(|finding| FindingShown {
            id: finding.id,
            place: finding.place.to_string(),
        });
        Self {
            v: show::VERSION,
            file,
            pieces: pieces.collect(),
            media: media.collect(),
            findings: findings.collect(),
            truncated: reading.is_truncated,
        }
    }

    fn text(&self) -> String {
        let mut out = format!(
            "{}: {} pieces, {} media, {} findings{}",
            show::printable(self.file),
            self.pieces.len(),
            self.media.len(),
            self.findings.len(),
            if self.truncated {
                ", not read whole"
            } else {
                ""
            }
        );
        for piece in &self.pieces {
            let _ = write!(out, "\n  {} (part {})", piece.place, piece.part);
            for (name, text) in [("text", &piece.text), ("normalised", &piece.normalised)] {
                for line in text.lines() {
                    let _ = write!(out, "\n    {name}: {}", show::printable(line));
                }
            }
        }
        for media in &self.media {
            let _ = write!(
                out,
                "\n  {} (part {}): {}, {} bytes",
                media.place, media.part, media.kind, media.bytes
            );
        }
        for finding in &self.findings {
            let _ = write!(out, "\n  {} in {}", finding.id, finding.place);
        }
        out
    }
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        match outcome.class {
            Some(Class::Sextortion) => self.sextortion += 1,
            Some(Class::Suspect) => self.suspect += 1,
            Some(Class::Clean) => self.clean += 1,
            Some(Class::Error) | None => self.failed += 1,
        }
    }

    fn all(&self) -> usize {
        self.sextortion + self.suspect + self.clean + self.failed
    }

    fn summary(&self) -> String {
        format!(
            "{} messages: {} sextortion, {} suspect, {} clean, {} could not be judged",
            self.all(),
            self.sextortion,
            self.suspect,
            self.clean,
            self.failed
        )
    }

    /// Trouble outweighs a find: a script must not take "found one" for "all were looked at".
    fn exit_status(&self) -> u8 {
        match (self.failed, self.sextortion) {
            (1.., _) => 2,
            (0, 1..) => 1,
            (0, 0) => 0,
        }
    }
}
