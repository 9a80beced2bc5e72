//! `callbluff quarantine`: what is kept back, and what becomes of it.

mod desk;
mod export;
mod held;
mod release;
mod report;

use crate::cli::tell;
use desk::Desk;
use std::io::Write;

/// Show, release, report and remove what is in the quarantine.
///
/// Exit status: 0 done, 1 nothing was found or something was not done, 2 trouble.
#[derive(Debug, clap::Args)]
pub(crate) struct QuarantineArgs {
    #[command(flatten)]
    common: desk::Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Release(release::Release),
    Report(report::ReportArgs),
    Export(export::Export),
    Held(held::Held),
}

/// Runs the command, prints to `out` and returns the exit status.
pub(crate) fn run(args: &QuarantineArgs, out: &mut dyn Write) -> u8 {
    let done = Desk::open(&args.common).and_then(|desk| match &args.command {
        Command::Release(args) => release::run(args, &desk, out),
        Command::Report(args) => report::run(args, &desk, out),
        Command::Export(args) => export::run(args, &desk, out),
        Command::Held(args) => held::run(args, &desk, out),
    });
    match done {
        Ok(status) => status,
        Err(why) => {
            tell(&why);
            2
        }
    }
}
