//! The gates: what a message must say before its points count.
//!
//! Points alone do not suffice: honest mail of some kinds says many things that a threat says, but never
//! all that a threat needs. Gates look at which signals there are, never at their weights.

use crate::classify::model::{category, themes};
use crate::classify::{Category, Context, Kind, SEXTORTION, SUSPECT};
use std::collections::BTreeSet;

/// So many themes a message without a way to pay must touch to be suspect.
const THEMES_WITHOUT_PAYMENT: usize = 6;

/// The signals of one message.
#[derive(Debug)]
pub(crate) struct Told<'s>(BTreeSet<&'s str>);

impl<'s> Told<'s> {
    /// The signals with these identifiers.
    pub(crate) fn new(ids: impl IntoIterator<Item = &'s String>) -> Self {
        Self(ids.into_iter().map(String::as_str).collect())
    }

    fn has(&self, id: &str) -> bool {
        self.0.contains(id)
    }

    fn any(&self, ids: &[&str]) -> bool {
        ids.iter().any(|id| self.has(id))
    }

    fn speaks_of(&self, wanted: &[Category]) -> bool {
        self.of(wanted).next().is_some()
    }

    /// The signals of these categories.
    fn of<'a>(&'a self, wanted: &'a [Category]) -> impl Iterator<Item = &'s str> + 'a {
        self.0
            .iter()
            .copied()
            .filter(|id| category(id).is_some_and(|it| wanted.contains(&it)))
    }

    /// Signals of these categories that are no loose words.
    fn sure(&self, wanted: &[Category]) -> usize {
        self.of(wanted).filter(|id| !is_hint(id)).count()
    }

    fn themes(&self) -> usize {
        themes(self.0.iter().copied())
    }

    /// Is there a way to pay? Only beside one do hints count, which honest mail is full of.
    pub(crate) fn can_be_paid(&self) -> bool {
        self.speaks_of(&[Category::Wallet])
            || self.any(&["payment.voucher", "payment.bank", "payment.messenger"])
    }
}

fn is_hint(id: &str) -> bool {
    id.ends_with(".hint")
}

/// The most points that a message can have by who speaks and how much it speaks about such mail.
///
/// News, advice and victims quote whole threats, so that no weight of a guard could make up for the
/// points of the quotation. Two guards happen in a threat, three are a message about the crime.
pub(crate) fn by_context(context: Context, about: usize) -> f64 {
    match (context, about) {
        (Context::Direct, 0..=2) => f64::INFINITY,
        (Context::Quoted | Context::Forwarded, 0) => SEXTORTION - 0.1,
        _ => SUSPECT - 0.1,
    }
}

/// The most points that a message can have by what it lacks: extortion needs a lever and a demand.
pub(crate) fn by_signals(kind: Kind, told: &Told<'_>) -> f64 {
    let wants_money = told.speaks_of(&[Category::Demand, Category::Payment, Category::Wallet]);
    let levers = [
        Category::Exposure,
        Category::Recording,
        Category::Access,
        Category::Chat,
    ];
    // A hint alone is no lever, two of different themes are.
    let sure = told.sure(&levers);
    let hints = told.of(&levers).count() - sure;
    let is_violent = told.has("demand.violence");
    // Neither is a promise or a shame alone, but two of them are, where nothing was sold.
    let soft = [
        "access.hint",
        "recording.hint",
        "exposure.hint",
        "promise.delete",
        "demand.silence",
    ];
    let softs = soft.iter().filter(|id| told.has(id)).count()
        + usize::from(told.speaks_of(&[Category::Sexual]));
    let is_soft = softs >= 2 && !told.speaks_of(&[Category::Receipt]);
    if !wants_money || (sure == 0 && hints < 2 && !is_soft && !is_violent) {
        return SUSPECT - 0.1;
    }
    // Fiction, quarrels and reports name the deeds, but nowhere to send the money to.
    if !told.can_be_paid() && told.themes() < THEMES_WITHOUT_PAYMENT {
        return SUSPECT - 0.1;
    }
    // A family that met on a video call and shares the cost is none.
    let is_intimate =
        told.has("chat.undressed") || told.sure(&[Category::Recording, Category::Sexual]) > 0;
    if kind == Kind::Chat && !is_intimate {
        return SUSPECT - 0.1;
    }
    // Dating services warn of the very same deeds, but name no way to pay.
    if kind == Kind::Chat && told.has("receipt.service") && !told.can_be_paid() {
        return SUSPECT - 0.1;
    }
    if kind != Kind::Other {
        return f64::INFINITY;
    }
    // Without a sexual claim much honest business reads alike: the money must be hard to trace.
    let is_hidden_money = told.speaks_of(&[Category::Wallet])
        || told.any(&[
            "demand.crypto",
            "payment.voucher",
            "payment.messenger",
            "payment.wallet",
        ]);
    if is_hidden_money {
        SEXTORTION - 0.1
    } else {
        SUSPECT - 0.1
    }
}

/// Which form of extortion the signals describe.
pub(crate) fn kind(told: &Told<'_>) -> Kind {
    let is_sexual = told.speaks_of(&[Category::Recording, Category::Sexual]);
    let is_chat = told.speaks_of(&[Category::Chat]);
    if is_chat && !told.any(&["access.malware", "access.hacked"]) {
        Kind::Chat
    } else if is_sexual || is_chat {
        Kind::Bluff
    } else {
        Kind::Other
    }
}
