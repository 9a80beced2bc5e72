//! Labelled mail in folders, for `eval` and `train`.

use crate::cli::parallel;
use crate::cli::source::{self, Mail, Source};
use crate::engine::{Engine, Read};
use crate::message::Reading;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;

/// The file beside the messages that tells more about each.
const MANIFEST: &str = "manifest.tsv";

/// The largest manifest that is read, in bytes.
const MANIFEST_BYTES: u64 = 64 << 20;

/// The header of a bare text: complete, so that nothing in it is a signal.
const BARE_HEADER: &[u8] = b"From: Sender <sender@example.org>\r\n\
To: Recipient <recipient@example.net>\r\n\
Subject: \r\n\
Date: Mon, 6 Jan 2025 12:00:00 +0000\r\n\
Message-ID: <bare.text@mail.example.org>\r\n\
MIME-Version: 1.0\r\n\
Content-Type: text/plain; charset=utf-8\r\n\
Content-Transfer-Encoding: 8bit\r\n\r\n";

/// What the messages of a folder are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Label {
    /// Sextortion: to be found.
    Spam,
    /// Honest mail.
    Ham,
    /// Mail that is unwanted, but no sextortion.
    Other,
}

impl Label {
    /// The word for it in output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Spam => "spam",
            Self::Ham => "ham",
            Self::Other => "other",
        }
    }
}

/// What is known about one message besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The path as messages of it are named, without the number of an mbox.
    pub path: String,
    /// The base name: what results call it.
    pub file: String,
    /// The name of the folder as given.
    pub folder: String,
    /// What it is.
    pub label: Label,
    /// What the manifest says of it, by column.
    pub columns: BTreeMap<String, String>,
}

impl Known {
    /// The value of a column; the message's own name where there is none, so that it is a group of its own.
    pub(crate) fn group(&self, column: &str) -> &str {
        self.columns
            .get(column)
            .filter(|value| !value.is_empty())
            .unwrap_or(&self.file)
    }
}

/// Folders of labelled mail.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    sources: Vec<Source>,
    /// Label and folder by path.
    labels: HashMap<String, (Label, String)>,
    /// Rows by path of the file.
    rows: HashMap<PathBuf, BTreeMap<String, String>>,
}

/// What reads and judges the messages of a corpus.
#[derive(Debug)]
pub(crate) struct Reader<'e> {
    engine: &'e Engine,
    runtime: Runtime,
}

impl<'e> Reader<'e> {
    /// A reader that reads as the engine's config says.
    ///
    /// # Errors
    ///
    /// When the system gives no threads.
    pub(crate) fn new(engine: &'e Engine) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|err| format!("could not start threads ({err})"))?;
        Ok(Self { engine, runtime })
    }

    /// Reads one message, its PDFs and pictures too; a `.txt` file is bare text.
    ///
    /// # Errors
    ///
    /// Why it could not be read.
    pub(crate) fn read(&self, mail: &Mail) -> Result<Reading, String> {
        let raw = mail.content.as_ref().map_err(Clone::clone)?;
        let raw = with_header(&mail.name, raw);
        let read = || {
            let reading = self.engine.read(&raw, mail.is_truncated);
            self.runtime.block_on(reading)
        };
        panic::catch_unwind(AssertUnwindSafe(read))
            .map(|Read { reading, .. }| reading)
            .map_err(|_| "reading failed: a bug in callbluff".to_owned())
    }

    /// The most that is kept of one message, in bytes.
    pub(crate) fn limit(&self) -> usize {
        usize::try_from(self.engine.config().limits.inspect).unwrap_or(usize::MAX)
    }
}

/// A bare text gets a minimal header, so that it is judged as mail.
fn with_header<'r>(name: &str, raw: &'r [u8]) -> Cow<'r, [u8]> {
    if Path::new(name)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("txt"))
    {
        Cow::Owned([BARE_HEADER, raw].concat())
    } else {
        Cow::Borrowed(raw)
    }
}

impl Corpus {
    /// Finds the messages of these folders, and the manifests in them.
    pub(crate) fn new(folders: &[(Label, &[PathBuf])]) -> Self {
        let mut corpus = Self::default();
        for (label, paths) in folders {
            for path in *paths {
                corpus.add(*label, path);
            }
        }
        corpus
    }

    fn add(&mut self, label: Label, folder: &Path) {
        let name = folder
            .file_name()
            .unwrap_or(folder.as_os_str())
            .to_string_lossy();
        for source in source::sources(&[folder.to_owned()]) {
            if let Source::File(path, _) = &source {
                let parent = path.parent().unwrap_or(Path::new(""));
                if !self.rows.contains_key(parent) {
                    // The folder itself stands for "the manifest was looked for".
                    self.rows.insert(parent.to_owned(), BTreeMap::new());
                    self.rows.extend(manifest(parent));
                }
            }
            let path = match &source {
                Source::File(path, _) | Source::Broken(path, _) => path.display().to_string(),
                Source::Stdin => "-".to_owned(),
            };
            self.labels.insert(path, (label, name.clone().into_owned()));
            self.sources.push(source);
        }
    }

    /// Are there no messages at all?
    pub(crate) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Only the files that are named so.
    pub(crate) fn only(&self, is_wanted: &dyn Fn(&str) -> bool) -> Self {
        let sources = self.sources.iter().filter(|source| match source {
            Source::File(path, _) => is_wanted(&path.display().to_string()),
            _ => false,
        });
        Self {
            sources: sources.cloned().collect(),
            labels: self.labels.clone(),
            rows: self.rows.clone(),
        }
    }

    /// Reads every message on all cores and gives what `work` makes of each to `each`, in order.
    pub(crate) fn each<T: Send>(
        &self,
        reader: &Reader<'_>,
        work: &(dyn Fn(&Known, &Reading) -> T + Sync),
        each: &mut dyn FnMut(Known, Result<T, String>),
    ) {
        let bar = parallel::progress_bar(&self.sources);
        parallel::in_order(
            &self.sources,
            reader.limit(),
            &bar,
            &|mail| {
                let known = self.known(&mail.name);
                let result = reader.read(&mail).and_then(|reading| {
                    panic::catch_unwind(AssertUnwindSafe(|| work(&known, &reading)))
                        .map_err(|_| "judging failed: a bug in callbluff".to_owned())
                });
                (known, result)
            },
            &mut |(known, result)| {
                each(known, result);
                true
            },
        );
        bar.finish_and_clear();
    }

    /// What is known of the message with this name.
    fn known(&self, name: &str) -> Known {
        let path = match name.rsplit_once('#') {
            Some((path, _)) if !self.labels.contains_key(name) => path,
            _ => name,
        };
        let (label, folder) = self
            .labels
            .get(path)
            .cloned()
            .unwrap_or((Label::Other, String::new()));
        let base = |text: &str| text.rsplit('/').next().unwrap_or(text).to_owned();
        Known {
            path: path.to_owned(),
            file: base(name),
            folder,
            label,
            columns: self.rows.get(Path::new(path)).cloned().unwrap_or_default(),
        }
    }
}

/// The rows of the manifest in a folder, by path of the file; none where there is no manifest.
fn manifest(folder: &Path) -> Vec<(PathBuf, BTreeMap<String, String>)> {
    let path = folder.join(MANIFEST);
    let is_small = fs::metadata(&path).is_ok_and(|meta| meta.len() <= MANIFEST_BYTES);
    let text = if is_small {
        fs::read(&path).unwrap_or_default()
    } else {
        Vec::new()
    };
    let rows = table(&String::from_utf8_lossy(&text));
    rows.into_iter()
        .filter_map(|row| Some((folder.join(row.get("file")?), row)))
        .collect()
}

/// The rows of a table with tabs between its columns, whose first line names them.
pub(crate) fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    lines
        .map(|line| {
            let values = line.split('\t').map(|value| value.trim().to_owned());
            names
                .iter()
                .map(|name| (*name).to_owned())
                .zip(values)
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("a.eml", "Subject: one\n\none\n"),
            ("b.txt", "Only: text\n\ntwo\n"),
            (
                "manifest.tsv",
                "file\tlanguage\ttemplate\na.eml\tde\tT1 a name\nmissing.eml\ten\tT2\n",
            ),
        ] {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        folder
    }

    #[test]
    fn manifests_name_groups_and_texts_get_a_header() {
        let folder = folder();
        let corpus = Corpus::new(&[(Label::Ham, &[folder.path().to_owned()])]);
        let engine = Engine::with_judge(crate::config::Config::default(), |_, _| {
            crate::classify::Verdict::error()
        });
        let reader = Reader::new(&engine).expect("threads");
        let mut seen = Vec::new();
        corpus.each(
            &reader,
            &|_, reading| {
                let texts = reading.pieces.iter().map(|piece| piece.text.trim());
                texts.collect::<Vec<_>>().join("|")
            },
            &mut |known, text| {
                let language = known.columns.get("language").cloned();
                seen.push((
                    known.group("template").to_owned(),
                    language,
                    known.label,
                    text,
                ));
            },
        );
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].0, "T1 a name");
        assert_eq!(seen[0].1.as_deref(), Some("de"));
        assert_eq!(seen[1].0, "b.txt");
        assert_eq!(seen[1].2, Label::Ham);
        let text = seen[1].3.as_ref().expect("it was read");
        assert!(text.contains("Only: text"), "{text}");
    }
}
