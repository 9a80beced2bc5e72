//! Retention and erasure.

use crate::message::Address;
use crate::quarantine::sql::SqlStore;
use crate::quarantine::sql::blocks::{self, Change};
use crate::quarantine::sql::change::{drop_bytes, note, other_state};
use crate::quarantine::sql::find::newest;
use crate::quarantine::sql::put::{common_domain, joined};
use crate::quarantine::sql::read::{COLUMNS, entry, entry_of};
use crate::quarantine::sql::statement::{Statement, Value, trouble};
use crate::quarantine::terms::{Facts, Field, folded};
use crate::quarantine::{Answer, Deed, Entry, Erased, Excess, Filter, State, id};
use jiff::Timestamp;
use sqlx::{AnyConnection, Row as _};
use std::collections::BTreeMap;

/// Entries that are erased in one transaction.
const BATCH: usize = 100;
/// How long parts may be there before their entry, in milliseconds.
const STAGED: i64 = 24 * 60 * 60 * 1000;

/// Which entries retention looks at: those that are kept, of one domain or of all but some.
fn scope(statement: &mut Statement, excess: &Excess) {
    statement.push(" WHERE kept = 1", []);
    if let Some(domain) = &excess.domain {
        statement.push(" AND domain = ?", [domain.as_str().into()]);
    }
    for domain in &excess.except {
        statement.push(" AND domain <> ?", [domain.as_str().into()]);
    }
}

/// The oldest entries that must go, at most `limit`.
async fn excessive(
    connection: &mut AnyConnection,
    excess: &Excess,
    limit: u32,
) -> Answer<Vec<String>> {
    // How many of the oldest have to go, and how many bytes.
    let mut surplus = 0;
    let mut surplus_bytes = 0;
    if excess.max_entries.is_some() || excess.max_bytes.is_some() {
        let mut select = Statement::new("SELECT COUNT(*), CAST(SUM(size) AS BIGINT) FROM entry");
        scope(&mut select, excess);
        if let Some(row) = select.row(connection).await? {
            let entries: i64 = row.try_get(0).map_err(trouble)?;
            let bytes: Option<i64> = row.try_get(1).map_err(trouble)?;
            let above = |now: i64, most: Option<u64>| {
                most.map_or(0, |most| now.saturating_sub_unsigned(most).max(0))
            };
            surplus = above(entries, excess.max_entries);
            surplus_bytes = above(bytes.unwrap_or(0), excess.max_bytes);
        }
    }
    let before = excess.before.map(id::beginning).unwrap_or_default();
    let mut select = Statement::new("SELECT id, size FROM entry");
    scope(&mut select, excess);
    if surplus == 0 && surplus_bytes == 0 {
        select.push(" AND id < ?", [before.as_str().into()]);
    }
    select.push(" ORDER BY id LIMIT ?", [limit.into()]);
    let mut gone = Vec::new();
    for row in select.rows(connection).await? {
        let id: String = row.try_get(0).map_err(trouble)?;
        let size: i64 = row.try_get(1).map_err(trouble)?;
        if id >= before && surplus <= 0 && surplus_bytes <= 0 {
            break;
        }
        surplus -= 1;
        surplus_bytes -= size;
        gone.push(id);
    }
    Ok(gone)
}

/// Removes every trace of an entry but those in the index; these are what it returns.
async fn remove(connection: &mut AnyConnection, entry: &Entry) -> Answer<Change> {
    drop_bytes(connection, &entry.id).await?;
    // Where the message came again, much later, it is the other's.
    Statement::with(
        "DELETE FROM repeat WHERE digest = (SELECT digest FROM entry WHERE id = ?) AND entry = ?",
        [Value::from(entry.id.as_str()), entry.id.as_str().into()],
    )
    .run(connection)
    .await?;
    for delete in [
        "DELETE FROM audit WHERE entry = ?",
        "DELETE FROM attempt WHERE entry = ?",
        "DELETE FROM entry WHERE id = ?",
    ] {
        Statement::with(delete, [entry.id.as_str().into()])
            .run(connection)
            .await?;
    }
    Ok(Change {
        remove: Facts::from(entry).terms(),
        is_gone: true,
        ..Change::default()
    })
}

/// Takes one person out of an entry that is others', too, but for the index; what is to be changed there is returned.
async fn take_out(
    connection: &mut AnyConnection,
    entry: &Entry,
    person: &str,
    deed: &Deed,
) -> Answer<Change> {
    let is_them = |address: &Address| folded(&address.text()) == person;
    let mut left = entry.clone();
    left.recipients.retain(|address| !is_them(address));
    if is_them(&left.sender) {
        left.sender = Address::new(b"erased@invalid");
    }
    let before = Facts::from(entry).terms();
    let after = Facts::from(&left).terms();
    for (field, domain) in before.difference(&after) {
        // Nobody of that domain is left to open it.
        if *field == Field::Domain {
            Statement::with(
                "DELETE FROM wrapped WHERE entry = ? AND domain = ?",
                [Value::from(entry.id.as_str()), domain.as_str().into()],
            )
            .run(connection)
            .await?;
        }
    }
    Statement::with(
        "UPDATE entry SET sender = ?, recipients = ?, domain = ?, changed_at = ? WHERE id = ?",
        [
            Value::from(left.sender.as_bytes()),
            joined(&left.recipients).into(),
            common_domain(&left.recipients).into(),
            deed.at.as_millisecond().into(),
            entry.id.as_str().into(),
        ],
    )
    .run(connection)
    .await?;
    for gone in entry.recipients.iter().filter(|address| is_them(address)) {
        Statement::with(
            "DELETE FROM attempt WHERE entry = ? AND recipient = ?",
            [Value::from(entry.id.as_str()), gone.as_bytes().into()],
        )
        .run(connection)
        .await?;
    }
    note(connection, &[&entry.id], deed).await?;
    Ok(Change {
        remove: before.difference(&after).cloned().collect(),
        add: after.difference(&before).cloned().collect(),
        is_gone: false,
    })
}

impl SqlStore {
    pub(super) async fn drop_excess(
        &self,
        excess: &Excess,
        deed: &Deed,
        limit: u32,
    ) -> Answer<u64> {
        // Looking is done without keeping the writers waiting.
        let ids = {
            let mut connection = self.reader().await?;
            excessive(&mut connection, excess, limit).await?
        };
        if ids.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.begin_change().await?;
        let connection = &mut *transaction;
        let places = vec!["?"; ids.len()].join(", ");
        let select = format!("SELECT id, state FROM entry WHERE kept = 1 AND id IN ({places})");
        let select = Statement::with(&select, ids.into_iter().map(Value::from));
        let mut changes = BTreeMap::new();
        for row in select.rows(connection).await? {
            let state: String = row.try_get(1).map_err(trouble)?;
            let before = State::from_name(&state).unwrap_or(State::Held);
            let change = other_state(before, State::Expired);
            changes.insert(row.try_get::<String, _>(0).map_err(trouble)?, change);
        }
        for id in changes.keys() {
            Statement::with(
                "UPDATE entry SET state = ?, kept = 0, changed_at = ? WHERE id = ?",
                [
                    Value::from(State::Expired.name()),
                    deed.at.as_millisecond().into(),
                    id.as_str().into(),
                ],
            )
            .run(connection)
            .await?;
            drop_bytes(connection, id).await?;
        }
        let ids: Vec<&str> = changes.keys().map(String::as_str).collect();
        note(connection, &ids, deed).await?;
        let dropped = changes.len() as u64;
        blocks::change(connection, changes).await?;
        transaction.commit().await.map_err(trouble)?;
        Ok(dropped)
    }

    pub(super) async fn remove_traces(&self, before: Timestamp, limit: u32) -> Answer<u64> {
        let mut transaction = self.begin_change().await?;
        let connection = &mut *transaction;
        let select = format!(
            "SELECT {COLUMNS} FROM entry e WHERE e.kept = 0 AND e.id < ? ORDER BY e.id LIMIT ?"
        );
        let rows = Statement::with(&select, [Value::from(id::beginning(before)), limit.into()])
            .rows(connection)
            .await?;
        let mut changes = BTreeMap::new();
        for row in &rows {
            let entry = entry_of(row)?;
            changes.insert(entry.id.clone(), remove(connection, &entry).await?);
        }
        blocks::change(connection, changes).await?;
        let old = Value::from(Timestamp::now().as_millisecond() - STAGED);
        let staged = Statement::with(
            "SELECT entry FROM staged WHERE since < ? LIMIT ?",
            [old, limit.into()],
        )
        .rows(connection)
        .await?;
        for row in &staged {
            let entry: String = row.try_get(0).map_err(trouble)?;
            drop_bytes(connection, &entry).await?;
            Statement::with("DELETE FROM staged WHERE entry = ?", [entry.into()])
                .run(connection)
                .await?;
        }
        transaction.commit().await.map_err(trouble)?;
        Ok(rows.len() as u64)
    }

    pub(super) async fn erase_person(
        &self,
        recipient: &str,
        deed: &Deed,
        dry_run: bool,
    ) -> Answer<Erased> {
        let person = folded(recipient);
        let mut erased = Erased::default();
        let filter = Filter {
            recipient: Some(person.clone()),
            ..Filter::default()
        };
        let mut after: Option<String> = None;
        loop {
            let mut transaction = self.begin_change().await?;
            let connection = &mut *transaction;
            let ids = newest(connection, &filter, after.as_deref(), BATCH).await?;
            let mut changes = BTreeMap::new();
            for id in &ids {
                let entry = entry(connection, id).await?;
                let is_alone = entry
                    .recipients
                    .iter()
                    .all(|address| folded(&address.text()) == person);
                erased.entries += u64::from(is_alone);
                erased.shared += u64::from(!is_alone);
                if dry_run {
                    continue;
                }
                let change = match is_alone {
                    true => remove(connection, &entry).await?,
                    false => take_out(connection, &entry, &person, deed).await?,
                };
                changes.insert(entry.id, change);
            }
            blocks::change(connection, changes).await?;
            transaction.commit().await.map_err(trouble)?;
            if ids.len() < BATCH {
                break;
            }
            after = ids.last().cloned();
        }
        if !dry_run {
            self.wipe_log().await?;
        }
        Ok(erased)
    }

    /// What was erased must not stay readable in SQLite's write-ahead log.
    async fn wipe_log(&self) -> Answer<()> {
        if self.dialect == crate::quarantine::sql::Dialect::Sqlite {
            let mut connection = self.reader().await?;
            Statement::new("PRAGMA wal_checkpoint(TRUNCATE)")
                .rows(&mut connection)
                .await?;
        }
        Ok(())
    }
}
