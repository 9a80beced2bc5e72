//! Mail out of the quarantine to those for whom it was meant.

pub(crate) mod compose;
mod courier;
mod settings;

pub use courier::{Courier, Done, Order, request};
pub use settings::ReleaseSettings;
