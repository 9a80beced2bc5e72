//! Looks quoted passwords up in a local list of breached ones.
//!
//! The list is a download of Have I Been Pwned: either one file of lines `HASH:COUNT`, sorted by hash,
//! or a folder with a file for each first five digits, whose lines are `REST:COUNT`. A hash is the
//! SHA-1 of a password in hexadecimal digits. Nothing leaves this machine, and neither a password
//! nor its hash is logged or stored.

use sha1::{Digest, Sha1};
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Hexadecimal digits of a SHA-1.
const DIGITS: usize = 40;
/// Digits in the name of a range file.
const PREFIX: usize = 5;
/// No line is longer, in bytes: a hash, a colon, a count of up to 19 digits, CR LF.
const LINE: usize = 64;
/// A binary search in a file of any size ends after so many steps.
const STEPS: usize = 64;
/// The most of a range file that is read, in bytes; real ones have about 40 KiB.
const RANGE_BYTES: u64 = 1 << 20;
/// The most passwords of one message that are looked up.
const PASSWORDS: usize = 16;

/// Where breached passwords are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// A sorted file or a folder of range files; `None` looks nothing up. Default: none.
    pub path: Option<PathBuf>,
}

/// A list of breached passwords.
#[derive(Debug)]
pub enum Breaches {
    /// One sorted file.
    File(File),
    /// A folder of range files.
    Folder(PathBuf),
}

impl Breaches {
    /// Opens a list.
    ///
    /// # Errors
    ///
    /// When there is no such file or folder, or it cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.is_dir() {
            fs::read_dir(path)?;
            return Ok(Self::Folder(path.to_owned()));
        }
        File::open(path).map(Self::File)
    }

    /// Is one of these passwords in the list? Only the first few are looked up. Blocks while it reads.
    ///
    /// # Errors
    ///
    /// When the list cannot be read, or is not of its form.
    pub fn contain(&self, passwords: &[String]) -> io::Result<bool> {
        for password in passwords.iter().take(PASSWORDS) {
            let hash = hash(password);
            let is_known = match self {
                Self::File(file) => search(file, &hash)?,
                Self::Folder(folder) => is_in_range(folder, &hash)?,
            };
            if is_known {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The SHA-1 of a password in upper-case digits.
fn hash(password: &str) -> String {
    let mut digits = String::with_capacity(DIGITS);
    for byte in Sha1::digest(password.as_bytes()) {
        let _ = write!(digits, "{byte:02X}");
    }
    digits
}

/// Looks for the line of a hash in a sorted file.
fn search(file: &File, hash: &str) -> io::Result<bool> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "not a sorted list of hashes");
    // The line, if there is one, begins within `low..high`.
    let (mut low, mut high) = (0, file.metadata()?.len());
    for _ in 0..STEPS {
        if low >= high {
            return Ok(false);
        }
        let middle = low + (high - low) / 2;
        let start = middle.saturating_sub(LINE as u64);
        let mut block = [0; 2 * LINE];
        let count = read_at(file, &mut block, start)?;
        // At most `LINE`, which fits.
        let at = (middle - start) as usize;
        let (Some(before), Some(behind)) = (block[..count].get(..at), block[..count].get(at..))
        else {
            return Err(malformed());
        };
        let begin = match before.iter().rposition(|&byte| byte == b'\n') {
            Some(end) => end + 1,
            None if start == 0 => 0,
            None => return Err(malformed()),
        };
        let end = behind
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(count, |length| at + length);
        let line = std::str::from_utf8(&block[begin..end]).map_err(|_| malformed())?;
        let (found, times) = line.trim_end().split_once(':').ok_or_else(malformed)?;
        if found.len() != DIGITS {
            return Err(malformed());
        }
        match compare(found, hash) {
            Ordering::Equal => return Ok(is_breached(times)),
            Ordering::Less => low = start + end as u64 + 1,
            Ordering::Greater => high = start + begin as u64,
        }
    }
    Err(malformed())
}

/// Fills the block as far as the file goes.
fn read_at(file: &File, block: &mut [u8], start: u64) -> io::Result<usize> {
    let mut count = 0;
    while count < block.len() {
        match file.read_at(&mut block[count..], start + count as u64) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// Looks for a hash in the range file of its first digits.
fn is_in_range(folder: &Path, hash: &str) -> io::Result<bool> {
    let (prefix, rest) = hash.split_at(PREFIX);
    // Both names are in use: the web service's own and that of the usual downloader.
    let file = match File::open(folder.join(format!("{prefix}.txt"))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => File::open(folder.join(prefix)),
        opened => opened,
    };
    let mut text = String::new();
    match file {
        // A part of the list is a list.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?.take(RANGE_BYTES).read_to_string(&mut text)?,
    };
    Ok(text
        .lines()
        .filter_map(|line| line.trim().split_once(':'))
        .any(|(found, times)| compare(found, rest).is_eq() && is_breached(times)))
}

fn compare(found: &str, hash: &str) -> Ordering {
    let found = found.bytes().map(|byte| byte.to_ascii_uppercase());
    found.cmp(hash.bytes())
}

/// Range files are filled up with hashes that were seen 0 times.
fn is_breached(times: &str) -> bool {
    times.trim().parse::<u64>().is_ok_and(|times| times > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(words: &[&str], end: &str) -> String {
        let mut lines: Vec<String> = words
            .iter()
            .map(|word| format!("{}:{}{end}", hash(word), word.len()))
            .collect();
        lines.sort();
        lines.concat()
    }

    fn contains(breaches: &Breaches, password: &str) -> io::Result<bool> {
        breaches.contain(&[password.to_owned()])
    }

    #[test]
    fn hashes_are_those_of_the_list() {
        // The example of the web service's documentation.
        assert_eq!(hash("P@ssw0rd"), "21BD12DC183F740EE76F27B78EB39C8AD972A757");
    }

    #[test]
    fn every_line_of_a_sorted_file_is_found_and_nothing_else() {
        let words: Vec<String> = (0..50).map(|number| format!("word{number}")).collect();
        for end in ["\n", "\r\n"] {
            for count in [1, 2, 3, 50] {
                let list: Vec<&str> = words[..count].iter().map(String::as_str).collect();
                let mut file = tempfile::NamedTempFile::new().expect("a file");
                let text = sorted(&list, end);
                io::Write::write_all(&mut file, text.as_bytes()).expect("it is ours");
                let breaches = Breaches::open(file.path()).expect("it is there");
                for word in &list {
                    assert!(
                        contains(&breaches, word).expect("readable"),
                        "{word} {count}"
                    );
                }
                for word in ["other", "more", "none", ""] {
                    assert!(!contains(&breaches, word).expect("readable"), "{word}");
                }
            }
        }
    }

    #[test]
    fn a_folder_of_ranges_is_looked_through() {
        let folder = tempfile::tempdir().expect("a folder");
        for (word, times, suffix) in [("one", 3, ".txt"), ("two", 9, ""), ("filler", 0, "")] {
            let hash = hash(word);
            let (prefix, rest) = hash.split_at(PREFIX);
            let name = format!("{prefix}{suffix}");
            fs::write(folder.path().join(name), format!("{rest}:{times}\r\n")).expect("ours");
        }
        let breaches = Breaches::open(folder.path()).expect("it is there");
        for (word, expected) in [
            ("one", true),
            ("two", true),
            ("filler", false),
            ("x", false),
        ] {
            assert_eq!(
                contains(&breaches, word).expect("readable"),
                expected,
                "{word}"
            );
        }
    }

    #[test]
    fn other_files_are_refused_and_end() {
        for text in ["x".repeat(1000), "hello:1\n".repeat(30), "\n".repeat(99)] {
            let mut file = tempfile::NamedTempFile::new().expect("a file");
            io::Write::write_all(&mut file, text.as_bytes()).expect("it is ours");
            let breaches = Breaches::open(file.path()).expect("it is there");
            assert!(contains(&breaches, "word").is_err(), "{text:?}");
        }
        assert!(Breaches::open(Path::new("/nonexistent/list")).is_err());
    }
}
