//! Where `scan` and `eval` take their messages from: files, folders, Maildir, mbox, standard input.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// How deep folders may lie in each other: a loop of bind mounts must end somewhere.
const DEPTH: usize = 64;

/// The longest line that can be the separator of an mbox, in bytes.
const POSTMARK_BYTES: usize = 1024;

/// How much of a file is looked at to tell whether it is mail, in bytes.
const SNIFF_BYTES: usize = 1024;

/// One message, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    /// The path as it was given or found, with `#N` behind it for the N-th message of an mbox.
    pub(crate) name: String,
    /// The bytes of the message, at most as many as asked for; or why it could not be read.
    pub(crate) content: Result<Vec<u8>, String>,
    /// Was the rest left out, or was it missing?
    pub(crate) is_truncated: bool,
    /// What a person should know about the source, such as an mbox that ends in mid-message.
    pub(crate) note: Option<&'static str>,
}

/// A place that messages can be read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Standard input.
    Stdin,
    /// A file and its size in bytes.
    File(PathBuf, u64),
    /// A path that could not be looked at, and why.
    Broken(PathBuf, String),
}

impl Source {
    /// Its size in bytes, 0 where that is not known.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::File(_, size) => *size,
            _ => 0,
        }
    }
}

/// Every source behind the given paths, folders opened, sorted by name within each folder.
///
/// `-` is standard input. A file given by name is always taken. Of a folder those files are
/// taken that end in `.eml`, `.txt` or `.mbox`, lie in a Maildir, or begin like a message.
pub(crate) fn sources(paths: &[PathBuf]) -> Vec<Source> {
    let mut found = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            found.push(Source::Stdin);
            continue;
        }
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => walk(path, 0, &mut found),
            Ok(meta) => found.push(Source::File(path.clone(), meta.len())),
            Err(err) => found.push(Source::Broken(path.clone(), err.to_string())),
        }
    }
    found
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<Source>) {
    if depth == DEPTH {
        let why = format!("folders nested more than {DEPTH} deep, the limit is {DEPTH}");
        found.push(Source::Broken(folder.to_owned(), why));
        return;
    }
    let names = match names(folder) {
        Ok(names) => names,
        Err(err) => {
            found.push(Source::Broken(folder.to_owned(), err.to_string()));
            return;
        }
    };
    let is_maildir = names.iter().any(|name| name == "cur") && names.iter().any(|n| n == "new");
    for name in names {
        let path = folder.join(&name);
        // Note: symlink_metadata, so that a link to a folder above does not make a loop.
        let meta = match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_symlink() => match fs::metadata(&path) {
                Ok(target) if target.is_file() => target,
                Ok(_) => continue,
                Err(err) => {
                    found.push(Source::Broken(path, err.to_string()));
                    continue;
                }
            },
            Ok(meta) => meta,
            Err(err) => {
                found.push(Source::Broken(path, err.to_string()));
                continue;
            }
        };
        if meta.is_dir() {
            // Half-delivered messages lie in tmp: they are the MDA's business.
            let is_unfinished = is_maildir && name == "tmp";
            if !is_unfinished && name != ".git" {
                walk(&path, depth + 1, found);
            }
        } else if meta.is_file() && is_mail(folder, &path) {
            found.push(Source::File(path, meta.len()));
        }
    }
}

fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// Is this file of a folder mail? A file that cannot be read is taken, so that its error is told.
fn is_mail(folder: &Path, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    if name.starts_with(b".") {
        return false;
    }
    let suffix = path.extension().unwrap_or_default().to_ascii_lowercase();
    if suffix == "eml" || suffix == "txt" || suffix == "mbox" {
        return true;
    }
    let last = folder.file_name().unwrap_or_default();
    if (last == "cur" || last == "new")
        && folder.with_file_name("cur").is_dir()
        && folder.with_file_name("new").is_dir()
    {
        return true;
    }
    let mut start = Vec::new();
    match File::open(path).and_then(|file| file.take(SNIFF_BYTES as u64).read_to_end(&mut start)) {
        Ok(_) => {
            let line = start.split(|&byte| byte == b'\n').next().unwrap_or(&start);
            is_postmark(line) || is_field(line)
        }
        Err(_) => true,
    }
}

/// Reads every message of a source and hands each to `take`, which says whether to go on.
///
/// At most `limit` bytes of each message are kept. `progress` hears the bytes read so far.
pub(crate) fn read(
    source: &Source,
    limit: usize,
    progress: &mut dyn FnMut(u64),
    take: &mut dyn FnMut(Mail) -> bool,
) {
    let (name, result) = match source {
        Source::Broken(path, why) => {
            let name = path.display().to_string();
            take(broken(&name, why.clone()));
            return;
        }
        Source::Stdin => {
            let name = "-".to_owned();
            let result = split(&mut io::stdin().lock(), &name, limit, progress, take);
            (name, result)
        }
        Source::File(path, _) => {
            let name = path.display().to_string();
            let result = File::open(path).and_then(|file| {
                let mut reader = BufReader::with_capacity(64 * 1024, file);
                split(&mut reader, &name, limit, progress, take)
            });
            (name, result)
        }
    };
    if let Err(err) = result {
        take(broken(&name, err.to_string()));
    }
}

fn broken(name: &str, why: String) -> Mail {
    Mail {
        name: name.to_owned(),
        content: Err(why),
        is_truncated: false,
        note: None,
    }
}

/// Cuts a stream into its messages: one, or the many of an mbox.
fn split(
    reader: &mut dyn BufRead,
    name: &str,
    limit: usize,
    progress: &mut dyn FnMut(u64),
    take: &mut dyn FnMut(Mail) -> bool,
) -> io::Result<()> {
    let mut lines = Lines {
        reader,
        line: Vec::new(),
        is_start: true,
        read: 0,
    };
    let mut splitter = Splitter::new(name, limit);
    loop {
        let is_line_start = lines.is_start;
        if !lines.next()? {
            break;
        }
        progress(lines.read);
        let is_going_on = splitter.push(&lines.line, is_line_start, take);
        if !is_going_on {
            return Ok(());
        }
    }
    splitter.finish(take);
    Ok(())
}

/// Lines with their ends; a line longer than `POSTMARK_BYTES` comes in several pieces.
struct Lines<'a> {
    reader: &'a mut dyn BufRead,
    line: Vec<u8>,
    is_start: bool,
    read: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> io::Result<bool> {
        self.line.clear();
        let mut bounded = (&mut self.reader).take(POSTMARK_BYTES as u64);
        let count = bounded.read_until(b'\n', &mut self.line)?;
        self.read += count as u64;
        self.is_start = self.line.ends_with(b"\n");
        Ok(count > 0)
    }
}

/// The state between the lines of a file that may be an mbox.
struct Splitter<'a> {
    name: &'a str,
    limit: usize,
    is_mbox: bool,
    number: usize,
    /// The first message waits here: only a second one gives it a number in its name.
    first: Option<Mail>,
    message: Vec<u8>,
    is_cut: bool,
    is_any: bool,
    /// A line that is a separator if a header field follows it.
    doubtful: Option<Vec<u8>>,
    is_after_blank: bool,
    is_in_header: bool,
    is_line_whole: bool,
}

impl<'a> Splitter<'a> {
    fn new(name: &'a str, limit: usize) -> Self {
        Self {
            name,
            limit,
            is_mbox: false,
            number: 1,
            first: None,
            message: Vec::new(),
            is_cut: false,
            is_any: false,
            doubtful: None,
            is_after_blank: true,
            is_in_header: true,
            is_line_whole: true,
        }
    }

    fn push(&mut self, line: &[u8], is_start: bool, take: &mut dyn FnMut(Mail) -> bool) -> bool {
        if let Some(held) = self.doubtful.take() {
            if is_start && is_field(line) {
                if !self.separate(take) {
                    return false;
                }
            } else {
                self.add(&held);
            }
        }
        let is_first = !self.is_any;
        if is_start && line.starts_with(b"From ") && (is_first || self.is_mbox) {
            if is_postmark(line) {
                self.is_any = true;
                return self.separate(take);
            }
            if self.is_after_blank && names_a_sender(line) {
                self.is_any = true;
                self.doubtful = Some(line.to_vec());
                return true;
            }
        }
        self.is_any = true;
        if is_start {
            self.is_after_blank = matches!(line, b"\n" | b"\r\n");
            if self.is_after_blank {
                self.is_in_header = false;
            }
        }
        self.is_line_whole = line.ends_with(b"\n");
        // mboxrd: one `>` less before every quoted separator; mboxo quotes only the first level.
        let is_quoted = self.is_mbox && is_start && is_quoted_separator(line);
        self.add(if is_quoted { &line[1..] } else { line });
        true
    }

    fn add(&mut self, bytes: &[u8]) {
        let room = self.limit - self.message.len();
        self.is_cut |= bytes.len() > room;
        self.message
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// A separator was read: what came before it is a message.
    fn separate(&mut self, take: &mut dyn FnMut(Mail) -> bool) -> bool {
        let is_going_on = if self.is_mbox {
            self.emit(None, take)
        } else {
            self.is_mbox = true;
            true
        };
        self.is_after_blank = false;
        self.is_in_header = true;
        self.is_line_whole = true;
        is_going_on
    }

    fn emit(&mut self, note: Option<&'static str>, take: &mut dyn FnMut(Mail) -> bool) -> bool {
        let mut bytes = std::mem::take(&mut self.message);
        // The blank line before a separator belongs to the mbox (RFC 4155, appendix A).
        if self.is_mbox && !self.is_cut {
            if bytes.ends_with(b"\r\n\r\n") {
                bytes.truncate(bytes.len() - 2);
            } else if bytes.ends_with(b"\n\n") {
                bytes.truncate(bytes.len() - 1);
            }
        }
        let mail = Mail {
            name: self.name.to_owned(),
            content: Ok(bytes),
            is_truncated: std::mem::take(&mut self.is_cut) || note.is_some(),
            note,
        };
        let number = self.number;
        self.number += 1;
        if number == 1 {
            self.first = Some(mail);
            return true;
        }
        if let Some(mut first) = self.first.take() {
            first.name = format!("{}#1", self.name);
            if !take(first) {
                return false;
            }
        }
        take(Mail {
            name: format!("{}#{number}", self.name),
            ..mail
        })
    }

    fn finish(mut self, take: &mut dyn FnMut(Mail) -> bool) {
        if let Some(held) = self.doubtful.take() {
            self.add(&held);
        }
        let is_broken_off = self.is_mbox && (self.is_in_header || !self.is_line_whole);
        let note = is_broken_off.then_some("the mbox ends in the middle of its last message");
        let is_going_on = self.emit(note, take);
        if is_going_on && let Some(first) = self.first.take() {
            take(first);
        }
    }
}

/// Is this the separator line of an mbox: `From`, an address, a time and a year?
///
/// "From here on ..." in a text is none, though no writer of an mbox had to quote it.
fn is_postmark(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else {
        return false;
    };
    let mut has_time = false;
    let mut has_year = false;
    for word in rest.split(|byte| byte.is_ascii_whitespace()) {
        let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
        has_time |= word.len() >= 4 && word[..word.len().min(3)].contains(&b':') && digits >= 3;
        has_year |= word.len() == 4 && digits == 4;
    }
    has_time && has_year
}

/// Is this `From`, a sender and nothing that looks like a date?
fn names_a_sender(line: &[u8]) -> bool {
    let mut words = line
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty());
    words.next() == Some(b"From")
        && line.ends_with(b"\n")
        && words
            .next()
            .is_some_and(|word| word.contains(&b'@') || matches!(word, b"MAILER-DAEMON" | b"-"))
}

/// Does this line begin like a header field (RFC 5322, section 2.2)?
fn is_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|&byte| byte == b':') else {
        return false;
    };
    colon > 0 && line[..colon].iter().all(|byte| byte.is_ascii_graphic())
}

fn is_quoted_separator(line: &[u8]) -> bool {
    let unquoted = line
        .iter()
        .position(|&byte| byte != b'>')
        .unwrap_or(line.len());
    unquoted > 0 && line[unquoted..].starts_with(b"From ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(input: &str, limit: usize) -> Vec<Mail> {
        let mut found = Vec::new();
        split(
            &mut input.as_bytes(),
            "in",
            limit,
            &mut |_| (),
            &mut |mail| {
                found.push(mail);
                true
            },
        )
        .unwrap();
        found
    }

    fn texts(input: &str) -> Vec<String> {
        let texts = messages(input, 1000).into_iter();
        texts
            .map(|mail| String::from_utf8(mail.content.unwrap()).unwrap())
            .collect()
    }

    const MARK: &str = "From a@example.org  Tue Jan  7 10:11:12 2025\n";

    #[test]
    fn a_message_is_itself() {
        assert_eq!(texts("To: b\n\nhello"), ["To: b\n\nhello"]);
        assert_eq!(texts(""), [""]);
        assert_eq!(texts("From now on\nNote: x"), ["From now on\nNote: x"]);
        // Quoting is undone in an mbox alone.
        assert_eq!(texts("To: b\n\n>From c"), ["To: b\n\n>From c"]);
    }

    #[test]
    fn an_mbox_is_cut_at_its_separators() {
        let mbox = format!("{MARK}To: b\n\none\n\n{MARK}To: c\n\ntwo\n\n");
        assert_eq!(texts(&mbox), ["To: b\n\none\n", "To: c\n\ntwo\n"]);
        let names: Vec<_> = messages(&mbox, 99).into_iter().map(|m| m.name).collect();
        assert_eq!(names, ["in#1", "in#2"]);
    }

    #[test]
    fn an_mbox_of_one_message_has_the_name_of_its_file() {
        let mails = messages(&format!("{MARK}To: b\n\none\n"), 99);
        assert_eq!(mails[0].name, "in");
        assert_eq!((mails.len(), mails[0].note), (1, None));
    }

    #[test]
    fn text_that_begins_with_from_is_no_separator() {
        let mbox = format!("{MARK}To: b\n\nFrom here on it is easy.\n\nFrom me\n");
        assert_eq!(texts(&mbox).len(), 1);
        // Without a date, a field must follow.
        let mbox = format!("{MARK}To: b\n\none\n\nFrom c@example.org\nTo: d\n\ntwo\n");
        assert_eq!(texts(&mbox), ["To: b\n\none\n", "To: d\n\ntwo\n"]);
    }

    #[test]
    fn quoted_separators_are_unquoted_by_one() {
        let mbox = format!("{MARK}To: b\n\n>From c\n>>From d\n> From e\n");
        assert_eq!(texts(&mbox), ["To: b\n\nFrom c\n>From d\n> From e\n"]);
    }

    #[test]
    fn an_mbox_cut_in_the_middle_is_noted() {
        for cut in ["To: b\n", "To: b\n\none", "To"] {
            let mails = messages(&format!("{MARK}To: a\n\n.\n\n{MARK}{cut}"), 99);
            assert_eq!(mails.len(), 2, "{cut}");
            assert!(mails[1].note.is_some() && mails[1].is_truncated, "{cut}");
            assert!(mails[0].note.is_none(), "{cut}");
        }
    }

    #[test]
    fn the_limit_holds_for_each_message() {
        let mbox = format!("{MARK}To: b\n\n{}\n\n{MARK}To: c\n\n.\n", "x".repeat(5000));
        let mails = messages(&mbox, 100);
        assert_eq!(mails[0].content.as_ref().unwrap().len(), 100);
        assert!(mails[0].is_truncated);
        assert_eq!(mails[1].content, Ok(b"To: c\n\n.\n".to_vec()));
        assert!(!mails[1].is_truncated);
    }

    #[test]
    fn folders_are_sorted_and_maildirs_known() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["b", "m/cur", "m/new", "m/tmp"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for (file, text) in [
            ("b/2.eml", ""),
            ("b/1.txt", ""),
            ("a", "To: b\n\n"),
            ("manifest.tsv", "file\tsource\n"),
            ("m/cur/1:2,S", ""),
            ("m/tmp/2", "To: b\n\n"),
            ("m/new/3", ""),
        ] {
            fs::write(root.path().join(file), text).unwrap();
        }
        let found: Vec<_> = sources(&[root.path().to_owned()])
            .into_iter()
            .map(|source| match source {
                Source::File(path, _) => path
                    .strip_prefix(root.path())
                    .unwrap()
                    .display()
                    .to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(found, ["a", "b/1.txt", "b/2.eml", "m/cur/1:2,S", "m/new/3"]);
    }

    #[test]
    fn a_path_that_is_not_there_is_told() {
        let missing = PathBuf::from("/nonexistent/mail.eml");
        let found = sources(std::slice::from_ref(&missing));
        assert!(matches!(&found[..], [Source::Broken(path, _)] if *path == missing));
    }
}
