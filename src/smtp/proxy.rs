//! The header of the PROXY protocol: octets that a proxy sends before the session begins, to say
//! whose connection it passes on (the specification of `HAProxy`, versions 1 and 2).

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The form of the header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

/// The twelve octets that begin a header of version 2 (section 2.2).
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, command PROXY.
const PROXY_COMMAND: u8 = 0x21;
/// TCP over IPv4, and the length of its addresses.
const TCP4: (u8, u16) = (0x11, 12);
/// TCP over IPv6, and the length of its addresses.
const TCP6: (u8, u16) = (0x21, 36);

impl ProxyVersion {
    /// The header for a connection from `client`, made to `server`. Where they are of different
    /// families, the loopback address of the client's family stands for the server.
    pub fn header(self, client: SocketAddr, server: SocketAddr) -> Vec<u8> {
        let server = SocketAddr::new(alike(client.ip(), server.ip()), server.port());
        match self {
            Self::V1 => text(client, server),
            Self::V2 => binary(client, server),
        }
    }
}

fn alike(client: IpAddr, server: IpAddr) -> IpAddr {
    match (client, server) {
        (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => server,
        (IpAddr::V4(_), IpAddr::V6(_)) => Ipv4Addr::LOCALHOST.into(),
        (IpAddr::V6(_), IpAddr::V4(_)) => Ipv6Addr::LOCALHOST.into(),
    }
}

fn text(client: SocketAddr, server: SocketAddr) -> Vec<u8> {
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    let mut line = String::from("PROXY ");
    // Writing to a string does not fail.
    let _ = write!(
        line,
        "{family} {} {} {} {}\r\n",
        client.ip(),
        server.ip(),
        client.port(),
        server.port()
    );
    line.into_bytes()
}

fn binary(client: SocketAddr, server: SocketAddr) -> Vec<u8> {
    let (family, length) = if client.is_ipv4() { TCP4 } else { TCP6 };
    let mut header = SIGNATURE.to_vec();
    header.extend([PROXY_COMMAND, family]);
    header.extend(length.to_be_bytes());
    for address in [client, server] {
        match address.ip() {
            IpAddr::V4(ip) => header.extend(ip.octets()),
            IpAddr::V6(ip) => header.extend(ip.octets()),
        }
    }
    header.extend(client.port().to_be_bytes());
    header.extend(server.port().to_be_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: ProxyVersion, client: &str, server: &str) -> Vec<u8> {
        version.header(client.parse().unwrap(), server.parse().unwrap())
    }

    #[test]
    fn version_1_is_a_line_of_text() {
        assert_eq!(
            header(ProxyVersion::V1, "198.18.0.7:40000", "127.0.0.1:25"),
            b"PROXY TCP4 198.18.0.7 127.0.0.1 40000 25\r\n"
        );
        assert_eq!(
            header(ProxyVersion::V1, "[::2]:40000", "[::1]:25"),
            b"PROXY TCP6 ::2 ::1 40000 25\r\n"
        );
    }

    #[test]
    fn version_2_is_binary_with_its_length() {
        let header = header(ProxyVersion::V2, "198.18.0.7:40000", "127.0.0.1:25");

        let addresses = [198, 18, 0, 7, 127, 0, 0, 1, 0x9c, 0x40, 0, 25];
        let whole = [SIGNATURE, &[0x21, 0x11, 0, 12], &addresses].concat();
        assert_eq!(header, whole);
    }

    #[test]
    fn version_2_says_as_long_as_its_addresses_are() {
        for (client, server) in [("198.18.0.7:1", "127.0.0.1:25"), ("[::2]:1", "[::1]:25")] {
            let header = header(ProxyVersion::V2, client, server);
            assert_eq!(usize::from(header[15]), header.len() - 16, "{client}");
        }
    }

    #[test]
    fn a_server_of_another_family_is_told_as_loopback() {
        assert_eq!(
            header(ProxyVersion::V1, "198.18.0.7:40000", "[::1]:25"),
            b"PROXY TCP4 198.18.0.7 127.0.0.1 40000 25\r\n"
        );
    }
}
