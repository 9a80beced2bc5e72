//! The password that a message quotes to frighten its reader.

use crate::message::{Origin, Piece, fold};
use aho_corasick::AhoCorasick;
use std::ops::Range;
use std::sync::LazyLock;

/// So many words for "password" are looked at in one piece.
const WORDS: usize = 64;
/// How far a password stands from the word, in bytes.
const NEAR_BYTES: usize = 120;
/// Words between the two, at most.
const NEAR_WORDS: usize = 5;
/// Characters of a password, quoted ones included.
const CHARS: std::ops::RangeInclusive<usize> = 4..=64;

/// A password that stands in a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Index of the piece.
    pub piece: usize,
    /// Bytes of that piece's text.
    pub range: Range<usize>,
}

/// One language: its words for "password", and those that tie the word to a password ("is").
///
/// All are folded; the words are beginnings, so that endings may follow.
struct Language {
    words: &'static [&'static str],
    links: &'static [&'static str],
}

#[rustfmt::skip]
const LANGUAGES: &[Language] = &[
    // English, whose word many languages use
    Language { words: &["password", "passphrase", "passcode", "pass word", "pass phrase", "pass", "pwd"], links: &["is", "was", "being", "are", "e", "ist", "est", "es", "er"] },
    // German
    Language { words: &["passwort", "passworter", "kennwort", "losungswort"], links: &["ist", "war", "lautet", "lautete", "heisst"] },
    // French
    Language { words: &["mot de passe", "mots de passe", "mdp", "code d'acces"], links: &["est", "etait", "sont"] },
    // Spanish
    Language { words: &["contrasena", "clave"], links: &["es", "era", "fue"] },
    // Italian
    Language { words: &["parola d'ordine", "parola chiave"], links: &["e", "e'", "era"] },
    // Dutch
    Language { words: &["wachtwoord"], links: &["is", "was", "luidt"] },
    // Polish
    Language { words: &["haslo", "hasla", "haslem"], links: &["to", "jest", "brzmi", "bylo"] },
    // Portuguese
    Language { words: &["senha", "palavra-passe", "palavra passe"], links: &["e", "era", "foi"] },
    // Czech, Slovak
    Language { words: &["heslo", "hesla"], links: &["je", "bylo", "zni", "znie"] },
    // Swedish, Danish, Norwegian
    Language { words: &["losenord", "adgangskode", "kodeord", "passord"], links: &["ar", "er", "var"] },
    // Finnish
    Language { words: &["salasana"], links: &["on", "oli"] },
    // Hungarian
    Language { words: &["jelszo", "jelszav"], links: &["ez", "a", "volt"] },
    // Romanian
    Language { words: &["parola"], links: &["este", "e", "era"] },
    // Turkish
    Language { words: &["sifre", "parola"], links: &["su", "budur", "ise", "idi"] },
    // Russian, Ukrainian
    Language { words: &["парол"], links: &["это", "есть", "был", "це", "є", "був"] },
    // Greek
    Language { words: &["κωδικ", "συνθηματικο"], links: &["ειναι", "ηταν"] },
    // Japanese
    Language { words: &["パスワード", "暗証番号"], links: &["は", "が", "、", "です"] },
    // Korean
    Language { words: &["비밀번호", "패스워드", "암호"], links: &["는", "은", "가", "이"] },
    // Chinese
    Language { words: &["密码", "密碼", "口令"], links: &["是", "为", "為"] },
    // Arabic
    Language { words: &["كلمه المرور", "كلمه السر", "كلمه مرور"], links: &["هي", "هو", "كانت"] },
    // Hebrew
    Language { words: &["סיסמ"], links: &["היא", "הוא", "היתה"] },
    // Indonesian, Malay
    Language { words: &["kata sandi", "sandi", "kata laluan"], links: &["adalah", "ialah", "yaitu"] },
];

/// Words before the word that make it no leaked password: one-time and temporary ones.
const PASSING: &[&str] = &[
    "one-time",
    "one time",
    "onetime",
    "otp",
    "temporary",
    "single-use",
    "einmal",
    "tempor",
    "unico",
    "usage unique",
    "jednoraz",
    "engang",
    "kerta",
    "tek kullan",
    "одноразов",
    "μιασ χρησησ",
    "ワンタイム",
    "일회용",
    "一次性",
    "动态",
    "לשימוש חד",
    "sekali pakai",
    "eenmalig",
];

/// What follows a label and is no password.
const NOT_PASSWORDS: &[&str] = &[
    "required",
    "forgotten",
    "forgot",
    "optional",
    "hidden",
    "none",
    "unchanged",
    "changed",
    "reset",
    "expired",
    "here",
    "below",
    "vergessen",
    "erforderlich",
    "oublie",
    "olvidada",
    "dimenticata",
    "zapomniane",
    "esqueceu",
    "zapomenute",
    "пароль",
    "забыли",
    "password",
];

/// Words that take no ending: "mdp" begins no "mdpll", "sandi" no "Sandisk".
const EXACT: &[&str] = &["pass", "pwd", "mdp", "sandi", "clave"];

static MATCHER: LazyLock<(AhoCorasick, Vec<usize>)> = LazyLock::new(|| {
    let words: Vec<(usize, &str)> = LANGUAGES
        .iter()
        .enumerate()
        .flat_map(|(language, row)| row.words.iter().map(move |&word| (language, word)))
        .collect();
    let matcher = AhoCorasick::builder()
        .match_kind(aho_corasick::MatchKind::LeftmostLongest)
        .build(words.iter().map(|(_, word)| *word))
        .expect("a hundred short words fit an automaton");
    (
        matcher,
        words.iter().map(|&(language, _)| language).collect(),
    )
});

/// Finds every quoted password near a word for it, and in the subject.
///
/// The passwords of encrypted attachments ("password: 1234") are among them. "Your password was
/// reset" quotes none.
pub fn find(pieces: &[Piece]) -> Vec<Quoted> {
    let mut found = Vec::new();
    let mut is_about_passwords = false;
    for (piece, Piece { text, .. }) in pieces.iter().enumerate() {
        let folded = fold(text);
        let (matcher, languages) = &*MATCHER;
        for hit in matcher.find_iter(&folded.text).take(WORDS) {
            if !begins_word(&folded.text, hit.start()) {
                continue;
            }
            let word = &folded.text[hit.range()];
            if EXACT.contains(&word) && folded.text[hit.end()..].starts_with(is_inner) {
                continue;
            }
            // Everybody passes things; only "your pass" is a password.
            if word == "pass" && !folded.text[..hit.start()].trim_end().ends_with("your") {
                continue;
            }
            is_about_passwords = true;
            if is_passing(&folded.text, hit.start()) {
                continue;
            }
            let language = &LANGUAGES[languages[hit.pattern().as_usize()]];
            let start = folded.source_offset(hit.start());
            let end = folded.source_offset(hit.end());
            let range = behind(text, end, language).or_else(|| before(text, start, language));
            if let Some(range) = range {
                let quoted = Quoted { piece, range };
                if !found.contains(&quoted) {
                    found.push(quoted);
                }
            }
        }
    }
    for (piece, Piece { place, text }) in pieces.iter().enumerate() {
        if place.origin == Origin::Subject
            && !found.iter().any(|quoted| quoted.piece == piece)
            && let Some(range) = lone(text)
        {
            // "name - hunter2": it must come up again, or the mail must be about passwords.
            let token = &text[range.clone()];
            let is_again = pieces
                .iter()
                .enumerate()
                .any(|(other, at)| other != piece && at.text.contains(token));
            if is_about_passwords || is_again {
                found.push(Quoted { piece, range });
            }
        }
    }
    found
}

fn begins_word(text: &str, at: usize) -> bool {
    let c = text[at..].chars().next();
    let previous = text[..at].chars().next_back();
    match (previous, c) {
        (Some(previous), Some(c)) if is_spaced(c) => !(is_inner(previous) && is_spaced(previous)),
        _ => true,
    }
}

/// Does it go on with a word or an identifier?
fn is_inner(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Is it of a script with spaces between its words? Arabic and Hebrew glue "the" and "and" on.
fn is_spaced(c: char) -> bool {
    !matches!(c as u32, 0x590..=0x6ff | 0x2e80..)
}

fn is_passing(text: &str, at: usize) -> bool {
    let start = text.floor_char_boundary(at.saturating_sub(24));
    let near = &text[start..text.ceil_char_boundary((at + 24).min(text.len()))];
    PASSING.iter().any(|word| near.contains(word))
}

/// A word of the source with its bytes, without the quotes and stops around it.
struct Token<'t> {
    text: &'t str,
    range: Range<usize>,
    is_quoted: bool,
    /// Does the line end behind it?
    is_last: bool,
}

/// The tokens of a part of the text. CJK characters and full-width signs stand alone.
fn tokens(text: &str, range: Range<usize>) -> Vec<Token<'_>> {
    let part = &text[range.clone()];
    let mut all = Vec::new();
    let mut start = None;
    let ends = |c: char| c.is_whitespace() || matches!(c as u32, 0x2e80..=0xd7ff | 0xf900..=0xffef);
    for (at, c) in part.char_indices().chain([(part.len(), ' ')]) {
        match (ends(c), start) {
            (false, None) => start = Some(at),
            (true, Some(from)) => {
                let rest = &part[at..];
                let is_last = rest
                    .trim_start_matches([' ', '\t', '\u{a0}', '。', '，'])
                    .starts_with(['\r', '\n'])
                    || rest.trim().is_empty();
                all.push(token(text, range.start + from..range.start + at, is_last));
                start = None;
            }
            _ => {}
        }
    }
    all
}

fn token(text: &str, range: Range<usize>, is_last: bool) -> Token<'_> {
    const OPEN: &[char] = &[
        ':', '=', '"', '\'', '“', '‘', '„', '«', '‹', '(', '[', '{', '<', '`', '*', '「', '”', '’',
    ];
    const CLOSE: &[char] = &[
        '"', '\'', '”', '’', '“', '»', '›', ')', ']', '}', '>', '`', '*', '」', '‘',
    ];
    const STOP: &[char] = &['.', ',', ';', ':', '?'];
    let whole = &text[range.clone()];
    let inner = whole.trim_start_matches(OPEN);
    let start = range.start + (whole.len() - inner.len());
    let no_stop = inner.trim_end_matches(STOP);
    let closed = no_stop.trim_end_matches(CLOSE);
    let is_quoted = inner.len() < whole.len() && closed.len() < no_stop.len();
    let body = closed.trim_end_matches(STOP);
    Token {
        text: body,
        range: start..start + body.len(),
        is_quoted,
        is_last,
    }
}

/// A password behind the word: "is hunter2", ": hunter2".
fn behind(text: &str, end: usize, language: &Language) -> Option<Range<usize>> {
    // The ending of the word itself.
    let rest = &text[end..];
    let ending: usize = rest
        .chars()
        .take_while(|c| c.is_alphabetic() && is_spaced(*c))
        .map(char::len_utf8)
        .sum();
    let start = end + ending;
    let stop = text.ceil_char_boundary((start + NEAR_BYTES).min(text.len()));
    for (count, token) in tokens(text, start..stop)
        .into_iter()
        .take(NEAR_WORDS + 1)
        .enumerate()
    {
        let between = fold(&text[start..token.range.start]).text;
        let between = between.trim_end_matches(['"', '\'', '(', '[', '<', '*', ' ', '`']);
        // Not over the end of a sentence.
        if between.contains(". ") || between.contains("\n\n") || between.contains(['!', '?']) {
            return None;
        }
        let is_label = between.ends_with([':', '=', '>']) || between.ends_with(" -");
        let is_tied = is_label || ends_with_link(between, language);
        let is_bare = count == 0 && between.trim().is_empty();
        let is_direct = count == 0 || between.split_whitespace().count() <= 1;
        let is_match = match () {
            _ if is_tied && token.is_quoted => is_word(token.text),
            _ if is_tied && is_odd(token.text) => true,
            _ if is_tied => {
                is_number(token.text)
                    || (is_label
                        && is_direct
                        && token.is_last
                        && is_word(token.text)
                        && !is_known(token.text))
            }
            _ if is_bare => {
                (token.is_quoted && is_word(token.text))
                    || (is_odd(token.text) && (token.is_last || is_made_up(token.text)))
            }
            _ => false,
        };
        if is_match {
            return Some(token.range);
        }
    }
    None
}

/// A password before the word: "hunter2 is your password".
fn before(text: &str, start: usize, language: &Language) -> Option<Range<usize>> {
    let from = text.floor_char_boundary(start.saturating_sub(NEAR_BYTES));
    // Only what stands on the same line or the one before.
    for token in tokens(text, from..start)
        .into_iter()
        .rev()
        .take(NEAR_WORDS + 1)
    {
        if token.range.start == from && from > 0 {
            // Cut by the window.
            return None;
        }
        if !(is_odd(token.text) || token.is_quoted && is_word(token.text) || is_number(token.text))
        {
            continue;
        }
        let between = fold(&text[token.range.end..start]).text;
        if between.contains(". ") || between.contains("\n\n") {
            return None;
        }
        let words = || {
            between
                .split(|c: char| !c.is_alphanumeric() && c != '\'')
                .filter(|word| !word.is_empty())
        };
        let is_tied = words().take(2).any(|word| language.links.contains(&word))
            || language
                .links
                .iter()
                .any(|link| !link.starts_with(is_spaced) && between.trim_start().starts_with(link));
        return (is_tied && words().count() <= NEAR_WORDS).then_some(token.range);
    }
    None
}

fn ends_with_link(between: &str, language: &Language) -> bool {
    let between = between.trim_end_matches([' ', ',', ':', '-']);
    language.links.iter().any(|link| {
        between.strip_suffix(link).is_some_and(|rest| {
            !link.starts_with(is_spaced) || !rest.ends_with(char::is_alphanumeric)
        })
    })
}

/// The password of a subject that is nothing but a name and a password, or only that.
fn lone(subject: &str) -> Option<Range<usize>> {
    let all = tokens(subject, 0..subject.len());
    let (last, names) = all.split_last()?;
    let is_name = |token: &Token<'_>| {
        token
            .text
            .chars()
            .all(|c| c.is_alphabetic() || "-._@".contains(c))
            && token.text.len() <= 40
    };
    const REPLIES: &[&str] = &[
        "re", "fw", "fwd", "aw", "wg", "sv", "vs", "antw", "rv", "tr", "odp", "ynt", "r", "i",
    ];
    let is_reply = names
        .iter()
        .any(|token| REPLIES.contains(&token.text.to_lowercase().as_str()));
    let has_small = last.text.chars().any(char::is_lowercase);
    let is_set_off = names.last().is_none_or(|token| {
        token.text.chars().all(|c| "-–—|".contains(c))
            || subject[token.range.end..].starts_with(':')
    });
    let is_lone = names.len() <= 3
        && is_set_off
        && names.iter().all(is_name)
        && !is_reply
        && has_small
        && is_odd(last.text)
        && last.text.chars().count() >= 6;
    is_lone.then(|| last.range.clone())
}

/// Is it so long and mixed that it is no name of a thing: "use the password Kiwi4711x to open it"?
fn is_made_up(token: &str) -> bool {
    let count = |is: fn(&char) -> bool| token.chars().filter(is).count();
    token.len() >= 8 && count(char::is_ascii_digit) >= 2 && count(|c| c.is_alphabetic()) >= 2
}

/// Letters and digits, or letters with a sign inside: a word that nobody writes in a sentence.
fn is_odd(token: &str) -> bool {
    if !CHARS.contains(&token.chars().count()) || is_address(token) || is_about(token) {
        return false;
    }
    let letters = token.chars().filter(|c| c.is_alphabetic()).count();
    let digits = token.chars().filter(char::is_ascii_digit).count();
    if letters == 0 {
        return false;
    }
    // "48hours", "2nd", "100mb": a number with its unit.
    let unit = token.trim_start_matches(|c: char| c.is_ascii_digit() || ".,-/:".contains(c));
    let is_measure = unit.len() < token.len() && unit.chars().all(char::is_alphabetic);
    if digits > 0 && !is_measure {
        return true;
    }
    let signs = token
        .trim_end_matches(['!', '?'])
        .chars()
        .filter(|c| "!@#$%^&*_+=~?".contains(*c))
        .count();
    digits == 0 && signs > 0 && letters >= 3
}

/// A number that can be a code: not a year's count of days, not a date.
fn is_number(token: &str) -> bool {
    (4..=32).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_digit())
}

/// Anything that can be a password where it is marked as one.
fn is_word(token: &str) -> bool {
    (CHARS).contains(&token.chars().count())
        && token.chars().filter(|c| c.is_alphanumeric()).count() >= 3
        && !is_address(token)
}

/// Is it the password's own label, or a word that says something about it?
fn is_about(token: &str) -> bool {
    let folded = fold(token).text;
    folded.contains("passw") || folded.contains("парол")
}

fn is_known(token: &str) -> bool {
    let folded = fold(token).text;
    NOT_PASSWORDS.contains(&folded.as_str()) || is_about(token)
}

/// A link, a mail address or a domain.
fn is_address(token: &str) -> bool {
    token.contains("://")
        || token.starts_with("www.")
        || token
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
        || token.contains('/')
        || token.contains('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Place;
    use proptest::prelude::*;

    fn piece(origin: Origin, text: &str) -> Piece {
        Piece {
            place: Place::of(origin),
            text: text.to_owned(),
        }
    }

    fn quoted(text: &str) -> Vec<String> {
        let pieces = [piece(Origin::Plain, text)];
        find(&pieces)
            .into_iter()
            .map(|quoted| pieces[quoted.piece].text[quoted.range].to_owned())
            .collect()
    }

    /// Runs every row, then names those that are wrong.
    fn check(rows: &[&str], expected: &[&str]) {
        let wrong: Vec<_> = rows
            .iter()
            .map(|text| (text, quoted(text)))
            .filter(|(_, found)| found != expected)
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn passwords_near_their_word_are_found_in_every_language() {
        let rows = [
            "I know your password is hunter2 and more",
            "your password: hunter2",
            "Your password was \"hunter2\".",
            "I know hunter2 is your pass",
            "hunter2 is one of your passwords",
            "One of your passwords - hunter2\nI know",
            "pwd=hunter2",
            "Ihr Passwort lautet: hunter2",
            "hunter2 ist Ihr Passwort",
            "Dein Kennwort ist hunter2.",
            "votre mot de passe est hunter2",
            "hunter2 est votre mot de passe",
            "Su contraseña es hunter2",
            "tu clave: hunter2",
            "La tua password è hunter2",
            "Uw wachtwoord is hunter2",
            "Twoje hasło to hunter2",
            "A sua senha é hunter2",
            "Vaše heslo je hunter2",
            "Ditt lösenord är hunter2",
            "Din adgangskode er hunter2",
            "Ditt passord er hunter2",
            "Salasanasi on hunter2",
            "Az Ön jelszava: hunter2",
            "Parola dumneavoastră este hunter2",
            "Şifreniz: hunter2",
            "Ваш пароль: hunter2",
            "Ваш пароль — hunter2",
            "hunter2 - это ваш пароль",
            "Ваш пароль це hunter2",
            "Ο κωδικός σας είναι hunter2",
            "あなたのパスワードはhunter2です",
            "パスワード：hunter2",
            "귀하의 비밀번호는 hunter2 입니다",
            "您的密码是hunter2，",
            "hunter2是您的密码",
            "您的密碼：hunter2",
            "كلمة المرور الخاصة بك هي hunter2",
            "הסיסמה שלך היא hunter2",
            "Kata sandi Anda adalah hunter2",
        ];
        check(&rows, &["hunter2"]);
    }

    #[test]
    fn words_and_numbers_count_where_they_are_marked() {
        check(
            &["password: sunshine", "your password is 'sunshine'"],
            &["sunshine"],
        );
        check(
            &["Password: 1234", "The password of the file is 1234."],
            &["1234"],
        );
        check(&["your p\u{430}ssword is Tr0ub4dor&3 ok"], &["Tr0ub4dor&3"]);
    }

    #[test]
    fn honest_mail_quotes_no_password() {
        let rows = [
            "Your password was reset on 12 May 2024.",
            "Click to reset your password: https://example.com/r/a1b2c3d4",
            "Your password is about to expire in 14 days",
            "Your password is incorrect",
            "Password reset code 48",
            "Your one-time password is 482913",
            "Ihr Passwort wurde am 12.05.2024 geändert",
            "Passwort vergessen?",
            "Password: required",
            "Password: ********",
            "Never share your password with user42 or anybody",
            "Use a password manager such as 1Password or Bitwarden.",
            "Votre mot de passe est expiré. Contactez support@example.com",
            "Su contraseña es confidencial",
            "Ваш пароль был изменён",
            "您的密码已重置",
            "Passengers of flight LH1234 pass gate B12",
            "Your password is 90 days old",
            "The boarding pass is attached. Flight AB1234",
            "spf=pass smtp.example.com a1b2c3; the tests pass x86_64",
            "static int mdpll_a1 = igc_pass_thru2(hw); reported by Sandisk SD55x",
        ];
        check(&rows, &[]);
    }

    #[test]
    fn a_subject_of_a_name_and_a_password_counts_if_it_comes_up_again() {
        let found = |subject: &str, body: &str| {
            let pieces = [piece(Origin::Subject, subject), piece(Origin::Plain, body)];
            find(&pieces)
                .into_iter()
                .filter(|quoted| quoted.piece == 0)
                .map(|quoted| subject[quoted.range].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found("jane.doe - hunter2", "I know your password."),
            ["hunter2"]
        );
        assert_eq!(found("hunter2", "hunter2 it is."), ["hunter2"]);
        assert_eq!(found("Your password: hunter2", "Hello"), ["hunter2"]);
        assert_eq!(found("jane - hunter2", "Hello"), [""; 0]);
        assert_eq!(found("Re: hunter2", "password"), [""; 0]);
        assert_eq!(found("Remove Hunter2", "Hunter2 is gone"), [""; 0]);
        assert_eq!(found("Invoice - INV2024", "password"), [""; 0]);
    }

    #[test]
    fn a_megabyte_of_words_is_bounded() {
        for bit in ["password is ", "password: ", "1", " ", "пароль", "密码"] {
            let text = bit.repeat((1 << 20) / bit.len());
            assert!(find(&[piece(Origin::Plain, &text)]).len() <= WORDS);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(password|пароль|密码|is|:|\"|hunter2|a1|é| |\\n|.){0,40}") {
            let pieces = [piece(Origin::Subject, &text), piece(Origin::Plain, &text)];
            for quoted in find(&pieces) {
                prop_assert!(pieces[quoted.piece].text.get(quoted.range).is_some());
            }
        }
    }
}
