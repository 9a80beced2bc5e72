//! The gates: what a message must say before its points count.
//!
//! Points alone do not suffice: honest mail of some kinds says many things that a threat says, but never
//! all that a threat needs. Gates look at which signals there are, never at their weights.

use crate::classify::model::{category, themes};
use crate::classify::{Category, Context, Kind, SEXTORTION, SUSPECT};

/// So many themes a message without a way to pay must touch to be suspect.
const THEMES_WITHOUT_PAYMENT: usize = 6;

/// Hints are everywhere in a longer text, in words; a threat has some hundreds.
const LONG_TEXT: usize = 1_200;
/// So many of the themes that honest business lacks make up for a lever that no pattern knew.
const PRESSING: usize = 2;
/// The same where something excuses the message, such as an order.
const PRESSING_BILL: usize = 4;

/// So many ways to mean harm a letter needs that asks for money by bank, as friends do.
const MALICE_BY_BANK: usize = 3;

/// So many ways in which only an extorter talks make up for a lever where nothing sexual is claimed.
const TONES_OF_OTHER: usize = 2;

/// So many themes only a threat touches, of those that name an address.
const THEMES_OF_A_THREAT: usize = 6;

/// The ways to pay that are said in words.
const WAYS_TO_PAY: [&str; 3] = ["payment.voucher", "payment.bank", "payment.messenger"];

/// What an extorter claims to have done.
const DEEDS: [Category; 3] = [Category::Recording, Category::Access, Category::Chat];

/// What is threatened between persons, not to a company.
const PRIVATE: [&str; 2] = ["exposure.contacts", "exposure.people-learn"];

/// The signals of one message.
#[derive(Debug)]
pub(crate) struct Told<'s> {
    /// In order, each once.
    ids: Vec<&'s str>,
    /// How many signals of each category there are, and how many of them are no loose words.
    counts: [(u16, u16); Category::ALL.len()],
    /// Is the longest text longer than a threat?
    is_long: bool,
    /// May it have a lever that only a complete judgement knows of?
    may_have_lever: bool,
}

impl<'s> Told<'s> {
    /// The signals with these identifiers, of a message whose longest text has so many words.
    pub(crate) fn new<S>(ids: impl IntoIterator<Item = &'s S>, words: usize) -> Self
    where
        S: AsRef<str> + ?Sized + 's,
    {
        let mut ids: Vec<&str> = ids.into_iter().map(AsRef::as_ref).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut counts = [(0u16, 0u16); Category::ALL.len()];
        for id in &ids {
            if let Some(category) = category(id) {
                let (all, sure) = &mut counts[category as usize];
                *all += 1;
                *sure += u16::from(!is_hint(id));
            }
        }
        Self {
            ids,
            counts,
            is_long: words > LONG_TEXT,
            may_have_lever: false,
        }
    }

    /// The same where signals that are not known yet could make a lever.
    pub(crate) fn with_any_lever(self) -> Self {
        Self {
            may_have_lever: true,
            ..self
        }
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids.binary_search(&id).is_ok()
    }

    fn any(&self, ids: &[&str]) -> bool {
        ids.iter().any(|id| self.has(id))
    }

    fn speaks_of(&self, wanted: &[Category]) -> bool {
        self.count(wanted) > 0
    }

    /// How many signals of these categories there are.
    fn count(&self, wanted: &[Category]) -> usize {
        let counts = wanted.iter().map(|it| self.counts[*it as usize].0);
        counts.map(usize::from).sum()
    }

    /// Signals of these categories that are no loose words.
    fn sure(&self, wanted: &[Category]) -> usize {
        let counts = wanted.iter().map(|it| self.counts[*it as usize].1);
        counts.map(usize::from).sum()
    }

    fn themes(&self) -> usize {
        themes(self.ids.iter().copied())
    }

    /// Is there a way to pay?
    fn can_be_paid(&self) -> bool {
        self.speaks_of(&[Category::Wallet]) || self.any(&WAYS_TO_PAY)
    }

    /// Is there any of the signals without one of which nothing is extortion?
    pub(crate) fn has_key(&self) -> bool {
        self.can_be_paid() || self.sure(&DEEDS) > 0
    }

    /// Do loose words count? Only beside a way to pay, and never in a long text, which has them all.
    pub(crate) fn hints_count(&self) -> bool {
        self.can_be_paid() && !self.is_long
    }

    /// Money is demanded for a proved address, and so many other themes of a threat come with it that no
    /// honest business has: then the lever is there, in words that no pattern knew.
    fn is_pressing(&self) -> bool {
        let is_demanded = self.has_proved_wallet() && self.speaks_of(&[Category::Demand]);
        let softs = [
            Category::Access,
            Category::Recording,
            Category::Exposure,
            Category::Chat,
            Category::Sexual,
            Category::Deadline,
            Category::Secrecy,
            Category::Proof,
            Category::Promise,
        ];
        let softs = softs.iter().filter(|it| self.speaks_of(&[**it])).count();
        // A bill has a deadline and two more by chance.
        let mut guards = Category::ALL.iter().filter(|it| it.is_guard());
        let is_excused = guards.any(|it| self.speaks_of(&[*it]));
        is_demanded && softs >= if is_excused { PRESSING_BILL } else { PRESSING }
    }

    /// Is the money demanded for an address that passes its checksum?
    fn has_proved_wallet(&self) -> bool {
        self.count(&[Category::Wallet]) > usize::from(self.has("wallet.weak"))
    }

    /// Is a company blackmailed, or violence threatened? A sexual word or two comes with a bomb by chance.
    fn is_business(&self) -> bool {
        let intimate = self.intimate();
        !self.any(&PRIVATE)
            && (self.has("demand.violence") && intimate < 2
                || self.has("access.company") && intimate == 0)
    }

    /// Shall the people whom the reader knows see or learn something, unless money comes?
    fn is_private(&self) -> bool {
        let is_hushed = self.has("demand.silence")
            && self.speaks_of(&[Category::Exposure])
            && self.speaks_of(&[Category::Promise]);
        self.has_proved_wallet() && (self.any(&PRIVATE) || is_hushed)
    }

    /// Is money demanded for a proved address, with so many themes as only a threat touches?
    pub(crate) fn has_the_shape(&self) -> bool {
        self.has_proved_wallet()
            && self.speaks_of(&[Category::Demand])
            && self.themes() >= THEMES_OF_A_THREAT
    }

    /// Is anything sexual claimed? One loose word alone is chance.
    fn is_sexual(&self) -> bool {
        self.intimate() > 0
            || self.has("recording.hint")
            || self.has("sexual.hint")
                && (self.has("promise.delete")
                    || self.speaks_of(&[Category::Exposure])
                    || self.sure(&[Category::Access]) > 0)
    }

    /// How many ways there are in which the message means harm: friends tease each other with a video of
    /// last night and a debt, and mean none.
    fn malice(&self) -> usize {
        let is_shamed = self.speaks_of(&[Category::Sexual])
            || self.any(&[
                "recording.compromising",
                "recording.split-screen",
                "chat.undressed",
            ]);
        let is_hushed = self.speaks_of(&[Category::Promise]) || self.has("demand.silence");
        let others = [
            Category::Access,
            Category::Exposure,
            Category::Secrecy,
            Category::Proof,
        ];
        others.iter().filter(|it| self.sure(&[**it]) > 0).count()
            + usize::from(is_shamed)
            + usize::from(is_hushed)
    }

    /// Is there a threat, where nothing sexual is claimed? Exchanges, hosters and finders of flaws write of
    /// coins, access and time limits too.
    fn threatens(&self) -> bool {
        let is_flaw = self.has("report.flaw");
        let is_excused = is_flaw || self.speaks_of(&[Category::Receipt]);
        // "Turn on your camera" is said before each video call.
        let levers = self.sure(&[Category::Access, Category::Exposure, Category::Recording])
            - usize::from(self.has("access.camera"))
            - usize::from(self.has("access.company"));
        // "Change your password at once" often looks like one that is quoted.
        let tones = self.count(&[Category::Secrecy, Category::Promise, Category::Proof])
            - usize::from(self.has("proof.password"));
        self.has("demand.violence")
            || self.has("access.company") && !is_flaw
            || levers > usize::from(is_excused)
            || tones >= TONES_OF_OTHER
    }

    /// Is the money hard to trace?
    fn is_hidden_money(&self) -> bool {
        self.speaks_of(&[Category::Wallet])
            || self.any(&[
                "demand.crypto",
                "payment.voucher",
                "payment.messenger",
                "payment.wallet",
            ])
    }

    /// How many sexual claims there are that are no loose words.
    fn intimate(&self) -> usize {
        self.sure(&[Category::Recording, Category::Sexual])
            + usize::from(self.has("chat.undressed"))
    }
}

/// Is it a loose word?
pub(crate) fn is_hint(id: &str) -> bool {
    id.ends_with(".hint")
}

/// Is it one of the signals without one of which nothing is extortion?
pub(crate) fn is_key(id: &str) -> bool {
    Told::new([id], 0).has_key()
}

/// The most points that a message can have by who speaks and how much it speaks about such mail.
///
/// News, advice and victims quote whole threats, so that no weight of a guard could make up for the
/// points of the quotation. Two guards happen in a threat, three are a message about the crime.
///
/// Only what can shame somebody is worth a look where it is passed on: analysts of malware and attacks
/// quote the rest all day.
pub(crate) fn by_context(context: Context, kind: Kind, about: usize) -> f64 {
    match (context, about) {
        (Context::Direct, 0..=2) => f64::INFINITY,
        (Context::Quoted | Context::Forwarded, 0) if kind != Kind::Other => SEXTORTION - 0.1,
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
    let hints = told.count(&levers) - sure;
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
    let is_soft = softs + usize::from(!told.speaks_of(&[Category::Receipt])) >= 3;
    let has_lever = sure > 0
        || hints >= 2
        || is_soft
        || told.may_have_lever
        || told.is_business()
        || told.is_pressing();
    if !wants_money || !has_lever || !told.has_key() {
        return SUSPECT - 0.1;
    }
    // Fiction, quarrels and reports name the deeds, but nowhere to send the money to. Quarrels and offers
    // to get rich have many themes, but nobody who filmed, broke in or chatted.
    if !told.can_be_paid() && (told.themes() < THEMES_WITHOUT_PAYMENT || told.sure(&DEEDS) == 0) {
        return SUSPECT - 0.1;
    }
    // A family that met on a video call and shares the cost is none.
    let presses = [
        told.speaks_of(&[Category::Exposure]),
        told.speaks_of(&[Category::Secrecy]),
        told.has("deadline.or-else"),
        told.has("promise.delete"),
        told.has("demand.silence"),
    ];
    let is_intimate = told.intimate() > 0
        || presses.into_iter().filter(|it| *it).count() >= 2
            && told.any(&["recording.hint", "sexual.hint"]);
    if kind == Kind::Chat && !is_intimate {
        return SUSPECT - 0.1;
    }
    // Dating services warn of the very same deeds, but name no way to pay.
    if kind == Kind::Chat && told.has("receipt.service") && !told.can_be_paid() {
        return SUSPECT - 0.1;
    }
    if kind == Kind::Bluff {
        let malice = told.malice();
        let is_teasing = malice == 0 && !told.speaks_of(&[Category::Access]);
        if is_teasing || !told.is_hidden_money() && malice < MALICE_BY_BANK {
            return SUSPECT - 0.1;
        }
    }
    // Who finds flaws for a reward, and services that handle coins, touch many themes too.
    if kind == Kind::Other && !told.threatens() {
        return SUSPECT - 0.1;
    }
    if kind != Kind::Other {
        // A long letter touches every theme somewhere: it must also tell where the money goes.
        let is_rambling = told.is_long && !told.can_be_paid();
        return if is_rambling {
            SEXTORTION - 0.1
        } else {
            f64::INFINITY
        };
    }
    // Without a sexual claim much honest business reads alike: the money must be hard to trace.
    if told.is_hidden_money() {
        SEXTORTION - 0.1
    } else {
        SUSPECT - 0.1
    }
}

/// Which form of extortion the signals describe.
pub(crate) fn kind(told: &Told<'_>) -> Kind {
    if told.is_business() {
        return Kind::Other;
    }
    let is_chat = told.speaks_of(&[Category::Chat]);
    if is_chat && !told.any(&["access.malware", "access.hacked"]) {
        Kind::Chat
    } else if is_chat || told.is_private() || told.is_sexual() {
        Kind::Bluff
    } else {
        Kind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(told: &str) -> Vec<String> {
        told.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn kinds_are_told_by_what_is_claimed() {
        for (told, expected) in [
            ("recording.claimed demand.crypto", Kind::Bluff),
            ("recording.hint demand.crypto", Kind::Bluff),
            ("sexual.hint access.hint demand.crypto", Kind::Other),
            ("sexual.hint access.watched demand.crypto", Kind::Bluff),
            ("chat.met recording.held demand.amount", Kind::Chat),
            ("chat.met access.hacked recording.held", Kind::Bluff),
            ("demand.violence sexual.act wallet.btc", Kind::Other),
            (
                "demand.violence sexual.act recording.held wallet.btc",
                Kind::Bluff,
            ),
            ("access.company demand.amount wallet.btc", Kind::Other),
            ("access.company recording.held wallet.btc", Kind::Bluff),
            ("exposure.contacts demand.amount wallet.btc", Kind::Bluff),
            ("exposure.contacts demand.amount wallet.weak", Kind::Other),
            ("exposure.publish demand.amount wallet.btc", Kind::Other),
        ] {
            assert_eq!(kind(&Told::new(&ids(told), 100)), expected, "{told}");
        }
    }

    #[test]
    fn what_is_passed_on_is_seldom_a_threat() {
        let (clean, suspect, any) = (SUSPECT - 0.1, SEXTORTION - 0.1, f64::INFINITY);
        for (context, kind, about, expected) in [
            (Context::Direct, Kind::Bluff, 2, any),
            (Context::Direct, Kind::Bluff, 3, clean),
            (Context::Quoted, Kind::Bluff, 0, suspect),
            (Context::Forwarded, Kind::Chat, 1, clean),
            (Context::Quoted, Kind::Other, 0, clean),
        ] {
            let found = by_context(context, kind, about);
            assert!(found == expected, "{context} {kind} {about}: {found}");
        }
    }

    #[test]
    fn what_is_missing_keeps_a_message_low() {
        let (clean, suspect, any) = (SUSPECT - 0.1, SEXTORTION - 0.1, f64::INFINITY);
        let many = "recording.held exposure.publish demand.amount deadline.hours secrecy.tell promise.delete";
        for (told, words, expected) in [
            ("recording.held", 100, clean),
            ("wallet.btc demand.crypto deadline.hours", 100, clean),
            ("recording.held wallet.btc", 100, clean),
            // No way to pay: six themes, one of them a deed.
            ("recording.held demand.amount", 100, clean),
            (many, 100, any),
            (many, 2_000, suspect),
            (
                "sexual.taste exposure.publish demand.amount deadline.hours secrecy.tell promise.delete",
                100,
                clean,
            ),
            // No lever that a pattern knew, but all that presses; a bill needs more.
            (
                "wallet.btc demand.crypto deadline.hours sexual.hint access.malware",
                100,
                any,
            ),
            (
                "wallet.btc demand.crypto deadline.hours secrecy.tell",
                100,
                clean,
            ),
            (
                "wallet.btc demand.crypto deadline.hours secrecy.tell proof.opener receipt.order",
                100,
                clean,
            ),
            (
                "wallet.weak demand.crypto deadline.hours secrecy.tell proof.opener",
                100,
                clean,
            ),
            ("demand.violence demand.crypto wallet.btc", 100, suspect),
            ("demand.violence payment.bank", 100, clean),
            // Friends tease each other with a video and a debt; an extorter means harm.
            (
                "recording.claimed demand.amount deadline.or-else wallet.btc",
                100,
                clean,
            ),
            (
                "recording.claimed demand.amount deadline.or-else access.hint wallet.btc",
                100,
                any,
            ),
            (
                "recording.held exposure.contacts sexual.hint demand.amount payment.bank",
                100,
                clean,
            ),
            (
                "recording.held exposure.contacts sexual.hint promise.delete demand.amount payment.bank",
                100,
                any,
            ),
            // Exchanges and finders of flaws.
            (
                "access.control demand.crypto deadline.hours receipt.order wallet.btc",
                100,
                clean,
            ),
            (
                "access.company demand.crypto exposure.publish report.flaw wallet.btc",
                100,
                clean,
            ),
            (
                "access.company demand.crypto exposure.publish wallet.btc",
                100,
                suspect,
            ),
            (
                "demand.crypto secrecy.answer promise.never-again wallet.btc",
                100,
                suspect,
            ),
            ("chat.met demand.amount wallet.btc", 100, clean),
            (
                "chat.met recording.hint deadline.or-else promise.delete demand.amount payment.voucher",
                100,
                any,
            ),
        ] {
            let told_ids = ids(told);
            let signals = Told::new(&told_ids, words);
            let found = by_signals(kind(&signals), &signals);
            assert!(found == expected, "{told}: {found}, not {expected}");
        }
    }
}
