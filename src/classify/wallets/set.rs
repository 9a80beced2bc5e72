//! A set of payment addresses, whatever their spelling.

use crate::classify::find_wallets;
use crate::message::{Origin, Piece, Place};
use std::collections::HashSet;

/// Payment addresses for lookup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalletSet {
    addresses: HashSet<String>,
}

impl WalletSet {
    /// Adds an address.
    ///
    /// # Errors
    ///
    /// When it is none that could be found in a message: such an entry would never do anything.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let piece = Piece {
            place: Place::of(Origin::Plain),
            // Addresses without a checksum are found only beside a word that speaks of money.
            text: format!("ethereum wallet: {text}"),
        };
        match &find_wallets(&[piece]).found[..] {
            [wallet] if !wallet.is_disguised => {
                self.addresses.insert(key(&wallet.hit.address));
                Ok(())
            }
            _ => Err(format!(
                "\"{text}\" is no payment address that passes its checksum"
            )),
        }
    }

    /// Adds all addresses of another set.
    pub fn add_all(&mut self, other: &Self) {
        self.addresses.extend(other.addresses.iter().cloned());
    }

    /// Are there no addresses?
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Is the address, as it was found, in the set?
    pub fn contains(&self, address: &str) -> bool {
        self.addresses.contains(&key(address))
    }
}

/// Ethereum's capitals are a checksum, and may be missing (EIP-55).
fn key(address: &str) -> String {
    match address.starts_with("0x") {
        true => address.to_ascii_lowercase(),
        false => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_in_every_spelling() {
        let mut set = WalletSet::default();
        for text in [
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        ] {
            assert_eq!(set.add(text), Ok(()), "{text}");
        }
        for (text, expected) in [
            ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", true),
            ("1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", true),
            ("1bpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", false),
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", true),
            ("3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC", false),
        ] {
            assert_eq!(set.contains(text), expected, "{text}");
        }
    }

    #[test]
    fn what_no_message_could_have_is_no_entry() {
        let mut set = WalletSet::default();
        for text in [
            "",
            "bitcoin",
            "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggx",
            "a@example.org",
        ] {
            assert!(set.add(text).is_err(), "{text}");
        }
        assert!(set.is_empty());
    }
}
