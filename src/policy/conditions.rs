//! What a rule asks of a message and its recipient.

use crate::classify::{Category, Class, Context, Kind};
use crate::policy::authentication::{AuthResult, believed};
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
                .map(|header| believed(header, self.authserv_ids))
                .unwrap_or_default()
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
    /// Do all of them hold for this message and recipient?
    pub(crate) fn hold(&self, question: &Question<'_>, recipient: &AddressKey) -> bool {
        let facts = question.facts;
        let (verdict, envelope) = (facts.verdict, facts.envelope);
        // The cheapest questions first, and those that most often say no.
        self.classes.contains(&verdict.class)
            && self
                .recipient
                .as_ref()
                .is_none_or(|set| set.contains(recipient))
            && self.min_score.is_none_or(|min| verdict.score >= min)
            && self.max_score.is_none_or(|max| verdict.score < max)
            && allows(&self.kinds, verdict.kind)
            && allows(&self.contexts, verdict.context)
            && (self.categories.is_empty()
                || verdict
                    .signals
                    .iter()
                    .any(|signal| self.categories.contains(&signal.category)))
            && (self.signals.is_empty()
                || verdict
                    .signals
                    .iter()
                    .any(|signal| self.signals.contains(&signal.id)))
            && names(&self.templates, verdict.template.as_deref())
            && names(&self.languages, verdict.language.as_deref())
            && (self.coins.is_empty()
                || verdict
                    .wallets
                    .iter()
                    .any(|wallet| self.coins.contains(wallet.coin)))
            && self
                .sender
                .as_ref()
                .is_none_or(|set| question.sender().is_some_and(|sender| set.contains(sender)))
            && self
                .client
                .as_ref()
                .is_none_or(|nets| envelope.client.ip.is_some_and(|ip| nets.contains(ip)))
            && names(&self.helo, Some(&envelope.client.helo))
            && self
                .authenticated
                .is_none_or(|wanted| wanted == envelope.auth_user.is_some())
            && names(&self.auth_user, envelope.auth_user.as_deref())
            && names(&self.daemon_name, envelope.daemon_name.as_deref())
            && self.min_size.is_none_or(|min| facts.size >= min)
            && self.max_size.is_none_or(|max| facts.size <= max)
            && self.hours.is_none_or(|hours| is_within(hours, facts.hour))
            && self
                .authentication
                .iter()
                .all(|wanted| question.authentication().contains(wanted))
    }
}

fn is_within((from, to): (u8, u8), hour: Option<u8>) -> bool {
    match hour {
        None => false,
        Some(hour) if from < to => (from..to).contains(&hour),
        Some(hour) => hour >= from || hour < to,
    }
}
