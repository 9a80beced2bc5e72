//! Searching: the entries that a filter means.

use crate::quarantine::id;
use crate::quarantine::sql::read::{COLUMNS, entry_of, unsigned};
use crate::quarantine::sql::statement::{Statement, Value, trouble};
use crate::quarantine::sql::{Dialect, SqlStore};
use crate::quarantine::terms::{Wanted, wanted};
use crate::quarantine::{Answer, Filter, Listing, Page, State, Wave};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Connection as _, Row as _};

/// A condition that at most so many entries meet is where the search begins: they are looked at one by one.
/// Beyond, all conditions are gone along together, which takes a tenth of the time for each entry.
const FEW: i64 = 8000;
/// The same where nothing else is asked of them.
const FEW_ALONE: i64 = 50_000;

/// A condition on entries that an index finds.
#[derive(Clone, Debug, PartialEq)]
enum Set {
    Term(Wanted),
    Wave(String),
    States(Vec<State>),
}

impl Set {
    /// Adds a query for the column `id` of the entries that meet it, in any order.
    fn select(&self, statement: &mut Statement, bounds: &Bounds, along: Option<Dialect>) {
        match self {
            Self::Term(wanted) => {
                let table = match along {
                    // Its primary key would have to be sorted.
                    Some(Dialect::Sqlite) if wanted.is_prefix => "term t INDEXED BY term_walk",
                    _ => "term t",
                };
                statement.push(&format!("SELECT t.entry AS id FROM {table} WHERE "), []);
                term(statement, wanted);
                bounds.push(statement, "t.entry");
            }
            Self::Wave(wave) => {
                let select = "SELECT s.id AS id FROM entry s WHERE s.wave = ?";
                statement.push(select, [wave.as_str().into()]);
                bounds.push(statement, "s.id");
            }
            Self::States(states) => {
                statement.push("SELECT s.id AS id FROM entry s WHERE ", []);
                any_of(statement, "s.state", states);
                bounds.push(statement, "s.id");
            }
        }
    }

    /// Adds the condition for one entry `e`.
    fn probe(&self, statement: &mut Statement) {
        match self {
            Self::Term(wanted) => {
                statement.push(
                    " AND EXISTS (SELECT 1 FROM term t WHERE t.entry = e.id AND ",
                    [],
                );
                term(statement, wanted);
                // Note: with OFFSET PostgreSQL does as it is told. Otherwise it would rather read all entries
                // of the term at once.
                statement.push(" LIMIT 1 OFFSET 0)", []);
            }
            Self::Wave(wave) => {
                statement.push(" AND e.wave = ?", [wave.as_str().into()]);
            }
            Self::States(states) => {
                statement.push(" AND ", []);
                any_of(statement, "e.state", states);
            }
        }
    }

    /// Does an index have its entries in their order?
    fn is_in_order(&self) -> bool {
        match self {
            Self::Term(wanted) => !wanted.is_prefix,
            Self::Wave(_) => true,
            Self::States(states) => states.len() == 1,
        }
    }
}

/// The identifiers that are in question: from the first on, and before the second.
#[derive(Debug, Default)]
struct Bounds {
    from: Option<String>,
    to: Option<String>,
}

impl Bounds {
    fn of(filter: &Filter, after: Option<&str>) -> Self {
        let mut bounds = Self::default();
        if let Some(id) = &filter.id {
            let id = id.trim_end_matches('*').to_lowercase();
            bounds.until(format!("{id}~"));
            bounds.from = Some(id);
        }
        if let Some(since) = filter.since {
            bounds.from = bounds.from.max(Some(id::beginning(since)));
        }
        if let Some(until) = filter.until {
            bounds.until(id::beginning(until));
        }
        if let Some(after) = after {
            bounds.until(after.to_owned());
        }
        bounds
    }

    fn until(&mut self, to: String) {
        self.to = Some(match self.to.take() {
            Some(known) => known.min(to),
            None => to,
        });
    }

    fn push(&self, statement: &mut Statement, column: &str) {
        if let Some(from) = &self.from {
            statement.push(&format!(" AND {column} >= ?"), [from.as_str().into()]);
        }
        if let Some(to) = &self.to {
            statement.push(&format!(" AND {column} < ?"), [to.as_str().into()]);
        }
    }
}

/// How to search.
///
/// Where two have as many entries before them, the first one is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// Along all conditions together, newest entries first.
    Along,
    /// Entries one after the other, of those that meet the condition with this index, or of all.
    Ask(Option<usize>),
}

/// The conditions of a filter, and the way.
struct Search<'a> {
    dialect: Dialect,
    filter: &'a Filter,
    sets: Vec<Set>,
    bounds: Bounds,
    way: Way,
}

impl<'a> Search<'a> {
    /// Finds out how to search. Neither database knows beforehand how many entries meet a condition.
    async fn of(
        dialect: Dialect,
        filter: &'a Filter,
        after: Option<&str>,
        connection: &mut AnyConnection,
    ) -> Answer<Self> {
        let mut sets = Vec::new();
        for mut one in wanted(filter) {
            only_value(&mut one, connection).await?;
            sets.push(Set::Term(one));
        }
        sets.extend(filter.wave.clone().map(Set::Wave));
        if !filter.states.is_empty() {
            sets.push(Set::States(filter.states.clone()));
        }
        let mut search = Self {
            dialect,
            filter,
            sets,
            bounds: Bounds::of(filter, after),
            way: Way::Ask(None),
        };
        search.way = search.way(connection).await?;
        Ok(search)
    }

    async fn way(&self, connection: &mut AnyConnection) -> Answer<Way> {
        match &self.sets[..] {
            [] => return Ok(Way::Ask(None)),
            [one] if one.is_in_order() && !self.has_facts() => return Ok(Way::Along),
            _ => {}
        }
        // Nothing is asked of those of the only condition.
        let few = match &self.sets[..] {
            [_] if !self.has_facts() => FEW_ALONE,
            _ => FEW,
        };
        let mut fewest = (few + 1, Way::Along);
        if self.bounds.from.is_some() || self.bounds.to.is_some() {
            let mut range = Statement::new("SELECT e.id FROM entry e WHERE 1 = 1");
            self.bounds.push(&mut range, "e.id");
            let met = count(range, FEW, connection).await?;
            if met <= FEW {
                fewest = (met, Way::Ask(None));
            }
        }
        for (index, set) in self.sets.iter().enumerate() {
            let mut select = Statement::default();
            // Bounds would only make it longer to find those of a beginning.
            let everywhere = Bounds::default();
            let bounds = if set.is_in_order() {
                &self.bounds
            } else {
                &everywhere
            };
            set.select(&mut select, bounds, None);
            let met = count(select, few, connection).await?;
            fewest = fewest.min((met, Way::Ask(Some(index))));
        }
        Ok(fewest.1)
    }

    /// Are there conditions that only the columns of an entry answer?
    fn has_facts(&self) -> bool {
        let filter = self.filter;
        filter.min_score.is_some()
            || filter.max_score.is_some()
            || filter.verdict.is_some()
            || filter.kind.is_some()
    }

    /// Adds those conditions on an entry `e`.
    fn facts(&self, statement: &mut Statement) {
        let filter = self.filter;
        if let Some(min) = filter.min_score {
            statement.push(" AND e.score >= ?", [min.into()]);
        }
        if let Some(max) = filter.max_score {
            statement.push(" AND e.score < ?", [max.into()]);
        }
        for (column, value) in [("e.class", &filter.verdict), ("e.kind", &filter.kind)] {
            if let Some(value) = value {
                statement.push(&format!(" AND {column} = ?"), [value.as_str().into()]);
            }
        }
    }

    /// Entries as the index has them that answers all facts; SQLite does not find that out by itself.
    fn entries(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "entry e INDEXED BY entry_facts",
            Dialect::Postgres => "entry e",
        }
    }

    /// Adds a query for the column `id` of the entries that are meant, newest first. No row of an entry is
    /// read for it, only indexes.
    fn select(&self, statement: &mut Statement, limit: Option<u32>) {
        match self.way {
            Way::Ask(first) => {
                statement.push("SELECT e.id AS id", []);
                self.ask(statement, first);
                statement.push(" ORDER BY e.id DESC", []);
            }
            Way::Along => self.along(statement),
        }
        match limit {
            Some(limit) => {
                statement.push(" LIMIT ?", [limit.into()]);
            }
            // Note: SQLite forgets the order of a query within another that has no limit, and then sorts.
            None if self.dialect == Dialect::Sqlite => {
                statement.push(" LIMIT -1", []);
            }
            None => {}
        }
    }

    /// The identifiers of a page, and one more, which tells whether there is a next one.
    fn page(&self, limit: u32) -> Statement {
        let mut statement = Statement::default();
        self.select(&mut statement, Some(limit + 1));
        statement
    }

    /// Adds FROM and WHERE for the entries `e` that are meant.
    fn restrict(&self, statement: &mut Statement) {
        match self.way {
            Way::Ask(first) => self.ask(statement, first),
            Way::Along => {
                let from = format!(" FROM {} WHERE e.id IN (", self.entries());
                statement.push(&from, []);
                self.select(statement, None);
                statement.push(")", []);
            }
        }
    }

    fn ask(&self, statement: &mut Statement, first: Option<usize>) {
        statement.push(&format!(" FROM {} WHERE 1 = 1", self.entries()), []);
        if let Some(first) = first {
            statement.push(" AND e.id IN (", []);
            self.sets[first].select(statement, &self.bounds, None);
            statement.push(")", []);
        }
        self.bounds.push(statement, "e.id");
        self.facts(statement);
        for (index, set) in self.sets.iter().enumerate() {
            if first != Some(index) {
                set.probe(statement);
            }
        }
    }

    fn along(&self, statement: &mut Statement) {
        let mut queries = Vec::new();
        let mut facts = Statement::default();
        let mut has_facts = self.has_facts();
        for set in &self.sets {
            match set {
                // The entries that the facts are asked of say it, too; and they are in order.
                Set::States(_) if has_facts || !set.is_in_order() => {
                    has_facts = true;
                    set.probe(&mut facts);
                }
                _ => {
                    let mut query = Statement::default();
                    set.select(&mut query, &self.bounds, Some(self.dialect));
                    queries.push(query);
                }
            }
        }
        if has_facts {
            let mut query = Statement::new("SELECT e.id AS id FROM ");
            query.push(self.entries(), []);
            query.push(" WHERE 1 = 1", []);
            self.bounds.push(&mut query, "e.id");
            query.append(facts);
            self.facts(&mut query);
            queries.push(query);
        }
        match self.dialect {
            // SQLite merges what is in order, and goes on only as far as the page needs it. Several recipients
            // of one entry may begin alike; INTERSECT leaves one.
            Dialect::Sqlite => {
                let is_one = queries.len() == 1;
                for (index, query) in queries.into_iter().enumerate() {
                    statement.push(if index == 0 { "" } else { " INTERSECT " }, []);
                    statement.append(query);
                }
                if is_one {
                    statement.push(" GROUP BY 1", []);
                }
                statement.push(" ORDER BY 1 DESC", []);
            }
            // PostgreSQL would read all of them first; it merges joins.
            Dialect::Postgres => {
                statement.push("SELECT DISTINCT s0.id FROM ", []);
                for (index, query) in queries.into_iter().enumerate() {
                    statement.push(if index == 0 { "(" } else { " JOIN (" }, []);
                    statement.append(query);
                    statement.push(&format!(") s{index}"), []);
                    if index > 0 {
                        statement.push(&format!(" ON s{index}.id = s0.id"), []);
                    }
                }
                statement.push(" ORDER BY s0.id DESC", []);
            }
        }
    }

    /// Runs the query for a page.
    async fn rows(&self, connection: &mut AnyConnection, query: Statement) -> Answer<Vec<AnyRow>> {
        if self.dialect == Dialect::Sqlite || self.way != Way::Along {
            return query.rows(connection).await;
        }
        let mut transaction = connection.begin().await.map_err(trouble)?;
        Statement::new(MERGE).rows(&mut transaction).await?;
        query.rows(&mut transaction).await
    }
}

/// Until the end of the transaction. For the first few of many entries PostgreSQL's planner takes conditions to be
/// independent of each other and of time; where they are not, it looks into another index a million times.
/// A merge is never slow.
const MERGE: &str = "SELECT set_config('enable_nestloop', 'off', true), \
     set_config('enable_hashjoin', 'off', true), set_config('enable_hashagg', 'off', true), \
     set_config('enable_sort', 'off', true)";

/// How many rows a query has; more than `few` are not counted.
async fn count(query: Statement, few: i64, connection: &mut AnyConnection) -> Answer<i64> {
    let mut count = Statement::new("SELECT COUNT(*) FROM (");
    count.append(query);
    count.push(" LIMIT ?) few", [Value::from(few + 1)]);
    count.number(connection).await
}

/// Makes a beginning that only one value has into that value, whose entries are in order.
async fn only_value(wanted: &mut Wanted, connection: &mut AnyConnection) -> Answer<()> {
    if !wanted.is_prefix {
        return Ok(());
    }
    let mut ends = Statement::new("SELECT (SELECT MIN(t.value) FROM term t WHERE ");
    term(&mut ends, wanted);
    ends.push("), (SELECT MAX(t.value) FROM term t WHERE ", []);
    term(&mut ends, wanted);
    ends.push(")", []);
    if let Some(row) = ends.row(connection).await? {
        let first: Option<String> = row.try_get(0).map_err(trouble)?;
        let last: Option<String> = row.try_get(1).map_err(trouble)?;
        if let Some(value) = first
            && last.as_ref() == Some(&value)
        {
            wanted.value = value;
            wanted.is_prefix = false;
        }
    }
    Ok(())
}

fn any_of(statement: &mut Statement, column: &str, states: &[State]) {
    let places = vec!["?"; states.len()].join(", ");
    let names = states.iter().map(|state| Value::from(state.name()));
    statement.push(&format!("{column} IN ({places})"), names);
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

impl SqlStore {
    pub(super) async fn find_page(&self, filter: &Filter, page: &Page) -> Answer<Listing> {
        let mut connection = self.reader().await?;
        let limit = page.limit.clamp(1, Page::MAX);
        let after = page.after.as_deref();
        let search = Search::of(self.dialect, filter, after, &mut connection).await?;
        let select = search.page(limit);
        let mut ids: Vec<String> = Vec::new();
        for row in search.rows(&mut connection, select).await? {
            ids.push(row.try_get(0).map_err(trouble)?);
        }
        let mut listing = Listing::default();
        if ids.len() > limit as usize {
            ids.truncate(limit as usize);
            listing.next = ids.last().cloned();
        }
        if ids.is_empty() {
            return Ok(listing);
        }
        let places = vec!["?"; ids.len()].join(", ");
        let select =
            format!("SELECT {COLUMNS} FROM entry e WHERE e.id IN ({places}) ORDER BY e.id DESC");
        let rows = Statement::with(&select, ids.into_iter().map(Value::from));
        for row in rows.rows(&mut connection).await? {
            listing.entries.push(entry_of(&row)?);
        }
        Ok(listing)
    }

    pub(super) async fn count_all(&self, filter: &Filter) -> Answer<u64> {
        let mut connection = self.reader().await?;
        let search = Search::of(self.dialect, filter, None, &mut connection).await?;
        let mut count = Statement::new("SELECT COUNT(*) FROM (");
        search.select(&mut count, None);
        count.push(") met", []);
        Ok(unsigned(count.number(&mut connection).await?))
    }

    /// What the database would do for a page, in its own words.
    pub(super) async fn explain(&self, filter: &Filter, page: &Page) -> Answer<String> {
        let mut connection = self.reader().await?;
        let after = page.after.as_deref();
        let search = Search::of(self.dialect, filter, after, &mut connection).await?;
        let (explain, column) = match self.dialect {
            Dialect::Sqlite => ("EXPLAIN QUERY PLAN ", 3),
            Dialect::Postgres => ("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) ", 0),
        };
        let mut query = Statement::new(explain);
        query.append(search.page(page.limit.clamp(1, Page::MAX)));
        let mut text = format!("{:?}\n", search.way);
        for row in search.rows(&mut connection, query).await? {
            text += &row.try_get::<String, _>(column).map_err(trouble)?;
            text.push('\n');
        }
        Ok(text)
    }

    pub(super) async fn find_waves(&self, filter: &Filter, limit: u32) -> Answer<Vec<Wave>> {
        let mut connection = self.reader().await?;
        let search = Search::of(self.dialect, filter, None, &mut connection).await?;
        let mut select = Statement::new(
            "SELECT e.wave, COUNT(*), CAST(SUM(CASE WHEN e.state = 'held' THEN 1 ELSE 0 END) AS BIGINT), \
             MIN(e.id), MAX(e.id)",
        );
        search.restrict(&mut select);
        select.push(
            " AND e.wave IS NOT NULL GROUP BY e.wave ORDER BY 2 DESC, 1 LIMIT ?",
            [limit.into()],
        );
        let rows = select.rows(&mut connection).await?;
        let wave = |row: &AnyRow| -> Result<Wave, sqlx::Error> {
            Ok(Wave {
                name: row.try_get(0)?,
                entries: unsigned(row.try_get(1)?),
                held: unsigned(row.try_get(2)?),
                first: id::time(row.try_get(3)?),
                last: id::time(row.try_get(4)?),
            })
        };
        rows.iter().map(|row| wave(row).map_err(trouble)).collect()
    }
}
