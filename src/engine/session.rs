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

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::books::{ErrorText, Start};
use super::connect::connect;
use super::dialer::{Connection, Dialer};
use super::handle::{Handle, Signal};
use super::pool::Next;
use super::worker::Worker;
use crate::message::Mail;
use crate::record::{CellKey, RecipientEnd as Counted};
use crate::smtp::{Act, Dialog, End, Envelope, Event, Input, Outcome, RecipientEnd, Reply, Step};

/// What ended a wait.
enum Happening {
    /// All octets were given to the kernel.
    Flushed,
    /// So many octets are in the worker's read buffer.
    Read(usize),
    /// The connection ended.
    Ended(Option<io::Error>),
    /// The worker says something.
    Told(Signal),
}

/// Whether a session goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flow {
    On,
    Over,
}

/// Opens a session for a start and serves until it ends.
pub(super) async fn serve<D: Dialer>(worker: Rc<Worker<D>>, handle: Rc<Handle>, start: Start) {
    let attendance = Attendance { worker: Rc::clone(&worker), handle: Rc::clone(&handle) };
    if let Some(session) = Session::open(worker, handle, start).await {
        session.converse().await;
    }
    drop(attendance);
}

/// Tells the worker that a session is gone, on every way out.
struct Attendance<D: Dialer> {
    worker: Rc<Worker<D>>,
    handle: Rc<Handle>,
}

impl<D: Dialer> Drop for Attendance<D> {
    fn drop(&mut self) {
        self.worker.session_gone(&self.handle);
    }
}

struct Session<D: Dialer> {
    worker: Rc<Worker<D>>,
    handle: Rc<Handle>,
    connection: D::Connection,
    dialog: Dialog,
    /// The messages in progress, the oldest first.
    starts: VecDeque<Start>,
    /// What its events are booked under: the phase of the start that it last carried.
    key: CellKey,
    began: Instant,
    carried: u32,
    thinking_until: Option<Instant>,
    out: Vec<u8>,
    written: usize,
    /// Where in `out` the final dot ends.
    dot: Option<usize>,
    write_failed: bool,
    partial: Vec<u8>,
    events: Vec<Event>,
    text: ErrorText,
}

impl<D: Dialer> Session<D> {
    /// Connects; a failure is the start's end.
    async fn open(worker: Rc<Worker<D>>, handle: Rc<Handle>, mut start: Start) -> Option<Self> {
        start.goes_to(handle.address);
        let key = start.key;
        let began = Instant::now();
        start.act(began);
        worker.books.count(key, |cell| cell.sessions.started += 1);
        let timeouts = worker.timeouts(handle.client);
        handle.deadline.set(Some(began + timeouts.connect));
        let address = worker.address(&handle);
        let connected = connect(&worker.dialer, address, &handle).await;
        let now = Instant::now();
        let took = now.saturating_duration_since(began);
        handle.deadline.set(None);
        match connected {
            Ok(connection) => {
                worker.books.count(key, |cell| {
                    let step = cell.step(Step::Connect);
                    step.ok += 1;
                    step.time.record(took);
                });
                worker.connected(&handle);
                let dialog = Dialog::new(worker.manners(handle.client));
                let mut session = Self {
                    worker,
                    handle,
                    connection,
                    dialog,
                    starts: VecDeque::new(),
                    key,
                    began,
                    carried: 0,
                    thinking_until: None,
                    out: Vec::new(),
                    written: 0,
                    dot: None,
                    write_failed: false,
                    partial: Vec::new(),
                    events: Vec::new(),
                    text: ErrorText::default(),
                };
                session.starts.push_back(start);
                Some(session)
            }
            Err(failure) => {
                worker.books.count(key, |cell| cell.step(Step::Connect).refused += 1);
                let (outcome, example) = failure.outcome(took);
                let text = ErrorText::of(example);
                start.settle(&End::without_reply(outcome, Step::Connect), now, &text);
                None
            }
        }
    }

    async fn converse(mut self) {
        let now = Instant::now();
        let act = self.dialog.on(Input::Opened, now, &mut self.out, &mut self.events);
        let mut flow = self.proceed(act, now);
        self.await_reply(now);
        while flow == Flow::On {
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
                Some(Happening::Flushed) => self.flushed(now),
                Some(Happening::Read(count)) => self.read(count, now),
                Some(Happening::Ended(error)) => self.ended(error, now),
                Some(Happening::Told(signal)) => self.told(signal, now),
            };
        }
    }

    /// Waits for the next thing that happens. Cancel safe: octets written are counted at once.
    async fn happening(&mut self) -> Happening {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Happening> {
        if self.written < self.out.len() && !self.write_failed {
            match self.poll_write(context) {
                Poll::Ready(Ok(())) => return Poll::Ready(Happening::Flushed),
                // What the server said before it closed may still be there to read.
                Poll::Ready(Err(_)) => self.write_failed = true,
                Poll::Pending => {}
            }
        }
        let mut buffer = self.worker.buffer.borrow_mut();
        let mut read = ReadBuf::new(&mut buffer);
        match Pin::new(&mut self.connection).poll_read(context, &mut read) {
            Poll::Ready(Ok(())) if read.filled().is_empty() => {
                return Poll::Ready(Happening::Ended(None));
            }
            Poll::Ready(Ok(())) => return Poll::Ready(Happening::Read(read.filled().len())),
            Poll::Ready(Err(error)) => return Poll::Ready(Happening::Ended(Some(error))),
            Poll::Pending => {}
        }
        if let Some(signal) = self.handle.told() {
            return Poll::Ready(Happening::Told(signal));
        }
        self.handle.listen(context.waker());
        Poll::Pending
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) else {
                return Poll::Ready(Ok(()));
            };
            // The moment of giving them to the kernel, before the server can have answered.
            let now = Instant::now();
            match Pin::new(&mut self.connection).poll_write(context, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => self.wrote(count, now),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn wrote(&mut self, count: usize, now: Instant) {
        self.written += count;
        self.worker.books.count(self.key, |cell| cell.octets.sent += count as u64);
        if let Some(start) = self.starts.back_mut() {
            start.act(now);
        }
        if self.dot.is_some_and(|dot| self.written >= dot) {
            self.dot = None;
            self.dialog.text_written(now);
        }
        if self.written == self.out.len() {
            self.dialog.on(Input::Flushed, now, &mut self.out, &mut self.events);
        }
    }

    fn flushed(&mut self, now: Instant) -> Flow {
        self.out.clear();
        self.written = 0;
        self.await_reply(now);
        Flow::On
    }

    fn read(&mut self, count: usize, now: Instant) -> Flow {
        self.worker.books.count(self.key, |cell| cell.octets.received += count as u64);
        let worker = Rc::clone(&self.worker);
        let buffer = worker.buffer.borrow();
        let fresh = buffer.get(..count).unwrap_or_default();
        let flow = if self.partial.is_empty() {
            let (flow, rest) = self.replies(fresh, now);
            self.partial.extend_from_slice(rest);
            flow
        } else {
            let mut octets = std::mem::take(&mut self.partial);
            octets.extend_from_slice(fresh);
            let (flow, rest) = self.replies(&octets, now);
            self.partial = rest.to_vec();
            flow
        };
        self.await_reply(now);
        flow
    }

    /// Takes all complete replies; what is left over begins the next one.
    fn replies<'a>(&mut self, octets: &'a [u8], now: Instant) -> (Flow, &'a [u8]) {
        let mut rest = octets;
        let mut owes_turn = false;
        loop {
            let was_idle = self.dialog.is_idle();
            let (act, reply) = match Reply::parse(rest) {
                Ok(None) if owes_turn => return (self.proceed(Act::Flush, now), rest),
                Ok(None) => return (Flow::On, rest),
                Ok(Some((reply, length))) => {
                    rest = rest.get(length..).unwrap_or_default();
                    let input = Input::Reply(reply);
                    (self.dialog.on(input, now, &mut self.out, &mut self.events), Some(reply))
                }
                Err(_) => {
                    self.text.example = format!("`{}`", String::from_utf8_lossy(first_line(rest)));
                    (self.dialog.on(Input::Illegal, now, &mut self.out, &mut self.events), None)
                }
            };
            self.book_events(reply.as_ref(), now);
            if was_idle && matches!(act, Act::Close) {
                self.worker.books.count(self.key, |cell| cell.sessions.stale += 1);
            }
            // A 421 that came along with the reply is heard before the next message begins.
            owes_turn = matches!(act, Act::Flush)
                && !rest.is_empty()
                && self.starts.is_empty()
                && self.dialog.is_idle();
            if !owes_turn && self.proceed(act, now) == Flow::Over {
                return (Flow::Over, &[]);
            }
        }
    }

    fn ended(&mut self, error: Option<io::Error>, now: Instant) -> Flow {
        if self.dialog.is_idle() {
            self.worker.books.count(self.key, |cell| cell.sessions.stale += 1);
        }
        if self.text.example.is_empty() {
            let closed = || "the server closed the connection".to_owned();
            self.text.example = error.map_or_else(closed, |error| error.to_string());
        }
        let act = self.dialog.on(Input::Eof, now, &mut self.out, &mut self.events);
        self.book_events(None, now);
        self.proceed(act, now)
    }

    fn told(&mut self, signal: Signal, now: Instant) -> Flow {
        match signal {
            Signal::GiveUp if self.dialog.is_idle() => Flow::On,
            Signal::GiveUp => {
                if self.text.example.is_empty() {
                    "no reply in time".clone_into(&mut self.text.example);
                }
                let act = self.dialog.on(Input::Deadline, now, &mut self.out, &mut self.events);
                self.book_events(None, now);
                self.proceed(act, now)
            }
            Signal::Leave if self.dialog.is_idle() => self.leave(now),
            Signal::Leave => {
                self.handle.retiring.set(true);
                Flow::On
            }
            Signal::Work if self.dialog.is_idle() && self.thinking_until.is_none() => {
                self.seek(now)
            }
            Signal::Work => Flow::On,
        }
    }

    fn proceed(&mut self, act: Act, now: Instant) -> Flow {
        match act {
            Act::Flush => {}
            Act::Text => self.put_text(now),
            Act::Close => return Flow::Over,
            Act::Reset => {
                self.connection.reset_on_close();
                return Flow::Over;
            }
        }
        if self.dialog.is_idle() && self.out.is_empty() { self.turn(now) } else { Flow::On }
    }

    /// The text of the oldest message, and in one-round-trip mode the next one's commands.
    fn put_text(&mut self, now: Instant) {
        let Some(start) = self.starts.front() else { return };
        self.out.extend_from_slice(&start.mail.octets);
        self.dot = Some(self.out.len());
        let more = self.carried < self.handle.quota && !self.thinks();
        if more
            && self.dialog.may_ride()
            && let Some(next) = self.worker.rider(&self.handle, now)
        {
            self.begin(next, now);
        }
    }

    fn thinks(&self) -> bool {
        !self.worker.think(self.handle.client).is_zero()
    }

    /// A message has ended, or the session has just become ready.
    fn turn(&mut self, now: Instant) -> Flow {
        if let Some(first) = self.starts.pop_front() {
            // The start that the session was opened for.
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
            return Flow::On;
        }
        self.seek(now)
    }

    /// Takes the next start, or waits in the pool, or leaves.
    fn seek(&mut self, now: Instant) -> Flow {
        loop {
            match self.worker.next(&self.handle, now) {
                Next::Start(start) => {
                    if self.begin(*start, now) {
                        return Flow::On;
                    }
                }
                Next::Parked => return Flow::On,
                Next::Leave => return self.leave(now),
            }
        }
    }

    /// Begins a message; false if it could not be composed and is already settled.
    fn begin(&mut self, mut start: Start, now: Instant) -> bool {
        start.goes_to(self.handle.address);
        if let Err(error) = self.worker.compose_late(&mut start, self.handle.number) {
            let text = ErrorText::of(error);
            start.settle(&End::without_reply(Outcome::Local, Step::Mail), now, &text);
            return false;
        }
        self.key = start.key;
        self.worker.owns(&self.handle, start.key.phase);
        self.handle.busy.set(true);
        if self.carried > 0 {
            self.worker.books.count(self.key, |cell| cell.sessions.reused += 1);
        }
        self.carried += 1;
        let expect = self.worker.expectations(self.handle.client, start.message);
        let Mail { from, to, size, eight_bit, utf8, .. } = &start.mail;
        let envelope = Envelope { from, to, size: *size, eight_bit: *eight_bit, utf8: *utf8 };
        self.dialog.begin(&envelope, expect, &mut self.out);
        self.starts.push_back(start);
        true
    }

    fn leave(&mut self, now: Instant) -> Flow {
        self.handle.leaving.set(true);
        let act = self.dialog.leave(&mut self.out);
        self.await_reply(now);
        match act {
            Act::Flush | Act::Text => Flow::On,
            Act::Close => Flow::Over,
            Act::Reset => {
                self.connection.reset_on_close();
                Flow::Over
            }
        }
    }

    /// Sets the time by which the awaited reply must be there.
    fn await_reply(&self, now: Instant) {
        let timeouts = self.worker.timeouts(self.handle.client);
        let limit = self.dialog.awaited().map(|step| {
            if step == Step::EndOfData { timeouts.end_of_data } else { timeouts.reply }
        });
        self.handle.deadline.set(limit.map(|limit| now + limit));
    }

    fn book_events(&mut self, reply: Option<&Reply<'_>>, now: Instant) {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            self.book(event, reply, now);
        }
        self.events = events;
    }

    fn book(&mut self, event: Event, reply: Option<&Reply<'_>>, now: Instant) {
        let books = &self.worker.books;
        match event {
            Event::Replied { step, code, passed, took } => {
                books.count(self.key, |cell| {
                    let step = cell.step(step);
                    step.reply(code, took);
                    if passed { step.ok += 1 } else { step.refused += 1 }
                });
                self.text.replied(step, code);
            }
            Event::Unanswered(step) => books.count(self.key, |cell| cell.step(step).refused += 1),
            Event::Ready => {
                let took = now.saturating_duration_since(self.began);
                books.count(self.key, |cell| {
                    cell.sessions.opened += 1;
                    cell.session.record(took);
                });
                self.handle.become_ready();
            }
            Event::Recipient(end) => books.count(self.key, |cell| cell.recipient(counted(end))),
            Event::Refused { .. } => {
                if let Some(reply) = reply {
                    self.text.example = reply.text();
                }
            }
            Event::Ended(end) => {
                if let Some(start) = self.starts.pop_front() {
                    start.settle(&end, now, &self.text);
                }
                self.text.example.clear();
            }
        }
    }
}

const fn counted(end: RecipientEnd) -> Counted {
    match end {
        RecipientEnd::Accepted => Counted::Accepted,
        RecipientEnd::Expected => Counted::Expected,
        RecipientEnd::Temporary => Counted::Temporary,
        RecipientEnd::Permanent => Counted::Permanent,
    }
}

fn first_line(octets: &[u8]) -> &[u8] {
    let end =
        octets.iter().take(200).position(|octet| *octet == b'\n').unwrap_or(octets.len().min(200));
    octets.get(..end).unwrap_or_default()
}
