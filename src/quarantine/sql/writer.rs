//! Group commit: messages that wait together reach the disk together.

use crate::quarantine::sql::Dialect;
use crate::quarantine::sql::open::begin;
use crate::quarantine::sql::put::Prepared;
use crate::quarantine::sql::statement::trouble;
use crate::quarantine::{Answer, StoreError, Stored, Trouble};
use sqlx::AnyPool;
use tokio::sync::{mpsc, oneshot};

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

/// The one that writes, where the database has room for only one.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
}

impl Writer {
    /// Begins to write; it ends with the last sender.
    pub(super) fn start(pool: AnyPool) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(write(jobs, pool));
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

async fn write(mut jobs: mpsc::Receiver<Job>, pool: AnyPool) {
    while let Some(first) = jobs.recv().await {
        let mut bytes = first.entry.bytes();
        let mut batch = vec![first];
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Ok(job) = jobs.try_recv() else { break };
            bytes += job.entry.bytes();
            batch.push(job);
        }
        // Who does not wait any more has told the client to come again.
        batch.retain(|job| !job.done.is_closed());
        match commit(&pool, &batch).await {
            Ok(all) => {
                for (job, stored) in batch.into_iter().zip(all) {
                    let _ = job.done.send(Ok(stored));
                }
            }
            // Only one of them may be to blame.
            Err(err) if err.trouble == Trouble::Other && batch.len() > 1 => {
                for job in batch {
                    let alone = std::slice::from_ref(&job);
                    let answer = commit(&pool, alone).await;
                    let stored = answer.and_then(|mut all| {
                        all.pop()
                            .ok_or_else(|| StoreError::new(Trouble::Other, "nothing was stored"))
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

async fn commit(pool: &AnyPool, batch: &[Job]) -> Answer<Vec<Stored>> {
    let mut transaction = begin(pool, Dialect::Sqlite).await?;
    let mut all = Vec::with_capacity(batch.len());
    for job in batch {
        all.push(job.entry.insert(&mut transaction).await?);
    }
    transaction.commit().await.map_err(trouble)?;
    Ok(all)
}
