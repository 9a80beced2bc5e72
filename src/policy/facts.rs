//! What conditions look at.

use crate::classify::Verdict;
use crate::message::{Envelope, Header};

/// All that a rule may ask about a message.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What it was judged to be.
    pub verdict: &'a Verdict,
    /// Where it comes from and goes to.
    pub envelope: &'a Envelope,
    /// Its header, for `Authentication-Results`; `None` where it was not read.
    pub header: Option<&'a Header>,
    /// Its size in bytes as the MTA gave it.
    pub size: u64,
    /// The hour of the local day when it came, 0 to 23; `None` where no clock was asked.
    pub hour: Option<u8>,
    /// How many messages of the same wave were seen; `None` where nobody counts.
    pub wave: Option<u64>,
}

impl<'a> Facts<'a> {
    /// Facts of a message of unknown size, header and time.
    pub fn new(verdict: &'a Verdict, envelope: &'a Envelope) -> Self {
        Self {
            verdict,
            envelope,
            header: None,
            size: 0,
            hour: None,
            wave: None,
        }
    }
}
