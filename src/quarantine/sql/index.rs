//! Brings the search index up to date, behind the back of those who wait for a commit.
//!
//! What a message's commit writes is only a mark that it is not in the index yet. Marked entries are read one by one in each
//! search; so they are taken into the index some time later, many at once, which costs a tenth.

use crate::message::Address;
use crate::quarantine::postings::{BLOCK, Posting, Reader, damaged, pages};
use crate::quarantine::sql::blocks::{
    Block, add_block, blocks, remove_blocks, try_hold, write_pages,
};
use crate::quarantine::sql::pool::Pool;
use crate::quarantine::sql::read::split;
use crate::quarantine::sql::statement::{Statement, Value, trouble};
use crate::quarantine::terms::{Facts, Field};
use crate::quarantine::{Answer, Entry, State};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// So many marked entries are taken into the index together, in a transaction that messages wait for; at most.
const BATCH: usize = 2048;
/// The most terms of a batch, but for its last entry; they are in memory together.
const TERMS: usize = 1 << 17;
/// The most terms of a block that others become one with; those of one field are in memory together.
const BLOCK_TERMS: usize = 1 << 20;
/// Rows that are read together; one can have thousands of recipients.
const ROWS: usize = 128;
/// How long a marked entry waits where few come.
const PAUSE: Duration = Duration::from_secs(30);
/// Between two batches. Another process that waits for SQLite's lock looks every 100 ms whether it is free; where it never
/// was for as long as that, it would give up after some seconds.
const BREATH: Duration = Duration::from_millis(100);

/// Knows how many entries have come, and wakes who takes them into the index. It ends with the last of these.
#[derive(Clone, Debug)]
pub(super) struct Backlog {
    waiting: Arc<AtomicUsize>,
    wake: mpsc::Sender<()>,
}

impl Backlog {
    /// Begins to take entries into the index.
    pub(super) fn start(pool: &Pool) -> Self {
        let (wake, woken) = mpsc::channel(1);
        let waiting = Arc::default();
        tokio::spawn(keep_up(pool.clone(), woken, Arc::clone(&waiting)));
        Self { waiting, wake }
    }

    /// So many more were stored.
    pub(super) fn grow(&self, entries: usize) {
        let waiting = self.waiting.fetch_add(entries, Ordering::Relaxed) + entries;
        if waiting >= BATCH {
            // Where it is full, it is awake already.
            let _ = self.wake.try_send(());
        }
    }
}

async fn keep_up(pool: Pool, mut woken: mpsc::Receiver<()>, waiting: Arc<AtomicUsize>) {
    // What an update or a crash has left does not wait for the next message.
    let mut least = BATCH;
    loop {
        waiting.store(0, Ordering::Relaxed);
        // What goes wrong does so again for those who search, who are told.
        while let Ok(true) = round(&pool, least).await {
            sleep(BREATH).await;
        }
        least = match timeout(PAUSE, woken.recv()).await {
            Ok(None) => return,
            Ok(Some(())) => BATCH,
            Err(_) => 1,
        };
    }
}

/// Takes marked entries into the index, where there are so many; may there be more?
pub(super) async fn round(pool: &Pool, least: usize) -> Answer<bool> {
    let mut connection = pool.acquire().await?;
    let marked = count_fresh(&mut connection, least).await?;
    drop(connection);
    if marked < least {
        return Ok(false);
    }
    let mut transaction = pool.begin().await?;
    // Whoever has it does the same.
    if !try_hold(&mut transaction).await? {
        return Ok(false);
    }
    let connection = &mut *transaction;
    let batch = Batch::of(connection).await?;
    for some in batch.marks.chunks(ROWS) {
        let places = vec!["?"; some.len()].join(", ");
        let delete = format!("DELETE FROM fresh WHERE entry IN ({places})");
        Statement::with(&delete, some.iter().map(|id| id.as_str().into()))
            .run(connection)
            .await?;
    }
    let is_something = !batch.marks.is_empty();
    if !batch.ids.is_empty() {
        let companions = companions(blocks(connection).await?, &batch);
        write_block(connection, batch, companions).await?;
    }
    transaction.commit().await.map_err(trouble)?;
    Ok(is_something)
}

/// How many marked entries there are, counted up to `most`.
pub(super) async fn count_fresh(connection: &mut AnyConnection, most: usize) -> Answer<usize> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let count = "SELECT COUNT(*) FROM (SELECT entry FROM fresh LIMIT ?) few";
    let count = Statement::with(count, [most.into()]).number(connection);
    Ok(usize::try_from(count.await?).unwrap_or(0))
}

/// Entries on their way into the index.
struct Batch {
    /// All marks that are dealt with.
    marks: Vec<String>,
    /// Those of entries that are there.
    ids: Vec<String>,
    postings: HashMap<Field, Vec<Posting>>,
    terms: usize,
}

impl Batch {
    async fn of(connection: &mut AnyConnection) -> Answer<Self> {
        let (mut marks, mut ids, mut all) = (Vec::new(), Vec::new(), Vec::new());
        let mut after = String::new();
        while marks.len() < BATCH && all.len() < TERMS {
            let limit = i64::try_from(ROWS).unwrap_or(1);
            let select = "SELECT entry FROM fresh WHERE entry > ? ORDER BY entry LIMIT ?";
            let values = [Value::from(after.as_str()), limit.into()];
            let mut some: Vec<String> = Vec::new();
            for row in Statement::with(select, values).rows(connection).await? {
                some.push(row.try_get(0).map_err(trouble)?);
            }
            let mut facts = facts_of(connection, &some).await?.into_iter().peekable();
            let Some(last) = some.last() else { break };
            after.clone_from(last);
            for mark in some {
                if all.len() >= TERMS {
                    break;
                }
                // A mark of nothing is dealt with by removing it.
                if let Some((id, facts)) = facts.next_if(|(id, _)| *id == mark) {
                    let place = u16::try_from(ids.len()).map_err(|_| damaged())?;
                    ids.push(id);
                    let terms = facts.terms().into_iter();
                    all.extend(terms.map(|(field, value)| (field, value, place)));
                }
                marks.push(mark);
            }
        }
        let terms = all.len();
        all.sort_unstable();
        let mut postings: HashMap<Field, Vec<Posting>> = HashMap::new();
        for (field, value, place) in all {
            let of_field = postings.entry(field).or_default();
            match of_field.last_mut() {
                Some((last, places)) if *last == value => places.push(place),
                _ => of_field.push((value, vec![place])),
            }
        }
        Ok(Self {
            marks,
            ids,
            postings,
            terms,
        })
    }
}

/// The columns that [`facts`] reads.
const FACTS: &str = "e.id, e.state, e.sender, e.recipients, e.client, e.queue_id, e.message_id, e.sha256, \
     e.verdict, e.subject, e.wave";

/// What terms are made of, for each of these entries that is there; in order.
pub(super) async fn facts_of(
    connection: &mut AnyConnection,
    ids: &[String],
) -> Answer<Vec<(String, Facts)>> {
    let mut all = Vec::with_capacity(ids.len());
    for some in ids.chunks(ROWS) {
        let places = vec!["?"; some.len()].join(", ");
        let select = format!("SELECT {FACTS} FROM entry e WHERE e.id IN ({places}) ORDER BY e.id");
        let select = Statement::with(&select, some.iter().map(|id| id.as_str().into()));
        for row in select.rows(connection).await? {
            all.push(facts(&row).map_err(trouble)?);
        }
    }
    Ok(all)
}

fn facts(row: &AnyRow) -> Result<(String, Facts), sqlx::Error> {
    let bad = |what: &str| sqlx::Error::Decode(format!("the column {what} is damaged").into());
    let state: String = row.try_get(1)?;
    let sender: Vec<u8> = row.try_get(2)?;
    let recipients: Vec<u8> = row.try_get(3)?;
    let client: Option<String> = row.try_get(4)?;
    let verdict: String = row.try_get(8)?;
    let facts = Facts {
        state: State::from_name(&state).ok_or_else(|| bad("state"))?,
        sender: Address::new(&sender),
        recipients: split(&recipients),
        client: client.and_then(|text| text.parse().ok()),
        queue_id: row.try_get(5)?,
        message_id: row.try_get(6)?,
        sha256: row.try_get(7)?,
        verdict: serde_json::from_str(&verdict).map_err(|_| bad("verdict"))?,
        subject: row.try_get(9)?,
        wave: row.try_get(10)?,
    };
    Ok((row.try_get(0)?, facts))
}

impl From<&Entry> for Facts {
    fn from(entry: &Entry) -> Self {
        Self {
            state: entry.state,
            sender: entry.sender.clone(),
            recipients: entry.recipients.clone(),
            client: entry.client,
            queue_id: entry.queue_id.clone(),
            message_id: entry.message_id.clone(),
            sha256: entry.sha256.clone(),
            verdict: entry.verdict.clone(),
            subject: entry.subject.clone(),
            wave: entry.wave.clone(),
        }
    }
}

/// The blocks that a batch becomes one with: the newest that are not larger than what there is already. So there are few
/// blocks, and an entry is written again only where its block at least doubles.
fn companions(newest_first: Vec<Block>, batch: &Batch) -> Vec<Block> {
    let (mut entries, mut terms) = (batch.ids.len(), batch.terms);
    let is_one = |block: &Block| {
        let is_small = block.live <= entries;
        entries += block.live;
        terms += block.terms;
        is_small && entries <= BLOCK && terms <= BLOCK_TERMS
    };
    newest_first.into_iter().take_while(is_one).collect()
}

/// Writes a batch and blocks as one new block.
async fn write_block(
    connection: &mut AnyConnection,
    mut batch: Batch,
    blocks: Vec<Block>,
) -> Answer<()> {
    // The batch is the source before all blocks.
    let all = batch.ids.drain(..).enumerate();
    let mut all: Vec<(String, usize, usize)> = all.map(|(place, id)| (id, 0, place)).collect();
    let mut numbers = Vec::new();
    let mut terms = batch.terms;
    for (source, block) in (1..).zip(&blocks) {
        numbers.push(block.number);
        terms += block.terms;
        let live = block.live(connection).await?;
        let ids = block.all_ids(connection).await?.into_iter();
        let ids = ids.filter(|(place, _)| live.has(*place));
        all.extend(ids.map(|(place, id)| (id, source, place)));
    }
    all.sort_unstable();
    let mut places = vec![vec![None; BLOCK]; blocks.len() + 1];
    for (place, (_, source, old)) in all.iter().enumerate() {
        places[*source][*old] = Some(u16::try_from(place).map_err(|_| damaged())?);
    }
    let ids: Vec<String> = all.into_iter().map(|(id, ..)| id).collect();
    let number = add_block(connection, &ids, terms).await?;
    for field in Field::ALL {
        let mut postings = batch.postings.remove(&field).unwrap_or_default();
        moved(&mut postings, &places[0]);
        for (block, places) in blocks.iter().zip(&places[1..]) {
            let start = postings.len();
            for page in block.pages(connection, field).await? {
                let mut reader = Reader::new(&page);
                while let Some((value, packed)) = reader.next()? {
                    postings.push((value.to_owned(), packed.list()?));
                }
            }
            moved(&mut postings[start..], places);
        }
        postings.sort_unstable();
        postings.dedup_by(|next, one| {
            let is_same = next.0 == one.0;
            if is_same {
                one.1.append(&mut next.1);
                one.1.sort_unstable();
            }
            is_same
        });
        write_pages(connection, number, field.name(), pages(&postings)).await?;
    }
    remove_blocks(connection, &numbers).await
}

/// Gives places their new numbers; those of entries that are gone have none.
fn moved(postings: &mut [Posting], places: &[Option<u16>]) {
    for (_, list) in postings {
        let new = list.iter().filter_map(|place| places[usize::from(*place)]);
        *list = new.collect();
    }
}
