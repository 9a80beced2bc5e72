//! What an entry is found by: its addresses, wallets, words of the subject, state, score and so on.

use crate::message::Address;
use crate::quarantine::{Filter, State, StoredVerdict};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The longest value, in bytes; both databases limit the size of an index row.
const MAX_VALUE: usize = 500;
/// Words of a subject that are noted.
const MAX_WORDS: usize = 40;
/// The most recipients of an entry that are noted; an MTA has a limit of its own.
const MAX_ROWS: usize = 5000;

/// Which kind of value: a column of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    State,
    Wave,
    Class,
    Kind,
    Score,
}

impl Field {
    /// Every one.
    pub(crate) const ALL: [Self; 15] = [
        Self::Recipient,
        Self::Domain,
        Self::Sender,
        Self::Wallet,
        Self::Template,
        Self::QueueId,
        Self::MessageId,
        Self::Client,
        Self::Sha256,
        Self::Word,
        Self::State,
        Self::Wave,
        Self::Class,
        Self::Kind,
        Self::Score,
    ];

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
            Self::State => "z",
            Self::Wave => "v",
            Self::Class => "l",
            Self::Kind => "k",
            Self::Score => "p",
        }
    }
}

/// The terms of one entry.
pub(crate) type Terms = BTreeSet<(Field, String)>;

/// What terms are made of.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) state: State,
    pub(crate) sender: Address,
    pub(crate) recipients: Vec<Address>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) queue_id: String,
    pub(crate) message_id: Option<String>,
    pub(crate) sha256: String,
    pub(crate) verdict: StoredVerdict,
    pub(crate) subject: Option<String>,
    pub(crate) wave: Option<String>,
}

impl Facts {
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
        add(Field::QueueId, &self.queue_id);
        add(
            Field::MessageId,
            self.message_id.as_deref().unwrap_or_default(),
        );
        add(Field::Sha256, &self.sha256);
        let verdict = &self.verdict;
        for wallet in &verdict.wallets {
            add(Field::Wallet, &wallet.address);
        }
        add(
            Field::Template,
            verdict.template.as_deref().unwrap_or_default(),
        );
        for word in words(self.subject.as_deref().unwrap_or_default()) {
            add(Field::Word, word);
        }
        add(Field::Class, &verdict.class);
        add(Field::Kind, verdict.kind.as_deref().unwrap_or_default());
        terms.insert(state_term(self.state));
        terms.extend(self.wave.as_deref().map(wave_term));
        terms.insert((Field::Score, score(verdict.score)));
        terms
    }
}

/// The term of a state.
pub(crate) fn state_term(state: State) -> (Field, String) {
    (Field::State, state.name().to_owned())
}

/// The term of a wave: in its own spelling, since waves are told by it.
pub(crate) fn wave_term(wave: &str) -> (Field, String) {
    (Field::Wave, bounded(wave.replace('\0', "")))
}

/// A score as a text that sorts as scores do.
fn score(points: f64) -> String {
    // The bits of numbers sort as the numbers, but for the sign; and 0 has two signs.
    let bits = (points + 0.0).to_bits();
    let sign = 1 << 63;
    let bits = if bits & sign == 0 { bits | sign } else { !bits };
    format!("{bits:016x}")
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
    bounded(value.to_lowercase().replace('\0', ""))
}

fn bounded(mut value: String) -> String {
    value.truncate(value.floor_char_boundary(MAX_VALUE));
    value
}

/// Values in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first one.
    pub(crate) from: String,
    /// The first one behind them; `None` where it is one value.
    pub(crate) to: Option<String>,
}

impl Span {
    fn one(value: String) -> Self {
        Self {
            from: value,
            to: None,
        }
    }

    /// All values that begin so.
    fn beginning(from: String) -> Self {
        // No text sorts after this letter.
        let to = Some(format!("{from}\u{10ffff}"));
        Self { from, to }
    }

    /// Is this value one of them?
    pub(crate) fn has(&self, value: &str) -> bool {
        match &self.to {
            None => self.from == value,
            Some(to) => self.from.as_str() <= value && value < to.as_str(),
        }
    }
}

/// A condition: a term of this field whose value is in one of the spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) field: Field,
    pub(crate) spans: Vec<Span>,
}

impl Wanted {
    /// What every entry meets, as it has a state.
    pub(crate) fn anything() -> Self {
        Self {
            field: Field::State,
            spans: vec![Span::beginning(String::new())],
        }
    }

    /// Do these terms meet it?
    pub(crate) fn is_met(&self, terms: &Terms) -> bool {
        self.spans.iter().any(|span| {
            let from = (self.field, span.from.clone());
            let first = terms.range(from..).next();
            first.is_some_and(|(field, value)| *field == self.field && span.has(value))
        })
    }

    /// Are they only single values?
    pub(crate) fn is_exact(&self) -> bool {
        self.spans.iter().all(|span| span.to.is_none())
    }
}

/// The conditions of a filter on terms: all but those on the identifier and the time.
pub(crate) fn wanted(filter: &Filter) -> Vec<Wanted> {
    let mut all = Vec::new();
    let mut add = |field, value: &str| {
        let span = match value.strip_suffix('*') {
            // An empty beginning asks nothing.
            Some("") => return,
            Some(beginning) => Span::beginning(folded(beginning)),
            None => Span::one(folded(value)),
        };
        let spans = vec![span];
        all.push(Wanted { field, spans });
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
    let one = |value: &str| vec![Span::one(value.to_owned())];
    for (field, value) in [(Field::Class, &filter.verdict), (Field::Kind, &filter.kind)] {
        all.extend(value.iter().map(|value| Wanted {
            field,
            spans: one(&folded(value)),
        }));
    }
    all.extend(filter.wave.iter().map(|wave| Wanted {
        field: Field::Wave,
        spans: one(&wave_term(wave).1),
    }));
    if !filter.states.is_empty() {
        all.push(Wanted {
            field: Field::State,
            spans: filter
                .states
                .iter()
                .map(|state| Span::one(state_term(*state).1))
                .collect(),
        });
    }
    if filter.min_score.is_some() || filter.max_score.is_some() {
        // No score sorts after this letter.
        let end = filter.max_score.map_or_else(|| "g".to_owned(), score);
        all.push(Wanted {
            field: Field::Score,
            spans: vec![Span {
                from: filter.min_score.map(score).unwrap_or_default(),
                to: Some(end),
            }],
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_found_by_its_words() {
        let facts = Facts {
            state: State::Held,
            sender: Address::new(b"<>"),
            recipients: vec![
                Address::new(b"<Ann@Example.org>"),
                Address::new(b"<bob@example.org>"),
            ],
            client: None,
            queue_id: "4bQk2x3Tz".to_owned(),
            message_id: None,
            sha256: "ab".to_owned(),
            verdict: StoredVerdict::default(),
            subject: Some("Über-Wichtig: I saw you, 100% (really)".to_owned()),
            wave: Some("btc:1Boat".to_owned()),
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
        assert_eq!(of(Field::Wave), ["btc:1Boat"]);
        assert_eq!(of(Field::State), ["held"]);
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
            .map(|w| (w.field, w.spans[0].from.clone(), !w.is_exact()))
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

    #[test]
    fn scores_sort_as_texts() {
        let points = [-1000.0, -7.5, -0.5, 0.0, 0.5, 5.0, 9.9, 10.0, 12.5, 1000.0];
        let texts: Vec<String> = points.into_iter().map(score).collect();
        assert!(texts.is_sorted_by(|a, b| a < b), "{texts:?}");
        assert_eq!(score(-0.0), score(0.0));
    }

    #[test]
    fn a_condition_is_met_by_a_term_of_its_own_field() {
        let terms = Terms::from([
            (Field::Domain, "b.example".to_owned()),
            (Field::Word, "left".to_owned()),
            (Field::State, "held".to_owned()),
        ]);
        let of = |filter: &Filter| wanted(filter)[0].is_met(&terms);
        let text = |text: &str| Some(text.to_owned());
        for (domain, is_met) in [
            ("b.example", true),
            ("b*", true),
            ("b.example2", false),
            ("a*", false),
            ("c*", false),
            ("left", false),
        ] {
            let filter = Filter {
                domain: text(domain),
                ..Filter::default()
            };
            assert_eq!(of(&filter), is_met, "{domain}");
        }
        let states = |states: &[State]| Filter {
            states: states.to_vec(),
            ..Filter::default()
        };
        assert!(of(&states(&[State::Released, State::Held])));
        assert!(!of(&states(&[State::Released, State::Deleted])));
        assert!(Wanted::anything().is_met(&terms));
    }
}
