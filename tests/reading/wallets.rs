//! Payment addresses, plain, disguised, damaged and what only looks like one.

use crate::fixture::{Fixture, Want};
use crate::mail::{html, plain};
use sha2::{Digest, Sha256};
use sha3::Keccak256;

/// Bytes that look random and are the same in every run.
fn bytes(number: usize, count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut block = Sha256::digest(format!("address {number}"));
    while out.len() < count {
        out.extend_from_slice(&block);
        block = Sha256::digest(block);
    }
    out.truncate(count);
    out
}

fn twice(bytes: &[u8]) -> [u8; 4] {
    let sum = Sha256::digest(Sha256::digest(bytes));
    [sum[0], sum[1], sum[2], sum[3]]
}

fn base58(version: &[u8], number: usize) -> String {
    let mut all = [version, &bytes(number, 20)].concat();
    let sum = twice(&all);
    all.extend_from_slice(&sum);
    bs58::encode(all).into_string()
}

fn segwit(prefix: &str, version: bech32::Fe32, program: &[u8]) -> String {
    bech32::segwit::encode(bech32::Hrp::parse(prefix).unwrap(), version, program).unwrap()
}

/// CashAddr, as its specification computes the checksum.
fn cash(number: usize, kind: u8) -> String {
    const LETTERS: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let payload = [&[kind << 3], bytes(number, 20).as_slice()].concat();
    let mut values = Vec::new();
    let (mut rest, mut bits) = (0_u32, 0);
    for byte in payload {
        rest = rest << 8 | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            values.push((rest >> bits & 31) as u8);
        }
        rest &= (1 << bits) - 1;
    }
    if bits > 0 {
        values.push((rest << (5 - bits) & 31) as u8);
    }
    let prefix = "bitcoincash".bytes().map(|byte| byte & 31).chain([0]);
    let mut sum: u64 = 1;
    for value in prefix.chain(values.iter().copied()).chain([0; 8]) {
        let top = sum >> 35;
        sum = (sum & 0x07_ffff_ffff) << 5 ^ u64::from(value);
        for (bit, generator) in [
            0x98_f2bc_8e61,
            0x79_b76d_99e2,
            0xf3_3e5f_b3c4,
            0xae_2eab_e2a8,
            0x1e_4f43_e470,
        ]
        .iter()
        .enumerate()
        {
            if top >> bit & 1 == 1 {
                sum ^= generator;
            }
        }
    }
    sum ^= 1;
    values.extend((0..8).rev().map(|at| (sum >> (5 * at) & 31) as u8));
    let text: String = values
        .iter()
        .map(|value| char::from(LETTERS[usize::from(*value)]))
        .collect();
    format!("bitcoincash:{text}")
}

/// EIP-55.
fn ether(number: usize) -> String {
    let hex: String = bytes(number, 20)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let sum = Keccak256::digest(&hex);
    let mixed = hex.char_indices().map(|(at, c)| {
        let nibble = sum[at / 2] >> (if at.is_multiple_of(2) { 4 } else { 0 }) & 15;
        if nibble > 7 {
            c.to_ascii_uppercase()
        } else {
            c
        }
    });
    format!("0x{}", mixed.collect::<String>())
}

fn monero(number: usize) -> String {
    const LETTERS: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut all = [
        &[if number.is_multiple_of(2) { 18 } else { 42 }],
        bytes(number, 64).as_slice(),
    ]
    .concat();
    let sum = Keccak256::digest(&all);
    all.extend_from_slice(&sum[..4]);
    let blocks = all.chunks(8).map(|block| {
        let mut value = block
            .iter()
            .fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
        let mut text = vec![b'1'; if block.len() == 8 { 11 } else { 7 }];
        for spot in text.iter_mut().rev() {
            *spot = LETTERS[(value % 58) as usize];
            value /= 58;
        }
        String::from_utf8(text).unwrap()
    });
    blocks.collect()
}

fn ton(number: usize) -> String {
    let mut all = [
        &[if number.is_multiple_of(2) { 0x11 } else { 0x51 }, 0],
        bytes(number, 32).as_slice(),
    ]
    .concat();
    let sum = crc::Crc::<u16>::new(&crc::CRC_16_XMODEM).checksum(&all);
    all.extend_from_slice(&sum.to_be_bytes());
    crate::mail::b64(all).replace('+', "-").replace('/', "_")
}

/// The coins in which victims are told to pay, each with an address by its number.
fn address(coin: &str, number: usize) -> String {
    let (v0, v1) = (bech32::segwit::VERSION_0, bech32::segwit::VERSION_1);
    match coin {
        "btc" => match number % 5 {
            0 => base58(&[0], number),
            1 => base58(&[5], number),
            2 => segwit("bc", v0, &bytes(number, 20)),
            3 => segwit("bc", v0, &bytes(number, 32)),
            _ => segwit("bc", v1, &bytes(number, 32)),
        },
        "ltc" => match number % 3 {
            0 => base58(&[0x30], number),
            1 => base58(&[0x32], number),
            _ => segwit("ltc", v0, &bytes(number, 20)),
        },
        "bch" => cash(number, (number % 2) as u8),
        "doge" => base58(&[0x1e], number),
        "dash" => base58(&[0x4c], number),
        "zec" => base58(
            if number.is_multiple_of(2) {
                &[0x1c, 0xb8]
            } else {
                &[0x1c, 0xbd]
            },
            number,
        ),
        "eth" => ether(number),
        "xmr" => monero(number),
        "trx" => base58(&[0x41], number),
        "xrp" => {
            // Plain, or with a destination tag in it (XLS-5d).
            let mut all = match number % 3 {
                2 => [
                    &[0x05, 0x44],
                    bytes(number, 20).as_slice(),
                    &[1, number as u8],
                    &[0; 7],
                ]
                .concat(),
                _ => [&[0], bytes(number, 20).as_slice()].concat(),
            };
            let sum = twice(&all);
            all.extend_from_slice(&sum);
            bs58::encode(all)
                .with_alphabet(bs58::Alphabet::RIPPLE)
                .into_string()
        }
        "ton" => ton(number),
        "ada" => {
            let (prefix, length) = if number.is_multiple_of(2) {
                ("addr", 28)
            } else {
                ("addr", 56)
            };
            let head = if number.is_multiple_of(2) { 0x61 } else { 0x01 };
            let all = [&[head], bytes(number, length).as_slice()].concat();
            bech32::encode::<bech32::Bech32>(bech32::Hrp::parse(prefix).unwrap(), &all).unwrap()
        }
        other => panic!("no coin {other}"),
    }
}

const COINS: [&str; 12] = [
    "btc", "ltc", "bch", "doge", "dash", "zec", "eth", "xmr", "trx", "xrp", "ton", "ada",
];

fn found(coin: &'static str, address: &str) -> Vec<Want> {
    vec![Want::Wallet(coin, address.to_owned())]
}

pub(crate) fn plain_addresses() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for coin in COINS {
        for number in 0..12 {
            let address = address(coin, number);
            let text = match number % 4 {
                0 => format!("Send it to {address} now.\n"),
                1 => format!("Address: {address}\n"),
                2 => format!("my wallet\n\n    {address}\n\nthank you\n"),
                _ => format!("Pay ({address}), then wait.\n"),
            };
            fixtures.push(Fixture::new(
                format!("{coin} {number}"),
                plain(&text),
                found(coin, &address),
            ));
        }
    }
    fixtures
}

/// One mail for each coin and way, where the coin's addresses take it.
fn disguised(coins: &[&'static str], ways: &[&dyn Fn(&str) -> String]) -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for (at, coin) in coins.iter().enumerate() {
        for (number, way) in ways.iter().enumerate() {
            let address = address(coin, at * 7 + number);
            let raw = plain(&format!("{}\n", way(&address)));
            fixtures.push(Fixture::new(
                format!("{coin} {number}"),
                raw,
                found(coin, &address),
            ));
        }
    }
    fixtures
}

fn joined(address: &str, with: &str) -> String {
    address
        .chars()
        .map(String::from)
        .collect::<Vec<_>>()
        .join(with)
}

fn groups(address: &str, size: usize, with: &str) -> String {
    let groups = address.as_bytes().chunks(size).map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(with)
}

/// Addresses of letters and digits alone.
const ALPHANUMERIC: [&str; 10] = [
    "btc", "ltc", "doge", "dash", "zec", "eth", "xmr", "trx", "xrp", "ada",
];

pub(crate) fn spaced() -> Vec<Fixture> {
    disguised(
        &ALPHANUMERIC,
        &[
            &|address| format!("Pay to {} at once", joined(address, " ")),
            &|address| format!("my wallet\n{}\nremove the spaces", groups(address, 4, " ")),
            &|address| format!("wallet: {} (no spaces)", groups(address, 7, " ")),
        ],
    )
}

pub(crate) fn spaced_ton() -> Vec<Fixture> {
    (0..12)
        .map(|number| {
            let address = address("ton", number);
            let text = match number % 3 {
                0 => format!("Pay to {} at once\n", joined(&address, " ")),
                1 => format!(
                    "my TON wallet\n{}\nremove the spaces\n",
                    groups(&address, 4, " ")
                ),
                _ => format!("wallet: {} (no spaces)\n", groups(&address, 6, " ")),
            };
            Fixture::new(number.to_string(), plain(&text), found("ton", &address))
        })
        .collect()
}

pub(crate) fn starred() -> Vec<Fixture> {
    disguised(
        &ALPHANUMERIC,
        &[
            &|address| format!("Pay to {} at once", joined(address, "*")),
            &|address| format!("wallet {} (without stars)", groups(address, 4, "*")),
        ],
    )
}

pub(crate) fn hyphenated() -> Vec<Fixture> {
    disguised(
        &ALPHANUMERIC,
        &[
            &|address| format!("Pay to {} at once", joined(address, "-")),
            &|address| format!("wallet {} thanks", groups(address, 5, "-")),
            &|address| format!("Pay to {} at once", joined(address, "_")),
        ],
    )
}

pub(crate) fn zero_width() -> Vec<Fixture> {
    disguised(
        &COINS,
        &[
            &|address| format!("Pay to {} at once", joined(address, "\u{200b}")),
            &|address| format!("Pay to {} at once", groups(address, 6, "\u{ad}")),
        ],
    )
}

pub(crate) fn lookalikes() -> Vec<Fixture> {
    let pairs = |address: &str, pairs: [(char, &str); 3]| {
        pairs.iter().fold(address.to_owned(), |text, (from, to)| {
            text.replace(*from, to)
        })
    };
    disguised(
        &["btc", "ltc", "doge", "dash", "trx", "xmr", "xrp", "ada"],
        &[
            &|address| {
                format!(
                    "wallet {} thanks",
                    pairs(address, [('a', "а"), ('e', "е"), ('c', "с")])
                )
            },
            &|address| {
                format!(
                    "wallet {} thanks",
                    pairs(address, [('p', "р"), ('x', "х"), ('y', "у")])
                )
            },
        ],
    )
}

pub(crate) fn over_lines() -> Vec<Fixture> {
    disguised(
        &["btc", "ltc", "doge", "dash", "zec", "trx", "xmr", "ada"],
        &[
            &|address| format!("my wallet:\n{}\n", halved(address).join("\n")),
            &|address| {
                format!(
                    "my wallet:\n{}\n",
                    groups(address, address.len().div_ceil(3), "\n")
                )
            },
        ],
    )
}

fn halved(address: &str) -> [String; 2] {
    let (first, second) = address.split_at(address.len() / 2);
    [first.to_owned(), second.to_owned()]
}

pub(crate) fn halves() -> Vec<Fixture> {
    disguised(
        &["btc", "ltc", "doge", "dash", "zec", "trx"],
        &[
            &|address| {
                let [first, second] = halved(address);
                format!("Part 1: {first}\nPart 2: {second}\nCombine both.")
            },
            &|address| {
                let [first, second] = halved(address);
                format!("The second half is {second}, the first half is {first}")
            },
            &|address| {
                let [first, second] = halved(address);
                format!("part1={first} part2={second}")
            },
        ],
    )
}

pub(crate) fn glued() -> Vec<Fixture> {
    disguised(
        &["btc", "ltc", "doge", "dash", "trx", "xrp"],
        &[
            &|address| format!("Pay {address}Oh dear"),
            &|address| format!("BTC wallet:{address},pay"),
            &|address| format!("地址：{address}，请付款"),
            &|address| format!("address{{{address}}}"),
        ],
    )
}

pub(crate) fn upper_case() -> Vec<Fixture> {
    let (v0, v1) = (bech32::segwit::VERSION_0, bech32::segwit::VERSION_1);
    (0..12)
        .map(|number| {
            let (coin, address) = match number % 3 {
                0 => ("btc", segwit("bc", v0, &bytes(number, 20))),
                1 => ("btc", segwit("bc", v1, &bytes(number, 32))),
                _ => ("ltc", segwit("ltc", v0, &bytes(number, 20))),
            };
            let text = format!("Send it to {} now\n", address.to_uppercase());
            Fixture::new(number.to_string(), plain(&text), found(coin, &address))
        })
        .collect()
}

pub(crate) fn links() -> Vec<Fixture> {
    (0..15)
        .map(|number| {
            let (coin, scheme) = [
                ("btc", "bitcoin:"),
                ("ltc", "litecoin:"),
                ("bch", ""),
                ("eth", "ethereum:"),
                ("doge", "dogecoin:"),
            ][number % 5];
            let address = address(coin, number);
            let uri = format!("{scheme}{address}");
            let raw = match number / 5 {
                0 => plain(&format!("Pay here: {uri}?amount=0.05&label=x\n")),
                1 => html(&format!("<p><a href=\"{uri}?amount=0.1\">pay</a></p>")),
                _ => html(&format!(
                    "<p><a href='{}'>pay</a></p>",
                    uri.to_string().replacen(':', "&#58;", 1)
                )),
            };
            Fixture::new(format!("{number} {uri}"), raw, found(coin, &address))
        })
        .collect()
}

pub(crate) fn damaged() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for coin in COINS {
        for number in 0..3 {
            let address = address(coin, number);
            let at = address.len() / 2 + number;
            let old = char::from(address.as_bytes()[at]);
            let new = match coin {
                "eth" => {
                    if old.is_ascii_digit() {
                        ((old as u8 - b'0' + 1) % 10 + b'0') as char
                    } else if old.eq_ignore_ascii_case(&'a') {
                        'b'
                    } else {
                        'a'
                    }
                }
                "btc" | "ltc" | "bch" | "ada" => {
                    if old == 'q' {
                        'z'
                    } else {
                        'q'
                    }
                }
                _ => {
                    if old == 'x' {
                        'y'
                    } else {
                        'x'
                    }
                }
            };
            let mut wrong = address.clone();
            wrong.replace_range(at..=at, &new.to_string());
            fixtures.push(Fixture::new(
                format!("{coin} {wrong}"),
                plain(&format!("Send it to {wrong} now\n")),
                vec![Want::NoWallet],
            ));
        }
    }
    fixtures
}

pub(crate) fn innocent() -> Vec<Fixture> {
    let btc = address("btc", 0);
    let texts = [
        format!("https://example.com/p/{btc}"),
        format!("https://example.com/?id={btc}&x=1"),
        format!("www.example.com/{btc}"),
        format!("example.com/{btc}/more"),
        format!("Message-ID: <{btc}@mail.example.com>"),
        format!("{btc}@example.org"),
        format!("http://example.org/track#{}", address("trx", 1)),
        "3f786850e387550fdab836ed7e6dc881de23001b".to_owned(),
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned(),
        "commit 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed broke the build".to_owned(),
        "1000 2000 3000 4000 5000 6000 7000 8000".to_owned(),
        "iPhone 15 ProMax a1b2c3 X9Y8Z7 4K8K".to_owned(),
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUe1xP9fJ0n0xq1bQ0ZC4mUq8S3x0w\n-----END CERTIFICATE-----".to_owned(),
        "ticket 1f4e-22ab-9c0d-77aa and order 3J98t1W".to_owned(),
    ];
    texts
        .iter()
        .map(|text| {
            Fixture::new(
                text.clone(),
                plain(&format!("{text}\n")),
                vec![Want::NoWallet],
            )
        })
        .collect()
}
