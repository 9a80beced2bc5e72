//! Storing a message.

use crate::message::Address;
use crate::quarantine::keys::{EntryKey, random};
use crate::quarantine::pack::{PART, pack};
use crate::quarantine::sql::SqlStore;
use crate::quarantine::sql::statement::{Statement, Value, trouble};
use crate::quarantine::{Answer, NewEntry, StoreError, Stored, Trouble, hex, id};
use crate::spool::Spool;
use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, Row as _};
use std::collections::BTreeSet;
use tokio::task::spawn_blocking;

/// An entry ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) id: String,
    pub(super) now: i64,
    /// How long the same message is not stored again, and until when, in milliseconds.
    pub(super) window: i64,
    pub(super) until: i64,
    pub(super) digest: Vec<u8>,
    /// The values of the columns [`ENTRY`](crate::quarantine::sql::group::ENTRY).
    pub(super) row: Vec<Value>,
    /// The bytes, packed, where they are one part.
    pub(super) part: Option<Vec<u8>>,
    pub(super) wrapped: Vec<(String, Vec<u8>)>,
}

impl Prepared {
    /// About how much it writes.
    pub(super) fn bytes(&self) -> usize {
        self.part.as_ref().map_or(0, Vec::len) + 1024
    }
}

async fn insert_part(
    connection: &mut AnyConnection,
    entry: &str,
    number: u32,
    bytes: Vec<u8>,
) -> Answer<()> {
    Statement::with(
        "INSERT INTO part (entry, number, bytes) VALUES (?, ?, ?)",
        [Value::from(entry), number.into(), bytes.into()],
    )
    .run(connection)
    .await
    .map(|_| ())
}

/// The entry that has this message already.
pub(super) async fn known(
    connection: &mut AnyConnection,
    digest: &[u8],
    now: i64,
) -> Answer<Option<Stored>> {
    let row = Statement::with(
        "SELECT entry FROM repeat WHERE digest = ? AND until > ?",
        [Value::from(digest), now.into()],
    )
    .row(connection)
    .await?;
    row.map(|row| {
        Ok(Stored {
            id: row.try_get(0).map_err(trouble)?,
            is_repeated: true,
        })
    })
    .transpose()
}

/// What makes a message the same: its bytes, where it comes from and whom it is for.
fn digest_of(sha256: &[u8], entry: &NewEntry) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(sha256);
    let mut add = |bytes: &[u8]| {
        // With its length before it, so that no two lists look the same.
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    let envelope = &entry.envelope;
    add(sender_of(entry).as_bytes());
    let client = envelope.client.ip.map(|ip| ip.to_string());
    add(client.unwrap_or_default().as_bytes());
    let recipients: BTreeSet<&[u8]> = envelope.recipients.iter().map(Address::as_bytes).collect();
    for recipient in recipients {
        add(recipient);
    }
    hash.finalize().to_vec()
}

fn sender_of(entry: &NewEntry) -> Address {
    entry.envelope.sender.clone().unwrap_or_default()
}

/// Recipients as they are stored in one column.
pub(super) fn joined(recipients: &[Address]) -> Vec<u8> {
    let all: Vec<&[u8]> = recipients.iter().map(Address::as_bytes).collect();
    all.join(&0)
}

/// The domain of all recipients; empty where they have several.
pub(super) fn common_domain(recipients: &[Address]) -> String {
    let domains: BTreeSet<String> = recipients.iter().map(Address::domain).collect();
    match (domains.len(), domains.into_iter().next()) {
        (1, Some(domain)) => domain,
        _ => String::new(),
    }
}

impl SqlStore {
    /// Stores a message; it has reached the disk when this returns.
    pub(super) async fn store(&self, entry: &NewEntry, raw: &mut Spool) -> Answer<Stored> {
        let mut bits = [0; 8];
        random(&mut bits)?;
        let id = id::new_id(entry.received_at, u64::from_le_bytes(bits));
        let key = self.keys.as_ref().map(|_| EntryKey::new()).transpose()?;
        let in_memory = match raw.in_memory() {
            Some(bytes) if bytes.len() <= PART => Some((
                Sha256::digest(bytes).to_vec(),
                pack(bytes, key.as_ref(), &id, 0)?,
            )),
            _ => None,
        };
        let prepared = match in_memory {
            Some((sha256, part)) => {
                self.prepared(entry, id, raw.len(), &sha256, Some(part), key)?
            }
            None => {
                // Bytes beyond memory are read several times, but never held as a whole.
                let permit =
                    self.timely(async { self.big_ones.acquire().await.map_err(|_| closed()) });
                let _permit = permit.await?;
                let sha256 = hash(raw).await?;
                let prepared = self.prepared(entry, id, raw.len(), &sha256, None, key.clone())?;
                if let Some(known) = self.timely(self.known(&prepared)).await? {
                    return Ok(known);
                }
                self.stage(&prepared, raw, key).await?;
                prepared
            }
        };
        self.timely(self.commit(prepared)).await
    }

    async fn commit(&self, prepared: Prepared) -> Answer<Stored> {
        let opened = self.opened().await?;
        opened.writer.store(prepared).await
    }

    async fn known(&self, prepared: &Prepared) -> Answer<Option<Stored>> {
        let mut connection = self.reader().await?;
        known(&mut connection, &prepared.digest, prepared.now).await
    }

    /// Writes the parts of a big message, each in a transaction of its own: so nobody waits for all of
    /// them. Until the entry itself is written they belong to nobody, and are cleaned up later.
    async fn stage(
        &self,
        prepared: &Prepared,
        raw: &mut Spool,
        key: Option<EntryKey>,
    ) -> Answer<()> {
        let mut offset = 0;
        let mut number: u32 = 0;
        while offset < raw.len() {
            let bytes = read_at(raw, offset).await?;
            if bytes.is_empty() {
                return Err(StoreError::new(
                    Trouble::Other,
                    "the spool file ends too early",
                ));
            }
            offset += bytes.len() as u64;
            let (key, id) = (key.clone(), prepared.id.clone());
            let packing = spawn_blocking(move || pack(&bytes, key.as_ref(), &id, number));
            let packed = packing.await.map_err(|_| closed())??;
            self.timely(async {
                let mut transaction = self.begin().await?;
                if number == 0 {
                    Statement::with(
                        "INSERT INTO staged (entry, since) VALUES (?, ?)",
                        [Value::from(prepared.id.as_str()), prepared.now.into()],
                    )
                    .run(&mut transaction)
                    .await?;
                }
                insert_part(&mut transaction, &prepared.id, number, packed).await?;
                transaction.commit().await.map_err(trouble)
            })
            .await?;
            number += 1;
        }
        Ok(())
    }

    fn prepared(
        &self,
        entry: &NewEntry,
        id: String,
        size: u64,
        sha256: &[u8],
        part: Option<Vec<u8>>,
        key: Option<EntryKey>,
    ) -> Answer<Prepared> {
        let envelope = &entry.envelope;
        let sender = sender_of(entry);
        let sha256_text = hex(sha256);
        let queue_id = envelope.queue_id.clone().unwrap_or_default();
        let mut wrapped = Vec::new();
        if let (Some(keys), Some(key)) = (&self.keys, &key) {
            let domains: BTreeSet<String> =
                envelope.recipients.iter().map(Address::domain).collect();
            for domain in domains {
                let bytes = keys.wrap(key, &id, &domain)?;
                wrapped.push((domain, bytes));
            }
        }
        let now = entry.received_at.as_millisecond();
        let window = i64::try_from(self.settings.repeat_window.as_millis()).unwrap_or(i64::MAX / 2);
        let digest = digest_of(sha256, entry);
        let verdict = serde_json::to_string(&entry.verdict)
            .map_err(|err| StoreError::new(Trouble::Other, err.to_string()))?;
        let row = vec![
            Value::from(id.as_str()),
            now.into(),
            now.into(),
            queue_id.into(),
            entry.message_id.clone().into(),
            sender.as_bytes().into(),
            joined(&envelope.recipients).into(),
            envelope.client.ip.map(|ip| ip.to_string()).into(),
            envelope.client.name.as_str().into(),
            envelope.client.helo.as_str().into(),
            entry.host.as_str().into(),
            envelope.auth_user.clone().into(),
            entry.subject.clone().into(),
            entry.verdict.class.as_str().into(),
            entry.verdict.score.into(),
            entry.verdict.kind.clone().into(),
            verdict.into(),
            entry.rule.clone().into(),
            i64::try_from(size).unwrap_or(i64::MAX).into(),
            sha256_text.into(),
            entry.trace.as_str().into(),
            common_domain(&envelope.recipients).into(),
            digest.as_slice().into(),
            entry.wave.clone().into(),
        ];
        Ok(Prepared {
            id,
            now,
            window,
            until: now.saturating_add(window),
            digest,
            row,
            part,
            wrapped,
        })
    }
}

/// The SHA-256 of all bytes.
async fn hash(raw: &mut Spool) -> Answer<Vec<u8>> {
    let mut hash = Sha256::new();
    let mut offset = 0;
    while offset < raw.len() {
        let bytes = read_at(raw, offset).await?;
        if bytes.is_empty() {
            break;
        }
        offset += bytes.len() as u64;
        let work = spawn_blocking(move || {
            hash.update(&bytes);
            hash
        });
        hash = work.await.map_err(|_| closed())?;
    }
    Ok(hash.finalize().to_vec())
}

async fn read_at(raw: &mut Spool, offset: u64) -> Answer<Vec<u8>> {
    raw.read_at(offset, PART).await.map_err(|err| {
        StoreError::new(
            Trouble::Other,
            format!("could not read the message back from its spool file ({err})"),
        )
    })
}

fn closed() -> StoreError {
    StoreError::new(Trouble::Unavailable, "the quarantine was closed")
}
