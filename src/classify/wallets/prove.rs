//! Which coin an address belongs to, by its form and its checksum.

use crate::classify::wallets::base58::{self, CHECKED_CHARS, MONERO_CHARS, TAGGED_CHARS};
use crate::classify::wallets::{bech, ether};

/// The longest address looked at; base58 costs the square of the length.
pub(super) const MOST_CHARS: usize = 128;
/// The shortest address.
pub(super) const LEAST_CHARS: usize = 14;

/// A proved address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) coin: &'static str,
    /// In its usual spelling.
    pub(super) address: String,
    /// No checksum: only the words around can tell.
    pub(super) is_weak: bool,
    /// Characters of the candidate that belong to it.
    pub(super) chars: usize,
}

impl Proof {
    pub(super) fn of(coin: &'static str, address: &str) -> Self {
        Self {
            coin,
            address: address.to_owned(),
            is_weak: false,
            chars: 0,
        }
    }
}

/// How many proofs may still be tried in this message.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
}

impl Budget {
    pub(super) fn new(proofs: u32) -> Self {
        Self { left: proofs }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left == 0
    }

    fn spend(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }
}

/// A family of addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Checked,
    Tagged,
    Monero,
    Byron,
    Segwit,
    Shelley,
    Cash,
    Ethereum,
    Ton,
}

/// What a text that begins like this may be; a digit or a letter can begin several.
pub(super) fn forms(text: &str) -> &'static [Form] {
    let bytes = text.as_bytes();
    let starts = |prefix: &str| {
        bytes
            .get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    match bytes.first() {
        Some(b'b' | b'B') if starts("bc1") => &[Form::Segwit],
        Some(b'l' | b'L') if starts("ltc1") => &[Form::Segwit],
        Some(b'a' | b'A') if starts("addr1") => &[Form::Shelley],
        Some(b's' | b'S') if starts("stake1") => &[Form::Shelley],
        Some(b'0') if starts("0x") => &[Form::Ethereum],
        Some(b'q' | b'p' | b'Q' | b'P') => &[Form::Cash],
        Some(b'E' | b'U') if bytes.get(1).is_some_and(|b| b"Qf".contains(b)) => &[Form::Ton],
        Some(b'4' | b'8') => &[Form::Monero],
        Some(b'D') if starts("Ddz") => &[Form::Byron, Form::Checked],
        Some(b'A') if starts("Ae2") => &[Form::Byron, Form::Checked],
        Some(b'X') => &[Form::Tagged, Form::Checked],
        Some(b'1' | b'3' | b'L' | b'M' | b'D' | b'9' | b'A' | b'7' | b'T' | b't' | b'r') => {
            &[Form::Checked]
        }
        _ => &[],
    }
}

/// May an address of this form have so many characters?
pub(super) fn can_have(form: Form, chars: usize) -> bool {
    match form {
        Form::Checked => CHECKED_CHARS.contains(&chars),
        Form::Tagged => TAGGED_CHARS.contains(&chars),
        Form::Monero => MONERO_CHARS.contains(&chars),
        Form::Byron => matches!(chars, 59 | 103..=107),
        Form::Segwit => (LEAST_CHARS..=90).contains(&chars),
        Form::Shelley => matches!(chars, 58 | 59 | 60..=75 | 103),
        Form::Cash | Form::Ethereum => chars == 42,
        Form::Ton => chars == 48,
    }
}

/// Proves the whole text.
pub(super) fn whole(text: &str, budget: &mut Budget) -> Option<Proof> {
    for &form in forms(text) {
        if can_have(form, text.len())
            && let Some(proof) = prove(form, text, budget)
        {
            return Some(proof);
        }
    }
    None
}

/// Proves the longest beginning of the text that is an address: the next word may be glued on.
pub(super) fn beginning(text: &str, budget: &mut Budget) -> Option<Proof> {
    for &form in forms(text) {
        // Whole first, then the lengths that wallets really produce, longest first.
        let lengths: &[usize] = match form {
            Form::Checked => &[35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25],
            Form::Tagged => &[47, 46],
            Form::Monero => &[106, 95],
            Form::Byron => &[107, 106, 105, 104, 103, 59],
            Form::Segwit => &[63, 62, 43, 42],
            Form::Shelley => &[103, 59, 58],
            // Hexadecimal digits behind it make it a hash, not an address with a word.
            Form::Ethereum if text.as_bytes().get(42).is_some_and(u8::is_ascii_hexdigit) => &[],
            Form::Cash | Form::Ethereum => &[42],
            Form::Ton => &[48],
        };
        let limit = match form {
            Form::Checked | Form::Tagged | Form::Monero | Form::Byron => text
                .bytes()
                .position(|byte| !base58::ALPHABET.contains(&byte))
                .unwrap_or(text.len()),
            _ => text.len(),
        };
        if limit == text.len()
            && can_have(form, text.len())
            && let Some(proof) = prove(form, text, budget)
        {
            return Some(proof);
        }
        for &chars in lengths {
            if chars < text.len()
                && chars <= limit
                && let Some(proof) = prove(form, &text[..chars], budget)
            {
                return Some(proof);
            }
        }
    }
    None
}

fn prove(form: Form, text: &str, budget: &mut Budget) -> Option<Proof> {
    if !budget.spend() {
        return None;
    }
    let proof = match form {
        Form::Checked => base58::checked(text),
        Form::Tagged => base58::tagged(text),
        Form::Monero => base58::monero(text),
        Form::Byron => base58::byron(text),
        Form::Segwit => bech::segwit(text),
        Form::Shelley => bech::shelley(text),
        Form::Cash => bech::cash(text),
        Form::Ethereum => ether::ethereum(text),
        Form::Ton => ether::ton(text),
    }?;
    Some(Proof {
        chars: text.len(),
        ..proof
    })
}
