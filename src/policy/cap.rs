//! What no rule can do, whatever it says.

use crate::classify::Kind;
use crate::policy::{AddressKey, Disposition};
use std::fmt;

/// Local parts whose mail is delivered, at most tagged (RFC 2142, sections 4 and 5).
///
/// Victims and other admins forward extortion to them. It is judged all the same: an unjudged
/// postmaster would be a way in.
pub(crate) const ROLES: [&str; 2] = ["abuse", "postmaster"];

/// Why a disposition is made milder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// The recipient is `abuse@` or `postmaster@`.
    Role,
    /// A chat partner blackmails: a real recording and a real victim may exist, and the proof must survive.
    Chat,
}

impl Cap {
    /// What is done instead.
    pub fn instead(self) -> Disposition {
        match self {
            Self::Role => Disposition::Tag,
            Self::Chat => Disposition::Quarantine,
        }
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Role => "abuse@ and postmaster@ are tagged at most",
            Self::Chat => "blackmail by a chat partner is never rejected or discarded",
        })
    }
}

/// The cap that a disposition is too strict for; `None` where it may stay.
pub fn cap(disposition: Disposition, recipient: &AddressKey, kind: Option<Kind>) -> Option<Cap> {
    if disposition > Disposition::Tag && ROLES.contains(&recipient.local()) {
        return Some(Cap::Role);
    }
    let is_final = matches!(disposition, Disposition::Reject | Disposition::Discard);
    (is_final && kind == Some(Kind::Chat)).then_some(Cap::Chat)
}
