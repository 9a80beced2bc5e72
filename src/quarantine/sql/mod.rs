//! The store in SQL: SQLite and PostgreSQL, which differ in how they are opened and written to.

mod blocks;
mod change;
mod find;
mod group;
mod index;
mod lists;
mod open;
mod pool;
mod put;
mod read;
mod release;
mod retain;
mod statement;
mod writer;

use crate::quarantine::keys::MasterKeys;
use crate::quarantine::{
    Answer, Attempt, AuditRecord, Deed, Entry, Erased, Excess, Filter, ListRow, Listing,
    NewAttempt, NewEntry, Outcome, Page, Settings, State, Stats, Store, StoreError, Stored,
    Trouble, Wave,
};
use crate::spool::Spool;
use async_trait::async_trait;
use jiff::Timestamp;
use open::Opened;
use sqlx::pool::PoolConnection;
use sqlx::{Any, Transaction};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

/// Big messages that are stored at the same time; each takes a few MiB of memory.
const BIG_ONES: usize = 4;

/// A quarantine in an SQL database. It is opened when it is needed, and again when it was lost.
#[derive(Debug)]
pub(super) struct SqlStore {
    dialect: Dialect,
    /// The file of SQLite.
    file: PathBuf,
    settings: Settings,
    keys: Option<MasterKeys>,
    opened: Arc<Mutex<Option<Arc<Opened>>>>,
    big_ones: Semaphore,
}

impl SqlStore {
    /// A store that is not opened yet.
    pub(super) fn new(settings: &Settings, file: PathBuf, keys: Option<MasterKeys>) -> Self {
        Self {
            dialect: match settings.url {
                None => Dialect::Sqlite,
                Some(_) => Dialect::Postgres,
            },
            file,
            settings: settings.clone(),
            keys,
            opened: Arc::default(),
            big_ones: Semaphore::new(BIG_ONES),
        }
    }

    /// Something that must not take for ever.
    async fn timely<T>(&self, work: impl Future<Output = Answer<T>> + Send) -> Answer<T> {
        let wait = self.settings.timeout;
        timeout(wait, work).await.unwrap_or_else(|_| {
            Err(StoreError::new(
                Trouble::Late,
                format!("the quarantine did not answer within {} s", wait.as_secs()),
            ))
        })
    }

    /// A connection for reading.
    async fn reader(&self) -> Answer<PoolConnection<Any>> {
        let opened = self.opened().await?;
        opened.readers.acquire().await
    }

    /// A transaction for writing.
    async fn begin(&self) -> Answer<Transaction<'static, Any>> {
        let opened = self.opened().await?;
        opened.writers.begin().await
    }

    /// A transaction that changes what entries are found by; others that do the same wait for it.
    async fn begin_change(&self) -> Answer<Transaction<'static, Any>> {
        let mut transaction = self.begin().await?;
        blocks::hold(&mut transaction).await?;
        Ok(transaction)
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn put(&self, entry: &NewEntry, raw: &mut Spool) -> Answer<Stored> {
        self.store(entry, raw).await
    }

    async fn get(&self, id: &str) -> Answer<Entry> {
        self.timely(self.find_one(id)).await
    }

    async fn part(&self, id: &str, number: u32) -> Answer<Option<Vec<u8>>> {
        self.timely(self.read_part(id, number)).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Answer<Listing> {
        self.timely(self.find_page(filter, page)).await
    }

    async fn plan(&self, filter: &Filter, page: &Page) -> Answer<String> {
        self.timely(self.explain(filter, page)).await
    }

    async fn count(&self, filter: &Filter) -> Answer<u64> {
        self.timely(self.count_all(filter)).await
    }

    async fn set_state(&self, id: &str, from: &[State], to: State, deed: &Deed) -> Answer<()> {
        self.timely(self.change_state(id, from, to, deed)).await
    }

    async fn note(&self, ids: &[&str], deed: &Deed) -> Answer<()> {
        self.timely(self.note_deed(ids, deed)).await
    }

    async fn trail(&self, id: &str) -> Answer<Vec<AuditRecord>> {
        self.timely(self.read_trail(id)).await
    }

    async fn link(&self, id: &str, wave: Option<&str>, follows: Option<&str>) -> Answer<()> {
        self.timely(self.set_links(id, wave, follows)).await
    }

    async fn waves(&self, filter: &Filter, limit: u32) -> Answer<Vec<Wave>> {
        self.timely(self.find_waves(filter, limit)).await
    }

    async fn enqueue(&self, attempts: &[NewAttempt]) -> Answer<()> {
        self.timely(self.add_attempts(attempts)).await
    }

    async fn due(&self, now: Timestamp, lease: Duration, limit: u32) -> Answer<Vec<Attempt>> {
        self.timely(self.take_due(now, lease, limit)).await
    }

    async fn tried(&self, number: i64, outcome: &Outcome) -> Answer<()> {
        self.timely(self.set_outcome(number, outcome)).await
    }

    async fn attempts(&self, id: &str) -> Answer<Vec<Attempt>> {
        self.timely(self.read_attempts(id)).await
    }

    async fn expire(&self, excess: &Excess, deed: &Deed, limit: u32) -> Answer<u64> {
        self.timely(self.drop_excess(excess, deed, limit)).await
    }

    async fn forget(&self, before: Timestamp, limit: u32) -> Answer<u64> {
        self.timely(self.remove_traces(before, limit)).await
    }

    async fn erase(&self, recipient: &str, deed: &Deed, dry_run: bool) -> Answer<Erased> {
        self.erase_person(recipient, deed, dry_run).await
    }

    async fn stats(&self) -> Answer<Stats> {
        self.timely(self.read_stats()).await
    }

    async fn health(&self) -> Answer<()> {
        self.timely(self.check_health()).await
    }

    async fn rows(&self, list: &str) -> Answer<Vec<ListRow>> {
        self.timely(self.read_rows(list)).await
    }

    async fn set_row(&self, list: &str, key: &str, value: &str, now: Timestamp) -> Answer<()> {
        self.timely(self.write_row(list, key, value, now)).await
    }

    async fn remove_row(&self, list: &str, key: &str) -> Answer<bool> {
        self.timely(self.delete_row(list, key)).await
    }

    async fn add(&self, counter: &str, window: i64, amount: i64) -> Answer<i64> {
        self.timely(self.add_to_counter(counter, window, amount))
            .await
    }

    async fn close(&self) {
        if let Some(opened) = self.opened.lock().await.take() {
            opened.close().await;
        }
    }
}

/// The time of a column.
fn time(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or_default()
}
