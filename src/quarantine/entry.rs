//! A message in the quarantine, with all that is known about it.

use crate::classify::{Class, Verdict};
use crate::message::{Address, Envelope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// What has become of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Nobody has decided yet.
    Held,
    /// It was delivered to somebody.
    Released,
    /// Somebody threw it away; the bytes are gone.
    Deleted,
    /// It was too old, or room was needed; the bytes are gone.
    Expired,
    /// It was reported to an authority; the bytes stay as proof.
    Reported,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Held,
        Self::Released,
        Self::Deleted,
        Self::Expired,
        Self::Reported,
    ];

    /// The word for it on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Released => "released",
            Self::Deleted => "deleted",
            Self::Expired => "expired",
            Self::Reported => "reported",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Are the bytes of the message still kept?
    pub fn has_bytes(self) -> bool {
        !matches!(self, Self::Deleted | Self::Expired)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One reason of the verdict, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredSignal {
    /// `category.what`.
    pub id: String,
    /// Its theme.
    pub category: String,
    /// Points that it added.
    pub weight: f64,
    /// Where it was found first.
    #[serde(rename = "where")]
    pub place: String,
}

/// A payment address, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoredWallet {
    /// The coin in lower case.
    pub coin: String,
    /// The address in its usual spelling.
    pub address: String,
    /// Where it stands.
    #[serde(rename = "where")]
    pub place: String,
}

/// The verdict on a message, as it is stored: all of it, in words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredVerdict {
    /// `clean`, `suspect`, `sextortion` or `error`.
    pub class: String,
    /// Points.
    pub score: f64,
    /// `bluff`, `chat` or `other`.
    pub kind: Option<String>,
    /// `direct`, `quoted` or `forwarded`.
    pub context: Option<String>,
    /// Every reason, heaviest first.
    pub signals: Vec<StoredSignal>,
    /// Every proved payment address.
    pub wallets: Vec<StoredWallet>,
    /// The known template that it is a near copy of.
    pub template: Option<String>,
    /// ISO 639-1 code.
    pub language: Option<String>,
    /// Was something not read because of a limit?
    pub truncated: bool,
}

impl From<&Verdict> for StoredVerdict {
    fn from(verdict: &Verdict) -> Self {
        Self {
            class: verdict.class.name().to_owned(),
            score: verdict.score,
            kind: verdict.kind.map(|kind| kind.name().to_owned()),
            context: verdict.context.map(|context| context.name().to_owned()),
            signals: verdict
                .signals
                .iter()
                .map(|signal| StoredSignal {
                    id: signal.id.clone(),
                    category: signal.category.name().to_owned(),
                    weight: signal.weight,
                    place: signal.place.to_string(),
                })
                .collect(),
            wallets: verdict
                .wallets
                .iter()
                .map(|wallet| StoredWallet {
                    coin: wallet.coin.to_owned(),
                    address: wallet.address.clone(),
                    place: wallet.place.to_string(),
                })
                .collect(),
            template: verdict.template.clone(),
            language: verdict.language.clone(),
            truncated: verdict.is_truncated,
        }
    }
}

impl StoredVerdict {
    /// The class; `error` where the stored word is not known.
    pub fn class(&self) -> Class {
        Class::from_name(&self.class).unwrap_or(Class::Error)
    }
}

/// What links the messages of one wave: the template, or else the first payment address.
pub fn wave_of(verdict: &StoredVerdict) -> Option<String> {
    if let Some(template) = &verdict.template {
        return Some(format!("template:{template}"));
    }
    let wallet = verdict.wallets.first()?;
    Some(format!("{}:{}", wallet.coin, wallet.address))
}

/// What the milter stores, but for the bytes of the message.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// When the message came; the entry's identifier begins with it.
    pub received_at: Timestamp,
    /// The envelope as the MTA told it; its recipients are only those for whom it is stored.
    pub envelope: Envelope,
    /// The name of the mail server that took it, macro `j`.
    pub host: String,
    /// The Message-ID field.
    pub message_id: Option<String>,
    /// The subject, decoded, with every quoted password masked.
    pub subject: Option<String>,
    /// What it was judged to be.
    pub verdict: StoredVerdict,
    /// The rule that decided.
    pub rule: Option<String>,
    /// What links it to its wave: see [`Entry::wave`].
    pub wave: Option<String>,
    /// The `Received` field that the MTA did not show us, made up from what it told.
    pub trace: String,
}

/// What became of storing a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The entry that has the message.
    pub id: String,
    /// Was it there already? Then the client came again after we had stored it and could not say so.
    pub is_repeated: bool,
}

/// A message in the quarantine, but for its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// 16 characters of `0-9a-z`; later entries sort after earlier ones.
    pub id: String,
    /// What has become of it.
    pub state: State,
    /// When the message came.
    pub received_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// The MTA's queue ID.
    pub queue_id: String,
    /// The Message-ID field.
    pub message_id: Option<String>,
    /// The envelope sender exactly as in MAIL; the null address for `<>`.
    pub sender: Address,
    /// Those for whom it is stored, exactly as in RCPT.
    pub recipients: Vec<Address>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The client's name as the MTA resolved it.
    pub client_name: String,
    /// What the client said in HELO.
    pub helo: String,
    /// The mail server that took it.
    pub host: String,
    /// The user of SMTP AUTH.
    pub auth_user: Option<String>,
    /// The subject, decoded, with every quoted password masked.
    pub subject: Option<String>,
    /// The verdict with all signals and wallets.
    pub verdict: StoredVerdict,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Size of the message in bytes.
    pub size: u64,
    /// SHA-256 of the message as received, in hexadecimal.
    pub sha256: String,
    /// The made-up `Received` field, with its name and CRLF; not part of the stored bytes.
    pub trace: String,
    /// Entries with the same one belong to the same wave: `template:NAME` or `COIN:ADDRESS`.
    pub wave: Option<String>,
    /// The earlier entry that this one follows up.
    pub follows: Option<String>,
}

/// Somebody's deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// Who: a user, or `callbluff` for the daemon itself.
    pub who: String,
    /// What: `stored`, `released`, `deleted`, `expired`, `exported` …
    pub what: String,
    /// Why, in the words of who did it, or what came of it.
    pub why: String,
}

/// What was done with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Grows with each record.
    pub number: i64,
    /// The entry.
    pub entry: String,
    /// What was done.
    pub deed: Deed,
}

/// One recipient's share of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttempt {
    /// The entry.
    pub entry: String,
    /// To whom it goes, exactly as for RCPT.
    pub recipient: Address,
    /// All that the sender of it must remember, as JSON: next hop, form, who asked for it.
    pub options: String,
    /// Not before.
    pub next_try: Timestamp,
}

/// How far a release to one recipient is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// Not delivered yet; it is tried again.
    Waiting,
    /// The next hop took it.
    Sent,
    /// The next hop refused it for good, or it was tried for too long.
    Failed,
}

impl Progress {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Sent, Self::Failed];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }

    /// The value with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// A release to one recipient, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Identifies it.
    pub number: i64,
    /// The entry.
    pub entry: String,
    /// To whom it goes.
    pub recipient: Address,
    /// What its sender must remember, as JSON.
    pub options: String,
    /// How far it is.
    pub progress: Progress,
    /// How often it was tried.
    pub tries: u32,
    /// Not before.
    pub next_try: Timestamp,
    /// What the next hop said last, with its queue ID.
    pub reply: String,
}

/// What came of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How far it is now.
    pub progress: Progress,
    /// Not before, where it is tried again.
    pub next_try: Timestamp,
    /// What the next hop said.
    pub reply: String,
}

/// A row of a shared list: templates, allowed senders, whatever its owner writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// Unique in its list.
    pub key: String,
    /// As its owner wrote it, usually JSON.
    pub value: String,
    /// When it was written.
    pub changed_at: Timestamp,
}
