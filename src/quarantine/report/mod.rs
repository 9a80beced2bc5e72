//! What authorities are told, and the evidence for it.

mod archive;
mod bundle;
mod mail;
mod page;
mod redact;
mod settings;

pub use bundle::{Bundle, BundleOptions};
pub use mail::{Report, ReportError, ReportForm, send_report, write_report};
pub use redact::{Redacted, Redaction};
pub use settings::ReportSettings;

#[cfg(test)]
mod tests;
