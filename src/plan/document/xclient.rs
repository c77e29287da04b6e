//! `xclient` of a client.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whom a client's sessions stand for (XCLIENT of Postfix); what is not named is not sent.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Xclient {
    /// The host's name, `[UNAVAILABLE]` or `[TEMPUNAVAIL]`.
    pub name: Option<String>,
    /// Its address, or a range such as `198.18.0.0/15`, of which each session has the next one.
    /// Nothing is sent there.
    pub addr: Option<String>,
    /// Its port.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// The protocol that it speaks.
    pub proto: Option<Proto>,
    /// The name in its EHLO.
    pub helo: Option<String>,
    /// Its login.
    pub login: Option<String>,
}

/// The protocol that a client is said to speak.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proto {
    /// HELO and no extensions.
    Smtp,
    /// EHLO.
    Esmtp,
}
