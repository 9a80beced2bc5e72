//! A PostgreSQL of a test's own, on a port of the loopback interface.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A running server; it ends with the test.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
}

/// PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

impl Server {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir_in("/tmp").expect("a folder");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), mode).expect("ours");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("ours");
        let _ = chown(&data, Some(NOBODY), Some(NOBODY));
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let ground = Self { folder, port };
        ground.run(
            "initdb",
            &[
                "--auth=trust",
                "--username=callbluff",
                "--encoding=UTF8",
                "--no-sync",
            ],
        );
        ground.start();
        ground
    }

    /// Where it keeps things; not every test looks there.
    #[allow(dead_code, reason = "shared by two test programs")]
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where it is reached.
    pub(crate) fn url(&self) -> String {
        format!("postgres://callbluff@127.0.0.1:{}/postgres", self.port)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, program: &str, args: &[&str]) {
        let mut command = Command::new(binary(program));
        command
            .arg("-D")
            .arg(self.data())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if nix::unistd::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let status = command.current_dir("/").status().expect("it runs");
        assert!(status.success(), "{program} {args:?}");
    }

    /// Starts it again.
    pub(crate) fn start(&self) {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories= -c max_connections=40",
            self.port
        );
        let log = self.data().join("log");
        let log = log.to_str().expect("UTF-8");
        self.run("pg_ctl", &["-w", "-s", "-o", &options, "-l", log, "start"]);
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn stop(&self) {
        self.run("pg_ctl", &["-w", "-s", "-m", "immediate", "stop"]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut command = Command::new(binary("pg_ctl"));
        command
            .arg("-D")
            .arg(self.data())
            .args(["-w", "-s", "-m", "immediate", "stop"]);
        if nix::unistd::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let _ = command.current_dir("/").stderr(Stdio::null()).status();
    }
}

/// Debian keeps the programs of a server out of the way, by version.
fn binary(program: &str) -> PathBuf {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin").join(program))
        .filter(|path| path.exists())
        .collect();
    versions.sort();
    versions.pop().unwrap_or_else(|| PathBuf::from(program))
}
