//! Mail out of the quarantine to those for whom it was meant.

mod settings;

pub use settings::ReleaseSettings;
