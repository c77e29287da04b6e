//! What the embedded server refuses beyond its behaviour: its limits, and the
//! contents that it objects to.

use std::time::Duration;

use super::SinkReply;

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

/// Words that a text is refused for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SinkReject {
    /// What stands in the header or in the text, octet for octet as it is sent.
    pub contains: String,
    /// The reply to the end of such a text.
    pub reply: SinkReply,
}
