//! Style declarations, as far as they hide, shrink or turn text.

use crate::message::color::Color;

/// How an element stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Display {
    /// Not shown at all.
    None,
    /// Within a line.
    Inline,
    /// Beside others, like a table cell: `inline-block`, `table-cell`, `float`.
    Cell,
    /// With line breaks around it.
    Block,
}

/// A font size or another length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Length {
    /// CSS pixels.
    Px(f32),
    /// Times the size of the parent.
    Times(f32),
}

/// The properties that matter, each with whether it was `!important`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Style {
    pub(crate) display: Option<(Display, bool)>,
    pub(crate) is_invisible: Option<(bool, bool)>,
    pub(crate) font_size: Option<(Length, bool)>,
    pub(crate) color: Option<(Color, bool)>,
    pub(crate) background: Option<(Color, bool)>,
    /// Opacity of 0.05 or less.
    pub(crate) is_faint: Option<(bool, bool)>,
    /// Moved off the screen by its indent or margin.
    pub(crate) is_away: Option<(bool, bool)>,
    /// The same by properties that a good part of mail programs do not know.
    pub(crate) is_lost: Option<(bool, bool)>,
    /// Width or height (also the maximal ones) of 1 px or less.
    pub(crate) is_flat: Option<(bool, bool)>,
    pub(crate) is_overflow_hidden: Option<(bool, bool)>,
    /// Absolute or fixed: then left, top and their like move it.
    pub(crate) is_placed: Option<(bool, bool)>,
    /// Moved by 500 px or more, if it is placed.
    pub(crate) is_far: Option<(bool, bool)>,
    pub(crate) is_floating: Option<(bool, bool)>,
    pub(crate) is_rtl: Option<(bool, bool)>,
    pub(crate) is_bidi_override: Option<(bool, bool)>,
    pub(crate) is_preformatted: Option<(bool, bool)>,
}

fn put<T>(slot: &mut Option<(T, bool)>, value: T, important: bool) {
    if important || !matches!(slot, Some((_, true))) {
        *slot = Some((value, important));
    }
}

fn lay<T: Copy>(slot: &mut Option<(T, bool)>, over: Option<(T, bool)>) {
    if let Some((value, important)) = over {
        put(slot, value, important);
    }
}

impl Style {
    /// Lays a later style over this one.
    pub(crate) fn lay_over(&mut self, over: &Self) {
        lay(&mut self.display, over.display);
        lay(&mut self.is_invisible, over.is_invisible);
        lay(&mut self.font_size, over.font_size);
        lay(&mut self.color, over.color);
        lay(&mut self.background, over.background);
        lay(&mut self.is_faint, over.is_faint);
        lay(&mut self.is_away, over.is_away);
        lay(&mut self.is_lost, over.is_lost);
        lay(&mut self.is_flat, over.is_flat);
        lay(&mut self.is_overflow_hidden, over.is_overflow_hidden);
        lay(&mut self.is_placed, over.is_placed);
        lay(&mut self.is_far, over.is_far);
        lay(&mut self.is_floating, over.is_floating);
        lay(&mut self.is_rtl, over.is_rtl);
        lay(&mut self.is_bidi_override, over.is_bidi_override);
        lay(&mut self.is_preformatted, over.is_preformatted);
    }

    /// Adds declarations as a `style` attribute or a rule has them.
    pub(crate) fn declare(&mut self, declarations: &str) {
        let without_comments;
        let declarations = if declarations.contains("/*") {
            without_comments = strip_comments(declarations);
            &without_comments
        } else {
            declarations
        };
        for declaration in declarations.split(';').take(200) {
            if let Some((name, value)) = declaration.split_once(':') {
                self.property(name.trim(), value.trim());
            }
        }
    }

    fn property(&mut self, name: &str, value: &str) {
        let without_escapes;
        let name = if name.contains('\\') && name.len() <= 200 {
            without_escapes = unescape(name);
            &without_escapes
        } else {
            name
        };
        if name.len() > 24 || value.len() > 400 {
            return;
        }
        let mut name_buffer = [0; 24];
        let name = lower(name, &mut name_buffer);
        if !KNOWN.contains(&name) {
            return;
        }
        let value = unescape(&value.to_ascii_lowercase());
        let (value, important) = match value.split_once('!') {
            Some((value, rest)) => (value.trim(), rest.trim_start().starts_with("important")),
            None => (value.as_str(), false),
        };
        match name {
            "display" => {
                let display = match value {
                    "none" => Display::None,
                    "inline" | "contents" | "ruby" => Display::Inline,
                    "inline-block" | "table-cell" | "inline-table" | "inline-flex" => Display::Cell,
                    _ => Display::Block,
                };
                put(&mut self.display, display, important);
            }
            "visibility" => put(
                &mut self.is_invisible,
                matches!(value, "hidden" | "collapse"),
                important,
            ),
            "font-size" => {
                if let Some(length) = font_size(value) {
                    put(&mut self.font_size, length, important);
                }
            }
            "font" => {
                // `italic bold 12px/30px Georgia`: the size is the first length in it.
                let size = value.split([' ', '/']).find_map(|word| {
                    word.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                        .then(|| length(word))
                        .flatten()
                        .filter(|size| {
                            // Without a unit it is a weight, unless it is nothing.
                            *size == Length::Px(0.0)
                                || word.ends_with(|c: char| c.is_alphabetic() || c == '%')
                        })
                });
                if let Some(length) = size {
                    put(&mut self.font_size, length, important);
                }
            }
            "color" | "-webkit-text-fill-color" => {
                if let Some(color) = Color::parse(value) {
                    put(&mut self.color, color, important);
                }
            }
            "background-color" => {
                if let Some(color) = Color::parse(value) {
                    put(&mut self.background, color, important);
                }
            }
            "background" | "background-image" => {
                if value.contains("url(") || value.contains("gradient(") {
                    put(&mut self.background, Color::Unknown, important);
                } else if name == "background" {
                    let color =
                        Color::parse(value).or_else(|| value.split(' ').find_map(Color::parse));
                    if let Some(color) = color {
                        put(&mut self.background, color, important);
                    }
                }
            }
            "opacity" => {
                if let Some(Length::Px(amount) | Length::Times(amount)) = length(value) {
                    put(&mut self.is_faint, amount <= 0.05, important);
                }
            }
            "filter" if value.contains("opacity(0") => put(&mut self.is_lost, true, important),
            "mso-hide" if value == "all" => put(&mut self.is_lost, true, important),
            "clip" => {
                let is_nothing = value.starts_with("rect")
                    && !value.contains("auto")
                    && value
                        .trim_start_matches("rect")
                        .split(['(', ')', ',', ' '])
                        .filter(|word| !word.is_empty())
                        .all(
                            |word| matches!(length(word), Some(Length::Px(px)) if px.abs() <= 1.0),
                        );
                if is_nothing {
                    put(&mut self.is_lost, true, important);
                }
            }
            "clip-path" => {
                let is_nothing = matches!(
                    value.replace(' ', "").as_str(),
                    "inset(50%)" | "inset(100%)" | "circle(0)" | "circle(0px)" | "circle(0%)"
                );
                if is_nothing {
                    put(&mut self.is_lost, true, important);
                }
            }
            "transform" => {
                let bare = value.replace(' ', "");
                let is_nothing = bare.contains("scale(0)")
                    || bare.contains("scale(0,")
                    || bare.contains("scalex(0)")
                    || bare.contains("scaley(0)")
                    || far_in(&bare);
                if is_nothing {
                    put(&mut self.is_lost, true, important);
                }
            }
            "text-indent" | "margin-left" => {
                let is_off = length(value).is_some_and(|length| about(length) <= -500.0);
                if is_off {
                    put(&mut self.is_away, true, important);
                }
            }
            "left" | "top" | "right" | "bottom"
                if length(value).is_some_and(|length| about(length).abs() >= 900.0) =>
            {
                put(&mut self.is_far, true, important);
            }
            "position" => put(
                &mut self.is_placed,
                matches!(value, "absolute" | "fixed" | "relative"),
                important,
            ),
            "width" | "max-width" | "height" | "max-height" => match length(value) {
                Some(Length::Px(px)) if px <= 1.0 => put(&mut self.is_flat, true, important),
                Some(Length::Times(0.0)) => {
                    put(&mut self.is_flat, true, important);
                }
                _ => {}
            },
            "overflow" => put(
                &mut self.is_overflow_hidden,
                value.starts_with("hidden") || value.starts_with("clip"),
                important,
            ),
            "float" => put(&mut self.is_floating, value != "none", important),
            "direction" => put(&mut self.is_rtl, value == "rtl", important),
            "unicode-bidi" => put(
                &mut self.is_bidi_override,
                value.ends_with("override"),
                important,
            ),
            "white-space" => put(
                &mut self.is_preformatted,
                value.starts_with("pre"),
                important,
            ),
            _ => {}
        }
    }
}

const KNOWN: &[&str] = &[
    "display",
    "visibility",
    "font-size",
    "font",
    "color",
    "-webkit-text-fill-color",
    "background-color",
    "background",
    "background-image",
    "opacity",
    "filter",
    "mso-hide",
    "clip",
    "clip-path",
    "transform",
    "text-indent",
    "margin-left",
    "left",
    "top",
    "right",
    "bottom",
    "position",
    "width",
    "max-width",
    "height",
    "max-height",
    "overflow",
    "float",
    "direction",
    "unicode-bidi",
    "white-space",
];

fn lower<'b>(name: &str, buffer: &'b mut [u8; 24]) -> &'b str {
    let target = &mut buffer[..name.len()];
    target.copy_from_slice(name.as_bytes());
    target.make_ascii_lowercase();
    std::str::from_utf8(target).unwrap_or_default()
}

/// CSS escapes: `\64 isplay` is `display`.
pub(crate) fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let digits = rest
            .bytes()
            .take(6)
            .take_while(u8::is_ascii_hexdigit)
            .count();
        if digits > 0 {
            let value = u32::from_str_radix(&rest[..digits], 16).unwrap_or(0);
            out.extend(char::from_u32(value));
            rest = rest[digits..].strip_prefix(' ').unwrap_or(&rest[digits..]);
        }
    }
    out.push_str(rest);
    out
}

/// Takes out `/* … */`; one without an end reaches to the end.
pub(crate) fn strip_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        match rest[start + 2..].find("*/") {
            Some(end) => rest = &rest[start + 2 + end + 2..],
            None => return out,
        }
    }
    out.push_str(rest);
    out
}

/// Does a `translate` in it move by 900 px or more?
fn far_in(transform: &str) -> bool {
    transform.contains("translate")
        && transform
            .split(['(', ')', ','])
            .any(|word| length(word).is_some_and(|length| about(length).abs() >= 900.0))
}

/// The pixels of a length in a font of the usual size.
fn about(length: Length) -> f32 {
    match length {
        Length::Px(px) => px,
        Length::Times(times) => times * 16.0,
    }
}

fn font_size(value: &str) -> Option<Length> {
    Some(match value {
        "xx-small" => Length::Px(9.0),
        "x-small" => Length::Px(10.0),
        "small" => Length::Px(13.0),
        "medium" | "initial" => Length::Px(16.0),
        "large" => Length::Px(18.0),
        "x-large" => Length::Px(24.0),
        "xx-large" => Length::Px(32.0),
        "smaller" => Length::Times(0.8),
        "larger" => Length::Times(1.2),
        _ => return length(value),
    })
}

/// A length; one without a unit counts as pixels, as mail programs in quirks mode take it.
pub(crate) fn length(value: &str) -> Option<Length> {
    let value = value.trim();
    let unit_at = value
        .find(|c: char| c.is_ascii_alphabetic() || c == '%')
        .unwrap_or(value.len());
    let (number, unit) = value.split_at(unit_at);
    let number: f32 = number.trim().parse().ok()?;
    Some(match unit.trim() {
        "" | "px" => Length::Px(number),
        "pt" => Length::Px(number * 4.0 / 3.0),
        "pc" | "rem" | "vw" | "vh" | "vmin" | "vmax" => Length::Px(number * 16.0),
        "in" => Length::Px(number * 96.0),
        "cm" => Length::Px(number * 37.8),
        "mm" => Length::Px(number * 3.78),
        "em" => Length::Times(number),
        "ex" | "ch" => Length::Times(number / 2.0),
        "%" => Length::Times(number / 100.0),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(text: &str) -> Style {
        let mut style = Style::default();
        style.declare(text);
        style
    }

    #[test]
    fn declarations_are_read() {
        assert_eq!(
            declared("DISPLAY : none").display,
            Some((Display::None, false))
        );
        assert_eq!(
            declared("display:none!important").display,
            Some((Display::None, true))
        );
        assert_eq!(
            declared("dis/**/play:none").display,
            Some((Display::None, false))
        );
        assert_eq!(
            declared("display:\\6eone").display,
            Some((Display::None, false))
        );
        assert_eq!(
            declared("font-size:1pt").font_size,
            Some((Length::Px(4.0 / 3.0), false))
        );
        assert_eq!(
            declared("font: bold 0px/1 x").font_size,
            Some((Length::Px(0.0), false))
        );
        assert_eq!(
            declared("background: url(x) white").background,
            Some((Color::Unknown, false))
        );
        assert_eq!(
            declared("background: white none").background,
            Some((Color::WHITE, false))
        );
        assert_eq!(declared("clip: rect(0 0 0 0)").is_lost, Some((true, false)));
        assert_eq!(declared("clip: rect(0 100px 50px 0)").is_lost, None);
        assert_eq!(
            declared("text-indent: -9999px").is_away,
            Some((true, false))
        );
        assert_eq!(declared("text-indent: -20px").is_away, None);
        assert_eq!(declared("text-indent: -999em").is_away, Some((true, false)));
        assert_eq!(declared("left: -1000em").is_far, Some((true, false)));
        assert_eq!(declared("left: -50%").is_far, None);
        assert_eq!(
            declared("vis\\69 bility: hidden").is_invisible,
            Some((true, false))
        );
        assert_eq!(declared("nonsense; : ; color").display, None);
    }

    #[test]
    fn an_important_declaration_stays() {
        let mut style = declared("display:none !important");
        style.lay_over(&declared("display:block"));
        assert_eq!(style.display, Some((Display::None, true)));
    }
}
