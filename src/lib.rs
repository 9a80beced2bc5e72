//! callbluff: a milter that stops sextortion mail at the mail server.
//!
//! The modules are the floors of a house, lowest first; `tests/floors.rs` holds the drawing
//! and docs/architecture.md explains it. Without the feature `service` the house has only the rooms
//! that read and judge a message.

// Ground floor.
pub mod diagnose;
pub mod message;
#[cfg(feature = "service")]
pub mod spool;
pub mod toml_reader;

// Floor 1.
pub mod classify;
#[cfg(feature = "service")]
pub mod notice;
#[cfg(feature = "service")]
pub mod outbound;

// Floor 2.
#[cfg(feature = "service")]
pub mod lookup;
#[cfg(feature = "service")]
pub mod policy;
#[cfg(feature = "service")]
pub mod quarantine;

// Floor 3.
#[cfg(feature = "service")]
pub mod config;
#[cfg(feature = "service")]
pub mod decoder;
#[cfg(feature = "service")]
pub mod maillog;
#[cfg(feature = "service")]
pub mod metrics;

// Floor 4.
#[cfg(feature = "service")]
pub mod engine;

// Floor 5.
#[cfg(feature = "service")]
pub mod milter;
#[cfg(feature = "service")]
pub mod web;

// Floor 6.
#[cfg(feature = "service")]
pub mod daemon;

// Floor 7.
#[cfg(feature = "service")]
pub mod cli;
