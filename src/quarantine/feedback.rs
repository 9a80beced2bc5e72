//! What reviewers say about entries: caught by mistake, or rightly.

use crate::classify::{Fingerprint, Kind, Learned};
use crate::message::{self, ReadLimits};
use crate::quarantine::{Answer, Deed, Entry, ListRow, Store, read_all};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The shared list that holds the marks.
const LIST: &str = "feedback";
/// The largest message that is fingerprinted, in bytes.
const MAX_MESSAGE: u64 = 64 << 20;

/// What a reviewer says about an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It should not have been caught: near copies are let through from now on.
    Error,
    /// It was rightly caught: near copies are caught from now on, however they are weighed.
    Confirmed,
}

impl Mark {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Confirmed => "confirmed",
        }
    }
}

/// A mark as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    mark: Mark,
    by: String,
    kind: Option<String>,
    /// `None` where the text is too short to be told from others.
    fingerprint: Option<String>,
}

/// Marks an entry; a later mark replaces an earlier one.
///
/// # Errors
///
/// When the bytes are gone, or the store cannot be reached.
pub async fn mark(
    store: &dyn Store,
    entry: &Entry,
    mark: Mark,
    by: &str,
    now: Timestamp,
) -> Answer<()> {
    let raw = read_all(store, entry, MAX_MESSAGE).await?;
    let row = Row {
        mark,
        by: by.to_owned(),
        kind: entry.verdict.kind.clone(),
        fingerprint: fingerprint(&raw).map(|print| print.to_string()),
    };
    let value = serde_json::to_string(&row).expect("strings always serialise");
    store.set_row(LIST, &entry.id, &value, now).await?;
    let deed = Deed {
        at: now,
        who: by.to_owned(),
        what: "marked".to_owned(),
        why: mark.name().to_owned(),
    };
    store.note(&[&entry.id], &deed).await
}

/// Takes a mark back; was there one?
///
/// # Errors
///
/// When the store cannot be reached.
pub async fn unmark(store: &dyn Store, entry: &Entry) -> Answer<bool> {
    store.remove_row(LIST, &entry.id).await
}

/// Every mark by entry.
///
/// # Errors
///
/// When the store cannot be reached.
pub async fn marks(store: &dyn Store) -> Answer<Vec<(String, Mark)>> {
    let rows = store.rows(LIST).await?;
    let read = |row: &ListRow| Some((row.key.clone(), parse(row)?.mark));
    Ok(rows.iter().filter_map(read).collect())
}

/// What all hosts have learnt from their reviewers.
///
/// # Errors
///
/// When the store cannot be reached.
pub async fn learned(store: &dyn Store) -> Answer<Learned> {
    let mut learned = Learned::default();
    for row in store.rows(LIST).await?.iter().filter_map(parse) {
        let Some(print) = row.fingerprint.and_then(|text| text.parse().ok()) else {
            continue;
        };
        match row.mark {
            Mark::Error => learned.add_error(print),
            Mark::Confirmed => {
                let kind = row.kind.as_deref().and_then(Kind::from_name);
                learned.add_confirmed(print, kind.unwrap_or(Kind::Bluff));
            }
        }
    }
    Ok(learned)
}

/// The fingerprint of a message; `None` where it has too few words.
pub(crate) fn fingerprint(raw: &[u8]) -> Option<Fingerprint> {
    Fingerprint::of_pieces(&message::read(raw, &ReadLimits::default()).pieces)
}

fn parse(row: &ListRow) -> Option<Row> {
    serde_json::from_str(&row.value).ok()
}
