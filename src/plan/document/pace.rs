//! `pace` of a client.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{OctetRate, Span};

/// A slow client: how it holds back what it sends. Its times stand in its own row only, never
/// among those of a phase or of the whole run.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Pace {
    /// The pause before each command, or before each group of commands. Default: none.
    pub before_command: Option<Span>,
    /// How fast the text of a message goes out. Default: as fast as it is taken.
    pub data: Option<OctetRate>,
    /// Whether each octet of commands and text is written by itself. Default: no.
    pub byte_by_byte: Option<bool>,
}
