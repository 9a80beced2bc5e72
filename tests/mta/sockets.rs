//! How callbluff is reached and how it starts: every kind of socket, the built-in defaults, and clear errors.

use crate::filter::{Filter, Socket};
use crate::ground::{Folder, Process, wait_for};
use crate::mail::{plain, sender, sextortion};
use crate::rig::{Mta, Peer, Plan, apart, on_both};
use crate::sink::Sink;
use crate::smtp::Smtp;
use nix::sys::signal::Signal;
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

on_both!(reached_by_a_unix_socket, reached_by_ipv6,);

fn reached_by_a_unix_socket(peer: Peer) {
    reached(peer, Socket::Unix);
}

fn reached_by_ipv6(peer: Peer) {
    reached(peer, Socket::Inet6);
}

fn reached(peer: Peer, socket: Socket) {
    let mut plan = Plan::new(peer);
    plan.socket = socket;
    let Some(mut rig) = plan.start() else { return };
    let message = plain("reached");
    assert_eq!(
        rig.session()
            .deliver(&sender("tag"), &["bob@example.org"], &message)
            .code,
        250
    );
    let (ours, rest) = apart(&rig.sink.mails(1)[0]);
    assert_eq!(ours[0], "X-Callbluff-Verdict: clean");
    assert_eq!(rest, message);
    // A killed callbluff leaves its UNIX socket behind; the next one takes its place.
    rig.filter.end(Signal::SIGKILL);
    rig.filter.start_again();
    assert_eq!(
        rig.session()
            .deliver(&sender("reject"), &["bob@example.org"], &message)
            .code,
        550
    );
}

/// What `callbluff run` prints and does in an empty folder without a config: an admin copies its lines into the MTA.
#[test]
fn the_first_run_prints_lines_that_work() {
    let plans = [Plan::new(Peer::Postfix), Plan::new(Peer::Sendmail)];
    if !plans.iter().all(Plan::is_possible) {
        return;
    }
    let folder = Folder::new();
    let (out, dir) = (folder.path().join("out"), folder.sub("first"));
    let file = fs::File::create(&out).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_callbluff"))
        .arg("run")
        .current_dir(&dir)
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap();
    let mut callbluff = Process::new(child);
    let printed = || fs::read_to_string(&out).unwrap();
    let line = |start: &str| {
        wait_for(&format!("a line with {start}"), || {
            printed()
                .lines()
                .find_map(|line| line.find(start).map(|at| line[at..].trim_end().to_owned()))
        })
    };
    let main_cf = line("smtpd_milters = ");
    let mc = line("INPUT_MAIL_FILTER(");
    for what in ["inet:8826@127.0.0.1", "127.0.0.1:8825", "var"] {
        assert!(
            printed().contains(what),
            "{what} is not named in\n{}",
            printed()
        );
    }
    let quarantined = || {
        let list = Command::new(env!("CARGO_BIN_EXE_callbluff"))
            .args(["quarantine", "list", "--json"])
            .current_dir(&dir)
            .output()
            .unwrap();
        String::from_utf8(list.stdout).unwrap().lines().count()
    };
    for (number, (mut plan, line)) in plans.into_iter().zip([main_cf, mc]).enumerate() {
        plan.lines = vec![line];
        let (folder, sink) = (Folder::new(), Sink::start());
        let mta = Mta::start(&plan, &folder, &sink, "").unwrap();
        let mut session = Smtp::connect(mta.address());
        assert_eq!(
            session
                .deliver("ann@example.net", &["bob@example.org"], &plain("first"))
                .code,
            250
        );
        let mails = sink.mails(1);
        assert_eq!(apart(&mails[0]).1, plain("first"));
        assert_eq!(
            session
                .deliver(
                    "x@example.net",
                    &["bob@example.org"],
                    &sextortion(&format!("first {number}"))
                )
                .code,
            250
        );
        assert_eq!(quarantined(), number + 1);
        assert_eq!(sink.mails(1).len(), 1);
    }
    assert_eq!(
        callbluff.end(Signal::SIGTERM).code(),
        Some(0),
        "{}",
        printed()
    );
}

fn run(folder: &Folder, config: &str) -> Output {
    let path = folder.path().join("callbluff.toml");
    fs::write(&path, config).unwrap();
    Command::new(env!("CARGO_BIN_EXE_callbluff"))
        .args(["run", "--config"])
        .arg(&path)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn a_port_in_use_is_named_and_ends_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let http = crate::ground::free_port();
    let out = run(
        &Folder::new(),
        &format!(
            "[milter]\nlisten = [\"inet:{port}@127.0.0.1\"]\n[http]\nlisten = \"127.0.0.1:{http}\"\n"
        ),
    );
    let error = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{error}");
    assert!(error.contains(&port.to_string()), "{error}");
}

#[test]
fn a_socket_path_that_cannot_be_made_is_named() {
    let out = run(
        &Folder::new(),
        "[milter]\nlisten = [\"unix:/nonexistent/callbluff/milter\"]\n",
    );
    let error = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{error}");
    assert!(error.contains("/nonexistent/callbluff/milter"), "{error}");
}

#[test]
fn a_config_that_does_not_parse_is_placed() {
    let out = run(&Folder::new(), "[milter]\nlisten = nonsense\n");
    let error = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{error}");
    assert!(error.contains("callbluff.toml:2:10"), "{error}");
}

#[test]
fn a_socket_that_somebody_listens_on_is_not_taken_away() {
    let folder = Folder::new();
    let filter = Filter::start(&folder, Socket::Unix, "");
    let path = folder.path().join("callbluff/milter");
    let out = run(
        &Folder::new(),
        &format!("[milter]\nlisten = [\"unix:{}\"]\n", path.display()),
    );
    assert_eq!(
        out.status.code(),
        Some(2),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    // The first one still serves.
    std::os::unix::net::UnixStream::connect(&path).unwrap();
    assert!(
        filter
            .get("/healthz")
            .is_some_and(|answer| answer.contains(" 200 "))
    );
}
