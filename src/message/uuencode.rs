//! Files uuencoded into plain text.

/// A file found in a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// More files of one text stay text.
const MOST_FILES: usize = 16;

/// Takes uuencoded files out of a text; gives the text without them.
pub(crate) fn take_out(text: &str) -> Option<(String, Vec<File>)> {
    if !text.starts_with("begin ") && !text.contains("\nbegin ") {
        return None;
    }
    let mut files: Vec<File> = Vec::new();
    let mut left = String::with_capacity(text.len());
    let mut file: Option<File> = None;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        match &mut file {
            None => match begin(bare) {
                Some(name) if files.len() < MOST_FILES => {
                    file = Some(File {
                        name: name.to_owned(),
                        bytes: Vec::new(),
                    });
                }
                _ => left.push_str(line),
            },
            Some(_) if bare == "end" => files.extend(file.take()),
            Some(open) => {
                if !decode_line(bare.as_bytes(), &mut open.bytes) {
                    // No uuencoding after all, or it broke off: the rest is text again.
                    files.extend(file.take().filter(|open| !open.bytes.is_empty()));
                    left.push_str(line);
                }
            }
        }
    }
    files.extend(file.filter(|open| !open.bytes.is_empty()));
    (!files.is_empty()).then_some((left, files))
}

/// Decodes a body that is declared as uuencoded.
pub(crate) fn decode_body(text: &str) -> Option<Vec<u8>> {
    take_out(text).and_then(|(_, files)| files.into_iter().next().map(|file| file.bytes))
}

/// `begin 644 name`
fn begin(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("begin ")?;
    let (mode, name) = rest.split_once(' ')?;
    let is_mode = (3..=4).contains(&mode.len()) && mode.bytes().all(|b| matches!(b, b'0'..=b'7'));
    (is_mode && !name.trim().is_empty()).then(|| name.trim())
}

fn decode_line(line: &[u8], out: &mut Vec<u8>) -> bool {
    let Some((&first, symbols)) = line.split_first() else {
        return true;
    };
    let value = |byte: u8| byte.wrapping_sub(32) & 0x3f;
    if !(32..=96).contains(&first) || symbols.iter().any(|b| !(32..=96).contains(b)) {
        return false;
    }
    let length = usize::from(value(first));
    // Trailing spaces, which are zeros, are often lost; more than a line holds is no uuencoding.
    if symbols.len() > length.div_ceil(3) * 4 + 2 {
        return false;
    }
    let start = out.len();
    for quad in symbols.chunks(4) {
        let at = |index: usize| value(quad.get(index).copied().unwrap_or(b' '));
        out.extend([
            at(0) << 2 | at(1) >> 4,
            at(1) << 4 | at(2) >> 2,
            at(2) << 6 | at(3),
        ]);
    }
    out.resize(start + length, 0);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_taken_out() {
        let text = "before\nbegin 644 note.txt\n#0V%T\n`\nend\nafter\n";
        let (left, files) = take_out(text).unwrap();
        assert_eq!(left, "before\nafter\n");
        assert_eq!(files[0].name, "note.txt");
        assert_eq!(files[0].bytes, b"Cat");
    }

    #[test]
    fn sentences_are_no_files() {
        for text in [
            "begin to read\nthis",
            "we begin 644 things\nfrom here",
            "begin 644 name\nbut then words in lower case follow\n",
        ] {
            assert_eq!(take_out(text), None, "{text:?}");
        }
    }
}
