//! Opens the quarantine that the settings describe.

use crate::quarantine::keys::MasterKeys;
use crate::quarantine::sql::SqlStore;
use crate::quarantine::{Answer, Settings, Store, StoreError, Trouble};
use std::path::Path;
use std::sync::Arc;

/// The quarantine that the settings describe. Its database is opened when it is first needed, made
/// where there is none, brought up to date where it is older, and opened again where it was lost.
///
/// Without `settings.url` it is `quarantine.db` in `folder`.
///
/// # Errors
///
/// When the key file cannot be used.
pub fn open(settings: &Settings, folder: &Path) -> Answer<Arc<dyn Store>> {
    let keys = match &settings.key_file {
        None => None,
        Some(file) => {
            let keys = MasterKeys::read(file);
            Some(keys.map_err(|why| StoreError::new(Trouble::Key, why))?)
        }
    };
    let file = folder.join("quarantine.db");
    Ok(Arc::new(SqlStore::new(settings, file, keys)))
}
