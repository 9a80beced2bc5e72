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

impl Program {
    /// Runs `callbluff reload` and gives its exit status and what it printed.
    fn reload(&self, folder: &Path) -> (Option<i32>, String) {
        let done = Command::new(env!("CARGO_BIN_EXE_callbluff"))
            .args(["reload", "--config", "callbluff.toml"])
            .current_dir(folder)
            .output()
            .unwrap();
        let text = [done.stdout, done.stderr].concat();
        (done.status.code(), String::from_utf8(text).unwrap())
    }
}

#[test]
fn the_reload_command_says_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), CONFIG);
    let mut program = Program::start(folder.path());
    program.greeting();
    let reloaded = "reloaded the config; it counts from the next message on\n";
    // The socket is made after the greeting.
    let mut first = program.reload(folder.path());
    while first.1.contains("no service runs there") {
        first = program.reload(folder.path());
    }
    assert_eq!(first, (Some(0), reloaded.to_owned()));

    write(
        folder.path(),
        &CONFIG.replace("[http]", "max_connections = 7\n[http]"),
    );
    let note = "note: [milter] has changed in the config; that needs a restart\n";
    let second = program.reload(folder.path());
    assert_eq!(second, (Some(0), format!("{reloaded}{note}")));

    write(
        folder.path(),
        "mode = \"monitro\"\nmonitor_headers = 7\nstate_dir = \"./var\"\n",
    );
    let (status, text) = program.reload(folder.path());
    assert_eq!(status, Some(2));
    for part in [
        "callbluff.toml:1:8: `mode` cannot be \"monitro\"",
        "callbluff.toml:2:19: `monitor_headers` must be true or false",
        "\n\ncould not reload the config; the old one goes on\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    write(folder.path(), CONFIG);
    assert_eq!(program.reload(folder.path()).0, Some(0));

    program.signal(Signal::SIGTERM);
    program.log_until("stopped");
    let (status, text) = program.reload(folder.path());
    assert_eq!(status, Some(2));
    assert!(text.contains("no service runs there"), "{text}");
    assert!(!folder.path().join("var/control.sock").exists());
}

#[test]
fn a_changed_map_is_taken_over_by_itself_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "[[rule]]\nrecipient = \"@staff\"\naction = \"tag\"\n";
    let maps = "[maps]\nstaff = \"staff.txt\"\n";
    let map = folder.path().join("staff.txt");
    fs::write(&map, "a@example.org\n").unwrap();
    write(folder.path(), &format!("{CONFIG}{maps}{rule}"));
    let mut program = Program::start(folder.path());
    program.greeting();
    fs::write(&map, "a@example.org\nno one@example.org\n").unwrap();
    let log = program.log_until("staff.txt:2:1");
    assert!(log.contains("the map \"staff.txt\" has changed"), "{log}");
    assert!(
        log.contains("could not reload the config; the old one goes on"),
        "{log}"
    );
    fs::write(&map, "a@example.org\nb@example.org\n").unwrap();
    program.log_until("reloaded the config");
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
