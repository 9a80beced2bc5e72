//! What the service does for the quarantine by itself: releases that are due, waves, feedback.

use crate::maillog::{Alarm, Escaped};
use crate::metrics::Metrics;
use crate::milter::{CurrentEngine, Phase};
use crate::quarantine::{self, Answer, Courier, Done, Lookout, Progress, Store, Wave};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{error, info, warn};

/// How often the list of what is due is looked at.
const DELIVERY: Duration = Duration::from_secs(5);
/// How often new entries are linked to their waves, and the marks of reviewers are read.
const LOOK: Duration = Duration::from_secs(20);

/// Begins all errands; they end when the service does.
pub(super) fn begin(
    store: &Arc<dyn Store>,
    engine: &CurrentEngine,
    metrics: &Arc<Metrics>,
    phase: &watch::Receiver<Phase>,
) {
    tokio::spawn(deliver(
        store.clone(),
        engine.clone(),
        metrics.clone(),
        phase.clone(),
    ));
    tokio::spawn(look(
        store.clone(),
        engine.clone(),
        metrics.clone(),
        phase.clone(),
    ));
}

/// Sends releases until no new work may be begun.
async fn deliver(
    store: Arc<dyn Store>,
    engine: CurrentEngine,
    metrics: Arc<Metrics>,
    mut phase: watch::Receiver<Phase>,
) {
    let alarm = Alarm::default();
    loop {
        let had_work = match courier(&engine)
            .round(store.as_ref(), Timestamp::now())
            .await
        {
            Ok(done) => {
                done.iter().for_each(|one| tell(&metrics, one));
                !done.is_empty()
            }
            Err(why) => {
                if let Some(more) = alarm.sounds() {
                    error!(
                        "could not look for releases that are due ({why}); they wait; {more} more since the last report"
                    );
                }
                false
            }
        };
        let pause = if had_work { Duration::ZERO } else { DELIVERY };
        if ends(&mut phase, pause).await {
            return;
        }
    }
}

fn tell(metrics: &Metrics, done: &Done) {
    let (attempt, outcome) = (&done.attempt, &done.outcome);
    metrics.release(outcome.progress.name());
    let recipient = attempt.recipient.text();
    let (entry, to, reply) = (&attempt.entry, Escaped(&recipient), &outcome.reply);
    match outcome.progress {
        Progress::Sent => info!("entry {entry}: released to <{to}>: {reply}"),
        Progress::Waiting => info!(
            "entry {entry}: could not release to <{to}> now ({reply}); tried again after {}",
            outcome.next_try
        ),
        Progress::Failed => warn!(
            "entry {entry}: could not release to <{to}> ({reply}); it stays in the quarantine"
        ),
    }
}

/// Does the service end within this time?
async fn ends(phase: &mut watch::Receiver<Phase>, pause: Duration) -> bool {
    let ending = phase.wait_for(|phase| *phase > Phase::Serving);
    tokio::time::timeout(pause, ending).await.is_ok()
}

/// Who sends, by the config of the moment.
fn courier(engine: &CurrentEngine) -> Courier {
    let engine = engine.load();
    Courier::new(engine.config().release.clone(), engine.keys().clone())
}

/// Learns what reviewers of all hosts have said, links new entries, and sounds the alarm of waves.
async fn look(
    store: Arc<dyn Store>,
    engine: CurrentEngine,
    metrics: Arc<Metrics>,
    mut phase: watch::Receiver<Phase>,
) {
    let alarm = Alarm::default();
    let mut lookout = Lookout::new(Timestamp::now());
    loop {
        match look_once(store.as_ref(), &engine, &mut lookout).await {
            Ok(waves) => {
                for wave in waves {
                    metrics.wave_alarms.inc();
                    tell_wave(&engine, &wave).await;
                }
            }
            Err(why) => {
                if let Some(more) = alarm.sounds() {
                    warn!(
                        "could not look at new entries of the quarantine ({why}); {more} more since the last report"
                    );
                }
            }
        }
        if ends(&mut phase, LOOK).await {
            return;
        }
    }
}

async fn look_once(
    store: &dyn Store,
    engine: &CurrentEngine,
    lookout: &mut Lookout,
) -> Answer<Vec<Wave>> {
    let learned = quarantine::learned(store).await?;
    let engine = engine.load_full();
    if *engine.learned() != learned {
        engine.learn(learned);
        info!("took over what reviewers have said about entries of the quarantine");
    }
    let settings = engine.config().campaign.clone();
    lookout.round(store, &settings, Timestamp::now()).await
}

async fn tell_wave(engine: &CurrentEngine, wave: &Wave) {
    let settings = engine.load().config().campaign.clone();
    let minutes = settings.alarm_within.as_secs() / 60;
    let text = format!(
        "campaign {}: {} entries in the last {minutes} minutes, {} of them held",
        Escaped(&wave.name),
        wave.entries,
        wave.held
    );
    warn!("{text}; see  callbluff quarantine campaign show");
    let courier = courier(engine);
    let trouble = courier
        .notify(
            &settings.alarm_to,
            "A wave of extortion mail",
            &text,
            Timestamp::now(),
        )
        .await;
    for why in trouble {
        warn!("could not send the alarm to {why}");
    }
}
