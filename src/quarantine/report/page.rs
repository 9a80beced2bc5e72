//! An entry as a page that can be read anywhere.

use crate::quarantine::Entry;
use crate::quarantine::report::redact::{NOTE, Redacted};
use std::fmt::Write as _;

/// A text for HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            // They would turn the order of what stands behind them.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                let _ = write!(out, "[U+{:04X}]", u32::from(c));
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The page. It loads nothing and runs nothing.
pub(crate) fn page(
    entry: &Entry,
    recipients: &[String],
    redacted: &Redacted,
    unmasked: bool,
) -> String {
    let verdict = &entry.verdict;
    let mut out = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>callbluff evidence</title>\n<style>body{font:15px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\
         th{text-align:left;vertical-align:top;padding-right:1em}pre{white-space:pre-wrap;background:#f4f4f4;padding:1em}</style></head><body>\n",
    );
    let _ = write!(out, "<h1>Entry {}</h1>\n<table>\n", escaped(&entry.id));
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(out, "<tr><th>{name}</th><td>{}</td></tr>", escaped(value));
    };
    row("Received", &entry.received_at.to_string());
    row("Subject", &redacted.subject);
    row("Envelope sender", &entry.sender.to_string());
    row("Recipients", &recipients.join(", "));
    let client = entry.client.map_or_else(String::new, |ip| ip.to_string());
    row(
        "Client",
        &format!("{client} {} (HELO {})", entry.client_name, entry.helo),
    );
    row("Queue ID", &entry.queue_id);
    row(
        "Message-ID",
        entry.message_id.as_deref().unwrap_or_default(),
    );
    row(
        "Verdict",
        &format!("{}, {:.1} points", verdict.class, verdict.score),
    );
    row("Kind", verdict.kind.as_deref().unwrap_or_default());
    for wallet in &verdict.wallets {
        row(
            "Payment address",
            &format!("{} {}", wallet.coin, wallet.address),
        );
    }
    row("Template", verdict.template.as_deref().unwrap_or_default());
    row("Size", &format!("{} bytes", entry.size));
    row("SHA-256", &entry.sha256);
    out.push_str("</table>\n<h2>Reasons</h2>\n<table>\n");
    for signal in &verdict.signals {
        let _ = writeln!(
            out,
            "<tr><td>{:+.2}</td><td>{}</td><td>{}</td></tr>",
            signal.weight,
            escaped(&signal.id),
            escaped(&signal.place)
        );
    }
    out.push_str("</table>\n<h2>Message</h2>\n");
    if !unmasked {
        let _ = writeln!(out, "<p>{NOTE}</p>");
    }
    for (place, text) in &redacted.texts {
        let _ = writeln!(
            out,
            "<h3>{}</h3>\n<pre>{}</pre>",
            escaped(&place.to_string()),
            escaped(text)
        );
    }
    if redacted.attachments > 0 {
        let _ = writeln!(out, "<p>Attachments left out: {}</p>", redacted.attachments);
    }
    out.push_str("</body></html>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            escaped("<script>\"a\" & 'b'</script>\u{202e}\x1b"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;[U+202E] "
        );
    }
}
