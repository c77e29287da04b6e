//! BDAT (RFC 3030): chunks of so many octets, each with a reply of its own, until the last one
//! ends the text.
//!
//! A chunk's octets are used up whatever the reply to it is: else a client that has sent them
//! would see its text taken for commands. The last chunk ends the transaction even where it is
//! refused, so that messages which are in flight behind it have theirs.

use super::transaction::{Envelope, Verdict};
use super::{Dialogue, Granted, Stage, Turn, replies};
use crate::sink::capabilities::LARGEST_TEXT;
use crate::sink::command::Position;
use crate::smtp::Step;

const STEP: Step = Step::Bdat;

/// A chunk while it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub(super) left: u64,
    position: Position,
    place: Place,
}

/// Where the session stands beside the chunk.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In a transaction that can take it; the text with it has so many octets.
    Taken(Envelope, u64),
    /// In a transaction that can't.
    Refused(Envelope, &'static [u8]),
    /// Outside of any transaction, where it is refused in any case.
    Outside(Outside, &'static [u8]),
}

/// What the session waits for outside of any transaction.
#[derive(Clone, Copy, Debug)]
enum Outside {
    Turned,
    AwaitHello,
    AwaitMail,
}

impl Dialogue {
    pub(super) fn bdat(&mut self, size: u64, position: Position) {
        let place = match self.stage {
            Stage::AwaitData(envelope) => envelope.place_of(size),
            Stage::Turned => Place::Outside(Outside::Turned, replies::NO_SERVICE),
            Stage::AwaitHello => Place::Outside(Outside::AwaitHello, replies::HELLO_FIRST),
            Stage::AwaitMail => Place::Outside(Outside::AwaitMail, replies::MAIL_FIRST),
            // No command is read there.
            Stage::AwaitHeader
            | Stage::Opening
            | Stage::AwaitHandshake(_)
            | Stage::AwaitResponse
            | Stage::AwaitDot(..)
            | Stage::AwaitChunk(_)
            | Stage::Delivering(_)
            | Stage::Over(_) => return,
        };
        self.stage = Stage::AwaitChunk(Chunk { left: size, position, place });
    }

    pub(super) fn read_chunk(&mut self, rest: &[u8], mut chunk: Chunk, turn: &Turn<'_>) -> usize {
        let length = usize::try_from(chunk.left).map_or(rest.len(), |left| left.min(rest.len()));
        chunk.left -= length as u64;
        self.search_in(rest.get(..length).unwrap_or_default(), turn);
        self.stage = Stage::AwaitChunk(chunk);
        length
    }

    pub(super) fn end_of_chunk(&mut self, chunk: Chunk, turn: &mut Turn<'_>) {
        match (chunk.place, chunk.position) {
            (Place::Outside(outside, refusal), _) => {
                self.stage = match outside {
                    Outside::Turned => Stage::Turned,
                    Outside::AwaitHello => Stage::AwaitHello,
                    Outside::AwaitMail => Stage::AwaitMail,
                };
                self.object(Some(STEP), refusal, turn);
            }
            (Place::Refused(_, refusal), Position::Last) => {
                self.stage = Stage::AwaitMail;
                self.object(Some(STEP), refusal, turn);
            }
            (Place::Refused(envelope, refusal), Position::Inner) => {
                self.stage = Stage::AwaitData(envelope.without_rest());
                self.object(Some(STEP), refusal, turn);
            }
            (Place::Taken(envelope, octets), Position::Last) => {
                turn.behaviour.tally.chunk();
                self.end_of_text(STEP, envelope, Verdict::Taken(octets), turn);
            }
            (Place::Taken(envelope, octets), Position::Inner) => {
                self.inner_chunk(envelope, octets, turn);
            }
        }
    }

    fn inner_chunk(&mut self, envelope: Envelope, octets: u64, turn: &mut Turn<'_>) {
        let envelope = match self.answer(STEP, replies::CHUNK_TAKEN, turn) {
            Granted::Yes => {
                turn.behaviour.tally.chunk();
                envelope.with_chunks(octets)
            }
            Granted::No => envelope.without_rest(),
        };
        self.stay(Stage::AwaitData(envelope));
    }
}

impl Envelope {
    /// What becomes of a chunk in this transaction.
    fn place_of(self, size: u64) -> Place {
        let octets = self.chunked().saturating_add(size);
        let refusal = if self.is_spoilt() {
            replies::CHUNK_REFUSED
        } else if let Some(refusal) = self.nobody() {
            refusal
        } else if octets > LARGEST_TEXT {
            replies::TOO_LARGE
        } else {
            return Place::Taken(self, octets);
        };
        Place::Refused(self, refusal)
    }
}
