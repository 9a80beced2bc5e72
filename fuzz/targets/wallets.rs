//! Any text as one that may hold addresses: whatever is proved is made of letters and digits.
#![no_main]

use callbluff::classify::Judge;
use callbluff::message::{Envelope, Origin, Piece, Place, Reading};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static JUDGE: LazyLock<Judge> = LazyLock::new(Judge::builtin);

fuzz_target!(|text: &str| {
    let reading = Reading {
        pieces: vec![Piece {
            place: Place::of(Origin::Plain),
            text: format!("Send bitcoin, monero or ethereum to this wallet address: {text}"),
        }],
        ..Reading::default()
    };
    for wallet in JUDGE.judge(&Envelope::default(), &reading).wallets {
        let is_address = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-');
        assert!(wallet.address.chars().all(is_address), "{}", wallet.address);
        assert!(
            (20..=128).contains(&wallet.address.len()),
            "{}",
            wallet.address
        );
    }
});
