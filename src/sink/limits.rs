//! `[sink].limits` → who is let in, and which message may begin.
//!
//! Connections are counted from when they are accepted until their session is dropped. The rate is
//! a bucket that holds what is due in one second: it is full at the start, fills evenly, and each
//! message takes one out. So over any time `t` at most `rate * (t + 1 s)` messages begin, and the
//! decisions depend on nothing but the times at which MAIL was read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::plan::SinkLimits;

/// What the rate's bucket holds.
const BUCKET: Duration = Duration::from_secs(1);

/// A limit that was reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Limit {
    /// Of all connections.
    Connections,
    /// Of those from one address.
    ConnectionsPerAddress,
    /// Of the messages of one connection.
    MessagesPerConnection,
    /// Of messages for each second.
    Rate,
}

impl Limit {
    /// What a client beyond it is told before the connection is closed.
    pub(super) const fn reply(self) -> &'static [u8] {
        match self {
            Self::Connections => b"421 4.3.2 too many connections\r\n",
            Self::ConnectionsPerAddress => b"421 4.7.0 too many connections from your address\r\n",
            Self::MessagesPerConnection => b"421 4.7.0 too many messages on this connection\r\n",
            Self::Rate => b"421 4.7.0 too many messages, come back later\r\n",
        }
    }
}

/// The limits of one server and what is used of them.
#[derive(Debug)]
pub(super) struct Limits {
    plan: SinkLimits,
    crowd: Rc<RefCell<Crowd>>,
    /// When the rate's bucket was, or will be, empty of what has been taken out.
    spent: Duration,
}

/// Who is connected.
#[derive(Debug, Default)]
struct Crowd {
    all: u32,
    by_address: HashMap<IpAddr, u32>,
}

/// A connection that was let in; dropping it leaves its place to another.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Rc<RefCell<Crowd>>,
    address: Option<IpAddr>,
}

impl Limits {
    /// The limits of a plan; none where it has none.
    pub(super) fn of(plan: SinkLimits) -> Option<Self> {
        let none = plan == SinkLimits::default();
        (!none).then(|| Self { plan, crowd: Rc::default(), spent: Duration::ZERO })
    }

    /// Whether a decision depends on the time.
    pub(super) const fn is_timed(&self) -> bool {
        self.plan.interval.is_some()
    }

    /// Lets a connection in; those without an address are counted among all alone.
    pub(super) fn enter(&self, address: Option<IpAddr>) -> Result<Place, Limit> {
        let mut crowd = self.crowd.borrow_mut();
        let theirs = address.and_then(|address| crowd.by_address.get(&address)).copied();
        if self.plan.connections.is_some_and(|limit| crowd.all >= limit) {
            return Err(Limit::Connections);
        }
        let limit = self.plan.connections_per_address.filter(|_| address.is_some());
        if limit.is_some_and(|limit| theirs.unwrap_or(0) >= limit) {
            return Err(Limit::ConnectionsPerAddress);
        }
        crowd.all += 1;
        if let Some(address) = address {
            *crowd.by_address.entry(address).or_default() += 1;
        }
        Ok(Place { crowd: Rc::clone(&self.crowd), address })
    }

    /// Lets a message begin that has so many before it on its connection.
    pub(super) fn begin(&mut self, before: u32, now: Duration) -> Result<(), Limit> {
        if self.plan.messages_per_connection.is_some_and(|limit| before >= limit) {
            return Err(Limit::MessagesPerConnection);
        }
        let Some(interval) = self.plan.interval else { return Ok(()) };
        // The generic cell rate algorithm; an interval above the bucket still lets one through.
        let spent = self.spent.max(now);
        if spent.saturating_add(interval) > now.saturating_add(BUCKET.max(interval)) {
            return Err(Limit::Rate);
        }
        self.spent = spent.saturating_add(interval);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut crowd = self.crowd.borrow_mut();
        crowd.all = crowd.all.saturating_sub(1);
        let Some(address) = self.address else { return };
        if let Some(theirs) = crowd.by_address.get_mut(&address) {
            *theirs = theirs.saturating_sub(1);
            if *theirs == 0 {
                crowd.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn limits(plan: SinkLimits) -> Limits {
        Limits::of(plan).unwrap()
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    #[test]
    fn a_place_that_is_left_is_free_for_the_next() {
        let limits = limits(SinkLimits { connections: Some(2), ..SinkLimits::default() });
        let first = limits.enter(Some(address(1))).unwrap();
        let _second = limits.enter(None).unwrap();

        assert_eq!(limits.enter(Some(address(3))).unwrap_err(), Limit::Connections);
        drop(first);
        assert!(limits.enter(Some(address(3))).is_ok());
    }

    #[test]
    fn each_address_has_places_of_its_own_and_none_stays_behind() {
        let plan = SinkLimits { connections_per_address: Some(1), ..SinkLimits::default() };
        let limits = limits(plan);
        let first = limits.enter(Some(address(1))).unwrap();

        assert_eq!(limits.enter(Some(address(1))).unwrap_err(), Limit::ConnectionsPerAddress);
        assert!(limits.enter(Some(address(2))).is_ok());
        drop(first);
        assert!(limits.crowd.borrow().by_address.is_empty());
        assert!(limits.enter(Some(address(1))).is_ok());
    }

    #[test]
    fn a_connection_has_so_many_messages() {
        let plan = SinkLimits { messages_per_connection: Some(2), ..SinkLimits::default() };
        let mut limits = limits(plan);

        let begun = [0, 1, 2].map(|before| limits.begin(before, Duration::ZERO));

        assert_eq!(begun, [Ok(()), Ok(()), Err(Limit::MessagesPerConnection)]);
    }

    /// How many of the messages that come at these times, in milliseconds, begin.
    fn begun(interval: Duration, times: impl Iterator<Item = u32>) -> usize {
        let plan = SinkLimits { interval: Some(interval), ..SinkLimits::default() };
        let mut limits = limits(plan);
        times.filter(|time| limits.begin(0, *time * MS).is_ok()).count()
    }

    #[test]
    fn the_rate_is_exact_whatever_comes() {
        let tenth = 100 * MS;
        for (shown, times, expected) in [
            ("all at once", vec![0; 50], 10),
            ("just the rate", (0..50).map(|n| n * 100).collect(), 50),
            ("twice the rate for ten seconds", (0..200).map(|n| n * 50).collect(), 109),
            ("a full bucket after a rest", [vec![0; 50], vec![5000; 50]].concat(), 20),
            ("half a second later", [vec![0; 50], vec![500; 50]].concat(), 15),
        ] {
            assert_eq!(begun(tenth, times.into_iter()), expected, "{shown}");
        }
    }

    #[test]
    fn a_rate_below_one_in_a_second_lets_one_through_at_a_time() {
        let interval = 20_000 * MS;

        assert_eq!(begun(interval, [0, 19_999, 20_000, 20_001, 40_000].into_iter()), 3);
    }
}
