//! Patterns for words and addresses, compiled for lookup.

use crate::message::Address;
use std::collections::HashSet;
use std::sync::Arc;

/// The longest pattern, in bytes; an address has at most 320 (RFC 3696, erratum 1690).
const MAX_PATTERN_BYTES: usize = 512;

/// Does a text match a pattern with `*` (any text) and `?` (one character)?
///
/// Only the last star is ever tried again, so hostile text costs pattern times text at worst.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += 1;
                while t < text.len() && text[t] & 0xc0 == 0x80 {
                    t += 1;
                }
            }
            Some(&byte) if byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star, from)) = retry else {
                    return false;
                };
                p = star + 1;
                t = from + 1;
                retry = Some((star, t));
            }
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Words with wildcards, in lower case; `!` takes words out again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    wanted: Vec<String>,
    excluded: Vec<String>,
}

impl Words {
    /// Adds a pattern.
    ///
    /// # Errors
    /// When it is empty or longer than 512 bytes.
    pub fn add(&mut self, pattern: &str) -> Result<(), String> {
        let (list, pattern) = match pattern.strip_prefix('!') {
            Some(rest) => (&mut self.excluded, rest),
            None => (&mut self.wanted, pattern),
        };
        check_length(pattern)?;
        list.push(pattern.to_lowercase());
        Ok(())
    }

    /// Is there no pattern, so that everything goes?
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.excluded.is_empty()
    }

    /// Does the word match? Case is ignored.
    pub fn contains(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let hit = |list: &[String]| list.iter().any(|pattern| glob(pattern, &word));
        !hit(&self.excluded) && (self.wanted.is_empty() || hit(&self.wanted))
    }

    /// The patterns that are wanted.
    pub fn wanted(&self) -> &[String] {
        &self.wanted
    }
}

fn check_length(pattern: &str) -> Result<(), String> {
    if pattern.is_empty() {
        return Err("the pattern is empty".to_owned());
    }
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!(
            "the pattern has {} bytes, the limit is {MAX_PATTERN_BYTES}",
            pattern.len()
        ));
    }
    Ok(())
}

/// An address, split once for all the sets that it is looked up in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressKey {
    /// In lower case, as given.
    full: String,
    /// Without `+detail` (RFC 5233, section 1), where there is one.
    base: Option<String>,
    /// Where the domain begins in `full`; at its end where there is none.
    domain_at: usize,
}

impl AddressKey {
    /// Splits an address.
    pub fn new(address: &Address) -> Self {
        let mut full = address.text().to_lowercase();
        full.truncate(full.trim_end_matches('.').len());
        let domain_at = full.rfind('@').map_or(full.len(), |at| at + 1);
        let local_end = domain_at
            .saturating_sub(1)
            .min(full.rfind('@').unwrap_or(full.len()));
        let base = match full[..local_end].find('+') {
            // A detail without a user before it is no detail.
            Some(plus) if plus > 0 => Some(format!("{}{}", &full[..plus], &full[local_end..])),
            _ => None,
        };
        Self {
            full,
            base,
            domain_at,
        }
    }

    /// The domain in lower case; empty where there is none.
    pub fn domain(&self) -> &str {
        &self.full[self.domain_at..]
    }

    /// The local part in lower case without `+detail`.
    pub fn local(&self) -> &str {
        let text = self.base();
        text.rfind('@').map_or(text, |at| &text[..at])
    }

    fn base(&self) -> &str {
        self.base.as_deref().unwrap_or(&self.full)
    }

    /// The domain, then its parents: `a.example.org`, `example.org`, `org`.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        let mut rest = Some(self.domain()).filter(|domain| !domain.is_empty());
        std::iter::from_fn(move || {
            let domain = rest?;
            rest = domain.split_once('.').map(|(_, parent)| parent);
            Some(domain)
        })
    }
}

/// A set of addresses, told by patterns:
///
/// | pattern | matches |
/// |---|---|
/// | `user@example.org` | this address, also with `+detail` |
/// | `example.org` | the domain and its subdomains |
/// | `.example.org` | its subdomains only |
/// | `*@example.org`, `*.example.*` | by wildcard; without `@`, on the domain |
/// | `abuse@` | this local part at any domain |
/// | `<>` | the null sender |
/// | `!…` | takes what follows out again |
#[derive(Clone, Debug, Default)]
pub struct AddressSet {
    wanted: Patterns,
    excluded: Patterns,
}

#[derive(Clone, Debug, Default)]
struct Patterns {
    null: bool,
    addresses: HashSet<String>,
    domains: HashSet<String>,
    subdomains: HashSet<String>,
    locals: HashSet<String>,
    globs: Vec<String>,
    maps: Vec<Arc<AddressSet>>,
}

impl AddressSet {
    /// Adds a pattern, see [`AddressSet`].
    ///
    /// # Errors
    /// Why it is none, in the words of the table above.
    pub fn add(&mut self, pattern: &str) -> Result<(), String> {
        let (patterns, pattern) = match pattern.strip_prefix('!') {
            Some(rest) => (&mut self.excluded, rest),
            None => (&mut self.wanted, pattern),
        };
        check_length(pattern)?;
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || "<>,;".contains(c);
        if pattern != "<>" && pattern.contains(is_odd) {
            return Err(format!("\"{pattern}\" is no address, domain or pattern"));
        }
        let pattern = pattern.to_lowercase();
        if pattern == "<>" {
            patterns.null = true;
        } else if has_wildcard(&pattern) {
            patterns.globs.push(pattern);
        } else if let Some(local) = pattern.strip_suffix('@') {
            patterns.locals.insert(local.to_owned());
        } else if pattern.starts_with('@') {
            return Err(format!("\"{pattern}\" is a map here, which stands alone"));
        } else if pattern.contains('@') {
            patterns.addresses.insert(pattern);
        } else if let Some(parent) = pattern.strip_prefix('.') {
            patterns.subdomains.insert(domain(parent)?);
        } else {
            patterns.domains.insert(domain(&pattern)?);
        }
        Ok(())
    }

    /// Adds all addresses of a map, or takes them out.
    pub fn add_map(&mut self, map: Arc<Self>, is_in: bool) {
        let patterns = if is_in {
            &mut self.wanted
        } else {
            &mut self.excluded
        };
        patterns.maps.push(map);
    }

    /// Is there nothing in it, so that nothing can match?
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.excluded.is_empty()
    }

    /// Can it only match addresses of one of these local parts?
    pub fn is_only_locals(&self, locals: &[&str]) -> bool {
        let wanted = &self.wanted;
        let is_known = |local: &str| locals.contains(&local);
        !wanted.is_empty()
            && !wanted.null
            && wanted.domains.is_empty()
            && wanted.subdomains.is_empty()
            && wanted.globs.is_empty()
            && wanted.maps.is_empty()
            && wanted.locals.iter().all(|local| is_known(local))
            && wanted
                .addresses
                .iter()
                .all(|address| address.split('@').next().is_some_and(is_known))
    }

    /// The exact addresses and domains that can match; `None` where wildcards, maps or
    /// exclusions make that open.
    pub fn named_domains(&self) -> Option<Vec<&str>> {
        let wanted = &self.wanted;
        let is_open = wanted.null
            || !wanted.globs.is_empty()
            || !wanted.maps.is_empty()
            || !wanted.locals.is_empty()
            || wanted.is_empty();
        if is_open {
            return None;
        }
        let of_addresses = wanted
            .addresses
            .iter()
            .filter_map(|address| address.rsplit_once('@').map(|(_, domain)| domain));
        let domains = wanted.domains.iter().chain(&wanted.subdomains);
        Some(of_addresses.chain(domains.map(String::as_str)).collect())
    }

    /// Does the address match?
    pub fn contains(&self, key: &AddressKey) -> bool {
        !self.excluded.hit(key)
            && (self.wanted.hit(key) || (self.wanted.is_empty() && !self.excluded.is_empty()))
    }
}

impl PartialEq for AddressSet {
    fn eq(&self, other: &Self) -> bool {
        self.wanted.same(&other.wanted) && self.excluded.same(&other.excluded)
    }
}

/// A domain name as a pattern.
fn domain(name: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .chars()
                .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    let name = name.trim_end_matches('.');
    let is_literal = name.starts_with('[') && name.ends_with(']');
    if is_literal || name.split('.').all(is_label) {
        return Ok(name.to_owned());
    }
    Err(format!("\"{name}\" is no domain"))
}

impl Patterns {
    fn is_empty(&self) -> bool {
        !self.null
            && self.addresses.is_empty()
            && self.domains.is_empty()
            && self.subdomains.is_empty()
            && self.locals.is_empty()
            && self.globs.is_empty()
            && self.maps.is_empty()
    }

    fn hit(&self, key: &AddressKey) -> bool {
        if self.null && key.full.is_empty() {
            return true;
        }
        if !self.addresses.is_empty()
            && (self.addresses.contains(&key.full) || self.addresses.contains(key.base()))
        {
            return true;
        }
        if !self.domains.is_empty() && key.domains().any(|name| self.domains.contains(name)) {
            return true;
        }
        if !self.subdomains.is_empty()
            && key
                .domains()
                .skip(1)
                .any(|name| self.subdomains.contains(name))
        {
            return true;
        }
        if !self.locals.is_empty() && self.locals.contains(key.local()) {
            return true;
        }
        let is_glob_hit = |pattern: &String| {
            if pattern.contains('@') {
                glob(pattern, &key.full) || glob(pattern, key.base())
            } else {
                glob(pattern, key.domain())
            }
        };
        self.globs.iter().any(is_glob_hit) || self.maps.iter().any(|map| map.contains(key))
    }

    fn same(&self, other: &Self) -> bool {
        self.null == other.null
            && self.addresses == other.addresses
            && self.domains == other.domains
            && self.subdomains == other.subdomains
            && self.locals == other.locals
            && self.globs == other.globs
            && self.maps.len() == other.maps.len()
            && self
                .maps
                .iter()
                .zip(&other.maps)
                .all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_words() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbcd", false),
            ("a?c", "aäc", true),
            ("*b*", "abc", true),
            ("a*b*c*", "axxbxxc", true),
            ("", "a", false),
            ("access.*", "access.rat", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
        // Many stars against a text that almost matches must not explode.
        assert!(!glob(&"*a".repeat(200), &"a".repeat(199)));
    }

    #[test]
    fn addresses_match_by_every_kind_of_pattern() {
        for (patterns, address, expected) in [
            (&["user@example.org"][..], "User@Example.ORG", true),
            (&["user@example.org"], "user+news@example.org", true),
            (&["user+news@example.org"], "user@example.org", false),
            (&["user+news@example.org"], "user+news@example.org", true),
            (&["user@example.org"], "user@sub.example.org", false),
            (&["example.org"], "a@example.org.", true),
            (&["example.org"], "a@sub.example.org", true),
            (&["example.org"], "a@badexample.org", false),
            (&[".example.org"], "a@example.org", false),
            (&[".example.org"], "a@b.example.org", true),
            (&["*@example.org"], "a@b.example.org", false),
            (&["*@example.org"], "a@example.org", true),
            (&["info-*@example.org"], "info-1+x@example.org", true),
            (&["*.example.*"], "a@b.example.net", true),
            (&["*.example.*"], "a.example.b@example", false),
            (&["abuse@"], "Abuse@example.net", true),
            (&["abuse@"], "abuse+1@example.net", true),
            (&["abuse@"], "nabuse@example.net", false),
            (&["<>"], "", true),
            (&["<>"], "a@example.org", false),
            (&["example.org", "!boss@example.org"], "a@example.org", true),
            (
                &["example.org", "!boss@example.org"],
                "boss@example.org",
                false,
            ),
            (&["!example.org"], "a@example.net", true),
            (&["!example.org"], "a@example.org", false),
            (&["example.org"], "postmaster", false),
            (&["postmaster@"], "postmaster", true),
            (&["+x@example.org"], "+x@example.org", true),
            (&[], "a@example.org", false),
        ] {
            let mut set = AddressSet::default();
            for pattern in patterns {
                set.add(pattern).expect("a pattern");
            }
            let key = AddressKey::new(&Address::new(address.as_bytes()));
            assert_eq!(set.contains(&key), expected, "{patterns:?} {address}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in [
            "",
            "!",
            "a b@example.org",
            "exa mple.org",
            "example..org",
            "a,b",
            "<a@b>",
        ] {
            assert!(AddressSet::default().add(pattern).is_err(), "{pattern}");
        }
    }
}
