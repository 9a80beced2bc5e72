//! What the tests of the quarantine stand on.

use callbluff::message::{Address, Client, Envelope};
use callbluff::quarantine::{
    self, Filter, NewEntry, Settings, State, Store, StoredVerdict, StoredWallet,
};
use callbluff::spool::{Spool, SpoolSettings};
use jiff::Timestamp;
use std::path::Path;
use std::sync::Arc;

/// A place for a quarantine.
pub(crate) trait Ground {
    /// The settings that lead to it.
    fn settings(&self) -> Settings;
    /// The state folder.
    fn folder(&self) -> &Path;
    /// Runs SQL behind the store's back.
    async fn sql(&self, sql: &str);
    /// The folder of the migrations.
    fn migrations(&self) -> &'static str;

    /// What the database does by itself some time after it was filled.
    async fn settle(&self);
    /// The number that some SQL gives.
    async fn number(&self, sql: &str) -> i64;
    /// SQL that is true where a column of bytes has these characters.
    fn contains(&self, column: &str, text: &str) -> String;

    /// Has all entries that are stored taken into the search index, which otherwise takes a while.
    async fn index_now(&self, store: &Arc<dyn Store>) {
        // A search does it where there are many marks. These are of nothing, and behind all others.
        let marks = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
             SELECT 'z' || CAST(i AS TEXT) FROM n";
        self.sql(&format!("INSERT INTO fresh (entry) {marks}"))
            .await;
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while self.number("SELECT COUNT(*) FROM fresh").await > 0 {
            assert!(std::time::Instant::now() < end, "still not in the index");
            store.count(&Filter::default()).await.expect("counted");
        }
    }

    /// The quarantine with these settings.
    fn open_with(&self, settings: &Settings) -> Arc<dyn Store> {
        quarantine::open(settings, self.folder()).expect("the settings are right")
    }

    /// The quarantine.
    fn open(&self) -> Arc<dyn Store> {
        self.open_with(&self.settings())
    }
}

/// A time in seconds after some moment.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

/// An entry to store; each number has its own queue ID, Message-ID and time.
pub(crate) fn entry(number: i64) -> NewEntry {
    NewEntry {
        received_at: at(number),
        envelope: Envelope {
            client: Client {
                ip: Some("192.0.2.7".parse().expect("an address")),
                port: 4711,
                name: "mail.example.net".to_owned(),
                helo: "helo.example.net".to_owned(),
            },
            queue_id: Some(format!("4bQk{number}")),
            daemon_name: None,
            auth_user: None,
            sender: Some(Address::new(b"<liar@example.net>")),
            recipients: vec![Address::new(b"<ann@example.org>")],
        },
        host: "mx1.example.org".to_owned(),
        message_id: Some(format!("<{number}@example.net>")),
        subject: Some("I saw you".to_owned()),
        verdict: StoredVerdict {
            class: "sextortion".to_owned(),
            score: 12.5,
            kind: Some("bluff".to_owned()),
            wallets: vec![StoredWallet {
                coin: "btc".to_owned(),
                address: "1Wallet".to_owned(),
                place: "plain".to_owned(),
            }],
            template: Some("webcam-1".to_owned()),
            language: Some("en".to_owned()),
            ..StoredVerdict::default()
        },
        rule: Some("certain".to_owned()),
        wave: Some("template:webcam-1".to_owned()),
        trace: "Received: from helo.example.net\r\n".to_owned(),
    }
}

/// The same for other recipients.
pub(crate) fn entry_for(number: i64, recipients: &[&str]) -> NewEntry {
    let mut entry = entry(number);
    entry.envelope.recipients = recipients
        .iter()
        .map(|recipient| Address::new(recipient.as_bytes()))
        .collect();
    entry
}

/// A message that has come in.
pub(crate) async fn spool(bytes: &[u8]) -> Spool {
    let mut spool = Spool::new(SpoolSettings::default());
    for chunk in bytes.chunks(65_535) {
        if !spool.push(chunk) {
            spool.flush().await.expect("the disk has room");
        }
    }
    spool
}

/// Stores a message and returns the entry's identifier.
pub(crate) async fn put(store: &dyn Store, entry: &NewEntry, bytes: &[u8]) -> String {
    let stored = store.put(entry, &mut spool(bytes).await).await;
    let stored = stored.expect("stored");
    assert!(!stored.is_repeated);
    stored.id
}

/// Bytes that do not get smaller.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(length)
    .collect()
}

/// Fills a store with so many different entries.
pub(crate) async fn fill(store: &Arc<dyn Store>, entries: i64) {
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in (task..entries).step_by(16) {
                    let domain = number % 50;
                    let mut new =
                        entry_for(number, &[&format!("<user{number}@d{domain}.example>")]);
                    // Two words that many have and nobody has both of.
                    let side = if number % 2 == 0 { "left" } else { "right" };
                    let group = number % 300;
                    new.subject = Some(format!("Case {number} of group {group} {side}"));
                    new.envelope.sender = Some(Address::new(
                        format!("<s{}@example.net>", number % 997).as_bytes(),
                    ));
                    new.verdict.wallets[0].address = format!("wallet{}", number % 400);
                    // What few have, and only old entries.
                    if number < 2000 && number % 10 == 3 {
                        new.verdict.class = "suspect".to_owned();
                        new.verdict.kind = Some("chat".to_owned());
                        new.verdict.score = 7.5;
                    }
                    let text = format!("message {number}");
                    put(&*store, &new, text.as_bytes()).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}

/// Searches of every kind, each with its name.
pub(crate) fn searches(round: i64) -> Vec<(&'static str, Filter)> {
    let text = |text: String| Some(text);
    let any = Filter::default;
    let mut all = vec![
        ("everything", any()),
        (
            "one recipient",
            Filter {
                recipient: text(format!("user{}@d{}.example", round * 50, 0)),
                ..any()
            },
        ),
        (
            "recipients that begin so",
            Filter {
                recipient: text(format!("user{round}*")),
                ..any()
            },
        ),
        (
            "a domain",
            Filter {
                domain: text(format!("d{round}.example")),
                ..any()
            },
        ),
        (
            "two words",
            Filter {
                subject: text(format!("case {}", round * 77)),
                ..any()
            },
        ),
        (
            "words that begin so",
            Filter {
                subject: text("gro*".to_owned()),
                ..any()
            },
        ),
        (
            "a payment address",
            Filter {
                wallet: text(format!("wallet{round}")),
                ..any()
            },
        ),
        (
            "senders that begin so, in a state",
            Filter {
                sender: text("s1*".to_owned()),
                states: vec![State::Held],
                ..any()
            },
        ),
        (
            "a time and a score",
            Filter {
                since: Some(at(5000)),
                until: Some(at(6000)),
                min_score: Some(10.0),
                ..any()
            },
        ),
        (
            "an identifier that begins so",
            Filter {
                id: text("1".to_owned()),
                ..any()
            },
        ),
    ];
    all.extend(hard_searches());
    all
}

/// Searches for what is rare, old, or not there at all among many that meet a part of it.
pub(crate) fn hard_searches() -> Vec<(&'static str, Filter)> {
    let text = |text: &str| Some(text.to_owned());
    let any = Filter::default;
    vec![
        (
            "a letter that all recipients begin with",
            Filter {
                recipient: text("u*"),
                ..any()
            },
        ),
        (
            "a beginning that only old recipients have",
            Filter {
                recipient: text("user1*"),
                until: Some(at(10_000)),
                ..any()
            },
        ),
        (
            "a letter that no recipient begins with",
            Filter {
                recipient: text("z*"),
                ..any()
            },
        ),
        (
            "two words that never meet",
            Filter {
                subject: text("left right"),
                ..any()
            },
        ),
        (
            "words that begin so, each only one, and never meet",
            Filter {
                subject: text("lef* righ*"),
                ..any()
            },
        ),
        (
            "a domain and a word that never meet",
            Filter {
                domain: text("d1.example"),
                subject: text("left"),
                ..any()
            },
        ),
        (
            "a score that nobody reaches",
            Filter {
                min_score: Some(99.0),
                ..any()
            },
        ),
        (
            "a word and a score that nobody reaches",
            Filter {
                subject: text("left"),
                min_score: Some(99.0),
                ..any()
            },
        ),
        (
            "a state that nobody is in",
            Filter {
                states: vec![State::Released],
                ..any()
            },
        ),
        (
            "a state and a score that nobody reaches",
            Filter {
                states: vec![State::Held],
                min_score: Some(99.0),
                ..any()
            },
        ),
        (
            "states that nobody is in, and a domain",
            Filter {
                domain: text("d2.example"),
                states: vec![State::Released, State::Reported],
                ..any()
            },
        ),
        (
            "a verdict that only old entries have",
            Filter {
                verdict: text("suspect"),
                ..any()
            },
        ),
        (
            "a kind that only old entries have, and a word of all",
            Filter {
                kind: text("chat"),
                subject: text("case"),
                ..any()
            },
        ),
        (
            "a wave and a score that nobody reaches",
            Filter {
                wave: text("template:webcam-1"),
                min_score: Some(99.0),
                ..any()
            },
        ),
        (
            "a wave and a client that all have",
            Filter {
                wave: text("template:webcam-1"),
                client: text("192.0.2.7"),
                template: text("webcam-1"),
                ..any()
            },
        ),
    ]
}
