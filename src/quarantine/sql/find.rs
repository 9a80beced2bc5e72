//! Searching: the entries that a filter means.

use crate::quarantine::id;
use crate::quarantine::sql::read::{COLUMNS, entry_of, unsigned};
use crate::quarantine::sql::statement::{Statement, Value, trouble};
use crate::quarantine::sql::{SqlStore, time};
use crate::quarantine::terms::{Wanted, wanted};
use crate::quarantine::{Answer, Filter, Listing, Page, Wave};
use sqlx::{AnyConnection, Row as _};

/// A condition that fewer entries meet is where the search begins: they are looked at one by one.
const FEW: i64 = 2000;

/// The conditions of a filter, and the term to begin with.
struct Search {
    wanted: Vec<Wanted>,
    /// Index of the rarest term, and whether it is met by few.
    rarest: Option<(usize, bool)>,
}

impl Search {
    /// Finds out how to search. Neither database knows beforehand how many entries a beginning means.
    async fn of(filter: &Filter, connection: &mut AnyConnection) -> Answer<Self> {
        let wanted = wanted(filter);
        let mut rarest: Option<(usize, i64)> = None;
        for (index, one) in wanted.iter().enumerate() {
            let mut count = Statement::new("SELECT COUNT(*) FROM (SELECT 1 FROM term t WHERE ");
            term(&mut count, one);
            count.push(" LIMIT ?) few", [Value::from(FEW + 1)]);
            let met = count.number(connection).await?;
            if rarest.is_none_or(|(_, fewest)| met < fewest) {
                rarest = Some((index, met));
            }
        }
        Ok(Self {
            rarest: rarest.map(|(index, met)| (index, met <= FEW)),
            wanted,
        })
    }

    /// Adds FROM and WHERE.
    fn restrict(&self, statement: &mut Statement, filter: &Filter, after: Option<&str>) {
        let mut skipped = None;
        match self.rarest {
            Some((index, true)) => {
                statement.push(
                    " FROM entry e WHERE e.id IN (SELECT t.entry FROM term t WHERE ",
                    [],
                );
                term(statement, &self.wanted[index]);
                statement.push(")", []);
                skipped = Some(index);
            }
            // Many: along the term's entries, in their order, until the page is full.
            Some((index, false)) if !self.wanted[index].is_prefix => {
                statement.push(" FROM term d JOIN entry e ON e.id = d.entry WHERE ", []);
                let one = &self.wanted[index];
                statement.push(
                    "d.field = ? AND d.value = ?",
                    [Value::from(one.field.name()), one.value.as_str().into()],
                );
                if let Some(after) = after {
                    statement.push(" AND d.entry < ?", [after.into()]);
                }
                skipped = Some(index);
            }
            _ => {
                statement.push(" FROM entry e WHERE 1 = 1", []);
            }
        }
        for (index, one) in self.wanted.iter().enumerate() {
            if skipped != Some(index) {
                statement.push(
                    " AND EXISTS (SELECT 1 FROM term t WHERE t.entry = e.id AND ",
                    [],
                );
                term(statement, one);
                statement.push(")", []);
            }
        }
        if let Some(after) = after {
            statement.push(" AND e.id < ?", [after.into()]);
        }
        columns(statement, filter);
    }

    /// The order of a page: that of the table it goes along.
    fn order(&self) -> &'static str {
        match self.rarest {
            Some((index, false)) if !self.wanted[index].is_prefix => " ORDER BY d.entry DESC",
            _ => " ORDER BY e.id DESC",
        }
    }
}

fn term(statement: &mut Statement, wanted: &Wanted) {
    let field = Value::from(wanted.field.name());
    let value = Value::from(wanted.value.as_str());
    if wanted.is_prefix {
        // No text sorts after this letter.
        let end = format!("{}\u{10ffff}", wanted.value);
        statement.push(
            "t.field = ? AND t.value >= ? AND t.value < ?",
            [field, value, end.into()],
        );
    } else {
        statement.push("t.field = ? AND t.value = ?", [field, value]);
    }
}

/// The conditions on an entry's own columns.
fn columns(statement: &mut Statement, filter: &Filter) {
    if let Some(id) = &filter.id {
        let id = id.trim_end_matches('*').to_lowercase();
        statement.push(
            " AND e.id >= ? AND e.id < ?",
            [Value::from(id.as_str()), format!("{id}~").into()],
        );
    }
    if let Some(since) = filter.since {
        statement.push(" AND e.id >= ?", [id::beginning(since).into()]);
    }
    if let Some(until) = filter.until {
        statement.push(" AND e.id < ?", [id::beginning(until).into()]);
    }
    for (index, state) in filter.states.iter().enumerate() {
        let before = if index == 0 { " AND (" } else { " OR " };
        statement.push(&format!("{before}e.state = ?"), [state.name().into()]);
    }
    if !filter.states.is_empty() {
        statement.push(")", []);
    }
    if let Some(min) = filter.min_score {
        statement.push(" AND e.score >= ?", [min.into()]);
    }
    if let Some(max) = filter.max_score {
        statement.push(" AND e.score < ?", [max.into()]);
    }
    for (column, value) in [
        ("e.class", &filter.verdict),
        ("e.kind", &filter.kind),
        ("e.wave", &filter.wave),
    ] {
        if let Some(value) = value {
            statement.push(&format!(" AND {column} = ?"), [value.as_str().into()]);
        }
    }
}

impl SqlStore {
    pub(super) async fn find_page(&self, filter: &Filter, page: &Page) -> Answer<Listing> {
        let mut connection = self.reader().await?;
        let search = Search::of(filter, &mut connection).await?;
        let limit = page.limit.clamp(1, Page::MAX);
        let mut select = Statement::new("SELECT ");
        select.push(COLUMNS, []);
        search.restrict(&mut select, filter, page.after.as_deref());
        select.push(search.order(), []);
        // One more tells whether there is a next page.
        select.push(" LIMIT ?", [(limit + 1).into()]);
        let rows = select.rows(&mut connection).await?;
        let mut listing = Listing::default();
        for row in rows.iter().take(limit as usize) {
            listing.entries.push(entry_of(row)?);
        }
        if rows.len() > limit as usize {
            listing.next = listing.entries.last().map(|entry| entry.id.clone());
        }
        Ok(listing)
    }

    pub(super) async fn count_all(&self, filter: &Filter) -> Answer<u64> {
        let mut connection = self.reader().await?;
        let search = Search::of(filter, &mut connection).await?;
        let mut select = Statement::new("SELECT COUNT(*)");
        search.restrict(&mut select, filter, None);
        Ok(unsigned(select.number(&mut connection).await?))
    }

    pub(super) async fn find_waves(&self, filter: &Filter, limit: u32) -> Answer<Vec<Wave>> {
        let mut connection = self.reader().await?;
        let search = Search::of(filter, &mut connection).await?;
        let mut select = Statement::new(
            "SELECT e.wave, COUNT(*), CAST(SUM(CASE WHEN e.state = 'held' THEN 1 ELSE 0 END) AS BIGINT), \
             MIN(e.received_at), MAX(e.received_at)",
        );
        search.restrict(&mut select, filter, None);
        select.push(
            " AND e.wave IS NOT NULL GROUP BY e.wave ORDER BY 2 DESC, 1 LIMIT ?",
            [limit.into()],
        );
        let rows = select.rows(&mut connection).await?;
        let wave = |row: &sqlx::any::AnyRow| -> Result<Wave, sqlx::Error> {
            Ok(Wave {
                name: row.try_get(0)?,
                entries: unsigned(row.try_get(1)?),
                held: unsigned(row.try_get(2)?),
                first: time(row.try_get(3)?),
                last: time(row.try_get(4)?),
            })
        };
        rows.iter().map(|row| wave(row).map_err(trouble)).collect()
    }
}
