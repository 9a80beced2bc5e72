//! HTML as a reader sees it, and apart from it what is hidden from the reader.

mod attributes;
mod element;

use crate::message::color::Color;
use crate::message::css::{Display, Length, Style};
use crate::message::html::attributes::{Attribute, Attributes};
use crate::message::html::element::{Frame, Kind, ROOT, compute, hash, is_block, is_lost, name};
use crate::message::sheet::Sheet;
use crate::message::sink::{Break, Sink};
use crate::message::{bidi, params, transfer};
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Emitter, ForwardingEmitter, Span, Tokenizer};
use std::collections::HashSet;
use std::convert::Infallible;

/// What HTML says, and what it does.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    /// What a reader sees.
    pub(crate) visible: String,
    /// What is in the text and not seen: hidden by style, comments, the title.
    pub(crate) hidden: String,
    /// `alt` and `title` texts, and links to wallets and addresses, a line each.
    pub(crate) attributes: String,
    /// The decoded `data:` URIs.
    pub(crate) data: Vec<Vec<u8>>,
    /// Were there more of them than are decoded?
    pub(crate) has_more_data: bool,
    /// Pictures shown, tracking pixels apart.
    pub(crate) pictures: usize,
    /// Letters hidden by style that are no preheader and no copy of what is seen.
    pub(crate) hidden_letters: usize,
    /// Is some of them hidden in a way that simple mail programs do not know?
    pub(crate) is_doubtful: bool,
    /// Letters seen.
    pub(crate) visible_letters: usize,
    /// Words seen.
    pub(crate) words: usize,
    /// Places where a comment, an empty element or hidden text stands inside a word.
    pub(crate) broken_words: usize,
    /// Places where another tag stands inside a word.
    pub(crate) tagged_words: usize,
    /// Letters that stand alone in a table cell beside another such cell.
    pub(crate) letter_cells: usize,
    /// Latin letters written backwards and shown in the right direction.
    pub(crate) turned_letters: usize,
    /// Did a text not fit into its limit?
    pub(crate) is_cut: bool,
    /// Were elements nested deeper than styles are followed?
    pub(crate) is_deep: bool,
}

/// Limits of this room: fixed, because no mail for people comes near them.
mod most {
    /// Elements around a text whose styles are followed.
    pub(super) const DEPTH: usize = 256;
    /// Bytes of all `alt`, `title` and link texts.
    pub(super) const ATTRIBUTE_TEXT: usize = 64 * 1024;
    /// Bytes of style sheets.
    pub(super) const SHEET_BYTES: usize = 512 * 1024;
    /// Rules of style sheets tried, over all elements, times the length of their classes.
    pub(super) const SHEET_WORK: u32 = 2_000_000;
    /// `data:` URIs decoded, and bytes of each.
    pub(super) const DATA: usize = 16;
    pub(super) const DATA_BYTES: usize = 8 * 1024 * 1024;
    /// Letters that a newsletter may hide at its top, for the list of mails.
    pub(super) const PREHEADER: usize = 220;
}

/// Reads HTML as most mail programs show it; visible and hidden text are cut at the limits, in bytes.
pub(crate) fn render(source: &str, visible_limit: usize, hidden_limit: usize) -> Rendered {
    render_in(source, Page::new(visible_limit, hidden_limit))
}

/// The visible text of HTML as a simple mail program shows it: one that leaves out style sheets
/// and knows only the oldest ways to hide something.
pub(crate) fn render_simply(source: &str, visible_limit: usize) -> String {
    let mut page = Page::new(visible_limit, 0);
    page.is_simple = true;
    render_in(source, page).visible
}

fn render_in(source: &str, mut page: Page) -> Rendered {
    let mut emitter = CallbackEmitter::new(
        |event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
            page.event(event);
            None
        },
    );
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(source, Quiet(emitter)).finish();
    page.finish()
}

/// An emitter that is told of no errors: looking for them takes a look at each byte, and nobody
/// wants to know.
struct Quiet<E>(E);

impl<E: Emitter> ForwardingEmitter for Quiet<E> {
    type Token = E::Token;

    fn inner(&mut self) -> &mut impl Emitter<Token = Self::Token> {
        &mut self.0
    }

    fn should_emit_errors(&mut self) -> bool {
        false
    }
}

/// Elements whose content is no markup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Raw {
    Sheet,
    Nothing,
    Title,
    /// Markup that shows where scripts do not run, as in mail.
    Markup,
}

/// What stood between two runs of visible text without a space between them.
#[derive(Clone, Copy, Debug, Default)]
struct Between {
    tag: bool,
    breaker: bool,
    just_opened: Option<u64>,
}

struct Page {
    /// Is it shown by a simple mail program?
    is_simple: bool,
    /// Is something hidden that a simple mail program shows?
    is_doubtful: bool,
    stack: Vec<Frame>,
    /// Elements open beyond the deepest that is followed.
    beyond: usize,
    tag: Vec<u8>,
    attributes: Attributes,
    sheet: Sheet,
    sheet_bytes: usize,
    /// The `style` attribute read last: the same one often stands in tag after tag.
    last_style: (String, Style),
    work: u32,
    raw: Option<Raw>,
    visible: Sink,
    hidden: Sink,
    /// Title and comments: not seen, and no sign of anything.
    aside: Sink,
    between: Between,
    /// Did visible text follow the last hidden text?
    seen_since_hidden: bool,
    preheader: usize,
    /// The end of the visible text after a cell with one letter.
    letter_end: Option<usize>,
    out: Rendered,
}

impl Page {
    fn new(visible_limit: usize, hidden_limit: usize) -> Self {
        Self {
            is_simple: false,
            is_doubtful: false,
            stack: Vec::with_capacity(32),
            beyond: 0,
            tag: Vec::new(),
            attributes: Attributes::default(),
            sheet: Sheet::default(),
            sheet_bytes: 0,
            last_style: (String::new(), Style::default()),
            work: most::SHEET_WORK,
            raw: None,
            visible: Sink::new(visible_limit),
            hidden: Sink::new(hidden_limit),
            aside: Sink::new(hidden_limit / 2),
            between: Between::default(),
            seen_since_hidden: false,
            preheader: 0,
            letter_end: None,
            out: Rendered::default(),
        }
    }

    fn top(&self) -> &Frame {
        self.stack.last().unwrap_or(&ROOT)
    }

    fn event(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag.clear();
                self.tag.extend_from_slice(&name[..name.len().min(64)]);
                self.attributes.clear();
            }
            CallbackEvent::AttributeName { name } => self.attributes.name(name),
            CallbackEvent::AttributeValue { value } => {
                let is_data = matches!(
                    self.attributes.now,
                    Attribute::Link | Attribute::Source | Attribute::Behind
                ) && value.len() > 5
                    && value[..5].eq_ignore_ascii_case(b"data:");
                if is_data {
                    self.data_uri(&value[5..]);
                } else {
                    self.attributes.value(value);
                }
            }
            CallbackEvent::CloseStartTag { .. } => {
                let tag = std::mem::take(&mut self.tag);
                self.start_tag(&tag);
                self.tag = tag;
            }
            CallbackEvent::EndTag { name } => self.end_tag(name),
            CallbackEvent::String { value } => match std::str::from_utf8(value) {
                Ok(text) => self.string(text),
                Err(_) => self.string(&String::from_utf8_lossy(value)),
            },
            CallbackEvent::Comment { value } => {
                self.between.breaker = true;
                self.aside.break_with(Break::Line);
                self.without_tags(&String::from_utf8_lossy(value));
            }
            CallbackEvent::Doctype { .. } | CallbackEvent::Error(_) => {}
        }
    }

    /// Adds the text of markup in a comment to what is beside the text.
    fn without_tags(&mut self, markup: &str) {
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

    fn data_uri(&mut self, uri: &[u8]) {
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

    fn start_tag(&mut self, tag: &[u8]) {
        self.between.tag = true;
        self.raw = match tag {
            b"style" => Some(Raw::Sheet),
            b"script" | b"iframe" | b"noembed" | b"noframe" => Some(Raw::Nothing),
            b"title" => Some(Raw::Title),
            b"noscript" => Some(Raw::Markup),
            _ => None,
        };
        if self.raw.is_some() {
            return;
        }
        self.attribute_texts(tag);
        match tag {
            b"br" => {
                self.break_with(Break::Br);
                return;
            }
            b"hr" => {
                self.break_with(Break::Line);
                return;
            }
            b"img" | b"image" => {
                self.out.pictures += usize::from(!self.attributes.is_tiny && !self.top().hides);
                return;
            }
            b"input" => {
                if !self.attributes.kind.eq_ignore_ascii_case("hidden") {
                    let value = std::mem::take(&mut self.attributes.value);
                    self.break_with(Break::Space);
                    self.text(&value);
                    self.break_with(Break::Space);
                }
                return;
            }
            b"wbr" | b"meta" | b"link" | b"base" | b"col" | b"area" | b"source" | b"track"
            | b"param" | b"embed" | b"bgsound" | b"frame" | b"keygen" => return,
            _ => {}
        }
        if self.beyond == 0 {
            self.close_implied(tag);
        }
        if self.stack.len() >= most::DEPTH {
            self.beyond += 1;
            self.out.is_deep = true;
            self.break_with(Break::Line);
            return;
        }
        let mut frame = self.frame(tag);
        self.between.just_opened = Some(frame.name);
        if !frame.is_gone {
            match frame.flow {
                Display::Block => self.break_with(Break::Line),
                Display::Cell => self.break_with(Break::Cell),
                Display::Inline | Display::None => {}
            }
        }
        frame.start = self.visible.len();
        if frame.turns {
            self.visible.push(bidi::OVERRIDE);
        }
        self.stack.push(frame);
    }

    /// The frame of an element with the attributes just read.
    fn frame(&mut self, tag: &[u8]) -> Frame {
        let parent = *self.top();
        let attributes = &self.attributes;
        let mut style = Style::default();
        let mut kind = Kind::Other;
        let mut flow = Display::Inline;
        let mut is_preformatted = parent.is_preformatted;
        match tag {
            b"font" => {
                kind = Kind::Formatting;
                style.font_size = match attributes.size.trim() {
                    "" => None,
                    "1" => Some((Length::Px(10.0), false)),
                    _ => Some((Length::Px(16.0), false)),
                };
            }
            b"a" => {
                kind = Kind::Formatting;
                if !attributes.link.is_empty() {
                    style.color = Some((Color::LINK, false));
                }
            }
            b"b" | b"i" | b"u" | b"em" | b"strong" | b"big" | b"code" | b"s" | b"strike"
            | b"tt" | b"nobr" => kind = Kind::Formatting,
            b"small" => {
                kind = Kind::Formatting;
                style.font_size = Some((Length::Times(0.83), false));
            }
            b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" => {
                flow = Display::Block;
                style.font_size = Some((Length::Times(1.2), false));
            }
            b"td" | b"th" => {
                flow = Display::Cell;
                kind = Kind::Border;
            }
            b"table" | b"caption" => {
                flow = Display::Block;
                kind = Kind::Border;
            }
            b"pre" | b"listing" | b"xmp" | b"textarea" | b"plaintext" => {
                flow = Display::Block;
                is_preformatted = true;
            }
            // Mail programs show what is in `object`, `video` and their like in place of them.
            b"template" | b"datalist" => {
                style.display = Some((Display::None, true));
            }
            b"bdo" => style.is_bidi_override = Some((true, false)),
            tag if is_block(tag) => flow = Display::Block,
            _ => {}
        }
        let legacy = |text: &str| Color::parse(text).map(|color| (color, false));
        if !attributes.color.is_empty() && matches!(tag, b"font" | b"body" | b"basefont") {
            style.color = legacy(&attributes.color).or(style.color);
        }
        if !attributes.ground.is_empty() {
            style.background = legacy(&attributes.ground);
        }
        if attributes.has_picture_behind {
            style.background = Some((Color::Unknown, false));
        }
        if attributes.is_hidden {
            style.display = Some((Display::None, false));
        }
        if !attributes.dir.is_empty() {
            style.is_rtl = Some((attributes.dir.eq_ignore_ascii_case("rtl"), false));
        }
        let mut bits = parent.bits;
        let mut is_doubtful = false;
        if !self.sheet.is_empty() && !self.is_simple && self.work > 0 {
            let name = std::str::from_utf8(tag).unwrap_or_default();
            let (id, classes) = (attributes.id.trim(), attributes.class.as_str());
            let around = parent.bits;
            bits |= self.sheet.ancestor_bits(name, id, classes, &mut self.work);
            let sheet = self
                .sheet
                .style_of(name, id, classes, around, &mut self.work);
            style.lay_over(&sheet);
            is_doubtful = sheet != Style::default();
        }
        if !attributes.style.is_empty() {
            if self.last_style.0 != attributes.style {
                self.last_style.0.clone_from(&attributes.style);
                self.last_style.1 = Style::default();
                self.last_style.1.declare(&attributes.style);
            }
            style.lay_over(&self.last_style.1);
        }
        is_doubtful |= is_lost(&style);
        let frame = compute(
            &parent,
            &style,
            Frame {
                name: hash(tag),
                flow,
                kind,
                bits,
                is_preformatted,
                ..ROOT
            },
            self.is_simple,
        );
        self.is_doubtful |= is_doubtful && frame.hides;
        frame
    }

    /// Keeps `alt` and `title`, and links that are an address or a wallet.
    fn attribute_texts(&mut self, tag: &[u8]) {
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

    /// Closes what a start tag closes without saying so: a cell before the next, a paragraph
    /// before a block.
    fn close_implied(&mut self, tag: &[u8]) {
        const CELLS: &[u64] = &[name::TD, name::TH];
        let (closes, borders): (&[u64], &[u64]) = match tag {
            b"td" | b"th" => (CELLS, &[name::TR, name::TABLE]),
            b"tr" => (&[name::TD, name::TH, name::TR], &[name::TABLE]),
            b"tbody" | b"thead" | b"tfoot" => (
                &[
                    name::TD,
                    name::TH,
                    name::TR,
                    name::TBODY,
                    name::THEAD,
                    name::TFOOT,
                ],
                &[name::TABLE],
            ),
            b"li" => (
                &[name::LI],
                &[name::UL, name::OL, name::TD, name::TH, name::TABLE],
            ),
            b"dd" | b"dt" => (
                &[name::DD, name::DT],
                &[name::DL, name::TD, name::TH, name::TABLE],
            ),
            b"a" => (&[name::A], &[name::TD, name::TH, name::TABLE]),
            tag if is_block(tag) || tag == b"table" || tag == b"pre" => (
                &[name::P],
                &[name::TD, name::TH, name::TABLE, name::CAPTION],
            ),
            _ => return,
        };
        // Outermost of what is closed, within what is looked at.
        let mut found = None;
        for (at, frame) in self.stack.iter().enumerate().rev().take(32) {
            if borders.contains(&frame.name) {
                break;
            }
            if closes.contains(&frame.name) {
                found = Some(at);
                if closes.len() == 1 {
                    break;
                }
            }
        }
        if let Some(at) = found {
            self.close_to(at);
        }
    }

    fn end_tag(&mut self, tag: &[u8]) {
        self.raw = None;
        self.between.tag = true;
        let name = hash(tag);
        if self.between.just_opened.take() == Some(name) {
            self.between.breaker = true;
        }
        if self.beyond > 0 {
            self.beyond -= 1;
            self.break_with(Break::Line);
            return;
        }
        let is_of_table = matches!(
            tag,
            b"td"
                | b"th"
                | b"tr"
                | b"table"
                | b"tbody"
                | b"thead"
                | b"tfoot"
                | b"caption"
                | b"body"
                | b"html"
        );
        for (at, frame) in self.stack.iter().enumerate().rev().take(64) {
            if frame.name == name {
                self.close_to(at);
                return;
            }
            if frame.kind == Kind::Border && !is_of_table {
                break;
            }
        }
        match tag {
            b"p" => self.break_with(Break::Line),
            b"br" => self.break_with(Break::Br),
            _ => {}
        }
    }

    /// Closes the element at this place of the stack and all in it; formatting that was left
    /// open in it is opened again behind it.
    fn close_to(&mut self, at: usize) {
        let reopens = self.stack[at].kind != Kind::Border;
        let mut again: Vec<Frame> = Vec::new();
        while self.stack.len() > at {
            let Some(frame) = self.stack.pop() else { break };
            let is_closed_one = self.stack.len() == at;
            self.close(&frame);
            if reopens && !is_closed_one && frame.kind == Kind::Formatting && again.len() < 8 {
                again.push(frame);
            }
        }
        while let Some(frame) = again.pop() {
            let parent = *self.top();
            self.stack.push(Frame {
                is_gone: frame.is_gone,
                turns: false,
                hides: frame.hides || parent.hides,
                ..frame
            });
        }
    }

    fn close(&mut self, frame: &Frame) {
        if frame.turns {
            self.visible.push(bidi::POP);
        }
        if frame.is_gone {
            return;
        }
        match frame.flow {
            Display::Block => self.break_with_at(Break::Line, frame.hides),
            Display::Cell => self.close_cell(frame),
            Display::Inline | Display::None => {}
        }
    }

    /// Joins single letters in neighbouring cells to the word that the reader sees.
    fn close_cell(&mut self, cell: &Frame) {
        if let Some((content_at, content)) = self.visible.since(cell.start) {
            let mut chars = content.chars();
            let single = chars
                .next()
                .filter(|c| chars.next().is_none() && !c.is_whitespace());
            match single {
                Some(letter) => {
                    let joins = self.letter_end == Some(cell.start) && content_at == cell.start + 1;
                    if joins && self.visible.remove_space(cell.start) {
                        self.out.letter_cells += usize::from(letter.is_alphabetic());
                    }
                    self.letter_end = Some(self.visible.len());
                }
                None => self.letter_end = None,
            }
        } else {
            self.letter_end = None;
        }
        self.break_with_at(Break::Cell, cell.hides);
    }

    fn break_with(&mut self, what: Break) {
        self.break_with_at(what, self.top().hides);
    }

    fn break_with_at(&mut self, what: Break, hides: bool) {
        if self.top().is_gone {
            self.hidden.break_with(what);
            return;
        }
        self.visible.break_with(what);
        if hides {
            self.hidden.break_with(what);
        }
    }

    fn string(&mut self, text: &str) {
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

    fn text(&mut self, text: &str) {
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

    fn finish(mut self) -> Rendered {
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

#[cfg(test)]
mod tests;
