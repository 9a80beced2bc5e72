//! Storing a message before the MTA hears that it may forget it.

use crate::engine::Judged;
use crate::milter::edit;
use crate::milter::judging::with_progress;
use crate::milter::session::{Message, Session};
use crate::policy::Plan;
use crate::quarantine::{NewEntry, StoredVerdict, wave_of};
use indymilter::EomActions;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tracing::error;

/// Stores a message for the recipients whose plan says so, and returns the entry's identifier.
/// `None` where the store could not take it: then nothing may be deleted or discarded.
pub(super) async fn store(
    session: &Session,
    message: &mut Message,
    judged: &Judged,
    plan: &Plan,
    actions: &EomActions,
) -> Option<String> {
    let shared = &session.shared;
    let guard = shared.quarantine.as_ref()?;
    // Some of its bytes never reached the spool: what is left is not the message.
    if message.failure.is_some() {
        return None;
    }
    let entry = new_entry(session, message, judged, plan);
    let progress = message.engine.config().milter.progress;
    let storing = guard.put(&entry, &mut message.spool);
    match with_progress(actions, progress, storing).await {
        Ok(stored) => {
            shared.metrics.stored(if stored.is_repeated {
                "repeated"
            } else {
                "new"
            });
            Some(stored.id)
        }
        Err(err) => {
            shared.metrics.stored(err.trouble.name());
            shared.metrics.failure("store");
            if let Some(more) = shared.unstored.sounds() {
                error!(
                    "{}: could not store the message in the quarantine ({err}); it gets the answer of on_error.store; {more} more since the last report",
                    message.id()
                );
            }
            None
        }
    }
}

fn new_entry(session: &Session, message: &Message, judged: &Judged, plan: &Plan) -> NewEntry {
    let now = Timestamp::now();
    let mut envelope = message.envelope.clone();
    let all = std::mem::take(&mut envelope.recipients);
    envelope.recipients = plan
        .store
        .iter()
        .filter_map(|&index| all.get(index).cloned())
        .collect();
    let header = judged.header.as_ref();
    let message_id = header.and_then(|header| header.first("Message-ID"));
    let verdict = StoredVerdict::from(&judged.verdict);
    let rule = plan
        .store
        .first()
        .and_then(|&index| plan.decisions.get(index)?.rule.clone());
    NewEntry {
        received_at: now,
        trace: trace(session, message, now),
        envelope,
        host: session.host().to_owned(),
        message_id: message_id.map(|id| id.trim().chars().take(998).collect()),
        subject: judged.subject.clone(),
        wave: wave_of(&verdict),
        verdict,
        rule,
    }
}

/// The `Received` field that the MTA adds itself and does not show to milters (RFC 5321, section 4.4).
fn trace(session: &Session, message: &Message, now: Timestamp) -> String {
    let client = &message.envelope.client;
    let ip = client.ip.map(|ip| format!(" [{ip}]")).unwrap_or_default();
    let id = message.envelope.queue_id.as_deref().unwrap_or_default();
    let date = rfc2822::to_string(&now.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default();
    let value = format!(
        "from {} ({}{ip}) by {} with SMTP id {id}; {date}",
        client.helo,
        client.name,
        session.host()
    );
    let value = edit::field_value(&value, "Received".len(), true).replace('\n', "\r\n");
    format!("Received:{value}\r\n")
}
