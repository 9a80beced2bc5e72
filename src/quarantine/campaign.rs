//! Waves of mail: which entries belong together, and which wave grows fast.

use crate::classify::Fingerprint;
use crate::quarantine::{Answer, Entry, Filter, Page, Store, Wave, feedback, read_all, wave_of};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The shared list of fingerprints that waves of unknown text are told by.
const LIST: &str = "wave-prints";
/// From this similarity on two unknown texts belong to the same wave.
const ALIKE: f64 = 0.5;
/// The most fingerprints that a text is compared with; those of the last waves.
const MAX_PRINTS: usize = 2000;
/// The most entries that are looked at in one round.
const MAX_ENTRIES: usize = 2000;
/// The largest message whose text is compared, in bytes.
const MAX_MESSAGE: u64 = 4 << 20;
/// How long after the first message another one counts as its follow-up.
const FOLLOW_UP: SignedDuration = SignedDuration::from_hours(60 * 24);

/// When a wave is worth an alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignSettings {
    /// So many entries of one wave sound the alarm. Default: 50.
    pub alarm_entries: u64,
    /// Within this time. Default: 1 h.
    pub alarm_within: Duration,
    /// Admins who get a mail then; nobody by default.
    pub alarm_to: Vec<String>,
}

impl Default for CampaignSettings {
    fn default() -> Self {
        Self {
            alarm_entries: 50,
            alarm_within: Duration::from_secs(60 * 60),
            alarm_to: Vec::new(),
        }
    }
}

/// Looks at new entries from time to time.
#[derive(Debug)]
pub struct Lookout {
    /// Entries received before were looked at.
    since: Timestamp,
}

impl Lookout {
    /// One that begins an hour before `now`: what came while nobody looked is looked at.
    pub fn new(now: Timestamp) -> Self {
        Self {
            since: before(now, SignedDuration::from_hours(1)),
        }
    }

    /// Links new entries to their wave and to the first message of the same kind to the same person,
    /// and tells which waves grow fast. Each wave is told once in its time, by one host.
    ///
    /// # Errors
    ///
    /// When the store cannot be reached.
    pub async fn round(
        &mut self,
        store: &dyn Store,
        settings: &CampaignSettings,
        now: Timestamp,
    ) -> Answer<Vec<Wave>> {
        let filter = Filter {
            since: Some(self.since),
            ..Filter::default()
        };
        let mut page = Page::first(200);
        let mut entries = Vec::new();
        loop {
            let listing = store.list(&filter, &page).await?;
            entries.extend(listing.entries);
            page.after = listing.next;
            if page.after.is_none() || entries.len() >= MAX_ENTRIES {
                break;
            }
        }
        // Oldest first, so that each finds the links of those before it.
        for entry in entries.iter().rev().filter(|entry| entry.state.has_bytes()) {
            link(store, entry, now).await?;
        }
        // A message that another host is just storing has an earlier time than now.
        self.since = before(now, SignedDuration::from_mins(2));
        alarms(store, settings, now).await
    }
}

async fn link(store: &dyn Store, entry: &Entry, now: Timestamp) -> Answer<()> {
    if entry.wave.is_some() && entry.follows.is_some() {
        return Ok(());
    }
    let wave = match &entry.wave {
        Some(wave) => Some(wave.clone()),
        None => match wave_of(&entry.verdict) {
            Some(wave) => Some(wave),
            None => wave_of_text(store, entry, now).await?,
        },
    };
    let follows = match &entry.follows {
        Some(first) => Some(first.clone()),
        None => first_of(store, entry, wave.as_deref()).await?,
    };
    if wave != entry.wave || follows != entry.follows {
        store
            .link(&entry.id, wave.as_deref(), follows.as_deref())
            .await?;
    }
    Ok(())
}

/// The wave of a text that no template is known for: that of a near copy, or a new one.
async fn wave_of_text(store: &dyn Store, entry: &Entry, now: Timestamp) -> Answer<Option<String>> {
    if entry.size > MAX_MESSAGE {
        return Ok(None);
    }
    // What cannot be read now is no reason to leave the others alone.
    let Ok(raw) = read_all(store, entry, MAX_MESSAGE).await else {
        return Ok(None);
    };
    let Some(print) = feedback::fingerprint(&raw) else {
        return Ok(None);
    };
    let mut rows = store.rows(LIST).await?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.changed_at));
    for old in rows.iter().skip(MAX_PRINTS) {
        store.remove_row(LIST, &old.key).await?;
    }
    let nearest = rows
        .iter()
        .take(MAX_PRINTS)
        .filter_map(|row| {
            Some((
                row,
                row.value.parse::<Fingerprint>().ok()?.similarity(&print),
            ))
        })
        .filter(|(_, share)| *share >= ALIKE)
        .max_by(|one, other| one.1.total_cmp(&other.1));
    if let Some((row, _)) = nearest {
        return Ok(Some(row.key.clone()));
    }
    let wave = format!("text:{}", entry.id);
    store.set_row(LIST, &wave, &print.to_string(), now).await?;
    Ok(Some(wave))
}

/// The first message of the same extorter to one of the same people.
async fn first_of(store: &dyn Store, entry: &Entry, wave: Option<&str>) -> Answer<Option<String>> {
    let ties = entry
        .verdict
        .wallets
        .iter()
        .take(5)
        .map(|wallet| (Some(format!("{}:{}", wallet.coin, wallet.address)), None))
        .chain(wave.map(|wave| (None, Some(wave.to_owned()))));
    for (wallet, wave) in ties {
        for recipient in entry.recipients.iter().take(20) {
            let filter = Filter {
                recipient: Some(recipient.text()),
                wallet: wallet.clone(),
                wave: wave.clone(),
                since: Some(before(entry.received_at, FOLLOW_UP)),
                until: Some(entry.received_at),
                ..Filter::default()
            };
            let listing = store.list(&filter, &Page::first(1)).await?;
            // The newest one before knows the first.
            if let Some(old) = listing.entries.into_iter().find(|old| old.id != entry.id) {
                return Ok(Some(old.follows.unwrap_or(old.id)));
            }
        }
    }
    Ok(None)
}

async fn alarms(
    store: &dyn Store,
    settings: &CampaignSettings,
    now: Timestamp,
) -> Answer<Vec<Wave>> {
    let within = SignedDuration::try_from(settings.alarm_within).unwrap_or(SignedDuration::MAX);
    let filter = Filter {
        since: Some(before(now, within)),
        ..Filter::default()
    };
    let window = now.as_second() / within.as_secs().max(1);
    let mut grown = Vec::new();
    for wave in store.waves(&filter, 20).await? {
        if wave.entries >= settings.alarm_entries
            && store
                .add(&format!("wave-alarm {}", wave.name), window, 1)
                .await?
                == 1
        {
            grown.push(wave);
        }
    }
    Ok(grown)
}

fn before(now: Timestamp, time: SignedDuration) -> Timestamp {
    now.checked_sub(time).unwrap_or(Timestamp::MIN)
}
