//! The quarantine: messages stored per second beside the engine's own commits, and the time of a search.

use crate::rig::{Ground, entry, fill, noise, put, searches};
use crate::sql_server::Server;
use callbluff::quarantine::{Page, Settings, Store};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Messages of one client.
const ONE: i64 = 500;
/// Messages of all clients together.
const MANY: i64 = 8_000;
/// Clients at the same time.
const CLIENTS: i64 = 64;
/// The size of a message that does not get smaller, in bytes.
const SIZE: usize = 4096;

struct Place {
    folder: TempDir,
    server: Option<Server>,
}

impl Ground for Place {
    fn settings(&self) -> Settings {
        Settings {
            url: self.server.as_ref().map(Server::url),
            connections: 32,
            timeout: Duration::from_secs(60),
            ..Settings::default()
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn sql(&self, _: &str) {}

    fn migrations(&self) -> &'static str {
        ""
    }
}

/// Both engines, with so many entries for the searches.
pub(crate) fn run(entries: i64) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for server in [None, Some(Server::new())] {
        let name = if server.is_some() {
            "PostgreSQL"
        } else {
            "SQLite"
        };
        let place = Place {
            folder: tempfile::tempdir_in(".").unwrap(),
            server,
        };
        runtime.block_on(measure(name, &place, entries));
    }
}

async fn measure(name: &str, place: &Place, entries: i64) {
    let own = own_commits(place).await;
    println!("{name}: {own:.0} commits of one row of {SIZE} bytes per second");
    let store = place.open();
    store.health().await.unwrap();
    let one = puts(&store, 1, ONE, 0).await;
    println!(
        "{name}: 1 client stores {one:.0} messages per second, {:.2} of that",
        one / own
    );
    let many = puts(&store, CLIENTS, MANY, ONE).await;
    println!(
        "{name}: {CLIENTS} clients store {many:.0} messages per second, {:.2} of that",
        many / own
    );
    let start = Instant::now();
    fill(&store, entries).await;
    println!(
        "{name}: filled with {entries} entries in {:.0} s",
        start.elapsed().as_secs_f64()
    );
    let mut all: Vec<(Duration, String)> = Vec::new();
    for round in 0..40 {
        for filter in searches(round) {
            let start = Instant::now();
            store.list(&filter, &Page::default()).await.unwrap();
            all.push((start.elapsed(), format!("{filter:?}")));
        }
    }
    all.sort();
    let at = |share: usize| all[(all.len() * share / 100).min(all.len() - 1)].0;
    println!(
        "{name}: {} searches among {entries} entries: p50 {:.1?}, p99 {:.1?}, slowest {:.1?} {}",
        all.len(),
        at(50),
        at(99),
        all[all.len() - 1].0,
        all[all.len() - 1].1
    );
    store.close().await;
}

/// What the engine does by itself: one row, one commit, one client.
async fn own_commits(place: &Place) -> f64 {
    let bytes = noise(SIZE, 5);
    let start;
    match &place.server {
        None => {
            let mut connection = sqlx::sqlite::SqliteConnectOptions::new()
                .filename(place.folder().join("own.db"))
                .create_if_missing(true)
                .connect()
                .await
                .unwrap();
            connection
                .execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE own (id INTEGER PRIMARY KEY, bytes BLOB)")
                .await
                .unwrap();
            start = Instant::now();
            for _ in 0..ONE {
                let insert = sqlx::query("INSERT INTO own (bytes) VALUES (?)").bind(&bytes);
                insert.execute(&mut connection).await.unwrap();
            }
        }
        Some(server) => {
            let mut connection = sqlx::PgConnection::connect(&server.url()).await.unwrap();
            let create = "CREATE TABLE own (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, bytes BYTEA)";
            connection.execute(AssertSqlSafe(create)).await.unwrap();
            start = Instant::now();
            for _ in 0..ONE {
                let insert = sqlx::query("INSERT INTO own (bytes) VALUES ($1)").bind(&bytes);
                insert.execute(&mut connection).await.unwrap();
            }
        }
    }
    ONE as f64 / start.elapsed().as_secs_f64()
}

async fn puts(store: &Arc<dyn Store>, clients: i64, messages: i64, first: i64) -> f64 {
    let next = Arc::new(AtomicI64::new(0));
    let start = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let (store, next) = (store.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= messages {
                        return;
                    }
                    let number = first + number;
                    let bytes = noise(SIZE, 2 * number.unsigned_abs() + 1);
                    // Of another day than those that are searched.
                    put(&*store, &entry(number - 10_000_000), &bytes).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    messages as f64 / start.elapsed().as_secs_f64()
}
