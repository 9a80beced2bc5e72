//! Judging: from the texts of a message to a verdict that names every reason.

mod bound;
mod builtin;
mod evidence;
mod examples;
mod find;
mod gates;
mod header;
mod judge;
mod learned;
mod lexicon;
mod matcher;
mod model;
mod pack;
mod password;
mod signals;
mod template;
mod tongues;
mod train;
mod verdict;
mod voices;
mod wallets;
mod words;

pub use header::Settings;
pub use judge::{Judge, Rule};
pub use learned::Learned;
pub use model::Model;
pub use password::{Quoted, find as find_passwords};
pub use template::{Fingerprint, Template, Templates};
pub use train::{Fit, Sample, sign};
pub use verdict::{
    Category, Class, Context, Kind, SEXTORTION, SUSPECT, Signal, Verdict, WalletHit,
};
pub use wallets::{FoundWallet, WalletSet, Wallets, find as find_wallets};
