//! `[target]` and `[targets.NAME]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OneOrMany;
use crate::plan::Span;

/// A server under test.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Target {
    /// Another target whose keys this one begins with.
    #[serde(skip_serializing)]
    pub extends: Option<String>,
    /// Where it is: `host:port`, `[::1]:port`, `unix:/path`, or a list of them. Default in `[target]`: the
    /// embedded sink.
    pub address: Option<OneOrMany<String>>,
    /// Sends sessions evenly to all addresses that the name resolves to, instead of to the first
    /// that accepts. A list is always spread.
    pub spread: Option<bool>,
    /// What it speaks. Default: smtp.
    pub protocol: Option<Protocol>,
    /// Ranges beyond loopback that this plan may load, such as `10.20.0.0/16`.
    pub allow: Option<Vec<String>>,
    /// How long to wait for it.
    pub timeouts: Option<Timeouts>,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// SMTP (RFC 5321).
    Smtp,
    /// LMTP (RFC 2033): LHLO, and a reply for each recipient.
    Lmtp,
}

/// How long a session waits for its server.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Timeouts {
    /// For the connection. Default: 5s.
    pub connect: Option<Span>,
    /// For each reply. Default: 30s.
    pub reply: Option<Span>,
    /// For the reply to the final dot. Default: 2m.
    pub end_of_data: Option<Span>,
}
