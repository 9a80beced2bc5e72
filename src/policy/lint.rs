//! Rules that work, but hardly as meant.

use crate::classify::{Class, Context, Kind};
use crate::policy::cap::ROLES;
use crate::policy::{Conditions, Disposition, Rule, Trust, Words};

/// What is odd about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Its index in the list.
    pub rule: usize,
    /// The key to point at; empty for the rule as a whole.
    pub key: &'static str,
    /// What is odd.
    pub message: String,
    /// One thing to do.
    pub hint: &'static str,
}

/// Looks for rules that can never match, are never reached, or whose action is capped.
pub fn lint(rules: &[Rule], trust: &Trust) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let mut remark = |key, message: String, hint| {
            remarks.push(Remark {
                rule: index,
                key,
                message,
                hint,
            });
        };
        if let Some((key, why, hint)) = never(&rule.conditions, trust) {
            remark(key, format!("this rule can never match: {why}"), hint);
            continue;
        }
        let hidden_by = rules[..index]
            .iter()
            .find(|earlier| covers(&earlier.conditions, &rule.conditions));
        if let Some(earlier) = hidden_by {
            let message = format!(
                "this rule is never reached: rule \"{}\" decides before it",
                earlier.name
            );
            remark(
                "",
                message,
                "put the narrower rule first, or delete this one",
            );
            continue;
        }
        let disposition = rule.action.disposition;
        let is_for_roles = rule
            .conditions
            .recipient
            .as_ref()
            .is_some_and(|set| set.is_only_locals(&ROLES));
        if is_for_roles && disposition > Disposition::Tag {
            remark(
                "action",
                format!(
                    "abuse@ and postmaster@ are tagged at most, \"{disposition}\" becomes \"tag\""
                ),
                "write  action = \"tag\"",
            );
        }
        if rule.action.notice.is_some()
            && let Some(why) = never_told(&rule.conditions)
        {
            remark(
                "notice",
                format!("this rule never sends a notice: {why}"),
                "delete this line",
            );
        }
        let is_final = matches!(disposition, Disposition::Reject | Disposition::Discard);
        if is_final && rule.conditions.kinds.contains(&Kind::Chat) {
            remark(
                "action",
                format!(
                    "kind \"chat\" is never rejected or discarded, \"{disposition}\" becomes \"quarantine\""
                ),
                "write  action = \"quarantine\"",
            );
        }
    }
    remarks
}

/// Why no message that fits the conditions leads to a notice.
fn never_told(conditions: &Conditions) -> Option<&'static str> {
    let Conditions {
        classes,
        kinds,
        contexts,
        ..
    } = conditions;
    if !contexts.is_empty() && !contexts.contains(&Context::Direct) {
        return Some("who quotes or forwards a threat does not threaten");
    }
    let may_be_bluff =
        classes.contains(&Class::Sextortion) && (kinds.is_empty() || kinds.contains(&Kind::Bluff));
    let may_be_chat = (classes.contains(&Class::Sextortion) || classes.contains(&Class::Suspect))
        && (kinds.is_empty() || kinds.contains(&Kind::Chat));
    (!may_be_bluff && !may_be_chat)
        .then_some("they are for sextortion of kind bluff, and for kind chat")
}

/// Why conditions contradict each other or what is known of every message.
fn never(conditions: &Conditions, trust: &Trust) -> Option<(&'static str, String, &'static str)> {
    let classes = &conditions.classes;
    if let (Some(min), Some(max)) = (conditions.min_score, conditions.max_score)
        && min >= max
    {
        let why = format!("no score is from {min} and under {max}");
        return Some(("max_score", why, "make `max_score` larger than `min_score`"));
    }
    if let (Some(min), Some(max)) = (conditions.min_size, conditions.max_size)
        && min > max
    {
        let why = "no size is over `min_size` and under `max_size`".to_owned();
        return Some(("max_size", why, "make `max_size` larger than `min_size`"));
    }
    let (low, high) = score_range(classes);
    if let Some(max) = conditions.max_score
        && max <= low
    {
        let why = format!("these verdicts begin at {low} points");
        return Some(("max_score", why, "add  verdict = \"any\""));
    }
    if let Some(min) = conditions.min_score
        && min >= high
    {
        let why = format!("these verdicts end under {high} points");
        return Some(("min_score", why, "leave `verdict` or `min_score` out"));
    }
    let is_only = |allowed: &[Class]| classes.iter().all(|class| allowed.contains(class));
    let asks_form = !conditions.kinds.is_empty() || !conditions.contexts.is_empty();
    if asks_form && is_only(&[Class::Clean, Class::Error]) {
        let why = "only suspect mail and sextortion have a kind and a context".to_owned();
        return Some(("verdict", why, "leave `verdict` out"));
    }
    if !conditions.kinds.is_empty()
        && conditions.kinds.iter().all(|kind| *kind == Kind::Other)
        && is_only(&[Class::Sextortion, Class::Clean, Class::Error])
    {
        let why = "kind \"other\" is at most suspect".to_owned();
        return Some(("kind", why, "write  verdict = \"suspect\""));
    }
    if conditions.authenticated == Some(true) && trust.authenticated {
        let why = "authenticated users are let through before any rule".to_owned();
        return Some((
            "authenticated",
            why,
            "set `authenticated = false` in [trust]",
        ));
    }
    if conditions.authenticated == Some(false) && !conditions.auth_user.is_empty() {
        let why = "a client that has not authenticated has no user name".to_owned();
        return Some(("auth_user", why, "leave `authenticated` out"));
    }
    if !conditions.authentication.is_empty() && trust.authserv_ids.is_empty() {
        let why = "no host is trusted for authentication results".to_owned();
        return Some((
            "authentication",
            why,
            "name your own in [trust], such as  authserv_ids = [\"mx.example.org\"]",
        ));
    }
    for (key, set) in [
        ("recipient", &conditions.recipient),
        ("sender", &conditions.sender),
    ] {
        if set.as_ref().is_some_and(|set| set.is_empty()) {
            let why = format!("the list of `{key}` is empty");
            return Some((key, why, "add an address, or leave the key out"));
        }
    }
    if conditions
        .client
        .as_ref()
        .is_some_and(|nets| nets.is_empty())
    {
        let why = "the list of `client` is empty".to_owned();
        return Some(("client", why, "add a network, or leave the key out"));
    }
    None
}

/// From which score on, and under which, messages with these verdicts are.
fn score_range(classes: &[Class]) -> (f64, f64) {
    let range = |class: &Class| {
        let high = match class {
            Class::Clean => Class::Suspect.min_score(),
            Class::Error => f64::MIN_POSITIVE,
            // Kind "other" stays suspect however many points it has.
            Class::Suspect | Class::Sextortion => f64::INFINITY,
        };
        (class.min_score(), high)
    };
    classes
        .iter()
        .map(range)
        .fold((f64::INFINITY, 0.0), |(low, high), (from, to)| {
            (f64::min(low, from), f64::max(high, to))
        })
}

/// Does the first match wherever the second does? `false` where that is not certain.
fn covers(first: &Conditions, second: &Conditions) -> bool {
    fn list<T: PartialEq>(first: &[T], second: &[T]) -> bool {
        first.is_empty() || (!second.is_empty() && second.iter().all(|item| first.contains(item)))
    }
    fn words(first: &Words, second: &Words) -> bool {
        first.is_empty() || first == second
    }
    fn same<T: PartialEq>(first: &Option<T>, second: &Option<T>) -> bool {
        first.is_none() || first == second
    }
    fn at_least<T: PartialOrd + Copy>(first: Option<T>, second: Option<T>) -> bool {
        first.is_none_or(|first| second.is_some_and(|second| second >= first))
    }
    fn at_most<T: PartialOrd + Copy>(first: Option<T>, second: Option<T>) -> bool {
        first.is_none_or(|first| second.is_some_and(|second| second <= first))
    }
    second
        .classes
        .iter()
        .all(|class| first.classes.contains(class))
        && at_least(first.min_score, second.min_score)
        && at_most(first.max_score, second.max_score)
        && list(&first.kinds, &second.kinds)
        && list(&first.contexts, &second.contexts)
        && list(&first.categories, &second.categories)
        && words(&first.signals, &second.signals)
        && words(&first.templates, &second.templates)
        && words(&first.languages, &second.languages)
        && words(&first.coins, &second.coins)
        && same(&first.recipient, &second.recipient)
        && same(&first.sender, &second.sender)
        && same(&first.client, &second.client)
        && words(&first.helo, &second.helo)
        && same(&first.authenticated, &second.authenticated)
        && words(&first.auth_user, &second.auth_user)
        && words(&first.daemon_name, &second.daemon_name)
        && first
            .authentication
            .iter()
            .all(|wanted| second.authentication.contains(wanted))
        && at_least(first.min_size, second.min_size)
        && at_most(first.max_size, second.max_size)
        && same(&first.hours, &second.hours)
}
