//! The sections about mail that leaves the quarantine.

use crate::config::Config;
use crate::outbound::NextHop;
use crate::toml_reader::{At, Table, quote};
use std::path::Path;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Asks for every key of `[release]`; paths are relative to `folder`.
pub(super) fn release(table: Table<'_>, config: &mut Config, folder: &Path) {
    let release = &mut config.release;
    if let Some(at) = table.text("next_hop") {
        match at.value.parse::<NextHop>() {
            Ok(hop) => release.next_hop = hop,
            Err(why) => table.document().error_with(
                at.span,
                why,
                "write it as \"127.0.0.1:25\", \"[::1]:25\" or \"unix:/path\"",
            ),
        }
    }
    table.has_default("next_hop", &quote(&NextHop::default().to_string()));
    table.set_boolean("pass", &mut release.pass);
    release.key_file = table.text("key_file").map(|at| folder.join(at.value));
    table.set_duration("valid", HOUR..=30 * DAY, &mut release.valid);
    table.set_duration("timeout", SECOND..=10 * 60 * SECOND, &mut release.timeout);
    table.finish();
}

/// Asks for every key of `[report]`.
pub(super) fn report(table: Table<'_>, config: &mut Config) {
    let report = &mut config.report;
    if let Some(at) = table.text("from") {
        check(&table, &at);
        report.from = Some(at.value);
    }
    report.to = table
        .texts("to")
        .into_iter()
        .inspect(|at| check(&table, at))
        .map(|at| at.value)
        .collect();
    table.set_integer("per_hour", 1..=10_000, &mut report.per_hour);
    table.finish();
}

/// Asks for every key of `[campaign]`.
pub(super) fn campaign(table: Table<'_>, config: &mut Config) {
    let campaign = &mut config.campaign;
    table.set_integer("alarm_entries", 2..=1_000_000, &mut campaign.alarm_entries);
    table.set_duration(
        "alarm_within",
        60 * SECOND..=7 * DAY,
        &mut campaign.alarm_within,
    );
    campaign.alarm_to = table
        .texts("alarm_to")
        .into_iter()
        .inspect(|at| check(&table, at))
        .map(|at| at.value)
        .collect();
    table.finish();
}

/// Tells of what is no address.
fn check(table: &Table<'_>, at: &At<String>) {
    let (local, domain) = at.value.rsplit_once('@').unwrap_or_default();
    if local.is_empty() || domain.is_empty() || at.value.contains([' ', '<', '>', ',']) {
        table.document().error_with(
            at.span.clone(),
            format!("\"{}\" is no address", at.value),
            "write it as \"user@example.org\"",
        );
    }
}
