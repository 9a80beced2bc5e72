//! The policy: what is done with a message, for each recipient.
//!
//! Everything here is pure: no file, clock or log. `config` reads rules, maps and domain files.

mod decision;
mod disposition;
mod facts;
mod plan;
mod reply;
mod trust;

pub use decision::{Decision, Mode};
pub use disposition::Disposition;
pub use facts::Facts;
pub use plan::{Combine, Fate, Plan};
pub use reply::{Reply, ReplyError};
pub use trust::{Networks, Trust, Trusted};

use crate::classify::Class;
use crate::message::Address;

/// What each verdict leads to where no rule decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// For `suspect`. Default: tag.
    pub suspect: Disposition,
    /// For `sextortion`. Default: quarantine.
    pub sextortion: Disposition,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            suspect: Disposition::Tag,
            sextortion: Disposition::Quarantine,
        }
    }
}

/// All that is wished for all recipients.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Act, or only say what would be done. Default: enforce.
    pub mode: Mode,
    /// Are our headers added in monitor mode? Default: yes.
    pub monitor_headers: bool,
    /// What becomes of a message whose recipients want different things. Default: split.
    pub combine: Combine,
    /// Put before the subject of tagged messages. Default: none.
    pub subject_prefix: Option<String>,
    /// Who is let through without being judged.
    pub trust: Trust,
    /// What is done where no rule decides.
    pub defaults: Defaults,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            monitor_headers: true,
            combine: Combine::Split,
            subject_prefix: None,
            trust: Trust::default(),
            defaults: Defaults::default(),
        }
    }
}

impl Policy {
    /// What is done with a message for one recipient.
    pub fn decide(&self, facts: &Facts<'_>, _recipient: &Address) -> Decision {
        if let Some(trusted) = self.trust.reason(facts.envelope) {
            return Decision::accept(trusted.to_string());
        }
        let class = facts.verdict.class;
        let disposition = match class {
            Class::Clean | Class::Error => Disposition::Accept,
            Class::Suspect => self.defaults.suspect,
            Class::Sextortion => self.defaults.sextortion,
        };
        let mut decision = Decision::accept(format!("default for {class}"));
        decision.disposition = disposition;
        decision.add_headers = class != Class::Clean;
        if disposition == Disposition::Tag {
            decision.subject_prefix.clone_from(&self.subject_prefix);
        }
        if self.mode == Mode::Monitor {
            decision.monitor(self.monitor_headers);
        }
        decision
    }

    /// What is done with a message as a whole: decides for each recipient, then joins the
    /// decisions into what an MTA can do.
    pub fn plan(&self, facts: &Facts<'_>) -> Plan {
        let decisions = facts
            .envelope
            .recipients
            .iter()
            .map(|recipient| self.decide(facts, recipient))
            .collect();
        Plan::join(decisions, self.combine)
    }
}
