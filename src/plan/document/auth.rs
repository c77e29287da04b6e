//! `auth` of a client.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

use crate::plan::Share;

/// How a client's sessions log in: as one `user` with its `password`, or in turn as the `users` of
/// a feed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Auth {
    /// How a session proves who it is. A server that does not offer it gets no mail.
    #[schemars(required)]
    pub mechanism: Option<AuthMechanism>,
    /// The user.
    pub user: Option<String>,
    /// Its password, or its bearer token.
    pub password: Option<SecretText>,
    /// The name of a feed with the fields `user` and `password`; sessions take its rows in turn.
    pub users: Option<String>,
    /// The share of sessions that try a wrong password on purpose. Where it is refused with 535,
    /// the message that the session was opened for is `expected`; where it is let in, `unexpected`.
    /// Default: 0.
    pub failure_rate: Option<Share>,
}

/// A mechanism of AUTH.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum AuthMechanism {
    /// User and password at once (RFC 4616).
    #[serde(rename = "plain")]
    Plain,
    /// User and password one after the other.
    #[serde(rename = "login")]
    Login,
    /// A keyed digest of a challenge (RFC 2195).
    #[serde(rename = "cram-md5")]
    CramMd5,
    /// Salted challenge and response (RFC 7677).
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// A bearer token, as Google and Microsoft take it.
    #[serde(rename = "xoauth2")]
    Xoauth2,
    /// A bearer token (RFC 7628).
    #[serde(rename = "oauthbearer")]
    Oauthbearer,
}

/// A password, or where one is found.
#[derive(Clone, Eq, PartialEq, Serialize)]
pub struct SecretText(pub String);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretTextVisitor)
    }
}

struct SecretTextVisitor;

impl Visitor<'_> for SecretTextVisitor {
    type Value = SecretText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`env:NAME`, `file:PATH` or a password")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SecretText, E> {
        Ok(SecretText(text.to_owned()))
    }

    /// A variable of the command line is a number where it looks like one.
    fn visit_u64<E: Error>(self, number: u64) -> Result<SecretText, E> {
        Ok(SecretText(number.to_string()))
    }
}

impl JsonSchema for SecretText {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`env:NAME`: what that environment variable holds. `file:PATH`: what \
                that file holds, without the line's end. Else the password itself, which in the \
                results is replaced by a reference.",
            "type": ["string", "integer"],
        })
    }
}
