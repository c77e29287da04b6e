//! `[clients.NAME]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Auth, CodeText, Count, Dsn, Mix, OneOrMany, Pace, ShortOr, Tls, Xclient};
use crate::plan::Span;

/// Steps of `expect` that this version does not build.
pub(super) const LATER_STEPS: &[&str] = &["starttls", "tls", "tls_resumed"];

/// One kind of sender.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Client {
    /// Another client whose keys this one begins with.
    #[serde(skip_serializing)]
    pub extends: Option<String>,
    /// What it does. Default: mail.
    pub kind: Option<ClientKind>,
    /// Which malformed cases it plays: groups (`syntax`, `order`, `parameters`, `data`, `abort`) and
    /// single ids; `mailquake explain cases` lists them. Default: all.
    pub cases: Option<OneOrMany<String>>,
    /// The name of its target. Default: `[target]`.
    pub target: Option<String>,
    /// What it sends: the name of a message, or weights such as `{ receipt = 3, newsletter = 1 }`.
    /// Default: the only message.
    pub messages: Option<Mix>,
    /// After how many messages a session ends: a number or `{ min, max }`; 1 turns reuse off.
    /// Default: 10.
    pub messages_per_connection: Option<Count>,
    /// How many sessions it may have open at a time. Default: as many as it needs.
    #[schemars(range(min = 1))]
    pub max_connections: Option<u32>,
    /// How many recipients each message has, in place of the message's own count: a number or
    /// `{ min, max }`.
    pub recipients: Option<Count>,
    /// How commands are grouped. Default: auto.
    pub pipelining: Option<Pipelining>,
    /// Whether text goes by BDAT. Default: never.
    pub chunking: Option<Chunking>,
    /// Which notifications it asks for, where the server offers DSN. Default: none.
    pub dsn: Option<Dsn>,
    /// Whom its sessions stand for: they say so by XCLIENT, or fail where it is not offered.
    pub xclient: Option<Xclient>,
    /// Whether sessions are encrypted: `none`, `starttls`, `implicit`, or a table. Default: none.
    pub tls: Option<Tls>,
    /// How its sessions log in. Default: they don't.
    pub auth: Option<Auth>,
    /// The local addresses that its sessions come from, in turn: one, a range such as
    /// `127.0.1.0/24`, or a list. Default: the system's choice.
    pub source: Option<OneOrMany<String>>,
    /// Whom its connections say they stand for, in a header of the PROXY protocol: its version,
    /// or a table. Default: no header.
    pub proxy: Option<ShortOr<ProxyVersion, Proxy>>,
    /// The name in EHLO. Default: the host's name.
    pub ehlo: Option<String>,
    /// The pause between the messages of a session; of a malformed client, between the cases of
    /// one connection of a closed phase. Default: none, and 1s for a malformed client.
    pub think: Option<Span>,
    /// How a slow client holds back what it sends. Default: it sends as fast as it may.
    pub pace: Option<Pace>,
    /// How a session is ended. Default: quit.
    pub end: Option<Ending>,
    /// The replies that must come; anything else at that step is `unexpected`.
    pub expect: Option<Expect>,
}

/// What a client does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// Sends messages.
    Mail,
    /// Plays malformed cases, one for each start, each in a session of its own.
    Malformed,
}

/// How commands are grouped into one write (RFC 2920).
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pipelining {
    /// Lock-step: one command, one reply.
    Never,
    /// MAIL, RCPT and DATA in one group where the server offers it, as ordinary senders do.
    Auto,
    /// The next message's group also rides behind the text of the last: one round trip for each
    /// message, for the most load.
    Full,
    /// Groups even where they are not offered: a rude client.
    Always,
}

/// Whether text goes by BDAT (RFC 3030).
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Chunking {
    /// By DATA.
    Never,
    /// By BDAT where the server offers CHUNKING: one chunk for each message.
    Auto,
    /// By BDAT even where it is not offered: a rude client.
    Always,
}

/// The form of a PROXY protocol header.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyVersion {
    /// A line of text.
    #[default]
    V1,
    /// Binary.
    V2,
}

/// A header of the PROXY protocol before the session, with a client address of its own for each.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// The form of the header.
    #[schemars(required)]
    pub version: Option<ProxyVersion>,
    /// The ranges that the client addresses are drawn from; nothing is sent there. Default:
    /// 198.18.0.0/15, the range for benchmarks.
    pub clients: Option<OneOrMany<String>>,
}

/// How a session is ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// QUIT, and close after its reply.
    Quit,
    /// Close without a word.
    Close,
    /// Reset the connection.
    Reset,
}

/// For each step the replies that must come: a code, a class such as `4xx`, or a list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Expect {
    /// To the connection.
    pub greeting: Option<OneOrMany<CodeText>>,
    /// To EHLO.
    pub ehlo: Option<OneOrMany<CodeText>>,
    /// To AUTH, after all its rounds.
    pub auth: Option<OneOrMany<CodeText>>,
    /// To MAIL.
    pub mail: Option<OneOrMany<CodeText>>,
    /// To each RCPT.
    pub rcpt: Option<OneOrMany<CodeText>>,
    /// To DATA.
    pub data: Option<OneOrMany<CodeText>>,
    /// To the final dot.
    pub end_of_data: Option<OneOrMany<CodeText>>,
    /// To the BDAT chunk.
    pub bdat: Option<OneOrMany<CodeText>>,
}
