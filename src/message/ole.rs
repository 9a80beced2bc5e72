//! Old office documents and saved Outlook messages: the runs of text in them.

use crate::message::charset;

/// The shortest run of letters that is text rather than chance.
const SHORTEST: usize = 24;

/// Runs of UTF-16 and of 8-bit text, a line each, at most `limit` bytes.
///
/// The format (MS-CFB) keeps texts in one piece or few; taking it apart would find no more of
/// them that a reader could see.
pub(crate) fn strings(bytes: &[u8], limit: usize) -> String {
    let mut out = String::new();
    let mut rest = bytes;
    while !rest.is_empty() && out.len() < limit {
        let wide = wide_run(rest);
        if wide >= SHORTEST * 2 {
            add(&charset::decode(&rest[..wide], Some("utf-16le")), &mut out);
            rest = &rest[wide..];
            continue;
        }
        let narrow = rest.iter().take_while(|byte| is_shown(**byte)).count();
        if narrow >= SHORTEST {
            add(&charset::decode(&rest[..narrow], None), &mut out);
        }
        // The last letter of a short run may be the first of a wide one.
        rest = &rest[narrow.saturating_sub(1).max(wide).max(1)..];
    }
    out.truncate(out.floor_char_boundary(limit.min(out.len())));
    out
}

fn is_shown(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t' | 0xa0..)
}

/// How many bytes from here on are UTF-16 of letters below U+0600 or of punctuation.
fn wide_run(bytes: &[u8]) -> usize {
    let units = bytes.as_chunks::<2>().0;
    let is_text = |unit: &&[u8; 2]| match **unit {
        [low, 0] => is_shown(low),
        [_, 1 | 3..=5] => true,
        [0x10..=0x3a, 0x20] => true,
        _ => false,
    };
    units.iter().take_while(is_text).count() * 2
}

/// Adds a run that has words in it: names of streams and fonts have none.
fn add(run: &str, out: &mut String) {
    let letters = run.chars().filter(|c| c.is_alphabetic()).count();
    if run.trim().contains(' ') && letters * 2 > run.chars().count() {
        out.push_str(&run.replace('\r', "\n"));
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_text_are_found() {
        let text = "These words stand in an old document";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            wide.clone(),
            [&[9_u8][..], &wide].concat(),
        ] {
            let file = [
                &b"\xd0\xcf\x11\xe0\0\x01\x02"[..],
                &bytes,
                b"\0\0\x03Normal.dot\0",
            ]
            .concat();
            assert_eq!(strings(&file, 1000), format!("{text}\n"));
        }
        assert_eq!(strings(&[1; 1000], 1000), "");
        assert_eq!(strings(text.as_bytes(), 5).len(), 5);
    }
}
