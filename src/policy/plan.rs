//! The decisions of all recipients, joined into what an MTA can do.

use crate::notice::{Choice, Form};
use crate::policy::{Decision, Disposition, Reply};

/// What becomes of a message whose recipients want different things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Combine {
    /// To each their own, as far as one SMTP transaction allows.
    #[default]
    Split,
    /// What the strictest wants is done for all.
    Strictest,
    /// What the most lenient wants is done for all.
    MostLenient,
}

/// What the MTA is told about the message as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Go on, for the recipients that are left.
    Deliver,
    /// Into the hold queue, for the recipients that are left.
    Hold,
    /// Refuse for good.
    Reject(Reply),
    /// Refuse for now.
    Defer(Reply),
    /// Say yes and forget it; nobody is left, whoever is to be stored is in `store`.
    Discard,
}

/// What the milter carries out, in this order: store, take recipients off, add headers, answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The last answer.
    pub fate: Fate,
    /// Recipients, by their index in the envelope, for whom it goes to the quarantine first.
    pub store: Vec<usize>,
    /// Recipients to take off the envelope (stored or discarded ones); empty where nobody stays.
    pub remove: Vec<usize>,
    /// Are our own headers added?
    pub add_headers: bool,
    /// Put before the subject.
    pub subject_prefix: Option<String>,
    /// Further headers as name and value, safe to send.
    pub headers: Vec<(String, String)>,
    /// What is told to those who stay, and how.
    pub notice: Option<Choice>,
    /// Recipients in `store`, by their index, who are told by a message of its own: others get this one.
    pub notify: Vec<usize>,
    /// Mailboxes to add to the envelope.
    pub copies: Vec<String>,
    /// What was decided for each recipient, in the order of the envelope, as it is carried out.
    pub decisions: Vec<Decision>,
}

impl Plan {
    /// Joins the decisions of all recipients.
    ///
    /// Hold, defer and reject are answers to a whole transaction. Under `split` they are given only
    /// where all recipients want the same; otherwise the message goes to the quarantine for those
    /// who want them, so that nobody decides for somebody else and nothing is lost.
    pub fn join(mut decisions: Vec<Decision>, combine: Combine) -> Self {
        // Capped and monitored recipients neither bend others nor are bent: otherwise a sender
        // could free all by adding postmaster@.
        let is_free = |decision: &Decision| !decision.is_capped && decision.would.is_none();
        let free = decisions.iter().filter(|decision| is_free(decision));
        let chosen = match combine {
            Combine::Split => None,
            Combine::Strictest => free.max_by_key(|decision| decision.disposition),
            Combine::MostLenient => free.min_by_key(|decision| decision.disposition),
        };
        if let Some(chosen) = chosen.cloned() {
            for decision in &mut decisions {
                if is_free(decision) && decision.disposition != chosen.disposition {
                    *decision = chosen.clone();
                }
            }
        }
        let is_mixed = decisions
            .windows(2)
            .any(|pair| pair[0].disposition != pair[1].disposition);
        if is_mixed {
            for decision in &mut decisions {
                let whole = decision.disposition;
                if matches!(
                    whole,
                    Disposition::Hold | Disposition::Defer | Disposition::Reject
                ) {
                    decision.disposition = Disposition::Quarantine;
                    decision.reply = None;
                    decision.reason += &format!("; {whole} is for whole messages only");
                }
            }
        }
        Self::carry_out(decisions)
    }

    fn carry_out(decisions: Vec<Decision>) -> Self {
        let indices = |wanted: &[Disposition]| -> Vec<usize> {
            decisions
                .iter()
                .enumerate()
                .filter(|(_, decision)| wanted.contains(&decision.disposition))
                .map(|(index, _)| index)
                .collect()
        };
        let store = indices(&[Disposition::Quarantine]);
        let mut gone = indices(&[Disposition::Quarantine, Disposition::Discard]);
        let copies = copies(&decisions);
        let is_read = gone.len() < decisions.len() || !copies.is_empty();
        let mut notify: Vec<usize> = store
            .iter()
            .copied()
            .filter(|&index| decisions[index].notice.is_some())
            .collect();
        let mut notice = if is_read {
            notice_beside(&decisions)
        } else {
            None
        };
        // Where nobody gets the message as it is, the notice takes its place, and no mail of our own is needed.
        if let Some(&first) = notify.first().filter(|_| !is_read) {
            notice = decisions[first].notice.clone();
            let (told, rest): (Vec<usize>, Vec<usize>) = notify
                .into_iter()
                .partition(|&index| decisions[index].notice == notice);
            gone.retain(|index| !told.contains(index));
            notify = rest;
        }
        let first = decisions.first();
        let fate = match first.map(|decision| decision.disposition) {
            Some(_) if gone.len() == decisions.len() && copies.is_empty() => Fate::Discard,
            Some(Disposition::Hold) => Fate::Hold,
            Some(Disposition::Reject) => Fate::Reject(
                first
                    .and_then(|d| d.reply.clone())
                    .unwrap_or_else(Reply::rejected),
            ),
            Some(Disposition::Defer) => Fate::Defer(
                first
                    .and_then(|d| d.reply.clone())
                    .unwrap_or_else(Reply::deferred),
            ),
            _ => Fate::Deliver,
        };
        let remove = if fate == Fate::Discard {
            Vec::new()
        } else {
            gone.clone()
        };
        let stays = |decision: &&Decision| {
            matches!(
                decision.disposition,
                Disposition::Accept | Disposition::Tag | Disposition::Hold
            )
        };
        let mut headers: Vec<(String, String)> = Vec::new();
        for decision in decisions.iter().filter(stays) {
            for header in &decision.headers {
                if !headers.contains(header) {
                    headers.push(header.clone());
                }
            }
        }
        Self {
            fate,
            store,
            remove,
            // Whoever gets a copy of a message that nobody else gets wants to know why.
            add_headers: decisions.iter().filter(stays).any(|d| d.add_headers)
                || notice.is_some()
                || (gone.len() == decisions.len() && !copies.is_empty()),
            // Design note: one recipient who wants the warning is enough. Otherwise a sender could
            // remove it for all by adding a recipient who does not.
            subject_prefix: decisions
                .iter()
                .filter(stays)
                .find_map(|decision| decision.subject_prefix.clone()),
            headers,
            notice,
            notify,
            copies,
            decisions,
        }
    }
}

/// The mailboxes that get the message, too, each once.
fn copies(decisions: &[Decision]) -> Vec<String> {
    let mut copies: Vec<String> = Vec::new();
    let is_answered = |decision: &&Decision| {
        !matches!(
            decision.disposition,
            Disposition::Hold | Disposition::Reject | Disposition::Defer
        )
    };
    for decision in decisions.iter().filter(is_answered) {
        if let Some(copy) = decision.copy.as_ref().filter(|copy| !copies.contains(copy)) {
            copies.push(copy.clone());
        }
    }
    copies
}

/// The notice for recipients who get the message: in the body only where all want the same there.
fn notice_beside(decisions: &[Decision]) -> Option<Choice> {
    let mut staying = decisions.iter().filter(|decision| {
        matches!(
            decision.disposition,
            Disposition::Accept | Disposition::Tag | Disposition::Hold
        )
    });
    let mut chosen = staying
        .clone()
        .find_map(|decision| decision.notice.clone())?;
    if !staying.all(|decision| decision.notice.as_ref() == Some(&chosen)) {
        // Nobody's mail is rewritten for somebody else's sake.
        chosen.form = Form::Header;
    }
    Some(chosen)
}
