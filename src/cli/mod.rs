//! The command line: one file for each command.

mod check;
mod config;
mod corpus;
mod decode_helper;
mod eval;
mod parallel;
mod policy;
mod run;
mod scan;
mod show;
mod source;
mod template;
mod train;

use clap::{Parser, Subcommand};
use std::io::{self, BufWriter};
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
    Run(run::Run),
    Scan(scan::Scan),
    Template(template::TemplateArgs),
    Train(train::Train),
    #[command(hide = true)]
    DecodeHelper(decode_helper::DecodeHelper),
}

/// Does what the command line says; the value is the exit status of the process.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Check(args) => ExitCode::from(check::run(&args, &mut io::stdout().lock())),
        Command::Config(args) => ExitCode::from(config::run(&args, &mut io::stdout().lock())),
        Command::Eval(args) => ExitCode::from(eval::run(&args, &mut io::stdout().lock())),
        Command::Policy(args) => ExitCode::from(policy::run(&args, &mut io::stdout().lock())),
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
