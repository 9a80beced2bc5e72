//! Encryption at rest: a key for each entry, wrapped for each domain under a master key.

use crate::quarantine::{Answer, StoreError, Trouble};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The most of a key file that is read, in bytes.
const MAX_FILE: u64 = 64 << 10;
const KEY: usize = 32;
const NONCE: usize = 12;

/// The master keys: the first one wraps, all of them unwrap.
#[derive(Clone)]
pub struct MasterKeys {
    keys: Vec<(String, [u8; KEY])>,
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.keys.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

/// The key of one entry.
#[derive(Clone)]
pub(crate) struct EntryKey([u8; KEY]);

impl fmt::Debug for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EntryKey")
    }
}

impl MasterKeys {
    /// Reads a file of lines `NAME KEY`, the key being 32 random bytes in base64; `#` begins a comment.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, others may read it too, or a line is wrong.
    pub fn read(path: &Path) -> Result<Self, String> {
        let told = |why: String| format!("{}: {why}", path.display());
        let facts = fs::metadata(path).map_err(|err| told(err.to_string()))?;
        if facts.mode() & 0o007 != 0 {
            return Err(told(
                "everybody may read it; take that right away (chmod o=)".to_owned(),
            ));
        }
        if facts.len() > MAX_FILE {
            return Err(told(format!("larger than {MAX_FILE} bytes")));
        }
        let text = fs::read_to_string(path).map_err(|err| told(err.to_string()))?;
        Self::parse(&text).map_err(told)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut keys: Vec<(String, [u8; KEY])> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, key) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| format!("line {number} is not  NAME KEY"))?;
            let key = STANDARD
                .decode(key.trim())
                .ok()
                .and_then(|key| <[u8; KEY]>::try_from(key).ok())
                .ok_or_else(|| {
                    format!("line {number}: the key is not 32 bytes in base64 (openssl rand -base64 32 makes one)")
                })?;
            if name.len() > 64 || keys.iter().any(|(known, _)| known == name) {
                return Err(format!(
                    "line {number}: the name is longer than 64 bytes or there already"
                ));
            }
            keys.push((name.to_owned(), key));
        }
        if keys.is_empty() {
            return Err("no key in it (openssl rand -base64 32 makes one)".to_owned());
        }
        Ok(Self { keys })
    }

    /// The entry's key as it is stored for one domain.
    pub(crate) fn wrap(&self, key: &EntryKey, entry: &str, domain: &str) -> Answer<Vec<u8>> {
        let (name, master) = &self.keys[0];
        let mut nonce = [0; NONCE];
        random(&mut nonce)?;
        let about = about(entry, domain);
        let payload = Payload {
            msg: &key.0,
            aad: &about,
        };
        let sealed = cipher(&domain_key(master, domain))
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| bug("wrap"))?;
        let mut bytes = vec![u8::try_from(name.len()).unwrap_or(0)];
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// The other way round.
    pub(crate) fn unwrap_key(&self, bytes: &[u8], entry: &str, domain: &str) -> Answer<EntryKey> {
        let damaged = || {
            StoreError::new(
                Trouble::Corrupt,
                format!("entry {entry}: its key is damaged"),
            )
        };
        let (&length, rest) = bytes.split_first().ok_or_else(damaged)?;
        let (name, rest) = rest.split_at_checked(length.into()).ok_or_else(damaged)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
        let master = self
            .keys
            .iter()
            .find(|(known, _)| known.as_bytes() == name)
            .ok_or_else(|| {
                let name = String::from_utf8_lossy(name).into_owned();
                StoreError::new(
                    Trouble::Key,
                    format!("entry {entry}: the master key \"{name}\" is not in the key file"),
                )
            })?;
        let about = about(entry, domain);
        let payload = Payload {
            msg: sealed,
            aad: &about,
        };
        cipher(&domain_key(&master.1, domain))
            .decrypt(&Nonce::from(*nonce), payload)
            .ok()
            .and_then(|key| <[u8; KEY]>::try_from(key).ok())
            .map(EntryKey)
            .ok_or_else(|| {
                StoreError::new(
                    Trouble::Key,
                    format!("entry {entry}: the master key is another one than it was"),
                )
            })
    }
}

impl EntryKey {
    /// A new one.
    pub(crate) fn new() -> Answer<Self> {
        let mut key = [0; KEY];
        random(&mut key)?;
        Ok(Self(key))
    }

    /// Encrypts a part. Each part of an entry is encrypted once, so that its number will do as nonce.
    pub(crate) fn seal(&self, bytes: &[u8], entry: &str, number: u32) -> Answer<Vec<u8>> {
        let payload = Payload {
            msg: bytes,
            aad: entry.as_bytes(),
        };
        cipher(&self.0)
            .encrypt(&nonce_of(number), payload)
            .map_err(|_| bug("encrypt"))
    }

    /// Decrypts a part.
    pub(crate) fn open(&self, bytes: &[u8], entry: &str, number: u32) -> Answer<Vec<u8>> {
        let payload = Payload {
            msg: bytes,
            aad: entry.as_bytes(),
        };
        cipher(&self.0)
            .decrypt(&nonce_of(number), payload)
            .map_err(|_| {
                StoreError::new(
                    Trouble::Corrupt,
                    format!("entry {entry}: part {number} is not what was stored"),
                )
            })
    }
}

/// The key that wraps for one domain: who has it reads this domain's mail and no other's.
fn domain_key(master: &[u8; KEY], domain: &str) -> [u8; KEY] {
    let mut mac = Hmac::<Sha256>::new_from_slice(master).expect("HMAC takes keys of any length");
    mac.update(b"callbluff quarantine 1\0");
    mac.update(domain.as_bytes());
    mac.finalize().into_bytes().into()
}

fn cipher(key: &[u8; KEY]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&Key::from(*key))
}

fn nonce_of(number: u32) -> Nonce {
    let mut nonce = [0; NONCE];
    nonce[..4].copy_from_slice(&number.to_le_bytes());
    Nonce::from(nonce)
}

fn about(entry: &str, domain: &str) -> Vec<u8> {
    format!("{entry}\0{domain}").into_bytes()
}

/// Random bytes of the system.
pub(crate) fn random(bytes: &mut [u8]) -> Answer<()> {
    getrandom::fill(bytes).map_err(|err| {
        StoreError::new(
            Trouble::Other,
            format!("the system has no random bytes ({err})"),
        )
    })
}

fn bug(what: &str) -> StoreError {
    StoreError::new(Trouble::Other, format!("could not {what} an entry"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> MasterKeys {
        MasterKeys::parse(text).expect("keys")
    }

    fn line(name: &str, byte: u8) -> String {
        format!("{name} {}\n", STANDARD.encode([byte; KEY]))
    }

    #[test]
    fn a_wrapped_key_opens_for_its_domain_and_entry_only() {
        let old = keys(&line("a", 1));
        let key = EntryKey::new().expect("random");
        let wrapped = old.wrap(&key, "e1", "example.org").expect("wrapped");
        let sealed = key.seal(b"text", "e1", 0).expect("sealed");
        // A new master key stands before the old one, which still opens.
        let both = keys(&(line("b", 2) + &line("a", 1)));
        let again = both
            .unwrap_key(&wrapped, "e1", "example.org")
            .expect("unwrapped");
        assert_eq!(again.open(&sealed, "e1", 0).expect("open"), b"text");

        let trouble = |keys: &MasterKeys, entry, domain| {
            keys.unwrap_key(&wrapped, entry, domain)
                .expect_err("wrong")
                .trouble
        };
        assert_eq!(trouble(&old, "e2", "example.org"), Trouble::Key);
        assert_eq!(trouble(&old, "e1", "example.net"), Trouble::Key);
        assert_eq!(
            trouble(&keys(&line("a", 3)), "e1", "example.org"),
            Trouble::Key
        );
        assert_eq!(
            trouble(&keys(&line("c", 1)), "e1", "example.org"),
            Trouble::Key
        );
        for (entry, number) in [("e2", 0), ("e1", 1)] {
            let wrong = key.open(&sealed, entry, number).expect_err("wrong");
            assert_eq!(wrong.trouble, Trouble::Corrupt);
        }
    }

    #[test]
    fn a_key_file_tells_what_is_wrong_with_it() {
        for (text, why) in [
            ("", "no key in it"),
            ("a", "line 1 is not"),
            ("# x\na c2hvcnQ=", "line 2: the key is not 32 bytes"),
        ] {
            let told = MasterKeys::parse(text).expect_err("wrong");
            assert!(told.starts_with(why), "{told}");
        }
        let twice = line("a", 1) + &line("a", 2);
        assert!(MasterKeys::parse(&twice).is_err());
    }
}
