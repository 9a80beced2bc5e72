//! How often the same template or payment address was seen lately.
//!
//! The window is cut into slices, each with a table of its own; the oldest is dropped as time goes
//! on. What is kept of a message is a hash.

use crate::classify::Verdict;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Slices of the window: what is a little older than the window is still counted for one slice.
const SLICES: u32 = 8;
/// The most different templates and addresses of one slice; later ones are not counted.
const MOST_KEYS: usize = 8192;
/// The most payment addresses of one message that are counted.
const MOST_WALLETS: usize = 8;

/// For how long messages of a wave are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaveSettings {
    /// Older ones count no more. Default: 24 h.
    pub window: Duration,
}

impl Default for WaveSettings {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// Counts messages by their template and payment addresses.
#[derive(Debug)]
pub struct Waves {
    slice: Duration,
    hasher: RandomState,
    tables: Mutex<Tables>,
}

#[derive(Debug)]
struct Tables {
    /// When the newest began.
    began: Instant,
    /// Newest first, never empty.
    slices: VecDeque<HashMap<u64, u64>>,
}

impl Waves {
    /// Nothing seen yet.
    pub fn new(settings: &WaveSettings, now: Instant) -> Self {
        Self {
            slice: (settings.window / SLICES).max(Duration::from_millis(1)),
            hasher: RandomState::new(),
            tables: Mutex::new(Tables {
                began: now,
                slices: VecDeque::from([HashMap::new()]),
            }),
        }
    }

    /// Counts a message and says how many of its wave were seen within the window, itself included:
    /// with the same template, or with one of its payment addresses. 0 where it has neither.
    pub fn count(&self, verdict: &Verdict, now: Instant) -> u64 {
        let template = verdict.template.iter().map(|name| ("template", name));
        let wallets = verdict.wallets.iter().take(MOST_WALLETS);
        let wallets = wallets.map(|wallet| ("wallet", &wallet.address));
        let keys = template.chain(wallets).map(|key| self.hasher.hash_one(key));
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.go_on(self.slice, now);
        keys.map(|key| tables.add(key)).max().unwrap_or_default()
    }
}

impl Tables {
    /// Begins new slices as time has gone on.
    fn go_on(&mut self, slice: Duration, now: Instant) {
        let gone = now.saturating_duration_since(self.began);
        let steps = gone.as_nanos() / slice.as_nanos().max(1);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        for _ in 0..steps.min(SLICES + 1) {
            self.slices.push_front(HashMap::new());
            self.slices.truncate(SLICES as usize + 1);
        }
        if steps > 0 {
            self.began = match slice.checked_mul(steps) {
                Some(passed) => self.began + passed,
                None => now,
            };
        }
    }

    fn add(&mut self, key: u64) -> u64 {
        let newest = &mut self.slices[0];
        // A flood of invented addresses must not take all memory, nor push out what is known.
        if newest.len() < MOST_KEYS || newest.contains_key(&key) {
            *newest.entry(key).or_default() += 1;
        }
        let seen: u64 = self.slices.iter().filter_map(|slice| slice.get(&key)).sum();
        seen.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::WalletHit;
    use crate::message::{Origin, Place};

    fn verdict(template: Option<&str>, wallets: &[&str]) -> Verdict {
        Verdict {
            template: template.map(str::to_owned),
            wallets: (wallets.iter())
                .map(|address| WalletHit {
                    coin: "btc",
                    address: (*address).to_owned(),
                    place: Place::of(Origin::Plain),
                })
                .collect(),
            ..Verdict::error()
        }
    }

    #[test]
    fn messages_of_one_wave_are_counted_together() {
        let start = Instant::now();
        let waves = Waves::new(&WaveSettings::default(), start);
        let hours = |count: u64| start + Duration::from_secs(count * 3600);
        for (at, template, wallets, expected) in [
            (0, Some("a"), &["w1"][..], 1),
            (1, Some("a"), &["w2"], 2),
            (2, Some("b"), &["w1"], 2),
            (3, None, &["w1", "w3"], 3),
            (3, None, &[], 0),
            (3, Some("w1"), &[], 1),
            (4, Some("a"), &[], 3),
            // The first is gone, and so on.
            (28, Some("a"), &[], 2),
            (29, None, &["w1"], 2),
            (500, Some("a"), &["w1"], 1),
        ] {
            let found = waves.count(&verdict(template, wallets), hours(at));
            assert_eq!(found, expected, "hour {at} {template:?} {wallets:?}");
        }
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_memory_and_forgets_nothing() {
        let start = Instant::now();
        let waves = Waves::new(&WaveSettings::default(), start);
        waves.count(&verdict(None, &["known"]), start);
        for number in 0..3 * MOST_KEYS {
            waves.count(&verdict(None, &[&format!("w{number}")]), start);
        }
        assert_eq!(waves.count(&verdict(None, &["known"]), start), 2);
        let tables = waves.tables.lock().expect("nobody panicked");
        assert!(tables.slices.iter().all(|slice| slice.len() <= MOST_KEYS));
    }
}
