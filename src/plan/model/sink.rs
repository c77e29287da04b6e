//! What the embedded server refuses beyond its behaviour: its limits.

use std::time::Duration;

/// Beyond these the embedded server says 421; none is no limit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SinkLimits {
    /// Of connections at a time.
    pub connections: Option<u32>,
    /// Of those from one address.
    pub connections_per_address: Option<u32>,
    /// Of messages on one connection.
    pub messages_per_connection: Option<u32>,
    /// The time that a message takes of the rate: of 100 messages in a second each takes 10 ms.
    pub interval: Option<Duration>,
}
