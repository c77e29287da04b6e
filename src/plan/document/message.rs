//! `[messages.NAME]` and `[feeds.NAME]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Attachment, Corpus, Count, Dkim, Expect, MessageClass, OneOrMany, ShortOr, Table};
use crate::plan::ByteSize;

/// One kind of mail: composed from `subject`, `headers` and `text`, or whole from `raw` or a
/// `template`, or of a `corpus`, or a `builtin`. Its texts are templates that are rendered for each message.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Message {
    /// Another message whose keys this one begins with.
    #[serde(skip_serializing)]
    pub extends: Option<String>,
    /// The sender, as `shop@load.test` or `The Shop <shop@load.test>`; the empty text is the null
    /// sender. Its address is the envelope's, and that of From unless `headers` has another.
    /// Default: sender@load.test.
    pub from: Option<String>,
    /// The recipients, as `ada@example.test` or `Ada <ada@example.test>`: one, a list, or
    /// `{ address, count }`. The envelope has those of `to`, `cc` and `bcc`. Default:
    /// recipient@example.test, unless `cc` or `bcc` is there.
    pub to: Option<Recipients>,
    /// Recipients of a copy, who stand in Cc.
    pub cc: Option<Recipients>,
    /// Recipients of a copy whom no header field names.
    pub bcc: Option<Recipients>,
    /// The Subject.
    pub subject: Option<String>,
    /// Further header fields.
    pub headers: Option<Headers>,
    /// The plain text: the template itself, or `{ file }`.
    pub text: Option<Text>,
    /// The HTML text, an alternative to `text`: the template itself, or `{ file }`.
    pub html: Option<Text>,
    /// What is attached: files, by their paths, or tables.
    pub attachments: Option<Vec<ShortOr<String, Attachment>>>,
    /// A whole RFC 5322 message.
    pub raw: Option<String>,
    /// The file with a whole RFC 5322 message, relative to the plan's folder. It may include,
    /// import and extend others, by names relative to its own folder.
    pub template: Option<String>,
    /// Whole mails: the path of a folder with `.eml` files, of a Maildir or of an mbox, or a table.
    /// Each message takes one of them.
    pub corpus: Option<ShortOr<String, Corpus>>,
    /// A mail that scanners object to by agreement.
    pub builtin: Option<Builtin>,
    /// Which mail of the corpus a message takes, by its number. Default: sequential.
    pub order: Option<Order>,
    /// What is to hold for the mails of each class of the corpus.
    pub classes: Option<Table<MessageClass>>,
    /// The size that the message is padded up to: octets, a text such as `64KiB`,
    /// `{ min, max }`, or `{ p50, p99 }`.
    pub size: Option<Size>,
    /// What results are told apart by, besides phase and client: a name. A corpus has its
    /// `classes`; those of a `builtin` are `virus` and `spam` by default.
    pub class: Option<String>,
    /// Whether header fields tell each mail apart: `X-Mailquake-Run`, `-Seq`, `-Phase` and
    /// `-Client`. Default: true.
    pub trace: Option<bool>,
    /// The key that each mail is signed with, for which domain.
    pub dkim: Option<Dkim>,
    /// The replies that must come; they go before those of the client.
    pub expect: Option<Expect>,
}

/// A mail that scanners object to by agreement. It is put together at run time.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Builtin {
    /// The EICAR test file for virus scanners, attached as `eicar.com`; it does no harm.
    Eicar,
    /// The GTUBE line for spam filters, in the text.
    Gtube,
}

/// Recipients of a message.
pub type Recipients = ShortOr<OneOrMany<String>, To>;

/// A template that stands in the plan or in a file of its own.
pub type Text = ShortOr<String, TextFile>;

/// A template in a file of its own.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TextFile {
    /// The file with the template, relative to the plan's folder.
    #[schemars(required)]
    pub file: Option<String>,
}

impl Message {
    /// The files that it names, to change them.
    pub(crate) fn files_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let texts = [self.text.as_mut(), self.html.as_mut()].into_iter().flatten();
        let texts = texts.filter_map(|text| match text {
            ShortOr::Short(_) => None,
            ShortOr::Long(text) => text.file.as_mut(),
        });
        let attached = self.attachments.iter_mut().flatten().filter_map(|part| match part {
            ShortOr::Short(file) => Some(file),
            ShortOr::Long(part) => part.file.as_mut(),
        });
        self.template.iter_mut().chain(texts).chain(attached)
    }

    /// The files that are attached.
    pub(crate) fn attached(&self) -> impl Iterator<Item = &str> {
        self.attachments.iter().flatten().filter_map(|part| match part {
            ShortOr::Short(file) => Some(file.as_str()),
            ShortOr::Long(part) => part.file.as_deref(),
        })
    }
}

/// Header fields: templates by their names. Unlike elsewhere, names may begin with `x-`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Headers(pub Table<String>);

/// The size of a message.
pub type Size = ShortOr<ByteSize, Sizes>;

/// Recipients that are made for each message.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct To {
    /// The template of one address, rendered anew for each recipient.
    #[schemars(required)]
    pub address: Option<String>,
    /// How many: a number or `{ min, max }`. Default: 1.
    pub count: Option<Count>,
}

/// Sizes that one is drawn from: evenly from `min` to `max`, log-normal through `p50` and `p99`,
/// or as a `histogram` of measured sizes has them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// The least.
    pub min: Option<ByteSize>,
    /// The most.
    pub max: Option<ByteSize>,
    /// The median.
    pub p50: Option<ByteSize>,
    /// The 99th percentile.
    pub p99: Option<ByteSize>,
    /// How many were measured up to each size: `{ "2KiB" = 310, "64KiB" = 120, "1MiB" = 8 }`.
    /// Inside a step, from the size before it, sizes are even.
    pub histogram: Option<Table<f64>>,
}

/// Rows of data for templates: `inline`, or from a `file`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Feed {
    /// The rows.
    #[schemars(length(min = 1))]
    pub inline: Option<Vec<Row>>,
    /// A csv file whose first line names the fields, or a jsonl file with an object in each line;
    /// in UTF-8, up to 256 MiB. The values of a csv file are texts.
    #[schemars(length(min = 1))]
    pub file: Option<String>,
    /// How the file is written. Default: as its name ends, `.csv` or `.jsonl`.
    pub format: Option<FeedFormat>,
    /// In which order messages use them. Default: sequential.
    pub order: Option<Order>,
    /// What happens when messages have used each row. Default: wrap.
    pub when_exhausted: Option<WhenExhausted>,
}

/// What happens when messages have used each row of a feed. Sessions that log in with a feed go
/// round in any case.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenExhausted {
    /// They are used again.
    Wrap,
    /// Nothing starts any more from the first message on that finds no row; what has started
    /// drains, and the phases behind do not begin. Not with a random order.
    Stop,
}

/// One row of a feed: values by the names of their fields.
pub type Row = Map<String, Value>;

/// How the file of a feed is written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedFormat {
    /// Comma-separated values (RFC 4180) behind a line with the names of the fields.
    Csv,
    /// A JSON object in each line.
    Jsonl,
}

/// In which order messages use the rows of a feed or the mails of a corpus.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// One after another, and again from the first.
    Sequential,
    /// Each once before any comes again, in an order drawn from the seed.
    Shuffled,
    /// One drawn for each message.
    Random,
}
