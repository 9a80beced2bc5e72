//! The policy: what is done with a message, for each recipient.

mod disposition;

pub use disposition::Disposition;
