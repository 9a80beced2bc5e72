//! Addresses from the coins' own documents, random ones, corrupted ones, and what is none.

use super::*;
use crate::message::{Origin, Place};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use sha3::Keccak256;

fn piece(text: &str) -> Piece {
    Piece {
        place: Place::of(Origin::Plain),
        text: text.to_owned(),
    }
}

fn addresses(texts: &[&str]) -> Vec<(&'static str, String)> {
    let pieces: Vec<Piece> = texts.iter().map(|text| piece(text)).collect();
    find(&pieces)
        .found
        .into_iter()
        .map(|wallet| (wallet.hit.coin, wallet.hit.address))
        .collect()
}

/// From BIP-173, BIP-350, EIP-55, CIP-19, the CashAddr specification and the projects' own code.
const VECTORS: &[(&str, &str)] = &[
    ("btc", "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"),
    ("btc", "3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC"),
    ("btc", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
    (
        "btc",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    ),
    (
        "btc",
        "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
    ),
    ("ltc", "MVcg9uEvtWuP5N6V48EHfEtbz48qR8TKZ9"),
    ("ltc", "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9"),
    (
        "bch",
        "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
    ),
    (
        "bch",
        "bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq",
    ),
    ("doge", "DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L"),
    ("dash", "XpESxaUmonkq8RaLLp46Brx2K39ggQe226"),
    ("zec", "t1Hsc1LR8yKnbbe3twRp88p6vFfC5t7DLbs"),
    ("zec", "t3Vz22vK5z2LcKEdg16Yv4FFneEL1zg9ojd"),
    ("eth", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
    ("eth", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"),
    ("eth", "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"),
    ("trx", "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb"),
    ("xrp", "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"),
    ("xrp", "XVLhHMPHU98es4dbozjVtdWzVrDjtV5fdx1mHp98tDMoQXb"),
    ("ton", "EQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPrHF"),
    ("ton", "UQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPuwA"),
    (
        "ada",
        "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8",
    ),
    (
        "ada",
        "stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw",
    ),
    (
        "ada",
        "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x",
    ),
    (
        "ada",
        "Ae2tdPwUPEZFRbyhz3cpfC2CumGzNkFBN2L42rcUc2yjQpEkxDbkPodpMAi",
    ),
    (
        "xmr",
        "4AdUndXHHZ6cfufTMvppY6JwXNouMBzSkbLYfpAV5Usx3skxNgYeYTRj5UzqtReoS44qo9mtmXCqY45DJ852K5Jv2684Rge",
    ),
    (
        "xmr",
        "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H",
    ),
];

#[test]
fn addresses_of_the_specifications_are_proved() {
    let wrong: Vec<_> = VECTORS
        .iter()
        .filter(|(coin, address)| {
            addresses(&[&format!("Send it to {address} now")]) != [(*coin, (*address).to_owned())]
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A base58 address for these bytes.
fn checked(version: &[u8], hash: &[u8; 20]) -> String {
    let mut bytes = [version, hash].concat();
    let sum = Sha256::digest(Sha256::digest(&bytes));
    bytes.extend_from_slice(&sum[..4]);
    bs58::encode(bytes).into_string()
}

/// Random addresses of every coin.
fn random(hash: [u8; 20], more: [u8; 45]) -> Vec<(&'static str, String)> {
    let bech = |hrp: &str, version, program: &[u8]| {
        let hrp = bech32::Hrp::parse(hrp).expect("the prefix is fine");
        bech32::segwit::encode(hrp, version, program).expect("the program is fine")
    };
    let (v0, v1) = (bech32::segwit::VERSION_0, bech32::segwit::VERSION_1);
    let mut xrp = [&[0], &hash[..]].concat();
    let sum = Sha256::digest(Sha256::digest(&xrp));
    xrp.extend_from_slice(&sum[..4]);
    let mut xmr = [&[18], &hash[..], &more[..44]].concat();
    let sum = Keccak256::digest(&xmr);
    xmr.extend_from_slice(&sum[..4]);
    let xmr: String = xmr
        .chunks(8)
        .map(|block| {
            let mut number = block
                .iter()
                .fold(0u128, |sum, &byte| sum << 8 | u128::from(byte));
            let chars = if block.len() == 8 { 11 } else { 7 };
            let mut text = vec![b'1'; chars];
            for spot in text.iter_mut().rev() {
                *spot = base58::ALPHABET[(number % 58) as usize];
                number /= 58;
            }
            String::from_utf8(text).expect("base58 is ASCII")
        })
        .collect();
    let shelley = bech32::encode::<bech32::Bech32>(
        bech32::Hrp::parse("addr").expect("the prefix is fine"),
        &[&[0x61], &more[..28]].concat(),
    )
    .expect("29 bytes fit");
    vec![
        ("btc", checked(&[0x00], &hash)),
        ("btc", checked(&[0x05], &hash)),
        ("btc", bech("bc", v0, &hash)),
        ("btc", bech("bc", v1, &more[..32])),
        ("ltc", checked(&[0x30], &hash)),
        ("ltc", bech("ltc", v0, &more[..32])),
        ("doge", checked(&[0x1e], &hash)),
        ("dash", checked(&[0x4c], &hash)),
        ("zec", checked(&[0x1c, 0xb8], &hash)),
        ("trx", checked(&[0x41], &hash)),
        (
            "xrp",
            bs58::encode(&xrp)
                .with_alphabet(bs58::Alphabet::RIPPLE)
                .into_string(),
        ),
        ("xmr", xmr),
        ("ada", shelley),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_addresses_are_found_in_every_disguise(hash: [u8; 20], more in any::<[u8; 32]>()) {
        let mut long = [7; 45];
        long[..32].copy_from_slice(&more);
        for (coin, address) in random(hash, long) {
            let spaced = |with: &str| {
                address.chars().map(String::from).collect::<Vec<_>>().join(with)
            };
            let groups = |n: usize| {
                address.as_bytes().chunks(n).map(|group| String::from_utf8_lossy(group)).collect::<Vec<_>>().join(" ")
            };
            let foreign = address.replace('a', "а").replace('e', "е").replace('T', "Т").replace('c', "с");
            let texts = [
                format!("Pay to {address}."),
                format!("({address})"),
                format!("地址：{address}，请付款"),
                format!("BTC wallet:{address}"),
                format!("Pay {address}Oh dear"),
                format!("Pay to {} at once", spaced(" ")),
                format!("Pay to {} at once", spaced("*")),
                format!("Pay to {} at once", spaced("-")),
                format!("Pay to {} at once", spaced("_")),
                format!("Pay to {} at once", spaced("\u{200b}")),
                format!("my wallet\n{}\nremove the spaces", groups(4)),
                format!("my wallet {} remove the spaces", groups(7)),
                format!("my wallet {foreign} thanks"),
            ];
            for text in texts {
                let found = addresses(&[&text]);
                prop_assert!(found.iter().any(|(c, a)| *c == coin && *a == address), "{}: {:?}", text, found);
            }
        }
    }

    #[test]
    fn one_wrong_character_is_no_address(hash: [u8; 20], at in 1usize..25, step in 1usize..57) {
        for (_, address) in random(hash, [9; 45]) {
            let mut bytes = address.clone().into_bytes();
            let charset: &[u8] = match address.bytes().any(|b| b.is_ascii_uppercase()) {
                true => base58::ALPHABET,
                false => b"qpzry9x8gf2tvdw0s3jn54khce6mua7l",
            };
            // Behind the prefix, so that it stays a candidate.
            let spot = 5 + at % 20;
            let Some(old) = charset.iter().position(|&c| c == bytes[spot]) else { continue };
            bytes[spot] = charset[(old + step) % charset.len()];
            let wrong = String::from_utf8(bytes).expect("ASCII stays ASCII");
            if wrong != address {
                prop_assert_eq!(addresses(&[&wrong]), [], "{}", wrong);
            }
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in "[13bcLTt0xéа \u{200b}q-z*./:@1A-F\n]{0,300}", all in any::<String>()) {
        find(&[piece(&text), piece(&all)]);
    }
}

const BTC: &str = "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu";

#[test]
fn halves_are_joined() {
    let (first, second) = BTC.split_at(17);
    let texts = [
        vec![format!("Part 1: {first}\nPart 2: {second}\nCombine both.")],
        vec![format!("{first}\n{second}")],
        vec![format!("second half {second}, first half {first}")],
        vec![format!("part1={first} part2={second}")],
        vec![
            format!("The first half is {first}"),
            format!("the rest: {second}"),
        ],
        vec![format!("{}\n{}\n{}", &BTC[..12], &BTC[12..23], &BTC[23..])],
    ];
    for text in texts {
        let texts: Vec<&str> = text.iter().map(String::as_str).collect();
        assert_eq!(addresses(&texts), [("btc", BTC.to_owned())], "{texts:?}");
    }
}

#[test]
fn upper_case_and_uris_are_read() {
    let rows = [
        (
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        ),
        (
            "bitcoin:BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4?amount=0.1&label=x",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        ),
        ("bitcoin:1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", BTC),
        (
            "ethereum:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed@1",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        ),
        (
            "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
        ),
    ];
    for (text, address) in rows {
        let found = addresses(&[text]);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].1, address, "{text}");
    }
}

#[test]
fn without_a_checksum_the_words_around_decide() {
    let eth = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
    let sol = "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T";
    let rows = [
        (format!("Send USDT to my wallet: {eth}"), 1),
        (format!("commit {eth} broke the build"), 0),
        (format!("my wallet 0x{}", "5aaeb6053f3e94c9".repeat(4)), 0),
        (
            format!("wallet\n-----BEGIN X-----\n{eth}\n-----END X-----"),
            0,
        ),
        // A wrong mix of cases is a wrong checksum, not a missing one.
        (
            "wallet 0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".to_owned(),
            0,
        ),
        (format!("Pay in Solana to {sol}"), 1),
        (format!("Your key is {sol}"), 0),
    ];
    for (text, count) in rows {
        assert_eq!(addresses(&[&text]).len(), count, "{text}");
    }
}

#[test]
fn links_and_mail_addresses_hold_no_wallets() {
    let rows = [
        format!("https://example.com/p/{BTC}"),
        format!("https://example.com/?id={BTC}&x=1"),
        format!("www.example.com/{BTC}"),
        format!("example.com/{BTC}"),
        format!("Message-ID: <{BTC}@mail.example.com>"),
        format!("{BTC}@example.org"),
        "1000 2000 3000 4000 5000 6000 7000 8000".to_owned(),
        "3f786850e387550fdab836ed7e6dc881de23001b".to_owned(),
        "iPhone 15 ProMax a1b2c3 X9Y8Z7 4K8K".to_owned(),
    ];
    for text in rows {
        assert_eq!(addresses(&[&text]), [], "{text}");
    }
}

#[test]
fn the_range_covers_the_address_as_written() {
    let text = "Pay 1*B*p*E*i*6*D*f*D*A*U*F*d*7*G*t*i*t*t*L*S*d*B*e*Y*J*v*c*o*a*V*g*g*u now";
    let found = find(&[piece(text)]).found;
    assert_eq!(&text[found[0].range.clone()], &text[4..text.len() - 4]);
    assert!(found[0].is_disguised);
    let plain = format!("Pay {BTC} now");
    let found = find(&[piece(&plain)]).found;
    assert_eq!(&plain[found[0].range.clone()], BTC);
    assert!(!found[0].is_disguised && !found[0].is_weak);
}

#[test]
fn more_candidates_than_are_looked_at_are_told() {
    let text = "1B1Ei6DfDAUFd7GtittLSdBeYJvcoaVggu ".repeat(20_000);
    assert!(find(&[piece(&text)]).is_cut);
    assert!(!find(&[piece(&"a plain word ".repeat(20_000))]).is_cut);
}
