//! Changes to a message's header, and texts for the MTA, in a form that every MTA takes.

use crate::classify::Verdict;
use crate::policy::{Plan, Reply};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What the names of our own fields begin with.
const OWN: &[u8] = b"X-Callbluff-";
/// The most fields that are deleted from one message: an MTA searches its list for each.
const MAX_FORGED: usize = 500;
/// Lines are folded here, in bytes (RFC 5322, section 2.1.1).
const FOLD: usize = 76;
/// The longest value, in bytes.
const MAX_VALUE: usize = 8000;
/// The longest line, without its end, in bytes (RFC 5322, section 2.1.1).
const MAX_LINE: usize = 990;
/// The longest reason for a hold: Postfix logs 100 bytes of it.
const MAX_REASON: usize = 99;

/// Fields with our names that came with the message, by name in lower case.
#[derive(Debug, Default)]
pub(super) struct Forged {
    counts: BTreeMap<Vec<u8>, i32>,
    total: usize,
}

impl Forged {
    /// Looks at the name of a field as received.
    pub(super) fn see(&mut self, name: &[u8]) {
        let name = name.trim_ascii_end();
        let is_own = name
            .get(..OWN.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(OWN));
        if !is_own {
            return;
        }
        self.total += 1;
        if self.total <= MAX_FORGED {
            *self.counts.entry(name.to_ascii_lowercase()).or_default() += 1;
        }
    }

    /// Are there more than can be deleted? Then our own must stand above them.
    pub(super) fn is_flood(&self) -> bool {
        self.total > MAX_FORGED
    }

    /// What to delete, as name and index, in an order in which no deletion moves a later one.
    pub(super) fn deletions(&self) -> impl Iterator<Item = (&[u8], i32)> {
        self.counts
            .iter()
            .flat_map(|(name, &count)| (1..=count).rev().map(|index| (name.as_slice(), index)))
    }
}

/// Names of fields that a notice in place of the message takes away: they speak of another content, would
/// send answers and receipts to whoever threatens, or sign what is gone.
const GOING: [&str; 21] = [
    "auto-submitted",
    "disposition-notification-to",
    "dkim-signature",
    "domainkey-signature",
    "errors-to",
    "from",
    "importance",
    "in-reply-to",
    "message-id",
    "mime-version",
    "precedence",
    "priority",
    "references",
    "reply-to",
    "return-receipt-to",
    "sender",
    "subject",
    "thread-index",
    "thread-topic",
    "x-confirm-reading-to",
    "x-priority",
];
/// As above, by what their names begin with.
const GOING_PREFIXES: [&str; 3] = ["arc-", "content-", "list-"];

/// How often the fields came that a notice changes or takes away, by name in lower case.
#[derive(Debug, Default)]
pub(super) struct Fields {
    counts: BTreeMap<Vec<u8>, i32>,
    total: usize,
}

impl Fields {
    /// Looks at the name of a field as received.
    pub(super) fn see(&mut self, name: &[u8]) {
        let name = name.trim_ascii_end().to_ascii_lowercase();
        let goes = GOING.iter().any(|known| known.as_bytes() == name)
            || GOING_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix.as_bytes()));
        if goes {
            self.total += 1;
            if self.total <= MAX_FORGED {
                *self.counts.entry(name).or_default() += 1;
            }
        }
    }

    /// Are there more than can be changed? Then the body stays, since a field that says how to read the
    /// old one might be left.
    pub(super) fn is_flood(&self) -> bool {
        self.total > MAX_FORGED
    }

    /// Does a signature cover the body?
    pub(super) fn is_signed(&self) -> bool {
        self.has("dkim-signature") || self.has("domainkey-signature")
    }

    /// Did a field with this name, in lower case, come?
    pub(super) fn has(&self, name: &str) -> bool {
        self.counts.contains_key(name.as_bytes())
    }

    /// Names in lower case, and how often each came.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&[u8], i32)> {
        self.counts
            .iter()
            .map(|(name, &count)| (name.as_slice(), count))
    }
}

/// Our own fields, in the order in which they shall stand.
pub(super) fn own_headers(verdict: &Verdict) -> Vec<(&'static str, String)> {
    let mut headers = vec![("X-Callbluff-Verdict", verdict.class.to_string())];
    if verdict.class != crate::classify::Class::Error {
        headers.push(("X-Callbluff-Score", format!("{:.1}", verdict.score)));
    }
    let mut signals = String::new();
    for signal in &verdict.signals {
        if !signals.is_empty() {
            signals.push_str(", ");
        }
        signals.push_str(&signal.id);
    }
    if !signals.is_empty() {
        headers.push(("X-Callbluff-Signals", signals));
    }
    headers
}

/// Can this be the name of a header field (RFC 5322, section 3.6.8)?
pub(super) fn is_field_name(name: &str) -> bool {
    !name.is_empty() && name.len() < FOLD && name.bytes().all(|b| b.is_ascii_graphic() && b != b':')
}

/// A field's value for the MTA: printable ASCII, folded with LF and tab, not endless.
pub(super) fn field_value(value: &str, name_len: usize, keeps_space: bool) -> String {
    let mut out = String::with_capacity(value.len() + 1);
    if keeps_space {
        out.push(' ');
    }
    let mut column = name_len + 2;
    for word in value.split_inclusive(' ') {
        let width = word.trim_end().len();
        if column + width > FOLD && column > 8 && !out.trim().is_empty() {
            out.truncate(out.trim_end().len());
            out.push_str("\n\t");
            column = 8;
        }
        for c in word.chars() {
            if out.len() >= MAX_VALUE {
                return out;
            }
            // One word can be longer than a line.
            if column >= MAX_LINE {
                out.push_str("\n\t");
                column = 8;
            }
            let safe = if (' '..='~').contains(&c) { c } else { '?' };
            out.push(safe);
            column += 1;
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// The subject with a prefix, the rest of it as received.
pub(super) fn prefixed_subject(prefix: &str, subject: &[u8], keeps_space: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(prefix.len() + subject.len() + 8);
    if keeps_space {
        out.push(b' ');
    }
    let prefix = prefix.trim();
    if prefix.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        out.extend_from_slice(&prefix.as_bytes()[..prefix.len().min(MAX_REASON)]);
    } else {
        // RFC 2047, section 2: an encoded word has at most 75 characters, 45 bytes of text in Base64.
        let mut end = prefix.len().min(45);
        while !prefix.is_char_boundary(end) {
            end -= 1;
        }
        out.extend_from_slice(b"=?UTF-8?B?");
        out.extend_from_slice(base64(&prefix.as_bytes()[..end]).as_bytes());
        out.extend_from_slice(b"?=");
    }
    let subject = subject.trim_ascii_start();
    let first_line = subject
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or(subject);
    // The old lines must not become longer than a line may be.
    out.extend_from_slice(if out.len() + first_line.len() + 16 > MAX_LINE {
        b"\n\t"
    } else {
        b" "
    });
    out.extend(subject.iter().filter(|&&byte| byte != 0));
    out
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Why a message is held, for the MTA's log.
pub(super) fn hold_reason(plan: &Plan, verdict: &Verdict) -> String {
    let mut reason = format!("callbluff: {}", verdict.class);
    if verdict.score > 0.0 {
        let _ = write!(reason, ", {:.1} points", verdict.score);
    }
    let rule = plan
        .decisions
        .iter()
        .find_map(|decision| decision.rule.as_deref());
    if let Some(rule) = rule {
        let _ = write!(reason, ", rule {rule}");
    }
    let mut reason: String = reason
        .chars()
        .map(|c| if (' '..='~').contains(&c) { c } else { '?' })
        .collect();
    reason.truncate(MAX_REASON);
    reason
}

/// The text of a reply for the MTA.
///
/// Note: the text is a format to the MTAs: Sendmail drops a text with a single `%`, Postfix the `%`.
pub(super) fn reply_text(reply: &Reply) -> String {
    reply.text().replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Decision;
    use proptest::prelude::*;

    #[test]
    fn forged_fields_go_from_the_highest_index_down() {
        let mut forged = Forged::default();
        for name in [
            "Subject",
            "X-Callbluff-Verdict",
            "x-callbluff-verdict ",
            "X-CALLBLUFF-SCORE",
            "X-Callbluff",
            "X-Callbluff-Verdict",
            "Y-X-Callbluff-Score",
        ] {
            forged.see(name.as_bytes());
        }
        let deletions: Vec<_> = forged.deletions().collect();
        assert_eq!(
            deletions,
            [
                (&b"x-callbluff-score"[..], 1),
                (b"x-callbluff-verdict", 3),
                (b"x-callbluff-verdict", 2),
                (b"x-callbluff-verdict", 1),
            ]
        );
        assert!(!forged.is_flood());
    }

    #[test]
    fn a_flood_of_forged_fields_is_bounded() {
        let mut forged = Forged::default();
        for _ in 0..10_000 {
            forged.see(b"X-Callbluff-Verdict");
        }
        assert!(forged.is_flood());
        assert_eq!(forged.deletions().count(), MAX_FORGED);
    }

    #[test]
    fn long_values_are_folded() {
        let value = "recording.claimed, ".repeat(10);
        let folded = field_value(&value, 19, true);
        assert!(
            folded.starts_with(" recording.claimed, recording.claimed,"),
            "{folded}"
        );
        assert!(folded.contains(",\n\trecording"), "{folded}");
        assert!(!folded.ends_with(' '));
        assert_eq!(field_value("clean", 19, false), "clean");
    }

    #[test]
    fn subjects_keep_their_bytes() {
        for (prefix, subject, expected) in [
            ("[bluff]", &b" hello"[..], &b" [bluff] hello"[..]),
            (
                "[bluff] ",
                b"=?utf-8?q?a?=\n =?utf-8?q?b?=",
                b" [bluff] =?utf-8?q?a?=\n =?utf-8?q?b?=",
            ),
            ("[bluff]", b" caf\xe9", b" [bluff] caf\xe9"),
            ("[\u{e4}]", b"x", b" =?UTF-8?B?W8OkXQ==?= x"),
        ] {
            assert_eq!(
                prefixed_subject(prefix, subject, true),
                expected,
                "{prefix}"
            );
        }
        let long = [b'x'; 980];
        assert!(prefixed_subject("[bluff]", &long, true).starts_with(b" [bluff]\n\txxx"));
    }

    proptest! {
        #[test]
        fn no_value_leaves_its_field(value in any::<String>(), keeps_space: bool) {
            let out = field_value(&value, 19, keeps_space);
            prop_assert!(out.len() <= MAX_VALUE + 2);
            for (index, line) in out.split('\n').enumerate() {
                prop_assert!(line.len() < 998);
                prop_assert!(index == 0 || line.starts_with('\t') && !line.trim().is_empty());
                prop_assert!(line.trim_start_matches('\t').bytes().all(|b| (b' '..=b'~').contains(&b)));
            }
        }

        #[test]
        fn one_word_of_any_length_is_folded(length in 0..10_000_usize) {
            let out = field_value(&"x".repeat(length), 19, true);
            prop_assert!(out.split('\n').all(|line| line.len() < 998));
        }

        #[test]
        fn every_percent_sign_is_doubled(text in "[ -~]{1,400}") {
            prop_assume!(!text.trim().is_empty());
            let reply = Reply::new(550, "5.7.1", &text).unwrap();
            let sent = reply_text(&reply);
            prop_assert_eq!(sent.matches('%').count(), 2 * text.matches('%').count());
            prop_assert_eq!(sent.replace("%%", "%"), text);
            prop_assert!(sent.len() <= 980);
        }

        #[test]
        fn a_reason_is_short_and_plain(rule in any::<String>()) {
            let decision = Decision { rule: Some(rule), ..Decision::accept("") };
            let plan = Plan::join(vec![decision], crate::policy::Combine::Split);
            let reason = hold_reason(&plan, &Verdict::error());
            prop_assert!(reason.len() < 100);
            prop_assert!(reason.bytes().all(|b| (b' '..=b'~').contains(&b)));
        }
    }
}
