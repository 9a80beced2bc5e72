//! Judging a message: the wait for memory, our own failures, and what the MTA hears meanwhile.

use crate::engine::Judged;
use crate::milter::Shared;
use crate::milter::session::Message;
use indymilter::{ContextActions as _, EomActions};
use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tracing::error;

/// How long a message waits for memory before only its beginning is judged.
const BUDGET_WAIT: Duration = Duration::from_secs(5);

/// Judges a message; whatever goes wrong, there is a verdict.
pub(super) async fn judge(
    shared: &Shared,
    message: &mut Message,
    failure: &mut Option<&'static str>,
) -> Judged {
    let limits = &message.engine.config().limits;
    let inspect = usize::try_from(limits.inspect).unwrap_or(usize::MAX);
    let few = usize::try_from(limits.memory).unwrap_or(usize::MAX);
    let length = usize::try_from(message.spool.len()).unwrap_or(usize::MAX);
    let mut held = None;
    let raw = match message.spool.in_memory() {
        Some(bytes) => Ok(Cow::Borrowed(&bytes[..length.min(inspect)])),
        None => {
            let wanted = length.min(inspect);
            let kib = u32::try_from(wanted >> 10).unwrap_or(u32::MAX);
            let permits = shared
                .budget
                .acquire_many(kib.clamp(1, shared.budget_kib.max(1)));
            held = timeout(BUDGET_WAIT, permits)
                .await
                .ok()
                .and_then(Result::ok);
            let limit = if held.is_some() {
                wanted
            } else {
                few.min(wanted)
            };
            message.spool.read_back(limit).await.map(Cow::Owned)
        }
    };
    let result = match raw {
        Ok(raw) => {
            let is_truncated = raw.len() < length;
            if is_truncated {
                shared.metrics.limit(if held.is_some() {
                    "inspect"
                } else {
                    "inspect_total"
                });
            }
            match raw {
                Cow::Borrowed(raw) => {
                    let judging = message.engine.judge(&message.envelope, raw, is_truncated);
                    caught(judging).await
                }
                // Judging holds up its task: a big message has one of its own, so that the MTA
                // hears of progress meanwhile.
                Cow::Owned(raw) => {
                    let engine = message.engine.clone();
                    let envelope = message.envelope.clone();
                    let judging =
                        async move { caught(engine.judge_big(&envelope, raw, is_truncated)).await };
                    tokio::spawn(judging).await.ok().flatten()
                }
            }
            .ok_or("panic")
        }
        Err(_) => Err("read"),
    };
    drop(held);
    result.unwrap_or_else(|kind| {
        *failure = Some(kind);
        shared.metrics.failure(kind);
        if let Some(more) = shared.failing.sounds() {
            let what = match kind {
                "read" => "could not read the message back from its spool file",
                _ => "could not judge the message (a bug in callbluff; please report it)",
            };
            let id = message.id();
            error!("{id}: {what}; it gets the answer of on_error.internal; {more} more failures since the last report");
        }
        Judged::failed()
    })
}

/// Waits for some work, and tells the MTA now and then that it goes on.
pub(super) async fn with_progress<T>(
    actions: &EomActions,
    every: Duration,
    work: impl Future<Output = T>,
) -> T {
    let telling = async {
        loop {
            sleep(every).await;
            if actions.progress().await.is_err() {
                // Who has hung up is told no more; the work is bounded.
                return std::future::pending::<Infallible>().await;
            }
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        never = telling => match never {},
    }
}

/// The result of a future; `None` where it panicked.
async fn caught<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}
