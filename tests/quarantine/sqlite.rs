//! The battery over SQLite, and what only a file can go through.

use crate::rig::{Ground, at, entry, put, spool};
use callbluff::quarantine::{Filter, Settings, Trouble};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    async fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }
}

impl Ground for Sqlite {
    fn settings(&self) -> Settings {
        Settings::default()
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn sql(&self, sql: &str) {
        use sqlx::{ConnectOptions as _, Executor as _};
        let path = self.folder().join("quarantine.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true);
        let mut connection = options.connect().await.expect("it opens");
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        connection.execute(sql).await.expect("the SQL is right");
    }

    async fn settle(&self) {}

    async fn number(&self, sql: &str) -> i64 {
        use sqlx::ConnectOptions as _;
        let path = self.folder().join("quarantine.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut connection = options.connect().await.expect("it opens");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut connection)
            .await
            .expect("the SQL is right")
    }

    fn contains(&self, column: &str, text: &str) -> String {
        format!("instr({column}, CAST('{text}' AS BLOB)) > 0")
    }

    fn migrations(&self) -> &'static str {
        "sqlite"
    }
}

crate::every_test!(Sqlite);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_database_refuses_and_recovers() {
    let ground = Sqlite::new().await;
    let store = ground.open();
    let first = put(&*store, &entry(1), b"the first one").await;
    // A trigger stands for a disk without room: SQLite fails in the same way.
    ground
        .sql("CREATE TRIGGER full BEFORE INSERT ON part BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")
        .await;
    let err = store.put(&entry(2), &mut spool(b"x").await).await;
    assert!(err.is_err());
    ground.sql("DROP TRIGGER full").await;
    let second = put(&*store, &entry(2), b"x").await;
    for id in [&first, &second] {
        store.get(id).await.expect("there");
    }
    assert_eq!(store.count(&Filter::default()).await.expect("counted"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_file_is_noticed_before_the_next_message() {
    let ground = Sqlite::new().await;
    let store = ground.open();
    put(&*store, &entry(1), b"one").await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(ground.folder().join(format!("quarantine.db{suffix}")));
    }
    let id = put(&*store, &entry(2), b"two").await;
    // Another process finds it, so it is in a file that has a name.
    let other = ground.open();
    assert_eq!(other.get(&id).await.expect("there").received_at, at(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_database_refuses_and_recovers() {
    use sqlx::{ConnectOptions as _, Executor as _};
    let ground = Sqlite::new().await;
    let settings = Settings {
        timeout: std::time::Duration::from_millis(300),
        ..Settings::default()
    };
    let store = ground.open_with(&settings);
    put(&*store, &entry(1), b"one").await;
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(ground.folder().join("quarantine.db"));
    let mut other = options.connect().await.expect("it opens");
    other.execute("BEGIN EXCLUSIVE").await.expect("locked");
    let err = store
        .put(&entry(2), &mut spool(b"two").await)
        .await
        .expect_err("locked");
    assert!(
        matches!(err.trouble, Trouble::Late | Trouble::Locked),
        "{err:?}"
    );
    other.execute("COMMIT").await.expect("unlocked");
    // The one that was given up may have been stored after all: then it is the same entry.
    let patient = ground.open();
    let stored = patient.put(&entry(2), &mut spool(b"two").await).await;
    stored.expect("stored");
    assert_eq!(patient.count(&Filter::default()).await.expect("counted"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_missing_is_an_error_until_it_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let inside = folder.path().join("file");
    std::fs::write(&inside, "").expect("ours");
    let store = callbluff::quarantine::open(&Settings::default(), &inside).expect("right");
    let err = store
        .put(&entry(1), &mut spool(b"x").await)
        .await
        .expect_err("a file is no folder");
    assert_eq!(err.trouble, Trouble::Unavailable);
    assert!(store.health().await.is_err());
    std::fs::remove_file(&inside).expect("ours");
    put(&*store, &entry(1), b"x").await;
    store.health().await.expect("well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_that_open_a_new_file_at_once_make_its_tables_once() {
    for _ in 0..20 {
        let ground = Sqlite::new().await;
        let tasks: Vec<_> = (0..6)
            .map(|_| ground.open())
            .map(|store| tokio::spawn(async move { store.count(&Filter::default()).await }))
            .collect();
        for task in tasks {
            let count = task.await.expect("no panic").expect("it opens");
            assert_eq!(count, 0);
        }
    }
}

/// An upgrade may take longer than anybody waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_waiting_does_not_stop_the_opening() {
    use sqlx::{ConnectOptions as _, Connection as _};
    let ground = Sqlite::new().await;
    let store = ground.open();
    let given_up = tokio::time::timeout(Duration::from_micros(1), store.health()).await;
    assert!(given_up.is_err(), "it was faster than could be");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(ground.folder().join("quarantine.db"))
        .read_only(true);
    let end = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        if let Ok(mut connection) = options.connect().await {
            let done = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM _sqlx_migrations")
                .fetch_one(&mut connection)
                .await;
            let _ = connection.close().await;
            if done.is_ok_and(|done| done >= 6) {
                break;
            }
        }
        assert!(std::time::Instant::now() < end, "nobody made the tables");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
