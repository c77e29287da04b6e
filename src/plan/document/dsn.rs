//! `dsn` of a client.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OneOrMany;

/// Which delivery status notifications a client asks for (RFC 3461).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Dsn {
    /// When a notification is wanted: `never`, or a list of the other cases. Default: not said.
    pub notify: Option<OneOrMany<DsnCase>>,
    /// How much of the message comes back with a failure. Default: not said.
    pub ret: Option<Ret>,
    /// Whether each message's envelope gets an identity of its own. Default: false.
    pub envid: Option<bool>,
    /// Whether each recipient's address is given as the original one too. Default: false.
    pub orcpt: Option<bool>,
}

/// When a notification is wanted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DsnCase {
    /// Not at all; it stands alone.
    Never,
    /// The message was delivered.
    Success,
    /// It could not be delivered.
    Failure,
    /// It was not delivered for a while.
    Delay,
}

/// How much of the message comes back.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ret {
    /// All of it.
    Full,
    /// Its header.
    Hdrs,
}
