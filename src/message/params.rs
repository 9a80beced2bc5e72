//! Values with parameters: Content-Type and Content-Disposition.

use crate::message::{charset, headers, transfer};

/// A value such as `text/html; charset=utf-8`, read leniently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameterised {
    /// The value in front of the parameters, in lower case, without comments.
    pub(crate) main: String,
    /// Parameters in order, doubles too: names in lower case, values unquoted, and in the
    /// case of RFC 2231 joined and decoded.
    params: Vec<(String, String)>,
}

/// More parameters are not looked at: nobody sends them in good faith.
const MOST: usize = 64;

impl Parameterised {
    /// Reads a folded field value.
    pub(crate) fn parse(value: &[u8]) -> Self {
        let unfolded: Vec<u8> = value
            .iter()
            .map(|byte| {
                if matches!(byte, b'\r' | b'\n') {
                    b' '
                } else {
                    *byte
                }
            })
            .collect();
        let text = charset::decode(&unfolded, None);
        let mut cursor = Cursor { rest: &text };
        let main: String = cursor
            .token(|c| matches!(c, ';' | ' ' | '\t' | ','))
            .to_lowercase();
        let mut raw = Vec::new();
        while raw.len() < MOST && cursor.skip_separators() {
            let name = cursor
                .token(|c| matches!(c, '=' | ';' | ' ' | '\t'))
                .to_lowercase();
            cursor.rest = cursor.rest.trim_start();
            let Some(rest) = cursor.rest.strip_prefix('=') else {
                continue;
            };
            cursor.rest = rest.trim_start();
            raw.push((name, cursor.value()));
        }
        Self {
            main,
            params: join_continuations(raw),
        }
    }

    /// Every value of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.params
            .iter()
            .filter(move |(param, _)| param == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of a parameter.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(param, _)| param == name)
            .map(|(_, value)| value.as_str())
    }
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// The text up to a character that ends it.
    fn token(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        self.skip_comments();
        let length = self.rest.find(ends).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        token
    }

    /// Goes to the next parameter; false at the end.
    fn skip_separators(&mut self) -> bool {
        loop {
            let before = self.rest.len();
            self.rest = self.rest.trim_start_matches([';', ' ', '\t', ',', '=']);
            self.skip_comments();
            if self.rest.len() == before {
                return !self.rest.is_empty();
            }
        }
    }

    fn skip_comments(&mut self) {
        self.rest = self.rest.trim_start();
        while self.rest.starts_with('(') {
            let Some(end) = self.rest.find(')') else {
                self.rest = "";
                return;
            };
            self.rest = self.rest[end + 1..].trim_start();
        }
    }

    fn word(&mut self) -> String {
        let word = self.token(|c| matches!(c, ';' | ' ' | '\t'));
        word.trim().to_owned()
    }

    fn value(&mut self) -> String {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let mut value = self.word();
            // Several encoded words without quotes around them, as some mailers write a long name.
            while value.starts_with("=?")
                && value.ends_with("?=")
                && self.rest.trim_start().starts_with("=?")
            {
                value.push(' ');
                value += &self.word();
            }
            return value;
        };
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return value;
                }
                '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
                c => value.push(c),
            }
        }
        // No closing quote: the value runs to the end.
        self.rest = "";
        value
    }
}

/// A section of a parameter: its number, whether it is encoded, its text.
type Section = (u32, bool, String);

/// Joins `name*0*=`, `name*1=` … and decodes `name*=charset'language'text` (RFC 2231, sections 3 and 4).
fn join_continuations(raw: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut params: Vec<(String, String)> = Vec::with_capacity(raw.len());
    let mut split: Vec<(String, Vec<Section>)> = Vec::new();
    for (name, value) in raw {
        let Some((base, rest)) = name.split_once('*') else {
            params.push((name, value));
            continue;
        };
        let is_encoded = rest.is_empty() || rest.ends_with('*');
        let number = rest.trim_end_matches('*').parse().unwrap_or(0);
        let base = base.to_owned();
        match split.iter_mut().find(|(known, _)| *known == base) {
            Some((_, sections)) => sections.push((number, is_encoded, value)),
            None => split.push((base, vec![(number, is_encoded, value)])),
        }
    }
    for (name, mut sections) in split {
        sections.sort_by_key(|(number, _, _)| *number);
        let mut label = None;
        let mut bytes = Vec::new();
        for (index, (_, is_encoded, value)) in sections.iter().enumerate() {
            if !is_encoded {
                bytes.extend_from_slice(value.as_bytes());
                continue;
            }
            let mut text = value.as_str();
            if index == 0
                && let Some((charset, rest)) = text.split_once('\'')
                && let Some((_, rest)) = rest.split_once('\'')
            {
                label = Some(charset.to_owned());
                text = rest;
            }
            percent_decode(text.as_bytes(), &mut bytes);
        }
        params.push((name, charset::decode(&bytes, label.as_deref())));
    }
    params
}

/// Decodes `%41` to `A`; wrong escapes stay.
pub(crate) fn percent_decode(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%'
            && let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (transfer::hex(*high), transfer::hex(*low))
        {
            out.push(high << 4 | low);
            rest = after;
            continue;
        }
        out.push(byte);
    }
}

/// The file names that a disposition and a type give, decoded in each way; no doubles.
pub(crate) fn file_names(disposition: &Parameterised, kind: &Parameterised) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let given = disposition
        .all("filename")
        .chain(kind.all("name"))
        .chain(disposition.all("name"));
    for name in given.take(4) {
        let name = headers::decode_words(name.as_bytes()).trim().to_owned();
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_leniently() {
        for (value, main, param, expected) in [
            ("text/html; charset=utf-8", "text/html", "charset", "utf-8"),
            (
                "Text/HTML;charset=\"utf-8\"",
                "text/html",
                "charset",
                "utf-8",
            ),
            ("text/html charset=utf-8", "text/html", "charset", "utf-8"),
            (
                "text/plain (note); (a) charset (b) = utf-8",
                "text/plain",
                "charset",
                "",
            ),
            (
                "text/plain; charset = utf-8",
                "text/plain",
                "charset",
                "utf-8",
            ),
            (
                "multipart/mixed;\r\n boundary=\"a;b=c\"",
                "multipart/mixed",
                "boundary",
                "a;b=c",
            ),
            (
                "multipart/mixed; boundary=\"open",
                "multipart/mixed",
                "boundary",
                "open",
            ),
            ("a/b; name*=utf-8'en'%e2%82%ac.txt", "a/b", "name", "€.txt"),
            ("a/b; name*0=\"one \"; name*1=two", "a/b", "name", "one two"),
            ("a/b; name*1*=%20b; name*0*=utf-8''a", "a/b", "name", "a b"),
        ] {
            let parsed = Parameterised::parse(value.as_bytes());
            assert_eq!(parsed.main, main, "{value:?}");
            if !expected.is_empty() {
                assert_eq!(parsed.first(param), Some(expected), "{value:?}");
            }
        }
    }

    #[test]
    fn doubles_are_kept() {
        let parsed = Parameterised::parse(b"multipart/mixed; boundary=a; boundary=b");
        assert_eq!(parsed.all("boundary").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn file_names_are_decoded() {
        let kind = Parameterised::parse(b"a/b; name=\"=?utf-8?B?SGk=?=.txt\"");
        let disposition =
            Parameterised::parse(b"attachment; filename*=utf-8''%48i.txt; filename=o");
        assert_eq!(file_names(&disposition, &kind), ["o", "Hi.txt"]);
    }
}
