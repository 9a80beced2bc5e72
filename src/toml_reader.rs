//! TOML files of admins, read key by key with every problem told at once.
//!
//! Plain serde stops at the first problem and forgets where values stood. Here a file becomes a
//! tree with positions, and its reader asks each table for the keys that it knows:
//!
//! ```
//! use callbluff::diagnose::Source;
//! use callbluff::toml_reader::Document;
//!
//! let source = Source::new("pack.toml", "name = \"demo\"\n[[signal]]\nid = \"access.rat\"\nwheight = 2\n");
//! let document = Document::parse(&source);
//! let root = document.root();
//! let name = root.text("name");
//! for signal in root.tables("signal") {
//!     let id = signal.required("id", signal.text("id"), "add  id = \"category.what\"");
//!     let weight = signal.number("weight", -20.0..=20.0).map_or(1.0, |at| at.value);
//!     signal.finish();
//! }
//! root.finish();
//! let problems = document.finish();
//! assert!(problems.to_string().contains("did you mean \"weight\"?"));
//! ```
//!
//! Which keys exist is told by the readers alone: [`Document::keys`] lists what was asked for, and
//! the JSON schema and `config show` are made from it, so there is no second list to keep.

mod secret;
mod set;
mod table;
mod units;

pub use secret::Secret;
pub use table::Table;
pub use units::{quote, show_duration, show_size};

use crate::diagnose::{Diagnostics, Source, did_you_mean};
use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeTable;

/// A value and where it stands, as a byte range of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

impl<T> At<T> {
    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At {
            value: change(self.value),
            span: self.span,
        }
    }
}

/// What a key may hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A string.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number within limits.
    Integer(RangeInclusive<i64>),
    /// A number within limits.
    Number(RangeInclusive<f64>),
    /// A string such as `"30s"` or `"5m"`.
    Duration,
    /// A string such as `"256K"` or `"8M"`.
    Size,
    /// One string, or a list of them.
    Texts,
    /// One of these words.
    Choice(Vec<&'static str>),
    /// One or several of these words.
    Choices(Vec<&'static str>),
    /// A password or key, or where it is found.
    Secret,
    /// A table from free names to strings.
    Entries,
    /// A table.
    Table,
    /// A list of tables.
    Tables,
}

impl Key {
    /// Its table and name: `mode`, `milter.listen`.
    pub fn path(&self) -> String {
        match self.table.as_str() {
            "" => self.name.clone(),
            table => format!("{table}.{}", self.name),
        }
    }
}

impl Kind {
    /// Is it a value of its own, no table?
    pub fn is_value(&self) -> bool {
        !matches!(self, Self::Table | Self::Tables)
    }
}

/// A key that the reader of a document asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The table: empty for the top, `milter`, `rule` …
    pub table: String,
    /// The name.
    pub name: String,
    /// What it may hold.
    pub kind: Kind,
    /// Where its value stands, if it was given.
    pub span: Option<Range<usize>>,
    /// What holds where it is not given, in TOML; `None` where that is nothing.
    pub default: Option<String>,
}

/// A parsed file, and everything found wrong with it so far.
pub struct Document<'s> {
    source: &'s Source,
    root: Spanned<DeTable<'s>>,
    problems: RefCell<Diagnostics>,
    keys: RefCell<Vec<Key>>,
    unknown: RefCell<Vec<Unknown>>,
    /// Lines with syntax errors: what follows from them is not told again.
    broken_lines: Vec<usize>,
    /// Does every list of tables have one empty table, so that all keys are asked for?
    is_description: bool,
}

struct Unknown {
    table: String,
    /// The table as it is written: `[milter]`, `[[rule]]`.
    heading: String,
    name: String,
    span: Range<usize>,
}

impl<'s> Document<'s> {
    /// Parses a file; its syntax errors are the first problems.
    pub fn parse(source: &'s Arc<Source>) -> Self {
        let (root, errors) = DeTable::parse_recoverable(&source.text);
        let mut problems = Diagnostics::new();
        let mut broken_lines = Vec::new();
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let line = source.line_col(span.start).0;
            // What the parser says next about the same line only follows from the first.
            if !broken_lines.contains(&line) {
                broken_lines.push(line);
                syntax_error(&mut problems, source, span, error.message());
            }
        }
        Self {
            source,
            root,
            problems: RefCell::new(problems),
            keys: RefCell::default(),
            unknown: RefCell::default(),
            broken_lines,
            is_description: false,
        }
    }

    /// A document without any key, for asking a reader which keys it knows.
    pub fn description(source: &'s Arc<Source>) -> Self {
        let mut document = Self::parse(source);
        document.is_description = true;
        document
    }

    /// The table at the top.
    pub fn root(&self) -> Table<'_> {
        Table::root(self, self.root.get_ref())
    }

    /// The file.
    pub fn source(&self) -> &Source {
        self.source
    }

    /// Adds an error.
    pub fn error(&self, span: Range<usize>, message: impl Into<String>) {
        self.tell(span, message.into(), None);
    }

    /// Adds an error with a hint.
    pub fn error_with(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.tell(span, message.into(), Some(hint.into()));
    }

    /// Adds a warning with a hint.
    pub fn warning_with(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.problems
            .borrow_mut()
            .warning(self.source, span, message)
            .hint(hint);
    }

    fn tell(&self, span: Range<usize>, message: String, hint: Option<String>) {
        let is_broken = |lines: &[usize]| lines.contains(&self.source.line_col(span.start).0);
        if !self.broken_lines.is_empty() && is_broken(&self.broken_lines) {
            return;
        }
        let mut problems = self.problems.borrow_mut();
        problems.error(self.source, span, message).hint = hint;
    }

    /// How many errors were told so far.
    pub fn error_count(&self) -> usize {
        self.problems.borrow().error_count()
    }

    /// Every key that was asked for so far, each once.
    pub fn keys(&self) -> Vec<Key> {
        self.keys.borrow().clone()
    }

    /// Ends the reading: tells unknown keys too.
    pub fn finish(self) -> Diagnostics {
        let keys = self.keys.borrow();
        for unknown in self.unknown.borrow().iter() {
            let here: Vec<&str> = keys
                .iter()
                .filter(|key| key.table == unknown.table)
                .map(|key| key.name.as_str())
                .collect();
            let is_list = |table: &str| {
                let tables = keys.iter().filter(|key| key.kind == Kind::Tables);
                tables.map(Key::path).any(|path| path == table)
            };
            let elsewhere = keys
                .iter()
                .find(|key| key.name == unknown.name && key.table != unknown.table);
            let name = &unknown.name;
            let hint = did_you_mean(name, here.iter().copied())
                .or_else(|| {
                    elsewhere.map(|key| match key.table.as_str() {
                        "" => format!("`{name}` goes to the top, before the first [table]"),
                        table if is_list(table) => format!("`{name}` goes to a [[{table}]]"),
                        table => format!("`{name}` goes to [{table}]"),
                    })
                })
                .or_else(|| (here.len() <= 8).then(|| format!("known here: {}", here.join(", "))));
            let place = match unknown.heading.as_str() {
                "" => String::new(),
                heading => format!(" in {heading}"),
            };
            self.tell(
                unknown.span.clone(),
                format!("unknown key \"{name}\"{place}"),
                hint,
            );
        }
        let secrets: Vec<&Key> = (keys.iter().filter(|key| key.kind == Kind::Secret)).collect();
        let mut problems = self.problems.into_inner();
        if !secrets.is_empty() {
            problems.conceal(&self.source.name, &|line| holds_secret(line, &secrets));
        }
        problems
    }
}

/// Does a line look as if it gave one of these keys? Even one that is misspelt or broken must not be
/// quoted. Where a secret is found, as in `{ file = "…" }`, is none.
fn holds_secret(line: &str, secrets: &[&Key]) -> bool {
    line.match_indices('=').any(|(at, _)| {
        let is_word = |c: char| c.is_alphanumeric() || "_-".contains(c);
        let name = line[..at].trim_end_matches(|c| !is_word(c));
        let name = name.rsplit(|c| !is_word(c)).next().unwrap_or_default();
        let names = secrets.iter().map(|key| key.name.as_str());
        let is_secret =
            names.clone().any(|known| known == name) || did_you_mean(name, names).is_some();
        is_secret && !line[at + 1..].trim_start().starts_with('{')
    })
}

/// Tells a syntax error in the words of an admin.
fn syntax_error(problems: &mut Diagnostics, source: &Source, span: Range<usize>, message: &str) {
    let text = source.text.get(span.clone()).unwrap_or_default().trim();
    let rest = source.text.get(span.start..).unwrap_or_default();
    let is_line_empty = rest
        .lines()
        .next()
        .is_none_or(|line| line.trim().is_empty());
    let (message, hint) = if message.contains("duplicate key") {
        let message = format!("duplicate key \"{text}\"");
        (message, "keep one of the two")
    } else if message.starts_with("string values must be quoted") && is_line_empty {
        ("the value is missing".to_owned(), "write it behind the `=`")
    } else if message.starts_with("string values must be quoted") {
        let message = format!("\"{text}\" is no value");
        (message, "put it in quotes")
    } else if message.starts_with("extra `=`") {
        ("there is an `=` too many".to_owned(), "delete one `=`")
    } else if message.contains("string, expected") {
        (
            "the string does not end".to_owned(),
            "close it with a quote",
        )
    } else {
        let message = format!("this is no TOML: {message}");
        (message, "write each line as  key = value  or  [section]")
    };
    problems.error(source, span, message).hint(hint);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn problems(text: &str, read: impl Fn(&Table<'_>)) -> Vec<String> {
        let source = Source::new("t", text);
        let document = Document::parse(&source);
        let root = document.root();
        read(&root);
        root.finish();
        let problems = document.finish();
        problems
            .iter()
            .map(|p| {
                let hint = p.hint.as_deref().unwrap_or("-");
                format!("{}:{} {} | {hint}", p.line, p.column, p.message)
            })
            .collect()
    }

    #[test]
    fn values_are_read_with_their_place() {
        let source = Source::new(
            "t",
            "a = \"x\"\nb = 0x1_0\nc = [\"p\", \"q\"]\nd = \"5m\"\n[t]\ne = \"8M\"\n",
        );
        let document = Document::parse(&source);
        let root = document.root();
        assert_eq!(root.text("a").map(|at| at.span), Some(4..7));
        assert_eq!(root.integer("b", 0..=99).map(|at| at.value), Some(16));
        assert_eq!(root.texts("c").len(), 2);
        let five = root.duration("d", Duration::ZERO..=Duration::MAX);
        assert_eq!(five.map(|at| at.value), Some(Duration::from_secs(300)));
        let t = root.table("t");
        assert_eq!(t.size("e", 0..=u64::MAX).map(|at| at.value), Some(8 << 20));
        t.finish();
        root.finish();
        assert!(document.finish().is_empty());
    }

    #[test]
    fn unknown_keys_are_told_with_the_closest_known_one() {
        let found = problems("mdoe = 1\n[milter]\nmode = 1\nxyz = 2\n", |root| {
            root.text("mode");
            let milter = root.table("milter");
            milter.text("listen");
            milter.finish();
        });
        assert_eq!(
            found,
            [
                "1:1 unknown key \"mdoe\" | did you mean \"mode\"?",
                "3:1 unknown key \"mode\" in [milter] | `mode` goes to the top, before the first [table]",
                "4:1 unknown key \"xyz\" in [milter] | known here: listen",
            ]
        );
    }

    #[test]
    fn wrong_values_are_all_told_at_once() {
        let found = problems(
            "a = 1\nb = \"yes\"\nc = 300\nd = 30\ne = \"30 parsecs\"\nf = [1]\ng = \"rejct\"\nh = \"9h\"\n",
            |root| {
                root.text("a");
                root.boolean("b");
                root.integer("c", 1..=200);
                root.duration("d", Duration::ZERO..=Duration::MAX);
                root.duration("e", Duration::ZERO..=Duration::MAX);
                root.texts("f");
                root.choice("g", &[("reject", 1), ("accept", 2)]);
                root.duration("h", Duration::from_secs(1)..=Duration::from_secs(60));
            },
        );
        assert_eq!(
            found,
            [
                "1:5 `a` must be a string, found a whole number | write  a = \"1\"",
                "2:5 `b` must be true or false, found a string | write  b = true  or  b = false",
                "3:5 `c` is 300, the limits are 1 to 200 | write  c = 200  or less",
                "4:5 `d` must be a duration such as \"30s\", \"5m\" or \"2h\", found a whole number | write  d = \"30s\"  for seconds",
                "5:5 \"30 parsecs\" is no duration | write a number with a unit: ms, s, m, h or d",
                "6:6 `f` is a list of strings, found a whole number | put it in quotes",
                "7:5 `g` cannot be \"rejct\" | did you mean \"reject\"?",
                "8:5 `h` is 9h, the limits are 1s to 1m | write  h = \"1m\"  or less",
            ]
        );
    }

    #[test]
    fn syntax_errors_do_not_hide_the_other_problems() {
        let found = problems("a = \nb = 7\nb = 8\n", |root| {
            root.text("a");
            root.text("b");
        });
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(
            found[1].starts_with("2:5 `b` must be a string"),
            "{found:#?}"
        );
        assert_eq!(found[2], "3:1 duplicate key \"b\" | keep one of the two");
    }

    #[test]
    fn a_missing_key_is_told_at_its_table() {
        let found = problems("[[rule]]\nname = \"x\"\n", |root| {
            for rule in root.tables("rule") {
                rule.text("name");
                rule.required("action", rule.text("action"), "add  action = \"tag\"");
                rule.finish();
            }
        });
        assert_eq!(
            found,
            ["1:1 [[rule]] lacks `action` | add  action = \"tag\""]
        );
    }
}
