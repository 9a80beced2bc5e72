//! All that one reload swaps: settings, judge and policy.

use crate::classify::{self, Judge, Quoted, Verdict};
use crate::config::{Config, Loaded};
use crate::decoder::{Decoder, Trouble};
use crate::diagnose::Diagnostics;
use crate::message::{self, Envelope, Finding, Header, Origin, Piece, Place, Reading};
use crate::policy::{Facts, Plan};
use std::fmt;
use std::path::Path;

/// Judging more than this at once, in bytes, is done where it holds up no other session.
const LONG_WORK: usize = 1 << 20;

type JudgeFn = dyn Fn(&Envelope, &Reading) -> Verdict + Send + Sync;

/// What was found out about one message.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What it is.
    pub verdict: Verdict,
    /// Its header, for the policy; `None` where it was not read.
    pub header: Option<Header>,
    /// Why a PDF or picture was not read to its end, for the log.
    pub trouble: Option<Trouble>,
}

/// All that was read from one message, that of its PDFs and pictures included.
#[derive(Clone, Debug)]
pub struct Read {
    /// Texts, header, facts; the PDFs and pictures themselves are still there.
    pub reading: Reading,
    /// Why a PDF or picture was not read to its end, for the log.
    pub trouble: Option<Trouble>,
}

impl Judged {
    /// What is known about a message that could not be judged.
    pub fn failed() -> Self {
        Self {
            verdict: Verdict::error(),
            header: None,
            trouble: None,
        }
    }
}

/// Judges messages and decides about them. Immutable: a session takes one at MAIL and keeps it to
/// the end of the message, so that no message is handled by half an old and half a new config.
pub struct Engine {
    config: Config,
    decoder: Decoder,
    judge: Box<JudgeFn>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Reads the config with its policy and packs and builds all from them; without a path, from the
    /// built-in defaults. What is odd, but no error, comes with it.
    ///
    /// # Errors
    ///
    /// When anything in the files is wrong: then all of it is told.
    pub fn load(path: Option<&Path>) -> Result<(Self, Diagnostics), Diagnostics> {
        let (config, judge, warnings) = load_judge(path)?;
        let judge = move |envelope: &Envelope, reading: &Reading| judge.judge(envelope, reading);
        Ok((Self::with_judge(config, judge), warnings))
    }

    /// An engine with another judge; a test can make it say and do anything.
    pub fn with_judge(
        config: Config,
        judge: impl Fn(&Envelope, &Reading) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        Self {
            decoder: Decoder::new(config.decoder.clone()),
            config,
            judge: Box::new(judge),
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Reads and judges one message.
    ///
    /// `raw` is the message as received, or its beginning where `is_truncated`.
    ///
    /// # Panics
    ///
    /// Only by a bug; the caller must be ready for it.
    pub async fn judge(&self, envelope: &Envelope, raw: &[u8], is_truncated: bool) -> Judged {
        let Read { reading, trouble } = self.read(raw, is_truncated).await;
        let verdict = self.judge_reading(envelope, &reading, raw.len());
        Judged {
            verdict,
            header: Some(reading.header),
            trouble,
        }
    }

    /// Reads one message and, in a helper process, its PDFs and pictures; as for `judge`.
    ///
    /// Note: with such files it takes up to `decoder.deadline`; without them it never waits.
    ///
    /// # Panics
    ///
    /// Only by a bug.
    pub async fn read(&self, raw: &[u8], is_truncated: bool) -> Read {
        let mut reading = work(raw.len(), || message::read(raw, &self.config.read));
        if is_truncated {
            reading.is_truncated = true;
            reading.findings.push(Finding {
                id: "limit.size",
                place: Place::of(Origin::Plain),
            });
        }
        let mut trouble = None;
        if self.decoder.wants(&reading.media) {
            let passwords = work(raw.len(), || passwords(&reading.pieces));
            let decoded = self.decoder.decode(&reading.media, &passwords).await;
            let is_limited = |id: &str| id.starts_with("limit.");
            reading.is_truncated |= decoded.findings.iter().any(|f| is_limited(f.id));
            reading.pieces.extend(decoded.pieces);
            reading.findings.extend(decoded.findings);
            trouble = decoded.trouble;
        }
        Read { reading, trouble }
    }

    /// Judges what was read; `size` is that of the message in bytes.
    ///
    /// # Panics
    ///
    /// Only by a bug.
    pub fn judge_reading(&self, envelope: &Envelope, reading: &Reading, size: usize) -> Verdict {
        work(size, || (self.judge)(envelope, reading))
    }

    /// What is done with a judged message, for each recipient and as a whole.
    pub fn plan(&self, envelope: &Envelope, judged: &Judged, size: u64) -> Plan {
        let hour = u8::try_from(jiff::Zoned::now().hour()).ok();
        self.config.policy.plan(&Facts {
            header: judged.header.as_ref(),
            size,
            hour,
            ..Facts::new(&judged.verdict, envelope)
        })
    }
}

/// Reads the config and builds the judge that it describes, for those who ask the judge more than
/// for verdicts. What is odd, but no error, comes with it.
///
/// # Errors
///
/// When anything in the files is wrong: then all of it is told.
pub fn load_judge(path: Option<&Path>) -> Result<(Config, Judge, Diagnostics), Diagnostics> {
    let loaded = match path {
        None => Loaded::builtin(),
        Some(path) => Config::load(path)?,
    };
    let mut problems = loaded.warnings;
    let packs = loaded.config.local_packs(&mut problems);
    match Judge::load(&packs, None, false, &mut problems) {
        Some(judge) if !problems.has_errors() => Ok((loaded.config, judge, problems)),
        _ => Err(problems),
    }
}

/// What the message quotes as passwords, each once: the key to an encrypted PDF may be among them.
fn passwords(pieces: &[Piece]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for Quoted { piece, range } in classify::find_passwords(pieces) {
        if let Some(password) = pieces.get(piece).and_then(|piece| piece.text.get(range))
            && !found.iter().any(|old| old == password)
        {
            found.push(password.to_owned());
        }
    }
    found
}

/// Does something whose time grows with the size of a message, in bytes.
fn work<T>(size: usize, work: impl FnOnce() -> T) -> T {
    if size > LONG_WORK {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}
