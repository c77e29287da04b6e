//! A worker's commissions → promises, kept as the mails come.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use super::budget::{Budget, Claim};
use super::maker::{Job, Maker};
use super::promise::{Built, Pending};
use super::{Commission, Promise};
use crate::engine::books::Books;
use crate::message::Composer;
use crate::plan::MessageId;

/// Has messages built for one worker.
pub(in crate::engine) struct Builder {
    books: Rc<Books>,
    /// By message: about how many octets it has, if it is built apart.
    apart: Vec<Option<u64>>,
    /// None where no message of the plan is built apart.
    maker: RefCell<Option<Maker>>,
    /// The promises that are not yet kept, in the order in which they will be.
    promised: RefCell<VecDeque<Weak<Pending>>>,
    budget: Rc<Budget>,
}

impl Builder {
    /// A builder for the messages of a plan; there is a maker if some are built apart.
    pub(in crate::engine) fn new(
        maker: Option<Maker>,
        composer: &Composer,
        books: &Rc<Books>,
    ) -> Self {
        let messages = 0..books.shared.plan.messages.len();
        let octets = |message| composer.mean_octets(message).unwrap_or_default();
        let apart = messages.map(|n| composer.is_built_apart(n).then(|| octets(n)));
        Self {
            books: Rc::clone(books),
            apart: apart.collect(),
            maker: RefCell::new(maker),
            promised: RefCell::default(),
            budget: Rc::default(),
        }
    }

    /// Whether no message of the plan is built apart.
    pub(in crate::engine) fn is_idle(&self) -> bool {
        self.maker.borrow().is_none()
    }

    /// Whether messages of this kind are built apart.
    pub(in crate::engine) fn builds(&self, message: MessageId) -> bool {
        self.apart.get(message.index()).is_some_and(Option::is_some)
    }

    /// Has a message built that is due.
    pub(in crate::engine) fn build(&self, commission: Commission) -> Promise {
        self.promise(commission, None)
    }

    /// Has a message built before it is due, as far as that is allowed.
    pub(in crate::engine) fn build_early(&self, commission: Commission) -> Option<Promise> {
        let octets = self.apart.get(commission.message.index()).copied().flatten()?;
        let claim = self.budget.claim(octets)?;
        Some(self.promise(commission, Some(claim)))
    }

    fn promise(&self, commission: Commission, claim: Option<Claim>) -> Promise {
        let (promise, place) = Promise::new(claim);
        self.promised.borrow_mut().push_back(place);
        let job = Job {
            mail: self.books.large_mail(commission.message),
            commission,
            wanted: promise.wanted(),
        };
        let maker = self.maker.borrow();
        if maker.as_ref().is_none_or(|maker| maker.jobs.send(job).is_err()) {
            self.break_promises();
        }
        promise
    }

    /// Takes what was built meanwhile; its sessions are told.
    pub(in crate::engine) fn collect(&self) {
        loop {
            let built = match self.maker.borrow_mut().as_mut() {
                Some(maker) => maker.built.try_recv(),
                None => return,
            };
            let Ok(built) = built else { return };
            self.keep(built);
        }
    }

    /// Waits until something is built, and takes it. Cancel safe.
    pub(in crate::engine) async fn built(&self) {
        poll_fn(|context| self.poll_built(context)).await;
    }

    fn poll_built(&self, context: &mut Context<'_>) -> Poll<()> {
        let built = match self.maker.borrow_mut().as_mut() {
            Some(maker) => std::task::ready!(maker.built.poll_recv(context)),
            None => return Poll::Pending,
        };
        if let Some(built) = built {
            self.keep(built);
        } else {
            // A maker that is gone would say so for ever.
            self.maker.take();
            self.break_promises();
        }
        Poll::Ready(())
    }

    fn keep(&self, built: Built) {
        let place = self.promised.borrow_mut().pop_front();
        match (place.and_then(|place| place.upgrade()), built) {
            (Some(pending), built) => pending.keep(built),
            (None, Ok(mail)) => self.books.reuse_large(mail),
            (None, Err(_)) => {}
        }
    }

    fn break_promises(&self) {
        for place in self.promised.take() {
            if let Some(pending) = place.upgrade() {
                pending.keep(Err("the thread that builds messages is gone".to_owned()));
            }
        }
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        if let Some(maker) = self.maker.take() {
            maker.end();
        }
    }
}
