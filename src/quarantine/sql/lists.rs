//! Lists and counters that all hosts share.

use crate::quarantine::sql::statement::{Statement, Value, trouble};
use crate::quarantine::sql::{SqlStore, time};
use crate::quarantine::{Answer, ListRow};
use jiff::Timestamp;
use sqlx::Row as _;

impl SqlStore {
    pub(super) async fn read_rows(&self, list: &str) -> Answer<Vec<ListRow>> {
        let mut connection = self.reader().await?;
        let rows = Statement::with(
            "SELECT name, value, changed_at FROM shared WHERE list = ? ORDER BY name",
            [list.into()],
        )
        .rows(&mut connection)
        .await?;
        let read = |row: &sqlx::any::AnyRow| -> Result<ListRow, sqlx::Error> {
            Ok(ListRow {
                key: row.try_get(0)?,
                value: row.try_get(1)?,
                changed_at: time(row.try_get(2)?),
            })
        };
        rows.iter().map(|row| read(row).map_err(trouble)).collect()
    }

    pub(super) async fn write_row(
        &self,
        list: &str,
        key: &str,
        value: &str,
        now: Timestamp,
    ) -> Answer<()> {
        let mut transaction = self.begin().await?;
        Statement::with(
            "INSERT INTO shared (list, name, value, changed_at) VALUES (?, ?, ?, ?) \
             ON CONFLICT (list, name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at",
            [
                Value::from(list),
                key.into(),
                value.into(),
                now.as_millisecond().into(),
            ],
        )
        .run(&mut transaction)
        .await?;
        transaction.commit().await.map_err(trouble)
    }

    pub(super) async fn delete_row(&self, list: &str, key: &str) -> Answer<bool> {
        let mut transaction = self.begin().await?;
        let gone = Statement::with(
            "DELETE FROM shared WHERE list = ? AND name = ?",
            [Value::from(list), key.into()],
        )
        .run(&mut transaction)
        .await?;
        transaction.commit().await.map_err(trouble)?;
        Ok(gone > 0)
    }

    pub(super) async fn add_to_counter(
        &self,
        counter: &str,
        window: i64,
        amount: i64,
    ) -> Answer<i64> {
        let mut transaction = self.begin().await?;
        let value = Statement::with(
            "INSERT INTO counter (name, span, value) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET \
             value = CASE WHEN counter.span = excluded.span THEN counter.value + excluded.value \
             ELSE excluded.value END, span = excluded.span RETURNING value",
            [Value::from(counter), window.into(), amount.into()],
        )
        .number(&mut transaction)
        .await?;
        transaction.commit().await.map_err(trouble)?;
        Ok(value)
    }
}
