//! What a store can do.

use crate::quarantine::{
    Attempt, AuditRecord, Deed, Entry, Filter, ListRow, NewAttempt, NewEntry, Outcome, Page, State,
    StoreError, Stored, Trouble,
};
use crate::spool::Spool;
use async_trait::async_trait;
use jiff::Timestamp;
use std::fmt;
use std::time::Duration;

/// The result of asking a store.
pub type Answer<T> = Result<T, StoreError>;

/// A page of entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// What to ask for as `after` to get the next page; `None` at the end.
    pub next: Option<String>,
}

/// Entries that belong together, such as those of one wave.
#[derive(Clone, Debug, PartialEq)]
pub struct Wave {
    /// [`Entry::wave`] of its entries.
    pub name: String,
    /// How many entries.
    pub entries: u64,
    /// How many of them are still held.
    pub held: u64,
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
}

/// How full the quarantine is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Entries by state.
    pub states: Vec<(State, u64)>,
    /// Bytes of all messages whose bytes are kept, as received.
    pub bytes: u64,
    /// Bytes that they take, compressed.
    pub stored_bytes: u64,
    /// The oldest entry that is held.
    pub oldest: Option<Timestamp>,
    /// The recipients' domains with most held entries, at most 10.
    pub domains: Vec<(String, u64)>,
    /// Releases that wait.
    pub waiting: u64,
}

/// Whose entries are too old or too many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excess {
    /// Only entries with a recipient in this domain and none elsewhere; `None` for all.
    pub domain: Option<String>,
    /// Domains that have limits of their own and are left alone, where `domain` is `None`.
    pub except: Vec<String>,
    /// Entries received before go.
    pub before: Option<Timestamp>,
    /// Of the bytes as received, so many stay, the newest.
    pub max_bytes: Option<u64>,
    /// So many entries stay, the newest.
    pub max_entries: Option<u64>,
}

/// What erasing one person's data did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Entries of nobody else: gone with all their traces.
    pub entries: u64,
    /// Entries of others, too: the person's address was taken out.
    pub shared: u64,
}

/// A quarantine: SQLite in a file, or PostgreSQL for several hosts.
///
/// Every method may wait for a disk or a network, for a bounded time.
///
/// # Errors
///
/// Each method fails when the store cannot be reached or cannot do it; nothing is done then,
/// and the caller may try again.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Stores a message. When this returns without an error, it has reached the disk.
    ///
    /// Idempotent: the same message with the same sender, recipients and client, within the window,
    /// gives the entry that is there already.
    async fn put(&self, entry: &NewEntry, raw: &mut Spool) -> Answer<Stored>;

    /// One entry by its identifier, or by a beginning of it that no other has.
    async fn get(&self, id: &str) -> Answer<Entry>;

    /// A part of the message as received, counted from 0; `None` behind the last.
    ///
    /// A part has at most 1 MiB.
    async fn part(&self, id: &str, number: u32) -> Answer<Option<Vec<u8>>>;

    /// The entries that a filter means, newest first.
    async fn list(&self, filter: &Filter, page: &Page) -> Answer<Listing>;

    /// How much is read to find such a list: `blocks=N pages=N marked=N`, where marked entries are those that are not in the
    /// search index yet.
    async fn plan(&self, filter: &Filter, page: &Page) -> Answer<String>;

    /// How many entries a filter means.
    async fn count(&self, filter: &Filter) -> Answer<u64>;

    /// Brings an entry from one of some states into another, and notes the deed.
    /// Where the new state has no bytes, these go.
    ///
    /// Fails with [`Trouble::State`] where it is in another state.
    async fn set_state(&self, id: &str, from: &[State], to: State, deed: &Deed) -> Answer<()>;

    /// Notes a deed that leaves the states of entries as they are; for all of them or none.
    async fn note(&self, ids: &[&str], deed: &Deed) -> Answer<()>;

    /// All that was done with an entry, in order.
    async fn trail(&self, id: &str) -> Answer<Vec<AuditRecord>>;

    /// Sets what links an entry to others.
    async fn link(&self, id: &str, wave: Option<&str>, follows: Option<&str>) -> Answer<()>;

    /// The waves of the entries that a filter means, largest first.
    async fn waves(&self, filter: &Filter, limit: u32) -> Answer<Vec<Wave>>;

    /// Puts releases on the list of what is to be sent, all or none.
    async fn enqueue(&self, attempts: &[NewAttempt]) -> Answer<()>;

    /// Takes releases that are due. Nobody else gets them for as long as `lease`; who ends before
    /// telling the outcome leaves them to be tried again.
    async fn due(&self, now: Timestamp, lease: Duration, limit: u32) -> Answer<Vec<Attempt>>;

    /// Tells what came of one try.
    async fn tried(&self, number: i64, outcome: &Outcome) -> Answer<()>;

    /// The releases of an entry, in order.
    async fn attempts(&self, id: &str) -> Answer<Vec<Attempt>>;

    /// Drops the bytes of at most `limit` entries in excess, oldest first, and notes the deed;
    /// the number of entries.
    async fn expire(&self, excess: &Excess, deed: &Deed, limit: u32) -> Answer<u64>;

    /// Removes what is left of entries that were deleted or expired before a time; at most `limit`.
    async fn forget(&self, before: Timestamp, limit: u32) -> Answer<u64>;

    /// Erases all data of one recipient; with `dry_run` only tells what would go.
    async fn erase(&self, recipient: &str, deed: &Deed, dry_run: bool) -> Answer<Erased>;

    /// How full it is.
    async fn stats(&self) -> Answer<Stats>;

    /// Can it be reached and written to?
    async fn health(&self) -> Answer<()>;

    /// All rows of a shared list, by key.
    async fn rows(&self, list: &str) -> Answer<Vec<ListRow>>;

    /// Writes a row of a shared list.
    async fn set_row(&self, list: &str, key: &str, value: &str, now: Timestamp) -> Answer<()>;

    /// Removes a row of a shared list; was it there?
    async fn remove_row(&self, list: &str, key: &str) -> Answer<bool>;

    /// Adds to a shared counter and returns its value; counters of an earlier `window` are forgotten.
    async fn add(&self, counter: &str, window: i64, amount: i64) -> Answer<i64>;

    /// Ends all connections.
    async fn close(&self);
}

/// All bytes of a message, checked against its hash.
///
/// # Errors
///
/// As [`Store::part`]; [`Trouble::Corrupt`] where the bytes are not those that were stored or
/// more than `limit`.
pub async fn read_all(store: &dyn Store, entry: &Entry, limit: u64) -> Answer<Vec<u8>> {
    use sha2::{Digest as _, Sha256};
    if entry.size > limit {
        return Err(StoreError::new(
            Trouble::Other,
            format!(
                "entry {}: {} bytes, the limit is {limit}",
                entry.id, entry.size
            ),
        ));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(entry.size).unwrap_or(0));
    let mut number = 0;
    while let Some(part) = store.part(&entry.id, number).await? {
        bytes.extend_from_slice(&part);
        number += 1;
    }
    if bytes.len() as u64 != entry.size || hex(&Sha256::digest(&bytes)) != entry.sha256 {
        return Err(StoreError::new(
            Trouble::Corrupt,
            format!(
                "entry {}: its bytes are not those that were stored",
                entry.id
            ),
        ));
    }
    Ok(bytes)
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
