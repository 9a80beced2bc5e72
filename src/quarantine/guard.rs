//! The store as the milter sees it: it takes messages, and remembers whether it could.

use crate::quarantine::{Answer, NewEntry, Store, StoreError, Stored, Trouble};
use crate::spool::Spool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A store with the trouble that it is in.
#[derive(Debug)]
pub struct Guard {
    store: Arc<dyn Store>,
    trouble: watch::Sender<Option<StoreError>>,
    /// How long nobody waits for a store that is away.
    pause: Duration,
    /// When the next message may try a store that is away.
    next_try: Mutex<Instant>,
}

impl Guard {
    /// Looks after a store. After it could not be reached, messages are answered at once for as long as
    /// `pause`, then one of them tries; somebody should [`Guard::check`] more often.
    pub fn new(store: Arc<dyn Store>, pause: Duration) -> Self {
        Self {
            store,
            trouble: watch::Sender::new(None),
            pause,
            next_try: Mutex::new(Instant::now()),
        }
    }

    /// The store itself.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Stores a message; see [`Store::put`].
    ///
    /// # Errors
    ///
    /// As the store; it is then in trouble until something goes well again. Where it could not be reached
    /// a moment ago, at once with what it said then: each client would wait for nothing otherwise.
    pub async fn put(&self, entry: &NewEntry, raw: &mut Spool) -> Answer<Stored> {
        if let Some(why) = self.away() {
            return Err(why);
        }
        self.noted(self.store.put(entry, raw).await)
    }

    /// Asks whether all is well.
    ///
    /// # Errors
    ///
    /// As [`Store::health`].
    pub async fn check(&self) -> Answer<()> {
        self.noted(self.store.health().await)
    }

    /// The trouble of the moment, and each change of it.
    pub fn trouble(&self) -> watch::Receiver<Option<StoreError>> {
        self.trouble.subscribe()
    }

    /// Why not to try, where it is known to be away.
    fn away(&self) -> Option<StoreError> {
        let known = self.trouble.borrow().clone().filter(is_away)?;
        let mut next_try = self.next_try.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now < *next_try {
            return Some(known);
        }
        // This one tries, the others do not wait for it.
        *next_try = now + self.pause;
        None
    }

    fn noted<T>(&self, answer: Answer<T>) -> Answer<T> {
        let now = answer.as_ref().err();
        if now.is_some_and(is_away) {
            let mut next_try = self.next_try.lock().unwrap_or_else(PoisonError::into_inner);
            *next_try = Instant::now() + self.pause;
        }
        self.trouble.send_if_modified(|known| {
            let is_news = known.as_ref() != now;
            if is_news {
                *known = now.cloned();
            }
            is_news
        });
        answer
    }
}

/// Does it say that there is no store to talk to, rather than that the store could not do it?
fn is_away(why: &StoreError) -> bool {
    matches!(
        why.trouble,
        Trouble::Unavailable | Trouble::Exhausted | Trouble::Late
    )
}
