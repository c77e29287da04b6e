//! A connection with what is to be written into it, piece by piece, read all the while.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::super::dialer::Connection;
use super::super::handshake::Agreed;
use super::super::transport::Transport;
use crate::smtp::Mark;

/// Octets that one read can take.
const READ_BUFFER: usize = 16 * 1024;

/// What ended a wait.
pub(super) enum Happening {
    /// A piece was given to the kernel.
    Written(Mark),
    /// These came.
    Read(Vec<u8>),
    /// The connection ended.
    Ended(Option<io::Error>),
    /// The handshake came to its end.
    Shaken(io::Result<Agreed>),
    /// The time is over.
    Overdue,
}

/// A connection and its pieces.
pub(super) struct Wire<C> {
    pub(super) transport: Transport<C>,
    pieces: VecDeque<(Vec<u8>, Mark)>,
    /// So much of the first piece is with the kernel.
    written: usize,
    failed: bool,
    buffer: Box<[u8]>,
}

impl<C: Connection> Wire<C> {
    pub(super) fn new(connection: C) -> Self {
        Self {
            transport: Transport::Plain(connection),
            pieces: VecDeque::new(),
            written: 0,
            failed: false,
            buffer: vec![0; READ_BUFFER].into_boxed_slice(),
        }
    }

    /// Writes this behind what is still to be written.
    pub(super) fn put(&mut self, octets: Vec<u8>, mark: Mark) {
        if !octets.is_empty() {
            self.pieces.push_back((octets, mark));
        }
    }

    /// Whether something is still to be written and can be.
    pub(super) fn writes(&self) -> bool {
        !self.pieces.is_empty() && !self.failed
    }

    /// Waits for the next thing that happens. Cancel safe: octets written are counted at once.
    pub(super) async fn happening(&mut self, deadline: Instant) -> Happening {
        let happening = poll_fn(|context| self.poll(context));
        tokio::time::timeout_at(deadline, happening).await.unwrap_or(Happening::Overdue)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Happening> {
        if let Poll::Ready(mark) = self.poll_out(context) {
            return Poll::Ready(Happening::Written(mark));
        }
        self.poll_in(context)
    }

    fn poll_out(&mut self, context: &mut Context<'_>) -> Poll<Mark> {
        while !self.failed
            && let Some((piece, mark)) = self.pieces.front()
        {
            let rest = piece.get(self.written..).unwrap_or_default();
            if rest.is_empty() {
                let mark = *mark;
                self.pieces.pop_front();
                self.written = 0;
                return Poll::Ready(mark);
            }
            match self.transport.poll_write(context, rest) {
                // What the server said before it closed may still be there to read.
                Poll::Ready(Ok(0) | Err(_)) => self.failed = true,
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Pending
    }

    fn poll_in(&mut self, context: &mut Context<'_>) -> Poll<Happening> {
        let mut read = ReadBuf::new(&mut self.buffer);
        let polled = match &mut self.transport {
            Transport::Plain(plain) => Pin::new(plain).poll_read(context, &mut read),
            Transport::Tls(sealed) => sealed.poll_read(context, &mut read),
            Transport::Handshake(_) | Transport::Lost => {
                let agreed = self.transport.poll_handshake(context);
                return agreed.map(|stream| Happening::Shaken(stream.map(Agreed::of)));
            }
        };
        polled.map(|result| match result {
            Ok(()) if read.filled().is_empty() => Happening::Ended(None),
            Ok(()) => Happening::Read(read.filled().to_vec()),
            Err(error) => Happening::Ended(Some(error)),
        })
    }

    /// Ends the writing half of a connection in clear and reads on.
    pub(super) async fn shut_down(&mut self) {
        if let Transport::Plain(plain) = &mut self.transport {
            let shut: io::Result<()> =
                poll_fn(|context| Pin::new(&mut *plain).poll_shutdown(context)).await;
            self.failed |= shut.is_err();
        }
    }
}
