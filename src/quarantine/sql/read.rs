//! Reading entries.

use crate::message::Address;
use crate::quarantine::pack::{is_sealed, unpack};
use crate::quarantine::sql::statement::{Statement, Value, trouble};
use crate::quarantine::sql::{SqlStore, time};
use crate::quarantine::{Answer, AuditRecord, Deed, Entry, State, Stats, StoreError, Trouble, id};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

/// The columns that [`entry_of`] reads, in its order.
pub(super) const COLUMNS: &str = "e.id, e.state, e.received_at, e.changed_at, e.queue_id, e.message_id, \
     e.sender, e.recipients, e.client, e.client_name, e.helo, e.host, e.auth_user, e.subject, \
     e.verdict, e.rule, e.size, e.sha256, e.trace, e.wave, e.follows";

/// An entry from its row.
pub(super) fn entry_of(row: &AnyRow) -> Answer<Entry> {
    let read = || -> Result<Entry, sqlx::Error> {
        let bad = |what: &str| sqlx::Error::Decode(format!("the column {what} is damaged").into());
        let state: String = row.try_get(1)?;
        let sender: Vec<u8> = row.try_get(6)?;
        let recipients: Vec<u8> = row.try_get(7)?;
        let client: Option<String> = row.try_get(8)?;
        let verdict: String = row.try_get(14)?;
        Ok(Entry {
            id: row.try_get(0)?,
            state: State::from_name(&state).ok_or_else(|| bad("state"))?,
            received_at: time(row.try_get(2)?),
            changed_at: time(row.try_get(3)?),
            queue_id: row.try_get(4)?,
            message_id: row.try_get(5)?,
            sender: Address::new(&sender),
            recipients: split(&recipients),
            client: client.and_then(|text| text.parse().ok()),
            client_name: row.try_get(9)?,
            helo: row.try_get(10)?,
            host: row.try_get(11)?,
            auth_user: row.try_get(12)?,
            subject: row.try_get(13)?,
            verdict: serde_json::from_str(&verdict).map_err(|_| bad("verdict"))?,
            rule: row.try_get(15)?,
            size: u64::try_from(row.try_get::<i64, _>(16)?).unwrap_or(0),
            sha256: row.try_get(17)?,
            trace: row.try_get(18)?,
            wave: row.try_get(19)?,
            follows: row.try_get(20)?,
        })
    };
    read().map_err(trouble)
}

pub(super) fn split(recipients: &[u8]) -> Vec<Address> {
    if recipients.is_empty() {
        return Vec::new();
    }
    recipients.split(|&b| b == 0).map(Address::new).collect()
}

/// One entry by all of its identifier.
pub(super) async fn entry(connection: &mut AnyConnection, id: &str) -> Answer<Entry> {
    let row = Statement::with(
        &format!("SELECT {COLUMNS} FROM entry e WHERE e.id = ?"),
        [id.into()],
    )
    .row(connection)
    .await?;
    entry_of(&row.ok_or_else(|| StoreError::not_found(id))?)
}

impl SqlStore {
    pub(super) async fn find_one(&self, id: &str) -> Answer<Entry> {
        let id = id.to_lowercase();
        let mut connection = self.reader().await?;
        if id.len() == id::LENGTH {
            return entry(&mut connection, &id).await;
        }
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(StoreError::not_found(&id));
        }
        let rows = Statement::with(
            &format!(
                "SELECT {COLUMNS} FROM entry e WHERE e.id >= ? AND e.id < ? ORDER BY e.id LIMIT 2"
            ),
            [Value::from(id.as_str()), format!("{id}~").into()],
        )
        .rows(&mut connection)
        .await?;
        match rows.as_slice() {
            [] => Err(StoreError::not_found(&id)),
            [one] => entry_of(one),
            _ => Err(StoreError::new(
                Trouble::NotFound,
                format!("more than one entry begins with \"{id}\""),
            )),
        }
    }

    pub(super) async fn read_part(&self, id: &str, number: u32) -> Answer<Option<Vec<u8>>> {
        let mut connection = self.reader().await?;
        let row = Statement::with(
            "SELECT bytes FROM part WHERE entry = ? AND number = ?",
            [Value::from(id), number.into()],
        )
        .row(&mut connection)
        .await?;
        let Some(row) = row else {
            // The end of it, or nothing was ever there.
            if number == 0 {
                entry(&mut connection, id).await?;
            }
            return Ok(None);
        };
        let packed: Vec<u8> = row.try_get(0).map_err(trouble)?;
        let mut key = None;
        if is_sealed(&packed)
            && let Some(keys) = &self.keys
        {
            let row = Statement::with(
                "SELECT domain, bytes FROM wrapped WHERE entry = ? ORDER BY domain LIMIT 1",
                [id.into()],
            )
            .row(&mut connection)
            .await?
            .ok_or_else(|| StoreError::new(Trouble::Key, format!("entry {id}: its key is gone")))?;
            let domain: String = row.try_get(0).map_err(trouble)?;
            let bytes: Vec<u8> = row.try_get(1).map_err(trouble)?;
            key = Some(keys.unwrap_key(&bytes, id, &domain)?);
        }
        unpack(&packed, key.as_ref(), id, number).map(Some)
    }

    pub(super) async fn read_trail(&self, id: &str) -> Answer<Vec<AuditRecord>> {
        let mut connection = self.reader().await?;
        let entry = entry(&mut connection, id).await?;
        let rows = Statement::with(
            "SELECT number, at, who, what, why FROM audit WHERE entry = ? ORDER BY number",
            [id.into()],
        )
        .rows(&mut connection)
        .await?;
        // Storing itself is not written down once more: the entry says it.
        let rule = entry.rule.as_deref().unwrap_or("the defaults");
        let mut trail = vec![AuditRecord {
            number: 0,
            entry: id.to_owned(),
            deed: Deed {
                at: entry.received_at,
                who: "callbluff".to_owned(),
                what: "stored".to_owned(),
                why: format!("{} by {rule}", entry.verdict.class),
            },
        }];
        for row in rows {
            let read = || -> Result<AuditRecord, sqlx::Error> {
                Ok(AuditRecord {
                    number: row.try_get(0)?,
                    entry: id.to_owned(),
                    deed: Deed {
                        at: time(row.try_get(1)?),
                        who: row.try_get(2)?,
                        what: row.try_get(3)?,
                        why: row.try_get(4)?,
                    },
                })
            };
            trail.push(read().map_err(trouble)?);
        }
        Ok(trail)
    }

    pub(super) async fn read_stats(&self) -> Answer<Stats> {
        let mut connection = self.reader().await?;
        let connection = &mut *connection;
        let mut stats = Stats::default();
        let rows =
            Statement::new("SELECT state, COUNT(*) FROM entry GROUP BY state ORDER BY state")
                .rows(connection)
                .await?;
        for row in rows {
            let state: String = row.try_get(0).map_err(trouble)?;
            let count: i64 = row.try_get(1).map_err(trouble)?;
            if let Some(state) = State::from_name(&state) {
                stats.states.push((state, unsigned(count)));
            }
        }
        stats.bytes = unsigned(
            Statement::new("SELECT CAST(SUM(size) AS BIGINT) FROM entry WHERE kept = 1")
                .number(connection)
                .await?,
        );
        stats.stored_bytes = unsigned(
            Statement::new("SELECT CAST(SUM(LENGTH(bytes)) AS BIGINT) FROM part")
                .number(connection)
                .await?,
        );
        let oldest = Statement::new(
            "SELECT id FROM entry WHERE kept = 1 AND state = 'held' ORDER BY id LIMIT 1",
        )
        .row(connection)
        .await?;
        if let Some(row) = oldest {
            let id: String = row.try_get(0).map_err(trouble)?;
            stats.oldest = Some(id::time(&id));
        }
        let rows = Statement::new(
            "SELECT domain, COUNT(*) FROM entry WHERE kept = 1 AND state = 'held' AND domain <> '' \
             GROUP BY domain ORDER BY 2 DESC, 1 LIMIT 10",
        )
        .rows(connection)
        .await?;
        for row in rows {
            let domain: String = row.try_get(0).map_err(trouble)?;
            let count: i64 = row.try_get(1).map_err(trouble)?;
            stats.domains.push((domain, unsigned(count)));
        }
        stats.waiting = unsigned(
            Statement::new("SELECT COUNT(*) FROM attempt WHERE progress = 'waiting'")
                .number(connection)
                .await?,
        );
        Ok(stats)
    }

    pub(super) async fn check_health(&self) -> Answer<()> {
        // Reading can go well where no room is left or the disk is read-only.
        let mut transaction = self.begin().await?;
        Statement::with(
            "INSERT INTO counter (name, span, value) VALUES ('health', 0, 1) \
             ON CONFLICT (name) DO UPDATE SET value = counter.value + 1",
            [],
        )
        .run(&mut transaction)
        .await?;
        transaction.commit().await.map_err(trouble)
    }
}

/// A count or a size.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
