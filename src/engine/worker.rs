//! One worker: its part of the timeline, its sessions, its books.
//!
//! A worker lives on one thread and shares nothing with the others while messages flow but a few
//! relaxed counters. The pacer (`pacer.rs`, `open.rs`) decides when, the sessions (`session.rs`) do;
//! `pool.rs` and `slots.rs` decide who: which session carries which start.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ahead::{Builder, Commission, Maker, Promise};
use super::books::{Books, PhaseState, panic_text};
use super::dialer::{Dialer, Route};
use super::gauges::Gauges;
use super::handle::Handle;
use super::order::Note;
use super::run::Run;
use super::sender::Sender;
use super::server_address::ServerAddress;
use super::slots::Retry;
use super::start::{Composed, Seed, Start};
use super::tls::TlsSetups;
use crate::draw::{Draw, Purpose};
use crate::message::Composer;
use crate::plan::{Client, ClientId, Family, MessageId, PhaseId, Plan, Proxy, TargetId, Weighted};
use crate::record::PhaseGauge;
use crate::smtp::{CaseId, Dialog, Expectations, Manners};
use crate::timeline::Line;

/// Octets that one read can take.
const READ_BUFFER: usize = 64 * 1024;

/// One worker.
pub(super) struct Worker<D: Dialer> {
    pub(super) index: u32,
    pub(super) dialer: D,
    pub(super) books: Rc<Books>,
    pub(super) buffer: RefCell<Box<[u8]>>,
    pub(super) runs: RefCell<Vec<Run>>,
    /// The probes that searches asked for, at their levels.
    pub(super) probes: RefCell<BTreeMap<PhaseId, Arc<Line>>>,
    /// Wakes the pacer when something came up that it did not know of.
    pub(super) wake: Notify,
    pub(super) tasks: RefCell<JoinSet<()>>,
    pub(super) composer: RefCell<Composer>,
    pub(super) builder: Builder,
    pub(super) senders: Vec<Sender>,
    pub(super) gauges: RefCell<Gauges>,
    /// What settled phases had open, until it is told.
    pub(super) departed: RefCell<Vec<PhaseGauge>>,
    pub(super) sessions: RefCell<Vec<Rc<Handle>>>,
    pub(super) retries: RefCell<BinaryHeap<Reverse<Retry>>>,
    /// By target: when it was last asked whether it still serves.
    pub(super) stopping: Cell<bool>,
    pub(super) stopped: Cell<bool>,
    pub(super) this: std::rc::Weak<Self>,
}

impl<D: Dialer> Worker<D> {
    pub(super) fn new(
        index: u32,
        dialer: D,
        books: Books,
        (composer, maker): (Composer, Option<Maker>),
        tls: &TlsSetups,
    ) -> Rc<Self> {
        let plan = Arc::clone(&books.shared.plan);
        let books = Rc::new(books);
        let builder = Builder::new(maker, &composer, &books);
        let clients = plan.clients.iter().enumerate();
        let senders = clients.map(|(id, client)| Sender::new(client, &plan, tls.connector(id)));
        let senders = senders.collect();
        Rc::new_cyclic(|this| Self {
            index,
            dialer,
            books,
            buffer: RefCell::new(vec![0; READ_BUFFER].into_boxed_slice()),
            runs: RefCell::default(),
            probes: RefCell::default(),
            wake: Notify::new(),
            tasks: RefCell::default(),
            composer: RefCell::new(composer),
            builder,
            senders,
            gauges: RefCell::default(),
            departed: RefCell::default(),
            sessions: RefCell::default(),
            retries: RefCell::default(),
            stopping: Cell::default(),
            stopped: Cell::default(),
            this: std::rc::Weak::clone(this),
        })
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.books.shared.plan
    }

    pub(super) fn client(&self, client: ClientId) -> &Client {
        &self.plan().clients[client.index()]
    }

    /// What is planned for a phase.
    pub(super) fn line(&self, phase: PhaseId) -> Arc<Line> {
        let planned = || Arc::clone(self.books.shared.timeline.line(phase));
        self.probes.borrow().get(&phase).map_or_else(planned, Arc::clone)
    }

    pub(super) fn sender(&self, client: ClientId) -> &Sender {
        &self.senders[client.index()]
    }

    pub(super) fn manners(&self, client: ClientId) -> Rc<Manners> {
        Rc::clone(&self.sender(client).manners)
    }

    pub(super) fn think(&self, client: ClientId) -> Duration {
        self.client(client).think
    }

    /// The replies that must come for a start whose mail is composed.
    pub(super) fn expectations(&self, start: &Start) -> Option<Rc<Expectations>> {
        let expected = &self.sender(start.key.client).expected;
        expected.of(start.message.index(), start.class)
    }

    /// The server that a session goes to.
    pub(super) fn server(&self, handle: &Handle) -> &ServerAddress {
        &self.books.shared.addresses_of(handle.client)[usize::from(handle.address)]
    }

    /// How a session is connected: to the address that it was given, from the next of its
    /// client's addresses, in the name of one that is drawn for it.
    pub(super) fn route(&self, handle: &Handle) -> Route {
        let draw = || self.books.shared.timeline.session_draw(handle.client, handle.number);
        route(self.client(handle.client), self.turn(handle), self.server(handle), draw)
    }

    /// How many sessions of its client came before one at the same server, over all workers: the
    /// session's own number would bind each server to a part of the client's addresses.
    fn turn(&self, handle: &Handle) -> u64 {
        let workers = u64::from(self.books.shared.workers).max(1);
        let servers = self.books.shared.addresses_of(handle.client).len() as u64;
        handle.number / workers / servers.max(1) * workers + handle.number % workers
    }

    /// A start with its message composed ahead or promised, unless that must wait for a session.
    pub(super) fn prepare(
        &self,
        seed: Seed,
        promise: Option<Promise>,
        phase: &Rc<PhaseState>,
    ) -> Start {
        let commission = self.commission(&seed, phase.id);
        let mut start = Start::new(seed, Rc::clone(phase), Rc::clone(&self.books));
        if start.case.is_some() {
            return start;
        }
        start.class = self.class(start.message, &commission);
        if self.builder.builds(start.message) {
            let promise = promise.unwrap_or_else(|| self.builder.build(commission));
            start.composed = Composed::Awaited(promise);
            return start;
        }
        let late = self.composer.borrow().needs_session(start.message.index());
        // A message that can't be composed stays so, and its session settles it as `local`.
        if !late && self.compose(&commission, &mut start, None).is_ok() {
            start.composed = Composed::Ready;
        }
        start
    }

    /// The message of a start, for what its client's server takes as far as that is known.
    pub(super) fn commission(&self, seed: &Seed, phase: PhaseId) -> Commission {
        Commission::new(seed, phase, self.sender(seed.client).body.get())
    }

    /// The position of the class that the mail of a start will have among those of its corpus.
    fn class(&self, message: MessageId, commission: &Commission) -> Option<usize> {
        let order = || commission.order(self.plan(), None);
        self.composer.borrow().class(message.index(), order)
    }

    fn compose(
        &self,
        commission: &Commission,
        start: &mut Start,
        session: Option<u64>,
    ) -> Result<(), String> {
        let order = commission.order(self.plan(), session);
        let composed = self.composer.borrow_mut().compose(&order, &mut start.mail);
        start.class = start.mail.class.filter(|_| composed.is_ok()).or(start.class);
        composed.map_err(|error| error.to_string())
    }

    /// The dialog of a session that logs in, if its client does.
    pub(super) fn with_login(&self, dialog: Dialog, handle: &Handle, message: MessageId) -> Dialog {
        let draw = self.books.shared.timeline.session_draw(handle.client, handle.number);
        // It logs in before any mail is sent, so that this can't be a matter of its class.
        let expect = self.sender(handle.client).expected.of(message.index(), None);
        let auth = self.client(handle.client).auth.as_ref();
        self.sender(handle.client).logging_in(
            auth,
            dialog,
            (handle.number, draw),
            expect.as_deref(),
        )
    }

    /// Composes what could not be composed ahead.
    pub(super) fn compose_late(&self, start: &mut Start, session: u64) -> Result<(), String> {
        start.take_built();
        match &start.composed {
            Composed::Ready | Composed::Apart { .. } => Ok(()),
            Composed::Failed(why) => Err(why.clone()),
            Composed::Awaited(_) | Composed::Not => self.compose_again(start, session),
        }
    }

    /// Composes a message for a session that is known, or anew for what its server takes.
    pub(super) fn compose_again(&self, start: &mut Start, session: u64) -> Result<(), String> {
        let began = Instant::now();
        let commission = self.commission(&start.seed(), start.key.phase);
        let composed = self.compose(&commission, start, Some(session));
        if composed.is_ok() {
            self.books.count(start.key, |cell| cell.rendering.record(began.elapsed()));
        }
        composed
    }

    /// Whether a phase sends messages that are built apart.
    pub(super) fn builds_for(&self, phase: PhaseId) -> bool {
        let mix = &self.plan().phases[phase.index()].mix;
        let clients = mix.choices.iter().map(|(client, _)| self.client(*client));
        let mut of_mail = clients.filter(|client| !client.is_malformed());
        of_mail.any(|client| {
            client.messages.choices.iter().any(|(message, _)| self.builder.builds(*message))
        })
    }

    /// A start that may begin in a session. One whose mail is still being built stays with the
    /// session, which is told when that has come.
    pub(super) fn when_built(&self, handle: &Rc<Handle>, mut start: Start) -> Option<Start> {
        start.take_built();
        if let Composed::Awaited(promise) = &start.composed {
            promise.tell(handle);
            handle.busy.set(true);
            self.owns(handle, start.key.phase);
            *handle.job.borrow_mut() = Some(start);
            return None;
        }
        Some(start)
    }

    /// Which of its messages a client sends for a start, or which case it plays: these it takes
    /// in turns, so that each is played as often as the others.
    pub(super) fn choose(
        &self,
        client: ClientId,
        draw: Draw,
        turn: u64,
    ) -> (MessageId, Option<CaseId>) {
        let client = self.client(client);
        match &client.cases {
            None => (pick(&client.messages, || draw.of(Purpose::Message).unit()), None),
            Some(cases) => {
                let place = turn.checked_rem(cases.len() as u64).unwrap_or_default();
                let case = usize::try_from(place).ok().and_then(|place| cases.get(place));
                (MessageId(0), case.copied())
            }
        }
    }

    /// Whether a target may be asked now if it still serves: at most once a second, by
    /// whichever worker.
    pub(super) fn may_probe(&self, target: TargetId, now: Instant) -> bool {
        let at = now.saturating_duration_since(self.books.zero);
        !self.stopping.get() && self.books.shared.may_probe(target, at, super::rude::BETWEEN_PROBES)
    }

    /// Takes ended tasks from the books; a panic is told.
    pub(super) fn reap(&self) {
        let mut tasks = self.tasks.borrow_mut();
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended.map_err(tokio::task::JoinError::try_into_panic) {
                self.books.note(Note::Panicked(error.map_or_else(
                    |_| "a task was cancelled".to_owned(),
                    |panic| panic_text(&*panic),
                )));
            }
        }
    }

    /// Nothing starts any more; idle sessions leave.
    pub(super) fn wind_up(&self) {
        self.stopping.set(true);
        self.retries.borrow_mut().clear();
        for sender in &self.senders {
            sender.starved.borrow_mut().clear();
        }
        self.trim(None);
    }

    /// Ends all sessions that are left; what they carried is booked as interrupted.
    pub(super) async fn stop(&self) {
        self.stopping.set(true);
        self.stopped.set(true);
        self.reap();
        for sender in &self.senders {
            let waiting = std::mem::take(&mut *sender.waiting.borrow_mut());
            drop(waiting);
        }
        let mut tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        tasks.shutdown().await;
    }

    pub(super) fn has_sessions(&self) -> bool {
        !self.sessions.borrow().is_empty()
    }
}

/// How a session is connected to a server, before which the client had so many there.
pub(super) fn route(
    client: &Client,
    turn: u64,
    to: &ServerAddress,
    draw: impl FnOnce() -> Draw,
) -> Route {
    let from = client.source.as_ref().zip(to.ip());
    let from = from.and_then(|(source, ip)| source.nth(Family::of(ip), turn));
    let preamble = client.proxy.as_ref().and_then(|proxy| {
        let peer = stands_for(proxy, draw(), to.announced().ip())?;
        Some(proxy.version.header(peer, to.announced()))
    });
    Route { to: to.clone(), from, preamble: preamble.unwrap_or_default() }
}

/// The address and port that a session stands for: of the server's family, where there is one.
fn stands_for(proxy: &Proxy, draw: Draw, server: IpAddr) -> Option<SocketAddr> {
    let draw = draw.of(Purpose::Peer);
    let [first, second] = match Family::of(server) {
        Family::V4 => [Family::V4, Family::V6],
        Family::V6 => [Family::V6, Family::V4],
    };
    let nth = |family| proxy.clients.nth(family, draw.at(0).bits());
    let port = u16::try_from(draw.at(1).within(1024, u16::MAX.into())).ok()?;
    nth(first).or_else(|| nth(second)).map(|ip| SocketAddr::new(ip, port))
}

/// The choice that a number in `[0, 1)` falls on.
pub(super) fn pick(choices: &Weighted<MessageId>, unit: impl FnOnce() -> f64) -> MessageId {
    if let [(only, _)] = &*choices.choices {
        return *only;
    }
    let total: f64 = choices.choices.iter().map(|(_, weight)| weight).sum();
    let mut left = unit() * total;
    for (choice, weight) in &choices.choices {
        left -= weight;
        if left < 0.0 {
            return *choice;
        }
    }
    choices.choices.last().map_or(MessageId(0), |(choice, _)| *choice)
}
