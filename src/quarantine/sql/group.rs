//! Many entries in few statements.

use crate::quarantine::sql::put::{Prepared, known};
use crate::quarantine::sql::statement::{SQLITE, Statement, Value, trouble};
use crate::quarantine::{Answer, StoreError, Stored, Trouble};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use std::collections::HashSet;

/// The columns of `Prepared::row`, in its order.
pub(super) const ENTRY: [&str; 24] = [
    "id",
    "received_at",
    "changed_at",
    "queue_id",
    "message_id",
    "sender",
    "recipients",
    "client",
    "client_name",
    "helo",
    "host",
    "auth_user",
    "subject",
    "class",
    "score",
    "kind",
    "verdict",
    "rule",
    "size",
    "sha256",
    "trace",
    "domain",
    "digest",
    "wave",
];

/// Rows in one statement, at most. SQLite takes 32,766 values.
const ROWS: usize = 256;
/// Up to so many rows a statement has just as many.
const FEW: usize = 32;

/// The end of an insert into `repeat`: gives the entries whose message is not stored already.
const TAKE: &str = " ON CONFLICT (digest) DO UPDATE SET entry = excluded.entry, until = excluded.until \
     WHERE r.until <= excluded.until - ? RETURNING entry";

/// Writes entries in a transaction of the caller's; what is stored already is left as it is. The answers
/// are in the same order.
pub(super) async fn insert_all(
    connection: &mut AnyConnection,
    batch: &[&Prepared],
) -> Answer<Vec<Answer<Stored>>> {
    let repeats = batch
        .iter()
        .map(|entry| {
            let digest = Value::from(entry.digest.as_slice());
            vec![digest, entry.id.as_str().into(), entry.until.into()]
        })
        .collect();
    // A message that came twice at once is stored once: its second row changes nothing.
    let end = (TAKE, batch.first().map(|entry| entry.window));
    let into = "repeat AS r (digest, entry, until)";
    let mut taken = HashSet::new();
    for insert in inserts(into, repeats, end) {
        taken.extend(names(&insert.rows(connection).await?)?);
    }
    let new: Vec<&Prepared> = batch
        .iter()
        .filter(|entry| taken.contains(&entry.id))
        .copied()
        .collect();
    let entries = new
        .iter()
        .map(|entry| {
            let mut row = vec![Value::from("held"), 1_i64.into()];
            row.extend(entry.row.iter().cloned());
            row
        })
        .collect();
    let marks = new
        .iter()
        .map(|entry| vec![entry.id.as_str().into()])
        .collect();
    let parts = new
        .iter()
        .filter_map(|entry| {
            let part = entry.part.as_deref()?;
            Some(vec![entry.id.as_str().into(), 0_i64.into(), part.into()])
        })
        .collect();
    let keys = new
        .iter()
        .flat_map(|entry| {
            entry.wrapped.iter().map(|(domain, bytes)| {
                let domain = Value::from(domain.as_str());
                vec![entry.id.as_str().into(), domain, bytes.as_slice().into()]
            })
        })
        .collect();
    let into = format!("entry (state, kept, {})", ENTRY.join(", "));
    let nothing = ("", None);
    let mut inserts = inserts(&into, entries, nothing);
    inserts.extend(self::inserts("fresh (entry)", marks, nothing));
    inserts.extend(self::inserts("part (entry, number, bytes)", parts, nothing));
    inserts.extend(self::inserts(
        "wrapped (entry, domain, bytes)",
        keys,
        nothing,
    ));
    run_all(connection, inserts).await?;
    for entry in new.iter().filter(|entry| entry.part.is_none()) {
        let here = Statement::with(
            "DELETE FROM staged WHERE entry = ?",
            [entry.id.as_str().into()],
        );
        if here.run(connection).await? == 0 {
            return Err(StoreError::new(
                Trouble::Late,
                "the parts of the message were cleaned up while it was being stored",
            ));
        }
    }
    answers(connection, batch, &taken).await
}

/// Writes one entry with its only part, in a transaction of its own. For SQLite: its thread is asked once, as each way to it
/// and back takes longer than a row.
///
/// Where it fails, the transaction may still be open.
pub(super) async fn insert_one(
    connection: &mut AnyConnection,
    entry: &Prepared,
) -> Answer<Answer<Stored>> {
    let id = || Value::from(entry.id.as_str());
    let mut all = Statement::new("BEGIN IMMEDIATE; INSERT INTO repeat AS r (digest, entry, until)");
    let digest = Value::from(entry.digest.as_slice());
    all.push(" VALUES (?, ?, ?)", [digest, id(), entry.until.into()]);
    all.push(TAKE, [entry.window.into()]);
    // Each insert follows only where the one before did something.
    let mut insert = |into: &str, values: Vec<Value>| {
        let places = vec!["?"; values.len()].join(", ");
        let insert = format!("; INSERT INTO {into} SELECT {places} WHERE changes() > 0");
        all.push(&insert, values);
    };
    let mut row = vec![Value::from("held"), 1_i64.into()];
    row.extend(entry.row.iter().cloned());
    insert(&format!("entry (state, kept, {})", ENTRY.join(", ")), row);
    insert("fresh (entry)", vec![id()]);
    let part = entry.part.as_deref().unwrap_or_default();
    let part = vec![id(), 0_i64.into(), part.into()];
    insert("part (entry, number, bytes)", part);
    for (domain, bytes) in &entry.wrapped {
        let key = vec![id(), domain.as_str().into(), bytes.as_slice().into()];
        insert("wrapped (entry, domain, bytes)", key);
    }
    all.push("; COMMIT", []);
    let taken = names(&all.rows(connection).await?)?;
    let mut answers = answers(connection, &[entry], &taken).await?;
    let nothing = || StoreError::new(Trouble::Other, "nothing was stored");
    answers.pop().ok_or_else(nothing)
}

/// Writes entries, each with its only part, in one statement and its own transaction, so that a server is
/// asked once. For PostgreSQL: SQLite does not know such statements.
pub(super) async fn insert_at_once(
    connection: &mut AnyConnection,
    batch: &[&Prepared],
) -> Answer<Vec<Answer<Stored>>> {
    // PostgreSQL does not change a row twice in one statement: the second finds what the first has stored.
    let mut seen = HashSet::new();
    let new = batch
        .iter()
        .filter(|entry| seen.insert(entry.digest.as_slice()));
    let mut rows = Vec::new();
    let mut keys = Vec::new();
    for entry in new {
        let mut row = entry.row.clone();
        row.push(entry.until.into());
        row.push(entry.part.as_deref().unwrap_or_default().into());
        rows.push(row);
        for (domain, bytes) in &entry.wrapped {
            let domain = Value::from(domain.as_str());
            keys.push(vec![
                entry.id.as_str().into(),
                domain,
                bytes.as_slice().into(),
            ]);
        }
    }
    let columns = ENTRY.join(", ");
    let mut insert = Statement::new(&format!(
        "WITH new ({columns}, until, part) AS MATERIALIZED ("
    ));
    push_rows(&mut insert, rows);
    // Those who write the same messages at the same time take them in the same order, so that they do not wait for each
    // other in a ring.
    insert.push(
        "), taken AS (INSERT INTO repeat AS r (digest, entry, until) SELECT digest, id, until FROM new ORDER BY digest",
        [],
    );
    let window = batch.first().map(|entry| Value::from(entry.window));
    insert.push(TAKE, window);
    insert.push(
        &format!(
            "), stored AS MATERIALIZED (SELECT new.* FROM new JOIN taken ON taken.entry = new.id), \
             kept AS (INSERT INTO entry (state, kept, {columns}) SELECT 'held', 1, {columns} FROM stored), \
             marks AS (INSERT INTO fresh (entry) SELECT id FROM stored), \
             bytes AS (INSERT INTO part (entry, number, bytes) SELECT id, 0, part FROM stored)"
        ),
        [],
    );
    if !keys.is_empty() {
        insert.push(
            ", keys AS (INSERT INTO wrapped (entry, domain, bytes) SELECT k.* FROM (",
            [],
        );
        push_rows(&mut insert, keys);
        insert.push(
            ") AS k (entry, domain, bytes) JOIN stored ON stored.id = k.entry)",
            [],
        );
    }
    insert.push(" SELECT entry FROM taken", []);
    let taken = names(&insert.rows(connection).await?)?;
    answers(connection, batch, &taken).await
}

/// Adds rows: `VALUES (?, ?), (?, ?)`.
fn push_rows(statement: &mut Statement, rows: Vec<Vec<Value>>) {
    for (index, row) in rows.into_iter().enumerate() {
        let places = vec!["?"; row.len()].join(", ");
        let before = if index == 0 { "VALUES" } else { "," };
        statement.push(&format!("{before} ({places})"), row);
    }
}

/// Statements that insert rows, with an end for each and its value.
///
/// A statement has up to 32 rows, or 64, 128 …, so that there are few different texts: the driver keeps those
/// it knows.
pub(super) fn inserts(
    into: &str,
    mut rows: Vec<Vec<Value>>,
    (end, value): (&str, Option<i64>),
) -> Vec<Statement> {
    let mut statements = Vec::new();
    while !rows.is_empty() {
        let count = match rows.len() {
            few @ ..=FEW => few,
            many => 1 << many.min(ROWS).ilog2(),
        };
        let mut insert = Statement::new(&format!("INSERT INTO {into} "));
        push_rows(&mut insert, rows.drain(..count).collect());
        insert.push(end, value.map(Value::from));
        statements.push(insert);
    }
    statements
}

/// Runs statements, those of one message together: each way to SQLite's thread and back costs as much as some rows.
pub(super) async fn run_all(
    connection: &mut AnyConnection,
    statements: Vec<Statement>,
) -> Answer<()> {
    let is_short = statements.iter().map(Statement::values).sum::<usize>() <= 4 * FEW;
    if is_short && connection.backend_name() == SQLITE {
        let mut all = Statement::default();
        for statement in statements {
            all.append(statement);
            all.push("; ", []);
        }
        return all.run(connection).await.map(|_| ());
    }
    for statement in statements {
        statement.run(connection).await?;
    }
    Ok(())
}

/// The first column of each row.
fn names(rows: &[AnyRow]) -> Answer<HashSet<String>> {
    rows.iter()
        .map(|row| row.try_get(0).map_err(trouble))
        .collect()
}

/// What came of each entry, where these were taken and the others were there before.
async fn answers(
    connection: &mut AnyConnection,
    batch: &[&Prepared],
    taken: &HashSet<String>,
) -> Answer<Vec<Answer<Stored>>> {
    let mut all = Vec::with_capacity(batch.len());
    for entry in batch {
        all.push(if taken.contains(&entry.id) {
            Ok(Stored {
                id: entry.id.clone(),
                is_repeated: false,
            })
        } else {
            let known = known(connection, &entry.digest, entry.now).await?;
            known.ok_or_else(|| {
                StoreError::new(Trouble::Locked, "the same message is just being stored")
            })
        });
    }
    Ok(all)
}
