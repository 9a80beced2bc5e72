//! callbluff: a milter that stops sextortion mail at the mail server.
//!
//! The modules are the floors of a house, lowest first; `tests/floors.rs` holds the drawing
//! and docs/architecture.md explains it.

// Ground floor.
pub mod diagnose;
pub mod message;
pub mod spool;
pub mod toml_reader;

// Floor 1.
pub mod classify;
pub mod notice;
pub mod outbound;

// Floor 2.
pub mod lookup;
pub mod policy;
pub mod quarantine;

// Floor 3.
pub mod config;
pub mod decoder;
pub mod maillog;
pub mod metrics;

// Floor 4.
pub mod engine;

// Floor 5.
pub mod milter;
pub mod web;

// Floor 6.
pub mod daemon;

// Floor 7.
pub mod cli;
