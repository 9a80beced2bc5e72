//! Walks through the content of a PDF page and collects what it shows (ISO 32000-1, section 9.4).

use crate::message::pdf::drawing::Drawing;
use crate::message::pdf::font::{Font, Glyph};
use crate::message::pdf::lexer::{Lexer, Token};
use crate::message::pdf::page::Run;
use flate2::read::ZlibDecoder;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream};
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::rc::Rc;

/// How deep forms may lie in each other.
const FORMS: usize = 6;

/// How many graphics states may be saved at once.
const STATES: usize = 256;

/// The most operands kept for one operator.
const OPERANDS: usize = 8192;

/// The most fonts read of one document.
const FONTS: usize = 64;

/// What is left of the limits of one document.
#[derive(Debug)]
pub(super) struct Budget {
    /// Bytes of decoded streams.
    pub(super) stream_bytes: usize,
    /// Words of content streams.
    pub(super) tokens: usize,
    /// Bytes of text.
    pub(super) text_bytes: usize,
    /// Pictures to hand on.
    pub(super) pictures: usize,
    /// Was one of them hit?
    pub(super) is_hit: bool,
}

/// A line of type: where it starts and the matrices that move it.
#[derive(Clone, Debug)]
struct State {
    matrix: Matrix,
    font: Option<Rc<Font>>,
    size: f64,
    char_space: f64,
    word_space: f64,
    scale: f64,
    leading: f64,
    rise: f64,
    mode: u8,
    is_white: bool,
}

/// The matrix `[a b c d e f]` of section 8.3.3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Matrix([f64; 6]);

impl Matrix {
    /// Leaves everything where it is.
    pub(super) const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    /// First `self`, then `other`.
    fn then(self, other: Self) -> Self {
        let [a, b, c, d, e, f] = self.0;
        let [oa, ob, oc, od, oe, of] = other.0;
        Self([
            a * oa + b * oc,
            a * ob + b * od,
            c * oa + d * oc,
            c * ob + d * od,
            e * oa + f * oc + oe,
            e * ob + f * od + of,
        ])
    }

    fn moved(self, x: f64, y: f64) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y]).then(self)
    }

    /// Where a point comes to lie.
    fn position(self, x: f64, y: f64) -> (f64, f64) {
        let Self([.., x, y]) = self.moved(x, y);
        (x, y)
    }
}

/// Collects what the pages of a document show.
pub(super) struct Walker<'a> {
    document: &'a Document,
    budget: &'a mut Budget,
    fonts: HashMap<ObjectId, Rc<Font>>,
    seen_pictures: HashSet<ObjectId>,
    /// What was shown, in the order of drawing.
    pub(super) runs: Vec<Run>,
    /// The pictures that were drawn.
    pub(super) pictures: Vec<Stream>,
    /// What was drawn by rectangles.
    pub(super) drawing: Drawing,
    /// Was there anything on the page that white text could stand on?
    pub(super) has_background: bool,
}

impl<'a> Walker<'a> {
    /// Starts with an empty page.
    pub(super) fn new(document: &'a Document, budget: &'a mut Budget) -> Self {
        Self {
            document,
            budget,
            fonts: HashMap::new(),
            seen_pictures: HashSet::new(),
            runs: Vec::new(),
            pictures: Vec::new(),
            drawing: Drawing::default(),
            has_background: false,
        }
    }

    /// Decodes a stream within the budget; as far as it goes if it is broken or too large.
    pub(super) fn decoded(&mut self, stream: &Stream) -> Vec<u8> {
        let is_plain_deflate = stream
            .filters()
            .is_ok_and(|filters| filters == [b"FlateDecode"])
            && !stream.dict.has(b"DecodeParms");
        if is_plain_deflate {
            return self.inflated(&stream.content);
        }
        match stream.get_plain_content_with_limit(self.budget.stream_bytes) {
            Ok(bytes) => {
                self.budget.stream_bytes -= bytes.len().min(self.budget.stream_bytes);
                bytes
            }
            Err(lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded {
                ..
            })) => {
                self.budget.is_hit = true;
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    /// Design note: the library gives all or nothing, but a reader shows the text before the
    /// place where a stream is broken, and before megabytes of nothing.
    fn inflated(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        let most = self.budget.stream_bytes as u64;
        let mut reader = ZlibDecoder::new(bytes).take(most);
        // What came before an error is kept.
        let _ = reader.read_to_end(&mut content);
        self.budget.stream_bytes -= content.len();
        self.budget.is_hit |= self.budget.stream_bytes == 0;
        content
    }

    /// Walks through the content of a page or a form. `resources` are tried in order.
    pub(super) fn walk(
        &mut self,
        content: &[u8],
        resources: &[&'a Dictionary],
        start: Matrix,
        depth: usize,
    ) {
        let mut machine = Machine {
            state: State::new(start),
            saved: Vec::new(),
            text: Matrix::IDENTITY,
            line: Matrix::IDENTITY,
        };
        let mut lexer = Lexer::new(content);
        let mut operands = Vec::new();
        while let Some(token) = lexer.next_token() {
            if self.budget.tokens == 0 || self.budget.text_bytes == 0 {
                self.budget.is_hit = true;
                return;
            }
            self.budget.tokens -= 1;
            match token {
                Token::Operator(b"ID") => {
                    let data = lexer.inline_image();
                    self.inline_picture(&operands, data);
                    operands.clear();
                }
                Token::Operator(operator) => {
                    self.operate(&mut machine, operator, &operands, resources, depth);
                    operands.clear();
                }
                other if operands.len() < OPERANDS => operands.push(other),
                _ => self.budget.is_hit = true,
            }
        }
    }

    fn operate(
        &mut self,
        machine: &mut Machine,
        operator: &[u8],
        operands: &[Token],
        resources: &[&'a Dictionary],
        depth: usize,
    ) {
        let n = |index: usize| match operands.get(index) {
            Some(Token::Number(value)) => *value,
            _ => 0.0,
        };
        let state = &mut machine.state;
        match operator {
            b"q" if machine.saved.len() < STATES => machine.saved.push(state.clone()),
            b"Q" => {
                if let Some(saved) = machine.saved.pop() {
                    machine.state = saved;
                }
            }
            b"cm" => {
                state.matrix = Matrix([n(0), n(1), n(2), n(3), n(4), n(5)]).then(state.matrix);
            }
            b"BT" => {
                machine.text = Matrix::IDENTITY;
                machine.line = Matrix::IDENTITY;
            }
            b"Tf" => {
                if let Some(Token::Name(name)) = operands.first() {
                    state.font = self.font(name, resources);
                }
                state.size = n(1);
            }
            b"Tc" => state.char_space = n(0),
            b"Tw" => state.word_space = n(0),
            b"Tz" => state.scale = n(0) / 100.0,
            b"TL" => state.leading = n(0),
            b"Ts" => state.rise = n(0),
            b"Tr" => state.mode = n(0) as u8,
            b"Td" => machine.move_line(n(0), n(1)),
            b"TD" => {
                state.leading = -n(1);
                machine.move_line(n(0), n(1));
            }
            b"Tm" => {
                machine.line = Matrix([n(0), n(1), n(2), n(3), n(4), n(5)]);
                machine.text = machine.line;
            }
            b"T*" => machine.next_line(),
            b"Tj" | b"TJ" => self.show(machine, operands),
            b"'" => {
                machine.next_line();
                self.show(machine, operands);
            }
            b"\"" => {
                state.word_space = n(0);
                state.char_space = n(1);
                machine.next_line();
                self.show(machine, operands.get(2..).unwrap_or_default());
            }
            b"g" => state.is_white = n(0) > 0.95,
            b"rg" => state.is_white = n(0).min(n(1)).min(n(2)) > 0.95,
            b"k" => state.is_white = n(0).max(n(1)).max(n(2)).max(n(3)) < 0.05,
            // What a colour means in other spaces is not worth knowing: one number or three are
            // read like grey and RGB.
            b"sc" | b"scn" => {
                let least = (0..operands.len().max(1)).map(n).fold(1.0, f64::min);
                state.is_white = operands.len() != 4 && least > 0.95;
            }
            b"re" => {
                let (x, y, width, height) = (n(0), n(1), n(2), n(3));
                let at = |x, y| state.matrix.position(x, y);
                self.drawing.rectangle([
                    at(x, y),
                    at(x + width, y),
                    at(x + width, y + height),
                    at(x, y + height),
                ]);
            }
            b"m" => self.drawing.start(state.matrix.position(n(0), n(1))),
            b"l" => self.drawing.line(state.matrix.position(n(0), n(1))),
            b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*" => {
                self.has_background |= !state.is_white;
                self.drawing.paint(!state.is_white);
            }
            b"S" | b"s" | b"n" => self.drawing.paint(false),
            b"sh" => self.has_background = true,
            b"Do" => {
                if let Some(Token::Name(name)) = operands.first() {
                    let matrix = state.matrix;
                    self.draw(name, resources, matrix, depth);
                }
            }
            _ => {}
        }
    }

    fn font(&mut self, name: &[u8], resources: &[&'a Dictionary]) -> Option<Rc<Font>> {
        let object = entry(self.document, resources, b"Font", name)?;
        let (id, object) = self.document.dereference(object).ok()?;
        if let Some(font) = id.and_then(|id| self.fonts.get(&id)) {
            return Some(Rc::clone(font));
        }
        if self.fonts.len() >= FONTS {
            self.budget.is_hit = true;
            return None;
        }
        let font = Rc::new(Font::read(self.document, object.as_dict().ok()?));
        // A font that is written into the resources themselves has no number of its own.
        let fonts = self.fonts.len() as u32;
        let id = id.unwrap_or((u32::MAX - fonts, 0));
        self.fonts.insert(id, Rc::clone(&font));
        Some(font)
    }

    fn show(&mut self, machine: &mut Machine, operands: &[Token]) {
        for operand in operands {
            match operand {
                Token::Text(bytes) => {
                    let Some(font) = machine.state.font.clone() else {
                        continue;
                    };
                    for glyph in font.glyphs(bytes) {
                        let run = machine.place(glyph);
                        self.push(run);
                    }
                }
                Token::Number(offset) => {
                    let state = &machine.state;
                    let x = -offset / 1000.0 * state.size * state.scale;
                    machine.text = machine.text.moved(x, 0.0);
                }
                _ => {}
            }
        }
    }

    fn push(&mut self, run: Run) {
        if self.budget.text_bytes < run.text.len() {
            self.budget.text_bytes = 0;
            return;
        }
        self.budget.text_bytes -= run.text.len();
        match self.runs.last_mut() {
            Some(last) if last.ends_with(&run) => {}
            Some(last) if last.is_continued_by(&run) => last.append(run),
            _ => self.runs.push(run),
        }
    }

    fn draw(&mut self, name: &[u8], resources: &[&'a Dictionary], matrix: Matrix, depth: usize) {
        let Some(object) = entry(self.document, resources, b"XObject", name) else {
            return;
        };
        let Ok((id, object)) = self.document.dereference(object) else {
            return;
        };
        let Ok(stream) = object.as_stream() else {
            return;
        };
        match stream.dict.get(b"Subtype").and_then(Object::as_name) {
            Ok(b"Form") => self.form(stream, resources, matrix, depth + 1),
            Ok(b"Image") => {
                self.has_background = true;
                if id.is_none_or(|id| self.seen_pictures.insert(id)) {
                    self.picture(stream.clone());
                }
            }
            _ => {}
        }
    }

    /// Walks through a form: a page within the page.
    pub(super) fn form(
        &mut self,
        stream: &'a Stream,
        outer: &[&'a Dictionary],
        matrix: Matrix,
        depth: usize,
    ) {
        if depth > FORMS {
            self.budget.is_hit = true;
            return;
        }
        let content = self.decoded(stream);
        let own = stream
            .dict
            .get_deref(b"Resources", self.document)
            .and_then(Object::as_dict);
        let mut resources: Vec<&'a Dictionary> = own.into_iter().collect();
        resources.extend(outer);
        let placed = stream
            .dict
            .get_deref(b"Matrix", self.document)
            .and_then(Object::as_array)
            .map(|array| {
                let mut values = [0.0; 6];
                for (value, object) in values.iter_mut().zip(array) {
                    *value = f64::from(object.as_float().unwrap_or(0.0));
                }
                Matrix(values)
            });
        let start = placed.unwrap_or(Matrix::IDENTITY).then(matrix);
        self.walk(&content, &resources, start, depth);
    }

    fn picture(&mut self, stream: Stream) {
        if self.budget.pictures == 0 {
            self.budget.is_hit = true;
            return;
        }
        self.budget.pictures -= 1;
        self.pictures.push(stream);
    }

    /// A picture written into the content itself (section 8.9.7), with its short names spelt out.
    fn inline_picture(&mut self, operands: &[Token], data: &[u8]) {
        let mut dict = Dictionary::new();
        for pair in operands.chunks_exact(2) {
            let [Token::Name(key), value] = pair else {
                return;
            };
            let value = match value {
                Token::Number(value) => Object::Integer(*value as i64),
                Token::Name(name) => Object::Name(full_name(name).to_vec()),
                Token::Operator(word) => Object::Boolean(*word == b"true"),
                _ => return,
            };
            dict.set(full_name(key).to_vec(), value);
        }
        self.has_background = true;
        self.picture(Stream::new(dict, data.to_vec()));
    }
}

fn full_name(name: &[u8]) -> &[u8] {
    match name {
        b"W" => b"Width",
        b"H" => b"Height",
        b"BPC" => b"BitsPerComponent",
        b"CS" => b"ColorSpace",
        b"F" => b"Filter",
        b"IM" => b"ImageMask",
        b"G" => b"DeviceGray",
        b"RGB" => b"DeviceRGB",
        b"AHx" => b"ASCIIHexDecode",
        b"A85" => b"ASCII85Decode",
        b"Fl" => b"FlateDecode",
        b"LZW" => b"LZWDecode",
        b"RL" => b"RunLengthDecode",
        b"DCT" => b"DCTDecode",
        other => other,
    }
}

/// The named entry of a kind of resource, from the innermost dictionary that has it.
fn entry<'a>(
    document: &'a Document,
    resources: &[&'a Dictionary],
    kind: &[u8],
    name: &[u8],
) -> Option<&'a Object> {
    resources.iter().find_map(|resources| {
        let named = resources.get_deref(kind, document).ok()?;
        named.as_dict().ok()?.get(name).ok()
    })
}

/// The state of the text operators.
struct Machine {
    state: State,
    saved: Vec<State>,
    text: Matrix,
    line: Matrix,
}

impl Machine {
    fn move_line(&mut self, x: f64, y: f64) {
        self.line = self.line.moved(x, y);
        self.text = self.line;
    }

    fn next_line(&mut self) {
        self.move_line(0.0, -self.state.leading);
    }

    /// Puts one character where it belongs and moves on.
    fn place(&mut self, glyph: Glyph) -> Run {
        let state = &self.state;
        let mut advance = glyph.width / 1000.0 * state.size;
        let whole = self.text.then(state.matrix);
        let start = whole.position(0.0, state.rise);
        let end = whole.position(advance * state.scale, state.rise);
        advance += state.char_space;
        if glyph.is_space {
            advance += state.word_space;
        }
        let Matrix([a, b, c, d, ..]) = whole;
        let size = state.size.abs() * c.hypot(d);
        let length = a.hypot(b);
        let direction = if length > 0.0 {
            (a / length, b / length)
        } else {
            (1.0, 0.0)
        };
        let run = Run {
            start,
            end,
            direction,
            size,
            has_lie: glyph.shape.as_ref().is_some_and(|s| *s != glyph.text),
            shape: glyph.shape.unwrap_or_else(|| glyph.text.clone()),
            text: glyph.text,
            is_unpainted: state.mode == 3 || state.mode == 7,
            is_white: state.is_white,
        };
        self.text = self.text.moved(advance * state.scale, 0.0);
        run
    }
}

impl State {
    fn new(matrix: Matrix) -> Self {
        Self {
            matrix,
            font: None,
            size: 1.0,
            char_space: 0.0,
            word_space: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
            mode: 0,
            is_white: false,
        }
    }
}
