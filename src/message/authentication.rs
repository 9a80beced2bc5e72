//! What trusted hosts say about SPF, DKIM and DMARC (RFC 8601).

use crate::message::Header;

/// How many results of one message are looked at.
const MAX_RESULTS: usize = 64;

/// One method and its result, both in lower case: `dmarc`, `pass`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthResult {
    /// `spf`, `dkim`, `dmarc`, `arc` …
    pub method: String,
    /// `pass`, `fail`, `none` …
    pub result: String,
}

/// A result that a trusted host vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Believed {
    /// The method and its result.
    pub told: AuthResult,
    /// The domain that it is about, in lower case: that of `header.from`, `header.d`, `header.i` or
    /// `smtp.mailfrom`; empty where the field does not say.
    pub domain: String,
}

/// The results in `Authentication-Results` fields of trusted hosts.
///
/// Only the topmost field of each host and method counts: what stands below may have come with
/// the message and only pretend to be ours (RFC 8601, section 5).
pub fn believed_results(header: &Header, authserv_ids: &[String]) -> Vec<Believed> {
    let mut results: Vec<Believed> = Vec::new();
    if authserv_ids.is_empty() {
        return results;
    }
    for field in header.all("Authentication-Results") {
        let field = without_comments(field);
        let mut parts = field.split(';').map(str::trim);
        // A version may follow the name of the host.
        let host = parts
            .next()
            .and_then(|first| first.split_whitespace().next())
            .unwrap_or_default();
        if !authserv_ids.iter().any(|id| id.eq_ignore_ascii_case(host)) {
            continue;
        }
        let known = results.len();
        for part in parts {
            let Some((method, rest)) = part.split_once('=') else {
                continue;
            };
            let method = method.split('/').next().unwrap_or_default().trim();
            let result = rest.split_whitespace().next().unwrap_or_default();
            let is_told = results[..known]
                .iter()
                .any(|known| known.told.method.eq_ignore_ascii_case(method));
            if !is_told && results.len() < MAX_RESULTS {
                results.push(Believed {
                    told: AuthResult {
                        method: method.to_lowercase(),
                        result: result.to_lowercase(),
                    },
                    domain: domain(rest),
                });
            }
        }
    }
    results
}

/// The domain in the properties of a result (RFC 8601, section 2.2).
fn domain(properties: &str) -> String {
    properties
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .find(|(name, _)| {
            ["header.from", "header.d", "header.i", "smtp.mailfrom"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        })
        .map(|(_, value)| value.rsplit('@').next().unwrap_or(value).to_lowercase())
        .unwrap_or_default()
}

/// Takes comments in parentheses out, nested ones too (RFC 5322, section 3.2.2), and quotes off.
fn without_comments(field: &str) -> String {
    let mut depth = 0_usize;
    let mut is_quoted = false;
    let mut is_escaped = false;
    let mut plain = String::with_capacity(field.len());
    for c in field.chars() {
        if is_escaped {
            is_escaped = false;
            continue;
        }
        match c {
            '\\' => is_escaped = true,
            '"' if depth == 0 => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted && depth > 0 => depth -= 1,
            // A separator inside quotes separates nothing.
            ';' | '=' if is_quoted => plain.push('_'),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(fields: &[&str]) -> Vec<String> {
        let fields = fields
            .iter()
            .map(|value| ("Authentication-Results".to_owned(), (*value).to_owned()))
            .collect();
        believed_results(&Header::new(fields), &["mx.example.org".to_owned()])
            .iter()
            .map(|found| format!("{}={}", found.told.method, found.told.result))
            .collect()
    }

    #[test]
    fn only_trusted_hosts_are_believed() {
        let ours =
            "mx.example.org 1; dmarc=pass (p=none; dkim=fail) header.from=a.example; DKIM/1=Pass";
        assert_eq!(results(&[ours]), ["dmarc=pass", "dkim=pass"]);
        assert!(results(&["mx.example.net; dmarc=pass"]).is_empty());
        assert!(results(&["(mx.example.org) evil; dmarc=pass"]).is_empty());
        assert!(results(&["", ";;;", "mx.example.org", "mx.example.org; none"]).is_empty());
    }

    #[test]
    fn results_name_their_domain() {
        let field = "mx.example.org; spf=pass smtp.mailfrom=A@Mail.example.net; dkim=pass \
            (good) header.d=example.com; dmarc=none";
        let header = Header::new(vec![(
            "Authentication-Results".to_owned(),
            field.to_owned(),
        )]);
        let results = believed_results(&header, &["mx.example.org".to_owned()]);
        let domains: Vec<_> = results.iter().map(|result| &result.domain).collect();
        assert_eq!(domains, ["mail.example.net", "example.com", ""]);
    }

    #[test]
    fn a_field_below_cannot_overrule_the_one_above() {
        assert_eq!(
            results(&[
                "mx.example.org; dmarc=fail",
                "mx.example.org; dmarc=pass; spf=pass"
            ]),
            ["dmarc=fail", "spf=pass"]
        );
        assert_eq!(
            results(&["mx.example.org; dkim=fail; dkim=pass"]),
            ["dkim=fail", "dkim=pass"]
        );
    }

    #[test]
    fn quotes_and_comments_hide_nothing() {
        assert_eq!(
            results(&["mx.example.org; spf=fail reason=\"x; dmarc=pass\""]),
            ["spf=fail"]
        );
    }
}
