//! The program `callbluff`.

use std::process::ExitCode;

fn main() -> ExitCode {
    callbluff::cli::main()
}
