//! Lists of addresses or networks in files of their own, used in rules as `@name`.

use crate::classify::WalletSet;
use crate::diagnose::{Diagnostics, Source, did_you_mean};
use crate::policy::{AddressSet, Networks};
use crate::toml_reader::{At, Document, Table};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most entries of one map; a file of another kind would otherwise fill the memory.
const MAX_ENTRIES: usize = 1_000_000;

/// All maps of a configuration by name.
#[derive(Default)]
pub(crate) struct Maps {
    maps: BTreeMap<String, Map>,
    /// What is wrong in the files of the maps.
    problems: RefCell<Diagnostics>,
    /// The files that were read.
    pub(crate) files: Vec<MapFile>,
}

/// A file of `[maps]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapFile {
    /// Where it is.
    pub path: PathBuf,
    /// By what a change since it was read is seen.
    pub stamp: Stamp,
}

impl MapFile {
    /// A file as it is now, before it is read: what changes meanwhile must be seen later.
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            stamp: Stamp::of(path),
        }
    }
}

/// What the system says about a file that changes when its content does: device, number, size, time in
/// seconds and nanoseconds. None where there is no file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp(Option<(u64, u64, u64, i64, i64)>);

impl Stamp {
    /// The stamp of a file as it is now.
    pub fn of(path: &Path) -> Self {
        let told = |file: std::fs::Metadata| {
            let (seconds, nanoseconds) = (file.mtime(), file.mtime_nsec());
            (file.dev(), file.ino(), file.len(), seconds, nanoseconds)
        };
        Self(std::fs::metadata(path).ok().map(told))
    }
}

struct Map {
    source: Arc<Source>,
    entries: Vec<At<String>>,
    place: Range<usize>,
    is_used: Cell<bool>,
    // What the entries are is told by the condition that uses the map.
    addresses: OnceCell<Arc<AddressSet>>,
    networks: OnceCell<Networks>,
    wallets: OnceCell<WalletSet>,
}

impl Maps {
    /// Reads `[maps]`: names and files, relative to `folder`.
    ///
    /// A text file has one entry per line, `#` begins a comment; a file that ends in `.toml` has
    /// `entries = ["…"]`.
    pub(crate) fn read(table: &Table<'_>, folder: &Path) -> Self {
        let mut maps = Self::default();
        for name in table.names() {
            let Some(file) = table.text(&name.value) else {
                continue;
            };
            let path = folder.join(&file.value);
            maps.files.push(MapFile::at(&path));
            if let Err(error) = std::fs::File::open(&path) {
                table.document().error_with(
                    file.span,
                    format!("cannot read the file ({error})"),
                    "make the file, or delete this line",
                );
                continue;
            }
            let Some(source) = Source::read(&path, &mut maps.problems.borrow_mut()) else {
                continue;
            };
            let is_toml = path.extension().is_some_and(|end| end == "toml");
            let mut entries = if is_toml {
                maps.toml(&source)
            } else {
                lines(&source)
            };
            if entries.len() > MAX_ENTRIES {
                let span = entries[MAX_ENTRIES].span.clone();
                let message = format!("more than {MAX_ENTRIES} entries");
                maps.problems.borrow_mut().error(&source, span, message);
                entries.truncate(MAX_ENTRIES);
            }
            maps.maps.insert(
                name.value,
                Map {
                    source,
                    entries,
                    place: name.span,
                    is_used: Cell::new(false),
                    addresses: OnceCell::new(),
                    networks: OnceCell::new(),
                    wallets: OnceCell::new(),
                },
            );
        }
        maps
    }

    fn toml(&self, source: &Arc<Source>) -> Vec<At<String>> {
        let document = Document::parse(source);
        let root = document.root();
        let entries = root.texts("entries");
        root.finish();
        self.problems.borrow_mut().extend(document.finish());
        entries
    }

    /// The map with this name; a problem is told at the place that uses it.
    fn find(&self, name: &str, at: &Range<usize>, document: &Document<'_>) -> Option<&Map> {
        let map = self.maps.get(name);
        match map {
            Some(map) => map.is_used.set(true),
            None => {
                let known = self.maps.keys().map(String::as_str);
                let hint = did_you_mean(name, known).unwrap_or_else(|| {
                    if name.contains('.') {
                        format!("a domain is written without @:  \"{name}\"")
                    } else {
                        format!("name its file in [maps]:  {name} = \"{name}.txt\"")
                    }
                });
                document.error_with(at.clone(), format!("there is no map \"{name}\""), hint);
            }
        }
        map
    }

    /// A map as a set of addresses.
    pub(crate) fn addresses(
        &self,
        name: &str,
        at: &Range<usize>,
        document: &Document<'_>,
    ) -> Option<Arc<AddressSet>> {
        let map = self.find(name, at, document)?;
        let set = map.addresses.get_or_init(|| {
            let mut set = AddressSet::default();
            for entry in &map.entries {
                if let Err(why) = set.add(&entry.value) {
                    let hint = match Networks::parse(&entry.value) {
                        Ok(_) => format!("networks go with  client = \"@{name}\""),
                        Err(_) => "write user@example.org or example.org".to_owned(),
                    };
                    self.problems
                        .borrow_mut()
                        .error(&map.source, entry.span.clone(), why)
                        .hint(hint);
                }
            }
            Arc::new(set)
        });
        Some(Arc::clone(set))
    }

    /// A map as a set of networks.
    pub(crate) fn networks(
        &self,
        name: &str,
        at: &Range<usize>,
        document: &Document<'_>,
    ) -> Option<&Networks> {
        let map = self.find(name, at, document)?;
        Some(map.networks.get_or_init(|| {
            let mut networks = Networks::default();
            for entry in &map.entries {
                let (is_in, text) = sign(&entry.value);
                match Networks::parse(text) {
                    Ok(net) => networks.add(net, is_in),
                    Err((why, hint)) => {
                        let mut problems = self.problems.borrow_mut();
                        problems.error(&map.source, entry.span.clone(), why).hint = hint;
                    }
                }
            }
            networks
        }))
    }

    /// A map as a set of payment addresses.
    pub(crate) fn wallets(
        &self,
        name: &str,
        at: &Range<usize>,
        document: &Document<'_>,
    ) -> Option<&WalletSet> {
        let map = self.find(name, at, document)?;
        Some(map.wallets.get_or_init(|| {
            let mut wallets = WalletSet::default();
            for entry in &map.entries {
                if let Err(why) = wallets.add(&entry.value) {
                    let mut problems = self.problems.borrow_mut();
                    problems
                        .error(&map.source, entry.span.clone(), why)
                        .hint("copy the whole address, one for each line");
                }
            }
            wallets
        }))
    }

    /// Ends the reading: warns of maps that no rule uses, and gives what is wrong in the files.
    pub(crate) fn finish(self, document: &Document<'_>) -> Diagnostics {
        // A rule with an error may be the one that uses it.
        let has_errors = document.error_count() > 0;
        for (name, map) in &self.maps {
            if !map.is_used.get() && !has_errors {
                document.warning_with(
                    map.place.clone(),
                    format!("no rule uses the map \"{name}\""),
                    format!("write  recipient = \"@{name}\"  in a rule, or delete this line"),
                );
            }
        }
        self.problems.into_inner()
    }
}

/// `!x` excludes `x`.
pub(crate) fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('!') {
        Some(rest) => (false, rest),
        None => (true, text),
    }
}

fn lines(source: &Source) -> Vec<At<String>> {
    let mut entries = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let plain = line.split('#').next().unwrap_or_default();
        let entry = plain.trim();
        if !entry.is_empty() {
            let from = start + (plain.len() - plain.trim_start().len());
            entries.push(At {
                value: entry.to_owned(),
                span: from..from + entry.len(),
            });
        }
        start += line.len();
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_file_has_one_entry_per_line() {
        let source = Source::new("m", "# staff\n a@example.org # the boss\r\n\nb@example.org");
        let entries = lines(&source);
        let found: Vec<&str> = entries
            .iter()
            .map(|at| &source.text[at.span.clone()])
            .collect();
        assert_eq!(found, ["a@example.org", "b@example.org"]);
    }
}
