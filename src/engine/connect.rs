//! Connecting, unless it takes too long: a connection, or why there is none.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::dialer::{Dialer, is_local};
use super::handle::{Handle, Signal};
use crate::smtp::Outcome;

/// Why there is no connection.
pub(super) enum Unconnected {
    System(io::Error),
    TooLate,
}

impl Unconnected {
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

/// Connects, unless the worker says that it has taken too long.
pub(super) async fn connect<D: Dialer>(
    dialer: &D,
    address: SocketAddr,
    handle: &Handle,
) -> Result<D::Connection, Unconnected> {
    let mut connecting = pin!(dialer.connect(address));
    poll_fn(|context| {
        if let Poll::Ready(connected) = connecting.as_mut().poll(context) {
            return Poll::Ready(connected.map_err(Unconnected::System));
        }
        match handle.told() {
            Some(Signal::GiveUp) => return Poll::Ready(Err(Unconnected::TooLate)),
            Some(Signal::Leave) => handle.retiring.set(true),
            Some(Signal::Work) | None => {}
        }
        handle.listen(context.waker());
        Poll::Pending
    })
    .await
}
