//! The words of a PDF content stream (ISO 32000-1, section 7.2).

/// How deep parentheses may nest in a string; readers stop earlier.
const NESTING: usize = 64;

/// One word of a content stream.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A number.
    Number(f64),
    /// A string, unescaped.
    Text(Vec<u8>),
    /// A name without its slash, escapes left as they are.
    Name(&'a [u8]),
    /// An operator or another bare word.
    Operator(&'a [u8]),
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// `<<`
    DictStart,
    /// `>>`
    DictEnd,
}

/// Cuts a content stream into words.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Starts at the beginning of the data.
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// The next word; `None` at the end. Every call moves on by at least one byte.
    pub(super) fn next_token(&mut self) -> Option<Token<'a>> {
        loop {
            let byte = *self.data.get(self.at)?;
            self.at += 1;
            return Some(match byte {
                _ if is_space(byte) => continue,
                b'%' => {
                    self.skip_while(|byte| byte != b'\n' && byte != b'\r');
                    continue;
                }
                b'(' => Token::Text(self.literal()),
                b'<' if self.peek() == Some(b'<') => {
                    self.at += 1;
                    Token::DictStart
                }
                b'<' => Token::Text(self.hex()),
                b'>' if self.peek() == Some(b'>') => {
                    self.at += 1;
                    Token::DictEnd
                }
                b'[' => Token::ArrayStart,
                b']' => Token::ArrayEnd,
                b'/' => {
                    let start = self.at;
                    self.skip_while(is_regular);
                    Token::Name(&self.data[start..self.at])
                }
                _ if is_regular(byte) => {
                    let start = self.at - 1;
                    self.skip_while(is_regular);
                    let word = &self.data[start..self.at];
                    number(word).map_or(Token::Operator(word), Token::Number)
                }
                _ => continue,
            });
        }
    }

    /// The data of an inline image, after its `ID`, up to its `EI` (section 8.9.7).
    pub(super) fn inline_image(&mut self) -> &'a [u8] {
        let start = (self.at + 1).min(self.data.len());
        let rest = &self.data[start..];
        let end = memchr::memmem::find_iter(rest, b"EI").find(|&at| {
            let is_after_space = at == 0 || is_space(rest[at - 1]);
            is_after_space && rest.get(at + 2).is_none_or(|&byte| is_space(byte))
        });
        let end = end.unwrap_or(rest.len());
        self.at = (start + end + 2).min(self.data.len());
        &rest[..end]
    }

    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    fn skip_while(&mut self, is_part: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&is_part) {
            self.at += 1;
        }
    }

    fn literal(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut depth = 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' if depth < NESTING => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                b'\\' => {
                    text.extend(self.escaped());
                    continue;
                }
                _ => {}
            }
            text.push(byte);
        }
        text
    }

    fn escaped(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'\r' => {
                if self.peek() == Some(b'\n') {
                    self.at += 1;
                }
                return None;
            }
            b'\n' => return None,
            b'0'..=b'7' => {
                let mut value = byte - b'0';
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek() else {
                        break;
                    };
                    self.at += 1;
                    // High-order overflow is ignored (section 7.3.4.2).
                    value = value.wrapping_mul(8).wrapping_add(digit - b'0');
                }
                value
            }
            other => other,
        })
    }

    fn hex(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut high = None;
        while let Some(byte) = self.peek() {
            self.at += 1;
            if byte == b'>' {
                break;
            }
            let Some(digit) = char::from(byte).to_digit(16) else {
                continue;
            };
            match high.take() {
                Some(high) => text.push(high | digit as u8),
                None => high = Some((digit as u8) << 4),
            }
        }
        text.extend(high);
        text
    }
}

fn number(word: &[u8]) -> Option<f64> {
    if !matches!(word[0], b'0'..=b'9' | b'+' | b'-' | b'.') || word.len() > 64 {
        return None;
    }
    let value: f64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte)
        && !matches!(
            byte,
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(source: &[u8]) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(source);
        std::iter::from_fn(|| lexer.next_token()).collect()
    }

    #[test]
    fn words_are_told_apart() {
        assert_eq!(
            tokens(b"/F1 -12.5 Tf % font\n[(a) 3]TJ <</A<41>>> ' >"),
            [
                Token::Name(b"F1"),
                Token::Number(-12.5),
                Token::Operator(b"Tf"),
                Token::ArrayStart,
                Token::Text(b"a".to_vec()),
                Token::Number(3.0),
                Token::ArrayEnd,
                Token::Operator(b"TJ"),
                Token::DictStart,
                Token::Name(b"A"),
                Token::Text(b"A".to_vec()),
                Token::DictEnd,
                Token::Operator(b"'"),
            ]
        );
    }

    #[test]
    fn strings_are_unescaped() {
        for (source, text) in [
            (&br"(a(b)c)"[..], &b"a(b)c"[..]),
            (br"(\(\)\\\n\101\60x)", b"()\\\nA0x"),
            (b"(a\\\nb\\\r\nc)", b"abc"),
            (br"(\777)", b"\xff"),
            (b"(open", b"open"),
            (b"<4 1 4>", b"A@"),
            (b"<4x1", b"A"),
        ] {
            assert_eq!(tokens(source), [Token::Text(text.to_vec())]);
        }
    }

    #[test]
    fn an_inline_image_ends_at_its_mark() {
        let mut lexer = Lexer::new(b"ID abEIcd EI Q");
        assert_eq!(lexer.next_token(), Some(Token::Operator(b"ID")));
        assert_eq!(lexer.inline_image(), b"abEIcd ");
        assert_eq!(lexer.next_token(), Some(Token::Operator(b"Q")));
    }
}
