//! The blocks of the search index as they lie in the database.
//!
//! A block is entries that were noted together, in the order of their identifiers. Its pages tell for each field which values
//! its entries have, and which entries.

use crate::quarantine::postings::{Page, Places, Posting, Reader, damaged, pages};
use crate::quarantine::sql::group::{inserts, run_all};
use crate::quarantine::sql::statement::{SQLITE, Statement, Value, trouble};
use crate::quarantine::terms::{Field, Span, Terms};
use crate::quarantine::{Answer, id};
use sqlx::{AnyConnection, Row as _};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Identifiers on a page, which is then as large as the others.
const IDS: usize = 240;
/// The field of pages with identifiers.
const ID: &str = "#";
/// What an identifier that is gone has behind its time, which the order of the others needs.
const GONE: &str = "0000000";
/// Identifiers in one statement, at most.
const MANY: usize = 256;
/// PostgreSQL's number for the lock on the index.
const LOCK: i64 = 0x6362_6c75_6666;

/// A block, but for its pages.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) number: i64,
    /// Entries that are not gone.
    pub(super) live: usize,
    /// How many terms all of them have together.
    pub(super) terms: usize,
    /// The time of the first identifier on each page.
    times: Vec<String>,
    /// The time of the last identifier.
    last: String,
}

impl Block {
    /// What no identifier of its entries is below.
    pub(super) fn start(&self) -> &str {
        self.times.first().map_or("", String::as_str)
    }

    /// What all identifiers of its entries are below.
    pub(super) fn end(&self) -> String {
        format!("{}~", self.last)
    }

    /// The pages on which identifiers that sort beside this one can be.
    fn pages_around(&self, id: &str) -> std::ops::RangeInclusive<usize> {
        let time = time_of(id);
        let before = self.times.partition_point(|first| first.as_str() < time);
        let until = self.times.partition_point(|first| first.as_str() <= time);
        before.saturating_sub(1)..=until.saturating_sub(1)
    }

    /// The places whose identifiers are below this one.
    pub(super) async fn below(&self, connection: &mut AnyConnection, id: &str) -> Answer<Places> {
        let around = self.pages_around(id);
        let mut below = Places::between(0, around.start() * IDS);
        // Note: only their times are sure to be in order, as those that are gone have nothing else.
        for (place, other) in self.ids(connection, around).await? {
            if other.as_str() < id {
                below.add(place);
            }
        }
        Ok(below)
    }

    /// The identifiers on some pages, with their places.
    pub(super) async fn ids(
        &self,
        connection: &mut AnyConnection,
        pages: std::ops::RangeInclusive<usize>,
    ) -> Answer<Vec<(usize, String)>> {
        let rows = Statement::with(
            "SELECT first, terms FROM page WHERE block = ? AND field = ? AND first >= ? AND first <= ? ORDER BY first",
            [
                Value::from(self.number),
                ID.into(),
                page_name(*pages.start()).into(),
                page_name(*pages.end()).into(),
            ],
        )
        .rows(connection)
        .await?;
        let mut ids = Vec::with_capacity(rows.len() * IDS);
        for row in rows {
            let first: String = row.try_get(0).map_err(trouble)?;
            let text: Vec<u8> = row.try_get(1).map_err(trouble)?;
            let start = first.parse::<usize>().map_err(|_| damaged())? * IDS;
            for (place, id) in (start..).zip(text.chunks(id::LENGTH)) {
                let id = std::str::from_utf8(id).map_err(|_| damaged())?;
                ids.push((place, id.to_owned()));
            }
        }
        Ok(ids)
    }

    /// All identifiers, with their places.
    pub(super) async fn all_ids(
        &self,
        connection: &mut AnyConnection,
    ) -> Answer<Vec<(usize, String)>> {
        self.ids(connection, 0..=self.times.len()).await
    }

    /// The identifiers at some places, lowest first.
    pub(super) async fn ids_at(
        &self,
        connection: &mut AnyConnection,
        places: &BTreeSet<usize>,
    ) -> Answer<Vec<String>> {
        let (Some(first), Some(last)) = (places.first(), places.last()) else {
            return Ok(Vec::new());
        };
        let mut ids = self.ids(connection, first / IDS..=last / IDS).await?;
        ids.retain(|(place, _)| places.contains(place));
        Ok(ids.into_iter().map(|(_, id)| id).collect())
    }

    /// All pages of a field.
    pub(super) async fn pages(
        &self,
        connection: &mut AnyConnection,
        field: Field,
    ) -> Answer<Vec<Vec<u8>>> {
        let rows = Statement::with(
            "SELECT terms FROM page WHERE block = ? AND field = ? ORDER BY first",
            [Value::from(self.number), field.name().into()],
        )
        .rows(connection)
        .await?;
        rows.iter()
            .map(|row| row.try_get(0).map_err(trouble))
            .collect()
    }

    /// The places whose entries are not gone: those that have a state.
    pub(super) async fn live(&self, connection: &mut AnyConnection) -> Answer<Places> {
        let mut live = Places::none();
        for page in self.pages(connection, Field::State).await? {
            let mut reader = Reader::new(&page);
            while let Some((_, places)) = reader.next()? {
                places.add_to(&mut live)?;
            }
        }
        Ok(live)
    }
}

fn time_of(id: &str) -> &str {
    id.get(..id::TIME).unwrap_or(id)
}

/// The name of a page with identifiers; the names sort as the pages.
fn page_name(number: usize) -> String {
    format!("{number:03}")
}

/// All blocks, newest first.
pub(super) async fn blocks(connection: &mut AnyConnection) -> Answer<Vec<Block>> {
    let rows = Statement::new(
        "SELECT number, live, terms, times, last FROM block ORDER BY last DESC, number DESC",
    )
    .rows(connection)
    .await?;
    let mut blocks = Vec::with_capacity(rows.len());
    for row in rows {
        let read = || -> Result<Block, sqlx::Error> {
            let times: String = row.try_get(3)?;
            let count = |number: i64| usize::try_from(number).unwrap_or(0);
            Ok(Block {
                number: row.try_get(0)?,
                live: count(row.try_get(1)?),
                terms: count(row.try_get(2)?),
                times: times.split_whitespace().map(str::to_owned).collect(),
                last: row.try_get(4)?,
            })
        };
        blocks.push(read().map_err(trouble)?);
    }
    Ok(blocks)
}

/// Adds a block with these identifiers, which are in order, and gives its number. Its pages are written beside.
pub(super) async fn add_block(
    connection: &mut AnyConnection,
    ids: &[String],
    terms: usize,
) -> Answer<i64> {
    let number = Statement::new("SELECT MAX(number) FROM block")
        .number(connection)
        .await?
        + 1;
    let mut times = Vec::new();
    let mut rows = Vec::new();
    for (index, some) in ids.chunks(IDS).enumerate() {
        times.push(time_of(&some[0]));
        rows.push((page_name(index), some.concat().into_bytes()));
    }
    let last = ids.last().map_or("", |id| time_of(id));
    let count = |count: usize| Value::from(i64::try_from(count).unwrap_or(i64::MAX));
    Statement::with(
        "INSERT INTO block (number, live, terms, times, last) VALUES (?, ?, ?, ?, ?)",
        [
            Value::from(number),
            count(ids.len()),
            count(terms),
            times.join(" ").into(),
            last.into(),
        ],
    )
    .run(connection)
    .await?;
    write_pages(connection, number, ID, rows).await?;
    Ok(number)
}

/// Writes pages of a field.
pub(super) async fn write_pages(
    connection: &mut AnyConnection,
    block: i64,
    field: &str,
    pages: Vec<Page>,
) -> Answer<()> {
    let rows = pages
        .into_iter()
        .map(|(first, terms)| vec![block.into(), field.into(), first.into(), terms.into()])
        .collect();
    let end = ("", None);
    run_all(
        connection,
        inserts("page (block, field, first, terms)", rows, end),
    )
    .await
}

/// Removes blocks with all their pages.
pub(super) async fn remove_blocks(connection: &mut AnyConnection, numbers: &[i64]) -> Answer<()> {
    for number in numbers {
        for delete in [
            "DELETE FROM page WHERE block = ?",
            "DELETE FROM block WHERE number = ?",
        ] {
            Statement::with(delete, [Value::from(*number)])
                .run(connection)
                .await?;
        }
    }
    Ok(())
}

/// The pages on which values of a span are, with the numbers of their blocks.
pub(super) async fn pages_of(
    connection: &mut AnyConnection,
    blocks: &[i64],
    field: Field,
    span: &Span,
) -> Answer<Vec<(i64, Vec<u8>)>> {
    let numbers = || blocks.iter().map(|number| Value::from(*number));
    let places = vec!["?"; blocks.len()].join(", ");
    // The one that the first value is on, if it is there. A query within a query, so that each database finds it by one step
    // in the index, whatever it believes to know of the table.
    let mut select = Statement::with(
        "SELECT b.number, (SELECT p.terms FROM page p WHERE p.block = b.number AND p.field = ? AND p.first <= ? \
         ORDER BY p.first DESC LIMIT 1) FROM block b",
        [Value::from(field.name()), span.from.as_str().into()],
    );
    select.push(&format!(" WHERE b.number IN ({places})"), numbers());
    let mut rows = select.rows(connection).await?;
    if let Some(to) = &span.to {
        let mut select = Statement::new("SELECT p.block, p.terms FROM page p");
        select.push(&format!(" WHERE p.block IN ({places})"), numbers());
        select.push(
            " AND p.field = ? AND p.first > ? AND p.first < ?",
            [
                Value::from(field.name()),
                span.from.as_str().into(),
                to.as_str().into(),
            ],
        );
        rows.extend(select.rows(connection).await?);
    }
    let mut pages = Vec::with_capacity(rows.len());
    for row in rows {
        let page: Option<Vec<u8>> = row.try_get(1).map_err(trouble)?;
        if let Some(page) = page {
            pages.push((row.try_get(0).map_err(trouble)?, page));
        }
    }
    Ok(pages)
}

/// Takes the lock on the index until the end of the transaction: only one changes it at a time. Puts do not touch it.
pub(super) async fn hold(connection: &mut AnyConnection) -> Answer<()> {
    // A transaction that writes to SQLite is alone anyway.
    if connection.backend_name() != SQLITE {
        let hold = "SELECT 1 WHERE pg_advisory_xact_lock(?) IS NOT NULL";
        Statement::with(hold, [LOCK.into()])
            .rows(connection)
            .await?;
    }
    Ok(())
}

/// The same where nobody else has it.
pub(super) async fn try_hold(connection: &mut AnyConnection) -> Answer<bool> {
    if connection.backend_name() == SQLITE {
        return Ok(true);
    }
    let hold = "SELECT CASE WHEN pg_try_advisory_xact_lock(?) THEN 1 ELSE 0 END";
    let row = Statement::with(hold, [LOCK.into()]).row(connection).await?;
    let held: Option<i32> = row.map(|row| row.try_get(0).map_err(trouble)).transpose()?;
    Ok(held == Some(1))
}

/// What becomes of an entry's terms.
#[derive(Clone, Debug, Default)]
pub(super) struct Change {
    pub(super) remove: Terms,
    pub(super) add: Terms,
    /// Is the entry itself removed?
    pub(super) is_gone: bool,
}

/// Changes what the index says of entries, by their identifiers. The caller holds the lock.
pub(super) async fn change(
    connection: &mut AnyConnection,
    mut changes: BTreeMap<String, Change>,
) -> Answer<()> {
    // Of those that are not in the index yet nothing is to be changed.
    for id in fresh_of(connection, &changes).await? {
        if changes.remove(&id).is_some_and(|change| change.is_gone) {
            Statement::with("DELETE FROM fresh WHERE entry = ?", [id.into()])
                .run(connection)
                .await?;
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    for block in blocks(connection).await? {
        let within = block.start().to_owned()..block.end();
        let (mut here, mut gone) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        let wanted: Vec<_> = changes.range(within).map(|(id, _)| id.clone()).collect();
        for id in &wanted {
            let around = block.pages_around(id);
            if !seen.insert(around.clone()) {
                continue;
            }
            for (place, id) in block.ids(connection, around).await? {
                if let Some(change) = changes.remove(&id) {
                    if change.is_gone {
                        gone.push((place, id));
                    }
                    here.push((place, change));
                }
            }
        }
        if !here.is_empty() {
            change_block(connection, &block, here, gone).await?;
        }
    }
    Ok(())
}

/// Those that are not in the index yet.
async fn fresh_of(
    connection: &mut AnyConnection,
    changes: &BTreeMap<String, Change>,
) -> Answer<Vec<String>> {
    let ids: Vec<String> = changes.keys().cloned().collect();
    let mut fresh = Vec::new();
    for some in ids.chunks(MANY) {
        let places = vec!["?"; some.len()].join(", ");
        let select = format!("SELECT entry FROM fresh WHERE entry IN ({places})");
        let values = some.iter().map(|id| Value::from(id.as_str()));
        for row in Statement::with(&select, values).rows(connection).await? {
            fresh.push(row.try_get(0).map_err(trouble)?);
        }
    }
    Ok(fresh)
}

/// What is done with a place, by the value that it is done to.
type Edits = BTreeMap<String, Vec<(u16, bool)>>;

async fn change_block(
    connection: &mut AnyConnection,
    block: &Block,
    here: Vec<(usize, Change)>,
    gone: Vec<(usize, String)>,
) -> Answer<()> {
    if gone.len() >= block.live {
        return remove_blocks(connection, &[block.number]).await;
    }
    let mut by_field: BTreeMap<Field, Edits> = BTreeMap::new();
    let mut terms = block.terms;
    for (place, change) in here {
        let place = u16::try_from(place).map_err(|_| damaged())?;
        terms = (terms + change.add.len()).saturating_sub(change.remove.len());
        let removed = change.remove.into_iter().map(|term| (term, false));
        for ((field, value), is_added) in removed.chain(change.add.into_iter().map(|t| (t, true))) {
            let edits = by_field.entry(field).or_default();
            edits.entry(value).or_default().push((place, is_added));
        }
    }
    for (field, edits) in by_field {
        edit(connection, block.number, field, edits).await?;
    }
    let mut erased: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, _) in &gone {
        erased.entry(place / IDS).or_default().push(*place);
    }
    for (page, places) in erased {
        let mut text = String::new();
        for (place, id) in block.ids(connection, page..=page).await? {
            match places.contains(&place) {
                true => text.extend([time_of(&id), GONE]),
                false => text += &id,
            }
        }
        Statement::with(
            "UPDATE page SET terms = ? WHERE block = ? AND field = ? AND first = ?",
            [
                Value::from(text.into_bytes()),
                block.number.into(),
                ID.into(),
                page_name(page).into(),
            ],
        )
        .run(connection)
        .await?;
    }
    let count = |count: usize| Value::from(i64::try_from(count).unwrap_or(i64::MAX));
    Statement::with(
        "UPDATE block SET live = ?, terms = ? WHERE number = ?",
        [
            count(block.live - gone.len()),
            count(terms),
            block.number.into(),
        ],
    )
    .run(connection)
    .await
    .map(|_| ())
}

/// Changes pages of one field.
async fn edit(
    connection: &mut AnyConnection,
    block: i64,
    field: Field,
    mut edits: Edits,
) -> Answer<()> {
    let key = || [Value::from(block), field.name().into()];
    let select = "SELECT first FROM page WHERE block = ? AND field = ? ORDER BY first";
    let mut firsts: Vec<String> = Vec::new();
    for row in Statement::with(select, key()).rows(connection).await? {
        firsts.push(row.try_get(0).map_err(trouble)?);
    }
    // From the last page on: each takes what sorts from its first value on, and the first page the rest.
    for index in (0..firsts.len().max(1)).rev() {
        let first = firsts.get(index);
        let on_page = match first {
            Some(first) if index > 0 => edits.split_off(first),
            _ => std::mem::take(&mut edits),
        };
        if on_page.is_empty() {
            continue;
        }
        let mut postings: BTreeMap<String, Vec<u16>> = BTreeMap::new();
        if let Some(first) = first {
            let delete = Statement::with(
                "DELETE FROM page WHERE block = ? AND field = ? AND first = ? RETURNING terms",
                key().into_iter().chain([first.as_str().into()]),
            );
            for row in delete.rows(connection).await? {
                let page: Vec<u8> = row.try_get(0).map_err(trouble)?;
                let mut reader = Reader::new(&page);
                while let Some((value, places)) = reader.next()? {
                    postings.insert(value.to_owned(), places.list()?);
                }
            }
        }
        for (value, places) in on_page {
            let posting = postings.entry(value).or_default();
            for (place, is_added) in places {
                posting.retain(|other| *other != place);
                if is_added {
                    posting.push(place);
                }
            }
            posting.sort_unstable();
        }
        let postings: Vec<Posting> = postings.into_iter().collect();
        write_pages(connection, block, field.name(), pages(&postings)).await?;
    }
    Ok(())
}
