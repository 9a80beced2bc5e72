//! Problems in admin files, shown where the cursor should go.
//!
//! ```text
//! /etc/callbluff/callbluff.toml:5:10: action "reject" needs `text`, the SMTP reply the sender sees
//!   |
//! 5 | action = "reject"
//!   |          ^^^^^^^^
//!   = hint: add  text = "5.7.1 Message rejected as extortion"
//! ```
//!
//! A reader collects every problem of a file (and of the files it names) in one [`Diagnostics`]
//! and goes on, so that an admin sees all of them at once.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// How many problems of one load are kept; a file of another kind would otherwise yield thousands.
const MAX_PROBLEMS: usize = 200;

/// The largest file of an admin, in bytes: a map of a million addresses has about 30 MB.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// How many characters of a line are shown around the place.
const MAX_LINE_CHARS: usize = 160;

/// A file that an admin wrote, kept so that problems can quote it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The name as the admin would type it.
    pub name: String,
    /// What is in the file.
    pub text: String,
}

impl Source {
    /// A file by name and content.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            text: text.into(),
        })
    }

    /// Reads a file; a problem (no such file, too large, not UTF-8) is added to `problems`.
    pub fn read(path: &Path, problems: &mut Diagnostics) -> Option<Arc<Self>> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        let read =
            File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            problems.file_error(&name, format!("cannot read the file ({error})"));
            return None;
        }
        if bytes.len() as u64 > MAX_FILE_BYTES {
            let message = format!(
                "the file is too large, the limit is {} MiB",
                MAX_FILE_BYTES >> 20
            );
            problems.file_error(&name, message);
            return None;
        }
        match String::from_utf8(bytes) {
            Ok(text) => Some(Self::new(name, text)),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                // The valid front is enough to find line and column.
                let front = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
                let source = Self::new(name, front);
                problems
                    .error(&source, at..at, "the file is not UTF-8 here")
                    .hint("save the file as UTF-8");
                None
            }
        }
    }

    /// Line and column (in characters, both from 1) of a byte offset.
    pub fn line_col(&self, offset: usize) -> (usize, usize) {
        let at = floor_char(&self.text, offset);
        let front = &self.text[..at];
        let line_start = front.rfind('\n').map_or(0, |index| index + 1);
        let line = 1 + front.bytes().filter(|&byte| byte == b'\n').count();
        (line, 1 + front[line_start..].chars().count())
    }
}

/// The next character border at or before an offset.
fn floor_char(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Does a problem stop the start?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file works, but perhaps not as meant.
    Warning,
}

/// One problem, with the line it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Does it stop the start?
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where the problem is the file itself.
    pub line: usize,
    /// The column in characters, from 1; 0 where the problem is the file itself.
    pub column: usize,
    /// What is wrong: lower case, no full stop, the object in quotes.
    pub message: String,
    /// One thing to do.
    pub hint: Option<String>,
    /// The line of the file, cut around the place, control characters blanked.
    excerpt: String,
    /// How many characters stand before the carets.
    indent: usize,
    /// How many carets.
    carets: usize,
}

impl Diagnostic {
    /// Adds the one thing to do.
    pub fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let warning = match self.severity {
            Severity::Error => "",
            Severity::Warning => "warning: ",
        };
        if self.line == 0 {
            write!(f, "{}: {warning}{}", self.file, self.message)?;
            if let Some(hint) = &self.hint {
                write!(f, "\n  = hint: {hint}")?;
            }
            return Ok(());
        }
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(
            f,
            "{}:{}:{}: {warning}{}",
            self.file, self.line, self.column, self.message
        )?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {}", self.excerpt)?;
        write!(
            f,
            "{margin} | {}{}",
            " ".repeat(self.indent),
            "^".repeat(self.carets)
        )?;
        if let Some(hint) = &self.hint {
            write!(f, "\n{margin} = hint: {hint}")?;
        }
        Ok(())
    }
}

/// All problems of one load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// Takes what no longer fits, so that callers can always add a hint.
    overflow: Option<Box<Diagnostic>>,
    /// Was one of those an error?
    hides_error: bool,
}

impl Diagnostics {
    /// No problems yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error at a place of a file.
    pub fn error(
        &mut self,
        source: &Source,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(Severity::Error, source, span, message.into())
    }

    /// Adds a warning at a place of a file.
    pub fn warning(
        &mut self,
        source: &Source,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(Severity::Warning, source, span, message.into())
    }

    /// Adds an error about a file as a whole.
    pub fn file_error(&mut self, file: &str, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Diagnostic {
            severity: Severity::Error,
            file: file.to_owned(),
            line: 0,
            column: 0,
            message: message.into(),
            hint: None,
            excerpt: String::new(),
            indent: 0,
            carets: 0,
        })
    }

    /// Adds all problems of another load.
    pub fn extend(&mut self, other: Self) {
        for diagnostic in other.list {
            self.push(diagnostic);
        }
        if let Some(hidden) = other.overflow {
            self.overflow = Some(hidden);
        }
        self.hides_error |= other.hides_error;
    }

    /// Shows no line of a file that holds a secret.
    pub fn conceal(&mut self, file: &str, holds_secret: &dyn Fn(&str) -> bool) {
        let hidden = self.overflow.as_deref_mut();
        for diagnostic in self.list.iter_mut().chain(hidden) {
            if diagnostic.file == file && holds_secret(&diagnostic.excerpt) {
                diagnostic.excerpt = "(a line with a secret)".to_owned();
                diagnostic.indent = 0;
                diagnostic.carets = diagnostic.excerpt.len();
                let quotes_it = diagnostic.message.contains('"');
                if quotes_it && diagnostic.message.starts_with("this is no TOML") {
                    diagnostic.message = "this is no TOML".to_owned();
                }
            }
        }
    }

    fn add(
        &mut self,
        severity: Severity,
        source: &Source,
        span: Range<usize>,
        message: String,
    ) -> &mut Diagnostic {
        // What will not be shown need not be found: a long list of another kind has a problem in
        // each line, and each search would begin at the first.
        let is_shown = self.list.len() < MAX_PROBLEMS;
        let (line, column) = match is_shown {
            true => source.line_col(span.start),
            false => (0, 0),
        };
        let (excerpt, indent, carets) = match is_shown {
            true => excerpt(&source.text, span),
            false => (String::new(), 0, 0),
        };
        self.push(Diagnostic {
            severity,
            file: source.name.clone(),
            line,
            column,
            message,
            hint: None,
            excerpt,
            indent,
            carets,
        })
    }

    fn push(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        if self.list.len() >= MAX_PROBLEMS {
            self.hides_error |= diagnostic.severity == Severity::Error;
            return self.overflow.insert(Box::new(diagnostic));
        }
        self.list.push(diagnostic);
        self.list
            .last_mut()
            .expect("an element was pushed just now")
    }

    /// Is there anything that stops the start?
    pub fn has_errors(&self) -> bool {
        self.hides_error || self.error_count() > 0
    }

    /// How many errors are kept?
    pub fn error_count(&self) -> usize {
        let is_error = |diagnostic: &&Diagnostic| diagnostic.severity == Severity::Error;
        self.list.iter().filter(is_error).count()
    }

    /// Is there nothing at all?
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Every problem: by file in the order of reading, then by place.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        let mut files: Vec<&str> = Vec::new();
        for diagnostic in &self.list {
            if !files.contains(&diagnostic.file.as_str()) {
                files.push(&diagnostic.file);
            }
        }
        let mut sorted: Vec<&Diagnostic> = self.list.iter().collect();
        sorted.sort_by_key(|diagnostic| {
            let file = files.iter().position(|file| *file == diagnostic.file);
            (file, diagnostic.line, diagnostic.column)
        });
        sorted.into_iter()
    }

    /// What stops the start.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// What does not.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Warning)
    }
}

impl fmt::Display for Diagnostics {
    /// Errors first, then warnings, an empty line between two of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.errors().chain(self.warnings()).enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        if self.overflow.is_some() {
            write!(
                f,
                "\n\nmore than {MAX_PROBLEMS} problems, the rest is not shown"
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// The line around a span, with the number of characters before the carets and of carets.
fn excerpt(text: &str, span: Range<usize>) -> (String, usize, usize) {
    let start = floor_char(text, span.start);
    let end = floor_char(text, span.end.max(span.start));
    let line_start = text[..start].rfind('\n').map_or(0, |index| index + 1);
    let line_end = text[start..]
        .find('\n')
        .map_or(text.len(), |index| start + index);
    let line = text[line_start..line_end].trim_end_matches('\r');
    let mut indent = text[line_start..start].chars().count();
    let carets = text[start..end.min(line_end)]
        .trim_end()
        .chars()
        .count()
        .max(1);
    // A tab or an escape sequence would move the carets away from what they point at.
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let skip = indent.saturating_sub(MAX_LINE_CHARS / 2);
    let mut excerpt: String = line
        .chars()
        .skip(skip)
        .take(MAX_LINE_CHARS)
        .map(shown)
        .collect();
    excerpt.truncate(excerpt.trim_end().len());
    indent -= skip;
    (excerpt, indent, carets.min(MAX_LINE_CHARS - indent))
}

/// `did you mean "…"?`, where a known word is close to an unknown one.
pub fn did_you_mean<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(unknown, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.len().min(unknown.len()) / 4)
        .min()
        .map(|(_, word)| format!("did you mean \"{word}\"?"))
}

/// `"a", "b" or "c"`, for messages that list what is allowed.
pub fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words
        .into_iter()
        .map(|word| format!("\"{word}\""))
        .collect();
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_line_with_carets() {
        let source = Source::new("a.toml", "x = 1\naction = \"reject\"\n");
        let mut problems = Diagnostics::new();
        problems
            .error(&source, 15..23, "action \"reject\" needs `text`")
            .hint("add  text = \"5.7.1 no\"");
        assert_eq!(
            problems.to_string(),
            "a.toml:2:10: action \"reject\" needs `text`\n  |\n2 | action = \"reject\"\n  |          ^^^^^^^^\n  = hint: add  text = \"5.7.1 no\""
        );
        assert!(problems.has_errors());
    }

    #[test]
    fn columns_count_characters_and_tabs_do_not_shift_carets() {
        let source = Source::new("a.toml", "\tä = ☃\u{1b}x");
        let mut problems = Diagnostics::new();
        let at = source.text.find('☃').expect("it is there");
        problems.warning(&source, at..at + 3, "a snowman");
        assert_eq!(
            problems.to_string(),
            "a.toml:1:6: warning: a snowman\n  |\n1 |  ä = ☃ x\n  |      ^"
        );
        assert!(!problems.has_errors());
    }

    #[test]
    fn problems_come_in_the_order_of_the_file() {
        let source = Source::new("a", "one\ntwo\nthree\n");
        let mut problems = Diagnostics::new();
        problems.error(&source, 8..9, "late");
        problems.error(&source, 0..1, "early");
        let messages: Vec<_> = problems.errors().map(|d| d.message.as_str()).collect();
        assert_eq!(messages, ["early", "late"]);
    }

    #[test]
    fn a_place_behind_the_end_of_the_file_is_no_panic() {
        let source = Source::new("a", "ä");
        let mut problems = Diagnostics::new();
        problems.error(&source, 1..99, "odd");
        assert_eq!(problems.errors().next().map(|d| d.column), Some(1));
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("{}HERE{}", "x".repeat(1000), "y".repeat(1000));
        let source = Source::new("a", text);
        let mut problems = Diagnostics::new();
        problems.error(&source, 1000..1004, "there");
        let shown = problems.to_string();
        assert!(shown.contains("HERE"), "{shown}");
        assert!(shown.lines().all(|line| line.len() < 200), "{shown}");
    }

    #[test]
    fn an_error_behind_many_warnings_still_counts() {
        let source = Source::new("a", "x");
        let mut problems = Diagnostics::new();
        for _ in 0..MAX_PROBLEMS {
            problems.warning(&source, 0..1, "odd");
        }
        assert!(!problems.has_errors());
        problems.error(&source, 0..1, "wrong").hint("mend it");
        assert!(problems.has_errors());
        let mut all = Diagnostics::new();
        all.extend(problems);
        assert!(all.has_errors());
        assert!(all.to_string().ends_with("the rest is not shown"));
    }

    #[test]
    fn a_file_without_an_end_is_refused() {
        let mut problems = Diagnostics::new();
        assert_eq!(Source::read(Path::new("/dev/zero"), &mut problems), None);
        assert!(problems.to_string().contains("the limit is 64 MiB"));
    }

    #[test]
    fn only_close_words_are_offered() {
        let known = ["reject", "quarantine", "tag"];
        let hint = did_you_mean("quarentine", known);
        assert_eq!(hint.as_deref(), Some("did you mean \"quarantine\"?"));
        assert_eq!(did_you_mean("banana", known), None);
    }
}
