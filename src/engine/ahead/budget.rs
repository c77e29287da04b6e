//! How much may be built before anybody needs it.

use std::cell::Cell;
use std::rc::Rc;

/// The most mails of one worker that are built before they are due.
const MOST: u32 = 32;
/// The most octets that they hold together; a single mail may hold more.
const MOST_OCTETS: u64 = 64 << 20;

/// What one worker's mails hold that are built, or being built, before they are due.
#[derive(Debug, Default)]
pub(super) struct Budget {
    mails: Cell<u32>,
    octets: Cell<u64>,
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    budget: Rc<Budget>,
    octets: u64,
}

impl Budget {
    /// Takes the part of one mail of about so many octets, if that is left.
    pub(super) fn claim(self: &Rc<Self>, octets: u64) -> Option<Claim> {
        let (mails, held) = (self.mails.get(), self.octets.get());
        let fits = mails < MOST && held.saturating_add(octets) <= MOST_OCTETS;
        if mails > 0 && !fits {
            return None;
        }
        self.mails.set(mails + 1);
        self.octets.set(held.saturating_add(octets));
        Some(Claim { budget: Rc::clone(self), octets })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Self { budget, octets } = self;
        budget.mails.set(budget.mails.get().saturating_sub(1));
        budget.octets.set(budget.octets.get().saturating_sub(*octets));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_mails_fit_and_no_more() {
        let budget = Rc::new(Budget::default());

        let claims: Vec<Claim> = std::iter::from_fn(|| budget.claim(1 << 20)).collect();

        assert_eq!(claims.len(), 32);
        drop(claims);
        assert!(budget.claim(1).is_some());
    }

    #[test]
    fn so_many_octets_fit_and_one_mail_whatever_its_size() {
        let budget = Rc::new(Budget::default());

        let claims: Vec<Claim> = std::iter::from_fn(|| budget.claim(10 << 20)).collect();
        assert_eq!(claims.len(), 6);
        drop(claims);

        let one = budget.claim(u64::MAX).unwrap();
        assert!(budget.claim(1).is_none());
        drop(one);
        assert_eq!((budget.mails.get(), budget.octets.get()), (0, 0));
    }
}
