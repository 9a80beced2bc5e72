//! A text being written the way HTML lays it out: white space collapsed, breaks remembered
//! until text follows.

/// What stands between two runs of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// White space.
    Space,
    /// The border of a table cell.
    Cell,
    /// The border of a block.
    Line,
    /// A `<br>`: two of them leave a line empty.
    Br,
}

/// The most to be written of what is pending, larger ones win.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Pending {
    #[default]
    Nothing,
    Space,
    Cell,
    Line,
    EmptyLine,
}

/// A text with a limit.
#[derive(Debug)]
pub(crate) struct Sink {
    text: String,
    pending: Pending,
    letters: usize,
    limit: usize,
    is_cut: bool,
}

impl Sink {
    /// An empty text that takes at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            pending: Pending::Nothing,
            letters: 0,
            limit,
            is_cut: false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// The letters written, in any script.
    pub(crate) fn letters(&self) -> usize {
        self.letters
    }

    /// Did something not fit?
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Remembers a break for when text follows.
    pub(crate) fn break_with(&mut self, what: Break) {
        let pending = match what {
            Break::Space => Pending::Space,
            Break::Cell => Pending::Cell,
            Break::Line => Pending::Line,
            Break::Br if self.pending >= Pending::Line => Pending::EmptyLine,
            Break::Br => Pending::Line,
        };
        self.pending = self.pending.max(pending);
    }

    /// Writes a mark that is no text, behind a pending break.
    pub(crate) fn push(&mut self, mark: char) {
        self.flush();
        self.text.push(mark);
    }

    /// Writes text; says whether it went on with a word, letter to letter.
    pub(crate) fn write(&mut self, text: &str, is_preformatted: bool) -> bool {
        let mut joins = None;
        // Near the limit each word is tried by itself.
        let mut is_near = false;
        let mut rest = text;
        while !rest.is_empty() {
            let spaces = rest.bytes().take_while(|byte| is_white(*byte)).count();
            if spaces > 0 {
                let white = &rest[..spaces];
                rest = &rest[spaces..];
                if is_preformatted && white.contains(['\n', '\r']) {
                    self.break_with(Break::Br);
                    if white.matches('\n').take(2).count() == 2 {
                        self.break_with(Break::Br);
                    }
                } else {
                    self.break_with(Break::Space);
                }
                continue;
            }
            let mut length = if is_near { 0 } else { words(rest) };
            is_near |= self.text.len() + length + 2 > self.limit;
            if is_near {
                length = rest.bytes().position(is_white).unwrap_or(rest.len());
            }
            let (word, tail) = rest.split_at(length);
            rest = tail;
            if self.text.len() + word.len() + 2 > self.limit {
                let room = self.limit.saturating_sub(self.text.len() + 2);
                let cut = word.floor_char_boundary(room.min(word.len()));
                if cut > 0 {
                    self.flush();
                    self.text.push_str(&word[..cut]);
                }
                // Nothing behind it is written: no later, shorter word may seem to follow.
                self.is_cut = true;
                self.limit = 0;
                break;
            }
            if joins.is_none() {
                joins = Some(
                    self.pending == Pending::Nothing
                        && self
                            .text
                            .chars()
                            .next_back()
                            .is_some_and(char::is_alphanumeric)
                        && word.starts_with(char::is_alphanumeric),
                );
            }
            self.flush();
            self.text.push_str(word);
            self.letters += letters(word);
        }
        joins.unwrap_or(false)
    }

    fn flush(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if self.text.is_empty() {
            return;
        }
        match pending {
            Pending::Nothing => {}
            Pending::Space | Pending::Cell => self.text.push(' '),
            Pending::Line => self.text.push('\n'),
            Pending::EmptyLine => self.text.push_str("\n\n"),
        }
    }

    /// What was written since a place, without the white space in front, and where it begins.
    pub(crate) fn since(&self, start: usize) -> Option<(usize, &str)> {
        let written = self.text.get(start..)?;
        let content = written.trim_start_matches([' ', '\n']);
        (!content.is_empty()).then_some((start + written.len() - content.len(), content))
    }

    /// Takes out the space at a place near the end; false where there is none.
    pub(crate) fn remove_space(&mut self, at: usize) -> bool {
        let is_space = self.text.as_bytes().get(at) == Some(&b' ');
        if is_space {
            self.text.remove(at);
        }
        is_space
    }
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

/// How far the words at the start of a text reach with nothing but single spaces between them.
fn words(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        // Nearly all bytes of a text are above the space.
        if bytes[at] > b' ' || !is_white(bytes[at]) {
            at += 1;
            continue;
        }
        let goes_on = bytes[at] == b' ' && bytes.get(at + 1).is_some_and(|next| !is_white(*next));
        if !goes_on {
            break;
        }
        at += 2;
    }
    at
}

/// The letters in a text, of any script.
fn letters(text: &str) -> usize {
    let plain = text.bytes().filter(u8::is_ascii_alphabetic).count();
    if text.is_ascii() {
        return plain;
    }
    let is_other = |c: &char| !c.is_ascii() && c.is_alphabetic();
    plain + text.chars().filter(is_other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_collapses_and_breaks_win() {
        let mut sink = Sink::new(100);
        sink.write("  one \n two", false);
        sink.break_with(Break::Line);
        sink.write(" three", false);
        sink.break_with(Break::Br);
        sink.break_with(Break::Br);
        sink.write("four", false);
        assert!(sink.write("five ", false));
        assert_eq!(sink.letters(), 19);
        assert_eq!(sink.into_text(), "one two\nthree\n\nfourfive");
    }

    #[test]
    fn what_does_not_fit_is_cut_and_nothing_follows() {
        let mut sink = Sink::new(12);
        sink.write("0123 56789abcdef x", false);
        sink.write("y", false);
        assert!(sink.is_cut());
        assert_eq!(sink.into_text(), "0123 56789a");
    }
}
