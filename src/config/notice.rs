//! The section `[notice]` of the main file and of domain files.

use crate::notice::{self, Form, Settings, Wishes};
use crate::policy::{Action, Policy};
use crate::toml_reader::{At, Table, quote};

/// The longest text of an admin, in bytes.
const MAX_TEXT: usize = 300;

/// Asks for every key of the main file's section.
pub(crate) fn read(table: Table<'_>, settings: &mut Settings) {
    settings.wishes = wishes(&table, true);
    settings.sender = table.text("sender").and_then(|at| sender(&table, at));
    table.set_integer("per_day", 0..=1000, &mut settings.per_day);
    table.set_boolean("send", &mut settings.send);
    if settings.send && table.span_of("sender").is_none() {
        table.document().error_with(
            table.span_of("send").unwrap_or_default(),
            "`send` needs `sender`, who stands in From",
            "add  sender = \"Mail team <help@example.org>\"",
        );
    }
    table.set_boolean("break_signatures", &mut settings.break_signatures);
    table.finish();
}

/// The keys that domain files have, too; `auto` stands for none of its own.
pub(crate) fn wishes(table: &Table<'_>, is_main: bool) -> Wishes {
    let choose = |key: &str, known: &mut dyn Iterator<Item = &'static str>| {
        let words: Vec<(&'static str, Option<&'static str>)> = std::iter::once(("auto", None))
            .chain(known.map(|word| (word, Some(word))))
            .collect();
        let chosen = table.choice(key, &words);
        if is_main {
            table.has_default(key, &quote("auto"));
        }
        chosen.and_then(|at| at.value)
    };
    Wishes {
        language: choose("language", &mut notice::LANGUAGES.iter().copied()),
        country: choose(
            "country",
            &mut notice::countries()
                .iter()
                .map(|country| country.code.as_str()),
        ),
        contact: table.text("contact").and_then(|at| line(table, at)),
    }
}

/// Warns where people who answer a notice would answer the criminal.
pub(crate) fn check_sender(root: &Table<'_>, policy: &Policy) {
    let replaces = |action: &Action| action.notice == Some(Form::Replace);
    let at = policy.rules.iter().position(|rule| replaces(&rule.action));
    if let Some(at) = at.filter(|_| policy.notice.sender.is_none())
        && let Some(table) = root.tables("rule").get(at)
        // With errors, rules are missing in the list and their numbers tell nothing.
        && root.document().error_count() == 0
    {
        root.document().warning_with(
            table.span_of("notice").unwrap_or(table.span.clone()),
            "notices have the From of the message: who answers them answers the criminal",
            "set `sender` in [notice]",
        );
    }
}

/// A text for people on one line.
fn line(table: &Table<'_>, at: At<String>) -> Option<String> {
    if at.value.is_empty() || at.value.len() > MAX_TEXT || at.value.contains(char::is_control) {
        table.document().error_with(
            at.span,
            format!("the text must be one line of 1 to {MAX_TEXT} bytes"),
            "write it like  \"Help desk, telephone 1234\"",
        );
        return None;
    }
    Some(at.value)
}

/// `Name <mailbox@example.org>` or the mailbox alone.
fn sender(table: &Table<'_>, at: At<String>) -> Option<String> {
    let span = at.span.clone();
    let value = line(table, at)?;
    let mailbox = match value.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or_default(),
        None => &value,
    };
    let is_mailbox = mailbox.bytes().all(|byte| byte.is_ascii_graphic())
        && matches!(mailbox.split_once('@'), Some((local, domain)) if !local.is_empty() && domain.contains('.'));
    if !is_mailbox {
        table.document().error_with(
            span,
            format!("\"{value}\" is no sender"),
            "write it like  \"Mail team <help@example.org>\"",
        );
        return None;
    }
    Some(value)
}
