//! `[[rule]]` tables of the main file and of domain files.

use crate::classify::{Category, Class, Context, Kind};
use crate::config::action;
use crate::config::maps::{Maps, sign};
use crate::message::AuthResult;
use crate::policy::{AddressSet, Conditions, Mode, Networks, Rule, Trust, Words, lint};
use crate::toml_reader::{At, Document, Table};

/// What `mode` can say.
pub(crate) const MODES: [(&str, Mode); 2] =
    [("enforce", Mode::Enforce), ("monitor", Mode::Monitor)];

/// The largest score that a condition can ask for, in points.
const MAX_SCORE: f64 = 1000.0;

/// The largest size that a condition can ask for: 1 TiB.
const MAX_SIZE: u64 = 1 << 40;

/// Reads every `[[rule]]` of a document; `prefix` goes before their names (empty, or the domain with a slash).
pub(crate) fn read(root: &Table<'_>, prefix: &str, maps: &Maps, trust: &Trust) -> Vec<Rule> {
    let tables = root.tables("rule");
    let mut rules: Vec<Rule> = Vec::new();
    let mut places = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        let errors = table.document().error_count();
        let own = table.text("name");
        let name = match &own {
            Some(at) => format!("{prefix}{}", at.value),
            None => format!("{prefix}#{}", index + 1),
        };
        if let Some(at) = own {
            check_name(&at, &rules, &name, table.document());
        }
        let conditions = conditions(table, maps);
        let action = action::read(table);
        let mode = table.choice("mode", &MODES).map(|at| at.value);
        if let Some(action) = action {
            rules.push(Rule {
                name,
                conditions,
                action,
                mode,
            });
            let is_whole = table.document().error_count() == errors;
            places.push((table, is_whole));
        }
    }
    for remark in lint(&rules, trust) {
        let (table, is_whole) = places[remark.rule];
        if !is_whole {
            // What is odd about a rule that was half read only follows from its errors.
            continue;
        }
        let span = table.span_of(remark.key).unwrap_or(table.span.clone());
        table
            .document()
            .warning_with(span, remark.message, remark.hint);
    }
    for table in tables {
        table.finish();
    }
    rules
}

/// Names stand in log lines as `rule=NAME`, where a space or a comma would end them.
fn check_name(at: &At<String>, rules: &[Rule], full: &str, document: &Document<'_>) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if at.value.is_empty() || at.value.len() > 64 || !at.value.chars().all(is_plain) {
        document.error_with(
            at.span.clone(),
            format!("\"{}\" is no name for a rule", at.value),
            "use up to 64 letters, digits, hyphens, dots and underscores",
        );
    }
    if rules.iter().any(|rule| rule.name == full) {
        document.error_with(
            at.span.clone(),
            format!("there is a rule \"{}\" before this one", at.value),
            "give it another name",
        );
    }
}

fn conditions(table: &Table<'_>, maps: &Maps) -> Conditions {
    let default = Conditions::default();
    let score = |key| table.number(key, 0.0..=MAX_SCORE).map(|at| at.value);
    let size = |key| table.size(key, 0..=MAX_SIZE).map(|at| at.value);
    Conditions {
        classes: classes(table).unwrap_or(default.classes),
        min_score: score("min_score"),
        max_score: score("max_score"),
        kinds: values(table.choices("kind", &named(Kind::ALL, Kind::name))),
        contexts: values(table.choices("context", &named(Context::ALL, Context::name))),
        categories: values(table.choices("category", &named(Category::ALL, Category::name))),
        signals: words(
            table,
            "signal",
            is_signal,
            "write it as  \"category.what\"  or  \"category.*\"",
        ),
        templates: words(table, "template", |_| true, ""),
        languages: words(
            table,
            "language",
            is_language,
            "write two letters, such as \"en\"",
        ),
        coins: words(
            table,
            "coin",
            is_word,
            "write it in lower case, such as \"btc\"",
        ),
        recipient: addresses(table, "recipient", maps),
        sender: addresses(table, "sender", maps),
        client: networks(table, "client", maps),
        helo: words(table, "helo", |_| true, ""),
        authenticated: table.boolean("authenticated").map(|at| at.value),
        auth_user: words(table, "auth_user", |_| true, ""),
        daemon_name: words(table, "daemon_name", |_| true, ""),
        authentication: authentication(table),
        min_size: size("min_size"),
        max_size: size("max_size"),
        min_wave: min_wave(table),
        hours: hours(table),
    }
}

fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<(&'static str, T)> {
    all.iter().map(|value| (name(*value), *value)).collect()
}

fn values<T>(list: Vec<At<T>>) -> Vec<T> {
    list.into_iter().map(|at| at.value).collect()
}

/// `verdict`: `None` where it is not given; `any` stands for all four.
fn classes(table: &Table<'_>) -> Option<Vec<Class>> {
    let mut words: Vec<(&'static str, Option<Class>)> = Class::ALL
        .iter()
        .map(|class| (class.name(), Some(*class)))
        .collect();
    words.push(("any", None));
    let list = values(table.choices("verdict", &words));
    table.has_default("verdict", "[\"suspect\", \"sextortion\"]");
    if list.is_empty() {
        return None;
    }
    if list.contains(&None) {
        return Some(Class::ALL.to_vec());
    }
    Some(list.into_iter().flatten().collect())
}

fn is_word(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_*?".contains(c))
}

fn is_language(text: &str) -> bool {
    text.contains('*') || (text.len() == 2 && text.chars().all(|c| c.is_ascii_lowercase()))
}

fn is_signal(text: &str) -> bool {
    let category = text.split('.').next().unwrap_or_default();
    text.contains('*')
        || (text.contains('.') && Category::ALL.iter().any(|known| known.name() == category))
}

fn words(table: &Table<'_>, key: &str, is_valid: fn(&str) -> bool, hint: &str) -> Words {
    let mut words = Words::default();
    for at in table.texts(key) {
        let (_, plain) = sign(&at.value);
        if !plain.is_empty() && !is_valid(plain) {
            let message = format!("`{key}` cannot be \"{plain}\"");
            table.document().error_with(at.span, message, hint);
        } else if let Err(why) = words.add(&at.value) {
            table.document().error(at.span, why);
        }
    }
    words
}

/// A list of addresses.
pub(crate) fn addresses(table: &Table<'_>, key: &str, maps: &Maps) -> Option<AddressSet> {
    let list = table.texts(key);
    table.span_of(key)?;
    let document = table.document();
    let mut set = AddressSet::default();
    for at in list {
        let (is_in, plain) = sign(&at.value);
        if let Some(name) = plain.strip_prefix('@') {
            if let Some(map) = maps.addresses(name, &at.span, document) {
                set.add_map(map, is_in);
            }
        } else if let Err(why) = set.add(&at.value) {
            document.error_with(
                at.span,
                why,
                "write user@example.org, example.org, *@example.org, abuse@, <> or @map",
            );
        }
    }
    Some(set)
}

/// A list of networks, of the key `client` in rules and `networks` in `[trust]`.
pub(crate) fn networks(table: &Table<'_>, key: &str, maps: &Maps) -> Option<Networks> {
    let list = table.texts(key);
    table.span_of(key)?;
    let document = table.document();
    let mut networks = Networks::default();
    for at in list {
        let (is_in, plain) = sign(&at.value);
        if let Some(name) = plain.strip_prefix('@') {
            if let Some(map) = maps.networks(name, &at.span, document) {
                networks.add_all(map, is_in);
            }
            continue;
        }
        match Networks::parse(plain) {
            Ok(net) => networks.add(net, is_in),
            Err((why, Some(hint))) => document.error_with(at.span, why, hint),
            Err((why, None)) => document.error(at.span, why),
        }
    }
    Some(networks)
}

/// `authentication = ["dmarc=pass"]`.
fn authentication(table: &Table<'_>) -> Vec<AuthResult> {
    let mut results = Vec::new();
    for at in table.texts("authentication") {
        match at.value.split_once('=') {
            Some((method, result)) if is_word(method) && is_word(result) => {
                results.push(AuthResult {
                    method: method.to_owned(),
                    result: result.to_owned(),
                });
            }
            _ => table.document().error_with(
                at.span,
                format!("\"{}\" is no authentication result", at.value),
                "write it as \"dmarc=pass\"",
            ),
        }
    }
    results
}

/// `min_wave = 20`: how many messages of a wave were seen.
fn min_wave(table: &Table<'_>) -> Option<u64> {
    let at = table.integer("min_wave", 2..=1_000_000)?;
    u64::try_from(at.value).ok()
}

/// `hours = "22-6"`.
fn hours(table: &Table<'_>) -> Option<(u8, u8)> {
    let at = table.text("hours")?;
    let parsed = at.value.split_once('-').and_then(|(from, to)| {
        let from: u8 = from.trim().parse().ok()?;
        let to: u8 = to.trim().parse().ok()?;
        (from < 24 && to <= 24 && from != to).then_some((from, to))
    });
    if parsed.is_none() {
        table.document().error_with(
            at.span,
            format!("\"{}\" is no span of hours", at.value),
            "write it as \"22-6\", from 0 to 24",
        );
    }
    parsed
}
