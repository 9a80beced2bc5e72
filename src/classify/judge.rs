//! The judge: all that is loaded once and used for every message.

use crate::classify::{Class, Verdict};
use crate::message::{Envelope, Reading};

/// Judges messages. Immutable once built, so that one is shared by all sessions.
#[derive(Debug, Default)]
pub struct Judge {}

impl Judge {
    /// A judge with the packs, model and templates that are embedded in the program.
    pub fn builtin() -> Self {
        Self {}
    }

    /// Judges one message. Never fails: damaged input is a fact that is judged.
    pub fn judge(&self, _envelope: &Envelope, reading: &Reading) -> Verdict {
        Verdict {
            class: Class::Clean,
            score: 0.0,
            context: None,
            kind: None,
            signals: Vec::new(),
            wallets: Vec::new(),
            template: None,
            language: None,
            is_truncated: reading.is_truncated,
        }
    }
}
