//! The keys that sign our own mail.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::Path;

/// Bytes of a key.
const KEY: usize = 32;
/// The most keys of a file: older ones than the last few have signed nothing that is still valid.
const MAX_KEYS: usize = 16;
/// The longest file, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// Keys, the signing one first.
///
/// The file has one key on each line, as 64 hexadecimal digits; `#` begins a comment. All hosts that
/// filter mail for each other have the same file. To rotate: put a new key below the first on every host, then move it to
/// the first line, then take the old one out when what it signed has expired.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys {
    keys: Vec<[u8; KEY]>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.keys.len())
    }
}

impl Keys {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no file of keys, or anybody may read it: with what to do.
    pub fn load(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let mut text = String::new();
        let file = File::open(path)
            .map_err(|err| format!("could not read the key file \"{name}\" ({err})"))?;
        let mode = file.metadata().map_or(0, |data| data.mode());
        if mode & 0o007 != 0 {
            return Err(format!(
                "everybody may read the key file \"{name}\"; use  chmod o= {name}"
            ));
        }
        file.take(MAX_FILE)
            .read_to_string(&mut text)
            .map_err(|err| format!("could not read the key file \"{name}\" ({err})"))?;
        Self::parse(&text).map_err(|why| format!("key file \"{name}\": {why}"))
    }

    /// Reads a file, and makes one with a new key where there is none.
    ///
    /// # Errors
    ///
    /// As [`Keys::load`], and when the file cannot be made.
    pub fn load_or_create(path: &Path) -> Result<Self, String> {
        if !path.exists() {
            create(path).map_err(|err| {
                format!("could not make the key file \"{}\" ({err})", path.display())
            })?;
        }
        Self::load(path)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// When a line is no key, or there is none, or there are too many: with the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let key = unhex(line)
                .ok_or_else(|| format!("line {} is no key of 64 hexadecimal digits", index + 1))?;
            keys.push(key);
        }
        match keys.len() {
            0 => Err("there is no key in it; make one with  openssl rand -hex 32".to_owned()),
            1..=MAX_KEYS => Ok(Self { keys }),
            count => Err(format!("{count} keys, the limit is {MAX_KEYS}")),
        }
    }

    /// The signature of the first key over some parts; `None` without keys.
    pub(super) fn sign(&self, parts: &[&[u8]]) -> Option<[u8; 32]> {
        Some(
            mac(self.keys.first()?, parts)
                .finalize()
                .into_bytes()
                .into(),
        )
    }

    /// For each key, the signatures that it makes.
    pub(super) fn signers(&self) -> impl Iterator<Item = Self> {
        self.keys.iter().map(|key| Self { keys: vec![*key] })
    }

    /// Has the first key signed this? It takes the same time whatever the answer is.
    pub(super) fn has_signed(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        self.keys
            .first()
            .is_some_and(|key| mac(key, parts).verify_slice(signature).is_ok())
    }
}

/// Each part with its length before it, so that no two lists of parts look alike.
fn mac(key: &[u8; KEY], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

fn unhex(text: &str) -> Option<[u8; KEY]> {
    let mut key = [0; KEY];
    if text.len() != 2 * KEY || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(key)
}

/// Makes a file with one new key. Whoever comes second finds the file of the first.
fn create(path: &Path) -> io::Result<()> {
    let mut key = [0; KEY];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    let mut line =
        String::from("# callbluff signs its own mail with the first key of this file.\n");
    for byte in key {
        let _ = write!(line, "{byte:02x}");
    }
    line.push('\n');
    let folder = path.parent().unwrap_or(Path::new("."));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let own = folder.join(format!(".release.key.{}", std::process::id()));
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&own)
        .and_then(|mut file| {
            // Made by root on the command line, it is the service that must read it.
            let owner = fs::metadata(folder)?;
            let _ = fchown(&file, Some(owner.uid()), Some(owner.gid()));
            file.write_all(line.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| match fs::hard_link(&own, path) {
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        });
    let _ = fs::remove_file(&own);
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn files_of_keys_are_read() {
        let (one, two) = ("0".repeat(64), "aF".repeat(32));
        let keys = Keys::parse(&format!("# mine\n{one}\n\n{two} # old\n")).unwrap();
        assert_eq!(keys.keys, [[0; 32], [0xaf; 32]]);
        for (text, why) in [
            (String::new(), "there is no key in it"),
            ("# no\n".to_owned(), "there is no key in it"),
            (format!("{one}0"), "line 1 is no key"),
            (format!("{one}\n{}", "g".repeat(64)), "line 2 is no key"),
            (format!("{one}\n").repeat(17), "17 keys, the limit is 16"),
        ] {
            let told = Keys::parse(&text).unwrap_err();
            assert!(told.starts_with(why), "{told}");
        }
    }

    #[test]
    fn a_missing_file_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("release.key");
        let keys = Keys::load_or_create(&path).unwrap();
        assert_eq!(Keys::load_or_create(&path).unwrap(), keys);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let other = Keys::load_or_create(&folder.path().join("other.key")).unwrap();
        assert_ne!(other, keys);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(
            Keys::load(&path)
                .unwrap_err()
                .starts_with("everybody may read")
        );
    }

    #[test]
    fn parts_cannot_be_moved() {
        let keys = Keys::parse(&"1".repeat(64)).unwrap();
        let signature = keys.sign(&[b"ab", b"c"]).unwrap();
        assert!(keys.has_signed(&[b"ab", b"c"], &signature));
        assert!(!keys.has_signed(&[b"a", b"bc"], &signature));
        assert!(!keys.has_signed(&[b"ab", b"c"], &signature[..31]));
        assert!(!Keys::default().has_signed(&[], &[]));
    }
}
