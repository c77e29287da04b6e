//! What a session does next: begins a message, thinks, waits in the pool, or leaves.

use std::time::Duration;

use tokio::time::Instant;

use super::books::ErrorText;
use super::dialer::Dialer;
use super::pool::Next;
use super::session::{Flow, Session};
use super::start::Start;
use crate::message::Mail;
use crate::smtp::{Act, BodyType, End, Envelope, Mark, Outcome, Step};

/// The pause after a message that could not be sent at all.
const LOCAL_PAUSE: Duration = Duration::from_millis(1);

impl<D: Dialer> Session<D> {
    pub(super) fn proceed(&mut self, act: Act, now: Instant) -> Flow {
        match act {
            Act::Flush => {}
            Act::Text => self.put_text(now),
            Act::Chunk => self.put_chunk(),
            Act::StartTls => return Flow::Secure,
            Act::Close | Act::Reset => return self.part(act),
        }
        // The start that the session was opened for begins at once.
        if self.carried == 0 { self.turn_if_idle(now) } else { Flow::On }
    }

    pub(super) fn turn_if_idle(&mut self, now: Instant) -> Flow {
        if self.dialog.is_idle() && self.out.is_empty() { self.turn(now) } else { Flow::On }
    }

    /// All that the server has said is heard: a next message begins, if one may.
    pub(super) fn go_on(&mut self, now: Instant) -> Flow {
        let flow = self.turn_if_idle(now);
        if flow == Flow::On {
            self.fill_up(now);
        }
        flow
    }

    /// Begins further messages behind those whose chunks are in flight, where there is room. None
    /// before the first octet of a message that may still go to another session: that one goes
    /// alone.
    pub(super) fn fill_up(&mut self, now: Instant) {
        while !self.may_be_taken_back()
            && self.dialog.has_room()
            && self.may_carry_more()
            && let Some(next) = self.worker.rider(&self.handle, now)
        {
            if !self.begin(next, now) {
                break;
            }
        }
    }

    /// The text of the newest message, as a chunk.
    fn put_chunk(&mut self) {
        let Some(start) = self.starts.back() else { return };
        self.marks.push_back((self.out.len(), Mark::Commands));
        let from = self.out.len();
        match (&mut self.trickle, start.mail.chunk_as_composed()) {
            (None, Some(chunk)) => self.out.put_text(&start.mail.octets, chunk),
            (_, _) => start.mail.put_chunk(self.out.commands()),
        }
        if let Some(trickle) = &mut self.trickle {
            trickle.add_text(from..self.out.len());
        }
        self.marks.push_back((self.out.len(), Mark::Text));
    }

    /// The text of the oldest message, and in one-round-trip mode the next one's commands.
    pub(super) fn put_text(&mut self, now: Instant) {
        let Some(start) = self.starts.front() else { return };
        let text = &start.mail.octets;
        if let Some(trickle) = &mut self.trickle {
            let from = self.out.len();
            self.out.commands().extend_from_slice(text);
            trickle.add_text(from..self.out.len());
        } else {
            self.out.put_text(text, 0..text.len());
        }
        self.marks.push_back((self.out.len(), Mark::Text));
        if self.may_carry_more()
            && self.dialog.may_ride()
            && let Some(next) = self.worker.rider(&self.handle, now)
        {
            self.begin(next, now);
        }
    }

    /// Whether a next message may follow at once.
    fn may_carry_more(&self) -> bool {
        self.carried < self.handle.quota && !self.thinks()
    }

    pub(super) fn thinks(&self) -> bool {
        !self.worker.think(self.handle.client).is_zero()
    }

    /// A message has ended, or the session has just become ready.
    pub(super) fn turn(&mut self, now: Instant) -> Flow {
        if let Some(first) = self.starts.pop_front() {
            // The start that the session was opened for.
            let Some(first) = self.worker.when_built(&self.handle, first) else { return Flow::On };
            if self.begin(first, now) {
                return Flow::On;
            }
        }
        self.handle.busy.set(false);
        if self.handle.retiring.get() || self.carried >= self.handle.quota {
            return self.leave(now);
        }
        let think = self.worker.think(self.handle.client);
        if think > Duration::ZERO {
            self.thinking_until = Some(now + think);
            self.out.release();
            return Flow::On;
        }
        self.seek(now)
    }

    /// Takes the next start, or waits in the pool, or leaves.
    pub(super) fn seek(&mut self, now: Instant) -> Flow {
        match self.worker.next(&self.handle, now) {
            Next::Start(start) => {
                if !self.begin(start, now) {
                    // The loop of events goes on between messages that can't be sent.
                    self.thinking_until = Some(now + LOCAL_PAUSE);
                }
                Flow::On
            }
            Next::Parked => Flow::On,
            Next::Leave => self.leave(now),
        }
    }

    /// Begins a message; false if it could not be composed and is already settled.
    pub(super) fn begin(&mut self, mut start: Start, now: Instant) -> bool {
        start.goes_to(self.handle.address);
        let body = self.dialog.body();
        self.worker.sender(self.handle.client).body.set(body);
        let composed = self.worker.compose_late(&mut start, self.handle.number).and_then(|()| {
            // It was composed for a server that took more.
            let fits = !start.mail.eight_bit || body == BodyType::EightBitMime;
            if fits { Ok(()) } else { self.worker.compose_again(&mut start, self.handle.number) }
        });
        let envelope = envelope(start.seq, &start.mail);
        let sendable = composed.and_then(|()| match self.dialog.lacks(&envelope) {
            Some(lack) => Err(lack.to_owned()),
            None => Ok(()),
        });
        if let Err(why) = sendable {
            let end = End::without_reply(Outcome::Local, Step::Mail);
            start.settle(&end, now, &ErrorText::of(why));
            return false;
        }
        self.carried += 1;
        self.handle.busy.set(true);
        self.unsent = self.out.is_empty() && self.starts.is_empty();
        if !self.unsent {
            // It rides behind the text of another one.
            self.worker.books.count(start.key, |cell| cell.sessions.reused += 1);
        }
        let expect = self.worker.expectations(&start);
        let act = self.dialog.begin(&envelope, expect, self.out.commands());
        self.starts.push_back(start);
        if act == Act::Chunk {
            self.put_chunk();
        }
        self.follow_front();
        self.await_reply(now);
        true
    }

    /// Events are booked, and the session counts, for the phase of the oldest message.
    pub(super) fn follow_front(&mut self) {
        if let Some(front) = self.starts.front() {
            self.key = front.key;
            self.worker.owns(&self.handle, front.key.phase);
        }
    }

    pub(super) fn leave(&mut self, now: Instant) -> Flow {
        self.thinking_until = None;
        self.handle.leaving.set(true);
        let act = self.dialog.leave(self.out.commands());
        self.await_reply(now);
        match act {
            Act::Flush | Act::Text | Act::Chunk | Act::StartTls => Flow::On,
            Act::Close | Act::Reset => self.part(act),
        }
    }

    /// Ends the connection: orderly, or by a reset.
    fn part(&mut self, act: Act) -> Flow {
        if act == Act::Reset {
            self.connection.reset_on_close();
        } else {
            self.connection.say_goodbye();
        }
        Flow::Over
    }
}

/// What MAIL and RCPT say of a mail.
pub(super) fn envelope(id: u64, mail: &Mail) -> Envelope<'_> {
    let Mail { from, to, size, eight_bit, utf8, .. } = mail;
    Envelope { id, from, to, size: *size, eight_bit: *eight_bit, utf8: *utf8 }
}
