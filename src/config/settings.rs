//! Settings of the rooms above this floor; lower rooms own theirs.

use crate::config::SocketAddress;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How the milter listens and waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MilterSettings {
    /// Where MTAs connect; several at once. Default: `inet:8826@127.0.0.1`.
    pub listen: Vec<SocketAddress>,
    /// Mode of UNIX sockets. Default: 0660.
    pub socket_mode: u32,
    /// Group of UNIX sockets, name or number; `None` leaves the process's own. Default: none.
    pub socket_group: Option<String>,
    /// The most connections at once; more wait in the system's queue. Default: 500.
    pub max_connections: usize,
    /// How long running transactions may go on after SIGTERM. Default: 30 s.
    pub drain: Duration,
    /// How long a connection may be silent. Default: 2 h, since MTAs keep SMTP sessions open.
    pub connection_timeout: Duration,
    /// How often the MTA is told that judging a message still goes on. No key of the file. Default:
    /// 3 s, since Sendmail waits 10 s for an answer.
    pub progress: Duration,
}

impl Default for MilterSettings {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddress::inet("127.0.0.1", 8826)],
            socket_mode: 0o660,
            socket_group: None,
            max_connections: 500,
            drain: Duration::from_secs(30),
            connection_timeout: Duration::from_secs(2 * 60 * 60),
            progress: Duration::from_secs(3),
        }
    }
}

/// Where health, metrics and the review page are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// Address and port; `None` serves nothing. Default: `127.0.0.1:8825`.
    pub listen: Option<SocketAddr>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8825)),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people on standard error.
    #[default]
    Plain,
    /// One JSON object per line on standard error.
    Json,
    /// The systemd journal, with fields.
    Journald,
}

/// From which level on lines are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// We fail to serve.
    Error,
    /// The admin should act.
    Warn,
    /// One line per message, and life events.
    #[default]
    Info,
    /// The rest.
    Debug,
}

/// What is logged, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// How lines look. Default: plain.
    pub format: LogFormat,
    /// From which level on. Default: info.
    pub level: LogLevel,
}

/// How much of messages is kept in memory, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What one message may hold in memory; the rest goes to a spool file. Default: 256 KiB.
    ///
    /// Where the messages that arrive at the same time hold more than 4 MiB together, they go there earlier.
    pub memory: u64,
    /// What is read back of one message for judging. Default: 8 MiB.
    pub inspect: u64,
    /// What all messages together may hold for judging; others wait their turn. Default: 12 MiB.
    pub inspect_total: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 10,
            inspect: 8 << 20,
            inspect_total: 12 << 20,
        }
    }
}

/// What the client is told when we fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Let the message through, with `X-Callbluff-Verdict: error` where it was to be judged.
    Accept,
    /// Refuse for now, 451: the client tries again.
    Defer,
}

/// The answer to each class of our own failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnError {
    /// A panic or another failure in judging. Default: accept.
    pub internal: Fallback,
    /// The spool cannot take the message (disk full). Default: accept.
    pub spool: Fallback,
    /// The quarantine cannot take the message. Default: defer.
    pub store: Fallback,
}

impl Default for OnError {
    fn default() -> Self {
        Self {
            internal: Fallback::Accept,
            spool: Fallback::Accept,
            store: Fallback::Defer,
        }
    }
}
