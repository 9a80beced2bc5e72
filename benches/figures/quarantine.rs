//! The quarantine: messages stored per second beside the engine's own commits, and the time of a search.

use crate::rig::{Ground, at, entry, fill, noise, put, searches};
use crate::server::peak_memory;
use crate::sql_server::Server;
use crate::{RUNS, median};
use callbluff::quarantine::{Filter, Page, Settings, Store};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Messages of one client.
const ONE: i64 = 300;
/// Messages of all clients together.
const MANY: i64 = 4_000;
/// Clients at the same time.
const CLIENTS: i64 = 64;
/// Entries that are stored as messages are; the others are copied from them.
const BLOCK: i64 = 20_000;
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

    async fn sql(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.server {
            None => {
                let file = self.folder().join("quarantine.db");
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
                let mut connection = options.connect().await.unwrap();
                connection.execute(sql).await.unwrap();
            }
            Some(server) => {
                let mut connection = sqlx::PgConnection::connect(&server.url()).await.unwrap();
                connection.execute(sql).await.unwrap();
            }
        }
    }

    async fn settle(&self) {
        // What autovacuum does by itself a minute later.
        if self.server.is_some() {
            self.sql("VACUUM ANALYZE").await;
        }
    }

    async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.server {
            None => {
                let file = self.folder().join("quarantine.db");
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
                let mut connection = options.connect().await.unwrap();
                sqlx::query_scalar(sql)
                    .fetch_one(&mut connection)
                    .await
                    .unwrap()
            }
            Some(server) => {
                let mut connection = sqlx::PgConnection::connect(&server.url()).await.unwrap();
                sqlx::query_scalar(sql)
                    .fetch_one(&mut connection)
                    .await
                    .unwrap()
            }
        }
    }

    fn contains(&self, _: &str, _: &str) -> String {
        String::new()
    }

    fn migrations(&self) -> &'static str {
        ""
    }
}

/// Both engines, with so many entries for the searches; without any only storing is measured.
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
    let store = place.open();
    store.health().await.unwrap();
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    let mut ratios = [Vec::new(), Vec::new()];
    let mut stored = 0;
    // In turn, so that a busy moment hits all three.
    for _ in 0..RUNS {
        let own = own_commits(place).await;
        let one = puts(&store, 1, ONE, stored).await;
        let many = puts(&store, CLIENTS, MANY, stored + ONE).await;
        stored += ONE + MANY;
        for (rates, rate) in rates.iter_mut().zip([own, one, many]) {
            rates.push(rate);
        }
        for (ratios, rate) in ratios.iter_mut().zip([one, many]) {
            ratios.push(rate / own);
        }
    }
    let ([own, one, many], [one_ratio, many_ratio]) = (rates.map(median), ratios.map(median));
    println!(
        "{name}: medians of {RUNS} rounds; {own:.0} commits of one row of {SIZE} bytes per second"
    );
    println!("{name}: 1 client stores {one:.0} messages per second, {one_ratio:.2} of that");
    println!(
        "{name}: {CLIENTS} clients store {many:.0} messages per second, {many_ratio:.2} of that"
    );
    if entries == 0 {
        return store.close().await;
    }
    let start = Instant::now();
    let first = entries.min(BLOCK);
    fill(&store, first).await;
    // It must not write to the index meanwhile.
    store.close().await;
    multiply(place, entries / first).await;
    let entries = first * (entries / first);
    assert_eq!(
        store.stats().await.unwrap().states[0].1,
        (entries + stored).unsigned_abs()
    );
    println!(
        "{name}: filled with {entries} entries in {:.0} s, {first} of them stored as messages are",
        start.elapsed().as_secs_f64()
    );
    let start = Instant::now();
    while place.number("SELECT COUNT(*) FROM fresh").await > 2048 {
        // Each search does a part.
        store
            .list(&Filter::default(), &Page::default())
            .await
            .unwrap();
    }
    println!(
        "{name}: taken into the index in {:.0} s",
        start.elapsed().as_secs_f64()
    );
    search(name, &store, entries).await;
    store.close().await;
}

/// How long searches of every kind take.
async fn search(name: &str, store: &Arc<dyn Store>, entries: i64) {
    let mut all: Vec<(Duration, &str)> = Vec::new();
    for round in 0..40 {
        for (what, filter) in searches(round) {
            let start = Instant::now();
            store.list(&filter, &Page::default()).await.unwrap();
            all.push((start.elapsed(), what));
        }
    }
    all.sort();
    let at = |share: usize| all[(all.len() * share / 100).min(all.len() - 1)].0;
    println!(
        "{name}: {} searches among {entries} entries: p50 {:.1?}, p99 {:.1?}, slowest {:.1?}",
        all.len(),
        at(50),
        at(99),
        all[all.len() - 1].0
    );
    let (times, mut kinds) = (&all, Vec::new());
    for (what, _) in searches(0) {
        let of_kind = || times.iter().filter(|one| one.1 == what).map(|one| one.0);
        let middle = of_kind().nth(20).unwrap();
        kinds.push((middle, of_kind().next_back().unwrap(), what));
    }
    kinds.sort();
    for (middle, slowest, what) in kinds.iter().rev() {
        println!("  {middle:>8.1?}, slowest {slowest:>8.1?}: {what}");
    }
}

/// The peak of memory while entries are exported, with SQLite.
pub(crate) fn export() {
    const ENTRIES: i64 = 100_000;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = Place {
        folder: tempfile::tempdir_in(".").unwrap(),
        server: None,
    };
    runtime.block_on(async {
        let store = place.open();
        fill(&store, ENTRIES).await;
        store.close().await;
    });
    let config = place.folder().join("callbluff.toml");
    std::fs::write(
        &config,
        format!("state_dir = \"{}\"\n", place.folder().display()),
    )
    .unwrap();
    println!("| entries exported | peak, MiB | time, s | zip file, MiB |");
    println!("|---|---|---|---|");
    for entries in [1_000, 10_000, ENTRIES] {
        let zip = place.folder().join(format!("{entries}.zip"));
        let start = Instant::now();
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_callbluff"))
            .args(["quarantine", "export", "--until", &at(entries).to_string()])
            .arg("--output")
            .arg(&zip)
            .arg("--config")
            .arg(&config)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut peak = 0.0;
        while child.try_wait().unwrap().is_none() {
            peak = peak_memory(child.id()).unwrap_or(peak);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(child.wait().unwrap().success());
        let size = std::fs::metadata(&zip).unwrap().len();
        println!(
            "| {entries} | {peak:.1} | {:.1} | {:.1} |",
            start.elapsed().as_secs_f64(),
            size as f64 / f64::from(1 << 20)
        );
    }
    println!();
}

/// Copies the entries that were stored, so that there are so many times as many, each with its own time, number,
/// recipient and hash, and marks them as not in the search index yet. Their bytes are not copied: no search looks at them.
async fn multiply(place: &Place, times: i64) {
    let number = "(e.received_at / 1000 - 1800000000)";
    // The identifier begins with the time, 5 bits a letter.
    let letters = "0123456789abcdefghjkmnpqrstvwxyz";
    let beginning = |second: i64| -> String {
        let millis = (1_800_000_000 + second) * 1000;
        let letter = |place: usize| &letters[((millis >> (5 * place)) & 31) as usize..][..1];
        (0..9).rev().map(letter).collect()
    };
    let first = format!(
        "e.id >= '{}' AND e.id < '{}'",
        beginning(0),
        beginning(BLOCK)
    );
    let mut sql = match place.server {
        None => "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;".to_owned(),
        Some(_) => "SET synchronous_commit = off; SET work_mem = '200MB';".to_owned(),
    };
    for time in 1..times {
        let more = time * BLOCK;
        let millis = format!("(e.received_at + {more}000)");
        let copy = format!("({number} + {more})");
        let id = (0..9).rev().map(|place| {
            format!(
                "substr('{letters}', CAST(({millis} >> {}) & 31 AS INTEGER) + 1, 1)",
                5 * place
            )
        });
        let id = id.collect::<Vec<_>>().join(" || ") + " || substr(e.id, 10)";
        // `<user7@d7.example>`
        let domain = format!("'@d' || ({number} % 50) || '.example>'");
        let text = format!("'<user' || {copy} || {domain}");
        let recipients = match place.server {
            None => format!("CAST({text} AS BLOB)"),
            Some(_) => format!("convert_to({text}, 'UTF8')"),
        };
        let verdict = "replace(replace(replace(verdict, '\"suspect\"', '\"sextortion\"'), '\"chat\"', '\"bluff\"'), ':7.5,', ':12.5,')";
        let hash = |hash: &str| {
            format!(
                "substr({hash}, 1, 57) || substr('0000000' || {copy}, length({copy} || '') + 1)"
            )
        };
        sql += &format!(
            "INSERT INTO entry (id, state, kept, received_at, changed_at, queue_id, message_id, sender, recipients, client, \
             client_name, helo, host, auth_user, subject, class, score, kind, verdict, rule, size, sha256, trace, domain, digest, wave) \
             SELECT {id}, state, kept, {millis}, {millis}, '4bQk' || {copy}, '<' || {copy} || '@example.net>', sender, {recipients}, client, \
             client_name, helo, host, auth_user, replace(subject, 'Case ' || {number}, 'Case ' || {copy}), 'sextortion', 12.5, 'bluff', {verdict}, \
             rule, size, {}, trace, domain, digest, wave FROM entry e WHERE {first}; \
             INSERT INTO fresh (entry) SELECT {id} FROM entry e WHERE {first};",
            hash("sha256")
        );
    }
    place.sql(&sql).await;
    place.settle().await;
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
                .execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS own (id INTEGER PRIMARY KEY, bytes BLOB)")
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
            let create = "CREATE TABLE IF NOT EXISTS own (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, bytes BYTEA)";
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
