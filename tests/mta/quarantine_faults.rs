//! Nothing is lost: a filter that is killed, a database that goes away, a disk that is full.
//!
//! `CALLBLUFF_FAULTS=20000x50` sends so many messages and kills so often. Default: 2000x10.

use crate::ground::{missing, wait_for};
use crate::mail::sender;
use crate::postgres::Server;
use crate::quarantine::stored;
use crate::rig::{Peer, Plan, Rig};
use crate::smtp::Smtp;
use callbluff::quarantine::Settings;
use nix::sys::signal::Signal;
use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Clients at the same time.
const CLIENTS: usize = 8;

/// What the log says when a message could not be stored.
const REFUSED: &str = "could not store the message in the quarantine";

/// How many messages, and how many faults.
fn scale() -> (usize, usize) {
    let text = std::env::var("CALLBLUFF_FAULTS").unwrap_or_else(|_| "2000x10".to_owned());
    let (messages, faults) = text.split_once('x').unwrap();
    (messages.parse().unwrap(), faults.parse().unwrap())
}

/// A message like no other, now and then a large one.
fn message(number: usize) -> Vec<u8> {
    let lines = if number.is_multiple_of(397) {
        9000
    } else {
        1 + number % 40
    };
    let mut text = format!(
        "Subject: message {number}\r\nFrom: a@example.net\r\nDate: Fri, 20 Nov 2026 20:00:00 +0000\r\nMessage-ID: <{number}@example.net>\r\nTo: b@example.org\r\n\r\n"
    );
    for line in 0..lines {
        text += &format!(
            ".{number} {line} {}\r\n",
            number.wrapping_mul(line + 7919) % 100_003
        );
    }
    text.into_bytes()
}

/// Sends until the server says yes; how often it said no or nothing.
fn insist(server: SocketAddr, number: usize) -> usize {
    let (message, from) = (message(number), sender("quarantine"));
    let end = Instant::now() + Duration::from_secs(120);
    let mut again = 0;
    loop {
        let code = TcpStream::connect(server)
            .ok()
            .and_then(|stream| Smtp::greet(stream).ok())
            .map_or(0, |mut session| {
                session.deliver(&from, &["b@example.org"], &message).code
            });
        if code == 250 {
            return again;
        }
        assert_ne!(code / 100, 5, "a fault of ours must not refuse for good");
        assert!(Instant::now() < end, "message {number} was never taken");
        again += 1;
        // As a client would wait, but shorter; not so short that the restarts wait for us.
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Sends all from parallel clients while `fault` is called again and again; says what came of it.
fn run(rig: &mut Rig, settings: &Settings, mut fault: impl FnMut(&mut Rig, usize)) {
    let (messages, faults) = scale();
    let server = rig.mta.address();
    let (next, acked, again) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= messages {
                        return;
                    }
                    again.fetch_add(insist(server, number), Ordering::Relaxed);
                    acked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut seed = std::process::id() as usize;
        for round in 0..faults {
            // Somewhere in its share of the run.
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let share = messages / (faults + 1);
            let place = round * share + (seed >> 33) % share.max(1);
            let deadline = Instant::now() + Duration::from_secs(300);
            while acked.load(Ordering::Relaxed) < place {
                assert!(Instant::now() < deadline, "the run stands still");
                std::thread::sleep(Duration::from_millis(1));
            }
            fault(rig, round);
        }
    });
    let stored = stored(rig, settings);
    let mut found: HashMap<&[u8], usize> = HashMap::new();
    for (_, bytes) in &stored {
        *found.entry(bytes).or_default() += 1;
    }
    let expected: Vec<Vec<u8>> = (0..messages).map(message).collect();
    let lost = expected
        .iter()
        .filter(|message| !found.contains_key(message.as_slice()))
        .count();
    let duplicates: usize = found.values().map(|count| count - 1).sum();
    let altered = found.len() - (messages - lost);
    println!(
        "{messages} messages, {faults} faults: {lost} lost, {altered} altered, {duplicates} stored twice, {} sent again, {:.0} s",
        again.load(Ordering::Relaxed),
        start.elapsed().as_secs_f64()
    );
    assert_eq!((lost, altered, duplicates), (0, 0, 0));
    assert!(
        rig.arrived_before_marker().is_empty(),
        "a quarantined message was delivered"
    );
}

/// Postfix, which does not wait a second before each message that comes faster than mail is delivered:
/// what is quarantined is never delivered, and so every message would wait.
fn plan() -> Plan {
    Plan {
        lines: vec!["in_flow_delay = 0".to_owned()],
        ..Plan::new(Peer::Postfix)
    }
}

fn kill(rig: &mut Rig) {
    rig.filter.end(Signal::SIGKILL);
    rig.filter.start_again();
}

#[test]
fn killed_at_random_and_with_a_full_disk_it_loses_nothing() {
    let Some(mut rig) = plan().start() else {
        return;
    };
    rig.filter.end(Signal::SIGTERM);
    let mebibytes = 96 + scale().0 / 100;
    let Some(disk) = SmallDisk::mount(rig.filter.folder().join("var"), mebibytes) else {
        return;
    };
    rig.filter.start_again();
    run(&mut rig, &Settings::default(), |rig, round| {
        // Each fifth time the disk is full, and each tenth time it is while the filter is killed and started.
        if round % 5 != 2 {
            return kill(rig);
        }
        let refused = |rig: &Rig| rig.filter.log().matches(REFUSED).count();
        let before = refused(rig);
        disk.fill();
        wait_for("a message to be refused", || {
            (refused(rig) > before).then_some(())
        });
        if round % 10 == 2 {
            kill_when_full(rig);
            disk.free();
        } else {
            disk.free();
            kill(rig);
        }
    });
}

#[test]
fn killed_and_with_postgres_restarted_it_loses_nothing() {
    let server = Server::new();
    let plan = Plan {
        config: format!(
            "[quarantine]\nurl = \"{}\"\ntimeout = \"2s\"\n",
            server.url()
        ),
        ..plan()
    };
    let Some(mut rig) = plan.start() else { return };
    let settings = Settings {
        url: Some(server.url()),
        ..Settings::default()
    };
    run(&mut rig, &settings, |rig, round| {
        if round % 2 == 0 {
            kill(rig);
        } else {
            server.stop();
            server.start();
        }
    });
}

/// A small file system; unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf, mebibytes: usize) -> Option<Self> {
        let mut mount = Command::new("mount");
        let options = format!("size={mebibytes}m,mode=700");
        mount
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&at);
        let mounted = mount
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            missing("the right to mount a file system");
        }
        mounted.then_some(Self(at))
    }

    /// Leaves nothing but what the database has already.
    fn fill(&self) {
        let mut filler = fs::File::create(self.filler()).unwrap();
        let mut bytes = vec![0; 1 << 20];
        while !bytes.is_empty() {
            if filler.write_all(&bytes).is_err() {
                bytes.truncate(bytes.len() / 2);
            }
        }
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_defers_and_recovers() {
    let Some(mut rig) = Plan::new(Peer::Postfix).start() else {
        return;
    };
    rig.filter.end(Signal::SIGTERM);
    let Some(disk) = SmallDisk::mount(rig.filter.folder().join("var"), 8) else {
        return;
    };
    rig.filter.start_again();
    let from = sender("quarantine");
    for round in 0..2 {
        let one = message(100_000 + round);
        assert_eq!(
            rig.session().deliver(&from, &["b@example.org"], &one).code,
            250
        );
        disk.fill();
        let mut refused = 0;
        for number in 0..15 {
            let big = message((round * 15 + number) * 97);
            let reply = rig.session().deliver(&from, &["b@example.org"], &big);
            assert!(matches!(reply.code, 250 | 451), "{}", reply.text());
            refused += usize::from(reply.code == 451);
        }
        assert!(refused > 0, "the disk was not full");
        rig.filter.wait_line(&["ERROR", REFUSED]);
        wait_for("/readyz to tell", || {
            rig.filter
                .get("/readyz")
                .filter(|text| text.contains("quarantine: "))
        });
        if round == 1 {
            kill_when_full(&mut rig);
        }
        disk.free();
        let again = message(200_000 + round);
        wait_for("a message to be taken", || {
            let reply = rig.session().deliver(&from, &["b@example.org"], &again);
            (reply.code == 250).then_some(())
        });
        wait_for("/readyz to be ready", || {
            rig.filter
                .get("/readyz")
                .filter(|text| text.contains(" 200 "))
        });
    }
}

fn kill_when_full(rig: &mut Rig) {
    rig.filter.end(Signal::SIGKILL);
    rig.filter.start_unready();
}

/// The order on the wire and on the disk: the database is synced before the client hears 250.
#[test]
fn the_disk_has_it_before_the_client_hears_so() {
    if !std::path::Path::new("/usr/bin/strace").exists() {
        missing("strace");
        return;
    }
    let Some(rig) = Plan::new(Peer::Postfix).start() else {
        return;
    };
    let from = sender("quarantine");
    // The first message makes the tables; the second is watched.
    assert_eq!(
        rig.session()
            .deliver(&from, &["b@example.org"], &message(1))
            .code,
        250
    );
    let log = rig.filter.folder().join("strace");
    let mut strace = Command::new("strace")
        .args([
            "-f",
            "-tt",
            "-y",
            "-e",
            "trace=fsync,fdatasync,sendto,write,writev,pwrite64",
            "-o",
        ])
        .arg(&log)
        .args(["-p", &rig.filter.pid().to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It says so once it watches.
    let mut first = String::new();
    let mut said = std::io::BufReader::new(strace.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut said, &mut first).unwrap();
    assert!(first.contains("attached"), "{first}");
    assert_eq!(
        rig.session()
            .deliver(&from, &["b@example.org"], &message(2))
            .code,
        250
    );
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(strace.id()).unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    let _ = strace.wait();
    let text = fs::read_to_string(&log).unwrap();
    let place = |what: &dyn Fn(&str) -> bool| text.lines().position(what);
    let is_sync = |line: &str| line.contains("sync(") && line.contains("quarantine.db");
    let synced = place(&is_sync).unwrap_or_else(|| panic!("never synced:\n{text}"));
    // SMFIR_DISCARD: a frame of one byte, "d".
    let answered = place(&|line| line.contains("\"\\0\\0\\0\\1d\""));
    let answered = answered.unwrap_or_else(|| panic!("never answered:\n{text}"));
    assert!(synced < answered, "{text}");
    println!(
        "{}\n{}",
        text.lines().nth(synced).unwrap(),
        text.lines().nth(answered).unwrap()
    );
}
