//! Can a message be more than clean? An upper bound, from all that it could say.
//!
//! Whoever asks gives signals that the message has or may have, and gets a firm no or a maybe. So
//! everything that takes points away is left out, and everything unknown that adds some is put in.

use crate::classify::gates::{self, Told};
use crate::classify::model::{Model, category};
use crate::classify::{Category, Kind, SUSPECT};

/// Signals that only a complete judgement finds.
const UNKNOWN: [&str; 4] = [
    "template.known",
    "proof.password",
    "limit.words",
    "limit.wallets",
];
/// With one of these it depends on what is not known yet whether there is a lever.
const UNCERTAIN: [&str; 2] = ["demand.violence", "access.company"];
/// Those of payment addresses, of several coins.
const WALLET: [&str; 6] = [
    "wallet.1",
    "wallet.2",
    "wallet.3",
    "obfuscation.wallet",
    "list.wallet",
    "template.shape",
];

/// Can a message with at most these signals be suspect? `has_wallet` where it may name an address,
/// its longest text has at least so many `words`.
pub(crate) fn may_be_suspect<'s>(
    model: &Model,
    signals: impl Iterator<Item = &'s str>,
    has_wallet: bool,
    words: usize,
) -> bool {
    let adds_points =
        |id: &&str| !category(id).is_some_and(Category::is_guard) && model.weight(id) >= 0.0;
    let mut all: Vec<&str> = signals.chain(UNKNOWN).filter(adds_points).collect();
    if has_wallet {
        all.extend(WALLET);
    }
    let mut told = Told::new(all.iter().copied(), words);
    if !told.hints_count() {
        all.retain(|id| !gates::is_hint(id));
        told = Told::new(all.iter().copied(), words);
    }
    if UNCERTAIN.iter().any(|id| told.has(id)) {
        told = told.with_any_lever();
    }
    // Which kind it is, is known only of a complete judgement.
    let is_open = Kind::ALL
        .iter()
        .any(|kind| gates::by_signals(*kind, &told) >= SUSPECT);
    is_open && rounded(model.sum(all).score) >= SUSPECT
}

/// Points as they are told: to a tenth.
pub(crate) fn rounded(points: f64) -> f64 {
    (points * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::model::category;
    use crate::classify::{Judge, builtin};
    use crate::diagnose::{Diagnostics, Source};

    /// Numbers that are the same in every run (xorshift64*).
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
        }
    }

    /// Is a message with exactly these signals suspect, as far as signals tell?
    fn is_suspect(model: &Model, signals: &[&str], words: usize) -> bool {
        let mut all = signals.to_vec();
        if !Told::new(all.iter().copied(), words).hints_count() {
            all.retain(|id| !gates::is_hint(id));
        }
        if Told::new(all.iter().copied(), words).has_the_shape() {
            all.push("template.shape");
        }
        let told = Told::new(all.iter().copied(), words);
        let points = model.sum(all.iter().copied()).score;
        rounded(points.min(gates::by_signals(gates::kind(&told), &told))) >= SUSPECT
    }

    #[test]
    fn whatever_is_suspect_may_be() {
        let mut problems = Diagnostics::new();
        let model = Model::parse(&Source::new("model.toml", builtin::MODEL.1), &mut problems);
        let model = model.expect("it has no errors");
        let judge = Judge::builtin();
        let wallets = [
            "wallet.btc",
            "wallet.eth",
            "wallet.weak",
            "obfuscation.wallet",
        ];
        let signals: Vec<&str> = judge
            .all_signals()
            .into_keys()
            .filter(|id| !id.ends_with('*') && *id != "template.shape")
            .filter(|id| category(id).is_some_and(|it| it != Category::Wallet))
            .filter(|id| *id != "obfuscation.wallet")
            .collect();
        let mut dice = Dice(0x8826);
        let mut suspect = 0;
        for _ in 0..4_000 {
            // Some that it has, and further ones that it could have had for all that was known.
            let has: Vec<&str> = (0..3 + dice.roll(12))
                .map(|_| signals[dice.roll(signals.len())])
                .collect();
            let wallet: Vec<&str> = (0..dice.roll(3))
                .map(|_| wallets[dice.roll(wallets.len())])
                .collect();
            let words = [100, 5_000][dice.roll(2)];
            let told: Vec<&str> = has.iter().chain(&wallet).copied().collect();
            if !is_suspect(&model, &told, words) {
                continue;
            }
            suspect += 1;
            for more in [0, 1, 3, 20] {
                let seen: Vec<&str> = has
                    .iter()
                    .copied()
                    // What only a complete judgement finds is not asked for.
                    .filter(|id| !UNKNOWN.contains(id))
                    .chain((0..more).map(|_| signals[dice.roll(signals.len())]))
                    .collect();
                assert!(
                    may_be_suspect(&model, seen.iter().copied(), !wallet.is_empty(), words),
                    "{told:?} in {seen:?}"
                );
            }
        }
        assert!(suspect > 200, "{suspect}");
    }
}
