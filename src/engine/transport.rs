//! A connection in clear, in its handshake, or behind TLS.
//!
//! What is written counts as written only once the kernel has it: rustls takes octets before the
//! socket does, so each write of a TLS session ends with a flush.

use std::future::Future;
use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{Connect, TlsConnector};

use super::dialer::Connection;

/// What a session's octets go through.
pub(super) enum Transport<C> {
    /// The connection itself.
    Plain(C),
    /// A handshake that goes on.
    Handshake(Box<Connect<C>>),
    /// TLS.
    Tls(Box<Sealed<C>>),
    /// The connection was lost in a handshake.
    Lost,
}

/// A connection behind TLS.
pub(super) struct Sealed<C> {
    stream: TlsStream<C>,
    /// So many octets are with rustls, and not all of them with the kernel.
    held: usize,
}

impl<C: Connection> Transport<C> {
    /// Begins a handshake; [`Transport::poll_handshake`] ends it.
    pub(super) fn secure(&mut self, connector: &TlsConnector, name: ServerName<'static>) {
        if let Self::Plain(plain) = mem::replace(self, Self::Lost) {
            *self = Self::Handshake(Box::new(connector.connect(name, plain)));
        }
    }

    /// Goes on with the handshake. Cancel safe.
    pub(super) fn poll_handshake(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<&TlsStream<C>>> {
        let Self::Handshake(connect) = self else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        match Pin::new(&mut **connect).poll(context) {
            Poll::Ready(Ok(stream)) => {
                *self = Self::Tls(Box::new(Sealed { stream, held: 0 }));
                Poll::Ready(match self {
                    Self::Tls(sealed) => Ok(&sealed.stream),
                    Self::Plain(_) | Self::Handshake(_) | Self::Lost => {
                        Err(io::ErrorKind::NotConnected.into())
                    }
                })
            }
            Poll::Ready(Err(error)) => {
                *self = Self::Lost;
                Poll::Ready(Err(error))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes; the count is of octets that the kernel has. Until it is told, the same octets must
    /// be given again.
    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            // There is room nearly always, and waiting for it is what costs.
            Self::Plain(plain) => match plain.try_write(octets) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    Pin::new(plain).poll_write(context, octets)
                }
                written => Poll::Ready(written),
            },
            Self::Tls(sealed) => sealed.poll_write(context, &[IoSlice::new(octets)]),
            Self::Handshake(_) => Poll::Pending,
            Self::Lost => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// The same for octets in pieces, of which none is empty.
    pub(super) fn poll_write_pieces(
        &mut self,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match (self, pieces) {
            (Self::Plain(plain), [_, _, ..]) => {
                Pin::new(plain).poll_write_vectored(context, pieces)
            }
            (Self::Tls(sealed), _) => sealed.poll_write(context, pieces),
            (transport, [first, ..]) => transport.poll_write(context, first),
            (_, []) => Poll::Ready(Ok(0)),
        }
    }

    /// Whether octets that were given may be partly on their way, though none is told as written.
    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Tls(sealed) => sealed.held > 0,
            Self::Plain(_) | Self::Handshake(_) | Self::Lost => false,
        }
    }

    /// Tells the server that nothing follows (RFC 8446 6.1), if the kernel takes it at once.
    pub(super) fn say_goodbye(&mut self) {
        if let Self::Tls(sealed) = self {
            sealed.stream.get_mut().1.send_close_notify();
            // The session is over: nobody waits for what the kernel has no room for.
            let mut context = Context::from_waker(Waker::noop());
            let _ = Pin::new(&mut sealed.stream).poll_flush(&mut context);
        }
    }

    /// Makes closing the connection a reset.
    pub(super) fn reset_on_close(&self) {
        match self {
            Self::Plain(plain) => plain.reset_on_close(),
            Self::Tls(sealed) => sealed.stream.get_ref().0.reset_on_close(),
            Self::Handshake(connect) => {
                if let Some(plain) = connect.get_ref() {
                    plain.reset_on_close();
                }
            }
            Self::Lost => {}
        }
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> Sealed<C> {
    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut stream = Pin::new(&mut self.stream);
        if self.held == 0 {
            match stream.as_mut().poll_write_vectored(context, pieces) {
                Poll::Ready(Ok(count)) => self.held = count,
                other => return other,
            }
        }
        match stream.poll_flush(context) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(mem::take(&mut self.held))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Reads; an end without a `close_notify` is an end like any other, since SMTP says by itself
    /// whether something is missing.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::super::dialer::Socket;
    use super::*;

    #[tokio::test]
    async fn what_finds_no_room_is_waited_for_until_the_other_side_reads() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut reader, _) = listener.accept().await.unwrap();
        let mut transport = Transport::Plain(Socket::Tcp(stream));
        let octets = [b'x'; 4096];
        let mut written = 0;
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(count) = transport.poll_write(&mut context, &octets) {
            written += count.unwrap();
        }

        let write = poll_fn(|context| transport.poll_write(context, &octets));
        let read = async {
            let mut buffer = vec![0; 1 << 20];
            let mut count = 0;
            while count < written {
                count += reader.read(&mut buffer).await.unwrap();
            }
        };
        let (more, ()) = tokio::join!(write, read);

        assert!((1..=octets.len()).contains(&more.unwrap()));
    }
}
