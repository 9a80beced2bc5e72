//! Wallet addresses that pass their checksum, however they are written.

mod base58;
mod bech;
mod ether;
mod parts;
mod prove;
mod set;

use crate::classify::WalletHit;
use crate::message::{Piece, ReadAs, fold, read_as};
use parts::{Fragments, Group, Part};
use prove::{Budget, MOST_CHARS, Proof};
pub use set::WalletSet;
use std::collections::HashSet;
use std::ops::Range;

/// So many candidates of one message are decoded, at about 1 µs each.
const PROOFS: u32 = 8192;
/// So many addresses without a checksum are compared with the words around them.
const WEAK: u32 = 64;
/// A token over this many bytes is not searched for signs between the characters.
const TOKEN_BYTES: usize = 1024;
/// Bytes before and behind an address without checksum that are searched for a word.
const NEAR_BYTES: usize = 240;

/// A proved address and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundWallet {
    /// Coin, address and place.
    pub hit: WalletHit,
    /// Index of the piece it stands in; of its first half, where it is split over pieces.
    pub piece: usize,
    /// Bytes of that piece's text, from its first to its last character.
    pub range: Range<usize>,
    /// Was it spaced, starred, split or written with look-alike letters?
    pub is_disguised: bool,
    /// No checksum: only the words around it speak for an address.
    pub is_weak: bool,
}

/// The addresses of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wallets {
    /// Each address once, in the order of the message.
    pub found: Vec<FoundWallet>,
    /// Were there more candidates than are looked at? Adds the signal `limit.wallets`.
    pub is_cut: bool,
}

/// Finds every address in the texts of a message.
///
/// Works on the source text, because base58 is case-sensitive. Linear in the text; the number of
/// candidates that are decoded is bounded.
pub fn find(pieces: &[Piece]) -> Wallets {
    let mut search = Search {
        pieces,
        piece: 0,
        found: Vec::new(),
        known: HashSet::new(),
        budget: Budget::new(PROOFS),
        weak_left: WEAK,
        fragments: Fragments::default(),
    };
    for piece in 0..pieces.len() {
        search.piece = piece;
        search.text();
    }
    Wallets {
        found: search.found,
        is_cut: search.budget.is_empty(),
    }
}

struct Search<'p> {
    pieces: &'p [Piece],
    piece: usize,
    found: Vec<FoundWallet>,
    known: HashSet<String>,
    budget: Budget,
    weak_left: u32,
    fragments: Fragments,
}

/// The characters of a token by kind.
#[derive(Clone, Copy, Debug, Default)]
struct Census {
    digits: usize,
    letters: usize,
    signs: usize,
    others: usize,
}

/// What a byte adds to a [`Census`]: 16 bits each for digits, letters, signs and others.
static COUNTS: [u64; 256] = {
    let mut counts = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        counts[byte] = match byte as u8 {
            b'0'..=b'9' => 1,
            b'a'..=b'z' | b'A'..=b'Z' => 1 << 16,
            0..0x80 => 1 << 32,
            // One for each character, not for each byte.
            0x80..=0xbf => 0,
            _ => 1 << 48,
        };
        byte += 1;
    }
    counts
};

impl Census {
    fn of(token: &str) -> Self {
        let mut census = Self::default();
        // Four counts in one number, in chunks that none of them can overflow.
        for chunk in token.as_bytes().chunks(usize::from(u16::MAX)) {
            let sum: u64 = chunk.iter().map(|&byte| COUNTS[usize::from(byte)]).sum();
            let count = |field: u32| usize::from((sum >> (16 * field)) as u16);
            census.digits += count(0);
            census.letters += count(1);
            census.signs += count(2);
            census.others += count(3);
        }
        census
    }

    fn chars(self) -> usize {
        self.digits + self.letters
    }
}

/// The ASCII characters that a token is read as, each with its bytes in the piece.
#[derive(Debug, Default)]
struct Compact {
    text: String,
    spots: Vec<Range<usize>>,
    /// Where a run begins: at the start and behind every sign.
    starts: Vec<usize>,
    /// TON writes its addresses in base64: there `-` and `_` are digits.
    is_ton: bool,
}

impl Compact {
    fn add(&mut self, token: &str, offset: usize) {
        if self.starts.last() != Some(&self.text.len()) {
            self.starts.push(self.text.len());
        }
        for (at, c) in token.char_indices() {
            let is_digit = c.is_ascii_alphanumeric() || (self.is_ton && parts::is_ton_sign(c));
            let read = match is_digit {
                true => ReadAs::Ascii(c as u8),
                false => read_as(c),
            };
            match read {
                ReadAs::Ascii(byte) => {
                    self.text.push(char::from(byte));
                    self.spots.push(offset + at..offset + at + c.len_utf8());
                }
                ReadAs::Nothing => {}
                ReadAs::Space | ReadAs::Other => {
                    if self.starts.last() != Some(&self.text.len()) {
                        self.starts.push(self.text.len());
                    }
                }
            }
        }
    }
}

impl Search<'_> {
    fn text(&mut self) {
        let pieces = self.pieces;
        let text = pieces[self.piece].text.as_str();
        let mut group = Group::default();
        let mut at = 0;
        while at < text.len() {
            let start = at;
            if let Some((letters, next)) = prose_word(text.as_bytes(), start)
                && group.takes_prose(start..next - 1, letters)
            {
                at = next;
                continue;
            }
            let (end, next) = token_end(text, start);
            at = next;
            if start == end {
                continue;
            }
            if self.budget.is_empty() {
                return;
            }
            self.token(&text[start..end], start, &mut group);
        }
        self.group(&mut group);
    }

    fn token(&mut self, token: &str, start: usize, group: &mut Group) {
        let census = Census::of(token);
        let chars = census.chars() + census.others;
        let mut size = group.size(token, chars);
        if !group.takes(size) {
            // A shorter token can be the rest of an address in groups.
            if size < group.chars() {
                group.push(start..start + token.len(), size);
            }
            self.group(group);
            size = group.size(token, chars);
        }
        group.push(start..start + token.len(), size);
        // Prose: no digit, no capital inside, no signs or foreign letters between many letters.
        let is_prose = census.digits == 0
            && (chars < prove::LEAST_CHARS
                || census.letters == 0
                || (census.signs + census.others) * 3 < census.letters)
            && !has_inner_capital(token);
        if chars < 4 || is_prose {
            return;
        }
        let Some((body, skipped)) = without_scheme(token) else {
            return;
        };
        let start = start + skipped;
        let before = self.found.len();
        if chars >= prove::LEAST_CHARS {
            self.runs(body, start);
        }
        let is_written_apart = census.signs + census.others > 0;
        if self.found.len() == before && is_written_apart && body.len() <= TOKEN_BYTES && chars >= 4
        {
            let mut compact = Compact::default();
            compact.add(body, start);
            if compact.text.len() >= prove::LEAST_CHARS {
                self.compact(&compact, false);
            }
            if self.found.len() == before && parts::begins_ton(body) {
                let mut compact = Compact {
                    is_ton: true,
                    ..Compact::default()
                };
                compact.add(body, start);
                self.compact(&compact, false);
            }
            if self.found.len() == before && census.others > 0 {
                let part = Part::of(&compact, self.piece);
                self.part(part);
                return;
            }
        }
        if self.found.len() == before {
            let part = parts::longest_run(body, start, self.piece);
            self.part(part);
        }
    }

    /// Addresses that stand in one run of ASCII letters and digits.
    fn runs(&mut self, body: &str, offset: usize) {
        let is_ton = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+/".contains(&byte);
        for (start, end) in runs(body, is_ton) {
            let run = &body[start..end];
            if (48..=MOST_CHARS).contains(&run.len())
                && prove::forms(run).contains(&prove::Form::Ton)
            {
                let proof = prove::beginning(run, &mut self.budget);
                self.keep(
                    proof,
                    |proof| offset + start..offset + start + proof.chars,
                    false,
                );
            }
        }
        for (start, end) in runs(body, |byte| byte.is_ascii_alphanumeric()) {
            // Longer runs are encoded data.
            if !(prove::LEAST_CHARS..=MOST_CHARS).contains(&(end - start)) {
                continue;
            }
            let run = &body[start..end];
            for label in labels(run) {
                let from = start + label;
                let proof = prove::beginning(&body[from..end], &mut self.budget);
                if proof.is_some() {
                    self.keep(
                        proof,
                        |proof| offset + from..offset + from + proof.chars,
                        false,
                    );
                    break;
                }
            }
            if (32..=44).contains(&run.len()) {
                self.solana(run, offset + start);
            }
        }
    }

    fn solana(&mut self, run: &str, start: usize) {
        let range = start..start + run.len();
        if self.weak_left == 0
            || !has_inner_capital(run)
            || self
                .found
                .last()
                .is_some_and(|f| f.piece == self.piece && f.range.start == start)
        {
            return;
        }
        if let Some(proof) = base58::solana(run) {
            self.weak_left -= 1;
            if self.is_near(&range, &["solana", " sol "]) {
                self.push(proof, self.piece, range, false);
            }
        }
    }

    /// An address with signs between its characters, or with foreign letters.
    fn compact(&mut self, compact: &Compact, is_group: bool) {
        for &start in compact.starts.iter().take(8) {
            let rest = &compact.text[start..];
            let end = rest.len().min(MOST_CHARS);
            let proof = prove::beginning(&rest[..end], &mut self.budget).or_else(|| {
                // Look-alikes do not keep the case that bech32 wants.
                let is_bech = matches!(
                    prove::forms(rest),
                    [prove::Form::Segwit | prove::Form::Shelley | prove::Form::Cash]
                );
                let lower = rest[..end].to_ascii_lowercase();
                (is_bech && lower != rest[..end])
                    .then(|| prove::beginning(&lower, &mut self.budget))
                    .flatten()
            });
            // Hex dumps come in groups: there only a checksum tells.
            if is_group && proof.as_ref().is_some_and(|proof| proof.is_weak) {
                return;
            }
            if proof.is_some() {
                let spots = &compact.spots;
                self.keep(
                    proof,
                    |proof| spots[start].start..spots[start + proof.chars - 1].end,
                    true,
                );
                return;
            }
        }
    }

    /// An address in groups of equal length.
    fn group(&mut self, group: &mut Group) {
        if group.drop_few() {
            return;
        }
        let ranges = group.take();
        let text = self.pieces[self.piece].text.as_str();
        // Words of equal length have neither digits nor capitals inside.
        let is_odd = |range: &Range<usize>| {
            let token = &text[range.clone()];
            token.len() == 1
                || token.bytes().any(|byte| byte.is_ascii_digit())
                || has_inner_capital(token)
        };
        if !ranges.iter().any(is_odd) {
            return;
        }
        let before = self.found.len();
        let mut compact = Compact::default();
        for range in &ranges {
            compact.add(&text[range.clone()], range.start);
        }
        self.compact(&compact, true);
        let ton = ranges
            .iter()
            .position(|range| parts::begins_ton(&text[range.start..]));
        if self.found.len() == before
            && let Some(first) = ton
        {
            let mut compact = Compact {
                is_ton: true,
                ..Compact::default()
            };
            for range in &ranges[first..] {
                compact.add(&text[range.clone()], range.start);
            }
            self.compact(&compact, true);
        }
    }

    /// A fragment that may be one half of an address.
    fn part(&mut self, part: Option<Part>) {
        let Some(part) = part else {
            return;
        };
        // Without a checksum nothing tells which parts belong together.
        if let Some((proof, first, last)) = self.fragments.join(part, &mut self.budget)
            && !proof.is_weak
        {
            let (piece, range) = match first.piece == last.piece {
                true => (
                    first.piece,
                    first.range.start.min(last.range.start)..first.range.end.max(last.range.end),
                ),
                false => (first.piece, first.range),
            };
            self.push(proof, piece, range, true);
        }
    }

    fn keep(
        &mut self,
        proof: Option<Proof>,
        range: impl Fn(&Proof) -> Range<usize>,
        is_disguised: bool,
    ) {
        let Some(proof) = proof else {
            return;
        };
        let range = range(&proof);
        if proof.is_weak {
            if self.weak_left == 0 {
                return;
            }
            self.weak_left -= 1;
            if !self.is_near(&range, MONEY) {
                return;
            }
        }
        self.push(proof, self.piece, range, is_disguised);
    }

    fn push(&mut self, proof: Proof, piece: usize, range: Range<usize>, is_disguised: bool) {
        if self.known.insert(proof.address.clone()) {
            self.found.push(FoundWallet {
                hit: WalletHit {
                    coin: proof.coin,
                    address: proof.address,
                    place: self.pieces[piece].place,
                },
                piece,
                range,
                is_disguised,
                is_weak: proof.is_weak,
            });
        }
    }

    /// Does one of these words stand near, outside an encoded block?
    fn is_near(&self, range: &Range<usize>, words: &[&str]) -> bool {
        let text = self.pieces[self.piece].text.as_str();
        // Design note: armour only silences addresses without a checksum. If it silenced all,
        // a line "BEGIN PGP" would hide every wallet.
        let before =
            &text[text.floor_char_boundary(range.start.saturating_sub(1 << 16))..range.start];
        if before.rfind("-----BEGIN ") > before.rfind("-----END ") {
            return false;
        }
        let start = text.floor_char_boundary(range.start.saturating_sub(NEAR_BYTES));
        let end = text.ceil_char_boundary((range.end + NEAR_BYTES).min(text.len()));
        let around = [&text[start..range.start], &text[range.end..end]]
            .map(|part| format!(" {} ", fold(part).text));
        words
            .iter()
            .any(|word| around.iter().any(|part| part.contains(word)))
    }
}

/// A word of plain prose: less letters than any address has, none of them a capital but the first,
/// perhaps one sign, and white space. How many letters, and where the next token begins.
///
/// What an address of TON can begin with is none: its groups are counted otherwise.
fn prose_word(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    let rest = &bytes[start..];
    let most = prove::LEAST_CHARS.min(rest.len());
    rest.first()
        .filter(|byte| byte.is_ascii_alphabetic() && !matches!(byte, b'E' | b'U'))?;
    let mut letters = 1;
    while letters < most && rest[letters].is_ascii_lowercase() {
        letters += 1;
    }
    // The census of a token counts signs apart from letters, whichever they are.
    let sign = usize::from(matches!(rest.get(letters), Some(b',' | b'.' | b';' | b':')));
    let is_whole = letters < prove::LEAST_CHARS && rest.get(letters + sign) == Some(&b' ');
    is_whole.then_some((letters, start + letters + sign + 1))
}

/// Where the token that begins at `start` ends, and where the white space character behind it does.
fn token_end(text: &str, start: usize) -> (usize, usize) {
    let bytes = text.as_bytes();
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\t'..=b'\r' | b' ' => return (at, at + 1),
            // The only lead bytes of white space beyond ASCII.
            0xc2 | 0xe1..=0xe3 => {
                let Some(letter) = text[at..].chars().next() else {
                    break;
                };
                let next = at + letter.len_utf8();
                if letter.is_whitespace() {
                    return (at, next);
                }
                at = next;
            }
            _ => at += 1,
        }
    }
    (at, at)
}

/// Words for money that is sent to an address, folded.
const MONEY: &[&str] = &[
    " eth ",
    "ethereum",
    "usdt",
    "erc20",
    "erc-20",
    "bep20",
    "bep-20",
    "bnb",
    "wallet",
    "crypto",
    "krypto",
    "coin",
    "tether",
    "usdc",
    "кошел",
    "крипто",
    "монет",
    "гаманец",
    "billetera",
    "cartera",
    "portefeuille",
    "portafogli",
    "carteira",
    "portfel",
    "penezen",
    "tarca",
    "cuzdan",
    "planbok",
    "lommebok",
    "lompakko",
    "portemonnee",
    "portofel",
    "πορτοφολι",
    "dompet",
    "ウォレット",
    "財布",
    "지갑",
    "钱包",
    "錢包",
    "محفظ",
    "ארנק",
    "仮想通貨",
    "加密",
    "암호",
];

/// The start and end of every run of such bytes.
fn runs(text: &str, is_part: impl Fn(u8) -> bool) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut all = Vec::new();
    let mut start = None;
    for (at, &byte) in bytes.iter().enumerate() {
        match (is_part(byte), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                all.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        all.push((from, bytes.len()));
    }
    all
}

/// Where in a run an address can begin: at its start, or behind a word glued to it.
fn labels(run: &str) -> impl Iterator<Item = usize> {
    const WORDS: [&str; 16] = [
        "address", "addr", "wallet", "bitcoin", "btc", "litecoin", "ltc", "monero", "xmr", "eth",
        "usdt", "trx", "to", "is", "id", "here",
    ];
    std::iter::once(0).chain(WORDS.into_iter().filter_map(move |word| {
        run.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
            .then_some(word.len())
    }))
}

/// The part of a token that may hold an address and where it begins; none in a link or a mail
/// address, whose opaque parts are no addresses.
fn without_scheme(token: &str) -> Option<(&str, usize)> {
    const SCHEMES: [&str; 15] = [
        "bitcoin:",
        "litecoin:",
        "bitcoincash:",
        "dogecoin:",
        "dash:",
        "zcash:",
        "ethereum:",
        "monero:",
        "tron:",
        "ripple:",
        "xrp:",
        "ton:",
        "cardano:",
        "solana:",
        "web+cardano:",
    ];
    if !token.contains([':', '/', '@', '.']) {
        return Some((token, 0));
    }
    let lower: String = token
        .chars()
        .take(40)
        .collect::<String>()
        .to_ascii_lowercase();
    if let Some((at, scheme)) = SCHEMES
        .iter()
        .filter_map(|scheme| lower.find(scheme).map(|at| (at, scheme)))
        .min_by_key(|&(at, scheme)| (at, std::cmp::Reverse(scheme.len())))
        // Bytes of `lower` are bytes of the token only as long as all of them are ASCII.
        .filter(|&(at, _)| token.as_bytes()[..at].is_ascii())
    {
        let start = at + scheme.len();
        let rest = &token[start..];
        let slashes = rest.len() - rest.trim_start_matches('/').len();
        let rest = &rest[slashes..];
        return Some((rest.split('?').next().unwrap_or(rest), start + slashes));
    }
    let is_link = token.contains("://")
        || lower.starts_with("www.")
        || token.contains('@')
        || token
            .split_once('/')
            .is_some_and(|(host, _)| host.contains('.') && host.len() > 3 && !host.ends_with('.'));
    (!is_link).then_some((token, 0))
}

/// Does a capital follow a small letter or a digit?
fn has_inner_capital(token: &str) -> bool {
    token.as_bytes().windows(2).any(|pair| {
        pair[1].is_ascii_uppercase() && (pair[0].is_ascii_lowercase() || pair[0].is_ascii_digit())
    })
}

#[cfg(test)]
mod tests;
