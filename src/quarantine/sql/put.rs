//! Storing a message.

use crate::message::Address;
use crate::quarantine::keys::{EntryKey, random};
use crate::quarantine::pack::{PART, pack};
use crate::quarantine::sql::SqlStore;
use crate::quarantine::sql::statement::{Statement, Value, trouble};
use crate::quarantine::terms::{Facts, Terms};
use crate::quarantine::{Answer, NewEntry, StoreError, Stored, Trouble, hex, id};
use crate::spool::Spool;
use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, Row as _};
use std::collections::BTreeSet;
use tokio::task::spawn_blocking;

/// An entry ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    id: String,
    now: i64,
    until: i64,
    digest: Vec<u8>,
    row: Vec<Value>,
    terms: Terms,
    /// The bytes, packed, where they are one part.
    part: Option<Vec<u8>>,
    wrapped: Vec<(String, Vec<u8>)>,
}

impl Prepared {
    /// About how much it writes.
    pub(super) fn bytes(&self) -> usize {
        self.part.as_ref().map_or(0, Vec::len) + 1024
    }

    /// Writes it; what is stored already is left as it is.
    pub(super) async fn insert(&self, connection: &mut AnyConnection) -> Answer<Stored> {
        let taken = Statement::with(
            "INSERT INTO repeat AS r (digest, entry, until) VALUES (?, ?, ?) \
             ON CONFLICT (digest) DO UPDATE SET entry = excluded.entry, until = excluded.until \
             WHERE r.until <= ?",
            [
                Value::from(self.digest.clone()),
                self.id.as_str().into(),
                self.until.into(),
                self.now.into(),
            ],
        );
        if taken.run(connection).await? == 0 {
            let known = known(connection, &self.digest, self.now).await?;
            return known.ok_or_else(being_stored);
        }
        Statement::with(&format!("{INTO_ENTRY} VALUES ({ROW})"), self.row.clone())
            .run(connection)
            .await?;
        insert_terms(connection, &self.id, &self.terms).await?;
        if let Some(part) = &self.part {
            insert_part(connection, &self.id, 0, part.clone()).await?;
        } else {
            let here = Statement::with(
                "DELETE FROM staged WHERE entry = ?",
                [self.id.as_str().into()],
            );
            if here.run(connection).await? == 0 {
                return Err(StoreError::new(
                    Trouble::Late,
                    "the parts of the message were cleaned up while it was being stored",
                ));
            }
        }
        for (domain, bytes) in &self.wrapped {
            Statement::with(
                "INSERT INTO wrapped (entry, domain, bytes) VALUES (?, ?, ?)",
                [
                    Value::from(self.id.as_str()),
                    domain.as_str().into(),
                    bytes.clone().into(),
                ],
            )
            .run(connection)
            .await?;
        }
        Ok(Stored {
            id: self.id.clone(),
            is_repeated: false,
        })
    }
}

impl Prepared {
    /// The same in one statement and its own transaction, so that a server is asked once and not six
    /// times; `None` where it does not fit into one. For PostgreSQL: SQLite does not know such statements.
    async fn insert_at_once(&self, connection: &mut AnyConnection) -> Answer<Option<Stored>> {
        let Some(part) = &self.part else {
            return Ok(None);
        };
        if self.terms.len() > TERMS {
            return Ok(None);
        }
        let id = || Value::from(self.id.as_str());
        let mut insert = Statement::with(
            "WITH taken AS (INSERT INTO repeat AS r (digest, entry, until) VALUES (?, ?, ?) \
             ON CONFLICT (digest) DO UPDATE SET entry = excluded.entry, until = excluded.until \
             WHERE r.until <= ? RETURNING 1), kept AS (",
            [
                Value::from(self.digest.clone()),
                id(),
                self.until.into(),
                self.now.into(),
            ],
        );
        let entry = format!("{INTO_ENTRY} SELECT {ROW} FROM taken), ");
        insert.push(&entry, self.row.clone());
        insert.push(
            "bytes AS (INSERT INTO part (entry, number, bytes) SELECT ?, 0, ? FROM taken)",
            [id(), part.clone().into()],
        );
        if !self.terms.is_empty() {
            insert.push(
                ", terms AS (INSERT INTO term (field, value, entry) SELECT v.field, v.value, ? FROM taken, (VALUES ",
                [id()],
            );
            for (index, (field, value)) in self.terms.iter().enumerate() {
                let text = if index == 0 { "(?, ?)" } else { ", (?, ?)" };
                insert.push(text, [Value::from(field.name()), value.as_str().into()]);
            }
            insert.push(") v(field, value) ON CONFLICT DO NOTHING)", []);
        }
        for (index, (domain, bytes)) in self.wrapped.iter().enumerate() {
            insert.push(
                &format!(
                    ", wrapped{index} AS (INSERT INTO wrapped (entry, domain, bytes) SELECT ?, ?, ? FROM taken)"
                ),
                [id(), domain.as_str().into(), bytes.clone().into()],
            );
        }
        insert.push(" SELECT COUNT(*) FROM taken", []);
        if insert.number(connection).await? == 0 {
            let known = known(connection, &self.digest, self.now).await?;
            return known.map(Some).ok_or_else(being_stored);
        }
        Ok(Some(Stored {
            id: self.id.clone(),
            is_repeated: false,
        }))
    }
}

fn being_stored() -> StoreError {
    StoreError::new(Trouble::Locked, "the same message is just being stored")
}

/// The columns of `Prepared::row`, with two that are the same for all.
const INTO_ENTRY: &str = "INSERT INTO entry (id, state, kept, received_at, changed_at, queue_id, \
     message_id, sender, recipients, client, client_name, helo, host, auth_user, subject, class, score, \
     kind, verdict, rule, size, sha256, trace, domain, digest, wave)";
const ROW: &str =
    "?, 'held', 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";

/// Terms in one statement, at most; SQLite has a limit for values.
const TERMS: usize = 200;

pub(super) async fn insert_terms(
    connection: &mut AnyConnection,
    entry: &str,
    terms: &Terms,
) -> Answer<()> {
    let all: Vec<_> = terms.iter().collect();
    for some in all.chunks(TERMS) {
        let mut insert = Statement::new("INSERT INTO term (field, value, entry) VALUES ");
        for (index, (field, value)) in some.iter().enumerate() {
            let text = if index == 0 {
                "(?, ?, ?)"
            } else {
                ", (?, ?, ?)"
            };
            insert.push(
                text,
                [
                    Value::from(field.name()),
                    value.as_str().into(),
                    entry.into(),
                ],
            );
        }
        insert.push(" ON CONFLICT DO NOTHING", []);
        insert.run(connection).await?;
    }
    Ok(())
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
async fn known(connection: &mut AnyConnection, digest: &[u8], now: i64) -> Answer<Option<Stored>> {
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
        if let Some(writer) = &opened.group {
            return writer.store(prepared).await;
        }
        let mut connection = opened.reader().await?;
        if let Some(stored) = prepared.insert_at_once(&mut connection).await? {
            return Ok(stored);
        }
        drop(connection);
        let mut transaction = opened.begin().await?;
        let stored = prepared.insert(&mut transaction).await?;
        transaction.commit().await.map_err(trouble)?;
        Ok(stored)
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
        let terms = Facts {
            sender: &sender,
            recipients: &envelope.recipients,
            client: envelope.client.ip,
            queue_id: &queue_id,
            message_id: entry.message_id.as_deref(),
            sha256: &sha256_text,
            verdict: &entry.verdict,
            subject: entry.subject.as_deref(),
        }
        .terms();
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
            until: now.saturating_add(window),
            digest,
            row,
            terms,
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
