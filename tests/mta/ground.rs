//! Folders, ports, processes and waiting: what every peer in a test stands on.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take before a test fails. Far more than needed: a loaded machine is slow.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until `look` finds something.
///
/// # Panics
///
/// When [`DEADLINE`] has passed; `what` says in the message what was waited for.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A folder for one test, removed at its end. Everybody may search it, since Postfix runs as a user of its own.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let base =
            std::env::var_os("CALLBLUFF_TEST_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let dir = tempfile::Builder::new()
            .prefix("callbluff-mta.")
            .tempdir_in(base)
            .unwrap();
        open_up(dir.path());
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A subfolder that everybody may search.
    pub(crate) fn sub(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        open_up(&path);
        path
    }
}

fn open_up(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A port of the loopback interface that nobody uses.
///
/// Port 0 will not do: what the system gives may be given again between asking and binding. Ports below the
/// ephemeral range are handed out by nobody else, and each process takes them from a block of its own.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let block = u16::try_from(std::process::id() % 1000).unwrap() * 20;
    loop {
        let port = 12_000 + (block + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A process that is killed when the test ends, however it ends.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn new(child: Child) -> Self {
        Self(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.0.id(), signal);
    }

    /// Its exit status, once it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    /// Sends the signal and waits for the end.
    pub(crate) fn end(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        wait_for("the end of a process", || self.ended())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal to a process that may be gone already.
pub(crate) fn send(pid: u32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
}

/// Does this test run from `tests/run`, where no peer may be missing?
fn is_complete() -> bool {
    std::env::var_os("CALLBLUFF_SENDMAIL").is_some()
}

/// Says aloud that a test did nothing, or fails under `tests/run`.
pub(crate) fn missing(peer: &str) {
    assert!(!is_complete(), "{peer} is missing");
    eprintln!("NOT TESTED: {peer} is missing; run tests/run, which installs it");
}
