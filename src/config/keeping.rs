//! The section about the quarantine: where messages are kept, and for how long.

use crate::quarantine::{MasterKeys, Retention, Settings};
use crate::toml_reader::{At, Secret, Table};
use std::path::Path;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const YEARS: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// Asks for every key of `[quarantine]`; paths are relative to `folder`.
pub(super) fn read(table: Table<'_>, settings: &mut Settings, folder: &Path) {
    table.set_boolean("enabled", &mut settings.enabled);
    // As a secret, so that no problem quotes the line: some will write the password into it.
    settings.url = table.secret("url").and_then(|at| url(&table, at));
    settings.password = table.secret("password").map(|at| at.value);
    if settings.password.is_some()
        && settings.url.is_none()
        && let Some(span) = table
            .span_of("password")
            .filter(|_| table.span_of("url").is_none())
    {
        table.document().error_with(
            span,
            "`password` is for the database of `url`, which is not set",
            "add  url = \"postgres://callbluff@db.example.org/callbluff\"",
        );
    }
    table.set_integer("connections", 1..=1000, &mut settings.connections);
    table.set_duration("timeout", SECOND..=120 * SECOND, &mut settings.timeout);
    table.set_duration(
        "repeat_window",
        HOUR..=30 * DAY,
        &mut settings.repeat_window,
    );
    if let Some(at) = table.text("encryption_key_file") {
        let path = folder.join(&at.value);
        if let Err(why) = MasterKeys::read(&path) {
            table.document().error_with(
                at.span,
                format!("cannot use the key file ({why})"),
                "write a line  NAME KEY  into it, the key being 32 random bytes in base64",
            );
        }
        settings.key_file = Some(path);
    }
    retention(&table, &mut settings.retention);
    table.set_duration("audit_age", DAY..=YEARS, &mut settings.audit_age);
    table.finish();
}

/// Asks for the keys that a domain file has, too.
pub(super) fn retention(table: &Table<'_>, retention: &mut Retention) {
    table.set_duration("age", HOUR..=YEARS, &mut retention.age);
    table.set_size("size", 1 << 20..=1 << 50, &mut retention.size);
    table.set_integer("entries", 1..=1_000_000_000, &mut retention.entries);
}

fn url(table: &Table<'_>, at: At<Secret>) -> Option<String> {
    let hint = "write it as \"postgres://callbluff@db.example.org/callbluff\"";
    let text = at.value.expose();
    let rest = text
        .strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"));
    let Some(rest) = rest else {
        table
            .document()
            .error_with(at.span, "`url` does not begin with postgres://", hint);
        return None;
    };
    let has_password = rest
        .split(['/', '?'])
        .next()
        .and_then(|authority| authority.rsplit_once('@'))
        .is_some_and(|(user, _)| user.contains(':'));
    if has_password {
        table.document().error_with(
            at.span,
            "`url` has a password in it",
            "take it out and write  password = { file = \"PATH\" }",
        );
        return None;
    }
    Some(text.to_owned())
}
