//! The octets before a session → the client that a proxy passes it on for (the specification of
//! the PROXY protocol, versions 1 and 2).
//!
//! A header is read to its last octet and no further: what stands behind it is the client's own,
//! be it a command or a handshake.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The twelve octets that begin a header of version 2 (section 2.2).
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// What begins a header of version 1.
const WORD: &[u8] = b"PROXY ";
/// The longest header of version 1 (section 2.1).
const LONGEST_LINE: usize = 107;
/// The fixed part of version 2.
const FIXED: usize = 16;
/// The most octets of addresses and further values that are read in version 2.
const LONGEST_REST: usize = 2048;

/// What comes is no header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NoHeader;

/// What is known of a header so far.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    /// More must come.
    Incomplete,
    /// All of it is there, and it tells this client's address, if it tells one.
    Whole(Option<IpAddr>),
}

/// A header while it is read.
#[derive(Debug, Default)]
pub(super) struct Header(Vec<u8>);

impl Header {
    /// Reads on; gives how much was used, and where the header ends the client's address, if it
    /// tells one.
    pub(super) fn read(
        &mut self,
        octets: &[u8],
    ) -> (usize, Option<Result<Option<IpAddr>, NoHeader>>) {
        for (n, octet) in octets.iter().enumerate() {
            self.0.push(*octet);
            match self.judge() {
                Ok(Verdict::Incomplete) => {}
                Ok(Verdict::Whole(client)) => return (n + 1, Some(Ok(client))),
                Err(wrong) => return (n + 1, Some(Err(wrong))),
            }
        }
        (octets.len(), None)
    }

    fn judge(&self) -> Result<Verdict, NoHeader> {
        let so_far = &self.0[..];
        let begins = |whole: &[u8]| whole.starts_with(so_far) || so_far.starts_with(whole);
        if begins(SIGNATURE) {
            return binary(so_far);
        }
        if !begins(WORD) || so_far.len() > LONGEST_LINE {
            return Err(NoHeader);
        }
        so_far.strip_suffix(b"\r\n").map_or(Ok(Verdict::Incomplete), line)
    }
}

fn line(line: &[u8]) -> Result<Verdict, NoHeader> {
    let line = std::str::from_utf8(line).map_err(|_| NoHeader)?;
    let words: Vec<&str> = line.split(' ').collect();
    let (client, server) = match words[..] {
        [_, "UNKNOWN", ..] => return Ok(Verdict::Whole(None)),
        [_, "TCP4" | "TCP6", client, server, from, to]
            if from.parse::<u16>().is_ok() && to.parse::<u16>().is_ok() =>
        {
            (client, server)
        }
        _ => return Err(NoHeader),
    };
    let read = |text: &str| text.parse::<IpAddr>().map_err(|_| NoHeader);
    let (client, server) = (read(client)?, read(server)?);
    let is_ipv4 = words[1] == "TCP4";
    let agree = client.is_ipv4() == is_ipv4 && server.is_ipv4() == is_ipv4;
    agree.then_some(Verdict::Whole(Some(client))).ok_or(NoHeader)
}

fn binary(header: &[u8]) -> Result<Verdict, NoHeader> {
    let Some((fixed, rest)) = header.split_first_chunk::<FIXED>() else {
        return Ok(Verdict::Incomplete);
    };
    let [.., command, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if command >> 4 != 2 || command & 15 > 1 || length > LONGEST_REST {
        return Err(NoHeader);
    }
    if rest.len() < length {
        return Ok(Verdict::Incomplete);
    }
    // With the command LOCAL the connection is the proxy's own.
    let client = match (command & 15, family) {
        (1, 0x11) => Some(Ipv4Addr::from(*rest.first_chunk::<4>().ok_or(NoHeader)?).into()),
        (1, 0x21) => Some(Ipv6Addr::from(*rest.first_chunk::<16>().ok_or(NoHeader)?).into()),
        _ => None,
    };
    Ok(Verdict::Whole(client))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::ProxyVersion;

    /// What a header with a command behind it says, split at each of its octets.
    fn read(header: &[u8]) -> Result<Option<IpAddr>, NoHeader> {
        let octets = [header, b"EHLO a\r\n"].concat();
        let whole = Header::default().read(&octets);
        for split in 0..header.len() {
            let mut parts = Header::default();
            let (first, second) = octets.split_at(split);
            let (used, early) = parts.read(first);
            let (rest, late) = if early.is_none() { parts.read(second) } else { (0, None) };
            assert_eq!((used + rest, early.or(late)), whole, "split at {split}");
        }
        let (used, said) = whole;
        if matches!(said, Some(Ok(_))) {
            assert_eq!(used, header.len(), "what stands behind it is left");
        }
        said.unwrap_or(Err(NoHeader))
    }

    #[test]
    fn the_headers_that_clients_send_are_understood() {
        for version in [ProxyVersion::V1, ProxyVersion::V2] {
            for (client, server) in
                [("198.18.0.7:40000", "127.0.0.1:25"), ("[2001:db8::7]:40000", "[::1]:25")]
            {
                let client: std::net::SocketAddr = client.parse().unwrap();
                let header = version.header(client, server.parse().unwrap());
                assert_eq!(read(&header), Ok(Some(client.ip())), "{version:?} {client}");
            }
        }
    }

    #[test]
    fn a_header_may_tell_no_address() {
        let local = [SIGNATURE, &[0x20, 0, 0, 0]].concat();
        let unix = [SIGNATURE, &[0x21, 0x31, 0, 2, 1, 1]].concat();
        for header in [&b"PROXY UNKNOWN\r\n"[..], b"PROXY UNKNOWN a b\r\n", &local, &unix] {
            assert_eq!(read(header), Ok(None), "{header:?}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let long = [b"PROXY TCP4 ", &[b'1'; 100][..], b"\r\n"].concat();
        let version = [SIGNATURE, &[0x31, 0x11, 0, 12], &[0; 12]].concat();
        let short = [SIGNATURE, &[0x21, 0x11, 0, 2], &[0; 2]].concat();
        for header in [
            &b"EHLO a\r\n"[..],
            b"\x16\x03\x01",
            b"PROXY TCP4 198.18.0.7 127.0.0.1 x 25\r\n",
            b"PROXY TCP4 ::2 ::1 40000 25\r\n",
            b"PROXY TCP4 198.18.0.7 127.0.0.1 40000\r\n",
            b"proxy TCP4 198.18.0.7 127.0.0.1 40000 25\r\n",
            &long,
            &version,
            &short,
        ] {
            assert_eq!(read(header), Err(NoHeader), "{header:?}");
        }
    }
}
