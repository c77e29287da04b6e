//! Timeline × clock × sessions → what was counted, second by second.
//!
//! Each worker is a thread with a current-thread runtime, its own part of the timeline, its own
//! sessions and its own tally. Open and closed model, reuse and pipelining differ in the timeline
//! and in the dialog, not in copies of a loop.

mod ahead;
mod alarm;
mod booking;
mod books;
mod check;
mod closed;
mod connect;
mod crowd;
mod dialer;
mod expected;
mod gauges;
mod handle;
mod handshake;
mod open;
mod order;
mod outgoing;
mod pacer;
mod pacing;
mod pool;
mod render;
mod rude;
mod run;
mod sender;
mod server_address;
mod session;
mod shared;
mod slots;
mod start;
mod stints;
mod tls;
mod transcript;
mod transport;
mod trickle;
mod turns;
mod used_up;
mod worker;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{LocalOptions, LocalRuntime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::Instant;

pub use alarm::Clock;
pub use check::{Carrier, Checked, Checker, Entry, Moment, Observe, Played, PlayedCase, Verdict};
pub use dialer::{Connection, Dialer, Route, Socket, SocketDialer};
pub use order::{Change, FirstError, Note, Order};
pub use render::{First, Found, Renderer};
pub use server_address::ServerAddress;
pub use shared::Shared;
pub use tls::{TlsError, TlsSetups};
pub use used_up::UsedUp;

use crate::message::{Composer, ComposerError, RunIdentity};
use crate::monitor::{self, ThreadId};
use ahead::{Maker, Means};
use alarm::Alarm;
use books::Books;
use pacer::Pacer;
use worker::Worker;

/// After so many polls of tasks the runtime looks for new events: the pacer's alarm is one.
const EVENT_INTERVAL: u32 = 31;

/// Why the engine could not start: the tester's own failure.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A worker thread, its runtime or its timer could not be made.
    #[error("a worker could not be started")]
    Worker(#[source] io::Error),
    /// A template or a corpus passed the checks and can't be used all the same.
    #[error("a message can't be composed")]
    Message(#[source] ComposerError),
    /// A worker ended before it began.
    #[error("a worker ended before the run began")]
    Gone,
}

/// The running workers.
#[derive(Debug)]
pub struct Engine {
    workers: Vec<Running>,
    notes: Option<UnboundedReceiver<Note>>,
}

#[derive(Debug)]
struct Running {
    name: String,
    id: Option<ThreadId>,
    /// Unbounded, because orders are as few as what a person or a threshold does in a run.
    orders: UnboundedSender<Order>,
    thread: JoinHandle<()>,
}

/// A worker that waits for the run's clock to begin.
struct Waiting {
    ready: std::sync::mpsc::Receiver<Result<ThreadId, EngineError>>,
    go: oneshot::Sender<Instant>,
    running: Running,
}

impl Engine {
    /// Starts the workers; the run's clock begins at the returned instant. `dialer` connects, `tls`
    /// is of the same plan.
    pub fn start<D: Dialer + Send>(
        shared: &Arc<Shared>,
        tls: &TlsSetups,
        run: RunIdentity,
        dialer: &D,
    ) -> Result<(Self, Instant), EngineError> {
        let plan = &shared.plan;
        let composer = Composer::new(&plan.messages, &plan.feeds, run);
        let composer = composer.map_err(EngineError::Message)?;
        // Unbounded, because a worker tells at most a few things a second and must never wait.
        let (notes, told) = unbounded_channel();
        let mut waiting = Vec::new();
        for index in 0..shared.workers {
            let seat = Seat {
                index,
                shared: Arc::clone(shared),
                tls: tls.clone(),
                notes: notes.clone(),
                composer: composer.clone(),
                dialer: dialer.clone(),
            };
            waiting.push(seat.take().map_err(EngineError::Worker)?);
        }
        // The clock begins when all are ready, so that none is late at its first start.
        for worker in &mut waiting {
            worker.running.id = Some(worker.ready.recv().map_err(|_| EngineError::Gone)??);
        }
        let zero = Instant::now();
        let workers = waiting.into_iter().map(|worker| worker.go(zero)).collect();
        Ok((Self { workers, notes: Some(told) }, zero))
    }

    /// What the workers tell; ends when the last of them has ended. There is one reader.
    pub fn notes(&mut self) -> Option<UnboundedReceiver<Note>> {
        self.notes.take()
    }

    /// Sends an order to all workers; one that has ended needs none.
    pub fn order(&self, order: &Order) {
        for worker in &self.workers {
            let _ = worker.orders.send(order.clone());
        }
    }

    /// The workers' threads, for the monitor.
    pub fn threads(&self) -> Vec<(String, ThreadId)> {
        let named = |worker: &Running| Some((worker.name.clone(), worker.id?));
        self.workers.iter().filter_map(named).collect()
    }

    /// Waits for the workers; the texts of panics that ended one.
    pub fn join(self) -> Vec<String> {
        let ended = self.workers.into_iter().map(|worker| worker.thread.join());
        ended.filter_map(Result::err).map(|panic| books::panic_text(&*panic)).collect()
    }
}

impl Waiting {
    fn go(self, zero: Instant) -> Running {
        // A worker that is gone has told its panic to its thread's owner.
        let _ = self.go.send(zero);
        self.running
    }
}

/// What a worker's thread begins with.
struct Seat<D> {
    index: u32,
    shared: Arc<Shared>,
    tls: TlsSetups,
    notes: UnboundedSender<Note>,
    composer: Composer,
    dialer: D,
}

impl<D: Dialer + Send> Seat<D> {
    fn take(self) -> io::Result<Waiting> {
        let (orders, ordered) = unbounded_channel();
        let (go, gone) = oneshot::channel();
        let (tell_ready, ready) = std::sync::mpsc::channel();
        let name = format!("worker-{}", self.index);
        let thread =
            std::thread::Builder::new().name(name.clone()).spawn(move || match self.prepare() {
                Ok((prepared, runtime)) => {
                    let told = tell_ready.send(Ok(monitor::this_thread()));
                    if let (Ok(()), Ok(zero)) = (told, gone.blocking_recv()) {
                        prepared.work(&runtime, ordered, zero);
                    }
                }
                Err(error) => drop(tell_ready.send(Err(error))),
            })?;
        let running = Running { name, id: None, orders, thread };
        Ok(Waiting { ready, go, running })
    }

    fn prepare(self) -> Result<(Prepared<D>, LocalRuntime), EngineError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .event_interval(EVENT_INTERVAL)
            .build_local(LocalOptions::default())
            .map_err(EngineError::Worker)?;
        let alarm = {
            let _inside = runtime.enter();
            Alarm::new(Clock::Real).map_err(EngineError::Worker)?
        };
        let means = Means::Thread(self.index);
        let maker = Maker::new(means, &self.composer, &self.shared, &self.notes);
        let maker = maker.map_err(EngineError::Worker)?;
        Ok((Prepared { seat: self, alarm, maker }, runtime))
    }
}

/// A worker with all that it needs but the time.
struct Prepared<D> {
    seat: Seat<D>,
    alarm: Alarm,
    maker: Option<Maker>,
}

impl<D: Dialer> Prepared<D> {
    fn work(self, runtime: &LocalRuntime, orders: UnboundedReceiver<Order>, zero: Instant) {
        let Self { seat, alarm, maker } = self;
        runtime.block_on(async move {
            let books = Books::new(zero, seat.shared, seat.notes);
            let mail = (seat.composer, maker);
            let worker = Worker::new(seat.index, seat.dialer, books, mail, &seat.tls);
            Pacer::new(worker, alarm, orders).run().await;
        });
    }
}

/// One worker as a future, for tests under a paused clock.
pub async fn work<D: Dialer>(
    shared: Arc<Shared>,
    composer: Composer,
    dialer: D,
    notes: UnboundedSender<Note>,
    orders: UnboundedReceiver<Order>,
) -> io::Result<()> {
    work_with(shared, (composer, Duration::ZERO), dialer, notes, orders).await
}

/// The same where each message that is built apart takes so long.
async fn work_with<D: Dialer>(
    shared: Arc<Shared>,
    (composer, each): (Composer, Duration),
    dialer: D,
    notes: UnboundedSender<Note>,
    orders: UnboundedReceiver<Order>,
) -> io::Result<()> {
    let maker = Maker::new(Means::Task(each), &composer, &shared, &notes)?;
    let tls = TlsSetups::new(&shared.plan, &[]).map_err(io::Error::other)?;
    let books = Books::new(Instant::now(), shared, notes);
    let worker = Worker::new(0, dialer, books, (composer, maker), &tls);
    Pacer::new(worker, Alarm::new(Clock::Tokio)?, orders).run().await;
    Ok(())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
