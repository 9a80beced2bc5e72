//! Counting words where letters without spaces stand among others.

/// Does this byte begin a letter of a script without spaces, of which only some count as words?
pub(super) fn is_sign(byte: u8) -> bool {
    matches!(byte, 0xe3..=0xe9)
}

/// How many words a run of letters begins, see [`Words`](crate::classify::words::Words).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) first: u32,
    pub(super) all: u32,
}

/// Counts words where letters without spaces stand among others.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// Letters without spaces so far, less whole fives.
    signs: u32,
    pub(super) ends_with_sign: bool,
}

impl Script {
    /// Counts a run of letters; `None` where it has only letters of words with spaces.
    pub(super) fn word(&mut self, run: &[u8], is_joined: bool) -> Option<Begun> {
        let has_signs = run.iter().any(|&byte| is_sign(byte));
        let mut is_letter = is_joined;
        let mut begun = Begun { first: 0, all: 0 };
        let mut at = 0;
        while at < run.len() && has_signs {
            let byte = run[at];
            let begins = match byte {
                _ if is_sign(byte) => {
                    self.signs = (self.signs + 1) % 5;
                    is_letter = false;
                    matches!(self.signs, 1 | 3)
                }
                0x80..=0xbf => false,
                _ => !std::mem::replace(&mut is_letter, true),
            };
            begun.first += u32::from(begins && at == 0);
            begun.all += u32::from(begins);
            // Every such letter has three bytes.
            at += if is_sign(byte) { 3 } else { 1 };
        }
        self.ends_with_sign = has_signs && !is_letter;
        has_signs.then_some(begun)
    }
}
