//! Which entries are meant, and which page of them.

use crate::quarantine::State;
use crate::quarantine::terms::wanted;
use jiff::Timestamp;

/// Conditions on entries; all that are set must hold.
///
/// Texts are compared without regard to case. One that ends with `*` means all that begin so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// The beginning of the identifier, or all of it.
    pub id: Option<String>,
    /// A recipient's address.
    pub recipient: Option<String>,
    /// A recipient's domain.
    pub domain: Option<String>,
    /// The envelope sender; the empty text is the null sender.
    pub sender: Option<String>,
    /// A payment address, with or without `COIN:` before it.
    pub wallet: Option<String>,
    /// The known template.
    pub template: Option<String>,
    /// What links a wave.
    pub wave: Option<String>,
    /// The queue ID.
    pub queue_id: Option<String>,
    /// The Message-ID field.
    pub message_id: Option<String>,
    /// The client's address.
    pub client: Option<String>,
    /// SHA-256 of the message, in hexadecimal.
    pub sha256: Option<String>,
    /// The class: `suspect`, `sextortion` …
    pub verdict: Option<String>,
    /// The kind: `bluff`, `chat`, `other`.
    pub kind: Option<String>,
    /// One of these; all where there is none.
    pub states: Vec<State>,
    /// From this score on, in points.
    pub min_score: Option<f64>,
    /// Under this score, in points.
    pub max_score: Option<f64>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Words that the subject has, all of them.
    pub subject: Option<String>,
}

impl Filter {
    /// Does it mean every entry?
    pub fn asks_nothing(&self) -> bool {
        self.id.is_none() && self.since.is_none() && self.until.is_none() && wanted(self).is_empty()
    }
}

/// A page of a list, newest entries first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last identifier of the page before; `None` for the first page.
    pub after: Option<String>,
    /// Entries on a page, at most [`Page::MAX`]. Default: 50.
    pub limit: u32,
}

impl Page {
    /// The most entries on a page.
    pub const MAX: u32 = 1000;

    /// The first page.
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::first(50)
    }
}
