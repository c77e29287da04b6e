//! Recipes → a composer → the octets of one mail after the other.
//!
//! A message is a row of pieces. What is the same in all messages of a recipe is encoded and
//! dot-stuffed once, when the composer is made; composing copies it between the pieces that
//! change. So a message in which only Date, Message-ID and addresses change costs a copy.

use std::borrow::Cow;
use std::mem;
use std::sync::Arc;
use std::time::SystemTime;

use super::check::sample_order;
use super::layout::{Piece, Prepared, site};
use super::mime::{self, DateStamp};
use super::order::{check_recipient, check_sender};
use super::rows::Feeds;
use super::scene::Scene;
use super::template::{Snippet, TemplateError, Templates, reason};
use super::wire::Wire;
use super::{ComposeError, CountRange, FeedSpec, Mail, Order, Recipe, RunIdentity, SizeSpec};
use crate::draw::Purpose;

/// Composes the messages of a plan; each worker has one of its own.
#[derive(Debug)]
pub struct Composer {
    templates: Templates,
    recipes: Vec<Prepared>,
    feeds: Arc<Feeds>,
    run: RunIdentity,
    date: DateStamp,
}

impl Composer {
    /// Compiles the recipes of a plan.
    ///
    /// # Errors
    /// A template that can't be read; a plan whose templates passed the checks has none.
    pub fn new(
        recipes: &[Recipe],
        feeds: &[FeedSpec],
        run: RunIdentity,
    ) -> Result<Self, TemplateError> {
        let mut templates = Templates::new();
        let recipes: Result<Vec<Prepared>, TemplateError> =
            recipes.iter().map(|recipe| Prepared::new(recipe, &mut templates)).collect();
        let mut composer = Self {
            templates,
            recipes: recipes?,
            feeds: Arc::new(Feeds::new(feeds, run.seed)),
            run,
            date: DateStamp::new(SystemTime::UNIX_EPOCH),
        };
        for message in 0..composer.recipes.len() {
            let mean = composer.sampled_mean(message);
            if let Some(recipe) = composer.recipes.get_mut(message) {
                recipe.mean_octets = mean;
            }
        }
        Ok(composer)
    }

    /// Composes one message into the buffers of `mail`.
    ///
    /// # Errors
    /// A template failed with the values of this message, or rendered to what is no address or
    /// no header value; `mail` is then not to be sent.
    pub fn compose(&mut self, order: &Order<'_>, mail: &mut Mail) -> Result<(), ComposeError> {
        self.date.set(order.now);
        let recipe = self.recipe(order.message)?;
        let mut wire = Wire::reusing(mem::take(&mut mail.octets));
        let composed = self.put_message(recipe, order, mail, &mut wire);
        if let Some(size) = recipe.size {
            wire.pad_to(size.drawn(order.draw));
        }
        mail.size = wire.size();
        mail.eight_bit = wire.eight_bit();
        wire.finish();
        mail.octets = wire.into_octets();
        composed
    }

    /// Whether the message uses `session` or `user`, so that it can be composed only when its
    /// session is known.
    pub fn needs_session(&self, message: usize) -> bool {
        self.recipe(message).is_ok_and(|recipe| recipe.needs_session)
    }

    /// About how many octets a message has on average; none where a sample can't be composed.
    pub fn mean_octets(&self, message: usize) -> Option<u64> {
        self.recipe(message).ok()?.mean_octets
    }

    fn recipe(&self, message: usize) -> Result<&Prepared, ComposeError> {
        self.recipes.get(message).ok_or(ComposeError::NoSuchMessage(message))
    }

    fn sampled_mean(&self, message: usize) -> Option<u64> {
        let recipe = self.recipe(message).ok()?;
        let mut wire = Wire::default();
        let order = Order { message, ..sample_order() };
        self.put_message(recipe, &order, &mut Mail::default(), &mut wire).ok()?;
        Some(recipe.size.map_or(0, SizeSpec::mean).max(wire.size()))
    }

    fn put_message(
        &self,
        recipe: &Prepared,
        order: &Order<'_>,
        mail: &mut Mail,
        wire: &mut Wire,
    ) -> Result<(), ComposeError> {
        let mut composition = Composition { composer: self, recipe, order, scene: None };
        composition.put_envelope(mail)?;
        recipe.pieces.iter().try_for_each(|piece| composition.put_piece(piece, mail, wire))
    }
}

/// One message while it is composed.
struct Composition<'a> {
    composer: &'a Composer,
    recipe: &'a Prepared,
    order: &'a Order<'a>,
    /// Made for the first template that needs it.
    scene: Option<Arc<Scene>>,
}

impl<'a> Composition<'a> {
    fn put_envelope(&mut self, mail: &mut Mail) -> Result<(), ComposeError> {
        let from = self.render(&self.recipe.from, site::FROM)?;
        check_sender(&from).map_err(|reason| self.no_address(&from, reason))?;
        replace(&mut mail.from, &from);
        let mut utf8 = !from.is_ascii();
        let count = self.recipient_count();
        mail.to.resize_with(count, String::new);
        let templates = self.recipe.to.iter().cycle();
        for ((to, template), site) in mail.to.iter_mut().zip(templates).zip(site::FIRST_RECIPIENT..)
        {
            let address = self.render(template, site)?;
            check_recipient(&address).map_err(|reason| self.no_address(&address, reason))?;
            replace(to, &address);
            utf8 |= !address.is_ascii();
        }
        mail.utf8 = utf8;
        Ok(())
    }

    fn recipient_count(&self) -> usize {
        let CountRange { min, max } = self.order.recipients.unwrap_or(self.recipe.count);
        let draw = self.order.draw.of(Purpose::Recipients);
        usize::try_from(draw.within(min.into(), max.into())).unwrap_or(1).max(1)
    }

    fn put_piece(
        &mut self,
        piece: &'a Piece,
        mail: &Mail,
        wire: &mut Wire,
    ) -> Result<(), ComposeError> {
        match piece {
            Piece::Date => self.composer.date.put(wire),
            Piece::MessageId => mime::put_message_id(self.composer.run, self.order.seq, wire),
            Piece::From => mime::put_from(&mail.from, wire),
            Piece::To => mime::put_to(&mail.to, wire),
            Piece::Fixed(part) => wire.put_wire(part),
            Piece::Field { name, value, site } => {
                let value = self.render(value, *site)?;
                self.check_line(name, &value)?;
                mime::put_field(name, &value, wire);
            }
            Piece::Body { text, coding } => {
                mime::put_body(&self.render(text, site::TEXT)?, *coding, wire);
            }
            Piece::Raw(text) => wire.put_lines(self.render(text, site::TEXT)?.as_bytes()),
        }
        Ok(())
    }

    fn render(&mut self, snippet: &'a Snippet, site: u64) -> Result<Cow<'a, str>, ComposeError> {
        if let Some(text) = snippet.plain() {
            return Ok(Cow::Borrowed(text));
        }
        let (order, feeds) = (self.order, &self.composer.feeds);
        let scene =
            self.scene.get_or_insert_with(|| Arc::new(Scene::new(order, Arc::clone(feeds))));
        self.composer.templates.render_at(snippet, scene, site).map_err(|error| {
            ComposeError::Template {
                message: self.recipe.name.clone(),
                template: snippet.source().to_owned(),
                reason: reason(&error),
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

    fn no_address(&self, value: &str, reason: super::AddressError) -> ComposeError {
        let message = self.recipe.name.clone();
        ComposeError::Address { message, value: value.to_owned(), reason }
    }
}

fn replace(buffer: &mut String, text: &str) {
    buffer.clear();
    buffer.push_str(text);
}
