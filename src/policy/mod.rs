//! The policy: what is done with a message, for each recipient.
//!
//! Everything here is pure: no file, clock or log. `config` reads rules, maps and domain files.

mod cap;
mod conditions;
mod decision;
mod disposition;
mod facts;
mod lint;
mod lists;
mod networks;
mod pattern;
mod plan;
mod reply;
mod rule;
mod template;
mod trust;

pub use cap::{Cap, cap};
pub use conditions::Conditions;
pub use decision::{Decision, Mode};
pub use disposition::Disposition;
pub use facts::Facts;
pub use lint::{Remark, lint};
pub use lists::Lists;
pub use networks::Networks;
pub use pattern::{AddressKey, AddressSet, Words};
pub use plan::{Combine, Fate, Plan};
pub use reply::{Reply, ReplyError};
pub use rule::{Action, ReplyTemplate, Rule};
pub use template::{PLACEHOLDERS, Template, TemplateError};
pub use trust::{Trust, Trusted};

use crate::classify::{Class, Context, Kind};
use crate::message::Address;
use crate::notice::{self, Choice, Family, Form};
use conditions::Question;
use std::collections::HashMap;
use std::sync::Arc;

/// What each verdict leads to where no rule decides. Reject and discard need a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// For `suspect`. Default: tag.
    pub suspect: Disposition,
    /// For `sextortion`. Default: quarantine.
    pub sextortion: Disposition,
    /// Where judging failed: accept (with the header `X-Callbluff-Verdict: error`) or defer. Default: accept.
    pub error: Disposition,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            suspect: Disposition::Tag,
            sextortion: Disposition::Quarantine,
            error: Disposition::Accept,
        }
    }
}

impl Defaults {
    /// The disposition for a verdict.
    pub fn of(&self, class: Class) -> Disposition {
        match class {
            Class::Clean => Disposition::Accept,
            Class::Suspect => self.suspect,
            Class::Sextortion => self.sextortion,
            Class::Error => self.error,
        }
    }
}

/// What one domain wants otherwise.
#[derive(Clone, Debug, Default)]
pub struct Domain {
    /// Does it hold for subdomains without a file of their own?
    pub with_subdomains: bool,
    /// Act, or only say what would be done; `None` follows the main file.
    pub mode: Option<Mode>,
    /// Put before the subject of tagged messages; `None` follows the main file.
    pub subject_prefix: Option<String>,
    /// What is done where no rule decides; `None` follows the main file.
    pub suspect: Option<Disposition>,
    /// As `suspect`.
    pub sextortion: Option<Disposition>,
    /// How its recipients are told.
    pub notice: notice::Wishes,
    /// Asked before those of the main file.
    pub rules: Vec<Rule>,
}

/// All that is wished for all recipients.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Act, or only say what would be done. Default: enforce.
    pub mode: Mode,
    /// Are our headers added in monitor mode? Default: yes.
    pub monitor_headers: bool,
    /// What becomes of a message whose recipients want different things. Default: split.
    pub combine: Combine,
    /// Put before the subject of tagged messages. Default: none.
    pub subject_prefix: Option<String>,
    /// Who is let through without being judged.
    pub trust: Trust,
    /// Who is let through after judging, and who is not welcome.
    pub lists: Lists,
    /// What is done where no rule decides.
    pub defaults: Defaults,
    /// How recipients are told about threats, where a rule says so.
    pub notice: notice::Settings,
    /// Asked in order; the first whose conditions hold decides.
    pub rules: Vec<Rule>,
    /// What single domains want, by their name in lower case.
    pub domains: HashMap<String, Arc<Domain>>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            monitor_headers: true,
            combine: Combine::Split,
            subject_prefix: None,
            trust: Trust::default(),
            lists: Lists::default(),
            defaults: Defaults::default(),
            notice: notice::Settings::default(),
            rules: Vec::new(),
            domains: HashMap::new(),
        }
    }
}

impl Policy {
    /// Does a rule ask what clean messages say, or put it into their header? Then they must be
    /// judged completely.
    pub fn looks_into_clean(&self) -> bool {
        let of_domains = self.domains.values().flat_map(|domain| &domain.rules);
        self.rules.iter().chain(of_domains).any(|rule| {
            let tells = !rule.action.headers.is_empty() || rule.action.subject_prefix.is_some();
            rule.conditions.looks_into_clean()
                || (tells && rule.conditions.classes.contains(&Class::Clean))
        })
    }

    /// What is done with a message for one recipient.
    pub fn decide(&self, facts: &Facts<'_>, recipient: &Address) -> Decision {
        self.let_through(facts).unwrap_or_else(|| {
            self.answer(&Question::new(facts, &self.trust.authserv_ids), recipient)
        })
    }

    /// What is done with a message as a whole: decides for each recipient, then joins the
    /// decisions into what an MTA can do.
    pub fn plan(&self, facts: &Facts<'_>) -> Plan {
        let recipients = facts.envelope.recipients.iter();
        let decisions = match self.let_through(facts) {
            Some(decision) => recipients.map(|_| decision.clone()).collect(),
            None => {
                let question = Question::new(facts, &self.trust.authserv_ids);
                recipients
                    .map(|recipient| self.answer(&question, recipient))
                    .collect()
            }
        };
        Plan::join(decisions, self.combine)
    }

    /// The decision about mail of those who are trusted or allowed; no rule is asked about it.
    fn let_through(&self, facts: &Facts<'_>) -> Option<Decision> {
        if let Some(trusted) = self.trust.reason(facts.envelope) {
            return Some(Decision::accept(trusted.to_string()));
        }
        let reason = self.lists.allows(facts, &self.trust.authserv_ids)?;
        let mut decision = Decision::accept(reason);
        // A message that could not be judged must not pass as clean.
        decision.add_headers = facts.verdict.class == Class::Error;
        Some(decision)
    }

    /// The rules that were asked for a recipient, in order, each with the key of the condition that
    /// did not hold; the last has none where a rule decides.
    pub fn explain(&self, facts: &Facts<'_>, recipient: &Address) -> Vec<(&str, Option<&str>)> {
        let question = Question::new(facts, &self.trust.authserv_ids);
        let key = AddressKey::new(recipient);
        let mut asked = Vec::new();
        for rule in self.rules_for(self.domain(&key)) {
            let fails_at = rule.conditions.fails_at(&question, &key);
            asked.push((rule.name.as_str(), fails_at));
            if fails_at.is_none() {
                break;
            }
        }
        asked
    }

    fn rules_for<'a>(&'a self, domain: Option<&'a Domain>) -> impl Iterator<Item = &'a Rule> {
        let of_domain = domain.map_or(&[][..], |domain| &domain.rules);
        of_domain.iter().chain(&self.rules)
    }

    fn answer(&self, question: &Question<'_>, recipient: &Address) -> Decision {
        let facts = question.facts;
        let key = AddressKey::new(recipient);
        let domain = self.domain(&key);
        let mut rule = self
            .rules_for(domain)
            .find(|rule| rule.conditions.hold(question, &key));
        let mut decision = match rule {
            Some(rule) => {
                let mut decision = Decision::accept(format!("rule \"{}\"", rule.name));
                decision.disposition = rule.action.disposition;
                decision.rule = Some(rule.name.clone());
                decision
            }
            None => {
                let class = facts.verdict.class;
                let mut decision = Decision::accept(format!("default for {class}"));
                decision.disposition = self.default_for(class, domain);
                decision
            }
        };
        if let Some(hit) = self.lists.blocked(facts.verdict)
            && decision.disposition < self.lists.blocked
            // A rule that asks about the list decides like any other.
            && !rule.is_some_and(|rule| rule.conditions.names_signal(hit))
        {
            decision.reason += &format!("; {hit} is at least \"{}\"", self.lists.blocked);
            decision.disposition = self.lists.blocked;
            decision.rule = None;
            rule = None;
        }
        if let Some(cap) = cap(decision.disposition, &key, facts.verdict.kind) {
            decision.reason += &format!("; {cap}");
            decision.is_capped = cap == Cap::Role;
            decision.disposition = cap.instead();
        }
        if let Some(action) = rule.map(|rule| &rule.action) {
            decision.copy.clone_from(&action.copy);
            if let Some(form) = action.notice {
                self.notify(&mut decision, form, facts, &key, domain);
            }
        }
        self.furnish(&mut decision, rule, facts, recipient, domain);
        let mode = rule
            .and_then(|rule| rule.mode)
            .or_else(|| domain?.mode)
            .unwrap_or(self.mode);
        if mode == Mode::Monitor {
            decision.monitor(self.monitor_headers);
        }
        decision
    }

    /// Adds what the recipient is told, or the reason why nothing is.
    fn notify(
        &self,
        decision: &mut Decision,
        form: Form,
        facts: &Facts<'_>,
        recipient: &AddressKey,
        domain: Option<&Domain>,
    ) {
        match family(decision, form, facts) {
            Ok(family) => {
                let general = &self.notice.wishes;
                let none = notice::Wishes::default();
                let wishes = [domain.map_or(&none, |domain| &domain.notice), general];
                let threat = facts.verdict.language.as_deref();
                let mut choice = Choice::new(form, family, wishes, threat, recipient.domain());
                choice.quotes_password = facts
                    .verdict
                    .signals
                    .iter()
                    .any(|signal| PASSWORD.contains(&signal.id.as_str()));
                let (form, family) = (form.name(), family.name());
                decision.reason += &format!("; notice: {form}, {family}, {}", choice.language);
                decision.notice = Some(choice);
            }
            Err(why) => decision.reason += &format!("; no notice: {why}"),
        }
    }

    /// The domain's own policy: the closest of its parents that has one.
    fn domain(&self, recipient: &AddressKey) -> Option<&Domain> {
        if self.domains.is_empty() {
            return None;
        }
        let own = recipient.domain();
        recipient
            .domains()
            .filter_map(|name| Some((name, self.domains.get(name)?)))
            .find(|(name, domain)| *name == own || domain.with_subdomains)
            .map(|(_, domain)| domain.as_ref())
    }

    fn default_for(&self, class: Class, domain: Option<&Domain>) -> Disposition {
        let of_domain = domain.and_then(|domain| match class {
            Class::Suspect => domain.suspect,
            Class::Sextortion => domain.sextortion,
            Class::Clean | Class::Error => None,
        });
        of_domain.unwrap_or_else(|| self.defaults.of(class))
    }

    /// Adds to a disposition what goes with it: reply, subject prefix, headers.
    fn furnish(
        &self,
        decision: &mut Decision,
        rule: Option<&Rule>,
        facts: &Facts<'_>,
        recipient: &Address,
        domain: Option<&Domain>,
    ) {
        let action = rule.map(|rule| &rule.action);
        let name = decision.rule.clone().unwrap_or_default();
        let to = recipient.text();
        // A message that could not be judged must not pass as clean, even where it is accepted.
        decision.add_headers = match decision.disposition {
            Disposition::Accept => facts.verdict.class == Class::Error,
            Disposition::Tag | Disposition::Hold | Disposition::Quarantine => true,
            Disposition::Defer | Disposition::Reject | Disposition::Discard => false,
        };
        match decision.disposition {
            Disposition::Reject | Disposition::Defer => {
                let own = action.and_then(|action| action.reply.as_ref());
                decision.reply = Some(match own {
                    Some(reply) => reply.fill(facts, &to, &name),
                    None if decision.disposition == Disposition::Reject => Reply::rejected(),
                    None => Reply::deferred(),
                });
            }
            Disposition::Accept | Disposition::Tag | Disposition::Hold => {
                let own = action.and_then(|action| action.subject_prefix.as_ref());
                decision.subject_prefix = match own {
                    Some(prefix) => Some(prefix.fill(facts, &to, &name, MAX_PREFIX_BYTES)),
                    None if decision.disposition == Disposition::Tag => domain
                        .and_then(|domain| domain.subject_prefix.clone())
                        .or_else(|| self.subject_prefix.clone()),
                    None => None,
                }
                .filter(|prefix| !prefix.is_empty());
                if let Some(action) = action {
                    decision.headers = action.headers(facts, &to, &name);
                }
            }
            Disposition::Quarantine | Disposition::Discard => {}
        }
    }
}

/// Signals that a password is quoted.
const PASSWORD: [&str; 2] = ["proof.password", "proof.breached-password"];

/// Which words fit, or why none do.
///
/// Design note: only what is certainly the webcam bluff may be called one. To a victim of a chat
/// partner that would be a falsehood, and for a mere suspicion or other extortion there are no words.
fn family(decision: &Decision, form: Form, facts: &Facts<'_>) -> Result<Family, &'static str> {
    let verdict = facts.verdict;
    match decision.disposition {
        Disposition::Tag => {}
        Disposition::Quarantine if form == Form::Replace => {}
        _ => return Err("only tagged and quarantined mail can have one"),
    }
    if decision.is_capped {
        return Err("abuse@ and postmaster@ see what there is");
    }
    if matches!(verdict.context, Some(Context::Quoted | Context::Forwarded)) {
        return Err("the sender does not threaten, but speaks of a threat");
    }
    match (verdict.class, verdict.kind) {
        (Class::Sextortion, Some(Kind::Bluff)) => Ok(Family::Bluff),
        (Class::Sextortion | Class::Suspect, Some(Kind::Chat)) => Ok(Family::Chat),
        _ => Err("only sextortion and blackmail by a chat partner have words of their own"),
    }
}

/// What a policy needs of an MTA besides the usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Some rule replaces bodies.
    pub replaces: bool,
    /// Some rule sends copies.
    pub copies: bool,
}

impl Policy {
    /// What its rules may ask of the MTA.
    pub fn needs(&self) -> Needs {
        let of_domains = self.domains.values().flat_map(|domain| &domain.rules);
        let mut needs = Needs::default();
        for rule in self.rules.iter().chain(of_domains) {
            needs.replaces |= matches!(rule.action.notice, Some(Form::Replace | Form::Banner));
            needs.copies |= rule.action.copy.is_some();
        }
        needs
    }
}

/// The longest subject prefix, in bytes.
pub const MAX_PREFIX_BYTES: usize = 100;
