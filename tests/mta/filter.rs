//! callbluff itself, the real binary.

use crate::ground::{Folder, Process, free_port, wait_for};
use crate::rig::Peer;
use nix::sys::signal::Signal;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// How the MTA reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Socket {
    Inet,
    Inet6,
    Unix,
}

/// A running callbluff; it ends with the test.
pub(crate) struct Filter {
    dir: PathBuf,
    socket: Socket,
    port: u16,
    http: u16,
    process: Process,
}

impl Filter {
    /// Starts it with a rule for each action and `extra` at the end of its config, and waits until it is ready.
    pub(crate) fn start(folder: &Folder, socket: Socket, extra: &str) -> Self {
        let dir = folder.sub("callbluff");
        let (port, http) = (free_port(), free_port());
        let listen = match socket {
            Socket::Inet => format!("inet:{port}@127.0.0.1"),
            Socket::Inet6 => format!("inet6:{port}@[::1]"),
            Socket::Unix => format!("unix:{}/milter", dir.display()),
        };
        fs::write(dir.join("callbluff.toml"), config(&listen, http) + extra).unwrap();
        let process = spawn(&dir);
        let filter = Self {
            dir,
            socket,
            port,
            http,
            process,
        };
        filter.wait_ready();
        filter
    }

    /// The folder that it works in.
    pub(crate) fn folder(&self) -> &Path {
        &self.dir
    }

    /// Adds to its config and waits until it has read it again.
    pub(crate) fn reload_with(&self, extra: &str) {
        let path = self.dir.join("callbluff.toml");
        let config = fs::read_to_string(&path).unwrap();
        fs::write(&path, config + extra).unwrap();
        self.signal(Signal::SIGHUP);
        self.wait_line(&["reloaded the config"]);
    }

    /// The address of its socket as this MTA wants it written.
    pub(crate) fn milter(&self, peer: Peer) -> String {
        let (port, dir) = (self.port, self.dir.display());
        match (self.socket, peer) {
            (Socket::Inet, Peer::Postfix) => format!("inet:127.0.0.1:{port}"),
            (Socket::Inet, Peer::Sendmail) => format!("inet:{port}@127.0.0.1"),
            (Socket::Inet6, Peer::Postfix) => format!("inet:[::1]:{port}"),
            (Socket::Inet6, Peer::Sendmail) => format!("inet6:{port}@::1"),
            (Socket::Unix, Peer::Postfix) => format!("unix:{dir}/milter"),
            (Socket::Unix, Peer::Sendmail) => format!("local:{dir}/milter"),
        }
    }

    /// Its port, for tests that play the MTA themselves.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its process ID.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    fn wait_ready(&self) {
        self.wait_listening();
        wait_for("callbluff to be ready", || {
            self.get("/readyz")
                .filter(|answer| answer.contains(" 200 "))
        });
    }

    fn wait_listening(&self) {
        wait_for("callbluff to listen", || {
            match self.socket {
                Socket::Inet => TcpStream::connect(("127.0.0.1", self.port)).err(),
                Socket::Inet6 => TcpStream::connect(("::1", self.port)).err(),
                Socket::Unix => UnixStream::connect(self.dir.join("milter")).err(),
            }
            .is_none()
            .then_some(())
        });
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        log(&self.dir)
    }

    /// Waits for a line of its log that contains all of these.
    pub(crate) fn wait_line(&self, words: &[&str]) -> String {
        wait_for(&format!("a log line with {words:?}"), || {
            let log = self.log();
            let mut lines = log.lines();
            lines
                .find(|line| words.iter().all(|word| line.contains(word)))
                .map(str::to_owned)
        })
    }

    /// The answer of its HTTP address to a GET, head and body.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).ok()?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Waits until it has read all that was sent to its port.
    ///
    /// Nothing else tells: it answers none of the commands before the end of a message.
    pub(crate) fn wait_all_read(&self) {
        // proc(5): local address as HEX:PORT, state 01 is established, and the bytes in the two queues.
        let own = format!(":{:04X}", self.port);
        wait_for("callbluff to read what was sent", || {
            let table = fs::read_to_string("/proc/net/tcp").unwrap();
            let mut rows = table
                .lines()
                .map(|row| row.split_whitespace().collect::<Vec<_>>());
            rows.all(|row| {
                !row[1].ends_with(&own) || row[3] != "01" || row[4].ends_with(":00000000")
            })
            .then_some(())
        });
    }

    /// Sends it a signal and goes on.
    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Ends it with a signal and waits for its end.
    pub(crate) fn end(&mut self, signal: Signal) -> ExitStatus {
        self.process.end(signal)
    }

    /// Has it ended, and how?
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Starts it again after its end, on the same sockets.
    pub(crate) fn start_again(&mut self) {
        self.process = spawn(&self.dir);
        self.wait_ready();
    }
}

impl Filter {
    /// The same where something keeps it from being ready.
    pub(crate) fn start_unready(&mut self) {
        self.process = spawn(&self.dir);
        self.wait_listening();
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- callbluff\n{}", self.log());
        }
    }
}

fn log(dir: &Path) -> String {
    fs::read_to_string(dir.join("log")).unwrap_or_default()
}

fn spawn(dir: &Path) -> Process {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(dir.join("log"))
        .unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_callbluff"))
        .arg("run")
        .arg("--config")
        .arg(dir.join("callbluff.toml"))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    fs::write(dir.join("pid"), child.id().to_string()).unwrap();
    Process::new(child)
}

/// A config with a rule for each action, by sender: these tests are about what is done, not about what is judged.
fn config(listen: &str, http: u16) -> String {
    let rules: String = ["accept", "tag", "hold", "quarantine", "reject", "defer", "discard"]
        .into_iter()
        .map(|action| {
            // The per cent sign must reach the client as it is, though MTAs take it for a placeholder.
            let text = if action == "reject" { "text = \"5.7.1 Refused, 100% sure\"\n" } else { "" };
            format!("[[rule]]\nverdict = \"any\"\nsender = \"{action}@actions.example.net\"\naction = \"{action}\"\n{text}")
        })
        .collect();
    format!(
        "[milter]\nlisten = [\"{listen}\"]\nsocket_mode = \"0666\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n[trust]\nauthenticated = true\n{rules}"
    )
}
