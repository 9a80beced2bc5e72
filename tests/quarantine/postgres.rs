//! The battery over PostgreSQL, and what only a server can go through.

use crate::rig::{Ground, entry, put, spool};
use crate::server::Server;
use callbluff::quarantine::{Filter, Guard, Settings, Trouble};
use callbluff::toml_reader::Secret;
use std::path::Path;
use std::time::Duration;

struct Postgres {
    server: Server,
}

impl Postgres {
    async fn new() -> Self {
        Self {
            server: Server::new(),
        }
    }
}

impl Ground for Postgres {
    fn settings(&self) -> Settings {
        Settings {
            url: Some(self.server.url()),
            ..Settings::default()
        }
    }

    fn folder(&self) -> &Path {
        self.server.folder()
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

    async fn settle(&self) {
        self.sql("VACUUM ANALYZE").await;
    }

    async fn number(&self, sql: &str) -> i64 {
        use sqlx::Connection as _;
        let url = self.settings().url.expect("it has one");
        let mut connection = sqlx::PgConnection::connect(&url)
            .await
            .expect("it is there");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut connection)
            .await
            .expect("the SQL is right")
    }

    fn contains(&self, column: &str, text: &str) -> String {
        format!("position(convert_to('{text}', 'UTF8') IN {column}) > 0")
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
    ground.server.stop();
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
    ground.server.start();
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
    // Whoever was told to come again does so; the server may have stored it all the same.
    for number in 0..4 {
        let text = format!("{number}");
        let mut message = spool(text.as_bytes()).await;
        let again = store.put(&entry(2), &mut message).await;
        again.expect("stored, now or before");
    }
    assert_eq!(store.count(&Filter::default()).await.expect("counted"), 5);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_server_that_is_away() {
    let ground = Postgres::new().await;
    // As long as the whole test may take: whoever waited for that would fail it.
    let settings = Settings {
        timeout: Duration::from_secs(600),
        ..ground.settings()
    };
    let store = ground.open_with(&settings);
    let guard = Guard::new(store.clone(), Duration::from_secs(600));
    let mut message = spool(b"one").await;
    guard.put(&entry(1), &mut message).await.expect("stored");
    ground.server.stop();
    let mut message = spool(b"two").await;
    for _ in 0..3 {
        let err = guard.put(&entry(2), &mut message).await;
        assert_eq!(err.expect_err("away").trouble, Trouble::Unavailable);
    }
    let why = guard.check().await.expect_err("away").to_string();
    assert_eq!(
        guard.trouble().borrow().as_ref().map(ToString::to_string),
        Some(why)
    );
    ground.server.start();
    // Nobody has found that it is back, so nobody tries.
    let err = guard.put(&entry(2), &mut message).await;
    assert_eq!(err.expect_err("not asked").trouble, Trouble::Unavailable);
    assert_eq!(
        store.count(&Filter::default()).await.expect("it is back"),
        1
    );
    guard.check().await.expect("it is back");
    guard.put(&entry(2), &mut message).await.expect("stored");
    assert_eq!(guard.trouble().borrow().as_ref(), None);
    // One that was never there is no other case.
    let gone = Settings {
        url: Some("postgres://callbluff@127.0.0.1:1/none".to_owned()),
        ..settings
    };
    let err = ground.open_with(&gone).health().await;
    assert_eq!(err.expect_err("away").trouble, Trouble::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_message_tries_again_after_the_pause() {
    let ground = Postgres::new().await;
    let guard = Guard::new(ground.open(), Duration::ZERO);
    ground.server.stop();
    let mut message = spool(b"one").await;
    assert!(guard.put(&entry(1), &mut message).await.is_err());
    ground.server.start();
    guard.put(&entry(1), &mut message).await.expect("stored");
}
