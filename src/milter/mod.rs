//! The milter: what an MTA asks, and what it is told.

mod edit;
mod finish;
mod frames;
mod judging;
mod letter;
mod listener;
mod negotiate;
mod passage;
mod replies;
mod session;
mod storing;
mod telling;
mod wire;

pub use listener::Socket;

use crate::engine::Engine;
use crate::maillog::Alarm;
use crate::metrics::Metrics;
use crate::notice::Limit;
use crate::quarantine::Guard;
use crate::spool::SharedMemory;
use arc_swap::ArcSwap;
use listener::Listener;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;
use tokio::sync::{Semaphore, watch};

/// Bytes that all messages which are arriving hold together, beyond the first 16 KiB of each; more go to
/// their spool files early. One message may always have `limits.memory`.
const ARRIVING: usize = 4 << 20;

/// The engine of the moment; a reload swaps it.
pub type CurrentEngine = Arc<ArcSwap<Engine>>;

/// What the service is about to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Serve.
    #[default]
    Serving,
    /// Take no new connections, and end each one after its message.
    Draining,
    /// End all connections.
    Ending,
}

/// What all sessions share.
#[derive(Debug)]
struct Shared {
    engine: CurrentEngine,
    metrics: Arc<Metrics>,
    /// KiB of messages that may be in memory for judging.
    budget: Semaphore,
    budget_kib: u32,
    /// What messages that are arriving may hold beyond the first bytes of each.
    arriving: Arc<SharedMemory>,
    /// Number of the last connection, for the log.
    connections: AtomicU64,
    failing: Alarm,
    lacking: Alarm,
    undecoded: Alarm,
    /// Where messages are kept; without one they are held.
    quarantine: Option<Arc<Guard>>,
    unstored: Alarm,
    /// How often recipients were told about mail in the quarantine.
    told: Limit,
    /// Notices of our own that may be on their way.
    telling: Arc<Semaphore>,
}

/// Serves MTAs on all sockets, until the phase is [`Phase::Ending`].
///
/// # Errors
///
/// None at present: errors of single connections do not reach the others.
pub async fn serve(
    sockets: Vec<Socket>,
    engine: CurrentEngine,
    metrics: Arc<Metrics>,
    quarantine: Option<Arc<Guard>>,
    mut phase: watch::Receiver<Phase>,
) -> io::Result<()> {
    let config = engine.load().config().clone();
    let (listener, mut acceptors) = Listener::start(sockets, &config.milter, &metrics, &phase);
    let budget_kib = u32::try_from(config.limits.inspect_total >> 10).unwrap_or(u32::MAX);
    let memory = usize::try_from(config.limits.memory).unwrap_or(usize::MAX);
    let arriving = ARRIVING.max(memory);
    let shared = Arc::new(Shared {
        engine,
        metrics,
        budget: Semaphore::new(budget_kib as usize),
        budget_kib,
        arriving: Arc::new(SharedMemory::new(arriving)),
        connections: AtomicU64::new(0),
        failing: Alarm::default(),
        lacking: Alarm::default(),
        undecoded: Alarm::default(),
        quarantine,
        unstored: Alarm::default(),
        told: Limit::new(Instant::now()),
        telling: Arc::new(Semaphore::new(telling::MAX_ON_THE_WAY)),
    });
    let settings = indymilter::Config {
        // The listener keeps the limit, since it can say so.
        max_connections: Semaphore::MAX_PERMITS,
        connection_timeout: config.milter.connection_timeout,
        ..Default::default()
    };
    let shutdown = async {
        // Where nobody can ask for the end any more, it has come.
        let _ = phase.wait_for(|phase| *phase == Phase::Ending).await;
    };
    let result = indymilter::run(listener, session::callbacks(&shared), settings, shutdown).await;
    // Wait for them: socket files are removed when the tasks are gone.
    acceptors.shutdown().await;
    result
}
