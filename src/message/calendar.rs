//! Calendar entries and address cards (RFC 5545, RFC 6350): the texts in them.

/// The texts that a program shows of an `.ics` or `.vcf` file, a line each.
pub(crate) fn read(source: &str) -> String {
    let unfolded = source
        .replace("\r\n", "\n")
        .replace("\n ", "")
        .replace("\n\t", "");
    let mut out = String::new();
    for line in unfolded.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let name = name.split(';').next().unwrap_or_default();
        let is_shown = SHOWN.iter().any(|shown| name.eq_ignore_ascii_case(shown));
        if is_shown {
            unescape(value, &mut out);
            out.push('\n');
        }
    }
    out
}

const SHOWN: &[&str] = &[
    "SUMMARY",
    "DESCRIPTION",
    "LOCATION",
    "COMMENT",
    "X-ALT-DESC",
    "CONTACT",
    "NOTE",
    "FN",
    "ORG",
    "TITLE",
    "URL",
    "X-WR-CALNAME",
    "CATEGORIES",
];

fn unescape(value: &str, out: &mut String) {
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n' | 'N') => out.push('\n'),
            Some(escaped) => out.push(escaped),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_unfolded_and_unescaped() {
        let source = "BEGIN:VCALENDAR\r\nUID:x\r\nSUMMARY;LANGUAGE=en:You ha\r\n ve until\\, noon\r\nDESCRIPTION:one\\ntwo\r\n";
        assert_eq!(read(source), "You have until, noon\none\ntwo\n");
    }
}
