//! What an entry is found by: its addresses, wallets, words of the subject and so on.

use crate::message::Address;
use crate::quarantine::{Entry, Filter, StoredVerdict};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The longest value, in bytes; both databases limit the size of an index row.
const MAX_VALUE: usize = 500;
/// Words of a subject that are noted.
const MAX_WORDS: usize = 40;
/// The most recipients of an entry that are noted; an MTA has a limit of its own.
const MAX_ROWS: usize = 5000;

/// Which kind of value: a column of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Recipient,
    Domain,
    Sender,
    Wallet,
    Template,
    QueueId,
    MessageId,
    Client,
    Sha256,
    Word,
}

impl Field {
    /// The short name under which it is stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Recipient => "r",
            Self::Domain => "d",
            Self::Sender => "s",
            Self::Wallet => "w",
            Self::Template => "t",
            Self::QueueId => "q",
            Self::MessageId => "m",
            Self::Client => "c",
            Self::Sha256 => "h",
            Self::Word => "x",
        }
    }
}

/// The terms of one entry.
pub(crate) type Terms = BTreeSet<(Field, String)>;

/// What terms are made of.
pub(crate) struct Facts<'a> {
    pub(crate) sender: &'a Address,
    pub(crate) recipients: &'a [Address],
    pub(crate) client: Option<IpAddr>,
    pub(crate) queue_id: &'a str,
    pub(crate) message_id: Option<&'a str>,
    pub(crate) sha256: &'a str,
    pub(crate) verdict: &'a StoredVerdict,
    pub(crate) subject: Option<&'a str>,
}

impl<'a> From<&'a Entry> for Facts<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            sender: &entry.sender,
            recipients: &entry.recipients,
            client: entry.client,
            queue_id: &entry.queue_id,
            message_id: entry.message_id.as_deref(),
            sha256: &entry.sha256,
            verdict: &entry.verdict,
            subject: entry.subject.as_deref(),
        }
    }
}

impl Facts<'_> {
    /// All terms, each once.
    pub(crate) fn terms(&self) -> Terms {
        let mut terms = Terms::new();
        let mut add = |field, value: &str| {
            if field == Field::Sender || !value.is_empty() {
                terms.insert((field, folded(value)));
            }
        };
        for recipient in self.recipients.iter().take(MAX_ROWS) {
            add(Field::Recipient, &recipient.text());
            add(Field::Domain, &recipient.domain());
        }
        add(Field::Sender, &self.sender.text());
        if let Some(client) = self.client {
            add(Field::Client, &client.to_string());
        }
        add(Field::QueueId, self.queue_id);
        add(Field::MessageId, self.message_id.unwrap_or_default());
        add(Field::Sha256, self.sha256);
        for wallet in &self.verdict.wallets {
            add(Field::Wallet, &wallet.address);
        }
        add(
            Field::Template,
            self.verdict.template.as_deref().unwrap_or_default(),
        );
        for word in words(self.subject.unwrap_or_default()) {
            add(Field::Word, word);
        }
        terms
    }
}

/// The words of a subject.
fn words(subject: &str) -> impl Iterator<Item = &str> {
    subject
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().nth(1).is_some())
        .take(MAX_WORDS)
}

/// A value as it is compared: lower case, nothing that a database refuses, not endless.
pub(crate) fn folded(value: &str) -> String {
    let mut value = value.to_lowercase().replace('\0', "");
    value.truncate(value.floor_char_boundary(MAX_VALUE));
    value
}

/// A condition on a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) field: Field,
    pub(crate) value: String,
    /// Is any value right that begins so?
    pub(crate) is_prefix: bool,
}

/// The conditions of a filter that are on terms.
pub(crate) fn wanted(filter: &Filter) -> Vec<Wanted> {
    let mut all = Vec::new();
    let mut add = |field, value: &str| {
        let (value, is_prefix) = match value.strip_suffix('*') {
            Some(beginning) => (beginning, true),
            None => (value, false),
        };
        // An empty beginning asks nothing.
        if !(is_prefix && value.is_empty()) {
            all.push(Wanted {
                field,
                value: folded(value),
                is_prefix,
            });
        }
    };
    let wallet = filter.wallet.as_deref();
    let address = wallet.map(|text| text.split_once(':').map_or(text, |(_, address)| address));
    for (field, value) in [
        (Field::Recipient, filter.recipient.as_deref()),
        (Field::Domain, filter.domain.as_deref()),
        (Field::Sender, filter.sender.as_deref()),
        (Field::Wallet, address),
        (Field::Template, filter.template.as_deref()),
        (Field::QueueId, filter.queue_id.as_deref()),
        (Field::MessageId, filter.message_id.as_deref()),
        (Field::Client, filter.client.as_deref()),
        (Field::Sha256, filter.sha256.as_deref()),
    ] {
        if let Some(value) = value {
            add(field, value);
        }
    }
    let subject = filter.subject.as_deref().unwrap_or_default();
    for word in subject.split_whitespace() {
        // `inv*` is a beginning; other marks part words as they do in subjects.
        match word.strip_suffix('*') {
            Some(beginning) if beginning.chars().all(char::is_alphanumeric) => {
                add(Field::Word, word);
            }
            _ => words(word).for_each(|word| add(Field::Word, word)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_found_by_its_words() {
        let verdict = StoredVerdict::default();
        let facts = Facts {
            sender: &Address::new(b"<>"),
            recipients: &[
                Address::new(b"<Ann@Example.org>"),
                Address::new(b"<bob@example.org>"),
            ],
            client: None,
            queue_id: "4bQk2x3Tz",
            message_id: None,
            sha256: "ab",
            verdict: &verdict,
            subject: Some("Über-Wichtig: I saw you, 100% (really)"),
        };
        let terms = facts.terms();
        let of = |field| -> Vec<&str> {
            terms
                .iter()
                .filter(|term| term.0 == field)
                .map(|term| term.1.as_str())
                .collect()
        };
        assert_eq!(
            of(Field::Word),
            ["100", "really", "saw", "wichtig", "you", "über"]
        );
        assert_eq!(of(Field::Recipient), ["ann@example.org", "bob@example.org"]);
        assert_eq!(of(Field::Domain), ["example.org"]);
        assert_eq!(of(Field::Sender), [""]);
        assert_eq!(of(Field::QueueId), ["4bqk2x3tz"]);
    }

    #[test]
    fn a_star_asks_for_a_beginning() {
        let filter = Filter {
            recipient: Some("Ann*".to_owned()),
            wallet: Some("btc:1Abc".to_owned()),
            template: Some("*".to_owned()),
            subject: Some("Pay* now!".to_owned()),
            ..Filter::default()
        };
        let told: Vec<_> = wanted(&filter)
            .into_iter()
            .map(|w| (w.field, w.value, w.is_prefix))
            .collect();
        assert_eq!(
            told,
            [
                (Field::Recipient, "ann".to_owned(), true),
                (Field::Wallet, "1abc".to_owned(), false),
                (Field::Word, "pay".to_owned(), true),
                (Field::Word, "now".to_owned(), false),
            ]
        );
    }
}
