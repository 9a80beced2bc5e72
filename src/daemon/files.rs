//! Sees when a file of `[maps]` has changed.

use crate::config::{MapFile, Stamp};
use std::path::Path;
use std::time::Duration;

/// How often files are looked at.
pub(super) const EVERY: Duration = Duration::from_secs(2);

/// What was seen of the files.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// As they were when they were looked at last.
    seen: Vec<Stamp>,
    /// As they were when they were last told to have changed.
    told: Vec<Stamp>,
}

impl Watch {
    /// Looks at the files, and says which one has changed since it was read and is at rest, so that no
    /// half-written file is taken. One that could not be read is told again when it changes again.
    pub(super) fn changed<'m>(&mut self, maps: &'m [MapFile]) -> Option<&'m Path> {
        let now: Vec<Stamp> = maps.iter().map(|map| Stamp::of(&map.path)).collect();
        let is_at_rest = now == self.seen;
        let is_new = now != self.told;
        self.seen.clone_from(&now);
        let mut files = maps.iter().zip(&now);
        let (changed, _) = files.find(|(map, now)| map.stamp != **now)?;
        if !is_at_rest || !is_new {
            return None;
        }
        self.told = now;
        Some(&changed.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_change_is_seen_once_when_it_is_at_rest() {
        let folder = tempfile::tempdir().expect("a folder");
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let write = |path: &Path, text: &str| fs::write(path, text).expect("the folder is ours");
        write(&a, "1");
        let read = || [&a, &b].map(|path| MapFile::at(path));
        let mut maps = read();
        let mut watch = Watch::default();
        for _ in 0..3 {
            assert_eq!(watch.changed(&maps), None);
        }
        write(&a, "12");
        assert_eq!(watch.changed(&maps), None, "it may be half written");
        write(&a, "123");
        assert_eq!(watch.changed(&maps), None, "it still grows");
        assert_eq!(watch.changed(&maps), Some(a.as_path()));
        assert_eq!(watch.changed(&maps), None, "it could not be used");
        write(&a, "1234");
        assert_eq!(watch.changed(&maps), None);
        assert_eq!(watch.changed(&maps), Some(a.as_path()));
        maps = read();
        assert_eq!(watch.changed(&maps), None);
        // One that was not there, and one that is gone.
        write(&b, "1");
        assert_eq!(watch.changed(&maps), None);
        assert_eq!(watch.changed(&maps), Some(b.as_path()));
        maps = read();
        fs::remove_file(&b).expect("it is there");
        assert_eq!(watch.changed(&maps), None);
        assert_eq!(watch.changed(&maps), Some(b.as_path()));
    }
}
