//! docs/classification.md tells every signal that there is.

use callbluff::classify::Judge;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- signals -->\n";
const END: &str = "<!-- /signals -->";

fn table(judge: &Judge) -> String {
    let mut table = String::from("| signal | what it tells |\n|---|---|\n");
    for (id, meaning) in judge.all_signals() {
        table += &format!("| `{id}` | {} |\n", meaning.replace('|', "\\|"));
    }
    table
}

fn ids(table: &str) -> BTreeSet<&str> {
    table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect()
}

/// With `CALLBLUFF_WRITE_DOCS` set the table is written anew.
#[test]
fn every_signal_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/classification.md");
    let text = fs::read_to_string(&path).expect("docs/classification.md exists");
    let (before, rest) = text.split_once(BEGIN).expect("the table begins");
    let (written, after) = rest.split_once(END).expect("the table ends");
    let table = table(&Judge::builtin());
    if std::env::var_os("CALLBLUFF_WRITE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).expect("it is ours");
        return;
    }
    let (written, known) = (ids(written), ids(&table));
    let missing: Vec<_> = known.difference(&written).collect();
    let stale: Vec<_> = written.difference(&known).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "docs/classification.md lacks {missing:?} and has too much {stale:?}; \
         write its table anew with CALLBLUFF_WRITE_DOCS=1 cargo test --test classification"
    );
}

#[test]
fn every_category_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/classification.md");
    let text = fs::read_to_string(path).expect("docs/classification.md exists");
    for category in callbluff::classify::Category::ALL {
        assert!(text.contains(&format!("`{category}`")), "{category}");
    }
}
