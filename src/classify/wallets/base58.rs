//! Addresses in base58 with a checksum.

use crate::classify::wallets::prove::Proof;
use bs58::Alphabet;
use sha2::{Digest, Sha256};
use sha3::Keccak256;

/// Coins whose address is a version byte or two, a hash of 20 bytes and a checksum.
/// First character, versions, coin.
const VERSIONS: &[(u8, &[u8], &str)] = &[
    (b'1', &[0x00], "btc"),
    (b'3', &[0x05], "btc"),
    (b'L', &[0x30], "ltc"),
    (b'M', &[0x32], "ltc"),
    (b'D', &[0x1e], "doge"),
    (b'9', &[0x16], "doge"),
    (b'A', &[0x16], "doge"),
    (b'X', &[0x4c], "dash"),
    (b'7', &[0x10], "dash"),
    (b'T', &[0x41], "trx"),
    (b't', &[0x1c, 0xb8], "zec"),
    (b't', &[0x1c, 0xbd], "zec"),
];

/// Characters of an address with a hash of 20 bytes.
pub(super) const CHECKED_CHARS: std::ops::RangeInclusive<usize> = 25..=35;
/// An XRP address with a destination tag.
pub(super) const TAGGED_CHARS: std::ops::RangeInclusive<usize> = 46..=48;
/// A standard or subaddress of Monero, and an integrated one.
pub(super) const MONERO_CHARS: [usize; 2] = [95, 106];

/// Proves Base58Check (Bitcoin and its kin, Tron, Zcash) and XRP.
pub(super) fn checked(text: &str) -> Option<Proof> {
    let first = *text.as_bytes().first()?;
    let alphabet = match first {
        b'r' => Alphabet::RIPPLE,
        _ if VERSIONS.iter().any(|&(start, ..)| start == first) => Alphabet::BITCOIN,
        _ => return None,
    };
    let mut buffer = [0; 32];
    let len = bs58::decode(text)
        .with_alphabet(alphabet)
        .onto(&mut buffer)
        .ok()?;
    let body_len = len.checked_sub(4)?;
    let (body, sum) = buffer[..len].split_at(body_len);
    let coin = match first {
        b'r' => (body.len() == 21 && body[0] == 0).then_some("xrp")?,
        _ => {
            VERSIONS
                .iter()
                .find(|&&(start, version, _)| {
                    start == first && body.len() == version.len() + 20 && body.starts_with(version)
                })?
                .2
        }
    };
    let hash = Sha256::digest(Sha256::digest(body));
    (hash[..4] == *sum).then(|| Proof::of(coin, text))
}

/// Proves an X-address of XRP (XLS-5d): a prefix of the main network, an account, a flag and its tag.
pub(super) fn tagged(text: &str) -> Option<Proof> {
    let mut buffer = [0; 36];
    let len = bs58::decode(text)
        .with_alphabet(Alphabet::RIPPLE)
        .onto(&mut buffer)
        .ok()?;
    let (body, sum) = buffer[..len].split_at_checked(len.checked_sub(4)?)?;
    let is_known = body.len() == 31 && body.starts_with(&[0x05, 0x44]) && body[22] <= 1;
    let hash = Sha256::digest(Sha256::digest(body));
    (is_known && hash[..4] == *sum).then(|| Proof::of("xrp", text))
}

/// Proves Monero: blocks of 8 bytes in 11 characters, the last 5 bytes in 7, Keccak.
pub(super) fn monero(text: &str) -> Option<Proof> {
    let mut bytes = Vec::with_capacity(80);
    for block in text.as_bytes().chunks(11) {
        // 2 ** (8 * n) < 58 ** chars: how many bytes a block of so many characters holds.
        let size = match block.len() {
            11 => 8,
            10 => 7,
            9 => 6,
            7 => 5,
            6 => 4,
            5 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        };
        let mut number: u128 = 0;
        for &c in block {
            let digit = ALPHABET.iter().position(|&known| known == c)?;
            number = number * 58 + digit as u128;
        }
        if number >> (8 * size) != 0 {
            return None;
        }
        bytes.extend_from_slice(&number.to_be_bytes()[16 - size..]);
    }
    let (body, sum) = bytes.split_at(bytes.len().checked_sub(4)?);
    // Standard, integrated and subaddress of the main network.
    let is_known = matches!(
        (body.first(), body.len()),
        (Some(18 | 42), 65) | (Some(19), 73)
    );
    (is_known && Keccak256::digest(body)[..4] == *sum).then(|| Proof::of("xmr", text))
}

/// The alphabet of Bitcoin and Monero.
pub(super) const ALPHABET: &[u8; 58] =
    b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Proves a Byron address of Cardano: CBOR with a CRC-32.
pub(super) fn byron(text: &str) -> Option<Proof> {
    let bytes = bs58::decode(text).into_vec().ok()?;
    // [24(bytes), crc]: array of two, tag 24, byte string with one byte of length.
    let rest = bytes.strip_prefix(&[0x82, 0xd8, 0x18, 0x58])?;
    let (&len, rest) = rest.split_first()?;
    let (payload, rest) = rest.split_at_checked(usize::from(len))?;
    let sum: [u8; 4] = rest.strip_prefix(&[0x1a])?.try_into().ok()?;
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    (crc.checksum(payload) == u32::from_be_bytes(sum)).then(|| Proof::of("ada", text))
}

/// Solana has no checksum: only the length can be seen.
pub(super) fn solana(text: &str) -> Option<Proof> {
    let mut buffer = [0; 32];
    let len = bs58::decode(text).onto(&mut buffer).ok()?;
    (len == 32).then(|| Proof {
        is_weak: true,
        ..Proof::of("sol", text)
    })
}
