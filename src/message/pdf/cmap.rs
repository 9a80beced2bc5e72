//! ToUnicode maps: from the character codes of a PDF font to text (ISO 32000-1, section 9.10.3).

use crate::message::pdf::lexer::{Lexer, Token};
use std::collections::HashMap;

/// The most single codes that are kept of one map.
const CODES: usize = 70_000;

/// The most ranges that are kept of one map.
const RANGES: usize = 4096;

/// A map from codes of one to four bytes to text.
#[derive(Debug, Default)]
pub(super) struct CMap {
    codes: HashMap<(u8, u32), String>,
    ranges: Vec<Range>,
    /// The lengths of codes that the map declares, in bytes.
    lengths: Vec<(u8, u32, u32)>,
}

#[derive(Debug)]
struct Range {
    length: u8,
    first: u32,
    last: u32,
    target: Vec<u16>,
}

impl CMap {
    /// Reads a map as far as it goes.
    pub(super) fn parse(source: &[u8]) -> Self {
        let mut map = Self::default();
        let mut lexer = Lexer::new(source);
        let mut operands = Vec::new();
        while let Some(token) = lexer.next_token() {
            let Token::Operator(operator) = token else {
                // One section has at most 100 entries, but some writers do not know that.
                if operands.len() < CODES {
                    operands.push(token);
                }
                continue;
            };
            match operator {
                b"endcodespacerange" => map.add_lengths(&operands),
                b"endbfchar" => map.add_codes(&operands),
                b"endbfrange" => map.add_ranges(&operands),
                _ => {}
            }
            operands.clear();
        }
        map
    }

    fn add_lengths(&mut self, operands: &[Token]) {
        for pair in operands.chunks_exact(2) {
            if let [Token::Text(first), Token::Text(last)] = pair
                && let (Some((length, first)), Some((_, last))) = (code(first), code(last))
                && self.lengths.len() < RANGES
            {
                self.lengths.push((length, first, last));
            }
        }
    }

    fn add_codes(&mut self, operands: &[Token]) {
        for pair in operands.chunks_exact(2) {
            if let [Token::Text(source), Token::Text(target)] = pair {
                self.add(source, target);
            }
        }
    }

    fn add(&mut self, source: &[u8], target: &[u8]) {
        if let Some(key) = code(source)
            && self.codes.len() < CODES
        {
            self.codes
                .insert(key, String::from_utf16_lossy(&units(target)));
        }
    }

    fn add_ranges(&mut self, operands: &[Token]) {
        let mut rest = operands;
        while let [Token::Text(first), Token::Text(last), after @ ..] = rest {
            let (Some((length, first)), Some((_, last))) = (code(first), code(last)) else {
                return;
            };
            match after {
                [Token::Text(target), after @ ..] => {
                    if self.ranges.len() < RANGES {
                        self.ranges.push(Range {
                            length,
                            first,
                            last,
                            target: units(target),
                        });
                    }
                    rest = after;
                }
                [Token::ArrayStart, after @ ..] => {
                    let end = after
                        .iter()
                        .position(|token| *token == Token::ArrayEnd)
                        .unwrap_or(after.len());
                    for (token, code) in after[..end].iter().zip(first..=last) {
                        if let Token::Text(target) = token
                            && self.codes.len() < CODES
                        {
                            let text = String::from_utf16_lossy(&units(target));
                            self.codes.insert((length, code), text);
                        }
                    }
                    rest = after.get(end + 1..).unwrap_or_default();
                }
                _ => return,
            }
        }
    }

    /// How many bytes the next code has.
    pub(super) fn length(&self, bytes: &[u8], otherwise: usize) -> usize {
        let mut value = 0;
        for (index, &byte) in bytes.iter().take(4).enumerate() {
            value = value << 8 | u32::from(byte);
            let length = index as u8 + 1;
            let is_declared = |&(len, first, last): &(u8, u32, u32)| {
                len == length && (first..=last).contains(&value)
            };
            if self.lengths.iter().take(64).any(is_declared) {
                return usize::from(length);
            }
        }
        otherwise
    }

    /// The text of a code of `length` bytes.
    pub(super) fn get(&self, length: usize, code: u32) -> Option<String> {
        let length = length as u8;
        if let Some(text) = self.codes.get(&(length, code)) {
            return Some(text.clone());
        }
        let range = self
            .ranges
            .iter()
            .find(|range| range.length == length && range.first <= code && code <= range.last)?;
        let mut units = range.target.clone();
        let last = units.last_mut()?;
        *last = last.wrapping_add((code - range.first) as u16);
        Some(String::from_utf16_lossy(&units))
    }
}

fn code(bytes: &[u8]) -> Option<(u8, u32)> {
    if bytes.is_empty() || bytes.len() > 4 {
        return None;
    }
    let value = bytes
        .iter()
        .fold(0, |sum, &byte| sum << 8 | u32::from(byte));
    Some((bytes.len() as u8, value))
}

fn units(bytes: &[u8]) -> Vec<u16> {
    // A ligature has a few letters; nobody needs a sentence behind one code.
    let bytes = &bytes[..bytes.len().min(32)];
    if let [byte] = bytes {
        return vec![u16::from(*byte)];
    }
    bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_ranges_are_mapped() {
        let map = CMap::parse(
            b"/CIDInit begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange
              2 beginbfchar <0003> <0020> <0004> <00660066> endbfchar
              2 beginbfrange <0010> <0012> <0041> <0020> <0021> [<0078> <D83DDE00>] endbfrange",
        );
        for (code, text) in [
            (3, Some(" ")),
            (4, Some("ff")),
            (0x10, Some("A")),
            (0x12, Some("C")),
            (0x13, None),
            (0x20, Some("x")),
            (0x21, Some("\u{1f600}")),
        ] {
            assert_eq!(map.get(2, code).as_deref(), text, "{code:x}");
        }
        assert_eq!(map.length(&[0, 3, 0, 4], 1), 2);
    }

    #[test]
    fn a_range_over_all_codes_costs_nothing() {
        let map = CMap::parse(b"<00000000> <FFFFFFFF> <0041> endbfrange");
        assert_eq!(map.get(4, 2).as_deref(), Some("C"));
    }

    #[test]
    fn damage_is_skipped() {
        for source in [
            &b"<00> endbfchar"[..],
            b"<0000000000> <41> endbfchar",
            b"<00> <01> [ <41> endbfrange",
            b"<05> <01> [ <41> ] endbfrange",
            b"<00> <01> 5 endbfrange",
            b"<05> <01> <0041> endbfrange",
        ] {
            CMap::parse(source).get(1, 3);
        }
    }
}
