//! A mail that is being built, as its start holds it.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::{self, Arc};

use super::budget::Claim;
use crate::engine::handle::{Handle, Signal};
use crate::message::Mail;

/// A mail, or why it can't be composed.
pub(in crate::engine) type Built = Result<Mail, String>;

/// A mail that is being built. Whoever drops it no longer wants it.
#[derive(Debug)]
pub(in crate::engine) struct Promise {
    pending: Rc<Pending>,
    /// What the thread that builds it sees of the promise.
    wanted: Arc<()>,
    /// Its part of what may be built before it is due.
    _claim: Option<Claim>,
}

/// Where the builder puts it.
#[derive(Debug, Default)]
pub(super) struct Pending {
    built: RefCell<Option<Built>>,
    has_come: Cell<bool>,
    waits: RefCell<Weak<Handle>>,
}

impl Promise {
    /// A promise, and where it is to be kept.
    pub(super) fn new(claim: Option<Claim>) -> (Self, Weak<Pending>) {
        let pending = Rc::default();
        let place = Rc::downgrade(&pending);
        (Self { pending, wanted: Arc::default(), _claim: claim }, place)
    }

    /// What ends with the promise.
    pub(super) fn wanted(&self) -> sync::Weak<()> {
        Arc::downgrade(&self.wanted)
    }

    /// Whether the mail is there, or will never be.
    pub(in crate::engine) fn is_kept(&self) -> bool {
        self.pending.has_come.get()
    }

    /// What has come; none before that.
    pub(in crate::engine) fn take(&self) -> Option<Built> {
        self.pending.built.borrow_mut().take()
    }

    /// The session that is told when the mail has come.
    pub(in crate::engine) fn tell(&self, session: &Rc<Handle>) {
        *self.pending.waits.borrow_mut() = Rc::downgrade(session);
    }
}

impl Pending {
    /// The mail has come.
    pub(super) fn keep(&self, built: Built) {
        *self.built.borrow_mut() = Some(built);
        self.has_come.set(true);
        if let Some(session) = self.waits.borrow().upgrade() {
            session.tell(Signal::Work);
        }
    }
}
