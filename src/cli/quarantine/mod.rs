//! `callbluff quarantine`: what is kept back, and what becomes of it.

mod campaign;
mod delete;
mod desk;
mod erase;
mod expire;
mod export;
mod held;
mod list;
mod mark;
mod release;
mod report;
mod show;
mod stats;

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
    List(list::List),
    Search(list::Search),
    Show(show::Show),
    Release(release::Release),
    Report(report::ReportArgs),
    Export(export::Export),
    Campaign(campaign::CampaignArgs),
    Mark(mark::Mark),
    Held(held::Held),
    Delete(delete::Delete),
    Expire(expire::Expire),
    Erase(erase::Erase),
    Stats(stats::StatsArgs),
}

/// Runs the command, prints to `out` and returns the exit status.
pub(crate) fn run(args: &QuarantineArgs, out: &mut dyn Write) -> u8 {
    let done = Desk::open(&args.common).and_then(|desk| match &args.command {
        Command::List(args) => list::list(args, &desk, out),
        Command::Search(args) => list::search(args, &desk, out),
        Command::Show(args) => show::run(args, &desk, out),
        Command::Delete(args) => delete::run(args, &desk, out),
        Command::Expire(args) => expire::run(args, &desk, out),
        Command::Erase(args) => erase::run(args, &desk, out),
        Command::Stats(_) => stats::run(&desk, out),
        Command::Release(args) => release::run(args, &desk, out),
        Command::Report(args) => report::run(args, &desk, out),
        Command::Export(args) => export::run(args, &desk, out),
        Command::Campaign(args) => campaign::run(args, &desk, out),
        Command::Mark(args) => mark::run(args, &desk, out),
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
