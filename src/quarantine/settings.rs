//! How the quarantine is kept, and for how long.

use crate::toml_reader::Secret;
use std::path::PathBuf;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long and how much is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How long an entry is kept. Default: 30 days.
    pub age: Duration,
    /// The most bytes of messages as received; the oldest go. Default: 10 GiB.
    pub size: u64,
    /// The most entries whose bytes are kept; the oldest go. Default: 1,000,000.
    pub entries: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age: 30 * DAY,
            size: 10 << 30,
            entries: 1_000_000,
        }
    }
}

/// Retention of one domain, where it differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRetention {
    /// The domain, in lower case.
    pub domain: String,
    /// What holds for it.
    pub retention: Retention,
}

/// How the quarantine is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Is there one? Without it the whole message is held in the MTA's queue. Default: true.
    pub enabled: bool,
    /// `postgres://…`; `None` is SQLite in the state folder. Default: none.
    pub url: Option<String>,
    /// The password for the URL. Default: none.
    pub password: Option<Secret>,
    /// The most connections to PostgreSQL. Default: 16.
    pub connections: u32,
    /// How long one waits for the store. Default: 10 s.
    pub timeout: Duration,
    /// The same message within this time is stored once. Default: 5 days, as long as clients try.
    pub repeat_window: Duration,
    /// A file with master keys; `None` does not encrypt. Default: none.
    pub key_file: Option<PathBuf>,
    /// How long and how much is kept.
    pub retention: Retention,
    /// Domains with their own retention.
    pub domains: Vec<DomainRetention>,
    /// How long the traces of deleted and expired entries stay. Default: 90 days.
    pub audit_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            url: None,
            password: None,
            connections: 16,
            timeout: Duration::from_secs(10),
            repeat_window: 5 * DAY,
            key_file: None,
            retention: Retention::default(),
            domains: Vec::new(),
            audit_age: 90 * DAY,
        }
    }
}
