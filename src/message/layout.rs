//! A recipe → the pieces of its messages: what is the same in all of them, and what changes.

use super::check::check_header_name;
use super::corpus::Corpus;
use super::mime::{self, Coding};
use super::template::{Snippet, Template, TemplateError, Templates};
use super::wire::Wire;
use super::{CountRange, Form, Recipe, Recipients, SizeSpec};

/// Each template of a message has a site, from which its draws come.
pub(crate) mod site {
    /// The envelope's sender.
    pub(crate) const FROM: u64 = 1;
    /// The subject.
    pub(crate) const SUBJECT: u64 = 2;
    /// The text, or the whole raw message.
    pub(crate) const TEXT: u64 = 3;
    /// The first header of the plan; the others follow it.
    pub(crate) const FIRST_HEADER: u64 = 16;
    /// The first recipient; the others follow it.
    pub(crate) const FIRST_RECIPIENT: u64 = 1 << 32;
}

/// A recipe with its templates compiled.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The name in the plan.
    pub(crate) name: String,
    /// The envelope's sender.
    pub(crate) from: Snippet,
    /// The recipients, used in turn; at least one.
    pub(crate) to: Vec<Snippet>,
    /// How many recipients a message has.
    pub(crate) count: CountRange,
    /// The message, in order.
    pub(crate) pieces: Vec<Piece>,
    /// The size to pad it up to.
    pub(crate) size: Option<SizeSpec>,
    /// Whether a template uses `session` or `user`.
    pub(crate) needs_session: bool,
    /// About how large a message is; none where a sample can't be composed.
    pub(crate) mean_octets: Option<u64>,
    /// The mails that messages are taken from, once they are opened.
    pub(crate) corpus: Option<Corpus>,
}

/// A part of a message.
#[derive(Debug)]
pub(crate) enum Piece {
    /// The field Date.
    Date,
    /// The field Message-ID.
    MessageId,
    /// The field From.
    From,
    /// The field To.
    To,
    /// The same in each message.
    Fixed(Wire),
    /// A header field whose value changes.
    Field { name: String, value: Snippet, site: u64 },
    /// The encoding, the blank line and a text that changes.
    Body { text: Snippet, coding: Coding },
    /// A whole message that changes.
    Raw(Snippet),
    /// A mail of a corpus.
    Letter,
}

impl Prepared {
    /// Compiles a recipe.
    pub(crate) fn new(recipe: &Recipe, templates: &mut Templates) -> Result<Self, TemplateError> {
        let from = templates.add(&recipe.from)?;
        let (to, count) = recipients(&recipe.to, templates)?;
        let pieces = match &recipe.form {
            Form::Composed { subject, headers, text } => {
                let coding =
                    if recipe.size.is_some() { Coding::Paddable } else { Coding::Shortest };
                composed(subject, headers, (text, coding), templates)?
            }
            Form::Raw { text } => raw(text, templates)?,
            Form::Corpus(_) => vec![Piece::Letter],
        };
        let late = |snippet: &Snippet| {
            let names = templates.names(snippet);
            names.iter().any(|name| matches!(root(name), "session" | "user"))
        };
        let needs_session = late(&from)
            || to.iter().any(late)
            || pieces.iter().filter_map(Piece::snippet).any(late);
        Ok(Self {
            name: recipe.name.clone(),
            from,
            to,
            count,
            pieces,
            size: recipe.size,
            needs_session,
            mean_octets: None,
            corpus: None,
        })
    }
}

fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn recipients(
    recipients: &Recipients,
    templates: &mut Templates,
) -> Result<(Vec<Snippet>, CountRange), TemplateError> {
    match recipients {
        Recipients::Each(addresses) => {
            let count = CountRange::exactly(u32::try_from(addresses.len()).unwrap_or(u32::MAX));
            let to: Result<Vec<Snippet>, TemplateError> =
                addresses.iter().map(|address| templates.add(address)).collect();
            if addresses.is_empty() {
                return Err(TemplateError::whole("a message needs a recipient"));
            }
            Ok((to?, count))
        }
        Recipients::Repeated { address, count } => Ok((vec![templates.add(address)?], *count)),
    }
}

fn raw(text: &Template, templates: &mut Templates) -> Result<Vec<Piece>, TemplateError> {
    let snippet = templates.add_template(text)?;
    let Some(text) = snippet.plain() else { return Ok(vec![Piece::Raw(snippet)]) };
    let mut wire = Wire::default();
    wire.put_lines(text.as_bytes());
    wire.note_body();
    Ok(vec![Piece::Fixed(wire)])
}

/// The pieces of a message made from parts; a header of the plan takes the place of the
/// generated one of the same name.
fn composed(
    subject: &str,
    headers: &[(String, String)],
    (text, coding): (&Template, Coding),
    templates: &mut Templates,
) -> Result<Vec<Piece>, TemplateError> {
    let given = |name: &str| headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name));
    let mut pieces = Pieces::default();
    let generated = [
        ("Date", Piece::Date),
        ("Message-ID", Piece::MessageId),
        ("From", Piece::From),
        ("To", Piece::To),
    ];
    pieces.pieces.extend(generated.into_iter().filter(|(name, _)| !given(name)).map(|(_, p)| p));
    if !given("Subject") {
        pieces.field("Subject", templates.add(subject)?, site::SUBJECT)?;
    }
    for ((name, value), site) in headers.iter().zip(site::FIRST_HEADER..) {
        check_header_name(name)?;
        pieces.field(name, templates.add(value)?, site)?;
    }
    for (name, value) in [("MIME-Version", "1.0"), ("Content-Type", "text/plain; charset=utf-8")] {
        if !given(name) {
            mime::put_field(name, value, &mut pieces.fixed);
        }
    }
    let coding = if given("Content-Transfer-Encoding") { Coding::AsWritten } else { coding };
    pieces.body(templates.add_template(text)?, coding);
    pieces.close();
    Ok(pieces.pieces)
}

/// Pieces while they are put together; what is fixed and adjacent becomes one.
#[derive(Default)]
struct Pieces {
    pieces: Vec<Piece>,
    /// Fixed octets behind the last piece.
    fixed: Wire,
}

impl Pieces {
    fn push(&mut self, piece: Piece) {
        self.close();
        self.pieces.push(piece);
    }

    fn close(&mut self) {
        if self.fixed.size() > 0 {
            self.fixed.note_body();
            self.pieces.push(Piece::Fixed(std::mem::take(&mut self.fixed)));
        }
    }

    fn field(&mut self, name: &str, value: Snippet, site: u64) -> Result<(), TemplateError> {
        match value.plain() {
            Some(text) if text.contains(['\r', '\n']) => {
                return Err(TemplateError::whole(format!("a line break in the header `{name}`")));
            }
            Some(text) => mime::put_field(name, text, &mut self.fixed),
            None => self.push(Piece::Field { name: name.to_owned(), value, site }),
        }
        Ok(())
    }

    fn body(&mut self, text: Snippet, coding: Coding) {
        match text.plain() {
            Some(plain) => mime::put_body(plain, coding, &mut self.fixed),
            None => self.push(Piece::Body { text, coding }),
        }
    }
}

impl Piece {
    fn snippet(&self) -> Option<&Snippet> {
        match self {
            Self::Field { value: snippet, .. }
            | Self::Body { text: snippet, .. }
            | Self::Raw(snippet) => Some(snippet),
            Self::Date
            | Self::MessageId
            | Self::From
            | Self::To
            | Self::Fixed(_)
            | Self::Letter => None,
        }
    }
}
