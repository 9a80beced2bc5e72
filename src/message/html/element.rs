//! An open element of HTML, and what its style makes of it.

use crate::message::color::Color;
use crate::message::css::{Display, Length, Style};

/// An element that is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) name: u64,
    /// Hidden with all that is in it, whatever that says.
    pub(super) is_gone: bool,
    pub(super) is_invisible: bool,
    /// CSS pixels.
    pub(super) font_size: f32,
    pub(super) color: Color,
    pub(super) ground: Color,
    pub(super) is_rtl: bool,
    pub(super) is_preformatted: bool,
    /// Which ancestors of selectors it and those around it are.
    pub(super) bits: u64,
    pub(super) flow: Display,
    /// Where the visible text ended as a cell began.
    pub(super) start: usize,
    /// Did it put a direction override into the text?
    pub(super) turns: bool,
    /// Is the text in it out of sight?
    pub(super) hides: bool,
    pub(super) kind: Kind,
}

/// What matters about an element when tags are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Other,
    /// Opened again when it was left open (HTML Standard, section 13.2.4.3).
    Formatting,
    /// A cell or the like: tags in it do not close what is around it.
    Border,
}

pub(super) const ROOT: Frame = Frame {
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

/// Is the element hidden in a way that simple mail programs do not know?
pub(super) fn is_lost(style: &Style) -> bool {
    let is = |slot: Option<(bool, bool)>| slot.is_some_and(|(value, _)| value);
    is(style.is_lost) || (is(style.is_far) && is(style.is_placed))
}

/// Works out a frame from its parent's and its own style.
///
/// A simple mail program knows no properties that move, clip or scale an element away.
pub(super) fn compute(parent: &Frame, style: &Style, mut frame: Frame, is_simple: bool) -> Frame {
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
        || (is(style.is_flat) && is(style.is_overflow_hidden));
    if !is_simple && is_lost(style) {
        frame.is_gone = true;
    }
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

/// Names that are compared with those on the stack.
pub(super) mod name {
    use crate::message::html::element::hash;

    pub(in crate::message::html) const A: u64 = hash(b"a");
    pub(in crate::message::html) const P: u64 = hash(b"p");
    pub(in crate::message::html) const LI: u64 = hash(b"li");
    pub(in crate::message::html) const UL: u64 = hash(b"ul");
    pub(in crate::message::html) const OL: u64 = hash(b"ol");
    pub(in crate::message::html) const DD: u64 = hash(b"dd");
    pub(in crate::message::html) const DT: u64 = hash(b"dt");
    pub(in crate::message::html) const DL: u64 = hash(b"dl");
    pub(in crate::message::html) const TD: u64 = hash(b"td");
    pub(in crate::message::html) const TH: u64 = hash(b"th");
    pub(in crate::message::html) const TR: u64 = hash(b"tr");
    pub(in crate::message::html) const TBODY: u64 = hash(b"tbody");
    pub(in crate::message::html) const THEAD: u64 = hash(b"thead");
    pub(in crate::message::html) const TFOOT: u64 = hash(b"tfoot");
    pub(in crate::message::html) const TABLE: u64 = hash(b"table");
    pub(in crate::message::html) const CAPTION: u64 = hash(b"caption");
}

/// Elements with line breaks around them.
pub(super) fn is_block(tag: &[u8]) -> bool {
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
pub(super) const fn hash(name: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < name.len() {
        hash = (hash ^ name[at] as u64).wrapping_mul(0x100_0000_01b3);
        at += 1;
    }
    hash
}
