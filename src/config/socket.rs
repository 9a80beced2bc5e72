//! Socket addresses in the notations of mail admins.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// An address that the milter listens on.
///
/// Read from what Postfix and Sendmail admins write: `inet:8826@127.0.0.1`,
/// `inet:127.0.0.1:8826`, `inet6:8826@[::1]`, `inet6:[::1]:8826`, `unix:/path`, `local:/path`, `/path`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SocketAddress {
    /// A TCP port on a host name or address, without brackets.
    Inet {
        /// Was it written as `inet6:`?
        v6: bool,
        /// Host name or IP address.
        host: String,
        /// TCP port; 0 lets the system choose.
        port: u16,
    },
    /// A UNIX-domain socket.
    Unix(PathBuf),
}

impl SocketAddress {
    /// A TCP address.
    pub fn inet(host: &str, port: u16) -> Self {
        Self::Inet {
            v6: host.contains(':'),
            host: host.to_owned(),
            port,
        }
    }

    /// The notation of `smtpd_milters` in Postfix, such as `inet:127.0.0.1:8826` or `unix:/path`.
    pub fn postfix(&self) -> String {
        match self {
            // Postfix knows no `inet6:`; brackets make the address.
            Self::Inet { host, port, .. } if host.contains(':') => format!("inet:[{host}]:{port}"),
            Self::Inet { host, port, .. } => format!("inet:{host}:{port}"),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }

    /// The notation of `INPUT_MAIL_FILTER` in Sendmail, such as `inet:8826@127.0.0.1` or `local:/path`.
    pub fn sendmail(&self) -> String {
        match self {
            // Note: Sendmail looks an IPv6 address without brackets up as a host name.
            Self::Inet { .. } => self.to_string(),
            Self::Unix(path) => format!("local:{}", path.display()),
        }
    }
}

impl fmt::Display for SocketAddress {
    /// `inet:8826@127.0.0.1`, `inet6:8826@[::1]` or `unix:/path`; reads back as the same address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet { v6, host, port } => {
                let family = if *v6 { "inet6" } else { "inet" };
                if host.contains(':') {
                    write!(f, "{family}:{port}@[{host}]")
                } else {
                    write!(f, "{family}:{port}@{host}")
                }
            }
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for SocketAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (family, rest) = match text.split_once(':') {
            _ if text.starts_with('/') => ("unix", text),
            Some((family, rest)) => (family, rest),
            None => {
                return Err(format!(
                    "\"{text}\" is no socket: expected \"inet:PORT@HOST\" or \"unix:/PATH\""
                ));
            }
        };
        let v6 = match family {
            "unix" | "local" => return unix(rest),
            "inet" => false,
            "inet6" => true,
            _ => {
                return Err(format!(
                    "\"{family}:\" is no socket family: expected \"inet\", \"inet6\", \"unix\" or \"local\""
                ));
            }
        };
        let (host, port) = match rest.split_once('@') {
            Some((port, host)) => (host, port),
            None => rest.rsplit_once(':').ok_or_else(|| {
                format!("\"{text}\" lacks a port or a host: expected \"{family}:PORT@HOST\"")
            })?,
        };
        let bracketed = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let host = bracketed.unwrap_or(host);
        if host.is_empty() {
            return Err(format!(
                "\"{text}\" lacks a host: expected \"{family}:PORT@HOST\""
            ));
        }
        if bracketed.is_none() && host.contains(':') && !rest.contains('@') {
            return Err(format!(
                "\"{text}\" is ambiguous: put the IPv6 address in brackets"
            ));
        }
        if host.contains(|c: char| c.is_whitespace() || "[]@/".contains(c)) {
            return Err(format!("\"{host}\" is no host name"));
        }
        let port = port
            .parse()
            .map_err(|_| format!("\"{port}\" is no port: expected a number up to 65535"))?;
        Ok(Self::Inet {
            v6: v6 || host.contains(':'),
            host: host.to_owned(),
            port,
        })
    }
}

fn unix(path: &str) -> Result<SocketAddress, String> {
    // The kernel's sun_path has room for 107 bytes and the final NUL.
    const MAX_PATH_BYTES: usize = 107;
    if path.is_empty() {
        return Err("the path of the UNIX socket is empty".to_owned());
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(format!(
            "the path of the UNIX socket has {} bytes, the limit is {MAX_PATH_BYTES}",
            path.len()
        ));
    }
    Ok(SocketAddress::Unix(PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_of_admins_is_read() {
        for (text, shown, postfix, sendmail) in [
            (
                "inet:8826@127.0.0.1",
                "inet:8826@127.0.0.1",
                "inet:127.0.0.1:8826",
                "inet:8826@127.0.0.1",
            ),
            (
                "inet:127.0.0.1:8826",
                "inet:8826@127.0.0.1",
                "inet:127.0.0.1:8826",
                "inet:8826@127.0.0.1",
            ),
            (
                "inet:8826@mx.example.org",
                "inet:8826@mx.example.org",
                "inet:mx.example.org:8826",
                "inet:8826@mx.example.org",
            ),
            (
                "inet:localhost:0",
                "inet:0@localhost",
                "inet:localhost:0",
                "inet:0@localhost",
            ),
            (
                "inet6:8826@[::1]",
                "inet6:8826@[::1]",
                "inet:[::1]:8826",
                "inet6:8826@[::1]",
            ),
            (
                "inet6:[::1]:8826",
                "inet6:8826@[::1]",
                "inet:[::1]:8826",
                "inet6:8826@[::1]",
            ),
            (
                "inet6:8826@::1",
                "inet6:8826@[::1]",
                "inet:[::1]:8826",
                "inet6:8826@[::1]",
            ),
            (
                "inet:[::1]:8826",
                "inet6:8826@[::1]",
                "inet:[::1]:8826",
                "inet6:8826@[::1]",
            ),
            (
                "unix:/run/cb.sock",
                "unix:/run/cb.sock",
                "unix:/run/cb.sock",
                "local:/run/cb.sock",
            ),
            (
                "local:/run/cb.sock",
                "unix:/run/cb.sock",
                "unix:/run/cb.sock",
                "local:/run/cb.sock",
            ),
            (
                "/run/cb.sock",
                "unix:/run/cb.sock",
                "unix:/run/cb.sock",
                "local:/run/cb.sock",
            ),
        ] {
            let address: SocketAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), shown, "{text}");
            assert_eq!(address.postfix(), postfix, "{text}");
            assert_eq!(address.sendmail(), sendmail, "{text}");
            assert_eq!(address.to_string().parse(), Ok(address), "{text}");
        }
    }

    #[test]
    fn what_is_no_socket_says_why() {
        for (text, reason) in [
            ("8826", "expected"),
            ("inet:8826", "lacks a port or a host"),
            ("inet:8826@", "lacks a host"),
            ("inet:99999@localhost", "up to 65535"),
            ("inet:localhost:smtp", "is no port"),
            ("inet6:::1:8826", "brackets"),
            ("tcp:8826@localhost", "no socket family"),
            ("unix:", "empty"),
            ("inet:25@a b", "no host name"),
        ] {
            let error = text.parse::<SocketAddress>().expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(
            format!("unix:/{}", "x".repeat(200))
                .parse::<SocketAddress>()
                .is_err()
        );
    }
}
