//! Counters for Prometheus.

use crate::classify::{Class, Verdict};
use crate::notice::Form;
use crate::policy::Disposition;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;

type Labels = [(&'static str, String); 1];

/// All numbers about one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    verdicts: Vec<(Class, Counter)>,
    dispositions: Vec<(Disposition, Counter)>,
    limits: Family<Labels, Counter>,
    failures: Family<Labels, Counter>,
    decoder: Family<Labels, Counter>,
    notices: Family<Labels, Counter>,
    passes: Family<Labels, Counter>,
    releases: Family<Labels, Counter>,
    dns: Family<Labels, Counter>,
    stored: Family<Labels, Counter>,
    latency: Histogram,
    closing: Notify,
    /// Messages that were let through without judging, since their client is trusted.
    pub trusted: Counter,
    /// Messages that ended before their last byte: RSET, or a client that hung up.
    pub aborted: Counter,
    /// Bytes of messages as MTAs gave them.
    pub message_bytes: Counter,
    /// Bytes of messages that went to a spool file.
    pub spool_bytes: Counter,
    /// Waves that grew fast enough for an alarm.
    pub wave_alarms: Counter,
    /// Entries of the quarantine that expired.
    pub expired: Counter,
    /// Milter connections that are open.
    pub connections: Gauge,
    /// Milter connections since the start.
    pub connections_total: Counter,
    /// How often a connection had to wait, because there were too many.
    pub connection_limit: Counter,
    /// Errors of `accept`, such as too many open files.
    pub accept_errors: Counter,
    /// Config reloads that worked.
    pub reloads: Counter,
    /// Config reloads that failed; the old config goes on.
    pub reloads_failed: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All numbers at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("callbluff");
        let verdicts = Family::<Labels, Counter>::default();
        registry.register("messages", "Messages by verdict", verdicts.clone());
        let dispositions = Family::<Labels, Counter>::default();
        registry.register(
            "recipients",
            "Recipients by disposition",
            dispositions.clone(),
        );
        // From 100 us to about 13 s.
        let latency = Histogram::new((0..18).map(|step| 0.0001 * f64::from(1 << step)));
        registry.register_with_unit(
            "end_of_message",
            "Time from the last byte of a message to our answer",
            Unit::Seconds,
            latency.clone(),
        );
        let limits = Family::default();
        registry.register(
            "limits_hit",
            "Messages in which a limit was hit",
            limits.clone(),
        );
        let failures = Family::default();
        registry.register("failures", "Failures of our own by kind", failures.clone());
        let notices = Family::default();
        registry.register(
            "notices",
            "Messages that went on with a notice, by its form",
            notices.clone(),
        );
        let decoder = Family::default();
        registry.register(
            "decoder_events",
            "Files given to decode helpers (files), helpers started, and messages or helpers that were turned away (busy), killed at their deadline (late) or crashed",
            decoder.clone(),
        );
        let releases = Family::default();
        registry.register(
            "releases",
            "Tries to release to one recipient, by what came of them",
            releases.clone(),
        );
        let passes = Family::default();
        registry.register(
            "passes",
            "Messages with a pass of ours: valid ones are let through, the others judged",
            passes.clone(),
        );
        let dns = Family::default();
        registry.register(
            "dns_lists",
            "Questions to lists in the DNS (asked), and those that were hits (hit), not answered in time (late), refused by the list, failed, or not asked since too many were under way (busy)",
            dns.clone(),
        );
        let stored = Family::default();
        registry.register(
            "quarantine_puts",
            "Messages given to the quarantine: new, repeated (stored already), or why they could not be stored",
            stored.clone(),
        );
        let connections = Gauge::default();
        registry.register(
            "connections",
            "Open milter connections",
            connections.clone(),
        );
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        Self {
            wave_alarms: counter(
                "wave_alarms",
                "Waves of mail that grew fast enough for an alarm",
            ),
            expired: counter("expired_entries", "Entries of the quarantine that expired"),
            trusted: counter(
                "trusted_messages",
                "Messages of trusted clients, not judged",
            ),
            aborted: counter(
                "aborted_messages",
                "Messages that ended before their last byte",
            ),
            message_bytes: counter("message_bytes", "Bytes of messages received"),
            spool_bytes: counter("spool_bytes", "Bytes of messages written to a spool file"),
            connections_total: counter("accepted_connections", "Milter connections accepted"),
            connection_limit: counter("connection_limit_reached", "Waits for a free connection"),
            accept_errors: counter("accept_errors", "Errors of accept"),
            reloads: counter("reloads", "Config reloads that worked"),
            reloads_failed: counter("reload_failures", "Config reloads that failed"),
            verdicts: Class::ALL
                .iter()
                .map(|&class| {
                    let labels = [("verdict", class.name().to_owned())];
                    (class, verdicts.get_or_create_owned(&labels))
                })
                .collect(),
            dispositions: Disposition::ALL
                .into_iter()
                .map(|disposition| {
                    let labels = [("disposition", disposition.name().to_owned())];
                    (disposition, dispositions.get_or_create_owned(&labels))
                })
                .collect(),
            latency,
            closing: Notify::new(),
            limits,
            failures,
            decoder,
            stored,
            notices,
            passes,
            releases,
            dns,
            connections,
            registry,
        }
    }

    /// Counts a judged message.
    pub fn verdict(&self, verdict: &Verdict) {
        count(&self.verdicts, verdict.class);
        for signal in &verdict.signals {
            if let Some(limit) = signal.id.strip_prefix("limit.") {
                self.limit(limit);
            }
        }
    }

    /// Counts a message in which a limit was hit.
    pub fn limit(&self, limit: &str) {
        self.limits
            .get_or_create(&[("limit", limit.to_owned())])
            .inc();
    }

    /// Counts a message given to the quarantine: `new`, `repeated`, or why it could not be stored.
    pub fn stored(&self, outcome: &'static str) {
        self.stored
            .get_or_create(&[("outcome", outcome.to_owned())])
            .inc();
    }

    /// Counts what was done for one recipient.
    pub fn disposition(&self, disposition: Disposition) {
        count(&self.dispositions, disposition);
    }

    /// Counts a failure of our own: `panic`, `spool`, `read`, `action` …
    pub fn failure(&self, kind: &'static str) {
        self.failures
            .get_or_create(&[("kind", kind.to_owned())])
            .inc();
    }

    /// How many failures of a kind there were.
    pub fn failures(&self, kind: &'static str) -> u64 {
        self.failures
            .get_or_create(&[("kind", kind.to_owned())])
            .get()
    }

    /// Counts a message that goes on with a notice.
    pub fn notice(&self, form: Form) {
        self.notices
            .get_or_create(&[("form", form.name().to_owned())])
            .inc();
    }

    /// Counts a notice of our own: `apart`, `apart-failed`.
    pub fn notice_apart(&self, outcome: &'static str) {
        self.notices
            .get_or_create(&[("form", outcome.to_owned())])
            .inc();
    }

    /// Counts what the decode helpers did.
    pub fn decoder(&self, events: &[(&'static str, u64)]) {
        add(&self.decoder, events);
    }

    /// Counts what lists in the DNS did.
    pub fn dns(&self, events: &[(&'static str, u64)]) {
        add(&self.dns, events);
    }

    /// Counts a try to release to one recipient: `sent`, `waiting` or `failed`.
    pub fn release(&self, progress: &'static str) {
        self.releases
            .get_or_create(&[("progress", progress.to_owned())])
            .inc();
    }

    /// Counts a message that carried a pass, by what it was worth: `valid`, `forged`, `expired` …
    pub fn pass(&self, worth: &'static str) {
        self.passes
            .get_or_create(&[("worth", worth.to_owned())])
            .inc();
    }

    /// Notes the time from the last byte of a message to our answer.
    pub fn latency(&self, taken: Duration) {
        self.latency.observe(taken.as_secs_f64());
    }

    /// Notes a connection.
    pub fn opened(&self) {
        self.connections.inc();
        self.connections_total.inc();
    }

    /// Notes the end of a connection.
    pub fn closed(&self) {
        self.connections.dec();
        self.closing.notify_waiters();
    }

    /// Waits until no connection is open.
    pub async fn all_closed(&self) {
        loop {
            let closing = self.closing.notified();
            let mut closing = std::pin::pin!(closing);
            // Before looking, so that no end is missed in between.
            closing.as_mut().enable();
            if self.connections.get() == 0 {
                return;
            }
            closing.await;
        }
    }

    /// All numbers in the text format of Prometheus.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String takes all text");
        text
    }
}

fn add(family: &Family<Labels, Counter>, events: &[(&'static str, u64)]) {
    for &(event, count) in events.iter().filter(|(_, count)| *count > 0) {
        family
            .get_or_create(&[("event", event.to_owned())])
            .inc_by(count);
    }
}

fn count<T: PartialEq + Copy>(counters: &[(T, Counter)], which: T) {
    if let Some((_, counter)) = counters.iter().find(|(value, _)| *value == which) {
        // Only ever read as a number by itself.
        counter.inner().fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_shown() {
        let metrics = Metrics::new();
        metrics.verdict(&Verdict::error());
        metrics.disposition(Disposition::Tag);
        metrics.disposition(Disposition::Tag);
        metrics.failure("panic");
        metrics.decoder(&[("files", 2), ("late", 0)]);
        metrics.decoder(&[("files", 1), ("late", 1)]);
        metrics.latency(Duration::from_micros(150));
        metrics.connections.inc();
        let text = metrics.text();
        for line in [
            "callbluff_messages_total{verdict=\"error\"} 1",
            "callbluff_messages_total{verdict=\"clean\"} 0",
            "callbluff_recipients_total{disposition=\"tag\"} 2",
            "callbluff_failures_total{kind=\"panic\"} 1",
            "callbluff_decoder_events_total{event=\"files\"} 3",
            "callbluff_decoder_events_total{event=\"late\"} 1",
            "callbluff_end_of_message_seconds_count 1",
            "callbluff_end_of_message_seconds_bucket{le=\"0.0001\"} 0",
            "callbluff_end_of_message_seconds_bucket{le=\"0.0002\"} 1",
            "callbluff_connections 1",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        }
    }
}
