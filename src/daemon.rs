//! The running service: sockets, signals, reload, the end.

mod control;
mod errands;
mod files;

pub use control::{Outcome, ask_reload};

use crate::config::{Config, LogFormat, LogLevel, LogSettings, MilterSettings, SocketAddress};
use crate::engine::Engine;
use crate::metrics::Metrics;
use crate::milter::{self, CurrentEngine, Phase, Socket};
use crate::outbound::Keys;
use crate::quarantine::{self, Guard};
use crate::web::{self, Readiness, Shown, WebListener};
use arc_swap::ArcSwap;
use control::{Asking, Control};
use files::Watch;
use sd_notify::NotifyState;
use std::fmt;
use std::fs::DirBuilder;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::panic;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, block_in_place};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::level_filters::LevelFilter;
use tracing::{error, info, warn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

const RELOADED: &str = "reloaded the config; it counts from the next message on";
const FAILED: &str = "could not reload the config; the old one goes on";
const NEEDS_RESTART: &str = "has changed in the config; that needs a restart";

/// Makes an engine from the config files as they are now.
pub type Load = dyn Fn() -> Result<Engine, String> + Send + Sync;

/// The signals that the service obeys, from when this is made.
#[derive(Debug)]
pub struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over. To be done before anybody is told that the service runs: until then
    /// SIGHUP ends the process.
    ///
    /// # Errors
    ///
    /// When the system does not allow it.
    pub fn new() -> Result<Self, String> {
        let take = |kind| signal(kind).map_err(|err| format!("could not wait for signals ({err})"));
        Ok(Self {
            hangup: take(SignalKind::hangup())?,
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
        })
    }
}

/// A service with its sockets open.
pub struct Daemon {
    engine: CurrentEngine,
    load: Box<Load>,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    sockets: Vec<SocketAddress>,
    web_address: Option<SocketAddr>,
    milter: JoinHandle<io::Result<()>>,
    phase: watch::Sender<Phase>,
}

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Daemon")
            .field("sockets", &self.sockets)
            .finish_non_exhaustive()
    }
}

impl Daemon {
    /// Opens all sockets and begins to serve. `load` is asked at each reload.
    ///
    /// # Errors
    ///
    /// When a socket cannot be opened: with what the admin can do.
    pub async fn start(engine: Engine, load: Box<Load>) -> Result<Self, String> {
        let config = engine.config().clone();
        make_spool(&config)?;
        let engine = with_keys(engine);
        let mut sockets = Socket::inherited()?;
        if sockets.is_empty() {
            for address in &config.milter.listen {
                sockets.push(Socket::open(address, &config.milter)?);
            }
        }
        if sockets.is_empty() {
            return Err("no milter socket is configured; set milter.listen".to_owned());
        }
        let metrics = Arc::new(Metrics::new());
        let readiness = Arc::new(Readiness::default());
        let mut web_address = None;
        if let Some(address) = config.http.listen {
            let listener = WebListener::open(address).await?;
            web_address = listener.address().ok();
            let shown = Shown {
                metrics: metrics.clone(),
                readiness: readiness.clone(),
            };
            // It ends with the process, so that the end can be watched too.
            tokio::spawn(web::serve(listener, shown, std::future::pending()));
        }
        let engine: CurrentEngine = Arc::new(ArcSwap::from_pointee(engine));
        let (phase, phases) = watch::channel(Phase::Serving);
        let addresses = sockets.iter().map(|s| s.address().clone()).collect();
        let quarantine = open_quarantine(&config, &metrics, &readiness)?;
        if let Some(guard) = &quarantine {
            errands::begin(guard.store(), &engine, &metrics, &phases);
        }
        let milter = milter::serve(sockets, engine.clone(), metrics.clone(), quarantine, phases);
        Ok(Self {
            engine,
            load,
            metrics,
            readiness,
            sockets: addresses,
            web_address,
            milter: tokio::spawn(milter),
            phase,
        })
    }

    /// Where MTAs can connect, with the ports that the system chose.
    pub fn sockets(&self) -> &[SocketAddress] {
        &self.sockets
    }

    /// Where health and metrics are served.
    pub fn web_address(&self) -> Option<SocketAddr> {
        self.web_address
    }

    /// The numbers of this service.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Builds a new engine and uses it from the next MAIL on; the old one stays where that fails. Gives
    /// the names of settings that have changed and need a restart.
    ///
    /// # Errors
    ///
    /// When the config does not load: with all that is wrong with it.
    pub fn reload(&self) -> Result<Vec<&'static str>, String> {
        match self.loaded() {
            Ok(mut engine) => {
                let old = self.engine.load();
                engine.inherit(&old);
                let waiting = needs_restart(old.config(), engine.config());
                for name in &waiting {
                    warn!("{name} {NEEDS_RESTART}");
                }
                self.engine.store(Arc::new(engine));
                self.metrics.reloads.inc();
                self.readiness.clear("reload");
                Ok(waiting)
            }
            Err(why) => {
                self.metrics.reloads_failed.inc();
                let first = why.lines().next().unwrap_or_default();
                self.readiness
                    .set("reload", format!("failed, the old config goes on: {first}"));
                Err(why)
            }
        }
    }

    fn loaded(&self) -> Result<Engine, String> {
        let engine = (self.load)()?;
        make_spool(engine.config())?;
        Ok(with_keys(engine))
    }

    /// Serves until SIGTERM or SIGINT. SIGHUP, `callbluff reload` and a changed map reload.
    ///
    /// # Errors
    ///
    /// When the milter ends by itself.
    pub async fn run(mut self, signals: Signals) -> Result<(), String> {
        let Signals {
            mut hangup,
            mut terminate,
            mut interrupt,
        } = signals;
        let state_dir = self.engine.load().config().state_dir.clone();
        let mut control = Control::open(&state_dir)
            .inspect_err(|why| warn!("`callbluff reload` cannot reach this service: {why}"))
            .ok();
        let mut watch = Watch::default();
        let mut ticks = interval(files::EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        notify(&[NotifyState::Ready]);
        loop {
            tokio::select! {
                _ = hangup.recv() => drop(self.reload_and_tell()),
                asking = asked(&mut control) => {
                    // Who does not wait any more has the log.
                    let _ = asking.send(self.reload_and_tell());
                }
                _ = ticks.tick() => {
                    let engine = self.engine.load_full();
                    if let Some(path) = watch.changed(&engine.config().maps) {
                        info!("the map \"{}\" has changed", path.display());
                        self.reload_and_tell();
                    }
                }
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                ended = &mut self.milter => return Err(why_ended(ended)),
            }
        }
        // Who asks from now on is told that nobody is there.
        drop(control);
        let again = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        notify(&[NotifyState::Stopping]);
        self.stop(again).await;
        Ok(())
    }

    fn reload_and_tell(&self) -> Outcome {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => notify(&[NotifyState::Reloading, now]),
            Err(_) => notify(&[NotifyState::Reloading]),
        }
        // It takes a while, and other tasks of this thread go on elsewhere.
        let outcome = match block_in_place(|| self.reload()) {
            Ok(waiting) => {
                info!("{RELOADED}");
                let notes = waiting
                    .iter()
                    .map(|name| format!("note: {name} {NEEDS_RESTART}\n"));
                Outcome {
                    is_done: true,
                    text: format!("{RELOADED}\n{}", notes.collect::<String>()),
                }
            }
            Err(why) => {
                error!("{FAILED}");
                for line in why.lines() {
                    error!("{line}");
                }
                Outcome {
                    is_done: false,
                    text: format!("{why}\n\n{FAILED}\n"),
                }
            }
        };
        notify(&[NotifyState::Ready]);
        outcome
    }

    /// Takes no new connections, lets running transactions finish for as long as `milter.drain`
    /// says or until `hurry`, and ends.
    pub async fn stop(self, hurry: impl Future) {
        let wait = self.engine.load().config().milter.drain;
        self.readiness.set("stopping", "no new connections");
        info!(
            "stopping: no new connections, running transactions have {} s to finish",
            wait.as_secs()
        );
        // Sockets are closed, and each connection ends when it is between two messages.
        let _ = self.phase.send(Phase::Draining);
        let drained = timeout(wait, self.metrics.all_closed());
        tokio::select! {
            drained = drained => if drained.is_err() {
                let left = self.metrics.connections.get();
                warn!("{left} connections did not finish in time; their clients will try again");
            },
            _ = hurry => warn!("stopping at once; clients in mid-message will try again"),
        }
        let _ = self.phase.send(Phase::Ending);
        let _ = self.milter.await;
        info!("stopped");
    }
}

/// How often a quarantine in trouble is asked whether it is well again.
const RECOVERY: Duration = Duration::from_secs(1);
/// How long messages do not wait for one that is away, unless it is found well before.
const AWAY: Duration = Duration::from_secs(5);
/// How often one that seems well is asked, so that trouble is known before a message comes.
const CHECK: Duration = Duration::from_secs(30);
/// How often old messages are dropped.
const EXPIRY: Duration = Duration::from_secs(5 * 60);

/// Opens the quarantine and looks after it: trouble, recovery and expiry.
///
/// A database that is not there yet does not stop the start: mail that needs it waits outside.
fn open_quarantine(
    config: &Config,
    metrics: &Arc<Metrics>,
    readiness: &Arc<Readiness>,
) -> Result<Option<Arc<Guard>>, String> {
    if !config.quarantine.enabled {
        return Ok(None);
    }
    let store = quarantine::open(&config.quarantine, &config.state_dir)
        .map_err(|err| format!("could not open the quarantine ({err})"))?;
    let guard = Arc::new(Guard::new(store, AWAY));
    tokio::spawn(watch_quarantine(guard.clone(), readiness.clone()));
    let settings = config.quarantine.clone();
    tokio::spawn(expire(guard.clone(), settings, metrics.clone()));
    Ok(Some(guard))
}

async fn watch_quarantine(guard: Arc<Guard>, readiness: Arc<Readiness>) {
    let mut trouble = guard.trouble();
    let mut was_bad = false;
    let _ = guard.check().await;
    loop {
        let now = trouble.borrow_and_update().clone();
        match &now {
            Some(err) => {
                readiness.set("quarantine", err.to_string());
                if !was_bad {
                    error!(
                        "the quarantine is in trouble ({err}); mail for it gets the answer of on_error.store"
                    );
                }
            }
            None => {
                readiness.clear("quarantine");
                if was_bad {
                    info!("the quarantine is well again");
                }
            }
        }
        let wait = match (was_bad, now.is_some()) {
            // It may have been that message's trouble alone, and meanwhile others are not even tried.
            (false, true) => Duration::ZERO,
            (true, true) => RECOVERY,
            (_, false) => CHECK,
        };
        was_bad = now.is_some();
        // A message that fails or goes well tells at once.
        if timeout(wait, trouble.changed()).await.is_err() {
            let _ = guard.check().await;
        }
    }
}

async fn expire(guard: Arc<Guard>, settings: quarantine::Settings, metrics: Arc<Metrics>) {
    let mut clock = tokio::time::interval(EXPIRY);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let store = &**guard.store();
        match quarantine::expire_all(store, &settings, jiff::Timestamp::now()).await {
            Ok(0) => {}
            Ok(gone) => {
                metrics.expired.inc_by(gone);
                info!("{gone} entries of the quarantine have expired");
            }
            Err(err) => warn!("could not drop old entries of the quarantine ({err})"),
        }
    }
}

/// Waits for somebody who asks for a reload.
async fn asked(control: &mut Option<Control>) -> Asking {
    match control {
        Some(control) => control.next().await,
        None => std::future::pending().await,
    }
}

/// Makes the folder for messages that are too big for memory.
fn make_spool(config: &Config) -> Result<(), String> {
    let folder = config.spool_dir();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|err| {
            format!(
                "could not make the folder \"{}\" for big messages ({err}); set state_dir to a folder that callbluff may write to",
                folder.display()
            )
        })
}

/// Gives an engine the keys that sign our own mail. Without them mail is filtered all the same.
fn with_keys(engine: Engine) -> Engine {
    match Keys::load_or_create(&engine.config().release_key_file()) {
        Ok(keys) => engine.with_keys(keys),
        Err(why) => {
            error!("{why}; released mail is judged again");
            engine
        }
    }
}

/// The settings that differ and are only looked at when the service starts.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let mut changed = Vec::new();
    if old.state_dir != new.state_dir {
        changed.push("state_dir");
    }
    let sockets = |config: &Config| MilterSettings {
        // They are looked at when they are needed.
        drain: Duration::ZERO,
        progress: Duration::ZERO,
        ..config.milter.clone()
    };
    if sockets(old) != sockets(new) {
        changed.push("[milter]");
    }
    if old.http != new.http {
        changed.push("[http]");
    }
    if old.quarantine != new.quarantine {
        changed.push("[quarantine]");
    }
    if old.log != new.log {
        changed.push("[log]");
    }
    if old.limits.inspect_total != new.limits.inspect_total {
        changed.push("limits.inspect_total");
    }
    changed
}

fn why_ended(ended: Result<io::Result<()>, tokio::task::JoinError>) -> String {
    match ended {
        Ok(Ok(())) => "the milter ended by itself".to_owned(),
        Ok(Err(err)) => format!("the milter failed ({err})"),
        Err(err) => format!("the milter failed ({err})"),
    }
}

/// Tells systemd, where there is one.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(err) = sd_notify::notify(states) {
        warn!("could not tell systemd about our state ({err})");
    }
}

/// Begins to log as configured. Once per process.
///
/// # Errors
///
/// When the journal is asked for and is not there.
pub fn start_log(settings: &LogSettings) -> Result<(), String> {
    let level = match settings.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let registry = tracing_subscriber::registry().with(level);
    let plain = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_writer(io::stderr);
    let set = match settings.format {
        LogFormat::Plain => registry.with(plain.with_ansi(false)).try_init(),
        LogFormat::Json => registry.with(plain.json().flatten_event(true)).try_init(),
        LogFormat::Journald => {
            let journal = tracing_journald::layer().map_err(|err| {
                format!("could not reach the systemd journal ({err}); set log.format to \"plain\"")
            })?;
            registry.with(journal).try_init()
        }
    };
    set.map_err(|err| format!("could not start the log ({err})"))?;
    // The text of a panic may quote the message that caused it: the place is enough for a report.
    panic::set_hook(Box::new(|info| match info.location() {
        Some(place) => error!("panic at {place}"),
        None => error!("panic at an unknown place"),
    }));
    Ok(())
}
