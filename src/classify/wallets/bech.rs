//! Addresses in bech32, bech32m and CashAddr.

use crate::classify::wallets::prove::Proof;
use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;

/// Proves a segregated witness address of Bitcoin or Litecoin (BIP-173, BIP-350).
pub(super) fn segwit(text: &str) -> Option<Proof> {
    let (hrp, _, _) = bech32::segwit::decode(text).ok()?;
    let coin = match hrp.to_lowercase().as_str() {
        "bc" => "btc",
        "ltc" => "ltc",
        _ => return None,
    };
    Some(Proof::of(coin, &text.to_ascii_lowercase()))
}

/// Proves a Shelley address of Cardano (CIP-19): bech32 without its limit of 90 characters.
pub(super) fn shelley(text: &str) -> Option<Proof> {
    let parsed = CheckedHrpstring::new::<Bech32>(text).ok()?;
    let hrp = parsed.hrp().to_lowercase();
    let bytes: Vec<u8> = parsed.byte_iter().collect();
    let header = bytes.first()?;
    // The low half of the header names the network: 1 is the main one.
    let is_known = matches!(
        (hrp.as_str(), header >> 4, bytes.len()),
        ("addr", 0..=3, 57) | ("addr", 4..=5, 30..) | ("addr", 6..=7, 29) | ("stake", 14..=15, 29)
    ) && header & 15 == 1;
    is_known.then(|| Proof::of("ada", &text.to_ascii_lowercase()))
}

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Proves a CashAddr of Bitcoin Cash, given without its prefix `bitcoincash:`.
///
/// Checksum and version byte as in the CashAddr specification, types P2KH and P2SH.
pub(super) fn cash(text: &str) -> Option<Proof> {
    let is_one_case = !(text.bytes().any(|b| b.is_ascii_lowercase())
        && text.bytes().any(|b| b.is_ascii_uppercase()));
    if text.len() != 42 || !is_one_case {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let mut values = Vec::with_capacity(42);
    for byte in lower.bytes() {
        values.push(CHARSET.iter().position(|&c| c == byte)? as u8);
    }
    // The version byte lies in the first two values: type in bits 3 to 6, size 0 for 20 bytes.
    let version = values[0] << 3 | values[1] >> 2;
    let prefix = b"bitcoincash".iter().map(|byte| byte & 31).chain([0]);
    let is_proved = polymod(prefix.chain(values.iter().copied())) == 0;
    (is_proved && matches!(version, 0 | 8))
        .then(|| Proof::of("bch", &format!("bitcoincash:{lower}")))
}

/// The BCH code of CashAddr, 40 bits.
fn polymod(values: impl Iterator<Item = u8>) -> u64 {
    const GENERATOR: [u64; 5] = [
        0x98_f2bc_8e61,
        0x79_b76d_99e2,
        0xf3_3e5f_b3c4,
        0xae_2eab_e2a8,
        0x1e_4f43_e470,
    ];
    let mut sum: u64 = 1;
    for value in values {
        let top = sum >> 35;
        sum = (sum & 0x07_ffff_ffff) << 5 ^ u64::from(value);
        for (bit, generator) in GENERATOR.iter().enumerate() {
            if top >> bit & 1 == 1 {
                sum ^= generator;
            }
        }
    }
    sum ^ 1
}
