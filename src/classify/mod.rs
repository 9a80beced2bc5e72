//! Judging: from the texts of a message to a verdict that names every reason.

mod verdict;

pub use verdict::{Category, Class, Context, Kind, Signal, Verdict, WalletHit};
