//! The program itself: what it prints, its signals, its exit status.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

/// A running service; ends with the test.
struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Program {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_callbluff"))
            .args(["run", "--config", "callbluff.toml"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            out: BufReader::new(child.stdout.take().unwrap()),
            err: BufReader::new(child.stderr.take().unwrap()),
            child,
        }
    }

    fn greeting(&mut self) -> String {
        let mut text = String::new();
        while !text.contains("INPUT_MAIL_FILTER") {
            assert!(self.out.read_line(&mut text).unwrap() > 0, "{text}");
        }
        text
    }

    /// Reads the log up to a line with this text.
    fn log_until(&mut self, wanted: &str) -> String {
        let mut text = String::new();
        while !text.contains(wanted) {
            assert!(self.err.read_line(&mut text).unwrap() > 0, "{text}");
        }
        text
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(folder: &Path, text: &str) {
    fs::write(folder.join("callbluff.toml"), text).unwrap();
}

const CONFIG: &str = r#"
    [milter]
    listen = ["unix:milter.sock", "inet:0@127.0.0.1"]
    [http]
    listen = "off"
"#;

#[test]
fn the_start_prints_what_to_paste_and_a_term_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), CONFIG);
    let mut program = Program::start(folder.path());
    let text = program.greeting();
    let root = folder.path().canonicalize().unwrap();
    let socket = root.join("milter.sock");
    let socket = socket.display();
    let postfix = format!("  smtpd_milters = unix:{socket}");
    let sendmail = format!(
        "  INPUT_MAIL_FILTER(`callbluff', `S=local:{socket}, F=T, T=C:30s;S:30s;R:30s;E:5m')dnl"
    );
    for line in [
        "  milter      unix:milter.sock",
        "  http        off",
        &postfix,
        &sendmail,
    ] {
        assert!(
            text.lines().any(|printed| printed == line),
            "{line}\n{text}"
        );
    }
    let state = root.join("var");
    assert!(
        text.contains(&format!("  stored in   {}", state.display())),
        "{text}"
    );
    assert!(folder.path().join("milter.sock").exists());

    write(folder.path(), "mode = \"monitro\"");
    program.signal(Signal::SIGHUP);
    let log = program.log_until("monitro");
    assert!(
        log.contains("could not reload the config; the old one goes on"),
        "{log}"
    );

    write(
        folder.path(),
        &CONFIG.replace("[http]", "max_connections = 7\n[http]"),
    );
    program.signal(Signal::SIGHUP);
    let log = program.log_until("reloaded the config");
    assert!(
        log.contains("[milter] has changed in the config; that needs a restart"),
        "{log}"
    );

    program.signal(Signal::SIGTERM);
    program.log_until("stopped");
    assert_eq!(program.child.wait().unwrap().code(), Some(0));
    assert!(!folder.path().join("milter.sock").exists());
}

#[test]
fn what_stops_the_start_is_said_with_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (text, expected) in [
        (
            format!("[milter]\nlisten = \"inet:{port}@127.0.0.1\""),
            "the port is in use",
        ),
        (
            "[milter]\nlisten = \"inet:0@127.0.0.1\"\nlisten = 1".to_owned(),
            "callbluff.toml:3",
        ),
        ("nonsense = 1".to_owned(), "callbluff.toml:1:1"),
    ] {
        write(folder.path(), &format!("{text}\n[http]\nlisten = \"off\""));
        let mut program = Program::start(folder.path());
        let mut error = String::new();
        program.err.read_to_string(&mut error).unwrap();
        assert!(error.contains(expected), "{error}");
        assert_eq!(program.child.wait().unwrap().code(), Some(2), "{error}");
    }
}
