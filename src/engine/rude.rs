//! A malformed start → its case, played in a connection of its own.
//!
//! Nothing of it counts as mail: what came out stands under the case. Afterwards the server is
//! asked for a correct session, at most once a second for each target.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::connect::{Unconnected, connect};
use super::dialer::{Connection, Dialer, is_local};
use super::handle::{Handle, Signal};
use super::session::Attendance;
use super::start::Start;
use super::worker::Worker;
use crate::plan::PhaseId;
use crate::record::CellKey;
use crate::smtp::{
    ALIVE, Case, CaseEnd, CaseEnding, CaseEvent, CaseId, Code, Cue, Input, Patience, Player, Reply,
};

/// Between two questions whether a server still serves.
pub(super) const BETWEEN_PROBES: Duration = Duration::from_secs(1);

/// So long a server has for taking the last octets before the connection ends.
const LAST_OCTETS: Duration = Duration::from_secs(1);

/// What ended a wait.
enum Happening {
    Written,
    Read(Vec<u8>),
    Ended,
    Overdue,
    Cut,
}

/// Plays the case of a start, asks whether the server still serves, and thinks.
pub(super) async fn serve<D: Dialer>(
    worker: Rc<Worker<D>>,
    handle: Rc<Handle>,
    mut start: Start,
    case: CaseId,
) {
    let attendance = Attendance { worker: Rc::clone(&worker), handle: Rc::clone(&handle) };
    start.goes_to(handle.address);
    start.act(Instant::now());
    let (key, target) = (start.key, worker.client(handle.client).target);
    let stage = Stage { worker: &worker, handle: &handle, key, phase: start.key.phase };
    let played = stage.play(case.case()).await;
    if played.reached {
        handle.become_ready();
    }
    start.settle_case(case, &played.replies, &played.ending);
    // The start is settled: what follows is the worker's own asking, which no cut ends.
    handle.busy.set(false);
    if worker.may_probe(target, Instant::now()) {
        stage.probe(case).await;
    }
    stage.think().await;
    drop(attendance);
}

/// What came out of a case.
struct Played {
    ending: CaseEnding,
    replies: Vec<Code>,
    /// Whether the server took the connection and said anything.
    reached: bool,
}

impl Played {
    fn never(end: CaseEnd, words: impl Into<String>) -> Self {
        let ending = CaseEnding { end, words: words.into() };
        Self { ending, replies: Vec::new(), reached: false }
    }
}

/// Where cases are played: the worker's place for one session.
struct Stage<'a, D: Dialer> {
    worker: &'a Rc<Worker<D>>,
    handle: &'a Rc<Handle>,
    key: CellKey,
    phase: PhaseId,
}

impl<D: Dialer> Stage<'_, D> {
    async fn play(&self, case: &Case) -> Played {
        let timeouts = self.worker.sender(self.handle.client).timeouts;
        self.handle.deadline.set(Some(Instant::now() + timeouts.connect));
        let route = self.worker.route(self.handle);
        let connected = connect(&self.worker.dialer, &route, self.handle).await;
        self.handle.deadline.set(None);
        match connected {
            Ok(connection) => {
                let first = !self.handle.connected.get();
                if first {
                    self.worker.connected(self.handle);
                }
                self.perform(connection, case).await
            }
            Err(Unconnected::System(error)) if is_local(&error) => {
                Played::never(CaseEnd::Local, error.to_string())
            }
            Err(Unconnected::System(error)) => {
                Played::never(CaseEnd::Disconnect, error.to_string())
            }
            Err(Unconnected::TooLate) => Played::never(CaseEnd::Hang, "no connection in time"),
        }
    }

    async fn perform(&self, connection: D::Connection, case: &Case) -> Played {
        let manners = self.worker.manners(self.handle.client);
        let mut performance = Performance {
            stage: self,
            wire: Wire { connection, out: Vec::new(), written: 0, failed: false },
            player: Player::new(case, manners.ehlo.as_str()),
            unread: Vec::new(),
            events: Vec::new(),
            heard: false,
        };
        performance.run().await;
        let mut played = Played::never(CaseEnd::Local, "");
        played.reached = performance.heard;
        for event in performance.events {
            match event {
                CaseEvent::Replied(code) => played.replies.push(code),
                CaseEvent::Ended(ending) => played.ending = ending,
            }
        }
        played
    }

    /// Asks for a correct session.
    async fn probe(&self, case: CaseId) {
        let played = self.play(&ALIVE).await;
        if played.ending.end != CaseEnd::Local {
            let alive = played.ending.end == CaseEnd::Right;
            self.worker.books.count(self.key, |cell| {
                let cell = cell.cases.entry(case).or_default();
                if alive { cell.alive += 1 } else { cell.dead += 1 }
            });
        }
    }

    /// The slot of a closed phase pauses between its cases; an open phase has its schedule.
    async fn think(&self) {
        let think = self.worker.think(self.handle.client);
        let leaves = self.handle.slot.borrow().is_none() || self.handle.retiring.get();
        if leaves || think.is_zero() {
            return;
        }
        let leaves = poll_fn(|context| {
            while let Some(signal) = self.handle.told() {
                match signal {
                    Signal::Leave => return Poll::Ready(()),
                    Signal::Deadline | Signal::Cut(_) | Signal::Work => {}
                }
            }
            self.handle.listen(context.waker());
            Poll::Pending
        });
        // Over or told to leave: both end the pause.
        let _ = tokio::time::timeout(think, leaves).await;
    }
}

/// A case on its connection.
struct Performance<'a, 'b, D: Dialer> {
    stage: &'a Stage<'b, D>,
    wire: Wire<D::Connection>,
    player: Player<'a>,
    unread: Vec<u8>,
    events: Vec<CaseEvent>,
    heard: bool,
}

impl<D: Dialer> Performance<'_, '_, D> {
    async fn run(&mut self) {
        let mut cue = self.player.on(Input::Opened, &mut self.wire.out, &mut self.events);
        loop {
            // How long the server may take counts from its last answer, not from its last octet.
            let deadline = Instant::now() + self.patience();
            cue = match cue {
                Cue::Read => self.wait(deadline).await,
                Cue::ShutdownWrite => {
                    self.flush(deadline).await;
                    self.wire.shut_down().await;
                    self.on(Input::Flushed)
                }
                Cue::Close => {
                    self.flush(Instant::now() + LAST_OCTETS).await;
                    return;
                }
                Cue::Reset => {
                    self.flush(Instant::now() + LAST_OCTETS).await;
                    self.wire.connection.reset_on_close();
                    return;
                }
            };
        }
    }

    fn on(&mut self, input: Input<'_>) -> Cue {
        self.player.on(input, &mut self.wire.out, &mut self.events)
    }

    fn patience(&self) -> Duration {
        let timeouts = self.stage.worker.sender(self.stage.handle.client).timeouts;
        match self.player.patience() {
            Patience::Reply => timeouts.reply,
            Patience::EndOfData => timeouts.end_of_data,
            Patience::Millis(millis) => Duration::from_millis(millis.into()),
        }
    }

    /// Writes and reads until the case has something new to do.
    async fn wait(&mut self, deadline: Instant) -> Cue {
        if let Some(cue) = self.replies() {
            return cue;
        }
        loop {
            match self.happening(deadline).await {
                Happening::Written => {}
                Happening::Read(octets) => {
                    self.heard = true;
                    self.unread.extend_from_slice(&octets);
                    if let Some(cue) = self.replies() {
                        return cue;
                    }
                }
                Happening::Ended => return self.on(Input::Eof),
                Happening::Overdue => return self.on(Input::Deadline),
                Happening::Cut => {
                    return self.player.cut(&mut self.wire.out, &mut self.events);
                }
            }
        }
    }

    /// Gives all complete replies to the case; none where there was none.
    fn replies(&mut self) -> Option<Cue> {
        let unread = std::mem::take(&mut self.unread);
        let mut rest = &unread[..];
        let mut last = None;
        while last.is_none_or(|cue| cue == Cue::Read) {
            match Reply::parse(rest) {
                Ok(Some((reply, length))) => {
                    last = Some(self.on(Input::Reply(reply)));
                    rest = rest.get(length..).unwrap_or_default();
                }
                Ok(None) => break,
                Err(_) => return Some(self.on(Input::Illegal)),
            }
        }
        self.unread = rest.to_vec();
        last
    }

    async fn happening(&mut self, deadline: Instant) -> Happening {
        let stage = self.stage;
        let before = self.wire.written;
        let happening = poll_fn(|context| {
            if self.wire.poll_out(context) {
                return Poll::Ready(Happening::Written);
            }
            if let Poll::Ready(happening) = self.wire.poll_in(context, &stage.worker.buffer) {
                return Poll::Ready(happening);
            }
            stage.cut(context)
        });
        let happened = tokio::time::timeout_at(deadline, happening).await;
        let sent = (self.wire.written - before) as u64;
        let received = match &happened {
            Ok(Happening::Read(octets)) => octets.len() as u64,
            Ok(Happening::Written | Happening::Ended | Happening::Overdue | Happening::Cut)
            | Err(_) => 0,
        };
        stage.worker.books.count(stage.key, |cell| {
            cell.octets.sent += sent;
            cell.octets.received += received;
        });
        if matches!(happened, Ok(Happening::Written)) {
            self.wire.out.clear();
            self.wire.written = 0;
        }
        happened.unwrap_or(Happening::Overdue)
    }

    /// Gives what is left to the kernel; what the server says meanwhile is passed over.
    async fn flush(&mut self, deadline: Instant) {
        while !self.wire.out.is_empty() && !self.wire.failed {
            match self.happening(deadline).await {
                Happening::Read(octets) => self.unread.extend_from_slice(&octets),
                Happening::Written | Happening::Ended | Happening::Overdue | Happening::Cut => {
                    return;
                }
            }
        }
    }
}

impl<D: Dialer> Stage<'_, D> {
    /// Whether the drain of the case's phase is over.
    fn cut(&self, context: &Context<'_>) -> Poll<Happening> {
        while let Some(signal) = self.handle.told() {
            match signal {
                Signal::Cut(phase) if phase == self.phase => return Poll::Ready(Happening::Cut),
                Signal::Leave => self.handle.retiring.set(true),
                Signal::Cut(_) | Signal::Deadline | Signal::Work => {}
            }
        }
        self.handle.listen(context.waker());
        Poll::Pending
    }
}

/// A connection with the octets that are on their way into it.
struct Wire<C> {
    connection: C,
    out: Vec<u8>,
    written: usize,
    failed: bool,
}

impl<C: Connection> Wire<C> {
    /// Writes what is to be written; true when there was something, and all of it was.
    fn poll_out(&mut self, context: &mut Context<'_>) -> bool {
        while !self.failed
            && let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty())
        {
            match Pin::new(&mut self.connection).poll_write(context, rest) {
                // What the server said before it closed may still be there to read.
                Poll::Ready(Ok(0) | Err(_)) => self.failed = true,
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Pending => return false,
            }
        }
        !self.failed && !self.out.is_empty()
    }

    fn poll_in(
        &mut self,
        context: &mut Context<'_>,
        buffer: &std::cell::RefCell<Box<[u8]>>,
    ) -> Poll<Happening> {
        let mut buffer = buffer.borrow_mut();
        let mut read = ReadBuf::new(&mut buffer);
        match Pin::new(&mut self.connection).poll_read(context, &mut read) {
            Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                Poll::Ready(Happening::Read(read.filled().to_vec()))
            }
            Poll::Ready(Ok(()) | Err(_)) => Poll::Ready(Happening::Ended),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Sends FIN and can read on; where the server is gone, reading tells.
    async fn shut_down(&mut self) {
        let shut: io::Result<()> =
            poll_fn(|context| Pin::new(&mut self.connection).poll_shutdown(context)).await;
        self.failed |= shut.is_err();
    }
}
