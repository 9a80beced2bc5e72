//! One word: look-alike letters, digits for letters, foreign letters as noise.

use crate::message::normalise::WORD_CHARS;
use crate::message::normalise::table::Script;

/// One folded character and where it came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) c: char,
    /// Byte offset in the source.
    pub(super) src: u32,
    pub(super) script: Script,
    /// Was it written as a capital?
    pub(super) is_upper: bool,
}

/// What folding changed in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Letters that were replaced by the letter they look like.
    pub(super) confusables: u32,
    /// Digits and signs that stood for letters.
    pub(super) leet: u32,
    /// Letters that were dropped as noise.
    pub(super) interleaved: u32,
}

/// What stands around a word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    /// Is the text before it Latin, without a word of another alphabet for a while?
    pub(super) is_latin: bool,
    /// Does it stand alone, not inside an address, a link or a file name?
    pub(super) is_free: bool,
}

/// To which alphabet the letters of a word are to be turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Nothing to turn.
    None,
    Latin,
    Cyrillic,
    Greek,
}

/// Each rule can make room for another one; more than three rounds have not been seen.
pub(super) const ROUNDS: usize = 4;

/// Folds a word in place, until nothing changes any more.
pub(super) fn fold(word: &mut Vec<Cell>, around: Around) -> Changes {
    let mut all = Changes::default();
    for _ in 0..ROUNDS {
        let changes = Changes {
            interleaved: drop_noise(word),
            confusables: {
                let target = target(word, around.is_latin);
                word.iter_mut()
                    .map(|cell| u32::from(turn(cell, target)))
                    .sum()
            },
            leet: if around.is_free { read_digits(word) } else { 0 },
        };
        if changes == Changes::default() {
            break;
        }
        all.interleaved += changes.interleaved;
        all.confusables += changes.confusables;
        all.leet += changes.leet;
    }
    all
}

/// Turns a word that is too long to be looked at as a whole, by its beginning; tells to which
/// alphabets in turn, for what follows of it.
pub(super) fn turn_all(word: &mut [Cell], is_latin_around: bool) -> [Target; ROUNDS] {
    [(); ROUNDS].map(|()| {
        let target = target(&word[..word.len().min(WORD_CHARS + 1)], is_latin_around);
        for cell in word.iter_mut() {
            turn(cell, target);
        }
        target
    })
}

/// The alphabet that a word is meant in, where its letters are mixed.
pub(super) fn target(word: &[Cell], is_latin_around: bool) -> Target {
    let mut latin = 0;
    let mut latin_like_cyrillic = 0;
    let mut latin_like_greek = 0;
    let mut foreign = [0u32; 3];
    let mut foreign_like_latin = [0u32; 3];
    for cell in word {
        let row = match cell.script {
            Script::Latin => {
                latin += 1;
                latin_like_cyrillic += u32::from(to_cyrillic(cell.c, false).is_some());
                latin_like_greek += u32::from(to_greek(cell.c, false).is_some());
                continue;
            }
            Script::Cyrillic => 0,
            Script::Greek => 1,
            Script::Lookalike => 2,
            // A letter of a further script: no look-alike game.
            Script::Letter => return Target::None,
            _ => continue,
        };
        foreign[row] += 1;
        foreign_like_latin[row] += u32::from(to_latin(cell.c, false).is_some_and(|l| l.is_close));
    }
    let total: u32 = foreign.iter().sum();
    let like: u32 = foreign_like_latin.iter().sum();
    if total == 0 {
        return Target::None;
    }
    if latin == 0 {
        let is_disguise = is_latin_around && like == total;
        return if is_disguise {
            Target::Latin
        } else {
            Target::None
        };
    }
    let (counterpart, latin_like) = match foreign {
        [_, 0, 0] => (Target::Cyrillic, latin_like_cyrillic),
        [0, _, 0] => (Target::Greek, latin_like_greek),
        _ => return Target::Latin,
    };
    match (like == total, latin_like == latin) {
        (true, false) => Target::Latin,
        (false, true) => counterpart,
        _ if total > latin => counterpart,
        _ => Target::Latin,
    }
}

/// Turns one letter to the target alphabet; tells whether it changed.
pub(super) fn turn(cell: &mut Cell, target: Target) -> bool {
    let (to, script) = match (target, cell.script) {
        (Target::Latin, Script::Cyrillic | Script::Greek | Script::Lookalike) => (
            to_latin(cell.c, cell.is_upper).map(|l| l.letter),
            Script::Latin,
        ),
        (Target::Cyrillic, Script::Latin) => (to_cyrillic(cell.c, cell.is_upper), Script::Cyrillic),
        (Target::Greek, Script::Latin) => (to_greek(cell.c, cell.is_upper), Script::Greek),
        _ => return false,
    };
    match to {
        Some(to) => {
            cell.c = to;
            cell.script = script;
            true
        }
        None => false,
    }
}

/// The Latin letter that a folded letter is taken for.
pub(super) fn latin(c: char, is_upper: bool) -> Option<char> {
    to_latin(c, is_upper)
        .filter(|look| look.is_close)
        .map(|look| look.letter)
}

/// A Latin letter that another letter looks like.
struct Look {
    letter: char,
    /// Would a reader take one for the other? If not it counts only among Latin letters.
    is_close: bool,
}

fn to_latin(c: char, is_upper: bool) -> Option<Look> {
    let close = |letter| {
        Some(Look {
            letter,
            is_close: true,
        })
    };
    let far = |letter| {
        Some(Look {
            letter,
            is_close: false,
        })
    };
    match c {
        // Cyrillic
        'а' | 'ӑ' => close('a'),
        'в' | 'ь' => close('b'),
        'с' | 'ҫ' => close('c'),
        'ԁ' => close('d'),
        'е' | 'ҽ' | 'є' => close('e'),
        'һ' | 'н' => close('h'),
        'і' => close('i'),
        'ј' => close('j'),
        'к' | 'қ' | 'ҝ' => close('k'),
        'ӏ' => close('l'),
        'м' => close('m'),
        'о' | 'ө' | 'ѳ' => close('o'),
        'р' => close('p'),
        'ԛ' => close('q'),
        'ѕ' => close('s'),
        'т' => close('t'),
        'ѵ' => close('v'),
        'ԝ' | 'ѡ' => close('w'),
        'х' | 'ҳ' => close('x'),
        'у' | 'ү' | 'ұ' => close('y'),
        'б' | 'ъ' => far('b'),
        'д' => far('d'),
        'ә' | 'э' => far('e'),
        'ғ' => far('f'),
        'ћ' | 'ђ' | 'ң' => far('h'),
        'п' | 'л' => far('n'),
        'г' | 'я' | 'ґ' => far('r'),
        'и' | 'ц' => far('u'),
        'ш' | 'щ' => far('w'),
        // Greek, where capitals look like other letters than their small forms.
        'α' => close('a'),
        'β' => close('b'),
        'ε' => close('e'),
        'η' => close(if is_upper { 'h' } else { 'n' }),
        'ι' => close('i'),
        'κ' => close('k'),
        'μ' => close(if is_upper { 'm' } else { 'u' }),
        'ν' => close(if is_upper { 'n' } else { 'v' }),
        'ο' => close('o'),
        'ρ' => close('p'),
        'τ' => close('t'),
        'υ' => close(if is_upper { 'y' } else { 'u' }),
        'χ' => close('x'),
        'ζ' => close('z'),
        'ϳ' => close('j'),
        'ω' => far('w'),
        'σ' => far(if is_upper { 'e' } else { 'o' }),
        'γ' => far('y'),
        'δ' => far('d'),
        'λ' => far('a'),
        'π' => far('n'),
        'θ' => far('o'),
        // Armenian
        'օ' => close('o'),
        'ո' | 'ռ' => close('n'),
        'հ' => close('h'),
        'ս' => close('u'),
        'յ' => close('j'),
        'զ' => close('q'),
        'ց' => close('g'),
        'լ' => close('l'),
        'տ' => far('s'),
        'ա' => far('w'),
        // Coptic
        'ⲁ' => close('a'),
        'ⲃ' => close('b'),
        'ⲉ' => close('e'),
        'ⲏ' => close('h'),
        'ⲓ' => close('i'),
        'ⲕ' => close('k'),
        'ⲙ' => close('m'),
        'ⲛ' => close('n'),
        'ⲟ' => close('o'),
        'ⲣ' => close('p'),
        'ⲥ' => close('c'),
        'ⲧ' => close('t'),
        'ⲩ' => close('y'),
        'ⲭ' => close('x'),
        '\u{13a0}'..='\u{167f}' | '\u{a4d0}'..='\u{a4ff}' | '\u{ab70}'..='\u{abbf}' => {
            CAPITALS.get(&c).copied().and_then(close)
        }
        _ => None,
    }
}

/// Cherokee, Lisu and Canadian syllables that look like Latin capitals.
static CAPITALS: std::sync::LazyLock<std::collections::BTreeMap<char, char>> =
    std::sync::LazyLock::new(|| {
        const LOOKS: &[(char, &str)] = &[
            ('a', "Ꭺꓮᗅᗩ"),
            ('b', "Ᏼꓐᗷ"),
            ('c', "Ꮯꓚᑕ"),
            ('d', "ᎠꓓᗞᗪᎴ"),
            ('e', "Ꭼꓰᗴ"),
            ('f', "ꓝᖴ"),
            ('g', "ᏀᏳꓖ"),
            ('h', "ᎻꓧᕼᏂ"),
            ('i', "ᎥꓲᏐ"),
            ('j', "Ꭻꓙᒍ"),
            ('k', "Ꮶꓗ"),
            ('l', "Ꮮꓡᒪ"),
            ('m', "Ꮇꓟᗰ"),
            ('n', "ꓠᑎ"),
            ('o', "ꓳᎾ"),
            ('p', "Ꮲꓑᑭ"),
            ('r', "ᎡᏒꓣᖇ"),
            ('s', "ᏕᏚꓢᔕ"),
            ('t', "Ꭲꓔ"),
            ('u', "ꓴᑌ"),
            ('v', "Ꮩꓦᐯ"),
            ('w', "ᎳᏔꓪᗯ"),
            ('x', "ꓫ᙭"),
            ('y', "Ꮍꓬ"),
            ('z', "Ꮓꓜ"),
        ];
        LOOKS
            .iter()
            .flat_map(|&(to, from)| {
                from.chars()
                    .flat_map(char::to_lowercase)
                    .map(move |c| (c, to))
            })
            .collect()
    });

fn to_cyrillic(c: char, is_upper: bool) -> Option<char> {
    Some(match c {
        'a' => 'а',
        'b' => {
            if is_upper {
                'в'
            } else {
                'ь'
            }
        }
        'c' => 'с',
        'e' => 'е',
        'h' => 'н',
        'i' => 'і',
        'k' => 'к',
        'm' => 'м',
        'o' => 'о',
        'p' => 'р',
        't' => 'т',
        'x' => 'х',
        'y' => 'у',
        _ => return None,
    })
}

fn to_greek(c: char, is_upper: bool) -> Option<char> {
    Some(match c {
        'a' => 'α',
        'b' => 'β',
        'e' => 'ε',
        'h' => 'η',
        'i' => 'ι',
        'k' => 'κ',
        'm' => 'μ',
        'n' => {
            if is_upper {
                'ν'
            } else {
                'η'
            }
        }
        'o' => 'ο',
        'p' => 'ρ',
        't' => 'τ',
        'u' | 'y' => 'υ',
        'v' => 'ν',
        'w' => 'ω',
        'x' => 'χ',
        'z' => 'ζ',
        _ => return None,
    })
}

/// Drops every second letter where all of them are of another script.
fn drop_noise(word: &mut Vec<Cell>) -> u32 {
    let (&first, rest) = match word.as_slice() {
        [first, rest @ ..] if rest.len() >= 6 => (first, rest),
        _ => return 0,
    };
    let second = rest[0];
    let is_one_latin = (first.script == Script::Latin) != (second.script == Script::Latin);
    let are_letters = |cell: Cell| cell.script.is_alphabet() || cell.script == Script::Letter;
    if !is_one_latin || !are_letters(first) || !are_letters(second) {
        return 0;
    }
    let is_regular = word.iter().enumerate().all(|(at, cell)| {
        cell.script
            == if at % 2 == 0 {
                first.script
            } else {
                second.script
            }
    });
    if !is_regular {
        return 0;
    }
    let is_foreign = |cell: &Cell| cell.script != Script::Latin;
    // Look-alikes belong to the word: "mаlаgаsу" is no noise.
    let is_noise = word
        .iter()
        .filter(|cell| is_foreign(cell))
        .all(|cell| !to_latin(cell.c, false).is_some_and(|look| look.is_close));
    let kept = word.iter().filter(|cell| !is_foreign(cell)).count();
    if !is_noise || kept < 4 {
        return 0;
    }
    let dropped = word.len() - kept;
    word.retain(|cell| !is_foreign(cell));
    dropped as u32
}

/// Reads digits and signs between letters as letters: `b1tc0in`, `w@llet`.
fn read_digits(word: &mut [Cell]) -> u32 {
    // Longer ones are identifiers. Shorter than three is a unit, an ordinal or a size.
    if !(3..=20).contains(&word.len()) {
        return 0;
    }
    let is_letter = |cell: &Cell| cell.script.is_alphabet();
    let letters = word.iter().filter(|cell| is_letter(cell)).count();
    let signs = word.len() - letters;
    if signs == 0 || letters < 2 || signs * 3 > letters * 2 {
        return 0;
    }
    let script = match word.iter().find(|cell| is_letter(cell)) {
        Some(cell) => cell.script,
        None => return 0,
    };
    let is_pure = word
        .iter()
        .all(|cell| cell.script == script || !is_letter(cell) && cell.script != Script::Letter);
    if !is_pure || !matches!(script, Script::Latin | Script::Cyrillic) {
        return 0;
    }
    // "3f4e0c", "dead0beef": hexadecimal.
    if word.iter().all(|cell| cell.c.is_ascii_hexdigit()) {
        return 0;
    }
    // The last letter and the first: only what stands between letters is read.
    let Some(start) = word.iter().position(is_letter) else {
        return 0;
    };
    let Some(end) = word.iter().rposition(is_letter) else {
        return 0;
    };
    // Two letters and a digit are a name ("p2p", "b2b", "y2k"), but for the common "s3x", "p@y".
    if letters == 2 && !(end - start == 2 && matches!(word[start + 1].c, '3' | '@' | '0')) {
        return 0;
    }
    let mut changed = 0;
    let mut at = start;
    while at <= end {
        if is_letter(&word[at]) {
            at += 1;
            continue;
        }
        let run = word[at..=end]
            .iter()
            .take_while(|cell| !is_letter(cell))
            .count();
        // "sha256sum": a number inside a name.
        if run <= 2 && !is_number(&word[at..at + run]) {
            for spot in at..at + run {
                let previous = word[spot - 1].c;
                if let Some(letter) = digit_as_letter(word[spot].c, previous, run, script) {
                    word[spot].c = letter;
                    word[spot].script = script;
                    changed += 1;
                }
            }
        }
        at += run;
    }
    if changed > 0 && end + 2 == word.len() {
        // "m4st3rb4t3": the last sign too, once it is clear what is played.
        if let Some(letter) = digit_as_letter(word[end + 1].c, word[end].c, 1, script) {
            word[end + 1].c = letter;
            word[end + 1].script = script;
            changed += 1;
        }
    }
    changed
}

/// Two different digits in a row are a number, two equal ones can be "oo" or "ee".
fn is_number(run: &[Cell]) -> bool {
    matches!(run, [a, b] if a.c != b.c && a.c.is_ascii_digit() && b.c.is_ascii_digit())
}

fn digit_as_letter(c: char, previous: char, run: usize, script: Script) -> Option<char> {
    if script == Script::Cyrillic {
        return Some(match c {
            '0' => 'о',
            '3' => 'з',
            '4' => 'ч',
            '6' => 'б',
            '@' => 'а',
            _ => return None,
        });
    }
    Some(match c {
        '0' => 'o',
        '1' if previous == 'l' || run == 2 => 'l',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
        _ => return None,
    })
}
