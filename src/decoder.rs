//! Reads PDFs and pictures in helper processes that can be killed.
//!
//! The helper is this program with another command. It gives itself limits on memory, CPU time
//! and files, and every message has a deadline. So a file that is made to take gigabytes or
//! minutes costs its sender the reading of that file, and nobody else anything.

mod helper;
pub mod protocol;

use crate::message::{Finding, Found, Media, Piece};
use helper::Helper;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// How PDFs and pictures are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Read them at all? Default: yes.
    pub enabled: bool,
    /// The program to start as helper. Default: this very program, even where its file was
    /// replaced by an upgrade meanwhile.
    pub program: PathBuf,
    /// The longest time for all files of one message, waiting included. Default: 3 s.
    ///
    /// Sendmail waits 10 s for a milter by default; what was found in time counts.
    pub deadline: Duration,
    /// The most helper processes at once. Default: one for each core, at most 4.
    pub processes: usize,
    /// The most messages that wait for a helper. Default: 64; beyond it the files are not read
    /// and the finding is `limit.decoder`.
    pub queue: usize,
    /// The address space of a helper, in bytes. Default: 512 MiB.
    pub memory: u64,
    /// After so many files a helper is replaced by a fresh one. Default: 200.
    pub requests: usize,
    /// Read the letters in pictures with tesseract? Default: no; it takes about a second a picture.
    pub ocr: bool,
    /// The program for that. Default: `tesseract`, from the search path.
    pub ocr_program: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            program: PathBuf::from("/proc/self/exe"),
            deadline: Duration::from_secs(3),
            processes: thread::available_parallelism().map_or(1, |cores| cores.get().min(4)),
            queue: 64,
            memory: 512 * 1024 * 1024,
            requests: 200,
            ocr: false,
            ocr_program: PathBuf::from("tesseract"),
        }
    }
}

/// What was found in the files of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Texts, to be judged with those of the message.
    pub pieces: Vec<Piece>,
    /// Facts about the files; `limit.decoder` for each file that was not read to its end.
    pub findings: Vec<Finding>,
    /// Why a file was not read to its end, for the log.
    pub trouble: Option<Trouble>,
}

/// Why a file was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Too many messages wait already.
    Busy,
    /// The deadline passed.
    Late,
    /// The helper hit one of its limits or crashed.
    Crashed,
    /// No helper could be started, and why.
    NotStarted(String),
}

impl Trouble {
    /// A word for the log: `busy`, `late`, `crashed`, `not-started`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Late => "late",
            Self::Crashed => "crashed",
            Self::NotStarted(_) => "not-started",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("too many messages wait for a decode helper"),
            Self::Late => f.write_str("decode helper killed at its deadline"),
            Self::Crashed => f.write_str("decode helper died"),
            Self::NotStarted(why) => write!(f, "could not start a decode helper: {why}"),
        }
    }
}

/// How often what happened, for the metrics.
#[derive(Debug, Default)]
pub struct Counts {
    /// Files given to a helper.
    pub files: AtomicU64,
    /// Helpers started.
    pub started: AtomicU64,
    /// Messages turned away because too many waited.
    pub busy: AtomicU64,
    /// Helpers killed at a deadline, and messages that waited until theirs.
    pub late: AtomicU64,
    /// Helpers that died by themselves or could not be started.
    pub crashed: AtomicU64,
}

impl Counts {
    /// What happened since this was asked last, by name.
    pub fn take(&self) -> [(&'static str, u64); 5] {
        [
            ("files", &self.files),
            ("started", &self.started),
            ("busy", &self.busy),
            ("late", &self.late),
            ("crashed", &self.crashed),
        ]
        .map(|(name, count)| (name, count.swap(0, Ordering::Relaxed)))
    }
}

/// A pool of helper processes, started when they are needed. It needs a tokio runtime.
#[derive(Debug)]
pub struct Decoder {
    settings: Settings,
    permits: Semaphore,
    waiting: AtomicUsize,
    idle: Mutex<Vec<Helper>>,
    /// What happened.
    pub counts: Counts,
}

impl Decoder {
    /// A pool without any process yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            permits: Semaphore::new(settings.processes.max(1)),
            settings,
            waiting: AtomicUsize::new(0),
            idle: Mutex::new(Vec::new()),
            counts: Counts::default(),
        }
    }

    /// Is there anything to do? Where not, the caller need not prepare passwords, nor tell the
    /// MTA that it takes longer.
    pub fn wants(&self, media: &[Media]) -> bool {
        self.settings.enabled && !media.is_empty()
    }

    /// Reads the files of one message. Takes at most the deadline; never fails.
    ///
    /// `passwords` are what the message quotes as passwords: they are tried on encrypted PDFs.
    /// Note: a milter should send SMFIR_PROGRESS when this takes longer than a second.
    pub async fn decode(&self, media: &[Media], passwords: &[String]) -> Decoded {
        let mut decoded = Decoded::default();
        if !self.wants(media) {
            return decoded;
        }
        let deadline = Instant::now() + self.settings.deadline;
        let Some(_permit) = self.permit(deadline, &mut decoded).await else {
            decoded.give_up(media);
            return decoded;
        };
        let mut helper = None;
        for (index, file) in media.iter().enumerate() {
            // The same logo is often attached twice.
            if media[..index].iter().any(|old| old.bytes == file.bytes) {
                continue;
            }
            let mut working = match helper.take().map_or_else(|| self.helper(), Ok) {
                Ok(working) => working,
                Err(err) => {
                    self.counts.crashed.fetch_add(1, Ordering::Relaxed);
                    decoded.trouble = Some(Trouble::NotStarted(err.to_string()));
                    decoded.give_up(&media[index..]);
                    return decoded;
                }
            };
            self.counts.files.fetch_add(1, Ordering::Relaxed);
            let mut found = Vec::new();
            let answer = timeout_at(deadline, working.ask(file, passwords, &mut found)).await;
            decoded.take(found);
            match answer {
                Ok(Ok(())) => helper = Some(working),
                Ok(Err(_)) => {
                    self.counts.crashed.fetch_add(1, Ordering::Relaxed);
                    decoded.trouble = Some(Trouble::Crashed);
                    decoded.give_up(std::slice::from_ref(file));
                }
                Err(_) => {
                    self.counts.late.fetch_add(1, Ordering::Relaxed);
                    decoded.trouble = Some(Trouble::Late);
                    decoded.give_up(&media[index..]);
                    return decoded;
                }
            }
        }
        if let Some(helper) = helper
            && helper.requests < self.settings.requests
        {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(helper);
        }
        decoded
    }

    async fn permit(
        &self,
        deadline: Instant,
        decoded: &mut Decoded,
    ) -> Option<tokio::sync::SemaphorePermit<'_>> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Some(permit);
        }
        let _waiter = Waiter::new(&self.waiting);
        if self.waiting.load(Ordering::Relaxed) > self.settings.queue {
            self.counts.busy.fetch_add(1, Ordering::Relaxed);
            decoded.trouble = Some(Trouble::Busy);
            return None;
        }
        match timeout_at(deadline, self.permits.acquire()).await {
            Ok(permit) => permit.ok(),
            Err(_) => {
                self.counts.late.fetch_add(1, Ordering::Relaxed);
                decoded.trouble = Some(Trouble::Late);
                None
            }
        }
    }

    /// An idle helper that still lives, or a fresh one.
    fn helper(&self) -> std::io::Result<Helper> {
        loop {
            let idle = self
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            let Some(mut helper) = idle else {
                self.counts.started.fetch_add(1, Ordering::Relaxed);
                return Helper::start(&self.settings);
            };
            if helper.is_alive() {
                return Ok(helper);
            }
        }
    }
}

impl Decoded {
    fn take(&mut self, found: Vec<Found>) {
        for found in found {
            match found {
                Found::Text(piece) => self.pieces.push(piece),
                Found::Fact(finding) => self.findings.push(finding),
            }
        }
    }

    fn give_up(&mut self, media: &[Media]) {
        self.findings.extend(media.iter().map(|file| Finding {
            id: "limit.decoder",
            place: file.place,
        }));
    }
}

/// Counts one who waits for as long as it lives: the future may be dropped while it waits.
struct Waiter<'a>(&'a AtomicUsize);

impl<'a> Waiter<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
