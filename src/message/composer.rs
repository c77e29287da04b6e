//! Recipes → a composer → the octets of one mail after the other.
//!
//! A message is a row of pieces. What is the same in all messages of a recipe is encoded and
//! dot-stuffed once, when the composer is made; composing copies it between the pieces that
//! change. So a message in which only Date, Message-ID and addresses change costs a copy, and one
//! in a buffer that held the same message before not even that (see [`Cast`]).

use std::borrow::Cow;
use std::mem;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::cast::{self, Cast, Places};
use super::check::sample_order;
use super::corpus::{self, Corpus, CorpusError, Letter, Part};
use super::layout::{Field, Filler, Group, Piece, Prepared, site};
use super::mailbox::{Mailbox, put_mailboxes};
use super::mime::{self, DateStamp};
use super::order::{check_recipient, check_sender};
use super::rows::Feeds;
use super::scene::Scene;
use super::template::{Snippet, TemplateError, Templates, late_reason};
use super::wire::Wire;
use super::{
    AddressError, ComposeError, CountRange, FeedSpec, Form, Mail, Order, Recipe, RunIdentity,
    SizeSpec, Turns,
};
use crate::draw::{Draw, Purpose};
use crate::smtp::BodyType;

/// A message of more octets than this is large.
const LARGE: u64 = 32 << 10;

/// Composes the messages of a plan; each worker has a clone of its own, which costs next to
/// nothing.
#[derive(Clone, Debug)]
pub struct Composer {
    book: Arc<Cookbook>,
    date: DateStamp,
}

/// Why the messages of a plan can't be composed: the tester's own failure.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ComposerError {
    /// A template passed the checks and can't be compiled all the same.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A corpus that was there when the plan was loaded can't be opened.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
}

/// Opens the corpora of recipes.
fn open_corpora(
    recipes: &[Recipe],
    prepared: &mut [Prepared],
    seed: u64,
) -> Result<(), CorpusError> {
    let specs = (0..).zip(recipes).filter_map(|(message, recipe)| match &recipe.form {
        Form::Corpus(spec) => Some((message, spec)),
        Form::Composed(_) | Form::Raw { .. } => None,
    });
    for (message, corpus) in corpus::open_all(specs, seed, corpus::KEPT)? {
        if let Some(recipe) = prepared.get_mut(message) {
            recipe.corpus = Some(corpus);
        }
    }
    Ok(())
}

/// What all composers of a plan share: large texts are held once, however many workers there are.
#[derive(Debug)]
struct Cookbook {
    templates: Templates,
    recipes: Vec<Prepared>,
    feeds: Arc<Feeds>,
    run: RunIdentity,
    /// Different for each.
    number: u64,
}

/// How many there were.
static COOKBOOKS: AtomicU64 = AtomicU64::new(0);

impl Composer {
    /// Compiles the recipes of a plan.
    ///
    /// The corpora among them are opened, and read as far as they fit into memory.
    ///
    /// # Errors
    /// A template that can't be read; a plan whose templates passed the checks has none. A corpus
    /// that can't be read.
    pub fn new(
        recipes: &[Recipe],
        feeds: &[FeedSpec],
        run: RunIdentity,
    ) -> Result<Self, ComposerError> {
        let library = recipes.first().map(|recipe| Arc::clone(&recipe.library));
        let mut templates = Templates::over(&library.unwrap_or_default());
        let draws = (0..).map(|n| Draw::new(run.seed).at(n));
        let prepared: Result<Vec<Prepared>, TemplateError> = recipes
            .iter()
            .zip(draws)
            .map(|(recipe, draw)| Prepared::new(recipe, &mut templates, draw))
            .collect();
        let mut prepared = prepared?;
        open_corpora(recipes, &mut prepared, run.seed)?;
        let feeds = Arc::new(Feeds::new(feeds, run.seed));
        for recipe in &mut prepared {
            recipe.stopping = feeds.stopping(&recipe.names);
        }
        let number = COOKBOOKS.fetch_add(1, Ordering::Relaxed);
        let mut book = Cookbook { templates, recipes: prepared, feeds, run, number };
        let date = DateStamp::new(SystemTime::UNIX_EPOCH);
        for message in 0..book.recipes.len() {
            let mean = book.sampled_mean(message, &date);
            if let Some(recipe) = book.recipes.get_mut(message) {
                recipe.mean_octets = mean;
            }
        }
        Ok(Self { book: Arc::new(book), date })
    }

    /// Composes one message into the buffers of `mail`.
    ///
    /// # Errors
    /// A template failed with the values of this message, or rendered to what is no address or
    /// no header value; `mail` is then not to be sent.
    pub fn compose(&mut self, order: &Order<'_>, mail: &mut Mail) -> Result<(), ComposeError> {
        self.date.set(order.now);
        if cast::recast(mail, self.book.number, order, &self.date) {
            return Ok(());
        }
        mail.cast = None;
        let recipe = self.book.recipe(order.message)?;
        let room = Arc::get_mut(&mut mail.octets).map(mem::take);
        let mut wire = Wire::reusing(room.unwrap_or_default());
        let composed = self.book.put_message((recipe, &self.date), order, mail, &mut wire);
        let composed =
            composed.and_then(|places| recipe.complete(order, &mut wire).map(|()| places));
        mail.size = wire.size();
        mail.eight_bit = wire.eight_bit();
        wire.finish();
        match Arc::get_mut(&mut mail.octets) {
            Some(room) => *room = wire.into_octets(),
            None => mail.octets = Arc::new(wire.into_octets()),
        }
        mail.cast = Cast::of(self.book.number, recipe, order, composed?).map(Box::new);
        Ok(())
    }

    /// Whether the message uses `session` or `user`, so that it can be composed only when its
    /// session is known.
    pub fn needs_session(&self, message: usize) -> bool {
        self.book.recipe(message).is_ok_and(|recipe| recipe.needs_session)
    }

    /// Whether the message reads a feed that stops when each of its rows was used.
    pub fn reads_what_ends(&self, message: usize) -> bool {
        self.book.recipe(message).is_ok_and(|recipe| !recipe.stopping.is_empty())
    }

    /// The position of a feed that has no row left for the message of this number, where numbers
    /// are [`Numbering::Dense`].
    pub fn lacks_row_for(&self, message: usize, seq: u64) -> Option<usize> {
        let turn = seq.saturating_sub(1);
        self.lacking(message, |feed| !self.book.feeds.has_row(feed, turn))
    }

    /// The position of a feed of which the message would find each row taken, where numbers are
    /// [`Numbering::Sparse`].
    pub fn lacks_row(&self, message: usize) -> Option<usize> {
        self.lacking(message, |feed| self.book.feeds.is_used_up(feed))
    }

    fn lacking(&self, message: usize, lacks: impl Fn(usize) -> bool) -> Option<usize> {
        self.book.recipe(message).ok()?.stopping.iter().copied().find(|feed| lacks(*feed))
    }

    /// Takes what a message is the next to have, where numbers are [`Numbering::Sparse`]: rows of
    /// feeds that stop, and a mail of a corpus.
    ///
    /// # Errors
    /// The position of a feed of which each row was taken.
    pub fn take_turns(&self, message: usize) -> Result<Turns, usize> {
        let Ok(recipe) = self.book.recipe(message) else { return Ok(Turns::default()) };
        let corpus = recipe.corpus.as_ref().and_then(Corpus::take_turn);
        if recipe.stopping.is_empty() {
            return Ok(Turns { corpus, feeds: None });
        }
        let take = |feed: &usize| match self.book.feeds.take_row(*feed) {
            Some(turn) => Ok((*feed, turn)),
            None => Err(*feed),
        };
        let feeds = recipe.stopping.iter().map(take).collect::<Result<_, usize>>()?;
        Ok(Turns { corpus, feeds: Some(feeds) })
    }

    /// Whether the message is better built by a thread of its own: it is so large, or read from a
    /// disk, or signed, that building it would make others late.
    pub fn is_built_apart(&self, message: usize) -> bool {
        let Ok(recipe) = self.book.recipe(message) else { return false };
        let is_large = recipe.mean_octets.is_some_and(|octets| octets > LARGE);
        let is_read = recipe.corpus.as_ref().is_some_and(Corpus::reads);
        (is_large || is_read || recipe.signer.is_some()) && !recipe.needs_session
    }

    /// The position of the class that the mail of an order has among those of its corpus, where it
    /// comes from one: only then is the order asked for. Nothing is composed or read for it. Where
    /// numbers are [`Numbering::Sparse`] the order must say which turn was taken.
    pub fn class<'a>(&self, message: usize, order: impl FnOnce() -> Order<'a>) -> Option<usize> {
        let corpus = self.book.recipe(message).ok()?.corpus.as_ref()?;
        corpus.class(corpus.position(&order()))
    }

    /// About how many octets a message has on average; none where a sample can't be composed.
    pub fn mean_octets(&self, message: usize) -> Option<u64> {
        self.book.recipe(message).ok()?.mean_octets
    }
}

impl Prepared {
    /// Pads a message to its size, and signs it.
    fn complete(&self, order: &Order<'_>, wire: &mut Wire) -> Result<(), ComposeError> {
        let signature =
            self.signer.as_ref().map(|signer| (signer, signer.draft(wire.octets(), order.now)));
        if let Some(size) = &self.size {
            let in_front = signature.as_ref().map_or(0, |(_, draft)| draft.len() as u64);
            let size = size.drawn(order.draw).saturating_sub(in_front);
            match self.filler {
                Filler::ByEncoding if wire.is_base64() => wire.pad_with_empty_lines_to(size),
                Filler::ByEncoding | Filler::Lines => wire.pad_to(size),
            }
        }
        if let Some((signer, draft)) = signature {
            let unsigned = |_| ComposeError::Signature { message: self.name.clone() };
            let field = signer.sign(draft, wire.octets()).map_err(unsigned)?;
            wire.put_in_front(&field);
        }
        Ok(())
    }
}

impl Cookbook {
    fn recipe(&self, message: usize) -> Result<&Prepared, ComposeError> {
        self.recipes.get(message).ok_or(ComposeError::NoSuchMessage(message))
    }

    fn sampled_mean(&self, message: usize, date: &DateStamp) -> Option<u64> {
        let recipe = self.recipe(message).ok()?;
        if let Some(corpus) = &recipe.corpus {
            return Some(corpus.mean_octets());
        }
        let mut wire = Wire::default();
        let order = Order { message, ..sample_order() };
        self.put_message((recipe, date), &order, &mut Mail::default(), &mut wire).ok()?;
        Some(recipe.size.as_ref().map_or(0, SizeSpec::mean).max(wire.size()))
    }

    fn put_message(
        &self,
        (recipe, date): (&Prepared, &DateStamp),
        order: &Order<'_>,
        mail: &mut Mail,
        wire: &mut Wire,
    ) -> Result<Places, ComposeError> {
        let corpus = recipe.corpus.as_ref();
        let position = corpus.map(|corpus| corpus.position(order)).unwrap_or_default();
        let letter = corpus.map(|corpus| corpus.letter(position)).transpose();
        let letter = letter.map_err(|reason| {
            let message = recipe.name.clone();
            ComposeError::Corpus { message, reason }
        })?;
        let letter = letter.as_deref();
        mail.class = corpus.and_then(|corpus| corpus.class(position));
        let mut composition = Composition {
            book: self,
            date,
            recipe,
            order,
            letter,
            scene: None,
            names: Vec::new(),
            places: Places::default(),
        };
        composition.put_envelope(mail)?;
        for piece in &recipe.pieces {
            composition.put_piece(piece, mail, wire)?;
        }
        Ok(composition.places)
    }
}

/// One message while it is composed.
struct Composition<'a> {
    book: &'a Cookbook,
    date: &'a DateStamp,
    recipe: &'a Prepared,
    order: &'a Order<'a>,
    /// The mail that it takes of a corpus.
    letter: Option<&'a Letter>,
    /// Made for the first template that needs it.
    scene: Option<Arc<Scene>>,
    /// The names of those that have one.
    names: Vec<(Whose, String)>,
    places: Places,
}

/// Whose name it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Whose {
    /// The sender's.
    Sender,
    /// That of a recipient, by its place in the envelope.
    Recipient(usize),
}

impl<'a> Composition<'a> {
    fn put_envelope(&mut self, mail: &mut Mail) -> Result<(), ComposeError> {
        let recipe = self.recipe;
        let named = self.letter.map(|letter| &letter.addresses);
        if let Some(from) = named.and_then(|addresses| addresses.from.as_deref()) {
            self.take_address(from, check_sender, &mut mail.from)?;
        } else {
            let whose = (site::FROM, Whose::Sender);
            self.put_address(&recipe.from, whose, check_sender, &mut mail.from)?;
        }
        let mut utf8 = !mail.from.is_ascii();
        if let Some(addresses) = named.filter(|addresses| !addresses.to.is_empty()) {
            mail.to.resize_with(addresses.to.len(), String::new);
            for (to, address) in mail.to.iter_mut().zip(&addresses.to) {
                self.take_address(address, check_recipient, to)?;
            }
            mail.utf8 = utf8 || mail.to.iter().any(|address| !address.is_ascii());
            return Ok(());
        }
        let mut place = 0;
        for group in &recipe.groups {
            let templates = group.templates.iter().cycle().take(self.count(group));
            for (template, site) in templates.zip(group.field.first_site()..) {
                if mail.to.len() == place {
                    mail.to.push(String::new());
                }
                let Some(to) = mail.to.get_mut(place) else { continue };
                let whose = (site, Whose::Recipient(place));
                self.put_address(template, whose, check_recipient, to)?;
                utf8 |= !to.is_ascii();
                place += 1;
            }
        }
        mail.to.truncate(place);
        mail.utf8 = utf8;
        Ok(())
    }

    /// Renders a mailbox; its address goes into `buffer`, its name is remembered.
    fn put_address(
        &mut self,
        template: &'a Snippet,
        (site, whose): (u64, Whose),
        check: fn(&str) -> Result<(), AddressError>,
        buffer: &mut String,
    ) -> Result<(), ComposeError> {
        let text = self.render(template, site)?;
        let mailbox = Mailbox::of(&text);
        mailbox.check(check).map_err(|reason| self.no_address(&text, reason))?;
        buffer.clear();
        buffer.push_str(mailbox.address);
        self.names.extend(mailbox.name.map(|name| (whose, name.into_owned())));
        Ok(())
    }

    /// Takes an address that a mail of a corpus has itself.
    fn take_address(
        &self,
        address: &str,
        check: fn(&str) -> Result<(), AddressError>,
        buffer: &mut String,
    ) -> Result<(), ComposeError> {
        check(address).map_err(|reason| self.no_address(address, reason))?;
        buffer.clear();
        buffer.push_str(address);
        Ok(())
    }

    fn count(&self, group: &Group) -> usize {
        let of_client = self.order.recipients.filter(|_| group.field == Field::To);
        let CountRange { min, max } = of_client.unwrap_or(group.count);
        let draw = self.order.draw.of(Purpose::Recipients);
        let draw = match group.field {
            Field::To => draw,
            Field::Cc => draw.at(1),
            Field::Bcc => draw.at(2),
        };
        usize::try_from(draw.within(min.into(), max.into())).unwrap_or(1).max(1)
    }

    /// The places in the envelope of a field's recipients.
    fn places_of(&self, field: Field) -> Range<usize> {
        let mut place = 0;
        for group in &self.recipe.groups {
            let end = place + self.count(group);
            if group.field == field {
                return place..end;
            }
            place = end;
        }
        0..0
    }

    fn put_recipients(&self, field: Field, mail: &Mail, wire: &mut Wire) {
        let places = self.places_of(field);
        let addresses = mail.to.get(places.clone()).unwrap_or_default();
        if self.names.iter().all(|(whose, _)| *whose == Whose::Sender) {
            return mime::put_addresses(field.name(), addresses, wire);
        }
        let boxes = places.zip(addresses).map(|(place, address)| {
            let name = self.name_of(Whose::Recipient(place)).map(Cow::Borrowed);
            Mailbox { name, address }
        });
        put_mailboxes(field.name(), boxes.collect(), wire);
    }

    fn name_of(&self, whose: Whose) -> Option<&str> {
        let named = self.names.iter().find(|(known, _)| *known == whose);
        named.map(|(_, name)| name.as_str())
    }

    fn put_piece(
        &mut self,
        piece: &'a Piece,
        mail: &Mail,
        wire: &mut Wire,
    ) -> Result<(), ComposeError> {
        match piece {
            Piece::Trace => {
                self.places.seq = Some(mime::put_trace(self.book.run, self.order, wire));
            }
            Piece::Date => {
                self.places.date = Some(wire.len() + mime::DATE.len());
                self.date.put(wire);
            }
            Piece::MessageId => {
                self.places.id = Some(wire.len() + mime::MESSAGE_ID.len());
                mime::put_message_id(self.book.run, self.order.seq, wire);
            }
            Piece::From => mime::put_from(&mail.from, self.name_of(Whose::Sender), wire),
            Piece::Recipients(field) => self.put_recipients(*field, mail, wire),
            Piece::Fixed(part) => wire.put_wire(part),
            Piece::Either { seven, eight } => wire.put_wire(match self.order.body {
                BodyType::SevenBit => seven,
                BodyType::EightBitMime => eight,
            }),
            Piece::Filler => wire.mark_filler(),
            Piece::Field { name, value, site } => {
                let value = self.render(value, *site)?;
                self.check_line(name, &value)?;
                mime::put_field(name, &value, wire);
            }
            Piece::Body { text, coding, site } => {
                let text = self.render(text, *site)?;
                mime::put_body(&text, *coding, self.order.body, wire);
            }
            Piece::Letter => self.put_letter(wire),
            Piece::Raw(text) => {
                let text = self.render(text, site::TEXT)?;
                wire.put_lines(mime::from_first_field(&text).as_bytes());
            }
        }
        Ok(())
    }

    fn put_letter(&self, wire: &mut Wire) {
        for part in self.letter.into_iter().flat_map(|letter| &letter.parts) {
            match part {
                Part::Text(text) => wire.put_wire(text),
                Part::Date => self.date.put(wire),
                Part::MessageId => mime::put_message_id(self.book.run, self.order.seq, wire),
            }
        }
    }

    fn render(&mut self, snippet: &'a Snippet, site: u64) -> Result<Cow<'a, str>, ComposeError> {
        if let Some(text) = snippet.plain() {
            return Ok(Cow::Borrowed(text));
        }
        let (order, feeds) = (self.order, &self.book.feeds);
        let scene =
            self.scene.get_or_insert_with(|| Arc::new(Scene::new(order, Arc::clone(feeds))));
        self.book.templates.render_at(snippet, scene, site).map_err(|error| {
            ComposeError::Template {
                message: self.recipe.name.clone(),
                template: self.book.templates.place(&error, snippet),
                reason: late_reason(&error),
            }
        })
    }

    fn check_line(&self, field: &str, value: &str) -> Result<(), ComposeError> {
        if value.contains(['\r', '\n']) {
            return Err(ComposeError::LineBreak {
                message: self.recipe.name.clone(),
                field: field.to_owned(),
                value: value.to_owned(),
            });
        }
        Ok(())
    }

    fn no_address(&self, value: &str, reason: AddressError) -> ComposeError {
        let message = self.recipe.name.clone();
        ComposeError::Address { message, value: value.to_owned(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Draw;
    use crate::message::{Canonicalization, Dkim, SigningKey, USUAL_FIELDS};
    use crate::message::{
        FeedOrder, Form, Numbering, Parts, Recipients, Table, Trace, WhenExhausted,
    };
    use crate::smtp::Expectations;
    use mail_parser::{MessageParser, MimeHeaders};
    use proptest::prelude::*;
    use std::time::Duration;

    const RUN: RunIdentity = RunIdentity { id: 0xfeed, seed: 42 };

    fn recipe(subject: &str, headers: &[(&str, &str)], text: &str) -> Recipe {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Recipe {
            name: "receipt".into(),
            from: "shop@load.test".into(),
            to: Recipients::Each(vec!["user@example.test".into()]),
            cc: None,
            bcc: None,
            form: Form::Composed(Parts {
                subject: subject.into(),
                headers: headers.collect(),
                text: Some(text.into()),
                ..Parts::default()
            }),
            size: None,
            classes: Vec::new(),
            trace: Trace::Left,
            dkim: None,
            expect: Expectations::default(),
            library: Arc::default(),
        }
    }

    fn raw(text: &str) -> Recipe {
        Recipe { form: Form::Raw { text: text.into() }, ..recipe("", &[], "") }
    }

    fn people() -> Vec<FeedSpec> {
        let row = |name: &str| {
            serde_json::json!({"name": name, "mail": format!("{name}@example.test")})
                .as_object()
                .unwrap()
                .clone()
        };
        vec![FeedSpec {
            name: "people".into(),
            rows: Table::of_rows(&[row("ada"), row("grace"), row("barbara")]),
            order: FeedOrder::Shuffled,
            when_exhausted: WhenExhausted::Wrap,
        }]
    }

    fn order(seq: u64) -> Order<'static> {
        Order {
            message: 0,
            draw: Draw::new(42).at(seq),
            seq,
            numbering: Numbering::Dense,
            turns: None,
            client: "app",
            phase: "soak",
            session: Some(3),
            user: None,
            recipients: None,
            body: BodyType::SevenBit,
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_476_599),
        }
    }

    fn compose(recipe: &Recipe, order: &Order<'_>) -> Result<Mail, ComposeError> {
        let mut composer = Composer::new(std::slice::from_ref(recipe), &people(), RUN).unwrap();
        let mut mail = Mail::default();
        composer.compose(order, &mut mail).map(|()| mail)
    }

    /// The message as a server stores it; fails where it is not legal on the wire.
    fn received(mail: &Mail) -> Vec<u8> {
        let body = mail.octets.strip_suffix(b".\r\n").unwrap();
        assert!(body.is_empty() || body.ends_with(b"\r\n"));
        let mut stored = Vec::new();
        let mut rest = body;
        while let Some(end) = rest.iter().position(|octet| *octet == b'\n') {
            let (line, tail) = rest.split_at(end + 1);
            let text = line.strip_suffix(b"\r\n").expect("a bare LF");
            assert!(!text.contains(&b'\r'), "a bare CR");
            assert_ne!(text, b".", "an early final dot");
            stored.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
            rest = tail;
        }
        assert!(rest.is_empty());
        assert_eq!(stored.len() as u64, mail.size);
        stored
    }

    fn unfolded(text: &str) -> String {
        text.replace("\r\n", "\n").trim_end().to_owned()
    }

    #[test]
    fn a_composed_message_is_correct_mime() {
        let recipe = recipe("Order {{ seq }}", &[("X-Tag", "a")], "Thank you.\n.\nBye\n");

        let mail = compose(&recipe, &order(7)).unwrap();

        let stored = received(&mail);
        let parsed = MessageParser::new().parse(&stored).unwrap();
        assert_eq!(parsed.subject(), Some("Order 7"));
        assert_eq!(parsed.from().unwrap().first().unwrap().address(), Some("shop@load.test"));
        assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("user@example.test"));
        assert_eq!(parsed.date().unwrap().to_rfc3339(), "2026-11-23T23:29:59Z");
        assert_eq!(
            parsed.message_id(),
            Some("0000000000000007.000000000000feed@mailquake.invalid")
        );
        assert_eq!(parsed.header("X-Tag").unwrap().as_text(), Some("a"));
        assert_eq!(parsed.header("MIME-Version").unwrap().as_text(), Some("1.0"));
        let kind = parsed.content_type().unwrap();
        assert_eq!((kind.ctype(), kind.subtype()), ("text", Some("plain")));
        assert_eq!(unfolded(&parsed.body_text(0).unwrap()), "Thank you.\n.\nBye");
        assert!(!mail.eight_bit && !mail.utf8);
        assert_eq!(mail.from, "shop@load.test");
        assert_eq!(mail.to, ["user@example.test"]);
    }

    #[test]
    fn the_octets_of_a_constant_message_are_these() {
        let mail = compose(&recipe("Hello", &[], ".dot\ntext"), &order(1)).unwrap();

        expect_test::expect![[r"
            Date: Mon, 23 Nov 2026 23:29:59 +0000
            Message-ID: <0000000000000001.000000000000feed@mailquake.invalid>
            From: <shop@load.test>
            To: <user@example.test>
            Subject: Hello
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: 7bit

            ..dot
            text
            .
        "]]
        .assert_eq(&String::from_utf8(mail.octets.to_vec()).unwrap().replace("\r\n", "\n"));
    }

    /// Sender, recipient and text of so many messages, each composed by another clone.
    fn of_people(order: FeedOrder, orders: impl Iterator<Item = Order<'static>>) -> Vec<String> {
        let feeds: Vec<FeedSpec> =
            people().into_iter().map(|spec| FeedSpec { order, ..spec }).collect();
        let recipe = Recipe {
            from: "{{ feed.people.mail }}".into(),
            to: Recipients::Each(vec!["{{ feed.people.mail }}".into()]),
            ..raw("{{ feed.people.name }} {{ feed.people.name }}")
        };
        let composer = Composer::new(std::slice::from_ref(&recipe), &feeds, RUN).unwrap();
        let compose = |order| {
            let mut mail = Mail::default();
            composer.clone().compose(&order, &mut mail).unwrap();
            let text = String::from_utf8(mail.octets.to_vec()).unwrap();
            let name = text.split([' ', '\r']).next().unwrap().to_owned();
            assert_eq!(text, format!("{name} {name}\r\n.\r\n"));
            assert_eq!([&*mail.from], mail.to.iter().map(|to| &**to).collect::<Vec<_>>()[..]);
            assert_eq!(mail.from, format!("{name}@example.test"));
            name
        };
        orders.map(compose).collect()
    }

    #[test]
    fn a_message_takes_one_row_and_the_first_message_the_first() {
        let dense = (1..=4).map(order);
        let sparse =
            [1, 900, 40, 7].map(|seq| Order { numbering: Numbering::Sparse, ..order(seq) });

        for names in [
            of_people(FeedOrder::Sequential, dense),
            of_people(FeedOrder::Sequential, sparse.into_iter()),
        ] {
            assert_eq!(names, ["ada", "grace", "barbara", "ada"]);
        }
    }

    #[test]
    fn each_row_of_a_shuffled_feed_comes_once_in_a_round_whatever_the_numbers_are() {
        let numbers = (0..30).map(|n| Order { numbering: Numbering::Sparse, ..order(n * 10 + 1) });

        let names = of_people(FeedOrder::Shuffled, numbers);

        for round in names.chunks(3) {
            let round: std::collections::BTreeSet<&String> = round.iter().collect();
            assert_eq!(round.len(), 3, "{names:?}");
        }
    }

    #[test]
    fn a_header_of_the_plan_replaces_the_generated_one() {
        let headers = [
            ("subject", "mine"),
            ("FROM", "Shop <shop@load.test>"),
            ("To", "Everybody <all@load.test>"),
            ("Message-Id", "<mine@load.test>"),
            ("Date", "Thu, 1 Jan 2026 00:00:00 +0000"),
            ("mime-version", "1.0"),
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ];

        let mail = compose(&recipe("generated", &headers, "<p>é</p>"), &order(0)).unwrap();

        let stored = received(&mail);
        let parsed = MessageParser::new().parse(&stored).unwrap();
        assert_eq!(parsed.headers().len(), headers.len());
        assert_eq!(parsed.subject(), Some("mine"));
        assert_eq!(parsed.message_id(), Some("mine@load.test"));
        assert_eq!(parsed.body_html(0).unwrap().trim_end(), "<p>é</p>");
        assert!(mail.eight_bit && !mail.utf8);
    }

    #[test]
    fn non_ascii_text_and_headers_are_encoded_to_seven_bits() {
        for text in ["Grüße aus Köln", "안녕하세요 세계 안녕하세요 세계", "日本語 {{ seq }}"]
        {
            let recipe = recipe(text, &[("Comments", "naïve")], text);

            let mail = compose(&recipe, &order(5)).unwrap();

            assert!(mail.octets.is_ascii() && !mail.eight_bit && !mail.utf8);
            let stored = received(&mail);
            let parsed = MessageParser::new().parse(&stored).unwrap();
            let expected = text.replace("{{ seq }}", "5");
            assert_eq!(parsed.subject(), Some(expected.as_str()));
            assert_eq!(parsed.body_text(0).unwrap().trim_end(), expected);
            assert_eq!(parsed.header("Comments").unwrap().as_text(), Some("naïve"));
        }
    }

    #[test]
    fn an_internationalized_address_needs_smtputf8() {
        let recipe = Recipe {
            to: Recipients::Each(vec!["müller@example.test".into()]),
            ..recipe("a", &[], "b")
        };

        let mail = compose(&recipe, &order(0)).unwrap();

        assert!(mail.utf8 && mail.eight_bit);
        let stored = received(&mail);
        let parsed = MessageParser::new().parse(&stored).unwrap();
        assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("müller@example.test"));
    }

    #[test]
    fn a_raw_message_keeps_its_octets_but_for_line_ends() {
        let long = "x".repeat(2000);
        let text = format!("Subject: {{{{ seq }}}}\nX-Long: {long}\n\n.one\r\ntwo é\n\n");

        for text in [text.clone(), text.replace("{{ seq }}", "9")] {
            let mail = compose(&raw(&text), &order(9)).unwrap();

            let expected = format!("Subject: 9\r\nX-Long: {long}\r\n\r\n.one\r\ntwo é\r\n\r\n");
            assert_eq!(received(&mail), expected.as_bytes());
            assert!(mail.eight_bit);
        }
    }

    #[test]
    fn sizes_are_exact_in_every_form() {
        let forms = [
            recipe("s", &[], "text"),
            recipe("s", &[], ""),
            recipe("s", &[], "Grüße\n.\n{{ seq }}"),
            recipe("s", &[], "안녕하세요 세계 안녕하세요 세계 안녕하세요"),
            recipe("s", &[], &"x".repeat(300)),
            recipe("s", &[("X-Session", "{{ session }}")], "{{ lorem(40) }}"),
            raw("Subject: {{ seq }}\n\n.text\n"),
            raw("Subject: x\n\ntext"),
        ];
        for form in forms {
            let smallest =
                compose(&Recipe { size: Some(SizeSpec::Fixed(0)), ..form.clone() }, &order(1))
                    .unwrap()
                    .size;
            for size in (smallest..smallest + 200).chain([8192, 100_001]) {
                let sized = Recipe { size: Some(SizeSpec::Fixed(size)), ..form.clone() };

                let mail = compose(&sized, &order(1)).unwrap();

                assert_eq!(mail.size, size, "{:?}", form.form);
                let stored = received(&mail);
                let parsed = MessageParser::new().parse(&stored).unwrap();
                assert_eq!(parsed.parts.len(), 1);
            }
        }
    }

    #[test]
    fn a_padded_text_begins_with_the_text() {
        let text = "안녕하세요 = Grüße\n.\nlast line";
        let size = Some(SizeSpec::Uniform { min: 4000, max: 5000 });
        let recipe = Recipe { size, ..recipe("s", &[], text) };

        let mail = compose(&recipe, &order(1)).unwrap();

        assert!((4000..=5000).contains(&mail.size));
        let stored = received(&mail);
        let parsed = MessageParser::new().parse(&stored).unwrap();
        assert!(unfolded(&parsed.body_text(0).unwrap()).starts_with(&format!("{text}\n")));
    }

    #[test]
    fn the_same_draw_gives_the_same_mail_in_any_order_and_composer() {
        let recipe = Recipe {
            from: "{{ fake_email('load.test') }}".into(),
            to: Recipients::Repeated {
                address: "user{{ range_int(1, 1000000) }}@example.test".into(),
                count: CountRange { min: 1, max: 9 },
            },
            size: Some(SizeSpec::LogNormal { p50: 2000, p99: 9000 }),
            ..recipe(
                "{{ choice('a', 'b') }} {{ uuid }}",
                &[("X-Token", "{{ random_bytes(20) }}")],
                "{{ feed.people.name }} {{ lorem(9) }} {{ fake_name() }} {{ range_int(1, 9) }}",
            )
        };
        let recipes = [recipe];
        let mut first = Composer::new(&recipes, &people(), RUN).unwrap();
        let mut second = Composer::new(&recipes, &people(), RUN).unwrap();

        let compose = |composer: &mut Composer, seq| {
            let mut mail = Mail::default();
            composer.compose(&order(seq), &mut mail).unwrap();
            mail
        };
        let forward: Vec<Mail> = (0..50).map(|seq| compose(&mut first, seq)).collect();
        let mut backward: Vec<Mail> = (0..50).rev().map(|seq| compose(&mut second, seq)).collect();
        backward.reverse();

        assert_eq!(forward, backward);
        let froms: std::collections::BTreeSet<&str> =
            forward.iter().map(|mail| mail.from.as_str()).collect();
        assert!(froms.len() > 40);
        let counts: std::collections::BTreeSet<usize> =
            forward.iter().map(|mail| mail.to.len()).collect();
        assert!(counts.len() > 5 && counts.iter().all(|count| (1..=9).contains(count)));
    }

    #[test]
    fn clones_share_the_texts_and_compose_the_same() {
        let mut composer = Composer::new(&[recipe("{{ uuid }}", &[], "b")], &[], RUN).unwrap();

        let mut clone = composer.clone();

        assert!(Arc::ptr_eq(&composer.book, &clone.book));
        let (mut mail, mut other) = (Mail::default(), Mail::default());
        composer.compose(&order(1), &mut mail).unwrap();
        clone.compose(&order(1), &mut other).unwrap();
        assert_eq!(mail, other);
    }

    #[test]
    fn successive_calls_in_a_message_differ() {
        let number = "{{ range_int(1, 1000000000) }}";
        let text = format!("{number} {number}");

        let mail = compose(&recipe(number, &[], &text), &order(0)).unwrap();

        let stored = received(&mail);
        let parsed = MessageParser::new().parse(&stored).unwrap();
        let text = parsed.body_text(0).unwrap();
        let mut numbers: Vec<&str> = text.split_whitespace().collect();
        numbers.extend(parsed.subject());
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 3);
    }

    #[test]
    fn one_message_uses_one_row_and_one_uuid() {
        let recipe = Recipe {
            from: "{{ feed.people.mail }}".into(),
            to: Recipients::Each(vec!["{{ feed.people.name }}.{{ uuid }}@example.test".into()]),
            ..recipe("{{ feed.people.name }}", &[], "{{ uuid }}")
        };
        for seq in 0..6 {
            let mail = compose(&recipe, &order(seq)).unwrap();

            let stored = received(&mail);
            let parsed = MessageParser::new().parse(&stored).unwrap();
            let name = parsed.subject().unwrap();
            assert_eq!(mail.from, format!("{name}@example.test"));
            let uuid = parsed.body_text(0).unwrap();
            assert_eq!(mail.to, [format!("{name}.{}@example.test", uuid.trim_end())]);
            assert_eq!(uuid.trim_end().len(), 36);
            assert_eq!(uuid.as_bytes()[14], b'4');
        }
    }

    #[test]
    fn the_client_overrides_the_number_of_recipients() {
        let each = Recipients::Each(vec!["a@example.test".into(), "b@example.test".into()]);
        let recipe = Recipe { to: each, ..recipe("a", &[], "b") };
        let wanted = |count| Order { recipients: Some(CountRange::exactly(count)), ..order(0) };

        assert_eq!(compose(&recipe, &order(0)).unwrap().to, ["a@example.test", "b@example.test"]);
        assert_eq!(compose(&recipe, &wanted(1)).unwrap().to, ["a@example.test"]);
        let mail = compose(&recipe, &wanted(3)).unwrap();
        assert_eq!(mail.to, ["a@example.test", "b@example.test", "a@example.test"]);
        let stored = received(&mail);
        let parsed = MessageParser::new().parse(&stored).unwrap();
        assert_eq!(parsed.to().unwrap().iter().count(), 3);
    }

    #[test]
    fn buffers_are_used_again_without_a_trace_of_the_mail_before() {
        let many = Recipe {
            to: Recipients::Repeated {
                address: "ü{{ seq }}@example.test".into(),
                count: CountRange::exactly(5),
            },
            ..raw("{{ 'é' * 500 }}")
        };
        let recipes = [many, recipe("a", &[], "b")];
        let mut composer = Composer::new(&recipes, &[], RUN).unwrap();
        let (mut used, mut fresh) = (Mail::default(), Mail::default());

        composer.compose(&order(0), &mut used).unwrap();
        composer.compose(&Order { message: 1, ..order(1) }, &mut used).unwrap();
        composer.compose(&Order { message: 1, ..order(1) }, &mut fresh).unwrap();

        assert_eq!(used, fresh);
    }

    #[test]
    fn the_date_follows_the_order() {
        let mut composer = Composer::new(&[recipe("a", &[], "b")], &[], RUN).unwrap();
        let mut mail = Mail::default();
        for (second, date) in [(0, "Thu, 01 Jan 1970 00:00:00"), (61, "Thu, 01 Jan 1970 00:01:01")]
        {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            composer.compose(&Order { now, ..order(0) }, &mut mail).unwrap();
            let text = String::from_utf8(mail.octets.to_vec()).unwrap();
            assert!(text.starts_with(&format!("Date: {date}")), "{text}");
        }
    }

    #[test]
    fn what_would_break_the_envelope_or_the_header_is_refused() {
        let people = |value: &str| {
            let row = serde_json::json!({"x": value}).as_object().unwrap().clone();
            vec![FeedSpec {
                name: "f".into(),
                rows: Table::of_rows(&[row]),
                order: FeedOrder::Sequential,
                when_exhausted: WhenExhausted::Wrap,
            }]
        };
        let compose = |recipe: &Recipe, value: &str| {
            let mut composer =
                Composer::new(std::slice::from_ref(recipe), &people(value), RUN).unwrap();
            composer.compose(&order(0), &mut Mail::default())
        };
        let sender = Recipe { from: "{{ feed.f.x }}".into(), ..recipe("a", &[], "b") };
        let to = Recipients::Each(vec!["{{ feed.f.x }}".into()]);
        let recipient = Recipe { to, ..recipe("a", &[], "b") };
        let subject = recipe("{{ feed.f.x }}", &[], "b");
        let header = recipe("a", &[("X-A", "{{ feed.f.x }}")], "b");

        for value in ["a@b.test\r\nRCPT TO:<c@d.test>", "a\nb", "a\rb"] {
            for recipe in [&sender, &recipient] {
                let error = compose(recipe, value).unwrap_err();
                assert!(matches!(error, ComposeError::Address { .. }), "{error}");
            }
            for recipe in [&subject, &header] {
                let error = compose(recipe, value).unwrap_err();
                assert!(matches!(error, ComposeError::LineBreak { .. }), "{error}");
            }
        }
        assert_eq!(compose(&sender, ""), Ok(()));
        assert!(compose(&recipient, "").is_err());
    }

    #[test]
    fn an_error_while_composing_names_message_and_template() {
        let error = compose(&recipe("a", &[], "Hi {{ user }}"), &order(0)).unwrap_err();

        assert_eq!(
            error.to_string(),
            "message `receipt`: undefined value in the template `Hi {{ user }}`"
        );
        assert_eq!(
            compose(&recipe("a", &[], ""), &Order { message: 4, ..order(0) }).unwrap_err(),
            ComposeError::NoSuchMessage(4)
        );
    }

    fn from_files(text: &str) -> Recipe {
        let files: crate::message::Reader = |path| {
            let text = match path.to_str().unwrap() {
                "/plans/whole.j2" => "Subject: {{ seq }}\n\n{% include 'part.j2' %}\n",
                "/plans/part.j2" => "one\nat {{ session }} {{ user }}",
                "/plans/plain" => "Subject: {\n\nplain\n",
                _ => return Err(std::io::ErrorKind::NotFound.into()),
            };
            Ok(text.as_bytes().to_vec())
        };
        let library = crate::message::Library::reading(std::path::Path::new("/plans"), files);
        for path in ["/plans/whole.j2", "/plans/part.j2", "/plans/plain"] {
            library.text(path).unwrap();
        }
        let text = match text.strip_prefix("file:") {
            Some(path) => crate::message::Template::File(path.to_owned()),
            None => text.into(),
        };
        Recipe { form: Form::Raw { text }, library: Arc::new(library.closed()), ..raw("") }
    }

    #[test]
    fn a_file_is_a_whole_message_with_what_it_includes() {
        let recipe = from_files("file:/plans/whole.j2");
        let mail = compose(&recipe, &Order { user: Some("u1"), ..order(7) }).unwrap();
        assert_eq!(received(&mail), b"Subject: 7\r\n\r\none\r\nat 3 u1\r\n");
        let composer = Composer::new(&[recipe], &[], RUN).unwrap();
        assert!(composer.needs_session(0));

        let mail = compose(&from_files("file:/plans/plain"), &order(7)).unwrap();
        assert_eq!(received(&mail), b"Subject: {\r\n\r\nplain\r\n");
    }

    #[test]
    fn an_error_while_composing_from_a_file_names_its_line() {
        let error = compose(&from_files("file:/plans/whole.j2"), &order(0)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "message `receipt`: undefined value in the template `part.j2:2`"
        );
    }

    #[test]
    fn no_file_is_read_while_composing() {
        let error = compose(&from_files("{% include client ~ '.j2' %}"), &order(0)).unwrap_err();
        let told = error.to_string();
        assert!(told.contains("'app.j2'; files are read when the plan is loaded"), "{told}");
    }

    #[test]
    fn recipes_that_cannot_be_compiled_are_refused() {
        for broken in [
            recipe("{{ seq", &[], ""),
            recipe("two\nlines", &[], ""),
            recipe("a", &[("X A", "b")], ""),
            Recipe { to: Recipients::Each(Vec::new()), ..recipe("a", &[], "b") },
        ] {
            assert!(Composer::new(std::slice::from_ref(&broken), &[], RUN).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn only_messages_that_use_session_or_user_need_a_session() {
        let to = Recipients::Each(vec!["u{{ session }}@example.test".into()]);
        let recipes = [
            recipe("{{ seq }}", &[], "the session and the user"),
            recipe("a", &[], "{% if user is defined %}{{ user }}{% endif %}"),
            recipe("a", &[("X-S", "{{ session }}")], ""),
            Recipe { to, ..recipe("a", &[], "") },
            raw("{{ session }}"),
        ];
        let composer = Composer::new(&recipes, &[], RUN).unwrap();

        let late: Vec<bool> = (0..6).map(|message| composer.needs_session(message)).collect();

        assert_eq!(late, [false, true, true, true, true, false]);
    }

    #[test]
    fn messages_over_32_kib_are_built_apart_unless_they_need_a_session() {
        let sized = |size| Recipe { size: Some(size), ..recipe("a", &[], "b") };
        let recipes = [
            sized(SizeSpec::Fixed(32 << 10)),
            sized(SizeSpec::Fixed((32 << 10) + 1)),
            sized(SizeSpec::Uniform { min: 0, max: 100 << 10 }),
            raw(&"a line\n".repeat(10_000)),
            Recipe { from: "u{{ session }}@a.test".into(), ..sized(SizeSpec::Fixed(1 << 20)) },
        ];
        let composer = Composer::new(&recipes, &[], RUN).unwrap();

        let apart: Vec<bool> = (0..6).map(|message| composer.is_built_apart(message)).collect();

        assert_eq!(apart, [false, true, true, true, false, false]);
    }

    fn signed(key: &[u8], recipe: Recipe) -> Recipe {
        let dkim = Dkim {
            domain: "load.test".into(),
            selector: "s1".into(),
            key: SigningKey::from_pem(key).unwrap(),
            fields: USUAL_FIELDS.map(str::to_owned).to_vec(),
            header: Canonicalization::Relaxed,
            body: Canonicalization::Simple,
            expire: None,
        };
        Recipe { dkim: Some(dkim), ..recipe }
    }

    #[test]
    fn a_signed_message_has_the_field_in_front_and_exactly_its_size() {
        let keys: [&[u8]; 2] = [
            include_bytes!("../../tests/keys/ed25519.pem"),
            include_bytes!("../../tests/keys/rsa-2048.pem"),
        ];
        let eight = Order { body: BodyType::EightBitMime, ..order(7) };
        for (key, size) in keys.into_iter().zip([4000, 4001]) {
            let shown = Recipe { trace: Trace::Shown, ..recipe("a", &[], ".dot\n\u{fc}\n\n\n") };
            let unsigned = compose(&shown, &eight).unwrap();
            let signed = signed(key, shown);
            let mail = compose(&signed, &eight).unwrap();
            let stored = received(&mail);
            assert!(stored.starts_with(b"DKIM-Signature: v=1; a="));
            assert!(stored.ends_with(&received(&unsigned)));
            assert!(mail.eight_bit);

            let sized = Recipe { size: Some(SizeSpec::Fixed(size)), ..signed };
            let mail = compose(&sized, &order(7)).unwrap();
            assert_eq!((mail.size, received(&mail).len() as u64), (size, size));
        }
    }

    #[test]
    fn the_same_order_is_signed_the_same_and_each_mail_by_itself() {
        let key = include_bytes!("../../tests/keys/rsa-2048.pem");
        let recipe = signed(key, recipe("a", &[], "b"));
        let mut composer = Composer::new(std::slice::from_ref(&recipe), &[], RUN).unwrap();
        let mut mail = Mail::default();
        let mut octets = |seq| {
            composer.compose(&order(seq), &mut mail).unwrap();
            mail.octets.to_vec()
        };

        let (first, second, again) = (octets(1), octets(2), octets(1));

        assert_eq!(first, again);
        let signature = |octets: &[u8]| {
            let text = String::from_utf8(octets.to_vec()).unwrap();
            text.split_once("\r\nDate").unwrap().0.to_owned()
        };
        assert_ne!(signature(&first), signature(&second));
    }

    #[test]
    fn octets_that_are_still_being_written_are_not_written_over() {
        for subject in ["constant", "{{ seq }}"] {
            let recipe = recipe(subject, &[], "b");
            let mut composer = Composer::new(std::slice::from_ref(&recipe), &[], RUN).unwrap();
            let mut mail = Mail::default();
            composer.compose(&order(1), &mut mail).unwrap();
            let written = Arc::clone(&mail.octets);
            let before = written.to_vec();

            composer.compose(&order(2), &mut mail).unwrap();

            assert_eq!(*written, before);
            assert_eq!(mail, compose(&recipe, &order(2)).unwrap());
        }
    }

    #[test]
    fn signed_messages_are_built_apart() {
        let key = include_bytes!("../../tests/keys/ed25519.pem");
        let late = recipe("{{ session }}", &[], "b");
        let recipes = [signed(key, recipe("a", &[], "b")), signed(key, late)];
        let composer = Composer::new(&recipes, &[], RUN).unwrap();

        assert!(composer.is_built_apart(0));
        assert!(!composer.is_built_apart(1), "its session must be known");
    }

    #[test]
    fn the_mean_is_the_size_or_that_of_a_sample() {
        let sized = |size| Recipe { size: Some(size), ..recipe("a", &[], "b") };
        let recipes = [
            sized(SizeSpec::Fixed(5000)),
            sized(SizeSpec::Uniform { min: 1000, max: 3000 }),
            sized(SizeSpec::Fixed(1)),
            recipe("a", &[], "{{ user }}"),
            raw("Subject: x\n\nbody\n"),
        ];
        let composer = Composer::new(&recipes, &[], RUN).unwrap();

        let means: Vec<Option<u64>> = (0..6).map(|n| composer.mean_octets(n)).collect();

        let smallest = compose(&recipes[2], &order(0)).unwrap().size;
        // A made-up login stands in for that of a session.
        assert!(means[3].is_some());
        assert_eq!(means[..3], [Some(5000), Some(2000), Some(smallest)]);
        assert_eq!(means[4..], [Some(20), None]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_text_and_subject_come_back_from_a_parser(
            text in any::<String>(),
            subject in "[^\r\n]*",
            size in prop::option::of(0_u64..3000),
        ) {
            // Braces would make it a template.
            let (text, subject) = (text.replace('{', "("), subject.replace('{', "("));
            let size = size.map(SizeSpec::Fixed);
            let recipe = Recipe { size, ..recipe(&subject, &[], &text) };

            let mail = compose(&recipe, &order(0)).unwrap();

            let stored = received(&mail);
            prop_assert!(stored.is_ascii());
            let parsed = MessageParser::new().parse(&stored).unwrap();
            let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(squeezed(parsed.subject().unwrap_or_default()), squeezed(&subject));
            let expected = text.replace("\r\n", "\n").replace('\r', "\n");
            let body = unfolded(&parsed.body_text(0).unwrap_or_default());
            prop_assert!(body.starts_with(expected.trim_end()), "{:?} {:?}", body, expected);
        }

        #[test]
        fn any_raw_text_is_legal_on_the_wire(text in any::<String>(), size in 0_u64..500) {
            let text = text.replace('{', "(");
            let recipe = Recipe { size: Some(SizeSpec::Fixed(size)), ..raw(&text) };

            let stored = received(&compose(&recipe, &order(0)).unwrap());

            prop_assert!(stored.len() as u64 + 1 >= size);
        }
    }
}
