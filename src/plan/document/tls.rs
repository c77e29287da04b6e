//! `[clients.NAME].tls`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ShortOr;

/// When the handshake is, or a table.
pub type Tls = ShortOr<TlsMode, TlsTable>;

/// When a session's TLS handshake is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// Never: the session is in clear.
    #[default]
    None,
    /// Behind STARTTLS. Where that is not offered, or refused, the session ends.
    Starttls,
    /// Before the greeting.
    Implicit,
}

/// How sessions are encrypted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsTable {
    /// When the handshake is.
    #[schemars(required)]
    pub mode: Option<TlsMode>,
    /// What the server's certificate is checked against. Default: ca.
    pub verify: Option<TlsVerify>,
    /// A file with the roots that are trusted, in PEM. Default: the system's roots.
    pub ca: Option<String>,
    /// The name that the server is asked for, and that its certificate must carry. Default: the
    /// host of the target's address.
    pub server_name: Option<String>,
    /// The oldest version that is offered. Default: 1.2.
    pub min: Option<TlsVersion>,
    /// The newest version that is offered. Default: 1.3.
    pub max: Option<TlsVersion>,
    /// A file with the client's own certificate and those that lead to its root, in PEM; it needs
    /// `key`.
    pub certificate: Option<String>,
    /// A file with the private key of `certificate`, in PEM.
    pub key: Option<String>,
    /// Whether sessions are resumed where the server lets them. Default: true.
    pub resume: Option<bool>,
}

impl TlsTable {
    /// The files that it names, with the key of each.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let all = [("ca", &self.ca), ("certificate", &self.certificate), ("key", &self.key)];
        all.into_iter().filter_map(|(key, file)| Some((key, file.as_ref()?)))
    }

    /// The same to change them.
    pub(crate) fn files_mut(&mut self) -> impl Iterator<Item = &mut String> {
        [&mut self.ca, &mut self.certificate, &mut self.key].into_iter().flatten()
    }
}

/// What a server's certificate is checked against.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsVerify {
    /// The roots of `ca`, or the system's.
    Ca,
    /// Nothing: any certificate will do.
    None,
}

/// A version of TLS: `1.2` or `1.3`, with or without quotes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl TlsVersion {
    const fn name(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }

    fn named<E: Error>(text: &str) -> Result<Self, E> {
        let known = [Self::Tls12, Self::Tls13].into_iter().find(|known| known.name() == text);
        known.ok_or_else(|| {
            E::custom(format!("`{text}` is no version of TLS that is spoken: 1.2 or 1.3"))
        })
    }
}

impl Serialize for TlsVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for TlsVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(VersionVisitor)
    }
}

struct VersionVisitor;

impl Visitor<'_> for VersionVisitor {
    type Value = TlsVersion;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of: 1.2, 1.3")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TlsVersion, E> {
        TlsVersion::named(text)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<TlsVersion, E> {
        TlsVersion::named(&number.to_string())
    }
}

impl JsonSchema for TlsVersion {
    fn schema_name() -> Cow<'static, str> {
        "TlsVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A version of TLS.",
            "oneOf": [{ "enum": ["1.2", 1.2] }, { "enum": ["1.3", 1.3] }],
        })
    }
}
