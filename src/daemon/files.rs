//! Sees when a file of `[maps]` has changed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often files are looked at.
pub(super) const EVERY: Duration = Duration::from_secs(2);

/// By what a change of a file is seen; `None` where there is no file.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// The files of the maps as they were when they were read.
#[derive(Debug, Default)]
pub(super) struct Watch {
    read: Vec<(PathBuf, Stamp)>,
    /// As they were when they were looked at last.
    seen: Vec<Stamp>,
}

impl Watch {
    /// The files as they are now; for those that were watched before, as they were before.
    ///
    /// Whoever reads files must call `look` before that: what changes meanwhile is then read again.
    pub(super) fn renew(&mut self, paths: &[PathBuf]) {
        let old = std::mem::take(&mut self.read);
        for path in paths {
            let before = old.iter().position(|(known, _)| known == path);
            let before = before.and_then(|index| self.seen.get(index).copied());
            self.read
                .push((path.clone(), before.unwrap_or_else(|| stamp(path))));
        }
        self.seen = self.read.iter().map(|(_, stamp)| *stamp).collect();
    }

    /// Looks at the files, and says which one has changed since it was read and is at rest, so that no
    /// half-written file is taken.
    pub(super) fn changed(&mut self) -> Option<&Path> {
        let before = self.look();
        let mut files = self.read.iter().zip(before.iter().zip(&self.seen));
        files
            .find(|((_, read), (before, now))| read != *now && before == now)
            .map(|((path, _), _)| path.as_path())
    }

    /// Looks at the files; gives how they were the last time.
    pub(super) fn look(&mut self) -> Vec<Stamp> {
        let now = self.read.iter().map(|(path, _)| stamp(path)).collect();
        std::mem::replace(&mut self.seen, now)
    }
}

fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((
        found.dev(),
        found.ino(),
        found.len(),
        found.mtime(),
        found.mtime_nsec(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_once_when_it_is_at_rest() {
        let folder = tempfile::tempdir().expect("a folder");
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let write = |path: &Path, text: &str| fs::write(path, text).expect("the folder is ours");
        write(&a, "1");
        let paths = [a.clone(), b.clone()];
        let mut watch = Watch::default();
        watch.renew(&paths);
        assert_eq!(watch.changed(), None);
        write(&a, "12");
        assert_eq!(watch.changed(), None, "it may be half written");
        write(&a, "123");
        assert_eq!(watch.changed(), None, "it still grows");
        assert_eq!(watch.changed(), Some(a.as_path()));
        watch.renew(&paths);
        assert_eq!(watch.changed(), None);
        // One that was not there, one that is gone, one that another takes the place of.
        write(&b, "1");
        assert_eq!(watch.changed(), None);
        assert_eq!(watch.changed(), Some(b.as_path()));
        watch.renew(&paths);
        fs::remove_file(&b).expect("it is there");
        watch.changed();
        assert_eq!(watch.changed(), Some(b.as_path()));
        watch.renew(&paths);
        // What changes while it is read counts as unread.
        watch.look();
        write(&a, "1234");
        watch.renew(&paths);
        watch.changed();
        assert_eq!(watch.changed(), Some(a.as_path()));
    }
}
