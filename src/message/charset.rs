//! Bytes of a text to UTF-8, whatever their label says.

use encoding_rs::Encoding;
use std::borrow::Cow;

/// Decodes the bytes of a text.
///
/// A byte order mark, NULs in every second byte and valid UTF-8 are believed before the label,
/// because labels are wrong more often; then the label; and where it is missing, unknown or leads
/// to rubbish, the charset that gives the most ordinary text. NULs are dropped.
pub(crate) fn decode<'b>(bytes: impl Into<Cow<'b, [u8]>>, label: Option<&str>) -> String {
    let mut text = decode_with_nulls(bytes.into(), label);
    if memchr::memchr(0, text.as_bytes()).is_some() {
        text.retain(|c| c != '\0');
    }
    text
}

fn decode_with_nulls(bytes: Cow<'_, [u8]>, label: Option<&str>) -> String {
    // Of the labels only those of UTF-7 change what ASCII says, and all of them have a 7.
    if is_plain(&bytes) && !label.is_some_and(|label| label.contains('7')) {
        match String::from_utf8(bytes.into_owned()) {
            Ok(text) => return text,
            Err(error) => return decode_other(error.into_bytes().into(), label),
        }
    }
    decode_other(bytes, label)
}

/// Is it ASCII without a control character, mark or escape of other encodings?
fn is_plain(bytes: &[u8]) -> bool {
    // A block is looked at as a whole, without a branch for each byte.
    let is_odd = |byte: u8| !(9..0x80).contains(&byte) || matches!(byte, 0x0e | 0x0f | 0x1b);
    let is_block_odd = |block: &[u8]| block.iter().fold(false, |odd, &byte| odd | is_odd(byte));
    !bytes.starts_with(b"+/v") && !bytes.chunks(64).any(is_block_odd)
}

fn decode_other(bytes: Cow<'_, [u8]>, label: Option<&str>) -> String {
    if let Some(text) = by_mark(&bytes) {
        return text;
    }
    let label = label.map(clean_label).unwrap_or_default();
    if let Some(wide) = wide_by_nulls(&bytes) {
        return wide.decode(&bytes);
    }
    if label.starts_with("utf-7") || label.starts_with("utf7") || label == "unicode-1-1-utf-7" {
        return utf7(&bytes);
    }
    let known = by_label(&label);
    // ISO-2022-JP and its kin are ASCII with escapes: valid UTF-8, and yet not UTF-8.
    let is_stateful = known == Some(encoding_rs::ISO_2022_JP)
        || memchr::memmem::find(&bytes[..bytes.len().min(4096)], b"\x1b$").is_some();
    if is_stateful {
        return encoding_rs::ISO_2022_JP
            .decode_without_bom_handling(&bytes)
            .0
            .into_owned();
    }
    let error = match String::from_utf8(bytes.into_owned()) {
        Ok(text) => return text,
        Err(error) => error,
    };
    let fault = error.utf8_error();
    let bytes = &error.into_bytes()[..];
    // Cut in the middle of the last character, or with a few damaged ones.
    if fault.error_len().is_none() && fault.valid_up_to() > 0 {
        return String::from_utf8_lossy(&bytes[..fault.valid_up_to()]).into_owned();
    }
    if mostly_utf8(bytes) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let weak = label.is_empty() || label.contains("ascii") || known == Some(encoding_rs::UTF_8);
    match known {
        Some(encoding) if !weak => {
            let (text, _) = encoding.decode_without_bom_handling(bytes);
            let rubbish = text.matches('\u{fffd}').take(1000).count();
            if rubbish * 20 <= text.len().min(20_000) {
                return text.into_owned();
            }
            guess(bytes)
                .decode_without_bom_handling(bytes)
                .0
                .into_owned()
        }
        _ => guess(bytes)
            .decode_without_bom_handling(bytes)
            .0
            .into_owned(),
    }
}

fn clean_label(label: &str) -> String {
    label
        .chars()
        .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '<' | '>' | ';'))
        .take(40)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// The encoding of a label, also of labels that the WHATWG list does not have.
fn by_label(label: &str) -> Option<&'static Encoding> {
    if let Some(encoding) = Encoding::for_label(label.as_bytes()) {
        return Some(encoding);
    }
    let bare: String = label
        .trim_start_matches("x-")
        .trim_start_matches("cs")
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let found = match bare.as_str() {
        "utf8" | "utf8mb4" => encoding_rs::UTF_8,
        "koi8" | "koi8r" | "koi" => encoding_rs::KOI8_R,
        "koi8u" | "koi8ru" => encoding_rs::KOI8_U,
        "866" | "cp866" | "ibm866" | "dos866" => encoding_rs::IBM866,
        "sjis" | "shiftjis" | "mskanji" | "cp932" | "ms932" | "windows932" => {
            encoding_rs::SHIFT_JIS
        }
        "eucjp" | "ujis" => encoding_rs::EUC_JP,
        "iso2022jp" | "iso2022jpms" | "iso2022jp1" | "iso2022jp2" | "iso2022jp3" | "cp50220"
        | "cp50221" | "jis" => encoding_rs::ISO_2022_JP,
        "euckr" | "ksc5601" | "ksx1001" | "cp949" | "ms949" | "uhc" => encoding_rs::EUC_KR,
        "gb" | "gb2312" | "gbk" | "gb18030" | "cp936" | "euccn" => encoding_rs::GB18030,
        "big5" | "big5hkscs" | "cp950" => encoding_rs::BIG5,
        "latin1" | "isolatin1" | "ansi" | "cp1252" | "win1252" => encoding_rs::WINDOWS_1252,
        "utf16" | "unicode" | "ucs2" => encoding_rs::UTF_16LE,
        _ => {
            let page = bare
                .trim_start_matches("windows")
                .trim_start_matches("win")
                .trim_start_matches("cp")
                .trim_start_matches("ms")
                .trim_start_matches("ansi");
            let name = match page.len() {
                4 if page.starts_with("125") => format!("windows-{page}"),
                _ if bare.starts_with("iso8859") => {
                    format!("iso-8859-{}", bare.trim_start_matches("iso8859"))
                }
                _ => return None,
            };
            return Encoding::for_label(name.as_bytes());
        }
    };
    Some(found)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wide {
    Utf16 { is_big: bool },
    Utf32 { is_big: bool },
}

impl Wide {
    fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf16 { is_big: true } => encoding_rs::UTF_16BE
                .decode_without_bom_handling(bytes)
                .0
                .into_owned(),
            Self::Utf16 { is_big: false } => encoding_rs::UTF_16LE
                .decode_without_bom_handling(bytes)
                .0
                .into_owned(),
            Self::Utf32 { is_big } => bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|quad| {
                    let value = if is_big {
                        u32::from_be_bytes(*quad)
                    } else {
                        u32::from_le_bytes(*quad)
                    };
                    char::from_u32(value).unwrap_or('\u{fffd}')
                })
                .collect(),
        }
    }
}

fn by_mark(bytes: &[u8]) -> Option<String> {
    let (wide, rest) = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => {
            return Some(decode_with_nulls(rest.into(), Some("utf-8")));
        }
        [0xff, 0xfe, 0, 0, rest @ ..] => (Wide::Utf32 { is_big: false }, rest),
        [0, 0, 0xfe, 0xff, rest @ ..] => (Wide::Utf32 { is_big: true }, rest),
        [0xff, 0xfe, rest @ ..] => (Wide::Utf16 { is_big: false }, rest),
        [0xfe, 0xff, rest @ ..] => (Wide::Utf16 { is_big: true }, rest),
        [b'+', b'/', b'v', b'8' | b'9' | b'+' | b'/', ..] => return Some(utf7(bytes)),
        _ => return None,
    };
    Some(wide.decode(rest))
}

/// UTF-16 and UTF-32 without a mark show by where their low bytes are: NULs of Latin letters,
/// 3 to 6 of Greek, Cyrillic, Hebrew and Arabic ones.
fn wide_by_nulls(bytes: &[u8]) -> Option<Wide> {
    let sample = &bytes[..bytes.len().min(1024)];
    let mut low = [0_usize; 4];
    for (index, byte) in sample.iter().enumerate() {
        low[index % 4] += usize::from(*byte < 9);
    }
    let quarter = sample.len() / 4;
    if quarter == 0 || low == [0; 4] {
        return None;
    }
    let most = |count: usize| count * 10 >= quarter * 9;
    let few = |count: usize| count * 10 <= quarter;
    // A third of all units is enough: scripts above U+0900 have low bytes for their spaces only.
    let (even, odd) = (low[0] + low[2], low[1] + low[3]);
    let is_third = |count: usize| count >= 2 && count * 3 >= quarter * 2;
    if most(low[2]) && most(low[3]) && few(low[0]) {
        Some(Wide::Utf32 { is_big: false })
    } else if most(low[0]) && most(low[1]) && few(low[3]) {
        Some(Wide::Utf32 { is_big: true })
    } else if is_third(odd) && even * 8 <= odd {
        Some(Wide::Utf16 { is_big: false })
    } else if is_third(even) && odd * 8 <= even {
        Some(Wide::Utf16 { is_big: true })
    } else {
        None
    }
}

/// UTF-8 with a few damaged bytes (cut lines, a stray Latin-1 sign) is still UTF-8.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let sample = &bytes[..bytes.len().min(16 * 1024)];
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in sample.utf8_chunks() {
        good += chunk.valid().bytes().filter(|b| *b >= 0xc2).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good >= 4 && bad * 10 <= good
}

/// UTF-7 (RFC 2152): base64 of UTF-16 between `+` and `-`.
fn utf7(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'+' {
            out.push(char::from(byte));
            continue;
        }
        let length = rest
            .iter()
            .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')))
            .unwrap_or(rest.len());
        let (run, after) = rest.split_at(length);
        rest = after.strip_prefix(b"-").unwrap_or(after);
        if run.is_empty() {
            out.push('+');
            continue;
        }
        let wide = crate::message::transfer::base64(run, run.len()).bytes;
        let units = wide
            .as_chunks::<2>()
            .0
            .iter()
            .map(|pair| u16::from_be_bytes(*pair));
        out.extend(char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')));
    }
    out.trim_start_matches('\u{feff}').to_owned()
}

/// The charset in which the bytes give the most ordinary text; windows-1252 where nothing does.
///
/// A judgement by how often characters are used, on the first 4 KiB: it need not be right for
/// three words, only for a letter that somebody should read.
fn guess(bytes: &[u8]) -> &'static Encoding {
    let start = bytes.iter().position(|b| *b >= 0x80).unwrap_or(0);
    let sample = &bytes[start.saturating_sub(64)..(start + 4096).min(bytes.len())];
    let candidates = [
        encoding_rs::WINDOWS_1252,
        encoding_rs::WINDOWS_1251,
        encoding_rs::KOI8_R,
        encoding_rs::IBM866,
        encoding_rs::SHIFT_JIS,
        encoding_rs::EUC_JP,
        encoding_rs::EUC_KR,
        encoding_rs::GB18030,
        encoding_rs::BIG5,
        encoding_rs::WINDOWS_1250,
    ];
    let mut best = (i64::MIN, encoding_rs::WINDOWS_1252);
    for candidate in candidates {
        let (text, _) = candidate.decode_without_bom_handling(sample);
        let points = points(&text, candidate);
        if points > best.0 {
            best = (points, candidate);
        }
    }
    best.1
}

/// How ordinary a decoded text is: points per byte decoded, so that two-byte charsets are not
/// at a disadvantage for their fewer characters.
fn points(text: &str, encoding: &'static Encoding) -> i64 {
    let is_japanese = encoding == encoding_rs::SHIFT_JIS || encoding == encoding_rs::EUC_JP;
    let is_latin = encoding == encoding_rs::WINDOWS_1252 || encoding == encoding_rs::WINDOWS_1250;
    let mut sum = 0;
    let mut before = ' ';
    for c in text.chars() {
        sum += match c {
            '\u{fffd}' => -60,
            '\0'..='\x7f' => 0,
            // An accented letter of a Latin word, read as the first half of a wide character.
            '\u{2e80}'..='\u{d7ff}' if before.is_ascii_lowercase() => -30,
            'ぁ'..='ヿ' if is_japanese => 40,
            'ぁ'..='ヿ' => 2,
            '｡'..='ﾟ' => -20,
            '、' | '。' | '「' | '」' | '，' | '！' | '？' => 20,
            '가'..='힣' => 30,
            '一'..='鿿' if is_japanese => 8,
            '一'..='鿿' if encoding == encoding_rs::EUC_KR => -20,
            '一'..='鿿' if FREQUENT_HAN.contains(c) => 60,
            '一'..='鿿' => 10,
            'а'..='я' | 'ё' => {
                let frequent = if "оеаинтсрвлкм".contains(c) {
                    12
                } else {
                    6
                };
                // A small letter before a capital is KOI8 read as 1251 or the reverse.
                frequent
                    - if before.is_alphabetic() && before.is_uppercase() {
                        2
                    } else {
                        0
                    }
            }
            'А'..='Я' if before.is_lowercase() => -20,
            'А'..='Я' => 3,
            '\u{e000}'..='\u{f8ff}' => -60,
            c if is_latin && c.is_alphabetic() => {
                let inside = before.is_ascii_alphabetic() || before == ' ' || before == '\n';
                let common = "äöüßéèêëàâçñóíáúôîûõãåæøÄÖÜÉÅØ".contains(c);
                match (inside, common) {
                    (true, true) if encoding == encoding_rs::WINDOWS_1252 => 10,
                    (true, true) => 9,
                    (true, false) if "łąęśżźćńěščřžýůőűșțăŁŚŻŠČŘŽ".contains(c) => {
                        8
                    }
                    (true, false) => 2,
                    (false, _) => -8,
                }
            }
            '\u{2010}'..='\u{2026}' | '€' | '«' | '»' | '\u{a0}' | '£' | '§' | '°' => 2,
            _ => -8,
        };
        before = c;
    }
    sum
}

/// The commonest Chinese characters, simplified and traditional.
const FREQUENT_HAN: &str = "的一是不了人我在有他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成事只作当想看文无开手用主行方又如前所本见经头面公同三已老从动两长知样现分将外但身些与高意进把法此實這個們為來時說對會過還沒發後國學開種樣當間點關錢電腦視頻您信息请付比特币";

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(encoding: &'static Encoding, text: &str) -> Vec<u8> {
        let (bytes, _, failed) = encoding.encode(text);
        assert!(!failed, "{text} in {}", encoding.name());
        bytes.into_owned()
    }

    const RUSSIAN: &str = "Добрый день. Ваша почта была взломана, и все ваши контакты у меня.";
    const JAPANESE: &str =
        "こんにちは。あなたのパソコンを見ています。ビットコインを送ってください。";
    const KOREAN: &str = "안녕하세요. 당신의 컴퓨터를 보고 있습니다. 비트코인을 보내 주십시오.";
    const CHINESE: &str = "你好。我已经控制了你的电脑，你的所有信息都在我这里。请付比特币。";
    const TAIWAN: &str = "你好。我已經控制了你的電腦，你的所有資料都在我這裡。請付比特幣給我。";
    const GERMAN: &str = "Schöne Grüße, ich habe Ihr Gerät für später übernommen.";

    #[test]
    fn labelled_text_is_decoded() {
        for (label, encoding, text) in [
            ("windows-1251", encoding_rs::WINDOWS_1251, RUSSIAN),
            ("cp1251", encoding_rs::WINDOWS_1251, RUSSIAN),
            ("koi8-r", encoding_rs::KOI8_R, RUSSIAN),
            ("KOI8-U", encoding_rs::KOI8_U, RUSSIAN),
            ("ibm866", encoding_rs::IBM866, RUSSIAN),
            ("x-cp866", encoding_rs::IBM866, RUSSIAN),
            ("iso-8859-5", encoding_rs::ISO_8859_5, RUSSIAN),
            ("iso-2022-jp", encoding_rs::ISO_2022_JP, JAPANESE),
            ("Shift_JIS", encoding_rs::SHIFT_JIS, JAPANESE),
            ("euc-jp", encoding_rs::EUC_JP, JAPANESE),
            ("euc-kr", encoding_rs::EUC_KR, KOREAN),
            ("gb2312", encoding_rs::GBK, CHINESE),
            ("gb18030", encoding_rs::GB18030, CHINESE),
            ("big5", encoding_rs::BIG5, TAIWAN),
            ("iso-8859-1", encoding_rs::WINDOWS_1252, GERMAN),
            ("\"iso-8859-15\"", encoding_rs::ISO_8859_15, GERMAN),
        ] {
            assert_eq!(
                decode(encoded(encoding, text), Some(label)),
                text,
                "{label}"
            );
        }
    }

    #[test]
    fn missing_and_invented_labels_do_not_matter() {
        for (encoding, text) in [
            (encoding_rs::UTF_8, RUSSIAN),
            (encoding_rs::WINDOWS_1251, RUSSIAN),
            (encoding_rs::KOI8_R, RUSSIAN),
            (encoding_rs::IBM866, RUSSIAN),
            (encoding_rs::SHIFT_JIS, JAPANESE),
            (encoding_rs::EUC_JP, JAPANESE),
            (encoding_rs::ISO_2022_JP, JAPANESE),
            (encoding_rs::EUC_KR, KOREAN),
            (encoding_rs::GB18030, CHINESE),
            (encoding_rs::BIG5, TAIWAN),
            (encoding_rs::WINDOWS_1252, GERMAN),
        ] {
            for label in [None, Some("x-invented"), Some("us-ascii"), Some("utf-8")] {
                let name = encoding.name();
                assert_eq!(
                    decode(encoded(encoding, text), label),
                    text,
                    "{name} {label:?}"
                );
            }
        }
    }

    #[test]
    fn utf8_with_a_wrong_label_is_utf8() {
        for label in ["iso-8859-1", "windows-1251", "koi8-r", "utf-16", "us-ascii"] {
            assert_eq!(decode(RUSSIAN.as_bytes(), Some(label)), RUSSIAN, "{label}");
        }
    }

    #[test]
    fn wide_text_with_and_without_mark() {
        let little: Vec<u8> = GERMAN.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = GERMAN.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let wide: Vec<u8> = GERMAN
            .chars()
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect();
        let wide_big: Vec<u8> = GERMAN
            .chars()
            .flat_map(|c| u32::from(c).to_be_bytes())
            .collect();
        let russian: Vec<u8> = RUSSIAN.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&russian, None), RUSSIAN);
        for bytes in [&little, &big, &wide, &wide_big] {
            assert_eq!(decode(bytes, None), GERMAN);
            assert_eq!(decode(bytes, Some("utf-8")), GERMAN);
        }
        for (mark, bytes) in [
            (&b"\xff\xfe"[..], &little),
            (b"\xfe\xff", &big),
            (b"\xff\xfe\0\0", &wide),
            (b"\0\0\xfe\xff", &wide_big),
        ] {
            assert_eq!(decode([mark, bytes].concat(), Some("iso-8859-1")), GERMAN);
        }
    }

    #[test]
    fn utf7_needs_its_label() {
        assert_eq!(
            decode(b"+AG4-o+AG8AbgBl- 1 +- 1", Some("utf-7")),
            "noone 1 + 1"
        );
        assert_eq!(decode(b"1+AG4-o", None), "1+AG4-o");
    }

    #[test]
    fn damaged_utf8_stays_utf8() {
        let mut bytes = RUSSIAN.as_bytes().to_vec();
        bytes.pop();
        bytes.pop();
        bytes.insert(30, 0xff);
        assert!(decode(&bytes, None).contains("взломана"));
    }

    #[test]
    fn nulls_in_plain_text_are_dropped() {
        assert_eq!(
            decode(b"bit\0coin and more of it", None),
            "bitcoin and more of it"
        );
    }
}
