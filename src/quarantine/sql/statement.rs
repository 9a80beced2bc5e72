//! One SQL statement with its values, in the dialect that both databases understand.

use crate::quarantine::{Answer, StoreError, Trouble};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments as _, AssertSqlSafe, Row as _};
use std::fmt::Write as _;

/// What the driver calls it.
pub(super) const SQLITE: &str = "SQLite";

/// A value for a statement.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Number(i64),
    Real(f64),
    Text(String),
    Maybe(Option<String>),
    Bytes(Vec<u8>),
}

macro_rules! from {
    ($($kind:ty => $variant:ident,)*) => {
        $(impl From<$kind> for Value {
            fn from(value: $kind) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from! {
    i64 => Number,
    u32 => Number,
    f64 => Real,
    String => Text,
    &str => Text,
    Option<String> => Maybe,
    Vec<u8> => Bytes,
    &[u8] => Bytes,
}

/// A statement that is being put together. Values never become part of its text.
#[derive(Clone, Debug, Default)]
pub(super) struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    /// Begins with this text.
    pub(super) fn new(sql: &str) -> Self {
        Self {
            sql: sql.to_owned(),
            values: Vec::new(),
        }
    }

    /// Adds text; each `?` in it is the place of the next value.
    pub(super) fn push(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) -> &mut Self {
        self.sql.push_str(sql);
        self.values.extend(values);
        self
    }

    /// Adds another one.
    pub(super) fn append(&mut self, mut other: Self) {
        self.sql.push_str(&other.sql);
        self.values.append(&mut other.values);
    }

    /// How many values it has.
    pub(super) fn values(&self) -> usize {
        self.values.len()
    }

    /// Its text with the values numbered, as PostgreSQL wants them. SQLite would take the numbers for names, and
    /// look each up among all the others.
    fn numbered(&self) -> String {
        let mut sql = String::with_capacity(self.sql.len() + self.values.len());
        for (index, text) in self.sql.split('?').enumerate() {
            if index > 0 {
                let _ = write!(sql, "${index}");
            }
            sql.push_str(text);
        }
        sql
    }

    /// A whole statement.
    pub(super) fn with(sql: &str, values: impl IntoIterator<Item = Value>) -> Self {
        let mut statement = Self::default();
        statement.push(sql, values);
        statement
    }

    fn parts(self, connection: &AnyConnection) -> Answer<(AssertSqlSafe<String>, AnyArguments)> {
        let sql = match connection.backend_name() {
            SQLITE => self.sql,
            _ => self.numbered(),
        };
        let mut arguments = AnyArguments::default();
        for value in self.values {
            let added = match value {
                Value::Number(number) => arguments.add(number),
                Value::Real(number) => arguments.add(number),
                Value::Text(text) => arguments.add(without_nul(text)),
                Value::Maybe(text) => arguments.add(text.map(without_nul)),
                Value::Bytes(bytes) => arguments.add(bytes),
            };
            added.map_err(|err| StoreError::new(Trouble::Other, err.to_string()))?;
        }
        // Safe: its text is made of literals, see `push`.
        Ok((AssertSqlSafe(sql), arguments))
    }

    /// Runs it; the number of rows that it changed.
    pub(super) async fn run(self, connection: &mut AnyConnection) -> Answer<u64> {
        let (sql, arguments) = self.parts(connection)?;
        let done = sqlx::query_with(sql, arguments).execute(connection).await;
        Ok(done.map_err(trouble)?.rows_affected())
    }

    /// All rows.
    pub(super) async fn rows(self, connection: &mut AnyConnection) -> Answer<Vec<AnyRow>> {
        let (sql, arguments) = self.parts(connection)?;
        let rows = sqlx::query_with(sql, arguments).fetch_all(connection).await;
        rows.map_err(trouble)
    }

    /// The first row.
    pub(super) async fn row(self, connection: &mut AnyConnection) -> Answer<Option<AnyRow>> {
        let (sql, arguments) = self.parts(connection)?;
        let row = sqlx::query_with(sql, arguments)
            .fetch_optional(connection)
            .await;
        row.map_err(trouble)
    }

    /// The number in the first column of the first row; 0 where there is none.
    pub(super) async fn number(self, connection: &mut AnyConnection) -> Answer<i64> {
        let row = self.row(connection).await?;
        row.map_or(Ok(0), |row| {
            let number: Option<i64> = row.try_get(0).map_err(trouble)?;
            Ok(number.unwrap_or(0))
        })
    }
}

/// PostgreSQL takes no NUL in a text.
fn without_nul(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "")
    } else {
        text
    }
}

/// What a failure of the database means.
pub(super) fn trouble(err: sqlx::Error) -> StoreError {
    let text = err.to_string();
    let kind = match &err {
        sqlx::Error::PoolTimedOut => Trouble::Exhausted,
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::Tls(_) => {
            Trouble::Unavailable
        }
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => Trouble::Full,
        sqlx::Error::Io(_) => Trouble::Unavailable,
        sqlx::Error::Database(database) => of_code(database.code().as_deref().unwrap_or_default()),
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => Trouble::Corrupt,
        _ => Trouble::Other,
    };
    let text = match kind {
        Trouble::Exhausted => {
            "no connection to the database became free, or it does not answer".to_owned()
        }
        _ => text,
    };
    StoreError::new(kind, text)
}

/// SQLite tells a number of up to four digits (sqlite.org/rescode.html), PostgreSQL five characters (appendix A).
fn of_code(code: &str) -> Trouble {
    if code.len() == 5 {
        return match code {
            "53100" => Trouble::Full,
            "53300" => Trouble::Exhausted,
            "57014" => Trouble::Late,
            "55P03" | "40P01" | "40001" => Trouble::Locked,
            "XX001" | "XX002" => Trouble::Corrupt,
            _ if code.starts_with("57P") || code.starts_with("08") || code.starts_with("28") => {
                Trouble::Unavailable
            }
            // Of the class "insufficient resources", and read-only after a failover.
            _ if code.starts_with("53") || code == "25006" => Trouble::Unavailable,
            _ => Trouble::Other,
        };
    }
    // The low byte is the kind, the rest says more.
    match code.parse::<i32>().map(|code| code & 0xff) {
        Ok(5 | 6) => Trouble::Locked,
        Ok(8 | 10 | 14) => Trouble::Unavailable,
        Ok(11 | 26) => Trouble::Corrupt,
        Ok(13) => Trouble::Full,
        _ => Trouble::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_mark_is_a_value() {
        let mut statement = Statement::with("SELECT ? FROM entry", [Value::from(1_i64)]);
        statement.push(
            " WHERE id = ? AND state = ?",
            [Value::from("a?"), "b".into()],
        );
        statement.append(Statement::with(" AND host = ?", [Value::from("c")]));
        assert_eq!(
            statement.numbered(),
            "SELECT $1 FROM entry WHERE id = $2 AND state = $3 AND host = $4"
        );
        assert_eq!(statement.values.len(), 4);
    }

    #[test]
    fn codes_of_both_databases_are_understood() {
        for (code, kind) in [
            ("13", Trouble::Full),
            ("5", Trouble::Locked),
            ("517", Trouble::Locked),
            ("14", Trouble::Unavailable),
            ("778", Trouble::Unavailable),
            ("11", Trouble::Corrupt),
            ("2067", Trouble::Other),
            ("53100", Trouble::Full),
            ("53300", Trouble::Exhausted),
            ("57P01", Trouble::Unavailable),
            ("57014", Trouble::Late),
            ("08006", Trouble::Unavailable),
            ("23505", Trouble::Other),
        ] {
            assert_eq!(of_code(code), kind, "{code}");
        }
    }
}
