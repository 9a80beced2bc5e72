//! Opens the quarantine that the settings describe.

use crate::quarantine::{Answer, Settings, Store, StoreError, Trouble};
use std::path::Path;
use std::sync::Arc;

/// Opens the quarantine, makes it where there is none, and brings an older one up to date.
///
/// Without `settings.url` it is `quarantine.db` in `folder`.
///
/// # Errors
///
/// When the settings are wrong (a key file that cannot be read, a URL of another database) or the
/// database cannot be opened. The milter's own store is opened lazily instead: see the daemon.
pub async fn open(settings: &Settings, folder: &Path) -> Answer<Arc<dyn Store>> {
    let _ = (settings, folder);
    Err(StoreError::new(
        Trouble::Unavailable,
        "there is no store yet",
    ))
}
