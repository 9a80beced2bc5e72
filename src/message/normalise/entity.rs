//! Character references that somebody wrote into plain text.

/// The character for the text between `&` and `;`, already in lower case.
///
/// Accented letters come without their accent: folding would take it off anyway.
pub(super) fn decode(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16),
            None if number.bytes().all(|b| b.is_ascii_digit()) => number.parse(),
            None => return None,
        };
        return code.ok().filter(|&code| code != 0).and_then(char::from_u32);
    }
    let known = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" | "ldquo" | "rdquo" | "bdquo" | "laquo" | "raquo" => '"',
        "apos" | "lsquo" | "rsquo" | "sbquo" => '\'',
        "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
        "shy" => '\u{ad}',
        "zwnj" => '\u{200c}',
        "zwj" => '\u{200d}',
        "ndash" | "mdash" | "hyphen" | "dash" => '-',
        "euro" => '€',
        "pound" => '£',
        "yen" => '¥',
        "cent" => '¢',
        "dollar" => '$',
        "commat" => '@',
        "period" => '.',
        "comma" => ',',
        "colon" => ':',
        "excl" => '!',
        "num" => '#',
        "lowbar" => '_',
        "middot" => '·',
        "bull" => '•',
        "szlig" => 'ß',
        "aelig" => 'æ',
        "oelig" => 'œ',
        "oslash" => 'o',
        "eth" => 'ð',
        "thorn" => 'þ',
        _ => return accented(name),
    };
    Some(known)
}

fn accented(name: &str) -> Option<char> {
    let base = name.chars().next().filter(char::is_ascii_lowercase)?;
    let accent = &name[1..];
    matches!(
        accent,
        "grave" | "acute" | "circ" | "tilde" | "uml" | "ring" | "cedil" | "caron"
    )
    .then_some(base)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn numbers_and_names() {
        let rows = [
            ("#1089", Some('с')),
            ("#x441", Some('с')),
            ("#0000098", Some('b')),
            ("eacute", Some('e')),
            ("amp", Some('&')),
            ("#", None),
            ("#x", None),
            ("#0", None),
            ("#+98", None),
            ("#xd800", None),
            ("#99999999999", None),
            ("unknown", None),
            ("", None),
        ];
        for (name, expected) in rows {
            assert_eq!(decode(name), expected, "{name}");
        }
    }
}
