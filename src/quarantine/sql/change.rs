//! States, the audit trail, links.

use crate::quarantine::sql::SqlStore;
use crate::quarantine::sql::blocks::{self, Change};
use crate::quarantine::sql::group::{inserts, run_all};
use crate::quarantine::sql::read::entry;
use crate::quarantine::sql::statement::{Statement, Value, trouble};
use crate::quarantine::terms::{Terms, state_term, wave_term};
use crate::quarantine::{Answer, Deed, State, StoreError, Trouble};
use sqlx::AnyConnection;
use std::collections::BTreeMap;

/// Notes a deed.
pub(super) async fn note(connection: &mut AnyConnection, ids: &[&str], deed: &Deed) -> Answer<()> {
    let row = |id: &&str| {
        vec![
            Value::from(*id),
            deed.at.as_millisecond().into(),
            deed.who.as_str().into(),
            deed.what.as_str().into(),
            deed.why.as_str().into(),
        ]
    };
    let into = "audit (entry, at, who, what, why)";
    let rows = ids.iter().map(row).collect();
    run_all(connection, inserts(into, rows, ("", None))).await
}

/// Removes the bytes of an entry, and the keys to them.
pub(super) async fn drop_bytes(connection: &mut AnyConnection, id: &str) -> Answer<()> {
    for table in ["part", "wrapped"] {
        let delete = format!("DELETE FROM {table} WHERE entry = ?");
        Statement::with(&delete, [id.into()])
            .run(connection)
            .await?;
    }
    Ok(())
}

/// What the index says of an entry that goes from one state into another.
pub(super) fn other_state(from: State, to: State) -> Change {
    Change {
        remove: Terms::from([state_term(from)]),
        add: Terms::from([state_term(to)]),
        is_gone: false,
    }
}

impl SqlStore {
    pub(super) async fn change_state(
        &self,
        id: &str,
        from: &[State],
        to: State,
        deed: &Deed,
    ) -> Answer<()> {
        let mut transaction = self.begin_change().await?;
        let connection = &mut *transaction;
        let before = entry(connection, id).await?.state;
        let mut update = Statement::with(
            "UPDATE entry SET state = ?, kept = ?, changed_at = ? WHERE id = ?",
            [
                Value::from(to.name()),
                i64::from(to.has_bytes()).into(),
                deed.at.as_millisecond().into(),
                id.into(),
            ],
        );
        // Where it had no bytes any more, it cannot have some again.
        let mut allowed = from
            .iter()
            .filter(|from| from.has_bytes() || !to.has_bytes());
        match allowed.next() {
            Some(first) => {
                update.push(" AND (state = ?", [first.name().into()]);
                for more in allowed {
                    update.push(" OR state = ?", [more.name().into()]);
                }
                update.push(")", []);
            }
            None => {
                update.push(" AND 1 = 0", []);
            }
        }
        if update.run(connection).await? == 0 {
            return Err(StoreError::new(
                Trouble::State,
                format!("entry {id} is {before}"),
            ));
        }
        let change = BTreeMap::from([(id.to_owned(), other_state(before, to))]);
        blocks::change(connection, change).await?;
        if !to.has_bytes() {
            drop_bytes(connection, id).await?;
        }
        note(connection, &[id], deed).await?;
        transaction.commit().await.map_err(trouble)
    }

    pub(super) async fn note_deed(&self, ids: &[&str], deed: &Deed) -> Answer<()> {
        let mut transaction = self.begin().await?;
        for id in ids {
            let here = Statement::with("SELECT 1 FROM entry WHERE id = ?", [(*id).into()]);
            let here = here.row(&mut transaction).await?;
            here.ok_or_else(|| StoreError::not_found(id))?;
        }
        note(&mut transaction, ids, deed).await?;
        transaction.commit().await.map_err(trouble)
    }

    pub(super) async fn set_links(
        &self,
        id: &str,
        wave: Option<&str>,
        follows: Option<&str>,
    ) -> Answer<()> {
        let mut transaction = self.begin_change().await?;
        let before = entry(&mut transaction, id).await?.wave;
        let change = Change {
            remove: before.as_deref().map(wave_term).into_iter().collect(),
            add: wave.map(wave_term).into_iter().collect(),
            is_gone: false,
        };
        Statement::with(
            "UPDATE entry SET wave = ?, follows = ? WHERE id = ?",
            [
                Value::from(wave.map(str::to_owned)),
                follows.map(str::to_owned).into(),
                id.into(),
            ],
        )
        .run(&mut transaction)
        .await?;
        if change.remove != change.add {
            let change = BTreeMap::from([(id.to_owned(), change)]);
            blocks::change(&mut transaction, change).await?;
        }
        transaction.commit().await.map_err(trouble)
    }
}
