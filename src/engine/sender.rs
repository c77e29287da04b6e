//! A client's part in one worker: its sessions that are idle, and the starts that wait for one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::closed::Slot;
use super::expected::Expected;
use super::handle::{Handle, Signal};
use super::start::Start;
use super::tls::Connector;
use crate::draw::{Draw, Purpose};
use crate::plan::{Client, Plan, Timeouts};
use crate::smtp::{Auth, BodyType, Dialog, Exchange, Expectations, Keyring, Manners, Step, nonce};

/// How long a session of the open model stays idle before it leaves.
const IDLE: Duration = Duration::from_secs(5);

/// A worker's part of a client.
pub(super) struct Sender {
    pub(super) manners: Rc<Manners>,
    /// Those of its target.
    pub(super) timeouts: Timeouts,
    /// What its handshakes begin with; none where it speaks in clear.
    pub(super) tls: Option<Connector>,
    /// The keys that its users' logins made.
    pub(super) keyring: Rc<Keyring>,
    pub(super) expected: Expected,
    /// Sessions that are open or being opened.
    pub(super) open: Cell<u32>,
    pub(super) opened_ever: Cell<u64>,
    /// What the server that a session last spoke to takes for a body.
    pub(super) body: Cell<BodyType>,
    /// Idle sessions, the most recently used last.
    pub(super) idle: RefCell<Vec<Rc<Handle>>>,
    /// Starts that wait for a session.
    pub(super) waiting: RefCell<VecDeque<Start>>,
    /// Slots that found the client at its limit.
    pub(super) starved: RefCell<VecDeque<Slot>>,
}

impl Sender {
    /// Sessions that have been idle for too long leave.
    pub(super) fn let_idle_go(&self, now: Instant) {
        let long =
            |handle: &Rc<Handle>| handle.idle_since.get().is_some_and(|since| now >= since + IDLE);
        let gone: Vec<Rc<Handle>> =
            self.idle.borrow_mut().extract_if(.., |handle| long(handle)).collect();
        for handle in gone {
            handle.idle_since.set(None);
            handle.retiring.set(true);
            handle.tell(Signal::Leave);
        }
    }

    /// The dialog of a session that logs in, if its client does; the draw is that of the session
    /// with this number.
    pub(super) fn logging_in(
        &self,
        auth: Option<&Auth>,
        dialog: Dialog,
        (number, draw): (u64, Draw),
        expect: Option<&Expectations>,
    ) -> Dialog {
        let Some(attempt) = auth.and_then(|auth| auth.attempt(number, draw)) else { return dialog };
        let keyring = Rc::clone(&self.keyring);
        let exchange = Exchange::new(attempt, nonce(draw.of(Purpose::Nonce)), keyring);
        dialog.logging_in(exchange, expect.and_then(|expect| expect.at(Step::Auth).cloned()))
    }

    pub(super) fn new(client: &Client, plan: &Plan, tls: Option<Connector>) -> Self {
        let target = &plan.targets[client.target.index()];
        let manners = Manners {
            ehlo: client.ehlo.clone(),
            pipelining: client.pipelining,
            tls: client.tls.as_ref().map(|tls| tls.mode),
            ending: client.end,
            protocol: target.protocol,
            chunking: client.chunking,
            dsn: client.dsn.clone(),
            xclient: client.xclient.clone(),
            expect: client.expect.clone(),
        };
        Self {
            manners: Rc::new(manners),
            timeouts: target.timeouts,
            tls,
            keyring: Rc::default(),
            expected: Expected::new(client, plan),
            open: Cell::default(),
            opened_ever: Cell::default(),
            body: Cell::default(),
            idle: RefCell::default(),
            waiting: RefCell::default(),
            starved: RefCell::default(),
        }
    }
}
