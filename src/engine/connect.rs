//! Connecting, unless it takes too long: a connection, or why there is none.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::dialer::{Dialer, Route, is_local};
use super::handle::{Handle, Signal};
use crate::smtp::Outcome;

/// Why there is no connection.
pub(super) enum Unconnected {
    System(io::Error),
    TooLate,
}

impl Unconnected {
    /// Whether it was given up for its length.
    pub(super) const fn is_too_late(&self) -> bool {
        matches!(self, Self::TooLate)
    }

    /// Whether it was the server that would not have it.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::System(error) => matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe
            ),
            Self::TooLate => false,
        }
    }

    /// What it means for the start, and the words for it.
    pub(super) fn outcome(&self, took: Duration) -> (Outcome, String) {
        match self {
            Self::System(error) if is_local(error) => (Outcome::Local, error.to_string()),
            Self::System(error) => (Outcome::Unconnected, error.to_string()),
            Self::TooLate => {
                let text = format!("no connection within {:.1} s", took.as_secs_f64());
                (Outcome::TimedOut, text)
            }
        }
    }
}

/// Connects and sends what stands before the session: the kernel takes it at once.
async fn dial<D: Dialer>(dialer: &D, route: &Route) -> io::Result<D::Connection> {
    let mut connection = dialer.connect(route).await?;
    if !route.preamble.is_empty() {
        connection.write_all(&route.preamble).await?;
    }
    Ok(connection)
}

/// Connects, unless the worker says that it has taken too long.
pub(super) async fn connect<D: Dialer>(
    dialer: &D,
    route: &Route,
    handle: &Handle,
) -> Result<D::Connection, Unconnected> {
    let mut connecting = pin!(dial(dialer, route));
    poll_fn(|context| {
        if let Poll::Ready(connected) = connecting.as_mut().poll(context) {
            return Poll::Ready(connected.map_err(Unconnected::System));
        }
        while let Some(signal) = handle.told() {
            match signal {
                Signal::Deadline if handle.is_overdue(Instant::now()) => {
                    return Poll::Ready(Err(Unconnected::TooLate));
                }
                Signal::Cut(phase) if phase == handle.phase.get() => {
                    return Poll::Ready(Err(Unconnected::TooLate));
                }
                Signal::Leave => handle.retiring.set(true),
                Signal::Deadline | Signal::Cut(_) | Signal::Work => {}
            }
        }
        handle.listen(context.waker());
        Poll::Pending
    })
    .await
}
