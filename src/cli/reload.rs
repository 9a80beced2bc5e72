//! `callbluff reload`: the running service takes the config over, and says what became of it.

use crate::cli::tell;
use crate::config::Config;
use crate::daemon::ask_reload;
use std::io::Write;
use std::path::PathBuf;

/// Let the running service read its config, maps, domain files and packs again.
///
/// The new config counts from the next message on; where it cannot be used the old one goes on, and all
/// that is wrong is told. Exit status: 0 it is in use, 2 it is not, or no service was found.
#[derive(Debug, clap::Args)]
pub(crate) struct Reload {
    /// The config file of the service, which says where its state folder is.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The state folder of the service, as seen from here. Default: `state_dir` of the config.
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
}

/// Runs the command, prints to `out` and returns the exit status.
pub(crate) fn run(args: &Reload, out: &mut dyn Write) -> u8 {
    let named = args.config.as_deref().map(Config::state_dir_of);
    let folder = args.state_dir.clone().or(named);
    let folder = folder.unwrap_or_else(|| Config::default().state_dir);
    match ask_reload(&folder) {
        Ok(outcome) => {
            let _ = out.write_all(outcome.text.as_bytes());
            let _ = out.flush();
            if outcome.is_done { 0 } else { 2 }
        }
        Err(why) => {
            tell(&why);
            2
        }
    }
}
