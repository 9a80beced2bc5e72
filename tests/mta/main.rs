//! Real mail through a real Postfix and a real Sendmail, with callbluff as their milter.
//!
//! Every test starts what it needs in a folder of its own on free ports of the loopback
//! interface, so tests run side by side. `tests/run` installs the peers and says so in
//! `CALLBLUFF_SENDMAIL`; a test that misses a peer fails there and says aloud elsewhere that it did nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actions;
mod failures;
mod filter;
mod frames;
mod ground;
mod mail;
mod miltertest;
mod notices;
mod postfix;
#[path = "../quarantine/server.rs"]
mod postgres;
mod quarantine;
mod quarantine_faults;
mod quarantine_shared;
mod release;
mod reload;
mod rig;
mod sendmail;
mod sendmail_only;
mod sink;
mod smtp;
mod sockets;
mod transactions;
