//! The signals that judging itself gives beside those of the packs, each with its meaning.

use crate::message::{FINDINGS, MEDIA_FINDINGS};

/// Identifier and meaning. `wallet.*` stands for one signal of each coin.
const SIGNALS: &[(&str, &str)] = &[
    (
        "header.own-address",
        "the sender claims the recipient's own address, and nobody vouches for it",
    ),
    (
        "header.auth-fail",
        "a trusted host says that DMARC failed, or SPF where there is no DMARC",
    ),
    (
        "header.mass-mailer",
        "header fields as only the tools of mass mailers make them",
    ),
    ("template.known", "a near copy of a known template"),
    (
        "template.shape",
        "money is demanded for a proved address, with so many themes as only a threat touches",
    ),
    ("proof.password", "a password of the reader is quoted"),
    (
        "proof.breached-password",
        "a quoted password is in the local list of breached ones",
    ),
    (
        "wallet.*",
        "a payment address of this coin that passes its checksum",
    ),
    (
        "list.*",
        "a payment address is in the list of this name in the DNS",
    ),
    (
        "list.wallet",
        "a payment address is in the configuration's block list",
    ),
    (
        "list.sender",
        "the sender is in the configuration's block list",
    ),
    (
        "list.network",
        "the client is in a network of the configuration's block list",
    ),
    (
        "wallet.weak",
        "a payment address whose form has no checksum",
    ),
    (
        "obfuscation.wallet",
        "a payment address that is split, starred or otherwise disguised",
    ),
    (
        "obfuscation.confusables",
        "letters of other scripts that look like those of the word",
    ),
    (
        "obfuscation.accents",
        "accents on letters that have none in any language of the text",
    ),
    (
        "obfuscation.zero-width",
        "characters without width, or soft hyphens, inside words",
    ),
    (
        "obfuscation.spaced-words",
        "words written with spaces or dots between their letters",
    ),
    (
        "obfuscation.leet",
        "words written with digits or signs for letters",
    ),
    (
        "obfuscation.entities",
        "letters written as numeric entities in plain text",
    ),
    (
        "obfuscation.interleaved",
        "signs put between the letters of words",
    ),
    (
        "limit.words",
        "so many words of the packs in a text that not all were looked at",
    ),
    (
        "limit.wallets",
        "so many payment addresses that not all were looked at",
    ),
    ("limit.size", "a message longer than is read"),
    (
        "limit.decoder",
        "a PDF or picture that could not be read in time",
    ),
];

/// Every signal that is not of a pack, with its meaning.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    [SIGNALS, FINDINGS, MEDIA_FINDINGS]
        .into_iter()
        .flatten()
        .copied()
}

/// What a signal that is not of a pack tells.
pub(crate) fn meaning(id: &str) -> Option<&'static str> {
    all()
        .find(|(known, _)| *known == id)
        .or_else(|| {
            let (category, _) = id.split_once('.')?;
            all().find(|(known, _)| known.strip_suffix(".*") == Some(category))
        })
        .map(|(_, meaning)| meaning)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::model::category;
    use std::collections::BTreeSet;

    #[test]
    fn every_signal_is_told_once_and_has_a_category() {
        let mut seen = BTreeSet::new();
        for (id, _) in all() {
            assert!(seen.insert(id), "{id} is told twice");
            assert!(category(id).is_some(), "{id} has no category");
        }
        assert!(meaning("wallet.btc").is_some() && meaning("header.none").is_none());
    }
}
