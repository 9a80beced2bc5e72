//! The short cut for plain ASCII prose, which folding only puts into lower case.

/// No word over one letter chain, no digit beside a letter, no two spaces: nothing to decide.
const STOP: u8 = 9;

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

/// Does this byte behind a word of letters end it in any case? A sign that can stand for a letter
/// or begin a character reference does not, nor does a control character, which is dropped.
pub(super) fn ends_word(byte: u8) -> bool {
    matches!(class(byte), SPACE | PUNCTUATION)
}

/// Bits that a state takes in a row.
const BITS: u32 = 6;

/// [`NEXT`] by byte: ten states of six bits, each where the state before it points to. One shift
/// leads from state to state, which is quicker than to wait for a look-up.
static ROWS: [u64; 256] = {
    let mut rows = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut state = 0;
        while state < STOP as usize {
            let next = NEXT[state][class(byte as u8)] as u64 * BITS as u64;
            rows[byte] |= next << (state as u32 * BITS);
            state += 1;
        }
        // Nothing leads out of the stop.
        rows[byte] |= (STOP as u64 * BITS as u64) << (STOP as u32 * BITS);
        byte += 1;
    }
    rows
};

/// [`STOP`] in the bits of a state.
const STOPPED: u64 = STOP as u64 * BITS as u64;
const STATE: u64 = (1 << BITS) - 1;

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
    let mut stop = start;
    let (blocks, _) = bytes[start..].as_chunks::<16>();
    for block in blocks {
        let after = block.iter().fold(state, step);
        if after == STOPPED {
            break;
        }
        state = after;
        stop += block.len();
    }
    for byte in &bytes[stop..] {
        state = step(state, byte);
        if state == STOPPED {
            break;
        }
        stop += 1;
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

fn step(state: u64, byte: &u8) -> u64 {
    ROWS[usize::from(*byte)] >> state & STATE
}

/// Appends plain prose in lower case, its line feeds as spaces; returns the number of letters.
pub(super) fn copy(prose: &str, to: &mut String) -> u32 {
    let mut letters = 0;
    let mut lower = [0; 128];
    for part in prose.as_bytes().chunks(lower.len()) {
        let lower = &mut lower[..part.len()];
        let mut count = 0_u8;
        for (to, &from) in lower.iter_mut().zip(part) {
            let byte = from.to_ascii_lowercase();
            count += u8::from(byte.is_ascii_lowercase());
            *to = if byte == b'\n' { b' ' } else { byte };
        }
        letters += u32::from(count);
        to.push_str(std::str::from_utf8(lower).expect("plain prose is ASCII"));
    }
    letters
}
