//! The battery over PostgreSQL, and what only a server can go through.

use crate::rig::{Ground, entry, put, spool};
use callbluff::quarantine::{Filter, Settings, Trouble};
use callbluff::toml_reader::Secret;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A PostgreSQL of this test's own, on a port of the loopback interface.
struct Postgres {
    folder: TempDir,
    port: u16,
}

/// PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

impl Postgres {
    async fn new() -> Self {
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

    fn start(&self) {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories= -c max_connections=40",
            self.port
        );
        let log = self.data().join("log");
        let log = log.to_str().expect("UTF-8");
        self.run("pg_ctl", &["-w", "-s", "-o", &options, "-l", log, "start"]);
    }

    fn stop(&self) {
        self.run("pg_ctl", &["-w", "-s", "-m", "immediate", "stop"]);
    }
}

impl Drop for Postgres {
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

impl Ground for Postgres {
    fn settings(&self) -> Settings {
        Settings {
            url: Some(format!(
                "postgres://callbluff@127.0.0.1:{}/postgres",
                self.port
            )),
            ..Settings::default()
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn sql(&self, sql: &str) {
        use sqlx::{Connection as _, Executor as _};
        let url = self.settings().url.expect("it has one");
        let mut connection = sqlx::PgConnection::connect(&url)
            .await
            .expect("it is there");
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        connection.execute(sql).await.expect("the SQL is right");
    }

    fn migrations(&self) -> &'static str {
        "postgres"
    }
}

crate::every_test!(Postgres);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_in_the_middle_is_survived() {
    let ground = Postgres::new().await;
    let settings = Settings {
        timeout: Duration::from_secs(1),
        ..ground.settings()
    };
    let store = ground.open_with(&settings);
    let first = put(&*store, &entry(1), b"one").await;
    ground.stop();
    let err = store.put(&entry(2), &mut spool(b"two").await).await;
    let err = err.expect_err("it is down");
    assert!(
        matches!(
            err.trouble,
            Trouble::Unavailable | Trouble::Exhausted | Trouble::Late
        ),
        "{err:?}"
    );
    assert!(store.health().await.is_err());
    ground.start();
    // The same store, without a restart of ours.
    let second = put(&*store, &entry(2), b"two").await;
    store.health().await.expect("well");
    for id in [first, second] {
        store.get(&id).await.expect("there");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_pool_says_so() {
    let ground = Postgres::new().await;
    let settings = Settings {
        timeout: Duration::from_secs(1),
        connections: 1,
        ..ground.settings()
    };
    let store = ground.open_with(&settings);
    put(&*store, &entry(1), b"one").await;
    ground.sql("CREATE FUNCTION slow() RETURNS trigger AS 'BEGIN PERFORM pg_sleep(0.7); RETURN NEW; END' LANGUAGE plpgsql; CREATE TRIGGER slow BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION slow()").await;
    let tasks: Vec<_> = (0..4)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let text = format!("{number}");
                store
                    .put(&entry(2), &mut spool(text.as_bytes()).await)
                    .await
            })
        })
        .collect();
    let mut failed = 0;
    for task in tasks {
        if let Err(err) = task.await.expect("no panic") {
            assert!(
                matches!(err.trouble, Trouble::Exhausted | Trouble::Late),
                "{err:?}"
            );
            failed += 1;
        }
    }
    assert!(failed > 0);
    ground.sql("DROP TRIGGER slow ON entry").await;
    put(&*store, &entry(3), b"after").await;
    assert_eq!(
        store.count(&Filter::default()).await.expect("counted") + failed,
        6
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_in_no_error() {
    let ground = Postgres::new().await;
    let settings = Settings {
        password: Some(Secret::new("hunter2")),
        ..ground.settings()
    };
    put(&*ground.open_with(&settings), &entry(1), b"one").await;
    let wrong = Settings {
        url: Some("postgres://callbluff@127.0.0.1:1/none".to_owned()),
        password: Some(Secret::new("hunter2")),
        timeout: Duration::from_millis(300),
        ..Settings::default()
    };
    let err = ground
        .open_with(&wrong)
        .health()
        .await
        .expect_err("nobody is there");
    assert!(!err.to_string().contains("hunter2"), "{err}");
}
