//! A settled tree → the document: what the user wrote, typed key by key, names still names.
//!
//! These types are at once the parser, the JSON Schema and the reference: their field docs become
//! the schema's descriptions, so they speak to the writer of a plan. Nothing in them is required;
//! what a plan must have is asked for when it is lowered, so that one gap hides no other mistake.

mod attachment;
mod auth;
mod client;
mod corpus;
mod dkim;
mod dsn;
mod message;
mod pace;
mod phase;
mod process;
mod reader;
mod shape;
mod sink;
mod target;
mod threshold;
mod tls;
mod tool;
mod xclient;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

pub use attachment::Attachment;
pub use auth::{Auth, AuthMechanism, SecretText};
pub use client::{Chunking, Client, ClientKind, Ending, Expect, Pipelining, Proxy, ProxyVersion};
pub use corpus::{ClassesBy, Corpus, CorpusEnvelope, CorpusFormat, MessageClass};
pub use dkim::{Dkim, DkimCanonicalization};
pub use dsn::{Dsn, DsnCase, Ret};
pub use message::{
    Builtin, Feed, FeedFormat, Headers, Message, Order, Recipients, Row, Size, Sizes, Text,
    TextFile, To, WhenExhausted,
};
pub use pace::Pace;
pub use phase::{Arrival, Defaults, Levels, Phase, PhaseKind};
pub use process::ProcessText;
pub use shape::{CodeText, Count, Label, MinMax, Mix, OneOrMany, Percentiles, ShortOr, Table};
pub use sink::{
    Distribution, Role, Service, Sink, SinkLimits, SinkReject, SinkSteps, SinkTls, SinkTlsTable,
    Stall,
};
pub use target::{Protocol, Target, Timeouts};
pub use threshold::{Action, NoData, ThresholdEntry, ThresholdTable};
pub use tls::{Tls, TlsMode, TlsTable, TlsVerify, TlsVersion};
pub use tool::{Generator, Limits, Monitor};
pub use xclient::{Proto, Xclient};

use super::Diagnostic;
use super::de::Vocabulary;
use reader::Reader;

/// A mailquake plan: what to hit, who hits it, with which mail, when, and what must hold.
#[derive(Clone, Debug, Default, JsonSchema, PartialEq, Serialize)]
#[schemars(title = "mailquake plan")]
pub struct Document {
    /// The schema that an editor checks the file by; of no meaning to the program.
    #[serde(rename = "$schema", skip_serializing)]
    pub schema: Option<String>,
    /// The version of the plan format: 1.
    #[schemars(required, range(min = 1, max = 1))]
    pub version: Option<u64>,
    /// The plan's name; also the first part of the name of the results' folder. Default: the
    /// file's name.
    #[schemars(length(min = 1, max = 100))]
    pub name: Option<String>,
    /// What all draws come from, 0 to 9223372036854775807. Default: drawn, and recorded.
    #[schemars(range(max = 9_223_372_036_854_775_807_u64))]
    pub seed: Option<u64>,
    /// Copied into the results.
    #[serde(default)]
    pub labels: Table<Label>,
    /// Values for the whole plan, used as `${name}` in any text of it.
    #[serde(default, skip_serializing)]
    pub vars: Table<Value>,
    /// Files whose keys this one takes, and overrides: tables merge by key, phases by name, lists
    /// and weights are replaced. Paths are relative to this file; a later one wins over those
    /// before. TOML or YAML by their extension, at most 8 deep.
    #[serde(default, skip_serializing)]
    pub include: Vec<String>,
    /// Changes to the plan by name, laid over it by `--profile NAME` in the same way: each is a
    /// table with any keys of a plan.
    #[serde(default, skip_serializing)]
    pub profiles: Table<Value>,
    /// The default target.
    pub target: Option<Target>,
    /// Further targets by name; a client names its own.
    #[serde(default)]
    pub targets: Table<Target>,
    /// What every phase inherits and may override.
    pub defaults: Option<Defaults>,
    /// The kinds of senders. Default: one, named `default`.
    #[serde(default)]
    pub clients: Table<Client>,
    /// Weights over clients, by name.
    #[serde(default)]
    pub mixes: Table<Table<f64>>,
    /// What happens, one after another in file order unless `with` says otherwise.
    #[schemars(required)]
    pub phases: Vec<Phase>,
    /// The kinds of mail. Default: one of 1 KiB, named `default`.
    #[serde(default)]
    pub messages: Table<Message>,
    /// Rows of data that templates read as `feed.NAME.FIELD`.
    #[serde(default)]
    pub feeds: Table<Feed>,
    /// What must hold over all phases but warm-ups. A plan without any threshold has two:
    /// `message.errors < 1%`, and `rate.achieved >= 99%` in phases with a `rate`.
    pub thresholds: Option<Vec<ThresholdEntry>>,
    /// An embedded server.
    pub sink: Option<Sink>,
    /// What is watched while the plan runs.
    pub monitor: Option<Monitor>,
    /// When the tester itself is not fit.
    pub generator: Option<Generator>,
}

impl Document {
    /// Reads a settled tree. Mistakes are added to `errors`, and what is wrong is left out.
    pub(super) fn read(tree: &Value, errors: &mut Vec<Diagnostic>) -> Self {
        let mut reader = Reader::new(tree, errors);
        let document = Self {
            schema: reader.item("$schema"),
            version: reader.item("version"),
            name: reader.item("name"),
            seed: reader.item("seed"),
            labels: reader.item("labels").unwrap_or_default(),
            vars: reader.item("vars").unwrap_or_default(),
            include: reader.item("include").unwrap_or_default(),
            profiles: reader.item("profiles").unwrap_or_default(),
            target: reader.item("target"),
            targets: reader.table("targets"),
            defaults: reader.item("defaults"),
            clients: reader.table("clients"),
            mixes: reader.table("mixes"),
            phases: reader.list("phases"),
            messages: reader.table("messages"),
            feeds: reader.table("feeds"),
            thresholds: reader.optional_list("thresholds"),
            sink: reader.item("sink"),
            monitor: reader.item("monitor"),
            generator: reader.item("generator"),
        };
        reader.finish();
        document
    }

    /// The document as a tree without what is left out.
    pub(super) fn to_tree(&self) -> Value {
        let mut tree = serde_json::to_value(self).unwrap_or_default();
        drop_nulls(&mut tree);
        if let Value::Object(sections) = &mut tree {
            // An empty list of thresholds says that nothing needs to hold.
            sections.retain(|key, section| key == "thresholds" || !is_empty(section));
        }
        tree
    }
}

fn drop_nulls(tree: &mut Value) {
    match tree {
        Value::Object(table) => {
            table.retain(|_, value| !value.is_null());
            table.values_mut().for_each(drop_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_empty(section: &Value) -> bool {
    match section {
        Value::Object(table) => table.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// What the types above know beyond their own keys and values.
pub(super) const VOCABULARY: Vocabulary =
    Vocabulary { later_keys, keeps_private_keys: |name| name == "Headers" };

fn later_keys(table: &str) -> &'static [&'static str] {
    match table {
        "Expect" => client::LATER_STEPS,
        "Phase" => phase::LATER,
        "Sink" => sink::LATER,
        "SinkSteps" => sink::LATER_STEPS,
        _ => &[],
    }
}
