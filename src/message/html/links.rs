//! Texts and files in the attributes of HTML.

use crate::message::html::{Page, most};
use crate::message::{params, transfer};

impl Page {
    /// Keeps `alt` and `title`, and links that are an address or a wallet.
    pub(super) fn attribute_texts(&mut self, tag: &[u8]) {
        let attributes = &self.attributes;
        if attributes.alt.is_empty() && attributes.title.is_empty() && attributes.link.is_empty() {
            return;
        }
        if self.top().hides || self.out.attributes.len() > most::ATTRIBUTE_TEXT {
            return;
        }
        let mut add = |text: &str| {
            let text = text.trim();
            if !text.is_empty() && !self.out.attributes.trim_end().ends_with(text) {
                self.out.attributes.push_str(text);
                self.out.attributes.push('\n');
            }
        };
        add(&attributes.alt);
        add(&attributes.title);
        let scheme = attributes
            .link
            .trim_start()
            .split(':')
            .next()
            .unwrap_or_default();
        if tag != b"img" && scheme.len() < 20 {
            let scheme = scheme.to_ascii_lowercase();
            if SCHEMES.contains(&scheme.as_str()) && attributes.link.contains(':') {
                let mut bytes = Vec::new();
                params::percent_decode(attributes.link.as_bytes(), &mut bytes);
                add(&String::from_utf8_lossy(&bytes));
            }
        }
    }

    pub(super) fn data_uri(&mut self, uri: &[u8]) {
        if self.out.data.len() >= most::DATA {
            self.out.has_more_data = true;
            return;
        }
        let Some(comma) = memchr::memchr(b',', &uri[..uri.len().min(400)]) else {
            return;
        };
        let (head, body) = (&uri[..comma], &uri[comma + 1..]);
        let mut bytes = Vec::new();
        params::percent_decode(&body[..body.len().min(most::DATA_BYTES)], &mut bytes);
        if head.to_ascii_lowercase().ends_with(b"base64") {
            bytes = transfer::base64(&bytes, most::DATA_BYTES).bytes;
        }
        self.out.data.push(bytes);
    }
}

/// Links that are said rather than followed: an address, a wallet.
const SCHEMES: &[&str] = &[
    "mailto",
    "bitcoin",
    "bitcoincash",
    "litecoin",
    "ethereum",
    "monero",
    "dogecoin",
    "dash",
    "zcash",
    "ripple",
    "xrp",
    "xrpl",
    "tron",
    "solana",
    "ton",
    "cardano",
    "web+cardano",
    "bch",
    "btc",
    "ltc",
    "eth",
    "xmr",
    "usdt",
    "lightning",
    "tg",
    "whatsapp",
    "skype",
    "xmpp",
];
