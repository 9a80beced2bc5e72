//! One table of a document, asked for its keys.

use crate::diagnose::{did_you_mean, one_of};
use crate::toml_reader::units::{parse_duration, parse_size, show_duration, show_size};
use crate::toml_reader::{At, Document, Key, Kind, Unknown};
use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// A table of a document; an absent one has no keys.
pub struct Table<'d> {
    pub(super) document: &'d Document<'d>,
    pub(super) name: String,
    items: Option<&'d DeTable<'d>>,
    /// Where the table begins.
    pub span: Range<usize>,
    asked: RefCell<Vec<String>>,
    /// Is it one of a list of tables?
    is_listed: bool,
}

impl<'d> Table<'d> {
    /// The table at the top.
    pub(super) fn root(document: &'d Document<'d>, items: &'d DeTable<'d>) -> Self {
        Self {
            document,
            name: String::new(),
            items: Some(items),
            span: 0..0,
            asked: RefCell::default(),
            is_listed: false,
        }
    }

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
    pub fn table(&self, key: &str) -> Self {
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
    pub fn tables(&self, key: &str) -> Vec<Self> {
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
    ) -> Self {
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

    pub(super) fn ask(&self, key: &str, kind: Kind) -> Option<&'d Spanned<DeValue<'d>>> {
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

    pub(super) fn wrong_type_with<T>(
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
