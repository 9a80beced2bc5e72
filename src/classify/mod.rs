//! Judging: from the texts of a message to a verdict that names every reason.

mod judge;
mod verdict;

pub use judge::Judge;

pub use verdict::{Category, Class, Context, Kind, Signal, Verdict, WalletHit};
