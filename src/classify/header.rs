//! Signals from the header and the envelope.

use crate::message::{Envelope, Finding, Header, Origin, Place};

/// Facts of the header that a mass mailer leaves.
pub(crate) fn findings(envelope: &Envelope, header: &Header) -> Vec<Finding> {
    let mut found = Vec::new();
    let from = header.first("From").and_then(address);
    let is_recipient = |address: &str| {
        envelope
            .recipients
            .iter()
            .any(|recipient| recipient.text().eq_ignore_ascii_case(address))
            || header
                .all("To")
                .filter_map(self::address)
                .any(|to| to.eq_ignore_ascii_case(address))
    };
    if from.as_deref().is_some_and(is_recipient) {
        found.push(Finding {
            id: "header.own-address",
            place: Place::of(Origin::DisplayName),
        });
    }
    found
}

/// The first address of an address field.
fn address(value: &str) -> Option<String> {
    let bare = match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or_default(),
        None => value.split(',').next().unwrap_or_default(),
    };
    let bare = bare.trim();
    bare.contains('@').then(|| bare.to_lowercase())
}
