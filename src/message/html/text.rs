//! The text of HTML on its way to what is seen and what is hidden.

use crate::message::bidi;
use crate::message::html::element::Kind;
use crate::message::html::{Between, Page, Raw, Rendered, most};
use crate::message::sink::Break;
use std::collections::HashSet;

impl Page {
    pub(super) fn break_with(&mut self, what: Break) {
        self.break_with_at(what, self.top().hides);
    }

    pub(super) fn break_with_at(&mut self, what: Break, hides: bool) {
        if self.top().is_gone {
            self.hidden.break_with(what);
            return;
        }
        self.visible.break_with(what);
        if hides {
            self.hidden.break_with(what);
        }
    }

    pub(super) fn string(&mut self, text: &str) {
        match self.raw {
            Some(Raw::Sheet) => {
                self.sheet_bytes += text.len();
                if self.sheet_bytes <= most::SHEET_BYTES {
                    self.sheet.add(text);
                } else {
                    self.out.is_cut = true;
                }
            }
            Some(Raw::Nothing) => {}
            Some(Raw::Title) => {
                self.aside.break_with(Break::Line);
                self.aside.write(text, false);
            }
            Some(Raw::Markup) => {
                for part in text.split('<') {
                    let text = part.split_once('>').map_or(part, |(_, text)| text);
                    self.text(text);
                }
            }
            None => self.text(text),
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        let frame = *self.top();
        if frame.hides {
            if text.trim().is_empty() {
                self.hidden.write(text, false);
                return;
            }
            if self.seen_since_hidden {
                self.hidden.break_with(Break::Space);
                self.seen_since_hidden = false;
            }
            let before = self.hidden.letters();
            self.hidden.write(text, frame.is_preformatted);
            if self.visible.letters() < 120 {
                let added = self.hidden.letters() - before;
                self.preheader = (self.preheader + added).min(most::PREHEADER);
            }
            self.between.breaker = true;
            return;
        }
        if text.is_empty() {
            return;
        }
        let joins = self.visible.write(text, frame.is_preformatted);
        if joins {
            if self.between.breaker {
                self.out.broken_words += 1;
            } else if self.between.tag {
                self.out.tagged_words += 1;
            }
        }
        if !text.trim().is_empty() {
            self.seen_since_hidden = true;
        }
        self.between = Between::default();
    }

    /// Adds the text of markup in a comment to what is beside the text.
    pub(super) fn without_tags(&mut self, markup: &str) {
        // Outlook shows what is between `[if mso]>` and `<![endif]`.
        let markup = match markup.trim_start().strip_prefix("[if") {
            Some(condition) => condition.split_once('>').map_or("", |(_, rest)| rest),
            None => markup,
        };
        let (first, rest) = markup.split_once('<').unwrap_or((markup, ""));
        self.aside.write(first, false);
        self.aside.break_with(Break::Space);
        let mut is_code = false;
        for part in rest.split('<') {
            let Some((tag, text)) = part.split_once('>') else {
                continue;
            };
            let tag = tag.as_bytes();
            let is = |name: &[u8]| {
                tag.len() >= name.len() && tag[..name.len()].eq_ignore_ascii_case(name)
            };
            is_code = (is_code && !is(b"/")) || is(b"style") || is(b"script") || is(b"xml");
            if !is_code {
                self.aside.write(text, false);
                self.aside.break_with(Break::Space);
            }
        }
    }

    pub(super) fn finish(mut self) -> Rendered {
        if !self.stack.is_empty() {
            self.stack[0].kind = Kind::Border;
            self.close_to(0);
        }
        let hidden = self.hidden.letters();
        self.out.is_doubtful = self.is_doubtful;
        self.out.visible_letters = self.visible.letters();
        self.out.is_cut |= self.work == 0 || self.visible.is_cut() || self.hidden.is_cut();
        let visible = self.visible.into_text();
        let (seen, turned) = bidi::as_seen(&visible);
        self.out.turned_letters = turned;
        self.out.visible = seen.into_owned();
        let mut hidden_text = self.hidden.into_text();
        if hidden > self.preheader {
            // A second, narrow layout for phones says again what is seen already.
            let words: HashSet<&str> = self.out.visible.split_whitespace().collect();
            let new: usize = hidden_text
                .split_whitespace()
                .filter(|word| !words.contains(word))
                .map(|word| word.chars().filter(|c| c.is_alphabetic()).count())
                .sum();
            self.out.hidden_letters = new.saturating_sub(self.preheader);
        }
        let aside = self.aside.into_text();
        if !aside.is_empty() {
            if !hidden_text.is_empty() {
                hidden_text.push('\n');
            }
            hidden_text.push_str(&aside);
        }
        self.out.hidden = hidden_text;
        self.out.words = self.out.visible.split_ascii_whitespace().count();
        self.out
    }
}
