//! What can be done with a message.

use std::fmt;

/// What happens to a message for one recipient, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Disposition {
    /// Deliver unchanged (but for forged headers of ours, which always go).
    Accept,
    /// Deliver with our headers.
    Tag,
    /// Keep in the MTA's own hold queue.
    Hold,
    /// Keep in our store.
    Quarantine,
    /// Refuse for now, 4xx: the client tries again.
    Defer,
    /// Refuse for good, 5xx.
    Reject,
    /// Take it and throw it away.
    Discard,
}

impl Disposition {
    /// Every disposition, mildest first.
    pub const ALL: [Self; 7] = [
        Self::Accept,
        Self::Tag,
        Self::Hold,
        Self::Quarantine,
        Self::Defer,
        Self::Reject,
        Self::Discard,
    ];

    /// The word for it in policies, logs and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Tag => "tag",
            Self::Hold => "hold",
            Self::Quarantine => "quarantine",
            Self::Defer => "defer",
            Self::Reject => "reject",
            Self::Discard => "discard",
        }
    }

    /// The disposition with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|disposition| disposition.name() == name)
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
