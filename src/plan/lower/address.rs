//! `host:port`, `[::1]:port` and `unix:/path` → an [`Address`].

use std::net::Ipv6Addr;

use crate::plan::Address;

/// The longest path that a Unix socket can have on Linux (`sun_path` without its final zero).
const LONGEST_PATH: usize = 107;

/// Why a text is no address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum AddressError {
    /// Not an absolute path.
    #[error("`unix:{0}` needs an absolute path, such as `unix:/run/dovecot/lmtp`")]
    NoAbsolutePath(String),
    /// More than the system takes.
    #[error("the path of a Unix socket has at most {LONGEST_PATH} octets, this one has {0}")]
    LongPath(usize),
    /// No `:` and port behind the host.
    #[error("`{0}` has no port; write `{0}:25`")]
    NoPort(String),
    /// Not a number from 1 to 65535.
    #[error("`{0}` is not a port; expected a number from 1 to 65535")]
    BadPort(String),
    /// An IPv6 address without brackets.
    #[error("`{0}` needs brackets around its IPv6 address, such as `[::1]:25`")]
    NoBrackets(String),
    /// Neither a name nor an address.
    #[error("`{0}` is not a host name or address")]
    BadHost(String),
}

/// Reads an address.
pub(super) fn parse(text: &str) -> Result<Address, AddressError> {
    if let Some(path) = text.strip_prefix("unix:") {
        return unix(path);
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(AddressError::NoBrackets(text.to_owned()));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let host = match host.strip_prefix('[').map(|inside| inside.strip_suffix(']')) {
        Some(Some(inside)) if inside.parse::<Ipv6Addr>().is_ok() => inside,
        None if host.contains(':') => return Err(AddressError::NoBrackets(text.to_owned())),
        None if is_host_name(host) => host,
        Some(_) | None => return Err(AddressError::BadHost(host.to_owned())),
    };
    if port.is_empty() {
        return Err(AddressError::NoPort(text.trim_end_matches(':').to_owned()));
    }
    match port.parse() {
        Ok(port) if port > 0 => Ok(Address::Host { host: host.to_owned(), port }),
        _ => Err(AddressError::BadPort(port.to_owned())),
    }
}

fn unix(path: &str) -> Result<Address, AddressError> {
    match path.len() {
        _ if !path.starts_with('/') || path.ends_with('/') => {
            Err(AddressError::NoAbsolutePath(path.to_owned()))
        }
        length if length > LONGEST_PATH => Err(AddressError::LongPath(length)),
        _ => Ok(Address::Unix(path.into())),
    }
}

fn is_host_name(text: &str) -> bool {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=253).contains(&text.len()) && text.chars().all(is_legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read() {
        let table = [
            ("127.0.0.1:2525", "127.0.0.1", 2525),
            ("[::1]:25", "::1", 25),
            ("mail.example.test:587", "mail.example.test", 587),
        ];
        for (text, host, port) in table {
            assert_eq!(parse(text), Ok(Address::Host { host: host.to_owned(), port }), "{text}");
        }
        assert_eq!(parse("unix:/run/lmtp"), Ok(Address::Unix("/run/lmtp".into())));
    }

    #[test]
    fn texts_that_are_no_addresses_are_refused() {
        let table = [
            ("unix:", AddressError::NoAbsolutePath(String::new())),
            ("unix:run/x", AddressError::NoAbsolutePath("run/x".into())),
            ("localhost", AddressError::NoPort("localhost".into())),
            ("localhost:", AddressError::NoPort("localhost".into())),
            ("localhost:0", AddressError::BadPort("0".into())),
            ("localhost:65536", AddressError::BadPort("65536".into())),
            ("localhost:smtp", AddressError::BadPort("smtp".into())),
            ("::1", AddressError::NoBrackets("::1".into())),
            ("::1:25x", AddressError::NoBrackets("::1:25x".into())),
            ("[1]:25", AddressError::BadHost("[1]".into())),
            (":25", AddressError::BadHost(String::new())),
            ("a b:25", AddressError::BadHost("a b".into())),
        ];
        for (text, error) in table {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
