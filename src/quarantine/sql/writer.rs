//! Group commit: messages that wait together reach the disk together.

use crate::quarantine::sql::Dialect;
use crate::quarantine::sql::group::{insert_all, insert_at_once, insert_one};
use crate::quarantine::sql::index::Backlog;
use crate::quarantine::sql::pool::Pool;
use crate::quarantine::sql::put::Prepared;
use crate::quarantine::sql::statement::trouble;
use crate::quarantine::{Answer, StoreError, Stored, Trouble};
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Messages in one transaction, at most.
const BATCH: usize = 64;
/// Bytes in one transaction, about.
const BATCH_BYTES: usize = 8 << 20;
/// Messages that wait.
const QUEUE: usize = 256;

struct Job {
    entry: Prepared,
    done: oneshot::Sender<Answer<Stored>>,
}

/// Those that write: one where the database has room for only one.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
}

impl Writer {
    /// Begins to write, so many transactions at the same time; it ends with the last sender.
    pub(super) fn start(pool: &Pool, hands: u32) -> Self {
        let backlog = Backlog::start(pool);
        let (queue, jobs) = mpsc::channel(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..hands {
            tokio::spawn(write(jobs.clone(), pool.clone(), backlog.clone()));
        }
        Self { queue }
    }

    /// Stores an entry; the answer comes after the commit.
    pub(super) async fn store(&self, entry: Prepared) -> Answer<Stored> {
        let ended = || StoreError::new(Trouble::Unavailable, "the quarantine was closed");
        let (done, answer) = oneshot::channel();
        let job = Job { entry, done };
        self.queue.send(job).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

/// What waits, up to what goes into one transaction; `None` at the end.
///
/// It is 1 message, 2, 4, 8 …, so that there are few different statements, which the database has planned already.
async fn next_batch(jobs: &Mutex<mpsc::Receiver<Job>>) -> Option<Vec<Job>> {
    let mut jobs = jobs.lock().await;
    let first = jobs.recv().await?;
    let mut bytes = first.entry.bytes();
    let mut batch = vec![first];
    let most = 1 << (1 + jobs.len()).min(BATCH).ilog2();
    while batch.len() < most && bytes < BATCH_BYTES {
        let Ok(job) = jobs.try_recv() else { break };
        bytes += job.entry.bytes();
        batch.push(job);
    }
    Some(batch)
}

async fn write(jobs: Arc<Mutex<mpsc::Receiver<Job>>>, pool: Pool, backlog: Backlog) {
    while let Some(mut batch) = next_batch(&jobs).await {
        // Who does not wait any more has told the client to come again.
        batch.retain(|job| !job.done.is_closed());
        if batch.is_empty() {
            continue;
        }
        match commit(&pool, &batch).await {
            Ok(all) => {
                backlog.grow(all.len());
                for (job, stored) in batch.into_iter().zip(all) {
                    let _ = job.done.send(stored);
                }
            }
            // Only one of them may be to blame.
            Err(err) if err.trouble == Trouble::Other && batch.len() > 1 => {
                for job in batch {
                    let alone = std::slice::from_ref(&job);
                    let stored = commit(&pool, alone).await.and_then(|mut all| {
                        let nothing = || StoreError::new(Trouble::Other, "nothing was stored");
                        all.pop().ok_or_else(nothing)?
                    });
                    let _ = job.done.send(stored);
                }
            }
            Err(err) => {
                for job in batch {
                    let _ = job.done.send(Err(err.clone()));
                }
            }
        }
    }
}

async fn commit(pool: &Pool, batch: &[Job]) -> Answer<Vec<Answer<Stored>>> {
    let entries: Vec<&Prepared> = batch.iter().map(|job| &job.entry).collect();
    // Parts that are here before their entry take more than one statement.
    let is_whole = entries.iter().all(|entry| entry.part.is_some());
    if pool.dialect == Dialect::Postgres && is_whole {
        let mut connection = pool.acquire().await?;
        return insert_at_once(&mut connection, &entries).await;
    }
    if let ([entry], true) = (&entries[..], is_whole) {
        let mut connection = pool.acquire().await?;
        let stored = insert_one(&mut connection, entry).await;
        if stored.is_err() {
            // Note: the driver knows nothing of this transaction. To end the connection ends it, whatever went wrong.
            let _ = connection.close().await;
        }
        return Ok(vec![stored?]);
    }
    let mut transaction = pool.begin().await?;
    let all = insert_all(&mut transaction, &entries).await?;
    transaction.commit().await.map_err(trouble)?;
    Ok(all)
}
