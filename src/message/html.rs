//! HTML as a reader sees it, and apart from it what is hidden from the reader.

use crate::message::color::Color;
use crate::message::css::{Display, Length, Sheet, Style};
use crate::message::sink::{Break, Sink};
use crate::message::{bidi, params, transfer};
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
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
    /// Attributes of one tag.
    pub(super) const ATTRIBUTES: usize = 64;
    /// Bytes of one attribute that is kept.
    pub(super) const ATTRIBUTE_BYTES: usize = 8 * 1024;
    /// Bytes of all `alt`, `title` and link texts.
    pub(super) const ATTRIBUTE_TEXT: usize = 64 * 1024;
    /// Bytes of style sheets.
    pub(super) const SHEET_BYTES: usize = 512 * 1024;
    /// Rules of style sheets tried, over all elements.
    pub(super) const SHEET_WORK: u32 = 500_000;
    /// `data:` URIs decoded, and bytes of each.
    pub(super) const DATA: usize = 16;
    pub(super) const DATA_BYTES: usize = 8 * 1024 * 1024;
    /// Letters that a newsletter may hide at its top, for the list of mails.
    pub(super) const PREHEADER: usize = 220;
}

/// Reads HTML; visible and hidden text are cut at the limits, in bytes.
pub(crate) fn render(source: &str, visible_limit: usize, hidden_limit: usize) -> Rendered {
    let mut page = Page::new(visible_limit, hidden_limit);
    let mut emitter = CallbackEmitter::new(
        |event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
            page.event(event);
            None
        },
    );
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(source, emitter).finish();
    page.finish()
}

/// An element that is open.
#[derive(Clone, Copy, Debug)]
struct Frame {
    name: u64,
    /// Hidden with all that is in it, whatever that says.
    is_gone: bool,
    is_invisible: bool,
    /// CSS pixels.
    font_size: f32,
    color: Color,
    ground: Color,
    is_rtl: bool,
    is_preformatted: bool,
    /// Which ancestors of selectors it and those around it are.
    bits: u64,
    flow: Display,
    /// Where the visible text ended as a cell began.
    start: usize,
    /// Did it put a direction override into the text?
    turns: bool,
    /// Is the text in it out of sight?
    hides: bool,
    kind: Kind,
}

/// What matters about an element when tags are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Other,
    /// Opened again when it was left open (HTML Standard, section 13.2.4.3).
    Formatting,
    /// A cell or the like: tags in it do not close what is around it.
    Border,
}

const ROOT: Frame = Frame {
    name: 0,
    is_gone: false,
    is_invisible: false,
    font_size: 16.0,
    color: Color::BLACK,
    ground: Color::WHITE,
    is_rtl: false,
    is_preformatted: false,
    bits: 0,
    flow: Display::Block,
    start: 0,
    turns: false,
    hides: false,
    kind: Kind::Other,
};

/// The attributes of the tag that is being read; the strings are used again for the next one.
#[derive(Debug, Default)]
struct Attributes {
    count: usize,
    now: Attribute,
    style: String,
    class: String,
    id: String,
    color: String,
    ground: String,
    has_picture_behind: bool,
    is_hidden: bool,
    dir: String,
    alt: String,
    title: String,
    link: String,
    value: String,
    kind: String,
    size: String,
    /// Width or height of 0 or 1: a tracking pixel.
    is_tiny: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Attribute {
    #[default]
    Other,
    Style,
    Class,
    Id,
    Color,
    Ground,
    Behind,
    Dir,
    Alt,
    Title,
    Link,
    Source,
    Value,
    Kind,
    Size,
    Extent,
}

impl Attributes {
    fn clear(&mut self) {
        self.count = 0;
        self.now = Attribute::Other;
        self.has_picture_behind = false;
        self.is_hidden = false;
        self.is_tiny = false;
        for text in [
            &mut self.style,
            &mut self.class,
            &mut self.id,
            &mut self.color,
            &mut self.ground,
            &mut self.dir,
            &mut self.alt,
            &mut self.title,
            &mut self.link,
            &mut self.value,
            &mut self.kind,
            &mut self.size,
        ] {
            text.clear();
        }
    }

    fn name(&mut self, name: &[u8]) {
        self.count += 1;
        self.now = if self.count > most::ATTRIBUTES {
            Attribute::Other
        } else {
            match name {
                b"style" => Attribute::Style,
                b"class" => Attribute::Class,
                b"id" => Attribute::Id,
                b"color" | b"text" => Attribute::Color,
                b"bgcolor" => Attribute::Ground,
                b"background" => Attribute::Behind,
                b"dir" => Attribute::Dir,
                b"alt" => Attribute::Alt,
                b"title" => Attribute::Title,
                b"href" => Attribute::Link,
                b"src" | b"data" => Attribute::Source,
                b"value" | b"placeholder" => Attribute::Value,
                b"type" => Attribute::Kind,
                b"size" => Attribute::Size,
                b"width" | b"height" => Attribute::Extent,
                _ => Attribute::Other,
            }
        };
        self.is_hidden |= name == b"hidden";
    }

    /// Keeps a value; of two attributes with one name the first counts, as in browsers.
    fn value(&mut self, value: &[u8]) {
        let text = match self.now {
            Attribute::Style => &mut self.style,
            Attribute::Class => &mut self.class,
            Attribute::Id => &mut self.id,
            Attribute::Color => &mut self.color,
            Attribute::Ground => &mut self.ground,
            Attribute::Dir => &mut self.dir,
            Attribute::Alt => &mut self.alt,
            Attribute::Title => &mut self.title,
            Attribute::Link | Attribute::Source => &mut self.link,
            Attribute::Value => &mut self.value,
            Attribute::Kind => &mut self.kind,
            Attribute::Size => &mut self.size,
            Attribute::Behind => {
                self.has_picture_behind = true;
                return;
            }
            Attribute::Extent => {
                self.is_tiny |= matches!(value.trim_ascii(), b"0" | b"1" | b"0px" | b"1px");
                return;
            }
            Attribute::Other => return,
        };
        if text.is_empty() {
            let value = &value[..value.len().min(most::ATTRIBUTE_BYTES)];
            text.push_str(&String::from_utf8_lossy(value));
        }
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
        for part in markup.split('<') {
            let text = part.split_once('>').map_or(part, |(_, text)| text);
            self.aside.write(text, false);
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
            b"template" | b"svg" | b"select" | b"datalist" | b"audio" | b"video" | b"object"
            | b"math" | b"canvas" => style.display = Some((Display::None, true)),
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
        if !self.sheet.is_empty() {
            let name = std::str::from_utf8(tag).unwrap_or_default();
            let (id, classes) = (attributes.id.trim(), attributes.class.as_str());
            let around = parent.bits;
            bits |= self.sheet.ancestor_bits(name, id, classes, &mut self.work);
            let sheet = self
                .sheet
                .style_of(name, id, classes, around, &mut self.work);
            style.lay_over(&sheet);
        }
        if !attributes.style.is_empty() {
            if self.last_style.0 != attributes.style {
                self.last_style.0.clone_from(&attributes.style);
                self.last_style.1 = Style::default();
                self.last_style.1.declare(&attributes.style);
            }
            style.lay_over(&self.last_style.1);
        }
        compute(
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
        )
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

/// Works out a frame from its parent's and its own style.
fn compute(parent: &Frame, style: &Style, mut frame: Frame) -> Frame {
    let is = |slot: Option<(bool, bool)>| slot.is_some_and(|(value, _)| value);
    if let Some((display, _)) = style.display {
        // A cell stays a cell when it says `block`: newsletters do so for phones.
        if !(frame.flow == Display::Cell && display == Display::Block) {
            frame.flow = display;
        }
    }
    if is(style.is_floating) && frame.flow == Display::Block {
        frame.flow = Display::Cell;
    }
    frame.is_gone = parent.is_gone
        || frame.flow == Display::None
        || is(style.is_faint)
        || is(style.is_away)
        || (is(style.is_flat) && is(style.is_overflow_hidden))
        || (is(style.is_far) && is(style.is_placed));
    frame.is_invisible = style
        .is_invisible
        .map_or(parent.is_invisible, |(value, _)| value);
    frame.font_size = match style.font_size {
        Some((Length::Px(px), _)) => px,
        Some((Length::Times(times), _)) => parent.font_size * times,
        None => parent.font_size,
    };
    frame.color = style.color.map_or(parent.color, |(color, _)| color);
    frame.ground = match style.background {
        Some((Color::Transparent, _)) | None => parent.ground,
        Some((color, _)) => color,
    };
    frame.is_rtl = style.is_rtl.map_or(parent.is_rtl, |(value, _)| value);
    frame.is_preformatted = style
        .is_preformatted
        .map_or(frame.is_preformatted, |(value, _)| value);
    frame.hides = frame.is_gone
        || frame.is_invisible
        || frame.font_size <= 2.0
        || frame.color.vanishes_on(frame.ground);
    frame.turns = frame.is_rtl && is(style.is_bidi_override) && !frame.hides;
    frame
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

/// Names that are compared with those on the stack.
mod name {
    use super::hash;

    pub(super) const A: u64 = hash(b"a");
    pub(super) const P: u64 = hash(b"p");
    pub(super) const LI: u64 = hash(b"li");
    pub(super) const UL: u64 = hash(b"ul");
    pub(super) const OL: u64 = hash(b"ol");
    pub(super) const DD: u64 = hash(b"dd");
    pub(super) const DT: u64 = hash(b"dt");
    pub(super) const DL: u64 = hash(b"dl");
    pub(super) const TD: u64 = hash(b"td");
    pub(super) const TH: u64 = hash(b"th");
    pub(super) const TR: u64 = hash(b"tr");
    pub(super) const TBODY: u64 = hash(b"tbody");
    pub(super) const THEAD: u64 = hash(b"thead");
    pub(super) const TFOOT: u64 = hash(b"tfoot");
    pub(super) const TABLE: u64 = hash(b"table");
    pub(super) const CAPTION: u64 = hash(b"caption");
}

/// Elements with line breaks around them.
fn is_block(tag: &[u8]) -> bool {
    matches!(
        tag,
        b"div"
            | b"p"
            | b"tr"
            | b"li"
            | b"ul"
            | b"ol"
            | b"center"
            | b"blockquote"
            | b"body"
            | b"html"
            | b"tbody"
            | b"thead"
            | b"tfoot"
            | b"dl"
            | b"dt"
            | b"dd"
            | b"form"
            | b"section"
            | b"article"
            | b"header"
            | b"footer"
            | b"main"
            | b"nav"
            | b"aside"
            | b"address"
            | b"details"
            | b"summary"
            | b"figure"
            | b"figcaption"
            | b"fieldset"
            | b"legend"
            | b"dir"
            | b"menu"
            | b"hgroup"
            | b"dialog"
            | b"option"
            | b"marquee"
            | b"h1"
            | b"h2"
            | b"h3"
            | b"h4"
            | b"h5"
            | b"h6"
    )
}

/// A number for a name (FNV-1a): names are only compared.
const fn hash(name: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < name.len() {
        hash = (hash ^ name[at] as u64).wrapping_mul(0x100_0000_01b3);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(source: &str) -> Rendered {
        render(source, 1 << 20, 1 << 20)
    }

    #[test]
    fn text_is_laid_out_as_seen() {
        for (source, expected) in [
            ("one <b>two</b>\n three", "one two three"),
            ("<p>one<p>two", "one\ntwo"),
            ("one<br>two<br><br/>three", "one\ntwo\n\nthree"),
            ("<div>one</div>two", "one\ntwo"),
            (
                "<table><tr><td>one</td><td>two</td></tr><tr><td>three",
                "one two\nthree",
            ),
            ("<ul><li>one<li>two</ul>", "one\ntwo"),
            ("<pre>a\n b</pre>c", "a\nb\nc"),
            ("bit<!-- x -->coin", "bitcoin"),
            ("bit<span></span>coin", "bitcoin"),
            ("bit<wbr>coin", "bitcoin"),
            ("bit<b>co</b>in", "bitcoin"),
            ("bit<div style='display:inline'>coin</div>", "bitcoin"),
            ("&lt;&amp &#66;&#x69;tcoin &eacute", "<& Bitcoin é"),
            (
                "<head><title>t</title><style>.x{}</style><p>in the head",
                "in the head",
            ),
            ("a<script>b</script>c", "ac"),
            ("<noscript><b>see</b> this</noscript>", "see this"),
            ("<textarea>field</textarea>", "field"),
            (
                "<input value='press'><input type=hidden value='not'>",
                "press",
            ),
            ("</p>one</p>two", "one\ntwo"),
            ("<svg><text>drawn</text></svg>rest", "rest"),
            ("text after <", "text after <"),
            ("", ""),
        ] {
            assert_eq!(page(source).visible, expected, "{source:?}");
        }
    }

    #[test]
    fn hidden_text_is_taken_out_and_kept() {
        for source in [
            "see<span style='display:none'>hid</span>n",
            "see<span style='DISPLAY : none !important;'>hid</span>n",
            "see<span style='visibility:hidden'>hid</span>n",
            "see<span style='visibility:collapse'>hid</span>n",
            "see<span style='mso-hide:all'>hid</span>n",
            "see<span style='font-size:0'>hid</span>n",
            "see<span style='font-size:1px'>hid</span>n",
            "see<span style='font-size:1%'>hid</span>n",
            "see<span style='font-size:.01em'>hid</span>n",
            "see<span style='font:0/0 a'>hid</span>n",
            "see<span style='font:0px/0 a'>hid</span>n",
            "see<span style='color:#fff'>hid</span>n",
            "see<font color=white>hid</font>n",
            "see<font color='#fefefe'>hid</font>n",
            "see<font style='color:rgb(254, 254, 254)'>hid</font>n",
            "see<span style='color:transparent'>hid</span>n",
            "see<span style='color:rgba(0,0,0,0)'>hid</span>n",
            "see<span style='background:black'>hid</span>n",
            "see<span style='color:#123456;background-color:#123456'>hid</span>n",
            "see<span style='opacity:0'>hid</span>n",
            "see<span style='opacity:.05'>hid</span>n",
            "see<span style='filter:opacity(0)'>hid</span>n",
            "see<span style='width:0;overflow:hidden;display:inline-block'>hid</span>n",
            "see<span style='max-height:0px;overflow:hidden'>hid</span>n",
            "see<span style='position:absolute;left:-9999px'>hid</span>n",
            "see<span style='position:absolute;clip:rect(0,0,0,0)'>hid</span>n",
            "see<span style='clip-path:inset(50%)'>hid</span>n",
            "see<span style='text-indent:-9999px'>hid</span>n",
            "see<span style='transform:scale(0)'>hid</span>n",
            "see<span hidden>hid</span>n",
            "see<template>hid</template>n",
            "<style>.h{display:none}</style>see<span class='a h'>hid</span>n",
            "<style>#h{display:none}</style>see<span id=h>hid</span>n",
            "<style>i{display:none}</style>see<i>hid</i>n",
            "<style>i.h, b{font-size:0}</style>see<i class=h>hid</i>n",
            "<style>@media screen{.h{display:none}}</style>see<i class=h>hid</i>n",
            "<style>.o .h{display:none}</style><p class=o>see<i class=h>hid</i>n",
            "<style>/*{*/.h{color:white}</style>see<i class=h>hid</i>n",
            "<body bgcolor=black text=white>see<font color='#000'>hid</font>n",
            "<table bgcolor=red><td><font color=black>see<font color=red>hid</font>n",
            "see<span style='display:none'><b style='display:inline'>hid</b></span>n",
        ] {
            let page = page(source);
            assert_eq!(page.visible, "seen", "{source:?}");
            assert_eq!(page.hidden, "hid", "{source:?}");
        }
    }

    #[test]
    fn what_can_be_seen_stays() {
        for source in [
            "<div style='font-size:0'><span style='font-size:14px'>seen</span></div>",
            "<div style='visibility:hidden'><p style='visibility:visible'>seen</p></div>",
            "<td bgcolor=black><font color=white>seen</font>",
            "<td background='x.png'><font color=white>seen</font>",
            "<td style='background:url(x) #fff;color:#fff'>seen",
            "<p style='color:#fff'><a href='x'>seen</a>",
            "<p style='display:none'>h<p>seen",
            "<p style='display:none'>h<div>seen</div>",
            "<style>.m{display:block} @media (max-width:480px){.d{display:none}}</style><p class=d>seen",
            "<style>.h:hover{display:none}</style><p class=h>seen",
            "<p style='color:#767676'>seen",
            "<p style='max-height:0'>seen",
            "<p style='position:relative;left:-20px'>seen",
            "<span style='display:none'>h</span></div></td>seen",
            "<table><td style='display:none'>h<td>seen</table>",
            "<p style='opacity:0.5'>seen",
            "<b><p>seen</b>",
        ] {
            assert_eq!(page(source).visible, "seen", "{source:?}");
        }
    }

    #[test]
    fn formatting_left_open_goes_on() {
        let page = page("<p>see<font color=white>hid</p><p>den</p></font><p>n</p>");
        assert_eq!(page.visible, "see\nn");
        assert_eq!(page.hidden, "hid\nden");
    }

    #[test]
    fn a_cell_per_letter_is_a_word() {
        for (source, expected, letters) in [
            (
                "<table><tr><td>b</td><td>i</td>\n<td>t</td></tr></table>",
                "bit",
                2,
            ),
            (
                "<tr><td>b<td>i<td>t<td>&nbsp;<td>c<td>o",
                "bit \u{a0} co",
                3,
            ),
            ("<tr><td>b<td>i<td><td>c<td>o", "bi co", 2),
            ("<tr><td>bit<td>i<td>t", "bit it", 1),
            ("<tr><td>one<td>two", "one two", 0),
            ("<tr><td>a<tr><td>b", "a\nb", 0),
            (
                "<div style='float:left'>b</div><div style='float:left'>i</div>",
                "bi",
                1,
            ),
            (
                "<p><span style='display:inline-block'>b</span><span style='display:inline-block'>i</span>",
                "bi",
                1,
            ),
        ] {
            let page = page(source);
            assert_eq!(
                (page.visible.as_str(), page.letter_cells),
                (expected, letters),
                "{source:?}"
            );
        }
    }

    #[test]
    fn turned_text_is_turned_back() {
        for source in [
            "a <bdo dir=rtl>nioctib</bdo> b",
            "a <span style='unicode-bidi:bidi-override;direction:rtl'>nioctib</span> b",
            "<style>.r{direction:rtl;unicode-bidi:bidi-override}</style>a <i class=r>nioctib</i> b",
            "a &#x202e;nioctib&#x202c; b",
        ] {
            let page = page(source);
            assert_eq!(
                (page.visible.as_str(), page.turned_letters),
                ("a bitcoin b", 7),
                "{source:?}"
            );
        }
    }

    #[test]
    fn texts_of_attributes_are_kept() {
        for (source, expected) in [
            ("<img alt='pay now' src=x>", "pay now\n"),
            ("<p title='a note'>x", "a note\n"),
            (
                "<a href='mailto:ann@example.org?subject=a%20b'>x</a>",
                "mailto:ann@example.org?subject=a b\n",
            ),
            (
                "<a href='bitcoin:1abc?amount=1'>x</a>",
                "bitcoin:1abc?amount=1\n",
            ),
            ("<a href='https://example.org/'>x</a>", ""),
            ("<div style='display:none'><img alt='hidden'></div>", ""),
        ] {
            assert_eq!(page(source).attributes, expected, "{source:?}");
        }
    }

    #[test]
    fn data_uris_are_decoded() {
        let page = page(
            "<img src='data:image/png;base64,aGVs bG8='><img src='data:,a%20b'><img width=1 src=x>",
        );
        assert_eq!(page.data, [b"hello".to_vec(), b"a b".to_vec()]);
        assert_eq!(page.pictures, 2);
    }

    #[test]
    fn a_preheader_and_a_second_layout_are_no_hidden_text() {
        let preheader = "<div style='display:none'>Our autumn offers are here, with many words that only the list of mails shows to you</div>";
        let layout = "<p>Every word of this long paragraph stands twice in the mail, once for wide screens</p>";
        let ordinary = format!("{preheader}{layout}<div style='display:none'>{layout}</div>");
        assert_eq!(page(&ordinary).hidden_letters, 0);
        let noise = "<p>The seen text is some words.</p>".repeat(8)
            + &"<i style='font-size:0'>qwe rty uio pas dfg hjk</i>".repeat(10);
        assert!(page(&noise).hidden_letters > 100);
    }

    #[test]
    fn words_taken_apart_are_counted() {
        let page = page("b<!-- x -->it<b></b>co<i style='display:none'>q</i>in p<b>a</b>y");
        assert_eq!(page.visible, "bitcoin pay");
        assert_eq!((page.broken_words, page.tagged_words), (3, 2));
    }

    #[test]
    fn limits_hold_and_are_told() {
        let cut = render(&"word ".repeat(100), 50, 50);
        assert!(cut.visible.len() <= 50 && cut.is_cut);
        let deep = page(&("<div>".repeat(1000) + "x" + &"</div>".repeat(1000) + "y"));
        assert_eq!(deep.visible, "x\ny");
        assert!(deep.is_deep);
        let deep = page(&("<b style='color:red'>".repeat(100_000) + "x"));
        assert_eq!(deep.visible, "x");
    }
}
