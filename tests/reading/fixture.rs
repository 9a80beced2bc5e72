//! A mail that hides something, and what must be found in it.

use callbluff::classify::{find_passwords, find_wallets};
use callbluff::message::{
    Found, Media, MediaLimits, Origin, Piece, ReadLimits, Reading, decode, fold, read,
};

/// What a reading of a fixture must hold.
#[derive(Clone, Debug)]
pub(crate) enum Want {
    /// A sentence that a common mail client shows: whole, in one visible piece.
    Seen(String),
    /// The same in a piece of this origin.
    SeenAs(Origin, String),
    /// A text that no reader sees: whole in one hidden piece, and in no visible piece of the first reading.
    Hidden(String),
    /// A sentence that is whole in one visible piece after folding.
    Folded(String),
    /// The address of this coin, and no other.
    Wallet(&'static str, String),
    /// No address at all.
    NoWallet,
    /// A fact about the message.
    Fact(&'static str),
}

/// A mail and what must be found in it.
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) raw: Vec<u8>,
    pub(crate) wants: Vec<Want>,
}

impl Fixture {
    pub(crate) fn new(name: impl Into<String>, raw: impl Into<Vec<u8>>, wants: Vec<Want>) -> Self {
        Self {
            name: name.into(),
            raw: raw.into(),
            wants,
        }
    }

    /// What was not found, in words.
    pub(crate) fn misses(&self) -> Vec<String> {
        let reading = read_all(&self.raw);
        let texts: Vec<(&Piece, String)> = reading
            .pieces
            .iter()
            .map(|piece| (piece, one_line(&piece.text)))
            .collect();
        let is_whole = |wanted: &str, is_right: &dyn Fn(&Piece) -> bool| {
            let wanted = one_line(wanted);
            texts
                .iter()
                .any(|(piece, text)| is_right(piece) && text.contains(&wanted))
        };
        let mut misses = Vec::new();
        for want in &self.wants {
            let is_met = match want {
                Want::Seen(text) => is_whole(text, &|piece| !piece.place.hidden),
                Want::SeenAs(origin, text) => is_whole(text, &|piece| {
                    !piece.place.hidden && piece.place.origin == *origin
                }),
                Want::Hidden(text) => {
                    is_whole(text, &|piece| piece.place.hidden)
                        && !is_whole(text, &|piece| {
                            !piece.place.hidden && piece.place.reading == 0
                        })
                }
                Want::Folded(text) => {
                    let wanted = one_line(&fold(text).text);
                    reading.pieces.iter().any(|piece| {
                        !piece.place.hidden && one_line(&fold(&piece.text).text).contains(&wanted)
                    })
                }
                Want::Wallet(coin, address) => {
                    let found = find_wallets(&reading.pieces).found;
                    !found.is_empty()
                        && found
                            .iter()
                            .all(|one| one.hit.coin == *coin && one.hit.address == *address)
                }
                Want::NoWallet => find_wallets(&reading.pieces).found.is_empty(),
                Want::Fact(id) => reading.findings.iter().any(|finding| finding.id == *id),
            };
            if !is_met {
                misses.push(format!("{want:?}"));
            }
        }
        if !misses.is_empty() {
            let pieces = reading.pieces.iter();
            let read = pieces.map(|piece| format!("{}: {:?}", piece.place, piece.text));
            misses.push(read.collect::<Vec<_>>().join(" | "));
        }
        misses
    }
}

/// Reads a message with its PDFs and pictures, as the daemon does with its helper.
fn read_all(raw: &[u8]) -> Reading {
    let mut reading = read(raw, &ReadLimits::default());
    let passwords: Vec<String> = find_passwords(&reading.pieces)
        .into_iter()
        .map(|quoted| reading.pieces[quoted.piece].text[quoted.range].to_owned())
        .collect();
    let media: Vec<Media> = std::mem::take(&mut reading.media);
    for file in &media {
        let limits = MediaLimits::default();
        decode(
            file,
            &passwords,
            &limits,
            &mut |_| None,
            &mut |found| match found {
                Found::Text(piece) => reading.pieces.push(piece),
                Found::Fact(finding) => reading.findings.push(finding),
            },
        );
    }
    reading
}

/// White space is layout: a sentence is whole however its lines are broken.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
