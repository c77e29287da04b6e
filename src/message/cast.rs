//! A mail that was built → the next one of its kind, by new octets in the few fields that change.
//!
//! Where all messages of a recipe are the same but for Date, Message-ID and the number in the
//! trace fields, which have a fixed width, a used buffer needs no more than these: a message of
//! 1 MiB then costs as little as one of 1 KiB.

use std::sync::Arc;

use super::layout::Prepared;
use super::mime::{self, DateStamp};
use super::{CountRange, Mail, Order};
use crate::smtp::BodyType;

/// What a mail was built for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Cast {
    /// The composer's recipes, of whose number there is but one.
    book: u64,
    /// The position of the recipe.
    pub(super) message: usize,
    body: BodyType,
    recipients: Option<CountRange>,
    phase: String,
    client: String,
    places: Places,
}

/// Where the values of the fields stand that change, in octets; none where there is no such field.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Places {
    /// That of Date.
    pub(crate) date: Option<usize>,
    /// The message's number, with which the Message-ID begins; what follows is the run's.
    pub(crate) id: Option<usize>,
    /// The number of the trace fields.
    pub(crate) seq: Option<usize>,
}

impl Cast {
    /// Remembers what a mail was just built for, if the next one may be the same.
    pub(crate) fn of(
        book: u64,
        recipe: &Prepared,
        order: &Order<'_>,
        places: Places,
    ) -> Option<Self> {
        let is_exact = order.recipients.is_none_or(|count| count.min == count.max);
        (recipe.is_constant && is_exact).then(|| Self {
            book,
            message: order.message,
            body: order.body,
            recipients: order.recipients,
            phase: order.phase.to_owned(),
            client: order.client.to_owned(),
            places,
        })
    }

    /// Whether the mail that an order asks for is the same but for what changes.
    pub(crate) fn serves(&self, book: u64, order: &Order<'_>) -> bool {
        (self.book, self.message, self.body, self.recipients)
            == (book, order.message, order.body, order.recipients)
            && self.phase == order.phase
            && self.client == order.client
    }
}

/// Makes a mail the one that an order asks for; false where it can't be made of it.
pub(crate) fn recast(mail: &mut Mail, book: u64, order: &Order<'_>, date: &DateStamp) -> bool {
    let Some(cast) = mail.cast.as_ref().filter(|cast| cast.serves(book, order)) else {
        return false;
    };
    let Places { date: date_at, id, seq } = cast.places;
    let Some(octets) = Arc::get_mut(&mut mail.octets) else { return false };
    let fields: [(Option<usize>, &[u8]); 3] = [
        (date_at, date.text().as_bytes()),
        (id, &mime::hexadecimal(order.seq)),
        (seq, &mime::decimal(order.seq)),
    ];
    for (place, value) in fields {
        let room = place.and_then(|place| octets.get_mut(place..place + value.len()));
        if let Some(room) = room {
            room.copy_from_slice(value);
        }
    }
    true
}
