//! An address → a connection: TCP in a run, in-memory pipes in tests of time.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpSocket, TcpStream};

/// A connection to a server.
pub trait Connection: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Makes closing it a reset instead of an orderly end, where the transport knows one.
    fn reset_on_close(&self);
}

impl Connection for TcpStream {
    fn reset_on_close(&self) {
        // If it can't be set the close is orderly, and the plan's server sees a FIN.
        drop(socket2::SockRef::from(self).set_linger(Some(std::time::Duration::ZERO)));
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
    fn connect(&self, to: SocketAddr) -> impl Future<Output = io::Result<Self::Connection>>;
}

/// Connects by TCP without Nagle's algorithm, whose waiting would be taken for the server's.
#[derive(Clone, Copy, Debug)]
pub struct TcpDialer;

impl Dialer for TcpDialer {
    type Connection = TcpStream;

    async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_nodelay(true)?;
        socket.connect(to).await
    }
}

/// Whether a failed system call is the tester's own failure: out of ports, descriptors, memory.
pub(super) fn is_local(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let local = [Errno::ADDRNOTAVAIL, Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| local.iter().any(|errno| errno.raw_os_error() == code))
}
