//! What is done with a message for one recipient, and why.

use crate::notice::Choice;
use crate::policy::{Disposition, Reply};

/// Does the policy act?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Do what the rules say.
    #[default]
    Enforce,
    /// Let everything through and log what would have been done.
    Monitor,
}

/// The answer of the policy for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is done.
    pub disposition: Disposition,
    /// What would have been done, in monitor mode only.
    pub would: Option<Disposition>,
    /// The rule that decided: its name or number, with its file where that is not the main one.
    pub rule: Option<String>,
    /// What the client hears on reject and defer.
    pub reply: Option<Reply>,
    /// Are our own headers added (verdict, score, signals)?
    pub add_headers: bool,
    /// Put before the subject.
    pub subject_prefix: Option<String>,
    /// Further headers as name and value, safe to send.
    pub headers: Vec<(String, String)>,
    /// What the recipient is told in place of the message or before it.
    pub notice: Option<Choice>,
    /// A mailbox that gets the message, too.
    pub copy: Option<String>,
    /// Was it made milder for this recipient's sake? Then other recipients do not change it.
    pub is_capped: bool,
    /// Why, for logs and `policy test`.
    pub reason: String,
}

impl Decision {
    /// Let through unchanged.
    pub fn accept(reason: impl Into<String>) -> Self {
        Self {
            disposition: Disposition::Accept,
            would: None,
            rule: None,
            reply: None,
            add_headers: false,
            subject_prefix: None,
            headers: Vec::new(),
            notice: None,
            copy: None,
            is_capped: false,
            reason: reason.into(),
        }
    }

    /// Turns the answer into a mere remark: the message goes through, at most with our headers.
    pub(crate) fn monitor(&mut self, with_headers: bool) {
        if self.disposition != Disposition::Accept {
            self.would = Some(self.disposition);
        }
        self.disposition = Disposition::Accept;
        self.add_headers = with_headers && (self.add_headers || self.would.is_some());
        self.reply = None;
        self.subject_prefix = None;
        self.headers.clear();
        self.notice = None;
        self.copy = None;
    }
}
