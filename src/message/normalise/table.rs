//! What one character becomes before its word is looked at.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use unicode_normalization::char::{compose, decompose_compatible, is_combining_mark};

/// The script of a folded character, as far as folding cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Script {
    /// Punctuation, signs, emoji: ends a word.
    Symbol = 0,
    Digit = 1,
    Latin = 2,
    Cyrillic = 3,
    Greek = 4,
    /// Alphabets seldom met in mail whose letters look Latin: Armenian, Cherokee, Lisu, Coptic …
    Lookalike = 5,
    /// Letters and vowel signs of every other script written with spaces.
    Letter = 6,
    /// Scripts written without spaces: every character stands alone.
    Ideograph = 7,
}

impl Script {
    const ALL: [Self; 8] = [
        Self::Symbol,
        Self::Digit,
        Self::Latin,
        Self::Cyrillic,
        Self::Greek,
        Self::Lookalike,
        Self::Letter,
        Self::Ideograph,
    ];

    /// Is it part of a word?
    pub(super) fn is_word(self) -> bool {
        !matches!(self, Self::Symbol | Self::Ideograph)
    }

    /// Is it a letter of an alphabet with look-alikes?
    pub(super) fn is_alphabet(self) -> bool {
        matches!(
            self,
            Self::Latin | Self::Cyrillic | Self::Greek | Self::Lookalike
        )
    }
}

/// What the table says about a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// One character.
    Char = 0,
    /// One Latin letter that was written with an accent or a stroke.
    Accented = 1,
    /// One ASCII letter that was written in a decorative form.
    Styled = 2,
    /// Several characters; the payload is an index into the pool.
    Sequence = 3,
    /// A combining mark that languages use: dropped.
    Mark = 4,
    /// Any other combining mark over letters: dropped.
    OddMark = 5,
    /// Zero width: dropped.
    ZeroWidth = 6,
    /// Soft hyphen: dropped.
    SoftHyphen = 7,
    /// Direction mark or isolate: dropped.
    Bidi = 8,
    /// Direction override: dropped.
    Override = 9,
    /// Variation selectors, tags, controls: dropped, honest mail is full of them.
    Invisible = 10,
    /// White space inside a line.
    Space = 11,
    /// A line feed or something that breaks the line like one.
    LineFeed = 12,
    /// A carriage return.
    Return = 13,
    /// A paragraph separator.
    Paragraph = 14,
}

const KINDS: [Kind; 15] = [
    Kind::Char,
    Kind::Accented,
    Kind::Styled,
    Kind::Sequence,
    Kind::Mark,
    Kind::OddMark,
    Kind::ZeroWidth,
    Kind::SoftHyphen,
    Kind::Bidi,
    Kind::Override,
    Kind::Invisible,
    Kind::Space,
    Kind::LineFeed,
    Kind::Return,
    Kind::Paragraph,
];

/// One row of the table: 21 bits of payload, 3 of script, 4 of kind, 1 for capitals.
#[derive(Clone, Copy)]
pub(super) struct Entry(u32);

impl Entry {
    fn new(payload: u32, script: Script, kind: Kind, is_upper: bool) -> Self {
        Self(payload | (script as u32) << 21 | (kind as u32) << 24 | u32::from(is_upper) << 28)
    }

    pub(super) fn kind(self) -> Kind {
        KINDS[((self.0 >> 24 & 15) as usize).min(KINDS.len() - 1)]
    }

    pub(super) fn script(self) -> Script {
        Script::ALL[(self.0 >> 21 & 7) as usize]
    }

    /// Was it a capital? Some capitals look like another letter than their small form.
    pub(super) fn is_upper(self) -> bool {
        self.0 >> 28 & 1 == 1
    }

    pub(super) fn char(self) -> char {
        char::from_u32(self.0 & 0x1f_ffff).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn payload(self) -> usize {
        (self.0 & 0x1f_ffff) as usize
    }
}

/// Characters above this stay as they are, tags and variation selectors apart.
const END: u32 = 0x1_fc00;
/// No page: every character stands for itself.
const PLAIN: u16 = u16::MAX;

/// The table: pages of 256 entries, only for the blocks where something changes.
pub(super) struct Table {
    pages: Vec<u16>,
    entries: Vec<Entry>,
    pool: Vec<char>,
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::build);

/// The table, built on first use.
pub(super) fn table() -> &'static Table {
    &TABLE
}

impl Table {
    /// What becomes of `c`.
    #[inline]
    pub(super) fn entry(&self, c: char) -> Entry {
        let code = c as u32;
        match self.pages.get((code >> 8) as usize) {
            Some(&page) if page != PLAIN => {
                self.entries[usize::from(page) << 8 | (code & 255) as usize]
            }
            Some(_) => Entry::new(code, Script::Ideograph, Kind::Char, false),
            None => beyond(c),
        }
    }

    /// The characters of a [`Kind::Sequence`].
    pub(super) fn sequence(&self, entry: Entry) -> &[char] {
        let start = entry.payload() >> 5;
        &self.pool[start..start + (entry.payload() & 31)]
    }

    fn build() -> Self {
        let mut table = Self {
            pages: vec![PLAIN; (END >> 8) as usize],
            entries: Vec::new(),
            pool: Vec::new(),
        };
        for page in 0..END >> 8 {
            let first = page << 8;
            // Han, Yi, Hangul, surrogates, private use and historic scripts: nothing to fold.
            if matches!(first, 0x3400..=0x4dff | 0x4e00..=0xa3ff | 0xac00..=0xd7ff | 0xd800..=0xf8ff | 0x1_0500..=0x1_cfff)
            {
                continue;
            }
            table.pages[page as usize] = (table.entries.len() >> 8) as u16;
            for code in first..first + 256 {
                let entry = match char::from_u32(code) {
                    Some(c) => table.row(c),
                    None => Entry::new(0xfffd, Script::Symbol, Kind::Char, false),
                };
                table.entries.push(entry);
            }
        }
        table
    }

    fn row(&mut self, c: char) -> Entry {
        if let Some(kind) = dropped(c).or_else(|| space(c)) {
            return Entry::new(0, Script::Symbol, kind, false);
        }
        let mut to = Vec::new();
        spell(c, 0, &mut to);
        compose_kana(&mut to);
        let is_upper = c.is_uppercase();
        match *to.as_slice() {
            [] => Entry::new(0, Script::Symbol, Kind::Invisible, false),
            [one] => {
                let kind = match c as u32 {
                    _ if one == c || !one.is_ascii_lowercase() => Kind::Char,
                    0xc0..=0x24f | 0x1e00..=0x1eff => Kind::Accented,
                    0x250..=0x2af | 0x1d00..=0x1dbf | 0x2c60..=0x2c7f | 0xa720..=0xab6f => {
                        Kind::Styled
                    }
                    0x2000.. => Kind::Styled,
                    _ => Kind::Char,
                };
                Entry::new(one as u32, script(one), kind, is_upper)
            }
            _ => {
                let start = self.pool.len();
                self.pool.extend(to.iter().take(31));
                let len = self.pool.len() - start;
                Entry::new(
                    (start << 5 | len) as u32,
                    Script::Symbol,
                    Kind::Sequence,
                    is_upper,
                )
            }
        }
    }
}

/// What becomes of a character above the table.
fn beyond(c: char) -> Entry {
    match c as u32 {
        0xe0000..=0xe0fff => Entry::new(0, Script::Symbol, Kind::Invisible, false),
        0x2f800..=0x2fa1f => {
            let mut to = c;
            decompose_compatible(c, |part| to = part);
            Entry::new(to as u32, Script::Ideograph, Kind::Char, false)
        }
        code => Entry::new(code, Script::Ideograph, Kind::Char, false),
    }
}

/// Spells out `c` until nothing changes any more.
fn spell(c: char, depth: u8, to: &mut Vec<char>) {
    if dropped(c).is_some() {
        return;
    }
    if let Some(text) = special(c) {
        to.extend(text.chars());
        return;
    }
    if keeps_its_form(c) {
        to.push(c);
        return;
    }
    let mut parts = Vec::new();
    decompose_compatible(c, |part| parts.extend(part.to_lowercase()));
    // Spacing accents decompose into a space and a mark: they would break a word in two.
    let is_same = parts == [c]
        || depth > 6
        || (parts.first() == Some(&' ')
            && parts.len() > 1
            && space(c).is_none()
            && parts.iter().skip(1).all(|&p| is_combining_mark(p)));
    if is_same {
        to.push(c);
        return;
    }
    for part in parts {
        spell(part, depth + 1, to);
    }
}

/// Joins kana with the voiced marks that decomposition took off.
fn compose_kana(to: &mut Vec<char>) {
    let mut at = 1;
    while at < to.len() {
        match (to[at], compose(to[at - 1], to[at])) {
            ('\u{3099}' | '\u{309a}', Some(joined)) => {
                to[at - 1] = joined;
                to.remove(at);
            }
            _ => at += 1,
        }
    }
}

/// Signs whose compatibility form would glue letters to the word before, and Arabic phrases in
/// one sign, which would make a text ten times as long.
fn keeps_its_form(c: char) -> bool {
    matches!(
        c,
        '™' | '℠' | '№' | '℡' | '©' | '®' | '\u{fdf0}'..='\u{fdff}'
    )
}

fn space(c: char) -> Option<Kind> {
    Some(match c {
        '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' => Kind::LineFeed,
        '\r' => Kind::Return,
        '\u{2029}' => Kind::Paragraph,
        // Blank by their glyph though not by their category.
        '\u{2800}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => Kind::Space,
        _ if c.is_whitespace() => Kind::Space,
        _ => return None,
    })
}

fn dropped(c: char) -> Option<Kind> {
    Some(match c as u32 {
        0x9..=0xd | 0x85 => return None,
        0..=0x1f | 0x7f..=0x9f => Kind::Invisible,
        0xad => Kind::SoftHyphen,
        0x34f
        | 0x180b..=0x180f
        | 0x200b..=0x200d
        | 0x2060..=0x2064
        | 0x206a..=0x206f
        | 0xfeff
        | 0xfff9..=0xfffb => Kind::ZeroWidth,
        0x202d | 0x202e => Kind::Override,
        0x61c | 0x200e | 0x200f | 0x202a..=0x202c | 0x2066..=0x2069 => Kind::Bidi,
        0xfe00..=0xfe0f | 0x20d0..=0x20ff | 0xe0000..=0xe0fff => Kind::Invisible,
        0x300..=0x304
        | 0x306..=0x30c
        | 0x30f
        | 0x311..=0x314
        | 0x31b
        | 0x323
        | 0x324
        | 0x326..=0x328
        | 0x32d
        | 0x32e
        | 0x331
        | 0x342
        | 0x345 => Kind::Mark,
        0x300..=0x36f | 0x488..=0x489 | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0xfe20..=0xfe2f => {
            Kind::OddMark
        }
        // Cyrillic titlo, Hebrew niqqud, Arabic harakat and tatweel.
        0x483..=0x487
        | 0x591..=0x5bd
        | 0x5bf
        | 0x5c1..=0x5c2
        | 0x5c4..=0x5c5
        | 0x5c7
        | 0x610..=0x61a
        | 0x640
        | 0x64b..=0x65f
        | 0x670
        | 0x6d6..=0x6dc
        | 0x6df..=0x6e4
        | 0x6e7..=0x6e8
        | 0x6ea..=0x6ed => Kind::Invisible,
        _ => return None,
    })
}

/// Each spelling, then everything that is read as it.
const LETTERS: &[(&str, &str)] = &[
    ("a", "ɑⱥȺɐᴀɒꭺ"),
    ("b", "ƀɃɓƁƃƂʙᴃ"),
    ("c", "ƈƇȼȻᴄɕ"),
    ("d", "đĐðÐɖƉɗƊƌƋᴅᴆȡ"),
    ("e", "əƏǝƎɛƐɇɆᴇɘɜɚɝⱻ"),
    ("f", "ƒƑꜰ"),
    ("g", "ɡɠƓǥǤɢʛ"),
    ("h", "ħĦɦʜⱨⱧɥ"),
    ("i", "ıɨƗɩƖɪᵻ"),
    ("j", "ȷɉɈʝᴊɟ"),
    ("k", "ƙƘĸᴋⱪⱩʞ"),
    ("l", "łŁƚȽɫⱢɬɭʟⱡⱠᴌȴ"),
    ("m", "ɱⱮᴍ"),
    ("n", "ŋŊɲƝƞȠɳɴᴎȵ"),
    ("o", "øØɔƆɵƟᴏᴑ"),
    ("p", "ƥƤᵽⱣᴘ"),
    ("q", "ʠɋɊ"),
    ("r", "ɍɌɽⱤɾɹɻɼʀᴙʁᴚ"),
    ("s", "ʂꜱſƨƧʃƩȿ"),
    ("t", "ŧŦƭƬʈƮᴛȾⱦʇȶ"),
    ("u", "ʉɄᴜʊƱ"),
    ("v", "ʋƲʌɅᴠⱴ"),
    ("w", "ⱳⱲᴡʍɯƜ"),
    ("x", "ꭓ"),
    ("y", "ƴƳɏɎʏʎ"),
    ("z", "ƶƵȥȤᴢʐʑʒƷⱬⱫɀ"),
    ("ss", "ßẞ"),
    ("ae", "æÆᴁǽǼǣǢ"),
    ("oe", "œŒɶ"),
    ("th", "þÞ"),
    ("dz", "ʣ"),
    ("ts", "ʦ"),
    ("σ", "ς"),
    ("θ", "ϑϴ"),
    ("'", "‘’‚‛′´`ʼʻʹˈ‵＇"),
    ("\"", "“”„‟«»″‶❝❞〝〞〟「」『』《》"),
    ("<", "‹〈"),
    (">", "›〉"),
    ("[", "【〔"),
    ("]", "】〕"),
    ("-", "‐‑‒–—―−﹘﹣－⁃"),
    (".", "。｡"),
    (",", "、､،"),
    (";", "؛"),
    ("?", "؟"),
    ("/", "⁄∕"),
    ("*", "∗⁎✱"),
    // Alef, yeh, teh marbuta, and the Persian forms of kaf and yeh.
    ("ا", "ٱ"),
    ("ي", "ىیۍ"),
    ("ه", "ةۀەہ"),
    ("ك", "ک"),
];

static READ_AS: LazyLock<BTreeMap<char, &str>> = LazyLock::new(|| {
    LETTERS
        .iter()
        .flat_map(|&(to, from)| from.chars().map(move |c| (c, to)))
        .collect()
});

/// Spellings that no decomposition gives.
fn special(c: char) -> Option<&'static str> {
    if let Some(digit) = digit(c) {
        return Some(digit);
    }
    if let Some(to) = READ_AS.get(&c) {
        return Some(to);
    }
    // Letters in white on black squares and circles have no compatibility form.
    const AZ: [&str; 26] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
        "s", "t", "u", "v", "w", "x", "y", "z",
    ];
    let code = c as u32;
    [0x1_f150, 0x1_f170]
        .iter()
        .find(|&&first| (first..first + 26).contains(&code))
        .map(|first| AZ[(code - first) as usize])
}

/// The ASCII digit for a decimal digit of another script.
fn digit(c: char) -> Option<&'static str> {
    const ZEROS: [u32; 18] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50,
        0xed0, 0xf20, 0x1040, 0x17e0, 0x1810,
    ];
    const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let code = c as u32;
    ZEROS
        .iter()
        .find(|&&zero| (zero..zero + 10).contains(&code))
        .map(|zero| DIGITS[(code - zero) as usize])
}

/// The script of a folded character.
fn script(c: char) -> Script {
    match c as u32 {
        0x30..=0x39 => Script::Digit,
        0xe00..=0xeff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x1100..=0x11ff => Script::Ideograph,
        0x2e80..=0x2fdf | 0x3005..=0x3007 | 0x3040..=0x30fa | 0x30fc..=0x31ff => Script::Ideograph,
        0x3400..=0x4dbf | 0x4e00..=0xa4cf | 0xa960..=0xa97f | 0xac00..=0xd7ff => Script::Ideograph,
        0xf900..=0xfaff => Script::Ideograph,
        // Circled and squared signs count as alphabetic; they are pictures here.
        0x2000..=0x2bff | 0x1_f000.. => Script::Symbol,
        _ if !c.is_alphanumeric() && !is_combining_mark(c) => Script::Symbol,
        0..=0x24f | 0x250..=0x2af | 0x1d00..=0x1dbf | 0x1e00..=0x1eff => Script::Latin,
        0x2c60..=0x2c7f | 0xa720..=0xa7ff | 0xab30..=0xab6f => Script::Latin,
        0x370..=0x3ff | 0x1f00..=0x1fff => Script::Greek,
        0x400..=0x52f | 0x1c80..=0x1c8f | 0xa640..=0xa69f => Script::Cyrillic,
        0x530..=0x58f | 0x13a0..=0x167f | 0x2c80..=0x2cff => Script::Lookalike,
        0xa4d0..=0xa4ff | 0xab70..=0xabbf => Script::Lookalike,
        _ => Script::Letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_table_gives_stays_as_it_is() {
        for code in 0..END {
            let Some(c) = char::from_u32(code) else {
                continue;
            };
            let entry = table().entry(c);
            let to = match entry.kind() {
                Kind::Char | Kind::Accented | Kind::Styled => vec![entry.char()],
                Kind::Sequence => table().sequence(entry).to_vec(),
                _ => continue,
            };
            for one in to {
                let again = table().entry(one);
                assert!(
                    again.kind() == Kind::Char && again.char() == one
                        || again.kind() == Kind::Space,
                    "U+{code:04X} gives {one:?}, which gives {:?}",
                    again.kind()
                );
            }
        }
    }
}
