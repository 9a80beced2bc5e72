//! The milter through its front door: a service in this process, spoken to as an MTA speaks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actions;
mod canary;
mod hostile;
mod life;
mod notices;
mod passage;
mod peer;
mod program;
mod quarantine;
mod sockets;
mod states;
mod systemd;
mod waiting;
