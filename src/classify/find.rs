//! The small language of patterns: which words stand near which.
//!
//! ```text
//! i ..3 film ..6 you          in this order, at most 3 and 6 words between
//! film & you & camera / 12    in any order, all within 12 words
//! film|copy & 'your files' / 8
//! ```
//!
//! A name is a word class of the pack, a text in single quotes stands for itself, `|` separates
//! alternatives. Distances count words (letters where a script has no spaces); the end of a
//! sentence adds [`SENTENCE`], the end of a paragraph [`PARAGRAPH`].

use std::ops::Range;

/// What the end of a sentence adds to a distance, in words.
pub(crate) const SENTENCE: u32 = 3;
/// What the end of a paragraph adds to a distance, in words.
pub(crate) const PARAGRAPH: u32 = 8;
/// The widest window that a pattern may ask for, in words.
pub(crate) const WIDEST: u32 = 60;
/// The most places kept of one pattern in one text; further ones would not change a verdict.
pub(crate) const MOST_PLACES: usize = 64;

/// Where something was said: first word, the word after the last one, and the byte it begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// Number of the first word.
    pub start: u32,
    /// Number of the word behind the last one.
    pub end: u32,
    /// Offset of the first byte in the folded text.
    pub at: u32,
}

/// One place in a pattern: any of these names, each an index given by the caller.
pub(crate) type Element = Vec<u16>;

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Find {
    /// Elements in this order; `gaps[i]` words at most before element `i + 1`.
    Sequence {
        /// What stands one after the other.
        elements: Vec<Element>,
        /// The most words between neighbours.
        gaps: Vec<u32>,
    },
    /// Elements in any order within a window.
    Set {
        /// What stands together.
        elements: Vec<Element>,
        /// Words from the first to the last one, both counted.
        window: u32,
    },
}

/// A mistake in the text of a pattern: what, and at which bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// What is wrong, for the admin.
    pub what: String,
    /// Which bytes of the pattern.
    pub range: Range<usize>,
}

fn mistake<T>(what: impl Into<String>, range: Range<usize>) -> Result<T, Mistake> {
    Err(Mistake {
        what: what.into(),
        range,
    })
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'a> {
    Class(&'a str),
    Literal(&'a str),
    Or,
    And,
    Gap(u32),
    Window(u32),
}

fn tokens(text: &str) -> Result<Vec<(Token<'_>, Range<usize>)>, Mistake> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let token = match bytes[at] {
            b' ' => {
                at += 1;
                continue;
            }
            b'|' => {
                at += 1;
                Token::Or
            }
            b'&' => {
                at += 1;
                Token::And
            }
            b'\'' => {
                let Some(length) = text[at + 1..].find('\'') else {
                    return mistake("the quote is not closed", start..text.len());
                };
                at += length + 2;
                Token::Literal(&text[start + 1..at - 1])
            }
            b'.' if text[at..].starts_with("..") => {
                at = digits(bytes, at + 2);
                let number = &text[start + 2..at];
                let gap = if number.is_empty() {
                    Some(0)
                } else {
                    number.parse().ok()
                };
                match gap {
                    Some(gap) if gap <= WIDEST => Token::Gap(gap),
                    _ => return mistake(format!("a gap has at most {WIDEST} words"), start..at),
                }
            }
            b'/' => {
                at += 1;
                while bytes.get(at) == Some(&b' ') {
                    at += 1;
                }
                let first = at;
                at = digits(bytes, at);
                match text[first..at].parse() {
                    Ok(window) if (1..=WIDEST).contains(&window) => Token::Window(window),
                    _ => return mistake(format!("a window has 1 to {WIDEST} words"), start..at),
                }
            }
            b'a'..=b'z' => {
                while bytes
                    .get(at)
                    .is_some_and(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
                {
                    at += 1;
                }
                Token::Class(&text[start..at])
            }
            _ => {
                let width = text[at..].chars().next().map_or(1, char::len_utf8);
                return mistake(
                    "expected a class name, a 'quoted text', |, &, ..N or /N",
                    at..at + width,
                );
            }
        };
        out.push((token, start..at));
    }
    Ok(out)
}

fn digits(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// What a name in a pattern is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// A word class.
    Class(&'a str),
    /// A text that stands for itself.
    Literal(&'a str),
}

impl Find {
    /// Parses a pattern; `number` turns each name into the caller's index, or says what is wrong with it.
    ///
    /// # Errors
    ///
    /// The first mistake, with its place in `text`.
    pub(crate) fn parse(
        text: &str,
        number: &mut dyn FnMut(Name<'_>) -> Result<u16, String>,
    ) -> Result<Self, Mistake> {
        let tokens = tokens(text)?;
        let mut elements: Vec<Element> = Vec::new();
        let mut gaps = Vec::new();
        let mut ands = 0;
        let mut window = None;
        let mut wants_name = true;
        let mut after_or = false;
        for (token, range) in tokens {
            if window.is_some() {
                return mistake("nothing may follow the window", range);
            }
            match token {
                Token::Class(_) | Token::Literal(_) => {
                    if !wants_name {
                        return mistake("expected |, &, ..N or /N before this", range);
                    }
                    let name = match token {
                        Token::Class(class) => Name::Class(class),
                        Token::Literal(literal) => Name::Literal(literal),
                        _ => continue,
                    };
                    let index = number(name).or_else(|what| mistake(what, range))?;
                    match elements.last_mut() {
                        Some(last) if after_or => last.push(index),
                        _ => elements.push(vec![index]),
                    }
                    wants_name = false;
                    continue;
                }
                _ if wants_name => {
                    return mistake("expected a class name or a 'quoted text'", range);
                }
                Token::Or => after_or = true,
                Token::And => {
                    after_or = false;
                    ands += 1;
                }
                Token::Gap(gap) => {
                    after_or = false;
                    gaps.push(gap);
                }
                Token::Window(words) => {
                    window = Some(words);
                    continue;
                }
            }
            wants_name = true;
        }
        if wants_name {
            return mistake("the pattern ends too early", text.len()..text.len());
        }
        if ands > 0 && !gaps.is_empty() {
            return mistake("& and .. cannot be mixed in one pattern", 0..text.len());
        }
        match window {
            Some(window) if gaps.is_empty() => Ok(Self::Set { elements, window }),
            Some(_) => mistake("a window goes with &, not with ..", 0..text.len()),
            None if ands > 0 => mistake("& needs a window: add  / 12", 0..text.len()),
            None => Ok(Self::Sequence { elements, gaps }),
        }
    }

    /// The elements, in the order they were written.
    pub(crate) fn elements(&self) -> &[Element] {
        match self {
            Self::Sequence { elements, .. } | Self::Set { elements, .. } => elements,
        }
    }

    /// Finds every place where the pattern holds, in the order of the text.
    ///
    /// `events(name)` are the places of that name, in the order of the text. Linear in them.
    pub(crate) fn places<'e>(&self, events: &impl Fn(u16) -> &'e [Span]) -> Vec<Span> {
        match self {
            Self::Sequence { elements, gaps } => {
                sequence(gaps, |index| merged(&elements[index], events))
            }
            Self::Set { elements, window } => set(elements.len(), *window, |index| {
                merged(&elements[index], events)
            }),
        }
    }
}

/// The places of any of the alternatives, in the order of the text.
fn merged<'e>(element: &Element, events: &impl Fn(u16) -> &'e [Span]) -> Vec<Span> {
    let mut all: Vec<Span> = Vec::new();
    for &name in element {
        all.extend_from_slice(events(name));
    }
    if element.len() > 1 {
        all.sort_unstable();
    }
    all
}

/// The places of a [`Find::Sequence`]. `spans(index)` are those of each of its elements, in the
/// order of the text; each is asked for once.
pub(crate) fn sequence(gaps: &[u32], mut spans: impl FnMut(usize) -> Vec<Span>) -> Vec<Span> {
    let mut chains = spans(0);
    for (index, gap) in (1..).zip(gaps) {
        if chains.is_empty() {
            return chains;
        }
        chains.sort_unstable_by_key(|chain| chain.end);
        let mut next = Vec::new();
        let mut nearest = 0;
        for span in spans(index) {
            while nearest + 1 < chains.len() && chains[nearest + 1].end <= span.start {
                nearest += 1;
            }
            let chain = chains[nearest];
            if chain.end <= span.start && span.start - chain.end <= *gap {
                next.push(Span {
                    start: chain.start,
                    end: span.end,
                    at: chain.at,
                });
            }
        }
        chains = next;
    }
    chains.truncate(MOST_PLACES);
    chains
}

/// The places of a [`Find::Set`]. `spans(index)` are those of each of its elements, in the
/// order of the text; each is asked for once.
pub(crate) fn set(
    elements: usize,
    window: u32,
    mut spans: impl FnMut(usize) -> Vec<Span>,
) -> Vec<Span> {
    let mut all: Vec<(Span, usize)> = Vec::new();
    for index in 0..elements {
        let spans = spans(index);
        if spans.is_empty() {
            return Vec::new();
        }
        all.extend(spans.into_iter().map(|span| (span, index)));
    }
    all.sort_unstable();
    let mut last: Vec<Option<Span>> = vec![None; elements];
    let mut found: Vec<Span> = Vec::new();
    for (span, index) in all {
        last[index] = Some(span);
        let mut whole = span;
        let is_complete = last.iter().all(|seen| {
            seen.is_some_and(|seen| {
                if seen.start < whole.start {
                    whole.start = seen.start;
                    whole.at = seen.at;
                }
                whole.end = whole.end.max(seen.end);
                true
            })
        });
        if is_complete && whole.end - whole.start <= window && found.last() != Some(&whole) {
            found.push(whole);
            if found.len() == MOST_PLACES {
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["i", "film", "you", "camera"];

    fn parse(text: &str) -> Result<Find, Mistake> {
        Find::parse(text, &mut |name| match name {
            Name::Class(class) => NAMES
                .iter()
                .position(|known| *known == class)
                .map(|index| index as u16)
                .ok_or_else(|| format!("there is no word class \"{class}\"")),
            Name::Literal(_) => Ok(9),
        })
    }

    /// Words of the text as events: the index in NAMES, one word each.
    fn places(pattern: &str, text: &str) -> Vec<(u32, u32)> {
        let mut events: Vec<Vec<Span>> = vec![Vec::new(); 10];
        for (number, word) in text.split(' ').enumerate() {
            if let Some(name) = NAMES.iter().position(|known| *known == word) {
                let start = number as u32;
                events[name].push(Span {
                    start,
                    end: start + 1,
                    at: start,
                });
            }
        }
        parse(pattern)
            .expect(pattern)
            .places(&|name| &events[usize::from(name)][..])
            .into_iter()
            .map(|span| (span.start, span.end))
            .collect()
    }

    #[test]
    fn patterns_hold_where_the_words_stand() {
        type Row = (&'static str, &'static str, &'static [(u32, u32)]);
        let rows: &[Row] = &[
            ("film", "a film", &[(1, 2)]),
            ("i ..3 film", "i have film", &[(0, 3)]),
            ("i ..3 film", "i x x x film", &[(0, 5)]),
            ("i ..3 film", "i x x x x film", &[]),
            ("i ..3 film", "film i", &[]),
            ("i .. film", "i film", &[(0, 2)]),
            ("i .. film", "i x film", &[]),
            ("i ..2 film ..2 you", "i i film x you", &[(1, 5)]),
            ("film & you & camera / 4", "camera x you film", &[(0, 4)]),
            ("film & you & camera / 4", "camera x x you film", &[]),
            ("film & you / 3", "you x x x film x you", &[(4, 7)]),
            (
                "camera|film ..1 you",
                "film you camera x you",
                &[(0, 2), (2, 5)],
            ),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(places(pattern, text), *expected, "{pattern} in {text}");
        }
    }

    #[test]
    fn mistakes_are_placed() {
        let rows: &[(&str, &str, Range<usize>)] = &[
            ("", "the pattern ends too early", 0..0),
            ("i ..3", "the pattern ends too early", 5..5),
            ("i film", "expected |, &, ..N or /N before this", 2..6),
            ("i & film", "& needs a window: add  / 12", 0..8),
            (
                "i & film ..2 you / 3",
                "& and .. cannot be mixed in one pattern",
                0..20,
            ),
            ("i ..99 film", "a gap has at most 60 words", 2..6),
            ("i & film / 0", "a window has 1 to 60 words", 9..12),
            ("i ..2 'film", "the quote is not closed", 6..11),
            ("we ..2 film", "there is no word class \"we\"", 0..2),
            (
                "i ..2 Film",
                "expected a class name, a 'quoted text', |, &, ..N or /N",
                6..7,
            ),
        ];
        for (pattern, what, range) in rows {
            let mistake = parse(pattern).expect_err(pattern);
            assert_eq!(
                (mistake.what.as_str(), mistake.range),
                (*what, range.clone()),
                "{pattern}"
            );
        }
    }

    #[test]
    fn many_events_are_linear_and_bounded() {
        let spans: Vec<Span> = (0..200_000)
            .map(|n| Span {
                start: n,
                end: n + 1,
                at: n,
            })
            .collect();
        let find = parse("i & film & you / 12").expect("pattern");
        assert_eq!(find.places(&|_| &spans[..]).len(), MOST_PLACES);
        let find = parse("i ..3 film ..3 you").expect("pattern");
        assert_eq!(find.places(&|_| &spans[..]).len(), MOST_PLACES);
    }
}
