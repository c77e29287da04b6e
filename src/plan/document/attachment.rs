//! What goes along with a message, as the plan says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::ByteSize;

/// Something that is attached: a file, or made-up octets of a `size`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The file, relative to the plan's folder.
    pub file: Option<String>,
    /// So many made-up octets, the same in each message, in place of a file.
    pub size: Option<ByteSize>,
    /// The media type, as `application/pdf`. Default: what the ending of the name suggests.
    #[serde(rename = "type")]
    pub media_type: Option<String>,
    /// The name that the receiver sees. Default: that of the file.
    pub name: Option<String>,
    /// An image that is shown in `html`, which names it as `cid:` and this text.
    pub inline: Option<String>,
}
