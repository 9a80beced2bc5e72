//! The house keeps its floors: a room uses rooms below it, never above, never beside it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The drawing, highest floor first; docs/architecture.md shows the same.
const DRAWING: &str = "\
roof     main lib
floor 7  cli
floor 6  daemon
floor 5  milter | web
floor 4  engine
floor 3  config | maillog | metrics
floor 2  policy | quarantine | decoder | lookup
floor 1  classify | outbound | notice
ground   message | spool | toml_reader
cellar   diagnose
";

/// Rooms that must stay pure (same bytes, same verdict), and what no line of theirs may name.
const PURE: [&str; 3] = ["message", "classify", "policy"];
const IMPURE: [&str; 13] = [
    "std::fs",
    "std::process",
    "std::thread",
    "std::env",
    "std::io::stdin",
    "Instant::now",
    "SystemTime",
    "tokio::",
    "tracing::",
    "Mutex",
    "RwLock",
    "println!",
    "eprintln!",
];

/// Height of a room, the cellar being 0.
fn floor(room: &str) -> Option<usize> {
    DRAWING
        .lines()
        .rev()
        .position(|line| rooms(line).any(|name| name == room))
}

fn rooms(line: &str) -> impl Iterator<Item = &str> {
    line[9..].split([' ', '|']).filter(|word| !word.is_empty())
}

/// One source file: the room that it belongs to, and its code without comments and strings.
struct File {
    path: PathBuf,
    room: String,
    code: String,
}

fn sources() -> Vec<File> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![src.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src is a folder") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path
                    .strip_prefix(&src)
                    .expect("it was found there")
                    .to_owned();
                let first = inside.components().next().expect("a file has a name");
                let room = Path::new(first.as_os_str())
                    .with_extension("")
                    .display()
                    .to_string();
                let code = bare(&fs::read_to_string(&path).expect("sources are UTF-8"));
                files.push(File {
                    path: inside,
                    room,
                    code,
                });
            }
        }
    }
    assert!(!files.is_empty());
    files
}

/// The code without comments, strings and character literals, so that only code is searched.
fn bare(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            rest[start..]
                .find(&end)
                .map_or(rest.len(), |at| start + at + end.len())
        } else if first == '"' {
            string_end(rest)
        } else if first == '\'' {
            char_end(rest)
        } else {
            0
        };
        if skip == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.push(' ');
            rest = &rest[skip..];
        }
    }
    out
}

/// The number of `#` of a raw string that begins here.
fn raw_string(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

fn string_end(rest: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The end of a character literal, 0 for a lifetime.
fn char_end(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => rest[3..].find('\'').map_or(0, |at| at + 4),
        Some(_) => match letters.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

/// The rooms named behind each `root` (`crate::`, `callbluff::`): one, or each of a group.
fn named(code: &str, root: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(root) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$') {
            continue;
        }
        let rest = code[at + root.len()..].trim_start();
        match rest.strip_prefix('{') {
            None => found.extend(first_word(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut at_start = true;
                for (at, letter) in group.char_indices() {
                    match letter {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => at_start = true,
                        _ if at_start && !letter.is_whitespace() => {
                            found.extend(first_word(&group[at..]));
                            at_start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text
        .chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

#[test]
fn every_room_is_in_the_drawing() {
    for file in sources() {
        assert!(
            floor(&file.room).is_some(),
            "src/{}: the room \"{}\" is not in the drawing",
            file.path.display(),
            file.room
        );
    }
}

#[test]
fn a_room_uses_only_rooms_below_it() {
    let mut broken = Vec::new();
    for file in sources() {
        let Some(own) = floor(&file.room) else {
            continue;
        };
        let mut used = named(&file.code, "crate::");
        if file.room == "main" {
            used.extend(named(&file.code, "callbluff::"));
        }
        // From the first file of a room `super` is the roof: another way to write `crate`.
        if file.path.components().count() == 1
            || file.path.ends_with("mod.rs") && file.path.components().count() == 2
        {
            used.extend(
                named(&file.code, "super::")
                    .into_iter()
                    .filter(|word| floor(word).is_some()),
            );
        }
        for room in used.into_iter().filter(|room| *room != file.room) {
            match floor(&room) {
                Some(height) if height < own => {}
                Some(height) if height == own => broken.push(format!(
                    "src/{}: uses {room}, which is beside it",
                    file.path.display()
                )),
                Some(_) => broken.push(format!(
                    "src/{}: uses {room}, which is above it",
                    file.path.display()
                )),
                None => broken.push(format!(
                    "src/{}: uses {room}, which is not in the drawing",
                    file.path.display()
                )),
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn nobody_climbs_two_steps_at_once() {
    for file in sources() {
        assert!(
            !file.code.contains("super::super"),
            "src/{}: write crate:: instead of super::super::",
            file.path.display()
        );
    }
}

#[test]
fn reading_judging_and_deciding_are_pure() {
    for file in sources()
        .iter()
        .filter(|file| PURE.contains(&file.room.as_str()))
    {
        // Tests may read files: they are no part of the program.
        if file.path.ends_with("tests.rs") {
            continue;
        }
        let code = file
            .code
            .split("#[cfg(test)]\nmod ")
            .next()
            .unwrap_or_default();
        for word in IMPURE {
            assert!(
                !code.contains(word),
                "src/{}: {word} in a pure room",
                file.path.display()
            );
        }
    }
}

#[test]
fn the_documentation_shows_this_drawing() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md"))
            .expect("docs/architecture.md exists");
    for line in DRAWING.lines() {
        let drawn: Vec<&str> = rooms(line).collect();
        let is_shown = text.lines().any(|shown| {
            shown.len() > 9
                && shown.is_char_boundary(9)
                && shown[..9] == line[..9]
                && rooms(shown).take(drawn.len()).eq(drawn.iter().copied())
        });
        assert!(is_shown, "docs/architecture.md does not show \"{line}\"");
    }
}

#[test]
fn imports_are_found_in_every_spelling() {
    let code = bare(
        "use crate::message::{Envelope, headers};\nuse crate::{spool, policy::{self, Rule}};\n// crate::web\nlet a = \"crate::daemon\";\n\
         let b = r#\"crate::daemon\"#; let c = '\"'; fn f<'a>(x: &'a crate::classify::Verdict) {}\nmod mycrate; mycrate::thing();",
    );
    let found: Vec<String> = named(&code, "crate::").into_iter().collect();
    assert_eq!(found, ["classify", "message", "policy", "spool"]);
}
