//! The short cut for plain ASCII prose, which folding only puts into lower case.

/// No word over one letter chain, no digit beside a letter, no two spaces: nothing to decide.
const STOP: u8 = 10;

const LETTER: usize = 0;
const DIGIT: usize = 1;
const SPACE: usize = 2;
const PUNCTUATION: usize = 3;
const BANG: usize = 4;
const OTHER: usize = 5;

const fn class(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => LETTER,
        b'0'..=b'9' => DIGIT,
        b' ' | b'\n' => SPACE,
        b'!' => BANG,
        b'&' | b'@' | b'$' | b'`' => OTHER,
        b'"'..=b'~' => PUNCTUATION,
        _ => OTHER,
    }
}

/// Next state by state and class. States: 0 after punctuation or at the start, 1 after a space,
/// 2 one letter, 3 a word, 4 a number, 5 a lone letter and a space, 6 a lone letter and
/// punctuation, 7 one letter after a lone letter, 8 a word and an exclamation mark.
const NEXT: [[u8; 6]; 9] = [
    [2, 4, 1, 0, 0, STOP],
    [2, 4, STOP, 0, 0, STOP],
    [3, STOP, 5, 6, STOP, STOP],
    [3, STOP, 1, 0, 8, STOP],
    [STOP, 4, 1, 0, 8, STOP],
    [7, 4, STOP, 0, 0, STOP],
    [7, 4, 1, 0, 0, STOP],
    [3, STOP, STOP, STOP, STOP, STOP],
    [STOP, STOP, 1, 0, STOP, STOP],
];

/// [`NEXT`] by state and byte: one look-up for a byte.
static STEPS: [[u8; 256]; 9] = {
    let mut steps = [[STOP; 256]; 9];
    let mut state = 0;
    while state < 9 {
        let mut byte = 0;
        while byte < 256 {
            steps[state][byte] = NEXT[state][class(byte as u8)];
            byte += 1;
        }
        state += 1;
    }
    steps
};

/// How far plain prose reaches.
pub(super) struct Reach {
    /// End of the bytes that only need lower case; a space follows.
    pub(super) safe: usize,
    /// Where something else begins; no use to look again before it.
    pub(super) stop: usize,
}

/// Looks for plain prose from `start`, which must be where a word can begin.
pub(super) fn reach(bytes: &[u8], start: usize) -> Reach {
    let mut state = 0;
    let mut stop = bytes.len();
    for (at, &byte) in bytes.iter().enumerate().skip(start) {
        state = STEPS[usize::from(state)][usize::from(byte)];
        if state == STOP {
            stop = at;
            break;
        }
    }
    // Back to a space whose word is no lone letter: what follows cannot join with what precedes.
    let mut safe = stop;
    while safe > start {
        let is_space = bytes.get(safe).is_some_and(|&b| class(b) == SPACE);
        let before = class(bytes[safe - 1]);
        let is_lone = before == LETTER && (safe - 1 == start || class(bytes[safe - 2]) != LETTER);
        if is_space && before != SPACE && !is_lone {
            break;
        }
        safe -= 1;
    }
    Reach { safe, stop }
}

/// Appends plain prose in lower case, its line feeds as spaces; returns the number of letters.
pub(super) fn copy(prose: &str, to: &mut String) -> u32 {
    let start = to.len();
    for (at, line) in prose.split('\n').enumerate() {
        if at > 0 {
            to.push(' ');
        }
        to.push_str(line);
    }
    to[start..].make_ascii_lowercase();
    prose.bytes().filter(u8::is_ascii_alphabetic).count() as u32
}
