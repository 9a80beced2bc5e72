//! The milter: what an MTA asks, and what it is told.

mod edit;
mod finish;
mod listener;
mod negotiate;
mod session;
mod wire;

pub use listener::Socket;

use crate::engine::Engine;
use crate::maillog::Alarm;
use crate::metrics::Metrics;
use arc_swap::ArcSwap;
use listener::Listener;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{Semaphore, watch};

/// The engine of the moment; a reload swaps it.
pub type CurrentEngine = Arc<ArcSwap<Engine>>;

/// What all sessions share.
#[derive(Debug)]
struct Shared {
    engine: CurrentEngine,
    metrics: Arc<Metrics>,
    /// KiB of messages that may be in memory for judging.
    budget: Semaphore,
    budget_kib: u32,
    /// Number of the last connection, for the log.
    connections: AtomicU64,
    failing: Alarm,
    lacking: Alarm,
}

/// Serves MTAs on all sockets until `shutdown`; then sessions end after their current command.
///
/// When `drain` becomes true the sockets are closed, and each session ends after its message.
///
/// # Errors
///
/// None at present: errors of single connections do not reach the others.
pub async fn serve(
    sockets: Vec<Socket>,
    engine: CurrentEngine,
    metrics: Arc<Metrics>,
    drain: watch::Receiver<bool>,
    shutdown: impl Future,
) -> io::Result<()> {
    let config = engine.load().config().clone();
    let listener = Listener::start(sockets, &config.milter, &metrics, &drain);
    let budget_kib = u32::try_from(config.limits.inspect_total >> 10).unwrap_or(u32::MAX);
    let shared = Arc::new(Shared {
        engine,
        metrics,
        budget: Semaphore::new(budget_kib as usize),
        budget_kib,
        connections: AtomicU64::new(0),
        failing: Alarm::default(),
        lacking: Alarm::default(),
    });
    let settings = indymilter::Config {
        // The listener keeps the limit, since it can say so.
        max_connections: Semaphore::MAX_PERMITS,
        connection_timeout: config.milter.connection_timeout,
        ..Default::default()
    };
    indymilter::run(listener, session::callbacks(&shared), settings, shutdown).await
}
