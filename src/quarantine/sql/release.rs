//! The list of what is to be sent.

use crate::message::Address;
use crate::quarantine::sql::statement::{Statement, Value, trouble};
use crate::quarantine::sql::{Dialect, SqlStore, time};
use crate::quarantine::{Answer, Attempt, NewAttempt, Outcome, Progress, StoreError, Trouble};
use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use std::time::Duration;

const COLUMNS: &str = "number, entry, recipient, options, progress, tries, next_try, reply";

fn attempt_of(row: &AnyRow) -> Answer<Attempt> {
    let read = || -> Result<Attempt, sqlx::Error> {
        let recipient: Vec<u8> = row.try_get(2)?;
        let progress: String = row.try_get(4)?;
        Ok(Attempt {
            number: row.try_get(0)?,
            entry: row.try_get(1)?,
            recipient: Address::new(&recipient),
            options: row.try_get(3)?,
            progress: Progress::from_name(&progress)
                .ok_or_else(|| sqlx::Error::Decode("the column progress is damaged".into()))?,
            tries: u32::try_from(row.try_get::<i64, _>(5)?).unwrap_or(u32::MAX),
            next_try: time(row.try_get(6)?),
            reply: row.try_get(7)?,
        })
    };
    read().map_err(trouble)
}

impl SqlStore {
    pub(super) async fn add_attempts(&self, attempts: &[NewAttempt]) -> Answer<()> {
        let mut transaction = self.begin().await?;
        for attempt in attempts {
            Statement::with(
                "INSERT INTO attempt (entry, recipient, options, progress, tries, next_try, reply) \
                 VALUES (?, ?, ?, 'waiting', 0, ?, '')",
                [
                    Value::from(attempt.entry.as_str()),
                    attempt.recipient.as_bytes().into(),
                    attempt.options.as_str().into(),
                    attempt.next_try.as_millisecond().into(),
                ],
            )
            .run(&mut transaction)
            .await?;
        }
        transaction.commit().await.map_err(trouble)
    }

    pub(super) async fn take_due(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Answer<Vec<Attempt>> {
        let lease = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 2);
        let until = now.as_millisecond().saturating_add(lease);
        let mut transaction = self.begin().await?;
        // Two hosts must not wait for each other, nor send the same.
        let lock = match self.dialect {
            Dialect::Sqlite => "",
            Dialect::Postgres => " FOR UPDATE SKIP LOCKED",
        };
        let update = format!(
            "UPDATE attempt SET tries = tries + 1, next_try = ? WHERE number IN \
             (SELECT number FROM attempt WHERE progress = 'waiting' AND next_try <= ? \
             ORDER BY next_try, number LIMIT ?{lock}) RETURNING {COLUMNS}"
        );
        let rows = Statement::with(
            &update,
            [
                Value::from(until),
                now.as_millisecond().into(),
                limit.into(),
            ],
        )
        .rows(&mut transaction)
        .await?;
        transaction.commit().await.map_err(trouble)?;
        let mut taken = rows.iter().map(attempt_of).collect::<Answer<Vec<_>>>()?;
        taken.sort_by_key(|attempt| attempt.number);
        Ok(taken)
    }

    pub(super) async fn set_outcome(&self, number: i64, outcome: &Outcome) -> Answer<()> {
        let mut transaction = self.begin().await?;
        let changed = Statement::with(
            "UPDATE attempt SET progress = ?, next_try = ?, reply = ? WHERE number = ?",
            [
                Value::from(outcome.progress.name()),
                outcome.next_try.as_millisecond().into(),
                outcome.reply.as_str().into(),
                number.into(),
            ],
        )
        .run(&mut transaction)
        .await?;
        if changed == 0 {
            return Err(StoreError::new(
                Trouble::NotFound,
                format!("there is no release number {number}"),
            ));
        }
        transaction.commit().await.map_err(trouble)
    }

    pub(super) async fn read_attempts(&self, id: &str) -> Answer<Vec<Attempt>> {
        let mut connection = self.reader().await?;
        let select = format!("SELECT {COLUMNS} FROM attempt WHERE entry = ? ORDER BY number");
        let rows = Statement::with(&select, [id.into()])
            .rows(&mut connection)
            .await?;
        rows.iter().map(attempt_of).collect()
    }
}
