//! What is known elsewhere about a message: breached passwords, listed addresses, copies seen before.

mod breach;
mod dns;
mod waves;

pub use breach::{Breaches, Settings};
#[cfg(test)]
pub(crate) use dns::testing;
pub use dns::{DnsList, DnsLists, DnsSettings, Hashing, Listed};
pub use waves::{WaveSettings, Waves};
