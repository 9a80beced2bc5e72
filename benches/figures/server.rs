//! The two milters under measurement, each a process of its own.

use crate::ground::{Folder, Process, free_port, wait_for};
use crate::load::Address;
use std::fs;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Which milter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Takes the whole message and accepts it.
    Noop,
    /// The same and adds one header.
    NoopTag,
    /// callbluff with its defaults.
    Callbluff,
    /// callbluff with a rule that tags every message.
    CallbluffTag,
}

/// A running milter that listens on a TCP and on a UNIX socket.
pub(crate) struct Server {
    process: Process,
    pid: u32,
    port: u16,
    path: String,
    _folder: Folder,
}

impl Server {
    pub(crate) fn start(mode: Mode) -> Self {
        let folder = Folder::new();
        let port = free_port();
        let path = folder.path().join("milter").display().to_string();
        let mut command = match mode {
            Mode::Noop | Mode::NoopTag => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                let word = if mode == Mode::NoopTag {
                    "tag"
                } else {
                    "accept"
                };
                command.args(["noop", word, &format!("127.0.0.1:{port}"), &path]);
                command
            }
            Mode::Callbluff | Mode::CallbluffTag => {
                let config = folder.path().join("callbluff.toml");
                let rule = if mode == Mode::CallbluffTag {
                    "[[rule]]\nverdict = \"any\"\naction = \"tag\"\n"
                } else {
                    ""
                };
                let text = format!(
                    "[milter]\nlisten = [\"inet:{port}@127.0.0.1\", \"unix:{path}\"]\nsocket_mode = \"0666\"\n\
                     [http]\nlisten = \"127.0.0.1:{}\"\n{rule}",
                    free_port()
                );
                fs::write(&config, text).unwrap();
                let mut command = Command::new(env!("CARGO_BIN_EXE_callbluff"));
                command.args(["run", "--config"]).arg(config);
                command
            }
        };
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let pid = child.id();
        let mut server = Self {
            process: Process::new(child),
            pid,
            port,
            path,
            _folder: folder,
        };
        wait_for("the milter to listen", || {
            if let Some(status) = server.process.ended() {
                panic!(
                    "{mode:?} ended: {status}\n{}",
                    fs::read_to_string(server._folder.path().join("log")).unwrap()
                );
            }
            TcpStream::connect(("127.0.0.1", server.port)).ok()?;
            UnixStream::connect(&server.path).ok()
        });
        server
    }

    pub(crate) fn address(&self, is_unix: bool) -> Address {
        if is_unix {
            Address::Unix(self.path.clone())
        } else {
            Address::Tcp(self.port)
        }
    }

    /// The same address as Postfix writes it.
    pub(crate) fn for_postfix(&self, is_unix: bool) -> String {
        if is_unix {
            format!("unix:{}", self.path)
        } else {
            format!("inet:127.0.0.1:{}", self.port)
        }
    }

    /// CPU time used so far by all its threads (proc(5): fields 14 and 15 of `stat`, in 1/100 s).
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap();
        // The name in parentheses may hold spaces.
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        let ticks: u64 = rest
            .split(' ')
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().unwrap())
            .sum();
        Duration::from_millis(ticks * 10)
    }

    /// The highest resident memory so far, in MiB.
    pub(crate) fn peak_memory(&self) -> f64 {
        peak_memory(self.pid).unwrap()
    }
}

/// The peak of resident memory of a process so far, in MiB.
pub(crate) fn peak_memory(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib / 1024.0)
}
