//! Templates, feeds and MIME → the octets of one mail.

mod attachment;
mod builtin;
mod cast;
mod check;
mod chunk;
mod composer;
mod corpus;
mod dkim;
mod entity;
mod fake;
mod feed_file;
mod layout;
mod library;
mod links;
mod mailbox;
mod mime;
mod order;
mod recipe;
mod rows;
mod scene;
mod size;
mod table;
mod template;
mod turns;
mod wire;
mod words;

pub use attachment::{Attachment, Content, is_media_type, media_type_of};
pub use builtin::Builtin;
pub use check::{
    Supplies, check_header_name, check_header_template, check_recipient_template,
    check_sender_template, check_template, needs_login,
};
pub use composer::{Composer, ComposerError};
pub use corpus::{
    ClassesBy, CorpusClass, CorpusEnvelope, CorpusError, CorpusFormat, CorpusSpec, CorpusSurvey,
    survey_corpus,
};
pub use dkim::{Canonicalization, Dkim, KeyError, SigningKey, USUAL_FIELDS, is_domain};
pub use feed_file::{FeedFormat, FeedMistake, FeedMistakeKind, read_feed};
pub use library::{Library, Reader, TemplateFile};
pub use order::{AddressError, ComposeError, Mail, Numbering, Order, RunIdentity};
pub use recipe::{
    ClassId, CountRange, FeedOrder, FeedSpec, Form, Parts, Recipe, Recipients, SizeSpec, Trace,
    WhenExhausted,
};
pub use table::{Fields, Table};
pub use template::{Template, TemplateError};
pub use turns::Turns;
