//! Every broken configuration is refused, or warned of, in exactly these words.
//!
//! `NAME.toml` is loaded and the outcome compared with `NAME.expected`. With `BLESS=1` in the
//! environment the outcome is written there instead: read it before you commit it.

use callbluff::config::Config;
use std::fs;
use std::path::{Path, PathBuf};

fn outcome(path: &Path) -> String {
    let shown = match Config::load(path) {
        Ok(loaded) if loaded.warnings.is_empty() => "nothing is wrong".to_owned(),
        Ok(loaded) => loaded.warnings.to_string(),
        Err(problems) => problems.to_string(),
    };
    shown + "\n"
}

#[test]
fn every_broken_file_says_what_is_wrong() {
    // Cargo runs tests in the folder of the package, so the messages begin the same everywhere.
    let folder = Path::new("tests/bad_config");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is part of the repository")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 40, "only {} files", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let found = outcome(&path);
        let expected_path = path.with_extension("expected");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected_path, &found).expect("the folder can be written");
            continue;
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if found != expected {
            wrong.push(format!(
                "{}\n--- expected\n{expected}--- found\n{found}",
                path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_that_is_cut_or_garbled_is_never_a_panic() {
    // Every key in use, then cut at many places, and with one character replaced at others.
    let whole: String = callbluff::config::SAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(code) if !code.is_empty() && !code.starts_with(' ') => code,
            _ => line,
        })
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("callbluff.toml");
    let wrong = ["\"", "[", "]", "=", "{", "\n", "\0", "é", "0", "'''"];
    let mut refused = 0;
    for at in (0..whole.len())
        .step_by(11)
        .filter(|at| whole.is_char_boundary(*at))
    {
        let instead = wrong[at % wrong.len()];
        let rest: String = whole[at..].chars().skip(1).collect();
        for text in [
            whole[..at].to_owned(),
            format!("{}{instead}{rest}", &whole[..at]),
        ] {
            fs::write(&path, text).expect("the folder is ours");
            refused += usize::from(outcome(&path) != "nothing is wrong\n");
        }
    }
    assert!(refused > 100, "{refused}");
}
