//! Where a session goes, as resolved: an address and port, or a socket of the file system.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The port that a server without one, at a Unix socket, is announced with.
const SMTP_PORT: u16 = 25;

/// Where a server listens, resolved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ServerAddress {
    /// TCP.
    Tcp(SocketAddr),
    /// A stream socket of the file system.
    Unix(PathBuf),
}

impl ServerAddress {
    /// The IP address, if it has one.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip()),
            Self::Unix(_) => None,
        }
    }

    /// The address that stands for it in a header of the PROXY protocol.
    pub(super) fn announced(&self) -> SocketAddr {
        match self {
            Self::Tcp(address) => *address,
            Self::Unix(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, SMTP_PORT)),
        }
    }
}

impl From<SocketAddr> for ServerAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
