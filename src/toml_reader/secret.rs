//! Passwords and keys, which no output shows.

use crate::toml_reader::{At, Kind, Table};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The largest file of a secret, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// Where systemd puts the files of `LoadCredential=` and `SetCredential=` (systemd.exec(5)).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Where a secret comes from, beside the file itself.
const SOURCES: [&str; 3] = ["file", "env", "credential"];

/// A password or key. It has no `Display`, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for those who send it to where it belongs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Table<'_> {
    /// A secret: `"text"`, `{ file = "PATH" }` (relative to the file that names it), `{ env = "NAME" }` or
    /// `{ credential = "NAME" }`, a file of systemd's credentials folder.
    ///
    /// White space around what a file or variable holds is cut. No problem that is told and no
    /// `config show` quotes the text.
    pub fn secret(&self, key: &str) -> Option<At<Secret>> {
        let value = self.ask(key, Kind::Secret)?;
        let span = value.span();
        let read = match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Table(items) => self.elsewhere(items),
            _ => {
                return self.wrong_type_with(
                    key,
                    value,
                    "a secret",
                    Some(format!("write  {key} = {{ file = \"PATH\" }}")),
                );
            }
        };
        let read = read.and_then(|text| match text.trim() {
            "" => Err(("the secret is empty".to_owned(), None)),
            text => Ok(text.to_owned()),
        });
        match read {
            Ok(text) => Some(At {
                value: Secret(text),
                span,
            }),
            Err((why, hint)) => {
                self.document.tell(span, why, hint);
                None
            }
        }
    }

    fn elsewhere(&self, items: &DeTable<'_>) -> Result<String, (String, Option<String>)> {
        let wrong = || {
            let message = "a secret names one `file`, `env` or `credential`".to_owned();
            (
                message,
                Some("write  { file = \"PATH\" }  or  { env = \"NAME\" }".to_owned()),
            )
        };
        let mut entries = items.iter();
        let (Some((source, value)), None) = (entries.next(), entries.next()) else {
            return Err(wrong());
        };
        let source: &Spanned<_> = source;
        let name = value.get_ref().as_str().ok_or_else(wrong)?;
        let source = SOURCES
            .iter()
            .find(|known| **known == source.get_ref().as_ref())
            .ok_or_else(wrong)?;
        match *source {
            "env" => std::env::var(name).map_err(|_| {
                let message = format!("the environment has no variable \"{name}\"");
                (message, Some("set it, or name a `file`".to_owned()))
            }),
            "credential" => {
                let folder = std::env::var_os(CREDENTIALS).ok_or_else(|| {
                    (
                        format!("{CREDENTIALS} is not set"),
                        Some(
                            "use LoadCredential= in the systemd unit, or name a `file`".to_owned(),
                        ),
                    )
                })?;
                read(&PathBuf::from(folder).join(name))
            }
            _ => {
                let folder = Path::new(&self.document.source.name).parent();
                read(&folder.unwrap_or(Path::new("")).join(name))
            }
        }
    }
}

fn read(path: &Path) -> Result<String, (String, Option<String>)> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
        .map_err(|error| {
            let message = format!("cannot read the secret in \"{}\" ({error})", path.display());
            let hint = "make the file, readable for the user that callbluff runs as";
            (message, Some(hint.to_owned()))
        })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Source;
    use crate::toml_reader::Document;
    use std::fs;

    fn read_in(folder: &Path, text: &str) -> (Option<String>, String) {
        let name = folder.join("c.toml").display().to_string();
        let source = Source::new(name, text);
        let document = Document::parse(&source);
        let root = document.root();
        let secret = root.secret("password");
        assert!(!format!("{secret:?}").contains("hunter2x"));
        root.finish();
        let problems = document.finish().to_string();
        (
            secret.map(|at| at.value.expose().to_owned()),
            problems.replace(&folder.display().to_string(), "F"),
        )
    }

    #[test]
    fn a_secret_comes_from_the_place_that_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("pass"), "hunter2x\n").expect("the folder is ours");
        let path = std::env::var("PATH").expect("every process has it");
        for (text, expected) in [
            ("password = \"hunter2x\"", "hunter2x"),
            ("password = { file = \"pass\" }", "hunter2x"),
            ("password = { env = \"PATH\" }", path.as_str()),
        ] {
            let (found, problems) = read_in(folder.path(), text);
            assert_eq!(found.as_deref(), Some(expected), "{text}\n{problems}");
            assert_eq!(problems, "", "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_told_without_it() {
        let folder = tempfile::tempdir().expect("a folder");
        for (text, expected) in [
            (
                "password = { file = \"none\" }",
                "cannot read the secret in \"F/none\"",
            ),
            (
                "password = { env = \"CALLBLUFF_NO_SUCH\" }",
                "the environment has no variable \"CALLBLUFF_NO_SUCH\"",
            ),
            (
                "password = { credential = \"x\" }",
                "CREDENTIALS_DIRECTORY is not set",
            ),
            ("password = \"\"", "the secret is empty"),
            (
                "password = {}",
                "a secret names one `file`, `env` or `credential`",
            ),
            (
                "password = { file = \"a\", env = \"b\" }",
                "a secret names one `file`, `env` or `credential`",
            ),
            ("password = { fiel = \"a\" }", "a secret names one `file`"),
            (
                "password = 20031969",
                "`password` must be a secret, found a whole number",
            ),
            ("password = \"hunter2x", "the string does not end"),
            ("password = \"hunter2x\" \"b\"", "this is no TOML"),
            ("passwort = \"hunter2x\"", "unknown key \"passwort\""),
        ] {
            let (_, problems) = read_in(folder.path(), text);
            assert!(problems.contains(expected), "{text}\n{problems}");
            let shows = problems.contains("hunter2x") || problems.contains("20031969");
            assert!(!shows, "{text}\n{problems}");
        }
    }
}
