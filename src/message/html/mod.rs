//! HTML as a reader sees it, and apart from it what is hidden from the reader.

mod attributes;
mod element;
mod links;
mod tags;
mod text;

use crate::message::css::Style;
use crate::message::html::attributes::{Attribute, Attributes};
use crate::message::html::element::{Frame, ROOT};
use crate::message::sheet::Sheet;
use crate::message::sink::{Break, Sink};
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Emitter, ForwardingEmitter, Span, Tokenizer};
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
}

#[cfg(test)]
mod tests;
