//! How mail leaves the quarantine.

use crate::outbound::NextHop;
use std::path::PathBuf;
use std::time::Duration;

/// How released mail, reports and alarms are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseSettings {
    /// The mail server that takes them. Default: `127.0.0.1:25`.
    pub next_hop: NextHop,
    /// Does a released message carry a pass, so that our own filter lets it through? Default: true. False
    /// where the next hop is a port without milters.
    pub pass: bool,
    /// The file with the keys that sign the pass; `None` is `release.key` in the state folder, made
    /// at the first start. Hosts that filter mail for each other need the same file. Default: none.
    pub key_file: Option<PathBuf>,
    /// How long a release is tried, and how long a pass is valid. Default: 5 days, as long as mail servers try.
    pub valid: Duration,
    /// How long the next hop may take for one step. Default: 2 min.
    pub timeout: Duration,
}

impl Default for ReleaseSettings {
    fn default() -> Self {
        Self {
            next_hop: NextHop::default(),
            pass: true,
            key_file: None,
            valid: Duration::from_secs(5 * 24 * 60 * 60),
            timeout: Duration::from_secs(120),
        }
    }
}
