//! The evidence of one entry or many, in a zip file.

use crate::quarantine::report::archive::Archive;
use crate::quarantine::report::page::page;
use crate::quarantine::report::redact::{self, NOTE, Redacted, Redaction, Secrets};
use crate::quarantine::{AuditRecord, Entry, hex};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io::{self, Write};

/// What goes into a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleOptions {
    /// Are passwords and recipients shown, and the message added exactly as it was received?
    pub unmasked: bool,
    /// Who makes it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A zip file that grows entry by entry; no more than one message is in memory.
pub struct Bundle<W: Write> {
    zip: Archive<W>,
    options: BundleOptions,
    entries: u64,
}

impl<W: Write> std::fmt::Debug for Bundle<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a bundle of {} entries", self.entries)
    }
}

impl<W: Write> Bundle<W> {
    /// An empty bundle.
    pub fn new(out: W, options: BundleOptions) -> Self {
        Self {
            zip: Archive::new(out),
            options,
            entries: 0,
        }
    }

    /// Adds an entry as a folder with its name.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn add(&mut self, entry: &Entry, raw: &[u8], trail: &[AuditRecord]) -> io::Result<()> {
        let unmasked = self.options.unmasked;
        let is_chat = is_chat(entry);
        let how = Redaction {
            unmasked,
            no_attachments: is_chat,
        };
        let redacted = Redacted::of(raw, &entry.recipients, how);
        let recipients = redact::shown(&entry.recipients, unmasked);
        let shown = redact::entry(entry, unmasked);
        let verdict = verdict_json(&shown, &redacted, &recipients);
        let mut files: Vec<(&str, Vec<u8>)> = Vec::new();
        // Blackmail by a chat partner: an attachment may show what must not be copied.
        let eml = if unmasked && !is_chat {
            raw.to_vec()
        } else {
            redacted.eml()
        };
        files.push(("message.eml", eml));
        files.push(("verdict.json", pretty(&verdict)));
        files.push((
            "page.html",
            page(&shown, &recipients, &redacted, unmasked).into_bytes(),
        ));
        let listed: Vec<Value> = files
            .iter()
            .map(|(name, bytes)| json!({"name": name, "size": bytes.len(), "sha256": hex(&Sha256::digest(bytes))}))
            .collect();
        let secrets = Secrets::recipients(if unmasked { &[] } else { &entry.recipients });
        let trail: Vec<Value> = trail
            .iter()
            .map(|record| {
                let deed = &record.deed;
                json!({"at": deed.at.to_string(), "who": deed.who, "what": deed.what, "why": secrets.mask(&deed.why, Vec::new())})
            })
            .collect();
        let manifest = json!({
            "v": 1,
            "entry": entry.id,
            "made_by": format!("callbluff {}", env!("CARGO_PKG_VERSION")),
            "made_for": self.options.by,
            "made_at": self.options.at.to_string(),
            "masked": !unmasked,
            "attachments": if unmasked && !is_chat { "included" } else { "left out" },
            "note": if unmasked { "" } else { NOTE },
            "original": {"size": entry.size, "sha256": entry.sha256, "received_at": entry.received_at.to_string()},
            "files": listed,
            "trail": trail,
        });
        let sums: String = files
            .iter()
            .map(|(name, bytes)| format!("{}  {name}\n", hex(&Sha256::digest(bytes))))
            .collect();
        files.push(("manifest.json", pretty(&manifest)));
        files.push(("SHA256SUMS", sums.into_bytes()));
        for (name, bytes) in files {
            self.zip.add(&format!("{}/{name}", entry.id), &bytes)?;
        }
        self.entries += 1;
        Ok(())
    }

    /// How many entries it has.
    pub fn len(&self) -> u64 {
        self.entries
    }

    /// Has it no entry yet?
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn finish(self) -> io::Result<W> {
        self.zip.finish()
    }
}

/// Is it blackmail by a chat partner? Then attachments stay where they are.
pub(crate) fn is_chat(entry: &Entry) -> bool {
    entry.verdict.kind.as_deref() == Some("chat")
}

/// The verdict with all that is known about the message.
fn verdict_json(entry: &Entry, redacted: &Redacted, recipients: &[String]) -> Value {
    json!({
        "v": 1,
        "entry": entry.id,
        "state": entry.state.name(),
        "received_at": entry.received_at.to_string(),
        "queue_id": entry.queue_id,
        "message_id": entry.message_id,
        "subject": redacted.subject,
        "sender": entry.sender.text(),
        "recipients": recipients,
        "client": {
            "ip": entry.client.map(|ip| ip.to_string()),
            "name": entry.client_name,
            "helo": entry.helo,
        },
        "host": entry.host,
        "verdict": entry.verdict,
        "rule": entry.rule,
        "wave": entry.wave,
        "follows": entry.follows,
        "size": entry.size,
        "sha256": entry.sha256,
    })
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("strings and numbers always serialise");
    bytes.push(b'\n');
    bytes
}
