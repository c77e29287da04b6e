//! A recipe → the pieces of its messages: what is the same in all of them, and what changes.

use std::collections::BTreeSet;

use super::check::check_header_name;
use super::corpus::Corpus;
use super::dkim::Signer;
use super::entity::{Entity, Writer};
use super::mime::{self, Coding};
use super::template::{Snippet, TemplateError, Templates};
use super::wire::Wire;
use super::{CountRange, Form, Parts, Recipe, Recipients, SizeSpec, Trace};
use crate::draw::Draw;
use crate::smtp::BodyType;

/// Each template of a message has a site, from which its draws come.
pub(crate) mod site {
    /// The envelope's sender.
    pub(crate) const FROM: u64 = 1;
    /// The subject.
    pub(crate) const SUBJECT: u64 = 2;
    /// The text, or the whole raw message.
    pub(crate) const TEXT: u64 = 3;
    /// The HTML text.
    pub(crate) const HTML: u64 = 4;
    /// The first header of the plan; the others follow it.
    pub(crate) const FIRST_HEADER: u64 = 16;
}

/// A recipe with its templates compiled.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The name in the plan.
    pub(crate) name: String,
    /// The sender.
    pub(crate) from: Snippet,
    /// The recipients: those of To, Cc and Bcc.
    pub(crate) groups: Vec<Group>,
    /// The message, in order.
    pub(crate) pieces: Vec<Piece>,
    /// The size to pad it up to.
    pub(crate) size: Option<SizeSpec>,
    /// What it is padded with.
    pub(crate) filler: Filler,
    /// Whether a template uses `session` or `user`.
    pub(crate) needs_session: bool,
    /// All names that its templates use, with their attributes.
    pub(crate) names: BTreeSet<String>,
    /// The feeds that it reads and that stop.
    pub(crate) stopping: Vec<usize>,
    /// Whether all its messages are the same but for fields of a fixed width.
    pub(crate) is_constant: bool,
    /// About how large a message is; none where a sample can't be composed.
    pub(crate) mean_octets: Option<u64>,
    /// The mails that messages are taken from, once they are opened.
    pub(crate) corpus: Option<Corpus>,
    /// What signs the messages.
    pub(crate) signer: Option<Signer>,
}

/// What a message is padded with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Filler {
    /// Lines of text.
    Lines,
    /// That depends on the encoding that its header names.
    ByEncoding,
}

/// Recipients of one header field.
#[derive(Debug)]
pub(crate) struct Group {
    /// Which field.
    pub(crate) field: Field,
    /// Mailboxes, used in turn; at least one.
    pub(crate) templates: Vec<Snippet>,
    /// How many recipients there are.
    pub(crate) count: CountRange,
}

/// A header field of recipients.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Field {
    /// Those whom it is for.
    To,
    /// Those whom a copy is for.
    Cc,
    /// Those of whom no field tells.
    Bcc,
}

impl Field {
    /// The name of the field.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::To => "To",
            Self::Cc => "Cc",
            Self::Bcc => "Bcc",
        }
    }

    /// The site of the first recipient's template.
    pub(crate) const fn first_site(self) -> u64 {
        match self {
            Self::To => 1 << 32,
            Self::Cc => 2 << 32,
            Self::Bcc => 3 << 32,
        }
    }
}

/// A part of a message.
#[derive(Debug)]
pub(crate) enum Piece {
    /// The fields that tell the mail apart.
    Trace,
    /// The field Date.
    Date,
    /// The field Message-ID.
    MessageId,
    /// The field From.
    From,
    /// The field To or Cc.
    Recipients(Field),
    /// The same in each message.
    Fixed(Wire),
    /// The same in each message for servers that take 8 bits, and for others.
    Either { seven: Wire, eight: Wire },
    /// A header field whose value changes.
    Field { name: String, value: Snippet, site: u64 },
    /// The encoding, the blank line and a text that changes.
    Body { text: Snippet, coding: Coding, site: u64 },
    /// The place of what fills the message up to its size.
    Filler,
    /// A whole message that changes.
    Raw(Snippet),
    /// A mail of a corpus.
    Letter,
}

impl Prepared {
    /// Compiles a recipe; `draw` is that of made-up attachments.
    pub(crate) fn new(
        recipe: &Recipe,
        templates: &mut Templates,
        draw: Draw,
    ) -> Result<Self, TemplateError> {
        let from = templates.add(&recipe.from)?;
        let groups = groups(recipe, templates)?;
        let mut pieces = Pieces::default();
        if recipe.trace == Trace::Shown {
            pieces.push(Piece::Trace);
        }
        let filler = match &recipe.form {
            Form::Composed(parts) => {
                pieces.composed(parts, recipe, (templates, draw))?;
                let given = |name: &str| is_given(&parts.headers, name);
                if given("Content-Transfer-Encoding") { Filler::ByEncoding } else { Filler::Lines }
            }
            Form::Raw { text } => {
                pieces.raw(templates.add_template(text)?);
                Filler::ByEncoding
            }
            Form::Corpus(_) => {
                pieces.push(Piece::Letter);
                Filler::ByEncoding
            }
        };
        pieces.close();
        let pieces = pieces.pieces;
        let mut addresses =
            groups.iter().flat_map(|group| &group.templates).chain(std::iter::once(&from));
        let snippets = addresses.clone().chain(pieces.iter().filter_map(Piece::snippet));
        let names: BTreeSet<String> =
            snippets.flat_map(|snippet| templates.names(snippet)).collect();
        let needs_session = names.iter().any(|name| matches!(root(name), "session" | "user"));
        // A signature differs with the time and the number.
        let is_constant = recipe.dkim.is_none()
            && addresses.all(|template| template.plain().is_some())
            && groups.iter().all(|group| group.count.min == group.count.max)
            && recipe.size.as_ref().is_none_or(|size| matches!(size, SizeSpec::Fixed(_)))
            && pieces.iter().all(Piece::is_constant);
        Ok(Self {
            name: recipe.name.clone(),
            from,
            groups,
            pieces,
            size: recipe.size.clone(),
            filler,
            needs_session,
            names,
            stopping: Vec::new(),
            is_constant,
            mean_octets: None,
            corpus: None,
            signer: recipe.dkim.as_ref().map(Signer::new),
        })
    }
}

fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn is_given(headers: &[(String, String)], name: &str) -> bool {
    headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name))
}

fn groups(recipe: &Recipe, templates: &mut Templates) -> Result<Vec<Group>, TemplateError> {
    let named = [
        (Field::To, Some(&recipe.to)),
        (Field::Cc, recipe.cc.as_ref()),
        (Field::Bcc, recipe.bcc.as_ref()),
    ];
    let mut groups = Vec::new();
    for (field, recipients) in named {
        let (addresses, count) = match recipients {
            None => continue,
            Some(Recipients::Each(addresses)) => {
                let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
                (addresses.as_slice(), CountRange::exactly(count))
            }
            Some(Recipients::Repeated { address, count }) => {
                (std::slice::from_ref(address), *count)
            }
        };
        let compiled: Result<Vec<Snippet>, TemplateError> =
            addresses.iter().map(|address| templates.add(address)).collect();
        if !addresses.is_empty() {
            groups.push(Group { field, templates: compiled?, count });
        }
    }
    if groups.is_empty() {
        return Err(TemplateError::whole("a message needs a recipient"));
    }
    Ok(groups)
}

/// Pieces while they are put together; what is fixed and adjacent becomes one.
#[derive(Default)]
pub(super) struct Pieces {
    pieces: Vec<Piece>,
    /// Fixed octets behind the last piece.
    pub(super) fixed: Wire,
}

impl Pieces {
    pub(super) fn push(&mut self, piece: Piece) {
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

    fn raw(&mut self, text: Snippet) {
        match text.plain() {
            Some(plain) => self.fixed.put_lines(mime::from_first_field(plain).as_bytes()),
            None => self.push(Piece::Raw(text)),
        }
    }

    /// A message made from parts; a header of the plan takes the place of the generated one of
    /// the same name.
    fn composed(
        &mut self,
        parts: &Parts,
        recipe: &Recipe,
        (templates, draw): (&mut Templates, Draw),
    ) -> Result<(), TemplateError> {
        let given = |name: &str| is_given(&parts.headers, name);
        let has_cc = recipe.cc.is_some();
        let has_to = !matches!(&recipe.to, Recipients::Each(to) if to.is_empty());
        let generated = [
            ("Date", Piece::Date, true),
            ("Message-ID", Piece::MessageId, true),
            ("From", Piece::From, true),
            ("To", Piece::Recipients(Field::To), has_to),
            ("Cc", Piece::Recipients(Field::Cc), has_cc),
        ];
        let generated =
            generated.into_iter().filter(|(name, _, is_there)| *is_there && !given(name));
        self.pieces.extend(generated.map(|(_, piece, _)| piece));
        if !has_to && !has_cc && !given("To") {
            mime::put_nobody(&mut self.fixed);
        }
        if !given("Subject") {
            self.field("Subject", templates.add(&parts.subject)?, site::SUBJECT)?;
        }
        for ((name, value), site) in parts.headers.iter().zip(site::FIRST_HEADER..) {
            check_header_name(name)?;
            self.field(name, templates.add(value)?, site)?;
        }
        if !given("MIME-Version") {
            mime::put_field("MIME-Version", "1.0", &mut self.fixed);
        }
        let coding = match &recipe.size {
            _ if given("Content-Transfer-Encoding") => Coding::AsWritten,
            Some(_) => Coding::Paddable,
            None => Coding::Shortest,
        };
        let tree = Entity::of(parts, templates)?;
        let mut writer = Writer {
            pieces: self,
            coding,
            draw,
            has_type: given("Content-Type"),
            filler: recipe.size.is_some(),
            boundaries: 0,
        };
        writer.put(tree);
        Ok(())
    }

    /// A text with its encoding.
    pub(super) fn body(&mut self, text: Snippet, coding: Coding, site: u64) {
        let Some(plain) = text.plain() else {
            return self.push(Piece::Body { text, coding, site });
        };
        if !mime::differs_by_body_type(plain, coding) {
            return mime::put_body(plain, coding, BodyType::SevenBit, &mut self.fixed);
        }
        let [seven, eight] = [BodyType::SevenBit, BodyType::EightBitMime].map(|body| {
            let mut wire = Wire::default();
            mime::put_body(plain, coding, body, &mut wire);
            wire.note_body();
            wire
        });
        self.push(Piece::Either { seven, eight });
    }
}

impl Piece {
    /// Whether it is the same in each message but for fields of a fixed width.
    fn is_constant(&self) -> bool {
        self.snippet().is_none() && !matches!(self, Self::Letter)
    }

    fn snippet(&self) -> Option<&Snippet> {
        match self {
            Self::Field { value: snippet, .. }
            | Self::Body { text: snippet, .. }
            | Self::Raw(snippet) => Some(snippet),
            Self::Trace
            | Self::Date
            | Self::MessageId
            | Self::From
            | Self::Recipients(_)
            | Self::Fixed(_)
            | Self::Either { .. }
            | Self::Filler
            | Self::Letter => None,
        }
    }
}
