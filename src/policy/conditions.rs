//! What a rule asks of a message and its recipient.

use crate::classify::{Category, Class, Context, Kind, Signal};
use crate::message::{AuthResult, believed_results};
use crate::policy::{AddressKey, AddressSet, Facts, Networks, Words};
use std::cell::OnceCell;

/// The conditions of a rule; all that are set must hold. Empty lists ask nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// The verdict is one of these. Default: `suspect` and `sextortion`, so that a rule without it
    /// never touches clean mail.
    pub classes: Vec<Class>,
    /// From this score on, in points.
    pub min_score: Option<f64>,
    /// Under this score, in points.
    pub max_score: Option<f64>,
    /// The form of extortion is one of these.
    pub kinds: Vec<Kind>,
    /// Who speaks is one of these.
    pub contexts: Vec<Context>,
    /// A signal has one of these themes.
    pub categories: Vec<Category>,
    /// A signal has one of these identifiers, with wildcards.
    pub signals: Words,
    /// It is a near copy of one of these templates.
    pub templates: Words,
    /// It is in one of these languages.
    pub languages: Words,
    /// A payment address is of one of these coins.
    pub coins: Words,
    /// The recipient is one of these.
    pub recipient: Option<AddressSet>,
    /// The envelope sender is one of these.
    pub sender: Option<AddressSet>,
    /// The client is in one of these networks.
    pub client: Option<Networks>,
    /// What the client said in HELO.
    pub helo: Words,
    /// Has the client authenticated?
    pub authenticated: Option<bool>,
    /// The user of SMTP AUTH.
    pub auth_user: Words,
    /// The name of the MTA's listening service.
    pub daemon_name: Words,
    /// Results of trusted hosts, all of them.
    pub authentication: Vec<AuthResult>,
    /// From this size on, in bytes.
    pub min_size: Option<u64>,
    /// Up to this size, in bytes.
    pub max_size: Option<u64>,
    /// So many messages of the same wave were seen lately, this one included.
    pub min_wave: Option<u64>,
    /// From the first hour of the local day up to, not including, the second; may go over midnight.
    pub hours: Option<(u8, u8)>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            classes: vec![Class::Suspect, Class::Sextortion],
            min_score: None,
            max_score: None,
            kinds: Vec::new(),
            contexts: Vec::new(),
            categories: Vec::new(),
            signals: Words::default(),
            templates: Words::default(),
            languages: Words::default(),
            coins: Words::default(),
            recipient: None,
            sender: None,
            client: None,
            helo: Words::default(),
            authenticated: None,
            auth_user: Words::default(),
            daemon_name: Words::default(),
            authentication: Vec::new(),
            min_size: None,
            max_size: None,
            min_wave: None,
            hours: None,
        }
    }
}

/// A message as conditions ask about it: what costs time is worked out once for all recipients.
pub(crate) struct Question<'a> {
    pub(crate) facts: &'a Facts<'a>,
    authserv_ids: &'a [String],
    sender: OnceCell<Option<AddressKey>>,
    authentication: OnceCell<Vec<AuthResult>>,
}

impl<'a> Question<'a> {
    pub(crate) fn new(facts: &'a Facts<'a>, authserv_ids: &'a [String]) -> Self {
        Self {
            facts,
            authserv_ids,
            sender: OnceCell::new(),
            authentication: OnceCell::new(),
        }
    }

    fn sender(&self) -> Option<&AddressKey> {
        self.sender
            .get_or_init(|| self.facts.envelope.sender.as_ref().map(AddressKey::new))
            .as_ref()
    }

    fn authentication(&self) -> &[AuthResult] {
        self.authentication.get_or_init(|| {
            self.facts
                .header
                .map(|header| believed_results(header, self.authserv_ids))
                .unwrap_or_default()
                .into_iter()
                .map(|believed| believed.told)
                .collect()
        })
    }
}

/// Does an empty list, or one with the value, let it pass?
fn allows<T: PartialEq>(list: &[T], value: Option<T>) -> bool {
    list.is_empty() || value.is_some_and(|value| list.contains(&value))
}

/// Does an empty set of words, or one with the word, let it pass?
fn names(words: &Words, word: Option<&str>) -> bool {
    words.is_empty() || word.is_some_and(|word| words.contains(word))
}

impl Conditions {
    /// Does it ask what a clean message says: its points, signals or payment addresses?
    pub fn looks_into_clean(&self) -> bool {
        self.classes.contains(&Class::Clean)
            && (self.min_score.is_some()
                || self.max_score.is_some()
                || self.min_wave.is_some()
                || !self.categories.is_empty()
                || !self.signals.is_empty()
                || !self.templates.is_empty()
                || !self.languages.is_empty()
                || !self.coins.is_empty())
    }

    /// Do they ask for this signal?
    pub(crate) fn names_signal(&self, id: &str) -> bool {
        !self.signals.is_empty() && self.signals.contains(id)
    }

    /// Do all of them hold for this message and recipient?
    pub(crate) fn hold(&self, question: &Question<'_>, recipient: &AddressKey) -> bool {
        self.fails_at(question, recipient).is_none()
    }

    /// The key of the first condition that does not hold.
    pub(crate) fn fails_at(
        &self,
        question: &Question<'_>,
        recipient: &AddressKey,
    ) -> Option<&'static str> {
        let facts = question.facts;
        let (verdict, envelope) = (facts.verdict, facts.envelope);
        let client = &envelope.client;
        let has_signal = |wanted: &dyn Fn(&Signal) -> bool| verdict.signals.iter().any(wanted);
        // A function each, since most of them need not be asked: the cheapest come first, and those
        // that most often say no.
        let checks: [(&'static str, &dyn Fn() -> bool); 22] = [
            ("verdict", &|| self.classes.contains(&verdict.class)),
            ("recipient", &|| {
                let set = self.recipient.as_ref();
                set.is_none_or(|set| set.contains(recipient))
            }),
            ("min_score", &|| {
                self.min_score.is_none_or(|min| verdict.score >= min)
            }),
            ("max_score", &|| {
                self.max_score.is_none_or(|max| verdict.score < max)
            }),
            ("kind", &|| allows(&self.kinds, verdict.kind)),
            ("context", &|| allows(&self.contexts, verdict.context)),
            ("category", &|| {
                self.categories.is_empty()
                    || has_signal(&|signal| self.categories.contains(&signal.category))
            }),
            ("signal", &|| {
                self.signals.is_empty() || has_signal(&|signal| self.signals.contains(&signal.id))
            }),
            ("template", &|| {
                names(&self.templates, verdict.template.as_deref())
            }),
            ("language", &|| {
                names(&self.languages, verdict.language.as_deref())
            }),
            ("coin", &|| {
                let mut wallets = verdict.wallets.iter();
                self.coins.is_empty() || wallets.any(|wallet| self.coins.contains(wallet.coin))
            }),
            ("sender", &|| {
                let set = self.sender.as_ref();
                set.is_none_or(|set| question.sender().is_some_and(|sender| set.contains(sender)))
            }),
            ("client", &|| {
                let nets = self.client.as_ref();
                nets.is_none_or(|nets| client.ip.is_some_and(|ip| nets.contains(ip)))
            }),
            ("helo", &|| names(&self.helo, Some(&client.helo))),
            ("authenticated", &|| {
                let is_authenticated = envelope.auth_user.as_ref().is_some_and(|u| !u.is_empty());
                self.authenticated
                    .is_none_or(|wanted| wanted == is_authenticated)
            }),
            ("auth_user", &|| {
                names(&self.auth_user, envelope.auth_user.as_deref())
            }),
            ("daemon_name", &|| {
                names(&self.daemon_name, envelope.daemon_name.as_deref())
            }),
            ("min_size", &|| {
                self.min_size.is_none_or(|min| facts.size >= min)
            }),
            ("max_size", &|| {
                self.max_size.is_none_or(|max| facts.size <= max)
            }),
            ("min_wave", &|| {
                let seen = facts.wave;
                self.min_wave
                    .is_none_or(|min| seen.is_some_and(|seen| seen >= min))
            }),
            ("hours", &|| {
                self.hours.is_none_or(|hours| is_within(hours, facts.hour))
            }),
            ("authentication", &|| {
                let found = || question.authentication();
                self.authentication
                    .iter()
                    .all(|wanted| found().contains(wanted))
            }),
        ];
        checks
            .into_iter()
            .find(|(_, check)| !check())
            .map(|(key, _)| key)
    }
}

fn is_within((from, to): (u8, u8), hour: Option<u8>) -> bool {
    match hour {
        None => false,
        Some(hour) if from < to => (from..to).contains(&hour),
        Some(hour) => hour >= from || hour < to,
    }
}
