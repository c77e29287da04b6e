//! One session's transport: a dialog's acts carried out on a connection.
//!
//! Octets are written first and waited for only if the kernel says so; the read buffer belongs to
//! the worker and is kept by a session only for a partial reply; one clock reading serves all
//! replies of one read. A session never stops reading, neither while it writes nor while idle.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::booking;
use super::books::{Books, ErrorText};
use super::connect::{Unconnected, connect};
use super::dialer::{Dialer, Route};
use super::handle::{Handle, Signal};
use super::handshake::Agreed;
use super::outgoing::Outgoing;
use super::start::Start;
use super::transport::Transport;
use super::trickle::Trickle;
use super::worker::Worker;
use crate::plan::PhaseId;
use crate::record::CellKey;
use crate::smtp::{Dialog, End, Event, Input, Mark, Outcome, Reply, Step};

/// What ended a wait.
enum Happening {
    /// So many octets are in the worker's read buffer.
    Read(usize),
    /// The connection ended.
    Ended(Option<io::Error>),
    /// The handshake came to its end.
    Shaken(io::Result<Agreed>),
    /// The worker says something.
    Told(Signal),
}

/// Whether a session goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Flow {
    On,
    /// It goes on with a TLS handshake.
    Secure,
    Over,
}

/// Opens a session for a start and serves until it ends.
///
/// Thousands of these futures live at one time, so what only connecting needs is gone when the
/// session stands, and a session is held once.
pub(super) async fn serve<D: Dialer>(worker: Rc<Worker<D>>, handle: Rc<Handle>, start: Start) {
    let attendance = Attendance { worker, handle };
    // Declared behind it, so that what it carries is booked before the session is gone.
    let mut start = start;
    let Attendance { worker, handle } = &attendance;
    let began = Instant::now();
    let route = set_out(worker, handle, &mut start, began);
    let connected = connect(&worker.dialer, &route, handle).await;
    let ahead = if connected.is_ok() { route.preamble.len() as u64 } else { 0 };
    drop(route);
    worker.books.count(start.key, |cell| cell.octets.sent += ahead);
    let mut opened = Session::open(&attendance, start, began, connected);
    // By reference: moved out, it would be held twice.
    if let Some(session) = &mut opened {
        session.converse().await;
    }
}

/// A start's session is about to be connected; how.
fn set_out<D: Dialer>(
    worker: &Worker<D>,
    handle: &Handle,
    start: &mut Start,
    now: Instant,
) -> Route {
    start.goes_to(handle.address);
    start.act(now);
    worker.books.count(start.key, |cell| cell.sessions.started += 1);
    handle.deadline.set(Some(now + worker.sender(handle.client).timeouts.connect));
    worker.route(handle)
}

/// Tells the worker that a session is gone, on every way out.
pub(super) struct Attendance<D: Dialer> {
    pub(super) worker: Rc<Worker<D>>,
    pub(super) handle: Rc<Handle>,
}

impl<D: Dialer> Drop for Attendance<D> {
    fn drop(&mut self) {
        self.worker.session_gone(&self.handle);
    }
}

pub(super) struct Session<D: Dialer> {
    pub(super) worker: Rc<Worker<D>>,
    pub(super) handle: Rc<Handle>,
    pub(super) connection: Transport<D::Connection>,
    pub(super) dialog: Dialog,
    /// The messages in progress, the oldest first.
    pub(super) starts: VecDeque<Start>,
    /// What its events are booked under: the phase of the start that it last carried.
    pub(super) key: CellKey,
    pub(super) began: Instant,
    pub(super) carried: u32,
    pub(super) thinking_until: Option<Instant>,
    pub(super) out: Outgoing,
    /// The places in `out` that the dialog is told of when they are written.
    pub(super) marks: VecDeque<(usize, Mark)>,
    pub(super) write_failed: bool,
    /// The newest message has begun, and not an octet of it was given to the kernel.
    pub(super) unsent: bool,
    pub(super) partial: Vec<u8>,
    /// How a paced client writes.
    pub(super) trickle: Option<Box<Trickle>>,
    pub(super) events: Vec<Event>,
    pub(super) text: ErrorText,
}

/// There is no connection: books why, and ends the start that it was for.
fn unconnected(
    books: &Books,
    start: Start,
    failure: &Unconnected,
    (took, now): (Duration, Instant),
) {
    let gave_up_after = failure.is_too_late().then_some(took);
    books.count(start.key, |cell| {
        cell.step(Step::Connect).unanswered(gave_up_after);
        if failure.is_too_late() {
            cell.session.record_censored(took);
        }
    });
    let (outcome, cause) = failure.outcome(took);
    if failure.is_refusal() {
        booking::refused(books, start.key, &cause);
    }
    start.settle(&End::without_reply(outcome, Step::Connect), now, &ErrorText::of(cause));
}

impl<D: Dialer> Session<D> {
    /// A session on what connecting has come to; a failure is the start's end.
    fn open(
        attendance: &Attendance<D>,
        start: Start,
        began: Instant,
        connected: Result<D::Connection, Unconnected>,
    ) -> Option<Self> {
        let Attendance { worker, handle } = attendance;
        let now = Instant::now();
        let took = now.saturating_duration_since(began);
        handle.deadline.set(None);
        let connection = match connected {
            Ok(connection) => connection,
            Err(failure) => {
                unconnected(&worker.books, start, &failure, (took, now));
                return None;
            }
        };
        let key = start.key;
        worker.books.count(key, |cell| {
            let step = cell.step(Step::Connect);
            step.ok += 1;
            step.time.record(took);
        });
        worker.connected(handle);
        let pace = worker.client(handle.client).pace;
        let dialog = Dialog::new(worker.manners(handle.client)).numbered(handle.number);
        let dialog = worker.with_login(dialog, handle, start.message);
        let mut starts = VecDeque::with_capacity(1);
        starts.push_back(start);
        Some(Self {
            worker: Rc::clone(worker),
            handle: Rc::clone(handle),
            connection: Transport::Plain(connection),
            dialog,
            starts,
            key,
            began,
            carried: 0,
            thinking_until: None,
            out: Outgoing::default(),
            marks: VecDeque::new(),
            write_failed: false,
            unsent: false,
            partial: Vec::new(),
            trickle: pace.map(|pace| Box::new(Trickle::new(pace))),
            events: Vec::new(),
            text: ErrorText::default(),
        })
    }

    async fn converse(&mut self) {
        let now = Instant::now();
        let act = self.dialog.on(Input::Opened, now, self.out.commands(), &mut self.events);
        let mut flow = self.proceed(act, now);
        if flow == Flow::Secure {
            flow = self.secure(&[], now);
        }
        self.await_reply(now);
        while flow != Flow::Over {
            let happening = match self.thinking_until {
                None => Some(self.happening().await),
                Some(until) => {
                    let waited = tokio::time::timeout_at(until, self.happening()).await;
                    waited.ok()
                }
            };
            let now = Instant::now();
            flow = match happening {
                None => {
                    self.thinking_until = None;
                    self.seek(now)
                }
                Some(Happening::Read(count)) => self.read(count, now),
                Some(Happening::Ended(error)) => self.ended(error, now),
                Some(Happening::Shaken(agreed)) => self.shaken(agreed, now),
                Some(Happening::Told(signal)) => self.told(signal, now),
            };
        }
    }

    /// Waits for the next thing that happens. Cancel safe: octets written are counted at once.
    async fn happening(&mut self) -> Happening {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Happening> {
        // A session that was closed while idle is found so before its next MAIL; where nothing
        // was heard, reading first costs no system call.
        if !self.unsent {
            self.poll_out(context);
        }
        if let Poll::Ready(happening) = self.poll_in(context) {
            return Poll::Ready(happening);
        }
        if self.unsent {
            self.poll_out(context);
        }
        if let Some(signal) = self.handle.told() {
            return Poll::Ready(Happening::Told(signal));
        }
        self.handle.listen(context.waker());
        Poll::Pending
    }

    /// Writes what is to be written, as far as the kernel takes it.
    fn poll_out(&mut self, context: &mut Context<'_>) {
        while !self.out.is_written() && !self.write_failed {
            // The moment of giving them to the kernel, before the server can have answered.
            let now = Instant::now();
            match self.poll_write(context, now) {
                Poll::Ready(Ok(count)) if count > 0 => self.wrote(count, now),
                // What the server said before it closed may still be there to read.
                Poll::Ready(Ok(_) | Err(_)) => self.write_failed = true,
                Poll::Pending => return,
            }
        }
    }

    fn poll_in(&mut self, context: &mut Context<'_>) -> Poll<Happening> {
        let mut buffer = self.worker.buffer.borrow_mut();
        let mut read = ReadBuf::new(&mut buffer);
        let polled = match &mut self.connection {
            Transport::Plain(plain) => Pin::new(plain).poll_read(context, &mut read),
            Transport::Tls(sealed) => sealed.poll_read(context, &mut read),
            Transport::Handshake(_) | Transport::Lost => {
                let agreed = self.connection.poll_handshake(context);
                return agreed.map(|stream| Happening::Shaken(stream.map(Agreed::of)));
            }
        };
        match polled {
            Poll::Ready(Ok(())) if read.filled().is_empty() => Poll::Ready(Happening::Ended(None)),
            Poll::Ready(Ok(())) => Poll::Ready(Happening::Read(read.filled().len())),
            Poll::Ready(Err(error)) => Poll::Ready(Happening::Ended(Some(error))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, now: Instant) -> Poll<io::Result<usize>> {
        let written = match &mut self.trickle {
            None => {
                let (pieces, count) = self.out.pieces();
                let pieces = pieces.get(..count).unwrap_or_default();
                self.connection.poll_write_pieces(context, pieces)
            }
            Some(trickle) => {
                let from = self.out.written();
                let allowed = trickle.poll_allowance(context, from..self.out.len(), now);
                let Poll::Ready(count) = allowed else {
                    self.paused(now);
                    return Poll::Pending;
                };
                let octets = self.out.own().get(from..from + count).unwrap_or_default();
                self.connection.poll_write(context, octets)
            }
        };
        if written.is_pending() {
            if self.connection.holds() {
                self.first_octet(now);
            }
            self.stuck(now);
        }
        written
    }

    /// Something of the newest message may be on its way.
    fn first_octet(&mut self, now: Instant) {
        if std::mem::take(&mut self.unsent) && self.carried > 1 {
            self.worker.books.count(self.key, |cell| cell.sessions.reused += 1);
        }
        for start in &mut self.starts {
            start.act(now);
        }
    }

    fn wrote(&mut self, count: usize, now: Instant) {
        self.out.wrote(count);
        self.trickled(count, now);
        self.first_octet(now);
        self.worker.books.count(self.key, |cell| cell.octets.sent += count as u64);
        while let Some((_, mark)) = self.marks.pop_front_if(|(at, _)| self.out.written() >= *at) {
            self.dialog.written(mark, now);
        }
        if self.out.is_written() {
            self.dialog.on(Input::Flushed, now, self.out.commands(), &mut self.events);
            self.flushed(now);
        }
    }

    fn flushed(&mut self, now: Instant) {
        self.out.clear();
        if let Some(trickle) = &mut self.trickle {
            trickle.clear();
        }
        self.fill_up(now);
        self.await_reply(now);
    }

    fn read(&mut self, count: usize, now: Instant) -> Flow {
        self.worker.books.count(self.key, |cell| cell.octets.received += count as u64);
        let worker = Rc::clone(&self.worker);
        let buffer = worker.buffer.borrow();
        let fresh = buffer.get(..count).unwrap_or_default();
        let (flow, heard) = if self.partial.is_empty() {
            let (flow, rest) = self.replies(fresh, now);
            self.partial.extend_from_slice(rest);
            (flow, rest.len() < fresh.len())
        } else {
            let mut octets = std::mem::take(&mut self.partial);
            octets.extend_from_slice(fresh);
            let (flow, rest) = self.replies(&octets, now);
            self.partial = rest.to_vec();
            (flow, rest.len() < octets.len())
        };
        // A part of a reply is no reply: who says it octet by octet gains no time.
        if heard {
            self.await_reply(now);
        }
        flow
    }

    /// Takes all complete replies; what is left over begins the next one.
    fn replies<'a>(&mut self, octets: &'a [u8], now: Instant) -> (Flow, &'a [u8]) {
        let mut rest = octets;
        loop {
            let (input, reply) = match Reply::parse(rest) {
                // A next message begins only when all that the server has said is heard.
                Ok(None) => return (self.go_on(now), rest),
                Ok(Some((reply, length))) => {
                    rest = rest.get(length..).unwrap_or_default();
                    (Input::Reply(reply), Some(reply))
                }
                Err(_) => {
                    let line = String::from_utf8_lossy(first_line(rest));
                    let line = match self.dialog.veil() {
                        Some(veil) => veil.cover(&line),
                        None => line.into_owned(),
                    };
                    self.text.because(format!("`{line}`"));
                    (Input::Illegal, None)
                }
            };
            match self.take(input, reply.as_ref(), now) {
                Flow::On => {}
                Flow::Secure => return (self.secure(rest, now), &[]),
                Flow::Over => return (Flow::Over, &[]),
            }
        }
    }

    /// Gives the dialog what happened and does what it says.
    pub(super) fn take(
        &mut self,
        input: Input<'_>,
        reply: Option<&Reply<'_>>,
        now: Instant,
    ) -> Flow {
        // Whatever comes before MAIL's first octet was not caused by it.
        let stale = self.take_back() || self.dialog.is_idle();
        if matches!(input, Input::Eof) && (stale || self.has_just_said_mail()) {
            self.book_closed();
        }
        let act = self.dialog.on(input, now, self.out.commands(), &mut self.events);
        self.book_events(reply, now);
        let flow = self.proceed(act, now);
        if flow == Flow::Over && stale {
            self.worker.books.count(self.key, |cell| cell.sessions.stale += 1);
        }
        flow
    }

    /// Whether nothing was sent of the message that has just begun, in a session that has carried
    /// others before it.
    pub(super) const fn may_be_taken_back(&self) -> bool {
        self.unsent && self.carried > 1
    }

    /// A message of which nothing was sent goes to another session, at no charge, if this one has
    /// carried others before it.
    fn take_back(&mut self) -> bool {
        let back = self.may_be_taken_back();
        if back {
            self.unsent = false;
            self.carried -= 1;
            *self.handle.job.borrow_mut() = self.starts.pop_back();
        }
        back
    }

    fn told(&mut self, signal: Signal, now: Instant) -> Flow {
        match signal {
            Signal::Deadline if self.handle.is_overdue(now) && !self.dialog.is_idle() => {
                self.give_up(now)
            }
            Signal::Cut(phase) => self.cut(phase, now),
            Signal::Leave if self.dialog.is_idle() => self.leave(now),
            Signal::Leave => {
                self.handle.retiring.set(true);
                Flow::On
            }
            // Who waits in the pool has taken its work already.
            Signal::Work
                if self.dialog.is_idle()
                    && self.thinking_until.is_none()
                    && self.handle.idle_since.get().is_none() =>
            {
                self.seek(now)
            }
            // A deadline that was met meanwhile, and work that a session finds or found by itself.
            Signal::Deadline | Signal::Work => Flow::On,
        }
    }

    fn give_up(&mut self, now: Instant) -> Flow {
        self.text.because("no reply in time");
        self.take(Input::Deadline, None, now)
    }

    /// The drain of a phase is over: its message ends here, begun or not.
    fn cut(&mut self, phase: PhaseId, now: Instant) -> Flow {
        let waits = |start: &mut Start| start.key.phase == phase;
        if let Some(start) = self.handle.job.borrow_mut().take_if(waits) {
            let (outcome, why) = if start.is_built() {
                (Outcome::TimedOut, "its phase was over before it could begin")
            } else {
                (Outcome::Local, "its phase was over before the tester had built it")
            };
            start.settle(&End::without_reply(outcome, Step::Mail), now, &ErrorText::of(why));
            // It stayed with the session, which has nothing to do now.
            self.handle.tell(Signal::Work);
        }
        let carries = self.starts.front().is_some_and(|start| start.key.phase == phase);
        if !carries || self.dialog.is_leaving() {
            Flow::On
        } else if self.is_at_its_own_pace() {
            self.break_off(now)
        } else {
            self.drop_riders(phase, now);
            self.give_up(now)
        }
    }

    /// What rides behind the message that is cut belongs to a phase that goes on: the plan ends it,
    /// not the server.
    fn drop_riders(&mut self, cut: PhaseId, now: Instant) {
        for _ in 0..self.dialog.unfinished() {
            let rider = self.starts.pop_back_if(|start| start.key.phase != cut);
            let Some(start) = rider else { return };
            let end = End::without_reply(Outcome::Interrupted, Step::Mail);
            start.settle(&end, now, &ErrorText::of("the message before it was cut"));
        }
    }

    /// Sets the time by which the awaited reply must be there.
    pub(super) fn await_reply(&self, now: Instant) {
        if self.is_at_its_own_pace() {
            // The server's time counts from the last octet.
            self.handle.deadline.set(None);
            return;
        }
        let timeouts = self.worker.sender(self.handle.client).timeouts;
        let limit = self.dialog.awaited().map(|step| {
            let ends = matches!(step, Step::EndOfData | Step::Bdat);
            if ends { timeouts.end_of_data } else { timeouts.reply }
        });
        self.handle.deadline.set(limit.map(|limit| now + limit));
    }
}

pub(super) fn first_line(octets: &[u8]) -> &[u8] {
    let end =
        octets.iter().take(200).position(|octet| *octet == b'\n').unwrap_or(octets.len().min(200));
    octets.get(..end).unwrap_or_default()
}
