//! `[sink]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Percentiles, Protocol, ShortOr, Table, TlsMode};
use crate::plan::{Rate, Share, Span};

/// Keys of the sink that this version does not build.
pub(super) const LATER: &[&str] = &["greylist"];

/// Steps of the sink that this version does not build.
pub(super) const LATER_STEPS: &[&str] = &["tls", "tls_resumed"];

/// An embedded server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Sink {
    /// The address that it listens on, such as `127.0.0.1:2525`. Default: a free loopback port.
    pub listen: Option<String>,
    /// What it is for. Default: target without `[target].address`, off with one.
    pub role: Option<Role>,
    /// What it speaks. Default: what the targets that it stands for speak.
    pub protocol: Option<Protocol>,
    /// How sessions are encrypted. Default: as the clients ask for that send to it. Such a client
    /// without a `ca` of its own checks the certificate against the sink's own.
    pub tls: Option<SinkTls>,
    /// Whether each connection must begin with a header of the PROXY protocol, version 1 or 2; one
    /// that does not is closed. Default: whether the clients that send to it send one.
    pub proxy: Option<bool>,
    /// Whether XCLIENT is offered, and believed. Default: whether the clients that send to it say
    /// it.
    pub xclient: Option<bool>,
    /// Beyond these it says 421 and closes the connection. Default: none.
    pub limits: Option<SinkLimits>,
    /// The name of a feed with the fields `user` and `password`, such as that of a client's
    /// `auth`. Then AUTH is offered, with all mechanisms, and mail is taken only from sessions that
    /// are logged in.
    pub users: Option<String>,
    /// How long answers wait, for each step: a duration or `{ p50, p99 }`.
    pub latency: Option<SinkSteps<ShortOr<Span, Percentiles<Span>>>>,
    /// Replies other than success, for each step: the reply's text and its share, such as
    /// `{ "450 4.7.1 greylisted" = "1%" }`.
    pub replies: Option<SinkSteps<Table<Share>>>,
    /// Mail that is refused for what stands in it, at its end; the first entry that applies
    /// decides, and goes before `replies`. Default: none.
    pub reject: Option<Vec<SinkReject>>,
    /// How many messages are worked on at a time. Default: all.
    #[schemars(range(min = 1))]
    pub servers: Option<u32>,
    /// How long one of the servers works on a message.
    pub service: Option<Service>,
    /// Regular stops of the whole server.
    pub stall: Option<Stall>,
}

/// How the embedded server's sessions are encrypted: a mode, or a table.
pub type SinkTls = ShortOr<TlsMode, SinkTlsTable>;

/// How the embedded server's sessions are encrypted, with a certificate of one's own.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SinkTlsTable {
    /// When the handshake is; with `starttls` it is offered, and sessions in clear are served too.
    #[schemars(required)]
    pub mode: Option<TlsMode>,
    /// A file with the server's certificate and those that lead to its root, in PEM; it needs
    /// `key`. Default: a certificate for localhost, 127.0.0.1, `::1` and sink.invalid that is made
    /// at each start.
    pub certificate: Option<String>,
    /// A file with the private key of `certificate`, in PEM.
    pub key: Option<String>,
}

impl SinkTlsTable {
    /// The files that it names, to change them.
    pub(crate) fn files_mut(&mut self) -> impl Iterator<Item = &mut String> {
        [&mut self.certificate, &mut self.key].into_iter().flatten()
    }

    /// The files that it names.
    pub(crate) fn files(&self) -> impl Iterator<Item = &String> {
        [&self.certificate, &self.key].into_iter().flatten()
    }
}

/// Mail that the embedded server refuses for what stands in it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SinkReject {
    /// Words that stand in the header or in the text, octet for octet as they are sent: before any
    /// decoding of Base64 or quoted-printable.
    #[schemars(required, length(min = 1, max = 998))]
    pub contains: Option<String>,
    /// The reply, a 4xx or 5xx code and a text, such as `550 5.7.1 spam`.
    #[schemars(required)]
    pub reply: Option<String>,
}

/// The limits of the embedded server.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SinkLimits {
    /// Connections at a time; one more is greeted with 421.
    #[schemars(range(min = 1))]
    pub connections: Option<u32>,
    /// The same for each address; with `proxy` that of the header.
    #[schemars(range(min = 1))]
    pub connections_per_address: Option<u32>,
    /// Messages on one connection; MAIL for one more is answered with 421.
    #[schemars(range(min = 1))]
    pub messages_per_connection: Option<u32>,
    /// Messages over all connections, such as `200/s`. What was not used is kept for one second;
    /// MAIL beyond it is answered with 421.
    pub rate: Option<Rate>,
}

/// What the embedded server is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It is the default target.
    Target,
    /// It stands behind the target and takes what that relays.
    NextHop,
    /// It is not started.
    Off,
}

/// Something for each step that a server answers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SinkSteps<T> {
    /// Its banner.
    pub greeting: Option<T>,
    /// EHLO and HELO.
    pub ehlo: Option<T>,
    /// STARTTLS.
    pub starttls: Option<T>,
    /// AUTH, where it would succeed.
    pub auth: Option<T>,
    /// MAIL.
    pub mail: Option<T>,
    /// Each RCPT.
    pub rcpt: Option<T>,
    /// DATA.
    pub data: Option<T>,
    /// The final dot.
    pub end_of_data: Option<T>,
    /// Each BDAT; the last one of a text is answered for the whole text, in place of the final dot.
    pub bdat: Option<T>,
    /// RSET.
    pub rset: Option<T>,
    /// QUIT.
    pub quit: Option<T>,
}

/// How long one of the sink's servers works on a message.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Service {
    /// How the times are distributed. Default: constant.
    pub dist: Option<Distribution>,
    /// The mean.
    #[schemars(required)]
    pub mean: Option<Span>,
}

/// How times are distributed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Always the same.
    Constant,
    /// Exponential.
    Exponential,
}

/// Regular stops of the whole server.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Stall {
    /// From one stop's beginning to the next.
    #[schemars(required)]
    pub every: Option<Span>,
    /// How long each is.
    #[serde(rename = "for")]
    #[schemars(required)]
    pub length: Option<Span>,
}
