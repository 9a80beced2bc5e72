//! The end of a message: judge, decide, carry out, log.

use crate::classify::Verdict;
use crate::config::Fallback;
use crate::decoder::Trouble;
use crate::engine::Judged;
use crate::maillog::{Escaped, Line};
use crate::message::Address;
use crate::milter::Shared;
use crate::milter::edit;
use crate::milter::judging::{judge, with_progress};
use crate::milter::letter::Letter;
use crate::milter::passage;
use crate::milter::session::{Message, Session};
use crate::milter::telling::Told;
use crate::milter::{storing, telling};
use crate::notice::{self, Form};
use crate::policy::{Combine, Decision, Disposition, Fate, Mode, Plan, Reply};
use indymilter::{
    ActionError, Actions, ContextActions as _, EomActions, SetErrorReply as _, SmtpReply, Status,
};
use std::borrow::Cow;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use tracing::{debug, info, warn};

/// Finishes a message and says what the MTA is to hear.
///
/// Design note: the answer to a message that goes on is Continue, never Accept: indymilter takes
/// Accept for the end of more than the message.
pub(super) async fn finish(
    session: &Session,
    mut message: Message,
    actions: &EomActions,
    reply: &mut SmtpReply,
) -> Status {
    let start = Instant::now();
    let shared = &session.shared;
    shared.metrics.message_bytes.inc_by(message.size);
    if let Some(reason) = message.trusted.take() {
        shared.metrics.trusted.inc();
        let _ = message.passes.strip(actions, session.agreement).await;
        log(&message, None, &Done::nothing(&reason), start);
        return Status::Continue;
    }
    shared
        .metrics
        .spool_bytes
        .inc_by(message.spool.file_bytes());
    if let Some(entry) = passage::check(shared, &mut message).await {
        if let Err(err) = message.passes.strip(actions, session.agreement).await {
            debug!("{}: could not take the pass off ({err})", message.id());
        }
        let reason = format!("release:{entry}");
        log(&message, None, &Done::nothing(&reason), start);
        return Status::Continue;
    }
    let mut failure = message.failure;
    let judged = match failure {
        None => {
            let engine = message.engine.clone();
            let judging = judge(shared, &mut message, &mut failure);
            let judged = with_progress(actions, engine.config().milter.progress, judging).await;
            shared.metrics.decoder(&engine.take_decoder_counts());
            shared.metrics.dns(&engine.take_dns_counts());
            judged
        }
        Some(_) => Judged::failed(),
    };
    shared.metrics.verdict(&judged.verdict);
    if let Some(trouble) = &judged.trouble {
        tell_trouble(shared, &message, trouble);
    }
    let planning = || {
        message
            .engine
            .plan(&message.envelope, &judged, message.size)
    };
    let plan = catch_unwind(AssertUnwindSafe(planning)).unwrap_or_else(|_| {
        failure = Some("panic");
        shared.metrics.failure("panic");
        unplanned(&message)
    });
    let Answer {
        mut act,
        mut plan,
        mut reason,
    } = settle(session, &message, plan, failure);
    let agreed = session.agreement.actions;
    let mut entry = None;
    // Stored first: once the MTA hears of a deletion or discard it forgets the message, and ours is
    // the only copy.
    if !plan.store.is_empty() && matches!(act, Act::Deliver | Act::Discard) {
        entry = storing::store(session, &mut message, &judged, &plan, actions).await;
        if entry.is_none() {
            reason = Some("not stored");
            (act, plan) = unstored(&message, plan);
        }
    }
    for decision in &plan.decisions {
        shared.metrics.disposition(decision.disposition);
    }
    let mut in_place_of = None;
    if let Some(entry) = &entry {
        if telling::spare(shared, &message, &mut plan, agreed) == Told::NobodyAnyMore {
            reason = reason.or(Some("told often enough today"));
            act = Act::Discard;
        } else if !telling::told(&plan).is_empty() {
            in_place_of = Some(entry.as_str());
        }
        telling::tell_apart(shared, &message, &plan, entry);
    }
    let mut letter = None;
    // A held message is the MTA's: a notice in its body would be all that is left of it.
    if let Some(choice) = plan.notice.as_ref().filter(|_| act == Act::Deliver) {
        let written = Letter::write(shared, &mut message, choice, in_place_of, agreed).await;
        reason = reason.or(written.reason);
        if in_place_of.is_some() && written.body.is_none() {
            // What is in the quarantine must not arrive as it is.
            act = Act::Discard;
        } else {
            shared.metrics.notice(written.form);
            letter = Some(written);
        }
    }
    let status = match act {
        Act::Deliver | Act::Hold => {
            let edits = Edits {
                message: &message,
                verdict: &judged.verdict,
                plan: &plan,
                letter: letter.as_ref(),
                entry: entry.as_deref(),
                holds: act == Act::Hold,
                agreed,
                keeps_space: session.agreement.keeps_space(),
            };
            if let Err(err) = edits.send(actions).await {
                debug!(
                    "{}: could not tell the MTA what to do ({err})",
                    message.id()
                );
                // Nor must it arrive where only half of the changes were made.
                match in_place_of {
                    Some(_) => Status::Discard,
                    None => Status::Continue,
                }
            } else {
                Status::Continue
            }
        }
        Act::Discard => Status::Discard,
        Act::Reject(ref text) => refuse(reply, text, Status::Reject),
        Act::Defer(ref text) => refuse(reply, text, Status::Tempfail),
    };
    shared.metrics.latency(start.elapsed());
    let done = Done {
        decisions: &plan.decisions,
        reason,
        entry: entry.as_deref(),
        notice: letter.as_ref().map(|letter| letter.form.name()),
        copies: match act {
            Act::Deliver => plan.copies.len(),
            _ => 0,
        },
    };
    log(&message, Some(&judged), &done, start);
    status
}

/// What is carried out in the end.
struct Answer {
    act: Act,
    plan: Plan,
    /// Why it is something else than was decided, for the log.
    reason: Option<&'static str>,
}

/// Fits a plan to our own failures and to what the MTA can do.
fn settle(
    session: &Session,
    message: &Message,
    mut plan: Plan,
    failure: Option<&'static str>,
) -> Answer {
    let config = message.engine.config();
    let mut act = Act::of(&plan, session.shared.quarantine.is_some());
    let mut reason = failure;
    let is_mixed = !plan.store.is_empty() && plan.store.len() < plan.decisions.len();
    if act == Act::Hold && is_mixed {
        reason = reason.or(Some("held for all recipients"));
    }
    if let Some(kind) = failure {
        let fallback = match kind {
            "spool" => config.on_error.spool,
            _ => config.on_error.internal,
        };
        if fallback == Fallback::Defer && config.policy.mode == Mode::Enforce {
            act = Act::Defer(failed_reply());
            set_all(&mut plan, Disposition::Defer);
        }
    }
    if act == Act::Hold && !session.agreement.actions.contains(Actions::QUARANTINE) {
        reason = Some("the MTA offers no hold");
        tell_lacking(&session.shared, message);
        if config.on_error.store == Fallback::Defer {
            act = Act::Defer(failed_reply());
            set_all(&mut plan, Disposition::Defer);
        } else {
            act = Act::Deliver;
            set_all(&mut plan, Disposition::Tag);
            plan.add_headers = plan.decisions.iter().any(|decision| decision.add_headers);
        }
    }
    let lacks_deletion = !session.agreement.actions.contains(Actions::DELETE_RCPT);
    if act == Act::Deliver && !plan.store.is_empty() && !plan.remove.is_empty() && lacks_deletion {
        reason = Some("the MTA lets nobody change recipients");
        tell_lacking(&session.shared, message);
        (act, plan) = unstored(message, plan);
    }
    if act == Act::Deliver && !plan.copies.is_empty() {
        let needed = match plan.remove[..] {
            [] => Actions::ADD_RCPT,
            _ => Actions::ADD_RCPT | Actions::DELETE_RCPT,
        };
        if !session.agreement.actions.contains(needed) {
            reason = Some("the MTA lets nobody change recipients");
            tell_lacking(&session.shared, message);
            if config.on_error.store == Fallback::Defer {
                act = Act::Defer(failed_reply());
                set_all(&mut plan, Disposition::Defer);
            } else {
                plan.copies.clear();
                if plan.remove.len() == plan.decisions.len() {
                    act = Act::Discard;
                }
            }
        }
    }
    Answer { act, plan, reason }
}

/// What is done with a message that should have been stored and was not.
fn unstored(message: &Message, mut plan: Plan) -> (Act, Plan) {
    if message.engine.config().on_error.store == Fallback::Defer {
        set_all(&mut plan, Disposition::Defer);
        return (Act::Defer(failed_reply()), plan);
    }
    set_all(&mut plan, Disposition::Tag);
    plan.add_headers = plan.decisions.iter().any(|decision| decision.add_headers);
    (Act::Deliver, plan)
}

fn tell_lacking(shared: &Shared, message: &Message) {
    shared.metrics.failure("action");
    if let Some(more) = shared.lacking.sounds() {
        warn!(
            "{}: could not hold the message or change its recipients (the MTA does not offer it to milters); it gets the answer of on_error.store; {more} more since the last report",
            message.id()
        );
    }
}

/// The plan for a message that could not be decided about: through, with our headers.
fn unplanned(message: &Message) -> Plan {
    let decision = Decision {
        add_headers: true,
        ..Decision::accept("panic")
    };
    let decisions = vec![decision; message.envelope.recipients.len()];
    Plan::join(decisions, Combine::Split)
}

fn tell_trouble(shared: &Shared, message: &Message, trouble: &Trouble) {
    shared.metrics.failure("decoder");
    if let Some(more) = shared.undecoded.sounds() {
        warn!(
            "{}: a PDF or picture was not read to its end ({trouble}); the message is judged by what was read; {more} more since the last report",
            message.id()
        );
    }
}

/// What is done with the message as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    Deliver,
    Hold,
    Discard,
    Reject(Reply),
    Defer(Reply),
}

impl Act {
    /// Design note: without a store, what belongs in it is held, for all recipients, and
    /// nobody is taken off the envelope: no recipient may lose a message that is kept nowhere.
    fn of(plan: &Plan, has_store: bool) -> Self {
        match &plan.fate {
            Fate::Reject(reply) => Self::Reject(reply.clone()),
            Fate::Defer(reply) => Self::Defer(reply.clone()),
            Fate::Hold => Self::Hold,
            Fate::Discard | Fate::Deliver if !plan.store.is_empty() && !has_store => Self::Hold,
            Fate::Discard if !plan.decisions.is_empty() => Self::Discard,
            Fate::Discard | Fate::Deliver => Self::Deliver,
        }
    }
}

fn failed_reply() -> Reply {
    Reply::new(451, "4.3.0", "Temporary failure, try again later").expect("the text is plain")
}

fn set_all(plan: &mut Plan, disposition: Disposition) {
    for decision in &mut plan.decisions {
        decision.disposition = disposition;
    }
    plan.store.clear();
    plan.notice = None;
    plan.notify.clear();
    plan.copies.clear();
    plan.remove.clear();
}

fn refuse(reply: &mut SmtpReply, text: &Reply, status: Status) -> Status {
    let code = text.code().to_string();
    let lines = [edit::reply_text(text)];
    if reply
        .set_error_reply(&code, Some(text.enhanced()), lines)
        .is_err()
    {
        debug!("the reply \"{text}\" cannot be sent; the MTA uses its own");
    }
    status
}

/// The changes to a message that goes on.
struct Edits<'a> {
    message: &'a Message,
    verdict: &'a Verdict,
    plan: &'a Plan,
    letter: Option<&'a Letter<'a>>,
    entry: Option<&'a str>,
    holds: bool,
    agreed: Actions,
    keeps_space: bool,
}

impl Edits<'_> {
    async fn send(&self, actions: &EomActions) -> Result<(), ActionError> {
        // Deletions first: their indices count the fields of the message as it was received.
        if self.agreed.contains(Actions::CHANGE_HEADER) {
            for (name, index) in self.message.forged.deletions() {
                let name = String::from_utf8_lossy(name).into_owned();
                actions.change_header(name, index, None::<String>).await?;
            }
        }
        match self.letter {
            Some(letter) if letter.body.is_some() => self.change_fields(letter, actions).await?,
            _ => self.prefix_subject(actions).await?,
        }
        if self.agreed.contains(Actions::ADD_HEADER) {
            let mut headers: Vec<(&str, Cow<'_, str>)> = Vec::new();
            // A quarantined message is only held, and so leaves with our headers in the end.
            let is_marked = self.plan.add_headers
                || self.holds && self.plan.decisions.iter().any(|d| d.add_headers)
                || self.message.forged.is_flood();
            if is_marked {
                let own = edit::own_headers(self.verdict);
                headers.extend(own.into_iter().map(|(name, value)| (name, value.into())));
                if let Some(entry) = self.entry {
                    headers.push(("X-Callbluff-Entry", entry.into()));
                }
            }
            if let Some(letter) = self.letter {
                let advice = notice::encoded(&letter.advice);
                headers.push(("X-Callbluff-Notice", advice.into()));
            }
            for (name, value) in &self.plan.headers {
                if edit::is_field_name(name) {
                    headers.push((name, value.into()));
                }
            }
            // Index 1 is right below the MTA's own Received; each pushes the ones before it down.
            for (name, value) in headers.into_iter().rev() {
                let value = edit::field_value(&value, name.len(), self.keeps_space);
                actions.insert_header(1, name.to_owned(), value).await?;
            }
        }
        if !self.holds {
            self.change_recipients(actions).await?;
        }
        if let Some(letter) = self.letter
            && let Some(body) = &letter.body
        {
            // Note: nothing may come between the pieces of a body, or Postfix gives up the message.
            actions.replace_body(&body.bytes).await?;
        }
        if self.holds {
            let reason = edit::hold_reason(self.plan, self.verdict);
            actions.quarantine(reason).await?;
        }
        Ok(())
    }

    /// Puts the fields of a notice in place of those of the message.
    async fn change_fields(
        &self,
        letter: &Letter<'_>,
        actions: &EomActions,
    ) -> Result<(), ActionError> {
        let fields = &self.message.fields;
        for (name, index) in letter.deletions(fields) {
            let name = String::from_utf8_lossy(name).into_owned();
            actions.change_header(name, index, None::<String>).await?;
        }
        for (name, value) in &letter.fields {
            let value = edit::field_value(value, name.len(), self.keeps_space);
            if fields.has(&name.to_ascii_lowercase()) {
                actions.change_header(*name, 1, Some(value)).await?;
            } else {
                actions.add_header(*name, value).await?;
            }
        }
        // Whatever answers by itself, an absence note or a bounce, must not answer whoever threatens.
        if letter.form == Form::Replace && self.agreed.contains(Actions::CHANGE_SENDER) {
            actions.change_sender("<>", None::<String>).await?;
        }
        Ok(())
    }

    async fn change_recipients(&self, actions: &EomActions) -> Result<(), ActionError> {
        if self.agreed.contains(Actions::DELETE_RCPT) {
            for &index in &self.plan.remove {
                let recipient = self.message.envelope.recipients.get(index);
                let address = recipient.map_or(&b""[..], Address::as_bytes);
                let address = CString::new([b"<", address, b">"].concat()).unwrap_or_default();
                actions.delete_recipient(address).await?;
            }
        }
        if self.agreed.contains(Actions::ADD_RCPT) {
            for copy in &self.plan.copies {
                actions.add_recipient(format!("<{copy}>")).await?;
            }
        }
        Ok(())
    }

    async fn prefix_subject(&self, actions: &EomActions) -> Result<(), ActionError> {
        let Some(prefix) = &self.plan.subject_prefix else {
            return Ok(());
        };
        let old = self.message.subject.as_ref().map(|value| value.as_bytes());
        let new = edit::prefixed_subject(prefix, old.unwrap_or_default(), self.keeps_space);
        match old {
            Some(_) if self.agreed.contains(Actions::CHANGE_HEADER) => {
                let value = CString::new(new).unwrap_or_default();
                actions.change_header("Subject", 1, Some(value)).await
            }
            None if self.agreed.contains(Actions::ADD_HEADER) => {
                let value = CString::new(new).unwrap_or_default();
                actions.insert_header(1, "Subject", value).await
            }
            _ => Ok(()),
        }
    }
}

impl Message {
    /// The queue ID, safe for the log.
    pub(super) fn id(&self) -> String {
        Escaped(self.envelope.queue_id.as_deref().unwrap_or_default()).to_string()
    }
}

/// What was done with a message in the end, for the log.
struct Done<'a> {
    decisions: &'a [Decision],
    reason: Option<&'a str>,
    entry: Option<&'a str>,
    notice: Option<&'a str>,
    copies: usize,
}

impl<'a> Done<'a> {
    /// It went on unchanged.
    fn nothing(reason: &'a str) -> Self {
        Self {
            decisions: &[],
            reason: Some(reason),
            entry: None,
            notice: None,
            copies: 0,
        }
    }
}

fn log(message: &Message, judged: Option<&Judged>, done: &Done<'_>, start: Instant) {
    let line = Line {
        id: message.envelope.queue_id.as_deref().unwrap_or_default(),
        verdict: judged.map(|judged| &judged.verdict),
        decisions: done.decisions,
        reason: done.reason,
        entry: done.entry,
        notice: done.notice,
        copies: done.copies,
        decoder: judged
            .and_then(|judged| judged.trouble.as_ref())
            .map(Trouble::name),
        envelope: &message.envelope,
        size: message.size,
        delay: start.elapsed(),
    };
    info!("{line}");
}
