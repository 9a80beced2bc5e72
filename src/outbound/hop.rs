//! The server that takes our mail.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where it listens.
///
/// Read from `host`, `host:port`, `[::1]:port`, `[host]:port` (as in Postfix's `relayhost`), `unix:/path` or `/path`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NextHop {
    /// A TCP port.
    Inet {
        /// Host name or IP address, without brackets. A name is looked up as a host; there is no MX look-up.
        host: String,
        /// The port; 25 where none is named.
        port: u16,
    },
    /// A UNIX-domain socket.
    Unix(PathBuf),
}

impl Default for NextHop {
    fn default() -> Self {
        Self::Inet {
            host: "127.0.0.1".to_owned(),
            port: 25,
        }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Inet { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for NextHop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || format!("\"{text}\" is no server");
        if let Some(path) = text
            .strip_prefix("unix:")
            .or(text.starts_with('/').then_some(text))
        {
            return if path.starts_with('/') {
                Ok(Self::Unix(PathBuf::from(path)))
            } else {
                Err(format!("the path in \"{text}\" is not absolute"))
            };
        }
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(wrong()),
            }
        } else if text.parse::<std::net::Ipv6Addr>().is_ok() {
            (text, None)
        } else {
            match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };
        let is_ip = host.parse::<std::net::IpAddr>().is_ok();
        let is_name = !host.is_empty()
            && host.len() <= 253
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        if !is_ip && !is_name {
            return Err(wrong());
        }
        let port = match port {
            None => 25,
            Some(port) => port
                .parse()
                .ok()
                .filter(|&port| port > 0)
                .ok_or_else(|| format!("\"{port}\" is no port"))?,
        };
        Ok(Self::Inet {
            host: host.to_owned(),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_and_written() {
        for (text, written) in [
            ("127.0.0.1:10026", Some("127.0.0.1:10026")),
            ("mail.example.org", Some("mail.example.org:25")),
            ("[127.0.0.1]:2525", Some("127.0.0.1:2525")),
            ("[::1]:25", Some("[::1]:25")),
            ("::1", Some("[::1]:25")),
            ("unix:/run/mail", Some("unix:/run/mail")),
            ("/run/mail", Some("unix:/run/mail")),
            ("unix:run/mail", None),
            ("", None),
            ("host:0", None),
            ("host:99999", None),
            ("a b:25", None),
            ("[::1", None),
            ("[::1]x", None),
        ] {
            let hop = text.parse::<NextHop>().ok();
            assert_eq!(
                hop.as_ref().map(ToString::to_string).as_deref(),
                written,
                "{text}"
            );
            if let Some(hop) = hop {
                assert_eq!(hop.to_string().parse(), Ok(hop), "{text}");
            }
        }
    }
}
