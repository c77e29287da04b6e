//! A route → a connection: TCP or a Unix socket in a run, in-memory pipes in tests of time.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

use super::server_address::ServerAddress;

/// How one session is connected.
#[derive(Clone, Debug)]
pub struct Route {
    /// Where to.
    pub(super) to: ServerAddress,
    /// The local address that it comes from; none: the system's choice.
    pub(super) from: Option<IpAddr>,
    /// What is sent before anything else: the header of the PROXY protocol, or nothing.
    pub(super) preamble: Vec<u8>,
}

/// A connection to a server.
pub trait Connection: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Makes closing it a reset instead of an orderly end, where the transport knows one.
    fn reset_on_close(&self);

    /// Writes without waiting: as far as there is room now, or [`io::ErrorKind::WouldBlock`],
    /// which says that waiting must tell.
    fn try_write(&self, _octets: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Connection for DuplexStream {
    fn reset_on_close(&self) {}
}

/// Makes connections.
pub trait Dialer: Clone + 'static {
    /// What a connection is.
    type Connection: Connection;

    /// Connects; dropping the future gives the attempt up.
    fn connect(&self, route: &Route) -> impl Future<Output = io::Result<Self::Connection>>;
}

/// Connects through the kernel: by TCP without Nagle's algorithm, whose waiting would be taken
/// for the server's, or to a Unix socket.
#[derive(Clone, Copy, Debug)]
pub struct SocketDialer;

/// A connection through the kernel.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A socket of the file system.
    Unix(UnixStream),
}

impl Dialer for SocketDialer {
    type Connection = Socket;

    async fn connect(&self, route: &Route) -> io::Result<Socket> {
        match &route.to {
            ServerAddress::Tcp(address) => tcp(*address, route.from).await.map(Socket::Tcp),
            ServerAddress::Unix(path) => UnixStream::connect(path).await.map(Socket::Unix),
        }
    }
}

async fn tcp(to: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_nodelay(true)?;
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    socket.connect(to).await
}

impl Connection for Socket {
    fn reset_on_close(&self) {
        match self {
            Self::Tcp(stream) => {
                // If it can't be set the close is orderly, and the plan's server sees a FIN.
                let linger = Some(std::time::Duration::ZERO);
                let _ = socket2::SockRef::from(stream).set_linger(linger);
            }
            Self::Unix(_) => {}
        }
    }

    fn try_write(&self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(octets),
            Self::Unix(stream) => stream.try_write(octets),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, octets),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, octets),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// Whether a failed system call is the tester's own failure: out of ports, descriptors, memory.
///
/// A lack of ports has two names: connecting calls it `EADDRNOTAVAIL`, and binding to a plan's
/// `source` calls it `EADDRINUSE`.
pub(super) fn is_local(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let ports = [Errno::ADDRNOTAVAIL, Errno::ADDRINUSE];
    let others = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    let mut local = ports.into_iter().chain(others);
    error.raw_os_error().is_some_and(|code| local.any(|errno| errno.raw_os_error() == code))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn an_address_whose_ports_are_taken_is_the_testers_failure() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();

        let error = TcpListener::bind(taken.local_addr().unwrap()).unwrap_err();

        assert!(is_local(&error), "{error}");
        assert!(!is_local(&io::ErrorKind::ConnectionRefused.into()));
    }

    #[tokio::test]
    async fn an_address_that_is_not_this_machines_is_the_testers_failure() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        // RFC 5737, 3: no machine has an address of TEST-NET-1.
        let from = Some(IpAddr::from([192, 0, 2, 1]));

        let error = tcp(server.local_addr().unwrap(), from).await.unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
        assert!(is_local(&error), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_refuses_is_not_the_testers_failure() {
        let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();

        let error = tcp(gone, None).await.unwrap_err();

        assert!(!is_local(&error), "{error}");
    }
}
