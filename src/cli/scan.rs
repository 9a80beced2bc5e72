//! `callbluff scan`: judges mail that lies in files.

use crate::classify::{self, Class, Judge, Verdict};
use crate::cli::source::{self, Mail};
use crate::cli::{parallel, show, tell};
use crate::engine::{self, Engine, Read};
use crate::message::{self, Envelope, Place, Reading};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Runtime;

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
    let scanner = match Scanner::new(args) {
        Ok(scanner) => scanner,
        Err(why) => {
            tell(&why);
            return 2;
        }
    };
    let sources = source::sources(paths);
    let bar = parallel::progress_bar(&sources);
    let mut counts = Counts::default();
    let mut written = Ok(());
    parallel::in_order(
        &sources,
        scanner.inspect,
        &bar,
        &|mail| scanner.one(&mail),
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
            tell(&format!("could not write the results: {err}"));
        }
        return 2;
    }
    if !args.json && !args.pieces && counts.all() != 1 {
        let _ = writeln!(io::stderr(), "{}", counts.summary());
    }
    counts.exit_status()
}

fn print(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    if let Some(note) = &outcome.note {
        tell(note);
    }
    if outcome.lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", outcome.lines)
}

/// What all cores share.
struct Scanner<'a> {
    args: &'a Scan,
    engine: Engine,
    /// The judge of the engine, asked for reasons.
    judge: Arc<Judge>,
    /// The most that is read of one message, in bytes.
    inspect: usize,
    /// The decode helpers are waited for here.
    runtime: Runtime,
}

impl<'a> Scanner<'a> {
    fn new(args: &'a Scan) -> Result<Self, String> {
        let path = args.config.as_deref();
        let (config, judge, warnings) =
            engine::load_judge(path).map_err(|problems| problems.to_string())?;
        let engine = Engine::with_judge(config, {
            let judge = Arc::clone(&judge);
            move |envelope, reading| judge.judge(envelope, reading)
        });
        if !warnings.is_empty() {
            let _ = writeln!(io::stderr(), "{warnings}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|err| format!("could not start threads ({err})"))?;
        Ok(Self {
            args,
            inspect: usize::try_from(engine.config().limits.inspect).unwrap_or(usize::MAX),
            engine,
            judge,
            runtime,
        })
    }

    fn one(&self, mail: &Mail) -> Outcome {
        let raw = match &mail.content {
            Ok(raw) => raw,
            Err(why) => return self.failed(&mail.name, why),
        };
        let judged = panic::catch_unwind(AssertUnwindSafe(|| {
            let reading = self.engine.read(raw, mail.is_truncated);
            let read = self.runtime.block_on(reading);
            let envelope = Envelope::default();
            let verdict = self.engine.judge_reading(&envelope, &read.reading);
            (read, verdict)
        }));
        let Ok((Read { reading, trouble }, verdict)) = judged else {
            return self.failed(&mail.name, "judging failed: a bug in callbluff");
        };
        if verdict.class == Class::Error {
            return self.failed(&mail.name, "judging failed: a bug in callbluff");
        }
        let trouble = trouble.map(|trouble| format!("a PDF or picture was not read: {trouble}"));
        let mut notes = mail.note.map(str::to_owned).into_iter().chain(trouble);
        let name = show::printable(&mail.name);
        Outcome {
            class: Some(verdict.class),
            lines: self.lines(&mail.name, &reading, &verdict),
            note: notes
                .next()
                .map(|note| format!("{name}: {note}; judged as far as it goes")),
        }
    }

    fn failed(&self, name: &str, why: &str) -> Outcome {
        let text = format!("{}: {}", show::printable(name), show::printable(why));
        Outcome {
            class: None,
            lines: if self.args.json {
                show::json_error(name, why)
            } else {
                String::new()
            },
            note: (!self.args.json).then_some(text),
        }
    }

    fn lines(&self, name: &str, reading: &Reading, verdict: &Verdict) -> String {
        match (self.args.pieces, self.args.json) {
            (true, true) => show::line(&Pieces::new(name, reading)),
            (true, false) => Pieces::new(name, reading).text(),
            (false, true) => show::json(name, verdict),
            (false, false) => {
                let judge = self.args.explain.then_some(&*self.judge);
                show::text(name, verdict, judge)
            }
        }
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
        // A quoted password is somebody's: it is shown nowhere.
        let mut passwords = vec![Vec::new(); reading.pieces.len()];
        for quoted in classify::find_passwords(&reading.pieces) {
            if let Some(ranges) = passwords.get_mut(quoted.piece) {
                ranges.push(quoted.range);
            }
        }
        let pieces = reading
            .pieces
            .iter()
            .zip(passwords)
            .map(|(piece, passwords)| {
                let Place {
                    origin,
                    part,
                    hidden,
                    ..
                } = piece.place;
                let text = message::mask(&piece.text, &passwords);
                PieceShown {
                    place: piece.place.to_string(),
                    origin: origin.name(),
                    part,
                    hidden,
                    normalised: message::fold(&text).text,
                    text,
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
