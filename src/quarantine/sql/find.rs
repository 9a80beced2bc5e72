//! Searching: the entries that a filter means.
//!
//! Block by block, newest first, each condition is a set of places; a page of the list is full long before the last
//! block, or the sets have nothing in common, which takes a look at a few pages for each block.

use crate::quarantine::id;
use crate::quarantine::postings::{Places, Reader};
use crate::quarantine::sql::SqlStore;
use crate::quarantine::sql::blocks::{Block, blocks, pages_of};
use crate::quarantine::sql::index::{count_fresh, facts_of, round};
use crate::quarantine::sql::read::{COLUMNS, entry_of};
use crate::quarantine::sql::statement::{SQLITE, Statement, Value, trouble};
use crate::quarantine::terms::{Facts, Field, Wanted, state_term, wanted, wave_term};
use crate::quarantine::{Answer, Filter, Listing, Page, State, Wave};
use jiff::Timestamp;
use sqlx::{AnyConnection, Connection as _, Row as _, Transaction};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::timeout;

/// Marked entries beyond which a search first takes them into the index: who searches once often does so again, and each
/// time they are read one by one.
const BACKLOG: usize = 128;
/// How long a search tries to: somebody else may be writing.
const PATIENCE: Duration = Duration::from_secs(3);
/// Marked entries that are read together.
const ROWS: i64 = 128;
/// The most blocks that are asked together. The first is asked alone: mostly it has enough.
const BLOCKS: usize = 16;
/// The same for values in a range, which may be on hundreds of pages of a block.
const RANGES: usize = 2;

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

    /// Can a block have some of them?
    fn touch(&self, block: &Block) -> bool {
        let is_over = |from: &String| *from > block.end();
        let is_under = |to: &String| to.as_str() <= block.start();
        !self.from.as_ref().is_some_and(is_over) && !self.to.as_ref().is_some_and(is_under)
    }

    /// Takes the places away whose identifiers are not in question.
    async fn cut(
        &self,
        connection: &mut AnyConnection,
        block: &Block,
        places: &mut Places,
    ) -> Answer<()> {
        if let Some(from) = self.from.as_deref().filter(|from| *from > block.start()) {
            places.drop(&block.below(connection, from).await?);
        }
        if let Some(to) = self.to.as_deref().filter(|to| **to < *block.end()) {
            places.keep(&block.below(connection, to).await?);
        }
        Ok(())
    }
}

/// The conditions of a filter, and how much it took to look for what meets them.
#[derive(Debug)]
struct Search {
    wanted: Vec<Wanted>,
    bounds: Bounds,
    asked: Asked,
}

/// What a search has read.
#[derive(Debug, Default)]
struct Asked {
    blocks: usize,
    pages: usize,
    marked: usize,
}

impl Search {
    fn of(filter: &Filter, after: Option<&str>) -> Self {
        let mut wanted = wanted(filter);
        if wanted.is_empty() {
            wanted.push(Wanted::anything());
        }
        // Those that need a page for each block first: where they have nothing in common, the others are not asked.
        wanted.sort_by_key(|wanted| !wanted.is_exact());
        Self {
            wanted,
            bounds: Bounds::of(filter, after),
            asked: Asked::default(),
        }
    }

    /// Marked entries before an identifier that are looked at together, newest first: where to go on, and those that are
    /// meant.
    async fn marked(
        &mut self,
        connection: &mut AnyConnection,
        before: Option<&str>,
    ) -> Answer<(Option<String>, Vec<(String, Facts)>)> {
        let mut select = Statement::new("SELECT entry FROM fresh WHERE 1 = 1");
        if let Some(from) = &self.bounds.from {
            select.push(" AND entry >= ?", [from.as_str().into()]);
        }
        if let Some(to) = before.or(self.bounds.to.as_deref()) {
            select.push(" AND entry < ?", [to.into()]);
        }
        select.push(" ORDER BY entry DESC LIMIT ?", [ROWS.into()]);
        let mut ids: Vec<String> = Vec::new();
        for row in select.rows(connection).await? {
            ids.push(row.try_get(0).map_err(trouble)?);
        }
        let mut met = facts_of(connection, &ids).await?;
        self.asked.marked += met.len();
        met.retain(|(_, facts)| {
            let terms = facts.terms();
            self.wanted.iter().all(|wanted| wanted.is_met(&terms))
        });
        met.reverse();
        Ok((ids.pop(), met))
    }

    /// Of each block the places whose entries are meant, with its index; those without any are left out.
    async fn met(
        &mut self,
        connection: &mut AnyConnection,
        blocks: &[Block],
    ) -> Answer<Vec<(usize, Places)>> {
        self.asked.blocks += blocks.len();
        let mut met: Vec<(usize, Option<Places>)> =
            (0..blocks.len()).map(|index| (index, None)).collect();
        for wanted in &self.wanted {
            let together = if wanted.is_exact() { BLOCKS } else { RANGES };
            for some in met.chunks_mut(together) {
                let numbers: Vec<i64> = some
                    .iter()
                    .map(|(index, _)| blocks[*index].number)
                    .collect();
                let mut found: HashMap<i64, Places> = HashMap::new();
                for span in &wanted.spans {
                    for (number, page) in pages_of(connection, &numbers, wanted.field, span).await?
                    {
                        self.asked.pages += 1;
                        let places = found.entry(number).or_insert_with(Places::none);
                        let mut reader = Reader::new(&page);
                        while let Some((value, packed)) = reader.next()? {
                            if span.has(value) {
                                packed.add_to(places)?;
                            } else if value > span.from.as_str() {
                                break;
                            }
                        }
                    }
                }
                for (index, places) in some {
                    let found = found.remove(&blocks[*index].number);
                    let found = found.unwrap_or_else(Places::none);
                    match places {
                        Some(places) => places.keep(&found),
                        None => *places = Some(found),
                    }
                }
            }
            met.retain(|(_, places)| places.as_ref().is_some_and(|places| !places.is_empty()));
        }
        let mut cut = Vec::with_capacity(met.len());
        for (index, places) in met {
            let mut places = places.unwrap_or_else(Places::none);
            let block = &blocks[index];
            self.bounds.cut(connection, block, &mut places).await?;
            if !places.is_empty() {
                cut.push((index, places));
            }
        }
        Ok(cut)
    }

    /// The blocks that can have entries that are in question, newest first.
    async fn blocks(&self, connection: &mut AnyConnection) -> Answer<Vec<Block>> {
        let mut blocks = blocks(connection).await?;
        blocks.retain(|block| self.bounds.touch(block));
        Ok(blocks)
    }

    /// The identifiers of entries that are meant, newest first, at most `limit`.
    async fn newest(
        &mut self,
        connection: &mut AnyConnection,
        limit: usize,
    ) -> Answer<Vec<String>> {
        let mut newest = Vec::new();
        let mut before = None;
        while newest.len() < limit {
            let (next, met) = self.marked(connection, before.as_deref()).await?;
            newest.extend(met.into_iter().map(|(id, _)| id));
            if next.is_none() {
                break;
            }
            before = next;
        }
        let blocks = self.blocks(connection).await?;
        let mut rest = &blocks[..];
        let mut together = 1;
        while let Some(first) = rest.first() {
            // Blocks may overlap, and marked entries be older: it ends where nothing newer can come.
            if newest
                .get(limit - 1)
                .is_some_and(|last| *last > first.end())
            {
                break;
            }
            let (now, later) = rest.split_at(rest.len().min(together));
            rest = later;
            together = (2 * together).min(BLOCKS);
            for (index, places) in self.met(connection, now).await? {
                let last: BTreeSet<usize> = places.iter().rev().take(limit).collect();
                newest.extend(now[index].ids_at(connection, &last).await?);
            }
            newest.sort_unstable_by(|one, other| other.cmp(one));
            newest.truncate(limit);
        }
        Ok(newest)
    }
}

/// The identifiers of entries that are meant, newest first, at most `limit`, before one.
pub(super) async fn newest(
    connection: &mut AnyConnection,
    filter: &Filter,
    after: Option<&str>,
    limit: usize,
) -> Answer<Vec<String>> {
    Search::of(filter, after).newest(connection, limit).await
}

/// A transaction in which every statement sees the same: an entry must not go from the marked ones into the index between two.
async fn snapshot(connection: &mut AnyConnection) -> Answer<Transaction<'_, sqlx::Any>> {
    let begin = match connection.backend_name() {
        SQLITE => "BEGIN",
        _ => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    connection.begin_with(begin).await.map_err(trouble)
}

impl SqlStore {
    /// Takes marked entries into the index where there are too many to be read one by one again and again: one batch, as the
    /// newest are found all the same.
    async fn catch_up(&self) -> Answer<()> {
        let opened = self.opened().await?;
        let mut connection = opened.readers.acquire().await?;
        let marked = count_fresh(&mut connection, BACKLOG + 1).await?;
        drop(connection);
        if marked > BACKLOG {
            // Where it cannot be written to, it can still be read.
            let _ = timeout(PATIENCE, round(&opened.writers, 1)).await;
        }
        Ok(())
    }

    pub(super) async fn find_page(&self, filter: &Filter, page: &Page) -> Answer<Listing> {
        self.catch_up().await?;
        let mut connection = self.reader().await?;
        let mut snapshot = snapshot(&mut connection).await?;
        let limit = page.limit.clamp(1, Page::MAX) as usize;
        // One more tells whether there is a next page.
        let after = page.after.as_deref();
        let mut ids = newest(&mut snapshot, filter, after, limit + 1).await?;
        let mut listing = Listing::default();
        if ids.len() > limit {
            ids.truncate(limit);
            listing.next = ids.last().cloned();
        }
        if ids.is_empty() {
            return Ok(listing);
        }
        let places = vec!["?"; ids.len()].join(", ");
        let select =
            format!("SELECT {COLUMNS} FROM entry e WHERE e.id IN ({places}) ORDER BY e.id DESC");
        let rows = Statement::with(&select, ids.into_iter().map(Value::from));
        for row in rows.rows(&mut snapshot).await? {
            listing.entries.push(entry_of(&row)?);
        }
        // Otherwise the next one who reads may come before the end of it, and open another connection.
        snapshot.rollback().await.map_err(trouble)?;
        Ok(listing)
    }

    pub(super) async fn count_all(&self, filter: &Filter) -> Answer<u64> {
        self.catch_up().await?;
        let mut connection = self.reader().await?;
        let mut snapshot = snapshot(&mut connection).await?;
        let connection = &mut *snapshot;
        let mut search = Search::of(filter, None);
        let mut count = 0;
        let mut before = None;
        loop {
            let (next, met) = search.marked(connection, before.as_deref()).await?;
            count += met.len();
            if next.is_none() {
                break;
            }
            before = next;
        }
        let blocks = search.blocks(connection).await?;
        for some in blocks.chunks(BLOCKS) {
            for (_, places) in search.met(connection, some).await? {
                count += places.count();
            }
        }
        Ok(count as u64)
    }

    /// What a page of a list takes to find.
    pub(super) async fn explain(&self, filter: &Filter, page: &Page) -> Answer<String> {
        let mut connection = self.reader().await?;
        let mut snapshot = snapshot(&mut connection).await?;
        let mut search = Search::of(filter, page.after.as_deref());
        let limit = page.limit.clamp(1, Page::MAX) as usize;
        search.newest(&mut snapshot, limit + 1).await?;
        let Asked {
            blocks,
            pages,
            marked,
        } = search.asked;
        Ok(format!("blocks={blocks} pages={pages} marked={marked}"))
    }

    pub(super) async fn find_waves(&self, filter: &Filter, limit: u32) -> Answer<Vec<Wave>> {
        self.catch_up().await?;
        let mut connection = self.reader().await?;
        let mut snapshot = snapshot(&mut connection).await?;
        let connection = &mut *snapshot;
        let mut search = Search::of(filter, None);
        let mut waves: HashMap<String, Wave> = HashMap::new();
        let mut before = None;
        loop {
            let (next, met) = search.marked(connection, before.as_deref()).await?;
            for (id, facts) in met {
                if let Some(wave) = facts.wave {
                    let (wave, time) = (wave_term(&wave).1, id::time(&id));
                    add(
                        &mut waves,
                        wave,
                        1,
                        u64::from(facts.state == State::Held),
                        (time, time),
                    );
                }
            }
            if next.is_none() {
                break;
            }
            before = next;
        }
        let blocks = search.blocks(connection).await?;
        for block in &blocks {
            if let [(_, places)] = &search.met(connection, std::slice::from_ref(block)).await?[..] {
                waves_of(connection, block, places, &mut waves).await?;
            }
        }
        let mut waves: Vec<Wave> = waves.into_values().collect();
        waves.sort_by(|one, other| (other.entries, &one.name).cmp(&(one.entries, &other.name)));
        waves.truncate(limit as usize);
        Ok(waves)
    }
}

/// Counts the waves of some entries of a block.
async fn waves_of(
    connection: &mut AnyConnection,
    block: &Block,
    meant: &Places,
    waves: &mut HashMap<String, Wave>,
) -> Answer<()> {
    let ids: HashMap<usize, String> = block.all_ids(connection).await?.into_iter().collect();
    let time = |place: usize| ids.get(&place).map_or(Timestamp::MIN, |id| id::time(id));
    let mut held = Places::none();
    for page in block.pages(connection, Field::State).await? {
        let mut reader = Reader::new(&page);
        while let Some((value, packed)) = reader.next()? {
            if value == state_term(State::Held).1 {
                packed.add_to(&mut held)?;
            }
        }
    }
    for page in block.pages(connection, Field::Wave).await? {
        let mut reader = Reader::new(&page);
        while let Some((value, packed)) = reader.next()? {
            let mut places = packed.list()?;
            places.retain(|place| meant.has(usize::from(*place)));
            let (Some(first), Some(last)) = (places.first(), places.last()) else {
                continue;
            };
            let times = (time(usize::from(*first)), time(usize::from(*last)));
            let is_held = |place: &&u16| held.has(usize::from(**place));
            let held = places.iter().filter(is_held).count() as u64;
            add(waves, value.to_owned(), places.len() as u64, held, times);
        }
    }
    Ok(())
}

/// Adds entries to their wave.
fn add(
    waves: &mut HashMap<String, Wave>,
    name: String,
    entries: u64,
    held: u64,
    (first, last): (Timestamp, Timestamp),
) {
    let wave = waves.entry(name).or_insert_with_key(|name| Wave {
        name: name.clone(),
        entries: 0,
        held: 0,
        first,
        last,
    });
    wave.entries += entries;
    wave.held += held;
    wave.first = wave.first.min(first);
    wave.last = wave.last.max(last);
}
