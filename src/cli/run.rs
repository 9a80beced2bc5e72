//! `callbluff run`: the service.

use crate::config::{Config, LogFormat, SocketAddress};
use crate::daemon::{self, Daemon, Load, Signals};
use crate::engine::{Engine, KeptJudge};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Serve MTAs until the end is asked for.
///
/// Exit status: 0 after SIGTERM or SIGINT, 2 when it could not start or go on.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// The config file; without it built-in defaults apply.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Threads for work that would hold up others: spool files and big messages.
const BLOCKING_THREADS: usize = 16;

/// Has the allocator been told to give memory back?
const FRUGAL: &str = "MALLOC_MMAP_THRESHOLD_";

/// Starts this program again in its own place, with an allocator that gives memory back.
///
/// Design note: glibc keeps what big messages once needed, in an arena of each thread: with 64
/// connections and 30 MB messages over 300 MB stayed, with this under 64. The allocator can be told
/// so by the environment of a starting process, or by unsafe code. Process ID, arguments and
/// sockets given by systemd stay as they are.
fn restart_frugally() {
    if std::env::var_os(FRUGAL).is_some() {
        return;
    }
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    if let Ok(program) = std::env::current_exe() {
        // It only comes back when it fails, and then we need more memory, no more.
        let _ = Command::new(program)
            .args(std::env::args_os().skip(1))
            .env(FRUGAL, "65536")
            .env("MALLOC_ARENA_MAX", cores.to_string())
            .exec();
    }
}

/// Runs the command and returns the exit status.
pub(crate) fn run(args: &Run) -> u8 {
    restart_frugally();
    match serve(args) {
        Ok(()) => 0,
        Err(why) => {
            // Not `eprintln`, which panics when nobody reads standard error.
            let _ = writeln!(io::stderr(), "callbluff: {why}");
            2
        }
    }
}

fn serve(args: &Run) -> Result<(), String> {
    let path = args.config.clone();
    let kept = KeptJudge::default();
    let engine = load(path.as_deref(), &kept)?;
    daemon::start_log(&engine.config().log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|err| format!("could not start threads ({err})"))?;
    let reload: Box<Load> = Box::new(move || load(path.as_deref(), &kept));
    runtime.block_on(async {
        let signals = Signals::new()?;
        let config = engine.config().clone();
        let daemon = Daemon::start(engine, reload).await?;
        if config.log.format == LogFormat::Plain {
            let text = greeting(&config, args.config.as_deref(), &daemon);
            let _ = io::stdout().write_all(text.as_bytes());
        }
        daemon.run(signals).await
    })
}

fn load(path: Option<&Path>, kept: &KeptJudge) -> Result<Engine, String> {
    let (engine, warnings) =
        Engine::load_keeping(path, kept).map_err(|problems| problems.to_string())?;
    if !warnings.is_empty() {
        let _ = writeln!(io::stderr(), "{warnings}");
    }
    Ok(engine)
}

/// What an admin wants to know at the start, with the lines to paste.
fn greeting(config: &Config, path: Option<&Path>, daemon: &Daemon) -> String {
    let mut text = format!("callbluff {}\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<12}{value}");
    };
    match path {
        Some(path) => line("config", path.display().to_string()),
        None => line("config", "built-in defaults (use --config FILE)".to_owned()),
    }
    for socket in daemon.sockets() {
        line("milter", socket.to_string());
    }
    match daemon.web_address() {
        Some(address) => line("http", format!("http://{address}/healthz /readyz /metrics")),
        None => line("http", "off".to_owned()),
    }
    let state = std::path::absolute(&config.state_dir).unwrap_or(config.state_dir.clone());
    line("stored in", state.display().to_string());
    let quarantine = match (&config.quarantine.url, config.quarantine.enabled) {
        (_, false) => "off: the mail server holds what belongs there".to_owned(),
        (None, true) => state.join("quarantine.db").display().to_string(),
        (Some(url), true) => url.clone(),
    };
    line("quarantine", quarantine);
    // An MTA looks for a relative path in a folder of its own.
    let sockets: Vec<SocketAddress> = daemon
        .sockets()
        .iter()
        .map(|socket| match socket {
            SocketAddress::Unix(path) => {
                SocketAddress::Unix(std::path::absolute(path).unwrap_or(path.clone()))
            }
            inet => inet.clone(),
        })
        .collect();
    // One is enough for an MTA; with several, each MTA takes the one that it can reach.
    text.push_str("\nPostfix, main.cf:\n");
    for socket in &sockets {
        let _ = writeln!(text, "  smtpd_milters = {}", socket.postfix());
    }
    text.push_str("\nSendmail, sendmail.mc:\n");
    for socket in &sockets {
        let socket = socket.sendmail();
        let _ = writeln!(
            text,
            "  INPUT_MAIL_FILTER(`callbluff', `S={socket}, F=T, T=C:30s;S:30s;R:30s;E:5m')dnl"
        );
    }
    text.push('\n');
    text
}
