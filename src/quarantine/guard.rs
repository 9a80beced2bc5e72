//! The store as the milter sees it: it takes messages, and remembers whether it could.

use crate::quarantine::{Answer, NewEntry, Store, StoreError, Stored};
use crate::spool::Spool;
use std::sync::Arc;
use tokio::sync::watch;

/// A store with the trouble that it is in.
#[derive(Debug)]
pub struct Guard {
    store: Arc<dyn Store>,
    trouble: watch::Sender<Option<StoreError>>,
}

impl Guard {
    /// Looks after a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            trouble: watch::Sender::new(None),
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
    /// As the store; it is then in trouble until something goes well again.
    pub async fn put(&self, entry: &NewEntry, raw: &mut Spool) -> Answer<Stored> {
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

    fn noted<T>(&self, answer: Answer<T>) -> Answer<T> {
        let now = answer.as_ref().err();
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
