//! `corpus` of a message, and the `classes` of its mails.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Expect;

/// Mails that messages are taken from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Corpus {
    /// The folder, Maildir or mbox.
    #[schemars(required)]
    pub path: Option<String>,
    /// What it is. Default: auto.
    pub format: Option<CorpusFormat>,
    /// What the class of a mail is told by. Default: folder.
    pub classes: Option<ClassesBy>,
    /// Whether each message gets a Date and a Message-ID of its own, in place of those that the
    /// mail has. Default: true.
    pub rewrite: Option<bool>,
    /// Where sender and recipients come from. Default: plan.
    pub envelope: Option<CorpusEnvelope>,
}

/// How a corpus is kept.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CorpusFormat {
    /// A file is an mbox; a folder with `cur` or `new` in it, or in a sub-folder of it, is a
    /// Maildir; any other folder holds `.eml` files.
    Auto,
    /// A folder with files that end in `.eml`, in sub-folders too.
    Eml,
    /// A Maildir: what stands in `cur` and `new`, and in those of its sub-folders.
    Maildir,
    /// One file in which a line that begins with `From ` stands before each mail.
    Mbox,
}

/// What the class of a mail is told by.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassesBy {
    /// The first sub-folder that it stands in; of a Maildir's `.spam.old` that is `spam`.
    Folder,
    /// The letters that the name of its file begins with: `spam-0001.eml` is of the class `spam`.
    Prefix,
    /// Mails have no classes.
    None,
}

/// Where sender and recipients come from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CorpusEnvelope {
    /// From `from` and `to` of the message.
    Plan,
    /// From the mail: Return-Path, else Sender, else From; To, Cc and Bcc. A mail that names
    /// nobody there goes from or to whom the plan says.
    Mail,
}

/// A class of the mails of a corpus.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct MessageClass {
    /// The replies that must come; they go before those of the message and the client.
    pub expect: Option<Expect>,
}
