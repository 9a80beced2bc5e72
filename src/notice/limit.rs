//! How often one recipient is told.

use siphasher::sip::SipHasher13;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a notice counts, at least; at most twice as long.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The most recipients that are remembered in one generation: about 2 MiB.
const MOST: usize = 50_000;

/// Counts the notices of each recipient in two generations, so that old ones go without a search.
///
/// Note: addresses are not kept, only their hashes. Where more than [`MOST`] recipients are told in a
/// day the generations change earlier, and some recipients may be told once more.
#[derive(Debug)]
pub struct Limit {
    generations: Mutex<Generations>,
}

#[derive(Debug)]
struct Generations {
    begun: Instant,
    new: HashMap<u64, u32>,
    old: HashMap<u64, u32>,
}

impl Limit {
    /// Nobody was told anything yet.
    pub fn new(now: Instant) -> Self {
        Self {
            generations: Mutex::new(Generations {
                begun: now,
                new: HashMap::new(),
                old: HashMap::new(),
            }),
        }
    }

    /// May this recipient be told once more? Then it counts.
    pub fn allows(&self, recipient: &str, per_day: u32, now: Instant) -> bool {
        let mut hasher = SipHasher13::new();
        recipient.to_lowercase().hash(&mut hasher);
        let key = hasher.finish();
        // A panic elsewhere leaves the numbers as good as they were.
        let mut held = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let age = now.saturating_duration_since(held.begun);
        if age >= DAY || held.new.len() >= MOST {
            held.old = std::mem::take(&mut held.new);
            held.begun = now;
            if age >= 2 * DAY {
                held.old.clear();
            }
        }
        let before = held.old.get(&key).copied().unwrap_or(0);
        let told = before + held.new.get(&key).copied().unwrap_or(0);
        if told >= per_day {
            return false;
        }
        *held.new.entry(key).or_default() += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_told_so_often_a_day() {
        let start = Instant::now();
        let limit = Limit::new(start);
        let told = |who: &str, hours: u64| {
            limit.allows(who, 2, start + Duration::from_secs(hours * 60 * 60))
        };
        assert!(told("ann@example.org", 0));
        assert!(told("Ann@Example.org", 1));
        assert!(!told("ann@example.org", 2));
        assert!(told("bob@example.org", 2));
        // The second day still sees the first.
        assert!(!told("ann@example.org", 25));
        assert!(told("ann@example.org", 49));
        assert!(!limit.allows("carl@example.org", 0, start));
    }

    #[test]
    fn memory_is_bounded() {
        let start = Instant::now();
        let limit = Limit::new(start);
        for number in 0..MOST * 3 {
            assert!(limit.allows(&number.to_string(), 1, start));
        }
        let held = limit.generations.lock().unwrap();
        assert!(held.new.len() + held.old.len() <= 2 * MOST);
    }
}
