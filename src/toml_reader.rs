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

use crate::diagnose::{Diagnostics, Source, did_you_mean, one_of};
use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

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
        Table {
            document: self,
            name: String::new(),
            items: Some(self.root.get_ref()),
            span: 0..0,
            asked: RefCell::default(),
            is_listed: false,
        }
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
        if self
            .broken_lines
            .contains(&self.source.line_col(span.start).0)
        {
            return;
        }
        let mut problems = self.problems.borrow_mut();
        problems.error(self.source, span, message).hint = hint;
    }

    /// How many errors were told so far.
    pub fn error_count(&self) -> usize {
        self.problems.borrow().errors().count()
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
        drop(keys);
        self.problems.into_inner()
    }
}

/// A table of a document; an absent one has no keys.
pub struct Table<'d> {
    document: &'d Document<'d>,
    name: String,
    items: Option<&'d DeTable<'d>>,
    /// Where the table begins.
    pub span: Range<usize>,
    asked: RefCell<Vec<String>>,
    /// Is it one of a list of tables?
    is_listed: bool,
}

impl<'d> Table<'d> {
    /// The table as it is written: `[milter]`, `[[rule]]`, nothing at the top.
    fn heading(&self) -> String {
        match (self.name.as_str(), self.is_listed) {
            ("", _) => String::new(),
            (name, true) => format!("[[{name}]]"),
            (name, false) => format!("[{name}]"),
        }
    }

    /// The document it is part of.
    pub fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// Was it written in the file?
    pub fn is_present(&self) -> bool {
        self.items.is_some()
    }

    /// Where a key's value stands, if it was given. Does not ask for it.
    pub fn span_of(&self, key: &str) -> Option<Range<usize>> {
        self.items?.get(key).map(Spanned::span)
    }

    /// The keys of a table whose names are free, with their spans, in the order of the file.
    /// Nobody needs to ask for them.
    pub fn names(&self) -> Vec<At<String>> {
        let mut names: Vec<At<String>> = self
            .items
            .into_iter()
            .flat_map(|items| items.keys())
            .map(|key| At {
                value: key.get_ref().to_string(),
                span: key.span(),
            })
            .collect();
        names.sort_by_key(|name| name.span.start);
        self.asked
            .borrow_mut()
            .extend(names.iter().map(|name| name.value.clone()));
        names
    }

    /// A string, if the key is given and is one. Does not ask for the key.
    pub fn peek_text(&self, key: &str) -> Option<At<String>> {
        let value = self.items?.get(key)?;
        let text = value.get_ref().as_str()?.to_owned();
        Some(At {
            value: text,
            span: value.span(),
        })
    }

    /// Makes a key known without reading it.
    pub fn skip(&self, key: &str) {
        self.asked.borrow_mut().push(key.to_owned());
    }

    /// The value, or an error at the head of the table. Nothing is told where the file has syntax
    /// errors, or where the key is there with a wrong value: that is told already.
    pub fn required<T>(&self, key: &str, value: Option<T>, hint: &str) -> Option<T> {
        let document = self.document;
        if value.is_none() && self.span_of(key).is_none() && document.broken_lines.is_empty() {
            let place = match self.heading().as_str() {
                "" => "the file".to_owned(),
                heading => heading.to_owned(),
            };
            document.error_with(self.span.clone(), format!("{place} lacks `{key}`"), hint);
        }
        value
    }

    /// A string.
    pub fn text(&self, key: &str) -> Option<At<String>> {
        let value = self.ask(key, Kind::Text)?;
        match value.get_ref() {
            DeValue::String(text) => Some(At {
                value: text.to_string(),
                span: value.span(),
            }),
            _ => self.wrong_type(key, value, "a string"),
        }
    }

    /// `true` or `false`.
    pub fn boolean(&self, key: &str) -> Option<At<bool>> {
        let value = self.ask(key, Kind::Boolean)?;
        match value.get_ref() {
            DeValue::Boolean(truth) => Some(At {
                value: *truth,
                span: value.span(),
            }),
            _ => self.wrong_type(key, value, "true or false"),
        }
    }

    /// A whole number within limits.
    pub fn integer(&self, key: &str, limits: RangeInclusive<i64>) -> Option<At<i64>> {
        let value = self.ask(key, Kind::Integer(limits.clone()))?;
        let Some(number) = integer(value.get_ref()) else {
            return self.wrong_type(key, value, "a whole number");
        };
        self.within(key, value.span(), number, &limits, i64::to_string)
    }

    /// A number within limits.
    pub fn number(&self, key: &str, limits: RangeInclusive<f64>) -> Option<At<f64>> {
        let value = self.ask(key, Kind::Number(limits.clone()))?;
        let number = match value.get_ref() {
            DeValue::Float(float) => float.as_str().replace('_', "").parse().ok(),
            other => integer(other).map(|number| number as f64),
        };
        let Some(number) = number.filter(|number: &f64| number.is_finite()) else {
            return self.wrong_type(key, value, "a number");
        };
        self.within(key, value.span(), number, &limits, f64::to_string)
    }

    /// A duration: a number with `ms`, `s`, `m`, `h` or `d`.
    pub fn duration(&self, key: &str, limits: RangeInclusive<Duration>) -> Option<At<Duration>> {
        let value = self.ask(key, Kind::Duration)?;
        let example = "a duration such as \"30s\", \"5m\" or \"2h\"";
        let DeValue::String(text) = value.get_ref() else {
            let hint = integer(value.get_ref())
                .map(|number| format!("write  {key} = \"{number}s\"  for seconds"));
            return self.wrong_type_with(key, value, example, hint);
        };
        let Some(duration) = parse_duration(text) else {
            self.document.error_with(
                value.span(),
                format!("\"{text}\" is no duration"),
                "write a number with a unit: ms, s, m, h or d",
            );
            return None;
        };
        self.within(key, value.span(), duration, &limits, |d| show_duration(*d))
    }

    /// A size in bytes: a number with `K`, `M` or `G` (1024 each), or `B`.
    pub fn size(&self, key: &str, limits: RangeInclusive<u64>) -> Option<At<u64>> {
        let value = self.ask(key, Kind::Size)?;
        let example = "a size such as \"256K\" or \"8M\"";
        let DeValue::String(text) = value.get_ref() else {
            let hint = integer(value.get_ref())
                .map(|number| format!("write  {key} = \"{number}B\"  for bytes"));
            return self.wrong_type_with(key, value, example, hint);
        };
        let Some(size) = parse_size(text) else {
            self.document.error_with(
                value.span(),
                format!("\"{text}\" is no size"),
                "write a number with a unit: B, K, M or G",
            );
            return None;
        };
        self.within(key, value.span(), size, &limits, |size| show_size(*size))
    }

    /// One string or a list of strings; empty where the key is not given.
    pub fn texts(&self, key: &str) -> Vec<At<String>> {
        self.list(key, Kind::Texts)
    }

    fn list(&self, key: &str, kind: Kind) -> Vec<At<String>> {
        let Some(value) = self.ask(key, kind) else {
            return Vec::new();
        };
        match value.get_ref() {
            DeValue::String(text) => vec![At {
                value: text.to_string(),
                span: value.span(),
            }],
            DeValue::Array(array) => self.strings(key, array),
            _ => {
                self.wrong_type::<()>(key, value, "a string or a list of strings");
                Vec::new()
            }
        }
    }

    fn strings(&self, key: &str, array: &DeArray<'_>) -> Vec<At<String>> {
        let mut texts = Vec::new();
        for item in array.iter() {
            match item.get_ref() {
                DeValue::String(text) => texts.push(At {
                    value: text.to_string(),
                    span: item.span(),
                }),
                other => self.document.error_with(
                    item.span(),
                    format!("`{key}` is a list of strings, found {}", noun(other)),
                    "put it in quotes",
                ),
            }
        }
        texts
    }

    /// One of some words.
    pub fn choice<T: Clone>(&self, key: &str, words: &[(&'static str, T)]) -> Option<At<T>> {
        let names: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
        let value = self.ask(key, Kind::Choice(names.clone()))?;
        match value.get_ref() {
            DeValue::String(text) => self.word(key, text, value.span(), words),
            _ => self.wrong_type(key, value, &one_of(names)),
        }
    }

    /// One or several of some words; empty where the key is not given.
    pub fn choices<T: Clone>(&self, key: &str, words: &[(&'static str, T)]) -> Vec<At<T>> {
        let names = words.iter().map(|(word, _)| *word).collect();
        self.list(key, Kind::Choices(names))
            .into_iter()
            .filter_map(|text| self.word(key, &text.value, text.span, words))
            .collect()
    }

    fn word<T: Clone>(
        &self,
        key: &str,
        text: &str,
        span: Range<usize>,
        words: &[(&'static str, T)],
    ) -> Option<At<T>> {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(At {
                value: value.clone(),
                span,
            });
        }
        let names = || words.iter().map(|(word, _)| *word);
        let hint = did_you_mean(text, names()).unwrap_or(format!("write {}", one_of(names())));
        self.document
            .error_with(span, format!("`{key}` cannot be \"{text}\""), hint);
        None
    }

    /// A table from free names to strings, in the order of the file.
    pub fn entries(&self, key: &str) -> Vec<(At<String>, At<String>)> {
        let Some(value) = self.ask(key, Kind::Entries) else {
            return Vec::new();
        };
        let DeValue::Table(items) = value.get_ref() else {
            self.wrong_type::<()>(key, value, "a table such as { Name = \"value\" }");
            return Vec::new();
        };
        let mut entries = Vec::new();
        for (name, value) in items.iter() {
            let name = At {
                value: name.get_ref().to_string(),
                span: name.span(),
            };
            match value.get_ref() {
                DeValue::String(text) => entries.push((
                    name,
                    At {
                        value: text.to_string(),
                        span: value.span(),
                    },
                )),
                other => self.document.error_with(
                    value.span(),
                    format!("`{}` must be a string, found {}", name.value, noun(other)),
                    "put it in quotes",
                ),
            }
        }
        entries.sort_by_key(|(name, _)| name.span.start);
        entries
    }

    /// A table; an absent one where the key is not given.
    pub fn table(&self, key: &str) -> Table<'d> {
        let value = self.ask(key, Kind::Table);
        let items = value.and_then(|value| match value.get_ref() {
            DeValue::Table(items) => Some(items),
            _ => self.wrong_type(key, value, "a table"),
        });
        let span = match (items, value) {
            // The key is a better place than the whole inside of an inline table.
            (Some(_), _) => self.key_span(key).unwrap_or(0..0),
            (None, Some(value)) => value.span(),
            (None, None) => 0..0,
        };
        self.inner(key, items, span, false)
    }

    /// A list of tables; empty where the key is not given.
    pub fn tables(&self, key: &str) -> Vec<Table<'d>> {
        let Some(value) = self.ask(key, Kind::Tables) else {
            let described = self.document.is_description;
            return Vec::from_iter(described.then(|| self.inner(key, None, 0..0, true)));
        };
        let DeValue::Array(array) = value.get_ref() else {
            let hint = format!("write  [[{}]]", self.path(key));
            self.wrong_type_with::<()>(key, value, "a list of tables", Some(hint));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in array.iter() {
            match item.get_ref() {
                DeValue::Table(items) => {
                    tables.push(self.inner(key, Some(items), item.span(), true))
                }
                other => self.document.error_with(
                    item.span(),
                    format!("`{key}` is a list of tables, found {}", noun(other)),
                    format!("write  [[{}]]", self.path(key)),
                ),
            }
        }
        tables
    }

    fn inner(
        &self,
        key: &str,
        items: Option<&'d DeTable<'d>>,
        span: Range<usize>,
        is_listed: bool,
    ) -> Table<'d> {
        Table {
            document: self.document,
            name: self.path(key),
            items,
            span,
            asked: RefCell::default(),
            is_listed,
        }
    }

    fn path(&self, key: &str) -> String {
        match self.name.as_str() {
            "" => key.to_owned(),
            name => format!("{name}.{key}"),
        }
    }

    fn key_span(&self, key: &str) -> Option<Range<usize>> {
        self.items?
            .keys()
            .find(|name| name.get_ref() == key)
            .map(Spanned::span)
    }

    /// Replaces the slot where the key is given.
    pub fn set_boolean(&self, key: &str, slot: &mut bool) {
        let given = self.boolean(key);
        self.set(key, given, slot, |value| value.to_string());
    }

    /// Replaces the slot where the key is given.
    pub fn set_text(&self, key: &str, slot: &mut String) {
        let given = self.text(key);
        self.set(key, given, slot, |value| quote(value));
    }

    /// Replaces the slot where the key is given.
    pub fn set_duration(&self, key: &str, limits: RangeInclusive<Duration>, slot: &mut Duration) {
        let given = self.duration(key, limits);
        self.set(key, given, slot, |value| quote(&show_duration(*value)));
    }

    /// Replaces the slot where the key is given.
    pub fn set_size<N>(&self, key: &str, limits: RangeInclusive<u64>, slot: &mut N)
    where
        N: Copy + TryFrom<u64>,
        u64: TryFrom<N>,
    {
        let given = self.size(key, limits).and_then(|at| {
            let value = N::try_from(at.value).ok()?;
            Some(At {
                value,
                span: at.span,
            })
        });
        self.set(key, given, slot, |value| {
            quote(&show_size(u64::try_from(*value).unwrap_or(u64::MAX)))
        });
    }

    /// Replaces the slot where the key is given.
    pub fn set_integer<N>(&self, key: &str, limits: RangeInclusive<i64>, slot: &mut N)
    where
        N: TryFrom<i64> + ToString,
    {
        let given = self.integer(key, limits).and_then(|at| {
            let value = N::try_from(at.value).ok()?;
            Some(At {
                value,
                span: at.span,
            })
        });
        self.set(key, given, slot, N::to_string);
    }

    /// Replaces the slot where the key is given.
    pub fn set_choice<T: Clone + PartialEq>(
        &self,
        key: &str,
        words: &[(&'static str, T)],
        slot: &mut T,
    ) {
        let given = self.choice(key, words);
        self.set(key, given, slot, |value| {
            let word = words.iter().find(|(_, known)| known == value);
            quote(word.map_or("", |(word, _)| *word))
        });
    }

    fn set<T>(&self, key: &str, given: Option<At<T>>, slot: &mut T, show: impl Fn(&T) -> String) {
        self.has_default(key, &show(slot));
        if let Some(at) = given {
            *slot = at.value;
        }
    }

    /// Tells `config show` and the schema what holds where the key is not given, in TOML.
    pub fn has_default(&self, key: &str, default: &str) {
        let mut keys = self.document.keys.borrow_mut();
        let known = keys
            .iter_mut()
            .rfind(|known| known.table == self.name && known.name == key);
        if let Some(known) = known {
            known.default = Some(default.to_owned());
        }
    }

    /// Ends the reading of the table: keys that nobody asked for are unknown.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for name in self.items.into_iter().flat_map(|items| items.keys()) {
            if !asked.iter().any(|known| known == name.get_ref()) {
                self.document.unknown.borrow_mut().push(Unknown {
                    table: self.name.clone(),
                    heading: self.heading(),
                    name: name.get_ref().to_string(),
                    span: name.span(),
                });
            }
        }
    }

    fn ask(&self, key: &str, kind: Kind) -> Option<&'d Spanned<DeValue<'d>>> {
        self.asked.borrow_mut().push(key.to_owned());
        let value = self.items.and_then(|items| items.get(key));
        let mut keys = self.document.keys.borrow_mut();
        let is_new = !keys
            .iter()
            .any(|known| known.table == self.name && known.name == key);
        if is_new {
            keys.push(Key {
                table: self.name.clone(),
                name: key.to_owned(),
                kind,
                span: value.map(Spanned::span),
                default: None,
            });
        }
        value
    }

    fn wrong_type<T>(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> Option<T> {
        let raw = self.document.source.text.get(value.span()).unwrap_or("");
        let is_short = raw.len() <= 40 && !raw.contains(['"', '\n']);
        let hint = match (wanted, value.get_ref()) {
            (_, DeValue::Table(_) | DeValue::Array(_)) => {
                format!("write  {key} = …  with {wanted}")
            }
            ("a string" | "a string or a list of strings", _) if is_short => {
                format!("write  {key} = \"{raw}\"")
            }
            ("true or false", _) => format!("write  {key} = true  or  {key} = false"),
            ("a whole number" | "a number", DeValue::String(text))
                if text.parse::<f64>().is_ok() =>
            {
                format!("write  {key} = {text}  without quotes")
            }
            _ => format!("write {wanted}"),
        };
        self.wrong_type_with(key, value, wanted, Some(hint))
    }

    fn wrong_type_with<T>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        wanted: &str,
        hint: Option<String>,
    ) -> Option<T> {
        // An inline value of several lines, or a table, is best shown at its key.
        let span = match value.get_ref() {
            DeValue::Table(_) => self.key_span(key).unwrap_or(value.span()),
            _ => value.span(),
        };
        let found = noun(value.get_ref());
        self.document.tell(
            span,
            format!("`{key}` must be {wanted}, found {found}"),
            hint,
        );
        None
    }

    fn within<T: PartialOrd>(
        &self,
        key: &str,
        span: Range<usize>,
        value: T,
        limits: &RangeInclusive<T>,
        show: impl Fn(&T) -> String,
    ) -> Option<At<T>> {
        if limits.contains(&value) {
            return Some(At { value, span });
        }
        let (low, high) = (show(limits.start()), show(limits.end()));
        // What has a unit is a string.
        let quotes = match low.ends_with(|c: char| c.is_ascii_digit()) {
            true => "",
            false => "\"",
        };
        let hint = if value > *limits.end() {
            format!("write  {key} = {quotes}{high}{quotes}  or less")
        } else {
            format!("write  {key} = {quotes}{low}{quotes}  or more")
        };
        self.document.error_with(
            span,
            format!(
                "`{key}` is {}, the limits are {low} to {high}",
                show(&value)
            ),
            hint,
        );
        None
    }
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

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()
}

fn noun(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(true) => "true",
        DeValue::Boolean(false) => "false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A string as TOML writes it.
pub fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The number before a unit, times the unit.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(known, _)| *known == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

const DURATIONS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZES: [(&str, u64); 4] = [("B", 1), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)];

fn parse_duration(text: &str) -> Option<Duration> {
    with_unit(text, &DURATIONS).map(Duration::from_millis)
}

fn parse_size(text: &str) -> Option<u64> {
    with_unit(text, &SIZES)
}

fn show_with(value: u64, units: &[(&str, u64)]) -> String {
    let (unit, factor) = units
        .iter()
        .rev()
        .find(|(_, factor)| value >= *factor && value.is_multiple_of(*factor))
        .unwrap_or(&units[0]);
    format!("{}{unit}", value / factor)
}

/// A duration in the largest unit that fits, such as `30s`.
pub fn show_duration(duration: Duration) -> String {
    if duration.is_zero() {
        return "0s".to_owned();
    }
    show_with(
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        &DURATIONS,
    )
}

/// A size in the largest unit that fits, such as `256K`.
pub fn show_size(size: u64) -> String {
    show_with(size, &SIZES)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn sizes_and_durations_are_shown_as_they_are_read() {
        for text in ["1ms", "30s", "5m", "2h", "7d", "90s"] {
            assert_eq!(
                parse_duration(text).map(show_duration).as_deref(),
                Some(text)
            );
        }
        for text in ["1B", "256K", "8M", "3G", "1000B"] {
            assert_eq!(parse_size(text).map(show_size).as_deref(), Some(text));
        }
        for text in ["", "K", "8MB", "-1K", "99999999999999999999G", "1.5M"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }
}
