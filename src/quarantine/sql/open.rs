//! Connections: opened when needed, and again when the database was lost.

use crate::quarantine::sql::pool::{Pool, Server};
use crate::quarantine::sql::statement::trouble;
use crate::quarantine::sql::writer::Writer;
use crate::quarantine::sql::{Dialect, SqlStore};
use crate::quarantine::{Answer, Settings, StoreError, Trouble};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

static SQLITE: Migrator = sqlx::migrate!("src/quarantine/migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("src/quarantine/migrations/postgres");

/// Readers of the SQLite file; they do not wait for the writer.
const SQLITE_READERS: u32 = 4;
/// Transactions that write to PostgreSQL at the same time: while one waits for the disk the next is made.
const POSTGRES_HANDS: u32 = 4;
/// Memory for pages of the file, in KiB, for the connection that writes. The messages of one commit, or a block of the index,
/// change some hundred pages; those that do not fit would be written twice.
const WRITER_CACHE: u32 = 4 << 10;
/// The same for each that reads: a search looks at some pages of each block once, and the system has them in memory anyway.
const READER_CACHE: u32 = 512;
/// Pages in the log, of 4 KiB each, from which on they are moved to their places. Many change again and again, and
/// are moved once.
const CHECKPOINT: u32 = 16_000;
/// How long SQLite waits for a lock of another process.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How long after its last use a connection is taken to be there still.
const FRESH: Duration = Duration::from_millis(50);
/// How often the tables are brought up to date before it is given up, and the pause in between.
const MIGRATION_TRIES: u32 = 4;
const MIGRATION_PAUSE: Duration = Duration::from_millis(50);

/// A database that is open.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) readers: Pool,
    pub(super) writers: Pool,
    /// Commits many messages at once.
    pub(super) writer: Writer,
    /// The file of SQLite, as device and inode.
    file: Option<(PathBuf, (u64, u64))>,
}

impl Opened {
    /// Is it still the file that has this name? Who writes to a deleted file stores nothing.
    fn is_there(&self) -> bool {
        self.file
            .as_ref()
            .is_none_or(|(path, known)| identity(path).is_ok_and(|found| found == *known))
    }

    /// Ends all connections.
    pub(super) async fn close(&self) {
        self.readers.connections.close().await;
        self.writers.connections.close().await;
    }
}

impl SqlStore {
    /// The open database.
    pub(super) async fn opened(&self) -> Answer<Arc<Opened>> {
        let mut slot = self.opened.clone().lock_owned().await;
        if let Some(opened) = slot.as_ref() {
            if opened.is_there() {
                return Ok(opened.clone());
            }
            let lost = slot.take();
            if let Some(lost) = lost {
                lost.close().await;
            }
        }
        let (dialect, file, settings) = (self.dialect, self.file.clone(), self.settings.clone());
        // Whoever waits for it does so for a while only, but a new index of a million entries takes longer. If it
        // ended with the one who waits, it would never be made.
        let opening = tokio::spawn(async move {
            let opened = Arc::new(match dialect {
                Dialect::Sqlite => open_sqlite(&file, &settings).await?,
                Dialect::Postgres => open_postgres(&settings).await?,
            });
            *slot = Some(opened.clone());
            Ok(opened)
        });
        opening
            .await
            .map_err(|err| StoreError::new(Trouble::Other, err.to_string()))?
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|facts| (facts.dev(), facts.ino()))
}

async fn open_sqlite(path: &Path, settings: &Settings) -> Answer<Opened> {
    make(path).map_err(|err| {
        let kind = match err.kind() {
            io::ErrorKind::StorageFull => Trouble::Full,
            _ => Trouble::Unavailable,
        };
        StoreError::new(kind, format!("{}: {err}", path.display()))
    })?;
    install_default_drivers();
    let path = fs::canonicalize(path)
        .map_err(|err| StoreError::new(Trouble::Unavailable, err.to_string()))?;
    let options = sqlite_options(&path)?;
    let pool = |connections, cache: u32| {
        AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(settings.timeout)
            // It is a file: no server can have hung up.
            .test_before_acquire(false)
            .max_lifetime(None)
            .idle_timeout(None)
            // Note: SQLite itself rolls back where the disk is full; the driver then waits for ever for
            // the end of a transaction that is none any more. Such a connection is thrown away.
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    // It may just be about to be rolled back.
                    if connection.is_in_transaction() {
                        connection.ping().await?;
                    }
                    Ok(!connection.is_in_transaction())
                })
            })
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    let wait = LOCK_WAIT.as_millis();
                    // FULL: what is committed has reached the disk, in WAL mode too.
                    let set_up = format!(
                        "PRAGMA busy_timeout = {wait}; PRAGMA journal_mode = WAL; \
                         PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
                         PRAGMA cache_size = -{cache}; PRAGMA wal_autocheckpoint = {CHECKPOINT}; \
                         PRAGMA journal_size_limit = 67108864"
                    );
                    connection
                        .execute(sqlx::AssertSqlSafe(set_up))
                        .await
                        .map(|_| ())
                })
            })
    };
    let writers = Pool::of_file(pool(1, WRITER_CACHE).connect_lazy_with(options.clone()));
    migrate(&SQLITE, &writers).await?;
    let known =
        identity(&path).map_err(|err| StoreError::new(Trouble::Unavailable, err.to_string()))?;
    Ok(Opened {
        readers: Pool::of_file(pool(SQLITE_READERS, READER_CACHE).connect_lazy_with(options)),
        // Only one can write.
        writer: Writer::start(&writers, 1),
        writers,
        file: Some((path, known)),
    })
}

fn sqlite_options(path: &Path) -> Answer<AnyConnectOptions> {
    let wrong = |err: sqlx::Error| StoreError::new(Trouble::Other, err.to_string());
    let mut options: AnyConnectOptions = "sqlite:///x".parse().map_err(wrong)?;
    let text = path.to_str().ok_or_else(|| {
        StoreError::new(Trouble::Other, "the name of the state folder is not UTF-8")
    })?;
    // The setter escapes what a URL does not take.
    options.database_url.set_path(text);
    options.database_url.set_query(Some("mode=rwc"));
    Ok(options.disable_statement_logging())
}

/// Makes the file for its owner only, as its messages are private.
fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    // Note: a file that is there is not opened. Closing it again would end all locks of SQLite that this
    // process holds on it (fcntl(2)).
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

async fn open_postgres(settings: &Settings) -> Answer<Opened> {
    install_default_drivers();
    let options = postgres_options(settings)?;
    let server = Server::new(options.clone());
    // The pool would go on asking.
    server.ask().await?;
    let millis = settings.timeout.as_millis();
    let pool = AnyPoolOptions::new()
        .max_connections(settings.connections)
        .acquire_timeout(settings.timeout)
        // A connection that was used just now is not asked first whether it is still there: each message
        // would go to the server and back once more.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > FRESH {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                // synchronous_commit could be off on the server or for the user.
                let set_up = format!(
                    "SET statement_timeout = {millis}; SET lock_timeout = {millis}; \
                     SET idle_in_transaction_session_timeout = 60000; SET synchronous_commit = on"
                );
                connection
                    .execute(sqlx::AssertSqlSafe(set_up))
                    .await
                    .map(|_| ())
            })
        })
        .connect_lazy_with(options);
    let pool = Pool::of_server(pool, server);
    migrate(&POSTGRES, &pool).await?;
    Ok(Opened {
        writer: Writer::start(&pool, settings.connections.clamp(1, POSTGRES_HANDS)),
        readers: pool.clone(),
        writers: pool,
        file: None,
    })
}

fn postgres_options(settings: &Settings) -> Answer<AnyConnectOptions> {
    let wrong = |why: String| StoreError::new(Trouble::Other, format!("quarantine.url: {why}"));
    let url = settings.url.as_deref().unwrap_or_default();
    // Never the text of the URL: there may be a password in it.
    let mut options: AnyConnectOptions =
        url.parse().map_err(|_| wrong("it is no URL".to_owned()))?;
    if !matches!(options.database_url.scheme(), "postgres" | "postgresql") {
        return Err(wrong("it must begin with postgres://".to_owned()));
    }
    if let Some(password) = &settings.password {
        let set = options.database_url.set_password(Some(password.expose()));
        set.map_err(|()| wrong("it has no host that a password could be for".to_owned()))?;
    }
    Ok(options.disable_statement_logging())
}

/// Brings the tables up to date.
async fn migrate(migrator: &Migrator, pool: &Pool) -> Answer<()> {
    let mut tries = 0;
    loop {
        tries += 1;
        let done = match pool.dialect {
            Dialect::Sqlite => migrate_alone(migrator, pool).await,
            // The driver itself takes a lock that the whole server knows.
            Dialect::Postgres => migrator.run(&pool.connections).await.map_err(unmigrated),
        };
        match done {
            // Another process may be at the same: a later look finds the work done.
            Err(_) if tries < MIGRATION_TRIES => tokio::time::sleep(MIGRATION_PAUSE).await,
            done => return done,
        }
    }
}

/// As the driver has no lock for SQLite, two processes that start at once would make each table twice:
/// whoever sees that something is missing looks again while nobody else can write.
async fn migrate_alone(migrator: &Migrator, pool: &Pool) -> Answer<()> {
    let applied = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM _sqlx_migrations")
        .fetch_one(&pool.connections)
        .await;
    let known = i64::try_from(migrator.iter().count()).unwrap_or(i64::MAX);
    if applied.is_ok_and(|applied| applied >= known) {
        return migrator.run(&pool.connections).await.map_err(unmigrated);
    }
    let mut transaction = pool.begin().await?;
    // `run` does not take a borrowed connection in a future that moves between threads.
    let direct = migrator.run_direct(None, &mut *transaction, false);
    direct.await.map_err(unmigrated)?;
    transaction.commit().await.map_err(trouble)
}

fn unmigrated(err: MigrateError) -> StoreError {
    match err {
        MigrateError::Execute(err) => trouble(err),
        MigrateError::VersionMissing(version) => StoreError::new(
            Trouble::Other,
            format!("the quarantine is of a newer callbluff (its schema has version {version})"),
        ),
        err => StoreError::new(
            Trouble::Other,
            format!("could not bring the tables up to date ({err})"),
        ),
    }
}
