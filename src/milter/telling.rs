//! Telling recipients whose mail lies in the quarantine: in place of it, or by a message of our own.

use crate::message::Address;
use crate::milter::Shared;
use crate::milter::session::Message;
use crate::notice::{self, Choice, Family, Original};
use crate::outbound::{self, Mail, MessageDigest, Pass};
use crate::policy::{Fate, Plan};
use indymilter::Actions;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use std::sync::Arc;
use std::time::Instant;
use tracing::{info, warn};

/// The most messages of our own on their way at once.
pub(super) const MAX_ON_THE_WAY: usize = 16;

/// Recipients, by index, who stay on the envelope only for a notice in place of their message.
pub(super) fn told(plan: &Plan) -> Vec<usize> {
    match plan.fate {
        Fate::Deliver => plan
            .store
            .iter()
            .copied()
            .filter(|index| !plan.remove.contains(index))
            .collect(),
        _ => Vec::new(),
    }
}

/// Who gets a notice in place of a message in the quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Those who were to get one, if any.
    AsPlanned,
    /// There were some, and all of them were told often enough today.
    NobodyAnyMore,
}

/// Leaves out who was told often enough today. Their mail stays in the quarantine.
pub(super) fn spare(shared: &Shared, message: &Message, plan: &mut Plan, agreed: Actions) -> Told {
    let per_day = message.engine.config().policy.notice.per_day;
    let recipients = &message.envelope.recipients;
    let is_allowed = |index: usize| {
        recipients
            .get(index)
            .is_some_and(|to| shared.told.allows(&to.text(), per_day, Instant::now()))
    };
    plan.notify.retain(|&index| is_allowed(index));
    let (stays, goes): (Vec<usize>, Vec<usize>) =
        told(plan).into_iter().partition(|&index| is_allowed(index));
    if goes.is_empty() {
        return Told::AsPlanned;
    }
    // Where single recipients cannot be taken off, nobody is told rather than somebody too often.
    if stays.is_empty() || !agreed.contains(Actions::DELETE_RCPT) {
        return Told::NobodyAnyMore;
    }
    plan.remove.extend(goes);
    Told::AsPlanned
}

/// Sends a message of our own to each recipient who is to be told apart, in the background.
///
/// Their mail is kept, so nothing is lost where this fails; it is tried once.
pub(super) fn tell_apart(shared: &Arc<Shared>, message: &Message, plan: &Plan, entry: &str) {
    let config = message.engine.config();
    let settings = &config.policy.notice;
    let Some(sender) = settings.sender.clone().filter(|_| settings.send) else {
        return;
    };
    for &index in &plan.notify {
        let recipient = message.envelope.recipients.get(index);
        let choice = plan
            .decisions
            .get(index)
            .and_then(|decision| decision.notice.clone());
        let (Some(recipient), Some(choice)) = (recipient.cloned(), choice) else {
            continue;
        };
        let id = message.id();
        let Ok(permit) = shared.telling.clone().try_acquire_owned() else {
            warn!(
                "{id}: a recipient is not told of entry {entry}: {MAX_ON_THE_WAY} notices are on their way already"
            );
            continue;
        };
        let letter = letter(&sender, &recipient, &choice, entry);
        let head = pass(message, &recipient, entry, &letter);
        let settings = outbound::Settings {
            next_hop: config.release.next_hop.clone(),
            command_timeout: config.release.timeout,
            end_timeout: config.release.timeout,
            ..outbound::Settings::default()
        };
        let (shared, entry) = (shared.clone(), entry.to_owned());
        tokio::spawn(async move {
            let mail = Mail {
                sender: &Address::default(),
                recipients: &[recipient],
                head: head.as_bytes(),
                message: &letter,
            };
            let outcome = outbound::send(&settings, &mail).await;
            match outcome.fates.first() {
                Some(outbound::Fate::Taken) => {
                    shared.metrics.notice_apart("apart");
                    info!("{id}: notice sent, entry={entry}");
                }
                Some(outbound::Fate::Deferred(why) | outbound::Fate::Refused(why)) => {
                    shared.metrics.notice_apart("apart-failed");
                    let why = crate::maillog::Escaped(why);
                    warn!(
                        "{id}: a recipient is not told of entry {entry} ({why}); it is not tried again"
                    );
                }
                None => {}
            }
            drop(permit);
        });
    }
}

/// A message of our own: header and body, lines ended by CRLF.
fn letter(sender: &str, recipient: &Address, choice: &Choice, entry: &str) -> Vec<u8> {
    let content = notice::compose(choice, Original::Entry(entry));
    let body = notice::replacement(&content, Family::Bluff, None);
    let date = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let date = rfc2822::to_string(&date).unwrap_or_default();
    let id = super::letter::message_id(
        format!("{entry} {recipient}").as_bytes(),
        &recipient.domain(),
    );
    // Note: the recipient's address is what a stranger wrote; it stands in the envelope, not here.
    let mut header = String::new();
    for (name, value) in [
        ("From", notice::mailbox(sender).as_str()),
        ("To", "undisclosed-recipients:;"),
        ("Subject", &notice::encoded(&content.subject)),
        ("Date", &date),
        ("Message-ID", &id),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
        ("Content-Type", &body.content_type),
        ("Content-Transfer-Encoding", body.transfer_encoding),
    ] {
        let value = super::edit::field_value(value, name.len(), true).replace('\n', "\r\n");
        header += &format!("{name}:{value}\r\n");
    }
    header += "\r\n";
    [header.as_bytes(), &body.bytes].concat()
}

/// The field by which our own filter knows our own mail; empty where none is wanted.
fn pass(message: &Message, recipient: &Address, entry: &str, letter: &[u8]) -> String {
    let release = &message.engine.config().release;
    if !release.pass {
        return String::new();
    }
    let valid = i64::try_from(release.valid.as_secs()).unwrap_or(i64::MAX);
    let pass = Pass {
        entry: entry.to_owned(),
        expires: Timestamp::now().as_second().saturating_add(valid),
        digest: MessageDigest::of(&[letter]),
    };
    pass.field(message.engine.keys(), std::slice::from_ref(recipient))
        .unwrap_or_default()
}
