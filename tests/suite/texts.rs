//! The texts of the suite and what fills their placeholders.

use crate::random::Random;
use bech32::Hrp;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use sha3::Keccak256;
use std::path::Path;

/// One text as it lies in a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    pub(crate) id: String,
    pub(crate) family: String,
    #[serde(default)]
    pub(crate) kind: String,
    pub(crate) from: Option<String>,
    pub(crate) subject: String,
    pub(crate) body: String,
}

#[derive(Deserialize)]
struct File {
    text: Vec<Text>,
}

/// Reads every text of one part, with its language, in the order of languages.
pub(crate) fn load(part: &str) -> Vec<(String, Text)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/suite")
        .join(part);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the suite's folder")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    let mut texts = Vec::new();
    for path in files {
        let language = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let content = std::fs::read_to_string(&path).expect("a text file");
        let file: File =
            toml::from_str(&content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        texts.extend(file.text.into_iter().map(|text| (language.clone(), text)));
    }
    texts
}

/// Fills the placeholders, the same way for the same text.
pub(crate) fn fill(text: &Text) -> Text {
    let mut random = Random::of(&text.id);
    let mut filled = text.clone();
    let values = [
        ("{btc}", bitcoin(&mut random)),
        ("{eth}", ethereum(&mut random)),
        ("{ltc}", base58(&mut random, 0x30)),
        ("{xmr}", monero(&mut random)),
        ("{usdt}", base58(&mut random, 0x41)),
        ("{amount}", (400 + 10 * random.below(180)).to_string()),
        ("{hours}", [24, 36, 48, 50, 72][random.below(5)].to_string()),
        ("{days}", (2 + random.below(4)).to_string()),
        ("{password}", password(&mut random)),
        ("{email}", "kim.doe@example.org".to_owned()),
        ("{name}", "Kim Doe".to_owned()),
        ("{phone}", "+00 555 0100".to_owned()),
        ("{street}", "12 Sample Road".to_owned()),
    ];
    for (placeholder, value) in values {
        filled.subject = filled.subject.replace(placeholder, &value);
        filled.body = filled.body.replace(placeholder, &value);
        filled.from = filled.from.map(|from| from.replace(placeholder, &value));
    }
    filled
}

fn password(random: &mut Random) -> String {
    let words = ["sunny", "tiger", "River", "maple", "Rocket", "violet"];
    format!(
        "{}{}",
        words[random.below(words.len())],
        10 + random.below(9000)
    )
}

/// A well-formed address over a random hash: nobody holds its key.
fn bitcoin(random: &mut Random) -> String {
    let hash = random.bytes(20);
    match random.below(3) {
        0 => base58(random, 0),
        1 => base58(random, 5),
        _ => bech32::segwit::encode_v0(Hrp::parse("bc").expect("prefix"), &hash)
            .expect("20 bytes fit version 0"),
    }
}

fn base58(random: &mut Random, version: u8) -> String {
    let mut data = vec![version];
    data.extend(random.bytes(20));
    let sum = Sha256::digest(Sha256::digest(&data));
    data.extend(&sum[..4]);
    bs58::encode(data).into_string()
}

fn ethereum(random: &mut Random) -> String {
    let lower: String = random
        .bytes(20)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let sum = Keccak256::digest(lower.as_bytes());
    let mixed: String = lower
        .chars()
        .enumerate()
        .map(|(index, letter)| {
            let nibble = sum[index / 2] >> (if index % 2 == 0 { 4 } else { 0 }) & 0xf;
            if nibble >= 8 {
                letter.to_ascii_uppercase()
            } else {
                letter
            }
        })
        .collect();
    format!("0x{mixed}")
}

fn monero(random: &mut Random) -> String {
    let mut data = vec![18];
    data.extend(random.bytes(64));
    let sum = Keccak256::digest(&data);
    data.extend(&sum[..4]);
    data.chunks(8)
        .map(|block| {
            let text = bs58::encode(block).into_string();
            let width = if block.len() == 8 { 11 } else { 7 };
            // Monero pads each block; a leading zero byte already gave a '1' of it.
            format!("{}{}", "1".repeat(width - text.len().min(width)), text)
        })
        .collect()
}
