//! Addresses of Ethereum and TON.

use crate::classify::wallets::prove::Proof;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha3::{Digest, Keccak256};

/// Proves an Ethereum address, `0x` and 40 hexadecimal digits.
///
/// In one case only there is no checksum (EIP-55), so the proof is weak.
pub(super) fn ethereum(text: &str) -> Option<Proof> {
    let (prefix, digits) = text.split_at_checked(2)?;
    if !prefix.eq_ignore_ascii_case("0x")
        || digits.len() != 40
        || !digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return None;
    }
    let lower = digits.to_ascii_lowercase();
    if digits == lower || digits == digits.to_ascii_uppercase() {
        return Some(Proof {
            is_weak: true,
            ..Proof::of("eth", &format!("0x{lower}"))
        });
    }
    let hash = Keccak256::digest(lower.as_bytes());
    let is_right = digits.bytes().enumerate().all(|(at, byte)| {
        let nibble = hash[at / 2] >> (if at % 2 == 0 { 4 } else { 0 }) & 15;
        byte.is_ascii_digit() || byte.is_ascii_uppercase() == (nibble >= 8)
    });
    is_right.then(|| Proof::of("eth", &format!("0x{digits}")))
}

/// Proves a user-friendly TON address: 36 bytes in base64, the last two a CRC-16.
pub(super) fn ton(text: &str) -> Option<Proof> {
    if text.len() != 48 {
        return None;
    }
    let url_safe = text.replace('+', "-").replace('/', "_");
    let bytes = URL_SAFE_NO_PAD.decode(&url_safe).ok()?;
    let (body, sum) = bytes.split_at_checked(34)?;
    // Bounceable or not, main network; basechain or masterchain.
    let is_known = matches!(body[0], 0x11 | 0x51) && matches!(body[1], 0 | 0xff);
    let crc = crc::Crc::<u16>::new(&crc::CRC_16_XMODEM).checksum(body);
    (is_known && crc.to_be_bytes() == *sum).then(|| Proof::of("ton", &url_safe))
}
