//! What systemd does for a service: sockets that it opens, the journal that it keeps.

use crate::peer::{Mta, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const BIN: &str = env!("CARGO_BIN_EXE_callbluff");

/// A running service; ends with the test.
struct Service(Child);

impl Service {
    fn end(&mut self) -> Option<i32> {
        kill(Pid::from_raw(self.0.id() as i32), Signal::SIGTERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn write(folder: &Path, text: &str) {
    let text = format!("{text}[http]\nlisten = \"off\"\n");
    fs::write(folder.join("callbluff.toml"), text).unwrap();
}

/// Starts the service with a socket as systemd gives it: file descriptor 3, and two variables (sd_listen_fds(3)).
fn activate(folder: &Path, socket: OwnedFd) -> Service {
    let script =
        "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" run --config callbluff.toml";
    let child = Command::new("sh")
        .args(["-c", script, BIN])
        .current_dir(folder)
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("log")).unwrap())
        .spawn();
    Service(child.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_of_systemd_takes_the_place_of_its_own_and_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "[milter]\nlisten = \"unix:own.sock\"\n");
    let path = folder.path().join("given.sock");
    let socket = UnixListener::bind(&path).unwrap();
    for round in ["first", "second"] {
        let given = socket.try_clone().unwrap();
        // Before the service runs: systemd's socket takes the connection, and it is answered later.
        let early = Mta::unix(&path);
        let mut service = activate(folder.path(), given.into());
        let mut mta = tokio::time::timeout(Duration::from_secs(60), early)
            .await
            .unwrap();
        mta.connect("192.0.2.7").await;
        assert_eq!(mta.message(round, "clean").await.1.0, 'c');
        drop(mta);
        assert_eq!(service.end(), Some(0));
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(log.contains(&format!("{round}: verdict=clean")), "{log}");
        assert!(path.exists(), "the file belongs to systemd");
    }
    assert!(!folder.path().join("own.sock").exists());
}

/// The fields of a datagram of the journal's protocol: `NAME=value`, or the name, a line break, the
/// length as 64 bits little-endian, and the value.
fn fields(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|&byte| byte == b'\n').unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let line = text(&bytes[..end]);
        bytes = &bytes[end + 1..];
        if let Some((name, value)) = line.split_once('=') {
            fields.push((name.to_owned(), value.to_owned()));
        } else {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            fields.push((line, text(&bytes[8..8 + length])));
            bytes = &bytes[8 + length + 1..];
        }
    }
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_gets_one_line_for_each_message_with_its_queue_id_first() {
    if !geteuid().is_root() {
        eprintln!(
            "NOT TESTED: the journal's socket needs root, to be put where programs look for it"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "[log]\nformat = \"journald\"\n[milter]\nlisten = \"unix:milter.sock\"\n",
    );
    let journal = folder.path().join("journal");
    fs::create_dir(&journal).unwrap();
    let socket = UnixDatagram::bind(journal.join("socket")).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    // In a mount namespace of its own, so that nobody else's journal is touched.
    let script = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal \
                  && mount --bind journal /run/systemd/journal && exec \"$0\" run --config callbluff.toml";
    let child = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, BIN])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    let mut service = Service(child.unwrap());
    let path = folder.path().join("milter.sock");
    until("the service listens", || {
        std::os::unix::net::UnixStream::connect(&path).is_ok()
    })
    .await;
    let mut mta = Mta::unix(&path).await;
    mta.connect("192.0.2.7").await;
    mta.message("4bQk2x3Tz", "clean").await;
    let received = tokio::task::spawn_blocking(move || {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = socket.recv(&mut buffer).unwrap();
            let fields = fields(&buffer[..count]);
            let message = fields.iter().find(|(name, _)| name == "MESSAGE");
            if message.is_some_and(|(_, text)| text.contains("verdict=")) {
                return fields;
            }
        }
    });
    let fields = received.await.unwrap();
    let value = |wanted: &str| {
        let found = fields.iter().find(|(name, _)| name == wanted);
        found.map_or("", |(_, value)| value.as_str())
    };
    let message = value("MESSAGE");
    assert!(
        message.starts_with("4bQk2x3Tz: verdict=clean, score="),
        "{message}"
    );
    assert!(!message.contains('\n'), "{message:?}");
    assert_eq!(value("PRIORITY"), "5", "{fields:?}");
    drop(mta);
    assert_eq!(service.end(), Some(0));
}
