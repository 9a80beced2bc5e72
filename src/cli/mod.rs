//! The command line: one file for each command.

mod check;
mod config;
mod corpus;
mod decode_helper;
mod eval;
mod parallel;
mod policy;
mod quarantine;
mod reload;
mod run;
mod scan;
mod show;
mod source;
mod template;
mod train;

use clap::{Parser, Subcommand};
use std::io::{self, BufWriter, Write};
use std::panic;
use std::process::ExitCode;

/// Stops sextortion mail at the mail server.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Config(config::ConfigArgs),
    Eval(eval::Eval),
    Policy(policy::PolicyArgs),
    Quarantine(Box<quarantine::QuarantineArgs>),
    Reload(reload::Reload),
    Run(run::Run),
    Scan(scan::Scan),
    Template(template::TemplateArgs),
    Train(train::Train),
    #[command(hide = true)]
    DecodeHelper(decode_helper::DecodeHelper),
}

/// Tells something on standard error.
fn tell(what: &str) {
    // Not `eprintln`, which panics when nobody reads standard error.
    let _ = writeln!(io::stderr(), "callbluff: {what}");
}

/// Makes a panic tell only where it happened: that is all a report needs, and its message may quote the mail.
fn keep_panics_short() {
    panic::set_hook(Box::new(|info| {
        if let Some(place) = info.location() {
            tell(&format!("bug at {}:{}", place.file(), place.line()));
        }
    }));
}

/// Does what the command line says; the value is the exit status of the process.
pub fn main() -> ExitCode {
    let command = Arguments::parse().command;
    // The daemon and its helpers have their own ways to tell of a panic.
    if !matches!(command, Command::Run(_) | Command::DecodeHelper(_)) {
        keep_panics_short();
    }
    match command {
        Command::Check(args) => ExitCode::from(check::run(&args, &mut io::stdout().lock())),
        Command::Config(args) => ExitCode::from(config::run(&args, &mut io::stdout().lock())),
        Command::Eval(args) => ExitCode::from(eval::run(&args, &mut io::stdout().lock())),
        Command::Policy(args) => ExitCode::from(policy::run(&args, &mut io::stdout().lock())),
        Command::Quarantine(args) => {
            ExitCode::from(quarantine::run(&args, &mut io::stdout().lock()))
        }
        Command::Reload(args) => ExitCode::from(reload::run(&args, &mut io::stdout().lock())),
        Command::Run(args) => ExitCode::from(run::run(&args)),
        Command::DecodeHelper(args) => ExitCode::from(decode_helper::run(&args)),
        Command::Template(args) => ExitCode::from(template::run(&args, &mut io::stdout().lock())),
        Command::Train(args) => ExitCode::from(train::run(&args, &mut io::stdout().lock())),
        Command::Scan(args) => {
            let mut out = BufWriter::new(io::stdout().lock());
            ExitCode::from(scan::run(&args, &mut out))
        }
    }
}
