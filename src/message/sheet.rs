//! Style sheets: which rules hold for an element.

use crate::message::css::{Style, strip_comments, unescape};
use std::collections::HashMap;

/// One simple selector: an element, a class, an id, or several of them at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Compound {
    element: String,
    id: String,
    classes: Vec<String>,
}

impl Compound {
    fn parse(text: &str) -> Option<Self> {
        let mut compound = Self::default();
        let mut rest = text;
        // Attribute selectors and pseudo classes depend on what is not known here.
        if rest.contains(['[', ':', '&']) || rest.len() > 200 {
            return None;
        }
        let mut kind = ' ';
        loop {
            let end = rest.find(['.', '#']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            match kind {
                ' ' if name == "*" => {}
                ' ' => compound.element = name.to_ascii_lowercase(),
                '.' if !name.is_empty() => compound.classes.push(unescape(name)),
                '#' if !name.is_empty() => compound.id = unescape(name),
                _ => return None,
            }
            let Some(next) = after.chars().next() else {
                break;
            };
            kind = next;
            rest = &after[1..];
        }
        (compound.classes.len() <= 4).then_some(compound)
    }

    fn matches(&self, element: &str, id: &str, classes: &str) -> bool {
        (self.element.is_empty() || self.element == element)
            && (self.id.is_empty() || self.id == id)
            && self
                .classes
                .iter()
                .all(|class| classes.split_ascii_whitespace().any(|own| own == class))
    }

    /// The rarest thing in it, under which it is looked up.
    fn key(&self) -> String {
        if !self.id.is_empty() {
            format!("#{}", self.id)
        } else if let Some(class) = self.classes.first() {
            format!(".{class}")
        } else if !self.element.is_empty() {
            self.element.clone()
        } else {
            "*".to_owned()
        }
    }

    fn specificity(&self) -> u32 {
        u32::from(!self.id.is_empty()) * 10_000
            + self.classes.len() as u32 * 100
            + u32::from(!self.element.is_empty())
    }
}

#[derive(Clone, Debug)]
struct Rule {
    subject: Compound,
    /// Bits of the ancestors that must be around.
    ancestors: u64,
    specificity: u32,
    style: usize,
}

/// The rules of all `<style>` elements seen so far.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    rules: HashMap<String, Vec<Rule>>,
    /// What stands in front of a space or `>` in selectors; the position is the bit.
    ancestors: Vec<Compound>,
    /// Their positions.
    ancestor_numbers: HashMap<Compound, usize>,
    styles: Vec<Style>,
    count: usize,
}

/// More rules, and more for one key, are not kept: mail has a few hundred.
const MOST_RULES: usize = 4000;
const MOST_FOR_KEY: usize = 32;

impl Sheet {
    /// Has it no rule?
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds the content of a `<style>` element.
    pub(crate) fn add(&mut self, css: &str) {
        let css = strip_comments(css).replace("<!--", " ").replace("-->", " ");
        self.add_block(&css, 0);
    }

    fn add_block(&mut self, css: &str, depth: u8) {
        let mut rest = css;
        while self.count < MOST_RULES {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ';' | '}'));
            let Some(open) = rest.find(['{', ';']) else {
                return;
            };
            if rest.as_bytes()[open] == b';' {
                // `@import …;` and its like.
                rest = &rest[open + 1..];
                continue;
            }
            let selector = rest[..open].trim();
            let body_at = open + 1;
            if selector.starts_with('@') {
                let end = block_end(&rest[body_at..]);
                if depth < 3 && applies_to_a_wide_screen(selector) {
                    let (body, _) = rest[body_at..].split_at(end);
                    self.add_block(body, depth + 1);
                }
                rest = &rest[body_at + end..];
                continue;
            }
            let end = rest[body_at..].find('}').unwrap_or(rest.len() - body_at);
            self.add_rules(selector, &rest[body_at..body_at + end]);
            rest = &rest[body_at + end..];
        }
    }

    fn add_rules(&mut self, selectors: &str, declarations: &str) {
        let mut style = Style::default();
        style.declare(declarations);
        if style == Style::default() {
            return;
        }
        let number = self.styles.len();
        self.styles.push(style);
        for selector in selectors.split(',').take(100) {
            let Some((ancestors, subject, specificity)) = self.selector(selector) else {
                continue;
            };
            self.count += 1;
            let rules = self.rules.entry(subject.key()).or_default();
            if rules.len() < MOST_FOR_KEY {
                rules.push(Rule {
                    subject,
                    ancestors,
                    specificity,
                    style: number,
                });
            }
        }
    }

    fn selector(&mut self, text: &str) -> Option<(u64, Compound, u32)> {
        if text.contains(['+', '~']) {
            return None;
        }
        let mut compounds = text
            .split(|c: char| c.is_whitespace() || c == '>')
            .filter(|word| !word.is_empty());
        let mut subject = Compound::parse(compounds.next()?)?;
        let mut specificity = subject.specificity();
        let mut bits = 0;
        for next in compounds.take(8) {
            let next = Compound::parse(next)?;
            specificity += next.specificity();
            let ancestor = std::mem::replace(&mut subject, next);
            if ancestor.element == "html" || ancestor.element == "body" {
                continue;
            }
            let at = match self.ancestor_numbers.get(&ancestor) {
                Some(at) => *at,
                None if self.ancestors.len() < 64 => {
                    let at = self.ancestors.len();
                    self.ancestor_numbers.insert(ancestor.clone(), at);
                    self.ancestors.push(ancestor);
                    at
                }
                None => return None,
            };
            bits |= 1 << at;
        }
        Some((bits, subject, specificity))
    }

    /// Which ancestors of selectors this element is, one bit each; takes what it tries off `work`.
    pub(crate) fn ancestor_bits(
        &self,
        element: &str,
        id: &str,
        classes: &str,
        work: &mut u32,
    ) -> u64 {
        *work = work.saturating_sub(self.ancestors.len() as u32 * cost(classes));
        if *work == 0 {
            return 0;
        }
        self.ancestors
            .iter()
            .enumerate()
            .filter(|(_, ancestor)| ancestor.matches(element, id, classes))
            .fold(0, |bits, (at, _)| bits | 1 << at)
    }

    /// The style of an element by the rules, the more specific over the less.
    ///
    /// Rules tried are taken off `work`, more for long classes; with none left no rule applies, so that a sheet made
    /// to fit every element in a hundred ways cannot make reading slow.
    pub(crate) fn style_of(
        &self,
        element: &str,
        id: &str,
        classes: &str,
        around: u64,
        work: &mut u32,
    ) -> Style {
        let mut found: Vec<(u32, usize)> = Vec::new();
        let mut look = |key: &str| {
            for rule in self.rules.get(key).into_iter().flatten() {
                if *work == 0 {
                    return;
                }
                *work = work.saturating_sub(cost(classes));
                if rule.ancestors & around == rule.ancestors
                    && rule.subject.matches(element, id, classes)
                {
                    found.push((rule.specificity, rule.style));
                }
            }
        };
        look("*");
        look(element);
        let mut key = String::new();
        for class in classes.split_ascii_whitespace().take(16) {
            key.clear();
            key.push('.');
            key.push_str(class);
            look(&key);
        }
        if !id.is_empty() {
            look(&format!("#{id}"));
        }
        found.sort_unstable();
        let mut style = Style::default();
        for (_, number) in found {
            style.lay_over(&self.styles[number]);
        }
        style
    }
}

/// Where the block that begins here ends: its closing brace, nested blocks skipped.
fn block_end(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return at,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Does a rule like `@media` hold where the mail is read on a wide, light screen?
///
/// Rules for narrow screens hide the wide layout and show a second, narrow one: applying them
/// would turn ordinary newsletters inside out.
fn applies_to_a_wide_screen(rule: &str) -> bool {
    let rule = rule.to_ascii_lowercase();
    (rule.starts_with("@media") || rule.starts_with("@supports") || rule.starts_with("@layer"))
        && ![
            "max-",
            "print",
            "prefers-",
            "speech",
            "orientation",
            "not ",
            "dppx",
            "pixel-ratio",
        ]
        .iter()
        .any(|word| rule.contains(word))
}

/// What it costs to compare an element's classes with a rule.
fn cost(classes: &str) -> u32 {
    1 + classes.len() as u32 / 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::css::Display;

    #[test]
    fn rules_find_their_elements() {
        let mut sheet = Sheet::default();
        sheet.add(
            "<!-- p, .a {display:none} /* .x{ */ #i.b{display:block} td.c {display:none}
             .box .d{display:none} @media print{.e{display:none}} @import url(x);
             @media (max-width:480px){.f{display:none}} @media screen{.g{display:none}}
             .h:hover{display:none} * {display:inline} -->",
        );
        for (element, id, classes, around, hidden) in [
            ("p", "", "", 0, true),
            ("div", "", "z a", 0, true),
            ("div", "i", "b a", 0, false),
            ("td", "", "c", 0, true),
            ("div", "", "c", 0, false),
            ("div", "", "d", 0, false),
            ("div", "", "d", 1, true),
            ("div", "", "e", 0, false),
            ("div", "", "f", 0, false),
            ("div", "", "g", 0, true),
            ("div", "", "h", 0, false),
        ] {
            let style = sheet.style_of(element, id, classes, around, &mut 1000);
            let found = matches!(style.display, Some((Display::None, _)));
            assert_eq!(found, hidden, "{element} #{id} .{classes} in {around}");
        }
        assert_eq!(sheet.ancestor_bits("div", "", "box", &mut 99), 1);
    }

    #[test]
    fn a_sheet_without_an_end_is_read_to_the_end() {
        let mut sheet = Sheet::default();
        sheet.add(".a{display:none");
        sheet.add("{{{{ }}}} @media {{{ .a");
        assert!(sheet.style_of("p", "", "a", 0, &mut 99).display.is_some());
    }
}
