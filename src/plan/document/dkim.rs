//! `[messages.NAME].dkim`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Span;

/// How mail is signed (DKIM, RFC 6376): rsa-sha256 or ed25519-sha256, as the key is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Dkim {
    /// The domain that signs, as `load.test`.
    #[schemars(required)]
    pub domain: Option<String>,
    /// The selector: the public key is a TXT record at `SELECTOR._domainkey.DOMAIN`.
    #[schemars(required)]
    pub selector: Option<String>,
    /// The file with the private key, relative to the plan's folder, or `env:NAME` for an
    /// environment variable that holds it. In PEM and not encrypted: RSA of 2048 to 4096 bits
    /// (PKCS#1 or PKCS#8), or Ed25519 (PKCS#8).
    #[schemars(required)]
    pub key: Option<String>,
    /// The header fields that are signed where a mail has them; From always is. Default: From, To,
    /// Cc, Subject, Date, Message-ID, MIME-Version, Content-Type, Content-Transfer-Encoding and
    /// Reply-To.
    pub headers: Option<Vec<String>>,
    /// The canonical forms of header and body: what may change on the way. Default:
    /// relaxed/relaxed.
    pub canonicalization: Option<DkimCanonicalization>,
    /// How long a signature holds, in whole seconds. Default: for ever.
    pub expire: Option<Span>,
}

/// The canonical forms of header and body.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DkimCanonicalization {
    /// White space, folded lines and the case of names may change.
    #[serde(rename = "relaxed/relaxed")]
    Relaxed,
    /// These may change in the header only.
    #[serde(rename = "relaxed/simple")]
    RelaxedHeader,
    /// White space may change in the body only.
    #[serde(rename = "simple/relaxed")]
    RelaxedBody,
    /// Nothing may change but empty lines at the end.
    #[serde(rename = "simple/simple")]
    Simple,
}
