//! All that one reload swaps: settings, judge and policy.

use crate::classify::{Judge, Verdict};
use crate::config::Config;
use crate::message::{self, Envelope, Header, ReadLimits, Reading};
use crate::policy::{Facts, Plan};
use std::fmt;

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
}

impl Judged {
    /// What is known about a message that could not be judged.
    pub fn failed() -> Self {
        Self {
            verdict: Verdict::error(),
            header: None,
        }
    }
}

/// Judges messages and decides about them. Immutable: a session takes one at MAIL and keeps it to
/// the end of the message, so that no message is handled by half an old and half a new config.
pub struct Engine {
    config: Config,
    read_limits: ReadLimits,
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
    /// Builds all that judging needs from the settings.
    pub fn new(config: Config) -> Self {
        let judge = Judge::builtin();
        Self::with_judge(config, move |envelope, reading| {
            judge.judge(envelope, reading)
        })
    }

    /// An engine with another judge; a test can make it say and do anything.
    pub fn with_judge(
        config: Config,
        judge: impl Fn(&Envelope, &Reading) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        Self {
            config,
            read_limits: ReadLimits::default(),
            judge: Box::new(judge),
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Judges one message.
    ///
    /// `raw` is the message as received, or its beginning where `is_truncated`.
    ///
    /// # Panics
    ///
    /// Only by a bug; the caller must be ready for it.
    pub async fn judge(&self, envelope: &Envelope, raw: &[u8], is_truncated: bool) -> Judged {
        let work = || {
            let mut reading = message::read(raw, &self.read_limits);
            reading.is_truncated |= is_truncated;
            let verdict = (self.judge)(envelope, &reading);
            Judged {
                verdict,
                header: Some(reading.header),
            }
        };
        if raw.len() > LONG_WORK {
            tokio::task::block_in_place(work)
        } else {
            work()
        }
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
