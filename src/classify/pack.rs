//! Packs: the words and patterns of one language, as data.
//!
//! The format is described for pack authors in docs/packs.md.

use crate::diagnose::{Diagnostics, Source};
use crate::toml_reader::{At, Document, Table};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A text of a pack and the bytes of the file that it stands in.
pub(crate) type Text = At<String>;

/// Where the literals of a pack begin and end when they have no `*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Edges {
    /// At the edges of words.
    #[default]
    Both,
    /// At the beginning of a word, with any ending: for languages that add endings to everything.
    Left,
    /// Anywhere: for scripts that are written without spaces.
    None,
}

/// A pattern: what stands near what, and the signal that it gives.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// Identifier of the signal, `category.what`.
    pub id: Text,
    /// Why it tells something, for people who read a verdict.
    pub reason: Text,
    /// Any of these.
    pub find: Vec<Text>,
    /// Word classes that excuse it when they stand near: "they claim to have …".
    pub unless: Vec<Text>,
}

/// A regular expression that runs only near a word and adds what it finds to a class.
#[derive(Clone, Debug)]
pub(crate) struct NearPattern {
    /// The class that it adds to.
    pub class: Text,
    /// The class near which it runs.
    pub near: Text,
    /// Bytes on each side of the word. Default: 64, at most 512.
    pub reach: usize,
    /// The expression, on folded bytes, without Unicode classes.
    pub pattern: Text,
}

/// Sentences that must and must not give a signal; `check` runs them.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    /// The signal.
    pub id: Text,
    /// Each must give it.
    pub matching: Vec<Text>,
    /// None may give it.
    pub clean: Vec<Text>,
}

/// One pack, parsed but not compiled.
#[derive(Clone, Debug)]
pub(crate) struct Pack {
    /// The file.
    pub source: Arc<Source>,
    /// ISO 639-1 code, `*` for the pack that all languages share.
    pub language: String,
    /// Where its literals begin and end.
    pub edges: Edges,
    /// Letters that are hung before a word (Hebrew, Arabic).
    pub proclitics: Vec<char>,
    /// What each shared class means, for authors.
    pub classes: BTreeMap<String, String>,
    /// Literals by class.
    pub words: BTreeMap<String, Vec<Text>>,
    /// Patterns by derived class.
    pub derive: BTreeMap<String, Vec<Text>>,
    /// Regular expressions near words.
    pub regexes: Vec<NearPattern>,
    /// The patterns.
    pub patterns: Vec<Pattern>,
    /// Sentences that `check` runs.
    pub examples: Vec<Example>,
}

impl Pack {
    /// Parses a pack; every problem is added to `problems`, and `None` says that there was one.
    pub(crate) fn parse(source: &Arc<Source>, problems: &mut Diagnostics) -> Option<Self> {
        let document = Document::parse(source);
        let root = document.root();
        let language = root.required("language", root.text("language"), "add  language = \"en\"");
        if let Some(code) = &language {
            let is_code =
                code.value.len() == 2 && code.value.bytes().all(|byte| byte.is_ascii_lowercase());
            if code.value != "*" && !is_code {
                document.error_with(
                    code.span.clone(),
                    format!("\"{}\" is not a language", code.value),
                    "use an ISO 639-1 code such as \"en\"",
                );
            }
        }
        let edges = root
            .choice(
                "edges",
                &[
                    ("both", Edges::Both),
                    ("left", Edges::Left),
                    ("none", Edges::None),
                ],
            )
            .map_or(Edges::Both, |edges| edges.value);
        let proclitics = root
            .text("proclitics")
            .map(|letters| letters.value.chars().collect());
        let classes = root
            .entries("classes")
            .into_iter()
            .map(|(name, meaning)| (name.value, meaning.value))
            .collect();
        let pack = Self {
            source: Arc::clone(source),
            language: language.map(|language| language.value).unwrap_or_default(),
            edges,
            proclitics: proclitics.unwrap_or_default(),
            classes,
            words: lists(&root, "words"),
            derive: lists(&root, "derive"),
            regexes: root.tables("regex").into_iter().filter_map(regex).collect(),
            patterns: root
                .tables("pattern")
                .into_iter()
                .filter_map(pattern)
                .collect(),
            examples: root
                .tables("example")
                .into_iter()
                .filter_map(example)
                .collect(),
        };
        root.finish();
        let found = document.finish();
        let is_usable = !found.has_errors();
        problems.extend(found);
        is_usable.then_some(pack)
    }

    /// Every class that the pack names or fills, sorted within each kind.
    pub(crate) fn class_names(&self) -> impl Iterator<Item = &str> {
        self.classes
            .keys()
            .chain(self.words.keys())
            .chain(self.derive.keys())
            .chain(self.regexes.iter().map(|regex| &regex.class.value))
            .map(String::as_str)
    }
}

/// Lists of texts under free names: `[words]`, `[derive]`.
fn lists(root: &Table<'_>, key: &str) -> BTreeMap<String, Vec<Text>> {
    let table = root.table(key);
    let lists = table
        .names()
        .into_iter()
        .map(|name| (name.value.clone(), table.texts(&name.value)))
        .collect();
    table.finish();
    lists
}

fn regex(table: Table<'_>) -> Option<NearPattern> {
    let class = table.required("class", table.text("class"), "add  class = \"amount\"");
    let near = table.required("near", table.text("near"), "add  near = \"currency\"");
    let reach = table
        .integer("reach", 1..=512)
        .map_or(64, |reach| reach.value as usize);
    let pattern = table.required("pattern", table.text("pattern"), "add  pattern = '[0-9]+'");
    table.finish();
    Some(NearPattern {
        class: class?,
        near: near?,
        reach,
        pattern: pattern?,
    })
}

fn pattern(table: Table<'_>) -> Option<Pattern> {
    let id = signal_id(&table);
    let reason = table.required(
        "reason",
        table.text("reason"),
        "say in one sentence what it tells",
    );
    let find = table.texts("find");
    if find.is_empty() {
        table.required::<()>("find", None, "add  find = [\"i-film & you / 8\"]");
    }
    let unless = table.texts("unless");
    table.finish();
    Some(Pattern {
        id: id?,
        reason: reason?,
        find,
        unless,
    })
}

fn example(table: Table<'_>) -> Option<Example> {
    let id = signal_id(&table);
    let example = Example {
        id: id?,
        matching: table.texts("match"),
        clean: table.texts("not"),
    };
    table.finish();
    Some(example)
}

fn signal_id(table: &Table<'_>) -> Option<Text> {
    let id = table.required("id", table.text("id"), "add  id = \"recording.claimed\"")?;
    if !is_signal_id(&id.value) {
        table.document().error_with(
            id.span.clone(),
            format!("\"{}\" is not a signal", id.value),
            "write category.what, such as \"recording.claimed\"",
        );
    }
    Some(id)
}

/// Is it `category.what` with a known category?
pub(crate) fn is_signal_id(id: &str) -> bool {
    id.split_once('.').is_some_and(|(category, what)| {
        crate::classify::Category::from_name(category).is_some()
            && !what.is_empty()
            && what
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    })
}
