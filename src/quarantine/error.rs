//! Why the quarantine could not do what was asked.

use std::fmt;

/// What kind of trouble it is, for metrics and for deciding what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// No room is left: the disk, a quota, or the largest size of the database.
    Full,
    /// Somebody else holds a lock for longer than we wait.
    Locked,
    /// The database cannot be reached or is being shut down.
    Unavailable,
    /// All connections of the pool are in use.
    Exhausted,
    /// It took longer than allowed.
    Late,
    /// The stored data is damaged, or not what was stored.
    Corrupt,
    /// The key of an encrypted entry is missing or wrong.
    Key,
    /// There is no such entry.
    NotFound,
    /// The entry is in a state in which this cannot be done.
    State,
    /// Anything else: a bug, or a database that is not ours.
    Other,
}

impl Trouble {
    /// The word for it in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Locked => "locked",
            Self::Unavailable => "unavailable",
            Self::Exhausted => "exhausted",
            Self::Late => "late",
            Self::Corrupt => "corrupt",
            Self::Key => "key",
            Self::NotFound => "not-found",
            Self::State => "state",
            Self::Other => "other",
        }
    }
}

/// A failure of the quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    /// What kind it is.
    pub trouble: Trouble,
    /// What happened, for the log; it never quotes a message.
    pub text: String,
}

impl StoreError {
    /// A failure of this kind.
    pub fn new(trouble: Trouble, text: impl Into<String>) -> Self {
        Self {
            trouble,
            text: text.into(),
        }
    }

    /// There is no such entry.
    pub fn not_found(id: &str) -> Self {
        Self::new(Trouble::NotFound, format!("there is no entry \"{id}\""))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for StoreError {}
