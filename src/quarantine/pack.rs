//! Parts of a message as they are stored: compressed where that helps, encrypted where wished.

use crate::quarantine::keys::EntryKey;
use crate::quarantine::{Answer, StoreError, Trouble};
use std::cell::RefCell;
use zstd::bulk::Compressor;

/// The size of a part, in bytes as received; the last one is smaller.
pub(crate) const PART: usize = 1 << 20;
/// Mail is text, and this level is fast.
const LEVEL: i32 = 3;
/// Up to this size, in bytes, what compressing needs is kept for the next message: to make it takes longer than to use it.
/// For larger parts it would be megabytes for each thread.
const SMALL: usize = 64 << 10;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    if bytes.len() > SMALL {
        return zstd::bulk::compress(bytes, LEVEL);
    }
    COMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(compressor) => compressor.compress(bytes),
        None => kept.insert(Compressor::new(LEVEL)?).compress(bytes),
    })
}

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
const SEALED: u8 = 2;

/// Packs a part for storing.
pub(crate) fn pack(
    bytes: &[u8],
    key: Option<&EntryKey>,
    entry: &str,
    number: u32,
) -> Answer<Vec<u8>> {
    let small = compress(bytes)
        .ok()
        .filter(|small| small.len() < bytes.len());
    let mut packed = Vec::with_capacity(1 + small.as_ref().map_or(bytes.len(), Vec::len));
    match &small {
        Some(small) => {
            packed.push(ZSTD);
            packed.extend_from_slice(small);
        }
        None => {
            packed.push(PLAIN);
            packed.extend_from_slice(bytes);
        }
    }
    let Some(key) = key else { return Ok(packed) };
    let mut sealed = vec![SEALED];
    sealed.extend_from_slice(&key.seal(&packed, entry, number)?);
    Ok(sealed)
}

/// Is a stored part encrypted?
pub(crate) fn is_sealed(packed: &[u8]) -> bool {
    packed.first() == Some(&SEALED)
}

/// The part as received.
pub(crate) fn unpack(
    packed: &[u8],
    key: Option<&EntryKey>,
    entry: &str,
    number: u32,
) -> Answer<Vec<u8>> {
    let damaged = || {
        StoreError::new(
            Trouble::Corrupt,
            format!("entry {entry}: part {number} is damaged"),
        )
    };
    match packed.split_first() {
        Some((&PLAIN, bytes)) => Ok(bytes.to_vec()),
        Some((&ZSTD, bytes)) => zstd::bulk::decompress(bytes, PART).map_err(|_| damaged()),
        Some((&SEALED, bytes)) => {
            let key = key.ok_or_else(|| {
                StoreError::new(
                    Trouble::Key,
                    format!(
                        "entry {entry} is encrypted and quarantine.encryption_key_file is not set"
                    ),
                )
            })?;
            let open = key.open(bytes, entry, number)?;
            // Never twice, whatever the bytes say.
            match open.first() {
                Some(&SEALED) | None => Err(damaged()),
                Some(_) => unpack(&open, None, entry, number),
            }
        }
        _ => Err(damaged()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_comes_back_and_text_gets_smaller() {
        let mut noise = vec![0; PART];
        crate::quarantine::keys::random(&mut noise).expect("random");
        let text = b"the same words again, ".repeat(1000);
        let key = EntryKey::new().expect("random");
        for key in [None, Some(&key)] {
            for bytes in [&b""[..], b"a", &noise, &text] {
                let packed = pack(bytes, key, "e", 3).expect("packed");
                assert!(packed.len() <= bytes.len() + 18, "{}", packed.len());
                assert_eq!(unpack(&packed, key, "e", 3).expect("unpacked"), bytes);
                assert_eq!(is_sealed(&packed), key.is_some());
            }
            assert!(pack(&text, key, "e", 0).expect("packed").len() < 200);
        }
    }

    #[test]
    fn damage_is_told() {
        for packed in [&b""[..], b"\x01junk", b"\x07junk"] {
            let err = unpack(packed, None, "e", 0).expect_err("damaged");
            assert_eq!(err.trouble, Trouble::Corrupt);
        }
        let err = unpack(b"\x02junk", None, "e", 0).expect_err("no key");
        assert_eq!(err.trouble, Trouble::Key);
        // A small part that would unpack to more than a part has.
        let bomb = zstd::bulk::compress(&vec![0; 2 * PART], 3).expect("zeros");
        let packed = [&[ZSTD], bomb.as_slice()].concat();
        assert!(unpack(&packed, None, "e", 0).is_err());
    }
}
