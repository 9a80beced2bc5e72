//! Tags of HTML: what they open, close, and make of the text in them.

use crate::message::bidi;
use crate::message::color::Color;
use crate::message::css::{Display, Length, Style};
use crate::message::html::element::{Frame, Kind, ROOT, compute, hash, is_block, is_lost, name};
use crate::message::html::{Page, Raw, most};
use crate::message::sink::Break;

impl Page {
    pub(super) fn start_tag(&mut self, tag: &[u8]) {
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
    pub(super) fn frame(&mut self, tag: &[u8]) -> Frame {
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

    /// Closes what a start tag closes without saying so: a cell before the next, a paragraph
    /// before a block.
    pub(super) fn close_implied(&mut self, tag: &[u8]) {
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

    pub(super) fn end_tag(&mut self, tag: &[u8]) {
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
    pub(super) fn close_to(&mut self, at: usize) {
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

    pub(super) fn close(&mut self, frame: &Frame) {
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
    pub(super) fn close_cell(&mut self, cell: &Frame) {
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
}
